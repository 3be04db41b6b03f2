"""The deployment itself."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class LandingLink(BaseModel):
    """A place to go from here."""

    rel: Literal["service-desc", "data", "about", "status"]
    href: str = Field(examples=["/v1/openapi.json"])
    title: str


class Landing(BaseModel):
    """The entrance."""

    title: str
    version: str
    links: list[LandingLink]


class Health(BaseModel):
    """The service is well; where it isn't, the answer is an error."""

    status: Literal["ok"]
    database: Literal["reachable"]
    version: str = Field(examples=["0.1.0"])


class StoreSummary(BaseModel):
    """What the caller may see of the store on a day."""

    model_config = ConfigDict(from_attributes=True)

    is_generated: bool = Field(description="The city is invented, for demonstration.")
    address_count: int = Field(description="Current standard addresses.", examples=[50123])
    unplaced_count: int = Field(description="Those of them without a point.", examples=[0])
    grid_count: int = Field(examples=[60])
    community_count: int = Field(examples=[12])
    open_review_count: int = Field(description="Texts of the review queue that wait.")
    extent: Annotated[list[float], Field(min_length=4, max_length=4)] | None = Field(
        description="West, south, east, north [degrees, WGS 84]; null where nothing is placed.",
        examples=[[121.44, 31.21, 121.5, 31.25]],
    )
    attributions: list[str] = Field(
        description="What a map must name below itself.",
        examples=[["© OpenStreetMap contributors, ODbL 1.0"]],
    )
