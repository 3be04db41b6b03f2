"""Pairs of addresses that are probably one place: searched for, listed, decided, taken back."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from sqlalchemy.orm import Session

from api import paging
from api.callers import SignedInCaller
from api.dependencies import (
    ID_MAX,
    OperatorScope,
    ReadSession,
    RowId,
    Scope,
    ServicesDep,
    WriteSession,
    now,
    today,
)
from api.jobs import shown_job
from api.schemas.duplicates import (
    AddressMerge,
    AddressMergeList,
    DuplicateCounts,
    DuplicateDecision,
    DuplicateMerge,
    DuplicatePage,
    DuplicatePair,
    DuplicateReason,
    DuplicateReopening,
    DuplicateSide,
    DuplicateStatus,
    LevelDifference,
)
from api.schemas.errors import error_responses, write_error_responses
from api.schemas.imports import ImportJob
from geo import tables
from geo.duplicates.finding import prepare_duplicates_job
from geo.duplicates.pairs import (
    DuplicateView,
    PairSide,
    count_pairs,
    decide_apart,
    find_pairs,
    get_pair,
    merge_pair,
    put_aside,
    reopen_pair,
    view_pairs,
)
from geo.duplicates.reasons import explain
from geo.importers.jobs import get_job
from geo.register import find_merges, point_of, undo_merge

router = APIRouter(tags=["duplicates"])

PairId = Annotated[RowId, Path(description="Number of the pair.")]
MergeId = Annotated[RowId, Path(description="Number of the merge.")]
AddressId = Annotated[RowId, Path(description="Number of the address.")]
Now = Annotated[datetime, Depends(now)]
Today = Annotated[date, Depends(today)]
DECISION_ERRORS = write_error_responses(404, 409)


@router.get(
    "/duplicates",
    operation_id="list_duplicates",
    summary="Pairs that are probably one place",
    responses=error_responses(404),
)
def list_duplicates(
    request: Request,
    session: ReadSession,
    scope: Scope,
    page: paging.Page,
    status: Annotated[DuplicateStatus, Query(description="Only with this status.")] = "open",
    after: Annotated[
        int | None, Query(ge=1, le=ID_MAX, description="Number of the last pair had so far.")
    ] = None,
) -> DuplicatePage:
    """The likeliest first, each with both sides. A pair lies where both addresses lie."""
    last = None if after is None else get_pair(session, after, scope=scope)
    rows = find_pairs(
        session,
        scope=scope,
        status=status,
        after=None if last is None else (last.score, last.id),
        limit=page.probe,
    )
    shown, has_more = paging.cut(rows, page)
    return DuplicatePage(
        duplicates=[_pair(view) for view in view_pairs(session, shown)],
        counts=DuplicateCounts(**count_pairs(session, scope=scope)),
        links=paging.links(request, after=shown[-1].id if has_more else None),
    )


@router.post(
    "/duplicates/search",
    status_code=202,
    operation_id="search_duplicates",
    summary="Search the whole register for duplicates",
    response_model=ImportJob,
    responses=DECISION_ERRORS,
)
def search_duplicates(services: ServicesDep, _scope: OperatorScope) -> ImportJob:
    """A job in the background, seen and stopped under `/v1/imports/{id}`. One that was stopped goes
    on; what is no longer found is taken out, decisions stay."""
    with services.database.session() as session:
        job_id = prepare_duplicates_job(session)
    services.imports.submit(job_id)
    with services.database.session() as session:
        return shown_job(session, get_job(session, job_id), services.settings)


@router.get(
    "/duplicates/{pair_id}",
    operation_id="get_duplicate",
    summary="One pair with both sides",
    responses=error_responses(404),
)
def get_duplicate(session: ReadSession, scope: Scope, pair_id: PairId) -> DuplicatePair:
    """Whatever its status."""
    return _shown(session, get_pair(session, pair_id, scope=scope))


@router.post(
    "/duplicates/{pair_id}/merge",
    operation_id="merge_duplicate",
    summary="Decide that both are one place",
    responses=DECISION_ERRORS,
)
def merge_duplicate(
    session: WriteSession,
    scope: Scope,
    caller: SignedInCaller,
    moment: Now,
    pair_id: PairId,
    given: DuplicateMerge,
) -> DuplicatePair:
    """The address `keep_id` stays; the other is merged into it, and its text becomes an alias.
    Where somebody changed the pair or an address since, it is a conflict with both `sides`."""
    pair = merge_pair(
        session,
        pair_id,
        given.keep_id,
        version=given.version,
        first_version=given.first_version,
        second_version=given.second_version,
        decided_by=caller.name,
        note=given.note,
        now=moment,
        scope=scope,
    )
    return _shown(session, pair)


@router.post(
    "/duplicates/{pair_id}/apart",
    operation_id="set_duplicate_apart",
    summary="Decide that the two are not one place",
    responses=DECISION_ERRORS,
)
def set_duplicate_apart(
    session: WriteSession,
    scope: Scope,
    caller: SignedInCaller,
    moment: Now,
    pair_id: PairId,
    given: DuplicateDecision,
) -> DuplicatePair:
    """They are never suggested again."""
    pair = decide_apart(
        session, pair_id, **given.model_dump(), decided_by=caller.name, now=moment, scope=scope
    )
    return _shown(session, pair)


@router.post(
    "/duplicates/{pair_id}/later",
    operation_id="put_duplicate_aside",
    summary="Put a pair aside",
    responses=DECISION_ERRORS,
)
def put_duplicate_aside(
    session: WriteSession,
    scope: Scope,
    caller: SignedInCaller,
    moment: Now,
    pair_id: PairId,
    given: DuplicateDecision,
) -> DuplicatePair:
    """It waits under the status `later`, and can be decided from there."""
    pair = put_aside(
        session, pair_id, **given.model_dump(), decided_by=caller.name, now=moment, scope=scope
    )
    return _shown(session, pair)


@router.post(
    "/duplicates/{pair_id}/reopen",
    operation_id="reopen_duplicate",
    summary="Take a decision about a pair back",
    responses=DECISION_ERRORS,
)
def reopen_duplicate(
    session: WriteSession,
    scope: Scope,
    caller: SignedInCaller,
    moment: Now,
    day: Today,
    pair_id: PairId,
    given: DuplicateReopening,
) -> DuplicatePair:
    """The pair waits again; a merge is undone, unless something depends on it."""
    pair = reopen_pair(
        session,
        pair_id,
        version=given.version,
        undone_by=caller.name,
        now=moment,
        day=day,
        scope=scope,
    )
    return _shown(session, pair)


@router.get(
    "/addresses/{address_id}/merges",
    operation_id="list_address_merges",
    summary="The merges of a standard address",
    responses=error_responses(404),
)
def list_merges(session: ReadSession, scope: Scope, address_id: AddressId) -> AddressMergeList:
    """Those in which it was kept and those in which it was merged, with those undone."""
    rows = find_merges(session, address_id, scope=scope)
    return AddressMergeList(merges=[AddressMerge.model_validate(row) for row in rows])


@router.post(
    "/merges/{merge_id}/undo",
    operation_id="undo_merge",
    summary="Undo a merge",
    responses=DECISION_ERRORS,
)
def undo_one_merge(
    session: WriteSession,
    scope: Scope,
    caller: SignedInCaller,
    moment: Now,
    day: Today,
    merge_id: MergeId,
) -> AddressMerge:
    """Both addresses are what they were. Refused where something later depends on the merge."""
    merge = undo_merge(session, merge_id, undone_by=caller.name, now=moment, day=day, scope=scope)
    return AddressMerge.model_validate(merge)


def _shown(session: Session, pair: tables.DuplicatePair) -> DuplicatePair:
    (view,) = view_pairs(session, [pair])
    return _pair(view)


def _pair(view: DuplicateView) -> DuplicatePair:
    pair, merge = view.pair, view.merge
    facts = {name: getattr(pair, name) for name in _SAME_NAMES}
    distance = pair.distance_m
    return DuplicatePair(
        **facts,
        score=round(pair.score, 4),
        distance_m=None if distance is None else round(distance, 1),
        reasons=[
            DuplicateReason(
                code=reason.code, level=reason.level, zh=reason.zh, en=reason.en,
                is_against=reason.is_against,
            )
            for reason in map(explain, pair.reasons)
        ],
        first=_side(view.first),
        second=_side(view.second),
        differences=[
            LevelDifference(
                level=each.level, first=each.first, second=each.second, same_value=each.same_value
            )
            for each in view.differences
        ],
        suggested_keep=view.suggested_keep,
        merge=None if merge is None else AddressMerge.model_validate(merge),
    )  # fmt: skip


def _side(side: PairSide) -> DuplicateSide:
    address, point = side.address, point_of(side.address)
    return DuplicateSide(
        standard_address_id=address.id,
        canonical_text=address.canonical_text,
        status=address.status,
        version=address.version,
        lon=None if point is None else point.longitude,
        lat=None if point is None else point.latitude,
        grid_code=address.grid_code,
        source=address.source,
        aliases=list(side.aliases),
        references=dict(side.references),
    )


_SAME_NAMES = ("id", "status", "note", "decided_by", "decided_at", "version", "created_at")
