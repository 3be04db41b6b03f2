"""`gridbeat grids balance` over files: what it prints and writes, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import pytest
import shapely
from typer.testing import CliRunner

from geo.errors import InvalidFile, InvalidInput
from layers.balanced_grids.road_lines import crossings_of, roads_of_network
from layers.commands.grids import app
from tests.geo.roads.streets import streets as street_network
from tests.layers.balanced_grids.towns import AREA, houses, streets


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """The options that name a town's files."""
    west, south, east, north = AREA.bounds
    halves = [
        shapely.box(west, south, (west + east) / 2, north),
        shapely.box((west + east) / 2, south, east, north),
    ]
    frame = gpd.GeoDataFrame({"name": ["甲", "乙"]}, geometry=halves, crs="EPSG:4326")
    frame.to_file(tmp_path / "areas.geojson", driver="GeoJSON")
    roads = streets(6, 6, big_column=3).rename(columns={"road_class": "highway"})
    roads.to_file(tmp_path / "roads.geojson", driver="GeoJSON")
    points = houses(300).rename(columns={"households": "weight"})
    points[["lon", "lat", "weight"]].to_csv(tmp_path / "points.csv", index=False)
    return [
        "--boundary", str(tmp_path / "areas.geojson"), "--roads", str(tmp_path / "roads.geojson"),
        "--points", str(tmp_path / "points.csv"), "--stages", "1",
    ]  # fmt: skip


def test_a_town_of_files_is_split_and_laid_beside_what_is(files: list[str], tmp_path: Path) -> None:
    out = tmp_path / "grids.geojson"
    answer = CliRunner().invoke(
        app, ["balance", *files, "--count", "4", "--tolerance", "0.2",
              "--now", str(tmp_path / "areas.geojson"), "--out", str(out)],
    )  # fmt: skip
    assert answer.exit_code == 0, answer.output
    assert "36 blocks, 4 grids" in answer.output and "along big roads" in answer.output
    rows = json.loads(out.read_text(encoding="utf-8"))["features"]
    assert [row["properties"]["grid_code"] for row in rows] == ["001", "002", "003", "004"]
    drawn = [shapely.geometry.shape(row["geometry"]) for row in rows]
    assert shapely.area(drawn).sum() == pytest.approx(AREA.area, rel=1e-9)
    weights = [row["properties"]["weight"] for row in rows]
    assert sum(weights) == houses(300)["households"].sum()
    mean = sum(weights) / 4
    assert all(abs(weight / mean - 1) <= 0.2 for weight in weights)


def test_crossings_stand_in_for_people_and_where_chooses_rows(
    files: list[str], tmp_path: Path
) -> None:
    files[files.index("--points") + 1] = "crossings"
    answer = CliRunner().invoke(
        app, ["balance", *files, "--where", "name=甲", "--count", "2", "--tolerance", "0.5"]
    )
    assert answer.exit_code == 0, answer.output
    for wrong, words in (("name=丙", "no polygon"), ("colour=甲", "no column")):
        answer = CliRunner().invoke(app, ["balance", *files, "--where", wrong])
        assert isinstance(answer.exception, InvalidFile) and words in str(answer.exception)
    answer = CliRunner().invoke(app, ["balance"])
    assert isinstance(answer.exception, InvalidInput) and "--boundary" in str(answer.exception)


def test_a_network_gives_its_lines_and_crossings() -> None:
    network = street_network("""
        A-B-C
        | | |
        D-E-F
    """)
    lines = roads_of_network(network)
    assert len(lines) == network.line_count and lines["road_class"].notna().all()
    assert len(crossings_of(network)) == 2  # B and E: three streets meet
