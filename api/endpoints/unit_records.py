"""What a leader keeps of a unit: its facts, members, roster, the tokens of its devices."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.callers import CallerAccess, SignedInCaller
from api.dependencies import ReadSession, RowId, Scope, WriteSession
from api.endpoints.units import (
    DeviceId,
    Now,
    UnitId,
    detail_of,
    is_member,
    require_lead,
)
from api.schemas.errors import error_responses, write_error_responses
from api.schemas.unit_records import (
    MemberList,
    MemberRecord,
    NewMember,
    ShiftList,
    UnitChanges,
    UnitEnd,
)
from api.schemas.units import NewDeviceToken, Shift, UnitDetail
from geo.accounts import Caller, Permission
from geo.audit import record
from geo.errors import InvalidInput, PatrolUnitNotFound
from geo.tables import PatrolDevice, PatrolUnit
from geo.units.changing import (
    UNCHANGED,
    Member,
    UnitChange,
    change_unit,
    end_unit,
    join_unit,
    leave_unit,
    members_of,
    take_off_roster,
)
from geo.units.devices import renew_device_token
from geo.units.units import get_unit, shifts_of
from geo.values import GridScope, LonLat, Period

router = APIRouter(prefix="/units", tags=["patrol units"])

ROSTER_MAX = timedelta(days=62)
MemberId = Annotated[RowId, Path(description="Number of the membership.")]
ShiftId = Annotated[RowId, Path(description="Number of the shift.")]


@router.patch(
    "/{unit_id}",
    operation_id="change_unit",
    summary="Change a unit",
    responses=write_error_responses(404, 409),
)
def change_one_unit(
    session: WriteSession, scope: Scope, caller: SignedInCaller, access: CallerAccess,
    moment: Now, unit_id: UnitId, given: UnitChanges,
) -> UnitDetail:  # fmt: skip
    """Name, kind, grids, skills, kit, home, last drill. For who leads units; 409 where it was
    changed since."""
    unit = get_unit(session, unit_id, scope=scope)
    require_lead(caller)
    named = given.model_fields_set
    home = LonLat(given.home.lon, given.home.lat) if given.home else None
    change = UnitChange(
        name=given.name, kind=given.kind, grid_codes=given.grid_codes, skills=given.skills,
        kit=given.kit, home=home if "home" in named else UNCHANGED,
        drilled_on=given.drilled_on if "drilled_on" in named else UNCHANGED,
    )  # fmt: skip
    change_unit(session, unit, change, scope=scope, expected_version=given.version)
    record(session, access, "unit.change", object_kind="patrol_unit", object_ref=str(unit.id))
    return detail_of(session, unit, moment)


@router.post(
    "/{unit_id}/end",
    operation_id="end_unit",
    summary="End a unit for good",
    responses=write_error_responses(404, 409),
)
def end_one_unit(
    session: WriteSession, scope: Scope, caller: SignedInCaller, access: CallerAccess,
    moment: Now, unit_id: UnitId, given: UnitEnd,
) -> UnitDetail:  # fmt: skip
    """Its shifts to come are taken off the roster, its devices end, its members leave; what was
    stays. For who leads units."""
    unit = get_unit(session, unit_id, scope=scope)
    require_lead(caller)
    end_unit(session, unit, expected_version=given.version, now=moment, ended_by=caller.name)
    record(session, access, "unit.end", object_kind="patrol_unit", object_ref=str(unit.id))
    return detail_of(session, unit, moment)


@router.get(
    "/{unit_id}/members",
    operation_id="list_unit_members",
    summary="Who belongs to a unit",
    responses=error_responses(404),
)
def list_unit_members(
    session: ReadSession, scope: Scope, caller: SignedInCaller, unit_id: UnitId,
    former: Annotated[bool, Query(description="Also those who have left.")] = False,
) -> MemberList:  # fmt: skip
    """With role and period. For its members, and who leads units."""
    unit = _own_or_led(session, caller, scope, unit_id)
    members = members_of(session, unit, with_former=former)
    return MemberList(members=[_member(each) for each in members])


@router.post(
    "/{unit_id}/members",
    operation_id="join_unit",
    summary="Let somebody belong to a unit",
    status_code=201,
    responses=write_error_responses(404),
)
def join_one_unit(
    session: WriteSession, scope: Scope, caller: SignedInCaller, access: CallerAccess,
    moment: Now, unit_id: UnitId, given: NewMember,
) -> MemberRecord:  # fmt: skip
    """From now on. Through this an account sees the unit's own record. For who leads units."""
    unit = get_unit(session, unit_id, scope=scope)
    require_lead(caller)
    row = join_unit(
        session, unit, role=given.role, account=given.account, shown_name=given.shown_name,
        now=moment,
    )  # fmt: skip
    record(session, access, "unit.add_member", object_kind="patrol_unit", object_ref=str(unit.id))
    found = members_of(session, unit, with_former=False)
    return _member(next(each for each in found if each.row.id == row.id))


