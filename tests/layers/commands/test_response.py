"""`gridbeat response reach|gaps` and `gridbeat siting solve`, and the files they write."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from geo.roads.store import store_road_network
from geo.store.database import Database
from layers.commands import response as commands
from tests.geo.roads.streets import place, streets

DRAWING = """
    A-B-C-D-E
    |   |   |
    F-G-H-I-J
"""


@pytest.fixture
def database_with_streets(database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    @contextlib.contextmanager
    def opened(*_: object) -> Iterator[Database]:
        yield database

    monkeypatch.setattr(commands, "open_store", opened)
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date()
    with database.session() as session:
        store_road_network(
            session, streets(DRAWING), name="streets", valid_from=yesterday, attribution="Whose"
        )
    return database


def said(group: Any, *words: str) -> str:
    done = CliRunner().invoke(group, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return " ".join(done.output.split())


@pytest.mark.usefixtures("database_with_streets")
def test_reach_gaps_and_a_plan_are_written_with_what_they_assume(tmp_path: Path) -> None:
    """Two points on the streets, one in a lake 11 km away, a post at A."""
    west, north = place(0, 0)
    points, posts = tmp_path / "points.csv", tmp_path / "posts.csv"
    points.write_text(f"lon,lat\n{west},{north}\n{place(2, 0)[0]},{north}\n112.6,37.98\n")
    posts.write_text(f"code,name,kind,lon,lat\nP1,派出所,post,{west},{north}\n")
    words = ("--demand", str(points), "--sites", str(posts), "--resolution", "11", "--out")
    out = tmp_path / "out.geojson"

    text = said(commands.response, "reach", *words, str(out))
    assert "on no road │ 1 │ 1 │ 33.33%" in text
    collection = json.loads(out.read_text(encoding="utf-8"))
    told = collection["gridbeat"]
    assert (told["layer"], told["network"], told["attribution"]) == ("reach", "streets", "Whose")
    assert (told["demand"], told["hour"], told["modes"]) == (
        "points.csv", None, ["emergency_car"],
    )  # fmt: skip
    rows = [f["properties"] for f in collection["features"] if f["geometry"]["type"] == "Polygon"]
    assert sorted(str(row["ring"]) for row in rows) == ["0.0", "0.0", "None"]
    sites = [f["properties"] for f in collection["features"] if f["geometry"]["type"] == "Point"]
    assert sites == [{"name": "派出所", "kind": "post", "state": "stands"}]

    said(commands.response, "gaps", str(posts), *words, str(out), "--hour", "18")
    collection = json.loads(out.read_text(encoding="utf-8"))
    assert (collection["gridbeat"]["layer"], collection["gridbeat"]["hour"]) == ("gaps", 18)
    opened = [f["properties"].get("is_open", "a unit") for f in collection["features"]]
    assert sorted(map(str, opened)) == ["0.0", "0.0", "None", "a unit"]

    said(commands.siting, "solve", "--wanted", "2", "--crossings", "4", *words, str(out))
    collection = json.loads(out.read_text(encoding="utf-8"))
    assert collection["gridbeat"]["is_proven"] and collection["gridbeat"]["objective"] == 2.0
    covered = [f["properties"].get("is_covered", "a site") for f in collection["features"]]
    assert sorted(map(str, covered))[:3] == ["1.0", "1.0", "None"]
