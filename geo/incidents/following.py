"""Keeps the columns of all incidents in step with the database.

Read with an operator's eyes; whoever asks cuts out what the caller may see
(`geo.incidents.columns.IncidentColumns.within`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import psycopg
from numpy.typing import NDArray
from sqlalchemy import text

from geo.errors import PlatformError
from geo.incidents.columns import SECONDS_A_DAY, IncidentColumns
from geo.store.database import Database
from geo.tables import INCIDENT_SOURCES

MAX_AGE_S = 2.0  # asking whether anything changed costs a moment; a map is dragged many times
ROWS_AT_ONCE = 4_000_000  # of 56 bytes: the database answers with at most 1 GB in one value
EPOCH_2000_S = 946_684_800.0  # PostgreSQL counts its times from 2000

# Both by an index: an incident that is new, and one that changed, which leaves a history.
_NEWEST = text(
    "SELECT coalesce((SELECT max(id) FROM incident), 0), "
    "coalesce((SELECT max(id) FROM incident_history), 0)"
)
# One value with all rows: a row at a time costs Python more than all the rest. Words travel as
# their hash, of 64 bits; two words of one hash are found when the words are read.
_ROWS = b"""
    SELECT string_agg(
        int8send(id) || int8send(h3_cell) || timestamptz_send(occurred_from)
        || timestamptz_send(occurred_to) || int8send(hashtextextended(category_code, 0))
        || int8send(hashtextextended(source, 0))
        || int8send(coalesce(hashtextextended(grid_code, 0), 0)), ''::bytea)
    FROM incident
    WHERE id BETWEEN %s AND %s AND h3_cell IS NOT NULL AND status <> 'annulled'
      AND duplicate_of IS NULL
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

    def current(self) -> IncidentColumns:
        """Return the columns as they are now.

        Raises
        ------
        DatabaseUnavailable : the database doesn't answer
        """
        with self._lock:
            now = self._clock()
            if self._columns is not None and now - self._checked_at < self._max_age_s:
                return self._columns
            with self._database.session() as session:
                newest, changed = session.execute(_NEWEST).one()
                mark = f"{newest}:{changed}"
                if self._columns is None or self._columns.mark != mark:
                    self._columns = _read(session, newest, zone=self._zone, mark=mark)
            self._checked_at = now
            return self._columns


def _read(session: Any, newest: int, *, zone: str, mark: str) -> IncidentColumns:
    driver = session.connection().connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    parts = []
    with driver.cursor(binary=True) as cursor:
        for first in range(0, newest + 1, ROWS_AT_ONCE):
            cursor.execute(_ROWS, (first, min(first + ROWS_AT_ONCE - 1, newest)))
            (block,) = cursor.fetchone() or (None,)
            parts.append(np.frombuffer(block or b"", dtype=_WIRE))
    rows = np.concatenate(parts)
    words = [
        session.execute(text(_CATEGORIES)).all(),
        session.execute(text(_SOURCES), {"words": list(INCIDENT_SOURCES)}).all(),
        session.execute(text(_GRIDS)).all(),
    ]
    return _columns(rows, *words, zone=zone, mark=mark)


def _columns(
    rows: NDArray[np.void],
    categories: list[Any],
    sources: list[Any],
    grids: list[Any],
    *,
    zone: str,
    mark: str,
) -> IncidentColumns:
    start, end = rows["start"].astype(np.int64), rows["end"].astype(np.int64)
    middle = start + (end - start) // 2
    order = np.argsort(middle, kind="stable")
    seconds = middle[order] / 1e6 + EPOCH_2000_S
    local = pd.DatetimeIndex(pd.to_datetime(seconds, unit="s", utc=True)).tz_convert(zone)

    def coded(name: str, words: list[Any]) -> NDArray[np.int32]:
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
