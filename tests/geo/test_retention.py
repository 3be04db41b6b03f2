"""What goes when its time is over, what stays, and the receipt of it."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from geo import accounts, retention
from geo.audit import Access, read_log
from geo.errors import InvalidInput
from geo.retention import RULES, find_receipts, rules_of, run_retention
from geo.settings import Settings
from geo.store.database import Database
from geo.tables import (
    AccountSession,
    ApiToken,
    ExportRequest,
    ImportJob,
    Residence,
    Resident,
    SubjectRequest,
)
from geo.values import GridScope
from tests.factories import add_standard_address
from tests.geo.registers.conftest import settle

NOW = datetime.now(UTC)
BY = Access("operator:test")


def ago(days: int) -> datetime:
    return NOW - timedelta(days=days)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_folder=tmp_path)


@pytest.fixture
def store(database: Database) -> Database:
    """Of each kind one whose time is over and one whose isn't, by a day on either side."""
    days = {rule.name: rule.days for rule in RULES}
    with database.session() as session:
        account = accounts.create_account(session, "wang", "a-long-password", role="chief")
        for number, extra in enumerate((1, -1)):
            session.add_all(
                [
                    AccountSession(
                        account_id=account.id, token_hash=bytes([number]), created_at=ago(999),
                        seen_at=ago(days["sessions"] + extra),
                    ),
                    ApiToken(
                        account_id=account.id, name="t", token_hash=bytes([number]),
                        scopes=["read"], created_at=ago(999),
                        expires_at=ago(days["tokens"] + extra),
                    ),
                    ExportRequest(
                        kind="addresses", format="csv", requested_by="wang", status="expired",
                        rows_expected=1, file_name="x", finished_at=ago(days["exports"] + extra),
                    ),
                    SubjectRequest(
                        kind="access", received_on=ago(2000).date(), received_by="x",
                        due_on=ago(1900).date(), status="withdrawn",
                        closed_at=ago(days["subject_requests"] + extra),
                    ),
                ]
            )  # fmt: skip
        session.add(  # in use, however old
            AccountSession(
                account_id=account.id, token_hash=b"now", created_at=ago(999), seen_at=NOW
            )
        )
        address = add_standard_address(session)
        over = ago(days["residences"] + 3).date()
        settle(session, address, 1, since=date(2010, 1, 1), until=over)
        settle(session, address, 2, since=date(2010, 1, 1), until=over + timedelta(days=9))
        settle(session, address, 3, since=date(2010, 1, 1))
    return database


def left(store: Database) -> dict[str, int]:
    tables = (AccountSession, ApiToken, ExportRequest, SubjectRequest, Residence, Resident)
    with store.session() as session:
        return {
            table.__tablename__: session.scalar(select(func.count()).select_from(table)) or 0
            for table in tables
        }


def test_a_trial_counts_and_deletes_nothing(store: Database, settings: Settings) -> None:
    before = left(store)
    found = run_retention(store, BY, settings=settings, now=NOW, dry_run=True)
    assert {each.rule: each.row_count for each in found} == {
        "residences": 1, "subject_requests": 1, "exports": 1, "uploads": 0, "sessions": 1,
        "tokens": 1,
    }  # fmt: skip
    assert left(store) == before
    with store.session() as session:
        assert find_receipts(session) == []


def test_what_is_over_goes_and_leaves_a_receipt(store: Database, settings: Settings) -> None:
    run_retention(store, BY, settings=settings, now=NOW)
    assert left(store) == {
        "account_session": 2, "api_token": 1, "export_request": 1, "subject_request": 1,
        "residence": 2, "resident": 2,
    }  # fmt: skip
    with store.session() as session:
        receipts = {each.rule: each for each in find_receipts(session)}
        entries = read_log(session, Access("audit"), start=ago(1), end=NOW + timedelta(days=1))
    assert set(receipts) == {"residences", "subject_requests", "exports", "sessions", "tokens"}
    sessions = receipts["sessions"]
    assert (sessions.row_count, sessions.keep_days, sessions.deleted_by) == (1, 180, BY.actor)
    assert sessions.oldest_at == sessions.newest_at == ago(181)
    assert sum(entry.action == "retention.delete" for entry in entries) == 5
    # Again, there is nothing left to do, and no receipt of nothing.
    run_retention(store, BY, settings=settings, now=NOW)
    with store.session() as session:
        assert len(find_receipts(session)) == 5


