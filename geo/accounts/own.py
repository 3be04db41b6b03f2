"""What somebody does about their own account: the password, the sign-ins."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from geo.accounts.passwords import hash_password, verify_password
from geo.accounts.signing_in import LOCKED_FOR, count_failure, is_locked
from geo.audit import Access, record
from geo.errors import (
    AccountNotFound,
    InvalidInput,
    NotPermitted,
    PlatformError,
    TooManyTries,
)
from geo.store.database import Database
from geo.tables import Account, AccountSession
from geo.values import GridScope


def change_own_password(
    database: Database,
    account_id: int,
    old: str,
    new: str,
    *,
    session_id: int,
    access: Access,
    now: datetime,
) -> None:
    """Give one's own account another password; all its other sign-ins end.

    In a transaction of its own: a wrong try counts although it is refused, as at a sign-in, since
    who has found an open browser could try them all here.

    Parameters
    ----------
    session_id : the sign-in that goes on

    Raises
    ------
    InvalidInput : the old one is wrong, the new one is the same, too short or too long
    NotPermitted : the account is a demo city's, whose password is for everybody
    TooManyTries : wrong ones have locked the account for now
    """
    with database.session_of(GridScope.of([])) as session:
        account = session.scalars(
            select(Account)
            .where(Account.id == account_id, Account.ended_at.is_(None))
            .with_for_update()
        ).one()
        refusal = _refusal(account, old, new, now)
        if refusal is None:
            account.password_hash = hash_password(new)
            account.failed_count, account.must_change_password = 0, False
            session.execute(
                update(AccountSession)
                .where(
                    AccountSession.account_id == account_id,
                    AccountSession.id != session_id,
                    AccountSession.ended_at.is_(None),
                )
                .values(ended_at=now)
            )
        done = "account.own_password" if refusal is None else "account.own_password_refused"
        record(session, access, done, object_kind="account", object_ref=account.name)
    if refusal is not None:
        raise refusal


def own_sessions(
    session: Session, account_id: int, *, now: datetime, idle: timedelta, lasts: timedelta
) -> Sequence[AccountSession]:
    """Return the sign-ins of an account that still hold, the last one used first."""
    return session.scalars(
        select(AccountSession)
        .where(
            AccountSession.account_id == account_id,
            AccountSession.ended_at.is_(None),
            AccountSession.seen_at > now - idle,
            AccountSession.created_at > now - lasts,
        )
        .order_by(AccountSession.seen_at.desc(), AccountSession.id.desc())
    ).all()


def end_own_session(session: Session, account_id: int, session_id: int, *, now: datetime) -> None:
    """End a sign-in of one's own, such as that of a phone that was lost.

    Raises
    ------
    AccountNotFound : it is none of this account's, or has ended
    """
    found = session.scalars(
        select(AccountSession).where(
            AccountSession.id == session_id,
            AccountSession.account_id == account_id,
            AccountSession.ended_at.is_(None),
        )
    ).first()
    if found is None:
        raise AccountNotFound(f"You have no sign-in {session_id}.")
    found.ended_at = now
    session.flush()


def _refusal(account: Account, old: str, new: str, now: datetime) -> PlatformError | None:
    if account.is_demo:
        return NotPermitted(
            "The password of a demo city's account is for everybody and stays as it is.",
            wanted="an account of one's own",
        )
    if is_locked(account, now):
        return TooManyTries(
            "Too many wrong tries. Wait a quarter of an hour.",
            retry_after_s=int(LOCKED_FOR.total_seconds()),
        )
    if not verify_password(old, account.password_hash)[0]:
        count_failure(account, now)
        return InvalidInput("The password of until now is wrong.", field="old_password")
    if new == old:
        return InvalidInput("The new password is the old one. Choose another.", field="password")
    try:
        hash_password(new)
    except InvalidInput as error:
        return error
    return None
