"""What was reported at a place: its incidents, those near by, and disputes that come back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, null, or_, select
from sqlalchemy.orm import Session

from geo.incidents.categories import CategoryTree
from geo.incidents.reading import DUPLICATE_PLACE_M
from geo.scope_conditions import in_scope
from geo.tables import Incident, StandardAddress
from geo.values import GridScope

NEAR_M = DUPLICATE_PLACE_M
"""So far off one call may still be about the same thing as another."""

REPEATED_MIN = 2


@dataclass(frozen=True, slots=True)
class PlacedIncident:
    """An incident at an address (`is_here`), or `distance_m` [m] away; missing without points."""

    incident: Incident
    is_here: bool
    distance_m: float | None


@dataclass(frozen=True, slots=True)
class Repeated:
    """Incidents of kinds that are pointed out where they repeat, at one address, not all closed."""

    count: int
    open_count: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class IncidentsAtPlace:
    """`incidents` : the latest first; `count` : how many there are, `repeated` : None where
    nothing repeats, or all of it is closed"""

    incidents: list[PlacedIncident]
    count: int
    repeated: Repeated | None


def incidents_at_place(
    session: Session,
    address: StandardAddress,
    *,
    scope: GridScope,
    tree: CategoryTree,
    role: str,
    limit: int,
) -> IncidentsAtPlace:
    """Return the incidents at an address or within 50 m of it that the role may see to the point.

    Of the others nothing is told, not even that they are there: standing here tells their place.

    Parameters
    ----------
    limit : at most so many incidents; `count` goes on
    """
    seen = [row.code for row in tree.rows() if tree.may_see_point(row.code, role)]
    here = Incident.standard_address_id == address.id
    places: list[ColumnElement[bool]] = [here]
    away: ColumnElement[Any] = null()
    if address.geom is not None:
        away = func.ST_DistanceSphere(Incident.geom, address.geom)
        degrees = NEAR_M / 111_000.0 * 3  # wide enough up to 70 degrees north
        frame = func.ST_Expand(address.geom, degrees).op("&&")(Incident.geom)
        places.append(and_(frame, away <= NEAR_M))
    wanted = _within(or_(*places), scope, seen)
    rows = session.execute(
        select(Incident, here.label("is_here"), away.label("distance_m"))
        .where(wanted)
        .order_by(Incident.occurred_from.desc(), Incident.id.desc())
        .limit(limit)
    ).all()
    count = session.scalar(select(func.count()).select_from(Incident).where(wanted)) or 0
    return IncidentsAtPlace(
        incidents=[PlacedIncident(row, bool(is_here), metres) for row, is_here, metres in rows],
        count=count,
        repeated=_repeated(session, _within(here, scope, seen), tree),
    )


def _repeated(session: Session, wanted: ColumnElement[bool], tree: CategoryTree) -> Repeated | None:
    flagged = [
        row.code
        for row in tree.rows()
        if any(each.is_repeat_flagged for each in tree.path(row.code))
    ]
    count, open_count, first, last = session.execute(
        select(
            func.count(),
            func.count().filter(Incident.status == "open"),
            func.min(Incident.occurred_from),
            func.max(Incident.occurred_from),
        ).where(wanted, Incident.status != "annulled", Incident.category_code.in_(flagged))
    ).one()
    if count < REPEATED_MIN or open_count == 0:
        return None
    return Repeated(count, open_count, first, last)


def _within(
    place: ColumnElement[bool], scope: GridScope, codes: Sequence[str]
) -> ColumnElement[bool]:
    return and_(place, Incident.category_code.in_(codes), in_scope(Incident.grid_code, scope))
