"""Exports: asked for, decided, written, fetched."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.dependencies import Code, SoundText
from api.schemas.geometry import Link
from geo.decisions import NOTE_CHARS_MAX

ExportKindName = Literal[
    "addresses", "grids", "review_items", "dwellings", "establishments", "residents"
]
ExportFormat = Literal["csv", "xlsx", "geojson", "gpkg", "parquet"]
ExportStatus = Literal[
    "asked", "refused", "waiting", "running", "ready", "failed", "stopped", "expired"
]
Note = Annotated[SoundText, StringConstraints(max_length=NOTE_CHARS_MAX)]
Reason = Annotated[
    SoundText, StringConstraints(strip_whitespace=True, min_length=1, max_length=NOTE_CHARS_MAX)
]


class ExportOrder(BaseModel):
    """What is wanted. All of it lies in the caller's scope, whatever is filtered."""

    model_config = ConfigDict(extra="forbid")

    kind: ExportKindName
    format: ExportFormat = Field(
        default="csv", description="geojson, gpkg and parquet for addresses and grids only."
    )
    grid_code: Code | None = Field(default=None, description="Only of this grid.")
    community_code: Code | None = Field(default=None, description="Only of this community.")


class ExportApproval(BaseModel):
    """A second person says yes."""

    model_config = ConfigDict(extra="forbid")

    note: Note | None = None


class ExportRefusal(BaseModel):
    """A second person says no, and why."""

    model_config = ConfigDict(extra="forbid")

    note: Reason = Field(examples=["用途不明, 请缩小范围"])


class ExportMay(BaseModel):
    """What the caller may do with it now."""

    decide: bool
    stop: bool
    fetch: bool


class Export(BaseModel):
    """One export."""

    id: int
    kind: ExportKindName
    format: ExportFormat
    grid_code: str | None
    community_code: str | None
    status: ExportStatus = Field(
        description="asked: waits for a second person; waiting: for its turn; expired: its file "
        "is deleted."
    )
    requested_by: str = Field(description="Name of the account.", examples=["wang"])
    purpose: str | None
    case_ref: str | None
    grid_count: int | None = Field(
        description="Grids in the scope it was asked in; null: everything."
    )
    rows_expected: int = Field(description="Rows when it was asked for.", ge=0)
    rows_done: int = Field(ge=0)
    decided_by: str | None = Field(description="The second person, where one was needed.")
    decided_at: datetime | None
    note: str | None = Field(description="What the second person said.")
    message: str | None = Field(description="Why it failed.")
    file_name: str | None
    file_bytes: int | None
    file_sha256: str | None
    created_at: datetime
    finished_at: datetime | None
    expires_at: datetime | None = Field(description="When the file is deleted.")
    may: ExportMay


class ExportPage(BaseModel):
    """Exports, newest first."""

    exports: list[Export]
    links: list[Link]
