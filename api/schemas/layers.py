"""Answers over places."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from api.schemas.geometry import Polygon


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
