"""Where places meet the road: the nearest road a mode may use, and the leg to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.errors import InvalidCoordinate, InvalidInput, NotEnoughData
from geo.geodesy import geodesic_distance_m
from geo.local_plane import LocalPlane
from geo.roads.graph import LONGEST_MS, TravelGraph
from geo.roads.modes import TravelMode
from geo.roads.network import RoadNetwork
from geo.roads.places import NO_NODE, Seeds
from geo.roads.snap_kernels import list_squares, nearest_pieces

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

# A place farther from any road is on none: a lake, a field, another town. 2,000 m is 24 min on
# foot.
ACCESS_MAX_M = 500.0
AT_NODE_M = 0.1  # nearer to a crossing than this, a place is at it
_PIECES_A_SQUARE = 3.0
_SQUARES_MAX = 16_000_000


@dataclass(frozen=True, slots=True)
class SnappedPlaces:
    """Where n places meet the road.

    line : (n,) int32 line of the network, -1: no road near enough
    share : (n,) how far along it, 0 .. 1 in the line's direction
    access_m : (n,) metres between the place and the road, NaN where there is none
    lon, lat : (n,) the point on the road [degrees, WGS 84], NaN where there is none
    """

    line: Ints
    share: Floats
    access_m: Floats
    lon: Floats
    lat: Floats

    def __len__(self) -> int:
        return len(self.line)

    @property
    def is_on_road(self) -> NDArray[np.bool_]:
        return self.line >= 0

    def __getitem__(self, which: NDArray[np.integer] | NDArray[np.bool_] | slice) -> SnappedPlaces:
        return SnappedPlaces(
            self.line[which], self.share[which], self.access_m[which], self.lon[which],
            self.lat[which],
        )  # fmt: skip


class RoadSnapper:
    """Finds the nearest road of one mode.

    Only roads of the mode's main part count (`RoadNetwork.main_component`), unless `islands`: a
    place beside a yard without a way out is better served from the street behind it than from
    nowhere. A road that is closed in both directions counts as little: who stands on it, or lives
    there, walks to the next that is open.
    """

    def __init__(
        self,
        network: RoadNetwork,
        mode: TravelMode,
        *,
        islands: bool = False,
        closed: NDArray[np.bool_] | None = None,
    ) -> None:
        """Sort the mode's lines into squares; a microsecond a point of them.

        Parameters
        ----------
        closed : (m,) edges that can't be used, as `RoadNetwork.closed_edges` gives them

        Raises
        ------
        NotEnoughData : the mode may use no road
        """
        usable = (network.edge_modes & mode.bit) != 0
        if not islands:
            main = network.main_component(mode)
            usable &= main[network.edge_tail] & main[network.edge_head]
        if closed is not None:
            usable &= ~closed
        lines = np.unique(network.edge_line[usable])
        if not len(lines):
            raise NotEnoughData(f"No road is open to {mode}.", found=0, needed=1)
        self.network = network
        self.mode = mode
        self.closed = closed
        begins, ends = network.line_first_point[lines], network.line_first_point[lines + 1]
        steps = (ends - begins - 1).astype(np.int64)
        owner = np.repeat(lines, steps)
        at = np.arange(steps.sum()) - np.repeat(np.cumsum(steps) - steps - begins, steps)
        low, high = network.node_xy.min(axis=0), network.node_xy.max(axis=0)
        self._plane = LocalPlane.of_bounds(*low, *high)
        xy = self._plane.points_to_metres(network.points[:, 0], network.points[:, 1])
        self._pieces = np.ascontiguousarray(np.hstack((xy[at], xy[at + 1])))
        self._owner = owner.astype(np.int32)
        length = np.hypot(*(self._pieces[:, 2:] - self._pieces[:, :2]).T)
        run = np.concatenate(([0.0], np.cumsum(length)))
        first_piece = np.cumsum(steps) - steps
        whole = np.repeat(run[first_piece + steps] - run[first_piece], steps)
        before = run[:-1] - np.repeat(run[first_piece], steps)
        safe = np.where(whole > 0, whole, 1.0)
        # How far along its line each piece begins, and what share of it it is.
        self._begins_at, self._is_share = before / safe, length / safe
        self._fill()

    def _fill(self) -> None:
        ends = self._pieces.reshape(-1, 2)
        (self._west, self._south), (east, north) = ends.min(axis=0), ends.max(axis=0)
        area = max(east - self._west, 1.0) * max(north - self._south, 1.0)
        count = min(max(len(self._pieces) / _PIECES_A_SQUARE, 1.0), _SQUARES_MAX)
        self._size = max(float(np.sqrt(area / count)), 5.0)
        self._columns = int((east - self._west) / self._size) + 1
        self._rows = int((north - self._south) / self._size) + 1
        counts = np.zeros(self._columns * self._rows, np.int64)
        square = (self._west, self._south, self._size, self._columns, self._rows)
        nothing = np.zeros(0, np.int64)
        list_squares(self._pieces, *square, counts, nothing, nothing.astype(np.int32), False)
        self._begins = np.concatenate(([0], np.cumsum(counts)))
        self._listed = np.empty(self._begins[-1], np.int32)
        list_squares(self._pieces, *square, counts, self._begins[:-1].copy(), self._listed, True)

    def snap(
        self, lon: ArrayLike, lat: ArrayLike, *, access_max_m: float = ACCESS_MAX_M
    ) -> SnappedPlaces:
        """Return where places meet the road.

        Parameters
        ----------
        lon, lat : (n,) degrees, WGS 84
        access_max_m : how far a road may be [m]

        Raises
        ------
        InvalidCoordinate : a place that is no number, or out of range (`rows`)
        """
        x = np.atleast_1d(np.asarray(lon, float))
        y = np.atleast_1d(np.asarray(lat, float))
        bad = ~((np.abs(x) <= 180) & (np.abs(y) <= 90))
        if bad.any():
            rows = np.flatnonzero(bad)
            raise InvalidCoordinate(
                f"{len(rows)} of {len(x)} places have no coordinate; the first is row {rows[0]}, "
                f"({x[rows[0]]}, {y[rows[0]]}). Leave them out.",
                rows=rows.tolist(),
            )
        if not 0 < access_max_m <= 100_000:
            raise InvalidInput(f"access_max_m is {access_max_m}, wanted over 0 up to 100,000.")
        points = self._plane.points_to_metres(x, y)
        count = len(points)
        piece = np.empty(count, np.int32)
        share, distance = np.empty(count), np.empty(count)
        nearest_pieces(
            points, access_max_m, self._pieces, self._owner, self._west, self._south, self._size,
            self._columns, self._rows, self._begins, self._listed, piece, share, distance,
        )  # fmt: skip
        found = piece >= 0
        at = np.where(found, piece, 0)
        ends = self._pieces[at]
        on_road = ends[:, :2] + share[:, None] * (ends[:, 2:] - ends[:, :2])
        road_lon, road_lat = self._plane.metres_to_points(on_road)
        road_lon[~found], road_lat[~found] = np.nan, np.nan
        return SnappedPlaces(
            line=np.where(found, self._owner[at], -1).astype(np.int32),
            share=np.clip(self._begins_at[at] + share * self._is_share[at], 0.0, 1.0),
            access_m=geodesic_distance_m(x, y, road_lon, road_lat),
            lon=road_lon,
            lat=road_lat,
        )


def departures(
    network: RoadNetwork,
    graph: TravelGraph,
    places: SnappedPlaces,
    *,
    with_access: bool | None = None,
) -> Seeds:
    """Return how places are left: to the end of their road, either way that is open.

    Parameters
    ----------
    with_access : whether the leg to the road takes time. None: on foot it does; a vehicle stands on
        the road, and what lies between is the error of its fix
    """
    counted = graph.mode is TravelMode.FOOT if with_access is None else with_access
    return _seeds(network, graph, places, leaving=True, with_access=counted)


def arrivals(
    network: RoadNetwork,
    graph: TravelGraph,
    places: SnappedPlaces,
    *,
    with_access: bool = True,
) -> Seeds:
    """Return how places are entered: from the beginning of their road, either way that is open.

    Parameters
    ----------
    with_access : whether the leg from the road, on foot, takes time
    """
    return _seeds(network, graph, places, leaving=False, with_access=with_access)


def access_ms(graph: TravelGraph, places: SnappedPlaces) -> NDArray[np.int64]:
    """Return the time between each place and its road [ms]; 0 where it has none."""
    metres = np.nan_to_num(places.access_m)
    return np.rint(metres / graph.access_kmh * 3600.0).astype(np.int64)


def _seeds(
    network: RoadNetwork,
    graph: TravelGraph,
    places: SnappedPlaces,
    *,
    leaving: bool,
    with_access: bool,
) -> Seeds:
    ms_of = graph.ms_by_edge(network.edge_count)
    pair = network.line_edges[np.maximum(places.line, 0)]
    on_road = places.is_on_road
    nodes = np.full((len(places), 2), NO_NODE, np.int32)
    ms = np.zeros((len(places), 2), np.int32)
    extra = access_ms(graph, places) if with_access else np.zeros(len(places), np.int64)
    line = np.maximum(places.line, 0)
    for side in range(2):
        edge = pair[:, side]
        whole = np.where(edge >= 0, ms_of[edge], -1)
        # Along the line the rest is 1 - share, against it share; entered, the other way round.
        is_to_end = (side == 0) == leaving
        rest = 1.0 - places.share if is_to_end else places.share
        # A place at a crossing has all streets of it, whichever way its own one is open.
        at_node = on_road & (rest * network.line_length_m[line] <= AT_NODE_M)
        is_open = (on_road & (whole > 0)) | at_node
        total = np.rint(rest * np.maximum(whole, 0)).astype(np.int64) + extra
        nodes[is_open, side] = network.line_nodes[line, int(is_to_end)][is_open]
        ms[is_open, side] = np.minimum(total, LONGEST_MS)[is_open]
    return Seeds(nodes, ms)
