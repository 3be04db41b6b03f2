"""A road of the register and a door it lacks: the point between its neighbours, and why."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.addresses.match import MatchResult, match_standard_address
from geo.addresses.register_index import RegisterIndex
from geo.addresses.register_rows import rows_from_texts
from geo.values import GridScope

EVERYTHING = GridScope.everything()
HEAD = "浙江省杭州市西湖区"
# Invented roads: one with its doors every 10 m of longitude; one with few; one in two counties.
DOORS = {
    1: "柳岸路12号", 2: "柳岸路18号", 3: "柳岸路24号", 4: "柳岸路30号木棉花园1幢101室",
    5: "柳岸路30号木棉花园2幢101室", 6: "柳岸路5弄3号", 7: "柳岸路9弄1号", 8: "松涛街3号",
    9: "松涛街90号", 10: "古荡街道桂溪街15号金穗粮油店",
}  # fmt: skip
_EAST = {1: 12, 2: 18, 3: 24, 4: 30, 5: 30, 6: 5, 7: 9, 8: 3, 9: 90, 10: 15}
Row = tuple[int, str, float | None, float | None]


def rows() -> list[Row]:
    found: list[Row] = [
        (i, HEAD + text, 120 + 1e-4 * _EAST[i] * (10 if i in (8, 9) else 1), 30.0)
        for i, text in DOORS.items()
    ]
    other = "浙江省杭州市拱墅区"
    found += [(20, f"{HEAD}文渊路1号", 120.1, 30.1), (21, f"{HEAD}文渊路9号", 120.101, 30.1)]
    found += [(22, f"{other}文渊路1号", 120.5, 30.5), (23, f"{other}文渊路9号", 120.501, 30.5)]
    return found


INDEX = RegisterIndex.from_rows(rows())


def match(
    text: str, index: RegisterIndex = INDEX, scope: GridScope = EVERYTHING, threshold: float = 0.8
) -> MatchResult:
    return match_standard_address(text, index, scope=scope, threshold=threshold)


def codes(result: MatchResult) -> list[str]:
    return [reason.code for reason in result.reasons]


@pytest.mark.parametrize(
    "text", ["柳岸路14号", "西湖区柳岸路十四号", "柳岸路14", "柳岸路14号附1号"]
)
def test_a_door_that_is_not_there_lies_between_its_neighbours(text: str) -> None:
    result = match(text)
    best = result.best
    assert best is not None
    assert (result.status, best.level, best.standard_address_id) == ("review", "road", None)
    assert "door" in best.contradicted
    assert best.canonical_text == f"{HEAD}柳岸路"
    assert best.lonlat is not None and best.radius_m is not None
    # 12 lies at 0.0012 degrees, 18 at 0.0018: 14 at 0.0014, 附1 a hundredth of a number behind.
    assert best.lonlat.longitude == pytest.approx(120.0014, abs=2e-6)
    assert best.lonlat.latitude == pytest.approx(30.0)
    # Neighbours are 0.0006 degrees apart: 57.8 m at 30 degrees north; too few doors to measure.
    assert best.radius_m == pytest.approx(57.8, abs=0.1)
    said = next(reason for reason in result.reasons if reason.code == "interpolated")
    assert said.zh == "位置按相邻门牌12号与18号推算"
    assert "12号 and 18号" in said.en


def test_what_is_estimated_goes_to_review_whatever_the_threshold() -> None:
    assert match("柳岸路14号", threshold=0.1).status == "review"


def test_a_door_that_is_there_is_answered_itself() -> None:
    for text, address_id in (("柳岸路18号", 2), ("松涛街90号", 9)):
        result = match(text)
        assert result.best is not None
        assert (result.best.standard_address_id, result.status) == (address_id, "matched")
        assert "interpolated" not in codes(result)


def test_buildings_of_a_door_count_as_that_door() -> None:
    said = match("柳岸路28号").reasons[0]
    assert (said.code, said.said, said.stored) == ("interpolated", "24号", "30号")


def test_lanes_are_a_numbering_of_their_own() -> None:
    said = match("柳岸路7弄").reasons[0]
    assert (said.code, said.said, said.stored) == ("interpolated", "5弄", "9弄")


@pytest.mark.parametrize("text, end", [("柳岸路2号", "柳岸路12号"), ("柳岸路44号", "柳岸路30号")])
def test_beyond_the_last_door_the_road_is_answered_and_the_door_offered(
    text: str, end: str
) -> None:
    result = match(text)
    first, second = result.candidates[:2]
    assert (first.level, first.canonical_text) == ("road", f"{HEAD}柳岸路")
    assert "door_beyond" in codes(result)
    assert first.radius_m is not None and first.radius_m > 100  # of the whole road
    assert second.canonical_text == HEAD + end
    assert "door" in second.contradicted


def test_between_doors_far_apart_the_road_is_answered_with_its_radius() -> None:
    result = match("松涛街41号")
    assert result.best is not None
    assert "door_gap" in codes(result)
    # Both doors are 0.087 degrees apart: half of 8,378 m.
    assert result.best.radius_m == pytest.approx(4189, abs=5)


def test_a_road_of_two_counties_needs_its_county() -> None:
    assert "interpolated" not in codes(match("文渊路5号"))
    best = match("拱墅区文渊路5号").best
    assert best is not None
    assert best.lonlat is not None
    assert best.lonlat.longitude == pytest.approx(120.5005, abs=1e-6)
    assert best.lonlat.latitude == pytest.approx(30.5, abs=1e-6)


def test_a_name_in_the_text_says_more_than_a_number() -> None:
    best = match("柳岸路26号木棉花园1幢101室").best
    assert best is not None
    assert "interpolated" not in {reason.code for reason in best.reasons} or best.level == "road"
    assert match("柳岸路14号楼").reasons[0].code != "interpolated"  # a building's number


def _scoped() -> tuple[RegisterIndex, RegisterIndex]:
    """Return a register where 18号 lies in grid B, and the same without it."""
    table = rows_from_texts(rows())
    column = table.schema.get_field_index("grid_code")
    grids = ["B" if row[0] == 2 else "A" for row in rows()]
    table = table.set_column(
        column, "grid_code", pa.array(grids).dictionary_encode().cast(table.schema[column].type)
    )
    inside = pa.array([grid == "A" for grid in grids])
    return RegisterIndex.from_table(table), RegisterIndex.from_table(table.filter(inside))


def test_doors_outside_the_scope_do_not_count() -> None:
    whole, alone = _scoped()
    scope = GridScope(frozenset({"A"}))
    for text in ("柳岸路14号", "柳岸路18号", "柳岸路44号"):
        assert match(text, whole, scope) == match(text, alone)
    assert match("柳岸路14号", whole, scope).reasons[0].stored == "24号"


def test_the_grid_is_that_of_both_neighbours_or_none() -> None:
    whole, _ = _scoped()
    across, within = match("柳岸路14号", whole).best, match("柳岸路28号", whole).best
    assert across is not None and within is not None
    assert (across.grid_code, within.grid_code) == (None, "A")


def test_doors_that_came_or_ended_since_count_at_once() -> None:
    came = INDEX.with_changes([30], rows_from_texts([(30, f"{HEAD}柳岸路16号", 120.0017, 30.0)]))
    assert came is not None
    assert match("柳岸路14号", came).reasons[0].stored == "16号"
    ended = INDEX.with_changes([2], rows_from_texts([]))
    assert ended is not None
    assert match("柳岸路14号", ended).reasons[0].stored == "24号"


@settings(max_examples=15, deadline=None)
@given(st.permutations(rows()))
def test_the_order_of_the_register_changes_nothing(order: list[Row]) -> None:
    turned = RegisterIndex.from_rows(order)
    for text in ("柳岸路14号", "柳岸路44号", "柳岸路28号", "文渊路5号", "松涛街41号"):
        assert match(text, turned) == match(text)
