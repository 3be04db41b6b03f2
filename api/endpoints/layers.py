"""Answers over places, for the map."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.dependencies import ReadSession, RequiredFrame, Scope
from api.geojson import GeoJSONResponse, feature, feature_collection, geometry_of
from api.schemas.errors import error_responses
from api.schemas.layers import AddressDensity
from geo.h3_cells import h3_cell_to_text
from layers.address_density import ZOOM_MAX, load_address_density

router = APIRouter(prefix="/layers", tags=["layers"])


@router.get(
    "/address-density",
    operation_id="get_address_density",
    summary="Addresses by H3 cell",
    response_class=GeoJSONResponse,
    response_model=AddressDensity,
    responses=error_responses(),
)
def get_address_density(
    session: ReadSession,
    scope: Scope,
    frame: RequiredFrame,
    zoom: Annotated[
        int,
        Query(
            ge=0, le=ZOOM_MAX, description="Zoom of the map, tiles of 256 pixels.", examples=[14]
        ),
    ],
) -> GeoJSONResponse:
    """At most 5,000 hexagons, as large as the zoom asks for. Hexagons that reach into the frame
    are counted whole, so their numbers stay while the map is dragged."""
    result = load_address_density(session, bbox=frame, zoom=zoom, scope=scope)
    rows = zip(
        result.h3_cells["h3_cell"].tolist(),
        result.h3_cells["address_count"].tolist(),
        result.outlines,
        strict=True,
    )
    return GeoJSONResponse(
        feature_collection(
            (
                feature(
                    h3_cell_to_text(h3_cell),
                    geometry_of(outline),
                    {
                        "h3_cell": h3_cell_to_text(h3_cell),
                        "address_count": address_count,
                        "resolution": result.resolution,
                    },
                )
                for h3_cell, address_count, outline in rows
            ),
            resolution=result.resolution,
            zoom=result.zoom,
            address_count=result.address_count,
            unplaced_count=result.unplaced_count,
            class_breaks=result.class_breaks,
            class_counts=result.class_counts,
            method=result.method,
        )
    )
