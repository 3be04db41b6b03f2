"""Tables of every kind come out the same: text columns, row numbers as in the source, faults."""

from __future__ import annotations

import sqlite3
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import openpyxl
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import FileTooLarge, InvalidFile, InvalidInput, InvalidMapping
from geo.importers.delimited import sniff_encoding
from geo.importers.tabular import open_table
from geo.importers.upload_safety import UploadLimits

LIMITS = UploadLimits()
NAMES = ("编号", "地址", "经度")
ROWS = [("001", "测试路1号", "116.5"), ("002", None, "116.25"), ("003", "东门“老”巷,2号", None)]


def _read(path: Path, chunk_rows: int = 20_000, **options: Any) -> dict[str, Any]:
    with open_table(path, limits=LIMITS, chunk_rows=chunk_rows, **options) as table:
        rows: list[tuple[str | None, ...]] = []
        numbers: list[int] = []
        faults: list[str | None] = []
        shapes: list[Any] = []
        sizes: list[int] = []
        for chunk in table.chunks():
            values = chunk.values.astype(object).where(chunk.values.notna(), None)
            rows += list(values.itertuples(index=False, name=None))
            numbers += chunk.row_numbers.tolist()
            faults += chunk.faults.tolist()
            shapes += [] if chunk.geometry is None else chunk.geometry.tolist()
            sizes.append(len(chunk))
        return {
            "table": table,
            "rows": rows,
            "numbers": numbers,
            "faults": faults,
            "shapes": shapes,
            "sizes": sizes,
        }


