"""Where are my people: units with their members, their duty now or next, their status and since
when; and of those whose place is known, who is nearest to another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from geo.geodesy import geodesic_distance_m
from geo.positions.live import state_of
from geo.positions.reading import latest_positions
from geo.tables import (
    Account,
    DutyShift,
    PatrolLatest,
    PatrolUnit,
    PatrolUnitMember,
    PatrolUnitStatus,
)
from geo.values import LonLat


@dataclass(frozen=True, slots=True)
class BoardUnit:
    """A unit on the board.

    members : (name, role) of those who belong to it now
    shift : the one that runs, else the next; missing where none is planned
    status_since : missing where nobody said anything yet
    """

    unit: PatrolUnit
    members: list[tuple[str, str]]
    shift: DutyShift | None
    status_since: datetime | None

    def is_on_duty(self, now: datetime) -> bool:
        """Whether a shift runs."""
        return self.shift is not None and self.shift.starts_at <= now


@dataclass(frozen=True, slots=True)
class NearUnit:
    """A unit with how far it is [m, on the spheroid], and how old that is."""

    unit: PatrolUnit
    position: PatrolLatest
    distance_m: float
    state: str


def load_board(session: Session, units: Sequence[PatrolUnit], *, now: datetime) -> list[BoardUnit]:
    """Return the board of some units, in their order."""
    ids = [unit.id for unit in units]
    shifts = {
        shift.unit_id: shift
        for shift in session.scalars(
            select(DutyShift)
            .where(DutyShift.unit_id.in_(ids), DutyShift.ends_at > now)
            .order_by(DutyShift.unit_id, DutyShift.starts_at.desc())
        )
    }
    members: dict[int, list[tuple[str, str]]] = {}
    for unit_id, name, role in session.execute(
        select(
            PatrolUnitMember.unit_id,
            func.coalesce(Account.shown_name, PatrolUnitMember.shown_name),
            PatrolUnitMember.role,
        )
        .join(Account, Account.id == PatrolUnitMember.account_id, isouter=True)
        .where(PatrolUnitMember.unit_id.in_(ids), PatrolUnitMember.left_at.is_(None))
        .order_by(PatrolUnitMember.id)
    ):
        members.setdefault(unit_id, []).append((name, role))
    since = {
        row.unit_id: row.since
        for row in session.execute(
            select(PatrolUnitStatus.unit_id, func.max(PatrolUnitStatus.since).label("since"))
            .where(PatrolUnitStatus.unit_id.in_(ids))
            .group_by(PatrolUnitStatus.unit_id)
        )
    }
    return [
        BoardUnit(unit, members.get(unit.id, []), shifts.get(unit.id), since.get(unit.id))
        for unit in units
    ]


def nearest_units(
    session: Session, units: Sequence[PatrolUnit], place: LonLat, *, now: datetime, most: int
) -> list[NearUnit]:
    """Return the units nearest to a place in a straight line, the nearest first.

    Those whose last position is older than five minutes come after all others: where they are by
    now nobody knows.

    Parameters
    ----------
    units : that are suitable; those without a position are left out
    """
    found = latest_positions(session, units)
    if not found:
        return []
    metres = geodesic_distance_m(
        np.full(len(found), place.longitude), np.full(len(found), place.latitude),
        np.array([row.lon for _, row in found]), np.array([row.lat for _, row in found]),
    )  # fmt: skip
    near = [
        NearUnit(unit, row, float(distance), state_of(row.at, now=now))
        for (unit, row), distance in zip(found, np.atleast_1d(metres), strict=True)
    ]
    return sorted(near, key=lambda each: (each.state == "unknown", each.distance_m))[:most]
