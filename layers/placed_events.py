"""Events as the hotspot methods take them: a place, a day, and whether it is of the kind asked
for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from geo.errors import InvalidInput
from layers.neighbours import Neighbours, h3_neighbours

SECONDS_A_DAY = 86_400.0

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PlacedEvents:
    """Events in n places. Times are days since 1970, UTC.

    `place` : (m,) position of the place; `day` : (m,) ascending; `is_asked` : (m,) of the kind
        asked
        for; the others only tell how much happens at a place
    `n_outside` : events left out because their place isn't among the n
    """

    place: Ints
    day: Floats
    is_asked: Flags
    neighbours: Neighbours
    n_outside: int = 0

    @property
    def n_places(self) -> int:
        """How many places there are."""
        return len(self.neighbours)

    def counts(self, start: float, end: float) -> Floats:
        """Return how many of the events asked for each place had in [start, end) [days]."""
        held = slice(*np.searchsorted(self.day, (start, end)))
        return np.bincount(self.place[held][self.is_asked[held]], minlength=self.n_places).astype(
            float
        )

    def other_counts(self, start: float, end: float) -> Floats:
        """Return how many other events each place had in [start, end) [days]."""
        held = slice(*np.searchsorted(self.day, (start, end)))
        return np.bincount(self.place[held][~self.is_asked[held]], minlength=self.n_places).astype(
            float
        )


def place_events(
    events: pd.DataFrame,
    h3_cells: ArrayLike,
    *,
    category: str | None = None,
    neighbours: Neighbours | None = None,
) -> PlacedEvents:
    """Return events as positions among some H3 cells.

    Parameters
    ----------
    events : columns `at` [datetime, aware], `h3_cell` of the cells' resolution, and `category`
        where
        one is asked for
    h3_cells : (n,) the study area: cells without any event belong to it too
    category : the kind asked for; None: all
    neighbours : of the cells, where they are known already

    Raises
    ------
    InvalidInput : times without zone or missing
    """
    times = events["at"]
    if getattr(times.dtype, "tz", None) is None or times.isna().any():
        raise InvalidInput("`at` needs a time with its zone in every row. Localise it first.")
    cells = np.asarray(h3_cells, dtype=np.int64)
    order = np.argsort(cells, kind="stable")
    wanted = events["h3_cell"].to_numpy(dtype=np.int64)
    found = np.searchsorted(cells[order], wanted)
    found[found == len(cells)] = 0
    is_inside = cells[order][found] == wanted
    day = times.to_numpy(dtype="datetime64[us]").astype(np.int64) / (SECONDS_A_DAY * 1e6)
    asked = (
        np.ones(len(events), dtype=bool)
        if category is None
        else (events["category"] == category).to_numpy(dtype=bool)
    )
    kept = np.flatnonzero(is_inside)
    kept = kept[np.argsort(day[kept], kind="stable")]
    return PlacedEvents(
        place=order[found[kept]],
        day=day[kept],
        is_asked=asked[kept],
        neighbours=h3_neighbours(cells) if neighbours is None else neighbours,
        n_outside=int((~is_inside).sum()),
    )
