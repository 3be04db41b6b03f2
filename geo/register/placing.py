"""Grid and H3 cell of points: both follow from the point and are never given."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import sqlalchemy as sa
from numpy.typing import ArrayLike, NDArray
from sqlalchemy.orm import Session

from geo.stored_grids import StoredGrids, load_stored_grids
from geo.tables import GridVersion


@dataclass(frozen=True, slots=True)
class Placed:
    """Where points lie; missing where a point is unknown or lies in no grid.

    grid_id, grid_code : (n,) object; h3_cell : (n,) int64, 0 where there is no point
    """

    grid_id: NDArray[np.object_]
    grid_code: NDArray[np.object_]
    h3_cell: NDArray[np.int64]


class GridPlacer:
    """Places points in the grids valid on one day; reads the grids again when they change."""

    def __init__(self, day: date) -> None:
        self.day = day
        self._version: tuple[int | None, int] | None = None
        self._grids: StoredGrids | None = None

    def place(self, session: Session, lon: ArrayLike, lat: ArrayLike) -> Placed:
        """Return the grid and the H3 cell of each point, by the platform's border rule.

        Parameters
        ----------
        lon, lat : (n,) degrees, WGS 84; NaN where unknown
        """
        placed = self._current(session).place(np.asarray(lon, float), np.asarray(lat, float))
        grid_id = placed["grid_id"].astype(object)
        return Placed(
            grid_id.where(grid_id.notna(), None).to_numpy(object),
            placed["grid_code"].to_numpy(object),
            placed["h3_cell"].fillna(0).to_numpy(np.int64),
        )

    def _current(self, session: Session) -> StoredGrids:
        found = session.execute(
            sa.select(sa.func.max(GridVersion.id), sa.func.count()).select_from(GridVersion)
        ).one()
        version = (found[0], found[1])
        if self._grids is None or version != self._version:
            self._grids = load_stored_grids(session, on=self.day)
            self._version = version
        return self._grids
