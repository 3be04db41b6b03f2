"""Community grids."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.geometry import Link, MultiPolygon

GridKind = Literal["base", "dedicated"]
GRID_CODE = Field(description="Code of the grid (网格编码).", examples=["31010100100100001"])


class GridProperties(BaseModel):
    """What a grid is, without its border."""

    grid_code: str = GRID_CODE
    name: str = Field(examples=["南京东路第一网格"])
    kind: GridKind = Field(description="base: 基础网格; dedicated: 专属网格, a campus or market.")
    community_code: str = Field(examples=["310101001001"])
    person_in_charge: str | None = Field(description="网格员 or 网格长.", examples=["甲某"])
    household_count: int | None = Field(examples=[412])
    area_m2: float = Field(description="On the spheroid.", examples=[84213.5])
    valid_from: date
    valid_to: date | None = Field(description="First day on which it no longer holds.")


class GridFeature(BaseModel):
    """One grid with its border."""

    type: Literal["Feature"]
    id: str = GRID_CODE
    geometry: MultiPolygon
    properties: GridProperties


class GridPage(BaseModel):
    """A page of grids, by code, as GeoJSON."""

    type: Literal["FeatureCollection"]
    features: list[GridFeature]
    links: list[Link]


class GridNeighbour(BaseModel):
    """A grid that shares border with another."""

    model_config = ConfigDict(from_attributes=True)

    grid_code: str = GRID_CODE
    name: str
    border_m: float = Field(description="Length of the shared border [m].")


SHARE_OF_GRID = Field(description="Share of the grid's area in the cell.", ge=0, le=1.000001)
SHARE_OF_H3_CELL = Field(description="Share of the cell's area in the grid.", ge=0, le=1.000001)


class H3CellShare(BaseModel):
    """A cell of a grid."""

    h3_cell: str = Field(description="Hexadecimal.", examples=["8a309972a977fff"])
    share_of_grid: float = SHARE_OF_GRID
    share_of_h3_cell: float = SHARE_OF_H3_CELL


class GridH3Cells(BaseModel):
    """The H3 cells a grid shares ground with; their shares of the grid add up to 1."""

    grid_code: str = GRID_CODE
    resolution: int
    h3_cells: list[H3CellShare]


class GridShare(BaseModel):
    """A grid of a cell."""

    model_config = ConfigDict(from_attributes=True)

    grid_code: str = GRID_CODE
    share_of_grid: float = SHARE_OF_GRID
    share_of_h3_cell: float = SHARE_OF_H3_CELL


class H3CellGrids(BaseModel):
    """The grids a cell shares ground with."""

    h3_cell: str
    grids: list[GridShare]


class GridVersion(BaseModel):
    """One import of grids."""

    model_config = ConfigDict(from_attributes=True)

    version_id: int
    valid_from: date
    grid_count: int = Field(description="Grids it brought.")
    in_force_count: int = Field(description="Those of them that hold on the day asked for.")
    source: str
    file_name: str | None
    note: str | None
    imported_at: datetime


class GridVersionList(BaseModel):
    """All imports of grids, newest first."""

    grid_versions: list[GridVersion]
