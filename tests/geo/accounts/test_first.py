"""The accounts of a first start."""

from __future__ import annotations

from datetime import date

from sqlalchemy import insert
from sqlalchemy.orm import Session

from geo.accounts import find_accounts
from geo.accounts.callers import assigned_scope
from geo.accounts.first import DEMO_PASSWORD, create_first_accounts, find_demo_accounts
from geo.tables import ROLES, StoreNote
from geo.values import GridScope
from tests.drawing import draw
from tests.factories import add_area, add_grid

DAY = date(2026, 6, 1)
GRID = "14010500100100001"


def test_a_real_store_gets_one_administrator_with_a_password_of_chance(session: Session) -> None:
    (made,) = create_first_accounts(session, day=DAY)
    assert (made.name, made.role) == ("admin", "system_administrator")
    assert made.password != DEMO_PASSWORD
    assert len(made.password) >= 20
    assert made.totp_uri is not None
    (account,) = find_accounts(session)
    assert account.totp_secret_sealed is not None
    assert not account.is_demo
    assert assigned_scope(session, account.id, DAY).is_everything
    assert find_demo_accounts(session) == []
    assert create_first_accounts(session, day=DAY) == []  # once


def test_a_generated_city_gets_one_of_each_role(session: Session) -> None:
    add_area(session, GRID[:12])
    add_grid(session, GRID, draw("A")["A"])
    session.execute(insert(StoreNote).values(name="demo_city", value={"seed": 1}))
    made = create_first_accounts(session, day=DAY)
    assert [each.role for each in made] == [role for _, role in find_demo_accounts(session)]
    assert sorted(each.role for each in made) == sorted(ROLES)
    assert {each.password for each in made} == {DEMO_PASSWORD}
    seen = {
        account.name: assigned_scope(session, account.id, DAY) for account in find_accounts(session)
    }
    assert seen["chief"].is_everything
    assert seen["worker"] == seen["leader"] == GridScope.of([GRID])
    assert seen["audit"] == seen["security"] == GridScope.of([])
