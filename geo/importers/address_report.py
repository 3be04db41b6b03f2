"""What an import of addresses depends on, and what is told of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from geo.importers.tabular import CHUNK_ROWS
from geo.tables import ImportJob

Progress = Callable[[int, int | None], None]
"""Told rows done and rows in all (None: unknown) after each chunk."""


@dataclass(frozen=True, slots=True)
class AddressImportOptions:
    """What an import depends on besides the file; kept with its job.

    source : who says so; rows are matched by it and their reference
    datum : what the coordinates are in, as `geo.crs.parse_datum` takes it
    mapping : field → column, where the guess shall not be used; see `ADDRESS_FIELDS`
    accuracy_m : [m] of all points, where no column says it; None: by datum
    day : the day whose grids hold the points, ISO
    """

    source: str
    datum: str
    day: str
    mapping: Mapping[str, str] = field(default_factory=dict)
    encoding: str | None = None
    table_name: str | None = None
    accuracy_m: float | None = None
    chunk_rows: int = CHUNK_ROWS

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"mapping": dict(self.mapping)}


@dataclass(slots=True)
class ImportReport:
    """What came of an import.

    failures_by_reason, conflicts_by_reason : counts by fixed words; the files give each row
    levels : finest level → rows taken
    in_no_grid, without_point : [rows] taken that lie in no grid, that have no point
    datum_check : the measured shift, or why none could be measured
    """

    job_id: int
    status: str
    rows_in: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    merged_as_alias: int = 0
    failed: int = 0
    failures_by_reason: dict[str, int] = field(default_factory=dict)
    conflicts_by_reason: dict[str, int] = field(default_factory=dict)
    levels: dict[str, int] = field(default_factory=dict)
    in_no_grid: int = 0
    without_point: int = 0
    datum_check: dict[str, Any] = field(default_factory=dict)
    mapping: dict[str, str] = field(default_factory=dict)
    encoding: str | None = None
    notes: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, job: ImportJob) -> ImportReport:
        """Return the report kept with a job."""
        known = {name: value for name, value in job.report.items() if name in cls.__slots__}
        return cls(**known | {"job_id": job.id, "status": job.status})
