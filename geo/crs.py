"""Datums and projections: everything that comes in is turned to WGS 84 here, longitude first.

The only file that swaps axes. `Datum` names what a file's numbers are in; the offset datums of
Chinese map services are in `geo.china_offsets`, lengths and areas in `geo.geodesy`, the guess
which datum a set is really in, in `geo.datum_shift`; the first two are offered here as well.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, cast, overload

import numpy as np
import pyproj
import shapely
from numpy.typing import ArrayLike, NDArray
from pyproj.exceptions import CRSError, ProjError

from geo.china_offsets import (
    CHINA_RECTANGLE,
    bd09_to_gcj02,
    bd09_to_wgs84,
    gcj02_to_bd09,
    gcj02_to_wgs84,
    is_in_china_rectangle,
    wgs84_to_bd09,
    wgs84_to_gcj02,
)
from geo.errors import CRSMismatch, InvalidCoordinate, InvalidDatum
from geo.geodesy import (
    geodesic_area_m2,
    geodesic_distance_m,
    geodesic_inverse,
    geodesic_length_m,
    local_metric_crs,
    to_local_metres,
)

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

__all__ = [
    "BD09",
    "CGCS2000",
    "CHINA_RECTANGLE",
    "GCJ02",
    "WGS84",
    "AxisOrder",
    "CoordinateFault",
    "Datum",
    "bd09_to_gcj02",
    "bd09_to_wgs84",
    "check_coordinates",
    "from_wgs84",
    "gcj02_to_bd09",
    "gcj02_to_wgs84",
    "geodesic_area_m2",
    "geodesic_distance_m",
    "geodesic_inverse",
    "geodesic_length_m",
    "is_in_china_rectangle",
    "local_metric_crs",
    "parse_datum",
    "reproject",
    "require_wgs84",
    "swapped_axes_share",
    "to_local_metres",
    "to_wgs84",
    "wgs84_to_bd09",
    "wgs84_to_gcj02",
]

FloatArray = NDArray[np.float64]
AxisOrder = Literal["xy", "yx", "authority"]
"""xy: longitude or easting first (the default everywhere); yx: latitude or northing first;
authority: as the EPSG registry has it (Chinese Gauss-Kruger grids: northing first)."""

Bounds = tuple[float, float, float, float]

_WANTED = "WGS84, CGCS2000, GCJ02, BD09, or a projected code such as EPSG:4547"
_NAMES = {
    "WGS84": "WGS84", "EPSG:4326": "WGS84", "4326": "WGS84", "OGC:CRS84": "WGS84",
    "CGCS2000": "CGCS2000", "EPSG:4490": "CGCS2000", "4490": "CGCS2000",
    "GCJ02": "GCJ02", "BD09": "BD09", "BD09LL": "BD09",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Datum:
    """What the two numbers of a coordinate are in. Make one with `parse_datum`.

    `name` is what the store keeps: WGS84, CGCS2000, GCJ02, BD09 or EPSG:nnnn.
    """

    name: str

    def __str__(self) -> str:
        return self.name

    @property
    def epsg(self) -> int | None:
        """The EPSG code, None for the offset datums, which have none."""
        if self.name in ("GCJ02", "BD09"):
            return None
        return {"WGS84": 4326, "CGCS2000": 4490}.get(self.name) or int(self.name[5:])

    @property
    def is_projected(self) -> bool:
        """Whether the numbers are metres east and north rather than degrees."""
        return self.name.startswith("EPSG:")

    @property
    def bounds_wgs84(self) -> Bounds:
        """West, south, east, north [degrees] where the datum is meant to be used."""
        if self.name == "WGS84":
            return (-180.0, -90.0, 180.0, 90.0)
        if self.epsg is None:
            return CHINA_RECTANGLE
        area = _crs(self.epsg).area_of_use
        return area.bounds if area is not None else (-180.0, -90.0, 180.0, 90.0)


WGS84 = Datum("WGS84")
CGCS2000 = Datum("CGCS2000")
GCJ02 = Datum("GCJ02")
BD09 = Datum("BD09")


class CoordinateFault(StrEnum):
    """Why a pair of numbers is no usable coordinate. Empty text: it is one."""

    NONE = ""
    MISSING = "coordinate_missing"
    NOT_FINITE = "coordinate_not_finite"
    ZERO = "coordinate_zero"
    SWAPPED = "axes_swapped"
    OUT_OF_RANGE = "coordinate_out_of_range"
    OUTSIDE_AREA = "outside_area"


def parse_datum(text: str) -> Datum:
    """Return the datum a text names; case, spaces, hyphens and underscores don't matter.

    Raises
    ------
    InvalidDatum : nothing declared, a name unknown, or a code that isn't a projected CRS in
        metres with a known way to WGS 84 (Xian 1980 has none in the EPSG registry)
    """
    given = text.strip()
    key = re.sub(r"[\s_-]", "", given).upper()
    if not key:
        raise InvalidDatum(f"No datum is declared. Name one: {_WANTED}.", datum=given)
    if key in _NAMES:
        return Datum(_NAMES[key])
    code = re.fullmatch(r"(?:EPSG:{1,2})?([0-9]{4,6})", key)
    if code is None:
        raise InvalidDatum(f"The datum is “{given[:60]}”, wanted {_WANTED}.", datum=given[:60])
    return _projected_datum(int(code[1]))


@overload
def to_wgs84(
    x: float, y: float, datum: Datum, *, axes: AxisOrder = "xy"
) -> tuple[float, float]: ...
@overload
def to_wgs84(
    x: ArrayLike, y: ArrayLike, datum: Datum, *, axes: AxisOrder = "xy"
) -> tuple[FloatArray, FloatArray]: ...
def to_wgs84(x: ArrayLike, y: ArrayLike, datum: Datum, *, axes: AxisOrder = "xy") -> Any:
    """Return longitude and latitude [degrees, WGS 84] of coordinates in a declared datum.

    CGCS2000 is taken for WGS 84 unchanged; the two differ by centimetres.

    Parameters
    ----------
    x, y : (n,) or numbers; degrees, or metres where the datum is projected. NaN stays NaN: run
        `check_coordinates` first to name the rows that have none.
    axes : which of the two stands in `x`

    Raises
    ------
    InvalidCoordinate : a row that isn't NaN has no place on earth (`rows`: their positions)
    """
    first, second = np.broadcast_arrays(np.asarray(x, float), np.asarray(y, float))
    if _is_y_first(datum, axes):
        first, second = second, first
    lon, lat = _to_wgs84(first, second, datum)
    bad = ~((np.abs(lon) <= 180) & (np.abs(lat) <= 90)) & ~(np.isnan(first) | np.isnan(second))
    if bad.any():
        rows = np.flatnonzero(bad)
        row = rows[0]
        raise InvalidCoordinate(
            f"{len(rows)} of {bad.size} coordinates are no place in {datum}; the first, row {row}, "
            f"is ({np.ravel(first)[row]:g}, {np.ravel(second)[row]:g}). "
            f"Check the datum and which column is which: {_axis_names(datum)} first.",
            rows=rows.tolist(),
        )
    return (float(lon), float(lat)) if lon.ndim == 0 else (lon, lat)


@overload
def from_wgs84(lon: float, lat: float, datum: Datum) -> tuple[float, float]: ...
@overload
def from_wgs84(lon: ArrayLike, lat: ArrayLike, datum: Datum) -> tuple[FloatArray, FloatArray]: ...
def from_wgs84(lon: ArrayLike, lat: ArrayLike, datum: Datum) -> Any:
    """Return x, y in a datum of WGS 84 points: `to_wgs84` undone. NaN stays NaN.

    Returns
    -------
    x, y : longitude and latitude [degrees], or easting and northing [m]
    """
    x, y = np.broadcast_arrays(np.asarray(lon, float), np.asarray(lat, float))
    if datum == GCJ02:
        x, y = wgs84_to_gcj02(x, y)
    elif datum == BD09:
        x, y = wgs84_to_bd09(x, y)
    elif datum.is_projected:
        assert datum.epsg is not None
        x, y = _transform(_steps(4326, datum.epsg), x, y)
    return (float(x), float(y)) if np.ndim(x) == 0 else (x, y)


def check_coordinates(
    x: ArrayLike, y: ArrayLike, datum: Datum, *, axes: AxisOrder = "xy", area: Bounds | None = None
) -> NDArray[np.object_]:
    """Return why each row is no usable coordinate, as `CoordinateFault`s; falsy where it is one.

    `axes_swapped` is suspected where the row as it stands lies outside the datum's own bounds
    (or `area`) and would lie inside with its two numbers exchanged. In WGS 84 without `area` only
    a latitude beyond 90 degrees can give that away.

    Parameters
    ----------
    x, y : (n,) degrees, or metres where the datum is projected
    area : west, south, east, north [degrees, WGS 84] of the district, to look closer: rows more
        than its own width (at least half a degree) away are `outside_area`

    Returns
    -------
    (n,) object array of CoordinateFault
    """
    first, second = (np.atleast_1d(part).astype(float) for part in np.broadcast_arrays(x, y))
    if _is_y_first(datum, axes):
        first, second = second, first
    lon, lat = _to_wgs84(first, second, datum)
    fault = np.empty(first.shape, dtype=object)
    fault[:] = CoordinateFault.NONE
    in_range = (np.abs(lon) <= 180) & (np.abs(lat) <= 90)
    fault[~in_range] = CoordinateFault.OUT_OF_RANGE
    bounds = _widened(area) if area is not None else datum.bounds_wgs84
    inside = in_range & _is_inside(lon, lat, bounds)
    if area is not None:
        fault[in_range & ~inside] = CoordinateFault.OUTSIDE_AREA
    elif datum.is_projected:
        # A projection far outside its zone answers numbers, but no place anybody meant.
        fault[in_range & ~_is_inside(lon, lat, _widened(bounds))] = CoordinateFault.OUT_OF_RANGE
    swapped_lon, swapped_lat = _to_wgs84(second, first, datum)
    fault[~inside & _is_inside(swapped_lon, swapped_lat, bounds)] = CoordinateFault.SWAPPED
    fault[(first == 0) & (second == 0)] = CoordinateFault.ZERO
    fault[np.isinf(first) | np.isinf(second)] = CoordinateFault.NOT_FINITE
    fault[np.isnan(first) | np.isnan(second)] = CoordinateFault.MISSING
    return fault


def swapped_axes_share(faults: NDArray[np.object_]) -> float:
    """Return the share of usable rows that look swapped: near 1, the two columns are exchanged.

    Parameters
    ----------
    faults : (n,) as `check_coordinates` returns them; rows without numbers don't count
    """
    void = (CoordinateFault.MISSING, CoordinateFault.NOT_FINITE, CoordinateFault.ZERO)
    usable = ~np.isin(faults.astype(str), [str(fault) for fault in void])
    swapped = faults.astype(str) == str(CoordinateFault.SWAPPED)
    return float(swapped.sum() / usable.sum()) if usable.any() else 0.0


def require_wgs84(frame: GeoDataFrame, name: str) -> None:
    """Refuse a frame that isn't in WGS 84, longitude first.

    Raises
    ------
    CRSMismatch : no CRS, another CRS, or coordinates that can't be degrees
    """
    if frame.crs is None:
        raise CRSMismatch(
            f"`{name}` names no CRS, wanted EPSG:4326. Set the one it is in, then use "
            f"geo.crs.reproject."
        )
    crs = pyproj.CRS.from_user_input(frame.crs)
    if not crs.equals(_crs(4326), ignore_axis_order=True):
        raise CRSMismatch(
            f"`{name}` is in {crs.to_string()[:60]}, wanted EPSG:4326. "
            f"Reproject it with geo.crs.reproject.",
            crs=crs.to_string(),
        )
    west, south, east, north = frame.total_bounds if len(frame) else (0.0, 0.0, 0.0, 0.0)
    if west < -180 or east > 180 or south < -90 or north > 90:
        raise CRSMismatch(
            f"`{name}` says EPSG:4326 but reaches from ({west:g}, {south:g}) to "
            f"({east:g}, {north:g}), which is no longitude and latitude. Set the CRS it is in."
        )


def reproject(frame: GeoDataFrame, crs: Any = "EPSG:4326", *, name: str = "frame") -> GeoDataFrame:
    """Return the frame in another CRS; the one given stays as it is. CGCS2000 counts as WGS 84.

    Raises
    ------
    CRSMismatch : the frame names no CRS
    InvalidDatum : the two have no known transformation, or one is unknown
    InvalidCoordinate : a vertex has no place in the new CRS
    """
    if frame.crs is None:
        raise CRSMismatch(
            f"`{name}` names no CRS, so it can't be reprojected. Set the one it is in."
        )
    try:
        source, target = pyproj.CRS.from_user_input(frame.crs), pyproj.CRS.from_user_input(crs)
    except CRSError as error:
        raise InvalidDatum(f"“{str(crs)[:60]}” is no CRS. Give one such as EPSG:4326.") from error
    steps = _steps(source.to_wkt(), target.to_wkt())
    moved = shapely.transform(
        frame.geometry.to_numpy(),
        lambda xy: np.column_stack(_transform(steps, xy[:, 0], xy[:, 1])),
    )
    if not np.isfinite(shapely.get_coordinates(moved)).all():
        raise InvalidCoordinate(
            f"`{name}` has vertices that have no place in {target.to_string()[:60]}. "
            f"Check the CRS it says it is in: {source.to_string()[:60]}."
        )
    return frame.set_geometry(cast(Any, moved), crs=target)


def _to_wgs84(x: FloatArray, y: FloatArray, datum: Datum) -> tuple[FloatArray, FloatArray]:
    """Convert without judging: whatever has no place comes out NaN or out of range."""
    if datum in (GCJ02, BD09):
        lon, lat = (gcj02_to_wgs84 if datum == GCJ02 else bd09_to_wgs84)(x, y)
        return np.asarray(lon), np.asarray(lat)
    if datum.is_projected:
        assert datum.epsg is not None
        return _transform(_steps(datum.epsg, 4326), x, y)
    return x.copy(), y.copy()


def _transform(
    steps: tuple[pyproj.Transformer, ...], x: FloatArray, y: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Transform arrays of any shape; what has no answer (PROJ says inf) comes out NaN."""
    lon, lat = np.array(x, float).ravel(), np.array(y, float).ravel()
    for step in steps:
        moved_lon, moved_lat = step.transform(lon, lat)
        lon, lat = np.asarray(moved_lon, float), np.asarray(moved_lat, float)
    lost = ~(np.isfinite(lon) & np.isfinite(lat))
    lon[lost], lat[lost] = np.nan, np.nan
    return lon.reshape(np.shape(x)), lat.reshape(np.shape(y))


