"""Communities and grids: the street plan's faces get their codes, and tile without a gap.

The faces are polygonised from one noded linework, so neighbours share every vertex of their
border; communities, townships and the district are dissolved from them and keep those vertices.
"""

from __future__ import annotations

from dataclasses import dataclass
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

    A row holds every grid whose middle is no lower than the foot of the row's northernmost grid.
    """
    waiting = sorted(grid_quads, key=lambda q: -shapely.bounds(q.quad.polygon)[3])
    ordered: list[GridQuad] = []
    while waiting:
        foot = float(shapely.bounds(waiting[0].quad.polygon)[1])
        row = [q for q in waiting if q.quad.polygon.centroid.y >= foot]
        ordered += sorted(row, key=lambda q: q.quad.polygon.centroid.x)
        waiting = [q for q in waiting if q not in row]
    return ordered


def dissolve(polygons: list[Any]) -> Any:
    """Join polygons that share their vertices; every vertex of the outer border stays."""
    return shapely.normalize(shapely.coverage_union_all(np.array(polygons, dtype=object)))
