"""Response reach: which cells somebody arrives at within 1, 3 and 5 minutes, by road.

A ring belongs to a kind of unit, its speed and the road, not to a radius. Where a cell lies on no
road its time is unknown, which is neither inside nor outside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo.errors import InvalidInput
from geo.local_plane import LocalPlane
from geo.roads.snapping import SnappedPlaces
from layers.travel.times import Seconds, TravelTimes, limit_ms_of

Flags = NDArray[np.bool_]

# Wuhan's rings: 1 min for stations, posts and patrols, 3 min for the district's units, 5 min for
# the city's (public descriptions of 1-3-5 分钟快速响应圈). A setting for each deployment.
RINGS_S: tuple[float, ...] = (60.0, 180.0, 300.0)
SWATH_M = 50.0  # to each side of a road that is reached; assumed, half a block
UNKNOWN = -1
_QUARTER_SEGMENTS = 4


@dataclass(frozen=True, slots=True)
class ReachResult:
    """Who reaches each cell first.

    time_s : (n_cells,) float32 from the nearest source that counts [s]; infinite: nobody has a way;
        NaN: the cell lies on no road
    source : (n_cells,) int32 position of that source, -1: nobody
    ring : (n_cells,) int8 the first ring that holds the cell, `len(rings_s)` outside all, `UNKNOWN`
    rings_s : limits, ascending [s]
    left_out : sources that didn't count, since they are not ready or on no road
    """

    time_s: Seconds
    source: NDArray[np.int32]
    ring: NDArray[np.int8]
    rings_s: tuple[float, ...]
    left_out: int
    method: str

    def totals(self, weights: Mapping[str, NDArray[np.float64]]) -> pd.DataFrame:
        """Return what lies in each ring: a row a ring, then outside, then unknown.

        Parameters
        ----------
        weights : name → (n_cells,) what each cell holds: residents, addresses, key places

        Returns
        -------
        columns `within_s` (infinite: outside; NaN: unknown), `cell_count`, and for each name its
        sum and its share of all; rings don't hold one another: each has what the one before has not
        """
        groups = [*range(len(self.rings_s) + 1), UNKNOWN]
        limits = [*self.rings_s, np.inf, np.nan]
        table: dict[str, object] = {
            "within_s": limits,
            "cell_count": [int((self.ring == group).sum()) for group in groups],
        }
        for name, weight in weights.items():
            values = np.asarray(weight, float)
            if values.shape != self.ring.shape:
                raise InvalidInput(
                    f"{name} has {values.shape} values, wanted one a cell: {self.ring.shape}."
                )
            sums = [float(values[self.ring == group].sum()) for group in groups]
            whole = float(values.sum())
            table[name] = sums
            table[f"{name}_share"] = [part / whole if whole else np.nan for part in sums]
        return pd.DataFrame(table)


def reach_of(
    travel: TravelTimes,
    sources: SnappedPlaces,
    cells: SnappedPlaces,
    *,
    rings_s: Sequence[float] = RINGS_S,
    ready: Flags | None = None,
) -> ReachResult:
    """Return who reaches each cell first, and in which ring it lies.

    Parameters
    ----------
    sources : sites, or units where they stand now
    cells : where each cell is entered: its middle, its main address
    rings_s : limits, ascending, over 0 [s]
    ready : (n_sources,) whether each counts; for a 最小应急单元: staffed, kit there, drilled

    Raises
    ------
    InvalidInput : limits that don't ascend, or `ready` of another length
    """
    limits = tuple(float(limit) for limit in rings_s)
    if not limits or limits[0] <= 0 or any(b <= a for a, b in pairwise(limits)):
        raise InvalidInput(
            f"rings_s is {limits}. Wanted limits over 0 that ascend, such as 60, 180."
        )
    counts = np.ones(len(sources), bool) if ready is None else np.asarray(ready, bool)
    if len(counts) != len(sources):
        raise InvalidInput(f"`ready` has {len(counts)} entries for {len(sources)} sources.")
    used = np.flatnonzero(counts & sources.is_on_road)
    times = travel.matrix(sources[used], cells)
    time_s, nearest = nearest_of(times)
    source = np.where(nearest >= 0, used[np.maximum(nearest, 0)] if len(used) else -1, -1)
    time_s[~cells.is_on_road] = np.nan
    ring = np.searchsorted(np.array(limits, np.float32), time_s, side="left").astype(np.int8)
    ring[~cells.is_on_road] = UNKNOWN
    return ReachResult(
        time_s=time_s,
        source=source.astype(np.int32),
        ring=ring,
        rings_s=limits,
        left_out=len(sources) - len(used),
        method=(
            f"Quickest way by {travel.graph.mode} on the road from each source to each cell, with "
            "the leg from the road on foot. Free-flow assumptions of the speeds apply."
        ),
    )


def nearest_of(times: Seconds) -> tuple[Seconds, NDArray[np.int32]]:
    """Return each cell's least time, and the source it is of (-1: nobody), of (sources, cells)."""
    if not len(times):
        shape = times.shape[1]
        return np.full(shape, np.inf, np.float32), np.full(shape, -1, np.int32)
    nearest = times.argmin(axis=0).astype(np.int32)
    least = times[nearest, np.arange(times.shape[1])]
    nearest[np.isinf(least)] = -1
    return least, nearest


