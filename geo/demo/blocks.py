"""Communities and grids: the street plan's faces get their codes, and tile without a gap.

The faces are polygonised from one noded linework, so neighbours share every vertex of their
border; communities, townships and the district are dissolved from them and keep those vertices.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, permutations
from typing import Any

import numpy as np
import shapely

from geo.demo import names
from geo.demo.streets import GridQuad, StreetPlan

# Superblocks (column, row; row 0 is south of the river) by township, in the order of
# `names.COMMUNITIES`, with what the ground is used for in its five grids.
COMMUNITY_CELLS: dict[str, tuple[tuple[tuple[int, int], tuple[str, ...]], ...]] = {
    "990102001": (
        ((0, 2), ("walkup", "walkup", "tower", "walkup", "walkup")),
        ((1, 2), ("park", "tower", "walkup", "tower", "walkup")),
        ((0, 1), ("walkup", "tower", "walkup", "lanes", "walkup")),
        ((1, 1), ("old_town", "old_town", "lanes", "old_town", "walkup")),
    ),
    "990102002": (
        ((2, 2), ("tower", "walkup", "tower", "walkup", "tower")),
        ((3, 2), ("walkup", "walkup", "lanes", "tower", "walkup")),
        ((2, 1), ("office", "tower", "office", "walkup", "tower")),
        ((3, 1), ("walkup", "walkup", "walkup", "tower", "walkup")),
    ),
    "990102100": (
        ((1, 0), ("campus", "walkup", "tower", "walkup", "walkup")),
        ((2, 0), ("tower", "walkup", "lanes", "walkup", "walkup")),
        ((0, 0), ("walkup", "village", "village", "village", "village")),
        ((3, 0), ("industry", "industry", "village", "walkup", "village")),
    ),
}
GRIDS_PER_COMMUNITY = 5


@dataclass(frozen=True, slots=True, eq=False)
class GridPlot:
    """A grid with its code, use and exact polygon (metres)."""

    grid_code: str
    community_code: str
    community_name: str
    township_code: str
    township_name: str
    use: str
    source: GridQuad
    polygon: shapely.Polygon

    @property
    def is_village(self) -> bool:
        return self.community_name.endswith("村")


def lay_out_grids(plan: StreetPlan) -> list[GridPlot]:
    """Give each grid its 15-digit code: 6 district + 3 township + 3 community + 3 in sequence.

    The sequence runs from west to east, then from north to south (DB11/T 2157): by rows of the
    community from the north, each row from the west.

    Returns
    -------
    60 plots in the order of their codes.
    """
    lines = [shapely.LineString(line) for line in plan.border_lines]
    noded = shapely.union_all(np.array(lines, dtype=object), grid_size=0.01)
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(noded)))
    tree = shapely.STRtree(faces)
    plots = []
    for township_code, township_name in names.TOWNSHIPS:
        for (serial, community_name), (place, uses) in zip(
            names.COMMUNITIES[township_code], COMMUNITY_CELLS[township_code], strict=True
        ):
            own = [q for q in plan.grid_quads if (q.column, q.row) == place]
            for sequence, source in enumerate(in_numbering_order(own), start=1):
                (face,) = tree.query(source.quad.polygon.representative_point(), "intersects")
                plots.append(
                    GridPlot(
                        grid_code=f"{township_code}{serial}{sequence:03d}",
                        community_code=f"{township_code}{serial}",
                        community_name=community_name,
                        township_code=township_code,
                        township_name=township_name,
                        use=uses[sequence - 1],
                        source=source,
                        polygon=shapely.normalize(faces[face]),
                    )
                )
    return sorted(plots, key=lambda plot: plot.grid_code)


def in_numbering_order(grid_quads: list[GridQuad]) -> list[GridQuad]:
    """From west to east, then from north to south: the next in the row before the next row.

    Grids of a town are no chessboard, so the order is looked for: rows from the north, each from
    the west, rearranged as little as it takes until no grid comes right after one that it should
    come before (`_may_follow`).
    """
    bounds = [shapely.bounds(q.quad.polygon) for q in grid_quads]
    centres = [shapely.get_coordinates(q.quad.polygon.centroid)[0] for q in grid_quads]
    waiting = sorted(range(len(grid_quads)), key=lambda k: -bounds[k][3])
    rows: list[int] = []
    while waiting:
        # A row holds every grid whose middle is no lower than the foot of its northernmost.
        foot = bounds[waiting[0]][1]
        row = [k for k in waiting if centres[k][1] >= foot]
        rows += sorted(row, key=lambda k: centres[k][0])
        waiting = [k for k in waiting if k not in row]
    for order in permutations(rows):
        if all(
            _may_follow(bounds[a], centres[a], bounds[b], centres[b]) for a, b in pairwise(order)
        ):
            return [grid_quads[k] for k in order]
    return [grid_quads[k] for k in rows]


def _may_follow(bounds: Any, centre: Any, next_bounds: Any, next_centre: Any) -> bool:
    """Whether a grid may be numbered right after another: east of it in its row, or below it.

    Two are in a row where they share more than half of the taller one's height.
    """
    in_row = _shared(bounds, next_bounds, 1) > 0.5
    in_column = _shared(bounds, next_bounds, 0) > 0.5
    if in_row:
        return bool(in_column or next_centre[0] > centre[0])
    return bool(next_centre[1] <= centre[1])


def _shared(one: Any, other: Any, axis: int) -> float:
    shared = min(one[axis + 2], other[axis + 2]) - max(one[axis], other[axis])
    return float(shared / max(one[axis + 2] - one[axis], other[axis + 2] - other[axis]))


def dissolve(polygons: list[Any]) -> Any:
    """Join polygons that share their vertices; every vertex of the outer border stays."""
    return shapely.normalize(shapely.coverage_union_all(np.array(polygons, dtype=object)))
