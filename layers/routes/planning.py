"""What a leader does with a plan in the store: draft it, change it, look at it, assign it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from geo.errors import InvalidInput
from geo.roads.modes import TravelMode
from geo.routes.plans import AssignedRoute
from geo.values import LonLat
from layers.routes.candidates import Candidate
from layers.routes.edits import allow_place, forbid_place, lock_stop, move_stop, unlock_stop
from layers.routes.kept import KeptPlan
from layers.routes.matrix import road_times
from layers.routes.near_equal import near_equal_plans, predictability, warns_of
from layers.routes.plan import PatrolPlan, UnitRoute
from layers.routes.problem import PatrolPlace, PlaceKind, RouteProblem, Slot
from layers.routes.reasons import LeftOut, StopReason, why_left_out, why_stops
from layers.routes.solving import solve_routes
from layers.routes.ways import Leg, legs_of
from layers.travel.times import TravelTimes

AGAIN_S = 0.8  # searched after an edit, so that the answer is there in under two seconds
SHARE_FOR_ANOTHER_ORDER = 0.01  # more prize, for which a leader's order is given up
OTHERS_S = 0.3  # for all other near-equal plans together
EXTRA_PRIZE = 5.0  # of a place that a leader adds and that isn't a must

Travel = Mapping[TravelMode, TravelTimes]


@dataclass(frozen=True)
class SeenPlan:
    """A plan as it is looked at: why each stop, what is left out, and the ways.

    legs : unit → the way to each stop, and home
    """

    reasons: dict[tuple[str, int], StopReason]
    left_out: list[LeftOut]
    legs: dict[str, list[Leg]]


def places_of(
    candidates: Sequence[Candidate], place_ids: Sequence[str] | None, must_ids: Sequence[str]
) -> tuple[Candidate, ...]:
    """Return the candidates asked for, those that must be marked so.

    Raises
    ------
    InvalidInput : a place is no candidate
    """
    known = {each.place.place_id: each for each in candidates}
    for place_id in (*(place_ids or ()), *must_ids):
        if place_id not in known:
            raise InvalidInput(
                f"{place_id} is no place that this shift could hold. Ask for candidates again.",
                place_id=place_id,
            )
    wanted = set(known if place_ids is None else place_ids) | set(must_ids)
    found = []
    for place_id, each in known.items():
        if place_id in must_ids:
            slots = tuple(replace(slot, is_must=True) for slot in each.place.slots)
            each = replace(each, place=replace(each.place, slots=slots))
        if place_id in wanted:
            found.append(each)
    return tuple(found)


def extra_place(number: int, name: str, at: LonLat, *, length_s: int, dwell_s: int) -> PatrolPlace:
    """Return a place that a leader adds by hand: once in the shift, and it has to be."""
    slot = Slot(0, length_s, EXTRA_PRIZE, is_must=True)
    return PatrolPlace(
        f"extra:{number}", at, PlaceKind.CHECKPOINT, dwell_s, (slot,), name=name, reason="added"
    )


def edited(
    kept: KeptPlan,
    travel: Travel,
    *,
    kind: str,
    place_id: str | None,
    slot: int,
    unit_id: str | None,
    position: int,
    chosen: int,
) -> KeptPlan:
    """Return a plan after one change, solved again from what it was.

    The other near-equal plans are changed and solved again as well, each for a moment, so that what
    is told of how foreseeable the plan is holds after the change.

    Raises
    ------
    InvalidInput : the plan isn't solved; no such stop, unit or plan; the change can't be
    """
    plan = kept.plan
    if plan is None:
        raise InvalidInput("The plan isn't solved yet. Solve it before it is changed.")
    if kind == "choose":
        if not 0 <= chosen < len(kept.plans):
            raise InvalidInput(
                f"There are {len(kept.plans)} plans, the first is 0; got {chosen}.", field="chosen"
            )
        return kept.chosen_by_hand(chosen)
    if place_id is None:
        raise InvalidInput("Say which place is meant.", field="place_id")
    problem = kept.problem(road_times(travel, kept.points).travel_s)
    changed, start = _changed(problem, plan, kind, place_id, slot, unit_id, position)
    again = solved_again(changed, start, seconds=AGAIN_S, seed=kept.seed)
    others = [other for k, other in enumerate(kept.plans) if k != kept.chosen]
    found = [again]
    if others:
        pool = near_equal_plans(
            changed, seconds=OTHERS_S, seed=kept.seed, wanted=len(others),
            starts=[other.routes for other in others],
        )  # fmt: skip
        found += [each for each in pool.plans
                  if len(each.unmet) == len(again.unmet) and each.prize >= 0.97 * again.prize
                  and each != again]  # fmt: skip
    told = predictability(found)
    warned = kept.told is not None and warns_of(kept.told, told)
    return replace(
        kept, locks=changed.locks, bans=changed.bans, plans=tuple(found), chosen=0,
        is_drawn=False, told=told, before_edit=kept.told if warned else None,
    )  # fmt: skip


def solved_again(
    problem: RouteProblem,
    start: tuple[UnitRoute, ...],
    *,
    seed: int,
    seconds: float | None = None,
    steps: int | None = None,
) -> PatrolPlan:
    """Return a plan after a change: the order that the leader made, with what still fits put in; or
    what a search finds from there, where that does more of what has to be, or is worth over
    `SHARE_FOR_ANOTHER_ORDER` more. For less, nobody wants other stops moved about."""
    repaired = solve_routes(problem, steps=0, seed=seed, start=start)
    searched = solve_routes(problem, seconds=seconds, steps=steps, seed=seed, start=repaired.routes)
    if len(searched.unmet) != len(repaired.unmet):
        return searched if len(searched.unmet) < len(repaired.unmet) else repaired
    is_worth_it = searched.prize > repaired.prize * (1 + SHARE_FOR_ANOTHER_ORDER)
    return searched if is_worth_it else repaired


def _changed(
    problem: RouteProblem, plan: PatrolPlan, kind: str, place_id: str, slot: int,
    unit_id: str | None, position: int,
) -> tuple[RouteProblem, tuple[UnitRoute, ...]]:  # fmt: skip
    if kind == "move":
        if unit_id is None or unit_id not in {unit.unit_id for unit in problem.units}:
            raise InvalidInput("Say to whose route the stop goes.", field="unit_id")
        problem.check_stop(place_id, slot)
        return move_stop(problem, plan, place_id, slot, unit_id=unit_id, position=position)
    if kind == "lock":
        return lock_stop(problem, plan, place_id, slot), plan.routes
    if kind == "unlock":
        return unlock_stop(problem, place_id, slot), plan.routes
    if kind == "forbid":
        return forbid_place(problem, place_id), plan.routes
    if kind == "allow":
        return allow_place(problem, place_id), plan.routes
    raise InvalidInput(f"{kind} is no change of a plan.", field="kind")


def seen(kept: KeptPlan, travel: Travel) -> SeenPlan:
    """Return what stands beside a plan; nothing where it isn't solved."""
    plan = kept.plan
    if plan is None:
        return SeenPlan({}, [], {})
    problem = kept.problem(road_times(travel, kept.points).travel_s)
    places = {place.place_id: place for place in kept.places}
    units = {unit.unit_id: unit for unit in kept.units}
    return SeenPlan(
        reasons={(each.place_id, each.slot): each for each in why_stops(problem, plan)},
        left_out=why_left_out(problem, plan),
        legs={
            route.unit_id: legs_of(route, units[route.unit_id], places, travel)
            for route in plan.routes
        },
    )


