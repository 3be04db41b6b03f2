"""Parsing: each trap of real text, the spans, the limits, and what is never asserted."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.addresses import AddressLevel, ParseContext, format_address, parse, parse_many
from geo.errors import FileTooLarge, InvalidInput


def read(text: str, context: ParseContext | None = None) -> str:
    """The components in one line, so that a test shows its whole answer."""
    return " ".join(f"{k}={v}" for k, v in parse(text, context=context).components().items())


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            "浙江省杭州市余杭区五常街道文一西路969号3号楼2单元1001室",
            "province=浙江省 city=杭州市 county=余杭区 township=五常街道 road=文一西路 door=969"
            " building=3 entrance=2 room=1001",
        ),
        ("柳营路669弄14号1102", "road=柳营路 door=669弄 building=14 room=1102"),
        ("竹海水韵春风里12-3-1001", "estate=竹海水韵春风里 building=12 entrance=3 room=1001"),
        ("沿山村5组6号", "community=沿山村 village_group=5 door=6"),
        ("湖墅南路12号附3号", "road=湖墅南路 door=12附3"),
        ("湖墅南路920-14八楼", "road=湖墅南路 door=920-14 floor=8"),
        ("湖墅南路1100-A号", "road=湖墅南路 door=1100-A"),
        ("湖墅南路1100-A号3楼", "road=湖墅南路 door=1100-A floor=3"),
        ("湖墅南路甲12号", "road=湖墅南路 door=12甲"),
        ("湖墅南路12甲号", "road=湖墅南路 door=12甲"),
        ("人民路8号地下一层", "road=人民路 door=8 floor=-1"),
        ("人民路8号A座十八楼1803", "road=人民路 door=8 building=A floor=18 room=1803"),
        ("莲花小区三幢二单元501", "estate=莲花小区 building=3 entrance=2 room=501"),
        ("莲花小区三栋东单元501室", "estate=莲花小区 building=3 entrance=东 room=501"),
        ("西溪花园东区12幢", "estate=西溪花园东区 building=12"),
        ("翠苑一区12幢", "estate=翠苑一区 building=12"),
        ("下沙6号大街12号", "road=6号大街 door=12 estate=下沙"),
        ("顾家桥社区河西北9号旺旺超市", "community=顾家桥社区 road=河西北 door=9 estate=旺旺超市"),
        ("白云大道南1128号", "road=白云大道南 door=1128"),
        ("外经贸大厦901-904", "estate=外经贸大厦 room=901-904"),
        ("天安数码城3栋B座904E", "estate=天安数码城 building=3-B room=904E"),
        ("同方大厦5-8层", "estate=同方大厦 floor=5-8"),
        ("金星路12号院奥宇科技英巢2号楼", "road=金星路 door=12 estate=奥宇科技英巢 building=2"),
        ("时尚广场首层S1", "estate=时尚广场 floor=1 room=S1"),
        ("水榭春天沃尔玛负一层", "estate=水榭春天沃尔玛 floor=-1"),
        ("上海市静安区南京西路1376号", "province=上海市 county=静安区 road=南京西路 door=1376"),
        (
            "深圳市南山区科技园科苑路东方科技大厦1702",
            "city=深圳市 county=南山区 development_zone=科技园 road=科苑路 estate=东方科技大厦"
            " room=1702",
        ),
        (
            "西小口路66号东升科技园B6楼C座202",
            "road=西小口路 door=66 estate=东升科技园 building=B6-C room=202",
        ),
        ("信环西路19号1号楼1602-4室", "road=信环西路 door=19 building=1 room=1602-4"),
        ("新田360广场3层", "estate=新田360广场 floor=3"),
        ("将军桥12号(水泥厂3幢)", "road=将军桥 door=12"),
        (
            "人民路【水泥厂住宅4-1-102】",
            "road=人民路 estate=水泥厂住宅 building=4 entrance=1 room=102",
        ),
        ("中山路小学", "estate=中山路小学"),
        ("广场东路3号", "road=广场东路 door=3"),
        ("江南大道创业大道288号", "road=创业大道 door=288"),
        ("濮院镇会龙新村24号", "township=濮院镇 estate=会龙新村 building=24"),
        ("人民路 12 号 3 幢 101", "road=人民路 door=12 building=3 room=101"),
        ("阳光小区7号楼3门201", "estate=阳光小区 building=7 entrance=3 room=201"),
        ("人民路12号院3号楼2门101号", "road=人民路 door=12 building=3 entrance=2 room=101"),
    ],
)
def test_grammar(text: str, wanted: str) -> None:
    assert read(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("浙江杭州拱墅区湖墅南路1号", "330105"),
        ("浙江 杭州 余杭 仓前街道", "330110012"),
        ("余杭仓前街道", "330110012"),
        ("浙江省杭州市江干区", "330104"),
        ("上海徐汇区漕河泾街道", "310104017"),
        ("安吉递铺镇", "330523001"),
        ("广东省东莞市东城街道", "441900003"),
        ("湖北省仙桃市沙嘴街道", "429004001"),
        ("朝阳区望京街道", "110105026"),
        ("广西省桂林市象山区", "450304"),
        ("中国浙江省杭州市市辖区西湖区", "330106"),
        ("五常街道顾家桥社区", "330110005001"),
    ],
)
def test_divisions_are_settled(text: str, wanted: str) -> None:
    assert parse(text).division_code == wanted


def test_a_prefix_said_twice_counts_once() -> None:
    parsed = parse("浙江省杭州市滨江区浙江省杭州市滨江区六和路东50米")
    assert read(parsed.text) == "province=浙江省 city=杭州市 county=滨江区 road=六和路"
    assert [note.text for note in parsed.notes] == ["浙江省", "杭州市", "滨江区"]
    assert [note.text for note in parsed.relation] == ["东50米"]


@pytest.mark.parametrize(
    "text",
    [
        "良渚古墩路北大门",  # must not become 路北区
        "朝阳路12号",
        "北京东路3号",
        "上海路8号",
        "杭州大厦",
        "东区3幢",
        "城关小学",
        "长安街1号",
        "河北工程大学",
        "海南路5号",
        "中山公园",
        "人民路吉林大厦",
    ],
)
def test_nothing_is_asserted_that_is_not_written(text: str) -> None:
    parsed = parse(text)
    for level in (AddressLevel.PROVINCE, AddressLevel.CITY, AddressLevel.COUNTY):
        assert parsed.value(level) is None
    assert parsed.division_code is None or len(parsed.division_code) > 6


def test_an_ambiguous_name_keeps_no_code() -> None:
    parsed = parse("城关镇人民路3号")
    assert parsed.value(AddressLevel.TOWNSHIP) == "城关镇"
    assert parsed.division_code is None
    assert parsed.parts[0].code is None


def test_the_deployments_area_is_a_prior_that_can_be_left_out() -> None:
    context = ParseContext(division_codes=("150123",))
    assert parse("城关镇人民路3号", context=context).division_code == "150123100"
    # a prior never overrules the text
    assert parse("朝阳区望京街道", context=context).division_code == "110105026"


def test_the_deployments_names_are_found_without_class_word() -> None:
    text = "河西北星河湾12幢"
    context = ParseContext(roads=["河西北"], estates=["星河湾"])
    assert read(text, context) == "road=河西北 estate=星河湾 building=12"
    assert read(text) == "estate=河西北星河湾 building=12"


def test_relation_words_notes_and_names_stand_apart() -> None:
    parsed = parse("人民路12号(靠近邮局)对面旺旺超市3楼电联")
    assert [note.text for note in parsed.relation] == ["对面"]
    assert "旺旺超市" not in parsed.components().get("road", "")
    assert {note.text for note in parsed.notes} == {"(靠近邮局)", "电联"}
    corner = parse("文一西路古墩路路口东北角附近50米")
    assert [part.value for part in corner.parts] == ["文一西路", "古墩路"]
    assert [note.text for note in corner.relation] == ["路口", "东北角", "附近", "50米"]
    crossing = parse("六和路与东信大道交叉口")
    assert [part.value for part in crossing.parts] == ["六和路", "东信大道"]
    assert [note.text for note in crossing.relation] == ["与", "交叉口"]


def test_spans_point_into_the_original_text() -> None:
    text = "浙江省杭州市西湖區文一西路二十三号①幢"
    parsed = parse(text)
    written = {part.level: text[part.start : part.end] for part in parsed.parts}
    assert written[AddressLevel.COUNTY] == "西湖區"
    assert written[AddressLevel.DOOR] == "二十三号"
    assert written[AddressLevel.BUILDING] == "①幢"
    assert parsed.value(AddressLevel.COUNTY) == "西湖区"


@given(st.text(max_size=60))
def test_any_text_is_read_into_ordered_slices(text: str) -> None:
    parsed = parse(text)
    pieces = [*parsed.parts, *parsed.relation, *parsed.notes, *parsed.leftovers]
    for piece in pieces:
        assert 0 <= piece.start < piece.end <= len(text)
        assert piece.text
    spans = sorted((piece.start, piece.end) for piece in pieces)
    assert all(a[1] <= b[0] for a, b in pairwise(spans))


@given(
    st.lists(
        st.sampled_from(
            ["浙江省", "杭州市", "余杭区", "五常街道", "文一西路", "12号", "3幢", "2单元", "101",
             "(", ")", "-", "附", "与", "对面", "50米", "A座", "村", "A", "中国", "西湖", "12-3-4"]
        ),
        max_size=14,
    )
)  # fmt: skip
def test_any_order_of_pieces_is_read_without_loss_of_order(pieces: list[str]) -> None:
    text = "".join(pieces)
    parsed = parse(text)
    starts = [part.start for part in parsed.parts]
    assert starts == sorted(starts)
    for part in parsed.parts:
        assert text[part.start : part.end].upper() == part.text


@pytest.mark.parametrize(
    "text",
    ["", "   ", "hello world", "😀😀😀", "привет мир", "'; DROP TABLE addresses; --",
     "<script>alert(1)</script>", "\x00\x01\x02", "今天天气不错", "(((((", ")))", "((((一))))",
     "http://example.org/?a=1", "13800001111"],
)  # fmt: skip
def test_what_is_no_address_gets_no_parts(text: str) -> None:
    assert parse(text).components() == {}


def test_ten_megabytes_are_refused_at_once() -> None:
    with pytest.raises(FileTooLarge, match="10,000,000 characters"):
        parse("路" * 10_000_000)
    with pytest.raises(InvalidInput):
        parse(12)  # type: ignore[arg-type]


def test_many_are_read_in_order() -> None:
    texts = ["文一西路1号", "", "文二西路2号"]
    assert [p.text for p in parse_many(texts)] == texts
    assert [p.value(AddressLevel.DOOR) for p in parse_many(texts)] == ["1", None, "2"]


_SIGNS = (
    "东西南北中一二三十百路街村口号楼层区期负地下首底附甲乙院内旁与浙江杭州市余杭区五常街道镇乡县"
    "花园大厦A1B2C-( )米M#幢座室单元弄组段门桥城社办事处中国市辖NULL"
)


@given(st.text(alphabet=_SIGNS, max_size=30))
def test_pieces_of_addresses_in_any_disorder_are_read(text: str) -> None:
    parsed = parse(text)
    for piece in (*parsed.parts, *parsed.relation, *parsed.notes, *parsed.leftovers):
        assert 0 <= piece.start < piece.end <= len(text)


@pytest.mark.parametrize(
    "text, estate, notes",
    [
        ("深圳市福田区深圳地铁2号线燕南站站厅内", "地铁2号线燕南站", ["站厅"]),
        ("深圳市福田区地铁2号线岗厦北站", "地铁2号线岗厦北站", []),
        ("深圳市福田区深圳地铁3号线和1号线老街站", "地铁3号线和1号线老街站", []),
        ("福田区地铁1号线车公庙站A口", "地铁1号线车公庙站", ["A口"]),
        ("福田区轨道交通3号线少年宫站B2出口", "轨道交通3号线少年宫站", ["B2出口"]),
        ("罗湖区地铁9号线向西村站站厅付费区", "地铁9号线向西村站", ["站厅付费区"]),
        ("福田区地铁三号线福田站1号线站台", "地铁三号线福田站", ["1号线站台"]),
        ("龙华区深圳北站东出站口", "深圳北站", ["东出站口"]),
        ("石厦地铁站A出口", "石厦地铁站", ["A出口"]),
        ("太原汽车站2号出口", "汽车站", ["2号出口"]),
        ("福田区深南大道地铁站C出口", "地铁站", ["C出口"]),
        ("福田区岗厦村公交站", "公交站", []),
        ("小店区地铁2号线旁加油站", "地铁2号线", []),
        ("小店区三号线地铁3号线学府街站", "地铁3号线学府街站", []),
    ],
)
def test_a_station_is_a_place_and_its_exit_a_note(text: str, estate: str, notes: list[str]) -> None:
    parsed = parse(text)
    assert parsed.value(AddressLevel.ESTATE) == estate
    assert [note.text for note in parsed.notes] == notes
    assert parsed.value(AddressLevel.DOOR) is None
    assert parse(format_address(parsed.components())).components() == parsed.components()


def test_the_way_from_a_station_is_a_distance_and_a_room_in_it_is_a_room() -> None:
    parsed = parse("小店区地铁2号线学府街站A口东50米")
    assert [note.text for note in parsed.relation] == ["东50米"]
    parsed = parse("福田区地铁11号线车公庙站E口3号商铺")
    assert parsed.value(AddressLevel.ROOM) == "3"
    parsed = parse("福田区红岭大厦12层地铁2号线燕南站")
    assert parsed.value(AddressLevel.ESTATE) == "红岭大厦"


@pytest.mark.parametrize("after", ["", "对面", "旁边", "门口", "附近"])
def test_a_room_in_chinese_numerals_needs_no_counting_word(after: str) -> None:
    components = parse(f"凯旋路幺二三号18幢三单元五〇二{after}").components()
    assert components == {
        "road": "凯旋路", "door": "123", "building": "18", "entrance": "3", "room": "502",
    }  # fmt: skip
