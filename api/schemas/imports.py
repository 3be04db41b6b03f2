"""Import jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from api.schemas.geometry import Link

JobKind = Literal[
    "areas", "grids", "addresses", "basemap", "geocode", "duplicates", "incidents", "dwellings",
    "residents", "establishments",
]  # fmt: skip
JobStatus = Literal["waiting", "running", "done", "failed", "stopped"]


class JobFile(BaseModel):
    """A file a job left: rows that failed, faults to look at."""

    name: str = Field(examples=["failures.csv"])
    href: str = Field(examples=["/v1/imports/1/files/failures.csv"])
    size_bytes: int


class ImportJob(BaseModel):
    """One import: what was asked, how far it is, what came of it."""

    id: int = Field(examples=[1])
    kind: JobKind
    status: JobStatus = Field(
        description="failed: also where the program ended while it worked on it; see is_resumable."
    )
    is_resumable: bool = Field(description="POST …/resume goes on where it ended.")
    file_name: str = Field(examples=["标准地址.csv"])
    options: dict[str, Any] = Field(description="What was asked for.")
    rows_total: int | None = Field(description="null where not known yet.", examples=[1601])
    rows_done: int = Field(examples=[1601])
    rows_failed: int = Field(examples=[12])
    message: str | None = Field(description="Why it failed, for a person.")
    report: dict[str, Any] = Field(description="What came of it; its members depend on the kind.")
    files: list[JobFile]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class ImportJobPage(BaseModel):
    """A page of imports, newest first."""

    imports: list[ImportJob]
    links: list[Link]


class ImportTrial(BaseModel):
    """What an import would come to; nothing is stored."""

    kind: JobKind
    file_name: str
    report: dict[str, Any]