def _is_y_first(datum: Datum, axes: AxisOrder) -> bool:
    if axes != "authority":
        return axes == "yx"
    if datum.epsg is None:
        return False  # no authority: the services' own interfaces give longitude first
    return _crs(datum.epsg).axis_info[0].direction in ("north", "south")


def _axis_names(datum: Datum) -> str:
    return "easting" if datum.is_projected else "longitude"


def _is_inside(lon: FloatArray, lat: FloatArray, bounds: Bounds) -> NDArray[np.bool_]:
    west, south, east, north = bounds
    inside: NDArray[np.bool_] = (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)
    return inside


def _widened(bounds: Bounds) -> Bounds:
    west, south, east, north = bounds
    margin = max(east - west, north - south, 0.5)
    return west - margin, south - margin, east + margin, north + margin


def _projected_datum(epsg: int) -> Datum:
    datum = f"EPSG:{epsg}"
    try:
        crs = _crs(epsg)
    except CRSError as error:
        raise InvalidDatum(f"{datum} is in no registry, wanted {_WANTED}.", datum=datum) from error
    if not crs.is_projected or len(crs.axis_info) != 2:
        raise InvalidDatum(
            f"{datum} ({crs.name}) is no projection in two dimensions, wanted {_WANTED}.",
            datum=datum,
        )
    if {axis.unit_name for axis in crs.axis_info} != {"metre"}:
        raise InvalidDatum(
            f"{datum} ({crs.name}) isn't in metres. Convert the set to one that is, such as "
            f"EPSG:4547 or UTM.",
            datum=datum,
        )
    _steps(epsg, 4326)
    return Datum(datum)


