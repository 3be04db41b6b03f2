"""From who somebody is at the provider to an account that there is already.

No account is made by it, and neither role nor places are taken from a token: those are given out
here. The first sign-in ties the account to the subject of the provider, so that a name which is
given to somebody else over there opens nothing here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from geo.accounts.accounts import totp_secret_of
from geo.accounts.oidc import OidcIdentity
from geo.accounts.signing_in import (
    SecondFactor,
    SignedIn,
    count_failure,
    is_locked,
    open_session,
    passes_second,
)
from geo.audit import Access, record
from geo.errors import OidcRefused, SignInRefused
from geo.store.database import Database
from geo.tables import Account
from geo.values import GridScope

_NOT_ADMITTED = (
    "The provider knows you; here there is no account for you that may be used now. Ask the "
    "security administrator."
)


@dataclass(frozen=True, slots=True)
class CodeNeeded:
    """Somebody whom the provider knows, and whose account has a second factor here."""

    identity: OidcIdentity


def sign_in_by_oidc(
    database: Database,
    identity: OidcIdentity,
    *,
    code: str | None = None,
    second_factor: SecondFactor = "administrators",
    now: datetime,
    origin: str | None = None,
    request_id: str | None = None,
) -> SignedIn | CodeNeeded:
    """Return a sign-in, or that the code of the second factor is to be asked for.

    The second factor is the same as with a password: the provider's own isn't taken for it. In a
    transaction of its own, as `sign_in`.

    Parameters
    ----------
    code : of the second factor, None where it hasn't been asked for

    Raises
    ------
    OidcRefused : reason account: there is none of this name, it has ended, is locked, belongs to
        another subject, or lacks a second factor that it must have; it isn't told which
    SignInRefused : the code is wrong
    """
    with database.session_of(GridScope.of([])) as session:
        account = session.scalars(
            select(Account)
            .where(Account.name == identity.account_name, Account.ended_at.is_(None))
            .with_for_update()
        ).first()
        outcome = _outcome(session, account, identity, code, second_factor, now, origin)
        if not isinstance(outcome, CodeNeeded):
            access = Access(
                account.name if account is not None else "unknown",
                origin=origin,
                request_id=request_id,
            )
            done = "sign_in.oidc" if isinstance(outcome, SignedIn) else "sign_in.oidc_refused"
            record(session, access, done, object_kind="account")
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def record_oidc_refusal(
    database: Database, *, origin: str | None, request_id: str | None = None
) -> None:
    """Record that somebody came back from the provider with an answer that wasn't taken."""
    with database.session_of(GridScope.of([])) as session:
        access = Access("unknown", origin=origin, request_id=request_id)
        record(session, access, "sign_in.oidc_refused", object_kind="account")


def _outcome(
    session: Session,
    account: Account | None,
    identity: OidcIdentity,
    code: str | None,
    second_factor: SecondFactor,
    now: datetime,
    origin: str | None,
) -> SignedIn | CodeNeeded | OidcRefused | SignInRefused:
    refused = OidcRefused(_NOT_ADMITTED, reason="account")
    if account is None or is_locked(account, now):
        return refused
    tied = (account.oidc_issuer, account.oidc_subject)
    if tied not in ((None, None), (identity.issuer, identity.subject)):
        return refused
    other = session.scalar(
        select(Account.id).where(
            Account.oidc_issuer == identity.issuer,
            Account.oidc_subject == identity.subject,
            Account.id != account.id,
        )
    )
    if other is not None:  # one person over there is one account here, even after a new name
        return refused
    has_factor = totp_secret_of(session, account) is not None
    if has_factor and code is None:
        return CodeNeeded(identity)
    if not passes_second(session, account, code, second_factor, now):
        if not has_factor:
            return refused
        count_failure(account, now)
        return SignInRefused("The code is wrong, or was used already.")
    account.oidc_issuer, account.oidc_subject = identity.issuer, identity.subject
    return open_session(session, account, origin=origin, now=now, signed_in_by="oidc")


def forget_oidc_subject(session: Session, account: Account) -> None:
    """Untie an account from its subject at the provider; the next sign-in there ties it anew."""
    account.oidc_issuer, account.oidc_subject = None, None
    session.flush()
