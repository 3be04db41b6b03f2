"""Solve a patrol plan: search for as long as one likes, from nothing or from the plan before."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from geo.errors import InvalidInput
from layers.routes.plan import Obstacle, PatrolPlan, UnitRoute, Unmet
from layers.routes.problem import RouteProblem
from layers.routes.search_kernels import (
    NO_WAY,
    NOWHERE,
    Tours,
    load_tours,
    search_tours,
    shortest_by,
)
from layers.routes.task import FREE, SearchTask, search_task

CHUNK_S = 0.05  # between two looks at the clock and at who wants to stop
STEPS_FIRST = 40  # a first chunk, to learn how long a step takes
STEPS_MAX = 20_000_000
# Temperatures as shares of the mean prize of a visit, and what travel costs as a share of what a
# second of the shift collects. Found on generated shifts of other sizes than the bench's.
HOT, COLD = 0.3, 0.003
TRAVEL_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a search is: `share` done of its time or steps, and the best plan so far."""

    share: float
    steps: int
    prize: float
    travel_s: int
    unmet: int


def solve_routes(
    problem: RouteProblem,
    *,
    seconds: float | None = None,
    steps: int | None = None,
    seed: int = 1,
    start: tuple[UnitRoute, ...] = (),
    on_progress: Callable[[Progress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> PatrolPlan:
    """Return the best plan found.

    The search never promises the best there is. A stop that has to be is put before any prize; one
    that isn't in the plan stands in `unmet` with what would have to be relaxed.

    Parameters
    ----------
    seconds, steps : how long to search, by the clock or in steps; one of them. By steps the same
        seed gives the same plan on any machine
    start : routes to begin with, as those of the plan before; what no longer fits is left out
    on_progress : told some twenty times a second
    should_stop : asked as often; then the best so far is returned

    Raises
    ------
    InvalidInput : neither or both of seconds and steps, or below 0
    """
    if (seconds is None) == (steps is None):
        raise InvalidInput("Give either seconds or steps to search for.")
    limit = seconds if seconds is not None else steps
    assert limit is not None
    if not 0 <= limit <= STEPS_MAX:
        raise InvalidInput(f"The search is to take {limit}, wanted 0 to {STEPS_MAX:,}.")
    asked = search_task(problem)
    task = asked.task
    now, best = tours_of(asked, start), asked.tours()
    scores = np.array([-1.0, 0.0])
    free = [visit.prize for visit in asked.visits if visit.tier == FREE and visit.prize > 0]
    mean = float(np.mean(free)) if free else 1.0
    began = time.perf_counter()
    done, share, chunk, number = 0, 0.0, STEPS_FIRST, 0
    if not asked.visits or not problem.units:
        return _plan(asked, now, 0, seed)
    # A first filling, without any search, so that there is always a plan.
    search_tours(task, now, best, scores, 0, 1.0, 1.0, 0.0, seed)
    duty = sum(unit.off_s - unit.on_s for unit in problem.units)
    worth = TRAVEL_SHARE * asked.prize_of(best) / duty
    # From a plan that is there already one looks around it, not everywhere.
    hot = mean * (HOT / 10 if start else HOT)
    while share < 1.0:
        if should_stop is not None and should_stop():
            break
        if steps is not None:
            chunk = min(chunk, steps - done)
            until = (done + chunk) / steps if steps else 1.0
        else:
            assert seconds is not None
            until = min(1.0, (time.perf_counter() - began + CHUNK_S) / max(seconds, 1e-9))
        if not chunk:
            break
        number += 1
        at = time.perf_counter()
        search_tours(
            task, now, best, scores, chunk, _cooled(hot, mean, share), _cooled(hot, mean, until),
            worth, (seed * 1_000_003 + number) % (1 << 31),
        )  # fmt: skip
        took = time.perf_counter() - at
        done += chunk
        if steps is not None:
            share = done / steps
        else:
            assert seconds is not None
            share = (time.perf_counter() - began) / max(seconds, 1e-9)
            left = seconds - (time.perf_counter() - began)
            per_step = max(took / chunk, 1e-7)
            chunk = max(1, min(int(min(CHUNK_S, max(left, 0.0)) / per_step), 4 * chunk))
        if on_progress is not None:
            on_progress(
                Progress(
                    share=min(share, 1.0),
                    steps=done,
                    prize=asked.prize_of(best),
                    travel_s=int(scores[1]),
                    unmet=int((task.is_must & (best.unit == NOWHERE)).sum()),
                )
            )
    return _plan(asked, best, done, seed)


def tours_of(asked: SearchTask, routes: tuple[UnitRoute, ...]) -> Tours:
    """Return routes as tours of a problem; what doesn't fit there is left out."""
    tours = asked.tours()
    units, visits = _sequence(asked, routes)
    load_tours(asked.task, tours, units, visits)
    return tours


def _cooled(hot: float, mean: float, share: float) -> float:
    cold = mean * COLD
    return float(hot * (cold / hot) ** min(share, 1.0))


def _sequence(asked: SearchTask, start: tuple[UnitRoute, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The stops of earlier routes as numbers of units and visits, earliest first."""
    units = {unit.unit_id: u for u, unit in enumerate(asked.problem.units)}
    visits = {
        (visit.place.place_id if visit.place else None, visit.slot, visit.unit if not visit.place
         else None): k
        for k, visit in enumerate(asked.visits)
    }  # fmt: skip
    found = []
    for route in start:
        unit = units.get(route.unit_id)
        if unit is None:
            continue
        for order, stop in enumerate(route.stops):
            at = visits.get((stop.place_id, stop.slot, unit if stop.is_break else None))
            if at is not None:
                found.append((stop.begin_s, order, unit, at))
    found.sort()
    return (
        np.array([each[2] for each in found], np.int32),
        np.array([each[3] for each in found], np.int32),
    )


def _plan(asked: SearchTask, tours: Tours, steps: int, seed: int) -> PatrolPlan:
    # Put in one after another, some stops begin earlier than the search had them.
    settled = tours_of(asked, asked.routes_of(tours))
    if (settled.unit == tours.unit).all():
        tours = settled
    routes = asked.routes_of(tours)
    return PatrolPlan(
        routes=routes,
        prize=asked.prize_of(tours),
        prize_asked=float(sum(visit.prize for visit in asked.visits)),
        travel_s=sum(route.travel_s for route in routes),
        unmet=_unmet(asked, tours),
        steps=steps,
        seed=seed,
    )


def _unmet(asked: SearchTask, tours: Tours) -> tuple[Unmet, ...]:
    """What has to be and isn't, and why."""
    task = asked.task
    found = []
    musts = asked.tours()
    kept = [
        (int(tours.begin[k]), int(tours.unit[k]), k)
        for k in np.flatnonzero(task.is_must & (tours.unit != NOWHERE)).tolist()
    ]
    kept.sort()
    if kept:
        load_tours(
            task, musts, np.array([each[1] for each in kept], np.int32),
            np.array([each[2] for each in kept], np.int32),
        )  # fmt: skip
    empty = asked.tours()
    for k in np.flatnonzero(task.is_must & (tours.unit == NOWHERE)).tolist():
        visit = asked.visits[k]
        owner = visit.unit
        short: int | None
        alone, nearest, _ = (int(each) for each in shortest_by(task, empty, k))
        if alone >= NO_WAY or not asked.problem.units:
            obstacle, short = Obstacle.NOT_REACHED, None
        elif (closed := _closed_by(asked, k)) > 0:
            obstacle, short = Obstacle.SLOT_CLOSED, closed
        elif alone > 0:
            obstacle, short = Obstacle.TOO_FAR, alone
        elif tours.made[task.place[k]] >= task.most[task.place[k]]:
            obstacle, short = Obstacle.CAPPED, None
        else:
            # Beside the other musts, as they lie in this plan.
            beside, nearest, _ = (int(each) for each in shortest_by(task, musts, k))
            obstacle = Obstacle.CROWDED
            short = None if beside >= NO_WAY else max(beside, 1)
        unit = owner if owner is not None else nearest if nearest != NOWHERE else None
        found.append(
            Unmet(
                place_id=visit.place.place_id if visit.place else None,
                slot=visit.slot,
                unit_id=None if unit is None else asked.problem.units[unit].unit_id,
                obstacle=obstacle,
                short_s=short,
            )
        )
    return tuple(found)


def _closed_by(asked: SearchTask, k: int) -> int:
    """By how much a visit's slot is too short within the shifts of who may make it [s]."""
    task = asked.task
    first, last = int(task.early[k]), int(task.late[k]) + int(task.dwell[k])
    missing = []
    for u in np.flatnonzero(task.allowed[k]).tolist():
        room = min(last, int(task.off[u])) - max(first, int(task.on[u]))
        missing.append(int(task.dwell[k]) - room)
    return max(min(missing), 0) if missing else 0
