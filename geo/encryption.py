"""Sealing values: what the database keeps of an identity number, a phone or a secret.

A sealed value is one byte with the length of the key's id, the id, and what the key's cipher made
of the value. It is bound to its place (table, column, row): put into another row it doesn't open.
A blind index, for looking up what is equal, is the same head and HMAC-SHA256 of the kind of value
and the normalised value under an `index` key. It tells what is equal and nothing else, but who can
ask it often enough can guess an identity number: look-ups are limited and audited.

No value is in any error or log of this file.
"""

from __future__ import annotations

import hashlib
import hmac

from sqlalchemy.orm import Session

from geo.ciphers import get_cipher
from geo.errors import KeyMissing, SealBroken
from geo.keys import Key, KeyRing
from geo.sealed_columns import SealedColumn

KEYS = "keys"  # in a session's `info`: a function that returns the ring of now


def keys_of(session: Session) -> KeyRing:
    """Return the keys that a session's store is sealed with.

    Raises
    ------
    KeyMissing : the store was opened without keys, or its key file is gone
    """
    source = session.info.get(KEYS)
    if source is None:
        raise KeyMissing(
            "This store was opened without keys, so that nothing sealed can be read or written. "
            "Open it through geo.store.database.open_database."
        )
    ring: KeyRing = source()
    return ring


def seal(ring: KeyRing, column: SealedColumn, row_id: int, plain: bytes) -> bytes:
    """Return a value as the database keeps it, in this column of this row and nowhere else."""
    key = ring.current("seal")
    return _head(key) + get_cipher(key.cipher).seal(key.secret, plain, _place(column, row_id))


def unseal(ring: KeyRing, column: SealedColumn, row_id: int, sealed: bytes) -> bytes:
    """Return the value that was sealed.

    Raises
    ------
    KeyMissing : the ring has not the key it was sealed with
    SealBroken : it was changed, or sealed for another place
    """
    key_id, rest = _parted(sealed)
    key = ring.get(key_id) if key_id else None
    try:
        if key is None:
            raise ValueError("no key id")
        return get_cipher(key.cipher).unseal(key.secret, rest, _place(column, row_id))
    except ValueError:
        raise SealBroken(
            f"{column.table}.{column.column} of row {row_id} doesn't open: it was changed outside "
            "of this program, belongs to another row, or its key file holds another key of the "
            "same id. Take the row from a backup.",
            table=column.table,
            column=column.column,
            row_id=row_id,
        ) from None


def seal_text(ring: KeyRing, column: SealedColumn, row_id: int, plain: str) -> bytes:
    """Return a text as the database keeps it; see `seal`."""
    return seal(ring, column, row_id, plain.encode())


def unseal_text(ring: KeyRing, column: SealedColumn, row_id: int, sealed: bytes) -> str:
    """Return the text that was sealed; see `unseal`."""
    return unseal(ring, column, row_id, sealed).decode()


def blind_index(ring: KeyRing, column: SealedColumn, plain: str) -> bytes:
    """Return the blind index to store beside a sealed text."""
    return _index(ring.current("index"), column, plain)


def blind_indexes(ring: KeyRing, column: SealedColumn, plain: str) -> list[bytes]:
    """Return the blind indexes under which a text may stand: `column.in_(…)` finds it.

    More than one while the index key is being changed.
    """
    return [_index(key, column, plain) for key in ring.all_of("index")]


def key_id_of(sealed: bytes) -> str | None:
    """Return the id of the key that sealed a value or made an index, None where it is neither."""
    return _parted(sealed)[0]


def sealed_head(key: Key) -> bytes:
    """Return how everything begins that this key sealed."""
    return _head(key)


def _index(key: Key, column: SealedColumn, plain: str) -> bytes:
    said = f"{column.index_kind}:{column.normalise(plain)}".encode()
    return _head(key) + hmac.new(key.secret, said, hashlib.sha256).digest()


def _head(key: Key) -> bytes:
    return bytes([len(key.id)]) + key.id.encode("ascii")


def _parted(sealed: bytes) -> tuple[str | None, bytes]:
    size = sealed[0] if sealed else 0
    said = sealed[1 : 1 + size]
    if not size or len(said) != size or not said.isascii():
        return None, b""
    return said.decode("ascii"), sealed[1 + size :]


def _place(column: SealedColumn, row_id: int) -> bytes:
    return f"{column.table}.{column.column}:{row_id}".encode()
