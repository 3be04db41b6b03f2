"""The compiled search behind balanced grids: single blocks change sides along borders.

Simulated annealing (Kirkpatrick, Gelatt, Vecchi 1983), and never so that a grid falls apart. Chance
is numpy's old interface (NPY002), as in `layers.routes.search_kernels`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geo.compiling import compiled, inner_kernel

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

OVER_FIRM = 30.0  # price of a whole tolerance too much or too little, in cuts of the whole start
OVER_SOFT = 1.0  # the same while it is hot: the way to a better plan may lead through a worse one


@inner_kernel
def _over(load: float, mean: float, tolerance: float) -> float:
    """By how many tolerances a load is out of what is allowed."""
    away = abs(load - mean) / mean
    return max(0.0, away - tolerance) / tolerance


@inner_kernel
def _square(load: float, mean: float, tolerance: float) -> float:
    away = (load - mean) / mean / tolerance
    return away * away


@inner_kernel
def _stays_whole(
    block: int, first: Ints, head: Ints, label: Ints, seen: Ints, stamp: int, queue: Ints
) -> bool:
    """Whether a grid holds together without one of its blocks."""
    own = label[block]
    begin = -1
    wanted = 0
    for e in range(first[block], first[block + 1]):
        if label[head[e]] == own:
            wanted += 1
            begin = head[e]
    if wanted <= 1:
        return wanted == 1
    # Blocks that are wanted have the stamp's negative until they are reached.
    for e in range(first[block], first[block + 1]):
        if label[head[e]] == own:
            seen[head[e]] = -stamp
    seen[block] = stamp
    seen[begin] = stamp
    reached = 1
    queue[0] = begin
    done, filled = 0, 1
    while done < filled:
        v = queue[done]
        done += 1
        for e in range(first[v], first[v + 1]):
            u = head[e]
            if label[u] == own and seen[u] != stamp:
                if seen[u] == -stamp:
                    reached += 1
                    if reached == wanted:
                        return True
                seen[u] = stamp
                queue[filled] = u
                filled += 1
    return False


@compiled()
def anneal(
    tail: Ints,
    first: Ints,
    head: Ints,
    price: Floats,
    weight: Floats,
    label: Ints,
    is_free: Flags,
    goal: Floats,
    tolerance: float,
    scale: float,
    moved: Floats,
    level: float,
    steps: int,
    hot: float,
    cold: float,
    seed: int,
) -> tuple[Ints, float]:
    """Return better labels, and what they cost (see `cost_of`).

    tail, first, head, price : links both ways, in rows: those of block b are first[b] to first[b+1]
    label : (n,) the grid of each block, connected; is_free : (n,) whether a block may change
    goal : (K,) what each grid is to hold; 0: nothing may come or go
    level : what a mean square deviation of one tolerance costs, in cuts of the start
    scale : what a cut is measured by; moved : (n, K) what it costs to have block b in grid k
    """
    np.random.seed(seed)  # noqa: NPY002
    count = len(goal)
    label = label.copy()
    load = np.zeros(count)
    size = np.zeros(count, np.int64)
    for b in range(len(label)):
        load[label[b]] += weight[b]
        size[label[b]] += 1
    seen = np.zeros(len(label), np.int64)
    queue = np.zeros(len(label), np.int64)
    has_moved = moved.shape[0] == len(label)
    best = label.copy()
    cost = 0.0  # against the start, over at its firm price
    best_cost = 0.0
    stamp = 0
    cooling = (cold / hot) ** (1.0 / max(steps, 1))
    heat = hot
    for step in range(steps):
        heat *= cooling
        e = np.random.randint(0, len(head))  # noqa: NPY002
        block, other = tail[e], head[e]
        a, b = label[block], label[other]
        if a == b or not is_free[block] or size[a] == 1 or goal[a] == 0.0 or goal[b] == 0.0:
            continue
        cut = 0.0
        for k in range(first[block], first[block + 1]):
            if label[head[k]] == a:
                cut += price[k]
            elif label[head[k]] == b:
                cut -= price[k]
        change = cut / scale
        if has_moved:
            change += moved[block, b] - moved[block, a]
        w = weight[block]
        over = 0.0
        if w != 0.0:
            before = _over(load[a], goal[a], tolerance) + _over(load[b], goal[b], tolerance)
            after = _over(load[a] - w, goal[a], tolerance) + _over(load[b] + w, goal[b], tolerance)
            over = after - before
            change += (
                level
                / count
                * (
                    _square(load[a] - w, goal[a], tolerance)
                    + _square(load[b] + w, goal[b], tolerance)
                    - _square(load[a], goal[a], tolerance)
                    - _square(load[b], goal[b], tolerance)
                )
            )
        firmness = OVER_SOFT + (OVER_FIRM - OVER_SOFT) * step / steps
        risen = change + firmness * over
        if risen > 0.0 and np.random.random() >= np.exp(-risen / heat):  # noqa: NPY002
            continue
        stamp += 1
        if not _stays_whole(block, first, head, label, seen, stamp, queue):
            continue
        label[block] = b
        load[a] -= w
        load[b] += w
        size[a] -= 1
        size[b] += 1
        cost += change + OVER_FIRM * over
        if cost < best_cost - 1e-12:
            best_cost = cost
            best[:] = label
    return best, best_cost


def rows_of_links(
    one: Ints, other: Ints, price: Floats, count: int
) -> tuple[Ints, Ints, Ints, Floats]:
    """Return links both ways in rows: `tail`, `first`, `head`, `price` as `anneal` takes them."""
    tail = np.concatenate((one, other))
    head = np.concatenate((other, one))
    order = np.lexsort((head, tail))
    first = np.concatenate(([0], np.cumsum(np.bincount(tail, minlength=count)))).astype(np.int64)
    return tail[order], first, head[order], np.tile(price, 2)[order]
