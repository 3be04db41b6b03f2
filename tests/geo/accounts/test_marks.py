"""The mark changes with whatever decides who sees what, and with nothing else."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import text

from geo.accounts import marks
from geo.accounts.marks import AccessMark
from geo.store.database import Database
from geo.tables import Account, AccountAssignment, AccountSession, ApiToken
from geo.units.units import add_member, create_unit
from geo.values import GridScope
from tests.drawing import draw
from tests.factories import add_area, add_grid, add_grid_version

NOW = datetime(2026, 6, 1, 8, tzinfo=UTC)
GRID, OTHER = "14010500100100001", "14010500100100002"
CHANGES = (
    "UPDATE account SET role = 'chief'",
    "UPDATE account SET ended_at = now()",
    "UPDATE account SET must_change_password = true",
    "UPDATE account_assignment SET valid_to = '2027-01-01'",
    "INSERT INTO account_assignment (account_id, area_code, valid_from) "
    "SELECT id, '140105', '2026-01-01' FROM account",
    "UPDATE account_session SET ended_at = now()",
    "UPDATE api_token SET ended_at = now()",
    "UPDATE area SET valid_to = '2027-01-01'",
    "UPDATE grid SET valid_to = '2027-01-01'",
    f"UPDATE patrol_unit SET grid_codes = ARRAY['{OTHER}']",
    "UPDATE patrol_unit SET ended_at = now()",
    "UPDATE patrol_unit_member SET left_at = now()",
    "INSERT INTO patrol_unit_member (unit_id, account_id, role) "
    "SELECT unit_id, account_id, role FROM patrol_unit_member",
)


def test_each_change_is_seen_and_what_is_none_is_not(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.session() as session:
        add_area(session, "140105001001")
        grid = add_grid(session, GRID, draw("A")["A"], version=add_grid_version(session))
        account = Account(name="w", shown_name="w", role="patrol_leader", password_hash="x")
        session.add(account)
        session.flush()
        session.add_all(
            [
                AccountAssignment(
                    account_id=account.id, area_code=GRID, valid_from=date(2026, 1, 1)
                ),
                AccountSession(
                    account_id=account.id, token_hash=b"s", created_at=NOW, seen_at=NOW
                ),
                ApiToken(account_id=account.id, name="t", token_hash=b"t", scopes=["read"],
                         created_at=NOW, expires_at=NOW),
            ]
        )  # fmt: skip
        unit = create_unit(session, "U1", "甲", scope=GridScope.everything(), kind="foot",
                           grid_codes=[grid.grid_code])  # fmt: skip
        add_member(session, unit, account.id)
    monkeypatch.setattr(marks, "LASTS_S", -1)
    mark = AccessMark(database)
    was = mark.now()
    with database.session() as session:
        session.execute(text("UPDATE account_session SET seen_at = now()"))
        session.execute(text("UPDATE patrol_unit SET status = 'busy'"))
    assert mark.now() == was
    for change in CHANGES:
        with database.session() as session:
            session.execute(text(change))
        assert mark.now() != was, change
        was = mark.now()


def test_for_a_while_the_store_is_not_asked_again(database: Database) -> None:
    mark = AccessMark(database)
    was = mark.now()
    with database.session() as session:
        session.add(Account(name="w", shown_name="w", role="chief", password_hash="x"))
    assert mark.now() == was
    assert AccessMark(database).now() != was
