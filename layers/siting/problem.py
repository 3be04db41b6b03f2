"""What a siting question is asked about, and what an answer holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geo.errors import InvalidInput

Times = NDArray[np.float32]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class SitingProblem:
    """Sites that could be opened, and the demand they serve.

    times_s : (m_sites, n_cells) float32 time from each site to each cell [s], infinite where there
        is no way
    demand : (n_cells,) how much each cell counts, 0 or more: residents, incidents, 1
    fixed : sites that stay open in every plan
    forbidden : sites that are never opened: closed, unsafe, sold

    Raises
    ------
    InvalidInput : shapes differ, a time or demand that is negative or no number, no demand at all,
        a site that isn't there or is both fixed and forbidden
    """

    times_s: Times
    demand: Floats
    fixed: frozenset[int] = frozenset()
    forbidden: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        times = np.asarray(self.times_s)
        demand = np.asarray(self.demand)
        if times.ndim != 2 or demand.shape != times.shape[1:]:
            raise InvalidInput(
                f"Times are {times.shape}, demand {demand.shape}. Wanted (sites, cells), (cells,)."
            )
        if not times.shape[0]:
            raise InvalidInput("There is no site to choose from. Give one or more.")
        if np.isnan(times).any() or (times < 0).any():
            raise InvalidInput("A time is negative or no number. Infinite stands for no way.")
        if not np.isfinite(demand).all() or (demand < 0).any():
            raise InvalidInput("A cell's demand is negative or no number. Wanted 0 or more.")
        if not (demand > 0).any():
            raise InvalidInput(
                "No cell has any demand, so every plan is as good as another. Give each cell what "
                "it counts for, or 1."
            )
        for site in self.fixed | self.forbidden:
            if not 0 <= site < times.shape[0]:
                raise InvalidInput(f"There is no site {site}; sites are 0 .. {times.shape[0] - 1}.")
        if both := self.fixed & self.forbidden:
            raise InvalidInput(f"Site {min(both)} is both fixed and forbidden. Choose one.")
        object.__setattr__(self, "times_s", np.ascontiguousarray(times, np.float32))
        object.__setattr__(self, "demand", np.ascontiguousarray(demand, np.float64))

    @property
    def site_count(self) -> int:
        return len(self.times_s)

    @property
    def cell_count(self) -> int:
        return len(self.demand)

    @property
    def is_fixed(self) -> Flags:
        return flags(self.fixed, self.site_count)

    @property
    def may_open(self) -> Flags:
        return ~flags(self.forbidden, self.site_count)

    def reaches(self, limit_s: float) -> Flags:
        """Return which site reaches which cell within a limit [s], (m_sites, n_cells)."""
        if not 0 <= limit_s < np.inf:
            raise InvalidInput(f"limit_s is {limit_s}, wanted a number from 0.", field="limit_s")
        return np.asarray(self.times_s <= np.float32(limit_s))

    def check_count(self, wanted: int) -> None:
        """Refuse a number of sites that can't be opened.

        Raises
        ------
        InvalidInput : fewer than are fixed, or more than there are
        """
        most = int(self.may_open.sum())
        if not max(len(self.fixed), 1) <= wanted <= most:
            raise InvalidInput(
                f"{wanted} sites are wanted; {len(self.fixed)} are fixed and {most} may be open. "
                "Ask for a number between.",
                field="wanted",
            )


@dataclass(frozen=True, slots=True)
class SitingPlan:
    """An answer, with what can be proven about it.

    sites : open sites, ascending; a site stands as often as it holds units
    objective : what the plan reaches: demand covered, or the mean time [s]
    bound : no plan reaches more (or, for times and counts, less) than this
    is_proven : whether no other plan is better
    method : how it was found, in words
    """

    sites: tuple[int, ...]
    objective: float
    bound: float
    is_proven: bool
    method: str

    @property
    def gap(self) -> float:
        """How far the plan may be from the best one, as a share of the bound; 0 when proven."""
        if self.is_proven or self.bound == self.objective:
            return 0.0
        return abs(self.bound - self.objective) / max(abs(self.bound), 1e-12)


@dataclass(frozen=True, slots=True)
class PlanDifference:
    """What changes from one plan to another.

    opened, closed : sites
    covered_before, covered_after : demand reached within the limit
    gained, lost : (n_cells,) cells reached only by the second plan, or only by the first
    mean_s_before, mean_s_after : demand's mean time to its nearest site [s], over cells that both
        plans reach at all
    """

    opened: tuple[int, ...]
    closed: tuple[int, ...]
    covered_before: float
    covered_after: float
    gained: Flags
    lost: Flags
    mean_s_before: float
    mean_s_after: float


def compare_plans(
    problem: SitingProblem, before: Iterable[int], after: Iterable[int], *, limit_s: float
) -> PlanDifference:
    """Return what changes for the cells between two sets of open sites."""
    first, second = sorted(set(before)), sorted(set(after))
    reaches = problem.reaches(limit_s)
    had: Flags = np.asarray(reaches[first].any(axis=0))
    has: Flags = np.asarray(reaches[second].any(axis=0))
    old, new = nearest_s(problem, first), nearest_s(problem, second)
    both = np.isfinite(old) & np.isfinite(new)
    weight = problem.demand[both]
    total = float(weight.sum())
    means = [float((weight * t[both]).sum() / total) if total else np.nan for t in (old, new)]
    return PlanDifference(
        opened=tuple(site for site in second if site not in first),
        closed=tuple(site for site in first if site not in second),
        covered_before=float(problem.demand[had].sum()),
        covered_after=float(problem.demand[has].sum()),
        gained=has & ~had,
        lost=np.asarray(had & ~has),
        mean_s_before=means[0],
        mean_s_after=means[1],
    )


def nearest_s(problem: SitingProblem, sites: Iterable[int]) -> Floats:
    """Return each cell's time to the nearest of some sites, (n_cells,) [s]."""
    chosen = list(sites)
    if not chosen:
        return np.full(problem.cell_count, np.inf)
    return np.asarray(problem.times_s[chosen].min(axis=0), np.float64)


def flags(numbers: Iterable[int], count: int) -> Flags:
    """Return which of `count` numbers are among some."""
    found = np.zeros(count, bool)
    found[list(numbers)] = True
    return found
