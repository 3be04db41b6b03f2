"""Base-map imports: real files, replaced sources, and files that are broken or hostile."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from geo.basemap import basemap_attributions, basemap_extent
from geo.crs import WGS84, parse_datum, wgs84_to_gcj02
from geo.errors import FileTooLarge, InvalidDatum, InvalidFile, InvalidMapping
from geo.importers.basemap import BasemapColumns, import_basemap
from geo.importers.upload_safety import UploadLimits
from geo.store.database import Database

OSM = """<?xml version="1.0" encoding="UTF-8"?>
<osm version="0.6">
 <node id="1" lon="112.580" lat="37.870"/><node id="2" lon="112.581" lat="37.870"/>
 <node id="3" lon="112.581" lat="37.871"/><node id="4" lon="112.580" lat="37.871"/>
 <node id="5" lon="112.5802" lat="37.8702">
  <tag k="addr:housenumber" v="18"/></node>
 <node id="6" lon="112.5805" lat="37.8705"><tag k="amenity" v="school"/>
  <tag k="name" v="示例小学"/></node>
 <node id="7" lon="112.5806" lat="37.8706"><tag k="amenity" v="bench"/></node>
 <way id="10"><nd ref="1"/><nd ref="2"/><tag k="highway" v="primary"/>
  <tag k="name" v="示例大街"/></way>
 <way id="11"><nd ref="2"/><nd ref="3"/><tag k="highway" v="proposed"/></way>
 <way id="12"><nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="4"/><nd ref="1"/>
  <tag k="building" v="apartments"/><tag k="addr:housenumber" v="7"/></way>
 <way id="13"><nd ref="1"/><nd ref="99"/><tag k="highway" v="service"/></way>
 <way id="14"><nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="4"/><nd ref="1"/>
  <tag k="leisure" v="park"/><tag k="name" v="示例公园"/></way>
