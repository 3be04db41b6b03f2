"""Who has arrived, by the positions that were stored: asked once a second, not at each fix."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from geo.geodesy import geodesic_distance_m
from geo.musters.answering import arrive, held_call, still_called
from geo.tables import Muster, MusterCall, PatrolLatest, PatrolPosition, PatrolUnit

ACCURACY_MAX_M = 100.0  # a fix that may be off by more tells no arrival
BY_POSITION = "position"


class ArrivalWatch:
    """Looks at the units that are called and haven't arrived.

    A unit of which nothing new came since the last look costs one row of `patrol_latest`. Of the
    others all fixes since the call are looked at, so that one which comes late out of a phone's
    buffer counts as well: what counts is where the unit was, not what came last.
    """

    def __init__(self) -> None:
        self._seen: dict[tuple[int, int], datetime] = {}

    def note_arrivals(self, session: Session) -> int:
        """Note who has arrived; return how many."""
        pending = session.execute(
            select(Muster, MusterCall, PatrolUnit, PatrolLatest.received_at)
            .join(MusterCall, MusterCall.muster_id == Muster.id)
            .join(PatrolUnit, PatrolUnit.id == MusterCall.unit_id)
            .join(PatrolLatest, PatrolLatest.unit_id == MusterCall.unit_id)
            .where(Muster.ended_at.is_(None), MusterCall.arrived_at.is_(None), still_called())
        ).all()  # fmt: skip
        found = 0
        seen = {}
        for muster, call, unit, received_at in pending:
            key = (call.muster_id, call.unit_id)
            seen[key] = received_at
            if self._seen.get(key) == received_at:
                continue
            at = arrived_at(session, muster, call)
            if at is None:
                continue
            held = held_call(session, muster, unit)
            if held.arrived_at is None:
                arrive(session, muster, held, unit, at=at, how="position", told_by=BY_POSITION)
                found += 1
        self._seen = seen
        return found


def arrived_at(session: Session, muster: Muster, call: MusterCall) -> datetime | None:
    """Return when a unit was first within the muster's distance of its place after it was called,
    by corrected time; None where no stored fix says so."""
    at = PatrolPosition.fixed_at + func.make_interval(0, 0, 0, 0, 0, 0, PatrolPosition.skew_s)
    # A frame around the place: the distance itself is taken of what is in it.
    north = muster.within_m / 110_000
    east = north / max(0.01, float(np.cos(np.radians(muster.lat))))
    rows = session.execute(
        select(at, PatrolPosition.lon, PatrolPosition.lat)
        .where(
            PatrolPosition.unit_id == call.unit_id,
            PatrolPosition.fixed_at > call.called_at - func.make_interval(0, 0, 0, 1),
            at > call.called_at,
            PatrolPosition.lon.between(muster.lon - east, muster.lon + east),
            PatrolPosition.lat.between(muster.lat - north, muster.lat + north),
            func.coalesce(PatrolPosition.accuracy_m, 0) <= ACCURACY_MAX_M,
        )
        .order_by(at)
    ).all()
    if not rows:
        return None
    count = len(rows)
    distance_m = np.atleast_1d(
        geodesic_distance_m(
            np.array([row.lon for row in rows]), np.array([row.lat for row in rows]),
            np.full(count, muster.lon), np.full(count, muster.lat),
        )
    )  # fmt: skip
    near = np.flatnonzero(distance_m <= muster.within_m)
    return rows[int(near[0])][0] if len(near) else None
