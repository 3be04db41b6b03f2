"""Matching against a small register: what is found, how finely, how surely, and what never is."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geo.addresses import match_sites
from geo.addresses.match import MatchResult, match_standard_address
from geo.addresses.parse import parse
from geo.addresses.register_index import RegisterIndex
from geo.addresses.register_rows import rows_from_texts
from geo.errors import FileTooLarge, InvalidInput
from geo.values import GridScope
from tests.geo.addresses.small_register import HEAD, TEXTS, small_index, small_rows

EVERYTHING = GridScope.everything()
INDEX = small_index()


def match(text: str, index: RegisterIndex = INDEX) -> MatchResult:
    return match_standard_address(text, index, scope=EVERYTHING)


@pytest.mark.parametrize(
    "text",
    [
        "小店区滨河路3号",  # a road that the register doesn't have
        "山西省太原市小店区滨河路3号",
        "小店区长治路3号",  # one that it has elsewhere
        "小店区滨河路3号翠苑小区",
        "小店区滨河路翠苑小区2号楼",
        "小店区滨河村3号",
    ],
)
def test_a_road_or_village_that_contradicts_is_never_a_sure_match(text: str) -> None:
    texts = ("学府街3号", "学府街3号翠苑小区2号楼", "长治路8号")
    index = RegisterIndex.from_rows(
        [(i, f"山西省太原市小店区{each}", 112.5, 37.8) for i, each in enumerate(texts, 1)]
    )
    result = match(text, index)
    assert result.status != "matched"


def test_a_road_unknown_to_a_register_of_estates_without_roads_leaves_them_to_be_found() -> None:
    index = RegisterIndex.from_rows([(1, "山西省太原市小店区翠苑小区2号楼", 112.5, 37.8)])
    result = match("小店区滨河路翠苑小区2号楼", index)
    assert result.best is not None
    assert (result.best.standard_address_id, result.best.contradicted) == (1, ())


@pytest.mark.parametrize(
    "accuracies, radius_m",
    [((5.0, 12.0), 12.0), ((5.0, None), 5.0), ((None, None), None), ((0.0, 0.0), None)],
)
def test_rooms_that_share_one_point_are_no_better_known_than_it(
    accuracies: tuple[float | None, ...], radius_m: float | None
) -> None:
    rooms = [(i, f"{TEXTS[11][:-4]}10{i}室", 120.1, 30.3) for i in (1, 2)]
    table = rows_from_texts(rooms)
    column = table.schema.get_field_index("accuracy_m")
    table = table.set_column(column, "accuracy_m", pa.array(accuracies, pa.float32()))
    best = match(TEXTS[11][:-4], RegisterIndex.from_table(table)).best
    assert best is not None
    assert (best.level, best.radius_m) == ("entrance", radius_m)


def codes(result: MatchResult) -> set[tuple[str, str | None]]:
    return {(reason.code, reason.level) for reason in result.reasons}


@pytest.mark.parametrize("address_id", sorted(TEXTS))
def test_each_registered_text_finds_itself_surely(address_id: int) -> None:
    result = match(TEXTS[address_id])
    assert result.best is not None
    assert result.best.standard_address_id == address_id
    assert result.status == "matched"
    assert result.confidence > 0.95


@pytest.mark.parametrize(
    "text, address_id",
    [
        ("文一路269号翠苑一区3号楼2单元102", 13),
        ("翠苑一区3-2-102", 13),
        ("翠苑一区3/2/102", 13),
        ("翠苑一区3＃2-102", 13),
        ("翠苑一区三栋二单元一零二", 13),
        ("翠苑一区三幢幺单元一〇一", 11),
        ("102室2单元3幢翠苑一区", 13),
        ("文依路269号翠苑一区3幢2单元102室", 13),  # by sound
        ("翠宛一区3幢2单元102室", 13),  # one slip
        ("苑一区3幢2单元102室", 13),  # clipped
        ("浙江杭州西湖翠苑一区3幢2单元102室", 13),
        ("杭州市拱墅区文一路269号翠苑一区3幢2单元102室", 13),  # wrong county
        ("文一路269号3幢2单元102室(送到请打电话)", 13),
        ("翠苑二区3幢2单元101室", 15),
        ("翠苑一区三杠二杠幺零二", 13),
        ("Room 102, Unit 2, Building 3, 翠苑一区", 13),
        ("翠苑一区 楼号:3 单元:2 房号:102", 13),
        ("青石弄12弄5号301", 17),
        ("青石弄12-5-301", 17),
        ("荷塘村三组25号", 18),
        ("三墩镇荷塘4组25号", 19),
        ("银江大厦A座1203", 20),
        ("天目山路88号A座12楼1203室", 20),
    ],
)
def test_other_writings_find_the_address(text: str, address_id: int) -> None:
    result = match(text)
    assert result.best is not None
    assert result.best.standard_address_id == address_id


@pytest.mark.parametrize(
    "text, level",
    [
        ("翠苑一区9幢2单元101室", "building"),  # no such building
        ("文一路275号翠苑一区3幢2单元101室", "door"),
        ("文二路31号", "door"),
        ("荷塘村5组25号", "village_group"),
        ("翠苑一区3幢3单元101室", "entrance"),
        ("翠苑一区3幢2单元909室", "room"),
        ("青石弄13弄5号301", "door"),
    ],
)
def test_a_wrong_number_is_never_a_near_match(text: str, level: str) -> None:
    result = match(text)
    assert result.status == "review"
    assert result.best is not None
    assert level in result.best.contradicted or level in {r.level for r in result.reasons}


def test_a_wrong_building_answers_the_estate_and_says_why() -> None:
    result = match("翠苑一区9幢2单元101室")
    assert result.found == "estate"
    assert ("differs", "building") in codes(result)
    assert "楼号不同" in result.reasons[0].zh


def test_no_level_is_invented() -> None:
    result = match("文一路269号翠苑一区3幢")
    assert result.best is not None
    assert (result.found, result.best.standard_address_id) == ("building", None)
    assert result.best.canonical_text.endswith(("3幢", "3号楼"))
    assert result.best.lonlat is not None
    assert result.best.radius_m is not None
    # Rooms 11, 12, 13 lie on a line; the circle around its middle touches both ends.
    assert result.best.radius_m == pytest.approx(51, abs=3)


def test_a_room_of_two_entrances_is_left_open() -> None:
    result = match("翠苑一区3幢101室")
    assert result.found == "building"
    assert result.ambiguous
    offered = {candidate.standard_address_id for candidate in result.candidates}
    assert {11, 12} <= offered


def test_the_same_door_in_two_counties_is_ambiguous() -> None:
    result = match("湖墅南路5号")
    assert result.ambiguous
    assert result.status == "review"
    assert {c.standard_address_id for c in result.candidates[:2]} == {21, 22}
    assert ("ambiguous", None) in codes(result)
    settled = match("余杭区湖墅南路5号")
    assert settled.best is not None
    assert (settled.best.standard_address_id, settled.status) == (22, "matched")


TWINS = RegisterIndex.from_rows(
    [
        (1, f"{HEAD}古荡街道桂溪社区柳岸路32号", 120.1, 30.2),
        (2, f"{HEAD}古荡街道柳岸路32号", 120.2, 30.3),
        (3, f"{HEAD}古荡街道松涛街5号喜盈超市", 120.1, 30.2),
        (4, f"{HEAD}古荡街道云岭路7号喜盈超市", 120.2, 30.3),
    ]
)


@pytest.mark.parametrize("address_id, body", [(1, "桂溪社区柳岸路32号"), (2, "柳岸路32号")])
def test_a_registered_text_is_itself_beside_one_that_says_more(address_id: int, body: str) -> None:
    best = match(f"{HEAD}古荡街道{body}", TWINS).best
    assert best is not None
    assert best.standard_address_id == address_id


@pytest.mark.parametrize("text, both", [("柳岸路32号", {1, 2}), ("喜盈超市", {3, 4})])
def test_addresses_that_differ_in_what_is_left_out_are_ambiguous(text: str, both: set[int]) -> None:
    result = match(text, TWINS)
    assert (result.status, result.ambiguous) == ("review", True)
    assert {each.standard_address_id for each in result.candidates[:2]} == both
    assert result.confidence <= 0.5


@pytest.mark.parametrize(
    "more", [" 13800000000", "电话13800000000", "，翠苑一区3-2-102", "，文一路269号翠苑一区3-2-102"]
)
def test_telephones_and_what_is_told_again_are_no_numbers_of_the_address(more: str) -> None:
    result = match("文一路269号翠苑一区3-2-102" + more)
    assert result.best is not None
    assert (result.best.standard_address_id, result.status) == (13, "matched")
    assert "unread" not in {code for code, _ in codes(result)}


DASHED = RegisterIndex.from_rows(
    [
        (i, f"{HEAD}{text}", 120.1, 30.2)
        for i, text in enumerate(
            ["柳岸路1100-A号", "柳岸路1100号", "柳岸路920-14号8层", "柳岸路920号"], 1
        )
    ]
)


@pytest.mark.parametrize(
    "text, address_id",
    [
        ("柳岸路1100-A号", 1), ("柳岸路1100A号", 1), ("柳岸路1100号", 2),
        ("柳岸路920-14八楼", 3), ("柳岸路920-14号8楼", 3), ("柳岸路920号", 4),
    ],
)  # fmt: skip
def test_doors_with_a_dash_are_their_own(text: str, address_id: int) -> None:
    result = match(text, DASHED)
    assert result.best is not None
    assert (result.best.standard_address_id, result.status) == (address_id, "matched")


def test_a_building_by_its_letter_in_english() -> None:
    best = match("Room 1203, Building A, 银江大厦").best
    assert best is not None
    assert (best.standard_address_id, best.missing) == (20, ("door",))


def test_a_missing_entrance_is_told() -> None:
    result = match("文一路269号翠苑一区3幢102室")
    assert result.best is not None
    assert result.best.standard_address_id == 13
    assert "entrance" in result.best.missing
    assert "缺单元" in {reason.zh for reason in result.reasons}


def test_another_province_is_not_here() -> None:
    result = match("江苏省南京市鼓楼区文二路29号")
    assert result.status != "matched"
    assert ("division_differs", "province") in codes(result)


def test_near_a_place_is_not_the_place() -> None:
    beside = match("文二路29号对面")
    assert beside.status == "review"
    assert ("near", None) in codes(beside)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "\t\n", "😀🏠🚓", "hello world", "<script>alert(1)</script>",
        "'; DROP TABLE x; --",
        "المنزل رقم ٥", "улица Ленина 5", "12345", "号号号号", "((((((", "\x00\x01\x02", "0-0-0",
    ],
)  # fmt: skip
def test_what_is_no_address_finds_nothing(text: str) -> None:
    result = match(text)
    assert result.status == "not_found"
    assert result.candidates == ()
    assert result.reasons[0].code == "nothing_found"


def test_an_area_of_more_sites_than_are_scored_is_still_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(match_sites, "MAX_SITES", 2)
    monkeypatch.setattr(match_sites, "MAX_NARROW", 1)
    result = match("杭州市西湖区")
    assert (result.found, result.status) == ("county", "matched")
    assert result.best is not None
    assert result.best.canonical_text == "浙江省杭州市西湖区"
    assert result.best.radius_m == pytest.approx(305, abs=5)


def test_too_long_and_not_text_are_refused() -> None:
    with pytest.raises(FileTooLarge):
        match("路" * 10_000_000)
    with pytest.raises(InvalidInput):
        match(None)  # type: ignore[arg-type]


def test_a_parsed_address_matches_like_its_text() -> None:
    text = "翠苑一区3-2-102"
    by_parsed = match_standard_address(parse(text), INDEX, scope=EVERYTHING)
    assert by_parsed == match(text)


QUERIES = [
    "翠苑一区3-2-101",
    "湖墅南路5号",
    "荷塘村25号",
    "文一路269号",
    "翠苑3幢",
    "西湖区",
    "文一路2号",
]


@settings(max_examples=15, deadline=None)
@given(st.permutations(sorted(TEXTS)))
def test_the_order_of_the_register_changes_no_answer(order: list[int]) -> None:
    shuffled = RegisterIndex.from_rows(small_rows(order))
    for text in QUERIES:
        assert match(text, shuffled) == match(text)


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(sorted(TEXTS)),
    st.text(alphabet="天地玄黄宇宙洪荒日月盈昃", min_size=2, max_size=6),
)
def test_noise_never_raises_the_confidence(address_id: int, noise: str) -> None:
    plain, noisy = match(TEXTS[address_id]), match(TEXTS[address_id] + noise)
    assert noisy.confidence <= plain.confidence


PIECES = [*"文一路二翠苑区号幢单元室弄附甲-/#()，", "3", "12", "1001", "X017", "A座", "旁边", " "]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=25))
def test_scrambled_addresses_never_fail(pieces: list[str]) -> None:
    result = match("".join(pieces))
    assert 0 <= result.confidence <= 1
    for candidate in result.candidates:
        assert candidate.lonlat is not None


@pytest.mark.parametrize("text", [*TEXTS.values(), *QUERIES])
def test_without_the_others_of_a_sure_answer_it_is_the_same(text: str) -> None:
    whole = match(text)
    alone = match_standard_address(text, INDEX, scope=EVERYTHING, others_of_sure=False)
    assert (alone.status, alone.ambiguous, alone.best) == (
        whole.status, whole.ambiguous, whole.best,
    )  # fmt: skip
    is_sure = whole.status == "matched"
    assert alone.candidates == (whole.candidates[:1] if is_sure else whole.candidates)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.sampled_from(PIECES), max_size=12), st.sampled_from(sorted(TEXTS)))
def test_sites_that_are_not_looked_at_would_change_no_answer(
    monkeypatch: pytest.MonkeyPatch, pieces: list[str], address_id: int
) -> None:
    text = TEXTS[address_id].removeprefix("浙江省杭州市")[: 4 + len(pieces)] + "".join(pieces)
    found = match(text)
    with monkeypatch.context() as patched:
        patched.setattr(match_sites, "POINTS_OPENED", 1e6)
        assert match(text) == found
