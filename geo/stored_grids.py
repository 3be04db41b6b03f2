"""The grids of one day, read from the store to assign points to them in memory.

The border rule is that of `geo.assignment`.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import shapely
from numpy.typing import ArrayLike, NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from geo.assignment import GridAssigner
from geo.grids import is_in_force
from geo.h3_cells import STORED_RESOLUTION, lonlat_to_h3_cell
from geo.store.scope import seeing_everything
from geo.tables import Grid


class StoredGrids:
    """The grids of one day, loaded once to assign points in memory, batch after batch."""

    def __init__(
        self, grid_ids: NDArray[np.int64], grid_codes: NDArray[np.object_], polygons: ArrayLike
    ) -> None:
        self.grid_ids = grid_ids
        self.assigner = GridAssigner(grid_codes, polygons)

    def place(self, lon: ArrayLike, lat: ArrayLike) -> pd.DataFrame:
        """Return grid and H3 cell of each point.

        Parameters
        ----------
        lon, lat : (n_points,) degrees, WGS 84; NaN where unknown

        Returns
        -------
        (n_points,) columns `grid_id` Int64, `grid_code` object, `h3_cell` Int64 at the stored
        resolution; missing where a point is unknown or in no grid

        Raises
        ------
        InvalidInput : the two differ in length
        InvalidCoordinate : a point is out of range (`rows`)
        """
        position = self.assigner.assign(lon, lat)
        found = position >= 0
        grid_id = pd.array(np.zeros(len(position), dtype=np.int64), dtype="Int64")
        grid_id[found] = self.grid_ids[position[found]]
        grid_id[~found] = pd.NA
        grid_code = np.full(len(position), None, dtype=object)
        grid_code[found] = self.assigner.grid_codes[position[found]]
        cell = np.atleast_1d(lonlat_to_h3_cell(lon, lat, STORED_RESOLUTION))
        h3_cell = pd.array(cell, dtype="Int64")
        h3_cell[cell == 0] = pd.NA
        return pd.DataFrame(
            {
                "grid_id": grid_id,
                "grid_code": pd.Series(grid_code, dtype=object),
                "h3_cell": h3_cell,
            }
        )


def load_stored_grids(session: Session, *, on: date) -> StoredGrids:
    """Return the grids valid on a day, ready to assign points to them in memory.

    All of them, whatever the session's scope: by the border rule a neighbour's grid can be the one
    that holds a point. Whoever answers a caller compares the outcome with the caller's scope.
    """
    with seeing_everything(session):
        rows = session.execute(
            select(Grid.id, Grid.grid_code, func.ST_AsBinary(Grid.geom))
            .where(is_in_force(Grid, on))
            .order_by(Grid.grid_code)
        ).all()
    return StoredGrids(
        np.array([row[0] for row in rows], dtype=np.int64),
        np.array([row[1] for row in rows], dtype=object),
        shapely.from_wkb(np.array([bytes(row[2]) for row in rows], dtype=object)),
    )
