"""Codes: what each standard takes, and how a wrong one is told."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.codes import (
    PROVINCES,
    CodeStandard,
    CommunityKind,
    TownshipKind,
    community_kind,
    parse_area_code,
    parse_grid_code,
    parse_own_area_code,
    township_kind,
)
from geo.errors import InvalidCode


@pytest.mark.parametrize(
    ("code", "level", "parent"),
    [
        ("140000", "province", None),
        ("140100", "city", "140000"),
        ("140106", "county", "140100"),
        ("140106001", "township", "140106"),
        ("140106001005", "community", "140106001"),
        # Dongguan has no counties: its townships hang under the city.
        ("441900003", "township", "441900"),
        ("441900003001", "community", "441900003"),
        # A county directly under a province keeps 90 for its prefecture (Jiyuan).
        ("419001", "county", "419000"),
    ],
)
def test_a_division_code_tells_its_level_and_parent(
    code: str, level: str, parent: str | None
) -> None:
    parsed = parse_area_code(code)
    assert (parsed.level, parsed.parent_code) == (level, parent)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("", "6 or 9 or 12 digits"),
        ("14010", "6 or 9 or 12 digits"),
        ("14010a", "6 or 9 or 12 digits"),
        ("１４０１０６", "6 or 9 or 12 digits"),  # full-width digits
        ("160100", "16, which is no province"),
        ("980000", "98, which is no province"),
        ("140006", "00 for the city"),
        ("140000001", "00 for the city"),
        ("140106000", "000 for the township"),
        ("140106600", "600 for the township"),
        ("140106001000", "000 for the community"),
        ("140106001700", "700 for the community"),
        ("9" * 10_000, "10000 characters"),
    ],
)
def test_a_wrong_division_code_is_told_which_part(code: str, words: str) -> None:
    with pytest.raises(InvalidCode, match=words) as caught:
        parse_area_code(code)
    assert len(caught.value.message) < 400


def test_the_ranges_say_what_kind() -> None:
    assert township_kind("140106001") is TownshipKind.SUBDISTRICT
    assert township_kind("140106100") is TownshipKind.TOWN
    assert township_kind("140106399") is TownshipKind.TOWNSHIP
    assert township_kind("140106400") is TownshipKind.SPECIAL
    assert community_kind("140106001199") is CommunityKind.RESIDENTS
    assert community_kind("140106001200") is CommunityKind.VILLAGERS
    assert community_kind("140106001498") is CommunityKind.LIKE_RESIDENTS
    assert community_kind("140106001598") is CommunityKind.LIKE_VILLAGERS


@given(
    st.sampled_from(sorted(PROVINCES)),
    st.integers(1, 99),
    st.integers(0, 99),
    st.integers(1, 599),
    st.integers(1, 599),
    st.integers(1, 999),
)
def test_each_code_names_the_one_above_it(
    province: str, city: int, county: int, township: int, community: int, sequence: int
) -> None:
    code = f"{province}{city:02}{county:02}{township:03}{community:03}"
    grid = parse_grid_code(f"{code}{sequence:03}", CodeStandard.DB11T2157)
    assert (grid.community_code, grid.sequence) == (code, sequence)
    levels = []
    above: str | None = code
    while above is not None:
        parsed = parse_area_code(above)
        levels.append(parsed.level)
        above = parsed.parent_code
    assert levels[0] == "community"
    assert levels[-1] == "province"
    assert len(levels) == (5 if county else 4)


def test_the_20_digits_of_urban_management_hold_the_community_in_the_middle() -> None:
    code = parse_grid_code("010101" + "140106001005" + "02", CodeStandard.CJT349)
    assert (code.community_code, code.sequence) == ("140106001005", 2)
    whole = parse_grid_code("010101" + "140106001005" + "00", CodeStandard.CJT349)
    assert whole.sequence == 0


@pytest.mark.parametrize(
    ("code", "standard", "words"),
    [
        ("14010600100500", CodeStandard.DB11T2157, "15 digits, got .* \\(14 characters\\)"),
        ("140106001005000", CodeStandard.DB11T2157, "sequence number 000"),
        ("160106001005001", CodeStandard.DB11T2157, "no province"),
        ("140106001005001", CodeStandard.CJT349, "20 digits"),
        ("", CodeStandard.OWN, "1 to 40 printable"),
        (" A1", CodeStandard.OWN, "without blanks around"),
        ("A\x00B", CodeStandard.OWN, "printable"),
        ("A" * 41, CodeStandard.OWN, "1 to 40"),
    ],
)
def test_a_wrong_grid_code_is_told_which_part(
    code: str, standard: CodeStandard, words: str
) -> None:
    with pytest.raises(InvalidCode, match=words):
        parse_grid_code(code, standard)


@pytest.mark.parametrize("code", ["1", "1234", "东风一网格", "B-12/3"])
def test_own_codes_are_any_short_text(code: str) -> None:
    assert parse_grid_code(code, CodeStandard.OWN).community_code is None
    assert parse_own_area_code(code, "community", "13").parent_code == "13"


def test_the_national_list_keeps_the_rules(shared_data: Path) -> None:
    """41,352 townships: the ranges here are those really in use."""
    with (shared_data / "geo/china_divisions/streets.csv").open(encoding="utf-8") as file:
        codes = [row["code"] for row in csv.DictReader(file)]
    wrong = []
    for code in codes:
        try:
            parse_area_code(code)
        except InvalidCode:
            wrong.append(code)
    assert len(codes) == 41_352
    assert len(wrong) <= 1, wrong
