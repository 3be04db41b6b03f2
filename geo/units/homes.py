"""Where units set out from."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from geo.tables import PatrolUnit
from geo.values import LonLat


def homes_of(session: Session, unit_ids: Sequence[int]) -> dict[int, LonLat]:
    """Return the homes of those units that have one, by number."""
    rows = session.execute(
        select(PatrolUnit.id, func.ST_X(PatrolUnit.home), func.ST_Y(PatrolUnit.home)).where(
            PatrolUnit.id.in_(list(unit_ids)), PatrolUnit.home.is_not(None)
        )
    )
    return {unit_id: LonLat(lon, lat) for unit_id, lon, lat in rows}
