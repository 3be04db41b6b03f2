"""Points of a file → grids and H3 cells: the file is written again with what was found."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy.orm import Session

from geo.crs import CoordinateFault, Datum, check_coordinates, to_wgs84
from geo.errors import InvalidMapping
from geo.geocoding.writers import check_output, write_output
from geo.h3_cells import h3_cell_to_text
from geo.importers.address_fields import ADDRESS_FIELDS
from geo.importers.mapping import ColumnMapping, guess_mapping
from geo.importers.tabular import TableChunk, TableSource, open_table
from geo.importers.upload_safety import UploadLimits
from geo.stored_grids import StoredGrids, load_stored_grids

CHUNK_ROWS = 50_000
POINT_RULES = {name: ADDRESS_FIELDS[name] for name in ("lon", "lat")}

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class AssignedFile:
    """What became of a file of points. `rows` = `in_grid` + `in_no_grid` + the sum of `faults`."""

    rows: int
    in_grid: int
    in_no_grid: int
    faults: Mapping[str, int]
    mapping: ColumnMapping
    out: Path


def assign_file(
    session: Session,
    path: Path,
    out: Path,
    *,
    datum: Datum,
    on: date,
    limits: UploadLimits,
    overrides: Mapping[str, str] | None = None,
    table_name: str | None = None,
    progress: Progress | None = None,
) -> AssignedFile:
    """Write a table of points again with the grid (valid on a day) and the H3 cell of each.

    New columns: `gb_row` (number in the source), `gb_x`, `gb_y` (WGS 84), `gb_grid_code`,
    `gb_h3_cell`, `gb_fault` (why a row has no usable point). No row is left out.

    Parameters
    ----------
    path : CSV, XLSX, Parquet, GeoPackage … (see `geo.importers.tabular`)
    out : .csv, .xlsx, .parquet or .gpkg; there whole or not at all
    datum : of the two coordinate columns
    overrides : `lon` and `lat` → column, where the guess is wrong

    Raises
    ------
    InvalidFile, FileTooLarge : the table can't be read, or `out` has no known ending
    InvalidMapping : no columns of coordinates
    """
    check_output(path, out)
    grids = load_stored_grids(session, on=on)
    work = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    counts: Counter[str] = Counter()
    try:
        with open_table(path, limits=limits, table_name=table_name, chunk_rows=CHUNK_ROWS) as table:
            mapping = _point_columns(table, overrides)
            for number, chunk in enumerate(table.chunks()):
                placed = _place(chunk, mapping, datum, grids)
                pq.write_table(placed, work / f"{number:07d}.parquet")
                counts["rows"] += len(chunk)
                counts.update(fault for fault in placed["gb_fault"].to_pylist() if fault)
                counts["in_grid"] += len(placed) - placed["gb_grid_code"].null_count
                if progress is not None:
                    progress(counts["rows"], table.row_count)
        write_output(sorted(work.glob("*.parquet")), out)
    finally:
        shutil.rmtree(work)
    rows, in_grid = counts.pop("rows"), counts.pop("in_grid")
    return AssignedFile(rows, in_grid, rows - in_grid - counts.total(), dict(counts), mapping, out)


def _point_columns(table: TableSource, overrides: Mapping[str, str] | None) -> ColumnMapping:
    mapping = guess_mapping(table.columns, table.sample, POINT_RULES, overrides=overrides)
    for name in POINT_RULES:
        if name not in mapping:
            raise InvalidMapping(
                f"No column of {table.path.name} looks like `{name}`. It has: "
                f"{', '.join(table.columns[:30])}. Name it: --map {name}=COLUMN.",
                columns=list(table.columns),
            )
    return mapping


def _place(chunk: TableChunk, mapping: ColumnMapping, datum: Datum, grids: StoredGrids) -> pa.Table:
    x, y = (
        pd.to_numeric(chunk.values[mapping.columns[name]], errors="coerce").to_numpy(float)
        for name in ("lon", "lat")
    )
    faults = check_coordinates(x, y, datum)
    unreadable = np.array([fault is not None for fault in chunk.faults], dtype=bool)
    usable = (faults == CoordinateFault.NONE) & ~unreadable
    lon, lat = np.full(len(x), np.nan), np.full(len(x), np.nan)
    lon[usable], lat[usable] = to_wgs84(x[usable], y[usable], datum)
    placed = grids.place(lon, lat)
    cells = [None if pd.isna(cell) else h3_cell_to_text(int(cell)) for cell in placed["h3_cell"]]
    return pa.table(
        {
            **{
                name: pa.array(chunk.values[name], pa.string(), from_pandas=True)
                for name in chunk.values.columns
                if not name.startswith("gb_")
            },
            "gb_row": chunk.row_numbers,
            "gb_x": pa.array(np.round(lon, 7), from_pandas=True),
            "gb_y": pa.array(np.round(lat, 7), from_pandas=True),
            "gb_grid_code": pa.array(placed["grid_code"], pa.string(), from_pandas=True),
            "gb_h3_cell": pa.array(cells, pa.string()),
            "gb_fault": pa.array(
                [
                    row_fault.reason if row_fault is not None else (str(fault) or None)
                    for row_fault, fault in zip(chunk.faults, faults, strict=True)
                ],
                pa.string(),
            ),
        }
    )
