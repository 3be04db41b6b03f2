"""Patrol units: made, put on the roster, given devices; where one was."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from sqlalchemy.orm import Session

from api.callers import CallerAccess, SignedInCaller
from api.dependencies import ReadSession, RowId, Scope, WriteSession, now
from api.schemas.errors import error_responses, write_error_responses
from api.schemas.roads import Place
from api.schemas.units import (
    DeviceState,
    DutyEnd,
    NewDevice,
    NewDeviceToken,
    NewShift,
    NewStatus,
    NewUnit,
    Shift,
    Track,
    TrackPoint,
    Unit,
    UnitDetail,
    UnitKind,
    UnitList,
)
from geo.accounts import Caller, Permission
from geo.audit import audited, record
from geo.errors import InvalidInput, NotPermitted, PatrolUnitNotFound
from geo.positions.reading import TRACK_MAX, device_reports, track_of
from geo.tables import PatrolUnit
from geo.units.devices import end_device, register_device
from geo.units.homes import homes_of
from geo.units.units import (
    create_unit,
    end_duty,
    find_units,
    get_unit,
    plan_shift,
    set_status,
    units_of_account,
)
from geo.values import GridScope, LonLat, Period

router = APIRouter(prefix="/units", tags=["patrol units"])

UnitId = Annotated[RowId, Path(description="Number of the unit.")]
DeviceId = Annotated[RowId, Path(description="Number of the device.")]
Now = Annotated[datetime, Depends(now)]


@router.get("", operation_id="list_units", summary="Patrol units", responses=error_responses())
def list_units(
    session: ReadSession,
    scope: Scope,
    kind: Annotated[UnitKind | None, Query(description="Only of this kind.")] = None,
) -> UnitList:
    """Those assigned to a grid of the caller, by code. Where they are is told elsewhere."""
    return UnitList(units=[shown(each) for each in find_units(session, scope=scope, kind=kind)])


@router.post(
    "",
    operation_id="create_unit",
    summary="Make a patrol unit",
    status_code=201,
    responses=write_error_responses(404, 409),
)
def make_unit(
    session: WriteSession, scope: Scope, caller: SignedInCaller, access: CallerAccess,
    given: NewUnit,
) -> Unit:  # fmt: skip
    """Off duty, in grids of the caller. For who leads units."""
    unit = create_unit(
        session, given.code, given.name, scope=scope, kind=given.kind,
        grid_codes=given.grid_codes, skills=given.skills, kit=given.kit,
        home=LonLat(given.home.lon, given.home.lat) if given.home else None,
    )  # fmt: skip
    require_lead(caller)
    record(session, access, "unit.create", object_kind="patrol_unit", object_ref=str(unit.id))
    return shown(unit)


@router.get(
    "/{unit_id}",
    operation_id="get_unit",
    summary="One patrol unit, with how its devices do",
    responses=error_responses(404),
)
def get_one_unit(session: ReadSession, scope: Scope, moment: Now, unit_id: UnitId) -> UnitDetail:
    """Skew of each device's clock, and what was dropped in the last week and why."""
    return detail_of(session, get_unit(session, unit_id, scope=scope), moment)


def detail_of(session: Session, unit: PatrolUnit, moment: datetime) -> UnitDetail:
    """A unit with its devices, as it is answered."""
    devices = device_reports(session, unit, since=moment.date() - timedelta(days=7))
    home = homes_of(session, [unit.id]).get(unit.id)
    return UnitDetail(
        **shown(unit).model_dump(),
        version=unit.version,
        home=home and Place(lon=home.longitude, lat=home.latitude),
        drilled_on=unit.drilled_on,
        ended_at=unit.ended_at,
        devices=[
            DeviceState(
                device_id=each.device_id, name=each.name, rank=each.rank, skew_s=each.skew_s,
                ended_at=each.ended_at, dropped=each.dropped,
            )
            for each in devices
        ],
    )  # fmt: skip


@router.post(
    "/{unit_id}/status",
    operation_id="set_unit_status",
    summary="Say what a unit is doing",
    responses=write_error_responses(404),
)
def set_unit_status(
    session: WriteSession, scope: Scope, caller: SignedInCaller, moment: Now, unit_id: UnitId,
    given: NewStatus,
) -> Unit:  # fmt: skip
    """For its members, and who leads units."""
    unit = get_unit(session, unit_id, scope=scope)
    require_own_or_lead(session, unit, caller, scope)
    set_status(session, unit, given.status, now=moment, told_by=caller.name)
    return shown(unit)


@router.post(
    "/{unit_id}/shifts",
    operation_id="plan_unit_shift",
    summary="Put a unit on the roster",
    status_code=201,
    responses=write_error_responses(404),
)
def plan_unit_shift(
    session: WriteSession, scope: Scope, caller: SignedInCaller, access: CallerAccess,
    unit_id: UnitId, given: NewShift,
) -> Shift:  # fmt: skip
    """Its positions are stored within its shifts and at no other time. For who leads units."""
    unit = get_unit(session, unit_id, scope=scope)
    require_lead(caller)
    shift = plan_shift(
        session, unit, Period(given.starts_at, given.ends_at), planned_by=caller.name
    )
    record(session, access, "unit.plan_shift", object_kind="patrol_unit", object_ref=str(unit.id))
    return Shift(
        shift_id=shift.id, unit_id=unit.id, starts_at=shift.starts_at, ends_at=shift.ends_at
    )


