"""Incidents: listed, looked at with what was there before, recorded, closed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import AwareDatetime

from api import paging
from api.callers import SignedInCaller
from api.dependencies import (
    ID_MAX,
    Code,
    Geocoder,
    ReadSession,
    RowId,
    Scope,
    SoundText,
    WriteSession,
    lonlat_of,
    now,
    today,
)
from api.geojson import point_of
from api.schemas.errors import error_responses, write_error_responses
from api.schemas.incidents import (
    CATEGORY_CHARS_MAX,
    EarlierIncident,
    Incident,
    IncidentCategories,
    IncidentCategory,
    IncidentDetail,
    IncidentDraft,
    IncidentPage,
    IncidentStatus,
    IncidentStatusChange,
    IncidentVersion,
)
from geo import tables
from geo.errors import InvalidCoordinate
from geo.h3_cells import h3_cell_to_text
from geo.incidents import writing
from geo.incidents.categories import CategoryTree
from geo.incidents.reading import (
    PlaceSeen,
    find_incidents,
    get_incident,
    history_of,
    likely_duplicates,
    place_seen,
    repeats_at_place,
)
from geo.values import Period

router = APIRouter(tags=["incidents"])

IncidentId = Annotated[RowId, Path(description="Number of the incident.")]
Now = Annotated[datetime, Depends(now)]
Today = Annotated[date, Depends(today)]
EARLIEST, LATEST = "1900-01-01T00:00:00+00:00", "9999-01-01T00:00:00+00:00"


@router.get(
    "/incident-categories",
    operation_id="list_incident_categories",
    summary="The tree of incident categories",
    responses=error_responses(),
)
def list_incident_categories(session: ReadSession) -> IncidentCategories:
    """All categories by code; `parent_code` makes the tree."""
    rows = CategoryTree.load(session).rows()
    return IncidentCategories(
        categories=[IncidentCategory.model_validate(row, from_attributes=True) for row in rows]
    )


@router.get(
    "/incidents",
    operation_id="list_incidents",
    summary="Incidents, page by page",
    responses=error_responses(404),
)
def list_incidents(
    request: Request,
    session: ReadSession,
    scope: Scope,
    caller: SignedInCaller,
    page: paging.Page,
    category: Annotated[
        SoundText | None,
        Query(max_length=CATEGORY_CHARS_MAX, description="Of this kind, or one below it."),
    ] = None,
    status: Annotated[IncidentStatus | None, Query(description="Only with this status.")] = None,
    grid_code: Annotated[Code | None, Query(description="Only in this grid.")] = None,
    start: Annotated[
        AwareDatetime | None, Query(description="Began at or after this moment, with its zone.")
    ] = None,
    end: Annotated[AwareDatetime | None, Query(description="Began before this moment.")] = None,
    after: Annotated[int, Query(ge=0, le=ID_MAX, description="The last number had so far.")] = 0,
) -> IncidentPage:
    """By number. The category decides whether the caller's role sees the point."""
    tree = CategoryTree.load(session)
    period = None
    if start is not None or end is not None:
        period = Period(
            start or datetime.fromisoformat(EARLIEST), end or datetime.fromisoformat(LATEST)
        )
    rows = find_incidents(
        session,
        scope=scope,
        categories=None if category is None else tree.with_all_below(category),
        status=status,
        period=period,
        grid_code=grid_code,
        after=after,
        limit=page.probe,
    )
    shown, has_more = paging.cut(rows, page)
    seen = place_seen(session, shown, role=caller.role, tree=tree)
    return IncidentPage(
        incidents=[Incident(**_facts(row, place)) for row, place in zip(shown, seen, strict=True)],
        links=paging.links(request, after=shown[-1].id if has_more else None),
    )


@router.get(
    "/incidents/{incident_id}",
    operation_id="get_incident",
    summary="One incident, with what was at its place before",
    responses=error_responses(404),
)
def get_one_incident(
    session: ReadSession, scope: Scope, caller: SignedInCaller, incident_id: IncidentId
) -> IncidentDetail:
    """Repeats and duplicates are looked for among what the caller sees; where the category keeps
    the point from the caller's role, they aren't told: they would tell the place."""
    row = get_incident(session, incident_id, scope=scope)
    return _detail(session, row, scope, caller.role)


