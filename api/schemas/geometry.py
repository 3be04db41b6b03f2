"""GeoJSON, as far as it is sent: RFC 7946, WGS 84, longitude first."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

Position = Annotated[
    list[float], Field(min_length=2, max_length=2, description="Longitude, latitude [degrees].")
]
Ring = Annotated[list[Position], Field(min_length=4)]


class Point(BaseModel):
    """One place."""

    type: Literal["Point"]
    coordinates: Position = Field(examples=[[121.4737, 31.2304]])


class Polygon(BaseModel):
    """An area; the first ring is its border, the others are holes."""

    type: Literal["Polygon"]
    coordinates: list[Ring]


class MultiPolygon(BaseModel):
    """An area in several pieces."""

    type: Literal["MultiPolygon"]
    coordinates: list[list[Ring]]


class Link(BaseModel):
    """A link to this page or the next, relative to the server."""

    rel: Literal["self", "next"]
    href: str = Field(examples=["/v1/addresses?limit=100&after=100"])
