"""What an audit administrator looks for: days on which somebody did much more than they use to,
readings of one's own address, and whether the log is whole. Each look is an entry of the log.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from geo.audit import Access
from geo.audit_check import AuditCheck
from geo.store.scope import seeing_everything
from geo.tables import Account, AuditEntry, StoreNote

COMPARED_DAYS = 60  # before the day, of which those count on which the actor did anything
COMPARED_DAYS_MIN = 5  # fewer tell nothing of what somebody uses to do
CHECK_NOTE = "audit_check"

_VOLUMES = text("SELECT * FROM audit_volumes(:actor, :origin, :request_id, :start, :end_, :zone)")
_OWN = text(
    "SELECT * FROM audit_own_addresses(:actor, :origin, :request_id, :start, :end_, :limit)"
)


@dataclass(frozen=True, slots=True)
class DayVolume:
    """What one actor did on one day. `rows_read` is the sum over entries that count rows."""

    actor: str
    day: date
    entries: int
    rows_read: int
    cases: int
    refused: int


@dataclass(frozen=True, slots=True)
class UnusualDay:
    """A day above what the actor uses to do.

    usual_rows : median of the rows read on the actor's days before; missing where there are too
        few of them to tell
    """

    volume: DayVolume
    usual_rows: float | None


def load_volumes(
    session: Session, access: Access, *, start: datetime, end: datetime, zone: str
) -> list[DayVolume]:
    """Return what each actor did on each day of [start, end), by actor and day."""
    rows = session.execute(
        _VOLUMES,
        {
            "actor": access.actor, "origin": access.origin, "request_id": access.request_id,
            "start": start, "end_": end, "zone": zone,
        },
    )  # fmt: skip
    return [DayVolume(*row) for row in rows]


def find_unusual_days(
    volumes: Iterable[DayVolume], *, since: date, ratio: float, rows_min: int
) -> list[UnusualDay]:
    """Return the days from `since` on that stand out, the largest first.

    A day stands out where at least `rows_min` rows were read, and more than `ratio` times the
    median of the actor's own days before. Nobody is compared with somebody else.
    """
    by_actor: dict[str, list[DayVolume]] = defaultdict(list)
    for volume in volumes:
        by_actor[volume.actor].append(volume)
    found = []
    for days in by_actor.values():
        for volume in days:
            if volume.day < since or volume.rows_read < rows_min:
                continue
            first = volume.day - timedelta(days=COMPARED_DAYS)
            before = [each.rows_read for each in days if first <= each.day < volume.day]
            usual = statistics.median(before) if len(before) >= COMPARED_DAYS_MIN else None
            if usual is None or volume.rows_read > ratio * usual:
                found.append(UnusualDay(volume, usual))
    found.sort(key=lambda each: (-each.volume.rows_read, each.volume.actor, each.volume.day))
    return found


def find_own_addresses(
    session: Session, access: Access, *, start: datetime, end: datetime, limit: int = 100
) -> Sequence[AuditEntry]:
    """Return who read what is at the address they live at, newest first: the address, what is at
    it, and who lived there at that time, by whatever number it was read."""
    with seeing_everything(session):  # where a record is; only entries of the log are told
        return session.scalars(
            select(AuditEntry).from_statement(_OWN),
            {
                "actor": access.actor, "origin": access.origin, "request_id": access.request_id,
                "start": start, "end_": end, "limit": limit,
            },
        ).all()  # fmt: skip


def count_without_address(session: Session) -> int:
    """Return how many accounts can't be judged by their address, since it isn't known."""
    return (
        session.scalar(
            select(func.count())
            .select_from(Account)
            .where(Account.ended_at.is_(None), Account.home_address_id.is_(None))
        )
        or 0
    )


def note_check(session: Session, check: AuditCheck, *, now: datetime) -> None:
    """Keep what a check of the log found, to be shown until the next one."""
    value = {
        "at": now.isoformat(),
        "entry_count": check.entry_count,
        "anchor_count": check.anchor_count,
        "faults": [asdict(fault) for fault in check.faults],
    }
    query = insert(StoreNote).values(name=CHECK_NOTE, value=value)
    session.execute(
        query.on_conflict_do_update(
            index_elements=[StoreNote.name], set_={"value": value, "updated_at": func.now()}
        )
    )


def last_check(session: Session) -> dict[str, Any] | None:
    """Return what the last check found, None where there was none yet."""
    note = session.get(StoreNote, CHECK_NOTE)
    return None if note is None else dict(note.value)
