"""The accounts of a first start: known ones in a generated city, else one administrator."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from geo.accounts.accounts import assign, create_account
from geo.accounts.passwords import new_password
from geo.accounts.totp import new_totp_secret, totp_uri
from geo.audit import Access, record
from geo.tables import Account, Grid, StoreNote

DEMO_PASSWORD = "gridbeat-demo"  # noqa: S105 - everybody may know it: nothing there is real
# name, role, shown name; what it sees is in `_demo_areas`
DEMO_ACCOUNTS = (
    ("chief", "chief", "示例·所长"),
    ("leader", "patrol_leader", "示例·巡逻队长"),
    ("worker", "grid_worker", "示例·网格员"),
    ("analyst", "analyst", "示例·分析员"),
    ("system", "system_administrator", "示例·系统管理员"),
    ("security", "security_administrator", "示例·安全管理员"),
    ("audit", "audit_administrator", "示例·审计管理员"),
)
FIRST_ADMINISTRATOR = "admin"


@dataclass(frozen=True, slots=True)
class FirstAccount:
    """What a person must be told once. `totp_uri` is missing where there is no second factor."""

    name: str
    role: str
    password: str
    totp_uri: str | None = None


def create_first_accounts(session: Session, *, day: date) -> list[FirstAccount]:
    """Return the accounts made for a store that had none; none where it has some.

    A generated city gets one account of each role, with a password that everybody knows. Any other
    store gets one system administrator who sees everything, with a password of chance and a second
    factor; further accounts are made on the command line.
    """
    if session.scalar(select(Account.id).limit(1)) is not None:
        return []
    if session.get(StoreNote, "demo_city") is None:
        made = [_administrator(session, day)]
    else:
        made = [_demo(session, name, role, shown, day) for name, role, shown in DEMO_ACCOUNTS]
    for each in made:
        start = Access("operator:first start")
        record(session, start, "account.create", object_kind="account", object_ref=each.name)
    return made


def find_demo_accounts(session: Session) -> list[tuple[str, str]]:
    """Return name and role of the accounts whose password everybody knows."""
    rows = session.execute(
        select(Account.name, Account.role)
        .where(Account.is_demo, Account.ended_at.is_(None))
        .order_by(Account.id)
    )
    return [(row.name, row.role) for row in rows]


def _administrator(session: Session, day: date) -> FirstAccount:
    password, secret = new_password(), new_totp_secret()
    account = create_account(
        session,
        FIRST_ADMINISTRATOR,
        password,
        role="system_administrator",
        totp_secret=secret,
    )
    assign(session, account, None, valid_from=day)
    return FirstAccount(account.name, account.role, password, totp_uri(secret, FIRST_ADMINISTRATOR))


def _demo(session: Session, name: str, role: str, shown: str, day: date) -> FirstAccount:
    account = create_account(
        session, name, DEMO_PASSWORD, role=role, shown_name=shown, is_demo=True
    )
    first = session.execute(
        select(Grid.grid_code, Grid.community_code).order_by(Grid.grid_code).limit(1)
    ).first()
    codes: dict[str, list[str | None]] = {"chief": [None], "analyst": [None], "system": [None]}
    if first is not None:
        codes |= {"leader": [first.community_code], "worker": [first.grid_code]}
    for code in codes.get(name, []):
        assign(session, account, code, valid_from=day)
    return FirstAccount(name, role, DEMO_PASSWORD)
