"""Patrol plans: who and what could be planned; drafted, solved, edited, assigned, compared.

For who leads units; a member of a unit sees its own route.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import AwareDatetime
from sqlalchemy.orm import Session

from api.callers import CallerAccess, SignedInCaller
from api.dependencies import (
    ReadSession,
    RowId,
    Scope,
    ServicesDep,
    WriteSession,
    now,
)
from api.endpoints.units import require_lead
from api.plan_drafts import candidates_of, drafted
from api.plan_rests import doubt_of, rest_of, route_outcome
from api.schemas.errors import error_responses, write_error_responses
from api.schemas.patrol_plans import (
    CandidateList,
    NewPlan,
    OwnRoute,
    OwnRouteList,
    OwnStop,
    Plan,
    PlanActual,
    PlanCandidate,
    PlanDecision,
    PlanEdit,
    PlanForeseeable,
    PlanLeftOut,
    PlanList,
    PlanRoute,
    PlanStop,
    PlanSummary,
    PlanUnit,
    PlanUnmet,
    RestOrder,
    RouteActual,
    SolveOrder,
    Solving,
    StopActual,
)
from api.services import Services
from geo.accounts import Permission
from geo.audit import record
from geo.errors import InvalidInput, PatrolPlanNotFound, PatrolUnitNotFound
from geo.roads.modes import TravelMode
from geo.routes.gpx import route_gpx
from geo.routes.plans import (
    assign_plan,
    change_plan,
    create_plan,
    end_plan,
    find_plans,
    get_plan,
    routes_of_plan,
    routes_of_units,
)
from geo.tables import PatrolPlan, PatrolRoute, PatrolUnit
from geo.units.units import get_unit, units_of_account
from geo.values import GridScope, Period
from layers.routes.actual import StopState
from layers.routes.candidates import (
    units_on_duty,
)
from layers.routes.kept import KeptPlan, kept_of_json, kept_to_json
from layers.routes.near_equal import Predictability
from layers.routes.planning import assigned_routes, edited, seen
from layers.travel.times import TravelTimes

router = APIRouter(prefix="/patrol-plans", tags=["patrol plans"])

PLAN_MAX = timedelta(hours=24)
DIGITS = 4
Now = Annotated[datetime, Depends(now)]
PlanId = Annotated[RowId, Path(description="Number of the plan.")]
UnitId = Annotated[RowId, Path(description="Number of the unit.")]


@router.get(
    "/candidates",
    operation_id="list_plan_candidates",
    summary="Who and what a shift's plan could hold",
    responses=error_responses(404),
)
def list_plan_candidates(
    session: ReadSession, services: ServicesDep, scope: Scope, caller: SignedInCaller, moment: Now,
    start: Annotated[AwareDatetime, Query(description="Begin of the shift, with its zone.")],
    end: Annotated[AwareDatetime, Query(description="Its end, a day later at most.")],
    hot_cells: Annotated[int, Query(ge=0, le=200, description="So many at most.")] = 30,
    slots: Annotated[int, Query(ge=1, le=12, description="Parts of the shift.")] = 3,
    dwell_min: Annotated[int, Query(ge=1, le=120, description="A stop at a hot cell.")] = 12,
) -> CandidateList:  # fmt: skip
    """Units on the roster, cells in which most incidents are expected, key places that want a
    patrol. Best first. For who leads units."""
    require_lead(caller)
    period = _period(start, end)
    units = [
        PlanUnit(
            unit_id=unit.id, code=unit.code, name=unit.name, kind=unit.kind,
            mode=services.roads.mode_of_kind(unit.kind), on_duty_from=duty.start,
            on_duty_until=duty.end, has_home=unit.home is not None,
        )
        for unit, duty in units_on_duty(session, period, scope=scope)
    ]  # fmt: skip
    found = candidates_of(
        session, services, period, scope, moment, hot_cells, slots, dwell_min * 60, 0
    )
    return CandidateList(
        units=units,
        places=[
            PlanCandidate(
                place_id=each.place.place_id, kind=each.place.kind.value, name=each.place.name,
                lon=each.place.at.longitude, lat=each.place.at.latitude, grid_code=each.grid_code,
                prize=round(sum(slot.prize for slot in each.place.slots), 2),
                visits=len(each.place.slots), dwell_min=each.place.dwell_s / 60,
                expected=each.expected, recent_min=each.recent_min, reason=each.place.reason,
            )
            for each in found.found
        ],
        too_few_incidents=found.too_few,
    )  # fmt: skip


@router.get(
    "",
    operation_id="list_patrol_plans",
    summary="Patrol plans",
    responses=error_responses(),
)
def list_patrol_plans(session: ReadSession, scope: Scope, caller: SignedInCaller) -> PlanList:
    """The latest shift first, a hundred at most: those whose places all lie in the caller's grids.
    For who leads units."""
    require_lead(caller)
    return PlanList(plans=[_summary(plan) for plan in find_plans(session, scope=scope)])


@router.post(
    "",
    operation_id="create_patrol_plan",
    summary="Make a patrol plan and solve it",
    status_code=201,
    responses=write_error_responses(404, 409),
)
def create_patrol_plan(
    services: ServicesDep, scope: Scope, caller: SignedInCaller, access: CallerAccess,
    moment: Now, given: NewPlan,
) -> Plan:  # fmt: skip
    """The search goes on after the answer; ask for the plan to see how far it is. For who leads
    units."""
    require_lead(caller)
    period = _period(given.starts_at, given.ends_at)
    # Committed before the search begins, which reads the plan in a session of its own.
    with services.database.session_of(scope) as session:
        kept, codes = drafted(session, services, period, scope, moment, given)
        plan = create_plan(
            session, period, scope=scope, grid_codes=codes, content=kept_to_json(kept),
            created_by=caller.name,
        )  # fmt: skip
        record(session, access, "plan.create", object_kind="patrol_plan", object_ref=str(plan.id))
        plan_id = plan.id
    services.routes.start(plan_id, version=1, scope=scope, seconds=given.seconds, seed=kept.seed)
    with services.database.read_session_of(scope) as session:
        return _shown(session, services, get_plan(session, plan_id, scope=scope))


@router.get(
    "/mine",
    operation_id="list_own_routes",
    summary="Routes of my units",
    responses=error_responses(),
)
def list_own_routes(
    session: ReadSession, scope: Scope, caller: SignedInCaller, moment: Now,
    language: Annotated[str, Query(pattern="^(zh|en)$", description="Of instructions.")] = "zh",
) -> OwnRouteList:  # fmt: skip
    """Assigned routes, not yet over, of the units that the caller belongs to."""
    units = {each.id: each for each in units_of_account(session, caller.account_id, scope=scope)}
    routes = routes_of_units(session, list(units), since=moment)
    return OwnRouteList(routes=[_own(route, units[route.unit_id], language) for route in routes])


@router.get(
    "/{plan_id}",
    operation_id="get_patrol_plan",
    summary="One patrol plan, with why each stop",
    responses=error_responses(404),
)
def get_patrol_plan(
    session: ReadSession, services: ServicesDep, scope: Scope, caller: SignedInCaller,
    plan_id: PlanId,
) -> Plan:  # fmt: skip
    """With how far its search is, ways on the road, what is left out. For who leads units."""
    plan = get_plan(session, plan_id, scope=scope)
    require_lead(caller)
    return _shown(session, services, plan)


@router.post(
    "/{plan_id}/solve",
    operation_id="solve_patrol_plan",
    summary="Solve a draft anew",
    responses=write_error_responses(404, 409),
)
def solve_patrol_plan(
    session: ReadSession, services: ServicesDep, scope: Scope, caller: SignedInCaller,
    plan_id: PlanId, given: SolveOrder,
) -> Solving:  # fmt: skip
    """From nothing, with another seed; locks and bans stay. For who leads units."""
    plan = get_plan(session, plan_id, scope=scope)
    require_lead(caller)
    if plan.status != "draft":
        raise InvalidInput("Only a draft is solved. Make a new plan.", field="status")
    seed = secrets.randbelow(1 << 30)
    services.routes.start(
        plan_id, version=plan.version, scope=scope, seconds=given.seconds, seed=seed
    )
    found = _solving(services, plan_id)
    assert found is not None
    return found


@router.post(
    "/{plan_id}/stop",
    operation_id="stop_patrol_plan",
    summary="End the search with the best so far",
    status_code=204,
    response_class=Response,
    responses=write_error_responses(404),
)
def stop_patrol_plan(
    session: ReadSession, services: ServicesDep, scope: Scope, caller: SignedInCaller,
    plan_id: PlanId,
) -> Response:  # fmt: skip
    """Nothing happens where none is running. For who leads units."""
    get_plan(session, plan_id, scope=scope)
    require_lead(caller)
    services.routes.stop(plan_id)
    return Response(status_code=204)


@router.post(
    "/{plan_id}/edits",
    operation_id="edit_patrol_plan",
    summary="Change a draft and solve it again",
    responses=write_error_responses(404, 409),
)
def edit_patrol_plan(
    session: WriteSession, services: ServicesDep, scope: Scope, caller: SignedInCaller,
    access: CallerAccess, plan_id: PlanId, given: PlanEdit,
) -> Plan:  # fmt: skip
    """Move, lock, unlock or forbid a stop, allow a place again, choose another near-equal plan. The
    answer is solved again, from the plan before. For who leads units."""
    plan = get_plan(session, plan_id, scope=scope)
    require_lead(caller)
    kept = edited(
        kept_of_json(plan.content),
        _travel(session, services, plan, kept_of_json(plan.content)),
        kind=given.kind,
        place_id=given.place_id,
        slot=given.slot,
        unit_id=None if given.unit_id is None else str(given.unit_id),
        position=given.position,
        chosen=given.chosen,
    )
    change_plan(session, plan, kept_to_json(kept), version=given.version)
    record(
        session, access, f"plan.{given.kind}", object_kind="patrol_plan", object_ref=str(plan.id)
    )
    return _shown(session, services, plan)


@router.post(
    "/{plan_id}/assign",
    operation_id="assign_patrol_plan",
    summary="Give units their routes",
    responses=write_error_responses(404, 409),
)
def assign_patrol_plan(
    session: WriteSession, services: ServicesDep, scope: Scope, caller: SignedInCaller,
    access: CallerAccess, moment: Now, plan_id: PlanId, given: PlanDecision,
) -> PlanSummary:  # fmt: skip
    """The draft as it is; who decided it stands in it. A plan of the rest of another ends that one.
    For who leads units."""
    plan = get_plan(session, plan_id, scope=scope)
    require_lead(caller)
    kept = kept_of_json(plan.content)
    routes = assigned_routes(kept, _travel(session, services, plan, kept), start=plan.starts_at)
    if kept.replaces is not None:
        # Its units' routes have to be free; should this fail, that plan goes on.
        replaced = get_plan(session, kept.replaces, scope=scope)
        if replaced.status == "assigned":
            end_plan(session, replaced, now=moment)
    assign_plan(session, plan, routes, version=given.version, decided_by=caller.name, now=moment)
    record(session, access, "plan.assign", object_kind="patrol_plan", object_ref=str(plan.id),
           row_count=len(routes))  # fmt: skip
    return _summary(plan)


@router.post(
    "/{plan_id}/rest",
    operation_id="plan_rest",
    summary="Plan the rest of an assigned plan anew",
    status_code=201,
    responses=write_error_responses(404, 409),
)
def plan_rest(
    services: ServicesDep, scope: Scope, caller: SignedInCaller, access: CallerAccess,
    moment: Now, plan_id: PlanId, given: RestOrder,
) -> Plan:  # fmt: skip
    """With the units that are on duty, from where they are now; what was visited stays visited. A
    draft, solved beside the answer; when it is assigned the plan before ends. For who leads
    units."""
    with services.database.session_of(scope) as session:
        before = get_plan(session, plan_id, scope=scope)
        require_lead(caller)
        if before.status != "assigned" or not before.starts_at <= moment < before.ends_at:
            raise InvalidInput(
                "Only a plan that is assigned and under way has a rest. Make a new plan.",
                field="status",
            )
        travel = _travel(session, services, before, kept_of_json(before.content))
        kept = rest_of(
            session, before, scope=scope, without=set(given.without_ids), travel=travel, now=moment
        )
        plan = create_plan(
            session, Period(moment, before.ends_at), scope=scope, grid_codes=before.grid_codes,
            content=kept_to_json(kept), created_by=caller.name,
        )  # fmt: skip
        record(session, access, "plan.rest", object_kind="patrol_plan", object_ref=str(plan.id))
        new_id = plan.id
    services.routes.start(new_id, version=1, scope=scope, seconds=given.seconds, seed=kept.seed)
    with services.database.read_session_of(scope) as session:
        return _shown(session, services, get_plan(session, new_id, scope=scope))


@router.post(
    "/{plan_id}/end",
    operation_id="end_patrol_plan",
    summary="End a plan",
    responses=write_error_responses(404, 409),
)
def end_patrol_plan(
    session: WriteSession, services: ServicesDep, scope: Scope, caller: SignedInCaller,
    access: CallerAccess, moment: Now, plan_id: PlanId,
) -> PlanSummary:  # fmt: skip
    """Its routes are nobody's any more, and stay to be compared. For who leads units."""
    plan = get_plan(session, plan_id, scope=scope)
    require_lead(caller)
    services.routes.stop(plan_id)
    end_plan(session, plan, now=moment)
    record(session, access, "plan.end", object_kind="patrol_plan", object_ref=str(plan.id))
    return _summary(plan)


