"""`gridbeat addresses` and `gridbeat jobs`: what is typed, what is printed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from geo.commands import addresses, jobs
from geo.errors import AddressNotFound, InvalidMapping
from geo.store.database import Database

ROWS = "".join(f"R{n},北京市东城区测试路{n}号[红],116.4{n},39.9\n" for n in range(1, 5))


@pytest.fixture(autouse=True)
def _store(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextlib.contextmanager
    def open_store(_settings: object = None) -> Iterator[Database]:
        yield database

    monkeypatch.setenv("GRIDBEAT_DATA_FOLDER", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "160")
    for module in (addresses, jobs):
        monkeypatch.setattr(module, "open_store", open_store)
        monkeypatch.setattr(module.console, "width", 160)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "地址.csv"
    path.write_text("编号,地址,经度,纬度\n" + ROWS + "R9,,116.4,39.9\n", encoding="gb18030")
    return path


def _run(*words: str) -> Result:
    module = {"addresses": addresses, "jobs": jobs}[words[0]]
    return CliRunner().invoke(module.app, list(words[1:]), catch_exceptions=False)


def test_an_import_is_shown_before_and_after(file: Path) -> None:
    words = ("addresses", "import", str(file), "--source", "测试", "--datum", "wgs84")
    dry = _run(*words, "--dry-run")
    assert "gb18030" in dry.output
    assert "Job" not in dry.output
    done = _run(*words)
    assert "Job 1: done" in done.output
    assert "empty_address 1" in done.output
    assert "failures.csv" in done.output
    shown = _run("addresses", "show", "1").output
    assert "北京市东城区测试路1号" in shown
    assert "±10 m, from WGS84" in shown
    assert "北京市东城区测试路1号[红]" in shown  # markup of ours is not taken from addresses
    assert "北京市东城区测试路2号" in _run("addresses", "show", "东城区测试路2号").output
    listed = _run("addresses", "list", "--bbox", "116.415,39,116.425,40").output
    assert "1 of 1." in listed
    assert "now" in _run("addresses", "history", "1").output
    assert "addresses" in _run("jobs", "list").output
    assert "rows_in" in _run("jobs", "show", "1").output


def test_what_is_wrong_is_an_error_of_the_platform(file: Path) -> None:
    with pytest.raises(InvalidMapping):
        _run("addresses", "import", str(file), "--source", "x", "--datum", "BD09", "--map", "a=b")
    with pytest.raises(AddressNotFound):
        _run("addresses", "show", "77")
    with pytest.raises(AddressNotFound):
        _run("addresses", "show", "没有这条路1号")
    assert _run("addresses", "list", "--bbox", "a,b").exit_code == 2
