"""Keeps the columns of all incidents in step with the database.

Each statement that writes incidents leaves a row in `incident_change`. Rows become visible in the
order of commits, not of ids: an id that was skipped may still come, so skipped ids are asked for
again until they are too old to come (as `geo.addresses.register_follower` does).

Read with an operator's eyes; whoever asks cuts out what the caller may see
(`geo.incidents.columns.IncidentColumns.within`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import psycopg
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from geo.errors import PlatformError
from geo.incidents.columns import SECONDS_A_DAY, IncidentColumns
from geo.store.database import Database
from geo.tables import INCIDENT_SOURCES

MAX_AGE_S = 2.0  # asking whether anything changed costs a moment; a map is dragged many times
ROWS_AT_ONCE = 4_000_000  # of 56 bytes: the database answers with at most 1 GB in one value
EPOCH_2000_S = 946_684_800.0  # PostgreSQL counts its times from 2000

SKIPPED_IDS_LOOKED_BACK = 10_000  # changes before the newest whose ids may still be open
SKIPPED_KEPT_S = 24 * 3600.0  # no transaction that writes incidents lasts longer
CHANGED_MAX = 100_000  # of more it is quicker to read all

_NEWEST = text("SELECT coalesce(max(id), 0) FROM incident")
_CHANGES = text(
    "SELECT id, incident_ids FROM incident_change WHERE id > :newest OR id = ANY(:skipped)"
)
_LATEST_CHANGES = text("SELECT id FROM incident_change ORDER BY id DESC LIMIT :count")
# One value with all rows: a row at a time costs Python more than all the rest. Words travel as
# their hash, of 64 bits; two words of one hash are found when the words are read.
_ROWS = b"""
    SELECT string_agg(
        int8send(id) || int8send(h3_cell) || timestamptz_send(occurred_from)
        || timestamptz_send(occurred_to) || int8send(hashtextextended(category_code, 0))
        || int8send(hashtextextended(source, 0))
        || int8send(coalesce(hashtextextended(grid_code, 0), 0)), ''::bytea)
    FROM incident
    WHERE (id BETWEEN %s AND %s OR id = ANY(%s::bigint[])) AND h3_cell IS NOT NULL
      AND status <> 'annulled' AND duplicate_of IS NULL
"""
_WIRE = np.dtype(
    [(name, ">i8") for name in ("number", "h3_cell", "start", "end", "category", "source", "grid")]
)
_CATEGORIES = "SELECT code, hashtextextended(code, 0) FROM incident_category ORDER BY code"
_SOURCES = (
    "SELECT word, hashtextextended(word, 0) FROM unnest(CAST(:words AS text[])) AS word ORDER BY 1"
)
# Each code once, from the index, without reading all rows.
_GRIDS = """
    WITH RECURSIVE codes AS (
        (SELECT grid_code FROM incident WHERE grid_code IS NOT NULL ORDER BY grid_code LIMIT 1)
        UNION ALL
        SELECT (SELECT grid_code FROM incident WHERE grid_code > codes.grid_code
                ORDER BY grid_code LIMIT 1)
        FROM codes WHERE codes.grid_code IS NOT NULL
    )
    SELECT grid_code, hashtextextended(grid_code, 0) FROM codes WHERE grid_code IS NOT NULL
