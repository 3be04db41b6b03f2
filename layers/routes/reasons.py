"""Why a stop is in a plan, and why a place is not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from layers.routes.plan import PatrolPlan
from layers.routes.problem import RouteProblem
from layers.routes.search_kernels import NO_WAY, NOWHERE, shortest_by, worth_of_visits
from layers.routes.solving import tours_of
from layers.routes.task import search_task


@dataclass(frozen=True, slots=True)
class StopReason:
    """Why a stop is made.

    prize : what it is worth
    lost : what the whole plan would lose without it, after its time was given to others greedily;
        0: another would do as well
    takes_s : travel and dwell that it costs
    reason : why the place is on the list at all
    """

    place_id: str
    slot: int
    prize: float
    lost: float
    takes_s: int
    reason: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A visit that is not made; `short_s` is what it misses the nearest gap in this plan by [s].

    None: nobody may or can go, its slot is too short, or the place has its visits.
    """

    place_id: str
    slot: int
    prize: float
    unit_id: str | None
    short_s: int | None


def why_stops(problem: RouteProblem, plan: PatrolPlan) -> list[StopReason]:
    """Return why each stop of a plan is there, in the order of its routes; breaks left out."""
    asked = search_task(problem)
    tours = tours_of(asked, plan.routes)
    n = len(asked.visits)
    lost, freed = np.zeros(n), np.zeros(n, np.int64)
    worth_of_visits(asked.task, tours, lost, freed)
    rows = {(visit.place.place_id, visit.slot): k for k, visit in enumerate(asked.visits)
            if visit.place is not None}  # fmt: skip
    found = []
    for route in plan.routes:
        for stop in route.stops:
            if stop.place_id is None:
                continue
            row = rows[stop.place_id, stop.slot]
            place = asked.visits[row].place
            # What outweighs all prizes is a rule, not a prize.
            own = float(lost[row]) - asked.weight[asked.visits[row].tier]
            assert place is not None
            found.append(
                StopReason(
                    place_id=stop.place_id,
                    slot=stop.slot,
                    prize=stop.prize,
                    lost=min(max(own, 0.0), plan.prize),
                    takes_s=int(freed[row]),
                    reason=place.reason,
                )
            )
    return found


def why_left_out(problem: RouteProblem, plan: PatrolPlan) -> list[LeftOut]:
    """Return the visits that a plan leaves out, what is worth most first."""
    asked = search_task(problem)
    tours = tours_of(asked, plan.routes)
    task = asked.task
    found = []
    for k in np.flatnonzero(tours.unit == NOWHERE).tolist():
        visit = asked.visits[k]
        if visit.place is None:
            continue
        short, unit, _ = (int(each) for each in shortest_by(task, tours, k))
        is_lost = (
            short >= NO_WAY
            or task.late[k] < task.early[k]
            or tours.made[task.place[k]] >= task.most[task.place[k]]
        )
        found.append(
            LeftOut(
                place_id=visit.place.place_id,
                slot=visit.slot,
                prize=visit.prize,
                unit_id=None if unit < 0 else problem.units[unit].unit_id,
                short_s=None if is_lost else short,
            )
        )
    return sorted(found, key=lambda each: (-each.prize, each.place_id, each.slot))
