"""Polylines as (n, 2) arrays of metres, and quads bounded by four of them.

The street plan is made of quads: the city is cut into superblocks, these into grids, those into
parcels. A cut is a street.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from geo.demo.plane import FloatArray


def arc_lengths(line: FloatArray) -> FloatArray:
    """Length from the start to each vertex, (n,) [m]."""
    steps = np.hypot(*np.diff(line, axis=0).T)
    return np.concatenate([[0.0], np.cumsum(steps)])


def points_along(line: FloatArray, at_m: FloatArray) -> FloatArray:
    """The points at these lengths along the line, (k, 2)."""
    along = arc_lengths(line)
    return np.column_stack([np.interp(at_m, along, line[:, 0]), np.interp(at_m, along, line[:, 1])])


def directions_along(line: FloatArray, at_m: FloatArray) -> FloatArray:
    """Unit vectors of the line's direction at these lengths, (k, 2)."""
    along = arc_lengths(line)
    index = np.clip(np.searchsorted(along, at_m, side="right") - 1, 0, len(line) - 2)
    step = line[index + 1] - line[index]
    return np.asarray(step / np.hypot(step[:, 0], step[:, 1])[:, None])


def cut(line: FloatArray, fraction: float) -> tuple[FloatArray, FloatArray]:
    """Cut at a fraction of the length; both parts hold the point of the cut."""
    along = arc_lengths(line)
    at_m = fraction * along[-1]
    point = points_along(line, np.array([at_m]))
    before = line[along < at_m - 0.5]
    after = line[along > at_m + 0.5]
    return np.vstack([before, point]), np.vstack([point, after])


def smooth(nodes: FloatArray, pieces: int) -> FloatArray:
    """A Catmull-Rom curve through the nodes, `pieces` steps from node to node."""
    padded = np.vstack([2 * nodes[0] - nodes[1], nodes, 2 * nodes[-1] - nodes[-2]])
    t = (np.arange(pieces) / pieces)[:, None]
    parts = []
    for before, start, end, after in zip(
        padded[:-3], padded[1:-2], padded[2:-1], padded[3:], strict=True
    ):
        parts.append(
            start
            + 0.5 * t * (end - before)
            + t**2 * (before - 2.5 * start + 2 * end - 0.5 * after)
            + t**3 * (1.5 * (start - end) + 0.5 * (after - before))
        )
    return np.vstack([*parts, nodes[-1:]])


def offset(line: FloatArray, distance_m: FloatArray | float) -> FloatArray:
    """Move each vertex to the left of the line's direction. For gentle curves only."""
    tangent = np.gradient(line, axis=0)
    tangent /= np.hypot(tangent[:, 0], tangent[:, 1])[:, None]
    normal = np.column_stack([-tangent[:, 1], tangent[:, 0]])
    return np.asarray(line + normal * np.broadcast_to(distance_m, len(line))[:, None])


def bowed(start: FloatArray, end: FloatArray, bow_m: float) -> FloatArray:
    """A line from start to end with its middle `bow_m` to the left: few streets are straight."""
    t = np.linspace(0, 1, 5)[:, None]
    chord = end - start
    normal = np.array([-chord[1], chord[0]]) / np.hypot(*chord)
    return np.asarray(start + t * chord + 4 * t * (1 - t) * bow_m * normal)


@dataclass(frozen=True, slots=True, eq=False)
class Quad:
    """A region between four polylines; south and north run eastward, west and east northward."""

    south: FloatArray
    east: FloatArray
    north: FloatArray
    west: FloatArray

    @property
    def ring(self) -> FloatArray:
        """The border, counter-clockwise, closed."""
        return np.vstack([self.south, self.east[1:], self.north[::-1][1:], self.west[::-1][1:]])

    @property
    def polygon(self) -> shapely.Polygon:
        return shapely.Polygon(self.ring)

    @property
    def size_m(self) -> tuple[float, float]:
        """Mean width and height [m]."""
        lengths = [
            float(arc_lengths(s)[-1]) for s in (self.south, self.north, self.west, self.east)
        ]
        return (lengths[0] + lengths[1]) / 2, (lengths[2] + lengths[3]) / 2

    @property
    def heading(self) -> float:
        """Direction of the eastward axis [radians from east]."""
        chord = (self.south[-1] - self.south[0]) + (self.north[-1] - self.north[0])
        return float(np.arctan2(chord[1], chord[0]))

    def cut_upright(
        self, south: float, north: float, bow_m: float
    ) -> tuple[Quad, Quad, FloatArray]:
        """Cut by a street from south to north: the west part, the east part, the street."""
        south_west, south_east = cut(self.south, south)
        north_west, north_east = cut(self.north, north)
        street = bowed(south_west[-1], north_west[-1], bow_m)
        return (
            Quad(south_west, street, north_west, self.west),
            Quad(south_east, self.east, north_east, street),
            street,
        )

    def cut_level(self, west: float, east: float, bow_m: float) -> tuple[Quad, Quad, FloatArray]:
        """Cut by a street from west to east: the south part, the north part, the street."""
        west_south, west_north = cut(self.west, west)
        east_south, east_north = cut(self.east, east)
        street = bowed(west_south[-1], east_south[-1], bow_m)
        return (
            Quad(self.south, east_south, street, west_south),
            Quad(street, east_north, self.north, west_north),
            street,
        )
