"""Columns are recognised by Chinese and English headers and by content; words of a person win."""

from __future__ import annotations

import pandas as pd
import pytest

from geo.errors import InvalidMapping
from geo.importers.address_fields import ADDRESS_FIELDS, check_address_mapping
from geo.importers.mapping import ColumnMapping, fold_header, guess_mapping, parse_overrides

TEXTS = ["上海市徐汇区测试路1号", "上海市徐汇区测试路2号"]
NUMBERS = ["121.41", "121.42"]


def _guess(overrides: dict[str, str] | None = None, **columns: list[str]) -> ColumnMapping:
    sample = pd.DataFrame(columns, dtype="str")
    return guess_mapping(list(columns), sample, ADDRESS_FIELDS, overrides=overrides)


@pytest.mark.parametrize(
    ("header", "field", "cells"),
    [
        ("标准地址", "address_text", TEXTS),
        ("详细地址（含门牌）", "address_text", TEXTS),
        ("Full_Address", "address_text", TEXTS),
        ("经度", "lon", NUMBERS),
        ("lng_gcj02", "lon", NUMBERS),
        ("LAT-BD09", "lat", NUMBERS),
        ("区/县", "county", ["徐汇区", "长宁区"]),
        ("门牌号", "door", ["1号", "2号"]),
        ("小区名称", "estate", ["甲园", "乙园"]),
        ("单位名称", "name", ["甲店", "乙店"]),
        ("曾用名", "alias", ["老地方", "旧址"]),
        ("地址编码", "source_ref", ["1", "2"]),
        ("坐标系", "datum", ["BD09", "BD09"]),
        ("location", "lonlat", ["121.41,31.1", "121.42,31.2"]),
    ],
)
def test_headers_people_write(header: str, field: str, cells: list[str]) -> None:
    assert _guess(**{header: cells}).get(field) == header


def test_content_speaks_where_the_header_says_nothing() -> None:
    found = _guess(F1=TEXTS, F2=["121.41, 31.15", "121.42, 31.16"], F3=["a", "b"])
    assert dict(found.columns) == {"address_text": "F1", "lonlat": "F2"}
    assert found.guessed == {"address_text", "lonlat"}
    assert found.unused == ("F3",)


def test_content_turns_a_wrong_header_down() -> None:
    found = _guess(地址=NUMBERS, 说明=TEXTS)
    assert found.get("address_text") == "说明"


def test_words_of_a_person_win_and_an_empty_one_drops_the_field() -> None:
    overrides = parse_overrides(["address_text=b", "lon="])
    found = _guess(overrides, 地址=TEXTS, b=["x", "y"], 经度=NUMBERS)
    assert found.get("address_text") == "b"
    assert "lon" not in found
    assert "address_text" not in found.guessed


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["adress=a"], "no field"),
        (["name=zzz"], "no column"),
        (["name=a", "alias=a"], "twice"),
        (["name=a", "name=b"], "twice"),
        (["name"], "no mapping"),
    ],
)
def test_words_that_don_t_fit_are_refused(words: list[str], said: str) -> None:
    with pytest.raises(InvalidMapping, match=said):
        _guess(parse_overrides(words), a=["x"], b=["y"])


def test_a_mapping_must_make_addresses() -> None:
    with pytest.raises(InvalidMapping, match="No column holds an address"):
        check_address_mapping(_guess(经度=NUMBERS, 纬度=NUMBERS))
    with pytest.raises(InvalidMapping, match="no column holds lat"):
        check_address_mapping(_guess(地址=TEXTS, 经度=NUMBERS))
    check_address_mapping(_guess(路名=["测试路"], 门牌号=["1号"]))


def test_headers_fold() -> None:
    assert fold_header(" 经度(BD-09) ") == "经度"
    assert fold_header("Source_Ref:") == "sourceref"
    assert fold_header("（地址）") == "（地址）"