@router.post(
    "/incidents",
    operation_id="create_incident",
    summary="Record an incident",
    status_code=201,
    responses=write_error_responses(404),
)
def create_incident(
    session: WriteSession,
    geocoder: Geocoder,
    scope: Scope,
    caller: SignedInCaller,
    moment: Now,
    day: Today,
    draft: IncidentDraft,
) -> IncidentDetail:
    """The place must lie in the caller's grids. An address that the geocoder isn't sure of is kept
    as text and gives no point."""
    if (draft.lon is None) != (draft.lat is None):
        raise InvalidCoordinate("lon and lat go together. Give both or neither.", field="lon")
    row = writing.create_incident(
        session,
        writing.IncidentDraft(
            category_code=draft.category_code,
            source=draft.source,
            reported_at=draft.reported_at,
            occurred_from=draft.occurred_from,
            occurred_to=draft.occurred_to,
            address_text=draft.address_text,
            lonlat=None
            if draft.lon is None or draft.lat is None
            else lonlat_of(draft.lon, draft.lat, draft.datum),
        ),
        scope=scope,
        geocoder=geocoder,
        day=day,
        now=moment,
        recorded_by=caller.name,
    )
    return _detail(session, row, scope, caller.role)


@router.post(
    "/incidents/{incident_id}/status",
    operation_id="set_incident_status",
    summary="Open, close or annul an incident",
    responses=write_error_responses(404, 409),
)
def set_incident_status(
    session: WriteSession,
    scope: Scope,
    caller: SignedInCaller,
    moment: Now,
    incident_id: IncidentId,
    change: IncidentStatusChange,
) -> IncidentDetail:
    """What it was before is kept. A change based on an older version is refused."""
    row = writing.set_incident_status(
        session, incident_id, change.status, version=change.version, scope=scope,
        recorded_by=caller.name, now=moment,
    )  # fmt: skip
    return _detail(session, row, scope, caller.role)


def _detail(session: Any, row: tables.Incident, scope: Scope, role: str) -> IncidentDetail:
    tree = CategoryTree.load(session)
    (place,) = place_seen(session, [row], role=role, tree=tree)
    earlier: Sequence[tables.Incident] = []
    flagged, duplicates = False, []
    if place.is_exact:
        repeats = repeats_at_place(session, row, scope=scope, tree=tree)
        # Those whose own point the role may not see would be told by standing here.
        earlier = [one for one in repeats.earlier if tree.may_see_point(one.category_code, role)]
        flagged = repeats.is_flagged and any(one.status == "open" for one in earlier)
        duplicates = likely_duplicates(session, row, scope=scope)
    return IncidentDetail(
        **_facts(row, place),
        earlier_at_place=[
            EarlierIncident.model_validate(one, from_attributes=True) for one in earlier
        ],
        is_repeat_flagged=flagged,
        likely_duplicates=duplicates,
        history=[
            IncidentVersion(version=version, status=status, until=until)
            for version, status, until in history_of(session, row)
        ],
    )


def _facts(row: tables.Incident, place: PlaceSeen) -> dict[str, Any]:
    point = place.lonlat
    return {
        **{
            name: getattr(row, name)
            for name in (
                "id", "category_code", "source", "status", "reported_at", "occurred_from",
                "occurred_to", "dispatched_at", "arrived_at", "cleared_at", "version",
            )
        },
        "is_exact": place.is_exact,
        "point": None if point is None else point_of(point.longitude, point.latitude),
        "accuracy_m": place.accuracy_m,
        "address_text": place.address_text,
        "standard_address_id": place.standard_address_id,
        "establishment_id": place.establishment_id,
        "grid_code": place.grid_code,
        "h3_cell": None if place.h3_cell is None else h3_cell_to_text(place.h3_cell),
    }  # fmt: skip
