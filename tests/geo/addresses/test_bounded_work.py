"""Reading is linear in the length of the text: counted in lines of program run, not in seconds."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from geo.addresses import normalise, parse
from geo.addresses.match import match_standard_address
from geo.addresses.tokens import Reading
from geo.values import GridScope
from tests.geo.addresses.small_register import small_index

_PIECES = (
    "路 一 1 ( A - 号 浙江省 😀 1- 文一西路12号 十一 附3号 <b> 村 ((一)) 弄1 幢 与 (1号"
    " ((人民路1号) 1\u3000号 ');DROP привет 乐平县 米 东50米 【】 路口 \u200b 中国 镇 市辖区"
)

INDEX = small_index()
EVERYTHING = GridScope.everything()


def lines_run(work: Callable[[], object]) -> int:
    """Return how many lines of Python `work` runs, loops included."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("piece", _PIECES.split(" "))
def test_four_times_the_text_takes_at_most_four_times_the_work(piece: str) -> None:
    def work(length: int) -> int:
        text = (piece * length)[:length]
        return lines_run(lambda: parse(text, max_length=length))

    parse(piece)  # loads the lists
    work(500)  # fills the caches
    short, long = work(1_000), work(4_000)
    assert long <= 4.5 * short + 500  # quadratic: sixteen times


@pytest.mark.parametrize("piece", ["文一路269号", "1", "1-", "一", "3幢", "附", "号"])
def test_four_times_the_text_takes_the_matcher_at_most_four_times_the_work(piece: str) -> None:
    def work(length: int) -> int:
        text = (piece * length)[:length]
        return lines_run(lambda: match_standard_address(text, INDEX, scope=EVERYTHING))

    work(500)  # loads the lists, compiles the loops
    short, long = work(125), work(500)
    assert long <= 4.5 * short + 2_000  # quadratic: sixteen times


def test_a_name_said_250_times_takes_the_matcher_bounded_work() -> None:
    """Each hit of a name is held against each other; 500 characters are the longest text."""
    assert lines_run(lambda: match_standard_address("翠苑" * 250, INDEX, scope=EVERYTHING)) < 2e6


def test_brackets_are_paired_in_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """((((…(1号 asked each bracket for its end, character by character to the end of the text."""
    asked: list[int] = []
    module = sys.modules["geo.addresses.scan"]
    pair = vars(module)["_closings"]

    def closings(text: str) -> dict[int, int]:
        asked.append(len(text))
        found: dict[int, int] = pair(text)
        return found

    monkeypatch.setattr(module, "_closings", closings)
    assert parse("(" * 3_000 + "人民路1号").components() == {}
    parse("(" * 50 + "人民路1号" + ")" * 50)
    assert asked == [3_005, 105]
    assert Reading("(").closings is None


def test_one_character_a_hundred_thousand_times_is_read_without_an_invented_part() -> None:
    for char in "路一1(号A-村镇米 😀":
        text = char * 100_000
        assert len(normalise(text, max_length=len(text)).text) <= len(text)
        parsed = parse(text, max_length=len(text))
        assert len(parsed.parts) <= 64
        assert all(text[part.start : part.end] == part.text for part in parsed.parts)
