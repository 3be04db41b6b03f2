"""One run of an address import: chunk after chunk, each with its report in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import Any

from geo.addresses import ParseContext
from geo.addresses.deployment import load_context, written_form
from geo.crs import Datum
from geo.errors import InvalidCoordinate
from geo.importers.address_report import AddressImportOptions, Progress
from geo.importers.address_rows import AddressRow, ReadingOptions, read_chunk, read_points
from geo.importers.datum_check import DatumCheck
from geo.importers.failures import Failure, ResultFile
from geo.importers.jobs import JobStopped, RunningJob, results_folder
from geo.importers.mapping import ColumnMapping
from geo.importers.tabular import TableChunk, TableSource
from geo.register.merge import MergeResult, SeenRows, merge_addresses
from geo.register.placing import GridPlacer
from geo.register.seen import SeenTexts
from geo.settings import Settings
from geo.store.bulk import analyze_tables
from geo.store.database import Database
from geo.tables import AddressAlias, StandardAddress

SWAPPED_SHARE_MAX = 0.5
FAILURES_FILE, CONFLICTS_FILE = "failures.csv", "conflicts.csv"


class AddressRun:
    """Stores the chunks of a table that a job has not stored yet."""

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
        with database.session() as session:
            context = load_context(settings, session, on=date.fromisoformat(options.day))
        self.reading = reading_options(options, datum, settings, context)
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
        rows: list[AddressRow],
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
            analyze_tables(session, StandardAddress, AddressAlias)
        self.job.report = self.job.report | {"datum_check": checked}


def reading_options(
    options: AddressImportOptions,
    datum: Datum,
    settings: Settings,
    context: ParseContext | None,
) -> ReadingOptions:
    """Return what the rows are read by."""
    return ReadingOptions(
        datum=datum,
        form=written_form(settings),
        text_max=settings.address_text_max,
        accuracy_m=options.accuracy_m,
        context=context,
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


def _add_counts(report: dict[str, Any], name: str, words: Iterable[str]) -> None:
    report[name] = dict(Counter(report.get(name, {})) + Counter(words))
