"""Siting questions given to HiGHS, an open solver of mixed-integer programmes, through scipy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from layers.siting.problem import Flags, Floats

Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class CoverModel:
    """Cover `demand` by `wanted` units, from `low` to `high` at each site; see `kernels`."""

    reaches: Flags
    demand: Floats
    gains: Floats
    low: Ints
    high: Ints
    wanted: int


def solve_cover(model: CoverModel, *, time_limit_s: float) -> tuple[Ints | None, float, bool]:
    """Return the best units found, an upper bound, and whether the best is proven.

    Returns
    -------
    (m,) units, or None where nothing was found
    """
    free = np.flatnonzero(model.high > model.low)
    settled = model.low.astype(np.int64) @ model.reaches.astype(np.int64)
    levels = int(np.count_nonzero(model.gains))
    sums = np.concatenate(([0.0], np.cumsum(model.gains)))
    base = float((model.demand * sums[np.minimum(settled, len(model.gains))]).sum())
    reach = model.reaches[free]
    left = levels - settled
    # A cell is worth a variable for each further unit that could come into reach.
    could = np.minimum(left, model.high[free].astype(np.int64) @ reach.astype(np.int64))
    cells = np.flatnonzero(could > 0)
    if not len(free) or not len(cells):
        return model.low.copy(), base, True
    count = could[cells]
    cell_of = np.repeat(np.arange(len(cells)), count)
    level = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    worth = model.demand[cells][cell_of] * model.gains[settled[cells][cell_of] + level]
    m, z, rows = len(free), len(cell_of), len(cells)
    inner = reach[:, cells]
    row_of, site_of = np.nonzero(inner.T)
    # Row r: the covered levels of cell r are no more than the units that reach it.
    entries = [
        (row_of, site_of, np.full(len(row_of), -1.0)),
        (cell_of, m + np.arange(z), np.ones(z)),
        (np.full(m, rows), np.arange(m), np.ones(m)),
    ]
    fixed_units = int(model.low.sum())
    span = (model.high - model.low)[free].astype(float)
    values, bound, ended = _solve(
        cost=np.concatenate((np.zeros(m), -worth)),
        upper=np.concatenate((span, np.ones(z))),
        entries=entries,
        row_lower=np.concatenate((np.full(rows, -np.inf), [model.wanted - fixed_units])),
        row_upper=np.concatenate((np.zeros(rows), [model.wanted - fixed_units])),
        whole=m,
        time_limit_s=time_limit_s,
    )
    units = None
    if values is not None:
        units = model.low.copy()
        units[free] += np.rint(values[:m]).astype(np.int32)
    return units, base - bound, ended


def solve_set_cover(
    reaches: Flags, demand: Floats, is_fixed: Flags, share: float, *, time_limit_s: float
) -> tuple[tuple[int, ...], float, bool]:
    """Return the fewest sites that reach a share of the demand, a lower bound, and whether proven.

    Parameters
    ----------
    reaches : (m, n), of sites that may open; together they reach the share
    """
    chosen = _greedy(reaches, demand, is_fixed, share)
    done = reaches[is_fixed].any(axis=0)
    left = ~done & (demand > 0) & reaches.any(axis=0)
    columns, weights = _distinct(reaches[:, left], demand[left])
    m, rows = len(reaches), columns.shape[1]
    needed = share * demand.sum() - demand[done].sum()
    if rows == 0 or needed <= 0:
        sites = tuple(np.flatnonzero(is_fixed).tolist())
        return sites, float(len(sites)), True
    every = weights.sum() - needed < weights.min() - 1e-9 * weights.sum()
    row_of, site_of = np.nonzero(columns.T)
    entries = [(row_of, site_of, np.ones(len(row_of)))]
    upper = np.ones(m)
    if every:
        row_lower, row_upper = np.ones(rows), np.full(rows, np.inf)
        cost = np.ones(m)
    else:
        entries.append((np.arange(rows), m + np.arange(rows), -np.ones(rows)))
        entries.append((np.full(rows, rows), m + np.arange(rows), weights))
        row_lower = np.concatenate((np.zeros(rows), [needed * (1 - 1e-12)]))
        row_upper = np.full(rows + 1, np.inf)
        cost = np.concatenate((np.ones(m), np.zeros(rows)))
        upper = np.ones(m + rows)
    lower = np.zeros(len(upper))
    lower[:m][is_fixed] = 1
    values, bound, ended = _solve(
        cost=cost, upper=upper, lower=lower, entries=entries, row_lower=row_lower,
        row_upper=row_upper, whole=m, time_limit_s=time_limit_s,
    )  # fmt: skip
    if values is not None:
        found = np.flatnonzero(values[:m] > 0.5)
        if len(found) < len(chosen):
            chosen = found
    least = float(np.ceil(bound - 1e-6)) if np.isfinite(bound) else 1.0
    bound = max(least, float(is_fixed.sum()), 1.0)
    sites = tuple(int(site) for site in chosen)
    return sites, min(bound, float(len(sites))), ended or bound >= len(sites)


def _greedy(reaches: Flags, demand: Floats, is_fixed: Flags, share: float) -> NDArray[np.int64]:
    """Sites one by one, each the one that adds most; then those out that the others replace."""
    is_open = is_fixed.copy()
    covered = reaches[is_open].any(axis=0)
    needed = share * demand.sum() * (1 - 1e-12)
    while demand[covered].sum() < needed:
        gain = reaches @ np.where(covered, 0.0, demand)
        best = int(gain.argmax())
        if gain[best] <= 0:
            break
        is_open[best] = True
        covered |= reaches[best]
    for site in np.flatnonzero(is_open & ~is_fixed):
        is_open[site] = False
        if demand[reaches[is_open].any(axis=0)].sum() < needed:
            is_open[site] = True
    return np.flatnonzero(is_open)


def _distinct(columns: Flags, demand: Floats) -> tuple[Flags, Floats]:
    """Cells that the same sites reach, as one."""
    if not columns.shape[1]:
        return columns, demand
    packed = np.ascontiguousarray(np.packbits(columns, axis=0).T)
    view = packed.view(np.dtype((np.void, packed.shape[1]))).ravel()
    _, first, group = np.unique(view, return_index=True, return_inverse=True)
    return columns[:, first], np.bincount(group.reshape(-1), weights=demand).astype(float)


def _solve(
    *,
    cost: Floats,
    upper: Floats,
    lower: Floats | None = None,
    entries: list[tuple[Any, Any, Any]],
    row_lower: Floats,
    row_upper: Floats,
    whole: int,
    time_limit_s: float,
) -> tuple[Floats | None, float, bool]:
    """Minimise; the first `whole` columns are whole numbers.

    Returns
    -------
    the values found (None: none), a lower bound, and whether the best is proven
    """
    row = np.concatenate([part[0] for part in entries])
    column = np.concatenate([part[1] for part in entries])
    number = np.concatenate([part[2] for part in entries])
    matrix = csr_array((number, (row, column)), shape=(len(row_lower), len(cost)))
    outcome = milp(
        cost,
        integrality=np.arange(len(cost)) < whole,
        bounds=Bounds(np.zeros(len(cost)) if lower is None else lower, upper),
        constraints=LinearConstraint(matrix, row_lower, row_upper),
        options={"time_limit": float(time_limit_s), "mip_rel_gap": 0.0, "disp": False},
    )
    ended = outcome.status == 0
    bound = outcome.fun if ended else outcome.mip_dual_bound
    return outcome.x, -np.inf if bound is None else float(bound), ended
