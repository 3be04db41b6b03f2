"""One's own account: who one is here, the password, the sign-ins, the tokens."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.callers import CallerAccess, SignedInCaller
from api.dependencies import RowId, ServicesDep, SettingsDep, WriteSession, now, today
from api.schemas import own_account as schemas
from api.schemas.accounts import Token
from api.schemas.errors import error_responses, write_error_responses
from geo import accounts
from geo.accounts import Caller
from geo.audit import record
from geo.errors import NotPermitted
from geo.settings import Settings
from geo.store.scope import seeing_everything
from geo.tables import Account, AccountAssignment, ApiToken, Area, Grid

router = APIRouter(prefix="/account", tags=["session"])

SessionId = Annotated[RowId, Path(description="Number of the sign-in.")]
Now = Annotated[datetime, Depends(now)]
Today = Annotated[date, Depends(today)]


@router.get("", operation_id="get_own_account", summary="My account", responses=error_responses())
def get_own_account(
    session: WriteSession,
    caller: SignedInCaller,
    settings: SettingsDep,
    moment: Now,
    day: Today,
    response: Response,
) -> schemas.OwnAccount:
    """Name, role and what it sees; its sign-ins and the tokens of programs that act for it."""
    response.headers["Cache-Control"] = "no-store"
    _session_of(caller)
    return _shown(session, caller, settings, moment, day)


@router.post(
    "/password",
    status_code=204,
    operation_id="change_own_password",
    summary="Change my password",
    response_class=Response,
    responses=write_error_responses(429),
)
def change_own_password(
    services: ServicesDep,
    caller: SignedInCaller,
    access: CallerAccess,
    moment: Now,
    given: schemas.PasswordChange,
) -> Response:
    """All other sign-ins of the account end; this one goes on. Wrong tries count as at sign-in."""
    accounts.change_own_password(
        services.database, caller.account_id, given.old_password, given.password,
        session_id=_session_of(caller), access=access, now=moment,
    )  # fmt: skip
    return Response(status_code=204)


@router.post(
    "/sessions/{session_id}/end",
    operation_id="end_own_session",
    summary="End a sign-in of mine",
    responses=write_error_responses(404),
)
def end_own_session(
    session: WriteSession,
    caller: SignedInCaller,
    access: CallerAccess,
    settings: SettingsDep,
    moment: Now,
    day: Today,
    session_id: SessionId,
) -> schemas.OwnAccount:
    """Such as that of a phone that was lost."""
    _session_of(caller)
    accounts.end_own_session(session, caller.account_id, session_id, now=moment)
    record(session, access, "account.own_session_end", object_kind="account")
    return _shown(session, caller, settings, moment, day)


@router.post(
    "/tokens/end",
    operation_id="end_own_token",
    summary="End a token of mine",
    responses=write_error_responses(404),
)
def end_own_token(
    session: WriteSession,
    caller: SignedInCaller,
    access: CallerAccess,
    settings: SettingsDep,
    moment: Now,
    day: Today,
    given: schemas.OwnTokenEnding,
) -> schemas.OwnAccount:
    """All of that name. New ones are given out by the security administrator."""
    _session_of(caller)
    account = session.get_one(Account, caller.account_id)
    accounts.end_api_token(session, account, given.name, now=moment)
    record(session, access, "account.own_token_end", object_kind="account")
    return _shown(session, caller, settings, moment, day)


def _session_of(caller: Caller) -> int:
    """The sign-in of who asks.

    Raises
    ------
    NotPermitted : a program asks with a token, which is not for this
    """
    if caller.session_id is None:
        raise NotPermitted("This takes a sign-in, not a program's token.", wanted="sign-in")
    return caller.session_id


def _shown(
    session: Session, caller: Caller, settings: Settings, moment: datetime, day: date
) -> schemas.OwnAccount:
    account = session.get_one(Account, caller.account_id)
    held = session.scalars(
        select(AccountAssignment)
        .where(
            AccountAssignment.account_id == account.id,
            AccountAssignment.valid_to.is_(None) | (AccountAssignment.valid_to > day),
        )
        .order_by(AccountAssignment.id)
    ).all()
    names = _area_names(session, [each.area_code for each in held if each.area_code])
    tokens = session.scalars(
        select(ApiToken)
        .where(
            ApiToken.account_id == account.id,
            ApiToken.ended_at.is_(None),
            ApiToken.expires_at > moment,
        )
        .order_by(ApiToken.id)
    )
    sessions = accounts.own_sessions(
        session, account.id, now=moment,
        idle=timedelta(minutes=settings.session_idle_minutes),
        lasts=timedelta(hours=settings.session_hours),
    )  # fmt: skip
    codes = caller.scope.grid_codes
    return schemas.OwnAccount(
        name=account.name,
        shown_name=account.shown_name,
        role=account.role,
        permissions=sorted(caller.permissions),
        is_demo=account.is_demo,
        has_second_factor=account.totp_secret_sealed is not None,
        must_change_password=account.must_change_password,
        grid_count=None if codes is None else len(codes),
        assignments=[
            schemas.OwnAssignment(
                area_code=each.area_code,
                area_name=names.get(each.area_code or ""),
                valid_from=each.valid_from,
                valid_to=each.valid_to,
            )
            for each in held
        ],
        sessions=[
            schemas.OwnSession(
                id=each.id,
                created_at=each.created_at,
                seen_at=each.seen_at,
                origin=each.origin,
                signed_in_by=each.signed_in_by,
                is_this=each.id == caller.session_id,
            )
            for each in sessions
        ],
        tokens=[Token.model_validate(each) for each in tokens],
    )


def _area_names(session: Session, codes: list[str]) -> dict[str, str]:
    """The names of what one is assigned to, the latest of each."""
    with seeing_everything(session):
        areas = session.execute(
            select(Area.code, Area.name).where(Area.code.in_(codes)).order_by(Area.valid_from)
        ).all()
        grids = session.execute(
            select(Grid.grid_code, Grid.name)
            .where(Grid.grid_code.in_(codes))
            .order_by(Grid.valid_from)
        ).all()
    return {code: name for code, name in (*areas, *grids) if name}
