"""What grids are measured by: how even, how compact, along which roads, who changes grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from geo.geodesy import geodesic_area_m2
from geo.local_plane import LocalPlane
from layers.balanced_grids.blocks import BlockMap

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BESIDE_M = 15.0  # a border this near to a road's middle runs along it: half a wide street


@dataclass(frozen=True)
class Evenness:
    """How even some loads are.

    mean : of the loads; deviation : (K,) of each from it, a fraction; 0 where nothing weighs
    most : the largest deviation; cv : standard deviation over mean
    """

    mean: float
    deviation: Floats
    most: float
    cv: float


def evenness(load: ArrayLike) -> Evenness:
    """Return how even some loads are."""
    loads = np.asarray(load, float)
    mean = float(loads.mean()) if len(loads) else 0.0
    if mean <= 0:
        return Evenness(0.0, np.zeros(len(loads)), 0.0, 0.0)
    away = loads / mean - 1.0
    return Evenness(mean, away, float(np.abs(away).max()), float(loads.std() / mean))


def compactness(area_m2: ArrayLike, around_m: ArrayLike) -> Floats:
    """Return the area over that of a circle with the same border, 0 to 1 (Polsby, Popper 1991)."""
    around = np.maximum(np.asarray(around_m, float), 1e-12)
    return np.asarray(4 * np.pi * np.asarray(area_m2, float) / around**2, float)


@dataclass(frozen=True)
class BorderLength:
    """The borders between grids [m], and the shares of it along a road and along a big one."""

    length_m: float
    road_share: float
    big_share: float


def measure_borders(blocks: BlockMap, label: Ints) -> BorderLength:
    """Return the borders between grids made of blocks."""
    cut = label[blocks.first] != label[blocks.second]
    length = float(blocks.border_m[cut].sum())
    whole = max(length, 1e-12)
    return BorderLength(
        length,
        float(blocks.along_road_m[cut].sum()) / whole,
        float(blocks.along_big_m[cut].sum()) / whole,
    )


def shapes_of_plan(blocks: BlockMap, label: Ints, count: int) -> tuple[Floats, Floats]:
    """Return area [m2, on the spheroid] and compactness of each of `count` grids."""
    cut = label[blocks.first] != label[blocks.second]
    around = np.bincount(label, blocks.outer_m, minlength=count)
    for side in (blocks.first, blocks.second):
        around += np.bincount(label[side[cut]], blocks.border_m[cut], minlength=count)
    flat = np.bincount(label, blocks.area_m2, minlength=count)
    round_area = np.bincount(label, geodesic_area_m2(blocks.polygons), minlength=count)
    return round_area.astype(float), compactness(flat, around)


def shapes_of_polygons(polygons: Any) -> tuple[Floats, Floats]:
    """Return area [m2, on the spheroid] and compactness of each polygon, EPSG:4326."""
    shapes = np.asarray(polygons, dtype=object)
    flat = LocalPlane.around(shapes).to_metres(shapes)
    return (
        np.asarray(geodesic_area_m2(shapes), float),
        compactness(shapely.area(flat), shapely.length(flat)),
    )


def borders_of_polygons(
    polygons: Any, area: Any, lines: NDArray[np.object_], is_big: NDArray[np.bool_]
) -> BorderLength:
    """Return the borders between any grids, and how much of it lies within `BESIDE_M` of roads.

    Unlike `measure_borders` it needs no blocks, so that grids drawn by others can be measured.

    Parameters
    ----------
    polygons, area, lines : EPSG:4326; is_big : (k,) of each line
    """
    plane = LocalPlane.around([area])
    shapes = plane.to_metres(np.asarray(polygons, dtype=object))
    borders = shapely.union_all(shapely.boundary(shapes))
    inner = shapely.difference(
        borders, shapely.buffer(shapely.boundary(plane.to_metres(area)), BESIDE_M)
    )
    length = float(shapely.length(inner))
    near = plane.to_metres(lines)
    tree = shapely.STRtree(near)
    reached = np.unique(tree.query(inner, predicate="dwithin", distance=BESIDE_M))

    def share(kept: Ints) -> float:
        if not len(kept) or not length:
            return 0.0
        beside = shapely.union_all(shapely.buffer(near[kept], BESIDE_M))
        return float(shapely.length(shapely.intersection(inner, beside))) / length

    return BorderLength(length, share(reached), share(reached[is_big[reached]]))
