"""The verbs of the command line over a real store."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from geo.commands import geocode as verbs
from geo.errors import InvalidInput
from geo.review import find_review_items
from geo.settings import Settings
from geo.store.database import Database
from geo.values import GridScope
from tests.geo.addresses.small_register import TEXTS, add_address

RUNNER = CliRunner(env={"COLUMNS": "200"})


@pytest.fixture
def app(database: Database, monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    with database.session() as session:
        for address_id in (12, 13, 16, 21, 22):
            add_address(session, TEXTS[address_id], grid_code="G1")

    @contextlib.contextmanager
    def store(_: Settings | None = None) -> Iterator[Database]:
        yield database

    monkeypatch.setattr(verbs, "open_store", store)
    app = typer.Typer()
    for verb in (verbs.geocode, verbs.suggest, verbs.locate):
        app.command()(verb)
    return app


def test_one_text(app: typer.Typer) -> None:
    told = RUNNER.invoke(app, ["geocode", "--text", "翠苑一区3-2-101"]).output
    assert TEXTS[12] in told
    assert "matched" in told
    assert "120.100000, 30.300000" in told


def test_an_ambiguous_text_shows_the_candidates(app: typer.Typer) -> None:
    told = RUNNER.invoke(app, ["geocode", "--text", "湖墅南路5号"]).output
    assert "review" in told
    assert TEXTS[21] in told
    assert TEXTS[22] in told


def test_a_file(app: typer.Typer, tmp_path: Path) -> None:
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text("地址\n文二路29号\n没有的地方1号\n", encoding="utf-8")
    result = RUNNER.invoke(app, ["geocode", str(source), "-o", str(out)])
    assert result.exit_code == 0, result.output
    assert "matched: door" in result.output
    assert "not found" in result.output
    assert TEXTS[16] in out.read_text(encoding="utf-8-sig")


def test_unsure_rows_of_a_file_are_queued(
    app: typer.Typer, tmp_path: Path, database: Database
) -> None:
    source = tmp_path / "名单.csv"
    source.write_text("地址\n文二路29号\n没有的地方1号\n湖墅南路5号\n", encoding="utf-8")
    words = ["geocode", str(source), "-o", str(tmp_path / "out.csv")]
    assert "review queue" not in RUNNER.invoke(app, words).output
    assert "review queue: 2 texts" in RUNNER.invoke(app, [*words, "--queue"]).output
    assert "review queue: 0 texts" in RUNNER.invoke(app, [*words, "--queue"]).output
    with database.session() as session:
        items = find_review_items(session, scope=GridScope.everything())
        waiting = {(item.address_text, item.source, item.asked_count) for item in items}
    assert waiting == {("没有的地方1号", "名单.csv", 2), ("湖墅南路5号", "名单.csv", 2)}


def test_what_is_missing_is_said(app: typer.Typer, tmp_path: Path) -> None:
    for words in (
        ["geocode"],
        ["geocode", str(tmp_path / "x.csv")],
        ["geocode", "--text", "文二路29号", "--queue"],
    ):
        assert isinstance(RUNNER.invoke(app, words).exception, InvalidInput)


def test_suggest(app: typer.Typer) -> None:
    assert "文二路" in RUNNER.invoke(app, ["suggest", "wel"]).output
    assert "Nothing" in RUNNER.invoke(app, ["suggest", "zzz"]).output


def test_locate(app: typer.Typer) -> None:
    told = RUNNER.invoke(app, ["locate", "120.1001", "30.3"]).output
    assert "nearest address" in told
    assert "10 m" in told
