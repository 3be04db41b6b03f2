"""Searches on a travel graph from few places: reach, nearest units, the way itself."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from geo.errors import InvalidInput
from geo.roads.graph import LONGEST_MS, UNREACHED, TravelGraph
from geo.roads.places import Seeds
from geo.roads.search_kernels import BUCKETS, NO_ROOM, nearest, reach, way

Ints = NDArray[np.int32]

_SHIFT_MIN = 11  # buckets of 2 s: as quick as any from 1 to 8 s in a town's streets


@dataclass(frozen=True, slots=True)
class ReachedNodes:
    """Nodes reached within a limit, in no order, each once: (n,) numbers and times [ms]."""

    nodes: Ints
    ms: Ints


@dataclass(frozen=True, slots=True)
class Way:
    """A shortest way: (n,) places in the graph's arrays of the edges passed, in order.

    ms : all of it, with the time from the first place to its node and from the last node on
    first_node, last_node : where the graph is entered and left
    """

    ms: int
    edges: Ints
    first_node: int
    last_node: int


class _Room:
    """Arrays that searches of one graph in one thread write on."""

    def __init__(self, graph: TravelGraph) -> None:
        n = graph.node_count
        self.dist = np.full(n, UNREACHED, np.int32)
        self.mark = np.full(n, -1, np.int32)
        self.found = np.empty(n, np.int32)
        self.found_ms = np.empty(n, np.int32)
        self.bucket = np.empty(BUCKETS, np.int32)
        self.longest_ms = int(graph.ms.max()) if graph.edge_count else 0
        self.take(graph.edge_count + 2 * n + 64)

    def take(self, entries: int) -> None:
        self.following = np.empty(entries, np.int32)
        self.item = np.empty(entries, np.int64)

    def shift(self, seeds: Seeds) -> int:
        """Width of a bucket so that all times that wait at once fall into the circle."""
        spread = max(self.longest_ms, int(seeds.ms.max(initial=0)))
        shift = _SHIFT_MIN
        while (spread >> shift) >= BUCKETS - 2:
            shift += 1
        return shift


class _Rooms(threading.local):
    """One room a graph, for as long as the graph lives."""

    def __init__(self) -> None:
        self._of: WeakKeyDictionary[Any, _Room] = WeakKeyDictionary()

    def of(self, graph: TravelGraph) -> _Room:
        room = self._of.get(graph.key)
        if room is None:
            room = self._of[graph.key] = _Room(graph)
        return room


_ROOMS = _Rooms()


def reached_nodes(graph: TravelGraph, seeds: Seeds, *, limit_ms: int) -> ReachedNodes:
    """Return the nodes that lie within a limit of the nearest of some places.

    From `graph.reversed` they are those from which one of the places is reached within the limit.

    Parameters
    ----------
    seeds : the places, one or more
    limit_ms : [ms]; `LONGEST_MS` for no limit
    """
    room = _ROOMS.of(graph)
    flat = (np.ascontiguousarray(seeds.nodes).ravel(), np.ascontiguousarray(seeds.ms).ravel())
    search = partial(
        reach, graph.first, graph.head, graph.ms, *flat, checked_limit(limit_ms), room.shift(seeds)
    )
    while True:
        count = search(room.dist, room.bucket, room.following, room.item, room.found, room.found_ms)
        if count != NO_ROOM:
            return ReachedNodes(room.found[:count].copy(), room.found_ms[:count].copy())
        room.take(2 * len(room.item))


def nearest_units(
    graph: TravelGraph, place: Seeds, units: Seeds, *, wanted: int, limit_ms: int = LONGEST_MS
) -> tuple[Ints, Ints]:
    """Return the units that reach a place soonest: their positions in `units`, and times [ms].

    Soonest first; fewer than `wanted` where fewer come within the limit. The search goes from the
    place backwards and ends with the last wanted one.

    Parameters
    ----------
    place : one place, as it is entered
    units : where each unit leaves
    wanted : 1 or more
    """
    if wanted < 1:
        raise InvalidInput(f"{wanted} units are wanted. Ask for 1 or more.", field="wanted")
    backwards = graph.reversed
    room = _ROOMS.of(backwards)
    best_unit, best_ms = np.empty(wanted, np.int32), np.empty(wanted, np.int32)
    search = partial(
        nearest, backwards.first, backwards.head, backwards.ms, place.nodes.ravel(),
        place.ms.ravel(), units.nodes, units.ms, wanted, checked_limit(limit_ms), room.shift(place),
    )  # fmt: skip
    while True:
        count = search(
            room.dist, room.mark, room.bucket, room.following, room.item, room.found, best_unit,
            best_ms,
        )  # fmt: skip
        if count != NO_ROOM:
            return best_unit[:count], best_ms[:count]
        room.take(2 * len(room.item))


def find_way(graph: TravelGraph, start: Seeds, end: Seeds) -> Way | None:
    """Return the shortest way from one place to another; None where there is none.

    Parameters
    ----------
    start, end : one place each, as it is left and as it is entered
    """
    room = _ROOMS.of(graph)
    ends = (end.nodes.ravel(), end.ms.ravel())
    search = partial(
        way, graph.first, graph.head, graph.ms, start.nodes.ravel(), start.ms.ravel(), *ends,
        room.shift(start),
    )  # fmt: skip
    while True:
        total, side, count = search(
            room.dist, room.mark, room.bucket, room.following, room.item, room.found
        )
        if count != NO_ROOM:
            break
        room.take(2 * len(room.item))
    try:
        if side < 0:
            return None
        node = last = int(ends[0][side])
        edges: list[int] = []
        while (edge := int(room.mark[node])) >= 0:
            edges.append(edge)
            node = int(graph.tail[edge])
        return Way(int(total), np.array(edges[::-1], np.int32), node, last)
    finally:
        touched = room.found[:count]
        room.dist[touched] = UNREACHED
        room.mark[touched] = -1


def checked_limit(limit_ms: int) -> int:
    """Return a limit as the searches take it.

    Raises
    ------
    InvalidInput : below 0
    """
    if limit_ms < 0:
        raise InvalidInput(f"The limit is {limit_ms} ms, wanted 0 or more.", field="limit_ms")
    return min(int(limit_ms), LONGEST_MS)
