"""The queue of pairs: seen with both sides, decided once, taken back, kept to the scope."""

from __future__ import annotations

from typing import Any

import pytest
from shapely import box
from sqlalchemy.orm import Session

from geo.duplicates.finding import FoundPair, store_pairs
from geo.duplicates.likeness import Likeness
from geo.duplicates.pairs import (
    count_pairs,
    decide_apart,
    find_pairs,
    get_pair,
    merge_pair,
    put_aside,
    reopen_pair,
    view_pairs,
)
from geo.errors import Conflict, DuplicateNotFound, InvalidInput
from geo.register import end_address, find_merges, merge_address, undo_merge
from geo.tables import DuplicatePair
from geo.values import GridScope
from tests.factories import add_grid
from tests.geo.duplicates.register import ALL, DAY, NOW, address, fill

WEST, EAST = "140105001001001", "140105001001002"


@pytest.fixture
def ids(session: Session) -> dict[str, int]:
    return fill(session)


def suggest(session: Session, first: int, second: int, score: float = 0.9) -> DuplicatePair:
    first, second = sorted((first, second))
    alike = Likeness(score, ("left_out:county", "near"))
    store_pairs(session, [FoundPair(first, second, alike, 3.0)], job_id=None)
    return next(
        pair for pair in find_pairs(session, scope=ALL)
        if (pair.first_id, pair.second_id) == (first, second)
    )  # fmt: skip


def decision(pair: DuplicatePair, **more: Any) -> dict[str, Any]:
    return {"version": pair.version, "decided_by": "示例·甲", "now": NOW, "scope": ALL, **more}


def keep(session: Session, pair: DuplicatePair, keep_id: int, **more: Any) -> DuplicatePair:
    seen = {"first_version": 1, "second_version": 1}
    return merge_pair(session, pair.id, keep_id, **decision(pair, **{**seen, **more}))


def take_back(session: Session, pair: DuplicatePair, **more: Any) -> DuplicatePair:
    given = {"version": pair.version, "undone_by": "示例·乙", "now": NOW, "day": DAY, "scope": ALL}
    return reopen_pair(session, pair.id, **{**given, **more})


def test_a_pair_shows_both_sides_and_where_they_part(session: Session, ids: dict[str, int]) -> None:
    pair = suggest(session, ids["estate"], ids["alias"])
    (view,) = view_pairs(session, [pair])
    assert view.first.address.id == ids["estate"]
    assert view.second.references == {}
    parted = {each.level: (each.first, each.second, each.same_value) for each in view.differences}
    assert parted["county"] == ("小店区", "小店区", True)
    assert parted["road"] == ("滨河路", None, False)
    assert parted["building"] == ("2", "1", False)
    assert view.suggested_keep == ids["estate"]  # it writes more
    (other,) = view_pairs(session, [suggest(session, ids["home"], ids["alias"])])
    assert other.first.references == {"address_alias": 1}
    assert other.first.aliases == ["小店区红星厂宿舍1栋101"]


def test_either_side_can_be_kept_and_the_decision_taken_back(
    session: Session, ids: dict[str, int]
) -> None:
    pair = suggest(session, ids["full"], ids["short"])
    keep(session, pair, ids["short"], note="短的才对")
    assert (pair.status, pair.decided_by, pair.note, pair.version) == (
        "merged", "示例·甲", "短的才对", 2,
    )  # fmt: skip
    (merge,) = find_merges(session, ids["short"], scope=ALL)
    assert (merge.id, merge.merged_id) == (pair.merge_id, ids["full"])
    (view,) = view_pairs(session, [pair])
    assert view.merge is merge
    assert count_pairs(session, scope=ALL) == {"open": 0, "later": 0, "merged": 1, "apart": 0}
    take_back(session, pair)
    assert (pair.status, pair.merge_id, pair.decided_by, pair.note) == ("open", None, None, None)
    keep(session, pair, ids["full"], first_version=3)
    assert merge.undone_by == "示例·乙"


def test_later_and_apart(session: Session, ids: dict[str, int]) -> None:
    pair = suggest(session, ids["full"], ids["short"])
    put_aside(session, pair.id, **decision(pair))
    assert find_pairs(session, scope=ALL) == []
    assert find_pairs(session, scope=ALL, status="later") == [pair]
    decide_apart(session, pair.id, **decision(pair))
    assert (pair.status, pair.version) == ("apart", 3)
    for again in (decide_apart, put_aside):
        with pytest.raises(Conflict, match="decided already"):
            again(session, pair.id, **decision(pair))
    take_back(session, pair)
    with pytest.raises(Conflict, match="nothing to take back"):
        take_back(session, pair)


