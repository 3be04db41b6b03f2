"""A raster over many polygons that answers most points without looking at a polygon.

A raster square that no border crosses lies wholly inside or wholly outside each polygon, so one
test answers for all its points. In a square that a border crosses, only the polygons listed for it
are tested, and of each only the edges that reach the square's row. Where rounding could turn the
answer (a point on a sloped border, or an ulp beside it), GEOS's exact predicate decides. So nothing
is approximate: the raster gives the answers of GEOS, only sooner.
"""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.polygon_kernels import (
    HAS_BORDERS,
    NOWHERE,
    fill_squares,
    list_edges_by_row,
    read_squares,
    resolve_listed,
)

FloatArray = NDArray[np.float64]

# Measured on 5,000 polygons of 54 vertices and 1 M points: fewer squares make more tests, more
# squares take longer to fill and fall out of the processor's cache.
_SQUARES_AN_EDGE = 5
_MIN_SQUARES, _MAX_SQUARES = 1 << 10, 1 << 22


class PolygonRaster:
    """Finds the first of some polygons that holds a point, borders included.

    Parameters
    ----------
    polygons : (n,) shapely array of valid polygons and multipolygons, n >= 1, in order of
        precedence; they are prepared here
    """

    def __init__(self, polygons: NDArray[np.object_]) -> None:
        self._polygons = polygons
        shapely.prepare(polygons)
        edges, edge_rank = _edges(polygons)
        west, south, east, north = (float(bound) for bound in shapely.total_bounds(polygons))
        width, height = max(east - west, 1e-9), max(north - south, 1e-9)
        squares = min(max(_SQUARES_AN_EDGE * len(edges), _MIN_SQUARES), _MAX_SQUARES)
        columns = int(min(max((squares * width / height) ** 0.5, 1), squares))
        rows = max(squares // columns, 1)
        x_scale, y_scale = columns / width, rows / height
        by_row = list_edges_by_row(edges, edge_rank, len(polygons), south, y_scale, rows)
        self._state, self._list_start, self._listed = fill_squares(
            edges, *by_row, west, south, x_scale, y_scale, columns, rows
        )
        self._squares = (west, south, east, north), x_scale, y_scale, columns, rows
        self._tests = self._list_start, self._listed, edges, *by_row, south, y_scale, rows

    @property
    def crowding(self) -> float:
        """How many polygons a typical square with borders lists. Some two in a district; hundreds
        where one stray polygon far away stretches the raster until a town fits into a square."""
        lengths = np.diff(self._list_start)
        return float((lengths**2).sum() / max(lengths.sum(), 1))

    def first_at(self, x: FloatArray, y: FloatArray) -> NDArray[np.int32]:
        """Return the position of the first polygon that holds each point, `NOWHERE` where none.

        Parameters
        ----------
        x, y : (n,) in the polygons' CRS; NaN and infinity are nowhere
        """
        found = read_squares(x, y, self._state, *self._squares)
        resolve_listed(x, y, found, *self._tests)
        point = np.flatnonzero(found <= HAS_BORDERS)
        number = HAS_BORDERS - found[point]
        found[point] = NOWHERE
        position, end = self._list_start[number], self._list_start[number + 1]
        while len(point):
            rank = self._listed[position]
            hit = shapely.intersects_xy(self._polygons[rank], x[point], y[point])
            found[point[hit]] = rank[hit]
            position += 1
            left = ~hit & (position < end)
            point, position, end = point[left], position[left], end[left]
        return found


def _edges(polygons: NDArray[np.object_]) -> tuple[FloatArray, NDArray[np.int32]]:
    """Return all edges of all rings as (n, 4), x and y of both ends, and whose they are."""
    parts, part_rank = shapely.get_parts(polygons, return_index=True)
    rings, ring_part = shapely.get_rings(parts, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    is_edge = ring[1:] == ring[:-1]
    edges = np.hstack([xy[:-1], xy[1:]])[is_edge]
    return edges, part_rank[ring_part[ring[1:][is_edge]]].astype(np.int32)
