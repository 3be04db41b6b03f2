"""`gridbeat roads check`."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pytest
import shapely
from typer.testing import CliRunner

from geo.commands.roads import app
from geo.errors import InvalidMapping


def test_a_file_is_told_mode_by_mode(tmp_path: Path) -> None:
    """A street of some 88 m, open both ways, and an island of a footpath."""
    path = tmp_path / "roads.gpkg"
    lines = [
        shapely.LineString([(112.58, 37.87), (112.581, 37.87)]),
        shapely.LineString([(112.59, 37.87), (112.591, 37.87)]),
        shapely.LineString([(112.6, 37.87), (112.601, 37.87)]),
    ]
    kinds = ["primary", "footway", "proposed"]
    gpd.GeoDataFrame({"kind": kinds}, geometry=lines, crs="EPSG:4326").to_file(path)
    done = CliRunner().invoke(app, ["check", str(path)])
    assert done.exit_code == 0, done.output
    words = " ".join(done.output.split())
    assert "2 roads, 4 crossings and ends, 4 directed edges" in words
    assert "highway=kind" in words
    assert "Left out: 1: its class is no road" in words
    assert "no one-way column; its lines were taken both ways" in words
    assert "│ car │ 0.1 │ 2 │ 100.0% │ 0 │ 0 │ 2 │" in words
    assert "│ foot │ 0.2 │ 4 │ 50.0% │ 1 │ 0 │ 4 │" in words
    wrong = CliRunner().invoke(app, ["check", str(path), "--column", "highway=nowhere"])
    assert isinstance(wrong.exception, InvalidMapping)
    with pytest.raises(InvalidMapping):
        raise wrong.exception
