"""Columns of incidents made up, for tests of what is worked out over them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from geo.h3_cells import lonlat_to_h3_cell
from geo.incidents.columns import SECONDS_A_DAY, IncidentColumns
from layers.discovered import SOURCES

KINDS = ["dispute", "theft"]


def made_columns(
    lon: ArrayLike,
    lat: ArrayLike,
    day: ArrayLike,
    *,
    grid: ArrayLike | None = None,
    category: ArrayLike | None = None,
    stretch_d: ArrayLike | None = None,
    grids: list[str] | None = None,
    mark: str = "1",
) -> IncidentColumns:
    """Return residents' reports at some points.

    Parameters
    ----------
    day : (n,) [days since 1970, UTC], in any order
    grid, category : (n,) positions in `grids` (-1: none) and `KINDS`; all of the first if left out
    """
    days = np.asarray(day, dtype=float)
    order = np.argsort(days, kind="stable")
    count = len(days)

    def of(given: ArrayLike | None, kind: type) -> np.ndarray:
        return np.zeros(count, kind) if given is None else np.asarray(given, dtype=kind)[order]

    local = pd.to_datetime(days[order] * SECONDS_A_DAY, unit="s", utc=True)
    return IncidentColumns(
        number=np.arange(1, count + 1)[order],
        h3_cell=np.asarray(lonlat_to_h3_cell(np.asarray(lon), np.asarray(lat)))[order],
        day=days[order],
        stretch_d=of(stretch_d, np.float64),
        category=of(category, np.int32),
        source=np.zeros(count, np.int32),
        grid=of(grid, np.int32),
        week_hour=(local.day_of_week * 24 + local.hour).to_numpy().astype(np.int32),
        categories=KINDS,
        sources=list(SOURCES),
        grids=["A", "B"] if grids is None else grids,
        mark=mark,
    )
