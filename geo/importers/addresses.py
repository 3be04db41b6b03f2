"""Standard addresses from a file: mapped, read, placed, merged into the register, reported.

Every row of the file ends in one of five ways, and the report's counts say so:
`rows_in = inserted + updated + unchanged + merged_as_alias + failed`. What failed stands, with the
reason, in a file that can be mended and imported again.

The work goes by chunks. Each is one transaction that holds the addresses and how far the job is, so
an import that died or was stopped goes on where it stopped: same file, same options.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from geo.crs import Datum, parse_datum
from geo.errors import InvalidCoordinate, InvalidDatum, InvalidFile, InvalidInput
from geo.importers.address_fields import ADDRESS_FIELDS, check_address_mapping
from geo.importers.address_rows import ReadingOptions, read_chunk, read_points
from geo.importers.datum_check import DatumCheck
from geo.importers.failures import Failure, ResultFile
from geo.importers.jobs import (
    JobStopped,
    RunningJob,
    create_job,
    find_resumable_job,
    get_job,
    results_folder,
    running_job,
)
from geo.importers.mapping import ColumnMapping, guess_mapping
from geo.importers.tabular import CHUNK_ROWS, TableChunk, TableSource, open_table
from geo.importers.upload_safety import UploadLimits, sha256_of_file
from geo.register.identity import written_form
from geo.register.merge import MergeResult, SeenRows, merge_addresses
from geo.register.placing import GridPlacer
from geo.register.seen import SeenTexts
from geo.settings import Settings
from geo.store.database import Database
from geo.tables import ImportJob

KIND = "addresses"
SOURCE_CHARS_MAX = 200
SWAPPED_SHARE_MAX = 0.5
FAILURES_FILE, CONFLICTS_FILE = "failures.csv", "conflicts.csv"
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


@dataclass(frozen=True, slots=True)
class ImportPreview:
    """What an import would take for what, before anything is stored."""

    mapping: ColumnMapping
    columns: tuple[str, ...]
    kind: str
    encoding: str | None
    table_names: tuple[str, ...]
    notes: tuple[str, ...]
    first_rows: list[dict[str, Any]]


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


def preview_addresses(
    path: Path, options: AddressImportOptions, *, settings: Settings, rows: int = 5
) -> ImportPreview:
    """Return the mapping and the first rows as they would be read; nothing is stored.

    Raises
    ------
    InvalidInput : as `import_addresses`
    """
    datum = _checked(options)
    with _opened(path, options, settings, datum) as (table, mapping):
        chunk = next(table.chunks(), None)
        first: list[dict[str, Any]] = []
        if chunk is not None:
            reading = _reading(options, datum, settings)
            read = read_chunk(chunk, mapping, read_points(chunk, mapping, reading), reading)
            first = [
                {
                    "row_number": row.row_number,
                    "canonical_text": row.form.canonical_text,
                    "level": row.form.level,
                    "point_of_interest": row.form.point_of_interest,
                    "lon": row.lon,
                    "lat": row.lat,
                    "source_ref": row.source_ref,
                }
                for row in read.rows[:rows]
            ]
        return ImportPreview(
            mapping=mapping,
            columns=table.columns,
            kind=table.kind.value,
            encoding=table.encoding,
            table_names=table.table_names,
            notes=table.notes,
            first_rows=first,
        )


def import_addresses(
    database: Database,
    path: Path,
    options: AddressImportOptions,
    *,
    settings: Settings,
    progress: Progress | None = None,
) -> ImportReport:
    """Import a file into the register, or go on with an unfinished import of the same.

    Raises
    ------
    InvalidFile, FileTooLarge : the file is unsafe, damaged or too large
    InvalidMapping : no column holds an address, or a mapping that doesn't fit
    InvalidDatum : unknown, or other than the file's own
    InvalidCoordinate : longitude and latitude are exchanged in most rows
    JobRunning : the same import is being worked on
    DatabaseUnavailable, DiskFull : what was done before stays done, and a resume goes on from it
    """
    job_id = prepare_address_job(database, path, options, settings=settings)
    return run_address_job(database, job_id, settings=settings, progress=progress)


def prepare_address_job(
    database: Database, path: Path, options: AddressImportOptions, *, settings: Settings
) -> int:
    """Check a file and its options; return the id of the job that will import it.

    An unfinished job of the same file and options is taken up again.

    Raises
    ------
    InvalidInput, JobRunning : as `import_addresses`
    """
    datum = _checked(options)
    with _opened(path, options, settings, datum):
        digest = sha256_of_file(path)
    kept = {"path": str(path.resolve()), **options.as_json()}
    with database.session() as session:
        job = find_resumable_job(session, kind=KIND, file_sha256=digest, options=kept)
        if job is None:
            job = create_job(
                session, kind=KIND, file_name=path.name, file_sha256=digest, options=kept
            )
        job.options = kept
        return job.id


def run_address_job(
    database: Database, job_id: int, *, settings: Settings, progress: Progress | None = None
) -> ImportReport:
    """Do the work of a job made by `prepare_address_job`, from where it stands.

    Raises
    ------
    as `import_addresses`; InvalidFile also where the file was changed or is gone
    """
    with running_job(database, job_id) as job:
        kept = dict(job.options)
        path = Path(kept.pop("path"))
        options = AddressImportOptions(**kept)
        datum = _checked(options)
        with _opened(path, options, settings, datum) as (table, mapping):
            if sha256_of_file(path) != job.file_sha256:
                raise InvalidFile(
                    f"{path.name} was changed since job {job_id} began. Start a new import.",
                    file=path.name,
                )
            _Run(database, job, table, mapping, options, datum, settings).go(progress)
    with database.session() as session:
        return ImportReport.of(get_job(session, job_id))


class _Run:
    """One run of a job: chunk after chunk, each with its report in one transaction."""

    def __init__(
        self,
        database: Database,
        job: RunningJob,
        table: TableSource,
        mapping: ColumnMapping,
        options: AddressImportOptions,
        datum: Datum,
        settings: Settings,
    ) -> None:
        self.database, self.job, self.table, self.mapping = database, job, table, mapping
        self.options, self.datum = options, datum
        self.reading = _reading(options, datum, settings)
        state = job.report.get("state", {})
        self.chunks_done = int(state.get("chunks_done", 0))
        folder = results_folder(settings, job.id)
        self.failures = ResultFile(
            folder / FAILURES_FILE, table.columns, keep_bytes=state.get("failures_bytes", 0)
        )
        self.conflicts = ResultFile(
            folder / CONFLICTS_FILE, table.columns, keep_bytes=state.get("conflicts_bytes", 0)
        )
        self.seen = SeenRows(
            SeenTexts(folder / "seen_refs.bin", keep_count=state.get("seen_refs", 0)),
            SeenTexts(folder / "seen_keys.bin", keep_count=state.get("seen_keys", 0)),
        )
        self.placer = GridPlacer(date.fromisoformat(options.day))
        self.datum_check = DatumCheck(datum, options.source)
        job.report |= {
            "mapping": dict(mapping.columns),
            "encoding": table.encoding,
            "notes": list(table.notes),
        }

    def go(self, progress: Progress | None) -> None:
        total = _row_estimate(self.table)
        if total is not None:
            with self.database.session() as session:
                self.job.expect_rows(session, total)
        for position, chunk in enumerate(self.table.chunks()):
            if position == 0:
                self._refuse_swapped_axes(chunk)
            if position < self.chunks_done:
                continue
            shall_go_on = self._store(chunk)
            if progress is not None:
                progress(self.job.rows_done, total)
            if not shall_go_on:
                raise JobStopped(f"Job {self.job.id} was stopped after {self.job.rows_done} rows.")
        self._finish_report()

    def _store(self, chunk: TableChunk) -> bool:
        points = read_points(chunk, self.mapping, self.reading)
        read = read_chunk(chunk, self.mapping, points, self.reading)
        with self.database.session() as session:
            if self.datum_check.wants_points:
                self.datum_check.add(session, read.rows)
            merged = merge_addresses(
                session,
                read.rows,
                source=self.options.source,
                origin_datum=self.datum.name,
                placer=self.placer,
                seen=self.seen,
            )
            failed, differing = [*read.failures], read.contradictions
            for problem in merged.failures:
                row = read.rows[problem.i]
                told = Failure(row.row_number, problem.reason, problem.message)
                failed.append((row.position, told))
            self._write_files(chunk, failed, differing)
            self._count(chunk, merged, failed, differing, read.rows)
            return self.job.advance(
                session,
                rows_done=self.job.rows_done + len(chunk),
                rows_failed=self.job.rows_failed + len(failed),
            )

    def _write_files(
        self,
        chunk: TableChunk,
        failed: list[tuple[int, Failure]],
        differing: list[tuple[int, Failure]],
    ) -> None:
        for file, told in ((self.failures, failed), (self.conflicts, differing)):
            told.sort(key=lambda pair: pair[0])
            file.append((failure, _cells(chunk, position)) for position, failure in told)

    def _count(
        self,
        chunk: TableChunk,
        merged: MergeResult,
        failed: list[tuple[int, Failure]],
        differing: list[tuple[int, Failure]],
        rows: list[Any],
    ) -> None:
        """Add this chunk to the report, on a copy: the old one holds until the commit."""
        report = dict(self.job.report)
        counts = merged.counts()
        for name in ("inserted", "updated", "unchanged", "merged_as_alias"):
            report[name] = report.get(name, 0) + counts.get(name, 0)
        report["rows_in"] = report.get("rows_in", 0) + len(chunk)
        report["failed"] = report.get("failed", 0) + len(failed)
        taken = [row for row, end in zip(rows, merged.outcomes, strict=True) if end != "failed"]
        _add_counts(report, "failures_by_reason", (failure.reason for _, failure in failed))
        _add_counts(report, "conflicts_by_reason", (failure.reason for _, failure in differing))
        _add_counts(report, "levels", (row.form.level for row in taken))
        report["in_no_grid"] = report.get("in_no_grid", 0) + merged.in_no_grid
        lost = sum(row.point_method is None for row in taken)
        report["without_point"] = report.get("without_point", 0) + lost
        self.chunks_done += 1
        report["state"] = {
            "chunks_done": self.chunks_done,
            "failures_bytes": self.failures.size_bytes,
            "conflicts_bytes": self.conflicts.size_bytes,
            "seen_refs": len(self.seen.refs),
            "seen_keys": len(self.seen.keys),
        }
        report["files"] = {
            file.path.stem: str(file.path)
            for file in (self.failures, self.conflicts)
            if file.size_bytes
        }
        self.job.report = report

    def _refuse_swapped_axes(self, chunk: TableChunk) -> None:
        points = read_points(chunk, self.mapping, self.reading)
        reasons = [fault.reason if fault is not None else "" for fault in points.faults]
        swapped = reasons.count("axes_swapped")
        if swapped > SWAPPED_SHARE_MAX * max(1, len(chunk)):
            raise InvalidCoordinate(
                f"Longitude and latitude look exchanged in {swapped} of the first {len(chunk)} "
                f"rows. Nothing was stored. Name the columns, such as lon="
                f"{self.mapping.get('lat') or '经度'} lat={self.mapping.get('lon') or '纬度'}.",
                swapped_rows=swapped,
            )

    def _finish_report(self) -> None:
        with self.database.session() as session:
            checked = self.datum_check.result(session)
        self.job.report = self.job.report | {"datum_check": checked}


def _checked(options: AddressImportOptions) -> Datum:
    """Refuse options that can't be worked with; return the datum."""
    source = options.source.strip()
    if not source or len(source) > SOURCE_CHARS_MAX or source != options.source:
        raise InvalidInput(
            f"The source is “{options.source[:40]}”. Wanted a name of 1 to {SOURCE_CHARS_MAX} "
            "characters without blanks at its ends; rows are recognised by it again.",
            field="source",
        )
    accuracy = options.accuracy_m
    if accuracy is not None and not 0 < accuracy <= 100_000:
        raise InvalidInput(
            f"The accuracy is {accuracy} m, wanted more than 0 and at most 100,000.",
            field="accuracy_m",
        )
    if options.chunk_rows < 1:
        raise InvalidInput(f"A chunk of {options.chunk_rows} rows is none; wanted 1 or more.")
    return parse_datum(options.datum)


