"""What changed since a viewer last looked: each unit once, and the first change too."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from geo.positions.fix import Fix, Source
from geo.positions.live import LiveBoard
from geo.positions.rows import Rows, row_of, rows_of
from geo.values import LonLat

AT = datetime(2026, 3, 1, 4, tzinfo=UTC)


def placed(*unit_ids: int, minute: int = 0) -> Rows:
    at = AT + timedelta(minutes=minute)
    fix = Fix("x", at, LonLat(112.5, 37.8), Source.BATCH)
    return rows_of(row_of(fix, unit_id, 1) for unit_id in unit_ids)


def test_who_looked_at_an_empty_board_gets_the_first_change() -> None:
    board = LiveBoard()
    number, told = board.changes(0, {1, 2})
    assert told == "[]"
    board.move(placed(1))
    number, told = board.changes(number, {1, 2})
    assert [each["unit_id"] for each in json.loads(told)] == [1]
    assert board.changes(number, {1, 2}) == (number, "[]")


def test_each_unit_comes_once_at_its_newest_and_only_to_who_may_see_it() -> None:
    board = LiveBoard()
    board.move(placed(1, 2))
    seen, _ = board.changes(0, {1, 2})
    for minute in (1, 2, 3):
        board.move(placed(1, minute=minute))
    _, told = board.changes(seen, {1, 2})
    (unit,) = json.loads(told)
    assert unit["at"] == (AT + timedelta(minutes=3)).isoformat()
    assert board.changes(seen, {2})[1] == "[]"
