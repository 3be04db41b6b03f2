"""Group blocks into grids, in stages: each at least as good as the one before it.

METIS draws many plans in no time, the best of them are annealed
(`layers.balanced_grids.search_kernels`). Why: docs/decisions/0017.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from layers.balanced_grids.problem import BalanceProblem, GridsPlan
from layers.balanced_grids.search_kernels import OVER_FIRM, anneal, rows_of_links
from layers.balanced_grids.starts import by_metis, by_trees, near_what_is

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Stage:
    """How hard one stage tries: plans drawn, how many of them are annealed, and steps of that for
    each link."""

    drawn: int
    annealed: int
    steps_a_link: int


# The first answers at once; each further one takes longer than all before it.
STAGES = (Stage(20, 2, 300), Stage(60, 4, 1000), Stage(120, 6, 3000), Stage(240, 10, 6000))
STEPS_MIN, STEPS_MAX = 20_000, 60_000_000
LEVEL = 0.05  # what a mean square deviation of one tolerance costs, in cuts of a whole start
HOT, COLD = 0.004, 0.0002  # heats, in cuts of a whole start
HEATS = (1.0, 0.5, 2.0)  # times HOT, in turn


def solve_in_stages(
    problem: BalanceProblem, *, seed: int = 1, stages: tuple[Stage, ...] = STAGES
) -> Iterator[GridsPlan]:
    """Yield the best plan so far after each stage. The same question and seed: the same plans.

    Where grids are locked, the others begin as `problem.start` has them, and as METIS draws them
    where they hang together.
    """
    search = _Search(problem)
    best: tuple[float, Ints] | None = None
    for number, stage in enumerate(stages):
        starts = search.starts(seed + 1009 * number, stage, best)
        for turn, label in enumerate(starts):
            found = search.annealed(label, stage, seed + 1009 * number + turn, turn)
            cost = search.cost_of(found)
            if best is None or cost < best[0] - 1e-12:
                best = cost, found
        assert best is not None
        yield GridsPlan.of(problem, best[1])
        if problem.grid_count == 1:
            return


def balance(
    problem: BalanceProblem, *, seed: int = 1, stages: tuple[Stage, ...] = STAGES[:2]
) -> GridsPlan:
    """Return the plan after some stages; see `solve_in_stages`."""
    *_, plan = solve_in_stages(problem, seed=seed, stages=stages)
    return plan


class _Search:
    """What every start of one problem shares."""

    def __init__(self, problem: BalanceProblem) -> None:
        self.problem = problem
        count = len(problem.weight)
        self.rows = rows_of_links(problem.first, problem.second, problem.price, count)
        self.goal = problem.goals()
        self.is_free = np.ones(count, bool)
        if problem.start is not None:
            self.is_free = ~np.isin(problem.start, list(problem.locked))
        self.scale = 0.0
        self.moved = np.zeros((1, 1))
        self.is_near = problem.now is not None and problem.stay > 0
        if self.is_near:
            assert problem.now is not None
            gone = problem.weight[:, None] - problem.now
            self.moved = problem.stay * gone / max(float(problem.weight.sum()), 1e-12)

    def starts(self, seed: int, stage: Stage, best: tuple[float, Ints] | None) -> list[Ints]:
        """Return labels to anneal, most promising first."""
        problem = self.problem
        if problem.grid_count == 1:
            self.scale = 1.0
            return [np.zeros(len(problem.weight), np.int64)]
        kept: list[Ints] = []
        if best is not None:
            kept = [best[1]]
        elif problem.start is not None:
            kept = [problem.start]
        if self.is_near and problem.start is None:
            kept.append(near_what_is(problem, seed))
        drawn = self._drawn(seed, stage.drawn)
        if not drawn and not kept:
            drawn = [
                by_trees(
                    problem.first, problem.second, problem.price, problem.weight,
                    problem.grid_count, seed=seed,
                )
            ]  # fmt: skip
        self.scale = self.scale or max(problem.cut((drawn or kept)[0]), 1e-9)
        drawn.sort(key=self.cost_of)
        return [*kept, *drawn[: stage.annealed]]

    def _drawn(self, seed: int, count: int) -> list[Ints]:
        """Plans of METIS; around locked grids of what is left, if that hangs together."""
        problem, own = self.problem, np.flatnonzero(self.is_free)
        grids = [k for k in range(problem.grid_count) if k not in problem.locked]
        if len(grids) < 2 or (problem.start is not None and not problem.locked):
            return []
        number = np.full(len(self.is_free), -1, np.int64)
        number[own] = np.arange(len(own))
        inner = self.is_free[problem.first] & self.is_free[problem.second]
        one, other = number[problem.first[inner]], number[problem.second[inner]]
        links = coo_array((np.ones(len(one)), (one, other)), shape=(len(own),) * 2)
        if connected_components(links, directed=False)[0] > 1:
            return []
        found = []
        for turn in range(count):
            part = by_metis(
                one, other, problem.price[inner], problem.weight[own], len(grids),
                tolerance=problem.tolerance, seed=seed + turn,
            )  # fmt: skip
            if part is not None:
                part = self._as_now(part, own, len(grids))
                label = np.zeros(len(number), np.int64)
                if problem.start is not None:
                    label = problem.start.copy()
                label[own] = np.array(grids, np.int64)[part]
                found.append(label)
        return found

    def _as_now(self, part: Ints, own: Ints, count: int) -> Ints:
        """The same plan, its grids numbered so that as much as possible stays where it is."""
        if not self.is_near or self.problem.start is not None:
            return part
        assert self.problem.now is not None
        overlap = np.zeros((count, self.problem.grid_count))
        np.add.at(overlap, part, self.problem.now[own])
        new, now = linear_sum_assignment(-overlap)
        number = np.zeros(count, np.int64)
        number[new] = now
        return number[part]

    def annealed(self, label: Ints, stage: Stage, seed: int, turn: int) -> Ints:
        """Return labels that are no worse."""
        if self.problem.grid_count == 1 or not self.is_free.any():
            return label
        steps = int(np.clip(stage.steps_a_link * len(self.rows[0]), STEPS_MIN, STEPS_MAX))
        found, _ = anneal(
            *self.rows, self.problem.weight, label, self.is_free, self.goal,
            self.problem.tolerance, self.scale, self.moved, LEVEL, steps,
            HOT * HEATS[turn % len(HEATS)], COLD, seed,
        )  # fmt: skip
        return np.asarray(found, np.int64)

    def cost_of(self, label: Ints) -> float:
        """What labels cost, as annealing reckons: first of all whether they are balanced."""
        problem = self.problem
        open_ = self.goal > 0
        if not open_.any():
            return 0.0
        away = np.abs(problem.loads(label)[open_] / self.goal[open_] - 1.0) / problem.tolerance
        cost = OVER_FIRM * float(np.maximum(away - 1.0, 0.0).sum())
        cost += LEVEL * float((away**2).sum()) / problem.grid_count
        cost += problem.cut(label) / self.scale
        if self.is_near:
            cost += float(self.moved[np.arange(len(label)), label].sum())
        return cost
