"""`gridbeat routes plan` over files of roads and places."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from geo.errors import InvalidFile, InvalidInput
from layers.commands.routes import app

HOME = "112.5,37.8"


@pytest.fixture
def roads(tmp_path: Path) -> Path:
    """A grid of streets, 5 by 5 crossings some 180 m apart."""
    lines = []
    for k in range(5):
        for m in range(4):
            across = [
                [112.5 + 0.002 * m, 37.8 + 0.002 * k],
                [112.502 + 0.002 * m, 37.8 + 0.002 * k],
            ]
            along = [[b - 37.8 + 112.5, a - 112.5 + 37.8] for a, b in across]
            lines += [across, along]
    path = tmp_path / "roads.geojson"
    path.write_text(
        json.dumps(
            {
                "type": "FeatureCollection",
                "features": [
                    {
                        "type": "Feature",
                        "properties": {"highway": "residential"},
                        "geometry": {"type": "LineString", "coordinates": line},
                    }
                    for line in lines
                ],
            }
        )
    )
    return path


def result(*words: str) -> dict[str, float]:
    """What the command's last line says."""
    done = CliRunner().invoke(app, ["plan", *words, "--seconds", "0.3"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1].removeprefix("RESULT "))
    return told


def test_points_are_counted_by_cell_and_planned(roads: Path, tmp_path: Path) -> None:
    """Three points in one cell, one in another, one far away and one of no place."""
    points = tmp_path / "points.csv"
    points.write_text(
        "Longitude,Latitude\n" + "112.5041,37.8041\n" * 3 + "112.508,37.808\n113,38\n,\n"
    )
    output = tmp_path / "routes.geojson"
    told = result(str(roads), "--home", HOME, "--points", str(points), "--units", "1",
                  "--hours", "4", "-o", str(output))  # fmt: skip
    assert (told["places"], told["visits"], told["prize_share"]) == (2, 6, 1.0)
    features = json.loads(output.read_text())["features"]
    kinds = [each["geometry"]["type"] for each in features]
    assert kinds.count("LineString") == 1 and kinds.count("Point") == 6


def test_crossings_stand_in_where_there_are_no_points(roads: Path) -> None:
    told = result(str(roads), "--home", HOME, "--cells", "4", "--units", "2", "--mode", "foot")
    assert told["places"] == 4 and told["visits"] > 0
    assert result(str(roads), "--home", HOME, "--units", "0")["visits"] == 0


def test_what_cannot_be_read_says_so(roads: Path, tmp_path: Path) -> None:
    empty = tmp_path / "points.csv"
    empty.write_text("a,b\n1,2\n")
    with pytest.raises(InvalidFile, match="none of the columns"):
        result(str(roads), "--home", HOME, "--points", str(empty))
    with pytest.raises(InvalidInput, match="is no point"):
        result(str(roads), "--home", "somewhere")
