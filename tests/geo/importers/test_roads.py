"""Roads from files: OpenStreetMap, layers of lines, edge lists; and files that are none."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from geo.crs import GCJ02, parse_datum, wgs84_to_gcj02
from geo.errors import FileTooLarge, InvalidDatum, InvalidFile, InvalidMapping
from geo.importers.road_fields import (
    class_of_value,
    limit_kmh_of_value,
    one_way_of_value,
    tags_of_pairs,
)
from geo.importers.roads import Direction, RoadFile, read_roads
from geo.importers.upload_safety import UploadLimits
from geo.roads.build import build_road_network
from geo.roads.modes import TravelMode
from geo.roads.network import RoadNetwork
from geo.roads.report import road_report

CAR, FOOT = TravelMode.CAR, TravelMode.FOOT
OSM = """<?xml version="1.0" encoding="UTF-8"?>
<osm version="0.6">
 <node id="1" lon="112.580" lat="37.870"/><node id="2" lon="112.581" lat="37.870"/>
 <node id="3" lon="112.582" lat="37.870"/><node id="4" lon="112.581" lat="37.871"/>
 <node id="5" lon="112.581" lat="37.872"/>
 <way id="10"><nd ref="1"/><nd ref="2"/><nd ref="3"/><tag k="highway" v="primary"/>
  <tag k="name" v="示例大街"/><tag k="oneway" v="yes"/><tag k="maxspeed" v="60"/></way>
 <way id="11"><nd ref="2"/><nd ref="4"/><nd ref="99"/><nd ref="5"/>
  <tag k="highway" v="residential"/></way>
 <way id="12"><nd ref="3"/><nd ref="4"/><tag k="highway" v="proposed"/></way>
 <way id="13"><nd ref="1"/><nd ref="98"/><tag k="highway" v="service"/></way>
 <way id="14"><nd ref="1"/><nd ref="4"/><tag k="building" v="yes"/></way>