@contextlib.contextmanager
def _opened(
    path: Path, options: AddressImportOptions, settings: Settings, datum: Datum
) -> Iterator[tuple[TableSource, ColumnMapping]]:
    with open_table(
        path,
        limits=UploadLimits.from_settings(settings),
        table_name=options.table_name,
        encoding=options.encoding,
        chunk_rows=options.chunk_rows,
    ) as table:
        mapping = guess_mapping(
            table.columns, table.sample, ADDRESS_FIELDS, overrides=options.mapping
        )
        check_address_mapping(mapping)
        if table.has_geometry and "lon" not in mapping and "lonlat" not in mapping:
            _check_crs(table, datum)
        yield table, mapping


def _check_crs(table: TableSource, datum: Datum) -> None:
    """Refuse a datum whose kind of numbers the file's own CRS contradicts.

    A geographic CRS contradicts no geographic datum: offset data are saved as EPSG:4326 every day.
    """
    if table.crs is None:
        return
    try:
        own = parse_datum(table.crs)
    except InvalidDatum:
        return
    if own.is_projected != datum.is_projected or (own.is_projected and own != datum):
        raise InvalidDatum(
            f"{table.path.name} says its coordinates are in {own}, the import declares {datum}. "
            f"Declare {own}, or export the file anew.",
            datum=datum.name,
        )


def _reading(options: AddressImportOptions, datum: Datum, settings: Settings) -> ReadingOptions:
    return ReadingOptions(
        datum=datum,
        form=written_form(settings),
        text_max=settings.address_text_max,
        accuracy_m=options.accuracy_m,
    )


def _row_estimate(table: TableSource) -> int | None:
    """Rows there will be, for a progress bar: told by the file, or lines less the header."""
    if table.row_count is not None or table.encoding is None:
        return table.row_count
    lines = 0
    with table.path.open("rb") as file:
        while block := file.read(1 << 22):
            lines += block.count(b"\n")
    return max(lines - 1, 1)


def _cells(chunk: TableChunk, position: int) -> list[str | None]:
    row = chunk.values.iloc[position]
    return [None if value != value else str(value) for value in row]


def _add_counts(report: dict[str, Any], name: str, words: Iterator[str] | Any) -> None:
    report[name] = dict(Counter(report.get(name, {})) + Counter(words))
