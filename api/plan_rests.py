"""How an assigned plan stands at a moment, who goes on, and what is left of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from geo.positions.reading import latest_positions, track_of
from geo.roads.modes import TravelMode
from geo.routes.plans import routes_of_plan
from geo.tables import DutyShift, PatrolPlan, PatrolRoute, PatrolUnit
from geo.units.units import get_unit
from geo.values import GridScope, LonLat, Period
from layers.routes.actual import PlannedStop, RouteOutcome, StopState, compare_route
from layers.routes.kept import KeptPlan, kept_of_json
from layers.routes.rest import Done, rest_of_plan
from layers.travel.times import TravelTimes

DOUBTS = ("off_duty", "not_on_roster", "silent")
SILENT = timedelta(minutes=10)  # after which it isn't known whether a unit goes on


def route_outcome(
    session: Session, route: PatrolRoute, unit: PatrolUnit, plan: PatrolPlan, moment: datetime
) -> RouteOutcome:
    """Return what became of a unit's route by a moment, in seconds from the plan's start."""
    fixes = track_of(session, unit, Period(route.starts_at, route.ends_at))

    def seconds(at: datetime | str) -> float:
        given = datetime.fromisoformat(at) if isinstance(at, str) else at
        return (given - plan.starts_at).total_seconds()

    return compare_route(
        [
            PlannedStop(s["lon"], s["lat"], seconds(s["begin_at"]), seconds(s["leave_at"]))
            for s in route.stops
        ],
        [leg["line"] for leg in route.legs],
        at_s=[seconds(fix.at) for fix in fixes],
        lon=[fix.lon for fix in fixes],
        lat=[fix.lat for fix in fixes],
        now_s=seconds(moment),
    )


def doubt_of(
    session: Session, route: PatrolRoute, unit: PatrolUnit, *, now: datetime
) -> str | None:
    """Return why a unit may not make the stops to come: `off_duty`, `not_on_roster`, `silent`;
    None: it goes on, or its route hasn't begun."""
    if not route.starts_at <= now < route.ends_at:
        return None
    if unit.ended_at is not None or unit.status == "off":
        return "off_duty"
    on_roster = select(DutyShift.id).where(
        DutyShift.unit_id == unit.id, DutyShift.starts_at <= now, DutyShift.ends_at > now
    )
    if session.scalar(on_roster.limit(1)) is None:
        return "not_on_roster"
    heard = [position.at for _, position in latest_positions(session, [unit])]
    known_since = max([route.starts_at, route.assigned_at, *heard])
    return "silent" if now - known_since > SILENT else None


def rest_of(
    session: Session,
    plan: PatrolPlan,
    *,
    scope: GridScope,
    without: Collection[int],
    travel: Mapping[TravelMode, TravelTimes],
    now: datetime,
) -> KeptPlan:
    """Return the unsolved rest of an assigned plan, for the units that are on duty and not among
    `without`. A unit that was last heard of on no road starts at home, as where nothing is known.

    Raises
    ------
    InvalidInput : nobody is left, or nothing to do
    """
    kept = kept_of_json(plan.content)
    mode_of = {unit.unit_id: unit.mode for unit in kept.units}
    visited: dict[tuple[str, int], int] = {}
    rested: set[tuple[str, int]] = set()
    left: dict[str, LonLat | None] = {}
    for route in routes_of_plan(session, plan.id):
        unit = get_unit(session, route.unit_id, scope=scope)
        outcome = route_outcome(session, route, unit, plan, now)
        for stop, made in zip(route.stops, outcome.stops, strict=True):
            if made.state not in (StopState.VISITED, StopState.LATE):
                continue
            if stop["place_id"] is None:
                rested.add((str(unit.id), stop["slot"]))
            else:
                assert made.begin_s is not None and made.stayed_s is not None
                visited[stop["place_id"], stop["slot"]] = round(made.begin_s + made.stayed_s)
        doubt = doubt_of(session, route, unit, now=now)
        if unit.id in without or doubt in ("off_duty", "not_on_roster"):
            continue
        left[str(unit.id)] = None
        for _, heard in latest_positions(session, [unit]):
            snapped = travel[mode_of[str(unit.id)]].snap([heard.lon], [heard.lat])
            if snapped.is_on_road[0]:
                left[str(unit.id)] = LonLat(heard.lon, heard.lat)
    at_s = round((now - plan.starts_at).total_seconds())
    return rest_of_plan(kept, Done(at_s, visited, rested), left=left, plan_id=plan.id)
