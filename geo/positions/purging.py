"""Old positions are purged by whole days, and a receipt is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from geo.errors import InvalidInput
from geo.tables import PositionPurge

KEPT_DAYS_MIN = 2
_PURGE = text("SELECT position_purge_before(:before)")


def purge_positions(
    session: Session, *, kept_days: int, now: datetime, purged_by: str
) -> PositionPurge:
    """Purge all positions of days more than `kept_days` ago (UTC); return the receipt.

    Raises
    ------
    InvalidInput : fewer than two days would be kept
    """
    if kept_days < KEPT_DAYS_MIN:
        raise InvalidInput(f"{kept_days} days would be kept, wanted {KEPT_DAYS_MIN} at least.")
    day = now.astimezone(UTC).date() - timedelta(days=kept_days)
    count = session.scalar(_PURGE, {"before": day})
    receipt = PositionPurge(
        before=datetime(day.year, day.month, day.day, tzinfo=UTC),
        position_count=count or 0,
        purged_by=purged_by,
    )
    session.add(receipt)
    session.flush()
    return receipt
