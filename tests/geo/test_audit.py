"""The audit log: written with what it records, read by function only, and it tells of a change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlalchemy.orm import Session

from geo.audit import Access, audited, canonical_bytes, make_partitions, read_log, record
from geo.audit_anchors import FILE_NAME, anchor, load_heads, read_anchors
from geo.audit_check import AuditCheck, check_audit
from geo.errors import InvalidFile, InvalidInput, PurposeMissing
from geo.store.cluster import OWNER_ROLE, EmbeddedCluster
from geo.store.database import Database, make_engine
from geo.tables import AUDIT_CHAINS, AuditEntry

WORKER = Access("wang", "10.0.0.7", "走访", "case-1", "r1")
AUDITOR = Access("auditor", "10.0.0.9", "每月检查")
NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def owner(cluster: EmbeddedCluster, database: Database) -> Iterator[Engine]:
    """Who can write the tables: the attacker of these tests."""
    engine = make_engine(cluster.url(OWNER_ROLE, str(database.engine.url.database)), pool_size=1)
    yield engine
    engine.dispose()


def entries(session: Session, **more: object) -> list[AuditEntry]:
    now = datetime.now(UTC)
    day = timedelta(days=1)
    return list(read_log(session, AUDITOR, start=now - day, end=now + day, **more))  # type: ignore[arg-type]


def fill(database: Database, count: int) -> None:
    for number in range(count):
        with database.session() as session:
            record(session, WORKER, "resident.read", object_kind="resident", object_ref=str(number))


def checked(database: Database, folder: Path | None = None) -> AuditCheck:
    anchors = read_anchors(folder) if folder is not None else []
    with database.session() as session:
        return check_audit(session, AUDITOR, anchors)


def test_an_entry_says_who_when_from_where_what_and_why(session: Session) -> None:
    before = datetime.now(UTC)
    with audited(session, WORKER, "resident.read", object_kind="resident", object_ref="7") as read:
        read.row_count = 3
    found = entries(session)[0]
    assert before - timedelta(seconds=5) < found.at < datetime.now(UTC) + timedelta(seconds=5)
    assert (found.actor, found.origin, found.request_id) == ("wang", "10.0.0.7", "r1")
    assert (found.action, found.object_kind, found.object_ref) == ("resident.read", "resident", "7")
    assert (found.purpose, found.case_ref, found.row_count) == ("走访", "case-1", 3)


def test_no_purpose_no_answer(session: Session) -> None:
    for access in (Access("wang"), Access("wang", purpose="x"), Access("wang", case_ref="x")):
        with (
            pytest.raises(PurposeMissing),
            audited(session, access, "resident.read", object_kind="resident"),
        ):
            pytest.fail("the block must not be entered")
    with audited(session, Access("wang"), "x", object_kind="y", about_persons=False) as read:
        read.row_count = 0


def test_no_record_no_answer(database: Database, owner: Engine) -> None:
    with owner.begin() as connection:
        connection.execute(text("REVOKE EXECUTE ON FUNCTION audit_append FROM gridbeat_app"))
    answered = False
    with pytest.raises(ProgrammingError, match="permission denied"), database.session() as session:
        with audited(session, WORKER, "resident.read", object_kind="resident") as read:
            read.row_count = 1
        answered = True
    assert not answered


def test_a_failed_transaction_leaves_no_entry(database: Database) -> None:
    with pytest.raises(InvalidInput), database.session() as session:
        record(session, WORKER, "resident.change")
        raise InvalidInput("x")
    with database.session() as session:
        assert entries(session) == []


def test_a_text_too_long_is_refused_here_and_by_the_table(session: Session) -> None:
    with pytest.raises(InvalidInput, match="purpose has 201"):
        record(session, Access("wang", purpose="长" * 201), "x")
    with pytest.raises(IntegrityError, match="text_lengths"), session.begin_nested():
        session.execute(
            text("SELECT audit_append('a', null, 'b', null, null, :long, null, null, null)"),
            {"long": "长" * 201},
        )


def test_reading_the_log_is_logged(session: Session) -> None:
    record(session, WORKER, "resident.read")
    assert [each.action for each in entries(session)] == ["resident.read"]
    assert [each.action for each in entries(session)] == ["audit.read", "resident.read"]
    assert entries(session)[0].purpose == "每月检查"


def test_the_log_is_narrowed(session: Session) -> None:
    for access in (WORKER, Access("li", purpose="x")):
        record(session, access, "resident.read")
    assert [each.actor for each in entries(session, by="wang")] == ["wang"]
    assert [each.actor for each in entries(session, action="resident.read")] == ["li", "wang"]
    assert "wang" not in [each.actor for each in entries(session, without_case=True)]
    assert len(entries(session, limit=1)) == 1
    with pytest.raises(InvalidInput, match="limit"):
        entries(session, limit=0)


def test_the_application_can_only_append(session: Session) -> None:
    for statement in (
        "SELECT * FROM audit_entry", "DELETE FROM audit_entry", "UPDATE audit_entry SET number = 9",
        "TRUNCATE audit_entry", "DELETE FROM audit_entry_other", "UPDATE audit_head SET number = 0",
        "INSERT INTO audit_head VALUES (99, 0, '')", "SELECT * FROM audit_head FOR UPDATE",
        "ALTER FUNCTION audit_append OWNER TO gridbeat_app",
    ):  # fmt: skip
        with (
            pytest.raises(ProgrammingError, match=r"permission denied|must be owner"),
            session.begin_nested(),
        ):
            session.execute(text(statement))


def encoded(values: Sequence[str | None]) -> list[bytes | None]:
    return [None if value is None else value.encode() for value in values]


@given(st.lists(st.none() | st.text(st.characters(exclude_characters="\0", codec="utf-8"))))
def test_no_two_rows_of_values_give_the_same_bytes(values: list[str | None]) -> None:
    raw, found = canonical_bytes(encoded(values)), []
    while raw:  # what was put in can be read back, so nothing else gives these bytes
        if raw[:1] == b"-":
            found.append(None)
            raw = raw[1:]
            continue
        length, _, rest = raw.partition(b":")
        found.append(rest[: int(length)].decode())
        raw = rest[int(length) :]
    assert found == values


@pytest.mark.parametrize(
    "value", ["", "-", "3:abc", "赵一", "a\u0301", "\U0001f600", "\x01\t\n\\", "'; --", None]
)
def test_sql_and_python_hash_the_same_bytes(session: Session, value: str | None) -> None:
    made = session.scalar(
        text("SELECT audit_canonical('1', CAST(:value AS text), NULL)"), {"value": value}
    )
    assert bytes(made) == canonical_bytes(encoded(["1", value, None]))


def test_a_sound_log_is_found_sound(database: Database, tmp_path: Path) -> None:
    fill(database, 5)
    with database.session() as session:
        record(session, Access("赵一", None, "目的：\n“走访”", "-", ""), "x", row_count=0)
        anchor(session, tmp_path, now=NOW)
    found = checked(database, tmp_path)
    assert (found.entry_count, found.anchor_count, found.faults) == (7, 1, ())  # the check's own
    with database.session() as session:
        session.execute(text("SET LOCAL timezone = 'Asia/Shanghai'"))  # says nothing of the hash
        assert check_audit(session, AUDITOR, []).faults == ()


def test_connections_write_chains_side_by_side(database: Database) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: fill(database, 25), range(4)))
    found = checked(database)
    assert (found.entry_count, found.faults) == (101, ())
    with database.session() as session:
        heads = load_heads(session)
    assert len(heads) == AUDIT_CHAINS
    assert sum(head.number for head in heads) == 101
    assert sum(head.number > 0 for head in heads) > 1


def test_a_held_chain_holds_nobody_up(database: Database) -> None:
    with database.session() as first:
        record(first, WORKER, "x")
        with database.session() as second:  # of another chain, whatever its connection prefers
            second.execute(text("SET LOCAL lock_timeout = '2s'"))
            record(second, WORKER, "y")
    assert checked(database).faults == ()


@pytest.mark.parametrize(
    ("attack", "told"),
    [
        ("UPDATE audit_entry SET actor = 'li' WHERE number = 2", "not what was hashed"),
        ("UPDATE audit_entry SET at = at + interval '1 us' WHERE number = 2", "not what was hash"),
        ("UPDATE audit_entry SET case_ref = NULL WHERE number = 3", "not what was hashed"),
        ("DELETE FROM audit_entry WHERE number = 2", "entry 2 should come here"),
        ("DELETE FROM audit_entry WHERE number = 5", "the head of the chain names it"),
        ("DELETE FROM audit_entry", "names it, but it is gone"),
        ("UPDATE audit_entry SET previous_hash = hash WHERE number = 4", "doesn't build on"),
    ],
)
def test_a_changed_log_is_found_out(
    database: Database, owner: Engine, attack: str, told: str
) -> None:
    with database.session() as session:  # one connection, so one chain
        for _ in range(5):
            record(session, WORKER, "resident.read")
    with owner.begin() as connection:
        connection.execute(text(attack))
    whats = [fault.what for fault in checked(database).faults]
    assert any(told in what for what in whats), whats


def test_a_chain_made_anew_is_told_by_its_anchor_alone(
    database: Database, owner: Engine, tmp_path: Path
) -> None:
    fill(database, 3)
    with database.session() as session:
        anchor(session, tmp_path, now=NOW)
    with owner.begin() as connection:  # who can write everything leaves a log of their own
        connection.execute(text("DELETE FROM audit_entry"))
        connection.execute(
            text("UPDATE audit_head SET number = 0, hash = decode(repeat('00', 32), 'hex')")
        )
    fill(database, 3)
    assert checked(database).faults == ()
    assert any(
        "the anchor of 2026-06-01" in fault.what for fault in checked(database, tmp_path).faults
    )


def test_anchors_build_on_each_other(database: Database, tmp_path: Path) -> None:
    roots = []
    for day in range(3):
        fill(database, 1)
        with database.session() as session:
            roots.append(anchor(session, tmp_path, now=NOW + timedelta(days=day)).root)
    assert [each.root for each in read_anchors(tmp_path)] == roots
    assert len(set(roots)) == 3
    file = tmp_path / FILE_NAME
    assert file.stat().st_mode & 0o777 == 0o600
    lines = file.read_text().splitlines()
    for changed in (
        [lines[0], lines[2]],  # one taken out
        [lines[0], lines[1].replace("[0,", "[1,"), lines[2]],
        [lines[0], lines[1][:40]],  # cut short
        ["{}", *lines[1:]],
    ):
        file.write_text("\n".join(changed) + "\n")
        with pytest.raises(InvalidFile, match="Line"):
            read_anchors(tmp_path)
        with pytest.raises(InvalidFile), database.session() as session:
            anchor(session, tmp_path, now=NOW)


def test_each_month_has_a_partition_of_its_own(session: Session) -> None:
    make_partitions(session)
    record(session, WORKER, "x")
    names = session.scalars(
        text("SELECT relid::text FROM pg_partition_tree('audit_entry') WHERE isleaf ORDER BY 1")
    ).all()
    assert len(names) >= 4
    assert f"audit_entry_{datetime.now(UTC):%Y_%m}" in names
    assert "audit_entry_other" in names
