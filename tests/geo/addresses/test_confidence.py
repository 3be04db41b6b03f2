"""Doubts become a confidence: another doubt never makes surer, and what contradicts is no match."""

from __future__ import annotations

import csv
import inspect
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.confusable_city import ConfusableCity, lacking
from geo.addresses import match, match_doubts
from geo.addresses.confidence import (
    CAPPED,
    MOST_CAPPED,
    SUREST,
    WEIGHTS_FILE,
    confidence_of,
    confidence_weights,
)
from geo.addresses.match import DEFAULT_THRESHOLD, match_standard_address
from geo.addresses.register_index import RegisterIndex
from geo.values import GridScope

EVERYTHING = GridScope.everything()
doubts = st.dictionaries(st.sampled_from(sorted(confidence_weights())), st.floats(0, 5))


def test_the_table_can_be_read_by_a_person() -> None:
    with WEIGHTS_FILE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({row["doubt"] for row in rows}) == len(rows)
    assert all(row["meaning"] for row in rows)
    assert all(float(row["weight"]) > 0 for row in rows)


def test_each_doubt_that_is_raised_has_a_weight() -> None:
    source = inspect.getsource(match_doubts) + inspect.getsource(match)
    raised = set(re.findall(r'add\(\s*"(\w+)"', source))
    assert len(raised) > 15
    assert raised <= confidence_weights().keys()
    assert confidence_weights().keys() >= CAPPED
    assert DEFAULT_THRESHOLD > MOST_CAPPED


@given(doubts)
def test_it_is_a_share_and_no_surer_than_the_surest(given_doubts: dict[str, float]) -> None:
    assert 0 <= confidence_of(given_doubts) <= SUREST
    if CAPPED & given_doubts.keys():
        assert confidence_of(given_doubts) <= MOST_CAPPED


@given(doubts, doubts)
def test_more_doubt_never_makes_surer(few: dict[str, float], more: dict[str, float]) -> None:
    both = {doubt: few.get(doubt, 0) + more.get(doubt, 0) for doubt in few | more}
    assert confidence_of(both) <= confidence_of(few)


def test_no_doubt_is_the_surest() -> None:
    assert confidence_of({}) == SUREST


HEAD = "浙江省杭州市西湖区古荡街道"
INDEX = RegisterIndex.from_rows(
    [
        (i, HEAD + text, 120.0 + i / 1000, 30.0)
        for i, text in enumerate(
            [
                "柳岸路12号木棉花园一期2幢1单元102室", "柳岸路12号木棉花园一期2幢2单元102室",
                "柳岸东路12号", "桑田村2组6号", "望江村2组9号", "松涛街5号喜盈超市(南门店)",
                "云岭路7号喜盈超市(柳岸店)",
            ],
            1,
        )
    ]
)  # fmt: skip


@pytest.mark.parametrize(
    "text, doubt",
    [
        ("柳岸路12号木棉花园二期2幢1单元102室", "differs_name"),  # another phase
        ("柳岸路12号木棉花园三区2幢1单元102室", "differs_name"),
        ("古荡街道桑由村2组9号", "unnamed"),  # nothing names the village that has a number 9
        ("桑天村2组6号", "slip_only"),
        ("松涛街5号喜盈超市(东门店)", "differs_name"),  # another branch
        ("西湖区喜盈超市", "tied"),
        ("柳岸路12号木棉花园一期2幢1单元102室对面", "near"),
        ("木棉花园一期2幢102室", "tied"),
    ],
)
def test_what_contradicts_ties_or_is_only_near_goes_to_review(text: str, doubt: str) -> None:
    result = match_standard_address(text, INDEX, scope=EVERYTHING)
    assert result.status == "review"
    assert result.best is not None
    assert result.confidence <= MOST_CAPPED
    assert doubt in dict(result.best.doubts), result.best


@pytest.mark.parametrize(
    "text, address_id",
    [
        ("柳案路12号木棉花圆一期2幢1单元102室", 1),  # two names with a slip speak for each other
        ("西湖区木绵花园一期2幢1单元102室", 1),
        ("你好麻烦送到古荡街道桑田村2组6号谢谢", 4),
        ("松涛街5号", 6),
        ("松涛街5号喜盈超市(南门店)", 6),
        ("松涛街5号喜盈超市南门店(请放门口)", 6),
    ],
)
def test_what_several_parts_say_together_is_a_match(text: str, address_id: int) -> None:
    result = match_standard_address(text, INDEX, scope=EVERYTHING)
    assert result.best is not None
    assert (result.best.standard_address_id, result.status) == (address_id, "matched")


def test_the_generated_city_is_confusable_and_its_register_lacks_some() -> None:
    records = list(ConfusableCity(5).records(2_000))
    assert [each.text for each in records[:50]] == [
        each.text for each in ConfusableCity(5).records(50)
    ]
    townships: dict[str, set[str]] = {}
    for record in records:
        if record.estate:
            name = re.sub("[一二三东西][区期]$", "", record.estate)
            townships.setdefault(name, set()).add(record.township)
    assert sum(len(each) > 1 for each in townships.values()) > 3  # one name in two townships
    roads = {record.road for record in records}
    assert any(f"{road[:-1]}{side}路" in roads for road in roads for side in "东西南北一二三")
    gone = lacking(records, random.Random(1))
    assert 0.1 < len(gone) / len(records) < 0.45
