"""Lines become faces that cover an area exactly, and each piece of border knows its two faces.

All in degrees as they are stored: nothing is rounded, so the outer border stays the neighbours'
own to the last bit, and measured in a local plane.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.errors import InvalidInput
from geo.local_plane import LocalPlane

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_ON_LINE_M = 0.05  # a piece of border runs along a line that is nearer than this
_AREA_SHARE = 1e-6  # of the area that may be lost to rounding


@dataclass(frozen=True)
class Faces:
    """n faces and m pieces of border between two of them.

    polygons : (n,) polygons, EPSG:4326, no two overlap, together the area
    first, second : (m,) the faces of each piece, first < second
    length_m : (m,) [m]
    line : (m,) the line of the input it runs along, -1 where it runs along none
    """

    polygons: NDArray[np.object_]
    first: Ints
    second: Ints
    length_m: Floats
    line: Ints

    def __len__(self) -> int:
        return len(self.polygons)


def cut_into_faces(area: Any, lines: NDArray[np.object_], rank: Floats) -> Faces:
    """Return the faces that lines cut an area into.

    Lines that end in a face cut nothing. Where several lines run along a piece, the one of the
    least rank counts.

    Parameters
    ----------
    area : valid polygon or multipolygon, EPSG:4326
    lines : (k,) lines, EPSG:4326; they may reach out of the area
    rank : (k,)

    Raises
    ------
    InvalidInput : the area can't be cut exactly; its border is broken
    """
    reaching = np.flatnonzero(shapely.intersects(area, lines)) if len(lines) else np.zeros(0, int)
    used = lines[reaching]
    noded = shapely.union_all(np.append(used, shapely.boundary(area)))
    found = shapely.get_parts(shapely.polygonize(shapely.get_parts(noded)))
    shapely.prepare(area)
    inside = shapely.contains_xy(area, *shapely.get_coordinates(shapely.point_on_surface(found)).T)
    polygons = found[inside]
    whole = float(shapely.area(area))
    if not abs(float(shapely.area(polygons).sum()) - whole) <= _AREA_SHARE * whole:
        raise InvalidInput(
            "The area can't be cut along its roads without a rest: its border crosses or touches "
            "itself. Check it: gridbeat areas show CODE, or give another boundary.",
            field="area",
        )
    polygons = polygons[_west_to_east(polygons)]
    first, second, ends = _shared_pieces(polygons)
    plane = LocalPlane.around([area])
    start = plane.points_to_metres(ends[:, 0], ends[:, 1])
    stop = plane.points_to_metres(ends[:, 2], ends[:, 3])
    line = _line_below((start + stop) / 2, plane.to_metres(used), rank[reaching])
    return Faces(
        polygons,
        first,
        second,
        np.hypot(*(stop - start).T),
        np.where(line >= 0, reaching[line] if len(reaching) else -1, -1).astype(np.int64),
    )


def _west_to_east(polygons: NDArray[np.object_]) -> Ints:
    """The order of polygons by their places, so that the order of lines changes no answer."""
    bounds = shapely.bounds(polygons)
    return np.lexsort((bounds[:, 3], bounds[:, 2], bounds[:, 1], bounds[:, 0]))


def _shared_pieces(polygons: NDArray[np.object_]) -> tuple[Ints, Ints, Floats]:
    """Pieces of ring that two polygons have: both, and the ends (m, 4)."""
    rings, owner = shapely.get_rings(polygons, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    follows = ring[1:] == ring[:-1]
    _, point = np.unique(xy[:, 0] + 1j * xy[:, 1], return_inverse=True)
    tail, head = point[:-1][follows], point[1:][follows]
    face = owner[ring[:-1][follows]]
    ends = np.hstack((xy[:-1][follows], xy[1:][follows]))
    key = np.minimum(tail, head).astype(np.int64) * (len(xy) + 1) + np.maximum(tail, head)
    order = np.lexsort((face, key))
    twice = np.flatnonzero(key[order][1:] == key[order][:-1])
    one, other = order[twice], order[twice + 1]
    differs = face[one] != face[other]
    return face[one[differs]], face[other[differs]], ends[one[differs]]


def _line_below(middles: Floats, lines: NDArray[np.object_], rank: Floats) -> Ints:
    """The line of least rank each point lies on, -1 on none."""
    best = np.full(len(middles), -1, np.int64)
    if not len(lines) or not len(middles):
        return best
    tree = shapely.STRtree(lines)
    point, line = tree.query(shapely.points(middles), predicate="dwithin", distance=_ON_LINE_M)
    order = np.lexsort((line, -rank[line]))  # the least comes last and is what stays
    best[point[order]] = line[order]
    return best
