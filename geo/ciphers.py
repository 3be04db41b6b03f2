"""Ciphers that seal values: a plug-in point, since a deployment may be told which one to use.

A cipher is authenticated encryption with associated data. Two are here; another package brings
its own under the entry point group `gridbeat.ciphers`, or calls `add_cipher`.
"""

from __future__ import annotations

import os
from importlib.metadata import entry_points
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher as RawCipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from cryptography.hazmat.primitives.ciphers.modes import GCM

from geo.errors import InvalidInput

NONCE_BYTES = 12  # NIST SP 800-38D, 8.2; of chance, so at most 2**32 values a key
TAG_BYTES = 16
DEFAULT_CIPHER = "aes-256-gcm"
ENTRY_POINTS = "gridbeat.ciphers"


class Cipher(Protocol):
    """Authenticated encryption with associated data."""

    name: str
    key_bytes: int

    def seal(self, secret: bytes, plain: bytes, associated: bytes) -> bytes:
        """Return what `unseal` opens; another one each time."""

    def unseal(self, secret: bytes, sealed: bytes, associated: bytes) -> bytes:
        """Return the plain bytes; ValueError where key, bytes or associated data are others."""


class Aes256Gcm:
    """AES with 256 bits in Galois counter mode (NIST SP 800-38D)."""

    name = "aes-256-gcm"
    key_bytes = 32

    def seal(self, secret: bytes, plain: bytes, associated: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + AESGCM(secret).encrypt(nonce, plain, associated)

    def unseal(self, secret: bytes, sealed: bytes, associated: bytes) -> bytes:
        nonce, rest = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        try:
            return AESGCM(secret).decrypt(nonce, rest, associated)
        except InvalidTag:
            raise ValueError("not sealed by this key for this place") from None


class Sm4Gcm:
    """SM4 in Galois counter mode (GB/T 32907-2016, RFC 8998)."""

    name = "sm4-gcm"
    key_bytes = 16

    def seal(self, secret: bytes, plain: bytes, associated: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        work = RawCipher(SM4(secret), GCM(nonce)).encryptor()
        work.authenticate_additional_data(associated)
        return nonce + work.update(plain) + work.finalize() + work.tag

    def unseal(self, secret: bytes, sealed: bytes, associated: bytes) -> bytes:
        if len(sealed) < NONCE_BYTES + TAG_BYTES:
            raise ValueError("too short to be sealed")
        nonce, tag = sealed[:NONCE_BYTES], sealed[-TAG_BYTES:]
        work = RawCipher(SM4(secret), GCM(nonce, tag)).decryptor()
        work.authenticate_additional_data(associated)
        try:
            return work.update(sealed[NONCE_BYTES:-TAG_BYTES]) + work.finalize()
        except InvalidTag:
            raise ValueError("not sealed by this key for this place") from None


_CIPHERS: dict[str, Cipher] = {cipher.name: cipher for cipher in (Aes256Gcm(), Sm4Gcm())}


def add_cipher(cipher: Cipher) -> None:
    """Let keys name this cipher."""
    _CIPHERS[cipher.name] = cipher


def get_cipher(name: str) -> Cipher:
    """Return a cipher by name.

    Raises
    ------
    InvalidInput : there is none of this name, here or in another package
    """
    if name not in _CIPHERS:
        for found in entry_points(group=ENTRY_POINTS, name=name):
            add_cipher(found.load()())
    if name not in _CIPHERS:
        raise InvalidInput(
            f"The cipher is “{name[:40]}”, wanted one of {', '.join(_CIPHERS)}. Another one comes "
            f"with a package that names it under the entry point {ENTRY_POINTS}.",
            field="cipher",
        )
    return _CIPHERS[name]
