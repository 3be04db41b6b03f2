"""The places a caller's incidents lie in: which they are, where, beside which, and how large."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import shapely
from geopandas import GeoDataFrame
from h3ronpy import grid_disk
from numpy.typing import NDArray

from geo.h3_cells import h3_cell_area_m2, h3_cell_parent, h3_cell_polygons, h3_cell_resolution
from geo.incidents.columns import IncidentColumns
from layers.hotspots.ground import StreetPieces
from layers.neighbours import Neighbours, h3_neighbours, polygon_neighbours

By = Literal["h3", "grid"]
Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Codes = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class HotspotPlaces:
    """The n places of one caller, and where each incident the caller may see lies among them.

    `by` : what they are; `names` : (n,) H3 cells as text, or codes of grids
    `titles` : (n,) names of grids, empty of cells; `cells` : (n,) of H3, ascending; None of grids
    `outlines` : (n,) polygons, EPSG:4326; `bounds` : (n, 4) west, south, east, north
    `position` : (m,) place of each incident of the columns, -1: in none of them
    `households` : (n,) 0 where the grid states none; None of cells
    """

    by: By
    names: list[str]
    titles: list[str]
    cells: Ints | None
    outlines: NDArray[np.object_]
    bounds: Floats
    neighbours: Neighbours
    area_m2: Floats
    position: Codes
    households: Floats | None = None

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
        by="h3",
        names=[f"{cell:x}" for cell in area.tolist()],
        titles=[],
        cells=area,
        outlines=outlines,
        bounds=shapely.bounds(outlines).reshape(-1, 4),
        neighbours=h3_neighbours(area),
        area_m2=h3_cell_area_m2(area),
        position=np.searchsorted(area, cells).astype(np.int32)[code],
    )


def grid_places(columns: IncidentColumns, grids: GeoDataFrame) -> HotspotPlaces:
    """Return the caller's grids of a day; incidents in other grids, or in none, have no place.

    Parameters
    ----------
    columns : what the caller may see, and nothing else
    grids : as `geo.grids.load_grids` returns them
    """
    names = grids.index.tolist()
    at = {name: number for number, name in enumerate(names)}
    position = np.array([at.get(code, -1) for code in columns.grids] + [-1], dtype=np.int32)
    outlines = np.asarray(grids.geometry.to_numpy(), dtype=object)
    return HotspotPlaces(
        by="grid",
        names=names,
        titles=grids["name"].tolist(),
        cells=None,
        outlines=outlines,
        bounds=shapely.bounds(outlines).reshape(-1, 4),
        neighbours=polygon_neighbours(outlines),
        area_m2=grids["area_m2"].to_numpy(float),
        position=position[columns.grid],
        households=grids["household_count"].fillna(0).to_numpy(float),
    )


def street_metres(places: HotspotPlaces, pieces: StreetPieces) -> Floats:
    """Return how much street each place holds [m]."""
    if places.cells is None:
        at = {name: number for number, name in enumerate(places.names)}
        where = np.array([at.get(code, -1) for code in pieces.grid_code], dtype=np.int64)
    elif not len(places):
        where = np.full(len(pieces), -1)
    else:
        parents = h3_cell_parent(pieces.h3_cell, int(h3_cell_resolution(places.cells[:1])[0]))
        where = np.searchsorted(places.cells, parents)
        where[where == len(places)] = 0
        where[places.cells[where] != parents] = -1
    held = where >= 0
    return np.bincount(where[held], weights=pieces.length_m[held], minlength=len(places)).astype(
        float
    )
