"""GCJ-02 and BD-09, the offset datums of Chinese map services, and their way back to WGS 84.

The formula is the published, unofficial one. Accuracy here is accuracy against that formula;
reports from the field say 10-20 m against real maps (docs/coordinates.md).

The rule for points outside China is the formula's own: a rectangle, 72.004 <= longitude <= 137.8347
and 0.8293 <= latitude <= 55.8271 (`CHINA_RECTANGLE`). A point outside it is not shifted. The
rectangle is wider than China (it holds Seoul and Delhi); map services draw their own, unpublished
line. Within 2 km of its edges the datums are not one-to-one: there a point of the rectangle returns
exactly and one just outside may not.

All functions take floats or arrays of one shape, longitude first, degrees, and return the same
kind. NaN stays NaN. Each row is answered for itself: its neighbours change nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Degrees = TypeVar("Degrees", float, FloatArray)

CHINA_RECTANGLE = (72.004, 0.8293, 137.8347, 55.8271)
"""West, south, east, north [degrees]: where the offset datums shift."""

_AXIS_M = 6378245.0  # Krasovsky 1940, as the formula has it
_ECCENTRICITY_SQUARED = 0.00669342162296594323
_BD09_WAVE = np.pi * 3000.0 / 180.0
_BD09_LON = 0.0065
_BD09_LAT = 0.006

# Over the rectangle the shift changes by at most 0.7 % (GCJ-02) and 2.2 % (BD-09) of a step, so
# each round wins nearly two digits: five rounds leave < 1e-7 m, eight leave rounding. The number is
# fixed, because stopping at the worst row of a batch would make a row depend on its neighbours.
_ROUNDS = 8

_Shift = Callable[[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]


def is_in_china_rectangle(lon: FloatArray, lat: FloatArray) -> NDArray[np.bool_]:
    """Return whether each point lies where the offset datums shift. NaN doesn't."""
    west, south, east, north = CHINA_RECTANGLE
    inside: NDArray[np.bool_] = (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)
    return inside


def wgs84_to_gcj02(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    """Return GCJ-02 [degrees] of WGS 84 points. Outside `CHINA_RECTANGLE` nothing moves."""
    return _forward(lon, lat, _gcj02_shift)


def gcj02_to_wgs84(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    """Return WGS 84 [degrees] of GCJ-02 points, by fixed-point iteration, < 1e-7 m of the formula.

    On the meridian 105 E itself, where the formula's slope is infinite, < 1e-6 m. A point whose
    original would lie outside `CHINA_RECTANGLE` is returned as it is.
    """
    return _inverse(lon, lat, _gcj02_shift)


def gcj02_to_bd09(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    """Return BD-09 [degrees] of GCJ-02 points. Outside `CHINA_RECTANGLE` nothing moves."""
    return _forward(lon, lat, _bd09_shift)


def bd09_to_gcj02(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    """Return GCJ-02 [degrees] of BD-09 points, by fixed-point iteration, < 1e-7 m of the formula.

    The inverse usually printed beside the formula takes one step and is up to 0.23 m off.
    """
    return _inverse(lon, lat, _bd09_shift)


def wgs84_to_bd09(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    """Return BD-09 [degrees] of WGS 84 points."""
    return gcj02_to_bd09(*wgs84_to_gcj02(lon, lat))


def bd09_to_wgs84(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    """Return WGS 84 [degrees] of BD-09 points."""
    return gcj02_to_wgs84(*bd09_to_gcj02(lon, lat))


def _forward(lon: Degrees, lat: Degrees, shift: _Shift) -> tuple[Degrees, Degrees]:
    x, y = np.broadcast_arrays(np.asarray(lon, float), np.asarray(lat, float))
    inside = is_in_china_rectangle(x, y)
    safe_x, safe_y = _safe(x, y, inside)
    dx, dy = shift(safe_x, safe_y)
    return _like_given(np.where(inside, x + dx, x), np.where(inside, y + dy, y))


def _inverse(lon: Degrees, lat: Degrees, shift: _Shift) -> tuple[Degrees, Degrees]:
    x, y = np.broadcast_arrays(np.asarray(lon, float), np.asarray(lat, float))
    west, south, east, north = CHINA_RECTANGLE
    near = (x >= west) & (x <= east + 0.05) & (y >= south - 0.05) & (y <= north + 0.05)
    safe_x, safe_y = _safe(x, y, near)
    back_x, back_y = safe_x, safe_y
    for _ in range(_ROUNDS):
        dx, dy = shift(back_x, back_y)
        back_x, back_y = safe_x - dx, safe_y - dy
    # A hair of tolerance, or points of the very edge would be lost to rounding.
    hair = 1e-9
    inside = near & (back_x >= west - hair) & (back_x <= east + hair)
    inside &= (back_y >= south - hair) & (back_y <= north + hair)
    return _like_given(np.where(inside, back_x, x), np.where(inside, back_y, y))


def _safe(x: FloatArray, y: FloatArray, use: NDArray[np.bool_]) -> tuple[FloatArray, FloatArray]:
    """Put a harmless point where the formula won't be used, so that inf and NaN raise nothing."""
    return np.where(use, x, 105.0), np.where(use, y, 35.0)


def _like_given(x: FloatArray, y: FloatArray) -> tuple[Any, Any]:
    """Return floats where floats were given, arrays where arrays."""
    return (float(x), float(y)) if x.ndim == 0 else (x, y)


def _gcj02_shift(lon: FloatArray, lat: FloatArray) -> tuple[FloatArray, FloatArray]:
    x, y, pi = lon - 105.0, lat - 35.0, np.pi
    root = np.sqrt(np.abs(x))
    common = (20.0 * np.sin(6.0 * x * pi) + 20.0 * np.sin(2.0 * x * pi)) * 2.0 / 3.0
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + common
    north = north + (20.0 * np.sin(y * pi) + 40.0 * np.sin(y / 3.0 * pi)) * 2.0 / 3.0
    north = north + (160.0 * np.sin(y / 12.0 * pi) + 320.0 * np.sin(y * pi / 30.0)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + common
    east = east + (20.0 * np.sin(x * pi) + 40.0 * np.sin(x / 3.0 * pi)) * 2.0 / 3.0
    east = east + (150.0 * np.sin(x / 12.0 * pi) + 300.0 * np.sin(x / 30.0 * pi)) * 2.0 / 3.0
    radians = lat / 180.0 * pi
    magic = 1.0 - _ECCENTRICITY_SQUARED * np.sin(radians) ** 2
    root_magic = np.sqrt(magic)
    meridian = (_AXIS_M * (1.0 - _ECCENTRICITY_SQUARED)) / (magic * root_magic)
    parallel = _AXIS_M / root_magic * np.cos(radians)
    return east * 180.0 / (parallel * pi), north * 180.0 / (meridian * pi)


def _bd09_shift(lon: FloatArray, lat: FloatArray) -> tuple[FloatArray, FloatArray]:
    z = np.sqrt(lon * lon + lat * lat) + 0.00002 * np.sin(lat * _BD09_WAVE)
    theta = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * _BD09_WAVE)
    return z * np.cos(theta) + _BD09_LON - lon, z * np.sin(theta) + _BD09_LAT - lat
