"""The road network: nodes, directed edges and the lines they run along; immutable.

Edges are sorted by the node they leave (compressed sparse rows). Nodes are numbered along a
Morton curve, so that neighbours on the ground are neighbours in memory. Both directions of a road
share one line.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from geo.errors import InvalidInput, NotEnoughData
from geo.roads.graph import TravelGraph
from geo.roads.modes import TravelMode
from geo.roads.speeds import DEFAULT_SPEEDS, SpeedProfile
from geo.values import Period

Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Closure:
    """Roads that are closed for a time.

    source_ids : the file's own numbers of the roads, every piece of them in both directions
    edges : numbers of single directed edges of this network
    modes : who is kept out
    reason : shown to who asks why
    """

    period: Period
    source_ids: frozenset[int] = frozenset()
    edges: frozenset[int] = frozenset()
    modes: frozenset[TravelMode] = frozenset(TravelMode)
    reason: str = ""


@dataclass(frozen=True)
class RoadNetwork:
    """A directed road network. n nodes, m directed edges, k lines.

    node_xy : (n, 2) longitude, latitude [degrees, WGS 84]
    first_edge : (n + 1,) int32; edges first_edge[u] .. first_edge[u + 1] leave node u
    edge_head : (m,) int32 the node an edge leads to
    edge_line : (m,) int32 the line it runs along
    edge_is_backward : (m,) whether it runs against that line's direction
    edge_modes : (m,) uint8 who may use it
    line_length_m : (k,) float64, on the spheroid, or as the file states it
    line_class, class_names : (k,) class of road
    line_name, names : (k,) name, -1 where it has none
    line_limit_kmh : (k,) float32 posted limit, 0 where unknown
    line_source_id : (k,) the file's own number of the road
    line_is_round : (k,) whether it is part of a roundabout
    line_first_point : (k + 1,) int64, points : (p, 2) the lines' geometry
    dropped : lines and pieces left out, by reason
    """

    node_xy: NDArray[np.float64]
    first_edge: Ints
    edge_head: Ints
    edge_line: Ints
    edge_is_backward: NDArray[np.bool_]
    edge_modes: NDArray[np.uint8]
    line_length_m: NDArray[np.float64]
    line_class: NDArray[np.int16]
    class_names: tuple[str, ...]
    line_name: Ints
    names: tuple[str, ...]
    line_limit_kmh: NDArray[np.float32]
    line_source_id: NDArray[np.int64]
    line_is_round: NDArray[np.bool_]
    line_first_point: NDArray[np.int64]
    points: NDArray[np.float64]
    dropped: dict[str, int]

    def __post_init__(self) -> None:
        for value in self.__dict__.values():
            if isinstance(value, np.ndarray):
                value.flags.writeable = False

    @property
    def node_count(self) -> int:
        return len(self.node_xy)

    @property
    def edge_count(self) -> int:
        return len(self.edge_head)

    @property
    def line_count(self) -> int:
        return len(self.line_length_m)

    @cached_property
    def edge_tail(self) -> Ints:
        """(m,) int32 the node each edge leaves."""
        return np.repeat(
            np.arange(self.node_count, dtype=np.int32), np.diff(self.first_edge)
        ).astype(np.int32)

    @cached_property
    def line_edges(self) -> Ints:
        """(k, 2) int32 the edge along each line and the one against it, -1 where there is none."""
        pair = np.full((self.line_count, 2), -1, np.int32)
        pair[self.edge_line, self.edge_is_backward.astype(int)] = np.arange(self.edge_count)
        return pair

    @cached_property
    def line_nodes(self) -> Ints:
        """(k, 2) int32 the node each line begins at, and the one it ends at."""
        ends = np.empty((self.line_count, 2), np.int32)
        along = np.flatnonzero(~self.edge_is_backward)
        against = np.flatnonzero(self.edge_is_backward)
        ends[self.edge_line[against]] = np.column_stack(
            (self.edge_head[against], self.edge_tail[against])
        )
        ends[self.edge_line[along]] = np.column_stack(
            (self.edge_tail[along], self.edge_head[along])
        )
        return ends

    def edge_xy(self, edge: int) -> NDArray[np.float64]:
        """Return the points of an edge in the order they are passed, (p, 2) degrees."""
        line = self.edge_line[edge]
        along = self.points[self.line_first_point[line] : self.line_first_point[line + 1]]
        return along[::-1] if self.edge_is_backward[edge] else along

    def edge_name(self, edge: int) -> str | None:
        """Return the name of the road of an edge; None where it has none."""
        name = self.line_name[self.edge_line[edge]]
        return None if name < 0 else self.names[name]

    def closed_edges(
        self, closures: Iterable[Closure], *, mode: TravelMode, at: datetime
    ) -> NDArray[np.bool_]:
        """Return which edges are closed to a mode at a time, (m,).

        Raises
        ------
        InvalidInput : `at` has no zone, or a closure names an edge or road that isn't there
        """
        if at.tzinfo is None:
            raise InvalidInput(f"at is {at.isoformat()} without a zone. Add one, such as +08:00.")
        closed = np.zeros(self.edge_count, bool)
        for closure in closures:
            if mode not in closure.modes or not closure.period.start <= at < closure.period.end:
                continue
            edges = np.array(sorted(closure.edges), np.int64)
            if len(edges) and not (edges[0] >= 0 and edges[-1] < self.edge_count):
                raise InvalidInput(
                    f"A closure names edge {edges[-1]}; this network has {self.edge_count}. "
                    "Numbers of edges hold for one network only; close by source_ids."
                )
            closed[edges] = True
            if closure.source_ids:
                lines = np.isin(self.line_source_id, list(closure.source_ids))
                found = set(self.line_source_id[lines].tolist())
                if missing := closure.source_ids - found:
                    raise InvalidInput(
                        f"A closure names the road {min(missing)}, which this network hasn't. "
                        "Give the number that the file of roads has for it."
                    )
                closed |= lines[self.edge_line]
        return closed

    def travel_graph(
        self,
        mode: TravelMode,
        *,
        speeds: SpeedProfile | None = None,
        hour: int | None = None,
        closed: NDArray[np.bool_] | None = None,
    ) -> TravelGraph:
        """Return the network as one mode sees it, with the time each edge takes.

        Parameters
        ----------
        speeds : of the mode; by default `DEFAULT_SPEEDS`
        hour : of the day, local time; None: speeds without the hour's factor
        closed : (m,) edges that can't be used, as `closed_edges` gives them

        Raises
        ------
        NotEnoughData : the mode can use no edge
        InvalidInput : `closed` has another length, or the speeds are another mode's
        """
        speeds = speeds or DEFAULT_SPEEDS[mode]
        if speeds.mode is not mode:
            raise InvalidInput(f"The speeds are of {speeds.mode}, wanted {mode}'s.")
        usable = (self.edge_modes & mode.bit) != 0
        if closed is not None:
            if len(closed) != self.edge_count:
                raise InvalidInput(
                    f"`closed` has {len(closed)} entries, wanted one an edge: {self.edge_count}."
                )
            usable &= ~closed
        if not usable.any():
            raise NotEnoughData(
                f"No road of the {self.edge_count} directed edges is open to {mode}.",
                found=0,
                needed=1,
            )
        kmh = speeds.speeds_kmh(self.class_names, self.line_class, self.line_limit_kmh, hour)
        line_ms = np.rint(self.line_length_m / kmh * 3600.0)
        # A millisecond at least: a road of no length would make two nodes one.
        line_ms = np.clip(line_ms, 1, 2**30).astype(np.int32)
        edges = np.flatnonzero(usable).astype(np.int32)
        return TravelGraph.of_edges(
            node_count=self.node_count,
            tail=self.edge_tail[edges],
            head=self.edge_head[edges],
            ms=line_ms[self.edge_line[edges]],
            edge=edges,
            mode=mode,
            access_kmh=speeds.access_kmh,
        )

    def main_component(self, mode: TravelMode) -> NDArray[np.bool_]:
        """Return which nodes lie in the mode's largest strongly connected part, (n,).

        Between any two of them one can drive both ways; what lies outside is an island, a yard
        one can't leave, or a street one can't enter.
        """
        return self.parts(mode)[0]

    def parts(self, mode: TravelMode) -> tuple[NDArray[np.bool_], NDArray[np.bool_], int]:
        """Return the main part, all that is joined to it in some direction, and the count of
        islands and main part."""
        usable = (self.edge_modes & mode.bit) != 0
        tail, head = self.edge_tail[usable], self.edge_head[usable]
        shape = (self.node_count, self.node_count)
        graph = csr_array((np.ones(len(tail), np.int8), (tail, head)), shape=shape)
        used = np.zeros(self.node_count, bool)
        used[tail], used[head] = True, True
        if not used.any():
            return used, used, 0
        _, strong = connected_components(graph, directed=True, connection="strong")
        _, weak = connected_components(graph, directed=True, connection="weak")
        sizes = np.bincount(strong[used])
        main = used & (strong == sizes.argmax())
        joined = used & (weak == weak[np.flatnonzero(main)[0]])
        return main, joined, len(np.unique(weak[used]))
