"""What a feature of the base map is, and from which zoom on it is drawn.

Words are OpenStreetMap's (`highway`, `building`, `natural`, `landuse`, `leisure`, `amenity`), to
which the files of other makers are mapped by the same words.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import shapely
from numpy.typing import NDArray

# Zoom from which a class of road is drawn. Links follow their road by one zoom.
ROAD_MIN_ZOOM: Mapping[str, int] = {
    "motorway": 6,
    "trunk": 7,
    "primary": 9,
    "secondary": 11,
    "tertiary": 12,
    "rail": 12,
    "light_rail": 13,
    "subway": 13,
    "tram": 14,
    "narrow_gauge": 14,
    "monorail": 14,
    "funicular": 14,
    "unclassified": 13,
    "residential": 13,
    "road": 13,
    "busway": 13,
    "living_street": 14,
    "pedestrian": 14,
    "service": 14,
    "track": 15,
    "cycleway": 15,
    "footway": 16,
    "path": 16,
    "steps": 16,
    "bridleway": 16,
    "corridor": 17,
}
# What a `highway` tag may say of a road that isn't there.
NOT_A_ROAD = frozenset(
    {"proposed", "construction", "abandoned", "razed", "disused", "planned", "platform",
     "raceway", "ferry", "pier", "aerialway", "rest_area", "services", "elevator", "no",
     "via_ferrata", "bus_stop"}
)  # fmt: skip

WATER_CLASSES = frozenset(
    {"water", "river", "riverbank", "stream", "canal", "lake", "pond", "reservoir", "basin", "dock",
     "bay", "strait", "ocean", "sea", "swimming_pool", "fountain", "wetland", "drain", "ditch"}
)  # fmt: skip
# Lines of water are drawn, too; which ones from where.
WATERWAY_MIN_ZOOM: Mapping[str, int] = {
    "river": 9,
    "canal": 11,
    "stream": 13,
    "drain": 15,
    "ditch": 15,
}
GREEN_CLASSES = frozenset(
    {"park", "garden", "grass", "forest", "wood", "natural_wood", "meadow", "orchard", "vineyard",
     "farmland", "village_green", "recreation_ground", "cemetery", "nature_reserve", "scrub",
     "heath", "grassland", "golf_course", "pitch", "allotments", "plant_nursery", "common",
     "playground", "protected_area"}
)  # fmt: skip
# Ground of other uses, drawn as a tint beneath the buildings.
BUILT_CLASSES = frozenset(
    {"residential", "commercial", "retail", "industrial", "railway", "education", "civic",
     "school", "university", "college", "kindergarten", "hospital", "construction", "military"}
)  # fmt: skip
PLACE_MIN_ZOOM: Mapping[str, int] = {
    "city": 8,
    "town": 9,
    "district": 10,
    "suburb": 11,
    "quarter": 12,
    "village": 12,
    "university": 13,
    "hospital": 13,
    "station": 13,
    "neighbourhood": 13,
    "hamlet": 13,
    "locality": 14,
    "isolated_dwelling": 15,
    "police": 14,
    "fire_station": 14,
    "townhall": 14,
    "school": 14,
    "park": 14,
    "works": 15,
    "mall": 15,
    "marketplace": 15,
    "estate": 15,
    "office": 15,
}
_OTHER_PLACE_ZOOM = 16
HOUSE_NUMBER_ZOOM = 17
_BUILDING_ZOOM, _LARGE_BUILDING_ZOOM, _LARGE_BUILDING_M2 = 15, 14, 2_500.0
# An area is drawn once it covers this many pixels of a 256-pixel tile.
_AREA_PIXELS = 24.0
_AREA_ZOOMS = (5, 14)
_PIXEL_M_AT_ZOOM_0 = 40_075_016.686 / 256
_METRES_PER_DEGREE = 111_320.0


def road_min_zoom(road_class: str) -> int | None:
    """The zoom from which a road of this class is drawn; None: it is no road to be drawn."""
    name = road_class.lower()
    if name in NOT_A_ROAD:
        return None
    if name.endswith("_link"):
        return ROAD_MIN_ZOOM.get(name.removesuffix("_link"), 13) + 1
    return ROAD_MIN_ZOOM.get(name, 14)


def area_min_zoom(kind: str, geometries: NDArray[np.object_]) -> NDArray[np.int16]:
    """The zoom from which areas are drawn, by their size: buildings late, water and green early.

    Parameters
    ----------
    kind : building, water, green or land
    geometries : (n,) in EPSG:4326
    """
    area_m2 = approximate_area_m2(geometries)
    if kind == "building":
        zoom = np.where(area_m2 >= _LARGE_BUILDING_M2, _LARGE_BUILDING_ZOOM, _BUILDING_ZOOM)
        return np.asarray(zoom, dtype=np.int16)
    low, high = _AREA_ZOOMS
    with np.errstate(divide="ignore"):
        # Web Mercator stretches by one over the cosine of the latitude.
        side_pixels_at_0 = np.sqrt(area_m2) / np.cos(_middle(geometries)) / _PIXEL_M_AT_ZOOM_0
        zoom = np.ceil(np.log2(np.sqrt(_AREA_PIXELS) / side_pixels_at_0))
    return np.asarray(np.clip(zoom, low, high), dtype=np.int16)


def approximate_area_m2(geometries: NDArray[np.object_]) -> NDArray[np.float64]:
    """Areas good to a few per cent, for drawing: degrees scaled at the middle of each feature."""
    square_degrees = shapely.area(geometries)
    return np.asarray(square_degrees * _METRES_PER_DEGREE**2 * np.cos(_middle(geometries)))


def _middle(geometries: NDArray[np.object_]) -> NDArray[np.float64]:
    """Latitude of the middle of each [radians]."""
    bounds = shapely.bounds(geometries)
    return np.asarray(np.radians((bounds[:, 1] + bounds[:, 3]) / 2))


def place_min_zoom(place_class: str) -> int:
    """The zoom from which a place of this class is drawn."""
    return PLACE_MIN_ZOOM.get(place_class.lower(), _OTHER_PLACE_ZOOM)
