"""`gridbeat addresses duplicates`: what is typed, what is printed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from geo.accounts import create_account, end_account
from geo.commands import addresses, duplicates
from geo.errors import AccountNotFound, Conflict, DuplicateNotFound, InvalidInput
from geo.store.database import Database
from geo.tables import DuplicatePair
from tests.geo.duplicates.register import fill


@pytest.fixture(autouse=True)
def ids(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    @contextlib.contextmanager
    def open_store(_settings: object = None) -> Iterator[Database]:
        yield database

    monkeypatch.setenv("GRIDBEAT_DATA_FOLDER", str(tmp_path / "data"))
    monkeypatch.setattr(duplicates, "open_store", open_store)
    monkeypatch.setattr(duplicates.console, "width", 200)
    with database.session() as session:
        create_account(session, "jia", "only-a-test-password", role="grid_worker")
        gone = create_account(session, "yi", "only-a-test-password", role="grid_worker")
        end_account(session, gone, now=datetime.now(UTC))
        return fill(session)


def _run(*words: str) -> Result:
    return CliRunner().invoke(addresses.app, ["duplicates", *words], catch_exceptions=False)


def test_found_listed_decided_and_taken_back(ids: dict[str, int], database: Database) -> None:
    assert "9 addresses" in _run("find").output
    listed = _run("list").output
    assert "3 of 3." in listed
    assert "坞城路12号" in listed
    assert "一方未写区县" in listed
    assert f"{ids['full']} *" in listed

    pair = next(
        line.split("│")[1].strip() for line in listed.splitlines() if f" {ids['full']} *" in line
    )
    merged = _run("merge", pair, "--keep", str(ids["full"]), "--by", "jia").output
    assert f"Pair {pair}: merged." in merged
    assert f"{ids['short']} merged: 坞城路12号" in merged
    assert "2 of 2." in _run("list").output
    with pytest.raises(Conflict, match="decided already"):
        _run("apart", pair, "--by", "jia")
    assert f"{ids['short']} current" in _run("undo", pair).output
    assert "apart." in _run("apart", pair, "--by", "jia", "--note", "新旧两幢").output
    assert "Waiting: 2." in _run("find").output
    assert "open." in _run("undo", pair).output
    assert "later." in _run("later", pair, "--by", "jia").output
    with database.session() as session:
        assert session.get_one(DuplicatePair, int(pair)).decided_by == "jia"
    _run("undo", pair)
    _run("later", pair)
    with database.session() as session:
        # An account may be called as the user of this machine, and is somebody else.
        assert str(session.get_one(DuplicatePair, int(pair)).decided_by).startswith("operator:")
    assert "1 of 1." in _run("list", "--status", "later").output


def test_what_cannot_be(ids: dict[str, int]) -> None:
    _run("find")
    with pytest.raises(DuplicateNotFound):
        _run("apart", "999", "--by", "jia")
    with pytest.raises(InvalidInput, match="nameless"):
        _run("apart", "1", "--by", " ")
    for name in ("nobody", "yi"):  # decisions bear names: only of those who may decide
        with pytest.raises(AccountNotFound):
            _run("apart", "1", "--by", name)
    with pytest.raises(InvalidInput, match="not of pair"):
        _run("merge", "1", "--keep", "999", "--by", "jia")
    with pytest.raises(InvalidInput, match="wanted one of open"):
        _run("list", "--status", "closed")
