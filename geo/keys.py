"""The keys that seal values: a file outside of the database, several keys by id, one current a use.

Two uses: `seal` keys encrypt, `index` keys make blind indexes. What a key sealed names the key, so
that a new one can take over while the old one still opens what it sealed.

The file is JSON, readable by its owner alone. Who has it and the database reads everything; who has
lost it has lost what is sealed. It is replaced as a whole and read anew when it changed, so that a
server that runs takes up a new key at once.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import os
import secrets
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from geo.ciphers import DEFAULT_CIPHER, get_cipher
from geo.errors import Conflict, InvalidFile, InvalidInput, KeyMissing

FILE_NAME = "keys.json"
KEY_ID_CHARS_MAX = 40
INDEX_KEY_BYTES = 32
INDEX_CIPHER = "hmac-sha256"
_NOT_FOR_OTHERS = 0o027  # a group may read, as a mounted secret's does; nobody else may anything

Use = Literal["seal", "index"]
USES: tuple[Use, ...] = ("seal", "index")


@dataclass(frozen=True, slots=True)
class Key:
    """One key. `superseded_at` is missing while it is the current one of its use."""

    id: str
    use: Use
    cipher: str
    secret: bytes = field(repr=False)
    made_at: datetime
    superseded_at: datetime | None = None

    @property
    def check(self) -> str:
        """What tells that it is this key, and nothing of the key."""
        return hmac.new(self.secret, b"gridbeat key check", hashlib.sha256).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys of a deployment."""

    keys: tuple[Key, ...]

    @classmethod
    def of_chance(cls, *, now: datetime, cipher: str = DEFAULT_CIPHER) -> KeyRing:
        """Return a ring with a new key of each use."""
        ring = cls(())
        for use in USES:
            ring = ring.with_new(use, now=now, cipher=cipher)
        return ring

    def get(self, key_id: str) -> Key:
        """Return a key by id.

        Raises
        ------
        KeyMissing : the ring has none of this id
        """
        for key in self.keys:
            if key.id == key_id:
                return key
        raise KeyMissing(
            f"A value is sealed with key {key_id}, which the key file has not. Put back the file "
            "that held it, from the copy kept elsewhere.",
            key_id=key_id,
        )

    def current(self, use: Use) -> Key:
        """Return the key that seals, or indexes, what is written from now on.

        Raises
        ------
        KeyMissing : the ring has none
        """
        for key in self.keys:
            if key.use == use and key.superseded_at is None:
                return key
        raise KeyMissing(
            f"The key file has no current key to {use}. Make one: gridbeat keys rotate."
        )

    def all_of(self, use: Use) -> tuple[Key, ...]:
        """Return the keys of a use, the current one first."""
        found = [key for key in self.keys if key.use == use]
        return tuple(sorted(found, key=lambda key: key.superseded_at is not None))

    def with_new(self, use: Use, *, now: datetime, cipher: str = DEFAULT_CIPHER) -> KeyRing:
        """Return this ring with a new key, current from now on.

        Raises
        ------
        InvalidInput : there is no such cipher
        """
        chosen = cipher if use == "seal" else INDEX_CIPHER
        size = get_cipher(cipher).key_bytes if use == "seal" else INDEX_KEY_BYTES
        new_id = f"{use}-{now.astimezone(UTC):%Y%m%d}-{secrets.token_hex(3)}"
        new = Key(new_id, use, chosen, secrets.token_bytes(size), now)
        before = (
            replace(key, superseded_at=now) if key.use == use and key.superseded_at is None else key
            for key in self.keys
        )
        return KeyRing((*before, new))

    def without(self, key_id: str) -> KeyRing:
        """Return this ring without a key that is no longer needed.

        Raises
        ------
        KeyMissing : it has none of this id
        Conflict : it is the current one
        """
        gone = self.get(key_id)
        if gone.superseded_at is None:
            raise Conflict(
                f"Key {key_id} is the current one. Make another first: gridbeat keys rotate.",
                key_id=key_id,
            )
        return KeyRing(tuple(key for key in self.keys if key.id != key_id))