@router.post(
    "/{unit_id}/members/{member_id}/leave",
    operation_id="leave_unit",
    summary="Let a member leave a unit",
    status_code=204,
    responses=write_error_responses(404),
)
def leave_one_unit(
    session: WriteSession, scope: Scope, caller: SignedInCaller, access: CallerAccess,
    moment: Now, unit_id: UnitId, member_id: MemberId,
) -> None:  # fmt: skip
    """From now on; that they belonged stays written. For who leads units."""
    unit = get_unit(session, unit_id, scope=scope)
    require_lead(caller)
    leave_unit(session, unit, member_id, now=moment)
    record(session, access, "unit.end_member", object_kind="patrol_unit", object_ref=str(unit.id))


@router.get(
    "/{unit_id}/shifts",
    operation_id="list_unit_shifts",
    summary="A unit's roster",
    responses=error_responses(404),
)
def list_unit_shifts(
    session: ReadSession, scope: Scope, caller: SignedInCaller, moment: Now, unit_id: UnitId,
    start: Annotated[
        datetime | None, Query(description="From then on, with a zone. Default: a day ago.")
    ] = None,
    end: Annotated[
        datetime | None, Query(description="Until then, 62 days at most. Default: in 14 days.")
    ] = None,
) -> ShiftList:  # fmt: skip
    """Shifts that touch the period. For its members, and who leads units."""
    unit = _own_or_led(session, caller, scope, unit_id)
    period = Period(start or moment - timedelta(days=1), end or moment + timedelta(days=14))
    if period.end - period.start > ROSTER_MAX:
        raise InvalidInput("A roster is shown for 62 days at most. Ask for less.", field="end")
    return ShiftList(
        shifts=[
            Shift(shift_id=each.id, unit_id=unit.id, starts_at=each.starts_at, ends_at=each.ends_at)
            for each in shifts_of(session, unit, period)
        ]
    )


@router.delete(
    "/{unit_id}/shifts/{shift_id}",
    operation_id="cancel_unit_shift",
    summary="Take a shift off the roster",
    status_code=204,
    responses=write_error_responses(404),
)
def cancel_unit_shift(
    session: WriteSession, scope: Scope, caller: SignedInCaller, access: CallerAccess,
    moment: Now, unit_id: UnitId, shift_id: ShiftId,
) -> None:  # fmt: skip
    """One that hasn't begun; one that runs is ended by off-duty. For who leads units."""
    unit = get_unit(session, unit_id, scope=scope)
    require_lead(caller)
    take_off_roster(session, unit, shift_id, now=moment)
    record(session, access, "unit.cancel_shift", object_kind="patrol_unit", object_ref=str(unit.id))


@router.post(
    "/{unit_id}/devices/{device_id}/token",
    operation_id="renew_unit_device_token",
    summary="Give a device another token",
    responses=write_error_responses(404),
)
def renew_unit_device_token(
    session: WriteSession, scope: Scope, caller: SignedInCaller, access: CallerAccess,
    unit_id: UnitId, device_id: DeviceId,
) -> NewDeviceToken:  # fmt: skip
    """The one before is worth nothing, after ten seconds at the latest. For who leads units."""
    unit = get_unit(session, unit_id, scope=scope)
    require_lead(caller)
    device = session.scalar(
        select(PatrolDevice).where(
            PatrolDevice.id == device_id, PatrolDevice.unit_id == unit.id,
            PatrolDevice.ended_at.is_(None),
        )
    )  # fmt: skip
    if device is None:
        raise PatrolUnitNotFound(
            f"Unit {unit.code} has no device {device_id}.", device_id=device_id
        )
    token = renew_device_token(session, device)
    record(session, access, "unit.renew_token", object_kind="patrol_unit", object_ref=str(unit.id))
    return NewDeviceToken(device_id=device.id, token=token)


def _own_or_led(session: Session, caller: Caller, scope: GridScope, unit_id: int) -> PatrolUnit:
    """The unit, of those that the caller leads or belongs to.

    Raises
    ------
    PatrolUnitNotFound : to anybody else its people aren't there
    """
    unit = get_unit(session, unit_id, scope=scope)
    if not (caller.may(Permission.LEAD) or is_member(session, unit, caller, scope)):
        raise PatrolUnitNotFound(f"There is no patrol unit {unit_id}.", unit_id=unit_id)
    return unit


def _member(member: Member) -> MemberRecord:
    return MemberRecord.model_validate(
        {
            "member_id": member.row.id, "name": member.shown_name, "account": member.account,
            "role": member.row.role, "joined_at": member.row.joined_at,
            "left_at": member.row.left_at,
        }
    )  # fmt: skip
