"""Incidents: what is recorded, and what of the place a caller may see."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.dependencies import SoundText
from api.schemas.geometry import Point

IncidentSource = Literal["resident_reported", "officer_initiated", "sensor", "transferred"]
IncidentStatus = Literal["open", "closed", "annulled"]
CATEGORY_CHARS_MAX = 80
ADDRESS_CHARS_MAX = 200


class IncidentCategory(BaseModel):
    """One kind of incident in the tree."""

    code: str = Field(examples=["theft"])
    parent_code: str | None
    name: str = Field(examples=["盗窃"])
    name_en: str | None
    is_repeat_flagged: bool = Field(description="Earlier ones at a place are pointed out.")


class IncidentCategories(BaseModel):
    """The tree of categories."""

    categories: list[IncidentCategory]


class Incident(BaseModel):
    """One incident. Where `is_exact` is false, the category keeps the point from the caller's
    role: only the grid and a coarse cell are told."""

    id: int
    category_code: str
    source: IncidentSource
    status: IncidentStatus
    reported_at: datetime
    occurred_from: datetime
    occurred_to: datetime
    dispatched_at: datetime | None
    arrived_at: datetime | None
    cleared_at: datetime | None
    is_exact: bool
    point: Point | None
    accuracy_m: float | None
    address_text: str | None
    standard_address_id: int | None
    establishment_id: int | None
    grid_code: str | None
    h3_cell: str | None
    version: int


class EarlierIncident(BaseModel):
    """An earlier incident at the same place."""

    id: int
    category_code: str
    status: IncidentStatus
    occurred_from: datetime


class IncidentVersion(BaseModel):
    """What an incident was until a change."""

    version: int
    status: str
    until: datetime


class IncidentDetail(Incident):
    """One incident, with what was at its place before."""

    earlier_at_place: list[EarlierIncident] = Field(
        description="At the same address or within 30 m, the latest first, at most 20."
    )
    is_repeat_flagged: bool = Field(description="This kind repeats here, and one isn't closed.")
    likely_duplicates: list[int] = Field(
        description="Numbers of incidents within 50 m and an hour: perhaps the same."
    )
    history: list[IncidentVersion]


class IncidentPage(BaseModel):
    """A page of incidents."""

    incidents: list[Incident]
    links: list[dict[str, str]]


class IncidentDraft(BaseModel):
    """An incident as it is reported: a point, an address, or both."""

    model_config = ConfigDict(extra="forbid")

    category_code: Annotated[SoundText, Field(min_length=1, max_length=CATEGORY_CHARS_MAX)]
    source: IncidentSource = "resident_reported"
    reported_at: AwareDatetime = Field(description="With its zone.")
    occurred_from: AwareDatetime | None = Field(None, description="Default: when reported.")
    occurred_to: AwareDatetime | None = Field(None, description="Default: when it began.")
    address_text: Annotated[SoundText, Field(max_length=ADDRESS_CHARS_MAX)] | None = None
    lon: float | None = Field(None, description="Degrees, or easting [m], in `datum`.")
    lat: float | None = None
    datum: Annotated[str, Field(max_length=60)] = "WGS84"


class IncidentStatusChange(BaseModel):
    """A new status, based on a version that was seen."""

    model_config = ConfigDict(extra="forbid")

    status: IncidentStatus
    version: int = Field(ge=1)
