"""Which grid holds a point: one rule, in memory and in SQL.

The border rule. Grids are closed sets: a border belongs to every grid it bounds. A point that
several grids hold belongs to the one with the smallest `grid_code`, by bytes of UTF-8. So each
point is in exactly one grid or in none, and none is lost on a border or a corner.

Both sides ask GEOS whether a polygon holds a point; its answer is exact to far below the spacing of
floating-point numbers. In memory that is `shapely.intersects_xy`. In SQL it is `covers_point`
(`geo/store/functions/covers_point.sql`): plain `ST_Intersects`, `ST_Contains` and `ST_Covers`
answer points by a shortcut of PostGIS's own, with rounding, that puts some points beside a sloped
border into the wrong neighbour.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from geo.errors import DuplicateCode, InvalidInput

NO_GRID = -1

# Building a raster, and above all loading the compiler behind it, takes a second or two; a tree
# assigns 0.3 M points in that time.
RASTER_FROM_POINTS = 300_000
_CROWDED = 40.0  # polygons tested a point; the tree is as quick from about here


class GridAssigner:
    """Assigns points to polygons by the border rule; build once, use for many batches.

    Small numbers of points are looked up through a tree; once more than `RASTER_FROM_POINTS` have
    been asked for, a raster is built and used (`geo.polygon_raster`). Both give the same answers.
    One assigner serves one thread at a time.

    Parameters
    ----------
    grid_codes : (n,) the code of each polygon, no two the same
    polygons : (n,) shapely array or GeoSeries: valid polygons and multipolygons, EPSG:4326 (any CRS
        will do as long as the points are in it)

    Raises
    ------
    InvalidInput : the two differ in length, or something is no polygon, empty or missing
    DuplicateCode : a code stands more than once (`codes`)
    """

    def __init__(self, grid_codes: Sequence[str] | NDArray[np.object_], polygons: Any) -> None:
        codes = [str(code) for code in grid_codes]
        geometries = np.asarray(polygons, dtype=object)
        _check(codes, geometries)
        # Python orders text by code point, which is the order of UTF-8's bytes.
        precedence = sorted(range(len(codes)), key=codes.__getitem__)
        self.grid_codes = np.array(codes, dtype=object)
        self._given = np.array(precedence, dtype=np.int32)
        self._polygons = geometries[self._given]
        shapely.prepare(self._polygons)
        self._tree = shapely.STRtree(self._polygons)
        self._raster: Any = None
        self._is_crowded = False
        self._asked = 0

    def __len__(self) -> int:
        return len(self._given)

    def assign(self, lon: ArrayLike, lat: ArrayLike) -> NDArray[np.int32]:
        """Return the position of each point's grid in `grid_codes`, `NO_GRID` where it has none.

        Parameters
        ----------
        lon, lat : (n_points,) degrees, WGS 84; NaN is in no grid

        Returns
        -------
        (n_points,) int32

        Raises
        ------
        InvalidInput : `lon` and `lat` differ in length
        """
        x, y = (np.ascontiguousarray(np.atleast_1d(part), dtype=float) for part in (lon, lat))
        if x.shape != y.shape or x.ndim != 1:
            raise InvalidInput(
                f"lon has the shape {x.shape}, lat {y.shape}, wanted two columns of one length."
            )
        if len(self) == 0:
            return np.full(len(x), NO_GRID, dtype=np.int32)
        self._asked += len(x)
        rank = self._by_raster(x, y) if self._wants_raster() else self._by_tree(x, y)
        found = rank >= 0
        rank[found] = self._given[rank[found]]
        return rank

    def assign_codes(self, lon: ArrayLike, lat: ArrayLike) -> NDArray[np.object_]:
        """Return the code of each point's grid, None where it has none."""
        position = self.assign(lon, lat)
        codes = np.full(len(position), None, dtype=object)
        codes[position != NO_GRID] = self.grid_codes[position[position != NO_GRID]]
        return codes

    def _by_tree(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.int32]:
        rank = np.full(len(x), NO_GRID, dtype=np.int32)
        known = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
        point, candidate = self._tree.query(shapely.points(x[known], y[known]))
        point = known[point]
        hit = shapely.intersects_xy(self._polygons[candidate], x[point], y[point])
        point, candidate = point[hit], candidate[hit]
        # The last to be written stays: write the smallest code last.
        descending = np.argsort(-candidate, kind="stable")
        rank[point[descending]] = candidate[descending]
        return rank

    def _wants_raster(self) -> bool:
        if self._asked < RASTER_FROM_POINTS or self._is_crowded:
            return False
        if self._raster is None:
            from geo.polygon_raster import PolygonRaster  # loads numba, which takes a second

            raster = PolygonRaster(self._polygons)
            self._is_crowded = raster.crowding > _CROWDED
            self._raster = None if self._is_crowded else raster
        return not self._is_crowded

    def _by_raster(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.int32]:
        rank: NDArray[np.int32] = self._raster.first_at(x, y)
        return rank


def _check(codes: list[str], geometries: NDArray[np.object_]) -> None:
    if geometries.shape != (len(codes),):
        raise InvalidInput(
            f"There are {len(codes)} grid codes and {geometries.size} polygons. Give one each."
        )
    kinds = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)
    bad = ~np.isin(shapely.get_type_id(geometries), kinds) | shapely.is_empty(geometries)
    if bad.any():
        position = int(np.flatnonzero(bad)[0])
        raise InvalidInput(
            f"The grid {codes[position]} is {geometries[position]!s:.60}, wanted a polygon with an "
            f"area. Leave it out or mend it.",
            grid_codes=[codes[i] for i in np.flatnonzero(bad)],
        )
    if len(set(codes)) < len(codes):
        seen: set[str] = set()
        twice = sorted({code for code in codes if code in seen or seen.add(code)})  # type: ignore[func-returns-value]
        raise DuplicateCode(
            f"Grid codes stand more than once: {', '.join(twice[:5])}. Give the grids of one day.",
            codes=twice,
        )