def lost_if_leaves(
    times: Seconds, weight: NDArray[np.float64], limits_s: NDArray[np.float64] | float
) -> NDArray[np.float64]:
    """Return what is no longer reached if a unit leaves, for each unit, (n_units,).

    Parameters
    ----------
    times : (n_units, n_cells) [s]
    weight : (n_cells,) what each cell counts
    limits_s : one limit, or (n_units,) one for each by its kind [s]
    """
    limits = np.broadcast_to(np.asarray(limits_s, np.float32), len(times))
    reaches = times <= limits[:, None]
    only = reaches & (reaches.sum(axis=0) == 1)
    return np.asarray(only @ np.asarray(weight, float), float)


def reach_polygon(
    travel: TravelTimes,
    sources: SnappedPlaces,
    *,
    limit_s: float,
    swath_m: float = SWATH_M,
) -> shapely.MultiPolygon:
    """Return the area along all roads reached within a limit, EPSG:4326.

    Each road is reached as far as the time goes, and widened by `swath_m` to each side. It is drawn
    for a map; who is counted as inside is decided cell by cell (`reach_of`).

    Raises
    ------
    InvalidInput : no swath
    """
    if not 0 < swath_m <= 1000:
        raise InvalidInput(f"swath_m is {swath_m}, wanted over 0 up to 1,000 m.", field="swath_m")
    limit_ms = limit_ms_of(limit_s)
    network, graph = travel.network, travel.graph
    reached = travel.reached(sources, limit_s=limit_s)
    at = np.full(network.node_count, -1.0)
    at[reached.nodes] = reached.ms
    # How far along each edge one comes, as a share of it.
    left = limit_ms - at[graph.tail]
    share = np.where(at[graph.tail] >= 0, np.clip(left / graph.ms, 0.0, 1.0), 0.0)
    lines = network.edge_line[graph.edge]
    backward = network.edge_is_backward[graph.edge]
    from_start, from_end = np.zeros(network.line_count), np.zeros(network.line_count)
    np.maximum.at(from_start, lines[~backward], share[~backward])
    np.maximum.at(from_end, lines[backward], share[backward])
    spans = [(int(k), 0.0, min(from_start[k], 1.0)) for k in np.flatnonzero(from_start > 0)]
    spans += [(int(k), 1.0 - from_end[k], 1.0) for k in np.flatnonzero(from_end > 0)]
    spans += _own_spans(travel, sources, limit_ms)
    if not spans:
        return shapely.MultiPolygon()
    plane = LocalPlane.of_bounds(*network.node_xy.min(axis=0), *network.node_xy.max(axis=0))
    pieces = [_cut(travel, plane, *span) for span in spans]
    wide = shapely.buffer(np.array(pieces, object), swath_m, quad_segs=_QUARTER_SEGMENTS)
    area = plane.to_degrees(shapely.union_all(wide))
    return area if isinstance(area, shapely.MultiPolygon) else shapely.MultiPolygon([area])


def _own_spans(
    travel: TravelTimes, sources: SnappedPlaces, limit_ms: int
) -> list[tuple[int, float, float]]:
    """The stretch of its own road that each source covers before any crossing."""
    network = travel.network
    ms_of = travel.graph.ms_by_edge(network.edge_count)
    found = []
    for line, share in zip(sources.line.tolist(), sources.share.tolist(), strict=True):
        if line < 0:
            continue
        along, against = (int(ms_of[edge]) for edge in network.line_edges[line])
        start = max(share - limit_ms / against, 0.0) if against > 0 else share
        end = min(share + limit_ms / along, 1.0) if along > 0 else share
        found.append((line, start, end))
    return found


def _cut(
    travel: TravelTimes, plane: LocalPlane, line: int, start: float, end: float
) -> shapely.LineString:
    """A stretch of a line in metres of the plane, from one share of its length to another."""
    network = travel.network
    points = network.points[network.line_first_point[line] : network.line_first_point[line + 1]]
    xy = plane.points_to_metres(points[:, 0], points[:, 1])
    if start <= 0 and end >= 1:
        return shapely.LineString(xy)
    run = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))))
    low, high = start * run[-1], end * run[-1]
    inner = xy[(run > low) & (run < high)]
    ends = [[np.interp(at, run, xy[:, k]) for k in range(2)] for at in (low, high)]
    return shapely.LineString(np.vstack((ends[0], *inner, ends[1])))
