"""Text to place, place to text."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

AreaLevel = Literal["province", "city", "county", "township", "community"]
CANONICAL_TEXT = Field(
    description="The standard address.", examples=["上海市黄浦区南京东路街道南京东路100号"]
)
LEVEL = Field(description="Finest level that is meant.", examples=["door"])
LON = Field(description="Longitude [degrees, WGS 84].", examples=[121.4869324])
LAT = Field(description="Latitude [degrees, WGS 84].", examples=[31.2371812])
H3_CELL = Field(description="Hexadecimal.", examples=["8c309972a94d1ff"])


class PlaceArea(BaseModel):
    """An administrative area a point lies in."""

    model_config = ConfigDict(from_attributes=True)

    code: str = Field(examples=["310101001001"])
    level: AreaLevel
    name: str = Field(examples=["第一社区"])


class PlaceGrid(BaseModel):
    """The grid a point lies in, and who is in charge of it."""

    model_config = ConfigDict(from_attributes=True)

    grid_code: str = Field(examples=["31010100100100001"])
    name: str = Field(examples=["第一网格"])
    kind: Literal["base", "dedicated"]
    community_code: str
    person_in_charge: str | None
    contact: str | None


class NearestAddress(BaseModel):
    """The standard address nearest to a point."""

    address_id: int
    canonical_text: str = CANONICAL_TEXT
    level: str = LEVEL
    lon: float = LON
    lat: float = LAT
    grid_code: str | None
    distance_m: float = Field(description="On the spheroid [m].", examples=[12.3])
    accuracy_m: float | None = Field(description="Of the address's own point [m].")


class Located(BaseModel):
    """What is at a point on a day."""

    lon: float = LON
    lat: float = LAT
    on: date
    grid: PlaceGrid | None = Field(description="null where no grid holds the point.")
    community: PlaceArea | None
    areas: list[PlaceArea] = Field(description="From the finest to the coarsest.")
    h3_cell: str = H3_CELL
    resolution: int = Field(description="Of the cell.", examples=[12])
    nearest_address: NearestAddress | None = Field(
        description="null where none lies within a kilometre."
    )
