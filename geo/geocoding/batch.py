"""Geocode a file: any table in, CSV, XLSX, Parquet or GeoPackage out, resumable, bounded memory.

The work is done chunk by chunk, by several processes that share the register; each finished chunk
is a Parquet file in a folder beside the output. A run that was killed finds them and goes on; the
output is put together at the end, so it is there whole or not at all, and the same as of a run that
nothing disturbed, with any number of processes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from geo.crs import Datum, from_wgs84, parse_datum
from geo.errors import DiskFull, InvalidFile, InvalidMapping
from geo.geocoding.answer_columns import ANSWER_COLUMNS, answer_columns, review_columns
from geo.geocoding.geocoder import ERROR, MATCHED, STATUSES, GeocodeAnswer, Geocoder
from geo.geocoding.guess_column import guess_address_column
from geo.geocoding.workers import map_in_order
from geo.geocoding.writers import check_output, write_output
from geo.importers.tabular import TableChunk, TableSource, open_table
from geo.importers.upload_safety import UploadLimits
from geo.values import GridScope

CHUNK_ROWS = 2_000  # rows between two points at which a killed run can go on
HASH_BLOCK_BYTES = 1 << 20
FORMAT = 1  # of the chunk files; another one doesn't go on

Progress = Callable[[int, int | None], None]
"""Told the rows done and the rows there are, where the file tells."""

Queue = Callable[[Sequence[GeocodeAnswer]], None]
"""Given the unsure answers of each chunk as it is done, such as to put them up for review."""


@dataclass(frozen=True, slots=True)
class GeocodeSummary:
    """What came out.

    by_level : level → rows matched at it
    resumed_rows : rows that an earlier run had done
    """

    rows: int
    by_status: dict[str, int]
    by_level: dict[str, int]
    resumed_rows: int
    column: str
    out: Path
    review: Path


def geocode_file(
    path: Path,
    out: Path,
    *,
    geocoder: Geocoder,
    scope: GridScope,
    column: str | None = None,
    datum_out: str = "WGS84",
    limits: UploadLimits | None = None,
    register_mark: str = "",
    workers: int = 1,
    progress: Progress | None = None,
    queue: Queue | None = None,
) -> GeocodeSummary:
    """Geocode the addresses of a table and write them with what was found.

    Parameters
    ----------
    path : CSV, XLSX, Parquet, GeoPackage … (see `geo.importers.tabular`)
    out : .csv, .xlsx, .parquet or .gpkg; overwritten. Beside it `NAME.review.csv` has the rows that
        were not sure, with their three best candidates
    column : the column of addresses; guessed where None
    datum_out : of the coordinates written; GeoPackage takes WGS84 only
    register_mark : what the register is, so that a run goes on only with the same one
    workers : [processes] at most that match, forked from this one; what `geocoder` needs must be
        in memory by then, and it must not ask the database
    queue : given each chunk's unsure answers, in this process, before the chunk counts as done; a
        run that was killed in between gives them once more

    Raises
    ------
    InvalidFile, FileTooLarge : the table can't be read
    InvalidMapping : no such column, or none that looks like addresses
    InvalidInput : `out` has no known ending; the datum is unknown
    DiskFull : no space left; what is done is kept
    WorkersEnded : a worker was killed; what is done is kept
    """
    check_output(path, out)
    datum = parse_datum(datum_out)
    if out.suffix.lower() == ".gpkg" and datum.name != "WGS84":
        raise InvalidFile(
            f"A GeoPackage is written in WGS84, not in {datum.name}. Write CSV, or leave "
            "--datum-out away.",
            file=out.name,
        )
    work = out.with_name(f"{out.name}.part")
    try:
        with open_table(path, limits=limits or UploadLimits(), chunk_rows=CHUNK_ROWS) as table:
            chosen = _column(table, column)
            job = {
                "format": FORMAT,
                "source": _sha256(path),
                "column": chosen,
                "datum": datum.name,
                "scope": sorted(scope.grid_codes) if scope.grid_codes is not None else None,
                "register": register_mark,
                "is_queued": queue is not None,
            }
            resumed = _prepare(work, job)
            task = _Task(work, chosen, datum, geocoder, scope, is_queued=queue is not None)
            counts = _run(table, task, workers, progress, queue)
        review = out.with_name(f"{out.stem}.review.csv")
        parts = sorted(work.glob("*.parquet"))
        write_output(parts, out)
        write_output(sorted(work.glob("*.review")), review)
    except OSError as error:
        if error.errno in (28, 122):  # ENOSPC, EDQUOT
            raise DiskFull(
                f"No space left while writing beside {out.name}. What is done is kept; free some "
                "space and start the same command again."
            ) from None
        raise
    shutil.rmtree(work)
    return GeocodeSummary(
        rows=sum(counts.status.values()),
        by_status={status: counts.status[status] for status in STATUSES if counts.status[status]},
        by_level=dict(counts.level),
        resumed_rows=resumed,
        column=chosen,
        out=out,
        review=review,
    )


@dataclass
class _Counts:
    status: Counter[str]
    level: Counter[str]


@dataclass(frozen=True)
class _Done:
    """What the parent is told of a chunk.

    unfinished : the chunk's file, to be put in its place by the parent; None where it stands there
    unsure : answers for the queue, where there is one
    """

    rows: int
    unfinished: Path | None
    unsure: tuple[GeocodeAnswer, ...] = ()


@dataclass(frozen=True)
class _Task:
    """What is done to each chunk; workers get it by the fork."""

    work: Path
    column: str
    datum: Datum
    geocoder: Geocoder
    scope: GridScope
    is_queued: bool

    def chunks(self, table: TableSource) -> Iterator[tuple[Path, TableChunk | int]]:
        """Yield the file of each chunk with the chunk; of one that is done, its rows only."""
        for number, chunk in enumerate(table.chunks()):
            part = self.work / f"{number:07d}.parquet"
            yield part, len(chunk) if part.exists() else replace(chunk, geometry=None)

    def __call__(self, item: tuple[Path, TableChunk | int]) -> _Done:
        part, chunk = item
        if isinstance(chunk, int):
            return _Done(chunk, None)
        texts = _texts(chunk.values[self.column])
        answers = self.geocoder.geocode_many(texts, scope=self.scope)
        answers = [
            answer if fault is None else GeocodeAnswer(answer.text, ERROR, message=fault.reason)
            for answer, fault in zip(answers, chunk.faults, strict=True)
        ]
        points = [_point_in(answer, self.datum) for answer in answers]
        source = {
            name: pa.array(_texts(chunk.values[name]), pa.string())
            for name in chunk.values.columns
            if name not in ANSWER_COLUMNS
        }
        numbers = [int(number) for number in chunk.row_numbers]
        # The review file is written first: a chunk is done when its Parquet file is there.
        review = part.with_suffix(".review")
        _unfinished(review, review_columns(numbers, texts, answers)).replace(review)
        unfinished = _unfinished(
            part, pa.table({**source, **answer_columns(numbers, answers, points)})
        )
        unsure = tuple(answer for answer in answers if answer.status not in (MATCHED, ERROR))
        return _Done(len(chunk), unfinished, unsure if self.is_queued else ())


def _run(
    table: TableSource,
    task: _Task,
    workers: int,
    progress: Progress | None,
    queue: Queue | None,
) -> _Counts:
    counts = _Counts(Counter(), Counter())
    rows = 0
    prepare = partial(task.geocoder.prepare, scope=task.scope)
    with contextlib.closing(
        map_in_order(task, task.chunks(table), workers=workers, prepare=prepare)
    ) as finished:
        for number, done in enumerate(finished):
            part = task.work / f"{number:07d}.parquet"
            if done.unfinished is not None:
                if queue is not None:
                    queue(done.unsure)
                done.unfinished.replace(part)
            found = pq.read_table(part, columns=["gb_status", "gb_level"])
            statuses = found["gb_status"].to_pylist()
            counts.status.update(statuses)
            counts.level.update(
                level
                for status, level in zip(statuses, found["gb_level"].to_pylist(), strict=True)
                if status == MATCHED
            )
            rows += done.rows
            if progress is not None:
                progress(rows, table.row_count)
    return counts


def _texts(values: pd.Series[str]) -> list[str | None]:
    return [
        None if is_missing else str(value)
        for value, is_missing in zip(values.tolist(), values.isna().tolist(), strict=True)
    ]


def _point_in(answer: GeocodeAnswer, datum: Datum) -> tuple[float, float] | None:
    if answer.lonlat is None:
        return None
    if datum.name == "WGS84":
        return answer.lonlat.longitude, answer.lonlat.latitude
    x, y = from_wgs84(answer.lonlat.longitude, answer.lonlat.latitude, datum)
    return float(x), float(y)


def _unfinished(path: Path, table: pa.Table) -> Path:
    """Write a chunk beside its place, so that it can be put there whole or not at all."""
    unfinished = path.with_name(path.name + ".unfinished")
    pq.write_table(table, unfinished)
    with unfinished.open("rb") as file:
        os.fsync(file.fileno())
    return unfinished


def _prepare(work: Path, job: dict[str, object]) -> int:
    """Make the folder of chunks, or keep that of the same job; return the rows done in it."""
    note = work / "job.json"
    said = json.dumps(job, sort_keys=True)
    if note.exists() and note.read_text(encoding="utf-8") == said:
        return sum(pq.read_metadata(part).num_rows for part in work.glob("*.parquet"))
    if work.exists():
        shutil.rmtree(work)
    work.mkdir(parents=True)
    note.write_text(said, encoding="utf-8")
    return 0


def _column(table: TableSource, column: str | None) -> str:
    if column is None:
        return guess_address_column(table.sample)
    if column not in table.columns:
        raise InvalidMapping(
            f"{table.path.name} has no column {column!r}. It has: {', '.join(table.columns[:30])}.",
            columns=list(table.columns),
        )
    return column


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(HASH_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
