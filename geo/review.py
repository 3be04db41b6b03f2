"""The review queue: address texts that were not sure, decided once by a person.

A decision for an address makes the text an alias of it, so that the geocoder knows it from then on.
A rejected text is not queued again. Either can be taken back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import case, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from geo.decisions import checked_note, require_version
from geo.errors import Conflict, InvalidInput, ReviewItemNotFound
from geo.geocoding.geocoder import NOT_FOUND, REVIEW, GeocodeAnswer
from geo.register.identity import text_key
from geo.register.writing import add_alias, end_alias
from geo.scope_conditions import in_scope
from geo.store.scope import seeing_everything
from geo.tables import REVIEW_STATUSES, AddressAlias, ReviewItem, StandardAddress
from geo.values import GridScope

ALIAS_SOURCE = "review"  # of the aliases that decisions make


def queue_for_review(session: Session, answers: Iterable[GeocodeAnswer], *, source: str) -> int:
    """Queue the texts of answers that were not sure; return how many texts are new in the queue.

    A text that waits already is counted once more, and lies where its surest guess lies; one that
    was rejected stays so. Texts that were matched or can't be read are left out.

    Parameters
    ----------
    source : who asked, such as `api` or the name of a file
    """
    # A text that waits or was rejected in another grid counts there; who asks isn't told of it.
    with seeing_everything(session):
        return _queue(session, unsure_answers(answers), source)


def _queue(session: Session, unsure: dict[str, GeocodeAnswer], source: str) -> int:
    rejected = set(
        session.scalars(
            select(ReviewItem.text_key).where(
                ReviewItem.status == "rejected", ReviewItem.text_key.in_(unsure)
            )
        )
    )
    rows = [
        {
            "address_text": answer.text.replace("\0", "").strip(),  # no text of PostgreSQL holds it
            "text_key": key,
            "source": source,
            "confidence": answer.confidence,
            "grid_code": answer.grid_code,
        }
        for key, answer in sorted(unsure.items())
        if key not in rejected
    ]
    if not rows:
        return 0
    queued = insert(ReviewItem).values(rows)
    is_surer = queued.excluded.confidence > ReviewItem.confidence
    counts = session.scalars(
        queued.on_conflict_do_update(
            index_elements=[ReviewItem.text_key],
            index_where=ReviewItem.status == "open",
            set_={
                "asked_count": ReviewItem.asked_count + 1,
                "confidence": func.greatest(queued.excluded.confidence, ReviewItem.confidence),
                # Another caller's lesser guess must not take a text out of its grid's queue.
                "grid_code": case(
                    (is_surer, queued.excluded.grid_code), else_=ReviewItem.grid_code
                ),
            },
        ).returning(ReviewItem.asked_count)
    ).all()
    return sum(count == 1 for count in counts)


def unsure_answers(answers: Iterable[GeocodeAnswer]) -> dict[str, GeocodeAnswer]:
    """Return the answers that are for a person to decide, by the folded text that was asked."""
    keyed = (
        (text_key(answer.text), answer)
        for answer in answers
        if answer.status in {REVIEW, NOT_FOUND}
    )
    return {key: answer for key, answer in keyed if key}


def find_review_items(
    session: Session, *, scope: GridScope, status: str = "open", after: int = 0, limit: int = 100
) -> Sequence[ReviewItem]:
    """Return items of one status in the order of their ids, those after `after`.

    Raises
    ------
    InvalidInput : no such status
    """
    if status not in REVIEW_STATUSES:
        raise InvalidInput(
            f"The status is “{status[:20]}”, wanted one of {', '.join(REVIEW_STATUSES)}.",
            field="status",
        )
    return session.scalars(
        select(ReviewItem)
        .where(
            ReviewItem.status == status,
            ReviewItem.id > after,
            in_scope(ReviewItem.grid_code, scope),
        )
        .order_by(ReviewItem.id)
        .limit(limit)
    ).all()


def count_review_items(session: Session, *, scope: GridScope) -> dict[str, int]:
    """Return how many items there are of each status."""
    counts = dict.fromkeys(REVIEW_STATUSES, 0)
    found = session.execute(
        select(ReviewItem.status, func.count())
        .where(in_scope(ReviewItem.grid_code, scope))
        .group_by(ReviewItem.status)
    )
    for status, count in found:
        counts[status] = count
    return counts


def find_decided_texts(
    session: Session, items: Iterable[ReviewItem], *, scope: GridScope
) -> dict[int, str]:
    """Return the standard addresses that items were matched to, as text by their ids.

    An address that lies outside the scope by now is left out.
    """
    wanted = {item.standard_address_id for item in items if item.standard_address_id is not None}
    if not wanted:
        return {}
    found = select(StandardAddress.id, StandardAddress.canonical_text).where(
        StandardAddress.id.in_(wanted)
    )
    if scope.grid_codes is not None:
        found = found.where(StandardAddress.grid_code.in_(sorted(scope.grid_codes)))
    return {row.id: row.canonical_text for row in session.execute(found)}


def get_review_item(session: Session, item_id: int, *, scope: GridScope) -> ReviewItem:
    """Return one item.

    Raises
    ------
    ReviewItemNotFound : there is none in the scope
    """
    item = session.scalars(
        select(ReviewItem).where(ReviewItem.id == item_id, in_scope(ReviewItem.grid_code, scope))
    ).first()
    if item is None:
        raise ReviewItemNotFound(f"No review item {item_id}.", item_id=item_id)
    return item


def match_review_item(
    session: Session,
    item_id: int,
    standard_address_id: int,
    *,
    version: int,
    decided_by: str,
    now: datetime,
    scope: GridScope,
    note: str | None = None,
) -> ReviewItem:
    """Decide that the text means this standard address; the text becomes its alias.

    Raises
    ------
    ReviewItemNotFound, AddressNotFound : there is none in the scope
    Conflict : decided meanwhile, or seen in an older version
    """
    item = _open_item(session, item_id, version, scope)
    alias = add_alias(
        session, standard_address_id, item.address_text, source=ALIAS_SOURCE, scope=scope
    )
    item.status, item.standard_address_id, item.alias_id = "matched", standard_address_id, alias.id
    return _decided(session, item, decided_by, now, note)


def reject_review_item(
    session: Session,
    item_id: int,
    *,
    version: int,
    decided_by: str,
    now: datetime,
    scope: GridScope,
    note: str | None = None,
) -> ReviewItem:
    """Decide that the text means no address of the register; it is not queued again.

    Raises
    ------
    ReviewItemNotFound : there is none in the scope
    Conflict : decided meanwhile, or seen in an older version
    """
    item = _open_item(session, item_id, version, scope)
    item.status = "rejected"
    return _decided(session, item, decided_by, now, note)


def reopen_review_item(
    session: Session, item_id: int, *, version: int, now: datetime, scope: GridScope
) -> ReviewItem:
    """Take a decision back: the item is open again, the alias that it made ended.

    Raises
    ------
    ReviewItemNotFound : there is none in the scope
    Conflict : it is open, was seen in an older version, or the same text waits as another item
    """
    item = _held_item(session, item_id, scope)
    require_version(f"Review item {item.id}", item.version, version)
    if item.status == "open":
        raise Conflict(f"Review item {item_id} is open; there is nothing to take back.")
    with seeing_everything(session):  # else opening it would fail where nothing can be told
        waiting = session.execute(
            select(ReviewItem.id, ReviewItem.grid_code).where(
                ReviewItem.text_key == item.text_key, ReviewItem.status == "open"
            )
        ).first()
    if waiting is not None:
        known = f" as review item {waiting.id}" if scope.covers(waiting.grid_code) else ""
        raise Conflict(f"The same text waits already{known}. Decide it there.")
    alias = None if item.alias_id is None else session.get_one(AddressAlias, item.alias_id)
    # One that somebody else had made, or has ended since, isn't the decision's to end.
    if alias is not None and alias.source == ALIAS_SOURCE and alias.ended_at is None:
        end_alias(session, alias.standard_address_id, alias.id, now=now, scope=scope)
    item.status = "open"
    item.standard_address_id = item.alias_id = None
    item.decided_by = item.decided_at = item.note = None
    item.version += 1
    session.flush()
    return item


def _held_item(session: Session, item_id: int, scope: GridScope) -> ReviewItem:
    """An item as it is now; nobody else decides it until this transaction ends."""
    item = get_review_item(session, item_id, scope=scope)
    session.refresh(item, with_for_update=True)
    return item


def _open_item(session: Session, item_id: int, version: int, scope: GridScope) -> ReviewItem:
    item = _held_item(session, item_id, scope)
    if item.status != "open":
        raise Conflict(
            f"Review item {item_id} was decided already ({item.status}). Reopen it to decide anew.",
            status=item.status,
        )
    require_version(f"Review item {item.id}", item.version, version)
    return item


def _decided(
    session: Session, item: ReviewItem, decided_by: str, now: datetime, note: str | None
) -> ReviewItem:
    item.decided_by, item.decided_at, item.note = decided_by, now, checked_note(note)
    item.version += 1
    session.flush()
    return item
