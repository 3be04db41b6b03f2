"""The p-median: which sites bring the demand's mean time down most."""

from __future__ import annotations

import numpy as np

from geo.errors import InvalidInput
from layers.siting.kernels import bound_median, improve_median
from layers.siting.problem import SitingPlan, SitingProblem

WORK = 4e9  # [cell x site x shake]: some five seconds of shaking
KICKS_MAX = 400
BOUND_ROUNDS = 600
PROOF = 1e-9


def least_time(
    problem: SitingProblem,
    *,
    wanted: int,
    unreached_s: float = 3600.0,
    kicks: int | None = None,
    bound_rounds: int = BOUND_ROUNDS,
    seed: int = 0,
) -> SitingPlan:
    """Return the sites from which the demand's mean time is least (p-median).

    `objective` and `bound` are the mean time of the demand to its nearest open site [s].

    Parameters
    ----------
    wanted : sites open in all, fixed ones among them
    unreached_s : what a cell without a way counts as [s], and the most any cell counts: one far
        farm must not decide where a town's posts stand
    kicks : how often the plan is shaken; None: as often as some seconds allow

    Raises
    ------
    InvalidInput : fewer sites than are fixed, or more than there are
    """
    problem.check_count(wanted)
    if not 0 < unreached_s < np.inf:
        raise InvalidInput(f"unreached_s is {unreached_s}, wanted over 0 s.", field="unreached_s")
    wished = problem.demand > 0
    demand = problem.demand[wished]
    cost = np.ascontiguousarray(np.minimum(problem.times_s[:, wished], unreached_s).T, np.float32)
    is_open, may_open = problem.is_fixed, problem.may_open
    if kicks is None:
        kicks = int(min(WORK / (3 * cost.size), KICKS_MAX))
    draws = np.random.default_rng(seed).random(4 * kicks + 8)
    total = improve_median(cost, demand, is_open, problem.is_fixed, may_open, wanted, kicks, draws)
    near = np.argsort(cost, axis=1, kind="stable").astype(np.int32)
    weighted = np.take_along_axis(cost, near, axis=1).astype(np.float64) * demand[:, None]
    # Each cell begins by paying what its second nearest open site would cost.
    opened = np.sort(cost[:, is_open], axis=1)
    price = opened[:, min(1, wanted - 1)].astype(np.float64) * demand
    value = np.zeros(problem.site_count)
    bound = bound_median(
        weighted, near, problem.is_fixed, may_open, wanted, total, bound_rounds, price, value
    )
    whole = float(demand.sum())
    is_proven = bound >= total * (1 - PROOF)
    return SitingPlan(
        sites=tuple(np.flatnonzero(is_open).tolist()),
        objective=total / whole,
        bound=(total if is_proven else bound) / whole,
        is_proven=is_proven,
        method=f"greedy and swaps, {kicks} times shaken; Lagrangian bound",
    )
