"""Administrative areas."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.geometry import Link, MultiPolygon

AreaLevel = Literal["province", "city", "county", "township", "community"]


class AreaSummary(BaseModel):
    """An area, without its border."""

    model_config = ConfigDict(from_attributes=True)

    code: str = Field(examples=["140105"])
    level: AreaLevel
    name: str = Field(examples=["小店区"])
    parent_code: str | None = Field(examples=["140100"])
    aliases: list[str]
    former_names: list[str]
    former_codes: list[str]
    valid_from: date
    valid_to: date | None = Field(description="First day on which it no longer holds.")
    successor_code: str | None = Field(description="What took its place.")


class FoundArea(AreaSummary):
    """An area found by a name."""

    match: Literal["name", "alias", "former_name", "part_of_name"] | None = Field(
        description="Which of its names was found; null where no name was asked for."
    )


class AreaPage(BaseModel):
    """Areas found: by name, best first, or a page of all, by code."""

    areas: list[FoundArea]
    links: list[Link]


class AreaList(BaseModel):
    """Areas, by code."""

    areas: list[AreaSummary]


class AreaProperties(AreaSummary):
    """What an area is, without its border."""

    ancestors: list[AreaSummary] = Field(description="Those above it, the nearest first.")


class AreaFeature(BaseModel):
    """One area, with its border where one is stored."""

    type: Literal["Feature"]
    id: str = Field(examples=["140105"])
    geometry: MultiPolygon | None
    properties: AreaProperties
