"""Lines through a block that holds too much for one grid: between its buildings, or hexagons."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.spatial import Voronoi

from geo.geodesy import geodesic_area_m2
from geo.h3_cells import (
    h3_cell_area_m2,
    h3_cell_polygons,
    lonlat_to_h3_cell,
    polygon_to_h3_cells,
)
from geo.local_plane import LocalPlane

PIECES_A_SHARE = 24  # pieces that a grid's share is parted into at most
CELLS_OF_AREA = 300  # hexagons an area without roads and buildings is laid out in, about
H3_FINEST = 12
_OVER_DEG = 1e-7  # a line reaches a centimetre beyond the block, so that it surely meets its edge
_FAR = 20.0  # times the block's size: helpers that make every line between buildings end


def lines_between_places(block: Any, points: pd.DataFrame, *, share: float) -> NDArray[np.object_]:
    """Return lines that part a block between its buildings, each half-way between two.

    Where there are more than `PIECES_A_SHARE` buildings for a grid's share, neighbours stay
    together.

    Parameters
    ----------
    block : polygon, EPSG:4326
    points : those in it: columns `lon`, `lat`, `weight`, `building`

    Returns
    -------
    (k,) lines, EPSG:4326; none where there is one building
    """
    plane = LocalPlane.around([block])
    xy = plane.points_to_metres(points["lon"], points["lat"])
    place, first, at = np.unique(np.round(xy, 2), axis=0, return_index=True, return_inverse=True)
    weight = np.bincount(at.ravel(), points["weight"].to_numpy(float), minlength=len(place)).astype(
        float
    )
    _, building = np.unique(points["building"].astype(str).to_numpy()[first], return_inverse=True)
    group = _neighbours_together(place, weight, building, share / PIECES_A_SHARE)
    if group.max(initial=0) == 0:
        return np.zeros(0, object)
    reach = _FAR * max(np.ptp(place, axis=0).max(), shapely.length(plane.to_metres(block)))
    around = np.linspace(0, 2 * np.pi, 9)[:-1] + 0.1
    far = place.mean(axis=0) + reach * np.column_stack((np.cos(around), np.sin(around)))
    cells = Voronoi(np.vstack((place, far)))
    owner = np.append(group, np.full(len(far), -1))[cells.ridge_points]
    ends = np.array(cells.ridge_vertices, np.int64)
    parts = (owner[:, 0] != owner[:, 1]) & (owner >= 0).all(axis=1) & (ends >= 0).all(axis=1)
    lines = plane.to_degrees(shapely.linestrings(cells.vertices[ends[parts]]))
    cut = shapely.intersection(lines, shapely.buffer(block, _OVER_DEG))
    pieces = shapely.get_parts(cut)
    return np.asarray(pieces[shapely.length(pieces) > 0], object)


def _neighbours_together(
    place: NDArray[np.float64], weight: NDArray[np.float64], building: Any, least: float
) -> NDArray[np.int64]:
    """Number groups of buildings that each weigh `least` about: halved again and again, across
    the longer side."""
    count = int(building.max()) + 1
    share = np.bincount(building, weight, minlength=count)
    size = np.maximum(np.bincount(building, minlength=count), 1)
    middle = np.column_stack(
        [np.bincount(building, place[:, axis], minlength=count) / size for axis in (0, 1)]
    )
    group = np.zeros(count, np.int64)
    waiting, number = [np.arange(count)], 0
    while waiting:
        own = waiting.pop()
        if len(own) > 1 and share[own].sum() > least:
            own = own[
                np.argsort(middle[own, np.argmax(np.ptp(middle[own], axis=0))], kind="stable")
            ]
            done = np.cumsum(share[own])
            half = int(np.searchsorted(done, done[-1] / 2)) + 1
            half = min(max(half, 1), len(own) - 1)
            waiting += [own[half:], own[:half]]
            continue
        group[own] = number
        number += 1
    return np.asarray(group[building], np.int64)


def cells_of_area(area: Any) -> NDArray[np.object_]:
    """Return the outlines of H3 cells over an area, so fine that there are some hundred."""
    wanted = float(geodesic_area_m2(np.array([area], object))[0]) / CELLS_OF_AREA
    middle = shapely.point_on_surface(area)
    resolution = 0
    while resolution < H3_FINEST and _cell_area_m2(middle, resolution) > wanted:
        resolution += 1
    cells = polygon_to_h3_cells(area, resolution)["h3_cell"].to_numpy(np.int64)
    return np.asarray(shapely.boundary(h3_cell_polygons(cells)), object)


def _cell_area_m2(point: Any, resolution: int) -> float:
    return float(h3_cell_area_m2([lonlat_to_h3_cell(point.x, point.y, resolution)])[0])
