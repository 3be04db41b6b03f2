"""Bad files of grids: each refused, or told by row; nothing stored."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely
from sqlalchemy.orm import Session

from geo.crs import WGS84, parse_datum
from geo.errors import (
    FileTooLarge,
    GridImportRejected,
    InvalidCoordinate,
    InvalidDatum,
    InvalidFile,
    InvalidMapping,
)
from geo.faults import FaultKind
from geo.importers.grids import GridImportOptions, check_grid_file, import_grid_table, import_grids
from geo.importers.polygons import polygons_to_wgs84, read_polygons
from geo.importers.upload_safety import MB, UploadLimits
from geo.ring_faults import examine_polygon
from tests.drawing import draw, square
from tests.geo.grid_drafts import code
from tests.geo.grid_files import grid_frame, table_of, write_grids

OPTIONS = GridImportOptions(datum=WGS84, valid_from=date(2026, 11, 23))
LIMITS = UploadLimits()
RING = [[112.55, 37.88], [112.551, 37.88], [112.551, 37.879], [112.55, 37.879], [112.55, 37.88]]


def geojson(path: Path, *geometries: Any) -> Path:
    features = [
        {"type": "Feature", "properties": {"code": code(number)}, "geometry": geometry}
        for number, geometry in enumerate(geometries, 1)
    ]
    text = json.dumps({"type": "FeatureCollection", "features": features})
    path.write_text(text, encoding="utf-8")
    return path


def polygon(*ring: Any) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [list(ring)]}


def moved(east: int) -> list[list[float]]:
    return [[round(x + 0.001 * east, 6), y] for x, y in RING]


def test_broken_geometry_is_told_by_row(session: Session, tmp_path: Path) -> None:
    path = geojson(
        tmp_path / "broken.geojson",
        polygon(*moved(0)),
        polygon(*moved(1)[:-1]),  # open
        polygon(moved(2)[0], moved(2)[2], moved(2)[1], moved(2)[3], moved(2)[0]),  # bow tie
        {"type": "Point", "coordinates": [112.55, 37.88]},
        None,
        polygon(*[[x, y, 780.0] for x, y in moved(5)]),  # heights
        polygon(*moved(6), moved(6)[-1]),  # a point twice
        {"type": "GeometryCollection", "geometries": [polygon(*moved(7)), polygon(*moved(9))]},
        polygon([0, 0], *moved(0)[1:4], [0, 0]),
        polygon([4187000, 512000], *moved(0)[1:4], [4187000, 512000]),
    )
    check = check_grid_file(
        session, path, OPTIONS, upload_limits=LIMITS, results_folder=tmp_path / "results"
    )
    by_row = {
        row: fault.kind
        for fault in check.faults
        for row in fault.rows
        if fault.kind is not FaultKind.GAP
    }
    assert by_row == {
        2: FaultKind.RING_UNCLOSED,
        3: FaultKind.RING_BOW_TIE,
        4: FaultKind.GEOMETRY_NOT_POLYGON,
        5: FaultKind.GEOMETRY_MISSING,
        7: FaultKind.RING_DUPLICATE_POINTS,
        9: FaultKind.COORDINATE,
        10: FaultKind.COORDINATE,
    }
    texts = " ".join(fault.text for fault in check.faults)
    assert "(0, 0)" in texts
    assert "may be in another CRS" in texts
    assert [d.geometry is None for d in check.drafts] == [
        False, True, True, True, True, False, False, False, True, True,
    ]  # fmt: skip
    assert check.fault_file is not None
    pictured = json.loads(check.fault_file.read_text("utf-8"))["features"]
    assert sum(f["properties"]["role"] == "fault" for f in pictured) == len(check.faults)


def test_numbers_that_are_none_are_told(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "nan.geojson"
    geojson(path, polygon(*moved(0)), polygon(moved(1)[0], [112.5, 7], *moved(1)[2:]))
    path.write_text(path.read_text("utf-8").replace("[112.5, 7]", "[NaN, 37.88]"), encoding="utf-8")
    check = check_grid_file(session, path, OPTIONS, upload_limits=LIMITS)
    (fault,) = [fault for fault in check.faults if fault.kind is FaultKind.COORDINATE]
    assert (fault.rows, "not a number" in fault.text) == ((2,), True)


def test_swapped_axes_and_a_wrong_crs_are_refused_as_a_whole() -> None:
    drawing = draw("AB")
    swapped = {key: shapely.transform(p, lambda xy: xy[:, ::-1]) for key, p in drawing.items()}
    with pytest.raises(InvalidCoordinate, match="Longitude and latitude are swapped"):
        polygons_to_wgs84(table_of(grid_frame(swapped)), WGS84)
    metres = parse_datum("EPSG:4547")
    with pytest.raises(InvalidDatum, match="100% of the vertices are no place in WGS84"):
        polygons_to_wgs84(table_of(grid_frame(drawing), datum=metres), WGS84)


@pytest.mark.parametrize(
    ("name", "content", "error", "words"),
    [
        ("empty.geojson", "", InvalidFile, "is empty"),
        ("none.geojson", '{"type":"FeatureCollection","features":[]}', InvalidFile, "no rows"),
        ("half.geojson", '{"type":"FeatureCollection","features":[{"ty', InvalidFile, "half"),
        ("table.csv", "code,name\n1,2\n", InvalidFile, "holds no polygons"),
        ("evil.kml", '<?xml version="1.0"?><!DOCTYPE k [<!ENTITY a "a">]><kml>&a;</kml>',
         InvalidFile, "XML"),
    ],
)  # fmt: skip
def test_files_that_are_no_polygons_are_refused(
    tmp_path: Path, name: str, content: str, error: type[Exception], words: str
) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    with pytest.raises(error, match=words):
        read_polygons(path, limits=LIMITS)


def test_archives_are_looked_into_before_they_are_unpacked(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("grids.geojson", b"0" * (64 * MB))
    with pytest.raises(FileTooLarge, match="ZIP bomb"):
        read_polygons(bomb, limits=LIMITS)
    two = tmp_path / "two.zip"
    with zipfile.ZipFile(two, "w") as archive:
        archive.writestr("a.geojson", "{}")
        archive.writestr("b.kml", "<kml/>")
    with pytest.raises(InvalidFile, match=r"one file of polygons .*found a\.geojson, b\.kml"):
        read_polygons(two, limits=LIMITS)
    outside = tmp_path / "outside.zip"
    with zipfile.ZipFile(outside, "w") as archive:
        archive.writestr("../grids.geojson", "{}")
    with pytest.raises(InvalidFile, match="leaves its folder"):
        read_polygons(outside, limits=LIMITS)
    with pytest.raises(InvalidFile, match="virtual path"):
        read_polygons(Path("/vsizip/grids.zip"), limits=LIMITS)


def test_a_geopackage_with_triggers_is_read_and_runs_none(session: Session, tmp_path: Path) -> None:
    path = write_grids(tmp_path / "grids.gpkg", grid_frame(draw("AB")))
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE spoilt (x)")
        connection.execute(
            "CREATE TRIGGER spoil AFTER UPDATE ON grids BEGIN INSERT INTO spoilt VALUES (1); END"
        )
    before = path.read_bytes()
    result = import_grids(
        session, path, OPTIONS, upload_limits=LIMITS, today=OPTIONS.valid_from, source="test"
    )
    assert result.stored.grid_count == 2
    assert any("triggers" in note for note in result.check.notes)
    assert path.read_bytes() == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["grids.gpkg"]


def test_a_file_without_codes_and_one_of_many_layers_say_what_to_name(
    session: Session, tmp_path: Path
) -> None:
    table = table_of(grid_frame(draw("AB"))[["户数", "geometry"]])
    with pytest.raises(InvalidMapping, match="No column holds the grids' codes"):
        import_grid_table(
            session, table, "x.geojson", OPTIONS, today=OPTIONS.valid_from, source="test"
        )
    path = tmp_path / "two.gpkg"
    for layer in ("grids", "others"):
        grid_frame(draw("AB")).to_file(path, driver="GPKG", layer=layer)
    with pytest.raises(InvalidMapping, match="2 layers"):
        read_polygons(path, limits=LIMITS)
    assert len(read_polygons(path, limits=LIMITS, layer="others").values) == 2


def test_cells_that_can_t_be_read_are_told(session: Session) -> None:
    frame = grid_frame(
        draw("ABC"), 户数=["几百", "400.0", "1,200"], 网格类型=["基础网格", "专属", "别的"],
        网格长=["甲", "乙\x00", "丙" * 300],
    )  # fmt: skip
    with pytest.raises(GridImportRejected) as caught:
        import_grid_table(
            session, table_of(frame), "x.geojson", OPTIONS, today=OPTIONS.valid_from, source="t"
        )
    wrong = [f for f in caught.value.faults if f.kind is FaultKind.VALUE_WRONG]
    assert [(f.rows[0], f.column) for f in wrong] == [
        (1, "户数"),
        (2, "网格长"),
        (3, "网格长"),
        (3, "网格类型"),
    ]


def test_rows_of_one_code_can_be_the_parts_of_one_grid(session: Session) -> None:
    frame = grid_frame(draw("A.B"))
    parts = pd.concat([frame, frame.iloc[[0]].set_geometry([square(0, 3)])], ignore_index=True)
    with pytest.raises(GridImportRejected, match=r"stands 2 times, in rows 1, 3"):
        import_grid_table(
            session, table_of(parts), "x", OPTIONS, today=OPTIONS.valid_from, source="t"
        )
    done = import_grid_table(
        session,
        table_of(parts),
        "x",
        dataclasses.replace(OPTIONS, merge_parts=True, accept_warnings=True),
        today=OPTIONS.valid_from,
        source="t",
    )
    assert [len(draft.geometry.geoms) for draft in done.check.drafts] == [2, 1]


def test_a_million_vertices_come_through_a_file(tmp_path: Path) -> None:
    angle = np.linspace(0, 2 * np.pi, 1_000_000, endpoint=False)
    radius = 0.01 * (1 + 0.3 * np.sin(50 * angle))
    big = shapely.polygons(
        np.column_stack([112.6 + radius * np.cos(angle), 37.9 + radius * np.sin(angle)])
    )
    path = write_grids(tmp_path / "big.gpkg", grid_frame({"A": big}))
    table = read_polygons(path, limits=LIMITS)
    (read,) = polygons_to_wgs84(table, WGS84).geometries
    found = examine_polygon(read, label="Grid 1", codes=("1",), row=1, was_open=False)
    assert found.faults == ()
    assert found.geometry.area == pytest.approx(big.area)
