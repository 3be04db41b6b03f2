"""One incident at a time: recorded as it is reported, closed, annulled, told a duplicate."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import func
from sqlalchemy.orm import Session

from geo.decisions import require_version
from geo.errors import InvalidInput, InvalidPeriod
from geo.geocoding.geocoder import Geocoder
from geo.incidents.categories import CategoryTree
from geo.incidents.reading import get_incident
from geo.register.placing import GridPlacer
from geo.store.scope import seeing_everything
from geo.tables import Incident
from geo.values import GridScope, LonLat

FUTURE_MAX = timedelta(minutes=5)
EARLIEST = datetime(1950, 1, 1, tzinfo=UTC)
GIVEN_ACCURACY_M = 10.0
DATASET = "platform"


@dataclass(frozen=True, slots=True)
class IncidentDraft:
    """An incident as somebody reports it: when, where, of which kind."""

    category_code: str
    source: str
    reported_at: datetime
    occurred_from: datetime | None = None
    occurred_to: datetime | None = None
    address_text: str | None = None
    lonlat: LonLat | None = None


def create_incident(
    session: Session,
    draft: IncidentDraft,
    *,
    scope: GridScope,
    geocoder: Geocoder,
    day: date,
    now: datetime,
    recorded_by: str,
) -> Incident:
    """Store an incident; its grid and cell follow from the point, or from what the geocoder is sure
    of.

    Raises
    ------
    NotFound : the category isn't in the tree
    InvalidPeriod : a time lies in the future, before 1950, or it ends before it starts
    InvalidInput : neither a point nor an address, or a place outside of the caller's grids
    """
    CategoryTree.load(session).get(draft.category_code)
    begins = draft.occurred_from or draft.reported_at
    ends = draft.occurred_to or begins
    for name, moment in (
        ("reported_at", draft.reported_at), ("occurred_from", begins), ("occurred_to", ends),
    ):  # fmt: skip
        if moment < EARLIEST:
            raise InvalidPeriod(
                f"{name} is {moment.isoformat()}, before {EARLIEST:%Y}. Check the year.", field=name
            )
        if moment > now + FUTURE_MAX:
            raise InvalidPeriod(
                f"{name} is {moment.isoformat()}, which lies in the future. Check the clock.",
                field=name,
            )
    if ends < begins:
        raise InvalidPeriod(
            f"It ends at {ends.isoformat()}, before it starts. Exchange the two.",
            field="occurred_to",
        )
    if draft.lonlat is None and not (draft.address_text or "").strip():
        raise InvalidInput("There is neither a point nor an address. Give one.", field="lon")
    row = Incident(
        category_code=draft.category_code, source=draft.source, reported_at=draft.reported_at,
        occurred_from=begins, occurred_to=ends, address_text=draft.address_text,
        dataset=DATASET, recorded_by=recorded_by,
    )  # fmt: skip
    point, method = draft.lonlat, "given"
    if point is not None:
        row.accuracy_m, row.origin_datum = GIVEN_ACCURACY_M, "WGS84"
    if draft.address_text:
        answer = geocoder.geocode(draft.address_text, scope=scope)
        row.match_level, row.match_confidence = answer.level, answer.confidence
        if answer.status == "matched":
            row.standard_address_id = answer.standard_address_id
            if point is None:
                point, method, row.accuracy_m = answer.lonlat, "geocoded", answer.accuracy_m
    if point is not None:
        with seeing_everything(session):  # which of all grids holds the point
            placed = GridPlacer(day).place(session, [point.longitude], [point.latitude])
        row.point_method = method
        row.geom = func.ST_SetSRID(func.ST_MakePoint(point.longitude, point.latitude), 4326)
        row.grid_code = placed.grid_code[0]
        row.h3_cell = int(placed.h3_cell[0]) or None
    if not scope.covers(row.grid_code):
        raise InvalidInput(
            "The place isn't known, or lies outside of your grids. Give a point in one of them.",
            field="lon" if draft.lonlat else "address_text",
        )
    session.add(row)
    session.flush()
    session.refresh(row)
    return row


def set_incident_status(
    session: Session,
    incident_id: int,
    status: str,
    *,
    version: int,
    scope: GridScope,
    recorded_by: str,
    now: datetime,
) -> Incident:
    """Open, close or annul an incident; what it was before is kept.

    Raises
    ------
    IncidentNotFound : it isn't there, or lies outside the scope
    Conflict : somebody changed it meanwhile
    """
    row = get_incident(session, incident_id, scope=scope)
    require_version(f"Incident {incident_id}", row.version, version)
    row.status, row.recorded_by = status, recorded_by
    if status == "closed" and row.cleared_at is None:
        row.cleared_at = now
    session.flush()
    session.refresh(row)
    return row
