"""An independent look at a plan: does it keep every rule, and is its prize counted right?

Shares nothing with the search but the types of problem and plan.
"""

from __future__ import annotations

from itertools import pairwise

from layers.routes.plan import PatrolPlan, Stop
from layers.routes.problem import RouteProblem, RouteUnit

EASE_S = 1  # times are rounded up to whole seconds


def plan_faults(problem: RouteProblem, plan: PatrolPlan) -> list[str]:
    """Return what is wrong with a plan, in words; nothing where all is right."""
    faults: list[str] = []
    places = {place.place_id: place for place in problem.places}
    units = {unit.unit_id: unit for unit in problem.units}
    if [route.unit_id for route in plan.routes] != [unit.unit_id for unit in problem.units]:
        faults.append("not one route a unit, in order")
    point_of = _points(problem)
    visits: dict[str, list[tuple[Stop, str]]] = {}
    for route in plan.routes:
        unit = units[route.unit_id]
        times = problem.travel_s[unit.mode]
        clock, here, travel = unit.on_s, point_of[unit.unit_id, "start"], 0.0
        rests = []
        for stop in route.stops:
            if stop.place_id is None:
                rest = unit.breaks[stop.slot]
                rests.append(stop.slot)
                there = point_of[unit.unit_id, f"break {stop.slot}"]
                dwell, first, last, prize = rest.length_s, rest.start_s, rest.end_s, 0.0
            else:
                place = places[stop.place_id]
                slot = place.slots[stop.slot]
                there = point_of[place.place_id, "place"]
                dwell, first, last = place.dwell_s, slot.start_s, slot.end_s
                prize = slot.prize
                visits.setdefault(place.place_id, []).append((stop, unit.unit_id))
            way = float(times[here, there])
            label = f"{unit.unit_id} at {stop.place_id or 'its break'} {stop.slot}"
            if stop.begin_s < clock + way - EASE_S:
                faults.append(f"{label}: begins {clock + way - stop.begin_s:.0f} s before arrival")
            if stop.leave_s - stop.begin_s != dwell:
                faults.append(f"{label}: stays {stop.leave_s - stop.begin_s} s, not {dwell}")
            if stop.begin_s < first or stop.leave_s > last:
                faults.append(f"{label}: outside of its slot")
            if stop.prize != prize:
                faults.append(f"{label}: counts {stop.prize}, not {prize}")
            clock, here, travel = stop.leave_s, there, travel + way
        if len(set(rests)) != len(rests):
            faults.append(f"{unit.unit_id}: a break is taken twice")
        home = 0.0
        if unit.end is not None and route.stops:
            home = float(times[here, point_of[unit.unit_id, "end"]])
        if clock + home > unit.off_s + EASE_S or route.home_s > unit.off_s:
            faults.append(f"{unit.unit_id}: back {clock + home - unit.off_s:.0f} s after its shift")
        if abs(travel + home - route.travel_s) > len(route.stops) + 1:
            faults.append(f"{unit.unit_id}: travels {travel + home:.0f} s, says {route.travel_s}")
    for place_id, made in visits.items():
        place = places[place_id]
        if place.visits_max is not None and len(made) > place.visits_max:
            faults.append(f"{place_id}: {len(made)} visits, at most {place.visits_max}")
        if len({stop.slot for stop, _ in made}) != len(made):
            faults.append(f"{place_id}: two visits in one slot")
        for (a, _), (b, _) in pairwise(sorted(made, key=lambda each: each[0].begin_s)):
            if b.begin_s - a.leave_s < place.gap_min_s:
                faults.append(f"{place_id}: {b.begin_s - a.leave_s} s between two visits")
    total = sum(stop.prize for made in visits.values() for stop, _ in made)
    if abs(total - plan.prize) > 1e-6:
        faults.append(f"the prize is {total}, the plan says {plan.prize}")
    faults += _broken_decisions(problem, plan, visits)
    return faults


def _broken_decisions(
    problem: RouteProblem, plan: PatrolPlan, visits: dict[str, list[tuple[Stop, str]]]
) -> list[str]:
    """Locks, bans, musts and breaks that are neither kept nor told as unmet."""
    faults = []
    told = {(each.place_id, each.slot) for each in plan.unmet if each.place_id is not None}
    made = {
        (place_id, stop.slot): (stop, unit_id)
        for place_id, all_ in visits.items()
        for stop, unit_id in all_
    }
    for lock in problem.locks:
        key = lock.place_id, lock.slot
        if key not in made:
            if key not in told:
                faults.append(f"the lock of {key} is dropped and not told")
            continue
        stop, unit_id = made[key]
        if unit_id != lock.unit_id:
            faults.append(f"{key} is locked to {lock.unit_id}, made by {unit_id}")
        if lock.begin_s is not None and abs(stop.begin_s - lock.begin_s) > lock.tolerance_s:
            faults.append(f"{key} is locked to {lock.begin_s} s, begins at {stop.begin_s}")
    for ban in problem.bans:
        for (place_id, slot), (_, unit_id) in made.items():
            if (
                ban.place_id == place_id
                and ban.slot in (None, slot)
                and ban.unit_id in (None, unit_id)
            ):
                faults.append(f"{place_id} {slot} is forbidden and made by {unit_id}")
    for place in problem.places:
        for number, wanted in enumerate(place.slots):
            key = place.place_id, number
            if wanted.is_must and key not in made and key not in told:
                faults.append(f"the must {key} is dropped and not told")
    for unit, route in zip(problem.units, plan.routes, strict=False):
        taken = {stop.slot for stop in route.stops if stop.is_break}
        said = {each.slot for each in plan.unmet if each.place_id is None
                and each.unit_id == unit.unit_id}  # fmt: skip
        faults += [
            f"{unit.unit_id}'s break {number} is dropped and not told"
            for number in range(len(unit.breaks))
            if number not in taken | said
        ]
    return faults


def _points(problem: RouteProblem) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    row = 0
    for place in problem.places:
        found[place.place_id, "place"] = row
        row += 1
    for unit in problem.units:
        row = _points_of(unit, row, found)
    return found


def _points_of(unit: RouteUnit, row: int, found: dict[tuple[str, str], int]) -> int:
    start = row
    found[unit.unit_id, "start"] = start
    row += 1
    if unit.end is not None:
        found[unit.unit_id, "end"] = row
        row += 1
    for number, rest in enumerate(unit.breaks):
        found[unit.unit_id, f"break {number}"] = start if rest.at is None else row
        row += rest.at is not None
    return row
