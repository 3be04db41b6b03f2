"""Answers over places."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, Field

from api.schemas.geometry import MultiPolygon, Polygon


class DensityProperties(BaseModel):
    """One hexagon."""

    h3_cell: str = Field(examples=["8931ab5a4a3ffff"])
    address_count: int = Field(ge=1, examples=[128])
    resolution: int = Field(ge=0, le=12, examples=[9])


class DensityFeature(BaseModel):
    """One hexagon with its count."""

    type: Literal["Feature"]
    id: str
    geometry: Polygon
    properties: DensityProperties


class AddressDensity(BaseModel):
    """Hexagons with the number of addresses in each, as GeoJSON."""

    type: Literal["FeatureCollection"]
    features: list[DensityFeature]
    resolution: int = Field(description="H3 resolution of the hexagons.", ge=0, le=12)
    zoom: int
    address_count: int = Field(description="Sum over all hexagons shown.")
    unplaced_count: int = Field(
        description="Addresses the caller may see that have no point, so are in no hexagon."
    )
    class_breaks: list[int] = Field(
        description="Lower bounds of the classes; the last class is open.", examples=[[1, 5, 20]]
    )
    class_counts: list[int] = Field(description="Hexagons in each class.", examples=[[12, 30, 4]])
    method: str = Field(description="How this was computed.")


class FreshnessProperties(BaseModel):
    """One grid or hexagon. null is: no record, none looked at, or hidden."""

    place: str = Field(description="Grid code, or H3 cell.")
    name: str | None = Field(description="Of a grid.")
    record_count: int | None = Field(description="null where it is hidden.")
    is_hidden: bool = Field(description="Below k, or hidden so that one below can't be told.")
    verified_share: float | None = Field(description="Looked at, ever.", ge=0, le=1)
    fresh_share: float | None = Field(description="Looked at and not due again.", ge=0, le=1)
    complete_share: float | None = Field(description="With all required fields.", ge=0, le=1)
    median_age_days: float | None = Field(description="Since the last look, of those looked at.")


class FreshnessFeature(BaseModel):
    """One grid or hexagon."""

    type: Literal["Feature"]
    id: str
    geometry: Polygon | MultiPolygon
    properties: FreshnessProperties


class Freshness(BaseModel):
    """Grids or hexagons with how fresh and complete their records are, as GeoJSON."""

    type: Literal["FeatureCollection"]
    features: list[FreshnessFeature]
    records: Literal["dwelling", "establishment", "residence"]
    by: Literal["grid", "h3_cell"]
    resolution: int | None
    on: date
    counted_on: date = Field(description="Of persons: the first of the month.")
    record_count: int | None = Field(description="Of all; null where it is hidden.")
    field_shares: dict[str, float | None] = Field(description="Required field → share that has it.")
    class_breaks: list[float] = Field(description="Lower bounds of the classes of freshness.")
    class_counts: list[int]
    unknown_count: int = Field(description="Without records, or hidden.")
    hidden_count: int
    k: int | None = Field(description="Smallest count of persons that is shown; null of places.")
    method: str = Field(description="How this was computed.")