class KeyFile:
    """The file of a ring; `ring()` is always what the file holds now."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._seen: tuple[int, int, int] | None = None
        self._ring = KeyRing(())

    def ring(self) -> KeyRing:
        """Return the keys of the file.

        Raises
        ------
        KeyMissing : there is no file, or it can't be read by this user
        InvalidFile : it is damaged, or others may read it
        """
        with self._lock:
            try:
                stat = self.path.stat()
                as_now = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
                if as_now != self._seen:
                    self._ring = _read(self.path, stat.st_mode)
                    self._seen = as_now
            except FileNotFoundError:
                raise KeyMissing(
                    f"The key file {self.path.name} is not there. Without it nothing sealed can be "
                    "read. Put it back into the data folder from the copy kept elsewhere, "
                    "or name its place: GRIDBEAT_KEYS_FILE."
                ) from None
            except PermissionError:
                raise KeyMissing(
                    f"The key file {self.path.name} can't be read by this user. Start as the user "
                    "who owns it, or give it to this one."
                ) from None
            return self._ring

    def make(self, ring: KeyRing) -> KeyRing:
        """Write the file of a first start; where another process was first, its keys count.

        Raises
        ------
        InvalidInput : its folder can't be written
        """
        with _written(self.path, ring) as new, contextlib.suppress(FileExistsError):
            os.link(new, self.path)
        return self.ring()

    def change(self, ring: KeyRing) -> KeyRing:
        """Put another ring in its place, at once and whole.

        Raises
        ------
        InvalidInput : its folder can't be written
        """
        with _written(self.path, ring) as new:
            new.replace(self.path)
        return self.ring()


@contextlib.contextmanager
def _written(path: Path, ring: KeyRing) -> Iterator[Path]:
    """A file beside `path` that holds the ring, on disk; gone at the end if it is still there."""
    new: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".keys-", dir=path.parent)  # mode 0600
        new = Path(name)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump({"keys": [_as_json(key) for key in ring.keys]}, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        yield new
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise InvalidInput(
            f"The key file {path} can't be written: {error.strerror}. Wanted a folder that this "
            "user may write to; GRIDBEAT_KEYS_FILE names another place."
        ) from None
    finally:
        if new is not None:
            new.unlink(missing_ok=True)


def _as_json(key: Key) -> dict[str, str | None]:
    return {
        "id": key.id,
        "use": key.use,
        "cipher": key.cipher,
        "secret": base64.b64encode(key.secret).decode(),
        "made_at": key.made_at.isoformat(),
        "superseded_at": key.superseded_at.isoformat() if key.superseded_at else None,
    }


def _read(path: Path, mode: int) -> KeyRing:
    if mode & _NOT_FOR_OTHERS:
        raise InvalidFile(
            f"The key file {path.name} may be read by others (mode {mode & 0o777:o}). Close it: "
            f"chmod 600 {path.name}"
        )
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        keys = tuple(_of_json(each) for each in said["keys"])
    except (ValueError, KeyError, TypeError, AttributeError):
        keys = ()
    sound = keys and len({key.id for key in keys}) == len(keys)
    for use in USES:
        sound = sound and sum(k.use == use and k.superseded_at is None for k in keys) == 1
    if not sound:
        raise InvalidFile(
            f"The key file {path.name} can't be read: wanted JSON with `keys`, each of its "
            "own id, one current of each use. Put it back from the copy kept elsewhere."
        )
    return KeyRing(keys)


def _of_json(said: dict[str, str | None]) -> Key:
    use, key_id, cipher = said["use"], str(said["id"]), str(said["cipher"])
    secret = base64.b64decode(str(said["secret"]), validate=True)
    if use not in USES or not (key_id.isascii() and 1 <= len(key_id) <= KEY_ID_CHARS_MAX):
        raise ValueError("no key")
    size = get_cipher(cipher).key_bytes if use == "seal" else INDEX_KEY_BYTES
    if len(secret) != size:
        raise ValueError("a secret of another size")
    superseded = said.get("superseded_at")
    return Key(
        key_id,
        use,
        cipher,
        secret,
        datetime.fromisoformat(str(said["made_at"])),
        datetime.fromisoformat(superseded) if superseded else None,
    )
