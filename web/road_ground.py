"""Roads as the ground of a map file: of the box that is shown, as many classes as a file bears."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.roads.network import RoadNetwork

POINTS_MAX = 600_000  # some 4 MB of text, and a canvas that is still drawn while one drags
STEP = 1e-5  # degrees: about a metre
# From what carries most to what carries least; a class that isn't named is a small road.
TIERS = (
    ("motorway", "motorway_link", "trunk", "trunk_link"),
    ("primary", "primary_link", "secondary", "secondary_link"),
    ("tertiary", "tertiary_link"),
    ("residential", "unclassified", "living_street", "road"),
)

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class RoadGround:
    """Roads to draw.

    tiers : by width, the widest first: lines, each longitude, latitude and the steps to the next
        points, in units of `STEP`
    line_count, left_out : roads of the box that are drawn, and that are not
    """

    tiers: tuple[list[list[int]], ...]
    line_count: int
    left_out: int

    def as_data(self) -> dict[str, Any]:
        return {"step": STEP, "tiers": self.tiers}


def road_ground(network: RoadNetwork, box: Box, *, points_max: int = POINTS_MAX) -> RoadGround:
    """Return the roads of a box; the smallest classes are left out where there are too many.

    Parameters
    ----------
    box : west, south, east, north [degrees, WGS 84]
    """
    west, south, east, north = box
    x, y = network.points.T
    first = network.line_first_point
    inside = (x >= west) & (x <= east) & (y >= south) & (y <= north)
    is_near = np.logical_or.reduceat(inside, first[:-1]) if len(first) > 1 else np.zeros(0, bool)
    tier_of_name = {name: k for k, names in enumerate(TIERS) for name in names}
    tier_of_class = np.array(
        [tier_of_name.get(name, len(TIERS)) for name in network.class_names], int
    )
    tier = tier_of_class[network.line_class]
    point_counts = np.diff(first)
    tiers: list[list[list[int]]] = []
    drawn = points = 0
    for number in range(len(TIERS) + 1):
        lines = np.flatnonzero(is_near & (tier == number))
        points += int(point_counts[lines].sum())
        if points > points_max and drawn:
            break
        drawn += len(lines)
        tiers.append([_steps(network.points[first[k] : first[k + 1]]) for k in lines])
    return RoadGround(tuple(tiers), drawn, int(is_near.sum()) - drawn)


def _steps(points: NDArray[np.float64]) -> list[int]:
    """Return a line as its first point and the steps between its points."""
    whole = np.rint(points / STEP).astype(int)
    return [int(v) for v in np.vstack((whole[:1], np.diff(whole, axis=0))).ravel()]
