"""Parquet and GeoParquet, in batches."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from geo.errors import FileTooLarge, InvalidFile
from geo.importers.reader_process import RawTable
from geo.importers.upload_safety import MB, UploadLimits


def open_parquet(
    path: Path, table_name: str | None, batch_rows: int, limits: UploadLimits
) -> RawTable:
    """Open the one table of a Parquet file; `table_name` is not used.

    Raises
    ------
    InvalidFile : damaged, or a geometry that isn't WKB
    FileTooLarge : over `limits` when unpacked, in columns or in rows
    """
    try:
        file = pq.ParquetFile(path, memory_map=False, pre_buffer=False)
    except (pa.ArrowInvalid, OSError) as error:
        raise InvalidFile(f"{path.name} is half a file or damaged. Fetch it again.") from error
    about = file.metadata
    unpacked = sum(about.row_group(i).total_byte_size for i in range(about.num_row_groups))
    if unpacked > limits.max_unpacked_bytes or about.num_columns > limits.max_columns:
        raise FileTooLarge(
            f"{path.name} unpacks to {unpacked / MB:.0f} MB in {about.num_columns} columns; at "
            f"most {limits.max_unpacked_bytes / MB:.0f} MB and {limits.max_columns} columns are "
            "taken. Split it."
        )
    geometry_name, crs = _geometry(path, file)
    return RawTable(
        batches=_batches(path, file, batch_rows),
        first_row=1,
        crs=crs,
        row_count=about.num_rows,
        geometry_name=geometry_name,
    )


def _batches(path: Path, file: pq.ParquetFile, batch_rows: int) -> Iterator[pa.RecordBatch]:
    sent = 0
    try:
        for batch in file.iter_batches(batch_size=batch_rows, use_threads=False):
            sent += 1
            yield batch
    except (pa.ArrowInvalid, OSError) as error:
        raise InvalidFile(f"{path.name} is damaged after batch {sent}. Fetch it again.") from error
    if sent == 0:
        yield pa.RecordBatch.from_pylist([], schema=file.schema_arrow)


def _geometry(path: Path, file: pq.ParquetFile) -> tuple[str | None, str | None]:
    """The geometry column and its CRS by GeoParquet's metadata (1.0, 1.1)."""
    metadata = file.schema_arrow.metadata or {}
    if b"geo" not in metadata:
        return None, None
    try:
        geo = json.loads(metadata[b"geo"])
        name = str(geo["primary_column"])
        column = geo["columns"][name]
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidFile(f"{path.name} has GeoParquet metadata that can't be read.") from error
    if column.get("encoding") != "WKB":
        raise InvalidFile(
            f"{path.name} holds geometry as {column.get('encoding')}, wanted WKB. Write it with "
            "geometry_encoding='WKB'."
        )
    return name, _crs_name(column.get("crs", "OGC:CRS84"))


def _crs_name(crs: object) -> str | None:
    if isinstance(crs, dict):
        code = crs.get("id", {})
        if isinstance(code, dict) and "code" in code:
            return f"{code.get('authority', 'EPSG')}:{code['code']}"
        return str(crs.get("name", "unknown"))[:80]
    return str(crs) if crs is not None else None
