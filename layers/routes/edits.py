"""What a leader does to a plan: drag a stop, lock it, forbid it. The plan is then solved again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from geo.errors import InvalidInput
from layers.routes.plan import PatrolPlan, Stop, UnitRoute
from layers.routes.problem import LOCK_TOLERANCE_S, Ban, Lock, RouteProblem
from layers.routes.search_kernels import NO_WAY, NOWHERE, Tours, load_tours
from layers.routes.task import FREE, SearchTask, search_task


def lock_stop(problem: RouteProblem, plan: PatrolPlan, place_id: str, slot: int) -> RouteProblem:
    """Return the problem with a stop kept with its unit, about when it is now.

    Raises
    ------
    InvalidInput : the plan has no such stop
    """
    unit_id, stop = _find(plan, place_id, slot)
    kept = tuple(each for each in problem.locks if (each.place_id, each.slot) != (place_id, slot))
    lock = Lock(place_id, slot, unit_id, stop.begin_s, _tolerance(problem))
    return replace(problem, locks=(*kept, lock))


def _tolerance(problem: RouteProblem) -> int:
    """So little that no other stop fits between: a stop put behind another stays behind it."""
    shortest = min((place.dwell_s for place in problem.places), default=LOCK_TOLERANCE_S)
    return min(LOCK_TOLERANCE_S, shortest // 2)


def unlock_stop(problem: RouteProblem, place_id: str, slot: int) -> RouteProblem:
    """Return the problem with a stop free again; nothing happens where it is not locked."""
    kept = tuple(each for each in problem.locks if (each.place_id, each.slot) != (place_id, slot))
    return replace(problem, locks=kept)


def forbid_place(
    problem: RouteProblem, place_id: str, slot: int | None = None, unit_id: str | None = None
) -> RouteProblem:
    """Return the problem with a place forbidden; locks that say otherwise are taken off."""
    kept = tuple(
        each for each in problem.locks
        if each.place_id != place_id or slot not in (None, each.slot)
        or unit_id not in (None, each.unit_id)
    )  # fmt: skip
    ban = Ban(place_id, slot, unit_id)
    return replace(problem, locks=kept, bans=(*(b for b in problem.bans if b != ban), ban))


def allow_place(problem: RouteProblem, place_id: str) -> RouteProblem:
    """Return the problem with no ban of a place left."""
    return replace(problem, bans=tuple(b for b in problem.bans if b.place_id != place_id))


def move_stop(
    problem: RouteProblem,
    plan: PatrolPlan,
    place_id: str,
    slot: int,
    *,
    unit_id: str,
    position: int,
) -> tuple[RouteProblem, tuple[UnitRoute, ...]]:
    """Put a stop of a plan, or one that was left out, at a position of a unit's route.

    Return the problem with the stop locked there, about when it then begins, and routes to start
    the next search from. Stops behind it that no longer fit are left to that search; those that
    have to be must fit. Stops that were moved before keep their place in the order, and may get
    another time; those that were locked keep their time.

    Parameters
    ----------
    position : among the stops of the route, counted without the stop itself; 0 is the first

    Raises
    ------
    InvalidInput : no such place, slot or unit; the stop doesn't fit there, or pushes out one that
        has to be
    """
    freed = unlock_stop(problem, place_id, slot)
    freed = replace(
        freed,
        bans=tuple(
            ban for ban in freed.bans
            if not (ban.place_id == place_id and ban.slot in (None, slot)
                    and ban.unit_id in (None, unit_id))
        ),
    )  # fmt: skip
    # Without a time, so that only slot, shift and what stands before it say when it begins.
    timed = tuple(
        replace(lock, begin_s=None) if lock.is_moved else lock for lock in freed.locks
    )  # fmt: skip
    pinned = replace(freed, locks=(*timed, Lock(place_id, slot, unit_id)))
    asked = search_task(pinned)
    units = [unit.unit_id for unit in pinned.units]
    rows = {
        (visit.place.place_id if visit.place else None, visit.slot,
         None if visit.place else visit.unit): k
        for k, visit in enumerate(asked.visits)
    }  # fmt: skip
    key = rows[place_id, slot, None]
    tours = asked.tours()
    behind: list[tuple[int, int]] = []
    for route in plan.routes:
        if route.unit_id not in units:
            continue
        u = units.index(route.unit_id)
        stops = [stop for stop in route.stops if (stop.place_id, stop.slot) != (place_id, slot)]
        if route.unit_id == unit_id and not 0 <= position <= len(stops):
            raise InvalidInput(
                f"The route has {len(stops)} other stops; position is {position}, wanted 0 to "
                f"{len(stops)}.",
                field="position",
            )
        numbers = [rows.get((stop.place_id, stop.slot, u if stop.is_break else None))
                   for stop in stops]  # fmt: skip
        known = [(u, each) for each in numbers if each is not None]
        if route.unit_id == unit_id:
            behind = known[position:]
            known = known[:position]
        _load(asked, tours, known)
    u = units.index(unit_id)
    before = int(tours.length[u])
    _load(asked, tours, [(u, key)])
    if tours.length[u] == before:
        raise InvalidInput(_no_room(asked, tours, key, u), place_id=place_id)
    begin = int(tours.begin[key])
    _load(asked, tours, behind)
    for _, row in behind:
        visit = asked.visits[row]
        if visit.tier > FREE and tours.unit[row] == NOWHERE:
            name = (visit.place.name or visit.place.place_id) if visit.place else "A break"
            raise InvalidInput(
                f"{name} comes later, has to be, and would no longer be in time. Unlock it, or put "
                "the stop behind it.",
                place_id=visit.place.place_id if visit.place else None,
            )
    made = {(lock.place_id, lock.slot): rows[lock.place_id, lock.slot, None] for lock in timed}
    # One that this plan doesn't hold keeps the time that it had.
    again = tuple(
        replace(lock, begin_s=int(tours.begin[made[lock.place_id, lock.slot]]))
        if lock.is_moved and tours.unit[made[lock.place_id, lock.slot]] != NOWHERE else lock
        for lock in freed.locks
    )  # fmt: skip
    lock = Lock(place_id, slot, unit_id, begin, _tolerance(problem), is_moved=True)
    return replace(freed, locks=(*again, lock)), asked.routes_of(tours)


def _no_room(asked: SearchTask, tours: Tours, key: int, u: int) -> str:
    visit = asked.visits[key]
    assert visit.place is not None
    name = visit.place.name or visit.place.place_id
    task = asked.task
    here = int(task.node[key])
    before = int(task.start_node[u])
    if tours.length[u]:
        before = int(task.node[tours.tour[u, tours.length[u] - 1]])
    if task.times[task.mode[u], before, here] >= NO_WAY:
        return f"{name}: the unit has no way there. Give it to another."
    return (
        f"{name} does not fit at this position: its slot, the shift or the gap to another visit "
        "is over by then. Put it elsewhere in the route, or give it to another unit."
    )


def _load(asked: SearchTask, tours: Tours, stops: list[tuple[int, int]]) -> None:
    load_tours(
        asked.task, tours, np.array([each[0] for each in stops], np.int32),
        np.array([each[1] for each in stops], np.int32),
    )  # fmt: skip


def _find(plan: PatrolPlan, place_id: str, slot: int) -> tuple[str, Stop]:
    for route in plan.routes:
        for stop in route.stops:
            if (stop.place_id, stop.slot) == (place_id, slot):
                return route.unit_id, stop
    raise InvalidInput(
        f"The plan has no stop at {place_id} in slot {slot}. Put it into a route first.",
        place_id=place_id,
    )
