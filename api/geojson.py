"""GeoJSON as it is sent: WGS 84, longitude first, seven decimals (about a centimetre).

Source: RFC 7946.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pydantic_core
import shapely
from geoalchemy2.elements import WKBElement
from geoalchemy2.shape import to_shape
from shapely.geometry.base import BaseGeometry
from starlette.responses import JSONResponse

DECIMALS = 7


class GeoJSONResponse(JSONResponse):
    """A GeoJSON document."""

    media_type = "application/geo+json"

    def render(self, content: Any) -> bytes:
        return pydantic_core.to_json(content)


def geometry_of(geom: BaseGeometry | WKBElement | None) -> dict[str, Any] | None:
    """Return a geometry as GeoJSON, None where there is none.

    Parameters
    ----------
    geom : EPSG:4326
    """
    if geom is None:
        return None
    shape = to_shape(geom) if isinstance(geom, WKBElement) else geom
    mapped: dict[str, Any] = shapely.geometry.mapping(shape)
    return {"type": mapped["type"], "coordinates": _rounded(mapped["coordinates"])}


def point_of(lon: float | None, lat: float | None) -> dict[str, Any] | None:
    """Return a point as GeoJSON, None where either is missing."""
    if lon is None or lat is None:
        return None
    return {"type": "Point", "coordinates": [rounded(lon), rounded(lat)]}


def feature(
    feature_id: int | str, geometry: Mapping[str, Any] | None, properties: Mapping[str, Any]
) -> dict[str, Any]:
    """Return one GeoJSON feature."""
    return {
        "type": "Feature",
        "id": feature_id,
        "geometry": geometry,
        "properties": dict(properties),
    }


def feature_collection(features: Iterable[Mapping[str, Any]], **members: Any) -> dict[str, Any]:
    """Return a GeoJSON feature collection with further members of our own."""
    return {"type": "FeatureCollection", "features": list(features), **members}


def rounded(degrees: float) -> float:
    """Return a coordinate as it is sent."""
    return round(degrees, DECIMALS)


def _rounded(coordinates: Any) -> Any:
    if isinstance(coordinates, float | int):
        return round(float(coordinates), DECIMALS)
    return [_rounded(part) for part in coordinates]
