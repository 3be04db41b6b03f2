"""Tasks: one a sign-in, ended by another, by time and by signing out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from geo import accounts
from geo.accounts import OpenTask
from geo.accounts.passwords import new_token, token_hash
from geo.errors import InvalidInput
from geo.tables import Account, AccountSession, AccountTask

NOW = datetime(2026, 6, 1, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def signed_in(session: Session) -> tuple[AccountSession, str]:
    account = Account(name="wang", shown_name="示例·王", role="grid_worker", password_hash="x")
    session.add(account)
    session.flush()
    token = new_token()
    made = AccountSession(
        account_id=account.id, token_hash=token_hash(token), created_at=NOW, seen_at=NOW
    )
    session.add(made)
    session.flush()
    return made, token


def begin(session: Session, signed_in: AccountSession, **more: Any) -> OpenTask:
    given = {"purpose": "register", "case_ref": "走访清单 06-01", "note": None, "lasts": HOUR}
    return accounts.open_task(
        session, account_id=signed_in.account_id, session_id=signed_in.id,
        **{**given, "now": NOW, **more},
    )  # fmt: skip


def current(session: Session, token: str, now: datetime) -> OpenTask | None:
    caller = accounts.caller_of_session(
        session, token, now=now, day=now.date(), idle=12 * HOUR, lasts=12 * HOUR
    )
    assert caller is not None
    return caller.task


def test_a_task_is_the_callers_until_it_ends_by_itself(
    session: Session, signed_in: tuple[AccountSession, str]
) -> None:
    made, token = signed_in
    assert current(session, token, NOW) is None
    task = begin(session, made, case_ref=" 走访清单 06-01 ", note=" ")
    assert (task.case_ref, task.note) == ("走访清单 06-01", None)
    assert current(session, token, NOW + timedelta(minutes=59)) == task
    assert current(session, token, NOW + HOUR) is None


def test_another_task_ends_the_one_before(
    session: Session, signed_in: tuple[AccountSession, str]
) -> None:
    made, token = signed_in
    begin(session, made)
    second = begin(session, made, purpose="incident", now=NOW + timedelta(minutes=5))
    assert current(session, token, NOW + timedelta(minutes=6)) == second
    assert accounts.end_task(session, session_id=made.id, now=NOW + timedelta(minutes=7))
    assert not accounts.end_task(session, session_id=made.id, now=NOW + timedelta(minutes=7))
    assert current(session, token, NOW + timedelta(minutes=8)) is None
    rows = session.scalars(select(AccountTask).order_by(AccountTask.id)).all()
    assert [row.ended_at for row in rows] == [
        NOW + timedelta(minutes=5), NOW + timedelta(minutes=7),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"case_ref": " "}, "case_ref"), ({"case_ref": "长" * 61}, "case_ref"),
        ({"note": "长" * 201}, "note"), ({"lasts": timedelta(0)}, "hours"),
        ({"lasts": 13 * HOUR}, "hours"),
        # GB 11643's own example has check digit X; none of it is a person's.
        ({"case_ref": "查11010519491231002X"}, "case_ref"),
        ({"note": "电话 13800138000。"}, "note"),
    ],
)  # fmt: skip
def test_what_a_task_cannot_be(
    session: Session,
    signed_in: tuple[AccountSession, str],
    wrong: dict[str, Any],
    field: str,
) -> None:
    with pytest.raises(InvalidInput) as caught:
        begin(session, signed_in[0], **wrong)
    assert caught.value.field == field
    for value in ("11010519491231002X", "13800138000"):
        assert value not in caught.value.message


@pytest.mark.parametrize(
    "case", ["A1401052026060000001", "140105202606010001", "2026-06-01", "1380013800", "0351-110"]
)
def test_numbers_of_cases_are_no_persons(
    session: Session, signed_in: tuple[AccountSession, str], case: str
) -> None:
    assert begin(session, signed_in[0], case_ref=case).case_ref == case