@functools.lru_cache(maxsize=256)
def _crs(epsg: int) -> pyproj.CRS:
    return pyproj.CRS.from_epsg(epsg)


@functools.lru_cache(maxsize=256)
def _steps(source: int | str, target: int | str) -> tuple[pyproj.Transformer, ...]:
    """Return the way between two CRS as steps, x first on both sides, with no guess in it.

    PROJ offers a "ballpark" way where no transformation is known, which is silently some 100 m
    off; that is refused. Between CGCS2000 and WGS 84 it is what we want, so both are taken for
    one datum: out of the one's projection to degrees, from degrees into the other's.
    """
    start, end = pyproj.CRS.from_user_input(source), pyproj.CRS.from_user_input(target)
    if _is_wgs84_or_cgcs2000(start) and _is_wgs84_or_cgcs2000(end):
        back = pyproj.Transformer.from_crs(start, start.geodetic_crs, always_xy=True)
        forth = pyproj.Transformer.from_crs(end.geodetic_crs, end, always_xy=True)
        return (back,) * start.is_projected + (forth,) * end.is_projected
    try:
        return (pyproj.Transformer.from_crs(start, end, always_xy=True, allow_ballpark=False),)
    except ProjError as error:
        raise InvalidDatum(
            f"No transformation is known between {start.name} and {end.name}; guessing would be "
            f"off by some 100 m. Convert the set to WGS 84 or CGCS2000 with your survey office's "
            f"parameters first.",
            datum=start.name,
        ) from error


def _is_wgs84_or_cgcs2000(crs: pyproj.CRS) -> bool:
    base = crs.geodetic_crs
    return base is not None and base.to_epsg() in (4326, 4490)