def _csv(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


CSV = '编号,地址,经度\n001,测试路1号,116.5\n002,,116.25\n003,"东门“老”巷,2号",\n'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_csv_in_every_encoding_that_is_about(tmp_path: Path, encoding: str) -> None:
    found = _read(_csv(tmp_path / "a.csv", CSV, encoding))
    assert found["table"].columns == NAMES
    assert found["table"].encoding == encoding
    assert found["rows"] == ROWS
    assert found["numbers"] == [2, 3, 4]
    assert found["faults"] == [None] * 3


@pytest.mark.parametrize("delimiter", ["\t", ";", "|"])
def test_delimiters_are_found_out(tmp_path: Path, delimiter: str) -> None:
    text = f"编号{delimiter}地址\n1{delimiter}测试路1号,东门\n2{delimiter}测试路2号,西门\n"
    found = _read(_csv(tmp_path / "a.txt", text))
    assert found["table"].delimiter == delimiter
    assert found["rows"] == [("1", "测试路1号,东门"), ("2", "测试路2号,西门")]


def test_one_bad_row_is_one_fault_with_its_line(tmp_path: Path) -> None:
    text = (
        "编号,地址\n"
        "1,好路1号\n"
        "2\n"  # cut off
        "3,好路3号,多余\n"
        '4,"从未合上\n'
        "5,好路5号\n"
        '6,"两行\n的地址"\n'
        "7,有\x00空\n"
        "8,好路8号\n"
    )
    found = _read(_csv(tmp_path / "a.csv", text))
    faults = dict(zip(found["numbers"], found["faults"], strict=True))
    good = [number for number, fault in faults.items() if fault is None]
    # Lines: the header is 1, so row "1" is line 2; row "6" spans lines 7 and 8.
    assert good == [2, 6, 7, 10]
    assert "has 1 cells" in faults[3]
    assert "has 3 cells" in faults[4]
    assert "never closed" in faults[5]
    assert "NUL" in faults[9]


def test_bytes_that_are_no_text_are_a_fault_of_their_row(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    head = "编号,地址\n".encode() + "9,远东路9号\n".encode() * 200
    path.write_bytes(head + b"1,\xff\xfe\xff\n" + "2,好路2号\n".encode())
    found = _read(path)
    assert found["table"].encoding == "utf-8"
    assert [n for n, fault in zip(found["numbers"], found["faults"], strict=True) if fault] == [202]
    assert found["rows"][-1] == ("2", "好路2号")


def test_half_a_file_loses_only_its_last_row(tmp_path: Path) -> None:
    whole = "编号,地址,经度\n" + "".join(f"{n},测试路{n}号,116.5\n" for n in range(100))
    found = _read(_csv(tmp_path / "a.csv", whole[:-8]))
    assert sum(fault is None for fault in found["faults"]) == 99
    assert "cut off" in found["faults"][-1]


def test_a_line_of_ten_megabytes_is_a_fault_and_is_not_held(tmp_path: Path) -> None:
    text = "编号,地址\n1," + "长" * 3_400_000 + "\n2,好路2号\n3," + "长" * 200_000 + "\n"
    found = _read(_csv(tmp_path / "a.csv", text))
    assert [bool(fault) for fault in found["faults"]] == [True, False, True]
    assert found["rows"][1] == ("2", "好路2号")


def test_a_header_names_each_column_once(tmp_path: Path) -> None:
    found = _read(_csv(tmp_path / "a.csv", "地址,,地址\n甲路1号,乙,丙\n"))
    assert found["table"].columns == ("地址", "column_2", "地址_2")


@pytest.mark.parametrize("text", ["\n\n", ",,\n"])
def test_a_file_without_header_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidFile, match="no header"):
        _read(_csv(tmp_path / "a.csv", text))


def test_an_unknown_encoding_is_refused_and_a_known_one_taken(tmp_path: Path) -> None:
    path = _csv(tmp_path / "a.csv", CSV, "gb18030")
    with pytest.raises(InvalidFile, match="encoding"):
        _read(path, encoding="klingon")
    with pytest.raises(InvalidFile, match="encoding"):
        _read(path, encoding="base64")
    assert _read(path, encoding="GBK")["rows"] == ROWS


def test_binary_rubbish_is_no_table(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(bytes(range(256)) * 4 + bytes(5000))
    with pytest.raises(InvalidInput):
        _read(path)


@settings(max_examples=50, deadline=None)
@given(st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=20))
def test_chinese_text_is_never_taken_for_the_other_encoding(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.mktemp("e") / "a.csv"
    for encoding in ("utf-8", "gb18030"):
        path.write_bytes(f"地址,名称\n{text},店\n".encode(encoding))
        assert sniff_encoding(path) == encoding


def test_json_lines_with_bad_lines(tmp_path: Path) -> None:
    lines = ['{"地址": "甲路1号", "n": 1.0, "more": {"a": [1]}}', "", "{broken", '"text"',
             '{"n": null, "地址": "乙路2号"}']  # fmt: skip
    found = _read(_csv(tmp_path / "a.jsonl", "\n".join(lines)))
    assert found["table"].columns == ("地址", "n", "more")
    assert found["rows"][0] == ("甲路1号", "1", '{"a": [1]}')
    assert found["numbers"] == [1, 3, 4, 5]
    assert [bool(fault) for fault in found["faults"]] == [False, True, True, False]


def _workbook(path: Path, rows: list[list[Any]], title: str = "地址表") -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    for row in rows:
        sheet.append(row)
    book.save(path)
    return path


def test_xlsx_below_a_title_with_codes_and_dates_as_text(tmp_path: Path) -> None:
    rows: list[list[Any]] = [
        ["附件一", None, None, None],
        [],
        ["编号", "地址", "经度", "日期"],
        [110101, "测试路1号", 116.5, date(2026, 1, 2)],
        [None, None, None, None],
        [7.25, "测试路2号", None, True],
    ]
    found = _read(_workbook(tmp_path / "a.csv", rows))
    assert found["table"].columns == ("编号", "地址", "经度", "日期")
    assert found["table"].table_names == ("地址表",)
    assert found["rows"] == [
        ("110101", "测试路1号", "116.5", "2026-01-02"),
        ("7.25", "测试路2号", None, "true"),
    ]
    assert found["numbers"] == [4, 6]


def test_a_formula_that_was_never_computed_is_a_fault_of_its_row(tmp_path: Path) -> None:
    rows: list[list[Any]] = [["编号", "地址"], [1, "甲路1号"], [2, '="乙路"&"2号"'], [3, "丙路3号"]]
    found = _read(_workbook(tmp_path / "a.xlsx", rows))
    assert [bool(fault) for fault in found["faults"]] == [False, True, False]
    assert "formula in B3" in found["faults"][1]


def test_formulas_of_another_sheet_don_t_matter(tmp_path: Path) -> None:
    path = _workbook(tmp_path / "a.xlsx", [["编号", "地址"], [1, "甲路1号"]])
    book = openpyxl.load_workbook(path)
    book.create_sheet("说明").append(["=1+1", "=2+2"])
    book.save(path)
    assert _read(path)["faults"] == [None]
    with pytest.raises(InvalidMapping, match="no sheet"):
        _read(path, table_name="没有")


def test_a_cell_far_to_the_right_does_not_eat_the_memory(tmp_path: Path) -> None:
    path = _workbook(tmp_path / "a.xlsx", [["编号", "地址"], [1, "甲路1号"]])
    book = openpyxl.load_workbook(path)
    book.active["XFD1048576"] = "x"  # type: ignore[index]
    book.save(path)
    with pytest.raises(FileTooLarge, match="column 16384"):
        _read(path)


def test_a_workbook_that_is_a_bomb_is_refused(tmp_path: Path) -> None:
    rows: list[list[Any]] = [["地址"], *[["x" * 30_000]] * 1_000]
    path = _workbook(tmp_path / "a.xlsx", rows)
    tight = UploadLimits(max_ratio=20, ratio_free_bytes=1_000)
    with pytest.raises(FileTooLarge, match="ZIP bomb"), open_table(path, limits=tight):
        pass


def test_half_a_workbook_is_refused(tmp_path: Path) -> None:
    data = _workbook(tmp_path / "a.xlsx", [["地址"], ["甲路1号"]]).read_bytes()
    (tmp_path / "half.xlsx").write_bytes(data[: len(data) // 2])
    with pytest.raises(InvalidFile, match="half a file"):
        _read(tmp_path / "half.xlsx")


@pytest.fixture
def places() -> gpd.GeoDataFrame:
    values = {"编号": ["001", "002", "003"], "地址": ["甲路1号", None, "丙路3号"], "n": [1, 2, 3]}
    points = [shapely.Point(116.5, 39.9), None, shapely.Point(116.7, 39.8)]
    return gpd.GeoDataFrame(values, geometry=points, crs=4490)


@pytest.mark.parametrize("kind", ["gpkg", "geojson", "parquet"])
def test_formats_with_geometry(tmp_path: Path, places: gpd.GeoDataFrame, kind: str) -> None:
    path = tmp_path / f"a.{kind}"
    places.to_parquet(path) if kind == "parquet" else places.to_file(path)
    found = _read(path, chunk_rows=2)
    assert found["table"].columns == ("编号", "地址", "n")
    assert found["table"].has_geometry
    assert found["table"].crs == "EPSG:4490"
    assert found["rows"] == [("001", "甲路1号", "1"), ("002", None, "2"), ("003", "丙路3号", "3")]
    assert found["numbers"] == [1, 2, 3]
    assert found["sizes"] == [2, 1]
    assert [None if s is None else (s.x, s.y) for s in found["shapes"]] == [
        (116.5, 39.9),
        None,
        (116.7, 39.8),
    ]


def test_plain_parquet(tmp_path: Path) -> None:
    frame = pd.DataFrame({"地址": ["甲路1号", None], "code": [110101.0, None], "x": [1.5, 2.0]})
    frame.to_parquet(tmp_path / "a.parquet")
    found = _read(tmp_path / "a.parquet")
    assert found["rows"] == [("甲路1号", "110101", "1.5"), (None, None, "2")]
    assert not found["table"].has_geometry


def test_half_files_of_every_kind_are_refused(tmp_path: Path, places: gpd.GeoDataFrame) -> None:
    for kind in ("gpkg", "geojson", "parquet"):
        path = tmp_path / f"a.{kind}"
        places.to_parquet(path) if kind == "parquet" else places.to_file(path)
        data = path.read_bytes()
        path.write_bytes(data[: len(data) * 2 // 3])
        with pytest.raises(InvalidFile):
            _read(path)


def test_triggers_and_views_of_a_geopackage_never_run(
    tmp_path: Path, places: gpd.GeoDataFrame
) -> None:
    path = tmp_path / "a.gpkg"
    places.to_file(path, layer="places")
    connection = sqlite3.connect(path)
    connection.executescript(
        """
        CREATE TABLE caught (what TEXT);
        CREATE TRIGGER spy AFTER INSERT ON caught BEGIN DELETE FROM places; END;
        CREATE VIEW sly AS SELECT * FROM places;
        INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id)
            VALUES ('sly', 'attributes', 'sly', 0);
        """
    )
    connection.close()
    before = path.read_bytes()
    found = _read(path)
    assert len(found["rows"]) == 3
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    notes = " ".join(found["table"].notes)
    assert "1 triggers" in notes
    assert "sly" in notes
    with pytest.raises(InvalidMapping, match="no layer"):
        _read(path, table_name="sly")


def test_a_geopackage_whose_own_tables_are_views_is_refused(
    tmp_path: Path, places: gpd.GeoDataFrame
) -> None:
    path = tmp_path / "a.gpkg"
    places.to_file(path, layer="places")
    connection = sqlite3.connect(path)
    connection.executescript(
        "ALTER TABLE gpkg_contents RENAME TO real_contents;"
        "CREATE VIEW gpkg_contents AS SELECT * FROM real_contents;"
    )
    connection.close()
    with pytest.raises(InvalidFile, match="no plain GeoPackage"):
        _read(path)


def test_several_layers_need_a_name(tmp_path: Path, places: gpd.GeoDataFrame) -> None:
    path = tmp_path / "a.gpkg"
    places.to_file(path, layer="one")
    places.head(1).to_file(path, layer="two")
    with pytest.raises(InvalidMapping, match="2 layers: one, two"):
        _read(path)
    assert len(_read(path, table_name="two")["rows"]) == 1


def test_a_reader_over_its_memory_is_ended(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"  # a few kB that unpack to 400 MB
    pd.DataFrame({"a": ["x" * 1000] * 400_000}).to_parquet(path)
    tight = UploadLimits(reader_memory_mb=300)
    with (
        pytest.raises(InvalidInput),
        open_table(path, limits=tight, chunk_rows=400_000) as table,
    ):
        list(table.chunks())


def test_a_reader_that_falls_silent_is_ended(tmp_path: Path, places: gpd.GeoDataFrame) -> None:
    places.to_file(tmp_path / "a.gpkg")
    hasty = UploadLimits(reader_silence_s=0.001)
    with (
        pytest.raises(InvalidFile, match="took longer"),
        open_table(tmp_path / "a.gpkg", limits=hasty),
    ):
        pass


def test_a_shapefile_reads_in_its_own_encoding(tmp_path: Path, places: gpd.GeoDataFrame) -> None:
    places.dropna().to_file(tmp_path / "a.shp", encoding="gb18030")
    found = _read(tmp_path / "a.shp")
    assert found["rows"][0][1] == "甲路1号"


def test_an_archive_must_be_unpacked_first(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.csv", CSV)
    with pytest.raises(InvalidFile, match="Unpack it"):
        _read(tmp_path / "a.zip")
