"""Places as a raster of numbers: grids, H3 cells, squares, street segments, key places.

One compiled tracer (`layers.presence.pieces`) then serves all of them. The raster's step is the
error at a border: half a step at most, 5 m for steps of 10 m, below the noise of a phone. Squares
are exact.
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


@dataclass(frozen=True, slots=True)
class RasterFrame:
    """Where a raster lies and how fine it is; rasters of one frame share its plane.

    west_m, south_m : its corner on the plane; columns, rows : of pixels of `step_m`
    """

    plane: LocalPlane
    west_m: float
    south_m: float
    step_m: float
    columns: int
    rows: int

    @classmethod
    def of(cls, bounds: tuple[float, float, float, float], step_m: float = STEP_M) -> RasterFrame:
        """Return the frame over bounds (west, south, east, north) [degrees].

        Raises
        ------
        InvalidInput : the bounds hold nothing, or more than 60 M pixels
        """
        if not np.isfinite(bounds).all() or bounds[0] >= bounds[2] or bounds[1] >= bounds[3]:
            raise InvalidInput(
                f"The bounds {bounds} hold nothing: west, south, east, north, degrees."
            )
        box = np.full(1, shapely.box(*bounds), dtype=object)
        plane = LocalPlane.around(box)
        west, south, east, north = shapely.total_bounds(plane.to_metres(box))
        columns, rows = _size(east - west, north - south, step_m)
        return cls(plane, float(west), float(south), step_m, columns, rows)

    def finer(self, step_m: float) -> RasterFrame:
        """Return the frame with smaller pixels, at least as large."""
        columns, rows = _size(self.columns * self.step_m, self.rows * self.step_m, step_m)
        return RasterFrame(self.plane, self.west_m, self.south_m, step_m, columns, rows)

    def centres(self) -> tuple[FloatArray, FloatArray]:
        """Longitudes and latitudes of the middles of all pixels, row by row."""
        x = self.west_m + (np.arange(self.columns) + 0.5) * self.step_m
        y = self.south_m + (np.arange(self.rows) + 0.5) * self.step_m
        lon = x / self.plane.metres_per_lon_deg + self.plane.longitude
        lat = y / self.plane.metres_per_lat_deg + self.plane.latitude
        return np.tile(lon, self.rows), np.repeat(lat, self.columns)

    def raster(self, places: NDArray[Any], keys: NDArray[Any]) -> PlaceRaster:
        """Return the raster of a place (or `NO_PLACE`) for each pixel, row by row."""
        shaped = places.astype(np.int32).reshape(self.rows, self.columns)
        return PlaceRaster(self.plane, self.west_m, self.south_m, self.step_m, shaped, keys)


def raster_of_squares(bounds: tuple[float, float, float, float], side_m: float) -> PlaceRaster:
    """Return squares over bounds (west, south, east, north) [degrees]; keys number them by rows."""
    frame = RasterFrame.of(bounds, side_m)
    count = np.arange(frame.rows * frame.columns)
    return frame.raster(count, count)


def raster_of_polygons(
    codes: Any, polygons: Any, *, step_m: float = STEP_M, frame: RasterFrame | None = None
) -> PlaceRaster:
    """Return grids or communities, borders by the rule of `geo.assignment`.

    Parameters
    ----------
    codes : (n,) the code of each
    polygons : (n,) shapely array, EPSG:4326
    """
    assigner = GridAssigner(codes, polygons)
    west, south, east, north = shapely.total_bounds(polygons)
    frame = frame or RasterFrame.of((west, south, east, north), step_m)
    found = assigner.assign(*frame.centres())
    places = np.where(found == NO_GRID, NO_PLACE, found)
    return frame.raster(places, np.asarray(codes, dtype=object))


def raster_of_h3_cells(
    bounds: tuple[float, float, float, float],
    resolution: int,
    *,
    step_m: float = STEP_M,
    frame: RasterFrame | None = None,
) -> PlaceRaster:
    """Return the H3 cells over bounds (west, south, east, north) [degrees]; keys are the cells."""
    frame = frame or RasterFrame.of(bounds, step_m)
    keys, places = np.unique(lonlat_to_h3_cell(*frame.centres(), resolution), return_inverse=True)
    return frame.raster(places, keys)


def raster_near(
    keys: Any,
    geometries: Any,
    *,
    reach_m: Any,
    step_m: float = 5.0,
    frame: RasterFrame | None = None,
) -> PlaceRaster:
    """Return what lies within reach of street segments or key places, each pixel the nearest's.

    Parameters
    ----------
    keys : (n,) what each is called
    geometries : (n,) shapely lines, points or polygons, EPSG:4326
    reach_m : how far around each a unit counts as there; one for all, or (n,)
    """
    shapes = np.asarray(geometries, dtype=object)
    plane = frame.plane if frame else LocalPlane.around(shapes)
    metric = plane.to_metres(shapes)
    reach = np.broadcast_to(np.asarray(reach_m, float), shapes.shape)
    if frame is None:
        widest = float(reach.max())
        west, south, east, north = shapely.total_bounds(metric) + widest * np.array([-1, -1, 1, 1])
        columns, rows = _size(east - west, north - south, step_m)
        frame = RasterFrame(plane, float(west), float(south), step_m, columns, rows)
    step, rows, columns = frame.step_m, frame.rows, frame.columns
    places = np.full((rows, columns), NO_PLACE, np.int32)
    best = np.full((rows, columns), np.inf)
    for number, (shape, near_m) in enumerate(zip(metric, reach, strict=True)):
        low_x, low_y, high_x, high_y = shape.bounds
        first_column = max(int((low_x - near_m - frame.west_m) // step), 0)
        first_row = max(int((low_y - near_m - frame.south_m) // step), 0)
        end_column = min(int((high_x + near_m - frame.west_m) // step) + 1, columns)
        end_row = min(int((high_y + near_m - frame.south_m) // step) + 1, rows)
        if first_column >= end_column or first_row >= end_row:
            continue
        window = (slice(first_row, end_row), slice(first_column, end_column))
        x = frame.west_m + (np.arange(first_column, end_column) + 0.5) * step
        y = frame.south_m + (np.arange(first_row, end_row) + 0.5) * step
        far = shapely.distance(shape, shapely.points(*np.meshgrid(x, y)))
        nearer = (far <= near_m) & (far < best[window])
        places[window][nearer] = number
        best[window][nearer] = far[nearer]
    return frame.raster(places, np.asarray(keys, dtype=object))


def _size(width_m: float, height_m: float, step_m: float) -> tuple[int, int]:
    columns, rows = int(width_m // step_m) + 1, int(height_m // step_m) + 1
    if rows * columns > PIXELS_MAX:
        raise InvalidInput(
            f"{columns} x {rows} steps of {step_m:g} m are more than {PIXELS_MAX:,}. "
            "Take a smaller area or a larger step."
        )
    return columns, rows
