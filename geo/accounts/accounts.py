"""Accounts and their assignments: made, changed, ended; nothing is deleted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from geo.accounts.passwords import hash_password
from geo.accounts.roles import PERMISSIONS
from geo.encryption import keys_of, seal, unseal
from geo.errors import AccountNotFound, Conflict, InvalidInput
from geo.sealed_columns import TOTP_SECRET
from geo.tables import Account, AccountAssignment, AccountSession, ApiToken

NAME_FORM = re.compile(r"[a-z0-9][a-z0-9._-]{1,39}")
SHOWN_NAME_CHARS_MAX = 60


def create_account(
    session: Session,
    name: str,
    password: str,
    *,
    role: str,
    shown_name: str | None = None,
    totp_secret: bytes | None = None,
    is_demo: bool = False,
    must_change_password: bool = False,
) -> Account:
    """Return a new account; it sees no place until it is assigned to one.

    Parameters
    ----------
    must_change_password : nothing else can be done before, since who gives it out knows it

    Raises
    ------
    InvalidInput : the name, the role or the password can't be
    Conflict : the name is taken, also by an account that has ended
    """
    if not NAME_FORM.fullmatch(name):
        raise InvalidInput(
            f"The name is “{name[:40]}”. Wanted 2 to 40 of a-z, 0-9, dot, hyphen and underline, "
            "a letter or digit first.",
            field="name",
        )
    if role not in PERMISSIONS:
        raise InvalidInput(
            f"The role is “{role[:40]}”, wanted one of {', '.join(PERMISSIONS)}.", field="role"
        )
    shown = (shown_name or name).strip()
    if not 1 <= len(shown) <= SHOWN_NAME_CHARS_MAX:
        raise InvalidInput(
            f"The shown name has {len(shown)} characters, wanted 1 to {SHOWN_NAME_CHARS_MAX}.",
            field="shown_name",
        )
    if session.scalar(select(Account.id).where(Account.name == name)) is not None:
        raise Conflict(f"There is an account {name} already. Choose another name.", name=name)
    account = Account(
        name=name,
        shown_name=shown,
        role=role,
        password_hash=hash_password(password),
        is_demo=is_demo,
        must_change_password=must_change_password,
    )
    session.add(account)
    session.flush()
    if totp_secret is not None:
        set_totp_secret(session, account, totp_secret)
    return account


def get_account(session: Session, name: str) -> Account:
    """Return an account that has not ended.

    Raises
    ------
    AccountNotFound
    """
    found = session.scalars(
        select(Account).where(Account.name == name, Account.ended_at.is_(None))
    ).first()
    if found is None:
        raise AccountNotFound(f"There is no account {name[:40]}.", name=name[:40])
    return found


def find_accounts(session: Session, *, with_ended: bool = False) -> Sequence[Account]:
    """Return all accounts by name."""
    query = select(Account).order_by(Account.name)
    if not with_ended:
        query = query.where(Account.ended_at.is_(None))
    return session.scalars(query).all()


def set_password(
    session: Session,
    account: Account,
    password: str,
    *,
    now: datetime,
    must_change_password: bool = False,
) -> None:
    """Give an account another password; it is unlocked, and signed out everywhere.

    Parameters
    ----------
    must_change_password : nothing else can be done before, since who gives it out knows it

    Raises
    ------
    InvalidInput : too short or too long
    """
    account.password_hash = hash_password(password)
    account.must_change_password = must_change_password
    account.failed_count, account.locked_until = 0, None
    _sign_out_everywhere(session, account, now)


def set_totp_secret(session: Session, account: Account, secret: bytes | None) -> None:
    """Give an account another second factor, or take it away; the secret is kept sealed."""
    sealed = None
    if secret is not None:
        sealed = seal(keys_of(session), TOTP_SECRET, account.id, secret)
    account.totp_secret_sealed, account.totp_last_step = sealed, None
    session.flush()


def totp_secret_of(session: Session, account: Account) -> bytes | None:
    """Return the secret of an account's second factor, None where it has none.

    Raises
    ------
    KeyMissing, SealBroken : it can't be opened
    """
    if account.totp_secret_sealed is None:
        return None
    return unseal(keys_of(session), TOTP_SECRET, account.id, account.totp_secret_sealed)


def end_account(session: Session, account: Account, *, now: datetime) -> None:
    """End an account: it is signed out at once, its tokens end."""
    account.ended_at = now
    _sign_out_everywhere(session, account, now)
    session.execute(
        update(ApiToken)
        .where(ApiToken.account_id == account.id, ApiToken.ended_at.is_(None))
        .values(ended_at=now)
    )


def assign(
    session: Session,
    account: Account,
    area_code: str | None,
    *,
    valid_from: date,
    valid_to: date | None = None,
) -> AccountAssignment:
    """Let an account see an area of any level, a grid, or (None) everything, for some days.

    Raises
    ------
    InvalidInput : the period ends before it begins
    """
    if valid_to is not None and valid_to <= valid_from:
        raise InvalidInput(
            f"The assignment ends on {valid_to}, not after {valid_from}. Exchange the days.",
            field="valid_to",
        )
    made = AccountAssignment(
        account_id=account.id, area_code=area_code, valid_from=valid_from, valid_to=valid_to
    )
    session.add(made)
    session.flush()
    return made


def end_assignment(session: Session, assignment: AccountAssignment, *, on: date) -> None:
    """Let an assignment hold until the day before `on`; one that began later never did."""
    if on <= assignment.valid_from:
        # A period of no days can't be: it began and ended before anybody's time.
        assignment.valid_from, assignment.valid_to = date.min, date.min.replace(day=2)
    else:
        assignment.valid_to = on
    session.flush()


def _sign_out_everywhere(session: Session, account: Account, now: datetime) -> None:
    session.execute(
        update(AccountSession)
        .where(AccountSession.account_id == account.id, AccountSession.ended_at.is_(None))
        .values(ended_at=now)
    )
    session.flush()
