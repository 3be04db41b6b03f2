"""Results of the command line as a map in one file."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from playwright.sync_api import Browser

from geo.errors import InvalidFile
from geo.roads.network import RoadNetwork
from tests.geo.roads.streets import streets
from web.map_command import boxes_of, map_
from web.map_file import map_file
from web.result_layers import read_result
from web.road_ground import STEP, road_ground
from web.texts import load_texts

EN = load_texts("en")
FACTS: dict[str, Any] = {
    "network": "streets", "attribution": "Whose", "modes": ["emergency_car"], "hour": None,
    "speeds": ["assumed"], "demand": "roads", "resolution": 9,
}  # fmt: skip
CUNNING = "{{ 7 * 7 }}</script><b>x"


def hexagon(west: float, **row: object) -> dict[str, Any]:
    """A square will do."""
    ring = [(0, 0), (1e-3, 0), (1e-3, 1e-3), (0, 1e-3), (0, 0)]
    return {
        "type": "Feature",
        "geometry": {
            "type": "Polygon",
            "coordinates": [[[west + x, 37.879 + y] for x, y in ring]],
        },
        "properties": row,
    }


def point(west: float, **row: object) -> dict[str, Any]:
    geometry = {"type": "Point", "coordinates": [west, 37.8795]}
    return {"type": "Feature", "geometry": geometry, "properties": row}


def written(path: Path, layer: str, *features: dict[str, Any], **facts: object) -> Path:
    told = {"layer": layer, **FACTS, **facts}
    path.write_text(json.dumps({"gridbeat": told, "features": features}), encoding="utf-8")
    return path


@pytest.fixture
def reach(tmp_path: Path) -> Path:
    return written(
        tmp_path / "reach.geojson", "reach",
        hexagon(112.55, weight=30.0, ring=0, time_s=59.6),
        hexagon(112.552, weight=50.0, ring=3, time_s=400.0),
        hexagon(112.554, weight=20.0, ring=None, time_s=None),
        point(112.551, name=CUNNING, kind="post", state="stands"),
        limits_s=[60, 180, 300], demand="points.csv",
    )  # fmt: skip


@pytest.fixture(scope="module")
def network() -> RoadNetwork:
    return streets("A-B-C\n|   |\nD-E-F", classes={"AB": "primary"})


def test_what_lies_on_no_road_is_a_class_of_its_own(reach: Path) -> None:
    """30 of 100 points within a minute, 50 beyond five, 20 on no road."""
    layer = read_result(reach, EN)
    assert [(row.label, row.figures) for row in layer.classes] == [
        ("Within 1 min", ("1", "30", "30.0%")),
        ("Within 3 min", ("0", "0", "0.0%")),
        ("Within 5 min", ("0", "0", "0.0%")),
        ("Beyond 5 min", ("1", "50", "50.0%")),
        ("On no road, unknown", ("1", "20", "20.0%")),
        ("Site", ("1",)),
    ]
    assert len({row.colour for row in layer.classes}) == 6
    assert [shape.of_class for shape in layer.shapes] == [0, 3, 4, 5]
    assert layer.shapes[0].text == "Within 1 min · 30 Points of points.csv · 1 min"
    assert layer.attribution == "Whose"
    assert any("not by radius" in fact and "rush hours" in fact for fact in layer.facts)


def test_gaps_plans_and_routes_are_told_apart(tmp_path: Path) -> None:
    gaps = read_result(
        written(
            tmp_path / "a", "gaps",
            hexagon(112.55, weight=1.0, is_open=1.0, time_s=None),
            hexagon(112.55, weight=1.0, is_open=0.0, time_s=3.0),
            hexagon(112.55, weight=1.0, is_open=None, time_s=None), limits_s=[300],
        ), EN,
    )  # fmt: skip
    assert [row.figures for row in gaps.classes] == [("1", "33.3%")] * 3
    plan = read_result(
        written(
            tmp_path / "b", "siting",
            hexagon(112.55, weight=1.0, is_covered=1.0, time_s=9.0),
            point(112.55, name="a", kind="station", state="closed"),
            point(112.55, name="b", kind="candidate", state="new"),
            limits_s=[300], question="most", objective=1.0, bound=2.0, is_proven=False,
        ), EN,
    )  # fmt: skip
    assert "no plan passes 2.0" in plan.facts[0]
    assert [row.label for row in plan.classes[3:]] == ["New site", "Closed, or thought away"]
    routes = read_result(
        written(
            tmp_path / "c", "routes",
            {"geometry": {"type": "LineString", "coordinates": [[112.55, 37.88], [112.56, 37.88]]},
             "properties": {"unit": "u1"}},
            point(112.55, unit="u1", number=1, begin_min=2.0, prize=3.25, name="a"),
            point(112.55, unit="u2", number=1, begin_min=0.0, prize=1.0, name="b"), hour=9,
        ), EN,
    )  # fmt: skip
    assert [(row.label, row.figures) for row in routes.classes] == [
        ("u1", ("1", "3.2")), ("u2", ("1", "1.0")),
    ]  # fmt: skip
    assert [shape.mark for shape in routes.shapes] == ["", "1", "1"]
    assert "Speeds of 09:00." in routes.facts[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no json", "can't be read as GeoJSON"),
        ("[1]", "doesn't say what it shows"),
        ('{"gridbeat": {"layer": "crimes"}, "features": []}', "doesn't say what it shows"),
        ('{"gridbeat": {"layer": "reach"}, "features": []}', "holds nothing"),
        ('{"gridbeat": {"layer": "reach"}, "features": [{"geometry": null}]}', "was changed"),
    ],
)
def test_another_file_is_refused_with_its_reason(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "x.geojson"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidFile, match=said):
        read_result(path, EN)
    with pytest.raises(InvalidFile, match="can't be read"):
        read_result(tmp_path / "absent", EN)


def test_the_ground_leaves_out_the_smallest_roads_and_says_how_many(network: RoadNetwork) -> None:
    """Six streets of two points; the primary one goes first, and five small ones are too many."""
    west, south, east, north = 112.5, 37.8, 112.6, 37.9
    whole = road_ground(network, (west, south, east, north))
    assert (whole.line_count, whole.left_out) == (6, 0)
    few = road_ground(network, (west, south, east, north), points_max=5)
    assert (few.line_count, few.left_out) == (1, 5)
    steps = np.array(few.tiers[1][0]).reshape(-1, 2)
    drawn = np.cumsum(steps, axis=0) * STEP
    ends = network.node_xy[network.line_nodes[network.class_names.index("primary")]]
    assert np.abs(np.sort(drawn[:, 0]) - np.sort(ends[:, 0])).max() <= STEP
    assert road_ground(network, (0, 0, 1, 1)).line_count == 0


def html_of(reach: Path, network: RoadNetwork) -> str:
    layers = [read_result(reach, EN)]
    whole, opened = boxes_of(layers)
    made_at = datetime(2026, 3, 1, 8, tzinfo=UTC)
    return map_file(layers, road_ground(network, whole), EN, box=opened, made_at=made_at)


def test_a_map_file_names_no_other_file_and_runs_no_name(reach: Path, network: RoadNetwork) -> None:
    html = html_of(reach, network)
    assert not re.search(r"<(?:script|link|img)\b[^>]*\b(?:src|href)=", html)
    assert not re.search(r"url\((?!data:|#)", html)
    assert "</script><b>x" not in html
    assert "{{ 7 * 7 }}" in html  # as it stands: no template ran it
    assert "default-src 'none'" in html
    assert "2026-03-01 08:00" in html and "Whose" in html


def test_a_browser_opens_a_map_file_and_asks_nobody(
    reach: Path, network: RoadNetwork, tmp_path: Path, browser: Browser
) -> None:
    path = tmp_path / "map.html"
    path.write_text(html_of(reach, network), encoding="utf-8")
    page = browser.new_page(viewport={"width": 900, "height": 600})
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    try:
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready=true]", state="attached")
        assert page.locator(".legend-table tbody tr").count() == 6
        shown = page.locator(".file-map").screenshot()
        page.locator("[data-result]").uncheck()
        page.wait_for_timeout(300)  # a frame is drawn
        assert page.locator(".file-map").screenshot() != shown
        assert complaints == []
        assert asked == [path.as_uri()]
    finally:
        page.close()


def test_an_unknown_language_is_refused(reach: Path, tmp_path: Path) -> None:
    with pytest.raises(typer.BadParameter, match="zh or en"):
        map_([reach], tmp_path / "x.html", language="fr")
