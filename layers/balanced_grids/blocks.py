"""The blocks of an area: what a grid is made of, since a grid follows roads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from geo.assignment import NO_GRID, GridAssigner
from geo.crs import require_wgs84
from geo.errors import InvalidInput
from geo.local_plane import LocalPlane
from layers.balanced_grids.dividers import (
    BIG_CLASSES,
    BLOCK_CLASSES,
    NO_ROAD,
    base_class,
    price_of,
)
from layers.balanced_grids.linework import Faces, cut_into_faces
from layers.balanced_grids.parting import cells_of_area, lines_between_places

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

THIN_M = 8.0  # narrower than a street with its pavements: between carriageways, beside a border
PART_ABOVE = 0.5  # of a grid's share: a block that holds more is parted between its buildings
SMALL_M2 = 200.0  # a traffic island
_MERGING_ROUNDS = 8


@dataclass(frozen=True)
class BlockMap:
    """n blocks that cover an area exactly, and m pairs of them that share a border.

    area : the polygon or multipolygon they cover, EPSG:4326
    polygons : (n,) EPSG:4326, west to east
    area_m2, outer_m : (n,) size in the local plane, length of the area's own border
    xy : (n, 2) middle of each, metres in the local plane
    first, second : (m,) blocks of each pair, first < second
    border_m, price, along_road_m, along_big_m : (m,) shared border, what it costs to draw a
        grid's border there, how much of it runs along a road, along a big one
    is_bridge : (m,) a pair without a border: the nearest blocks of two parts of the area
    point_block : (p,) the block of each point, -1 outside of the area
    part_count : pieces the area consists of
    parted_count : blocks that hold so much that they were parted between buildings
    is_by_cells : no road and no building parts the area, so hexagons do
    """

    area: Any
    polygons: NDArray[np.object_]
    area_m2: Floats
    outer_m: Floats
    xy: Floats
    first: Ints
    second: Ints
    border_m: Floats
    price: Floats
    along_road_m: Floats
    along_big_m: Floats
    is_bridge: NDArray[np.bool_]
    point_block: Ints
    part_count: int
    parted_count: int
    is_by_cells: bool

    def __len__(self) -> int:
        return len(self.polygons)

    def sums(self, values: Any) -> Floats:
        """Return what points weigh in each block, (n,), of (p,) values."""
        inside = self.point_block >= 0
        values = np.asarray(values, float)
        held = np.bincount(self.point_block[inside], values[inside], minlength=len(self))
        return held.astype(float)


def build_blocks(
    area: Any,
    roads: gpd.GeoDataFrame | None,
    points: pd.DataFrame,
    *,
    share: float,
    block_classes: Sequence[str] = BLOCK_CLASSES,
    part_above: float = PART_ABOVE,
) -> BlockMap:
    """Return the blocks between the roads of an area.

    Blocks narrower than `THIN_M` or smaller than `SMALL_M2` belong to a neighbour. A block that
    holds more than `part_above` of a grid's share is parted between its buildings. Without roads
    and buildings, hexagons take their place.

    Parameters
    ----------
    area : valid polygon or multipolygon, EPSG:4326
    roads : lines with column `road_class` (OpenStreetMap's words; also `rail`, `river`),
        EPSG:4326; None: there are none
    points : (p,) columns `lon`, `lat` [degrees], `weight`, `building` (alike: one building)
    share : what a grid is to hold, in the unit of `weight`
    block_classes : classes of road that part blocks, links with their roads

    Raises
    ------
    InvalidInput : no area, or one that can't be cut; weights below zero or unknown
    CRSMismatch : `roads` is not EPSG:4326
    """
    if area is not None and not shapely.is_valid(area):
        raise InvalidInput(
            f"The area's border is broken ({shapely.is_valid_reason(area)}). Mend it in its file.",
            field="area",
        )
    if area is None or shapely.is_empty(area) or not shapely.area(area) > 0:
        raise InvalidInput(
            "There is no area to split. Give a polygon: import the community's border, or its "
            "grids.",
            field="area",
        )
    weight = points["weight"].to_numpy(float)
    if not (weight >= 0).all():
        raise InvalidInput(
            "A weight is below zero or missing. Give 0 or more for every point.", field="weight"
        )
    lines, classes = _dividers(roads, block_classes)
    faces, block = _merged(cut_into_faces(area, lines, _ranks(classes)), classes)
    where = _blocks_of(faces, block, points)
    added, parted_count = _parting_lines(faces, block, where, points, share, part_above)
    is_by_cells = False
    if not added and block.max() == 0 and not weight[where >= 0].any():
        added, is_by_cells = [cells_of_area(area)], True
    if added:
        lines = np.concatenate((lines, *added))
        classes = [*classes, *[NO_ROAD] * (len(lines) - len(classes))]
        faces, block = _merged(cut_into_faces(area, lines, _ranks(classes)), classes)
        where = _blocks_of(faces, block, points)
    return _mapped(area, faces, block, classes, where, parted_count, is_by_cells)


def _dividers(
    roads: gpd.GeoDataFrame | None, block_classes: Sequence[str]
) -> tuple[NDArray[np.object_], list[str]]:
    if roads is None or not len(roads):
        return np.zeros(0, object), []
    require_wgs84(roads, "roads")
    wanted = {base_class(name) for name in block_classes}
    classes = [base_class(name) for name in roads["road_class"]]
    chosen = np.array([name in wanted for name in classes], bool)
    lines = roads.geometry.to_numpy()
    chosen &= ~(shapely.is_missing(lines) | shapely.is_empty(lines))
    return np.asarray(lines[chosen], object), [c for c, k in zip(classes, chosen, strict=True) if k]


def _ranks(classes: Sequence[str]) -> Floats:
    return np.array([price_of(name) for name in classes], float)


def _merged(faces: Faces, classes: Sequence[str]) -> tuple[Faces, Ints]:
    """Return the block of each face: thin and small ones go to a neighbour."""
    plane = LocalPlane.around(faces.polygons)
    shapes = plane.to_metres(faces.polygons)
    area, around = shapely.area(shapes), shapely.length(shapes)
    block = np.arange(len(faces))
    worth = faces.length_m * _piece_prices(faces, classes)
    for _ in range(_MERGING_ROUNDS):
        size = np.bincount(block, area)
        inner = block[faces.first] == block[faces.second]
        border = np.bincount(block, around) - 2 * np.bincount(
            block[faces.first[inner]], faces.length_m[inner], minlength=len(size)
        )
        thin = (2 * size < THIN_M * border) | (size < SMALL_M2)
        one = np.concatenate((block[faces.first[~inner]], block[faces.second[~inner]]))
        other = np.concatenate((block[faces.second[~inner]], block[faces.first[~inner]]))
        pairs = coo_array((np.tile(worth[~inner], 2), (one, other)), shape=(len(size),) * 2).tocsr()
        pairs.sum_duplicates()
        joined_one, joined_other = [], []
        for k in np.flatnonzero(thin):
            begin, end = pairs.indptr[k], pairs.indptr[k + 1]
            if begin < end:
                joined_one.append(k)
                joined_other.append(pairs.indices[begin + np.argmax(pairs.data[begin:end])])
        if not joined_one:
            break
        joins = coo_array(
            (np.ones(len(joined_one)), (joined_one, joined_other)), shape=(len(size),) * 2
        )
        block = connected_components(joins, directed=False)[1][block].astype(np.int64)
    # Numbered by their westernmost face, as faces are.
    _, first_face, numbered = np.unique(block, return_index=True, return_inverse=True)
    return faces, np.argsort(np.argsort(first_face))[numbered].astype(np.int64)


def _piece_prices(faces: Faces, classes: Sequence[str]) -> Floats:
    price = np.array([price_of(name) for name in [*classes, NO_ROAD]], float)
    return price[faces.line]  # -1: the last


def _blocks_of(faces: Faces, block: Ints, points: pd.DataFrame) -> Ints:
    codes = [f"{k:09d}" for k in range(len(faces))]
    face = GridAssigner(codes, faces.polygons).assign(
        points["lon"].to_numpy(float), points["lat"].to_numpy(float)
    )
    return np.where(face == NO_GRID, -1, block[face]).astype(np.int64)


def _parting_lines(
    faces: Faces, block: Ints, where: Ints, points: pd.DataFrame, share: float, part_above: float
) -> tuple[list[NDArray[np.object_]], int]:
    """Lines between the buildings of blocks that hold too much."""
    inside = where >= 0
    held = np.bincount(
        where[inside], points["weight"].to_numpy(float)[inside], minlength=int(block.max()) + 1
    )
    found = []
    for k in np.flatnonzero(held > part_above * share):
        shape = shapely.coverage_union_all(faces.polygons[block == k])
        lines = lines_between_places(shape, points[where == k], share=share)
        if len(lines):
            found.append(lines)
    return found, len(found)


def _mapped(
    area: Any,
    faces: Faces,
    block: Ints,
    classes: Sequence[str],
    where: Ints,
    parted_count: int,
    is_by_cells: bool,
) -> BlockMap:
    count = int(block.max()) + 1
    order = np.argsort(block, kind="stable")
    groups = np.split(faces.polygons[order], np.cumsum(np.bincount(block))[:-1])
    polygons = np.array(
        [g[0] if len(g) == 1 else shapely.coverage_union_all(g) for g in groups], object
    )
    plane = LocalPlane.around([area])
    shapes = plane.to_metres(polygons)
    one, other = block[faces.first], block[faces.second]
    kept = one != other
    low, high = np.minimum(one, other)[kept], np.maximum(one, other)[kept]
    key, pair = np.unique(low * count + high, return_inverse=True)
    length = faces.length_m[kept]
    names = [*classes, NO_ROAD]
    on_road = np.array([name != NO_ROAD for name in names])[faces.line[kept]]
    on_big = np.array([name in BIG_CLASSES for name in names])[faces.line[kept]]

    def total(values: Any) -> Floats:
        return np.bincount(pair, values, minlength=len(key)).astype(float)

    border = total(length)
    first, second = (key // count).astype(np.int64), (key % count).astype(np.int64)
    shared = np.bincount(first, border, count) + np.bincount(second, border, count)
    bridges = _bridges(shapes, first, second)
    none = np.zeros(len(bridges))
    return BlockMap(
        area=area,
        polygons=polygons,
        area_m2=shapely.area(shapes),
        outer_m=np.maximum(shapely.length(shapes) - shared, 0.0),
        xy=np.column_stack((shapely.get_x(c := shapely.centroid(shapes)), shapely.get_y(c))),
        first=np.concatenate((first, bridges[:, 0])),
        second=np.concatenate((second, bridges[:, 1])),
        border_m=np.concatenate((border, none)),
        price=np.concatenate((total(length * _piece_prices(faces, classes)[kept]), none)),
        along_road_m=np.concatenate((total(length * on_road), none)),
        along_big_m=np.concatenate((total(length * on_big), none)),
        is_bridge=np.concatenate((np.zeros(len(key), bool), np.ones(len(bridges), bool))),
        point_block=where,
        part_count=len(bridges) + 1,
        parted_count=parted_count,
        is_by_cells=is_by_cells,
    )


def _bridges(shapes: NDArray[np.object_], first: Ints, second: Ints) -> Ints:
    """Pairs (k, 2) of blocks that join the parts of an area, by the shortest ways over."""
    links = coo_array((np.ones(len(first)), (first, second)), shape=(len(shapes),) * 2)
    count, part = connected_components(links, directed=False)
    found = []
    while count > 1:
        # The smallest part goes to what is nearest to it; then anew.
        sizes = np.bincount(part, shapely.area(shapes), minlength=count)
        own = np.flatnonzero(part == np.argmin(sizes))
        others = np.flatnonzero(part != np.argmin(sizes))
        pair, apart = shapely.STRtree(shapes[others]).query_nearest(
            shapes[own], return_distance=True, all_matches=False
        )
        nearest = int(np.argmin(apart))
        one, other = int(own[pair[0, nearest]]), int(others[pair[1, nearest]])
        found.append((min(one, other), max(one, other)))
        part = np.where(part == part[one], part[other], part)
        _, part = np.unique(part, return_inverse=True)
        count -= 1
    return np.array(found, np.int64).reshape(-1, 2)
