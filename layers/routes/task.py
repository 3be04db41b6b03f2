"""From a problem in people's terms to the arrays that are searched, and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from layers.routes.plan import Stop, UnitRoute
from layers.routes.problem import PatrolPlace, RouteProblem
from layers.routes.search_kernels import NO_WAY, NOWHERE, Flags, Task, Tours

# Each tier outweighs all below it together: prizes, must-visits, locks and breaks.
FREE, MUST, FIXED = 0, 1, 2


@dataclass(frozen=True)
class Visit:
    """One stop that may be made. `unit` : whose break or lock it is, else None."""

    place: PatrolPlace | None
    slot: int
    prize: float
    tier: int
    unit: int | None


@dataclass(frozen=True)
class SearchTask:
    """`task` is what is searched, `visits` what its numbers stand for; `weight` [prize] a tier."""

    problem: RouteProblem
    task: Task
    visits: tuple[Visit, ...]
    weight: tuple[float, float, float]

    def tours(self) -> Tours:
        """Tours with nothing in them."""
        n, units = len(self.visits), len(self.problem.units)
        return Tours(
            np.zeros((units, n), np.int32),
            np.zeros(units, np.int32),
            np.full(n, NOWHERE, np.int32),
            np.zeros(n, np.int64),
            np.zeros(n, np.int64),
            np.zeros(n, np.int64),
            np.zeros(len(self.task.most), np.int32),
        )

    def prize_of(self, tours: Tours) -> float:
        """What tours collect, without the weight of musts."""
        return float(sum(self.visits[k].prize for k in np.flatnonzero(tours.unit != NOWHERE)))

    def routes_of(self, tours: Tours) -> tuple[UnitRoute, ...]:
        """Return tours in people's terms."""
        found = []
        for u, unit in enumerate(self.problem.units):
            node, clock, travel = int(self.task.start_node[u]), unit.on_s, 0
            stops = []
            for at in tours.tour[u, : tours.length[u]].tolist():
                visit, here = self.visits[at], int(self.task.node[at])
                way = int(self.task.times[self.task.mode[u], node, here])
                begin = int(tours.begin[at])
                leave = begin + int(self.task.dwell[at])
                stops.append(
                    Stop(
                        place_id=visit.place.place_id if visit.place else None,
                        slot=visit.slot,
                        begin_s=begin,
                        leave_s=leave,
                        travel_s=way,
                        wait_s=begin - clock - way,
                        prize=visit.prize,
                    )
                )
                node, clock, travel = here, leave, travel + way
            end = int(self.task.end_node[u])
            home = int(self.task.times[self.task.mode[u], node, end]) if stops and end >= 0 else 0
            found.append(UnitRoute(unit.unit_id, tuple(stops), clock + home, travel + home))
        return tuple(found)


