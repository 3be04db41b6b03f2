"""Which two addresses are probably one place, and which never are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.addresses import WrittenForm, parse
from geo.duplicates.facts import AddressFacts, address_facts, alias_key, blocking_keys
from geo.duplicates.likeness import SUGGEST_FROM, Likeness, likeness
from geo.register import standard_form

HERE = (120.15, 30.28)


def facts(text: str, address_id: int = 1, name: str | None = None) -> AddressFacts:
    form = standard_form(parse(text), name, form=WrittenForm())
    values = dict(form.components) | ({"point_of_interest": name} if name else {})
    return address_facts(address_id, values, form.search_key, *HERE)


def alike(
    first: str, second: str, distance_m: float | None = 20.0, *, is_slip: bool = True
) -> Likeness | None:
    found = likeness(
        facts(first), facts(second, 2), distance_m=distance_m, is_slip=lambda *_: is_slip
    )
    return found if found is not None and found.score >= SUGGEST_FROM else None


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        ("杭州市西湖区文一路12号3幢301室", "文一路12号3幢301室", "left_out:county"),
        ("西湖区翠苑小区3幢2单元301室", "西湖区翠苑3幢2单元301室", "short:estate"),
        ("西湖区文一路12号榆光家园3幢301室", "西湖区榆光家园3幢301室", "left_out:road"),
        ("西湖区文一路12号翠苑一区3幢301室", "西湖区文一路12号3幢301室", "left_out:estate"),
        ("西湖区文晖路12号", "西湖区文辉路12号", "sound:road"),
        ("西湖区文一路12号青枫家园3幢", "西湖区文一路12号青风家园3幢", "sound:estate"),
        ("西湖区文一路12号青枫家园3幢", "西湖区文一路12号青桥家园3幢", "slip:estate"),
        ("西湖区翠苑街道文一路12号", "西湖区古荡街道文一路12号", "differs:township"),
        ("杭州市江干区凯旋路12号", "杭州市上城区凯旋路12号", "former:county"),
        ("西湖区翠苑一区3幢2单元301室", "西湖区翠苑一区3幢301室", "left_out:entrance"),
    ],
)
def test_one_place_written_twice(first: str, second: str, reason: str) -> None:
    for one, other in ((first, second), (second, first)):
        found = alike(one, other)
        assert found is not None
        assert reason in found.reasons


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("西湖区翠苑一区3幢301室", "西湖区翠苑一区4幢301室"),
        ("西湖区翠苑一区3幢301室", "西湖区翠苑一区3幢302室"),
        ("西湖区翠苑一区3幢1单元301室", "西湖区翠苑一区3幢2单元301室"),
        ("西湖区翠苑一区3幢", "西湖区翠苑二区3幢"),
        ("西湖区翠苑一区3幢", "西湖区翠苑一区3幢301室"),
        ("西湖区翠苑一区3幢", "西湖区翠苑一区3幢2单元"),
        ("西湖区文一路12号", "西湖区文一路12号3幢"),
        ("西湖区文一路12号", "西湖区文一路12号附1号"),
        ("西湖区文一路12号", "西湖区文一西路12号"),
        ("西湖区文一路12号", "西湖区文二路12号"),
        ("西湖区文一路12号", "西湖区文一街12号"),
        ("西湖区翠苑小区3幢", "西湖区翠苑花园3幢"),
        ("西湖区文一路12号", "拱墅区文一路12号"),
        ("西湖区文一路12号", "西湖区文一路"),
        ("西湖区双浦镇沿山村5组6号", "西湖区双浦镇沿山村6组6号"),
        ("西湖区金枫家园3幢", "西湖区银枫家园3幢"),
    ],
)
def test_two_places(first: str, second: str) -> None:
    assert alike(first, second, is_slip=False) is None


def test_a_slip_alone_is_not_enough() -> None:
    """Without road and door, 青枫 and 青桥 may be two estates."""
    assert alike("西湖区青枫家园3幢", "西湖区青桥家园3幢") is None
    assert (
        alike("西湖区文一路12号青枫家园3幢", "西湖区文一路12号青桥家园3幢", is_slip=False) is None
    )


def test_points_far_apart_make_two_places() -> None:
    first, second = "杭州市西湖区文一路12号", "文一路12号"
    near, far, unknown = (alike(first, second, distance) for distance in (20.0, 250.0, None))
    assert near is not None and far is not None and unknown is not None
    assert near.score > far.score > unknown.score
    assert alike(first, second, 501.0) is None
    assert alike("西湖区文晖路12号", "西湖区文辉路12号", 200.0) is None
    assert alike("西湖区翠苑街道文一路12号", "西湖区古荡街道文一路12号", None) is None


def test_shops_without_a_door_are_told_apart_by_their_name() -> None:
    one, same, other = (facts("西湖区文一路", 1, name) for name in ("老邮局", "老邮局", "新书店"))
    none = facts("西湖区文一路")

    def found(first: AddressFacts, second: AddressFacts) -> Likeness | None:
        return likeness(first, second, distance_m=5.0, is_slip=lambda *_: True)

    assert found(one, same) is not None
    assert found(one, other) is None
    assert found(one, none) is None


def test_an_alias_that_is_the_others_text_counts_where_numbers_agree() -> None:
    old, new = facts("西湖区原红星厂3幢301室"), facts("西湖区文一路12号翠苑一区3幢301室", 2)
    other = facts("西湖区文一路12号翠苑一区4幢301室", 3)
    for second, is_one in ((new, True), (other, False)):
        found = likeness(old, second, distance_m=30.0, is_slip=lambda *_: False, is_alias=True)
        assert (found is not None) == is_one
    assert alias_key("西湖区原红星厂3栋301") == old.local_key
    assert alias_key("（）") is None


def test_what_is_one_place_shares_a_key() -> None:
    for first, second in (
        ("杭州市西湖区文一路12号3幢301室", "文一路12号3幢301室"),
        ("西湖区文一路12号翠苑一区3幢301室", "西湖区翠苑一区3幢301室"),
        ("西湖区文一路12号翠苑一区3幢301室", "西湖区文一路12号3幢301室"),
        ("西湖区文晖路12号", "西湖区文辉路12号"),
        ("西湖区翠苑小区3幢2单元301室", "西湖区翠苑3幢301室"),
    ):
        keys = [set(blocking_keys(facts(text))) for text in (first, second)]
        assert not keys[0].isdisjoint(keys[1]), (first, second)


TEXTS = st.builds(
    lambda road, door, estate, building, room: f"西湖区{road}{door}号{estate}{building}幢{room}室",
    st.sampled_from(["文一路", "文二路", "文晖路", "文辉路"]),
    st.integers(1, 3),
    st.sampled_from(["", "翠苑小区", "翠苑", "青枫家园"]),
    st.integers(1, 2),
    st.sampled_from(["101", "201"]),
)


@given(TEXTS, TEXTS, st.sampled_from([None, 5.0, 90.0, 200.0]))
def test_likeness_is_symmetric_and_numbers_decide(
    first: str, second: str, distance_m: float | None
) -> None:
    found, mirrored = alike(first, second, distance_m), alike(second, first, distance_m)
    assert (found and found.score) == (mirrored and mirrored.score)
    one, other = facts(first), facts(second)
    if any(one.keys[level] != other.keys[level] for level in ("door", "building", "room")):
        assert found is None
