"""`gridbeat roads …`: what it prints, and what it stores."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import geopandas as gpd
import pytest
import shapely
from typer.testing import CliRunner

from geo.commands import roads as commands
from geo.commands.roads import app
from geo.errors import InvalidInput, InvalidMapping
from geo.roads.store import load_road_network
from geo.store.database import Database


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


def test_a_file_is_imported_once_and_its_roads_closed(
    tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two streets without numbers, in a file that comes again mended."""
    path = tmp_path / "roads.gpkg"
    lines = [
        shapely.LineString([(112.58, 37.87), (112.581, 37.87)]),
        shapely.LineString([(112.581, 37.87), (112.582, 37.87)]),
    ]
    frame = gpd.GeoDataFrame({"highway": ["primary"] * 2}, geometry=lines, crs="EPSG:4326")
    frame.to_file(path)

    @contextlib.contextmanager
    def opened(*_: object) -> Iterator[Database]:
        yield database

    monkeypatch.setattr(commands, "open_store", opened)

    def said(*words: str) -> str:
        done = CliRunner().invoke(app, list(words))
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return " ".join(done.output.split())

    asked = ("import", str(path), "--valid-from", "2026-01-01", "--attribution", "示例")
    first = said(*asked)
    assert "Stored as “roads.gpkg”, in force from 2026-01-01 on" in first
    assert "no numbers of its roads" in first
    assert "nothing was changed" in said(*asked)
    frame.iloc[:1].to_file(path)
    assert "“roads.gpkg” ends on that day" in said(
        "import", str(path), "--valid-from", "2026-02-01"
    )
    with database.session() as session:
        assert load_road_network(session, on=date(2026, 1, 31)).network.line_count == 2
        assert load_road_network(session, on=date(2026, 2, 1)).network.line_count == 1
    assert "│ 2026-01-01 │ 2026-02-01 │" in said("list")
    closed = said("close", "1", "--reason", "示例施工", "--starts", "2026-02-02T08:00")
    number = closed.split()[1].strip(":")
    # The network of that day has one road only.
    with pytest.raises(InvalidInput, match="has no road 2"):
        said("close", "2", "--reason", "x", "--starts", "2026-02-02T08:00")
    assert "示例施工" in said("closures")
    said("reopen", number)
    assert "No road is closed" in said("closures")