@router.get(
    "/{plan_id}/routes/{unit_id}/gpx",
    operation_id="get_route_gpx",
    summary="A unit's assigned route as GPX",
    response_class=Response,
    responses={
        200: {"content": {"application/gpx+xml": {"schema": {"type": "string"}}}},
        **error_responses(404),
    },
)
def get_route_gpx(
    session: ReadSession, scope: Scope, caller: SignedInCaller, plan_id: PlanId, unit_id: UnitId
) -> Response:
    """For its members, and who leads units."""
    route, unit = own_or_led_route(session, scope, caller, plan_id, unit_id)
    return Response(
        route_gpx(unit.name, route.stops, route.legs),
        media_type="application/gpx+xml",
        headers={
            "Content-Disposition": f'attachment; filename="route-{plan_id}-{unit_id}.gpx"',
            "Cache-Control": "no-store",
        },
    )


@router.get(
    "/{plan_id}/actual",
    operation_id="get_plan_actual",
    summary="An assigned plan against what was done",
    responses=error_responses(404),
)
def get_plan_actual(
    session: WriteSession, scope: Scope, caller: SignedInCaller, access: CallerAccess,
    moment: Now, plan_id: PlanId,
) -> PlanActual:  # fmt: skip
    """Each stop visited, late, missed or to come, as far as positions tell. It says where units
    were, so each look is audited. For who leads units."""
    plan = get_plan(session, plan_id, scope=scope)
    require_lead(caller)
    routes = routes_of_plan(session, plan.id)
    found = [
        _actual(session, route, get_unit(session, route.unit_id, scope=scope), plan, moment)
        for route in routes
    ]
    record(session, access, "plan.compare", object_kind="patrol_plan", object_ref=str(plan.id),
           row_count=len(found))  # fmt: skip
    return PlanActual(plan_id=plan.id, at=moment, routes=found)