def test_stale_decisions_are_conflicts(session: Session, ids: dict[str, int]) -> None:
    pair = suggest(session, ids["full"], ids["short"])
    with pytest.raises(Conflict, match="you have seen 7"):
        decide_apart(session, pair.id, **decision(pair, version=7))
    with pytest.raises(Conflict, match="you have seen 7") as caught:
        keep(session, pair, ids["full"], second_version=7)
    assert {side["address_id"] for side in caught.value.sides} == {ids["full"], ids["short"]}
    with pytest.raises(InvalidInput, match="not of pair"):
        keep(session, pair, ids["next"])
    with pytest.raises(InvalidInput, match="wanted one of open"):
        find_pairs(session, scope=ALL, status="closed")
    with pytest.raises(InvalidInput, match="501 characters"):
        decide_apart(session, pair.id, **decision(pair, note="长" * 501))
    assert find_pairs(session, scope=ALL) == [pair]


def test_a_merge_made_elsewhere_settles_the_pair(session: Session, ids: dict[str, int]) -> None:
    pair = suggest(session, ids["full"], ids["short"])
    merge = merge_address(
        session, ids["short"], ids["full"], merged_version=1, kept_version=1, merged_by=None,
        now=NOW, scope=ALL,
    )  # fmt: skip
    session.refresh(pair)
    assert (pair.status, pair.merge_id) == ("merged", merge.id)
    undo_merge(session, merge.id, undone_by=None, now=NOW, day=DAY, scope=ALL)
    session.refresh(pair)
    assert pair.status == "open"


def test_a_pair_whose_side_ended_waits_for_nobody(session: Session, ids: dict[str, int]) -> None:
    pair = suggest(session, ids["full"], ids["short"])
    end_address(session, ids["short"], expected_version=1, scope=ALL)
    assert find_pairs(session, scope=ALL) == []
    assert count_pairs(session, scope=ALL)["open"] == 0
    assert get_pair(session, pair.id, scope=ALL) == pair
    with pytest.raises(Conflict, match="ended already"):
        keep(session, pair, ids["full"], second_version=2)


def test_the_likeliest_come_first_page_by_page(session: Session, ids: dict[str, int]) -> None:
    scores = {("full", "short"): 0.7, ("estate", "no_road"): 0.9, ("home", "alias"): 0.9}
    for (one, other), score in scores.items():
        suggest(session, ids[one], ids[other], score)
    seen: list[DuplicatePair] = []
    after = None
    while page := find_pairs(session, scope=ALL, after=after, limit=1):
        seen += page
        after = page[-1].score, page[-1].id
    assert [round(pair.score, 2) for pair in seen] == [0.9, 0.9, 0.7]
    assert seen[0].id < seen[1].id


def test_a_pair_outside_the_scope_looks_absent(session: Session) -> None:
    west = add_grid(session, WEST, box(112.4, 37.8, 112.5, 37.9))
    east = add_grid(session, EAST, box(112.5, 37.8, 112.6, 37.9))
    one = address(session, "太原市小店区坞城路1号", lonlat=(112.45, 37.85), grid=west)
    two = address(session, "坞城路1号", lonlat=(112.55, 37.85), grid=east)
    pair = suggest(session, one.id, two.id)
    both = GridScope.of([WEST, EAST])
    for scope in (GridScope.of([WEST]), GridScope.of([EAST]), GridScope.of([])):
        assert find_pairs(session, scope=scope) == []
        assert count_pairs(session, scope=scope)["open"] == 0
        for act in (
            lambda scope=scope: get_pair(session, pair.id, scope=scope),
            lambda scope=scope: keep(session, pair, one.id, scope=scope),
            lambda scope=scope: decide_apart(session, pair.id, **decision(pair, scope=scope)),
            lambda scope=scope: take_back(session, pair, scope=scope),
        ):
            with pytest.raises(DuplicateNotFound):
                act()
    assert find_pairs(session, scope=both) == [pair]
    keep(session, pair, one.id, scope=both)
