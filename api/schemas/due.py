"""What is due: places, and what is to be looked at there; no person is named."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, Field

from api.schemas.geometry import Link

DueKind = Literal["dwelling", "residence", "establishment"]


class DueRecords(BaseModel):
    """That records of one kind at a place are due. How many isn't said."""

    record_kind: DueKind
    due_on: date = Field(description="The earliest day.")


class DuePlace(BaseModel):
    """A standard address at which something is due."""

    address_id: int
    address_text: str
    street: str = Field(description="The road, else the estate or village.")
    grid_code: str | None
    lon: float | None = Field(description="Degrees, WGS 84; missing where it isn't known.")
    lat: float | None
    due_on: date = Field(description="The earliest day of all.")
    dues: list[DueRecords]
    establishment_names: list[str] = Field(description="Of those that are due, a few of them.")
    distance_m: float | None = Field(description="From the point asked from.")


class DuePage(BaseModel):
    """Places at which something is due, in the order asked for."""

    places: list[DuePlace]
    today: date = Field(description="What is due before this day is overdue.")
    due_by: date
    links: list[Link]


class DueGrid(BaseModel):
    """A grid with places at which something is due."""

    grid_code: str
    name: str | None
    place_count: int
    overdue_count: int = Field(description="Places with something that was due before today.")
    due_on: date = Field(description="The earliest day.")


class DueGridList(BaseModel):
    """Grids with places at which something is due, by code."""

    grids: list[DueGrid]
    today: date
    due_by: date