# -- what the answers are made of


def own_or_led_route(
    session: Session, scope: GridScope, caller: SignedInCaller, plan_id: int, unit_id: int
) -> tuple[PatrolRoute, PatrolUnit]:
    """Return a route that the caller may see: of a unit of theirs, or of any where they lead.

    Raises
    ------
    PatrolPlanNotFound : there is none, or it is somebody else's
    """
    missing = f"There is no route of the plan {plan_id} for the unit {unit_id}."
    try:
        unit = get_unit(session, unit_id, scope=scope)
    except PatrolUnitNotFound as error:
        raise PatrolPlanNotFound(missing, plan_id=plan_id) from error
    if not caller.may(Permission.LEAD):
        own = {each.id for each in units_of_account(session, caller.account_id, scope=scope)}
        if unit.id not in own:
            raise PatrolPlanNotFound(missing, plan_id=plan_id)
    for route in routes_of_plan(session, plan_id):
        if route.unit_id == unit_id:
            return route, unit
    raise PatrolPlanNotFound(missing, plan_id=plan_id)


def _period(start: datetime, end: datetime) -> Period:
    period = Period(start, end)
    if period.end - period.start > PLAN_MAX:
        raise InvalidInput("A plan is for a day at most. Plan it in parts.", field="end")
    return period


