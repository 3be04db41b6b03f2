"""Places as a raster of numbers: grids, H3 cells, squares, street segments, key places.

One compiled tracer (`layers.presence`) then serves all of them. The raster's step is the error at a
border: half a step at most, 5 m for steps of 10 m, below the noise of a phone. Squares are exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.assignment import NO_GRID, GridAssigner
from geo.errors import InvalidInput
from geo.h3_cells import lonlat_to_h3_cell
from geo.local_plane import LocalPlane

FloatArray = NDArray[np.float64]
STEP_M = 10.0
PIXELS_MAX = 60_000_000
NO_PLACE = -1


@dataclass(frozen=True, slots=True, eq=False)
class PlaceRaster:
    """Which place each pixel belongs to.

    plane : in whose metres it lies
    west_m, south_m, step_m : its corner and the side of a pixel
    places : (rows, columns) int32, row 0 in the south: position in `keys`, `NO_PLACE`
    keys : (n_places,) what each place is called: grid codes, H3 cells, numbers of segments
    """

    plane: LocalPlane
    west_m: float
    south_m: float
    step_m: float
    places: NDArray[np.int32]
    keys: NDArray[Any]

    @property
    def area_m2(self) -> FloatArray:
        """(n_places,) the area of each place's pixels."""
        counts = np.bincount(self.places[self.places >= 0], minlength=len(self.keys))
        return np.asarray(counts * self.step_m**2, float)


def raster_of_squares(bounds: tuple[float, float, float, float], side_m: float) -> PlaceRaster:
    """Return squares over bounds (west, south, east, north) [degrees]; keys number them by rows."""
    plane, west, south, columns, rows = _frame(bounds, side_m)
    places = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    return PlaceRaster(plane, west, south, side_m, places, np.arange(rows * columns))


def raster_of_polygons(codes: Any, polygons: Any, *, step_m: float = STEP_M) -> PlaceRaster:
    """Return grids or communities, borders by the rule of `geo.assignment`.

    Parameters
    ----------
    codes : (n,) the code of each
    polygons : (n,) shapely array, EPSG:4326
    """
    assigner = GridAssigner(codes, polygons)
    plane, west, south, columns, rows = _frame(tuple(shapely.total_bounds(polygons)), step_m)
    lon, lat = _centres(plane, west, south, columns, rows, step_m)
    found = assigner.assign(lon, lat)
    places = np.where(found == NO_GRID, NO_PLACE, found).astype(np.int32).reshape(rows, columns)
    return PlaceRaster(plane, west, south, step_m, places, np.asarray(codes, dtype=object))


def raster_of_h3_cells(
    bounds: tuple[float, float, float, float], resolution: int, *, step_m: float = STEP_M
) -> PlaceRaster:
    """Return the H3 cells over bounds (west, south, east, north) [degrees]; keys are the cells."""
    plane, west, south, columns, rows = _frame(bounds, step_m)
    cells = lonlat_to_h3_cell(*_centres(plane, west, south, columns, rows, step_m), resolution)
    keys, places = np.unique(cells, return_inverse=True)
    return PlaceRaster(
        plane, west, south, step_m, places.astype(np.int32).reshape(rows, columns), keys
    )


def raster_near(keys: Any, geometries: Any, *, reach_m: float, step_m: float = 5.0) -> PlaceRaster:
    """Return what lies within reach of street segments or key places, each pixel the nearest's.

    Parameters
    ----------
    keys : (n,) what each is called
    geometries : (n,) shapely lines, points or polygons, EPSG:4326
    reach_m : how far around each a unit counts as there
    """
    shapes = np.asarray(geometries, dtype=object)
    plane = LocalPlane.around(shapes)
    metric = plane.to_metres(shapes)
    west, south, east, north = shapely.total_bounds(metric) + reach_m * np.array([-1, -1, 1, 1])
    columns, rows = _size(east - west, north - south, step_m)
    places = np.full((rows, columns), NO_PLACE, np.int32)
    best = np.full((rows, columns), np.inf)
    for number, shape in enumerate(metric):
        low_x, low_y, high_x, high_y = shape.bounds
        first_column = max(int((low_x - reach_m - west) // step_m), 0)
        first_row = max(int((low_y - reach_m - south) // step_m), 0)
        end_column = min(int((high_x + reach_m - west) // step_m) + 1, columns)
        end_row = min(int((high_y + reach_m - south) // step_m) + 1, rows)
        window = (slice(first_row, end_row), slice(first_column, end_column))
        x = west + (np.arange(first_column, end_column) + 0.5) * step_m
        y = south + (np.arange(first_row, end_row) + 0.5) * step_m
        far = shapely.distance(shape, shapely.points(*np.meshgrid(x, y)))
        nearer = (far <= reach_m) & (far < best[window])
        places[window][nearer] = number
        best[window][nearer] = far[nearer]
    return PlaceRaster(plane, west, south, step_m, places, np.asarray(keys, dtype=object))


def _frame(bounds: tuple[float, ...], step_m: float) -> tuple[LocalPlane, float, float, int, int]:
    if not np.isfinite(bounds).all() or bounds[0] >= bounds[2] or bounds[1] >= bounds[3]:
        raise InvalidInput(f"The bounds {bounds} hold nothing: west, south, east, north, degrees.")
    west_deg, south_deg, east_deg, north_deg = bounds
    box = np.full(1, shapely.box(west_deg, south_deg, east_deg, north_deg), dtype=object)
    plane = LocalPlane.around(box)
    west, south, east, north = shapely.total_bounds(plane.to_metres(box))
    columns, rows = _size(east - west, north - south, step_m)
    return plane, float(west), float(south), columns, rows


def _size(width_m: float, height_m: float, step_m: float) -> tuple[int, int]:
    columns, rows = int(width_m // step_m) + 1, int(height_m // step_m) + 1
    if rows * columns > PIXELS_MAX:
        raise InvalidInput(
            f"{columns} x {rows} steps of {step_m:g} m are more than {PIXELS_MAX:,}. "
            "Take a smaller area or a larger step."
        )
    return columns, rows


def _centres(
    plane: LocalPlane, west: float, south: float, columns: int, rows: int, step_m: float
) -> tuple[FloatArray, FloatArray]:
    x = (west + (np.arange(columns) + 0.5) * step_m) / plane.metres_per_lon_deg + plane.longitude
    y = (south + (np.arange(rows) + 0.5) * step_m) / plane.metres_per_lat_deg + plane.latitude
    return np.tile(x, rows), np.repeat(y, columns)
