"""Requests of persons about what is kept of them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.dependencies import ID_MAX, SoundText
from api.schemas.geometry import Link
from geo.decisions import NOTE_CHARS_MAX

SubjectRequestKind = Literal["access", "correction", "deletion"]
SubjectRequestStatus = Literal["open", "fulfilled", "refused", "withdrawn"]
Said = Annotated[SoundText, StringConstraints(strip_whitespace=True, max_length=NOTE_CHARS_MAX)]
Reason = Annotated[
    SoundText, StringConstraints(strip_whitespace=True, min_length=1, max_length=NOTE_CHARS_MAX)
]
Short = Annotated[SoundText, StringConstraints(strip_whitespace=True, max_length=60)]


class SubjectRequestReceipt(BaseModel):
    """A request that came in."""

    model_config = ConfigDict(extra="forbid")

    kind: SubjectRequestKind
    resident_id: int | None = Field(
        default=None, ge=1, le=ID_MAX, description="null where nothing is kept of who asks."
    )
    details: Said | None = Field(
        default=None, description="Of a correction: what is wrong. No more than that takes."
    )
    identity_checked: bool = False
    received_on: date = Field(examples=["2026-06-01"])


class SubjectRequestRefusal(BaseModel):
    """Why not; the person is told it."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason


class SubjectCorrection(BaseModel):
    """What is right. A field that isn't named stays; null empties it."""

    model_config = ConfigDict(extra="forbid")

    expected_version: int = Field(ge=1, le=ID_MAX, description="Of the person, as it was seen.")
    name: Short | None = None
    identity_number: Short | None = None
    birth_year: int | None = Field(default=None, ge=0, le=9999)
    phone: Short | None = None


class SubjectRequestRow(BaseModel):
    """One request as the ledger lists it."""

    id: int
    kind: SubjectRequestKind
    resident_id: int | None
    identity_checked: bool
    received_on: date
    received_by: str
    due_on: date
    is_overdue: bool
    status: SubjectRequestStatus
    closed_by: str | None
    closed_at: datetime | None
    outcome: str | None
    refusal_reason: str | None


class SubjectRequest(SubjectRequestRow):
    """One request with what was said."""

    details: str | None
    resident_version: int | None = Field(description="Of the person now, for a correction.")


class SubjectRequestCounts(BaseModel):
    """How many wait."""

    open: int
    overdue: int


class SubjectRequestPage(BaseModel):
    """Requests by number."""

    requests: list[SubjectRequestRow]
    counts: SubjectRequestCounts
    links: list[Link]


class CopiedPerson(BaseModel):
    """What is kept of the person; numbers whole, since they are their own."""

    name: str
    identity_kind: str | None
    identity_number: str | None
    birth_year: int | None
    phone: str | None


class CopiedResidence(BaseModel):
    """Where the person lives or lived."""

    address: str
    kind: str
    household_ref: str | None
    lived_from: date
    lived_to: date | None
    verified_on: date | None
    verified_how: str | None
    source: str


class CopiedFormer(BaseModel):
    """What was recorded before."""

    recorded_from: datetime
    recorded_to: datetime
    name: str | None
    identity_kind: str | None
    birth_year: int | None


class PersonCopy(BaseModel):
    """All that is kept of one person, and nothing of others."""

    request_id: int
    made_at: datetime
    why_kept: str
    person: CopiedPerson
    residences: list[CopiedResidence]
    former: list[CopiedFormer]
