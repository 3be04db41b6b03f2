"""What is found by likeness alone: proposed, never sure, never outside the scope."""

from __future__ import annotations

import pyarrow as pa
import pytest

from geo.addresses.match import MatchResult, match_standard_address
from geo.addresses.register_index import RegisterIndex
from geo.addresses.register_rows import rows_from_texts
from geo.values import GridScope

EVERYTHING = GridScope.everything()
# Invented places: names and addresses as a register of shops and stations has them.
PLACES = {
    1: "青禾区云岭路128号喜盈门便利店(云岭路店)",
    2: "青禾区云岭路与桂溪街交叉口东80米顺达充电站(云岭站)",
    3: "青禾区桂溪街15号金穗粮油店",
    4: "青禾区桂溪街15号附近顺达充电站(桂溪站)",
    5: "青禾区望江社区木棉花园3号楼",
    6: "青禾区望江社区木棉花园5号楼",
    7: "青禾区松涛路9号木棉花园(东门)",
}


def rows(ids: list[int]) -> list[tuple[int, str, float | None, float | None]]:
    return [(i, PLACES[i], 120.0 + i / 1000, 30.0) for i in ids]


INDEX = RegisterIndex.from_rows(rows(list(PLACES)))


def match(text: str, index: RegisterIndex = INDEX, scope: GridScope = EVERYTHING) -> MatchResult:
    return match_standard_address(text, index, scope=scope, limit=10)


@pytest.mark.parametrize(
    "text, address_id",
    [
        ("喜盈便利店云岭店", 1),
        ("桂溪街顺达充电桩桂溪站", 4),
        ("云岭与桂溪路口的顺达充电", 2),
        ("金惠粮油", 3),
    ],
)
def test_a_text_that_no_name_settles_is_proposed_for_review(text: str, address_id: int) -> None:
    result = match(text)
    assert result.best is not None
    assert result.best.standard_address_id == address_id
    assert result.status == "review"


def test_the_reason_says_that_it_is_only_alike() -> None:
    reasons = match("金惠粮油").reasons
    assert any("名称相近" in reason.zh and "similar" in reason.en for reason in reasons)


def test_another_number_is_never_before_what_is_certain() -> None:
    result = match("木棉花园9号楼")
    assert result.status == "review"
    best = result.best
    assert best is not None
    assert best.standard_address_id not in (5, 6)


@pytest.mark.parametrize("text", ["12345", "0-0-0", "楼", "hello", "请送到门口谢谢", "'; --"])
def test_what_is_like_nothing_is_not_found(text: str) -> None:
    assert match(text).status == "not_found"


@pytest.mark.parametrize("text", ["喜盈便利店云岭店", "顺达充电", "桂溪街十五号粮油", "木棉园5号"])
def test_the_order_of_the_register_changes_nothing(text: str) -> None:
    turned = RegisterIndex.from_rows(rows(list(PLACES)[::-1]))
    assert match(text, turned) == match(text)


def test_what_lies_outside_the_scope_neither_appears_nor_counts() -> None:
    table = rows_from_texts(rows(list(PLACES)))
    column = table.schema.get_field_index("grid_code")
    codes = ["A" if i in (1, 3) else "B" for i in PLACES]
    table = table.set_column(
        column, "grid_code", pa.array(codes).dictionary_encode().cast(table.schema[column].type)
    )
    scoped = RegisterIndex.from_table(table)
    alone = RegisterIndex.from_table(table.filter(pa.array([code == "A" for code in codes])))
    for text in ("喜盈便利店云岭店", "顺达充电", "金惠粮油", "木棉园5号"):
        seen = match(text, scoped, GridScope(frozenset({"A"})))
        assert seen == match(text, alone)
        assert {each.standard_address_id for each in seen.candidates} <= {1, 3, None}


def test_what_changed_since_is_found_and_what_ended_is_not() -> None:
    fresh = rows_from_texts([(8, "青禾区榕荫巷2号鲜果时光水果店", 120.1, 30.0)])
    changed = INDEX.with_changes([3, 8], fresh)
    assert changed is not None
    found = match("鲜果时先水果", changed).best
    assert found is not None
    assert found.standard_address_id == 8
    assert all(each.standard_address_id != 3 for each in match("金惠粮油", changed).candidates)


def test_an_alias_is_found_by_likeness_and_answers_the_address() -> None:
    table = rows_from_texts(rows([1, 3]))
    alias = table.slice(1, 1).to_pylist()[0] | {"alias_text": "老磨坊杂货铺子"}
    both = pa.concat_tables([table, pa.Table.from_pylist([alias], schema=table.schema)])
    index = RegisterIndex.from_table(both.unify_dictionaries().combine_chunks())
    best = match("老磨房杂货铺", index).best
    assert best is not None
    assert best.standard_address_id == 3
    assert best.canonical_text == PLACES[3]


CHAIN = RegisterIndex.from_rows(
    [
        (i, f"青禾区{text}", 120.0, 30.0)
        for i, text in enumerate(
            [
                "云岭路3号顺达充电站(云岭路)", "桂溪街9号顺达充电站(桂溪街停车场)",
                "松涛路8号顺达充电站(松涛路)", "望江社区对岸山停车场内顺达充电站(对岸山停车场)",
            ],
            1,
        )
    ]
)  # fmt: skip


@pytest.mark.parametrize(
    "text, address_id",
    [
        ("对岸山停车场内顺达充电站(对岸山停车场)", 4),
        ("顺达充电站(桂溪街停车场)", 2),
        ("顺达充电站(松涛路)", 3),
    ],
)
def test_of_a_chain_it_is_the_branch_that_says_nearly_all_of_the_text(
    text: str, address_id: int
) -> None:
    best = match(text, CHAIN).best
    assert best is not None
    assert best.standard_address_id == address_id
