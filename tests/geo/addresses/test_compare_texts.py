"""Comparing free texts: relation, where they part, grade, reasons; the laws of comparing."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.addresses import LEVELS, AddressRelation, WrittenForm, format_address
from geo.addresses.compare_texts import compare_many, compare_texts
from geo.addresses.pair_model import PairGrade, load_pair_model
from geo.errors import FileTooLarge, InvalidInput


@pytest.mark.parametrize(
    ("first", "second", "relation", "parted_at"),
    [
        ("文一西路969号3幢", "文一西路９６９号三号楼", "same", None),
        ("翠苑小区3幢", "翠苑3幢", "same", None),
        ("瀚明大厦10层", "翰明大厦10楼", "same", None),
        ("江干区凯旋路5号", "上城区凯旋路5号", "same", None),
        ("余杭区文一西路969号", "浙江省杭州市余杭区文一西路969号3幢", "contains", "building"),
        ("文一西路969号3幢", "文一西路969号4幢", "different", "building"),
        ("杭州市西湖区文三路1号", "宁波市海曙区文三路1号", "different", "city"),
        ("余杭区文一西路969号", "宁波市文一西路969号", "different", "city"),
        ("文一路3号", "文二路3号", "different", "road"),
        ("丽水路58号远洋花园", "登云路2号清河家园", "different", "road"),
    ],
)
def test_relations(first: str, second: str, relation: str, parted_at: str | None) -> None:
    found = compare_texts(first, second)
    assert (found.relation, found.parted_at) == (relation, parted_at)


def test_reasons_say_how_the_names_agree() -> None:
    found = compare_texts("登云路9号翠湖小区3幢", "登云路9号翠湖附近")
    assert [(reason.code, reason.level) for reason in found.reasons] == [
        ("same", "road"), ("same", "door"), ("short", "estate"), ("only_first", "building"),
        ("near", "relation"),
    ]  # fmt: skip


def test_a_number_that_differs_forbids_a_full_match() -> None:
    assert compare_texts("莲花小区3幢", "莲花小区4幢").full == 0
    assert compare_texts("莲花小区3幢", "莲花小区4幢").grade is PairGrade.PARTIAL


@pytest.mark.parametrize(
    ("first", "second", "grade"),
    [
        ("余杭区文一西路969号竹海水韵3幢2单元101", "文一西路竹海水韵3号楼", PairGrade.FULL),
        ("文一西路969号莲花小区3幢", "文一西路969号莲花小区(东门)", PairGrade.PARTIAL),
        ("文一西路969号莲花小区3幢", "登云路58号清河家园3幢", PairGrade.NONE),
    ],
)
def test_grades(first: str, second: str, grade: PairGrade) -> None:
    assert compare_texts(first, second).grade is grade


def test_columns_are_compared_pair_by_pair() -> None:
    firsts = ["莲花小区3幢", "文一西路969号"]
    seconds = ["莲花小区3号楼", "登云路58号清河家园"]
    found = compare_many(firsts, seconds)
    assert found.shape == (2, 3)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(found[1:], compare_many(firsts[1:], seconds[1:]), atol=1e-6)
    np.testing.assert_array_equal(found, compare_many(seconds, firsts))
    assert found[0].argmax() == PairGrade.FULL
    assert found[1].argmax() == PairGrade.NONE


def test_no_pairs_give_no_rows() -> None:
    assert compare_many([], []).shape == (0, 3)


def test_bad_input_is_refused() -> None:
    with pytest.raises(InvalidInput, match="as many"):
        compare_many(["a"], [])
    with pytest.raises(InvalidInput, match="string"):
        compare_many(["a"], [None])  # type: ignore[list-item]
    with pytest.raises(FileTooLarge):
        compare_texts("路" * 5000, "路")


@pytest.mark.parametrize(
    "text", ["", "🙂🙂", "((((((", "1-" * 2000, "号" * 4096, "𠮷" * 500, "<b>' OR 1=1;--"]
)
def test_odd_texts_are_compared(text: str) -> None:
    assert compare_texts(text, text).relation is AddressRelation.SAME
    assert compare_texts(text, "文一西路969号").full < 0.5


ROADS = st.sampled_from(["文一西路", "登云路", "人民大道", "八一路", "环城北路"])
ESTATES = st.sampled_from(["莲花小区", "远洋花园", "清河家园", "翠湖公寓"])
NUMBERS = st.integers(1, 300).map(str)
SITES = st.fixed_dictionaries(
    {"road": ROADS, "door": NUMBERS},
    optional={
        "estate": ESTATES,
        "building": st.integers(1, 90).map(str),
        "entrance": st.integers(1, 9).map(str),
        "room": st.integers(101, 2999).map(str),
    },
)
FREE = st.text("省市区路街号楼幢单元室小区花园文一西3幢12-A(附近)与东门 ", max_size=30)
MIRRORED = {AddressRelation.CONTAINS: "within", AddressRelation.WITHIN: "contains"}


@given(st.one_of(FREE, SITES.map(format_address)), st.one_of(FREE, SITES.map(format_address)))
@settings(max_examples=60, deadline=None)
def test_comparing_the_other_way_mirrors(first: str, second: str) -> None:
    one, other = compare_texts(first, second), compare_texts(second, first)
    assert other.relation == MIRRORED.get(one.relation, one.relation)
    assert other.parted_at == one.parted_at
    assert other.probabilities == one.probabilities


@given(st.one_of(FREE, SITES.map(format_address)))
@settings(max_examples=60, deadline=None)
def test_a_text_is_the_same_as_itself(text: str) -> None:
    assert compare_texts(text, text).relation is AddressRelation.SAME


@given(SITES)
@settings(max_examples=60, deadline=None)
def test_the_written_form_changes_nothing(site: dict[str, str]) -> None:
    plain = format_address(site)
    other = format_address(site, written_form=WrittenForm(building="号楼"))
    wide = "".join(chr(ord(char) + 0xFEE0) if char.isascii() else char for char in other)
    spaced = " ".join(format_address({level: site[level]}) for level in LEVELS if level in site)
    assert compare_texts(plain, wide).relation is AddressRelation.SAME
    assert compare_texts(plain, spaced).relation is AddressRelation.SAME
    assert compare_texts(plain, _in_chinese_numerals(other)).relation is AddressRelation.SAME


def _in_chinese_numerals(text: str) -> str:
    """Return the text with each number before a counting word digit by digit in Chinese."""
    digits = str.maketrans("0123456789", "〇一二三四五六七八九")
    return re.sub(r"\d+(?=号|单元|室)", lambda match: match[0].translate(digits), text)


@given(SITES, st.data())
@settings(max_examples=60, deadline=None)
def test_a_changed_number_is_never_the_same(site: dict[str, str], data: st.DataObject) -> None:
    numbered = [level for level in ("door", "building", "entrance", "room") if level in site]
    level = data.draw(st.sampled_from(numbered))
    changed = {**site, level: str(int(site[level]) + data.draw(st.integers(1, 99)))}
    found = compare_texts(format_address(site), format_address(changed))
    assert found.relation is AddressRelation.DIFFERENT
    assert found.full == 0


@pytest.mark.parametrize(
    ("first", "second", "relation", "grade"),
    [
        ("余杭仓前文一西路1500号6幢", "文一西路1500号", "within", PairGrade.PARTIAL),
        ("莲花小区", "莲花小区3幢", "contains", PairGrade.PARTIAL),
        ("桐和街6号依家小店", "桐和街6号", "within", None),
        ("莲花小区附近", "莲花小区", "overlap", None),
    ],
)
def test_the_grade_keeps_to_the_relation(
    first: str, second: str, relation: str, grade: PairGrade | None
) -> None:
    found = compare_texts(first, second)
    assert found.relation == relation
    assert grade is None or found.grade is grade


@given(SITES, SITES, st.data())
@settings(max_examples=60, deadline=None)
def test_no_grade_belies_the_relation(
    site: dict[str, str], other: dict[str, str], data: st.DataObject
) -> None:
    kept = data.draw(st.sampled_from([site, other, {"road": site["road"], "door": site["door"]}]))
    texts = format_address(site), format_address(kept)
    found = compare_texts(*texts)
    np.testing.assert_allclose(sum(found.probabilities), 1, atol=1e-5)
    if found.relation is AddressRelation.SAME:
        assert found.grade is PairGrade.FULL
    elif found.relation is AddressRelation.DIFFERENT:
        assert found.full == 0
    elif found.relation is not AddressRelation.OVERLAP:
        assert found.grade is not PairGrade.NONE


@given(SITES, st.data())
@settings(max_examples=60, deadline=None)
def test_columns_keep_to_what_is_plain(site: dict[str, str], data: st.DataObject) -> None:
    text = format_address(site)
    numbered = [level for level in ("door", "building", "entrance", "room") if level in site]
    level = data.draw(st.sampled_from(numbered))
    changed = format_address({**site, level: str(int(site[level]) + data.draw(st.integers(1, 99)))})
    door = format_address({"road": site["road"], "door": site["door"]})
    form = format_address(site, written_form=WrittenForm(building="号楼"))
    grades = load_pair_model().grades(
        found := compare_many([text, text, text], [changed, door, form])
    )
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    assert found[0, PairGrade.FULL] == 0
    assert grades[1] == (PairGrade.FULL if door == text else grades[1])
    assert grades[1] != PairGrade.NONE
    assert grades[2] == PairGrade.FULL


def documented() -> list[list[str]]:
    lines = (Path(__file__).parents[3] / "docs" / "comparing.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip(" `") for cell in line.strip("|").split("|")]
        for line in lines.splitlines()
        if line.startswith("| `")
    ]
    return [row[:4] for row in rows if len(row) == 5]


def test_the_page_shows_every_relation() -> None:
    assert {row[2] for row in documented()} == set(AddressRelation)


@pytest.mark.parametrize("row", documented(), ids=lambda row: " ".join(row[:2]))
def test_the_row_of_the_page_is_what_the_program_says(row: list[str]) -> None:
    found = compare_texts(row[0], row[1])
    assert [found.relation, found.parted_at or "–"] == row[2:]
