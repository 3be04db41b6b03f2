"""Two addresses are one place: merged with all that hangs on them, and undone exactly."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from shapely import box
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from geo.addresses import WrittenForm
from geo.errors import AddressNotFound, Conflict, InvalidInput, MergeNotFound
from geo.geocoding.geocoder import GeocodeAnswer
from geo.geocoding.local import open_geocoder
from geo.register import (
    WrittenAddress,
    add_alias,
    create_standard_address,
    end_address,
    find_by_text,
    find_merges,
    get_merge,
    get_standard_address,
    merge_address,
    undo_merge,
    update_standard_address,
)
from geo.register.references import NOT_MOVED, count_references, moving_references
from geo.review import find_review_items, match_review_item, queue_for_review, reopen_review_item
from geo.settings import Settings
from geo.store.database import Database
from geo.tables import AddressAlias, AddressMerge, Base, StandardAddress
from geo.values import GridScope
from tests.factories import add_grid, add_standard_address, written_as

ALL = GridScope.everything()
NOW = datetime(2026, 6, 1, 8, tzinfo=UTC)
DAY = date(2026, 6, 1)
WEST, EAST = "140105001001001", "140105001001002"


def address(
    session: Session, written: str = "太原市小店区试验路1号", **more: Any
) -> StandardAddress:
    return add_standard_address(session, **{**written_as(written), **more})


def merge(
    session: Session, merged: StandardAddress, kept: StandardAddress, **more: Any
) -> AddressMerge:
    return merge_address(
        session, merged.id, kept.id,
        **{"merged_version": merged.version, "kept_version": kept.version, "now": NOW,
           "merged_by": "示例·甲", "scope": ALL, **more},
    )  # fmt: skip


def undo(session: Session, done: AddressMerge, scope: GridScope = ALL) -> AddressMerge:
    return undo_merge(session, done.id, undone_by="示例·乙", now=NOW, day=DAY, scope=scope)


def rows(session: Session) -> dict[str, list[Any]]:
    """All that a merge may touch, as it stands, but for counters of changes."""
    session.flush()
    session.expire_all()
    found = {}
    for table, which in (
        ("standard_address", "true"),
        ("review_item", "true"),
        ("address_alias", "ended_at IS NULL"),
    ):
        query = text(
            f"SELECT to_jsonb(t) - '{{version,updated_at}}'::text[] FROM {table} t "
            f"WHERE {which} ORDER BY id"
        )
        found[table] = list(session.scalars(query))
    return found


def test_a_merge_keeps_one_ends_the_other_and_says_who_when_why(session: Session) -> None:
    kept, other = address(session), address(session, "太原市小店区侍验路1号")
    done = merge(session, other, kept, note="同音")
    assert (kept.status, kept.version) == ("current", 1)
    assert (other.status, other.merged_into, other.version) == ("merged", kept.id, 2)
    assert (done.kept_id, done.merged_id, done.merged_by, done.merged_at, done.note) == (
        kept.id, other.id, "示例·甲", NOW, "同音",
    )  # fmt: skip
    assert find_by_text(session, other.canonical_text, scope=ALL) == [kept]
    assert find_merges(session, kept.id, scope=ALL) == [done]
    assert find_merges(session, other.id, scope=ALL) == [done]


def test_an_undo_brings_every_row_back(session: Session) -> None:
    kept = address(session, point_of_interest="邮局")
    other = address(session, "太原市小店区侍验路1号", point_of_interest="老邮局")
    both = add_alias(session, kept.id, "大白楼", source="test", scope=ALL)
    add_alias(session, other.id, "大白楼", source="test", scope=ALL)
    own = add_alias(session, other.id, "小灰楼", source="test", scope=ALL)
    ended = add_alias(session, other.id, "旧楼", source="test", scope=ALL)
    ended.ended_at = NOW
    queue_for_review(session, [GeocodeAnswer("灰楼东头", "review", confidence=0.5)], source="t")
    (item,) = find_review_items(session, scope=ALL)
    match_review_item(
        session, item.id, other.id, version=1, decided_by="示例·甲", now=NOW, scope=ALL
    )
    before = rows(session)
    hung = dict(count_references(session, [other.id])[other.id])
    assert hung == {"address_alias": 4, "review_item": 1}

    done = merge(session, other, kept)
    session.refresh(item)
    assert item.standard_address_id == kept.id
    for writing in ("小灰楼", "灰楼东头", "老邮局", other.canonical_text):
        assert find_by_text(session, writing, scope=ALL) == [kept], writing
    open_now = select(AddressAlias.id).where(
        AddressAlias.standard_address_id == kept.id,
        AddressAlias.alias_key == "大白楼",
        AddressAlias.ended_at.is_(None),
    )
    assert session.scalars(open_now).all() == [both.id]
    assert own.standard_address_id == kept.id

    undo(session, done)
    assert rows(session) == before
    assert count_references(session, [other.id])[other.id] == hung
    assert (done.undone_by, done.undone_at) == ("示例·乙", NOW)
    with pytest.raises(Conflict, match="undone already"):
        undo(session, done)
    again = merge(session, other, kept)
    undo(session, again)
    assert rows(session) == before


def test_a_missing_point_is_taken_over_and_given_back(session: Session) -> None:
    kept, other = address(session, lonlat=None), address(session, "太原市小店区侍验路1号")
    before = rows(session)
    done = merge(session, other, kept)
    assert done.point_taken
    assert kept.h3_cell == other.h3_cell is not None
    undo(session, done)
    assert rows(session) == before


def test_a_stale_version_is_a_conflict_with_both_sides(session: Session) -> None:
    kept, other = address(session), address(session, "太原市小店区侍验路1号")
    for seen in ({"merged_version": 7}, {"kept_version": 7}):
        with pytest.raises(Conflict, match="you have seen 7") as caught:
            merge(session, other, kept, **seen)
        assert [side["address_id"] for side in caught.value.sides] == [other.id, kept.id]
        assert caught.value.sides[1]["canonical_text"] == kept.canonical_text
    end_address(session, kept.id, expected_version=1, scope=ALL)
    with pytest.raises(Conflict, match="ended already"):
        merge(session, other, kept, kept_version=2)
    with pytest.raises(InvalidInput, match="into itself"):
        merge(session, other, other)
    with pytest.raises(InvalidInput, match="501 characters"):
        merge(session, other, kept, note="长" * 501)
    assert session.scalars(select(AddressMerge)).all() == []


def test_chains_answer_with_the_last_and_come_apart_from_the_end(session: Session) -> None:
    a, b, c = (address(session, f"太原市小店区{road}1号") for road in ("甲路", "乙路", "丙路"))
    before = rows(session)
    first = merge(session, a, b)
    middle = rows(session)
    second = merge(session, b, c)
    assert find_by_text(session, a.canonical_text, scope=ALL) == [c]
    for wrong in (lambda: merge(session, c, a), lambda: merge(session, c, b)):
        with pytest.raises(Conflict, match="merged already"):  # no ring
            wrong()
    with pytest.raises(Conflict, match="Undo that one first") as caught:
        undo(session, first)
    assert caught.value.merge_id == second.id
    undo(session, second)
    assert rows(session) == middle
    undo(session, first)
    assert rows(session) == before


def test_an_undo_is_refused_where_something_depends_on_the_merge(session: Session) -> None:
    kept, other = address(session), address(session, "太原市小店区侍验路1号")
    done = merge(session, other, kept)
    other_text = other.canonical_text
    form = {"form": WrittenForm(), "day": DAY, "scope": ALL}

    # the text can't become a third address, but the kept one may take it on
    with pytest.raises(Conflict, match=f"merged into address {kept.id}"):
        create_standard_address(session, WrittenAddress(other_text), source="x", **form)
    update_standard_address(
        session, kept.id, WrittenAddress(other_text), expected_version=1, **form
    )
    with pytest.raises(Conflict, match=f"belongs to address {kept.id} by now"):
        undo(session, done)
    update_standard_address(
        session, kept.id, WrittenAddress("太原市小店区试验路1号"), expected_version=2, **form
    )

    queue_for_review(session, [GeocodeAnswer(other_text, "review", confidence=0.5)], source="t")
    (item,) = find_review_items(session, scope=ALL)
    match_review_item(
        session, item.id, kept.id, version=1, decided_by="示例·甲", now=NOW, scope=ALL
    )
    with pytest.raises(Conflict, match=f"Review item {item.id}"):
        undo(session, done)
    reopen_review_item(session, item.id, version=2, now=NOW, scope=ALL)
    undo(session, done)
    assert find_by_text(session, other_text, scope=ALL)[0] == other


def test_both_addresses_must_be_in_the_scope(session: Session) -> None:
    west = add_grid(session, WEST, box(112.4, 37.8, 112.5, 37.9))
    east = add_grid(session, EAST, box(112.5, 37.8, 112.6, 37.9))
    one = address(session, lonlat=(112.45, 37.85), grid=west)
    two = address(session, "太原市小店区侍验路1号", lonlat=(112.55, 37.85), grid=east)
    for scope in (GridScope.of([WEST]), GridScope.of([EAST]), GridScope.of([])):
        with pytest.raises(AddressNotFound):
            merge(session, one, two, scope=scope)
    done = merge(session, one, two, scope=GridScope.of([WEST, EAST]))
    for scope in (GridScope.of([WEST]), GridScope.of([EAST])):
        with pytest.raises(MergeNotFound):
            get_merge(session, done.id, scope=scope)
        with pytest.raises(MergeNotFound):
            undo(session, done, scope)
    assert find_merges(session, two.id, scope=GridScope.of([EAST])) == []
    with pytest.raises(MergeNotFound):
        get_merge(session, 999_999, scope=ALL)
    undo(session, done, GridScope.of([WEST, EAST]))


def test_a_grid_that_changed_meanwhile_is_followed_by_the_undo(session: Session) -> None:
    west = add_grid(session, WEST, box(112.4, 37.8, 112.5, 37.9), valid_to=date(2026, 5, 1))
    one = address(session, lonlat=(112.45, 37.85), grid=west)
    done = merge(session, one, address(session, "太原市小店区侍验路1号"))
    add_grid(session, EAST, box(112.4, 37.8, 112.5, 37.9), valid_from=date(2026, 5, 1))
    undo(session, done)
    assert one.grid_code == EAST


def test_whatever_names_an_address_follows_it() -> None:
    """A table added later either follows a merge or is named as a record that doesn't."""
    names = {
        table.name
        for table in Base.metadata.sorted_tables
        for key in table.foreign_keys
        if key.column.table.name == "standard_address"
    }
    assert {reference.table.name for reference in moving_references()} == names - NOT_MOVED


