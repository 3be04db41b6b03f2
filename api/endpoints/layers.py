"""Answers over places, for the map."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

import pandas as pd
from fastapi import APIRouter, Query

from api.dependencies import Day, ReadSession, RequiredFrame, Scope, SettingsDep
from api.geojson import GeoJSONResponse, feature, feature_collection, geometry_of
from api.schemas.errors import error_responses
from api.schemas.layers import AddressDensity, Freshness
from geo.h3_cells import h3_cell_to_text
from layers.address_density import ZOOM_MAX, load_address_density
from layers.freshness import RESOLUTIONS, SHARE_BREAKS, FreshnessResult, load_freshness

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


@router.get(
    "/freshness",
    operation_id="get_freshness",
    summary="How fresh and complete the registers are",
    response_class=GeoJSONResponse,
    response_model=Freshness,
    responses=error_responses(),
)
def get_freshness(
    session: ReadSession,
    scope: Scope,
    settings: SettingsDep,
    on: Day,
    records: Annotated[
        Literal["dwelling", "establishment", "residence"],
        Query(description="Whose; residences are records of persons, and by grid only."),
    ] = "dwelling",
    by: Annotated[Literal["grid", "h3_cell"], Query(description="Places to sum over.")] = "grid",
    resolution: Annotated[
        int, Query(ge=RESOLUTIONS[0], le=RESOLUTIONS[1], description="Of hexagons.")
    ] = 9,
) -> GeoJSONResponse:
    """Of the caller's grids. Small counts of persons are hidden, and what would tell them."""
    result = load_freshness(
        session,
        records=records,
        by=by,
        on=on,
        scope=scope,
        k=settings.small_number_k,
        resolution=resolution,
    )
    return GeoJSONResponse(
        feature_collection(
            (
                feature(each["place"], geometry_of(outline), each)
                for each, outline in zip(_places(result), result.outlines, strict=True)
            ),
            records=result.records,
            by=result.by,
            resolution=result.resolution,
            on=result.on.isoformat(),
            counted_on=result.counted_on.isoformat(),
            record_count=result.record_count,
            field_shares=result.field_shares,
            class_breaks=SHARE_BREAKS,
            class_counts=result.class_counts,
            unknown_count=result.unknown_count,
            hidden_count=result.hidden_count,
            k=result.k,
            method=result.method,
        )
    )


def _places(result: FreshnessResult) -> Iterator[dict[str, Any]]:
    names: Sequence[str | None] = result.names or [None] * len(result.places)
    rows = result.places.to_dict(orient="records")
    for place, name, row in zip(result.places.index, names, rows, strict=True):
        values = {str(key): None if pd.isna(value) else value for key, value in row.items()}
        count = values.pop("record_count")
        yield {
            "place": str(place) if result.by == "grid" else h3_cell_to_text(int(place)),
            "name": name,
            "record_count": None if count is None else int(count),
            "is_hidden": count is None,
            **values,
        }
