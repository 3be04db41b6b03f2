"""From a token to a caller: who it is, what they may do and which grids they see, as of now.

Asked anew at each request: who is moved to another grid this minute sees that one the next.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from geo.accounts.passwords import token_hash
from geo.accounts.roles import PERMISSIONS, Permission
from geo.accounts.tasks import OpenTask, task_of
from geo.store.scope import seeing_everything
from geo.tables import Account, AccountAssignment, AccountSession, AccountTask, ApiToken
from geo.values import GridScope

SEEN_EVERY = timedelta(minutes=1)  # not each request writes
CLOCK_LEEWAY = timedelta(minutes=1)  # clocks are set right by less, now and then


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `session_id` and `task` are missing for a program with a token.

    signed_in_by : password or oidc; token for a program
    must_change_password : nothing else can be done before; who came from the provider typed none
    """

    account_id: int
    name: str
    shown_name: str
    role: str
    permissions: frozenset[Permission]
    scope: GridScope
    session_id: int | None = None
    task: OpenTask | None = None
    signed_in_by: str = "password"
    must_change_password: bool = False

    def may(self, permission: Permission) -> bool:
        """Whether the caller may do this at all."""
        return permission in self.permissions


def caller_of_session(
    session: Session, token: str, *, now: datetime, day: date, idle: timedelta, lasts: timedelta
) -> Caller | None:
    """Return who signed in with this token, None where it is none, has ended, or was idle too long.

    Parameters
    ----------
    session : one that writes: it notes that the sign-in is still in use
    day : whose assignments and grids count
    """
    found = session.execute(
        select(Account, AccountSession, AccountTask)
        .join(AccountSession, AccountSession.account_id == Account.id)
        .outerjoin(
            AccountTask,
            (AccountTask.session_id == AccountSession.id)
            & AccountTask.ended_at.is_(None)
            & (AccountTask.ends_at > now),
        )
        .where(
            Account.ended_at.is_(None),
            AccountSession.token_hash == token_hash(token),
            AccountSession.ended_at.is_(None),
            AccountSession.seen_at > now - idle,
            AccountSession.created_at > now - lasts,
            # Where the clock was set back, what came about after now would hold longer than it may.
            AccountSession.created_at <= now + CLOCK_LEEWAY,
        )
    ).first()
    if found is None:
        return None
    account, signed_in, task = found
    if signed_in.seen_at < now - SEEN_EVERY:
        session.execute(
            update(AccountSession).where(AccountSession.id == signed_in.id).values(seen_at=now)
        )
    return _caller(
        session,
        account,
        PERMISSIONS[account.role],
        day,
        session_id=signed_in.id,
        task=None if task is None else task_of(task),
        signed_in_by=signed_in.signed_in_by,
    )


def caller_of_token(session: Session, token: str, *, now: datetime, day: date) -> Caller | None:
    """Return for whom a program acts with this token, None where it is none or has ended.

    It may do what both the account's role and the token's scopes allow: read, write and lead
    units, never the work of administrators.
    """
    found = session.execute(
        select(Account, ApiToken)
        .join(ApiToken, ApiToken.account_id == Account.id)
        .where(
            Account.ended_at.is_(None),
            ApiToken.token_hash == token_hash(token),
            ApiToken.ended_at.is_(None),
            ApiToken.expires_at > now,
        )
    ).first()
    if found is None:
        return None
    account, held = found
    allowed = PERMISSIONS[account.role] & {Permission(each) for each in held.scopes}
    return _caller(session, account, allowed, day, signed_in_by="token")


def _caller(
    session: Session,
    account: Account,
    permissions: frozenset[Permission],
    day: date,
    *,
    session_id: int | None = None,
    task: OpenTask | None = None,
    signed_in_by: str,
) -> Caller:
    sees = Permission.READ in permissions
    return Caller(
        account_id=account.id,
        name=account.name,
        shown_name=account.shown_name,
        role=account.role,
        permissions=permissions,
        scope=assigned_scope(session, account.id, day) if sees else GridScope.of([]),
        session_id=session_id,
        task=task,
        signed_in_by=signed_in_by,
        must_change_password=account.must_change_password and signed_in_by == "password",
    )


def assigned_scope(session: Session, account_id: int, day: date) -> GridScope:
    """Return the grids that an account's assignments of a day add up to."""
    codes = session.scalars(
        select(AccountAssignment.area_code).where(
            AccountAssignment.account_id == account_id,
            AccountAssignment.valid_from <= day,
            (AccountAssignment.valid_to.is_(None)) | (AccountAssignment.valid_to > day),
        )
    ).all()
    if None in codes:
        return GridScope.everything()
    if not codes:
        return GridScope.of([])
    with seeing_everything(session):
        found = session.scalars(_GRIDS, {"codes": list(codes), "day": day})
        return GridScope.of(found.all())


# UNION drops rows seen before, so that a ring of parents ends.
_GRIDS = text("""
    WITH RECURSIVE below AS (
        SELECT unnest(CAST(:codes AS text[])) AS code
        UNION
        SELECT area.code FROM area JOIN below ON area.parent_code = below.code
        WHERE valid_from <= :day AND (valid_to IS NULL OR valid_to > :day)
    )
    SELECT grid_code FROM grid
    WHERE valid_from <= :day AND (valid_to IS NULL OR valid_to > :day)
        AND (community_code IN (SELECT code FROM below) OR grid_code IN (SELECT code FROM below))
""")
