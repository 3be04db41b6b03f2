"""Old positions are purged by whole days, once they are rolled up; a receipt is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from geo.errors import Conflict, InvalidInput
from geo.tables import RetentionReceipt

RULE = "positions"
KEPT_DAYS_MIN = 2
_IS_DUE = text("SELECT EXISTS (SELECT FROM coverage_due WHERE first_at < :before)")
_OVER = text(
    "SELECT count(DISTINCT unit_id), min(fixed_at), max(fixed_at) FROM patrol_position "
    "WHERE fixed_at < :before"
)
_PURGE = text("SELECT position_purge_before(:day)")
# Bytes of each row of the roll-up, in one order whatever the session's time zone.
_ROLLED_UP = text(
    """
    SELECT count(*), encode(sha256(coalesce(string_agg(sha256(
        convert_to(extract(epoch FROM hour)::bigint || ' ' || kind || ' ' || grid_code, 'UTF8')
        || sums || visits), ''::bytea ORDER BY hour, kind, grid_code), ''::bytea)), 'hex')
    FROM grid_coverage WHERE hour >= date_trunc('hour', CAST(:first AS timestamptz))
        AND hour < :before
    """
)
_NOTE = text(
    "SELECT retention_note_positions(:days, :by, :count, :first, :last, :units, :kept, :sha256)"
)


def positions_kept_from(kept_days: int, now: datetime) -> datetime:
    """Return the begin of the first day (UTC) whose positions are kept.

    Raises
    ------
    InvalidInput : fewer than two days would be kept
    """
    if kept_days < KEPT_DAYS_MIN:
        raise InvalidInput(f"{kept_days} days would be kept, wanted {KEPT_DAYS_MIN} at least.")
    day = now.astimezone(UTC).date() - timedelta(days=kept_days)
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def is_rolled_up(session: Session, *, before: datetime) -> bool:
    """Whether the coverage of all hours before a moment is up to date: nothing of them is due."""
    return not session.scalar(_IS_DUE, {"before": before})


def purge_positions(
    session: Session, *, kept_days: int, now: datetime, purged_by: str
) -> RetentionReceipt | None:
    """Purge all positions of days more than `kept_days` ago (UTC); return the receipt, None where
    there were none.

    The receipt says how many positions of how many units went, and what stays of those hours: how
    many rows of coverage by grid or cell and hour, which name no unit, and the SHA-256 over them.

    Raises
    ------
    InvalidInput : fewer than two days would be kept
    Conflict : coverage of those days isn't up to date; nothing is purged
    """
    before = positions_kept_from(kept_days, now)
    if not is_rolled_up(session, before=before):
        raise Conflict(
            f"Coverage before {before:%Y-%m-%d} isn't up to date: its positions stay until it is. "
            "Let the program run, it computes what is due."
        )
    units, first, last = session.execute(_OVER, {"before": before}).one()
    # Also where there are none: days that were emptied before are dropped.
    count = session.scalar(_PURGE, {"day": before.date()})
    if not count:
        return None
    kept, sha256 = session.execute(_ROLLED_UP, {"first": first, "before": before}).one()
    number = session.scalar(
        _NOTE,
        {
            "days": kept_days, "by": purged_by, "count": count, "first": first, "last": last,
            "units": units, "kept": kept, "sha256": sha256,
        },
    )  # fmt: skip
    return session.get_one(RetentionReceipt, number)
