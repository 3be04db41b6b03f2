"""Text to place, place to text."""

from __future__ import annotations

from fastapi import APIRouter

from api.dependencies import Day, Point, ReadSession, Scope
from api.geojson import rounded
from api.schemas.errors import error_responses
from api.schemas.geocoding import Located, NearestAddress, PlaceArea, PlaceGrid
from geo.h3_cells import STORED_RESOLUTION, h3_cell_to_text
from geo.locating import LocateResult, locate

router = APIRouter(tags=["geocoding"])


@router.get(
    "/locate",
    operation_id="locate",
    summary="What is at a point",
    responses=error_responses(),
)
def locate_point(session: ReadSession, scope: Scope, on: Day, point: Point) -> Located:
    """Grid, areas, H3 cell and the nearest standard address. A point on a border belongs to the
    grid with the smallest code."""
    return _located(locate(session, point, on=on, scope=scope))


def _located(found: LocateResult) -> Located:
    nearest = found.nearest
    return Located(
        lon=rounded(found.lonlat.longitude),
        lat=rounded(found.lonlat.latitude),
        on=found.on,
        grid=None if found.grid is None else PlaceGrid.model_validate(found.grid),
        community=None if found.community is None else PlaceArea.model_validate(found.community),
        areas=[PlaceArea.model_validate(area) for area in found.areas],
        h3_cell=h3_cell_to_text(found.h3_cell),
        resolution=STORED_RESOLUTION,
        nearest_address=None
        if nearest is None
        else NearestAddress(
            address_id=nearest.address_id,
            canonical_text=nearest.canonical_text,
            level=nearest.level,
            lon=rounded(nearest.lonlat.longitude),
            lat=rounded(nearest.lonlat.latitude),
            grid_code=nearest.grid_code,
            distance_m=round(nearest.distance_m, 2),
            accuracy_m=nearest.accuracy_m,
        ),
    )
