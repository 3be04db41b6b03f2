"""GeoJSON as it is sent: WGS 84, longitude first, seven decimals (about a centimetre).

Source: RFC 7946.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pydantic_core
import shapely
from geoalchemy2.elements import WKBElement
from geoalchemy2.shape import to_shape
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry
from starlette.responses import JSONResponse

DECIMALS = 7


class GeoJSONResponse(JSONResponse):
    """A GeoJSON document."""

    media_type = "application/geo+json"

    def render(self, content: Any) -> bytes:
        """Return the text of a document; one that is text already stays."""
        return content if isinstance(content, bytes) else pydantic_core.to_json(content)


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


def geometry_texts(geometries: NDArray[np.object_]) -> list[str]:
    """Return geometries as the text of GeoJSON, many at once.

    Parameters
    ----------
    geometries : (n,) EPSG:4326
    """
    short = shapely.transform(geometries, lambda degrees: np.round(degrees, DECIMALS))
    return list(shapely.to_geojson(short))


def feature_collection_text(features: Iterable[bytes], **members: Any) -> bytes:
    """Return the text of a feature collection of features that are text already."""
    more = pydantic_core.to_json(members)[1:]
    return b'{"type":"FeatureCollection","features":[' + b",".join(features) + b"]," + more


def rounded(degrees: float) -> float:
    """Return a coordinate as it is sent."""
    return round(degrees, DECIMALS)


def _rounded(coordinates: Any) -> Any:
    if isinstance(coordinates, float | int):
        return round(float(coordinates), DECIMALS)
    return [_rounded(part) for part in coordinates]
