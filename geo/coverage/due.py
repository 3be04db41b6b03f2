"""What changed since coverage was last computed: taken away with what is written for it."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

from geo.store.scope import seeing_everything

FOLLOWER_LOCK = 7_204_512  # one process a store follows; any constant serves
_LOCK = text("SELECT pg_try_advisory_xact_lock(:key)")
_TAKE = text(
    """
    WITH taken AS (
        DELETE FROM coverage_due WHERE unit_id IN (
            SELECT unit_id FROM (
                SELECT unit_id FROM coverage_due ORDER BY id LIMIT :limit
            ) AS oldest
        ) RETURNING unit_id, first_at, last_at
    )
    SELECT unit_id, floor(extract(epoch FROM min(first_at)) * 1000)::bigint,
        ceil(extract(epoch FROM max(last_at)) * 1000)::bigint
    FROM taken GROUP BY unit_id ORDER BY unit_id
    """
)
_NOTE = text(
    "INSERT INTO coverage_due (unit_id, first_at, last_at) "
    "SELECT unit_id, min(starts_at), max(ends_at) FROM duty_shift "
    "WHERE ends_at > now() - make_interval(days => :days) AND starts_at < now() GROUP BY unit_id"
)


def take_due(session: Session, *, limit: int) -> dict[int, tuple[int, int]] | None:
    """Return unit → first and last moment [Unix ms] of what changed, and take it away: all that is
    due of the units of the oldest `limit` changes.

    Committing takes it away for good. None where another process follows at this moment.
    """
    if not session.scalar(_LOCK, {"key": FOLLOWER_LOCK}):
        return None
    rows = session.execute(_TAKE, {"limit": limit}).all()
    return {int(unit): (int(first), int(last)) for unit, first, last in rows}


def note_all_due(session: Session, *, days: int) -> None:
    """Have the shifts of the last days computed anew, since the places changed."""
    with seeing_everything(session):  # any unit may have been there
        session.execute(_NOTE, {"days": days})