def _travel(
    session: Session, services: Services, plan: PatrolPlan, kept: KeptPlan
) -> Mapping[TravelMode, TravelTimes]:
    return {mode: services.roads.travel(session, mode, at=plan.starts_at) for mode in kept.modes}


def _summary(plan: PatrolPlan) -> PlanSummary:
    return PlanSummary(
        plan_id=plan.id, version=plan.version, status=plan.status,
        starts_at=plan.starts_at, ends_at=plan.ends_at, created_by=plan.created_by,
        decided_by=plan.decided_by, decided_at=plan.decided_at,
    )  # fmt: skip


def _solving(services: Services, plan_id: int) -> Solving | None:
    job = services.routes.job(plan_id)
    if job is None:
        return None
    return Solving(
        is_running=job.is_running, share=round(job.share, DIGITS), prize=job.prize,
        unmet=job.unmet, error=job.error,
    )  # fmt: skip


def _foreseeable(told: Predictability | None) -> PlanForeseeable | None:
    if told is None:
        return None
    return PlanForeseeable(
        plans=told.plans, entropy_bits=round(told.entropy_bits, DIGITS),
        choice_bits=round(told.choice_bits, DIGITS),
        gap_cv=None if told.gap_cv is None else round(told.gap_cv, DIGITS),
        hit_rate=round(told.hit_rate, DIGITS), watched=told.watched,
    )  # fmt: skip


