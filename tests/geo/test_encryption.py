"""Sealed values open in their own place with their own key, and tell nothing otherwise."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import LargeBinary
from sqlalchemy.orm import Session

from geo.ciphers import add_cipher, get_cipher
from geo.encryption import (
    KEYS,
    blind_index,
    blind_indexes,
    key_id_of,
    keys_of,
    seal,
    seal_text,
    unseal,
    unseal_text,
)
from geo.errors import InvalidInput, KeyMissing, SealBroken
from geo.keys import KeyRing
from geo.sealed_columns import SEALED_COLUMNS, SealedColumn
from geo.tables import Base

NOW = datetime(2026, 6, 1, tzinfo=UTC)
RING = KeyRing.of_chance(now=NOW)
PHONE = SealedColumn(
    "person", "phone_sealed", index_column="phone_index", index_kind="phone",
    normalise=lambda text: text.replace(" ", ""),
)  # fmt: skip
SECRET = "13800000000"


@given(
    st.binary(max_size=300), st.integers(min_value=1), st.sampled_from(["aes-256-gcm", "sm4-gcm"])
)
def test_unsealing_undoes_sealing(plain: bytes, row_id: int, cipher: str) -> None:
    ring = KeyRing.of_chance(now=NOW, cipher=cipher)
    sealed = seal(ring, PHONE, row_id, plain)
    assert unseal(ring, PHONE, row_id, sealed) == plain
    assert seal(ring, PHONE, row_id, plain) != sealed  # a nonce of chance
    assert key_id_of(sealed) == ring.current("seal").id
    assert len(plain) < 8 or plain not in sealed


@pytest.mark.parametrize("cipher", ["aes-256-gcm", "sm4-gcm"])
def test_a_sealed_value_opens_in_its_own_place_only(cipher: str) -> None:
    ring = KeyRing.of_chance(now=NOW, cipher=cipher)
    sealed = seal_text(ring, PHONE, 7, SECRET)
    for column, row_id in (
        (PHONE, 8), (replace(PHONE, column="other_sealed"), 7), (replace(PHONE, table="other"), 7),
    ):  # fmt: skip
        with pytest.raises(SealBroken) as caught:
            unseal(ring, column, row_id, sealed)
        assert SECRET not in caught.value.message + repr(caught.value.facts)
        assert caught.value.__cause__ is None
    assert unseal_text(ring, PHONE, 7, sealed) == SECRET


@given(st.data())
def test_a_changed_value_does_not_open(data: st.DataObject) -> None:
    sealed = seal_text(RING, PHONE, 7, SECRET)
    at = data.draw(st.integers(0, len(sealed) - 1))
    bit = data.draw(st.integers(0, 7))
    changed = sealed[:at] + bytes([sealed[at] ^ (1 << bit)]) + sealed[at + 1 :]
    with pytest.raises((SealBroken, KeyMissing)):
        unseal(RING, PHONE, 7, changed)
    with pytest.raises((SealBroken, KeyMissing)):
        unseal(RING, PHONE, 7, sealed[:at])


@given(st.binary(max_size=60))
def test_bytes_that_were_never_sealed_are_said_to_be_so(junk: bytes) -> None:
    with pytest.raises((SealBroken, KeyMissing)):
        unseal(RING, PHONE, 7, junk)


def test_a_new_key_seals_and_the_old_one_still_opens() -> None:
    before = seal_text(RING, PHONE, 7, SECRET)
    ring = RING.with_new("seal", now=NOW, cipher="sm4-gcm")
    after = seal_text(ring, PHONE, 7, SECRET)
    assert key_id_of(before) != key_id_of(after)
    assert unseal_text(ring, PHONE, 7, before) == unseal_text(ring, PHONE, 7, after) == SECRET
    with pytest.raises(KeyMissing, match=str(key_id_of(after))) as caught:
        unseal(RING, PHONE, 7, after)
    assert "copy kept elsewhere" in caught.value.message


def test_a_blind_index_tells_what_is_equal_and_of_one_kind() -> None:
    same = replace(PHONE, table="dwelling", column="landlord_phone_sealed")
    other = replace(PHONE, index_kind="identity_number")
    assert blind_index(RING, PHONE, "138 0000 0000") == blind_index(RING, PHONE, SECRET)
    assert blind_index(RING, same, SECRET) == blind_index(RING, PHONE, SECRET)
    assert blind_index(RING, other, SECRET) != blind_index(RING, PHONE, SECRET)
    assert blind_index(RING, PHONE, "13800000001") != blind_index(RING, PHONE, SECRET)
    changed = RING.with_new("index", now=NOW)
    assert blind_indexes(changed, PHONE, SECRET) == [
        blind_index(changed, PHONE, SECRET), blind_index(RING, PHONE, SECRET),
    ]  # fmt: skip


def test_no_key_is_shown_by_what_holds_it() -> None:
    for key in RING.keys:
        assert "secret" not in repr(RING)
        assert key.secret.hex() not in key.check


def test_a_cipher_of_another_package_is_taken() -> None:
    class Reversed:
        name = "reversed"
        key_bytes = 1

        def seal(self, secret: bytes, plain: bytes, associated: bytes) -> bytes:
            return associated + plain[::-1]

        def unseal(self, secret: bytes, sealed: bytes, associated: bytes) -> bytes:
            if not sealed.startswith(associated):
                raise ValueError("another place")
            return sealed[len(associated) :][::-1]

    with pytest.raises(InvalidInput, match="aes-256-gcm, sm4-gcm"):
        get_cipher("reversed")
    add_cipher(Reversed())
    ring = KeyRing.of_chance(now=NOW, cipher="reversed")
    sealed = seal_text(ring, PHONE, 7, SECRET)
    assert unseal_text(ring, PHONE, 7, sealed) == SECRET
    with pytest.raises(SealBroken):
        unseal(ring, PHONE, 8, sealed)


def test_a_session_without_keys_says_so(session: Session) -> None:
    assert keys_of(session).current("seal").use == "seal"
    bare = Session(info={KEYS: None})
    with pytest.raises(KeyMissing, match="open_database"):
        keys_of(bare)


def test_every_sealed_column_of_the_tables_is_rotated() -> None:
    def named(suffix: str) -> set[tuple[str, str]]:
        return {
            (table.name, column.name)
            for table in Base.metadata.tables.values()
            for column in table.columns
            if column.name.endswith(suffix) and isinstance(column.type, LargeBinary)
        }

    listed: set[Any] = {(each.table, each.column) for each in SEALED_COLUMNS}
    indexes: set[Any] = {(e.table, e.index_column) for e in SEALED_COLUMNS if e.index_column}
    assert named("_sealed") == listed
    assert named("_index") == indexes
    for each in SEALED_COLUMNS:
        assert each.row_key in Base.metadata.tables[each.table].columns
        assert bool(each.index_column) == bool(each.index_kind)
