"""Signing in and out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from geo.accounts.accounts import totp_secret_of
from geo.accounts.passwords import new_token, token_hash, verify_password
from geo.accounts.roles import ADMINISTRATORS
from geo.accounts.totp import matching_step
from geo.audit import Access, record
from geo.errors import SignInRefused
from geo.store.database import Database
from geo.tables import Account, AccountSession
from geo.values import GridScope

FAILURES_MAX = 5  # in a row, GB/T 22239-2019 8.1.4.1 asks for a limit and leaves the number
LOCKED_FOR = timedelta(minutes=15)
SecondFactor = Literal["administrators", "all", "off"]

_REFUSED = (
    "Name, password or code is wrong, or the account is locked: after five wrong tries it is, "
    "for 15 minutes."
)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A sign-in: the token goes to the browser and nowhere else."""

    token: str
    account_id: int
    name: str


def sign_in(
    database: Database,
    name: str,
    password: str,
    *,
    code: str | None = None,
    second_factor: SecondFactor = "administrators",
    now: datetime,
    origin: str | None = None,
    request_id: str | None = None,
) -> SignedIn:
    """Return a sign-in. In transactions of its own: a wrong try counts although it is refused.

    Parameters
    ----------
    code : of the second factor, where the account has one
    second_factor : who must have one; accounts of the demo city needn't

    Raises
    ------
    SignInRefused : one answer for all reasons, so that it tells of no account
    """
    # Who isn't signed in sees no place; accounts belong to none.
    with database.session_of(GridScope.of([])) as session:
        account = session.scalars(
            select(Account)
            .where(Account.name == name, Account.ended_at.is_(None))
            .with_for_update()
        ).first()
        made = _try(session, account, password, code, second_factor, now, origin)
        who = name if account is not None else "unknown"  # a password may be typed as a name
        access = Access(who, origin=origin, request_id=request_id)
        record(session, access, "sign_in" if made else "sign_in.refused", object_kind="account")
    if made is None:
        raise SignInRefused(_REFUSED)
    return made


def sign_out(session: Session, token: str, *, now: datetime) -> str | None:
    """End the sign-in of a token; return whose it was, None where it is none or has ended."""
    found = session.execute(
        select(AccountSession, Account.name)
        .join(Account, Account.id == AccountSession.account_id)
        .where(AccountSession.token_hash == token_hash(token), AccountSession.ended_at.is_(None))
    ).first()
    if found is None:
        return None
    found[0].ended_at = now
    session.flush()
    return str(found.name)


def _try(
    session: Session,
    account: Account | None,
    password: str,
    code: str | None,
    second_factor: SecondFactor,
    now: datetime,
    origin: str | None,
) -> SignedIn | None:
    is_right, better = verify_password(password, account.password_hash if account else None)
    if account is None or is_locked(account, now):
        return None
    if not is_right or not passes_second(session, account, code, second_factor, now):
        count_failure(account, now)
        return None
    if better is not None:
        account.password_hash = better
    return open_session(session, account, origin=origin, now=now)


def is_locked(account: Account, now: datetime) -> bool:
    """Whether too many wrong tries keep everybody out for now."""
    return account.locked_until is not None and account.locked_until > now


def count_failure(account: Account, now: datetime) -> None:
    """Count a wrong try; the last one allowed locks the account."""
    account.failed_count += 1
    if account.failed_count >= FAILURES_MAX:
        account.failed_count, account.locked_until = 0, now + LOCKED_FOR


def open_session(
    session: Session,
    account: Account,
    *,
    origin: str | None,
    now: datetime,
    signed_in_by: str = "password",
) -> SignedIn:
    """Return a new sign-in of who has shown who they are; what was counted against them is over."""
    account.failed_count, account.locked_until = 0, None
    token = new_token()
    session.add(
        AccountSession(
            account_id=account.id,
            token_hash=token_hash(token),
            origin=origin,
            signed_in_by=signed_in_by,
            created_at=now,
            seen_at=now,
        )
    )
    return SignedIn(token, account.id, account.name)


def passes_second(
    session: Session,
    account: Account,
    code: str | None,
    second_factor: SecondFactor,
    now: datetime,
) -> bool:
    """Whether the second factor is right, or none is needed; a code counts once."""
    secret = totp_secret_of(session, account)
    if secret is not None:
        step = matching_step(secret, (code or "").strip(), now=now, after=account.totp_last_step)
        if step is None:
            return False
        account.totp_last_step = step
        return True
    if account.is_demo or second_factor == "off":
        return True
    return second_factor == "administrators" and account.role not in ADMINISTRATORS
