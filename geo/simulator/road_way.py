"""The shortest way between two places along the roads of a plan, for who moves in the simulator."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from geo.simulator.road_plan import RoadPlan

FloatArray = NDArray[np.float64]


def road_way(plan: RoadPlan, start: FloatArray, end: FloatArray) -> FloatArray:
    """Return (n, 2) [m] vertices from `start` to `end`: to the nearest junction, along the roads,
    and straight from the junction next to the end.

    Each road is gone both ways. Both are (2,) on the plan's plane.
    """
    first, last = (int(np.argmin(np.hypot(*(plan.node_xy - at).T))) for at in (start, end))
    steps = np.hypot(*np.diff(plan.edge_xy, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    length = along[plan.edge_start[1:] - 1] - along[plan.edge_start[:-1]]
    ways = np.repeat(np.arange(len(length)), 2) * 2 + np.tile([0, 1], len(length))
    leaves, reaches = plan.edge_nodes.ravel(), plan.edge_nodes[:, ::-1].ravel()
    # Of two roads between the same junctions the shorter: a sparse matrix would add them up.
    order = np.lexsort((np.repeat(length, 2), reaches, leaves))
    pair = np.stack([leaves[order], reaches[order]], axis=1)
    kept = order[np.concatenate([[True], (np.diff(pair, axis=0) != 0).any(axis=1)])]
    count = len(plan.node_xy)
    graph = coo_array(
        (np.repeat(length, 2)[kept], (leaves[kept], reaches[kept])), shape=(count, count)
    ).tocsr()
    _, before = dijkstra(graph, indices=first, return_predecessors=True)
    way_of = {(int(leaves[k]), int(reaches[k])): int(ways[k]) for k in kept}
    lines: list[FloatArray] = []
    node = last
    while node != first:
        lines.append(plan.walk_of(way_of[int(before[node]), node])[0])
        node = int(before[node])
    return np.concatenate([start[None], plan.node_xy[first][None], *lines[::-1], end[None]])
