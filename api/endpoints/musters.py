"""Musters (一呼百应): a leader calls units to a place; they answer, arrive, are let go."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from geoalchemy2.shape import to_shape
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from api.arrivals import approaches
from api.callers import CallerAccess, SignedInCaller
from api.dependencies import RowId, Scope, ServicesDep, SettingsDep, WriteSession, lonlat_of, now
from api.endpoints.unit_board import own_units
from api.endpoints.units import require_lead
from api.registers import WritingDep
from api.schemas.errors import error_responses, write_error_responses
from api.schemas.musters import (
    CalledUnit,
    MoreUnits,
    Muster,
    MusterEntry,
    MusterFigures,
    MusterList,
    MusterSummary,
    NearestChoice,
    NewMuster,
    Refusal,
)
from api.services import Services
from geo import tables
from geo.accounts import Caller, Permission
from geo.audit import Access, record
from geo.errors import InvalidCoordinate, InvalidInput, MusterNotFound, NotPermitted
from geo.incidents.reading import get_incident
from geo.musters import answering, calling
from geo.musters.reading import (
    calls_of,
    figures_of,
    find_musters,
    get_muster,
    log_of,
    state_of_call,
)
from geo.register import get_standard_address
from geo.registers.answers import WriteAnswer
from geo.registers.writing import find_replay, keep_answer
from geo.response_sites import load_sites
from geo.settings import Settings
from geo.units.units import get_unit, units_of_account
from geo.values import GridScope, LonLat

router = APIRouter(prefix="/musters", tags=["musters"])

MusterId = Annotated[RowId, Path(description="Number of the muster.")]
UnitId = Annotated[RowId, Path(description="Number of the unit.")]
Now = Annotated[datetime, Depends(now)]


@router.post(
    "",
    operation_id="call_muster",
    summary="Call units to a place",
    status_code=201,
    responses=write_error_responses(404, 409),
)
def call_muster(
    session: WriteSession, services: ServicesDep, settings: SettingsDep, scope: Scope,
    caller: SignedInCaller, access: CallerAccess, writing: WritingDep, moment: Now,
    given: NewMuster,
) -> Muster:  # fmt: skip
    """Named ones, or the nearest suitable. For who leads units; audited. Sent again with the same
    `Idempotency-Key` nobody is called twice."""
    place, name = _place_of(session, given, scope, settings, moment)
    if given.incident_id is not None:
        get_incident(session, given.incident_id, scope=scope)
    if (given.unit_ids is None) == (given.nearest is None):
        raise InvalidInput(
            "Name unit_ids, or ask for the nearest: one of the two.", field="unit_ids"
        )
    units = [get_unit(session, each, scope=scope) for each in given.unit_ids or []]
    require_lead(caller)
    request = given.model_dump(mode="json")
    if (before := find_replay(session, writing, "muster", request)) is not None:
        return _told(session, services, caller, scope, before.record_id, moment)
    if given.nearest is not None:
        units = _nearest(session, services, caller, scope, given.nearest, place, moment)
    muster = calling.call_muster(
        session, units, place, reason=given.reason, now=moment, called_by=caller.name,
        place_name=given.place_name or name, within_m=given.within_m,
        incident_id=given.incident_id,
    )  # fmt: skip
    record(session, access, "muster.call", object_kind="muster", object_ref=str(muster.id),
           row_count=len(units))  # fmt: skip
    keep_answer(
        session, writing, "muster", request, WriteAnswer("muster", muster.id, 1, (), 1.0, None)
    )
    return _changed(session, services, caller, scope, muster.id, moment)


@router.get("", operation_id="list_musters", summary="Musters", responses=error_responses())
def list_musters(
    session: WriteSession, scope: Scope, caller: SignedInCaller, access: CallerAccess,
    only_open: Annotated[bool, Query(description="Only those that aren't over.")] = False,
) -> MusterList:  # fmt: skip
    """The newest 100 to which a unit was called that the caller leads or belongs to. Audited."""
    found = find_musters(session, own_units(session, caller, scope), only_open=only_open)
    record(session, access, "muster.list", object_kind="muster", row_count=len(found))
    return MusterList(musters=[MusterSummary(**_summary(session, each)) for each in found])


@router.get(
    "/{muster_id}", operation_id="get_muster", summary="One muster", responses=error_responses(404)
)
def get_one_muster(
    session: WriteSession, services: ServicesDep, scope: Scope, caller: SignedInCaller,
    access: CallerAccess, moment: Now, muster_id: MusterId,
) -> Muster:  # fmt: skip
    """Who acknowledged, who is how far, who has arrived, of the units that the caller leads or
    belongs to; and the log. Audited."""
    found = _told(session, services, caller, scope, muster_id, moment)
    record(session, access, "muster.read", object_kind="muster", object_ref=str(muster_id),
           row_count=len(found.units))  # fmt: skip
    return found


@router.post(
    "/{muster_id}/units",
    operation_id="call_more_units",
    summary="Call more units to a muster",
    responses=write_error_responses(404, 409),
)
def call_more_units(
    session: WriteSession, services: ServicesDep, scope: Scope, caller: SignedInCaller,
    access: CallerAccess, moment: Now, muster_id: MusterId, given: MoreUnits,
) -> Muster:  # fmt: skip
    """Also those that declined or were stood down, anew. For who leads units; audited."""
    muster = _muster(session, caller, scope, muster_id)
    units = [get_unit(session, each, scope=scope) for each in given.unit_ids]
    require_lead(caller)
    calling.call_more(session, muster, units, now=moment, called_by=caller.name)
    record(session, access, "muster.call", object_kind="muster", object_ref=str(muster_id),
           row_count=len(units))  # fmt: skip
    return _changed(session, services, caller, scope, muster_id, moment)


@router.post(
    "/{muster_id}/units/{unit_id}/acknowledge",
    operation_id="acknowledge_muster",
    summary="Say that a unit comes",
    responses=write_error_responses(404, 409),
)
def acknowledge_muster(
    session: WriteSession, services: ServicesDep, scope: Scope, caller: SignedInCaller,
    access: CallerAccess, moment: Now, muster_id: MusterId, unit_id: UnitId,
) -> Muster:  # fmt: skip
    """The unit is on its way from then on. The first time counts. For its members, and who leads
    units (by radio)."""
    muster, unit = _own_call(session, caller, scope, muster_id, unit_id)
    answering.acknowledge(session, muster, unit, now=moment, told_by=caller.name)
    _note(session, access, "muster.acknowledge", muster_id)
    return _changed(session, services, caller, scope, muster_id, moment)


@router.post(
    "/{muster_id}/units/{unit_id}/decline",
    operation_id="decline_muster",
    summary="Say that a unit can't come, and why",
    responses=write_error_responses(404, 409),
)
def decline_muster(
    session: WriteSession, services: ServicesDep, scope: Scope, caller: SignedInCaller,
    access: CallerAccess, moment: Now, muster_id: MusterId, unit_id: UnitId, given: Refusal,
) -> Muster:  # fmt: skip
    """For its members, and who leads units."""
    muster, unit = _own_call(session, caller, scope, muster_id, unit_id)
    answering.decline(session, muster, unit, given.reason, now=moment, told_by=caller.name)
    _note(session, access, "muster.decline", muster_id)
    return _changed(session, services, caller, scope, muster_id, moment)


@router.post(
    "/{muster_id}/units/{unit_id}/check-in",
    operation_id="check_in_at_muster",
    summary="Say that a unit is there",
    responses=write_error_responses(404, 409),
)
def check_in_at_muster(
    session: WriteSession, services: ServicesDep, scope: Scope, caller: SignedInCaller,
    access: CallerAccess, moment: Now, muster_id: MusterId, unit_id: UnitId,
) -> Muster:  # fmt: skip
    """Where no position says so first. For its members, and who leads units."""
    muster, unit = _own_call(session, caller, scope, muster_id, unit_id)
    answering.check_in(session, muster, unit, now=moment, told_by=caller.name)
    _note(session, access, "muster.check_in", muster_id)
    return _changed(session, services, caller, scope, muster_id, moment)


@router.post(
    "/{muster_id}/units/{unit_id}/stand-down",
    operation_id="stand_down_unit",
    summary="Let a unit go",
    responses=write_error_responses(404, 409),
)
def stand_down_unit(
    session: WriteSession, services: ServicesDep, scope: Scope, caller: SignedInCaller,
    access: CallerAccess, moment: Now, muster_id: MusterId, unit_id: UnitId,
) -> Muster:  # fmt: skip
    """It is free again. For who leads units."""
    muster, unit = _own_call(session, caller, scope, muster_id, unit_id)
    require_lead(caller)
    calling.stand_down(session, muster, unit, now=moment, told_by=caller.name)
    _note(session, access, "muster.stand_down", muster_id)
    return _changed(session, services, caller, scope, muster_id, moment)


@router.post(
    "/{muster_id}/end",
    operation_id="end_muster",
    summary="End a muster",
    responses=write_error_responses(404),
)
def end_muster(
    session: WriteSession, services: ServicesDep, scope: Scope, caller: SignedInCaller,
    access: CallerAccess, moment: Now, muster_id: MusterId,
) -> Muster:  # fmt: skip
    """Its units are free again; times stay. For who leads all units that were called."""
    muster = _muster(session, caller, scope, muster_id)
    require_lead(caller)
    seen = calls_of(session, muster, own_units(session, caller, scope))
    if len(seen) < figures_of(session, muster).called:
        raise NotPermitted(
            "Units outside of your grids were called as well. Who leads them all ends it; you can "
            "stand down your own.",
            wanted=str(Permission.LEAD),
        )
    calling.end_muster(session, muster, now=moment, ended_by=caller.name)
    _note(session, access, "muster.end", muster_id)
    return _changed(session, services, caller, scope, muster_id, moment)


def _place_of(
    session: Session, given: NewMuster, scope: GridScope, settings: Settings, moment: datetime
) -> tuple[LonLat, str | None]:
    """The place and what it is called."""
    told = [given.lon is not None or given.lat is not None, given.address_id is not None,
            given.site_code is not None]  # fmt: skip
    if sum(told) != 1:
        raise InvalidCoordinate(
            "Name one place: lon and lat, or address_id, or site_code.", field="lon"
        )
    if given.address_id is not None:
        address = get_standard_address(session, given.address_id, scope=scope)
        if address.geom is None:
            raise InvalidCoordinate(
                f"Address {given.address_id} has no coordinates. Give lon and lat.",
                field="address_id",
            )
        point: Any = to_shape(address.geom)
        return LonLat(point.x, point.y), address.canonical_text
    if given.site_code is not None:
        for site in load_sites(session, on=settings.local_day(moment)):
            if site.code == given.site_code:
                return site.place, site.name
        raise InvalidCoordinate(f"There is no site {given.site_code}.", field="site_code")
    if given.lon is None or given.lat is None:
        raise InvalidCoordinate("lon and lat go together. Give both.", field="lon")
    return lonlat_of(given.lon, given.lat, given.datum), None


def _nearest(
    session: Session, services: Services, caller: Caller, scope: GridScope, choice: NearestChoice,
    place: LonLat, moment: datetime,
) -> list[tables.PatrolUnit]:  # fmt: skip
    """The suitable units on duty that arrive first, and aren't called elsewhere."""
    suitable = [
        unit
        for unit in own_units(session, caller, scope)
        if (not choice.kinds or unit.kind in choice.kinds)
        and unit.status in choice.statuses
        and set(choice.skills) <= set(unit.skills)
    ]
    on_duty = calling.on_duty_of(session, suitable, now=moment)
    found = approaches(
        services, session, [unit for unit in suitable if unit.id in on_duty], place, now=moment
    )
    free = [each.unit for each in found if not calling.is_called(session, each.unit)]
    return free[: choice.wanted]


