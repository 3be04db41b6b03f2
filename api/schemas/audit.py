"""The audit log as its administrator sees it."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.geometry import Link


class AuditEntry(BaseModel):
    """Who did what to which object, when, from where and why; never a value."""

    model_config = ConfigDict(from_attributes=True)

    at: datetime
    chain: int
    number: int = Field(description="Its place in the chain.")
    actor: str
    origin: str | None
    action: str = Field(examples=["resident.read"])
    object_kind: str | None
    object_ref: str | None
    purpose: str | None
    case_ref: str | None
    row_count: int | None
    request_id: str | None


class AuditEntryPage(BaseModel):
    """Entries, newest first."""

    entries: list[AuditEntry]
    links: list[Link]


class DayVolume(BaseModel):
    """A day of one actor that stands out against their own days before."""

    actor: str
    day: date
    entries: int
    rows_read: int
    cases: int = Field(description="Cases under which something was read.")
    refused: int = Field(description="Questions that were refused.")
    usual_rows: float | None = Field(
        description="Median of the rows read on the actor's days before; null where there are too "
        "few to tell."
    )


class UnusualDays(BaseModel):
    """The days that stand out, and by which rule."""

    days: list[DayVolume]
    ratio: float
    rows_min: int


class OwnAddressEntries(BaseModel):
    """Who read what is at the address they live at."""

    entries: list[AuditEntry]
    unknown_count: int = Field(
        description="Accounts whose address isn't known: they can't be judged."
    )


class AuditFault(BaseModel):
    """Where a chain is not what was written."""

    chain: int
    number: int
    what: str


class AuditCheck(BaseModel):
    """What a check of the whole log found."""

    at: datetime
    entry_count: int
    anchor_count: int
    faults: list[AuditFault]


class AuditState(BaseModel):
    """Whether the log is whole, as far as was checked."""

    check: AuditCheck | None = Field(description="The last one; null where there was none.")
    anchored_at: datetime | None = Field(description="The last anchor outside of the database.")
    anchored_root: str | None
    anchor_fault: str | None = Field(description="What is wrong with the file of anchors.")
