"""Accounts, for the security administrator alone. Each change is audited.

Nobody gives out or changes an administrator over HTTP: who could set the audit administrator's
password could be them. That is done on the command line, by who owns the data folder.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.callers import CallerAccess
from api.dependencies import RowId, SoundText, WriteSession, now, today
from api.schemas import accounts as schemas
from api.schemas.errors import error_responses, write_error_responses
from geo import accounts
from geo.accounts import ADMINISTRATORS
from geo.accounts.passwords import new_password
from geo.audit import Access, record
from geo.errors import AccountNotFound, InvalidInput, NotPermitted
from geo.store.scope import seeing_everything
from geo.tables import Account, AccountAssignment, ApiToken, Area, Grid, StandardAddress

router = APIRouter(prefix="/accounts", tags=["accounts"])

Name = Annotated[SoundText, Path(max_length=40, description="Name of the account.")]
AssignmentId = Annotated[RowId, Path(description="Number of the assignment.")]
Now = Annotated[datetime, Depends(now)]
Today = Annotated[date, Depends(today)]
CHANGES = write_error_responses(404, 409)


@router.get("", operation_id="list_accounts", summary="All accounts", responses=error_responses())
def list_accounts(
    session: WriteSession,
    day: Today,
    response: Response,
    ended: Annotated[bool, Query(description="Those that ended, too.")] = False,
) -> schemas.AccountList:
    """By name, with what they see and their tokens."""
    response.headers["Cache-Control"] = "no-store"
    rows = accounts.find_accounts(session, with_ended=ended)
    return schemas.AccountList(accounts=[_shown(session, row, day) for row in rows])


@router.post(
    "",
    status_code=201,
    operation_id="create_account",
    summary="Make an account",
    responses=CHANGES,
)
def create_account(
    session: WriteSession,
    access: CallerAccess,
    day: Today,
    response: Response,
    given: schemas.AccountOpening,
) -> schemas.Secrets:
    """Its password is in the answer and nowhere else, and must be changed before anything else. It
    sees no place until it is assigned one."""
    password = new_password()
    account = accounts.create_account(
        session,
        given.name,
        password,
        role=given.role,
        shown_name=given.shown_name,
        must_change_password=True,
    )
    _note(session, access, "account.create", account)
    return _secrets(session, account, day, response, password=password)


@router.post(
    "/{name}/password",
    operation_id="reset_password",
    summary="Give an account another password",
    responses=CHANGES,
)
def reset_password(
    session: WriteSession,
    access: CallerAccess,
    day: Today,
    moment: Now,
    response: Response,
    name: Name,
) -> schemas.Secrets:
    """It is unlocked, signed out everywhere, and must change it before anything else."""
    account = _changeable(session, name)
    password = new_password()
    accounts.set_password(session, account, password, now=moment, must_change_password=True)
    _note(session, access, "account.password", account)
    return _secrets(session, account, day, response, password=password)


@router.post(
    "/{name}/totp",
    operation_id="reset_totp",
    summary="Give an account another second factor",
    responses=CHANGES,
)
def reset_totp(
    session: WriteSession, access: CallerAccess, day: Today, response: Response, name: Name
) -> schemas.Secrets:
    """What an authenticator application reads is in the answer and nowhere else."""
    account = _changeable(session, name)
    secret = accounts.new_totp_secret()
    accounts.set_totp_secret(session, account, secret)
    _note(session, access, "account.totp", account)
    return _secrets(
        session, account, day, response, totp_uri=accounts.totp_uri(secret, account.name)
    )


@router.post("/{name}/end", operation_id="end_account", summary="End an account", responses=CHANGES)
def end_account(
    session: WriteSession, access: CallerAccess, day: Today, moment: Now, name: Name
) -> schemas.Account:
    """It is signed out at once and its tokens end. Its name stays taken."""
    account = _changeable(session, name)
    accounts.end_account(session, account, now=moment)
    _note(session, access, "account.end", account)
    session.flush()
    return _shown(session, account, day)


@router.post(
    "/{name}/assignments",
    operation_id="assign_account",
    summary="Let an account see an area",
    responses=CHANGES,
)
def assign_account(
    session: WriteSession,
    access: CallerAccess,
    day: Today,
    name: Name,
    given: schemas.AssignmentGiving,
) -> schemas.Account:
    """An area of any level, a grid, or everything, for some days."""
    account = _changeable(session, name)
    if given.area_code is not None:
        _require_area(session, given.area_code)
    accounts.assign(
        session, account, given.area_code, valid_from=given.valid_from, valid_to=given.valid_to
    )
    _note(session, access, "account.assign", account)
    return _shown(session, account, day)


@router.post(
    "/{name}/assignments/{assignment_id}/end",
    operation_id="end_assignment",
    summary="End what an account sees",
    responses=CHANGES,
)
def end_assignment(
    session: WriteSession,
    access: CallerAccess,
    day: Today,
    name: Name,
    assignment_id: AssignmentId,
    given: schemas.AssignmentEnding,
) -> schemas.Account:
    """From a day on; one that would begin later never holds."""
    account = _changeable(session, name)
    assignment = session.get(AccountAssignment, assignment_id)
    if assignment is None or assignment.account_id != account.id:
        raise AccountNotFound(f"Account {account.name} has no assignment {assignment_id}.")
    accounts.end_assignment(session, assignment, on=given.on)
    _note(session, access, "account.assignment_end", account)
    return _shown(session, account, day)


@router.put(
    "/{name}/home-address",
    operation_id="set_home_address",
    summary="Say where the person of an account lives",
    responses=CHANGES,
)
def set_home_address(
    session: WriteSession,
    access: CallerAccess,
    day: Today,
    name: Name,
    given: schemas.HomeAddress,
) -> schemas.Account:
    """For one thing: that the audit administrator sees who reads what is at their own address."""
    account = accounts.get_account(session, name)
    wanted = given.standard_address_id
    with seeing_everything(session):
        if wanted is not None and session.get(StandardAddress, wanted) is None:
            raise InvalidInput(
                f"There is no standard address {wanted}.", field="standard_address_id"
            )
    account.home_address_id = wanted
    _note(session, access, "account.home_address", account)
    return _shown(session, account, day)


@router.post(
    "/{name}/tokens",
    status_code=201,
    operation_id="create_token",
    summary="Make a token for a program",
    responses=CHANGES,
)
def create_token(
    session: WriteSession,
    access: CallerAccess,
    day: Today,
    moment: Now,
    response: Response,
    name: Name,
    given: schemas.TokenOpening,
) -> schemas.Secrets:
    """It reads, writes, or sees the units that the account leads, as far as the account may; it is
    in the answer and nowhere else."""
    account = _changeable(session, name)
    token = accounts.create_api_token(
        session,
        account,
        given.name,
        scopes=[
            "read",
            *(["write"] if given.may_write else []),
            *(["lead"] if given.leads else []),
        ],
        lasts=timedelta(days=given.days),
        now=moment,
    )
    action = "account.token_lead" if given.leads else "account.token"
    _note(session, access, action, account)
    return _secrets(session, account, day, response, token=token)


@router.post(
    "/{name}/tokens/end", operation_id="end_token", summary="End a token", responses=CHANGES
)
def end_token(
    session: WriteSession,
    access: CallerAccess,
    day: Today,
    moment: Now,
    name: Name,
    given: schemas.TokenEnding,
) -> schemas.Account:
    """All of that name."""
    account = _changeable(session, name)
    accounts.end_api_token(session, account, given.name, now=moment)
    _note(session, access, "account.token_end", account)
    return _shown(session, account, day)


def _changeable(session: Session, name: str) -> Account:
    account = accounts.get_account(session, name)
    if account.role in ADMINISTRATORS:
        raise NotPermitted(
            f"Account {account.name} is an administrator's. Those are changed on the command line: "
            "gridbeat accounts …",
            wanted="command line",
        )
    return account


def _require_area(session: Session, code: str) -> None:
    with seeing_everything(session):
        found = session.scalar(select(Area.id).where(Area.code == code).limit(1))
        found = found or session.scalar(select(Grid.id).where(Grid.grid_code == code).limit(1))
    if found is None:
        raise InvalidInput(
            f"There is no area and no grid {code}. Give the code of a province down to a "
            "community, or of a grid.",
            field="area_code",
        )


def _note(session: Session, access: Access, action: str, account: Account) -> None:
    record(session, access, action, object_kind="account", object_ref=account.name)


def _secrets(
    session: Session,
    account: Account,
    day: date,
    response: Response,
    *,
    password: str | None = None,
    totp_uri: str | None = None,
    token: str | None = None,
) -> schemas.Secrets:
    response.headers["Cache-Control"] = "no-store"
    return schemas.Secrets(
        account=_shown(session, account, day), password=password, totp_uri=totp_uri, token=token
    )


def _shown(session: Session, account: Account, day: date) -> schemas.Account:
    assignments = session.scalars(
        select(AccountAssignment)
        .where(
            AccountAssignment.account_id == account.id,
            AccountAssignment.valid_to.is_(None) | (AccountAssignment.valid_to > day),
        )
        .order_by(AccountAssignment.id)
    )
    tokens = session.scalars(
        select(ApiToken)
        .where(ApiToken.account_id == account.id, ApiToken.ended_at.is_(None))
        .order_by(ApiToken.id)
    )
    same = ("name", "shown_name", "role", "is_demo", "locked_until", "home_address_id", "ended_at")
    return schemas.Account(
        **{name: getattr(account, name) for name in same},
        created_at=account.created_at,
        has_second_factor=account.totp_secret_sealed is not None,
        may_change=account.role not in ADMINISTRATORS and account.ended_at is None,
        assignments=[schemas.Assignment.model_validate(each) for each in assignments],
        tokens=[schemas.Token.model_validate(each) for each in tokens],
    )
