"""Between two fixes that are far apart in time a unit went by road, not straight through houses.

Each such gap is filled with the shortest way on the road network, walked evenly; presence is then
computed as if the unit had reported from the bends of that way. What is certain and what isn't
stays as it was: the gap is as long as before.

Source: docs/coverage.md, "How well it finds the truth", with and without roads.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from geo.local_plane import LocalPlane
from geo.roads.graph import TravelGraph
from geo.roads.network import RoadNetwork
from geo.roads.search import find_way
from geo.roads.snapping import RoadSnapper, SnappedPlaces, arrivals, departures

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
GAPS_KEPT = 100_000

_Gap = tuple[float, float, float, float]  # from where to where [m]
_Way = tuple[FloatArray, FloatArray]  # its points [m], and where in it they are, 0 to 1


class Bends(Protocol):
    """Whatever knows how units go between two fixes."""

    def bends(
        self, unit: IntArray, time_ms: IntArray, x: FloatArray, y: FloatArray, *, silence_ms: int
    ) -> tuple[IntArray, FloatArray, FloatArray]:
        """Return where the ways between fixes bend, as `RoadWays.bends` does."""


@dataclass(frozen=True, slots=True)
class WayRules:
    """When a gap is filled by road.

    gap_min_s : shorter ones stay straight: what lies between is within the noise
    far_min_m : nearer fixes stay straight: the unit stood, or walked back and forth
    access_max_m : a fix farther from any road isn't on one
    detour_max, detour_m : a way longer than the straight one times this plus this isn't believed
    """

    gap_min_s: float = 20.0
    far_min_m: float = 25.0
    access_max_m: float = 30.0
    detour_max: float = 1.6
    detour_m: float = 60.0


class RoadWays:
    """The roads that units go by. One thread at a time.

    Parameters
    ----------
    network, graph : the roads, and the times on them of the mode in which the units move
    plane : in whose metres fixes are
    """

    def __init__(
        self,
        network: RoadNetwork,
        graph: TravelGraph,
        plane: LocalPlane,
        rules: WayRules | None = None,
    ) -> None:
        self.network, self.graph, self.plane = network, graph, plane
        self.rules = rules or WayRules()
        self._snapper = RoadSnapper(network, graph.mode)
        # What is computed anew begins some minutes before what is new: most gaps come again.
        self._known: OrderedDict[_Gap, _Way | None] = OrderedDict()

    def bends(
        self,
        unit: IntArray,
        time_ms: IntArray,
        x: FloatArray,
        y: FloatArray,
        *,
        silence_ms: int,
        only: NDArray[np.bool_] | None = None,
    ) -> tuple[IntArray, FloatArray, FloatArray]:
        """Return where the ways between fixes bend.

        Parameters
        ----------
        unit, time_ms, x, y : (n,) clean fixes by unit and time
        silence_ms : longer gaps are not filled
        only : (n,) the fixes after which gaps are filled; all by default

        Returns
        -------
        (k,) the fix after which a bend comes, rising; (k,) its place in time between that fix and
        the next, 0 to 1, rising within a gap; (k, 2) where it is [m]
        """
        gap_ms, far_m = np.diff(time_ms), np.hypot(np.diff(x), np.diff(y))
        is_asked = (
            (unit[1:] == unit[:-1])
            & (gap_ms >= self.rules.gap_min_s * 1000)
            & (gap_ms <= silence_ms)
            & (far_m >= self.rules.far_min_m)
        )
        asked = np.flatnonzero(is_asked if only is None else is_asked & only[:-1])
        gaps = [
            (float(x[gap]), float(y[gap]), float(x[gap + 1]), float(y[gap + 1])) for gap in asked
        ]
        self._learn([gap for gap in dict.fromkeys(gaps) if gap not in self._known])
        rows: list[IntArray] = [np.zeros(0, np.int64)]
        shares: list[FloatArray] = [np.zeros(0)]
        places: list[FloatArray] = [np.zeros((0, 2))]
        for row, gap in zip(asked, gaps, strict=True):
            way = self._known[gap]
            if way is not None:
                xy, share = way
                rows.append(np.full(len(share), row, np.int64))
                shares.append(share)
                places.append(xy)
        for gap in gaps:
            self._known.move_to_end(gap)
        while len(self._known) > GAPS_KEPT:
            self._known.popitem(last=False)
        return np.concatenate(rows), np.concatenate(shares), np.concatenate(places)

    def _learn(self, gaps: list[_Gap]) -> None:
        """Find the ways of gaps that aren't known."""
        if not gaps:
            return
        ends = np.array(gaps).reshape(-1, 2)
        snapped = self._snapper.snap(
            *self.plane.metres_to_points(ends), access_max_m=self.rules.access_max_m
        )
        for number, gap in enumerate(gaps):
            start, end = snapped[2 * number : 2 * number + 1], snapped[2 * number + 1 :][:1]
            far_m = float(np.hypot(gap[2] - gap[0], gap[3] - gap[1]))
            self._known[gap] = self._believed(start, end, far_m)

    def _believed(
        self, start: SnappedPlaces, end: SnappedPlaces, far_m: float
    ) -> tuple[FloatArray, FloatArray] | None:
        """The points of the way between two places and where in it they are, if it is likely."""
        if not (start.is_on_road.all() and end.is_on_road.all()):
            return None
        way = _way_between(self.network, self.graph, start, end)
        if way is None:
            return None
        xy = self.plane.points_to_metres(*way.T)
        along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))])
        if not 0 < along[-1] <= self.rules.detour_max * far_m + self.rules.detour_m:
            return None
        return xy, along / along[-1]


def _way_between(
    network: RoadNetwork, graph: TravelGraph, start: SnappedPlaces, end: SnappedPlaces
) -> FloatArray | None:
    """The points of the shortest way, from the road at the start to the road at the end."""
    first, last = (np.array([[each.lon[0], each.lat[0]]]) for each in (start, end))
    if start.line[0] == end.line[0]:
        line = _part(network, int(start.line[0]), float(start.share[0]), float(end.share[0]))
        return np.concatenate([first, line, last])
    found = find_way(
        graph,
        departures(network, graph, start, with_access=False),
        arrivals(network, graph, end, with_access=False),
    )
    if found is None:
        return None
    nodes = network.line_nodes
    out = 1.0 if nodes[start.line[0], 1] == found.first_node else 0.0
    back = 1.0 if nodes[end.line[0], 1] == found.last_node else 0.0
    return np.concatenate(
        [
            first,
            _part(network, int(start.line[0]), float(start.share[0]), out),
            *(network.edge_xy(int(graph.edge[each])) for each in found.edges),
            _part(network, int(end.line[0]), back, float(end.share[0])),
            last,
        ]
    )


def _part(network: RoadNetwork, line: int, start: float, end: float) -> FloatArray:
    """The points of a line that lie between two shares of it, in the order they are passed."""
    points = network.points[network.line_first_point[line] : network.line_first_point[line + 1]]
    scale = np.array([np.cos(np.radians(points[0, 1])), 1.0])
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*(np.diff(points, axis=0) * scale).T))])
    share = along / along[-1] if along[-1] > 0 else along
    low, high = min(start, end), max(start, end)
    inner = points[(share >= low) & (share <= high)]
    return inner if start <= end else inner[::-1]