def _muster(session: Session, caller: Caller, scope: GridScope, muster_id: int) -> tables.Muster:
    return get_muster(session, muster_id, own_units(session, caller, scope))


def _own_call(
    session: Session, caller: Caller, scope: GridScope, muster_id: int, unit_id: int
) -> tuple[tables.Muster, tables.PatrolUnit]:
    """A muster and a unit that the caller leads or belongs to.

    Raises
    ------
    MusterNotFound : to anybody else it isn't there
    """
    units = own_units(session, caller, scope)
    muster = get_muster(session, muster_id, units)
    for unit in units:
        if unit.id == unit_id:
            return muster, unit
    raise MusterNotFound(f"Unit {unit_id} isn't called to muster {muster_id}.")


def _changed(
    session: Session, services: Services, caller: Caller, scope: GridScope, muster_id: int,
    moment: datetime,
) -> Muster:  # fmt: skip
    """What is answered; who watches is told once it is committed."""
    event.listen(session, "after_commit", lambda _: services.musters.wake(), once=True)
    return _told(session, services, caller, scope, muster_id, moment)


def _told(
    session: Session, services: Services, caller: Caller, scope: GridScope, muster_id: int,
    moment: datetime,
) -> Muster:  # fmt: skip
    units = own_units(session, caller, scope)
    muster = get_muster(session, muster_id, units)
    calls = calls_of(session, muster, units)
    mine = {each.id for each in units_of_account(session, caller.account_id, scope=scope)}
    awaited = [
        unit
        for call, unit in calls
        if muster.ended_at is None and state_of_call(call) in ("called", "acknowledged")
    ]
    place = LonLat(muster.lon, muster.lat)
    ways = {
        each.unit.id: each for each in approaches(services, session, awaited, place, now=moment)
    }
    summary = _summary(session, muster)
    leads_all = caller.may(Permission.LEAD) and len(calls) == summary["figures"].called
    return Muster(
        **summary,
        may_end=leads_all,
        units=[
            CalledUnit.model_validate(
                {
                    "unit_id": unit.id, "code": unit.code, "name": unit.name, "kind": unit.kind,
                    "status": unit.status, "is_own": unit.id in mine,
                    "state": state_of_call(call), "called_at": call.called_at,
                    "acknowledged_at": call.acknowledged_at, "declined_at": call.declined_at,
                    "decline_reason": call.decline_reason, "arrived_at": call.arrived_at,
                    "arrived_how": call.arrived_how, "stood_down_at": call.stood_down_at,
                    "distance_m": round(way.distance_m, 1) if way else None,
                    "p50_s": round(way.p50_s, 1) if way and way.p50_s is not None else None,
                    "p90_s": round(way.p90_s, 1) if way and way.p90_s is not None else None,
                    "position_state": way.state if way else None,
                }
            )
            for call, unit in calls
            for way in [ways.get(unit.id)]
        ],
        log=[
            MusterEntry.model_validate(each, from_attributes=True)
            for each in log_of(session, muster, [unit for _, unit in calls])
        ],
    )  # fmt: skip


def _summary(session: Session, muster: tables.Muster) -> dict[str, Any]:
    return {
        "muster_id": muster.id, "reason": muster.reason, "place_name": muster.place_name,
        "lon": round(muster.lon, 7), "lat": round(muster.lat, 7), "within_m": muster.within_m,
        "incident_id": _seen_incident(session, muster), "called_at": muster.called_at,
        "called_by": muster.called_by, "ended_at": muster.ended_at, "ended_by": muster.ended_by,
        "figures": MusterFigures.model_validate(figures_of(session, muster), from_attributes=True),
    }  # fmt: skip


def _seen_incident(session: Session, muster: tables.Muster) -> int | None:
    """The number of its incident, where the caller sees that."""
    if muster.incident_id is None:
        return None
    asked = select(tables.Incident.id).where(tables.Incident.id == muster.incident_id)
    return session.scalar(asked)


def _note(session: Session, access: Access, action: str, muster_id: int) -> None:
    record(session, access, action, object_kind="muster", object_ref=str(muster_id), row_count=1)
