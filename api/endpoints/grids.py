"""Community grids, on a day."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from geopandas import GeoDataFrame

from api import paging
from api.dependencies import Code, Day, Frame, OperatorScope, ReadSession, Scope
from api.geojson import GeoJSONResponse, feature, feature_collection, geometry_of
from api.schemas.errors import error_responses
from api.schemas.grids import (
    GridFeature,
    GridH3Cells,
    GridNeighbour,
    GridPage,
    GridProperties,
    GridShare,
    GridVersion,
    GridVersionList,
    H3CellGrids,
    H3CellShare,
)
from geo.crosswalk import CROSSWALK_RESOLUTIONS, grid_to_h3_cells, h3_cell_to_grids
from geo.grids import get_grid, grid_neighbours, list_grid_versions, load_grids
from geo.h3_cells import h3_cell_to_text, parse_h3_cell

router = APIRouter(tags=["grids"])

Resolution = Annotated[
    int,
    Query(
        ge=0,
        le=15,
        description=f"H3 resolution; kept are {CROSSWALK_RESOLUTIONS[0]} and "
        f"{CROSSWALK_RESOLUTIONS[1]}.",
    ),
]
H3CellText = Annotated[
    str, Path(max_length=20, description="Hexadecimal.", examples=["8a309972a977fff"])
]
GridCode = Annotated[Code, Path(description="Code of the grid.", examples=["31010100100100001"])]


@router.get(
    "/grids",
    operation_id="list_grids",
    summary="Grids in a frame or community",
    response_class=GeoJSONResponse,
    response_model=GridPage,
    responses=error_responses(),
)
def list_grids(
    request: Request,
    session: ReadSession,
    scope: Scope,
    on: Day,
    frame: Frame,
    page: paging.Page,
    community: Annotated[
        Code | None, Query(description="Code of the community.", examples=["310101001001"])
    ] = None,
    after: Annotated[Code | None, Query(description="Code of the last grid had so far.")] = None,
) -> GeoJSONResponse:
    """The grids that hold on the day, by code, with their borders."""
    grids = load_grids(
        session,
        on=on,
        scope=scope,
        community_codes=None if community is None else [community],
        bbox=frame,
        after=after or "",
        limit=page.probe,
    )
    shown = grids.iloc[: page.limit]
    last = shown.index[-1] if len(grids) > page.limit else None
    return GeoJSONResponse(
        feature_collection(_features(shown), links=paging.links(request, after=last))
    )


@router.get(
    "/grids/{grid_code}",
    operation_id="get_grid",
    summary="One grid",
    response_class=GeoJSONResponse,
    response_model=GridFeature,
    responses=error_responses(404),
)
def get_one_grid(
    session: ReadSession, scope: Scope, on: Day, grid_code: GridCode
) -> GeoJSONResponse:
    """The grid that bore the code on the day, with its border."""
    grid = get_grid(session, grid_code, on=on, scope=scope)
    properties = GridProperties.model_validate(grid, from_attributes=True)
    return GeoJSONResponse(feature(grid.grid_code, geometry_of(grid.geom), properties.model_dump()))


@router.get(
    "/grids/{grid_code}/neighbours",
    operation_id="list_grid_neighbours",
    summary="The grids beside one",
    responses=error_responses(404),
)
def list_grid_neighbours(
    session: ReadSession, scope: Scope, on: Day, grid_code: GridCode
) -> list[GridNeighbour]:
    """Longest shared border first."""
    found = grid_neighbours(session, grid_code, on=on, scope=scope)
    return [GridNeighbour.model_validate(neighbour) for neighbour in found]


@router.get(
    "/grids/{grid_code}/h3-cells",
    operation_id="list_grid_h3_cells",
    summary="The H3 cells of a grid",
    responses=error_responses(404),
)
def list_grid_h3_cells(
    session: ReadSession,
    scope: Scope,
    on: Day,
    grid_code: GridCode,
    resolution: Resolution = CROSSWALK_RESOLUTIONS[-1],
) -> GridH3Cells:
    """Every cell the grid shares ground with, and how much of each lies in the other."""
    shares = grid_to_h3_cells(session, grid_code, resolution, on=on, scope=scope)
    return GridH3Cells(
        grid_code=grid_code,
        resolution=resolution,
        h3_cells=[
            H3CellShare(
                h3_cell=h3_cell_to_text(share.h3_cell),
                share_of_grid=share.share_of_grid,
                share_of_h3_cell=share.share_of_h3_cell,
            )
            for share in shares
        ],
    )


@router.get(
    "/h3-cells/{h3_cell}/grids",
    operation_id="list_h3_cell_grids",
    summary="The grids of an H3 cell",
    responses=error_responses(404),
)
def list_h3_cell_grids(
    session: ReadSession, scope: Scope, on: Day, h3_cell: H3CellText
) -> H3CellGrids:
    """Every grid the cell shares ground with, the largest share of the cell first."""
    number = parse_h3_cell(h3_cell)
    shares = h3_cell_to_grids(session, number, on=on, scope=scope)
    return H3CellGrids(
        h3_cell=h3_cell_to_text(number),
        grids=[GridShare.model_validate(share) for share in shares],
    )


@router.get(
    "/grid-versions",
    operation_id="list_grid_versions",
    summary="The imports of grids",
    responses=error_responses(404),
)
def list_versions(session: ReadSession, _scope: OperatorScope, on: Day) -> GridVersionList:
    """Newest first, with how many of its grids hold on the day."""
    return GridVersionList(
        grid_versions=[
            GridVersion.model_validate(version) for version in list_grid_versions(session, on=on)
        ]
    )


def _features(grids: GeoDataFrame) -> list[dict[str, Any]]:
    columns = [name for name in GridProperties.model_fields if name != "grid_code"]
    rows = grids[columns].astype(object).where(grids[columns].notna(), None).to_dict("records")
    return [
        feature(str(code), geometry_of(border), {"grid_code": str(code), **row})
        for code, border, row in zip(grids.index, grids.geometry, rows, strict=True)
    ]
