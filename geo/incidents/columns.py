"""All incidents as columns in memory, so that layers over a million answer while the map is
dragged.

Annulled incidents and decided duplicates aren't in it, nor those without a point. It holds no text.
What a caller may see is cut out first (`IncidentColumns.within`): whatever is worked out from the
cut can't tell of the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geo.h3_cells import h3_cell_parent
from geo.values import GridScope, Period

SECONDS_A_DAY = 86_400.0
WEEK_HOURS = 168

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Codes = NDArray[np.int32]


@dataclass(slots=True)
class IncidentColumns:
    """Columns of incidents with a point, by the middle of the stretch in which they happened.

    `number` : (n,) of the incident; `h3_cell` : (n,) at the stored resolution
    `day` : (n,) middle of the stretch [days since 1970, UTC], ascending; `stretch_d` : (n,) its
        length [days], 0 where the moment is known
    `category`, `source`, `grid` : (n,) positions in the names of the same; grid -1: in none
    `week_hour` : (n,) hour of the local week, 0 = Monday 00:00
    `mark` : tells one state of the store from another
    """

    number: Ints
    h3_cell: Ints
    day: Floats
    stretch_d: Floats
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
            position, found = pd.factorize(parents, sort=True)
            self._by_resolution[resolution] = (found, position.astype(np.int32))
        return self._by_resolution[resolution]

    def within(self, scope: GridScope, *, hidden: frozenset[str] = frozenset()) -> IncidentColumns:
        """Return what a caller may see, and nothing of the rest.

        Parameters
        ----------
        hidden : categories that are left out
        """
        if scope.is_everything and not hidden:
            return self
        # -1, in no grid, takes the last of the names: not seen.
        which = self.one_of(scope.grid_codes, self.grid, self.grids)
        which &= ~self.one_of(hidden, self.category, self.categories)
        rows = np.flatnonzero(which)
        return IncidentColumns(
            number=self.number[rows],
            h3_cell=self.h3_cell[rows],
            day=self.day[rows],
            stretch_d=self.stretch_d[rows],
            category=self.category[rows],
            source=self.source[rows],
            grid=self.grid[rows],
            week_hour=self.week_hour[rows],
            categories=self.categories,
            sources=self.sources,
            grids=self.grids,
            mark=self.mark,
        )

    def with_changes(self, numbers: list[int], fresh: IncidentColumns) -> IncidentColumns:
        """Return the columns with some incidents as they are now; what `fresh` lacks is gone.

        Parameters
        ----------
        numbers : of all that changed; fresh : of these, with all names there are now
        """
        kept = np.flatnonzero(~np.isin(self.number, numbers))
        day = np.concatenate((self.day[kept], fresh.day))
        order = np.argsort(day, kind="stable")

        def joined(name: str) -> NDArray[Any]:
            return np.concatenate((getattr(self, name)[kept], getattr(fresh, name)))[order]

        def recoded(name: str, names: list[str], now: list[str]) -> Codes:
            at = {word: position for position, word in enumerate(now)}
            moved = np.array([at.get(word, -1) for word in names] + [-1], dtype=np.int32)
            old = moved[getattr(self, name)[kept]]
            return np.concatenate((old, getattr(fresh, name)))[order]

        return IncidentColumns(
            number=joined("number"),
            h3_cell=joined("h3_cell"),
            day=day[order],
            stretch_d=joined("stretch_d"),
            category=recoded("category", self.categories, fresh.categories),
            source=recoded("source", self.sources, fresh.sources),
            grid=recoded("grid", self.grids, fresh.grids),
            week_hour=joined("week_hour"),
            categories=fresh.categories,
            sources=fresh.sources,
            grids=fresh.grids,
            mark=fresh.mark,
        )

    def rows_in(self, period: Period | None) -> slice:
        """Return the rows whose middle lies in a period; None: all."""
        if period is None:
            return slice(0, len(self))
        bounds = (period.start.timestamp(), period.end.timestamp())
        start, end = np.searchsorted(self.day, np.array(bounds) / SECONDS_A_DAY)
        return slice(int(start), int(end))

    def one_of(
        self,
        names: frozenset[str] | None,
        column: Codes,
        known: list[str],
        rows: slice = slice(None),
    ) -> Flags:
        """Return which rows of a column hold one of some names; None: all."""
        if names is None:
            return np.ones(len(column[rows]), dtype=bool)
        return np.array([name in names for name in known] + [False], dtype=bool)[column[rows]]
