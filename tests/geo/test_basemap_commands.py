"""`gridbeat basemap …` against a real store."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import geopandas as gpd
import pytest
import shapely
from typer.testing import CliRunner

from geo.commands import basemap as commands
from geo.errors import InvalidDatum, InvalidMapping, SourceNotFound
from geo.store.database import Database


@pytest.fixture
def roads(tmp_path: Path) -> Path:
    path = tmp_path / "roads.geojson"
    line = shapely.LineString([(112.58, 37.87), (112.59, 37.87)])
    gpd.GeoDataFrame({"highway": ["primary"]}, geometry=[line], crs="EPSG:4326").to_file(path)
    return path


def test_import_list_remove(
    database: Database, roads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextlib.contextmanager
    def opened(settings: object = None) -> Iterator[Database]:
        yield database

    monkeypatch.setattr(commands, "open_store", opened)
    run = CliRunner().invoke
    assert "base map is empty" in run(commands.app, ["list"]).output
    done = run(commands.app, ["import", str(roads), "--source", "示例道路", "--attribution", "©"])
    assert done.exit_code == 0, done.output
    assert "1 features" in done.output
    assert "示例道路" in run(commands.app, ["list"]).output
    # Errors are the platform's; web.cli turns them into one line and exit code 2.
    for words, error in (
        (["import", str(roads), "--source", "a", "--datum", "Mars"], InvalidDatum),
        (["import", str(roads), "--source", "a", "--layer", "roads"], InvalidMapping),
        (["remove", "nothing"], SourceNotFound),
    ):
        assert isinstance(run(commands.app, words).exception, error)
    assert "1 features" in run(commands.app, ["remove", "示例道路"]).output
    assert "base map is empty" in run(commands.app, ["list"]).output
