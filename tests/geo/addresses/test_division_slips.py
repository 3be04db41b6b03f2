"""Slips of the pen in divisions, divisions said a second time, and names that are no division."""

from __future__ import annotations

import pytest

from geo.addresses import parse


@pytest.mark.parametrize(
    ("text", "components", "code"),
    [
        ("云南省照通市昭阳区1号", {"city": "照通市", "county": "昭阳区"}, "530602"),
        ("浙江省台卅市天台县", {"city": "台卅市", "county": "天台县"}, "331023"),
        ("广洲市海珠区昌岗中路5号", {"city": "广洲市", "county": "海珠区"}, "440105"),
        (
            "嘉兴市秀州区洪兴路1号",
            {"city": "嘉兴市", "county": "秀州区", "road": "洪兴路"},
            "330411",
        ),
        ("北京淀海区昆明湖南路8号", {"county": "淀海区", "road": "昆明湖南路"}, "110108"),
        ("湖南省刘阳市集里街道", {"county": "刘阳市", "township": "集里街道"}, "430181002"),
        # One character other, but it neither sounds nor looks alike: a county, which one is open
        ("深圳市东岗区人民路1号", {"county": "东岗区", "road": "人民路"}, "440300"),
    ],
)
def test_a_slip_is_read_as_written_with_the_division_that_is_meant(
    text: str, components: dict[str, str], code: str
) -> None:
    parsed = parse(text)
    assert components.items() <= parsed.components().items()
    assert parsed.division_code == code
    slips = [part for part in parsed.parts if part.level == "county" or part.level == "city"]
    assert any(part.code is None and part.value == part.text for part in slips)


@pytest.mark.parametrize(
    ("text", "road_or_estate"),
    [
        ("杭州市东新小区3幢", "东新小区"),
        ("杭州市西城广场", "西城广场"),
        ("海市海珠区", None),  # too short to tell what is meant
        ("宁波市新东区", None),
        ("浙江省江中区人民路1号", None),  # in a whole province one other character says nothing
    ],
)
def test_what_only_resembles_a_county_is_none(text: str, road_or_estate: str | None) -> None:
    parsed = parse(text)
    assert all(part.code is not None for part in parsed.parts if part.level in ("city", "county"))
    if road_or_estate:
        assert parsed.components()["estate"] == road_or_estate


def test_a_township_in_short_needs_the_county_it_lies_in() -> None:
    """丽水城北 was the 城北乡 of a county there, 北部区蔡家 a town of quite another county."""
    assert parse("丽水城北东区62号").division_code == "331100"
    assert parse("重庆市北部区蔡家组团").division_code == "500000"


@pytest.mark.parametrize(
    ("text", "components", "code"),
    [
        (
            "杭州市绍兴路450号杭州市下城区晨曦复印店",
            {"city": "杭州市", "county": "下城区", "road": "绍兴路", "door": "450"},
            "330103",
        ),
        (
            "得力集团浙江省宁波市江北区长兴路1220号",
            {"province": "浙江省", "city": "宁波市", "county": "江北区", "road": "长兴路"},
            "330205",
        ),
        (
            "漓江路9号南京市鼓楼区百货店",
            {"city": "南京市", "county": "鼓楼区", "door": "9"},
            "320106",
        ),
        (
            "杜桥镇府前街6号临海市杜桥镇卫生站",
            {"county": "临海市", "township": "杜桥镇"},
            "331082112",
        ),
        (
            "清河路81号建邺区兴隆街道仁河社区",
            {"county": "建邺区", "township": "兴隆街道"},
            "320105006",
        ),
    ],
)
def test_divisions_in_full_and_in_order_are_read_wherever_they_stand(
    text: str, components: dict[str, str], code: str
) -> None:
    parsed = parse(text)
    assert components.items() <= parsed.components().items()
    assert parsed.division_code == code


def test_a_prefix_said_again_after_the_door_is_a_repetition() -> None:
    parsed = parse("衢州市柯城区世纪大道1199号衢州市柯城区超翔汽车租赁部")
    assert parsed.components()["county"] == "柯城区"
    assert [(note.kind, note.text) for note in parsed.notes] == [
        ("repeated", "衢州市"),
        ("repeated", "柯城区"),
    ]


def test_a_second_address_elsewhere_does_not_move_the_first() -> None:
    parsed = parse("北京市朝阳区朝外大街16号;河北省石家庄市裕华区槐安东路121号")
    assert parsed.division_code == "110105"
    assert parsed.components()["road"] == "朝外大街"


def test_one_division_alone_after_a_road_is_part_of_a_name() -> None:
    assert parse("绍兴路450号杭州市第一医院").division_code is None


def test_a_coarser_division_said_later_decides_between_townships_of_one_name() -> None:
    assert parse("龙华街道深圳市龙华区三联路1号").division_code == "440309003"


def test_the_production_corps_says_no_more_of_the_place_than_a_firm_does() -> None:
    assert parse("新疆生产建设兵团").components() == {}
    assert "province" not in parse("新疆生产建设兵团驻北京办事处").components()
    assert parse("新疆生产建设兵团第八师石河子市北四路").division_code == "659001"
    assert parse("新疆石河子市北四路").components()["province"] == "新疆维吾尔自治区"


def test_soho_belongs_to_the_name_before_it() -> None:
    for text, name in (("北京市朝阳区现代城SOHO A座1201", "现代城SOHO"), ("望京soho", "望京SOHO")):
        parsed = parse(text)
        assert parsed.components()["estate"] == name
        assert not parsed.leftovers


def test_a_city_before_one_of_its_quarters_is_a_city() -> None:
    """绍兴城南 was taken for an estate 绍兴城."""
    assert parse("绍兴城南华通花园10-905").components()["city"] == "绍兴市"
