"""Changing keys seals everything anew, goes on where it was stopped, and loses nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from geo import accounts, key_rotation
from geo.encryption import blind_index, blind_indexes, key_id_of, seal_text, unseal_text
from geo.errors import Conflict, JobRunning, KeyMissing
from geo.key_rotation import go_on_rotating, key_uses, retire_key, rotate_keys
from geo.keys import KeyFile, KeyRing
from geo.sealed_columns import TOTP_SECRET, SealedColumn
from geo.settings import Settings
from geo.store.cluster import OWNER_ROLE, EmbeddedCluster
from geo.store.database import Database, make_engine
from geo.store.key_notes import note_first_keys, noted_keys, open_keys
from tests.conftest import copied_database

NOW = datetime(2026, 6, 1, tzinfo=UTC)
PHONE = SealedColumn(
    "example", "phone_sealed", index_column="phone_index", index_kind="phone"
)  # fmt: skip
COUNT = 25


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    file = KeyFile(tmp_path / "keys.json")
    file.make(KeyRing.of_chance(now=NOW))
    return file


@pytest.fixture
def store(
    cluster: EmbeddedCluster, file: KeyFile, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Database]:
    """A store with 25 sealed phones and one secret of a second factor; batches of ten."""
    monkeypatch.setattr(key_rotation, "SEALED_COLUMNS", (TOTP_SECRET, PHONE))
    monkeypatch.setattr(key_rotation, "BATCH_ROWS", 10)
    with copied_database(cluster) as copied:
        name = str(copied.engine.url.database)
        owner = make_engine(cluster.url(OWNER_ROLE, name), pool_size=1)
        with owner.begin() as connection:
            connection.execute(
                text("CREATE TABLE example (id bigint, phone_sealed bytea, phone_index bytea)")
            )
            connection.execute(text("GRANT ALL ON example TO gridbeat_app"))
        note_first_keys(owner, file.ring())
        owner.dispose()
        store = Database(copied.engine, file.ring)
        with store.session() as session:
            account = accounts.create_account(
                session, "wang", "example-password", role="chief", totp_secret=b"x" * 20
            )
            assert account.totp_secret_sealed is not None
            add_phones(session, file.ring(), range(COUNT))
            session.execute(text("INSERT INTO example VALUES (1000, NULL, NULL)"))
        yield store


def add_phones(session: Any, ring: KeyRing, numbers: range) -> None:
    for number in numbers:
        values = {
            "id": number,
            "sealed": seal_text(ring, PHONE, number, phone(number)),
            "index": blind_index(ring, PHONE, phone(number)),
        }
        session.execute(text("INSERT INTO example VALUES (:id, :sealed, :index)"), values)


def phone(number: int) -> str:
    return f"1380000{number:04}"


def check_all(store: Database, file: KeyFile) -> None:
    """Everything opens, is sealed and indexed by the current keys, and is found."""
    ring = file.ring()
    with store.session() as session:
        rows = session.execute(text("SELECT * FROM example WHERE id < 1000 ORDER BY id")).all()
        assert len(rows) == COUNT
        for number, sealed, index in rows:
            assert unseal_text(ring, PHONE, number, sealed) == phone(number)
            assert index == blind_index(ring, PHONE, phone(number))
        (sealed_by,) = {key_id_of(row.phone_sealed) for row in rows}
        assert sealed_by == ring.current("seal").id
        account = accounts.get_account(session, "wang")
        assert accounts.totp_secret_of(session, account) == b"x" * 20
        assert {use.key_id: use.count for use in key_uses(session)} == {
            ring.current("seal").id: COUNT + 1, ring.current("index").id: COUNT,
        }  # fmt: skip


def test_everything_is_sealed_anew_under_new_keys(store: Database, file: KeyFile) -> None:
    before = file.ring()
    told: list[tuple[int, int | None]] = []
    done = rotate_keys(
        store, file, now=NOW, cipher="sm4-gcm", progress=lambda *each: told.append(each)
    )
    assert (done.done, done.broken) == (COUNT + 1, [])
    assert told[-1] == (COUNT + 1, COUNT + 1)
    assert len(told) >= 4  # one row, then three batches
    assert file.ring().current("seal").cipher == "sm4-gcm"
    assert not {key.id for key in before.keys} & {
        file.ring().current(use).id for use in ("seal", "index")
    }
    check_all(store, file)
    assert go_on_rotating(store, file).done == 0


def test_the_index_alone_can_be_changed(store: Database, file: KeyFile) -> None:
    sealing = file.ring().current("seal")
    assert rotate_keys(store, file, now=NOW, uses=["index"]).done == COUNT
    assert file.ring().current("seal") == sealing
    check_all(store, file)


def test_a_stopped_rotation_goes_on_and_all_is_found_meanwhile(
    store: Database, file: KeyFile
) -> None:
    def stop(done: int, total: int | None) -> None:
        if done > 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rotate_keys(store, file, now=NOW, progress=stop)
    ring = file.ring()
    with store.session() as session:
        for number in range(COUNT):
            indexes = blind_indexes(ring, PHONE, phone(number))
            found = session.execute(
                text("SELECT id, phone_sealed FROM example WHERE phone_index = ANY(:indexes)"),
                {"indexes": indexes},
            ).one()
            assert unseal_text(ring, PHONE, found.id, found.phone_sealed) == phone(number)
    assert 0 < go_on_rotating(store, file).done < COUNT
    check_all(store, file)


def test_a_value_that_does_not_open_is_named_and_kept(store: Database, file: KeyFile) -> None:
    with store.session() as session:
        session.execute(
            text("UPDATE example SET phone_sealed = (SELECT phone_sealed FROM example WHERE id = 4)"
                 " WHERE id = 3")
        )  # fmt: skip
    old = file.ring().current("seal").id
    done = rotate_keys(store, file, now=NOW)
    assert done.broken == [("example.phone_sealed", 3)]
    assert done.done == COUNT
    with pytest.raises(Conflict, match="still seals 1 values"):
        retire_key(store, file, old, now=NOW + timedelta(hours=2))


def test_a_key_is_retired_when_nothing_needs_it(store: Database, file: KeyFile) -> None:
    old = file.ring().current("seal").id
    with pytest.raises(Conflict, match="current one"):
        retire_key(store, file, old, now=NOW)
    rotate_keys(store, file, now=NOW)
    with pytest.raises(Conflict, match="an hour after"):
        retire_key(store, file, old, now=NOW + timedelta(minutes=59))
    retire_key(store, file, old, now=NOW + timedelta(minutes=61))
    assert old not in {key.id for key in file.ring().keys}
    with store.engine.connect() as connection:
        assert noted_keys(connection) == {key.id: key.check for key in file.ring().keys}
    check_all(store, file)


def test_two_rotations_do_not_run_at_a_time(store: Database, file: KeyFile) -> None:
    def another(done: int, total: int | None) -> None:
        with pytest.raises(JobRunning):
            go_on_rotating(store, file)

    rotate_keys(store, file, now=NOW, progress=another)


def test_a_lost_or_foreign_key_file_is_not_replaced_by_a_new_one(
    store: Database, file: KeyFile, tmp_path: Path
) -> None:
    engine = store.engine
    assert open_keys(engine, file, now=NOW) == file.ring()
    away = KeyFile(tmp_path / "away.json")
    with pytest.raises(KeyMissing, match="copy kept elsewhere"):
        open_keys(engine, away, now=NOW)
    assert not away.path.exists()
    away.make(KeyRing.of_chance(now=NOW))
    with pytest.raises(KeyMissing, match="no key of that id"):
        open_keys(engine, away, now=NOW)
    imitated = KeyRing(
        tuple(
            type(key)(key.id, key.use, key.cipher, bytes(32), key.made_at)
            for key in file.ring().keys
        )
    )
    away.change(imitated)
    with pytest.raises(KeyMissing, match="another key of that id"):
        open_keys(engine, away, now=NOW)


def test_the_file_lies_in_the_data_folder_or_where_the_setting_says(tmp_path: Path) -> None:
    assert Settings(data_folder=tmp_path).key_file_path == tmp_path / "keys.json"
    assert Settings(keys_file=tmp_path / "x").key_file_path == tmp_path / "x"
