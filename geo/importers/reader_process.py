"""The child process that reads one table of one file; run by `geo.importers.isolation` only.

A request comes as JSON on the standard input; Arrow batches go to the standard output: every
column as text, beside the row's number in the source, its geometry as WKB and its fault, if it
has one. Errors go to the standard error as one JSON line.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from geo.errors import InvalidFile, PlatformError
from geo.importers.isolation import FAULT_COLUMN, GEOMETRY_COLUMN, ROADS_TASK, ROW_COLUMN
from geo.importers.upload_safety import MB, FileKind, UploadLimits


@dataclass(frozen=True, slots=True)
class RawTable:
    """A table as its reader gives it. `faults` maps row numbers to what is wrong with them."""

    batches: Iterator[pa.RecordBatch]
    first_row: int
    crs: str | None = None
    row_count: int | None = None
    table_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    geometry_name: str | None = None
    row_numbers_given: bool = False


def main() -> None:
    """Read the request, limit this process, send the table."""
    os.set_blocking(2, False)  # a library that prints without end must not stop at a full pipe
    request = json.load(sys.stdin)
    limits = UploadLimits(**request["limits"])
    path = Path(request["path"])
    # Threads and libraries start first: they need more address space than the data do.
    open_table = _opener(FileKind(request["kind"]), request["task"])
    _limit_this_process(limits)
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library that prints must not end up among the batches
    try:
        table = open_table(path, request["table_name"], request["batch_rows"], limits)
        _send(table, out, limits)
        out.close()
    except PlatformError as error:
        _say(type(error).__name__, error.message)
        os._exit(2)
    except MemoryError:
        _say("FileTooLarge", _too_much_memory(path, limits))
        os._exit(2)
    except Exception as error:
        _say("InvalidFile", f"{path.name} can't be read: {_one_line(error)}. Export it anew.")
        os._exit(2)


def _opener(kind: FileKind, task: str) -> Any:
    if kind is FileKind.XLSX:
        from geo.importers.workbook import open_workbook

        return open_workbook
    if kind is FileKind.PARQUET:
        from geo.importers.parquet import open_parquet

        return open_parquet
    if kind in (FileKind.OSM_PBF, FileKind.OSM_XML) and task == ROADS_TASK:
        from geo.importers.osm_roads import open_osm_roads

        return open_osm_roads
    if kind in (FileKind.OSM_PBF, FileKind.OSM_XML):
        from geo.importers.osm import open_osm

        return open_osm
    from geo.importers.vector import open_vector

    return open_vector


def _limit_this_process(limits: UploadLimits) -> None:
    """No file may be written at all; memory and processor time are bounded; no core is dumped."""
    memory = limits.reader_memory_mb * MB
    for what, limit in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, limits.reader_cpu_s),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (limit, limit))


def _send(table: RawTable, out: Any, limits: UploadLimits) -> None:
    writer: pa.RecordBatchStreamWriter | None = None
    row, rows = table.first_row, 0
    for batch in table.batches:
        rows += batch.num_rows
        if rows > limits.max_rows:
            raise InvalidFile(f"The table has over {limits.max_rows} rows. Split it.")
        sent = _as_text(batch, table, row)
        row += batch.num_rows
        if writer is None:
            writer = pa.ipc.new_stream(out, sent.schema.with_metadata(_about(table, sent)))
        writer.write_batch(sent)
        out.flush()
    if writer is None:
        raise InvalidFile("The table has no columns.")
    writer.close()


def _about(table: RawTable, batch: pa.RecordBatch) -> dict[bytes, bytes]:
    about = {
        "crs": table.crs,
        "row_count": table.row_count,
        "table_names": table.table_names,
        "notes": table.notes,
        "has_geometry": GEOMETRY_COLUMN in batch.schema.names,
    }
    return {b"about": json.dumps(about).encode()}


def _as_text(batch: pa.RecordBatch, table: RawTable, row: int) -> pa.RecordBatch:
    """Turn every column into text; empty text is missing."""
    columns: dict[str, pa.Array] = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if name == table.geometry_name:
            columns[GEOMETRY_COLUMN] = column.cast(pa.binary())
        elif name in (ROW_COLUMN, FAULT_COLUMN):
            columns[name] = column
        else:
            columns[_free_name(name, columns)] = _text_column(column)
    if ROW_COLUMN not in columns:
        columns[ROW_COLUMN] = pa.array(range(row, row + batch.num_rows), pa.int64())
    return pa.RecordBatch.from_pydict(columns)


def _free_name(name: str, taken: dict[str, pa.Array]) -> str:
    free, count = name or "column", 2
    while free in taken or free in (ROW_COLUMN, GEOMETRY_COLUMN, FAULT_COLUMN):
        free, count = f"{name or 'column'}_{count}", count + 1
    return free


def _text_column(column: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_floating(column.type):
        # 110101.0 is how a code comes out of a column that once had a gap.
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
        text = column.cast(pa.string())
        return pc.replace_substring_regex(text, r"^(-?\d+)\.0$", r"\1")
    if pa.types.is_nested(column.type):
        return pa.array(
            [None if v is None else json.dumps(v, ensure_ascii=False) for v in column.to_pylist()],
            pa.string(),
        )
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        return pa.array([None if v is None else v.hex() for v in column.to_pylist()], pa.string())
    text = column.cast(pa.string())
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def _say(error: str, message: str) -> None:
    with contextlib.suppress(OSError):
        os.write(2, ("\n" + json.dumps({"error": error, "message": message}) + "\n").encode())


def _too_much_memory(path: Path, limits: UploadLimits) -> str:
    return (
        f"{path.name} needs more than {limits.reader_memory_mb} MB to be read. Split it, or "
        "export it as CSV."
    )


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__


if __name__ == "__main__":
    main()