def _shown(session: Session, services: Services, plan: PatrolPlan) -> Plan:
    # How the search stands first: what it found is written before it is said to be over.
    solving = _solving(services, plan.id)
    session.refresh(plan)
    kept = kept_of_json(plan.content)
    travel = _travel(session, services, plan, kept)
    beside = seen(kept, travel)
    places = {place.place_id: place for place in kept.places}
    units = {unit.unit_id: unit for unit in kept.units}
    locked = {(lock.place_id, lock.slot) for lock in kept.locks}
    banned = {ban.place_id for ban in kept.bans}

    def moment(seconds: float) -> datetime:
        return plan.starts_at + timedelta(seconds=seconds)

    routes = []
    for route in kept.plan.routes if kept.plan else ():
        unit = units[route.unit_id]
        legs = beside.legs[route.unit_id]
        stops = []
        for stop in route.stops:
            place = places[stop.place_id] if stop.place_id is not None else None
            at = place.at if place else unit.breaks[stop.slot].at or unit.start
            why = beside.reasons.get((stop.place_id or "", stop.slot))
            stops.append(
                PlanStop(
                    place_id=stop.place_id,
                    slot=stop.slot,
                    name=place.name if place else "",
                    kind=place.kind.value if place else "break",
                    lon=at.longitude,
                    lat=at.latitude,
                    begin_at=moment(stop.begin_s),
                    leave_at=moment(stop.leave_s),
                    travel_s=stop.travel_s,
                    wait_s=stop.wait_s,
                    prize=stop.prize,
                    lost=round(why.lost, 2) if why else 0.0,
                    takes_s=why.takes_s if why else 0,
                    reason=place.reason if place else "break",
                    is_locked=(stop.place_id, stop.slot) in locked,
                )
            )
        routes.append(
            PlanRoute(
                unit_id=int(route.unit_id),
                name=unit.name,
                mode=unit.mode.value,
                on_duty_from=moment(unit.on_s),
                on_duty_until=moment(unit.off_s),
                back_at=moment(route.home_s),
                travel_s=route.travel_s,
                length_m=round(sum(leg.length_m for leg in legs), 1),
                line=[list(leg.line) for leg in legs],
                stops=stops,
            )
        )
    chosen = kept.plan
    return Plan(
        **_summary(plan).model_dump(),
        solving=solving,
        replaces=kept.replaces,
        prize=round(chosen.prize, 2) if chosen else 0.0,
        prize_asked=round(sum(slot.prize for p in kept.places for slot in p.slots), 2),
        visits=chosen.visits if chosen else 0,
        chosen=kept.chosen,
        is_drawn=kept.is_drawn,
        seed=kept.seed,
        prizes=[round(each.prize, 2) for each in kept.plans],
        foreseeable=_foreseeable(kept.told),
        foreseeable_before=_foreseeable(kept.before_edit),
        routes=routes,
        unmet=[
            PlanUnmet(
                place_id=each.place_id, slot=each.slot,
                name=places[each.place_id].name if each.place_id else "",
                unit_id=None if each.unit_id is None else int(each.unit_id),
                obstacle=each.obstacle.value,
                short_min=None if each.short_s is None else round(each.short_s / 60, 1),
            )
            for each in (chosen.unmet if chosen else ())
        ],
        left_out=[
            PlanLeftOut(
                place_id=each.place_id, slot=each.slot, name=places[each.place_id].name,
                prize=each.prize, is_forbidden=each.place_id in banned,
                short_min=None if each.short_s is None else round(each.short_s / 60, 1),
            )
            for each in beside.left_out
        ],
    )  # fmt: skip


