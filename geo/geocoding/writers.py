"""Write finished chunks as one file: CSV, XLSX, Parquet or GeoPackage, by its ending.

Each writer makes a temporary file that takes the place of the output when it is complete. Text that
a spreadsheet would take for a formula is disarmed in CSV and stored as text in XLSX.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import shapely
from openpyxl.cell import WriteOnlyCell

from geo.errors import InvalidFile
from geo.importers.failures import disarmed

XLSX_MAX_ROWS = 1_048_576  # of one sheet, the heading included
_NOT_IN_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f￾￿]")


def check_output(source: Path, out: Path) -> None:
    """Refuse an output that has no writer, no folder, or would overwrite its own source.

    Raises
    ------
    InvalidFile
    """
    if out.suffix.lower() not in WRITERS:
        raise InvalidFile(
            f"{out.name} ends in {out.suffix or 'nothing'}. Wanted one of "
            f"{', '.join(sorted(WRITERS))}.",
            file=out.name,
        )
    if source.resolve() == out.resolve():
        raise InvalidFile(f"{out.name} would overwrite its own source. Give another name.")
    if not out.parent.is_dir():
        raise InvalidFile(f"There is no folder {out.parent} to write {out.name} into. Make it.")


def write_output(parts: Sequence[Path], out: Path) -> None:
    """Write the chunks to `out`, which is there whole or not at all.

    Raises
    ------
    InvalidFile : more rows than an XLSX sheet holds
    """
    unfinished = out.with_name(f".{out.stem}.unfinished{out.suffix}")
    unfinished.unlink(missing_ok=True)
    WRITERS[out.suffix.lower()](parts, unfinished)
    unfinished.replace(out)


def _write_csv(parts: Sequence[Path], path: Path) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        for number, part in enumerate(parts):
            table = pq.read_table(part)
            if number == 0:
                writer.writerow([disarmed(name) for name in table.column_names])
            writer.writerows([_csv_cell(value) for value in row] for row in _rows(table))


def _csv_cell(value: Any) -> Any:
    return disarmed(value) if isinstance(value, str) else value


def _write_xlsx(parts: Sequence[Path], path: Path) -> None:
    total = sum(pq.read_metadata(part).num_rows for part in parts)
    if total >= XLSX_MAX_ROWS:
        raise InvalidFile(
            f"The result has {total:,} rows, an XLSX sheet holds {XLSX_MAX_ROWS - 1:,}. "
            "Write .csv or .parquet; what is done is kept.",
            rows=total,
        )
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("addresses")
    for number, part in enumerate(parts):
        table = pq.read_table(part)
        if number == 0:
            sheet.append([xlsx_cell(sheet, name) for name in table.column_names])
        for row in _rows(table):
            sheet.append([xlsx_cell(sheet, value) for value in row])
    book.save(path)


def xlsx_cell(sheet: Any, value: Any) -> Any:
    """Return a value as a sheet that is only written takes it; text is text, never a formula."""
    if not isinstance(value, str):
        return value
    cell = WriteOnlyCell(sheet, _NOT_IN_XML.sub(" ", value)[:32_767])
    cell.data_type = "s"
    return cell


def _write_parquet(parts: Sequence[Path], path: Path) -> None:
    if not parts:
        pq.write_table(pa.table({}), path)
        return
    with pq.ParquetWriter(path, pq.read_schema(parts[0])) as writer:
        for part in parts:
            writer.write_table(pq.read_table(part))


def _write_geopackage(parts: Sequence[Path], path: Path) -> None:
    for number, part in enumerate(parts):
        frame = pq.read_table(part).to_pandas()
        points = [
            None if x != x else shapely.Point(x, y)
            for x, y in zip(frame["gb_x"], frame["gb_y"], strict=True)
        ]
        frame = gpd.GeoDataFrame(frame, geometry=points, crs="EPSG:4326")
        pyogrio.write_dataframe(
            frame, path, driver="GPKG", layer="addresses", geometry_type="Point", append=number > 0
        )


def _rows(table: pa.Table) -> Any:
    return zip(*(column.to_pylist() for column in table.columns), strict=True)


WRITERS: dict[str, Callable[[Sequence[Path], Path], None]] = {
    ".csv": _write_csv,
    ".xlsx": _write_xlsx,
    ".parquet": _write_parquet,
    ".gpkg": _write_geopackage,
}
