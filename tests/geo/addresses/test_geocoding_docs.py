"""The table of hard texts in docs/geocoding.md is what the engine answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from geo.addresses.match import match_standard_address
from geo.addresses.register_index import RegisterIndex
from geo.values import GridScope
from tests.geo.addresses.small_register import small_rows
from tests.geo.addresses.test_match_doors import rows as road_rows

_PAGE = Path(__file__).parents[3] / "docs" / "geocoding.md"
INDEX = RegisterIndex.from_rows(
    [*small_rows(), *((100 + each[0], *each[1:]) for each in road_rows())]
)


def said(text: str) -> list[str]:
    """Return status, level, answer without province and city, and the first reason."""
    result = match_standard_address(text, INDEX, scope=GridScope.everything())
    best = result.best
    if best is None:
        return [result.status, "–", "–", result.reasons[0].zh]
    answer = best.canonical_text.removeprefix("浙江省杭州市")
    reason = result.reasons[0].zh if result.reasons else "–"
    return [result.status, best.level, answer, reason]


def table() -> list[list[str]]:
    lines = [line for line in _PAGE.read_text(encoding="utf-8").splitlines() if line[:3] == "| `"]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if row[1] in ("matched", "review", "not_found") and len(row) == 5]


def test_there_are_at_least_ten() -> None:
    assert len(table()) >= 10


@pytest.mark.parametrize("row", table(), ids=lambda row: row[0])
def test_the_row_is_what_the_engine_answers(row: list[str]) -> None:
    assert said(row[0].strip("`")) == row[1:]
