"""Grids to begin with: by METIS, by spanning trees, near the grids that are."""

from __future__ import annotations

import numpy as np
import pymetis
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components, minimum_spanning_tree

from layers.balanced_grids.problem import BalanceProblem
from layers.balanced_grids.search_kernels import rows_of_links

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TREES = 12  # drawn for each halving; the one that halves best counts
_WEIGHT_STEPS = 1_000_000  # METIS counts in whole numbers
_METIS_ROUNDS = 20
_SAFE_SIDE = 0.9  # of the tolerance: METIS keeps to its own about


def by_metis(
    first: Ints, second: Ints, price: Floats, weight: Floats, grid_count: int, *,
    tolerance: float, seed: int,
) -> Ints | None:  # fmt: skip
    """Return labels of some linked blocks, as METIS groups them (Karypis, Kumar 1998); None where
    a grid falls apart or is empty, which happens with few blocks.

    Parameters
    ----------
    first, second, price : (m,) links; weight : (n,)
    """
    _, begins, head, prices = rows_of_links(first, second, price, len(weight))
    whole = max(float(weight.sum()), 1e-12)
    _, label = pymetis.part_graph(
        grid_count,
        pymetis.CSRAdjacency(begins.tolist(), head.tolist()),
        vweights=np.round(weight / whole * _WEIGHT_STEPS).astype(int).tolist(),
        eweights=np.maximum(np.round(prices), 1).astype(int).tolist(),
        recursive=False,
        options=pymetis.Options(
            ufactor=max(int(1000 * _SAFE_SIDE * tolerance), 1),
            seed=seed,
            niter=_METIS_ROUNDS,
            contig=1,
        ),
    )
    found = np.array(label, np.int64)
    inner = found[first] == found[second]
    parts, _ = connected_components(_links(first[inner], second[inner], len(weight)))
    if parts != grid_count or len(np.unique(found)) != grid_count:
        return None
    return found


def by_trees(
    first: Ints, second: Ints, price: Floats, weight: Floats, grid_count: int, *, seed: int
) -> Ints:
    """Return labels of some linked blocks, each grid connected.

    Cutting one link of a spanning tree leaves two connected halves (DeFord, Duchin, Solomon 2021);
    again and again, down to single grids. It always ends with `grid_count` grids.
    """
    rng = np.random.default_rng(seed)
    label = np.zeros(len(weight), np.int64)
    wanted = {0: grid_count}
    used = 1
    while any(count > 1 for count in wanted.values()):
        here = max(wanted, key=lambda grid: (wanted[grid], -grid))
        own = np.flatnonzero(label == here)
        number = np.full(len(weight), -1, np.int64)
        number[own] = np.arange(len(own))
        inner = (label[first] == here) & (label[second] == here)
        one, other = number[first[inner]], number[second[inner]]
        far, count = _best_half(one, other, price[inner], weight[own], wanted[here], rng)
        label[own[far]] = used
        wanted[used], wanted[here] = count, wanted[here] - count
        used += 1
    return label


def _best_half(
    one: Ints, other: Ints, price: Floats, weight: Floats, wanted: int, rng: np.random.Generator
) -> tuple[Ints, int]:
    """The blocks of one half, and how many grids it is to have."""
    total = max(float(weight.sum()), 1e-12)
    best: tuple[float, Ints, int] | None = None
    for _ in range(TREES):
        # Cheap links are left out of trees more often, so that halves meet along them.
        drawn = (0.5 + rng.random(len(one))) / (price + 1.0)
        tree = minimum_spanning_tree(csr_array(_links(one, other, len(weight), drawn)))
        order, up = breadth_first_order(tree, 0, directed=False)
        below, size = weight.astype(float).copy(), np.ones(len(weight), np.int64)
        for v in order[:0:-1]:
            below[up[v]] += below[v]
            size[up[v]] += size[v]
        for v in order[1:]:
            share = wanted * below[v] / total
            count = max(round(share), 1, wanted - (len(weight) - int(size[v])))
            count = int(min(count, wanted - 1, size[v]))
            bad = max(abs(share / count - 1), abs((wanted - share) / (wanted - count) - 1))
            if best is None or bad < best[0] - 1e-12:
                best = bad, _below(order, up, int(v)), count
    assert best is not None
    return best[1], best[2]


def _below(order: Ints, up: Ints, root: int) -> Ints:
    is_below = np.zeros(len(order), bool)
    is_below[root] = True
    for v in order[1:]:
        is_below[v] |= is_below[up[v]]
    return np.flatnonzero(is_below)


def near_what_is(problem: BalanceProblem, seed: int) -> Ints:
    """Return connected labels as near the grids of now as can be: each block where most of it
    lies, what hangs apart with a neighbour. Where a grid is missing, the heaviest is halved."""
    assert problem.now is not None
    label = np.where(problem.now.any(axis=1), problem.now.argmax(axis=1), -1).astype(np.int64)
    label = _spread(problem, _only_main_parts(problem, label))
    for grid in range(problem.grid_count):
        if (label == grid).any():
            continue
        can_part = np.bincount(label, minlength=problem.grid_count) > 1
        heaviest = int(np.argmax(np.where(can_part, problem.loads(label), -1.0)))
        own = np.flatnonzero(label == heaviest)
        number = np.full(len(label), -1, np.int64)
        number[own] = np.arange(len(own))
        inner = (number[problem.first] >= 0) & (number[problem.second] >= 0)
        half = by_trees(
            number[problem.first[inner]], number[problem.second[inner]], problem.price[inner],
            problem.weight[own], 2, seed=seed,
        )  # fmt: skip
        label[own[half == 1]] = grid
    return label


def _only_main_parts(problem: BalanceProblem, label: Ints) -> Ints:
    """-1 for blocks that hang apart from the heaviest part of their grid."""
    inner = (label[problem.first] == label[problem.second]) & (label[problem.first] >= 0)
    links = _links(problem.first[inner], problem.second[inner], len(label))
    _, part = connected_components(links, directed=False)
    heavy = np.bincount(part, problem.weight) + 1e-9 * np.bincount(part)
    kept = np.full(len(label), -1, np.int64)
    for grid in np.unique(label[label >= 0]):
        parts = np.unique(part[label == grid])
        kept[part == parts[np.argmax(heavy[parts])]] = grid
    return kept


def _spread(problem: BalanceProblem, label: Ints) -> Ints:
    """Give blocks without a grid to the neighbour with which they share most."""
    label = label.copy()
    if (label < 0).all():
        label[0] = 0
    one = np.concatenate((problem.first, problem.second))
    other = np.concatenate((problem.second, problem.first))
    price = np.tile(problem.price, 2)
    while (label < 0).any():
        usable = np.flatnonzero((label[one] < 0) & (label[other] >= 0))
        order = usable[np.lexsort((other[usable], price[usable]))]
        label[one[order]] = label[other[order]]  # the most expensive border comes last and stays
    return label


def _links(one: Ints, other: Ints, count: int, value: Floats | None = None) -> coo_array:
    return coo_array(
        (np.ones(len(one)) if value is None else value, (one, other)), shape=(count, count)
    )
