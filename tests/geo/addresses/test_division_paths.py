"""Short cuts of the scanner: they answer as the full grammar does, only sooner."""

from __future__ import annotations

import functools
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

import geo.addresses.numbers
import geo.addresses.scan
from geo.addresses.division_paths import walk_divisions
from geo.addresses.division_state import DivisionState
from geo.addresses.divisions import Division, load_divisions
from geo.addresses.scan import Scan, Vocabulary, scan
from geo.addresses.tokens import Reading

_NUMBERS: ModuleType = geo.addresses.numbers
_SCAN: ModuleType = geo.addresses.scan


@functools.cache
def divisions() -> list[Division]:
    return list(load_divisions())


_CHAINS = st.integers(0, 10**9).map(
    lambda number: [
        division.name
        for division in load_divisions().chain(divisions()[number % len(divisions())].code)
    ]
)
_TAILS = st.lists(
    st.sampled_from(
        [
            "文一西路",
            "街道",
            "镇",
            "12号",
            "3幢",
            "区",
            "市",
            "路",
            "办事处",
            "东",
            "社区",
            "村",
            "1001",
            "12-3-1001",
            "(",
            "50米",
            "余杭",
            "西湖区",
            "3号楼",
            "2单元",
            "5层",
            "7室",
            "12号附3号",
            "甲",
            "弄",
        ]
    ),
    max_size=6,
).map("".join)
_AREAS = st.sampled_from([(), ("330100",), ("150123", "440300")])


@st.composite
def texts(draw: st.DrawFn) -> str:
    chain = draw(_CHAINS)
    first = draw(st.integers(0, len(chain)))
    joined = draw(st.sampled_from(["", "", " "])).join(chain[first:])
    return joined + draw(_TAILS)


def read(text: str, area: tuple[str, ...]) -> Scan:
    return scan(text, Vocabulary.build(area, (), (), ()))


@given(texts(), _AREAS)
def test_short_cuts_change_no_answer(text: str, area: tuple[str, ...]) -> None:
    quick = read(text, area)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_SCAN, "walk_divisions", lambda reading, state: 0)
        patch.setattr(_NUMBERS, "_scan_plain_number", lambda reading, at: at)
        assert read(text, area) == quick


def test_divisions_in_full_are_walked_to_where_they_end() -> None:
    reading, state = Reading("浙江省 杭州市余杭区五常街道文一西路"), DivisionState(())
    assert walk_divisions(reading, state) == 14
    assert [token[4] for token in reading.tokens] == ["330000", "330100", "330110", "330110005"]
    assert state.certain_code() == "330110005"


@pytest.mark.parametrize("text", ["余杭仓前街道", "北京路1号", "文一西路1号", "", "中国浙江省"])
def test_what_needs_the_grammar_is_left_to_it(text: str) -> None:
    reading, state = Reading(text), DivisionState(())
    assert walk_divisions(reading, state) == 0
    assert not reading.tokens
    assert state.level == -1


def test_a_name_that_may_go_on_is_left_to_the_grammar() -> None:
    reading, state = Reading("浙江省杭州市余杭区五常街道办事处"), DivisionState(())
    assert walk_divisions(reading, state) == 9
    assert scan(reading.text).tokens[-1][:3] == ("township", 9, 16)
