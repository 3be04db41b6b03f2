"""Grid and H3 cell of points: both follow from the point and are never given."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import shapely
import sqlalchemy as sa
from numpy.typing import ArrayLike, NDArray
from sqlalchemy.orm import Session

from geo.assignment import NO_GRID, GridAssigner
from geo.h3_cells import lonlat_to_h3_cell
from geo.tables import Grid, GridVersion


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
        self._assigner: GridAssigner | None = None
        self._ids = np.empty(0, dtype=object)

    def place(self, session: Session, lon: ArrayLike, lat: ArrayLike) -> Placed:
        """Return the grid and the H3 cell of each point, by the platform's border rule.

        Parameters
        ----------
        lon, lat : (n,) degrees, WGS 84; NaN where unknown
        """
        x, y = np.asarray(lon, float), np.asarray(lat, float)
        self._refresh(session)
        grid_id = np.full(len(x), None, dtype=object)
        grid_code = np.full(len(x), None, dtype=object)
        if self._assigner is not None:
            position = self._assigner.assign(x, y)
            there = position != NO_GRID
            grid_id[there] = self._ids[position[there]]
            grid_code[there] = self._assigner.grid_codes[position[there]]
        return Placed(grid_id, grid_code, np.asarray(lonlat_to_h3_cell(x, y), dtype=np.int64))

    def _refresh(self, session: Session) -> None:
        version = session.execute(
            sa.select(sa.func.max(GridVersion.id), sa.func.count()).select_from(GridVersion)
        ).one()
        if (version[0], version[1]) == self._version:
            return
        found = session.execute(
            sa.select(Grid.id, Grid.grid_code, sa.func.ST_AsBinary(Grid.geom)).where(
                Grid.valid_from <= self.day,
                sa.or_(Grid.valid_to.is_(None), Grid.valid_to > self.day),
            )
        ).all()
        self._ids = np.array([row[0] for row in found], dtype=object)
        self._assigner = None
        if found:
            shapes = shapely.from_wkb([bytes(row[2]) for row in found])
            self._assigner = GridAssigner([row[1] for row in found], shapes)
        self._version = (version[0], version[1])