</osm>
"""


@pytest.fixture
def osm_file(tmp_path: Path) -> Path:
    path = tmp_path / "town.osm"
    path.write_text(OSM, encoding="utf-8")
    return path


def roads_frame(count: int = 3, **columns: object) -> gpd.GeoDataFrame:
    lines = [
        shapely.LineString([(112.58 + k * 1e-3, 37.87), (112.58 + k * 1e-3, 37.88)])
        for k in range(count)
    ]
    data = {"highway": ["primary", "residential", "footway"][:count]} | columns
    return gpd.GeoDataFrame(data, geometry=lines, crs="EPSG:4326")


def stored(session: Session) -> list[tuple[str, str | None, str | None, str | None]]:
    rows = session.execute(
        text("SELECT kind, feature_class, name, number FROM basemap_feature ORDER BY id")
    )
    return [tuple(row) for row in rows]


def test_osm_xml(session: Session, osm_file: Path) -> None:
    result = import_basemap(session, osm_file, source="town")
    assert result.counts == {
        "road": 1, "building": 1, "green": 1, "house_number": 1, "place": 1,
    }  # fmt: skip
    assert result.dropped == {"some of its nodes are not in the file": 1}
    rows = stored(session)
    assert ("road", "primary", "示例大街", None) in rows
    assert ("building", "apartments", None, "7") in rows
    assert ("house_number", "house_number", None, "18") in rows
    assert ("place", "school", "示例小学", None) in rows
    assert basemap_attributions(session) == ["© OpenStreetMap contributors, ODbL 1.0"]
    assert basemap_extent(session) == pytest.approx((112.58, 37.87, 112.581, 37.871))


def test_importing_again_replaces_the_source_and_no_other(
    session: Session, osm_file: Path, tmp_path: Path
) -> None:
    roads_frame().to_file(tmp_path / "roads.gpkg", layer="roads")
    import_basemap(session, tmp_path / "roads.gpkg", source="roads")
    import_basemap(session, osm_file, source="town")
    before = stored(session)
    import_basemap(session, osm_file, source="town")
    assert sorted(stored(session), key=str) == sorted(before, key=str)
    assert session.scalar(text("SELECT count(*) FROM basemap_source")) == 2


def test_a_file_that_fails_leaves_what_was_there(
    database: Database, osm_file: Path, tmp_path: Path
) -> None:
    with database.session() as session:
        import_basemap(session, osm_file, source="town")
    broken = tmp_path / "half.osm"
    broken.write_text(OSM[: len(OSM) // 2], encoding="utf-8")
    with pytest.raises(InvalidFile, match="half a file or damaged"), database.session() as session:
        import_basemap(session, broken, source="town")
    with database.session() as session:
        assert len(stored(session)) == 5


@pytest.mark.parametrize("format_", ["gpkg", "geojson", "shp"])
def test_vector_formats(session: Session, tmp_path: Path, format_: str) -> None:
    path = tmp_path / f"roads.{format_}"
    roads_frame(name=["东街", "西街", None]).to_file(path)
    result = import_basemap(session, path, source="roads")
    assert result.counts == {"road": 3}
    assert result.layers[0].class_column == "highway"
    assert ("road", "primary", "东街", None) in stored(session)


def test_an_edge_list_draws_each_street_once(session: Session, tmp_path: Path) -> None:
    frame = roads_frame(2)
    there_and_back = gpd.GeoDataFrame(
        {"highway": ["primary"] * 4},
        geometry=[*frame.geometry, *(shapely.reverse(line) for line in frame.geometry)],
        crs="EPSG:4326",
    )
    there_and_back.to_file(tmp_path / "edges.gpkg", layer="edges")
    result = import_basemap(session, tmp_path / "edges.gpkg", source="edges")
    assert result.counts == {"road": 2}
    assert result.dropped == {"the same line in the other direction": 2}


def test_layers_and_columns_can_be_declared(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "odd.gpkg"
    frame = roads_frame(2).rename(columns={"highway": "stufe"}).assign(bez=["东街", "西街"])
    frame["stufe"] = ["A", "B"]
    frame.to_file(path, layer="objekte")
    with pytest.raises(InvalidFile, match="--layer NAME=road"):
        import_basemap(session, path, source="odd")
    result = import_basemap(
        session, path, source="odd", layers={"objekte": "road"},
        columns=BasemapColumns(class_column="stufe", name_column="bez"),
    )  # fmt: skip
    assert result.counts == {"road": 2}
    assert ("road", "A", "东街", None) in stored(session)
    for layers in ({"objekte": "skip"}, {"objekte": "canal"}, {"missing": "road"}):
        with pytest.raises((InvalidFile, InvalidMapping)):
            import_basemap(session, path, source="odd", layers=layers)
    with pytest.raises(InvalidMapping, match="no column"):
        import_basemap(
            session, path, source="odd", layers={"objekte": "road"},
            columns=BasemapColumns(class_column="nope"),
        )  # fmt: skip


def test_offset_and_projected_datums_come_out_in_wgs84(session: Session, tmp_path: Path) -> None:
    frame = roads_frame(1)
    shifted = gpd.GeoDataFrame(
        {"highway": ["primary"]},
        geometry=[
            shapely.transform(
                frame.geometry[0], lambda xy: np.column_stack(wgs84_to_gcj02(xy[:, 0], xy[:, 1]))
            )
        ],
        crs="EPSG:4326",
    )
    for source, datum, written in (
        ("gcj", "GCJ02", shifted),
        ("gk", "EPSG:4547", frame.to_crs("EPSG:4547")),
    ):
        path = tmp_path / f"{source}.gpkg"
        written.to_file(path, layer="roads")
        import_basemap(session, path, source=source, datum=parse_datum(datum))
        extent = basemap_extent(session)
        assert extent == pytest.approx((112.58, 37.87, 112.58, 37.88), abs=1e-6)


def test_a_datum_the_file_contradicts_is_refused(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "roads.gpkg"
    roads_frame().to_crs("EPSG:4547").to_file(path, layer="roads")
    with pytest.raises(InvalidDatum, match="says it is in EPSG:4547"):
        import_basemap(session, path, source="roads", datum=WGS84)
    # No CRS in the file, metres in it, degrees declared.
    bare = tmp_path / "roads.shp"
    roads_frame().to_crs("EPSG:4547").to_file(bare)
    bare.with_suffix(".prj").unlink()
    with pytest.raises(InvalidDatum, match="no place in WGS84"):
        import_basemap(session, bare, source="roads", datum=WGS84)
    assert stored(session) == []


def test_nothing_that_reads_as_a_map_is_an_error(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "survey.gpkg"
    gpd.GeoDataFrame(
        {"answer": ["yes", "no"]}, geometry=gpd.points_from_xy([112.5, 112.6], [37.8, 37.9]),
        crs="EPSG:4326",
    ).to_file(path, layer="answers")  # fmt: skip
    with pytest.raises(InvalidFile, match="holds nothing for a base map"):
        import_basemap(session, path, source="survey")


def test_crossed_polygons_are_mended_and_huge_ones_cut(session: Session, tmp_path: Path) -> None:
    bow_tie = shapely.Polygon([(112, 37), (112.01, 37.01), (112.01, 37), (112, 37.01)])
    angle = np.linspace(0, 2 * np.pi, 30_001)[:-1]
    lake = shapely.Polygon(np.column_stack([112.1 + np.cos(angle) / 50, 37 + np.sin(angle) / 50]))
    frame = gpd.GeoDataFrame(
        {"natural": ["water", "water"], "name": ["结", "大湖"]}, geometry=[bow_tie, lake],
        crs="EPSG:4326",
    )  # fmt: skip
    frame.to_file(tmp_path / "water.gpkg", layer="water")
    result = import_basemap(session, tmp_path / "water.gpkg", source="water")
    assert result.counts == {"water": 2}
    assert result.mended == 1
    most, pieces, valid, area = session.execute(
        text(
            "SELECT max(ST_NPoints(geom)), count(*), bool_and(ST_IsValid(geom)), "
            "sum(ST_Area(geom)) FILTER (WHERE name = '大湖') FROM basemap_feature"
        )
    ).one()
    assert most <= 2_100 and pieces > 10 and valid
    assert area == pytest.approx(lake.area, rel=1e-9)


def test_a_single_layer_is_read_whatever_its_file_is_called(
    session: Session, tmp_path: Path
) -> None:
    path = tmp_path / "grid_boundary_transit.geojson"
    roads_frame().to_file(path)
    assert import_basemap(session, path, source="roads").counts == {"road": 3}


def test_lines_with_a_broken_vertex_are_left_out(session: Session, tmp_path: Path) -> None:
    frame = roads_frame(3)
    # One vertex in 200 is (0, 0), which devices write for “no fix”.
    long = shapely.LineString(np.column_stack([np.linspace(112.5, 112.6, 200), [37.8] * 200]))
    bad = shapely.LineString([(112.5, 37.8), (0, 0), (112.6, 37.8)])
    frame.geometry = [long, long.parallel_offset(0.01), bad]
    frame.to_file(tmp_path / "roads.gpkg", layer="roads")
    result = import_basemap(session, tmp_path / "roads.gpkg", source="roads")
    assert result.counts == {"road": 2}
    assert result.dropped == {"empty, or with a coordinate that is none": 1}


def test_names_are_stripped_of_control_characters(session: Session, tmp_path: Path) -> None:
    roads_frame(1, name=["东\u0007街\n" + "长" * 500]).to_file(tmp_path / "roads.geojson")
    import_basemap(session, tmp_path / "roads.geojson", source="roads")
    ((_, _, name, _),) = stored(session)
    assert name is not None and name.startswith("东 街 长") and len(name) == 120


def test_truncated_pbf(session: Session, shared_data: Path, tmp_path: Path) -> None:
    whole = (shared_data / "geo/osm_pbf/Helsinki.osm.pbf").read_bytes()
    path = tmp_path / "half.osm.pbf"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InvalidFile, match="half a file or damaged"):
        import_basemap(session, path, source="half")
    assert stored(session) == []


def test_xml_bombs_are_refused_unread(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "bomb.osm"
    path.write_text(
        '<?xml version="1.0"?><!DOCTYPE osm [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'
        '<osm version="0.6"><node id="1" lon="1" lat="1"><tag k="name" v="&b;"/></node></osm>'
    )
    with pytest.raises(InvalidFile, match="entities"):
        import_basemap(session, path, source="bomb")
    # The declaration hidden behind a long comment: the parser itself refuses entities.
    text_ = path.read_text().replace("<!DOCTYPE", "<!--" + " " * 10_000 + "--><osm/><!DOCTYPE")
    path.write_text(text_)
    with pytest.raises(InvalidFile):
        import_basemap(session, path, source="bomb")


def test_geopackage_with_triggers_and_views(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "roads.gpkg"
    roads_frame().to_file(path, layer="roads")
    before = None
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE trace (at TEXT)")
        connection.execute(
            "CREATE TRIGGER spy AFTER UPDATE ON gpkg_contents BEGIN "
            "INSERT INTO trace VALUES ('ran'); END"
        )
        connection.execute("CREATE VIEW peek AS SELECT * FROM roads")
        connection.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id) "
            "VALUES ('peek', 'features', 'peek', 4326)"
        )
    before = path.read_bytes()
    result = import_basemap(session, path, source="roads")
    assert result.counts == {"road": 3}
    assert any("trigger" in note for note in result.notes)
    assert any("view" in note for note in result.notes)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.osm", b""),
        ("noise.pbf", bytes(range(256)) * 20),
        ("roads.gpkg", b"SQLite format 3\x00" + bytes(2_000)),
        ("page.osm", b"<html><body>not found</body></html>"),
        ("changes.osm", b'<osmChange version="0.6"></osmChange>'),
        ("table.csv", b"lon,lat\n1,2\n"),
        ("map.osm.gz", b"\x1f\x8b\x08\x00" + bytes(100)),
    ],
)
def test_files_of_the_wrong_kind(
    session: Session, tmp_path: Path, name: str, content: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InvalidFile):
        import_basemap(session, path, source="wrong")
    assert stored(session) == []


def test_limits_and_missing_files(session: Session, osm_file: Path, tmp_path: Path) -> None:
    with pytest.raises(FileTooLarge):
        import_basemap(session, osm_file, source="town", limits=UploadLimits(max_bytes=100))
    with pytest.raises(InvalidFile):
        import_basemap(session, tmp_path / "absent.osm", source="town")
    with pytest.raises(InvalidFile):
        import_basemap(session, Path("/vsicurl/http/map.gpkg"), source="town")
    with pytest.raises(InvalidMapping, match="no name"):
        import_basemap(session, osm_file, source="  ")


@pytest.mark.parametrize(
    ("file", "kinds", "at_least"),
    [
        ("jinan_roads/jinan_roads.gpkg", {"road"}, 18_000),
        ("osm_pbf/andorra.osm.pbf", {"road", "building", "water", "green", "place"}, 2_000),
        ("osm_pbf/Helsinki.osm.pbf", {"road", "building", "house_number", "place"}, 6_000),
        ("shanghai_centre/shanghai_center.osm", {"road"}, 796),
        (
            "shanghai_centre/shanghai_mapzen_tiles.gpkg",
            {"road", "building", "house_number", "water", "green", "place"},
            3_500,
        ),
        ("chicago/chicago_osm_2014.gpkg", {"road"}, 54_000),
    ],
)
def test_real_sets(
    session: Session, shared_data: Path, file: str, kinds: set[str], at_least: int
) -> None:
    told: list[tuple[int, int | None]] = []
    result = import_basemap(
        session, shared_data / "geo" / file, source="real",
        progress=lambda done, total: told.append((done, total)),
    )  # fmt: skip
    assert kinds <= set(result.counts)
    assert result.feature_count >= at_least
    assert told and told[-1][0] >= result.feature_count
    assert session.scalar(text("SELECT count(*) FROM basemap_feature")) >= at_least