"""


class IncidentFollower:
    """Keeps the columns in step with the database; up to `max_age_s` late.

    Parameters
    ----------
    zone : of the local week; clock : seconds that only grow
    """

    def __init__(
        self,
        database: Database,
        *,
        zone: str,
        max_age_s: float = MAX_AGE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database, self._zone = database, zone
        self._max_age_s, self._clock = max_age_s, clock
        self._lock = threading.Lock()
        self._columns: IncidentColumns | None = None
        self._checked_at = 0.0
        self._newest_change = 0
        self._skipped: dict[int, float] = {}
        self._state = 0

    def current(self) -> IncidentColumns:
        """Return the columns as they are now.

        Raises
        ------
        DatabaseUnavailable : the database doesn't answer
        """
        with self._lock:
            now = self._clock()
            if self._columns is None:
                with self._database.session() as session:
                    self._columns = self._read_all(session, now)
            elif now - self._checked_at >= self._max_age_s:
                with self._database.session() as session:
                    self._columns = self._follow(session, self._columns, now)
            else:
                return self._columns
            self._checked_at = now
            return self._columns

    def _read_all(self, session: Session, now: float) -> IncidentColumns:
        # The marks are read first: a change between the two is seen twice, never missed.
        ids = set(session.scalars(_LATEST_CHANGES, {"count": SKIPPED_IDS_LOOKED_BACK}))
        self._newest_change = max(ids, default=0)
        known_from = max(1, self._newest_change - SKIPPED_IDS_LOOKED_BACK + 1)
        self._skipped = {i: now for i in range(known_from, self._newest_change) if i not in ids}
        newest = session.execute(_NEWEST).scalar_one()
        blocks = [
            _rows(session, first, min(first + ROWS_AT_ONCE - 1, newest))
            for first in range(0, newest + 1, ROWS_AT_ONCE)
        ]
        return self._as_columns(session, np.concatenate(blocks))

    def _follow(self, session: Session, columns: IncidentColumns, now: float) -> IncidentColumns:
        changes = session.execute(
            _CHANGES, {"newest": self._newest_change, "skipped": list(self._skipped)}
        ).all()
        if not changes:
            return columns
        named = [numbers for _, numbers in changes if numbers is not None]
        changed = sorted({number for numbers in named for number in numbers})
        if len(named) < len(changes) or len(changed) > CHANGED_MAX:
            return self._read_all(session, now)
        self._remember([change for change, _ in changes], now)
        return columns.with_changes(
            changed, self._as_columns(session, _rows(session, 0, -1, changed))
        )

    def _remember(self, ids: list[int], now: float) -> None:
        newest = max(self._newest_change, *ids)
        for skipped in range(self._newest_change + 1, newest):
            self._skipped[skipped] = now
        for seen in ids:
            self._skipped.pop(seen, None)
        self._skipped = {
            i: since for i, since in self._skipped.items() if now - since < SKIPPED_KEPT_S
        }
        self._newest_change = newest

    def _as_columns(self, session: Session, rows: NDArray[np.void]) -> IncidentColumns:
        """Return rows as columns; `mark` tells this state from all others of this process."""
        self._state += 1
        words = [
            session.execute(text(_CATEGORIES)).all(),
            session.execute(text(_SOURCES), {"words": list(INCIDENT_SOURCES)}).all(),
            session.execute(text(_GRIDS)).all(),
        ]
        return _columns(rows, *words, zone=self._zone, mark=str(self._state))


def _rows(session: Session, first: int, last: int, numbers: Sequence[int] = ()) -> NDArray[np.void]:
    """Return incidents of some numbers as they travel."""
    driver = session.connection().connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    with driver.cursor(binary=True) as cursor:
        cursor.execute(_ROWS, (first, last, list(numbers)))
        (block,) = cursor.fetchone() or (None,)
    return np.frombuffer(block or b"", dtype=_WIRE)


def _columns(
    rows: NDArray[np.void],
    categories: Sequence[Any],
    sources: Sequence[Any],
    grids: Sequence[Any],
    *,
    zone: str,
    mark: str,
) -> IncidentColumns:
    start, end = rows["start"].astype(np.int64), rows["end"].astype(np.int64)
    middle = start + (end - start) // 2
    order = np.argsort(middle, kind="stable")
    seconds = middle[order] / 1e6 + EPOCH_2000_S
    local = pd.DatetimeIndex(pd.to_datetime(seconds, unit="s", utc=True)).tz_convert(zone)

    def coded(name: str, words: Sequence[Any]) -> NDArray[np.int32]:
        return _positions(rows[name].astype(np.int64)[order], [number for _, number in words])

    return IncidentColumns(
        number=rows["number"].astype(np.int64)[order],
        h3_cell=rows["h3_cell"].astype(np.int64)[order],
        day=seconds / SECONDS_A_DAY,
        stretch_d=((end - start)[order] / 1e6 / SECONDS_A_DAY).astype(float),
        category=coded("category", categories),
        source=coded("source", sources),
        grid=coded("grid", grids),
        week_hour=(local.day_of_week.to_numpy() * 24 + local.hour.to_numpy()).astype(np.int32),
        categories=[word for word, _ in categories],
        sources=[word for word, _ in sources],
        grids=[word for word, _ in grids],
        mark=mark,
    )


def _positions(hashes: NDArray[np.int64], known: list[int]) -> NDArray[np.int32]:
    """Return the position of each hash among those known; -1 of 0, which stands for none."""
    if len(set(known)) < len(known):
        raise PlatformError("Two words of the store have one hash. Rename one of them.")
    numbers = np.array(known, dtype=np.int64)
    order = np.argsort(numbers)
    at = np.searchsorted(numbers[order], hashes)
    at[at == len(numbers)] = 0
    found = np.full(len(hashes), -1, dtype=np.int32)
    if len(numbers):
        same = numbers[order][at] == hashes
        found[same] = order[at[same]]
    return found
