"""Covering: how many sites reach all (LSCP), which reach most (MCLP), and when units are busy
(MEXCLP).

First greedy choice with swaps, then a Lagrangian bound; sites that the bound rules in or out are
settled, and what is left is given to HiGHS. So large questions get a good plan and a bound, and
most get a proof.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geo.errors import InvalidInput, NotEnoughData
from layers.siting.exact import CoverModel, solve_cover, solve_set_cover
from layers.siting.kernels import bound_cover, improve_cover
from layers.siting.problem import Flags, Floats, SitingPlan, SitingProblem

Ints = NDArray[np.int32]

FIRST_KICKS, KICKS = 100, 2000
BOUND_ROUNDS = 8000
EXACT_S = 20.0
# Beyond this many entries in the matrix that is left, HiGHS seldom ends in time.
EXACT_ENTRIES_MAX = 3_000_000
PROOF = 1e-7  # a bound nearer than this share of the objective is a proof


def cover_most(
    problem: SitingProblem,
    *,
    limit_s: float,
    wanted: int,
    exact_s: float = EXACT_S,
    kicks: int = KICKS,
    bound_rounds: int = BOUND_ROUNDS,
    seed: int = 0,
) -> SitingPlan:
    """Return the sites that bring most demand within a limit (MCLP).

    Parameters
    ----------
    wanted : sites open in all, fixed ones among them
    exact_s : how long HiGHS may try to prove the best [s]; 0: not at all
    kicks : how often the plan is shaken; more is slower and seldom worse
    bound_rounds : how long the bound is brought down; fewer leave it higher

    Raises
    ------
    InvalidInput : fewer sites than are fixed, or more than there are
    """
    problem.check_count(wanted)
    most = problem.may_open.astype(np.int32)
    return _cover(problem, limit_s, wanted, 0.0, most, exact_s, kicks, bound_rounds, seed)


def expected_cover(
    problem: SitingProblem,
    *,
    limit_s: float,
    wanted: int,
    busy_share: float,
    units_at_site_max: int = 1,
    exact_s: float = EXACT_S,
    kicks: int = KICKS,
    bound_rounds: int = BOUND_ROUNDS,
    seed: int = 0,
) -> SitingPlan:
    """Return the sites from which most demand finds a free unit within a limit (MEXCLP).

    A cell with k units in reach is covered with probability 1 - busy_share ** k: units are thought
    to be busy equally and independently of each other. Source: Daskin 1983.

    Parameters
    ----------
    wanted : units in all
    busy_share : share of the time a unit is busy, from 0 to less than 1
    units_at_site_max : how many units one site may hold
    """
    if not 0 <= busy_share < 1:
        raise InvalidInput(
            f"busy_share is {busy_share}, wanted 0 to less than 1: who is always busy covers "
            "nothing.",
            field="busy_share",
        )
    if units_at_site_max < 1:
        raise InvalidInput("A site that holds no unit is no site; units_at_site_max is 1 or more.")
    room = int(problem.may_open.sum()) * units_at_site_max
    if not max(len(problem.fixed), 1) <= wanted <= room:
        raise InvalidInput(
            f"{wanted} units are wanted; {len(problem.fixed)} sites are fixed and there is room "
            f"for {room}. Ask for a number between.",
            field="wanted",
        )
    most = problem.may_open.astype(np.int32) * np.int32(units_at_site_max)
    return _cover(problem, limit_s, wanted, busy_share, most, exact_s, kicks, bound_rounds, seed)


def cover_all(
    problem: SitingProblem,
    *,
    limit_s: float,
    share: float = 1.0,
    exact_s: float = EXACT_S,
) -> SitingPlan:
    """Return the fewest sites that bring demand within a limit (LSCP).

    `objective` and `bound` count sites.

    Parameters
    ----------
    share : of the demand that must be reached; 1 for every cell that has any

    Raises
    ------
    NotEnoughData : no plan reaches the share (`found`: the share all sites together reach;
        `cells`: those out of reach)
    """
    if not 0 < share <= 1:
        raise InvalidInput(f"share is {share}, wanted over 0 up to 1.", field="share")
    reaches = problem.reaches(limit_s) & problem.may_open[:, None]
    within = reaches.any(axis=0)
    possible = float(problem.demand[within].sum() / problem.demand.sum())
    if possible < share - 1e-12:
        missing = np.flatnonzero(~within & (problem.demand > 0))
        raise NotEnoughData(
            f"All sites together reach {possible:.1%} of the demand within {limit_s:g} s, wanted "
            f"{share:.1%}; {len(missing)} cells are out of reach. Allow more time, more sites, or "
            "a smaller share.",
            found=possible,
            needed=share,
            cells=missing.tolist(),
        )
    plan, bound, is_proven = solve_set_cover(
        reaches, problem.demand, problem.is_fixed, share, time_limit_s=exact_s
    )
    return SitingPlan(
        sites=plan,
        objective=float(len(plan)),
        bound=bound,
        is_proven=is_proven,
        method="set cover: greedy, then HiGHS",
    )


def _cover(
    problem: SitingProblem,
    limit_s: float,
    wanted: int,
    busy_share: float,
    most: Ints,
    exact_s: float,
    kicks: int,
    bound_rounds: int,
    seed: int,
) -> SitingPlan:
    reaches = problem.reaches(limit_s)
    merged = _merged(reaches, problem.demand)
    least = problem.is_fixed.astype(np.int32)
    # What the k-th unit in reach adds; nothing beyond the last unit there is.
    gains = np.zeros(wanted + 2)
    gains[:wanted] = (1 - busy_share) * busy_share ** np.arange(wanted)
    site_first, site_cell = _rows(merged.reaches)
    cell_first, cell_site = _rows(merged.reaches.T)
    units = least.copy()
    draws = np.random.default_rng(seed).random(4 * kicks + 8)

    def improved(shakes: int) -> float:
        return improve_cover(
            site_first, site_cell, cell_first, cell_site, merged.demand, gains, units, least, most,
            wanted, shakes, draws,
        )  # fmt: skip

    first_kicks = min(kicks, FIRST_KICKS)
    objective = improved(first_kicks)
    price = merged.demand * gains[0] / np.maximum(np.diff(cell_first), 1)
    value = np.zeros(problem.site_count)
    bound = bound_cover(
        site_first, site_cell, merged.demand, gains, least, most, wanted, objective, bound_rounds,
        price, value,
    )  # fmt: skip
    bound = min(bound, float(merged.demand.sum() * gains.sum()))
    # Where demand is counted in whole numbers, so is what a plan covers, if it is covered for sure.
    is_whole = busy_share == 0 and bool((problem.demand == np.floor(problem.demand)).all())
    if is_whole:
        bound = float(np.floor(bound * (1 + 1e-12) + 1e-6))
    is_proven = bound <= objective * (1 + PROOF)
    if not is_proven and kicks > first_kicks:
        objective = improved(kicks)
        is_proven = bound <= objective * (1 + PROOF)
    method = "greedy and swaps, shaken; Lagrangian bound"
    if not is_proven and exact_s > 0:
        spare = bound - objective - (0.999 if is_whole else 0.0)
        low, high = _settled(value, spare, least, most, wanted)
        model = CoverModel(merged.reaches, merged.demand, gains, low, high, wanted)
        free = int(merged.reaches[high > low].sum())
        if free <= EXACT_ENTRIES_MAX:
            found, proven_bound, ended = solve_cover(model, time_limit_s=exact_s)
            if found is not None:
                better = _worth(merged.reaches, merged.demand, gains, found)
                if better > objective:
                    units, objective = found, better
            # What was settled can't hold a plan better than the one that was known.
            bound = min(bound, max(proven_bound, objective))
            is_proven = ended or bound <= objective * (1 + PROOF)
            method += f"; HiGHS on the {int((high > low).sum())} sites it left open"
    return SitingPlan(
        sites=tuple(np.repeat(np.arange(problem.site_count), units).tolist()),
        objective=objective,
        bound=objective if is_proven else bound,
        is_proven=is_proven,
        method=method,
    )


class _Merged:
    """Cells that the same sites reach are one; cells nobody reaches or wants are none."""

    def __init__(self, reaches: Flags, demand: Floats) -> None:
        self.reaches, self.demand = reaches, demand


def _merged(reaches: Flags, demand: Floats) -> _Merged:
    kept = reaches.any(axis=0) & (demand > 0)
    if not kept.any():
        return _Merged(reaches[:, :1], np.zeros(1))
    columns = np.ascontiguousarray(np.packbits(reaches[:, kept], axis=0).T)
    view = columns.view(np.dtype((np.void, columns.shape[1]))).ravel()
    _, first, group = np.unique(view, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    weights = np.bincount(group.reshape(-1), weights=demand[kept])[order].astype(float)
    return _Merged(np.ascontiguousarray(reaches[:, np.flatnonzero(kept)[first[order]]]), weights)


def _rows(reaches: Flags) -> tuple[NDArray[np.int64], Ints]:
    """Compressed rows of a matrix of flags."""
    row, column = np.nonzero(reaches)
    counts = np.bincount(row, minlength=len(reaches))
    return np.concatenate(([0], np.cumsum(counts))).astype(np.int64), column.astype(np.int32)


def _settled(
    value: Floats, spare: float, least: Ints, most: Ints, wanted: int
) -> tuple[Ints, Ints]:
    """Bounds on the units at each site that a better plan must keep to.

    At the bound's prices a plan with one unit forced in, or out, reaches at most the bound less
    what that costs. Where that is no more than is reached already, it isn't forced.

    spare : what the bound lies over the least that would be better
    """
    low, high = least.copy(), most.copy()
    left = wanted - int(least.sum())
    room = most - least
    order = np.argsort(-value, kind="stable")
    taken = np.zeros(len(value), np.int32)
    for site in order:
        taken[site] = min(left, int(room[site]))
        left -= int(taken[site])
    inside, outside = taken > 0, taken < room
    if left > 0 or not inside.any() or not outside.any():
        return low, high
    last_in, first_out = value[inside].min(), value[outside].max()
    if most.max() == 1:
        high[(taken == 0) & (last_in - value >= spare)] = least[
            (taken == 0) & (last_in - value >= spare)
        ]
        low[(taken > 0) & (value - first_out >= spare)] = 1
    else:
        never = (taken == 0) & (last_in - value >= spare)
        high[never] = least[never]
    return low, high


def _worth(reaches: Flags, demand: Floats, gains: Floats, units: Ints) -> float:
    """What some units cover."""
    sums = np.concatenate(([0.0], np.cumsum(gains)))
    count = units.astype(np.int64) @ reaches.astype(np.int64)
    return float((demand * sums[np.minimum(count, len(gains))]).sum())