def search_task(problem: RouteProblem) -> SearchTask:
    """Return a problem as arrays: one visit a slot and break, in the order of the problem."""
    units = problem.units
    numbers = {unit.unit_id: u for u, unit in enumerate(units)}
    locks = {(lock.place_id, lock.slot): lock for lock in problem.locks}
    visits: list[Visit] = []
    node, dwell, early, late, group = [], [], [], [], []
    for p, place in enumerate(problem.places):
        for s, slot in enumerate(place.slots):
            lock = locks.get((place.place_id, s))
            first, last = slot.start_s, slot.end_s - place.dwell_s
            if lock is not None and lock.begin_s is not None:
                first = max(first, lock.begin_s - lock.tolerance_s)
                last = min(last, lock.begin_s + lock.tolerance_s)
            tier = FIXED if lock is not None else MUST if slot.is_must else FREE
            owner = numbers[lock.unit_id] if lock is not None else None
            visits.append(Visit(place, s, slot.prize, tier, owner))
            node.append(p)
            dwell.append(place.dwell_s)
            early.append(first)
            late.append(last)
            group.append(p)
    most = [
        len(place.slots) if place.visits_max is None else place.visits_max
        for place in problem.places
    ]
    gap = [place.gap_min_s for place in problem.places]
    point = len(problem.places)
    starts, ends = [], []
    for u, unit in enumerate(units):
        starts.append(point)
        point += 1
        ends.append(point if unit.end is not None else NOWHERE)
        point += unit.end is not None
        for b, rest in enumerate(unit.breaks):
            visits.append(Visit(None, b, 0.0, FIXED, u))
            node.append(point if rest.at is not None else starts[u])
            point += rest.at is not None
            dwell.append(rest.length_s)
            early.append(rest.start_s)
            late.append(rest.end_s - rest.length_s)
            group.append(len(most))
            most.append(1)
            gap.append(0)
    modes = list(dict.fromkeys(unit.mode for unit in units))
    times = np.full((max(len(modes), 1), point, point), NO_WAY, np.int32)
    for m, mode in enumerate(modes):
        known = np.asarray(problem.travel_s[mode], np.float64)
        # Rounded up: who keeps the plan is never late by a fraction.
        times[m] = np.where(np.isfinite(known), np.ceil(known - 1e-6), NO_WAY).clip(0, NO_WAY)
    places = np.array(group, np.int32)
    prizes = np.array([visit.prize for visit in visits], np.float64)
    tiers = np.array([visit.tier for visit in visits], np.int32)
    must = float(prizes.sum()) + 1.0
    weight = (0.0, must, must * (len(visits) + 1))
    n = len(visits)
    nodes = np.array(node, np.int32)
    mode_of = np.array([modes.index(unit.mode) for unit in units], np.int32)
    members = np.argsort(places, kind="stable").astype(np.int32)
    task = Task(
        node=nodes,
        dwell=np.array(dwell, np.int64),
        early=np.array(early, np.int64),
        late=np.array(late, np.int64),
        prize=prizes + np.array(weight)[tiers],
        place=places,
        is_must=tiers > FREE,
        allowed=_allowed(problem, visits),
        near=_near(times, nodes),
        first=np.searchsorted(places[members], np.arange(len(most) + 1)).astype(np.int32),
        visits=members,
        most=np.array(most, np.int32),
        gap=np.array(gap, np.int64),
        mode=mode_of,
        start_node=np.array(starts, np.int32),
        end_node=np.array(ends, np.int32),
        on=np.array([unit.on_s for unit in units], np.int64),
        off=np.array([unit.off_s for unit in units], np.int64),
        times=times,
    )
    assert n == len(nodes)
    return SearchTask(problem, task, tuple(visits), weight)


def _allowed(problem: RouteProblem, visits: list[Visit]) -> Flags:
    allowed = np.ones((len(visits), len(problem.units)), np.bool_)
    numbers = {unit.unit_id: u for u, unit in enumerate(problem.units)}
    rows: dict[tuple[str, int], int] = {}
    for row, visit in enumerate(visits):
        if visit.unit is not None:
            allowed[row] = False
            allowed[row, visit.unit] = True
        if visit.place is not None:
            rows[visit.place.place_id, visit.slot] = row
    for ban in problem.bans:
        for (place_id, slot), row in rows.items():
            if place_id == ban.place_id and ban.slot in (None, slot):
                if ban.unit_id is None:
                    allowed[row] = False
                elif ban.unit_id in numbers:
                    allowed[row, numbers[ban.unit_id]] = False
    return allowed


def _near(times: np.ndarray, node: np.ndarray) -> np.ndarray:
    """For each visit all visits by the time between them, either way, itself first."""
    n = len(node)
    least = times.min(axis=0)
    apart = np.minimum(least, least.T)[np.ix_(node, node)].astype(np.int64) if n else least[:0, :0]
    # Visits of one place lie at distance 0, too.
    apart[np.arange(n), np.arange(n)] = -1
    return np.argsort(apart, axis=1, kind="stable").astype(np.int32)
