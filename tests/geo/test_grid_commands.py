"""The verbs of grids and areas, as a person types them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from geo.commands import areas as area_verbs
from geo.commands import grids as grid_verbs
from geo.errors import GridImportRejected, GridNotFound, InvalidInput
from geo.store.database import Database
from tests.drawing import draw, square
from tests.geo.grid_drafts import code
from tests.geo.grid_files import grid_frame, write_grids


@pytest.fixture
def run(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run words of a verb on a fresh database; errors come out as they were raised."""

    @contextlib.contextmanager
    def opened(_settings: object = None) -> Iterator[Database]:
        yield database

    monkeypatch.setenv("GRIDBEAT_DATA_FOLDER", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "200")
    for verbs in (grid_verbs, area_verbs):
        monkeypatch.setattr(verbs, "open_store", opened)
        monkeypatch.setattr(verbs.console, "width", 200)

    def typed(*words: str, exit_code: int = 0) -> str:
        app = {"grids": grid_verbs.app, "areas": area_verbs.app}[words[0]]
        result = CliRunner().invoke(app, list(words[1:]))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == exit_code, result.output
        return result.output

    return typed


def test_a_day_of_an_operator(run: Any, tmp_path: Path) -> None:
    """Areas in, a bad file checked and refused, a good one imported, looked at, replaced."""
    table = tmp_path / "areas.csv"
    table.write_text(
        "代码,名称,别名\n140106,迎泽区,\n140106001,桥东街道,桥东\n140106001005,双塔东街社区,\n坏,坏,\n",
        encoding="utf-8",
    )
    told = run("areas", "import", str(table), "--valid-from", "2026-01-01")
    assert "3 new" in told
    assert "1 failed" in told
    assert "areas_not_taken.csv" in told
    assert "双塔东街社区" in run("areas", "list", "--on", "2026-06-01")
    assert "迎泽区 / 桥东街道" in run("areas", "show", "140106001", "--on", "2026-06-01")
    assert "alias" in run("areas", "search", "桥东", "--on", "2026-06-01")

    bad = write_grids(
        tmp_path / "bad.geojson", grid_frame({"A": square(0, 0, size=2), "B": square(1, 0, size=2)})
    )
    facts = ("--datum", "WGS84", "--valid-from", "2026-02-01")
    told = run("grids", "check", str(bad), *facts, exit_code=1)
    assert "2 grids; 1 errors, 0 warnings" in told
    assert "overlap" in told
    with pytest.raises(GridImportRejected, match="nothing was stored"):
        run("grids", "import", str(bad), *facts)
    assert list((tmp_path / "data" / "results").glob("*/grid_faults_bad_2026-02-01.geojson"))

    good = write_grids(tmp_path / "good.geojson", grid_frame(draw("AB\nAB")))
    assert "2 grids; 0 errors, 0 warnings" in run("grids", "check", str(good), *facts)
    assert "2 grids from 2026-02-01 on, 0 ended" in run("grids", "import", str(good), *facts)
    again = run("grids", "import", str(good), "--datum", "WGS84", "--valid-from", "2026-02-05")
    assert "in force since 2026-02-01" in again
    listed = run("grids", "list", "--on", "2026-02-02")
    assert code(1) in listed
    assert "2 of 2 grids" in listed
    shown = run("grids", "show", code(1), "--on", "2026-02-02")
    assert "桥东街道 / 双塔东街社区" in shown
    assert code(2) in shown
    assert "good.geojson" in run("grids", "versions")
    assert "0 addresses changed" in run("grids", "reassign")
    ended = run("areas", "end", "140106001005", "--on", date(2026, 5, 1).isoformat())
    assert "ends on 2026-05-01" in ended


def test_words_that_are_wrong_say_so(run: Any) -> None:
    with pytest.raises(GridNotFound, match="No grid has the code"):
        run("grids", "show", "1")
    with pytest.raises(InvalidInput, match="no day"):
        run("grids", "list", "--on", "yesterday")
