"""Where are my people: the board, the nearest units, a replay."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from api.schemas.units import Unit, UnitKind, UnitStatus
from geo.roads.modes import TravelMode


class UnitMember(BaseModel):
    """Who belongs to a unit."""

    name: str
    role: Literal["leader", "member", "driver"]


class BoardUnit(Unit):
    """A unit with its people and its duty."""

    members: list[UnitMember]
    is_on_duty: bool
    starts_at: datetime | None = Field(description="Of the shift that runs, else of the next.")
    ends_at: datetime | None
    status_since: datetime | None


class UnitBoard(BaseModel):
    """The units that the caller leads or belongs to, by code."""

    at: datetime
    units: list[BoardUnit]


class NearUnit(BaseModel):
    """A unit and how far it is."""

    unit_id: int
    code: str
    name: str
    kind: UnitKind
    status: UnitStatus
    skills: list[str]
    distance_m: float = Field(description="In a straight line, on the spheroid [m].")
    at: datetime = Field(description="When it was there.")
    state: Literal["fresh", "stale", "unknown"]
    mode: TravelMode | None = Field(description="By which it comes; null: no time by road.")
    p50_s: float | None = Field(description="Till it is there by road, half of the trips [s].")
    p90_s: float | None = Field(description="The same, nine of ten trips [s].")


class NearUnits(BaseModel):
    """Who is there first, first; then those without a time by road, by the straight line; those
    whose place is older than five minutes last."""

    units: list[NearUnit]


class ReplayUnit(BaseModel):
    """A unit's way in the period."""

    unit_id: int
    code: str
    name: str
    kind: UnitKind
    seconds: list[float] = Field(description="From the start of the period.")
    lon: list[float]
    lat: list[float]


class Replay(BaseModel):
    """Where units were, by code; those of which nothing is known are left out."""

    start: datetime
    end: datetime
    every_s: int
    units: list[ReplayUnit]
