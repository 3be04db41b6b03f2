"""The table of hard addresses in docs/addresses.md is what the program says."""

from __future__ import annotations

from pathlib import Path

import pytest

from geo.addresses import AddressLevel, parse

_PAGE = Path(__file__).parents[3] / "docs" / "addresses.md"
_SHORT = {"zone": "development_zone", "group": "village_group"}


def rows() -> list[list[str]]:
    lines = [line for line in _PAGE.read_text(encoding="utf-8").splitlines() if line[:3] == "| `"]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if len(row) == 4]


def test_there_are_at_least_twenty() -> None:
    assert len(rows()) >= 20


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_the_row_is_what_the_program_says(row: list[str]) -> None:
    parsed = parse(row[0].strip("`"))
    words = row[1].split()
    wanted = {
        _SHORT.get(name, name): value for name, value in zip(words[::2], words[1::2], strict=True)
    }
    assert parsed.components() == wanted
    assert all(name in list(AddressLevel) for name in wanted)
    code = parsed.division_code or (
        f"one of {len(parsed.alternatives)}" if parsed.alternatives else "–"
    )
    assert code == row[2]
    apart = [note.text for note in (*parsed.relation, *parsed.notes, *parsed.leftovers)]
    assert row[3] == (" · ".join(apart) or "–")
