"""Generated districts for benches and tests: irregular polygons that share crooked borders."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

Bounds = tuple[float, float, float, float]
BOUNDS = (112.0, 37.5, 113.0, 38.5)
_INNER_VERTICES = 8


def crooked_tessellation(
    count: int, *, seed: int = 1, bounds: Bounds = BOUNDS
) -> NDArray[np.object_]:
    """Return `count` polygons of some 54 vertices that cover `bounds` without gap or overlap.

    A Voronoi diagram of random points whose edges are replaced by crooked lines, each the same for
    both its sides, vertex by vertex. Where two lines would cross, both stay straight.
    """
    random = np.random.default_rng(seed)
    frame = shapely.box(*bounds)
    sites = random.uniform(bounds[:2], bounds[2:], (count, 2))
    diagram = shapely.voronoi_polygons(shapely.multipoints(sites), extend_to=frame)
    cells = shapely.intersection(shapely.get_parts(diagram), frame)
    # Rounded, so that both sides of an edge have the same numbers, whichever way it was cut.
    vertices, cell = shapely.get_coordinates(cells, return_index=True)
    vertices = vertices.round(9)
    same = cell[1:] == cell[:-1]
    segments = np.stack([vertices[:-1][same], vertices[1:][same]], axis=1)
    turned = (segments[:, 0, 0] > segments[:, 1, 0]) | (
        (segments[:, 0, 0] == segments[:, 1, 0]) & (segments[:, 0, 1] > segments[:, 1, 1])
    )
    segments[turned] = segments[turned, ::-1]
    segments = np.unique(segments.reshape(-1, 4), axis=0).reshape(-1, 2, 2)
    segments = segments[(segments[:, 0] != segments[:, 1]).any(axis=1)]
    straight = shapely.linestrings(segments)
    lines = _crooked(segments, random)
    on_frame = shapely.covers(shapely.boundary(frame), straight)
    lines[on_frame] = straight[on_frame]
    while len(crossing := np.unique(shapely.STRtree(lines).query(lines, predicate="crosses")[0])):
        lines[crossing] = straight[crossing]
    return np.asarray(shapely.get_parts(shapely.polygonize(lines)), dtype=object)


def _crooked(segments: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.object_]:
    start, along = segments[:, :1], segments[:, 1:] - segments[:, :1]
    across = along[:, :, ::-1] * (-1, 1)
    step = np.linspace(0, 1, _INNER_VERTICES + 2)[None, 1:-1, None]
    sway = random.normal(0, 0.16, (len(segments), _INNER_VERTICES, 1)) * np.minimum(step, 1 - step)
    inner = start + along * step + across * sway
    return np.asarray(
        shapely.linestrings(np.concatenate([start, inner, start + along], axis=1)), dtype=object
    )


def border_points(polygons: NDArray[np.object_]) -> NDArray[np.float64]:
    """Return nasty points, (n, 2): every vertex, points on every edge rounded to floating point,
    and each of these moved by one unit in the last place to all eight sides.
    """
    corners, polygon = shapely.get_coordinates(shapely.boundary(polygons), return_index=True)
    same = polygon[1:] == polygon[:-1]
    start, along = corners[:-1][same], np.diff(corners, axis=0)[same]
    on_edges = [start + along * share for share in (0.5, 0.3, 1e-9)]
    points = np.unique(np.concatenate([corners, *on_edges]), axis=0)
    moved = [points]
    for east in (-np.inf, None, np.inf):
        for north in (-np.inf, None, np.inf):
            x = points[:, 0] if east is None else np.nextafter(points[:, 0], east)
            y = points[:, 1] if north is None else np.nextafter(points[:, 1], north)
            moved.append(np.column_stack([x, y]))
    return np.concatenate(moved)
