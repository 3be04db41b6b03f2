"""Grid drafts for tests: a drawing becomes the grids of a file, numbered as drawn."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import shapely

from geo.grid_draft import GridDraft

COMMUNITY = "140106001005"


def draft(
    geometry: Any,
    *,
    row: int = 1,
    sequence: int = 1,
    grid_code: str | None = None,
    community_code: str | None = COMMUNITY,
    household_count: int | None = None,
) -> GridDraft:
    """A draft that is right unless told otherwise."""
    code = grid_code if grid_code is not None else f"{community_code}{sequence:03}"
    return GridDraft(
        row=row,
        grid_code=code,
        name=f"{sequence}网格",
        kind="base",
        community_code=community_code,
        person_in_charge=None,
        contact=None,
        household_count=household_count,
        geometry=None if geometry is None else shapely.multipolygons(shapely.get_parts(geometry)),
    )


def drafts_of(drawing: dict[str, Any], *, community_code: str = COMMUNITY) -> list[GridDraft]:
    """Drafts of a drawing: numbered in the order of its characters, A is 1."""
    return [
        draft(polygon, row=number, sequence=number, community_code=community_code)
        for number, (_, polygon) in enumerate(sorted(drawing.items()), 1)
    ]


def code(sequence: int, community_code: str = COMMUNITY) -> str:
    return f"{community_code}{sequence:03}"


def standing_frame(
    polygons: dict[str, Any] | None = None, *, community_code: str = "140106001006"
) -> gpd.GeoDataFrame:
    """Grids in force that stay, by code."""
    polygons = polygons or {}
    return gpd.GeoDataFrame(
        {"community_code": [community_code] * len(polygons)},
        index=list(polygons),
        geometry=list(polygons.values()),
        crs="EPSG:4326",
    )


def community_frame(polygons: dict[str, Any] | None = None) -> gpd.GeoDataFrame:
    """Communities stored, by code; the polygon may be None."""
    polygons = polygons or {}
    return gpd.GeoDataFrame(index=list(polygons), geometry=list(polygons.values()), crs="EPSG:4326")