def assigned_routes(kept: KeptPlan, travel: Travel, *, start: datetime) -> list[AssignedRoute]:
    """Return what each unit with stops is given.

    Raises
    ------
    InvalidInput : the plan isn't solved, or has no stop
    """
    plan = kept.plan
    if plan is None or not any(route.stops for route in plan.routes):
        raise InvalidInput("The plan has no stop. Solve it, or choose other places and units.")
    places = {place.place_id: place for place in kept.places}
    units = {unit.unit_id: unit for unit in kept.units}

    def moment(seconds: float) -> str:
        return (start + timedelta(seconds=seconds)).isoformat()

    found = []
    for route in plan.routes:
        if not route.stops:
            continue
        unit = units[route.unit_id]
        stops = []
        for stop in route.stops:
            place = places[stop.place_id] if stop.place_id is not None else None
            at = place.at if place else unit.breaks[stop.slot].at or unit.start
            stops.append(
                {
                    "place_id": stop.place_id,
                    "slot": stop.slot,
                    "name": place.name if place else "",
                    "kind": str(place.kind) if place else "break",
                    "reason": place.reason if place else "break",
                    "lon": at.longitude,
                    "lat": at.latitude,
                    "begin_at": moment(stop.begin_s),
                    "leave_at": moment(stop.leave_s),
                }
            )
        legs = [
            {
                "leave_at": moment(leg.leave_s),
                "arrive_at": moment(leg.arrive_s),
                "length_m": round(leg.length_m, 1),
                "line": [list(point) for point in leg.line],
                "zh": list(leg.zh),
                "en": list(leg.en),
            }
            for leg in legs_of(route, unit, places, travel)
        ]
        found.append(
            AssignedRoute(
                unit_id=int(route.unit_id),
                starts_at=start + timedelta(seconds=unit.on_s),
                ends_at=start + timedelta(seconds=unit.off_s),
                stops=stops,
                legs=legs,
            )
        )
    return found
