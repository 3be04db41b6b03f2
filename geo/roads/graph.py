"""One mode's roads at one time: what the searches run on. Times are whole milliseconds.

Whole numbers, so that the sum of a path doesn't depend on the order it is added in: a search from
the start, one from the end and one over shortcuts find the same time, not nearly the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from geo.errors import InvalidInput
from geo.roads.modes import TravelMode

Ints = NDArray[np.int32]

UNREACHED = np.int32(2**31 - 1)  # [ms]: no way there, or none within the limit
LONGEST_MS = 2**30  # of a single edge, and of an answer: 12 days; sums of two stay in range


class GraphKey:
    """Stands for a graph where something is kept as long as the graph lives."""


@dataclass(frozen=True)
class TravelGraph:
    """Directed edges with times, by the node they leave.

    first : (n + 1,) int32; edges first[u] .. first[u + 1] leave node u
    head : (m,) int32 the node an edge leads to
    ms : (m,) int32 time along it [ms], 1 or more
    edge : (m,) int32 its number in the road network
    access_kmh : speed from the road to a place beside it [km/h]
    """

    first: Ints
    head: Ints
    ms: Ints
    edge: Ints
    mode: TravelMode
    access_kmh: float
    key: GraphKey = field(default_factory=GraphKey, repr=False, compare=False)

    @classmethod
    def of_edges(
        cls,
        *,
        node_count: int,
        tail: Ints,
        head: Ints,
        ms: Ints,
        edge: Ints | None = None,
        mode: TravelMode = TravelMode.CAR,
        access_kmh: float = 5.0,
    ) -> TravelGraph:
        """Return the graph of some directed edges, in any order.

        Raises
        ------
        InvalidInput : a node out of range, or a time below 1 ms or over `LONGEST_MS`
        """
        tail, head, ms = (np.asarray(part) for part in (tail, head, ms))
        if not len(tail) == len(head) == len(ms):
            raise InvalidInput(
                f"There are {len(tail)} tails, {len(head)} heads and {len(ms)} times. "
                "Give one of each an edge."
            )
        if len(tail) and not (
            min(tail.min(), head.min()) >= 0 and max(tail.max(), head.max()) < node_count
        ):
            raise InvalidInput(f"An edge ends at a node that is not one of 0 .. {node_count - 1}.")
        if len(ms) and not (ms.min() >= 1 and ms.max() <= LONGEST_MS):
            raise InvalidInput(
                f"Times are {ms.min()} to {ms.max()} ms, wanted 1 to {LONGEST_MS}. "
                "A road of no length takes 1 ms."
            )
        order = np.argsort(tail, kind="stable")
        counts = np.bincount(tail, minlength=node_count)
        return cls(
            first=np.concatenate(([0], np.cumsum(counts))).astype(np.int32),
            head=head[order].astype(np.int32),
            ms=ms[order].astype(np.int32),
            edge=order.astype(np.int32) if edge is None else edge[order].astype(np.int32),
            mode=mode,
            access_kmh=access_kmh,
        )

    @property
    def node_count(self) -> int:
        return len(self.first) - 1

    @property
    def edge_count(self) -> int:
        return len(self.head)

    @cached_property
    def tail(self) -> Ints:
        """(m,) int32 the node each edge leaves."""
        return np.repeat(np.arange(self.node_count, dtype=np.int32), np.diff(self.first)).astype(
            np.int32
        )

    @cached_property
    def reversed(self) -> TravelGraph:
        """The same roads driven backwards: from it, a search finds the times *to* a node."""
        return TravelGraph.of_edges(
            node_count=self.node_count,
            tail=self.head,
            head=self.tail,
            ms=self.ms,
            edge=self.edge,
            mode=self.mode,
            access_kmh=self.access_kmh,
        )

    def ms_by_edge(self, edge_count: int) -> Ints:
        """Return the time by the network's number of an edge [ms], -1 where it can't be used.

        Parameters
        ----------
        edge_count : of the network; a last entry of -1 stands for "no edge", which has number -1
        """
        found = self._ms_by_edge
        if len(found) <= edge_count:
            found = np.concatenate((found, np.full(edge_count + 1 - len(found), -1, np.int32)))
        return found[: edge_count + 1]

    @cached_property
    def _ms_by_edge(self) -> Ints:
        found = np.full(int(self.edge.max(initial=-1)) + 2, -1, np.int32)
        found[self.edge] = self.ms
        return found
