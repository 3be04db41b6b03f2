"""Normalising: what becomes what, and the way back to the original."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.addresses.normalise import (
    MAX_TEXT_LENGTH,
    fold_name,
    normalise,
    numeral_to_digits,
)
from geo.errors import FileTooLarge, InvalidInput


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Ａ座２３楼", "A座23楼"),
        ("b座", "B座"),
        ("杭州市西湖區文一西路", "杭州市西湖区文一西路"),
        ("二十三楼", "23楼"),
        ("一百零三号", "103号"),
        ("廿三幢", "23幢"),
        ("一○二室", "102室"),
        ("壹拾贰号楼", "12号楼"),
        ("①幢Ⅲ单元", "1幢3单元"),
        ("幺二三号", "123号"),
        ("十二杠三杠一〇〇一室", "12-3-1001室"),
        ("12—3－1001", "12-3-1001"),
        ("B12一1195室", "B12-1195室"),
        ("（富阳店）【门口】", "(富阳店)(门口)"),
        ("文一西路\u3000３号\t", "文一西路 3号 "),
        ("文一\u200b西路", "文一西路"),
        ("附三号", "附3号"),
        ("12 号 3 幢 101 室", "12号 3幢 101室"),
        ("12 号楼 3 楼", "12号楼 3楼"),
        ("12 楼外楼", "12 楼外楼"),
        ("楼号:3 单元:2 房号:102", "楼号:3 单元:2 房号:102"),
        ("文一\xad西路", "文一西路"),
        ("920-14八楼", "920-14 8楼"),
        ("3-2-一〇一室", "3-2-101室"),
    ],
)
def test_one_form_for_many_writings(text: str, wanted: str) -> None:
    assert normalise(text).text == wanted


@pytest.mark.parametrize(
    "name",
    [
        "三里屯",
        "五道口",
        "文一西路",
        "八一路",
        "翠苑一区",
        "五号路",
        "三层镇",
        "乾县",
        "吉山二社区",
    ],
)
def test_numerals_and_characters_of_names_stay(name: str) -> None:
    assert normalise(name).text == name


@pytest.mark.parametrize(
    ("numeral", "digits"),
    [("十", "10"), ("二十", "20"), ("一百二十", "120"), ("一千零三", "1003"), ("一二〇", "120"),
     ("零三", "03"), ("卅一", "31"), ("两百", "200"), ("路", None), ("零", "0")],
)  # fmt: skip
def test_numerals(numeral: str, digits: str | None) -> None:
    assert numeral_to_digits(numeral) == digits


def test_names_meet_under_one_key_however_their_numerals_are_written() -> None:
    assert fold_name("八一路") == fold_name("81路")
    assert fold_name("十八里店") == fold_name("18里店")
    assert fold_name("翠苑 一区") == fold_name("翠苑1区")
    assert fold_name("文一西路") != fold_name("文二西路")


def test_each_character_knows_where_it_came_from() -> None:
    text = "文一西路二十三号"
    normalised = normalise(text)
    assert normalised.text == "文一西路23号"
    start, end = normalised.original_span(4, 6)
    assert text[start:end] == "二十三"
    assert normalised.original_span(7, 7) == (8, 8)


@given(st.text(max_size=80))
def test_spans_are_ordered_slices_of_the_original(text: str) -> None:
    normalised = normalise(text)
    assert len(normalised.starts) == len(normalised.ends) == len(normalised.text)
    for at in range(len(normalised.text)):
        start, end = normalised.original_span(at, at + 1)
        assert 0 <= start < end <= len(text)
    assert list(normalised.starts) == sorted(normalised.starts)


@given(st.text(max_size=60))
def test_any_text_normalised_twice_settles(text: str) -> None:
    once = normalise(text).text
    twice = normalise(once).text
    assert normalise(twice).text == twice


@given(st.text(alphabet="一二三十百零号楼室路-ABＡ１2 廿幺杠區", max_size=30))
def test_normalising_twice_changes_nothing_more(text: str) -> None:
    once = normalise(text).text
    twice = normalise(once).text
    assert normalise(twice).text == twice


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(InvalidInput, match="float"):
        normalise(float("nan"))  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="NoneType"):
        normalise(None)  # type: ignore[arg-type]


def test_a_text_over_the_cap_is_refused_and_the_cap_can_be_set() -> None:
    with pytest.raises(FileTooLarge, match="4,096"):
        normalise("路" * (MAX_TEXT_LENGTH + 1))
    assert normalise("路" * 5_000, max_length=5_000).text == "路" * 5_000