def _own(route: PatrolRoute, unit: PatrolUnit, language: str) -> OwnRoute:
    return OwnRoute(
        plan_id=route.plan_id, unit_id=route.unit_id, unit_name=unit.name,
        starts_at=route.starts_at, ends_at=route.ends_at,
        line=[leg["line"] for leg in route.legs],
        stops=[
            OwnStop(
                number=number, name=stop["name"], kind=stop["kind"], reason=stop["reason"],
                lon=stop["lon"], lat=stop["lat"], begin_at=stop["begin_at"],
                leave_at=stop["leave_at"], instructions=leg[language],
            )
            for number, (stop, leg) in enumerate(
                zip(route.stops, route.legs, strict=False), start=1
            )
        ],
    )  # fmt: skip


def _actual(
    session: Session, route: PatrolRoute, unit: PatrolUnit, plan: PatrolPlan, moment: datetime
) -> RouteActual:
    start = plan.starts_at
    # What came after its end is no part of it.
    found = route_outcome(session, route, unit, plan, min(moment, plan.ended_at or moment))
    stops = [
        StopActual(
            number=number, name=stop["name"], lon=stop["lon"], lat=stop["lat"],
            planned_at=stop["begin_at"], state=outcome.state.value,
            began_at=None if outcome.begin_s is None else start
            + timedelta(seconds=outcome.begin_s),
            stayed_min=None if outcome.stayed_s is None else round(outcome.stayed_s / 60, 1),
            late_min=None if outcome.late_s is None else round(outcome.late_s / 60, 1),
        )
        for number, (stop, outcome) in enumerate(zip(route.stops, found.stops, strict=True), 1)
    ]  # fmt: skip
    is_over = plan.status == "ended" or not found.count(StopState.PENDING)
    return RouteActual(
        unit_id=unit.id, name=unit.name,
        visited=found.count(StopState.VISITED), late=found.count(StopState.LATE),
        missed=found.count(StopState.MISSED), unknown=found.count(StopState.UNKNOWN),
        pending=found.count(StopState.PENDING),
        warning=None if is_over else doubt_of(session, route, unit, now=moment),
        off_way_share=None if found.off_way_share is None
        else round(found.off_way_share, DIGITS),
        known_min=round(found.known_s / 60, 1), stops=stops,
    )  # fmt: skip
