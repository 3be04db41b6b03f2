"""All incidents as columns in memory, so that layers over a million answer while the map is
dragged.

Read with an operator's eyes; whoever asks applies the scope (`IncidentColumns.seen_in`). Annulled
incidents and decided duplicates aren't in it, nor those without a point. It holds no text.
"""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from numpy.typing import NDArray
from sqlalchemy import text

from geo.h3_cells import h3_cell_parent
from geo.store.database import Database
from geo.values import GridScope

SECONDS_A_DAY = 86_400.0
MAX_AGE_S = 2.0  # asking whether anything changed costs a moment; a map is dragged many times

# Both by an index: an incident that is new, and one that changed, which leaves a history.
_NEWEST = text(
    "SELECT coalesce((SELECT max(id) FROM incident), 0), "
    "coalesce((SELECT max(id) FROM incident_history), 0)"
)
_COLUMNS = (
    "COPY (SELECT h3_cell, extract(epoch FROM occurred_from + (occurred_to - occurred_from) / 2), "
    "category_code, source, grid_code FROM incident WHERE h3_cell IS NOT NULL AND status <> "
    "'annulled' AND duplicate_of IS NULL ORDER BY 2) TO STDOUT (FORMAT CSV)"
)

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Codes = NDArray[np.int32]


@dataclass(slots=True)
class IncidentColumns:
    """Columns of all incidents with a point, by the middle of the stretch in which they happened.

    `h3_cell` : (n,) at the stored resolution; `day` : (n,) [days since 1970, UTC], ascending
    `category`, `source`, `grid` : (n,) positions in the names of the same; grid -1: in none
    `week_hour` : (n,) hour of the local week, 0 = Monday 00:00
    """

    h3_cell: Ints
    day: Floats
    category: Codes
    source: Codes
    grid: Codes
    week_hour: Codes
    categories: list[str]
    sources: list[str]
    grids: list[str]
    mark: str = ""
    _by_resolution: dict[int, tuple[Ints, Codes]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.day)

    def cells(self, resolution: int) -> tuple[Ints, Codes]:
        """Return the cells of a resolution that hold incidents, ascending, and each one's
        position."""
        if resolution not in self._by_resolution:
            parents = h3_cell_parent(self.h3_cell, resolution)
            found, position = np.unique(parents, return_inverse=True)
            self._by_resolution[resolution] = (found, position.astype(np.int32))
        return self._by_resolution[resolution]

    def seen_in(self, scope: GridScope) -> Flags:
        """Return which incidents a caller may see."""
        if scope.grid_codes is None:
            return np.ones(len(self), dtype=bool)
        allowed = np.array([code in scope.grid_codes for code in self.grids] + [False], dtype=bool)
        return allowed[self.grid]  # -1, in no grid, takes the last: not seen

    def are_of(self, names: set[str] | None, column: Codes, known: list[str]) -> Flags:
        """Return which rows of a column hold one of some names; None: all."""
        if names is None:
            return np.ones(len(self), dtype=bool)
        return np.array([name in names for name in known] + [False], dtype=bool)[column]


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
                    driver = session.connection().connection.driver_connection
                    assert isinstance(driver, psycopg.Connection)
                    self._columns = _read(driver, zone=self._zone, mark=mark)
            self._checked_at = now
            return self._columns


def _read(connection: psycopg.Connection, *, zone: str, mark: str) -> IncidentColumns:
    lines = io.BytesIO()
    with connection.cursor() as cursor, cursor.copy(_COLUMNS.encode()) as copy:
        for block in copy:
            lines.write(block)
    names = ["h3_cell", "second", "category", "source", "grid"]
    kinds = {"h3_cell": pa.int64(), "second": pa.float64()}
    words = dict.fromkeys(names[2:], pa.dictionary(pa.int32(), pa.string()))
    if lines.tell() == 0:
        table = pa.table({name: pa.array([], kind) for name, kind in (kinds | words).items()})
    else:
        lines.seek(0)
        table = pyarrow.csv.read_csv(
            lines,
            read_options=pyarrow.csv.ReadOptions(column_names=names),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=kinds | words, strings_can_be_null=True
            ),
        )
    seconds = table["second"].to_numpy()
    local = pd.DatetimeIndex(pd.to_datetime(seconds, unit="s", utc=True)).tz_convert(zone)
    coded = {}
    for name in words:
        column = table[name].unify_dictionaries().combine_chunks()
        known = column.dictionary.to_pylist()
        coded[name] = (
            np.asarray(pc.fill_null(column.indices, -1), dtype=np.int32),
            known,
        )
    return IncidentColumns(
        h3_cell=table["h3_cell"].to_numpy(),
        day=seconds / SECONDS_A_DAY,
        category=coded["category"][0],
        source=coded["source"][0],
        grid=coded["grid"][0],
        week_hour=(local.day_of_week.to_numpy() * 24 + local.hour.to_numpy()).astype(np.int32),
        categories=coded["category"][1],
        sources=coded["source"][1],
        grids=coded["grid"][1],
        mark=mark,
    )
