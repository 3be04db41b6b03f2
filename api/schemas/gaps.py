"""The gap board, as it is sent."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from api.schemas.geometry import MultiPolygon, Polygon


class GapCause(BaseModel):
    """A unit that would hold part of the gap if it counted."""

    unit_id: int
    code: str
    name: str
    why_not: Literal["off_duty", "busy", "not_ready", "no_place", "silent"]
    since: datetime | None
    households: float


class ReachGap(BaseModel):
    """A grid some of whose households nobody who counts reaches in time."""

    grid_code: str | None
    grid_name: str | None
    severity: Literal["severe", "middling", "light"]
    households: float
    households_open: float
    key_places_open: float
    cell_count: int
    off_road: float = Field(description="Of the open households, those on no road.")
    since: datetime
    since_start: bool = Field(description="The board began then: it may be older.")
    nearest: str | None
    nearest_s: float | None
    causes: list[GapCause]
    lon: float
    lat: float


class InspectionGapShown(BaseModel):
    """A grid whose dwellings and establishments are due to be looked at."""

    grid_code: str
    grid_name: str | None
    record_count: int
    due_count: int
    since: date


class DoseGapShown(BaseModel):
    """A place that lacks patrols."""

    place_id: str = Field(description="As route plans know it.")
    kind: str = Field(description="`key_place` or `hotspot`.")
    name: str
    grid_code: str | None
    grid_name: str | None
    lon: float
    lat: float
    why: str = Field(description="`nobody` was there, `short` of what is wanted, `unknown`.")
    since: datetime
    is_older: bool = Field(description="It is not looked back farther, so it may be older.")
    missed: int = Field(description="Stretches in a row.")
    missing_min: float | None = Field(description="Of the last of them; key places only.")
    expected: float | None = Field(description="Incidents in the next 4 hours; hot cells only.")
    closed_from: datetime = Field(description="When a stop would close it, from")
    closed_until: datetime


class DoseGaps(BaseModel):
    """Key places first, the longest missed first; then hot cells."""

    gaps: list[DoseGapShown]
    at: datetime
    method: str


class MoveUpShown(BaseModel):
    """A suggestion; a person decides."""

    unit_id: int
    code: str
    name: str
    post: str
    lon: float
    lat: float
    gain: float = Field(description="Households reached in addition.")
    cost: float = Field(description="Households no longer reached meanwhile.")
    way_s: float | None = Field(description="To the post.")


class BoardUnit(BaseModel):
    """A unit on the board."""

    unit_id: int
    code: str
    name: str
    kind: str
    counts: bool
    why_not: str | None
    since: datetime | None
    lon: float | None
    lat: float | None
    place_source: Literal["position", "home"]


class BoardChange(BaseModel):
    """What the stream sends: all that changes, and the cells whose state did."""

    number: int
    at: datetime
    cells: list[list[int | None]] = Field(
        description="Position of the cell, seconds (null: nobody), 1 where it is open."
    )
    households: float
    households_open: float
    gaps: list[ReachGap]
    units: list[BoardUnit]


class BoardCell(BaseModel):
    """A hexagon as far as it lies in one grid."""

    type: Literal["Feature"]
    id: int
    geometry: Polygon | MultiPolygon
    properties: dict[str, Any]


class Board(BaseModel):
    """The whole board, as GeoJSON."""

    type: Literal["FeatureCollection"]
    features: list[BoardCell]
    board: BoardChange
    inspections: list[InspectionGapShown]
    resolution: int
    household_source: Literal["dwellings", "grids", "none"]
    limits_s: dict[str, float] = Field(description="Last ring by kind of unit.")
    network: str
    method: str


class MoveUps(BaseModel):
    """Most gained first, one a unit."""

    move_ups: list[MoveUpShown]
    at: datetime
    method: str


class SlotShare(BaseModel):
    """A grid's open share by slot."""

    grid_code: str
    grid_name: str | None
    open_share: list[float | None]


class GapSlots(BaseModel):
    """Open shares by grid and slot, as the roster has it."""

    slots: list[datetime]
    slot_hours: int
    on_duty: list[int] = Field(description="Units on duty for the whole slot.")
    grids: list[SlotShare]
    method: str
