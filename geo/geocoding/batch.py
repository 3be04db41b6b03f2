"""Geocode a file: any table in, CSV, XLSX, Parquet or GeoPackage out, resumable, bounded memory.

The work is done chunk by chunk; each finished chunk is a Parquet file in a folder beside the
output. A run that was killed finds them and goes on; the output is put together at the end, so it
is there whole or not at all, and the same as of a run that nothing disturbed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from geo.crs import Datum, from_wgs84, parse_datum
from geo.errors import DiskFull, InvalidFile, InvalidMapping
from geo.geocoding.answer_columns import ANSWER_COLUMNS, answer_columns, review_columns
from geo.geocoding.geocoder import STATUSES, GeocodeAnswer, Geocoder
from geo.geocoding.guess_column import guess_address_column
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
"""Given the answers of each chunk as it is done, such as to put the unsure ones up for review."""


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
    queue : given each chunk's answers before the chunk counts as done; a run that was killed in
        between gives them once more

    Raises
    ------
    InvalidFile, FileTooLarge : the table can't be read
    InvalidMapping : no such column, or none that looks like addresses
    InvalidInput : `out` has no known ending; the datum is unknown
    DiskFull : no space left; what is done is kept
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
            counts = _run(table, work, chosen, datum, geocoder, scope, progress, queue)
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


def _run(
    table: TableSource,
    work: Path,
    column: str,
    datum: Datum,
    geocoder: Geocoder,
    scope: GridScope,
    progress: Progress | None,
    queue: Queue | None,
) -> _Counts:
    counts = _Counts(Counter(), Counter())
    done = 0
    for number, chunk in enumerate(table.chunks()):
        part = work / f"{number:07d}.parquet"
        if not part.exists():
            _do_chunk(chunk, part, column, datum, geocoder, scope, queue)
        found = pq.read_table(part, columns=["gb_status", "gb_level"])
        statuses = found["gb_status"].to_pylist()
        counts.status.update(statuses)
        counts.level.update(
            level
            for status, level in zip(statuses, found["gb_level"].to_pylist(), strict=True)
            if status == "matched"
        )
        done += len(chunk)
        if progress is not None:
            progress(done, table.row_count)
    return counts


def _do_chunk(
    chunk: TableChunk,
    part: Path,
    column: str,
    datum: Datum,
    geocoder: Geocoder,
    scope: GridScope,
    queue: Queue | None,
) -> None:
    texts = [None if pd.isna(value) else str(value) for value in chunk.values[column]]
    answers = geocoder.geocode_many(texts, scope=scope)
    answers = [
        answer if fault is None else GeocodeAnswer(answer.text, "error", message=fault.reason)
        for answer, fault in zip(answers, chunk.faults, strict=True)
    ]
    if queue is not None:
        queue(answers)
    points = [_point_in(answer, datum) for answer in answers]
    source = {
        name: pa.array(
            [None if pd.isna(value) else str(value) for value in chunk.values[name]], pa.string()
        )
        for name in chunk.values.columns
        if name not in ANSWER_COLUMNS
    }
    numbers = [int(number) for number in chunk.row_numbers]
    # The review file is written first: a chunk is done when its Parquet file is there.
    _replace(part.with_suffix(".review"), review_columns(numbers, texts, answers))
    _replace(part, pa.table({**source, **answer_columns(numbers, answers, points)}))


def _point_in(answer: GeocodeAnswer, datum: Datum) -> tuple[float, float] | None:
    if answer.lonlat is None:
        return None
    if datum.name == "WGS84":
        return answer.lonlat.longitude, answer.lonlat.latitude
    x, y = from_wgs84(answer.lonlat.longitude, answer.lonlat.latitude, datum)
    return float(x), float(y)


def _replace(path: Path, table: pa.Table) -> None:
    """Write a chunk so that it is there whole or not at all."""
    unfinished = path.with_name(path.name + ".unfinished")
    pq.write_table(table, unfinished)
    with unfinished.open("rb") as file:
        os.fsync(file.fileno())
    unfinished.replace(path)


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
