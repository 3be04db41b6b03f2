"""Lengths and areas in metres on the WGS 84 spheroid, and a projection in metres for a place."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from geo.errors import InvalidInput
from geo.values import LonLat

FloatArray = NDArray[np.float64]
Number = TypeVar("Number", float, FloatArray)

_GEOD = pyproj.Geod(ellps="WGS84")

# 3-degree zones of CGCS2000 by central meridian, without the zone number in the easting:
# EPSG:4534 is 75 E, EPSG:4554 is 135 E. Their EPSG areas of use end with China's territory.
_GK_FIRST_EPSG, _GK_FIRST_MERIDIAN, _GK_LAST_MERIDIAN = 4534, 75, 135
_CHINA_SOUTH, _CHINA_NORTH = 3.0, 54.0


def geodesic_distance_m(lon1: Number, lat1: Number, lon2: Number, lat2: Number) -> Number:
    """Return the shortest distance on the spheroid [m]; floats or arrays; NaN gives NaN.

    Source: Karney 2013, "Algorithms for geodesics" (through PROJ), accurate to nanometres.
    """
    return geodesic_inverse(lon1, lat1, lon2, lat2)[0]


def geodesic_inverse(
    lon1: Number, lat1: Number, lon2: Number, lat2: Number
) -> tuple[Number, Number]:
    """Return distance [m] and bearing at the first point [degrees, 0 is north, 90 is east, < 360].

    Parameters
    ----------
    lon1, lat1, lon2, lat2 : floats or arrays that broadcast, degrees, WGS 84
    """
    parts = np.broadcast_arrays(*(np.asarray(part, float) for part in (lon1, lat1, lon2, lat2)))
    flat = [np.ascontiguousarray(part).ravel() for part in parts]
    # PROJ answers one impossible point with an error for all; a missing one stays missing.
    known = np.logical_and.reduce([np.isfinite(part) for part in flat])
    bearing, distance = np.full(flat[0].shape, np.nan), np.full(flat[0].shape, np.nan)
    if known.any():
        from_x, from_y, to_x, to_y = (part[known] for part in flat)
        azimuth, _, length = _GEOD.inv(from_x, from_y, to_x, to_y)
        bearing[known], distance[known] = np.asarray(azimuth) % 360.0, length
    return _like_given(distance, parts[0].shape), _like_given(bearing, parts[0].shape)


def geodesic_area_m2(geometries: Any) -> FloatArray:
    """Return the area on the spheroid of each polygon [m2], holes taken off, edges geodesics.

    Parameters
    ----------
    geometries : (n,) shapely array, GeoSeries or sequence: valid polygons and multipolygons,
        EPSG:4326, longitude first, either ring direction. Other kinds and empty ones have no
        area; None gives NaN.

    Returns
    -------
    (n,) float64
    """
    array = np.asarray(geometries, dtype=object).ravel()
    missing = shapely.is_missing(array)
    parts, owner = shapely.get_parts(array, return_index=True)
    is_polygon = shapely.get_type_id(parts) == shapely.GeometryType.POLYGON
    parts, owner = parts[is_polygon], owner[is_polygon]
    rings, ring_part = shapely.get_rings(parts, return_index=True)
    # The first ring of a polygon is its shell, whatever way it turns; the others are holes.
    is_shell = np.ones(len(rings), dtype=bool)
    is_shell[1:] = ring_part[1:] != ring_part[:-1]
    sizes = np.array([_ring_area_m2(ring) for ring in rings], dtype=float)
    areas = np.bincount(
        owner[ring_part], weights=np.where(is_shell, sizes, -sizes), minlength=len(array)
    ).astype(float)
    areas[missing] = np.nan
    return areas


def geodesic_length_m(lines: Any) -> FloatArray:
    """Return the length on the spheroid of each line [m]; polygons answer their perimeter.

    Parameters
    ----------
    lines : (n,) shapely array, GeoSeries or sequence, EPSG:4326; None gives NaN

    Returns
    -------
    (n,) float64
    """
    array = np.asarray(lines, dtype=object).ravel()
    missing = shapely.is_missing(array)
    parts, part_owner = shapely.get_parts(array, return_index=True)
    rings, ring_owner = shapely.get_rings(parts, return_index=True)
    is_line = shapely.get_dimensions(parts) == 1
    pieces = np.concatenate([parts[is_line], rings])
    owner = np.concatenate([part_owner[is_line], part_owner[ring_owner]])
    coordinates, piece = shapely.get_coordinates(pieces, return_index=True)
    lengths = np.zeros(len(array))
    if len(coordinates) > 1:
        same = piece[1:] == piece[:-1]
        start, end = coordinates[:-1][same], coordinates[1:][same]
        steps = geodesic_distance_m(start[:, 0], start[:, 1], end[:, 0], end[:, 1])
        lengths += np.bincount(owner[piece[1:][same]], weights=steps, minlength=len(array))
    lengths[missing] = np.nan
    return lengths


def local_metric_crs(lon: float, lat: float) -> pyproj.CRS:
    """Return a named projection in metres that fits a place of up to some 100 km.

    Between 73.5 and 136.5 east, 3 and 54 north: the 3-degree Gauss-Kruger zone of CGCS2000 whose
    central meridian is nearest (EPSG:4534-4554; lengths within 0.035 %). Elsewhere the UTM zone
    (EPSG:326nn, 327nn; within 0.1 %), and beyond 84 north or 80 south the polar stereographic
    one (EPSG:5041, 5042).

    Raises
    ------
    InvalidCoordinate : the place is none
    """
    place = LonLat(lon, lat)
    lon, lat = place.longitude, place.latitude
    first, last = _GK_FIRST_MERIDIAN - 1.5, _GK_LAST_MERIDIAN + 1.5
    if first <= lon < last and _CHINA_SOUTH <= lat <= _CHINA_NORTH:
        epsg = _GK_FIRST_EPSG + int((lon - first) // 3)
    elif lat > 84:
        epsg = 5041
    elif lat < -80:
        epsg = 5042
    else:
        zone = min(int((lon + 180) // 6), 59) + 1
        epsg = (32600 if lat >= 0 else 32700) + zone
    return _crs(epsg)


def to_local_metres(
    geometries: Any, crs: pyproj.CRS | None = None
) -> tuple[NDArray[np.object_], pyproj.CRS]:
    """Return geometries in metres and the projection used: x east, y north.

    Parameters
    ----------
    geometries : (n,) shapely array, EPSG:4326
    crs : the projection; by default `local_metric_crs` of the middle of their bounds

    Raises
    ------
    InvalidInput : there is nothing to find the middle of
    """
    array = np.asarray(geometries, dtype=object)
    if crs is None:
        west, south, east, north = shapely.total_bounds(array)
        if not np.isfinite(west):
            raise InvalidInput(
                "There is no geometry to find a local projection for: all are empty or missing. "
                "Name the projection."
            )
        crs = local_metric_crs(float(west + east) / 2, float(south + north) / 2)
    forward = _from_lonlat(crs.to_wkt())
    moved = shapely.transform(
        array, lambda xy: np.column_stack(forward.transform(xy[:, 0], xy[:, 1]))
    )
    return np.asarray(moved, dtype=object), crs


def bearing_to_compass(bearing_deg: float) -> str:
    """Return N, NE, E, … for a bearing [degrees]."""
    names: Sequence[str] = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")
    return names[round(bearing_deg / 45.0) % 8]


def _like_given(values: FloatArray, shape: tuple[int, ...]) -> Any:
    return float(values[0]) if shape == () else values.reshape(shape)


def _ring_area_m2(ring: Any) -> float:
    coordinates = shapely.get_coordinates(ring)
    area, _ = _GEOD.polygon_area_perimeter(coordinates[:, 0], coordinates[:, 1])
    return abs(float(area))


@functools.cache
def _crs(epsg: int) -> pyproj.CRS:
    return pyproj.CRS.from_epsg(epsg)


@functools.lru_cache(maxsize=64)
def _from_lonlat(wkt: str) -> pyproj.Transformer:
    """Unlike `Transformer.from_crs(4326, …)` this takes CGCS2000 for WGS 84, as all here does."""
    crs = pyproj.CRS.from_wkt(wkt)
    geodetic = crs.geodetic_crs
    assert geodetic is not None, "a projected CRS stands on a geodetic one"
    return pyproj.Transformer.from_crs(geodetic, crs, always_xy=True)
