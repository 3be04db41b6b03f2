"""The review queue: asked again is one item, decided once is known from then on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.orm import Session

from geo.errors import Conflict, InvalidInput, ReviewItemNotFound
from geo.geocoding.geocoder import GeocodeAnswer
from geo.geocoding.local import open_geocoder
from geo.register.writing import add_alias, end_alias
from geo.review import (
    count_review_items,
    find_decided_texts,
    find_review_items,
    get_review_item,
    match_review_item,
    queue_for_review,
    reject_review_item,
    reopen_review_item,
)
from geo.settings import Settings
from geo.store.database import Database
from geo.tables import AddressAlias, ReviewItem
from geo.values import GridScope
from tests.factories import add_standard_address

EVERYTHING = GridScope.everything()
NOW = datetime(2026, 6, 1, 8, tzinfo=UTC)


def unsure(text: str, **facts: Any) -> GeocodeAnswer:
    return GeocodeAnswer(**{"text": text, "status": "review", "confidence": 0.5, **facts})


def queue_one(session: Session, text: str = "试验路老邮局旁", **facts: Any) -> ReviewItem:
    queue_for_review(session, [unsure(text, **facts)], source="test")
    return find_review_items(session, scope=EVERYTHING)[-1]


def match(session: Session, item: ReviewItem, address_id: int) -> ReviewItem:
    return match_review_item(
        session, item.id, address_id, version=item.version, decided_by="示例·甲", now=NOW,
        scope=EVERYTHING,
    )  # fmt: skip


def test_only_unsure_texts_wait_and_the_same_text_waits_once(session: Session) -> None:
    answers = [
        unsure("试验路 １２ 号"),
        unsure("试验路12号", confidence=0.6),
        unsure("不知何处", status="not_found", confidence=0.0),
        GeocodeAnswer("试验路1号", "matched", confidence=0.99),
        GeocodeAnswer("\x00", "error"),
    ]
    assert queue_for_review(session, answers, source="a.csv") == 2
    assert queue_for_review(session, answers[:1], source="b.csv") == 0
    items = {item.address_text: item for item in find_review_items(session, scope=EVERYTHING)}
    assert set(items) == {"试验路12号", "不知何处"}
    assert items["试验路12号"].asked_count == 2
    assert count_review_items(session, scope=EVERYTHING) == {
        "open": 2, "matched": 0, "rejected": 0,
    }  # fmt: skip


def test_decision_makes_an_alias_and_taking_it_back_ends_it(session: Session) -> None:
    address = add_standard_address(session)
    item = match(session, queue_one(session), address.id)
    alias = session.get_one(AddressAlias, item.alias_id)
    assert (item.status, alias.standard_address_id, alias.alias_text) == (
        "matched", address.id, "试验路老邮局旁",
    )  # fmt: skip
    reopened = reopen_review_item(session, item.id, version=item.version, now=NOW, scope=EVERYTHING)
    session.refresh(alias)
    assert (reopened.status, alias.ended_at) == ("open", NOW)


def test_geocoder_knows_a_decided_text(database: Database) -> None:
    geocoder = open_geocoder(database, Settings(database_url=None))
    text = "老邮局斜对过的小灰楼"
    with database.session() as session:
        address_id = add_standard_address(session, road="试验路", door="7号").id
    before = geocoder.geocode(text, scope=EVERYTHING)
    assert before.status != "matched"
    with database.session() as session:
        queue_for_review(session, [before], source="test")
        match(session, find_review_items(session, scope=EVERYTHING)[0], address_id)
    after = open_geocoder(database, Settings(database_url=None)).geocode(text, scope=EVERYTHING)
    assert (after.status, after.standard_address_id) == ("matched", address_id)


def test_rejected_text_is_not_queued_again(session: Session) -> None:
    item = queue_one(session)
    reject_review_item(
        session, item.id, version=1, decided_by="示例·甲", now=NOW, scope=EVERYTHING, note="玩笑"
    )
    assert queue_for_review(session, [unsure(item.address_text)], source="test") == 0
    assert find_review_items(session, scope=EVERYTHING) == []


def test_stale_and_second_decisions_are_conflicts(session: Session) -> None:
    address = add_standard_address(session)
    item = queue_one(session)
    with pytest.raises(Conflict, match="you have seen 7"):
        reject_review_item(session, item.id, version=7, decided_by="x", now=NOW, scope=EVERYTHING)
    match(session, item, address.id)
    with pytest.raises(Conflict, match="decided already"):
        match(session, item, address.id)


def test_item_outside_the_scope_looks_absent(session: Session) -> None:
    item = queue_one(session, grid_code="990101001001001")
    neighbour = GridScope.of(["990101001001002"])
    own = GridScope.of(["990101001001001"])
    assert find_review_items(session, scope=neighbour) == []
    assert count_review_items(session, scope=neighbour)["open"] == 0
    with pytest.raises(ReviewItemNotFound):
        get_review_item(session, item.id, scope=neighbour)
    assert get_review_item(session, item.id, scope=own).id == item.id
    nowhere = queue_one(session, "不知何处", status="not_found")
    with pytest.raises(ReviewItemNotFound):
        get_review_item(session, nowhere.id, scope=own)


def test_unknown_status_and_long_note_are_refused(session: Session) -> None:
    item = queue_one(session)
    with pytest.raises(InvalidInput, match="wanted one of open"):
        find_review_items(session, scope=EVERYTHING, status="closed")
    with pytest.raises(InvalidInput, match="501 characters"):
        reject_review_item(
            session, item.id, version=1, decided_by="x", now=NOW, scope=EVERYTHING, note="长" * 501
        )


def test_lesser_guess_of_another_grid_takes_no_text_away(session: Session) -> None:
    queue_one(session, grid_code="990101001001001", confidence=0.5)
    queue_one(session, grid_code="990101001001002", confidence=0.4)
    item = queue_one(session, grid_code=None, confidence=0.5)
    assert (item.grid_code, item.confidence, item.asked_count) == ("990101001001001", 0.5, 3)
    item = queue_one(session, grid_code="990101001001002", confidence=0.6)
    session.refresh(item)
    assert (item.grid_code, item.confidence, item.asked_count) == ("990101001001002", 0.6, 4)


def test_taking_back_leaves_an_alias_that_was_there_before(session: Session) -> None:
    address = add_standard_address(session)
    item = queue_one(session)
    before = add_alias(session, address.id, item.address_text, source="import", scope=EVERYTHING)
    match(session, item, address.id)
    assert item.alias_id == before.id
    reopen_review_item(session, item.id, version=item.version, now=NOW, scope=EVERYTHING)
    session.refresh(before)
    assert before.ended_at is None


def test_a_decision_whose_alias_was_ended_by_hand_can_be_taken_back(session: Session) -> None:
    address = add_standard_address(session)
    item = match(session, queue_one(session), address.id)
    assert item.alias_id is not None
    end_alias(session, address.id, item.alias_id, now=NOW, scope=EVERYTHING)
    reopen_review_item(session, item.id, version=item.version, now=NOW, scope=EVERYTHING)
    assert item.status == "open"


def test_decided_addresses_as_text_keep_to_the_scope(session: Session) -> None:
    address = add_standard_address(session)
    item = match(session, queue_one(session), address.id)
    waiting = queue_one(session, "别的文字")
    own, nothing = EVERYTHING, GridScope.of([])
    assert find_decided_texts(session, [item, waiting], scope=own) == {
        address.id: address.canonical_text
    }
    assert find_decided_texts(session, [item], scope=nothing) == {}
    assert find_decided_texts(session, [waiting], scope=own) == {}
