"""Canonical text, identity key: laws on generated addresses, and cases by hand."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.addresses import (
    LEVELS,
    ParseContext,
    WrittenForm,
    format_address,
    parse,
    search_key,
)
from geo.errors import InvalidInput
from geo.settings import Settings

_DIVISIONS = st.sampled_from(
    [
        {},
        {"province": "浙江省", "city": "杭州市", "county": "余杭区", "township": "五常街道"},
        {"province": "上海市", "county": "徐汇区", "township": "漕河泾街道"},
        {"province": "广东省", "city": "东莞市", "township": "东城街道"},
        {"province": "湖北省", "county": "仙桃市", "township": "沙嘴街道"},
        {"province": "浙江省", "city": "杭州市", "county": "江干区"},
    ]
)
_ROADS = st.sampled_from(
    [
        "文一西路",
        "人民大道",
        "学院街",
        "八一路",
        "12号大街",
        "三衢路",
        "枫林巷",
        "建设弄",
        "创业大街",
    ]
)
_DOORS = st.one_of(
    st.integers(1, 9999).map(str),
    st.integers(1, 999).map("{}弄".format),
    st.sampled_from(["8附3", "15甲", "320-5", "58弄3支弄"]),
)
_ESTATES = st.sampled_from(
    ["西溪花园", "翠苑一区", "星河国际大厦", "莲花小区", "桃源新村", "绿城丁香公寓东区", "康宁花苑",
     "阳光家园二期", "兴业广场", "保利天汇A区", "财富中心"]
)  # fmt: skip


def _allowed(setting: str) -> st.SearchStrategy[str]:
    return st.sampled_from(get_args(Settings.model_fields[setting].annotation))


_FORMS = st.builds(
    WrittenForm,
    building=_allowed("building_form"),
    lettered_building=_allowed("lettered_building_form"),
    entrance=_allowed("entrance_form"),
    floor=_allowed("floor_form"),
    room=_allowed("room_form"),
    group=_allowed("group_form"),
)


@st.composite
def components(draw: st.DrawFn) -> dict[str, str]:
    found = dict(draw(_DIVISIONS))
    if draw(st.booleans()):
        found["community"] = draw(st.sampled_from(["顾家桥社区", "南庄村", "永丰社区"]))
        if draw(st.booleans()):
            found |= {"village_group": str(draw(st.integers(1, 30))), "door": draw(_DOORS)}
    if draw(st.booleans()):
        found |= {"road": draw(_ROADS), "door": draw(_DOORS)}
    if draw(st.booleans()) or "door" not in found:
        found["estate"] = draw(_ESTATES)
    if draw(st.booleans()):
        found["building"] = draw(st.sampled_from(["3", "12", "A", "B2", "101", "5-C"]))
        if draw(st.booleans()):
            found["entrance"] = draw(st.sampled_from(["1", "2", "12", "东", "A"]))
        if draw(st.booleans()):
            found["floor"] = draw(st.sampled_from(["3", "18", "-1", "2-3", "5A"]))
        if draw(st.booleans()):
            found["room"] = draw(st.sampled_from(["101", "1803", "2", "A12", "门面3"]))
    return {level.value: found[level] for level in LEVELS if level in found}


@given(components(), _FORMS)
def test_parse_undoes_format(parts: dict[str, str], form: WrittenForm) -> None:
    assert parse(format_address(parts, written_form=form)).components() == parts


@given(components(), _FORMS, _FORMS)
def test_the_key_does_not_depend_on_the_written_form(
    parts: dict[str, str], one: WrittenForm, other: WrittenForm
) -> None:
    first = parse(format_address(parts, written_form=one))
    second = parse(format_address(parts, written_form=other))
    assert search_key(first) == search_key(second) == search_key(parts)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("文一西路969号3号楼2单元1001室", "文一西路９６９号三幢二单元1001"),
        ("浙江省杭州市余杭区五常街道文一西路1号", "余杭区五常街道文一西路一号"),
        ("八一路3号", "81路3号"),
        ("柳营路669弄14号1102室", "柳营路669弄十四号1102"),
        ("莲花小区12幢3单元1001室", "莲花小区12-3-1001"),
        ("人民路8号A座18层1803", "人民路8号A座1803室"),
        ("湖墅南路12号附3号", "湖墅南路12号之3"),
    ],
)
def test_writings_of_one_address_share_a_key(one: str, other: str) -> None:
    assert search_key(parse(one)) == search_key(parse(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("文一西路969号", "文二西路969号"),
        ("莲花小区1幢101室", "莲花小区11幢01室"),
        ("莲花小区12幢1单元101室", "莲花小区12幢11单元01室"),
        ("柳营路669弄14号", "柳营路669号14幢"),
        ("人民路8号2层1室", "人民路8号1层1室"),
        ("人民路12号附3号", "人民路123号"),
        ("人民路12-3号", "人民路123号"),
        ("莲花小区5栋C座101", "莲花小区5栋101"),
        ("南京市鼓楼区中山路1号", "福州市鼓楼区中山路1号"),
        ("余杭区甲乙镇人民路1号", "余杭区丙丁镇人民路1号"),  # towns that no list knows
    ],
)
def test_different_addresses_have_different_keys(one: str, other: str) -> None:
    assert search_key(parse(one)) != search_key(parse(other))


def test_the_written_form_is_a_setting() -> None:
    parts = {"estate": "莲花小区", "building": "3", "entrance": "2", "floor": "5", "room": "501"}
    assert format_address(parts) == "莲花小区3幢2单元5层501室"
    form = WrittenForm(building="号楼", floor="楼", room="")
    assert format_address(parts, written_form=form) == "莲花小区3号楼2单元5楼501"
    assert (
        format_address({"road": "柳营路", "door": "669弄", "building": "14"}) == "柳营路669弄14号"
    )
    assert format_address({"floor": "-1", "road": "人民路", "door": "8"}) == "人民路8号地下1层"


def test_a_component_that_is_no_level_is_refused() -> None:
    with pytest.raises(InvalidInput, match="street"):
        format_address({"street": "文一西路"})


def test_the_own_area_decides_what_a_key_means() -> None:
    nanjing = ParseContext(division_codes=("320106",))
    short, full = "鼓楼区中山路1号", "江苏省南京市鼓楼区中山路1号"
    assert search_key(parse(short)) != search_key(parse(full))
    own = search_key(parse(short, context=nanjing), context=nanjing)
    assert own == search_key(parse(full)) == search_key(parse(short).components(), context=nanjing)
    fuzhou = parse("福州市鼓楼区中山路1号", context=nanjing)
    assert search_key(fuzhou, context=nanjing) == "#350102|road=中山路|door=1"


def test_an_entrance_by_name_is_no_gate() -> None:
    form = WrittenForm(entrance="门")
    parts = {"estate": "莲花小区", "building": "3", "entrance": "东"}
    assert format_address(parts, written_form=form) == "莲花小区3幢东单元"
    assert format_address(parts | {"entrance": "2"}, written_form=form) == "莲花小区3幢2门"
    shop = parts | {"entrance": "2", "room": "门面3"}
    assert format_address(shop, written_form=form) == "莲花小区3幢2单元门面3室"
