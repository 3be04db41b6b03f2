"""Which places lie beside which: hexagons by rings, polygons by contact.

The statistics of this room (`layers.statistics.local`, `layers.statistics.shrunken_rates`) know
places by their position in an array; here is where positions become neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from h3ronpy import grid_disk
from numpy.typing import ArrayLike, NDArray

from geo.errors import InvalidH3Cell, InvalidInput
from geo.h3_cells import h3_cell_resolution
from geo.local_plane import LocalPlane

CONTACT_M = 1.0
"""Polygons nearer than this touch: borders drawn twice seldom meet to the millimetre."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Positions = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The neighbours of n places, none of them its own, as a compressed sparse row.

    `starts` : (n + 1,) those of place i are `positions[starts[i]:starts[i + 1]]`
    `positions` : in the order of the rings or ascending; a place may have none (an island)
    """

    starts: Ints
    positions: Positions

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def counts(self) -> Ints:
        """How many neighbours each place has."""
        return np.diff(self.starts)

    def sums(self, values: ArrayLike) -> Floats:
        """Return the sum of the neighbours' values, 0 for an island.

        Parameters
        ----------
        values : (n,)
        """
        gathered = np.asarray(values, dtype=float)[self.positions]
        total = np.zeros(len(self))
        filled = np.flatnonzero(self.counts)
        if len(filled):
            total[filled] = np.add.reduceat(gathered, self.starts[filled])
        return total


def h3_neighbours(h3_cells: ArrayLike, *, rings: int = 1) -> Neighbours:
    """Return which of some H3 cells lie within `rings` steps of which.

    Cells that aren't among those given are nobody's neighbours: at the edge of the area a cell
    has fewer. Beside a pentagon there are five, not six.

    Parameters
    ----------
    h3_cells : (n,) int64, of one resolution, each once, in any order
    rings : 1 or more

    Raises
    ------
    InvalidH3Cell : a number is no cell, cells of two resolutions, or a cell given twice
    InvalidInput : `rings` is below 1
    """
    cells = np.ascontiguousarray(np.asarray(h3_cells, dtype=np.int64))
    if rings < 1:
        raise InvalidInput(f"rings is {rings}, wanted 1 or more.", got=rings)
    if not len(cells):
        return Neighbours(np.zeros(1, dtype=np.int64), np.zeros(0, dtype=np.int32))
    resolutions = np.unique(h3_cell_resolution(cells))
    if len(resolutions) > 1:
        raise InvalidH3Cell(
            f"The cells are of the resolutions {resolutions.tolist()}, wanted one. "
            "Bring them to the coarsest with geo.h3_cells.h3_cell_parent."
        )
    order = np.argsort(cells, kind="stable")
    ascending = cells[order]
    if (ascending[1:] == ascending[:-1]).any():
        raise InvalidH3Cell("A cell stands more than once. Give each once, its events summed.")
    try:
        disks = pa.array(grid_disk(ascending.view(np.uint64), rings, flatten=False))
    except ValueError as error:
        raise InvalidH3Cell(
            "Among the cells is a number that is none. "
            "Make cells with geo.h3_cells.lonlat_to_h3_cell."
        ) from error
    sizes = np.asarray(disks.value_lengths(), dtype=np.int64)
    around = np.asarray(disks.flatten(), dtype=np.uint64).view(np.int64)
    owner = np.repeat(np.arange(len(cells)), sizes)
    found = np.searchsorted(ascending, around)
    found[found == len(cells)] = 0
    kept = (ascending[found] == around) & (found != owner)
    owner, found = order[owner[kept]], order[found[kept]]
    counts = np.bincount(owner, minlength=len(cells))
    if (order[1:] < order[:-1]).any():
        found = found[np.argsort(owner, kind="stable")]
    return _neighbours(counts, found)


def polygon_neighbours(polygons: Any, *, contact_m: float = CONTACT_M) -> Neighbours:
    """Return which of some polygons touch, corners included (queen contiguity).

    Parameters
    ----------
    polygons : (n,) shapely polygons, EPSG:4326
    contact_m : the widest gap across which two still touch [m]

    Raises
    ------
    InvalidInput : a polygon is empty or missing
    """
    given = np.asarray(polygons, dtype=object)
    if not len(given):
        return Neighbours(np.zeros(1, dtype=np.int64), np.zeros(0, dtype=np.int32))
    hollow = shapely.is_missing(given) | shapely.is_empty(given)
    if hollow.any():
        raise InvalidInput(
            f"{hollow.sum()} of {len(given)} polygons are empty or missing; the first is number "
            f"{np.flatnonzero(hollow)[0]}. Leave them out."
        )
    flat = LocalPlane.around(given).to_metres(given)
    owner, found = shapely.STRtree(flat).query(flat, predicate="dwithin", distance=contact_m)
    kept = owner != found
    owner, found = owner[kept], found[kept]
    ascending = np.lexsort((found, owner))
    return _neighbours(np.bincount(owner, minlength=len(given)), found[ascending])


def _neighbours(counts: Ints, positions: Ints) -> Neighbours:
    return Neighbours(np.concatenate(([0], np.cumsum(counts))), positions.astype(np.int32))
