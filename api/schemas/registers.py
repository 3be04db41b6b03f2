"""What the registers share: looks, reports, what a write answers, what a record was."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.dependencies import ID_MAX, SoundText
from api.schemas.geometry import Link

VERSION_MAX = 2**31 - 1
NOTE_MAX = 500
TEXT_MAX = 200

RecordKind = Literal["dwelling", "resident", "residence", "establishment"]
ReportStatus = Literal["open", "mended", "unfounded"]
Text = Annotated[SoundText, StringConstraints(max_length=TEXT_MAX)]
Note = Annotated[SoundText, StringConstraints(max_length=NOTE_MAX)]
AddressNumber = Annotated[
    int, Field(ge=1, le=ID_MAX, description="Number of the standard address.", examples=[1])
]
Version = Annotated[
    int, Field(ge=1, le=VERSION_MAX, description="The version the caller has seen.", examples=[1])
]
AlthoughAlike = Annotated[
    bool,
    Field(description="The caller has looked at what is alike: this is another. Store it."),
]


class Strict(BaseModel):
    """A body in which no field may stand that isn't known."""

    model_config = ConfigDict(extra="forbid")


class Look(Strict):
    """That somebody saw, or was told, that this holds."""

    on: date = Field(description="The day it was looked at.", examples=["2026-06-01"])
    how: Literal["visit", "call", "import"] = "visit"


class Alike(BaseModel):
    """A record that is probably the same thing."""

    record_kind: RecordKind
    record_id: int | None = Field(description="Missing where it lies outside the scope.")
    reason: Literal[
        "identity_number", "credit_code", "address", "address_and_name", "name_and_phone"
    ]


class WriteAnswer(BaseModel):
    """What was stored, and what is still to be done about it. It holds no value of the record."""

    record_kind: RecordKind
    record_id: int
    version: int = Field(description="Counts changes; give it back when changing.")
    missing: list[str] = Field(description="Required fields that are empty.")
    completeness: float = Field(ge=0, le=1, description="Share of required fields filled.")
    due_on: date | None = Field(description="When it is to be looked at again.")
    alike: list[Alike] = Field(description="What looked the same, and was stored all the same.")
    residence_id: int | None = Field(description="Of the residence that was written.")
    replayed: bool = Field(description="This write came before; nothing was stored this time.")


class Verification(Strict):
    """A record was looked at and holds as it is."""

    expected_version: Version
    look: Look


class NewReport(Strict):
    """A record is wrong."""

    note: Annotated[SoundText, StringConstraints(min_length=1, max_length=NOTE_MAX)] = Field(
        description="What is wrong, without naming a person.", examples=["已搬走"]
    )
    field: Annotated[SoundText, StringConstraints(max_length=60)] | None = Field(
        default=None, description="The field it is about.", examples=["use"]
    )


class Report(BaseModel):
    """A record is said to be wrong."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    record_kind: RecordKind
    record_id: int
    field: str | None
    note: str
    reported_by: str
    status: ReportStatus
    settled_by: str | None
    settled_at: datetime | None
    settled_note: str | None
    created_at: datetime


class ReportPage(BaseModel):
    """Reports, by number."""

    reports: list[Report]
    links: list[Link]


class ReportSettling(Strict):
    """What came of a report."""

    mended: bool = Field(description="The record was mended; else it was right.")
    note: Note | None = None


class Quality(BaseModel):
    """How good a record is."""

    missing: list[str] = Field(description="Required fields that are empty.")
    completeness: float = Field(ge=0, le=1, description="Share of required fields filled.")
    verified_on: date | None
    verified_by: str | None
    verified_how: Literal["visit", "call", "import"] | None
    due_on: date = Field(description="When it is to be looked at again.")


class FormerRecord(BaseModel):
    """What a record was until a change; fields about persons are left out."""

    version: int
    recorded_from: datetime
    recorded_to: datetime
    recorded_by: str | None
    was: dict[str, Any]


class RecordHistoryList(BaseModel):
    """What a record was, oldest first; empty where it never changed."""

    history: list[FormerRecord]
