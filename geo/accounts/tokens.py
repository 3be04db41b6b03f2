"""Tokens with which programs act for an account."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from geo.accounts.passwords import new_token, token_hash
from geo.accounts.roles import PERMISSIONS, Permission
from geo.errors import AccountNotFound, InvalidInput
from geo.tables import TOKEN_SCOPES, Account, ApiToken

LASTS_MAX = timedelta(days=366)
NAME_CHARS_MAX = 60


def create_api_token(
    session: Session,
    account: Account,
    name: str,
    *,
    scopes: Collection[str],
    lasts: timedelta,
    now: datetime,
) -> str:
    """Return a new token, which is shown once: only its hash is kept.

    Parameters
    ----------
    scopes : of `TOKEN_SCOPES`; `lead`: it sees all units of the account's grids, as the account
        does

    Raises
    ------
    InvalidInput : no scope or an unknown one, one that the account's role hasn't, no name, or it
        would last too long
    """
    unknown = sorted(set(scopes) - set(TOKEN_SCOPES))
    if unknown or not scopes:
        raise InvalidInput(
            f"The scopes are {', '.join(sorted(scopes)) or 'none'}, wanted some of "
            f"{', '.join(TOKEN_SCOPES)}.",
            field="scopes",
        )
    if "lead" in scopes and Permission.LEAD not in PERMISSIONS[account.role]:
        raise InvalidInput(
            f"A token of {account.name} can't lead units: {account.role} doesn't. Make it for who "
            "leads them.",
            field="scopes",
        )
    if not 1 <= len(name.strip()) <= NAME_CHARS_MAX:
        raise InvalidInput(
            f"The token's name has {len(name.strip())} characters, wanted 1 to {NAME_CHARS_MAX}.",
            field="name",
        )
    if not timedelta(0) < lasts <= LASTS_MAX:
        raise InvalidInput(
            f"The token would last {lasts.days} days, wanted 1 to {LASTS_MAX.days}.", field="lasts"
        )
    token = new_token()
    session.add(
        ApiToken(
            account_id=account.id,
            name=name.strip(),
            token_hash=token_hash(token),
            scopes=sorted(set(scopes)),
            created_at=now,
            expires_at=now + lasts,
        )
    )
    session.flush()
    return token


def end_api_token(session: Session, account: Account, name: str, *, now: datetime) -> None:
    """End the tokens of an account that bear a name.

    Raises
    ------
    AccountNotFound : it has no such token
    """
    found = session.scalars(
        select(ApiToken).where(
            ApiToken.account_id == account.id, ApiToken.name == name, ApiToken.ended_at.is_(None)
        )
    ).all()
    if not found:
        raise AccountNotFound(f"Account {account.name} has no token {name[:60]}.", name=name[:60])
    for token in found:
        token.ended_at = now
    session.flush()
