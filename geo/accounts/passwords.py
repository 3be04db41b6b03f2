"""Passwords, as argon2id hashes, and secrets that only chance knows.

Source: RFC 9106, section 4 (the library's choice of parameters); OWASP ASVS 5.0, 6.2
"""

from __future__ import annotations

import hashlib
import secrets
from functools import cache

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from geo.errors import InvalidInput

PASSWORD_CHARS_MIN = 10
PASSWORD_CHARS_MAX = 128
_TOKEN_BYTES = 32
_HASHER = PasswordHash((Argon2Hasher(),))


def hash_password(password: str) -> str:
    """Return the hash to keep of a password.

    Raises
    ------
    InvalidInput : too short or too long; the text of the password is in no message
    """
    if not PASSWORD_CHARS_MIN <= len(password) <= PASSWORD_CHARS_MAX:
        raise InvalidInput(
            f"The password has {len(password)} characters, wanted {PASSWORD_CHARS_MIN} to "
            f"{PASSWORD_CHARS_MAX}.",
            field="password",
        )
    return _HASHER.hash(password)


def verify_password(password: str, kept: str | None) -> tuple[bool, str | None]:
    """Return whether a password is right, and a better hash to keep instead, if there is one.

    Where there is no account, `kept` is None: it takes as long, so that time tells nothing.
    """
    if len(password) > PASSWORD_CHARS_MAX:
        password = ""
    is_right, better = _HASHER.verify_and_update(password, kept or _some_hash())
    return (is_right, better) if kept else (False, None)


def new_token() -> str:
    """Return a secret of 256 bits."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def token_hash(token: str) -> bytes:
    """Return what is kept of a token. Chance made it, so that a quick hash is enough."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def new_password() -> str:
    """Return a password for a person to type once: 100 bits, no letters that look alike."""
    return "-".join(
        "".join(secrets.choice("abcdefghjkmnpqrstuvwxyz23456789") for _ in range(5))
        for _ in range(4)
    )


@cache
def _some_hash() -> str:
    return _HASHER.hash(new_token())
