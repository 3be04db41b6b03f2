"""Comparing: same, contains, within, overlap, different, and the level where two part."""

from __future__ import annotations

import pytest

from geo.addresses import AddressLevel, AddressRelation, compare, parse


@pytest.mark.parametrize(
    ("first", "second", "relation", "parted_at"),
    [
        ("文一西路969号3幢", "文一西路969号三号楼", "same", None),
        ("余杭区文一西路969号", "浙江省杭州市余杭区文一西路969号", "same", None),
        ("文一西路969号", "文一西路969号3幢", "contains", "building"),
        ("文一西路969号3幢101室", "文一西路969号3幢", "within", "room"),
        ("文一西路969号3幢", "文一西路969号4幢", "different", "building"),
        ("文一西路969号", "文二西路969号", "different", "road"),
        ("八一路3号", "81路3号", "same", None),
        ("八一路12-3号", "八一路123号", "different", "door"),
        ("余杭区文一西路969号", "余杭区莲花小区3幢", "overlap", "road"),
        ("文一西路1号", "莲花小区", "overlap", None),
    ],
)
def test_relations(first: str, second: str, relation: str, parted_at: str | None) -> None:
    found = compare(parse(first), parse(second))
    assert (found.relation, found.parted_at) == (relation, parted_at)


def test_the_comparison_says_what_each_side_adds() -> None:
    found = compare(parse("余杭区文一西路969号"), parse("文一西路969号3幢"))
    assert found.agreed == (AddressLevel.ROAD, AddressLevel.DOOR)
    assert found.only_first == (AddressLevel.COUNTY,)
    assert found.only_second == (AddressLevel.BUILDING,)


_MIRROR = {AddressRelation.CONTAINS: "within", AddressRelation.WITHIN: "contains"}
_TEXTS = [
    "文一西路969号3幢101室",
    "文一西路969号",
    "文一西路",
    "莲花小区3幢",
    "余杭区",
    "文二路1号",
    "",
]


@pytest.mark.parametrize("first", _TEXTS)
@pytest.mark.parametrize("second", _TEXTS)
def test_comparing_the_other_way_mirrors(first: str, second: str) -> None:
    one, other = compare(parse(first), parse(second)), compare(parse(second), parse(first))
    assert other.relation == _MIRROR.get(one.relation, one.relation)
    assert (one.only_first, one.only_second) == (other.only_second, other.only_first)
    assert one.parted_at == other.parted_at
