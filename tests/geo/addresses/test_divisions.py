"""The national list: names, codes, chains, former divisions, villages, the packed files."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from geo.addresses import division_files
from geo.addresses.divisions import (
    DivisionList,
    code_prefix,
    division_stem,
    load_divisions,
    load_villages,
    parent_codes,
)
from geo.addresses.levels import LEVELS, AddressLevel
from geo.errors import AreaNotFound, InvalidCode


@pytest.fixture(scope="module")
def divisions() -> DivisionList:
    return load_divisions()


def test_levels_run_from_coarse_to_fine() -> None:
    assert LEVELS[0] is AddressLevel.PROVINCE
    assert LEVELS[-1] is AddressLevel.ROOM
    assert AddressLevel.DOOR.is_finer_than(AddressLevel.ROAD)
    assert not AddressLevel.ROAD.is_finer_than(AddressLevel.DOOR)
    assert [level.rank for level in LEVELS] == list(range(14))


def test_the_list_holds_the_country(divisions: DivisionList) -> None:
    by_level: dict[AddressLevel, int] = {}
    for division in divisions:
        if division.until is None:
            by_level[division.level] = by_level.get(division.level, 0) + 1
    assert by_level[AddressLevel.PROVINCE] == 34
    assert by_level[AddressLevel.TOWNSHIP] == 41_352


def test_a_chain_names_everything_above(divisions: DivisionList) -> None:
    assert [d.name for d in divisions.chain("330110005")] == [
        "浙江省",
        "杭州市",
        "余杭区",
        "五常街道",
    ]
    # a municipality has no prefecture, a prefecture without counties no county
    assert [d.name for d in divisions.chain("110101001")] == ["北京市", "东城区", "东华门街道"]
    assert [d.name for d in divisions.chain("441900003")] == ["广东省", "东莞市", "东城街道"]


def test_codes_and_their_parents() -> None:
    assert parent_codes("330110005001") == ("330110005", "330110", "330100", "330000")
    assert parent_codes("330000") == ()
    assert [code_prefix(c) for c in ("330000", "330100", "330110")] == ["33", "3301", "330110"]


@pytest.mark.parametrize(
    ("name", "level", "stem"),
    [
        ("杭州市", AddressLevel.CITY, "杭州"),
        ("恩施土家族苗族自治州", AddressLevel.CITY, "恩施"),
        ("内蒙古自治区", AddressLevel.PROVINCE, "内蒙古"),
        ("新疆维吾尔自治区", AddressLevel.PROVINCE, "新疆"),
        ("浦东新区", AddressLevel.COUNTY, "浦东"),
        ("五常街道", AddressLevel.TOWNSHIP, "五常"),
        ("赣县", AddressLevel.COUNTY, "赣县"),
    ],
)
def test_short_names(name: str, level: AddressLevel, stem: str) -> None:
    assert division_stem(name, level) == stem


def test_search_by_full_and_short_name(divisions: DivisionList) -> None:
    assert {d.code for d in divisions.search("余杭", level=AddressLevel.COUNTY)} == {"330110"}
    assert len(divisions.search("城关镇")) > 50
    assert [d.code for d in divisions.search("城关镇", within="150123")] == ["150123100"]


def test_former_divisions_lead_to_their_successor(divisions: DivisionList) -> None:
    former = divisions.get("330104")
    assert (former.name, former.until) == ("江干区", 2021)
    assert divisions.successor("330104").name == "上城区"
    assert divisions.successor("330102").name == "上城区"


def test_every_former_division_ends_at_a_present_one(divisions: DivisionList) -> None:
    for division in divisions:
        if division.until is not None:
            assert divisions.successor(division.code).until is None


def test_a_former_name_of_a_living_code_finds_it(divisions: DivisionList) -> None:
    assert [d.name for d in divisions.search("楚州区")] == ["淮安区"]


def test_unknown_and_broken_codes(divisions: DivisionList) -> None:
    with pytest.raises(InvalidCode, match="6, 9 or 12"):
        divisions.get("33")
    with pytest.raises(AreaNotFound, match="990000"):
        divisions.get("990000")
    assert divisions.find("990000") is None


def test_villages_load_a_township_at_a_time(divisions: DivisionList) -> None:
    villages = load_villages("330110005")
    assert villages["330110005001"] == "顾家桥社区"
    assert divisions.get("330110005001").level is AddressLevel.COMMUNITY
    assert load_villages("990000001") == {}


def test_packed_files_give_back_what_was_packed(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "geo" / "china_divisions"
    with (source / "streets.csv").open(encoding="utf-8", newline="") as lines:
        wanted = {row["code"]: row["name"] for row in csv.DictReader(lines)}
    packed = dict(line.split(" ", 1) for line in division_files.read_upper_lines())
    assert {code: name for code, name in packed.items() if len(code) == 9} == wanted

    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table = pq.read_table(source / "villages.parquet", columns=["code", "name"])
    ours = dict(division_files.read_villages("3301"))
    theirs = table.filter(pc.starts_with(table["code"], "3301")).to_pydict()
    assert ours == dict(zip(theirs["code"], theirs["name"], strict=True))
