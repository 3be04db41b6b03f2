"""Incidents read within a scope, with what a role may see of the place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from geo.errors import IncidentNotFound
from geo.h3_cells import h3_cell_parent
from geo.incidents.categories import CategoryTree
from geo.scope_conditions import in_scope
from geo.tables import Incident, IncidentHistory
from geo.values import GridScope, LonLat, Period

COARSE_RESOLUTION = 8
"""A cell of some 0.7 km2: what of the place is told to a role that may not see the point."""

SAME_PLACE_M = 30.0
DUPLICATE_PLACE_M = 50.0
DUPLICATE_WITHIN = timedelta(hours=1)
EARLIER_MAX = 20


@dataclass(frozen=True, slots=True)
class PlaceSeen:
    """What a caller may see of where an incident was; `is_exact` False: grid and coarse cell
    only."""

    is_exact: bool
    lonlat: LonLat | None
    address_text: str | None
    standard_address_id: int | None
    establishment_id: int | None
    accuracy_m: float | None
    h3_cell: int | None
    grid_code: str | None


@dataclass(frozen=True, slots=True)
class RepeatsAtPlace:
    """Earlier incidents at the same address or within 30 m.

    `is_flagged` : this kind is pointed out where it repeats, and an earlier one isn't closed
    """

    earlier: Sequence[Incident]
    is_flagged: bool


def find_incidents(
    session: Session,
    *,
    scope: GridScope,
    categories: set[str] | None = None,
    status: str | None = None,
    period: Period | None = None,
    grid_code: str | None = None,
    after: int = 0,
    limit: int,
) -> Sequence[Incident]:
    """Return incidents by number, those after `after`.

    Parameters
    ----------
    categories : codes, those below included by who asks; period : in which they began
    """
    query = _within(select(Incident), scope).where(Incident.id > after)
    if categories is not None:
        query = query.where(Incident.category_code.in_(sorted(categories)))
    if status is not None:
        query = query.where(Incident.status == status)
    if grid_code is not None:
        query = query.where(Incident.grid_code == grid_code)
    if period is not None:
        query = query.where(
            Incident.occurred_from >= period.start, Incident.occurred_from < period.end
        )
    return session.scalars(query.order_by(Incident.id).limit(limit)).all()


def get_incident(session: Session, incident_id: int, *, scope: GridScope) -> Incident:
    """Return one incident.

    Raises
    ------
    IncidentNotFound : it isn't there, or lies outside the scope
    """
    query = _within(select(Incident), scope).where(Incident.id == incident_id)
    row: Incident | None = session.scalar(query)
    if row is None:
        raise IncidentNotFound(f"There is no incident {incident_id}.")
    return row


def place_seen(
    session: Session, rows: Sequence[Incident], *, role: str, tree: CategoryTree
) -> list[PlaceSeen]:
    """Return what a role may see of where each incident was: the category decides."""
    points = _points(session, rows)
    seen = []
    for row in rows:
        if tree.may_see_point(row.category_code, role):
            seen.append(
                PlaceSeen(
                    True, points.get(row.id), row.address_text, row.standard_address_id,
                    row.establishment_id, row.accuracy_m, row.h3_cell, row.grid_code,
                )
            )  # fmt: skip
        else:
            coarse = None if row.h3_cell is None else h3_cell_parent(row.h3_cell, COARSE_RESOLUTION)
            seen.append(PlaceSeen(False, None, None, None, None, None, coarse, row.grid_code))
    return seen


def repeats_at_place(
    session: Session, row: Incident, *, scope: GridScope, tree: CategoryTree
) -> RepeatsAtPlace:
    """Return earlier incidents at the place of one, the latest first, at most 20."""
    here: list[ColumnElement[bool]] = []
    if row.standard_address_id is not None:
        here.append(Incident.standard_address_id == row.standard_address_id)
    if row.geom is not None:
        here.append(_near(row, SAME_PLACE_M))
    if not here:
        return RepeatsAtPlace([], False)
    query = (
        _within(select(Incident), scope)
        .where(or_(*here), Incident.id != row.id, Incident.status != "annulled")
        .where(Incident.occurred_from <= row.occurred_from)
        .order_by(Incident.occurred_from.desc(), Incident.id.desc())
        .limit(EARLIER_MAX)
    )
    earlier = session.scalars(query).all()
    flagged = any(one.is_repeat_flagged for one in tree.path(row.category_code)) and any(
        one.status == "open"
        and any(kind.is_repeat_flagged for kind in tree.path(one.category_code))
        for one in earlier
    )
    return RepeatsAtPlace(earlier, flagged)


def likely_duplicates(session: Session, row: Incident, *, scope: GridScope) -> list[int]:
    """Return the numbers of incidents at nearly the same place and time: perhaps the same one.

    Within 50 m and an hour, whatever their category: two who call say it in different words.
    """
    if row.geom is None:
        return []
    query = (
        _within(select(Incident.id), scope)
        .where(_near(row, DUPLICATE_PLACE_M), Incident.id != row.id)
        .where(
            Incident.occurred_from.between(
                row.occurred_from - DUPLICATE_WITHIN, row.occurred_from + DUPLICATE_WITHIN
            ),
            Incident.status != "annulled",
        )
        .order_by(Incident.id)
        .limit(EARLIER_MAX)
    )
    return list(session.scalars(query))


def history_of(session: Session, row: Incident) -> list[tuple[int, str, datetime]]:
    """Return version, status and end of each former state, oldest first."""
    rows = session.scalars(
        select(IncidentHistory)
        .where(IncidentHistory.incident_id == row.id)
        .order_by(IncidentHistory.version)
    )
    return [(one.version, str(one.was["status"]), one.recorded_to) for one in rows]


def _within(query: Select, scope: GridScope) -> Select:  # type: ignore[type-arg]
    return query.where(in_scope(Incident.grid_code, scope))


def _near(row: Incident, radius_m: float) -> ColumnElement[bool]:
    """A frame for the index, and the distance on the sphere, of incidents around one."""
    degrees = radius_m / 111_000.0 * 3  # wide enough up to 70 degrees north
    return and_(
        func.ST_Expand(row.geom, degrees).op("&&")(Incident.geom),
        func.ST_DistanceSphere(Incident.geom, row.geom) <= radius_m,
    )


def _points(session: Session, rows: Sequence[Incident]) -> dict[int, LonLat]:
    found = session.execute(
        select(Incident.id, func.ST_X(Incident.geom), func.ST_Y(Incident.geom)).where(
            Incident.id.in_([row.id for row in rows]), Incident.geom.is_not(None)
        )
    )
    return {number: LonLat(lon, lat) for number, lon, lat in found}
