"""How grids and H3 cells share ground: stored with each version of grids, by area.

Two resolutions are kept. 10 (about 15,000 m2) is nearest to the 10,000 m2 unit grid of city
management, and an ordinary grid holds some ten to fifty of them: fine enough to move counts from
cells to grids. 9 (about 105,000 m2) is about as large as one grid: for overviews of a district.
Coarser cells hold many grids, finer ones multiply the rows by seven and add nothing, since counts
at addresses are taken from the points themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from sqlalchemy import select
from sqlalchemy.orm import Session

from geo.errors import InvalidH3Cell
from geo.grids import get_grid, is_in_force
from geo.h3_cells import h3_cell_resolution, polygons_to_h3_cells
from geo.scope_conditions import in_scope
from geo.store.bulk import copy_table
from geo.tables import Grid, GridH3Cell
from geo.values import GridScope

CROSSWALK_RESOLUTIONS = (9, 10)
_REPORT_EVERY = 100  # grids between two words of progress

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class GridShare:
    """A grid in a cell: the share of each one's area that lies in the other."""

    grid_code: str
    share_of_grid: float
    share_of_h3_cell: float


@dataclass(frozen=True, slots=True)
class H3CellShare:
    """A cell of a grid: the share of each one's area that lies in the other."""

    h3_cell: int
    share_of_grid: float
    share_of_h3_cell: float


def grids_to_h3_shares(polygons: Any, resolution: int) -> pd.DataFrame:
    """Return each cell that shares area with each polygon.

    The shares of one polygon add up to 1; those of one cell to at most 1 where polygons don't
    overlap.

    Parameters
    ----------
    polygons : (n,) valid polygons, EPSG:4326
    resolution : 0 to 15

    Returns
    -------
    (n_pairs,) `position` of the polygon, `h3_cell`, `share_of_grid`, `share_of_h3_cell`; by
    position, then cell
    """
    shares = polygons_to_h3_cells(polygons, resolution)
    return shares.rename(columns={"share_of_area": "share_of_grid"})


def store_crosswalk(
    session: Session,
    grid_ids: Sequence[int],
    polygons: Any,
    *,
    progress: Progress | None = None,
) -> int:
    """Store the crosswalk of new grids; return how many rows that is.

    Parameters
    ----------
    grid_ids : (n,) of the rows the polygons were stored in
    polygons : (n,) valid polygons, EPSG:4326
    progress : told grids done and all grids
    """
    stored = 0
    ids, shapes = np.asarray(grid_ids, dtype=np.int64), np.asarray(polygons, dtype=object)
    for start in range(0, len(ids), _REPORT_EVERY):
        block = slice(start, start + _REPORT_EVERY)
        for resolution in CROSSWALK_RESOLUTIONS:
            shares = grids_to_h3_shares(shapes[block], resolution)
            stored += copy_table(
                session,
                GridH3Cell.__table__,  # type: ignore[arg-type]
                pa.table(
                    {
                        "grid_id": ids[block][shares["position"].to_numpy(dtype=np.int64)],
                        "h3_cell": shares["h3_cell"].to_numpy(),
                        "resolution": pa.array([resolution] * len(shares), pa.int16()),
                        "share_of_grid": shares["share_of_grid"].to_numpy(),
                        "share_of_h3_cell": shares["share_of_h3_cell"].to_numpy(),
                    }
                ),
            )
        if progress is not None:
            progress(min(start + _REPORT_EVERY, len(ids)), len(ids))
    return stored


def grid_to_h3_cells(
    session: Session, grid_code: str, resolution: int, *, on: date, scope: GridScope
) -> list[H3CellShare]:
    """Return the cells a grid shares ground with, by cell; the shares of the grid add up to 1.

    Raises
    ------
    InvalidH3Cell : the resolution isn't one of `CROSSWALK_RESOLUTIONS`
    GridNotFound : no such code on that day, or outside the scope
    """
    _check_resolution(resolution)
    grid = get_grid(session, grid_code, on=on, scope=scope)
    rows = session.execute(
        select(GridH3Cell.h3_cell, GridH3Cell.share_of_grid, GridH3Cell.share_of_h3_cell)
        .where(GridH3Cell.grid_id == grid.id, GridH3Cell.resolution == resolution)
        .order_by(GridH3Cell.h3_cell)
    )
    return [H3CellShare(*row) for row in rows]


def h3_cell_to_grids(
    session: Session, h3_cell: int, *, on: date, scope: GridScope
) -> list[GridShare]:
    """Return the grids a cell shares ground with, the largest share of the cell first.

    Raises
    ------
    InvalidH3Cell : the cell's resolution isn't one of `CROSSWALK_RESOLUTIONS`
    """
    _check_resolution(int(h3_cell_resolution([h3_cell])[0]))
    rows = session.execute(
        select(Grid.grid_code, GridH3Cell.share_of_grid, GridH3Cell.share_of_h3_cell)
        .join(Grid, Grid.id == GridH3Cell.grid_id)
        .where(
            GridH3Cell.h3_cell == h3_cell,
            is_in_force(Grid, on),
            in_scope(Grid.grid_code, scope),
        )
        .order_by(GridH3Cell.share_of_h3_cell.desc(), Grid.grid_code)
    )
    return [GridShare(*row) for row in rows]


def _check_resolution(resolution: int) -> None:
    if resolution not in CROSSWALK_RESOLUTIONS:
        kept = " and ".join(str(known) for known in CROSSWALK_RESOLUTIONS)
        raise InvalidH3Cell(
            f"The crosswalk is kept at resolutions {kept}, asked for {resolution}. Take the parent "
            "of a finer cell, or compute it with geo.h3_cells.polygon_to_h3_cells.",
            resolution=resolution,
        )
