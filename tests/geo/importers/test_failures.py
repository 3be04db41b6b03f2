"""Result files open in a spreadsheet, run nothing there, and can be cut back."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import InvalidFile
from geo.importers.failures import CELL_CHARS_MAX, Failure, ResultFile, disarmed

FAILURE = Failure(7, "empty_address", "The address is empty.", "地址")


def _rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def test_a_failure_stands_with_its_reason_and_its_own_cells(tmp_path: Path) -> None:
    file = ResultFile(tmp_path / "f.csv", ["地址", "=名称"])
    file.append([(FAILURE, ['=HYPERLINK("x")', None])])
    file.append([(FAILURE, ["-12.5", "@x"])])
    assert (tmp_path / "f.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert _rows(tmp_path / "f.csv") == [
        ["row_number", "column", "reason", "message", "地址", "'=名称"],
        ["7", "地址", "empty_address", "The address is empty.", '\'=HYPERLINK("x")', ""],
        ["7", "地址", "empty_address", "The address is empty.", "-12.5", "'@x"],
    ]


@given(st.text())
def test_no_cell_begins_a_formula(text: str) -> None:
    cell = disarmed(text)
    assert not cell.startswith(("=", "@", "\t", "\r"))
    if cell.startswith(("+", "-")):
        float(cell)


def test_a_file_is_cut_back_to_what_was_committed(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    file = ResultFile(path, ["a"])
    file.append([(FAILURE, ["committed"])])
    kept = file.size_bytes
    file.append([(FAILURE, ["lost"])])
    again = ResultFile(path, ["a"], keep_bytes=kept)
    again.append([(FAILURE, ["new"])])
    assert [row[-1] for row in _rows(path)] == ["a", "committed", "new"]
    path.unlink()
    with pytest.raises(InvalidFile, match="gone"):
        ResultFile(path, ["a"], keep_bytes=kept)


def test_huge_cells_are_cut_and_nothing_is_written_for_nothing(tmp_path: Path) -> None:
    file = ResultFile(tmp_path / "f.csv", ["a"])
    file.append([])
    assert (tmp_path / "f.csv").stat().st_size == 0
    file.append([(FAILURE, ["长" * 5_000_000])])
    assert len(_rows(tmp_path / "f.csv")[1][-1]) == CELL_CHARS_MAX + 1
