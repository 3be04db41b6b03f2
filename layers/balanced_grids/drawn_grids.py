"""Grids of a plan: their outlines, and which grid of now each one goes on from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from geo.errors import InvalidInput
from geo.local_plane import LocalPlane
from layers.balanced_grids.blocks import BlockMap

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

GOES_ON_SHARE = 0.5  # of a grid of now that must stay together to keep its code
_ONE_ROW = 0.5  # grids stand in one row where they share more of the taller one's height


def draw_grids(blocks: BlockMap, label: Ints, count: int) -> NDArray[np.object_]:
    """Return the outline of each grid, (count,) multipolygons, EPSG:4326.

    They overlap nowhere and cover the area exactly: each is the union of whole blocks.
    """
    drawn = []
    for grid in range(count):
        whole = shapely.coverage_union_all(blocks.polygons[label == grid])
        drawn.append(shapely.multipolygons(list(shapely.get_parts(whole))))
    return np.array(drawn, object)


def match_to_now(overlap: Floats) -> Ints:
    """Return which grid of now each new grid goes on from, (K,), -1: none.

    One to one, so that as much as possible stays in its grid (Kuhn 1955).

    Parameters
    ----------
    overlap : (K, grids of now) what the two share
    """
    found = np.full(len(overlap), -1, np.int64)
    if overlap.size:
        new, now = linear_sum_assignment(-overlap)
        shared = overlap[new, now] > 0
        found[new[shared]] = now[shared]
    return found


def number_grids(
    polygons: NDArray[np.object_],
    *,
    first_part: str,
    digits: int,
    kept: Sequence[str | None],
    taken: frozenset[str] = frozenset(),
) -> list[str]:
    """Return a code for each grid: its own of before, else the next free number, west to east and
    then north to south.

    Parameters
    ----------
    first_part : what comes before the number; digits : how many it has
    kept : (K,) the code a grid keeps, None: a new one
    taken : codes that are others'

    Raises
    ------
    InvalidInput : there are not enough numbers

    Source: DB11/T 2157-2023, rule of numbering.
    """
    used = {code for code in kept if code is not None} | taken
    codes: list[str | None] = list(kept)
    number = 0
    for grid in reading_order(polygons):
        if codes[grid] is not None:
            continue
        while True:
            number += 1
            code = f"{first_part}{number:0{digits}d}"
            if code not in used:
                break
        if number >= 10**digits:
            raise InvalidInput(
                f"{len(codes)} grids need more numbers than {digits} digits have. Ask for fewer.",
                field="grid_count",
            )
        codes[grid] = code
    return [code or "" for code in codes]


def reading_order(polygons: Any) -> Ints:
    """Return the order of polygons west to east in a row, rows from north to south."""
    shapes = np.asarray(polygons, dtype=object)
    metres = LocalPlane.around(shapes).to_metres(shapes)
    bounds, east = shapely.bounds(metres), shapely.get_x(shapely.centroid(metres))
    waiting = list(np.lexsort((east, -bounds[:, 3])))
    ordered: list[int] = []
    while waiting:
        top = bounds[waiting[0]]
        row = []
        for k in waiting:
            shared = min(top[3], bounds[k, 3]) - max(top[1], bounds[k, 1])
            taller = max(top[3] - top[1], bounds[k, 3] - bounds[k, 1])
            if shared > _ONE_ROW * taller:
                row.append(int(k))
        row = row or [int(waiting[0])]
        ordered += sorted(row, key=lambda k: (east[k], k))
        waiting = [k for k in waiting if int(k) not in row]
    return np.array(ordered, np.int64)
