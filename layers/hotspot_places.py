"""The places a caller's incidents lie in: which they are, where, beside which, and how large."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from h3ronpy import grid_disk
from numpy.typing import NDArray

from geo.h3_cells import h3_cell_area_m2, h3_cell_polygons
from geo.incidents.columns import IncidentColumns
from layers.neighbours import Neighbours, h3_neighbours

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Codes = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class HotspotPlaces:
    """The n places of one caller, and where each incident the caller may see lies among them.

    `names` : (n,) H3 cells as text
    `outlines` : (n,) polygons, EPSG:4326; `bounds` : (n, 4) west, south, east, north
    `position` : (m,) place of each incident of the columns
    """

    names: list[str]
    outlines: NDArray[np.object_]
    bounds: Floats
    neighbours: Neighbours
    area_m2: Floats
    position: Codes

    def __len__(self) -> int:
        return len(self.names)

    def reaching_into(self, bbox: tuple[float, float, float, float]) -> Flags:
        """Return which places share a point with a frame [degrees, WGS 84]."""
        west, south, east, north = bbox
        near = (
            (self.bounds[:, 0] <= east) & (self.bounds[:, 2] >= west)
            & (self.bounds[:, 1] <= north) & (self.bounds[:, 3] >= south)
        )  # fmt: skip
        inside = (
            (self.bounds[:, 0] >= west) & (self.bounds[:, 2] <= east)
            & (self.bounds[:, 1] >= south) & (self.bounds[:, 3] <= north)
        )  # fmt: skip
        unsure = np.flatnonzero(near & ~inside)
        near[unsure] = shapely.intersects(self.outlines[unsure], shapely.box(*bbox))
        return near


def h3_places(columns: IncidentColumns, resolution: int) -> HotspotPlaces:
    """Return every cell that ever held one of these incidents, and those beside them.

    So places without incidents belong to the area, and far fields don't.

    Parameters
    ----------
    columns : what the caller may see, and nothing else
    """
    cells, code = columns.cells(resolution)
    around = np.asarray(grid_disk(cells.view(np.uint64), 1, flatten=True), dtype=np.uint64)
    area = np.unique(around.view(np.int64))
    outlines = h3_cell_polygons(area)
    return HotspotPlaces(
        names=[f"{cell:x}" for cell in area.tolist()],
        outlines=outlines,
        bounds=shapely.bounds(outlines).reshape(-1, 4),
        neighbours=h3_neighbours(area),
        area_m2=h3_cell_area_m2(area),
        position=np.searchsorted(area, cells).astype(np.int32)[code],
    )
