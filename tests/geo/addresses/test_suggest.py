"""Suggestions while typing, on a small register."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.addresses.register_index import RegisterIndex
from geo.addresses.suggest import Suggestion, suggest
from geo.values import GridScope, LonLat
from tests.geo.addresses.small_register import HEAD, TEXTS, small_index

EVERYTHING = GridScope.everything()
INDEX = small_index()


def ask(typed: str, **options: object) -> list[Suggestion]:
    return suggest(typed, INDEX, scope=EVERYTHING, **options)  # type: ignore[arg-type]


def ids(found: list[Suggestion]) -> list[int | None]:
    return [suggestion.standard_address_id for suggestion in found]


@pytest.mark.parametrize("typed", ["文", "文一", "文一路", "wyl", "WENYI", "wenyilu", "西湖区文一"])
def test_an_unfinished_name_is_completed(typed: str) -> None:
    assert f"{HEAD}文一路" in [suggestion.text for suggestion in ask(typed)]


@pytest.mark.parametrize(
    "typed", ["翠苑一区3幢2单元10", "翠苑一区3-2-10", "翠苑一区3-2-1", "翠苑一区三栋二单元1"]
)
def test_an_unfinished_number_is_completed(typed: str) -> None:
    assert ids(ask(typed))[:2] == [12, 13]


def test_a_whole_address_comes_first() -> None:
    for address_id, text in TEXTS.items():
        assert ids(ask(text))[0] == address_id
        assert ids(ask(text.removeprefix(HEAD)))[0] == address_id


def test_pinyin_and_number_together() -> None:
    assert ids(ask("wel29"))[0] == 16


def test_near_comes_first() -> None:
    assert ids(ask("湖墅南路5号", near=LonLat(120.1084, 30.2863)))[0] == 21
    assert ids(ask("湖墅南路5号", near=LonLat(120.1188, 30.2966)))[0] == 22


def test_recent_comes_first() -> None:
    assert ids(ask("湖墅南路5号", recent=[22]))[0] == 22
    assert ids(ask("湖墅南路5号", recent=[21]))[0] == 21


def test_a_group_says_how_many_addresses_it_has() -> None:
    estate = next(s for s in ask("翠苑一") if s.level == "estate")
    assert (estate.standard_address_id, estate.address_count) == (None, 4)


@pytest.mark.parametrize("typed", ["", " ", "😀", "<b>", "\x00", "%_", "zzzz", "1", "号" * 5000])
def test_what_begins_nothing_suggests_nothing(typed: str) -> None:
    assert ask(typed) == []


def test_limit_is_kept() -> None:
    assert len(ask("文一路", limit=1)) == 1


def test_new_names_are_completed_too() -> None:
    changed = RegisterIndex.from_rows([(1, "西湖区学院路1号", 120.1, 30.3)])
    assert suggest("学院", changed, scope=EVERYTHING)[0].text == "西湖区学院路"


PIECES = [*"文一路翠苑区号幢单元附-/#(， ", "3", "10", "WYL", "wen", "栋"]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=20))
def test_scrambled_typing_never_fails(pieces: list[str]) -> None:
    assert len(ask("".join(pieces), near=LonLat(120.1, 30.3))) <= 8