@router.post(
    "/{unit_id}/off-duty",
    operation_id="end_unit_duty",
    summary="End the shift that runs now",
    responses=write_error_responses(404),
)
def end_unit_duty(
    session: WriteSession, scope: Scope, caller: SignedInCaller, moment: Now, unit_id: UnitId
) -> DutyEnd:
    """From then on nothing of it is stored. For its members, and who leads units."""
    unit = get_unit(session, unit_id, scope=scope)
    require_own_or_lead(session, unit, caller, scope)
    ended = end_duty(session, unit, now=moment)
    set_status(session, unit, "off", now=moment, told_by=caller.name)
    return DutyEnd(ended=ended)


@router.post(
    "/{unit_id}/devices",
    operation_id="register_unit_device",
    summary="Give a unit a device",
    status_code=201,
    responses=write_error_responses(404),
)
def register_unit_device(
    session: WriteSession, scope: Scope, caller: SignedInCaller, access: CallerAccess,
    unit_id: UnitId, given: NewDevice,
) -> NewDeviceToken:  # fmt: skip
    """The answer holds its token, once. For who leads units."""
    unit = get_unit(session, unit_id, scope=scope)
    require_lead(caller)
    device, token = register_device(session, unit, name=given.name, rank=given.rank)
    record(session, access, "unit.add_device", object_kind="patrol_unit", object_ref=str(unit.id))
    return NewDeviceToken(device_id=device.id, token=token)


@router.delete(
    "/{unit_id}/devices/{device_id}",
    operation_id="end_unit_device",
    summary="End a device",
    status_code=204,
    responses=write_error_responses(404),
)
def end_unit_device(
    session: WriteSession, scope: Scope, caller: SignedInCaller, access: CallerAccess,
    moment: Now, unit_id: UnitId, device_id: DeviceId,
) -> None:  # fmt: skip
    """Its token is worth nothing from then on, after ten seconds at the latest."""
    unit = get_unit(session, unit_id, scope=scope)
    require_lead(caller)
    end_device(session, unit, device_id, now=moment)
    record(session, access, "unit.end_device", object_kind="patrol_unit", object_ref=str(unit.id))


@router.get(
    "/{unit_id}/positions",
    operation_id="list_unit_positions",
    summary="Where a unit was",
    responses=error_responses(404),
)
def list_unit_positions(
    session: WriteSession, scope: Scope, caller: SignedInCaller, access: CallerAccess,
    moment: Now, unit_id: UnitId,
    start: Annotated[
        datetime | None, Query(description="From then on, with a zone. Default: an hour ago.")
    ] = None,
    end: Annotated[datetime | None, Query(description="Until then. Default: now.")] = None,
) -> Track:  # fmt: skip
    """At most a day. A member sees their own; who leads units gives a purpose and a case. Each
    look is audited."""
    unit = get_unit(session, unit_id, scope=scope)
    is_own = is_member(session, unit, caller, scope)
    if not (is_own or caller.may(Permission.LEAD)):
        raise PatrolUnitNotFound(f"There is no patrol unit {unit_id}.", unit_id=unit_id)
    until = end or moment
    period = Period(start or until - timedelta(hours=1), until)
    if period.end - period.start > TRACK_MAX:
        raise InvalidInput("A track is shown for a day at most. Ask for less.", field="end")
    with audited(
        session, access, "unit.read_track", object_kind="patrol_unit", object_ref=str(unit.id),
        about_persons=not is_own,
    ) as read:  # fmt: skip
        rows = track_of(session, unit, period)
        read.row_count = len(rows)
    return Track(
        unit_id=unit.id,
        positions=[
            TrackPoint(
                at=row.at, lon=row.lon, lat=row.lat, accuracy_m=row.accuracy_m,
                speed_mps=row.speed_mps, device_id=row.device_id,
            )
            for row in rows
        ],
    )  # fmt: skip


def shown(unit: PatrolUnit) -> Unit:
    """A unit as it is answered."""
    return Unit.model_validate(
        {
            "unit_id": unit.id, "code": unit.code, "name": unit.name, "kind": unit.kind,
            "grid_codes": unit.grid_codes, "skills": unit.skills, "kit": unit.kit,
            "status": unit.status,
        }
    )  # fmt: skip


def is_member(session: Session, unit: PatrolUnit, caller: Caller, scope: GridScope) -> bool:
    """Whether the caller belongs to the unit."""
    own = units_of_account(session, caller.account_id, scope=scope)
    return any(each.id == unit.id for each in own)


def require_lead(caller: Caller) -> None:
    """Refuse who doesn't lead units.

    Raises
    ------
    NotPermitted
    """
    if not caller.may(Permission.LEAD):
        raise NotPermitted(
            f"This takes the permission to lead units, which {caller.role} or this token hasn't.",
            wanted=str(Permission.LEAD),
        )


def require_own_or_lead(
    session: Session, unit: PatrolUnit, caller: Caller, scope: GridScope
) -> None:
    """Refuse who neither belongs to the unit nor leads units.

    Raises
    ------
    NotPermitted
    """
    if not is_member(session, unit, caller, scope):
        require_lead(caller)
