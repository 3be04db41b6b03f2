"""A contraction hierarchy over a travel graph: exact times between many places at once.

Nodes are contracted one after the other, least important first, and shortcuts put in where the
shortest way led through. A search then only has to climb, some hundred nodes instead of tens of
thousands. It takes seconds to build and holds for one graph: another mode, hour or closure is
another graph. `docs/roads.md` says when it pays.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from geo.roads.graph import LONGEST_MS, UNREACHED, TravelGraph
from geo.roads.hierarchy_kernels import contract, many_to_many, one_to_all
from geo.roads.places import Seeds
from geo.roads.search import checked_limit

Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class _Climb:
    """Edges to higher nodes by their lower end: (n + 1,) first, the higher end, time [ms]."""

    first: Ints
    end: Ints
    ms: Ints


class _Room(threading.local):
    """Arrays that searches of one thread write on."""

    def __init__(self, node_count: int, edge_count: int) -> None:
        self.dist = np.full(node_count, UNREACHED, np.int32)
        self.touched = np.empty(node_count + 1, np.int32)
        self.heap = np.empty(edge_count + node_count + 8, np.int64)
        self.found = np.empty(node_count, np.int32)
        self.found_ms = np.empty(node_count, np.int32)


@dataclass(frozen=True)
class Hierarchy:
    """A contraction hierarchy. Nodes are told by the graph's numbers, times in milliseconds.

    shortcut_count : edges that were put in
    """

    graph: TravelGraph
    rank: Ints
    shortcut_count: int
    _up: _Climb
    _down: _Climb
    _room: _Room = field(repr=False)

    @classmethod
    def of(cls, graph: TravelGraph) -> Hierarchy:
        """Build the hierarchy of a graph; some 10 microseconds an edge on one core."""
        rank, tail, head, ms = contract(graph.node_count, graph.tail, graph.head, graph.ms)
        low, high = rank[tail], rank[head]
        up, down = low < high, low > high
        n = graph.node_count
        return cls(
            graph=graph,
            rank=rank,
            shortcut_count=len(tail) - graph.edge_count,
            _up=_climb(n, low[up], high[up], ms[up]),
            _down=_climb(n, high[down], low[down], ms[down]),
            _room=_Room(n, len(tail)),
        )

    def times_ms(
        self, sources: Seeds, targets: Seeds, *, limit_ms: int = LONGEST_MS
    ) -> NDArray[np.int32]:
        """Return the time from each source to each target, (n_sources, n_targets).

        `UNREACHED` where there is no way, or none within the limit.
        """
        result = np.empty((len(sources), len(targets)), np.int32)
        up, down, room = self._up, self._down, self._room
        many_to_many(
            self._ranked(sources), sources.ms, self._ranked(targets), targets.ms,
            checked_limit(limit_ms), up.first, up.end, up.ms, down.first, down.end, down.ms,
            room.dist, room.touched, room.heap, result,
        )  # fmt: skip
        return result

    def times_to_all_ms(self, sources: Seeds) -> NDArray[np.int32]:
        """Return the time from each source to each node of the graph, (n_sources, n_nodes)."""
        result = np.empty((len(sources), self.graph.node_count), np.int32)
        up, down, room = self._up, self._down, self._room
        nodes = self._ranked(sources)
        for k in range(len(sources)):
            one_to_all(
                nodes[k], sources.ms[k], up.first, up.end, up.ms, down.first, down.end,
                down.ms, room.dist, room.touched, room.heap, room.found, room.found_ms,
            )  # fmt: skip
            np.take(room.dist, self.rank, out=result[k])
            room.dist.fill(UNREACHED)
        return result

    def _ranked(self, seeds: Seeds) -> Ints:
        nodes = seeds.nodes
        return np.where(nodes >= 0, self.rank[np.maximum(nodes, 0)], -1).astype(np.int32)


def _climb(node_count: int, low: Ints, high: Ints, ms: Ints) -> _Climb:
    """Edges by their lower end, of parallel ones the least."""
    order = np.lexsort((ms, high, low))
    low, high, ms = low[order], high[order], ms[order]
    is_first = np.ones(len(low), bool)
    is_first[1:] = (low[1:] != low[:-1]) | (high[1:] != high[:-1])
    counts = np.bincount(low[is_first], minlength=node_count)
    return _Climb(
        first=np.concatenate(([0], np.cumsum(counts))).astype(np.int32),
        end=high[is_first],
        ms=ms[is_first],
    )
