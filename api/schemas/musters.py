"""Musters (一呼百应): units called to a place, what they answered, who has arrived."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from api.dependencies import ID_MAX, Code, SoundText
from api.schemas.registers import Strict
from api.schemas.units import UnitKind, UnitStatus, Word
from geo.musters.answering import DECLINE_MAX
from geo.musters.calling import (
    REASON_MAX,
    UNITS_MAX,
    WITHIN_DEFAULT_M,
    WITHIN_MAX_M,
    WITHIN_MIN_M,
)

Reason = Annotated[SoundText, StringConstraints(min_length=1, max_length=REASON_MAX)]
Number = Annotated[int, Field(ge=1, le=ID_MAX)]
UnitIds = Annotated[list[Number], Field(max_length=UNITS_MAX)]
CallState = Literal["called", "acknowledged", "declined", "arrived", "stood_down"]


class NearestChoice(Strict):
    """Who is called: those who arrive first of the suitable ones."""

    wanted: int = Field(ge=1, le=50, description="How many at most.")
    kinds: Annotated[list[UnitKind], Field(max_length=5)] = Field(
        default=[], description="Only these. Empty: any."
    )
    skills: Annotated[list[Word], Field(max_length=20)] = Field(
        default=[], description="All of them are wanted."
    )
    statuses: Annotated[list[UnitStatus], Field(min_length=1, max_length=5)] = Field(
        default=["free"], description="Only those that do this."
    )


class NewMuster(Strict):
    """Units called to a place: a point, a standard address or a site; named, or the nearest."""

    reason: Reason = Field(description="Why, in a few words; no person's number.")
    lon: float | None = Field(default=None, description="Of the place: longitude [degrees].")
    lat: float | None = Field(default=None, description="Latitude [degrees].")
    datum: Annotated[str, Field(max_length=60)] = "WGS84"
    address_id: Number | None = Field(default=None, description="Or this standard address.")
    site_code: Code | None = Field(default=None, description="Or this station or post.")
    place_name: Annotated[SoundText, StringConstraints(max_length=200)] | None = Field(
        default=None, description="What people call the place. Default: the address, the site."
    )
    unit_ids: UnitIds | None = Field(default=None, description="Who is called.")
    nearest: NearestChoice | None = Field(default=None, description="Or the nearest.")
    incident_id: Number | None = Field(default=None, description="The incident it belongs to.")
    within_m: float = Field(
        default=WITHIN_DEFAULT_M, ge=WITHIN_MIN_M, le=WITHIN_MAX_M,
        description="Who is so near to the place by a position has arrived [m].",
    )  # fmt: skip


class MoreUnits(Strict):
    """Units called to a muster that is open."""

    unit_ids: Annotated[list[Number], Field(min_length=1, max_length=UNITS_MAX)]


class Refusal(Strict):
    """Why a unit can't come."""

    reason: Annotated[SoundText, StringConstraints(min_length=1, max_length=DECLINE_MAX)]


class MusterFigures(BaseModel):
    """How it went, over all units that were called. Silent: neither acknowledged, declined nor
    arrived."""

    called: int
    acknowledged: int
    declined: int
    arrived: int
    silent: int
    first_acknowledged_at: datetime | None
    last_acknowledged_at: datetime | None
    first_arrived_at: datetime | None
    last_arrived_at: datetime | None


class CalledUnit(BaseModel):
    """A unit that was called, and what came of it."""

    unit_id: int
    code: str
    name: str
    kind: UnitKind
    status: UnitStatus
    is_own: bool = Field(description="Whether the caller belongs to it.")
    state: CallState
    called_at: datetime
    acknowledged_at: datetime | None
    declined_at: datetime | None
    decline_reason: str | None
    arrived_at: datetime | None
    arrived_how: Literal["position", "check_in"] | None
    stood_down_at: datetime | None
    distance_m: float | None = Field(
        description="To the place in a straight line [m], while it is awaited; null: its place "
        "isn't known."
    )
    p50_s: float | None = Field(description="Till it is there by road, half of the trips [s].")
    p90_s: float | None = Field(description="The same, nine of ten trips [s].")
    position_state: Literal["fresh", "stale", "unknown"] | None


class MusterSummary(BaseModel):
    """A muster."""

    muster_id: int
    reason: str
    place_name: str | None
    lon: float
    lat: float
    within_m: float
    incident_id: int | None
    called_at: datetime
    called_by: str
    ended_at: datetime | None
    ended_by: str | None
    figures: MusterFigures


class MusterEntry(BaseModel):
    """What happened, and who said so; `position`: the unit's positions."""

    at: datetime
    what: Literal["called", "acknowledged", "declined", "arrived", "stood_down", "ended"]
    unit_id: int | None
    told_by: str
    note: str | None


class Muster(MusterSummary):
    """A muster with those of its units that the caller leads or belongs to, and its log."""

    may_end: bool = Field(description="Whether the caller leads all units that were called.")
    units: list[CalledUnit]
    log: list[MusterEntry]


class MusterList(BaseModel):
    """Musters, the newest first."""

    musters: list[MusterSummary]