def test_the_geocoder_answers_the_old_text_with_the_kept_address(database: Database) -> None:
    geocoder = open_geocoder(database, Settings(database_url=None))
    old = "太原市小店区白云巷12号"
    with database.session() as session:
        kept = address(session, "太原市小店区青石路8号").id
        other = address(session, old).id
    assert geocoder.geocode(old, scope=ALL).standard_address_id == other
    with database.session() as session:
        done = merge(
            session,
            get_standard_address(session, other, scope=ALL),
            get_standard_address(session, kept, scope=ALL),
        )
        merge_id = done.id
    answer = geocoder.geocode(old, scope=ALL)
    assert (answer.status, answer.standard_address_id) == ("matched", kept)
    with database.session() as session:
        undo(session, session.get_one(AddressMerge, merge_id))
    assert geocoder.geocode(old, scope=ALL).standard_address_id == other


def test_the_application_cannot_unwrite_merges(session: Session) -> None:
    granted = session.execute(
        text("SELECT has_table_privilege('address_merge', 'DELETE'),"
             " has_table_privilege('duplicate_pair', 'DELETE')")
    ).one()  # fmt: skip
    assert tuple(granted) == (False, True)


@hypothesis_settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=8))
def test_any_merges_undone_backwards_leave_nothing(
    session: Session, wishes: list[tuple[int, int]]
) -> None:
    """Law: undo ∘ merge = identity, whatever chain the merges make."""
    with session.begin_nested() as savepoint:
        five = [address(session, f"太原市小店区{road}路1号") for road in "甲乙丙丁戊"]
        for number, one in enumerate(five):
            add_alias(session, one.id, f"楼{number % 3}", source="test", scope=ALL)
        before = rows(session)
        done = []
        for i, j in wishes:
            try:
                done.append(merge(session, five[i], five[j]))
            except (Conflict, InvalidInput):
                continue
        for one in reversed(done):
            undo(session, one)
        assert rows(session) == before
        savepoint.rollback()
