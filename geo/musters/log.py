"""The log of a muster: what happened when, and who said so. It only grows."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from geo.tables import Muster, MusterEvent


def note(
    session: Session,
    muster: Muster,
    what: str,
    *,
    at: datetime,
    told_by: str,
    unit_id: int | None = None,
    text: str | None = None,
) -> None:
    """Add to the log of a muster.

    Parameters
    ----------
    what : one of `MUSTER_EVENTS`
    told_by : an account's name, or `position` where the unit's positions say so
    """
    session.add(
        MusterEvent(
            muster_id=muster.id, unit_id=unit_id, what=what, at=at, told_by=told_by, note=text
        )
    )
