"""What is due: by place for the one who goes there, by grid for the one who plans it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request

from api import paging
from api.callers import SignedInCaller
from api.dependencies import Code, NearPoint, ReadSession, Scope, today
from api.schemas.due import DueGrid, DueGridList, DueKind, DuePage, DuePlace, DueRecords
from api.schemas.errors import error_responses
from geo import registers
from geo.accounts import Caller, Permission
from geo.registers import DueFilter

router = APIRouter(prefix="/due", tags=["registers"])

WITHIN_DAYS_MAX = 366
CURSOR_MAX = 40  # characters


def due_filter(
    caller: SignedInCaller,
    day: Annotated[date, Depends(today)],
    record_kind: Annotated[DueKind | None, Query(description="Only such records.")] = None,
    grid_code: Annotated[Code | None, Query(description="Only in this grid.")] = None,
    within_days: Annotated[
        int,
        Query(ge=0, le=WITHIN_DAYS_MAX, description="Due in so many days, or before; 0: due now."),
    ] = 0,
) -> DueFilter:
    """What is asked for; that somebody is to be visited is told to whose role sees persons."""
    kinds = set(registers.DUE_KINDS) if record_kind is None else {record_kind}
    return DueFilter(
        due_by=day + timedelta(days=within_days),
        kinds=_seen_kinds(caller) & kinds,
        grid_code=grid_code,
    )


Filters = Annotated[DueFilter, Depends(due_filter)]


@router.get("", operation_id="list_due", summary="Places where something is due",
            responses=error_responses())  # fmt: skip
def list_due(
    request: Request,
    session: ReadSession,
    scope: Scope,
    page: paging.Page,
    day: Annotated[date, Depends(today)],
    filters: Filters,
    near: NearPoint,
    order: Annotated[
        Literal["since", "street", "near"],
        Query(description="Longest due first, along the streets, or nearest to lon and lat first."),
    ] = "since",
    after: Annotated[
        str | None, Query(max_length=CURSOR_MAX, description="From the link to the next page.")
    ] = None,
) -> DuePage:
    """Places and what is to be looked at there, without persons: it takes no purpose."""
    rows = (
        registers.find_due(
            session, filters, order=order, near=near, after=after, limit=page.probe, today=day,
            scope=scope,
        )
        if filters.kinds
        else []
    )  # fmt: skip
    shown, has_more = paging.cut(rows, page)
    return DuePage(
        places=[_due_place(each) for each in shown],
        today=day,
        due_by=filters.due_by,
        links=paging.links(request, after=shown[-1].cursor if has_more else None),
    )


@router.get("/grids", operation_id="list_due_grids", summary="How much is due in which grid",
            responses=error_responses())  # fmt: skip
def list_due_grids(
    session: ReadSession, scope: Scope, day: Annotated[date, Depends(today)], filters: Filters
) -> DueGridList:
    """Grids with places at which something is due; places are counted, not records."""
    rows = (
        registers.count_due_by_grid(session, filters, today=day, scope=scope)
        if filters.kinds
        else []
    )
    return DueGridList(
        grids=[
            DueGrid(
                grid_code=each.grid_code,
                name=each.name,
                place_count=each.place_count,
                overdue_count=each.overdue_count,
                due_on=each.due_on,
            )
            for each in rows
        ],
        today=day,
        due_by=filters.due_by,
    )


def _seen_kinds(caller: Caller) -> set[str]:
    kinds = set(registers.DUE_KINDS)
    return kinds if caller.may(Permission.PERSONS) else kinds - {"residence"}


def _due_place(place: registers.DuePlace) -> DuePlace:
    return DuePlace(
        address_id=place.address_id,
        address_text=place.address_text,
        street=place.street,
        grid_code=place.grid_code,
        lon=place.lon,
        lat=place.lat,
        due_on=place.due_on,
        dues=[DueRecords(record_kind=kind, due_on=due_on) for kind, due_on in place.due_of.items()],
        establishment_names=list(place.establishment_names),
        distance_m=place.distance_m,
    )