def test_a_run_that_breaks_off_has_done_what_it_says_and_goes_on(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH_ROWS", 2)
    with database.session() as session:
        account = accounts.create_account(session, "wang", "a-long-password", role="chief")
        session.add_all(
            AccountSession(
                account_id=account.id, token_hash=bytes([n]), created_at=ago(999), seen_at=ago(500)
            )
            for n in range(5)
        )

    def break_off(_rule: str, total: int) -> None:
        if total == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_retention(database, BY, settings=settings, now=NOW, progress=break_off)
    with database.session() as session:
        assert session.scalar(select(func.count()).select_from(AccountSession)) == 1
        assert sum(each.row_count for each in find_receipts(session)) == 4
    run_retention(database, BY, settings=settings, now=NOW)
    with database.session() as session:
        assert session.scalar(select(func.count()).select_from(AccountSession)) == 0
        assert [each.row_count for each in find_receipts(session)] == [1, 2, 2]


def test_uploads_of_imports_that_failed_go_and_those_in_hand_stay(
    database: Database, settings: Settings
) -> None:
    folder = settings.data_folder / "uploads"
    for name, days in (("failed", 31), ("fresh", 1), ("waiting", 31)):
        (folder / name).mkdir(parents=True)
        (folder / name / "x.csv").write_text("x")
        moment = ago(days).timestamp()
        os.utime(folder / name, (moment, moment))
    with database.session() as session:
        for name in ("failed", "waiting"):
            session.add(
                ImportJob(
                    kind="addresses", file_name="x.csv", status=name,
                    options={"path": str(folder / name / "x.csv")},
                )
            )  # fmt: skip
    run_retention(database, BY, settings=settings, now=NOW)
    assert sorted(path.name for path in folder.iterdir()) == ["fresh", "waiting"]
    with database.session() as session:
        (receipt,) = find_receipts(session)
    assert (receipt.rule, receipt.row_count) == ("uploads", 1)


def test_receipts_are_only_added(store: Database, settings: Settings) -> None:
    run_retention(store, BY, settings=settings, now=NOW)
    for change in (
        "UPDATE retention_receipt SET row_count = 0",
        "DELETE FROM retention_receipt",
        "INSERT INTO retention_receipt (rule, keep_days, row_count, oldest_at, newest_at, "
        "deleted_by) VALUES ('x', 1, 1, now(), now(), 'x')",
    ):
        with pytest.raises(DBAPIError, match="permission denied"), store.session() as session:
            session.execute(text(change))


def test_the_application_deletes_by_a_rule_or_not_at_all(store: Database) -> None:
    call = "SELECT * FROM retention_delete('{}', now() - interval '{}', {}, 'x', 10)"
    for rule, age, days, message in (
        ("audit", "999 days", 999, "no such rule"),
        ("sessions", "1 hour", 180, "a day old"),
        ("sessions", "999 days", 0, "a day old"),
    ):
        with pytest.raises(DBAPIError, match=message), store.session() as session:
            session.execute(text(call.format(rule, age, days)))
    for statement in (call.format("sessions", "999 days", 180), "SELECT erase_resident(1)"):
        with (
            pytest.raises(DBAPIError, match="scope of everything"),
            store.session_of(GridScope.of(["x"])) as session,
        ):
            session.execute(text(statement))
    for table in ("account_session", "export_request", "residence", "resident", "audit_entry"):
        with pytest.raises(DBAPIError, match="permission denied"), store.session() as session:
            session.execute(text(f"DELETE FROM {table}"))


def test_no_rule_deletes_the_audit_log() -> None:
    assert "audit" not in {rule.name for rule in RULES}
    functions = Path(retention.__file__).parent / "store" / "functions" / "retention.sql"
    assert "audit_entry" not in functions.read_text(encoding="utf-8")
    with pytest.raises(InvalidInput, match="audit log is never deleted"):
        rules_of(Settings(retention_days={"audit": 10}))
    with pytest.raises(InvalidInput, match="wanted 1"):
        rules_of(Settings(retention_days={"sessions": 0}))
    assert rules_of(Settings(retention_days={"sessions": 365}))["sessions"] == 365
