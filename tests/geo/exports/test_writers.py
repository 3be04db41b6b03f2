"""Export files: what a spreadsheet and a map make of them, their watermark, and their memory."""

from __future__ import annotations

import csv
import io
import json
import weakref
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import InvalidFile
from geo.exports import writers
from geo.exports.kinds import EXPORT_KINDS, ExportKind
from geo.exports.writers import MARK_COLUMN, WRITERS, ExportMark

MARK = ExportMark(
    12, "wang", "chief", datetime(2026, 11, 25, 9, tzinfo=timezone(timedelta(hours=8)))
)
TOLD = "GridBeat export 12, wang, 2026-11-25 09:00 +0800, approved by chief"
EVIL = ["=1+1", "+1+cmd|' /C calc'!A0", "-1+1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("x")']


def kind_of(geometry: str | None = "Point", **columns: Any) -> ExportKind:
    return ExportKind("places", columns, lambda *_: pytest.fail("not read"), geometry)  # type: ignore[arg-type]


PLACES = kind_of(name="text", count="int", share="float", at="time", day="date")
ROW = ("甲路1号", 3, 0.5, datetime(2026, 1, 2, 3, tzinfo=UTC), date(2026, 1, 2))
POINT = shapely.to_wkb(shapely.Point(112.123456789, 37.5))


def write(tmp_path: Path, ending: str, rows: list[Any], kind: ExportKind = PLACES) -> Path:
    path = tmp_path / f"x.{ending}"
    with WRITERS[ending](path, kind, MARK) as writer:
        for row in rows:
            writer.append([row])
    return path


def test_csv_is_read_by_excel_as_utf8_and_each_row_bears_the_mark(tmp_path: Path) -> None:
    raw = write(tmp_path, "csv", [(*ROW, POINT)]).read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    (row,) = csv.DictReader(io.StringIO(raw.decode("utf-8-sig")))
    assert row == {
        "name": "甲路1号", "count": "3", "share": "0.5", "at": "2026-01-02T03:00:00+00:00",
        "day": "2026-01-02", MARK_COLUMN: TOLD,
    }  # fmt: skip


@pytest.mark.parametrize("evil", EVIL)
def test_no_text_becomes_a_formula(tmp_path: Path, evil: str) -> None:
    kind = kind_of(None, name="text")
    written = write(tmp_path, "csv", [(evil,)], kind).read_bytes().decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(written, newline=""))
    assert row["name"] == "'" + evil
    sheet = openpyxl.load_workbook(write(tmp_path, "xlsx", [(evil,)], kind)).active
    assert sheet is not None
    assert sheet["A2"].data_type == "s"


@given(text=st.text(max_size=30))
def test_a_row_of_csv_stays_one_row_whatever_its_text(text: str) -> None:
    cell = writers._csv_cell(text)
    file = io.StringIO(newline="")
    csv.writer(file).writerow([cell, "next"])
    (row,) = csv.reader(io.StringIO(file.getvalue(), newline=""))
    assert row == [cell, "next"]
    assert cell in (text, "'" + text)


def test_xlsx_bears_the_mark_thrice(tmp_path: Path) -> None:
    book = openpyxl.load_workbook(write(tmp_path, "xlsx", [(*ROW, POINT)]))
    sheet = book["places"]
    values = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert values[0] == ["name", "count", "share", "at", "day", MARK_COLUMN]
    assert values[1] == ["甲路1号", 3, 0.5, "2026-01-02T03:00:00+00:00", "2026-01-02", TOLD]
    assert book.properties.description == TOLD
    assert book.properties.creator == "wang"
    assert sheet.oddHeader.center.text == TOLD


def test_a_sheet_that_would_overflow_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writers, "XLSX_MAX_ROWS", 2)
    with pytest.raises(InvalidFile, match="holds 1 rows"):
        write(tmp_path, "xlsx", [(*ROW, POINT), (*ROW, POINT)])


def test_geojson(tmp_path: Path) -> None:
    found = json.loads(write(tmp_path, "geojson", [(*ROW, POINT), (*ROW, None)]).read_text())
    assert found["type"] == "FeatureCollection"
    assert found[MARK_COLUMN] == TOLD
    first, second = found["features"]
    assert first["geometry"] == {"type": "Point", "coordinates": [112.1234568, 37.5]}
    assert first["properties"] == {
        "name": "甲路1号", "count": 3, "share": 0.5, "at": "2026-01-02T03:00:00+00:00",
        "day": "2026-01-02",
    }  # fmt: skip
    assert second["geometry"] is None
    assert json.loads(write(tmp_path, "geojson", []).read_text())["features"] == []


def test_geopackage(tmp_path: Path) -> None:
    empty = ("", None, None, None, None, None)
    path = write(tmp_path, "gpkg", [empty, (*ROW, POINT)])
    frame = pyogrio.read_dataframe(path)
    assert frame.crs == "EPSG:4326"
    assert frame["name"].tolist() == ["", "甲路1号"]
    assert frame["count"].tolist()[1] == 3
    assert frame.geometry[1].x == pytest.approx(112.123456789)
    assert pyogrio.read_info(path)["layer_metadata"][MARK_COLUMN] == TOLD
    (tmp_path / "none").mkdir()
    assert len(pyogrio.read_dataframe(write(tmp_path / "none", "gpkg", []))) == 0


def test_geoparquet(tmp_path: Path) -> None:
    path = write(tmp_path, "parquet", [(*ROW, POINT), (*ROW, None)])
    table = pq.read_table(path)
    metadata = table.schema.metadata
    geo = json.loads(metadata[b"geo"])
    assert geo["columns"]["geometry"] == {"encoding": "WKB", "geometry_types": ["Point"]}
    assert metadata[MARK_COLUMN.encode()].decode() == TOLD
    assert table["name"].to_pylist() == ["甲路1号", "甲路1号"]
    assert shapely.from_wkb(table["geometry"][0].as_py()) == shapely.Point(112.123456789, 37.5)
    assert pq.read_table(write(tmp_path, "parquet", [])).num_rows == 0


class Batch(list[Any]):
    """A list that can be watched."""

    __hash__ = object.__hash__  # type: ignore[assignment]


@pytest.mark.parametrize("ending", WRITERS)
def test_nothing_of_what_was_written_is_held(tmp_path: Path, ending: str) -> None:
    alive: weakref.WeakSet[Batch] = weakref.WeakSet()

    def batches() -> Iterator[Batch]:
        for _ in range(5):
            batch = Batch([(*ROW, POINT)] * 10)
            alive.add(batch)
            yield batch
            del batch

    most = 0
    with WRITERS[ending](tmp_path / f"x.{ending}", PLACES, MARK) as writer:
        for batch in batches():
            writer.append(batch)
            most = max(most, len(alive))
    assert most <= 2


def test_nothing_about_persons_is_had_as_a_map() -> None:
    persons = ExportKind("persons", {"name": "text"}, lambda *_: None, "Point", True)  # type: ignore[arg-type,return-value]
    assert persons.formats == ("csv", "xlsx")
    assert "geojson" in EXPORT_KINDS["addresses"].formats
    for kind in EXPORT_KINDS.values():
        assert not {"person_in_charge", "contact", "decided_by"} & set(kind.columns), kind.name
