"""Times by road between all points of a problem, mode by mode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geo.roads.modes import TravelMode
from geo.values import LonLat
from layers.travel.times import TravelTimes

Seconds = NDArray[np.float32]


@dataclass(frozen=True)
class RoadTimes:
    """Times between points by road.

    travel_s : mode → (k, k) [s], infinite where there is no way
    off_road : mode → the points that lie on no road of it: in a lake, in a yard, too far away
    """

    travel_s: Mapping[TravelMode, Seconds]
    off_road: Mapping[TravelMode, tuple[int, ...]]


def road_times(travel: Mapping[TravelMode, TravelTimes], points: Sequence[LonLat]) -> RoadTimes:
    """Return the times between points, from each to each, for each mode.

    A point to itself, or to another at the same coordinate, takes no time.
    """
    lon = np.array([point.longitude for point in points])
    lat = np.array([point.latitude for point in points])
    same = (lon[:, None] == lon) & (lat[:, None] == lat)
    found: dict[TravelMode, Seconds] = {}
    off: dict[TravelMode, tuple[int, ...]] = {}
    for mode, times in travel.items():
        if not len(points):
            found[mode], off[mode] = np.zeros((0, 0), np.float32), ()
            continue
        snapped = times.snap(lon, lat)
        matrix = times.matrix(snapped, snapped)
        matrix[same] = 0
        found[mode] = matrix
        off[mode] = tuple(np.flatnonzero(~snapped.is_on_road).tolist())
    return RoadTimes(found, off)
