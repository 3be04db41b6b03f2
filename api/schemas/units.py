"""Patrol units, their duty and devices, and where they are."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, RootModel, StringConstraints

from api.dependencies import Code, SoundText
from api.schemas.roads import Place

UnitKind = Literal["foot", "car", "motorcycle", "volunteer", "emergency_unit"]
UnitStatus = Literal["free", "en_route", "on_scene", "busy", "off"]
Word = Annotated[SoundText, StringConstraints(min_length=1, max_length=80)]


class Unit(BaseModel):
    """A patrol unit (巡逻力量)."""

    unit_id: int
    code: str
    name: str
    kind: UnitKind
    grid_codes: list[str] = Field(description="Grids it is assigned to.")
    skills: list[str]
    kit: list[str]
    status: UnitStatus


class UnitList(BaseModel):
    """Units, by code."""

    units: list[Unit]


class NewUnit(BaseModel):
    """A unit to be made."""

    model_config = ConfigDict(extra="forbid")

    code: Word
    name: Word
    kind: UnitKind
    grid_codes: Annotated[list[Code], Field(min_length=1, max_length=500)]
    skills: Annotated[list[Word], Field(max_length=50)] = []
    kit: Annotated[list[Word], Field(max_length=50)] = []
    home: Place | None = Field(default=None, description="Where it sets out from, WGS 84.")


class NewStatus(BaseModel):
    """What a unit does from now on."""

    model_config = ConfigDict(extra="forbid")

    status: UnitStatus


class NewShift(BaseModel):
    """A planned stretch of duty. Positions are stored within shifts only."""

    model_config = ConfigDict(extra="forbid")

    starts_at: AwareDatetime
    ends_at: AwareDatetime


class Shift(BaseModel):
    """A stretch of duty, [starts_at, ends_at)."""

    shift_id: int
    unit_id: int
    starts_at: datetime
    ends_at: datetime


class DutyEnd(BaseModel):
    """How many shifts were ended."""

    ended: int


class NewDevice(BaseModel):
    """A phone or tracker of a unit."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[SoundText, StringConstraints(min_length=1, max_length=128)] | None = Field(
        default=None,
        description="What the device calls itself. Messages under another name are dropped. "
        "Missing: any name.",
    )
    rank: int = Field(
        default=0, ge=0, le=7, description="Of several devices of a unit the least is believed."
    )


class NewDeviceToken(BaseModel):
    """A device's token, shown once."""

    device_id: int
    token: str = Field(description="Sends positions of this unit, and does nothing else.")


class DeviceState(BaseModel):
    """How a device does."""

    device_id: int
    name: str | None
    rank: int
    skew_s: float = Field(description="What its clock lags behind ours [s]; 0 within bounds.")
    ended_at: datetime | None
    dropped: dict[str, int] = Field(description="Fixes not kept in the last 7 days, by reason.")


class UnitDetail(Unit):
    """A unit with its devices."""

    version: int = Field(description="Counts changes: who changes it says the one they have seen.")
    home: Place | None = Field(description="Where it sets out from.")
    drilled_on: date | None = Field(description="Its last drill.")
    ended_at: datetime | None
    devices: list[DeviceState]


class TrackPoint(BaseModel):
    """Where a unit was."""

    at: datetime
    lon: float
    lat: float
    accuracy_m: float | None
    speed_mps: float | None
    device_id: int


class Track(BaseModel):
    """Where a unit was in a period, by time."""

    unit_id: int
    positions: list[TrackPoint]


class LatestPositions(BaseModel):
    """The newest position of each unit, as GeoJSON. `state` by age: fresh, stale after 1 min,
    unknown after 5."""

    type: Literal["FeatureCollection"]
    features: list[dict[str, Any]]


class LivePosition(BaseModel):
    """A unit that moved."""

    unit_id: int
    at: datetime
    lon: float
    lat: float
    accuracy_m: float | None = None
    speed_mps: float | None = None
    course_deg: float | None = None
    battery_share: float | None = None
    alarm: str | None = None


class LivePositions(RootModel[list[LivePosition]]):
    """The data of an event `positions`."""


class IntakeAnswer(BaseModel):
    """What became of a message. OwnTracks gets an empty list in its place."""

    stored: int
    dropped: dict[str, int] = Field(description="Fixes not kept, by reason.")
