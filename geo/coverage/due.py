"""What changed since coverage was last computed: taken away with what is written for it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from geo.store.scope import seeing_everything

FOLLOWER_LOCK = 7_204_512  # one process a store follows; any constant serves
_LOCK = text("SELECT pg_try_advisory_lock(:key)")
_UNLOCK = text("SELECT pg_advisory_unlock(:key)")
_LAST = text("SELECT coalesce(max(id), 0) FROM coverage_due")
_FIND = text(
    """
    SELECT unit_id, floor(extract(epoch FROM min(first_at)) * 1000)::bigint,
        ceil(extract(epoch FROM max(last_at)) * 1000)::bigint, array_agg(id)
    FROM coverage_due WHERE unit_id IN (
        SELECT unit_id FROM coverage_due WHERE id <= :until GROUP BY unit_id
        ORDER BY min(id) LIMIT :limit
    ) GROUP BY unit_id ORDER BY unit_id
    """
)
_FORGET = text("DELETE FROM coverage_due WHERE id = ANY(:ids)")
_NOTE = text(
    "INSERT INTO coverage_due (unit_id, first_at, last_at) "
    "SELECT unit_id, min(starts_at), max(ends_at) FROM duty_shift "
    "WHERE ends_at > now() - make_interval(days => :days) AND starts_at < now() GROUP BY unit_id"
)


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be computed anew.

    windows : unit -> first and last moment [Unix ms] of what changed
    ids : of the rows that say so
    """

    windows: dict[int, tuple[int, int]]
    ids: list[int]


@contextlib.contextmanager
def following(engine: Engine) -> Iterator[bool]:
    """Be the one process that follows, for the block; whether this one is. The lock is held by a
    connection without a transaction: who computes for long holds nothing back."""
    connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    try:
        held = bool(connection.scalar(_LOCK, {"key": FOLLOWER_LOCK}))
        try:
            yield held
        finally:
            if held:
                connection.execute(_UNLOCK, {"key": FOLLOWER_LOCK})
    finally:
        connection.close()


def last_due(session: Session) -> int:
    """Return the number of the newest change; 0 where nothing is due."""
    return int(session.scalar(_LAST) or 0)


def find_due(session: Session, *, limit: int, until: int) -> Due:
    """Return all that is due of the units whose changes are the oldest. It stays due until
    `forget_due`.

    Parameters
    ----------
    limit : units
    until : the newest change that must be looked at; of its units later ones are, too
    """
    rows = session.execute(_FIND, {"limit": limit, "until": until}).all()
    return Due(
        {int(unit): (int(first), int(last)) for unit, first, last, _ in rows},
        [each for _, _, _, ids in rows for each in ids],
    )


def forget_due(session: Session, due: Due) -> None:
    """Take away what was found, with what is written for it: committing takes it away for good.
    What came since is another row, and stays."""
    session.execute(_FORGET, {"ids": due.ids})


def note_all_due(session: Session, *, days: int) -> None:
    """Have the shifts of the last days computed anew, since the places changed."""
    with seeing_everything(session):  # any unit may have been there
        session.execute(_NOTE, {"days": days})
