"""Tables from files, in frames of bounded size: one reader for every kind of file.

>>> with open_table(path, limits=limits) as table:
...     table.columns, table.sample
...     for chunk in table.chunks():
...         chunk.values, chunk.row_numbers, chunk.geometry, chunk.faults
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from geo.errors import InvalidFile
from geo.importers.delimited import (
    Record,
    checked_encoding,
    open_delimited,
    open_json_lines,
    sniff_encoding,
)
from geo.importers.isolation import (
    FAULT_COLUMN,
    GEOMETRY_COLUMN,
    READ_TASK,
    ROW_COLUMN,
    read_isolated,
)
from geo.importers.upload_safety import FileKind, UploadLimits, check_file

CHUNK_ROWS = 20_000
SAMPLE_ROWS = 200
TEXT = pd.StringDtype("pyarrow", na_value=np.nan)


@dataclass(frozen=True, slots=True)
class RowFault:
    """A row that could not be read as it stands. `column` is None where no one cell is to blame."""

    row_number: int
    reason: str
    column: str | None = None


@dataclass(frozen=True, slots=True)
class TableChunk:
    """Some rows of a table, in the source's order, good and bad.

    values : (n,) text in every column, missing where empty, index 0..n-1
    row_numbers : (n,) int64; the line (CSV, JSON lines), the sheet's row (XLSX) or the feature's
        number from 1 (others)
    geometry : (n,) shapely geometries or None, in the file's own coordinates; None: no geometry
    faults : (n,) why a row can't be read, None where it can
    """

    values: pd.DataFrame
    row_numbers: NDArray[np.int64]
    geometry: NDArray[np.object_] | None
    faults: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.row_numbers)


@dataclass(frozen=True, slots=True)
class TableSource:
    """An open table.

    columns : names in the file's order, each once
    sample : (n ≤ 200,) the first good rows
    crs : what the file says of its coordinates; None where it says nothing
    encoding, delimiter : of text files
    row_count : rows, where the file tells beforehand
    table_names : all sheets or layers of the file
    notes : what a person should know, such as triggers that were not run
    """

    path: Path
    kind: FileKind
    columns: tuple[str, ...]
    sample: pd.DataFrame
    has_geometry: bool
    crs: str | None
    encoding: str | None
    delimiter: str | None
    row_count: int | None
    table_names: tuple[str, ...]
    notes: tuple[str, ...]
    _chunks: Callable[[], Iterator[TableChunk]]

    def chunks(self) -> Iterator[TableChunk]:
        """Yield all rows; call it once. The same file always falls into the same chunks."""
        return self._chunks()


@contextlib.contextmanager
def open_table(
    path: Path,
    *,
    limits: UploadLimits,
    kind: FileKind | None = None,
    table_name: str | None = None,
    encoding: str | None = None,
    chunk_rows: int = CHUNK_ROWS,
    task: str = READ_TASK,
) -> Iterator[TableSource]:
    """Open a table of a file after its safety checks.

    CSV and TSV (delimiter and encoding found out), JSON lines, XLSX, GeoJSON, GeoPackage,
    Parquet, GeoParquet, Shapefile, KML. A row that can't be read is a fault of that row; the rest
    is read on.

    Parameters
    ----------
    kind : what the file is, where that was found out already (OpenStreetMap's kinds)
    table_name : a sheet or layer; needed only where a file has several layers
    encoding : of CSV and JSON lines, where it shall not be found out
    chunk_rows : [rows] at most in one chunk
    task : what is wanted of an OpenStreetMap file: what a map draws, or the roads

    Raises
    ------
    InvalidFile, FileTooLarge : see `geo.importers.upload_safety`
    InvalidMapping : no such sheet or layer, or several layers and none named
    """
    kind = kind or check_file(path, limits=limits)
    if kind is FileKind.ARCHIVE:
        raise InvalidFile(
            f"{path.name} is a ZIP archive. Unpack it and give the table in it.", file=path.name
        )
    if kind in (FileKind.DELIMITED, FileKind.JSON_LINES):
        yield _text_source(path, kind, encoding, chunk_rows, limits)
        return
    with read_isolated(
        path, kind, limits=limits, batch_rows=chunk_rows, table_name=table_name, task=task
    ) as reader:
        yield _isolated_source(path, kind, reader)


def _text_source(
    path: Path, kind: FileKind, encoding: str | None, chunk_rows: int, limits: UploadLimits
) -> TableSource:
    used = checked_encoding(encoding) if encoding else sniff_encoding(path)
    delimiter = None
    if kind is FileKind.JSON_LINES:
        names, rows = open_json_lines(path, used)
    else:
        names, rows, delimiter = open_delimited(path, used)
    if len(names) > limits.max_columns:
        raise InvalidFile(
            f"{path.name} has {len(names)} columns, at most {limits.max_columns} are taken.",
            file=path.name,
        )
    columns = tuple(names)
    sample: list[Record] = []
    for record in rows():
        if record.fault is None:
            sample.append(record)
        if len(sample) == SAMPLE_ROWS:
            break
    return TableSource(
        path=path,
        kind=kind,
        columns=columns,
        sample=_record_chunk(sample, columns).values,
        has_geometry=False,
        crs=None,
        encoding=used,
        delimiter=delimiter,
        row_count=None,
        table_names=(),
        notes=(),
        _chunks=lambda: _text_chunks(rows(), columns, chunk_rows),
    )


def _text_chunks(
    records: Iterator[Record], columns: tuple[str, ...], chunk_rows: int
) -> Iterator[TableChunk]:
    held: list[Record] = []
    for record in records:
        held.append(record)
        if len(held) == chunk_rows:
            yield _record_chunk(held, columns)
            held = []
    if held:
        yield _record_chunk(held, columns)


def _record_chunk(records: list[Record], columns: tuple[str, ...]) -> TableChunk:
    cells = zip(*(record.cells for record in records), strict=True)
    by_column = list(cells) if records else [()] * len(columns)
    faults = np.array([record.fault for record in records], dtype=object)
    values = {
        name: pd.array(_storable(column), dtype=TEXT)
        for name, column in zip(columns, by_column, strict=True)
    }
    return TableChunk(
        values=pd.DataFrame(values, columns=list(columns), index=range(len(records))),
        row_numbers=np.array([record.row_number for record in records], dtype=np.int64),
        geometry=None,
        faults=faults,
    )


def _storable(column: tuple[str | None, ...]) -> pa.Array:
    """Text that Arrow can hold: lone surrogates (undecodable bytes, already a fault) replaced."""
    try:
        return pa.array(column, pa.string())
    except (UnicodeEncodeError, pa.ArrowInvalid):
        return pa.array(
            [None if t is None else t.encode("utf-8", "replace").decode() for t in column],
            pa.string(),
        )


def _isolated_source(path: Path, kind: FileKind, reader: Any) -> TableSource:
    inner = (ROW_COLUMN, GEOMETRY_COLUMN, FAULT_COLUMN)
    columns = tuple(name for name in reader.schema.names if name not in inner)
    batches = iter(reader)
    first = next(batches, None)
    head = _batch_chunk(first, columns) if first is not None else None
    about = reader.about

    def chunks() -> Iterator[TableChunk]:
        if head is not None and len(head):
            yield head
        for batch in batches:
            if batch.num_rows:
                yield _batch_chunk(batch, columns)

    good = head.values[pd.isna(head.faults)] if head is not None else pd.DataFrame()
    return TableSource(
        path=path,
        kind=kind,
        columns=columns,
        sample=good.head(SAMPLE_ROWS).reset_index(drop=True),
        has_geometry=about["has_geometry"],
        crs=about["crs"],
        encoding=None,
        delimiter=None,
        row_count=about["row_count"],
        table_names=tuple(about["table_names"]),
        notes=tuple(about["notes"]),
        _chunks=chunks,
    )


def _batch_chunk(batch: pa.RecordBatch, columns: tuple[str, ...]) -> TableChunk:
    values = pd.DataFrame(
        {name: pd.array(batch.column(name), dtype=TEXT) for name in columns},
        columns=list(columns),
        index=range(batch.num_rows),
    )
    faults = np.full(batch.num_rows, None, dtype=object)
    names = batch.schema.names
    if FAULT_COLUMN in names:
        faults[:] = batch.column(FAULT_COLUMN).to_pylist()
    geometry = None
    if GEOMETRY_COLUMN in names:
        wkb = batch.column(GEOMETRY_COLUMN).to_numpy(zero_copy_only=False)
        geometry = shapely.from_wkb(wkb, on_invalid="ignore")
        broken = pd.isna(geometry) & ~pd.isna(wkb)
        faults[broken & pd.isna(faults)] = "its geometry can't be read"
    return TableChunk(
        values=values,
        row_numbers=batch.column(ROW_COLUMN).to_numpy(),
        geometry=geometry,
        faults=faults,
    )
