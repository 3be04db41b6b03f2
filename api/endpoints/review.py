"""The review queue: listed, looked at with candidates, decided, taken back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from sqlalchemy.orm import Session

from api import paging
from api.callers import SignedInCaller
from api.dependencies import ID_MAX, Geocoder, ReadSession, RowId, Scope, WriteSession, now
from api.geocoding import geocode_answer
from api.schemas.errors import error_responses, write_error_responses
from api.schemas.geocoding import GeocodeAnswer
from api.schemas.review import (
    BestGuess,
    ReviewCounts,
    ReviewItem,
    ReviewItemDetail,
    ReviewItemPage,
    ReviewMatch,
    ReviewRejection,
    ReviewReopening,
    ReviewStatus,
)
from geo import tables
from geo.review import (
    count_review_items,
    find_decided_texts,
    find_review_items,
    get_review_item,
    match_review_item,
    reject_review_item,
    reopen_review_item,
)
from geo.values import GridScope

router = APIRouter(prefix="/review-items", tags=["review"])

ItemId = Annotated[RowId, Path(description="Number of the text in the queue.")]
Now = Annotated[datetime, Depends(now)]
DECISION_ERRORS = write_error_responses(404, 409)


@router.get(
    "",
    operation_id="list_review_items",
    summary="Texts of the review queue",
    responses=error_responses(),
)
def list_review_items(
    request: Request,
    session: ReadSession,
    geocoder: Geocoder,
    scope: Scope,
    page: paging.Page,
    status: Annotated[ReviewStatus, Query(description="Only with this status.")] = "open",
    after: Annotated[
        int, Query(ge=0, le=ID_MAX, description="Number of the last text had so far.")
    ] = 0,
) -> ReviewItemPage:
    """Oldest first. A text lies where its best candidate lies; one without candidates is there only
    for who may see everything."""
    rows = find_review_items(session, scope=scope, status=status, after=after, limit=page.probe)
    shown, has_more = paging.cut(rows, page)
    texts = find_decided_texts(session, shown, scope=scope)
    guesses = _best_guesses(shown, geocoder, scope)
    return ReviewItemPage(
        review_items=[ReviewItem(**_facts(row, texts, guesses.get(row.id))) for row in shown],
        counts=ReviewCounts(**count_review_items(session, scope=scope)),
        links=paging.links(request, after=shown[-1].id if has_more else None),
    )


@router.get(
    "/{item_id}",
    operation_id="get_review_item",
    summary="One text of the review queue, with candidates",
    responses=error_responses(404),
)
def get_one_item(
    session: ReadSession, geocoder: Geocoder, scope: Scope, item_id: ItemId
) -> ReviewItemDetail:
    """Candidates are not kept: they are found anew, in the register of now."""
    item = get_review_item(session, item_id, scope=scope)
    texts = find_decided_texts(session, [item], scope=scope)
    (found,) = geocoder.geocode_many([item.address_text], scope=scope)
    answer = geocode_answer(found)
    guess = _best_guess(answer) if item.status == "open" else None
    return ReviewItemDetail(**_facts(item, texts, guess), answer=answer)


@router.post(
    "/{item_id}/match",
    operation_id="match_review_item",
    summary="Decide that a text means an address",
    responses=DECISION_ERRORS,
)
def match_item(
    session: WriteSession,
    scope: Scope,
    caller: SignedInCaller,
    moment: Now,
    item_id: ItemId,
    given: ReviewMatch,
) -> ReviewItem:
    """The text becomes an alias of the address: the geocoder knows it from then on. `version` is
    the one the caller has seen; where somebody decided since, it is a conflict."""
    item = match_review_item(
        session,
        item_id,
        given.standard_address_id,
        version=given.version,
        decided_by=caller.name,
        note=given.note,
        now=moment,
        scope=scope,
    )
    return _shown(session, item, scope)


@router.post(
    "/{item_id}/reject",
    operation_id="reject_review_item",
    summary="Decide that a text means no address",
    responses=DECISION_ERRORS,
)
def reject_item(
    session: WriteSession,
    scope: Scope,
    caller: SignedInCaller,
    moment: Now,
    item_id: ItemId,
    given: ReviewRejection,
) -> ReviewItem:
    """It means none of the register, and is not queued again."""
    item = reject_review_item(
        session,
        item_id,
        version=given.version,
        decided_by=caller.name,
        note=given.note,
        now=moment,
        scope=scope,
    )
    return _shown(session, item, scope)


@router.post(
    "/{item_id}/reopen",
    operation_id="reopen_review_item",
    summary="Take a decision back",
    responses=DECISION_ERRORS,
)
def reopen_item(
    session: WriteSession, scope: Scope, moment: Now, item_id: ItemId, given: ReviewReopening
) -> ReviewItem:
    """The text waits again; the alias that the decision made ends."""
    item = reopen_review_item(session, item_id, version=given.version, now=moment, scope=scope)
    return _shown(session, item, scope)


def _shown(session: Session, item: tables.ReviewItem, scope: GridScope) -> ReviewItem:
    """An item as it was decided; its candidates are asked for with the next look at it."""
    return ReviewItem(**_facts(item, find_decided_texts(session, [item], scope=scope), None))


def _facts(
    item: tables.ReviewItem, decided_texts: Mapping[int, str], best_guess: BestGuess | None
) -> dict[str, Any]:
    decided = item.standard_address_id
    return {
        **{name: getattr(item, name) for name in _SAME_NAMES},
        "confidence": round(item.confidence, 4),
        "best_guess": best_guess,
        "standard_address": None if decided is None else decided_texts.get(decided),
    }


def _best_guesses(
    items: list[tables.ReviewItem], geocoder: Geocoder, scope: GridScope
) -> dict[int, BestGuess | None]:
    waiting = [item for item in items if item.status == "open"]
    answers = geocoder.geocode_many([item.address_text for item in waiting], scope=scope)
    return {
        item.id: _best_guess(geocode_answer(answer))
        for item, answer in zip(waiting, answers, strict=True)
    }


def _best_guess(answer: GeocodeAnswer) -> BestGuess | None:
    if not answer.candidates:
        return None
    best = answer.candidates[0]
    return BestGuess(
        canonical_text=best.canonical_text,
        standard_address_id=best.standard_address_id,
        level=best.level,
        confidence=best.confidence,
    )


_SAME_NAMES = tuple(
    name
    for name in ReviewItem.model_fields
    if name not in {"confidence", "best_guess", "standard_address"}
)
