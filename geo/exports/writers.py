"""Export files, written batch by batch: CSV, XLSX, GeoJSON, GeoPackage, GeoParquet.

Each bears a watermark: who asked for it, when it was written, the number of the request. In tables
it is a column of its own, so that it stays with rows that are copied elsewhere.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import shapely

from geo.errors import InvalidFile
from geo.exports.kind import ExportKind, Row
from geo.geocoding.writers import XLSX_MAX_ROWS, xlsx_cell
from geo.importers.failures import disarmed

MARK_COLUMN = "gridbeat_export"
DECIMALS = 7  # of degrees, a centimetre; as in the API
_PARQUET_TYPES = {
    "text": pa.string(), "int": pa.int64(), "float": pa.float64(),
    "time": pa.timestamp("us", tz="UTC"), "date": pa.date32(),
}  # fmt: skip
_PANDAS_TYPES = {"text": "string", "int": "Int64", "float": "Float64"}


@dataclass(frozen=True, slots=True)
class ExportMark:
    """The watermark. `written_at` has the zone of the deployment."""

    request_id: int
    requested_by: str
    approved_by: str | None
    written_at: datetime

    @property
    def text(self) -> str:
        approved = f", approved by {self.approved_by}" if self.approved_by else ""
        when = f"{self.written_at:%Y-%m-%d %H:%M %z}"
        return f"GridBeat export {self.request_id}, {self.requested_by}, {when}{approved}"


class ExportWriter(AbstractContextManager["ExportWriter"]):
    """Writes one file; `append` may be called again and again, and holds nothing of what it got."""

    def __init__(self, path: Path, kind: ExportKind, mark: ExportMark) -> None:
        self.path, self.kind, self.mark = path, kind, mark
        self.open()

    def open(self) -> None:
        raise NotImplementedError

    def append(self, rows: Sequence[Row]) -> None:
        """Write rows; a kind with shapes has each as WKB behind its columns."""
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def width(self) -> int:
        return len(self.kind.columns)


class CsvWriter(ExportWriter):
    """UTF-8 with its mark, as Excel expects it; text that would start a formula is disarmed.

    Source: RFC 4180; OWASP, CSV injection
    """

    def open(self) -> None:
        self._file = self.path.open("w", encoding="utf-8-sig", newline="", errors="replace")
        self._writer = csv.writer(self._file)
        self._writer.writerow([*self.kind.columns, MARK_COLUMN])

    def append(self, rows: Sequence[Row]) -> None:
        mark = self.mark.text
        self._writer.writerows(
            [*(_csv_cell(value) for value in row[: self.width]), mark] for row in rows
        )

    def close(self) -> None:
        self._file.close()


class XlsxWriter(ExportWriter):
    """One sheet; text is text, never a formula. The watermark stands in the column, the properties
    and the head of each printed page."""

    def open(self) -> None:
        self._book = openpyxl.Workbook(write_only=True)
        self._book.properties.creator = self.mark.requested_by
        self._book.properties.title = f"GridBeat {self.kind.name}"
        self._book.properties.description = self.mark.text
        self._sheet: Any = self._book.create_sheet(self.kind.name)
        self._sheet.oddHeader.center.text = self.mark.text.replace("&", "&&")
        self._sheet.print_title_rows = "1:1"
        self._sheet.freeze_panes = "A2"
        self._row_count = 1
        self._sheet.append([*self.kind.columns, MARK_COLUMN])

    def append(self, rows: Sequence[Row]) -> None:
        self._row_count += len(rows)
        if self._row_count > XLSX_MAX_ROWS:
            raise InvalidFile(
                f"An XLSX sheet holds {XLSX_MAX_ROWS - 1:,} rows, and there are more. Ask for CSV."
            )
        mark = self.mark.text
        for row in rows:
            cells = (xlsx_cell(self._sheet, _plain(value)) for value in row[: self.width])
            self._sheet.append([*cells, mark])

    def close(self) -> None:
        self._book.save(self.path)


class GeoJsonWriter(ExportWriter):
    """RFC 7946; the watermark is a foreign member of the collection (section 6.1)."""

    def open(self) -> None:
        self._file = self.path.open("w", encoding="utf-8", errors="replace")
        mark = json.dumps(self.mark.text, ensure_ascii=False)
        self._file.write(f'{{"type":"FeatureCollection","{MARK_COLUMN}":{mark},"features":[')
        self._between = "\n"

    def append(self, rows: Sequence[Row]) -> None:
        shapes = shapely.transform(
            np.asarray(_shapes(rows), dtype=object), lambda degrees: np.round(degrees, DECIMALS)
        )
        for row, shape in zip(rows, shapely.to_geojson(shapes), strict=True):
            values = dict(zip(self.kind.columns, map(_plain, row[: self.width]), strict=True))
            told = json.dumps(values, ensure_ascii=False)
            head = f'{self._between}{{"type":"Feature","geometry":{shape or "null"}'
            self._file.write(f'{head},"properties":{told}}}')
            self._between = ",\n"

    def close(self) -> None:
        self._file.write("\n]}\n")
        self._file.close()


class GeoPackageWriter(ExportWriter):
    """OGC GeoPackage; the watermark is metadata of the layer."""

    def open(self) -> None:
        self._is_begun = False

    def append(self, rows: Sequence[Row]) -> None:
        columns = {
            name: pd.Series(
                [_plain(row[at]) for row in rows], dtype=_PANDAS_TYPES.get(kind, "string")
            )
            for at, (name, kind) in enumerate(self.kind.columns.items())
        }
        frame = gpd.GeoDataFrame(columns, geometry=_shapes(rows), crs="EPSG:4326")
        pyogrio.write_dataframe(
            frame,
            self.path,
            driver="GPKG",
            layer=self.kind.name,
            geometry_type=self.kind.geometry,
            append=self._is_begun,
            layer_metadata=None if self._is_begun else {MARK_COLUMN: self.mark.text},
        )
        self._is_begun = True

    def close(self) -> None:
        if not self._is_begun:
            self.append([])


class GeoParquetWriter(ExportWriter):
    """GeoParquet 1.1: shapes as WKB in longitude and latitude (OGC:CRS84, its default); the
    watermark is metadata of the file."""

    def open(self) -> None:
        geo = {
            "version": "1.1.0",
            "primary_column": "geometry",
            "columns": {
                "geometry": {"encoding": "WKB", "geometry_types": [self.kind.geometry or ""]}
            },
        }
        fields = [(name, _PARQUET_TYPES[kind]) for name, kind in self.kind.columns.items()]
        self._schema = pa.schema(
            [*fields, ("geometry", pa.binary())],
            metadata={"geo": json.dumps(geo), MARK_COLUMN: self.mark.text},
        )
        self._writer = pq.ParquetWriter(self.path, self._schema, compression="zstd")

    def append(self, rows: Sequence[Row]) -> None:
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(self._schema)
        self._writer.write_table(pa.table(list(map(list, columns)), schema=self._schema))

    def close(self) -> None:
        self._writer.close()


WRITERS: dict[str, type[ExportWriter]] = {
    "csv": CsvWriter,
    "xlsx": XlsxWriter,
    "geojson": GeoJsonWriter,
    "gpkg": GeoPackageWriter,
    "parquet": GeoParquetWriter,
}


def _csv_cell(value: Any) -> Any:
    plain = _plain(value)
    return disarmed(plain) if isinstance(plain, str) else plain


def _plain(value: Any) -> Any:
    """Times and days as ISO 8601, in UTC: a spreadsheet knows no zones."""
    return value.isoformat() if isinstance(value, date | datetime) else value


def _shapes(rows: Sequence[Row]) -> list[Any]:
    return list(shapely.from_wkb([None if row[-1] is None else bytes(row[-1]) for row in rows]))
