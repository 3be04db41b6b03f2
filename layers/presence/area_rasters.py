"""Where a unit's beat or community is: rasters of one place, put together from those of grids.

Thousands of units have beats of some grids each. The ground of a grid and 20 m around it is found
once; a beat is then laid together from the grids' pixels, and only the last ones are kept.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from layers.coverage.duty import BUFFER_M
from layers.place_raster import NO_PLACE, STEP_M, PlaceRaster, RasterFrame

PIXELS = 250_000  # 10 m up to 5 km across; a larger area takes pixels twice as wide, or four times
RASTERS_KEPT = 64

_Window = tuple[int, int, NDArray[np.bool_]]  # first column and row, and which pixels are inside


class AreaRasters:
    """Rasters of some grids together, on the plane of a frame. Safe for one thread.

    Parameters
    ----------
    polygons : grid code -> polygon, EPSG:4326
    """

    def __init__(self, frame: RasterFrame, polygons: Mapping[str, Any]) -> None:
        self._frame = frame
        codes = list(polygons)
        shapes = np.array([polygons[code] for code in codes], dtype=object)
        around = shapely.buffer(frame.plane.to_metres(shapes), BUFFER_M) if codes else shapes
        self._shapes = dict(zip(codes, around, strict=True))
        self._windows: dict[tuple[str, float], _Window] = {}
        self._rasters: OrderedDict[tuple[str, ...], PlaceRaster] = OrderedDict()

    def of(self, codes: Sequence[str]) -> PlaceRaster | None:
        """Return the raster of the ground of some grids, 20 m around it included; None where they
        have none."""
        key = tuple(sorted(code for code in set(codes) if code in self._shapes))
        if not key:
            return None
        if key not in self._rasters:
            self._rasters[key] = self._laid(key)
        self._rasters.move_to_end(key)
        while len(self._rasters) > RASTERS_KEPT:
            self._rasters.popitem(last=False)
        return self._rasters[key]

    def _laid(self, codes: tuple[str, ...]) -> PlaceRaster:
        frame = self._frame
        bounds = shapely.bounds([self._shapes[code] for code in codes])
        (west, south), (east, north) = bounds[:, :2].min(axis=0), bounds[:, 2:].max(axis=0)
        step_m = STEP_M
        while (east - west) * (north - south) / step_m**2 > PIXELS:
            step_m *= 2
        windows = [self._window(code, step_m) for code in codes]
        left = min(column for column, _, _ in windows)
        bottom = min(row for _, row, _ in windows)
        columns = max(first + inside.shape[1] for first, _, inside in windows) - left
        rows = max(first + inside.shape[0] for _, first, inside in windows) - bottom
        places = np.full((rows, columns), NO_PLACE, np.int32)
        for column, row, inside in windows:
            part = places[row - bottom :, column - left :][: inside.shape[0], : inside.shape[1]]
            part[inside] = 0
        return PlaceRaster(
            frame.plane, frame.west_m + left * step_m, frame.south_m + bottom * step_m, step_m,
            places, np.zeros(1, np.int64),
        )  # fmt: skip

    def _window(self, code: str, step_m: float) -> _Window:
        """The pixels whose middle lies in a grid or near it."""
        if (code, step_m) not in self._windows:
            frame, shape = self._frame, self._shapes[code]
            west, south, east, north = shape.bounds
            column = int((west - frame.west_m) // step_m)
            row = int((south - frame.south_m) // step_m)
            columns = int((east - frame.west_m) // step_m) - column + 1
            rows = int((north - frame.south_m) // step_m) - row + 1
            x = frame.west_m + (column + np.arange(columns) + 0.5) * step_m
            y = frame.south_m + (row + np.arange(rows) + 0.5) * step_m
            shapely.prepare(shape)
            inside = shapely.contains_xy(shape, np.tile(x, rows), np.repeat(y, columns))
            self._windows[code, step_m] = (column, row, inside.reshape(rows, columns))
        return self._windows[code, step_m]
