"""One-time codes by the clock (TOTP), the second factor.

Source: RFC 6238; six digits, SHA-1, 30 s, which every authenticator application knows
"""

from __future__ import annotations

import secrets
from datetime import datetime

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

STEP_S = 30
DIGITS = 6
SECRET_BYTES = 20
STEPS_ASIDE = 1  # a clock that is off by half a minute, or a slow typist


def new_totp_secret() -> bytes:
    """Return a secret to share with an authenticator application."""
    return secrets.token_bytes(SECRET_BYTES)


def totp_uri(secret: bytes, account_name: str) -> str:
    """Return what an authenticator application reads, as text or as a QR code."""
    return _totp(secret).get_provisioning_uri(account_name, "GridBeat")


def totp_code(secret: bytes, now: datetime) -> str:
    """Return the code of a moment."""
    return _totp(secret).generate(int(now.timestamp())).decode()


def matching_step(
    secret: bytes, code: str, *, now: datetime, after: int | None = None
) -> int | None:
    """Return the step of time whose code this is, None where it is none of now.

    Parameters
    ----------
    after : the last step whose code was taken; a code counts once
    """
    step = int(now.timestamp()) // STEP_S
    found = None
    for near in range(step - STEPS_ASIDE, step + STEPS_ASIDE + 1):
        right = _totp(secret).generate(near * STEP_S).decode()
        same = secrets.compare_digest(right.encode(), code.encode("utf-8", "replace"))
        if same and (after is None or near > after):
            found = near
    return found


def _totp(secret: bytes) -> TOTP:
    return TOTP(secret, DIGITS, SHA1(), STEP_S)  # noqa: S303 - what RFC 6238 and the applications use