</osm>
"""


def network_of(file: RoadFile) -> RoadNetwork:
    return build_road_network(file.lines)


def length_km(network: RoadNetwork, mode: TravelMode) -> float:
    return float(road_report(network).modes.set_index("mode").loc[mode.value, "length_km"])


def test_osm_ways_meet_in_their_nodes_and_end_where_the_extract_does(tmp_path: Path) -> None:
    """Way 10 is met by 11 in node 2; 11 lacks node 99, so its first stretch alone is a road."""
    path = tmp_path / "town.osm"
    path.write_text(OSM, encoding="utf-8")
    file = read_roads(path)
    network = network_of(file)
    assert len(file.lines) == 2
    assert file.counts == {"can't be read": 1}
    assert (network.node_count, network.line_count) == (4, 3)
    assert ((network.edge_modes & CAR.bit) != 0).sum() == 2 + 2
    assert ((network.edge_modes & FOOT.bit) != 0).sum() == 6
    assert sorted(network.line_limit_kmh.tolist()) == [0, 60, 60]
    assert sorted(network.line_source_id.tolist()) == [10, 10, 11]
    assert set(network.names) == {"示例大街"}


def test_a_barrier_keeps_out_whom_it_keeps_out(tmp_path: Path) -> None:
    """A street of three stretches of some 88, 44 and 132 m; a bollard stands after the first.

    Cars are kept out of the shorter stretch beside it and can't pass; who walks or rides can. A
    gate that is private lets the emergency car through; an open one everybody.
    """
    tags = {
        "bollard": '<tag k="barrier" v="bollard"/>',
        "private": '<tag k="barrier" v="gate"/><tag k="access" v="private"/>',
        "gate": '<tag k="barrier" v="gate"/>',
    }
    lon = (112.580, 112.581, 112.5815, 112.583)

    def passes(kind: str) -> dict[str, bool]:
        path = tmp_path / f"{kind}.osm"
        nodes = "".join(
            f'<node id="{k}" lon="{lon[k]}" lat="37.87">{tags[kind] if k == 1 else ""}</node>'
            for k in range(4)
        )
        path.write_text(
            f'<?xml version="1.0" encoding="UTF-8"?><osm version="0.6">{nodes}<way id="7">'
            + "".join(f'<nd ref="{k}"/>' for k in range(4))
            + '<tag k="highway" v="service"/></way></osm>',
            encoding="utf-8",
        )
        network = network_of(read_roads(path))
        whole = float(network.line_length_m.sum()) / 1000
        assert whole == pytest.approx(0.264, abs=0.001)
        assert set(network.line_source_id.tolist()) == {7}
        barred = {mode: whole - length_km(network, mode) for mode in TravelMode}
        assert all(
            lost < 1e-9 or lost == pytest.approx(0.044, abs=0.001) for lost in barred.values()
        )
        return {mode.value: lost < 1e-9 for mode, lost in barred.items()}

    assert passes("bollard") == {
        "foot": True, "bicycle": True, "motorcycle": False, "car": False, "emergency_car": False,
    }  # fmt: skip
    private = passes("private")
    assert private["emergency_car"] and not private["car"] and not private["foot"]
    assert all(passes("gate").values())


def edges_frame(**columns: object) -> gpd.GeoDataFrame:
    """A street of two pieces, 0-1-2, given once a direction, and one way back, 2-0."""
    at = [(112.58, 37.87), (112.581, 37.87), (112.581, 37.871)]
    pairs = [(0, 1), (1, 0), (1, 2), (2, 1), (2, 0)]
    data = {"u": [a for a, _ in pairs], "v": [b for _, b in pairs], "highway": "tertiary"}
    lines = [shapely.LineString([at[a], at[b]]) for a, b in pairs]
    return gpd.GeoDataFrame(data | columns, geometry=lines, crs="EPSG:4326")


@pytest.mark.parametrize("suffix", ["gpkg", "shp", "geojson", "parquet"])
def test_edges_a_direction_are_known_as_such(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"edges.{suffix}"
    frame = edges_frame()
    frame.to_parquet(path) if suffix == "parquet" else frame.to_file(path)
    file = read_roads(path)
    network = network_of(file)
    assert file.direction is Direction.AS_DRAWN
    assert any("one-way" in note for note in file.notes)
    assert (network.node_count, network.line_count) == (3, 3)
    assert ((network.edge_modes & CAR.bit) != 0).sum() == 5
    assert ((network.edge_modes & FOOT.bit) != 0).sum() == 6


def test_what_is_declared_wins_over_what_is_guessed(tmp_path: Path) -> None:
    path = tmp_path / "edges.gpkg"
    edges_frame(kind="paved", highway="Strasse").to_file(path)
    with pytest.raises(InvalidFile, match="its class is no road"):
        read_roads(path)
    file = read_roads(path, columns={"highway": ""}, direction=Direction.BOTH)
    assert file.lines.class_names == ("road",)
    assert ((network_of(file).edge_modes & CAR.bit) != 0).sum() == 6
    with pytest.raises(InvalidMapping, match="no column"):
        read_roads(path, columns={"name": "nowhere"})


def test_a_one_way_column_and_packed_tags_decide(tmp_path: Path) -> None:
    """As GDAL writes OpenStreetMap: a few tags in columns, the rest packed."""
    path = tmp_path / "roads.gpkg"
    frame = edges_frame(
        oneway=["yes", None, "-1", "F", "T"],
        other_tags=['"access"=>"no"', '"foot"=>"no","junction"=>"roundabout"', None, None, None],
    ).drop(columns=["u", "v"])
    frame.to_file(path)
    lines = read_roads(path).lines
    assert [bool(m & CAR.bit) for m in lines.forward_modes] == [False, True, False, True, False]
    assert [bool(m & CAR.bit) for m in lines.backward_modes] == [False, False, True, False, True]
    assert not lines.forward_modes[1] & FOOT.bit
    assert lines.is_round.tolist() == [False, True, False, False, False]


def test_an_edge_list_of_coordinates_and_stated_lengths(tmp_path: Path) -> None:
    path = tmp_path / "edges.csv"
    path.write_text(
        "起点,终点,from_lon,from_lat,to_lon,to_lat,length_m,道路等级,路名,单行\n"
        "甲,乙,112.58,37.87,112.581,37.87,250,主干路,解放路,否\n"
        "乙,丙,112.581,37.87,112.581,37.871,,支路,,是\n"
        "乙,丁,112.581,37.87,,37.871,,支路,,是\n",
        encoding="utf-8",
    )
    file = read_roads(path)
    network = network_of(file)
    assert file.counts == {"no line": 1}
    assert sorted(network.line_length_m) == pytest.approx([111.0, 250.0], rel=1e-3)
    assert set(network.class_names) == {"primary", "tertiary"}
    assert ((network.edge_modes & CAR.bit) != 0).sum() == 3


def test_wkt_lines_of_a_csv(tmp_path: Path) -> None:
    path = tmp_path / "roads.csv"
    path.write_text(
        "id,wkt\n"
        '1,"LINESTRING (112.58 37.87, 112.581 37.87)"\n'
        '2,"MULTILINESTRING ((112.581 37.87, 112.582 37.87), (112.582 37.87, 112.583 37.87))"\n'
        '3,"POINT (112.58 37.87)"\n'
        "4,LINESTRING (\n",
        encoding="utf-8",
    )
    file = read_roads(path)
    assert len(file.lines) == 3
    assert file.counts == {"no line": 2}
    assert network_of(file).node_count == 4


def test_the_datum_is_turned_and_a_wrong_one_refused(tmp_path: Path) -> None:
    frame = edges_frame()
    turned = frame.set_geometry(
        shapely.transform(
            frame.geometry.to_numpy(),
            lambda xy: np.column_stack(wgs84_to_gcj02(xy[:, 0], xy[:, 1])),
        ),
        crs=None,
    )
    path = tmp_path / "gcj.geojson"
    turned.to_file(path)
    nodes = network_of(read_roads(path, datum=GCJ02)).node_xy
    wanted = network_of(read_roads_of(tmp_path, frame)).node_xy
    assert np.abs(nodes - wanted).max() < 1e-5
    with pytest.raises(InvalidDatum, match="says it is in"):
        read_roads(path, datum=parse_datum("EPSG:4547"))


def read_roads_of(folder: Path, frame: gpd.GeoDataFrame) -> RoadFile:
    path = folder / "plain.gpkg"
    frame.to_file(path)
    return read_roads(path)


def test_files_without_roads_are_refused(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(InvalidMapping, match="neither lines nor"):
        read_roads(table)
    sheet = tmp_path / "sheet.xlsx"
    pd.DataFrame({"a": [1]}).to_excel(sheet)
    with pytest.raises(InvalidFile, match="xlsx"):
        read_roads(sheet)
    half = tmp_path / "half.osm"
    half.write_text(OSM[:700], encoding="utf-8")
    with pytest.raises(InvalidFile, match="half a file"):
        read_roads(half)
    with pytest.raises(FileTooLarge):
        read_roads(half, limits=UploadLimits(max_bytes=10))
    bomb = tmp_path / "bomb.osm"
    bomb.write_text('<?xml version="1.0"?><!DOCTYPE osm [<!ENTITY a "b">]><osm/>', "utf-8")
    with pytest.raises(InvalidFile, match="document type"):
        read_roads(bomb)


def test_words_of_other_makers() -> None:
    assert class_of_value("城市快速路") == "trunk"
    assert class_of_value("unknown") == "road"
    assert one_way_of_value(None) is None
    assert one_way_of_value("单行") == "yes"
    assert limit_kmh_of_value("CN:urban") == limit_kmh_of_value(None) == 0
    assert limit_kmh_of_value("9999") == 0
    assert tags_of_pairs('"a"=>"b, \\"c\\"","d"=>"e"') == {"a": 'b, \\"c\\"', "d": "e"}
    assert tags_of_pairs(None) == {}


@pytest.mark.parametrize(
    ("file", "layer", "car_edges", "main_share"),
    [
        ("jinan_roads/jinan_roads.gpkg", "edges", 28_596, 0.92),
        ("osm_pbf/andorra.osm.pbf", None, 3_681, 0.98),
        ("shanghai_centre/shanghai_center.osm", None, 1_271, 0.57),
    ],
)
def test_real_networks(
    shared_data: Path, file: str, layer: str | None, car_edges: int, main_share: float
) -> None:
    """Jinan's file has 28,597 directed edges, one of them of no length."""
    network = network_of(read_roads(shared_data / "geo" / file, table_name=layer))
    report = road_report(network).modes.set_index("mode").loc["car"]
    assert report["edge_count"] == car_edges
    assert report["main_node_share"] >= main_share
    assert length_km(network, CAR) > 50
