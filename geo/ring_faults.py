"""Broken rings: found one polygon at a time, named, placed and measured; nothing is mended
silently. Only points that stand twice are dropped, which changes no shape, and said.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.faults import FaultKind, GridFault, Severity
from geo.geodesy import geodesic_distance_m

CROSSINGS_COUNTED_MAX = 1_000  # vertices; all pairs of edges of a longer ring take too long
_PLACES_SHOWN = 1_000  # points of one fault in the fault file
_REASON = re.compile(r"^(.*?)\s*\[\s*([-+0-9.eE]+)\s+([-+0-9.eE]+)")

_POLYGON = shapely.GeometryType.POLYGON
_MULTIPOLYGON = shapely.GeometryType.MULTIPOLYGON
_COLLECTION = shapely.GeometryType.GEOMETRYCOLLECTION


@dataclass(frozen=True, slots=True)
class SoundPolygon:
    """A polygon after the look at its rings: valid multipolygon or None, and what was found."""

    geometry: Any | None
    faults: tuple[GridFault, ...]


def read_wkb_polygon(wkb: bytes | None) -> tuple[Any | None, bool]:
    """Return the geometry of a WKB and whether a ring of it was left open (it is closed here).

    A WKB that can't be read answers (None, False).
    """
    if wkb is None:
        return None, False
    with np.errstate(invalid="ignore"):  # NaN is judged later, as a coordinate
        # GEOS refuses an open ring as such; "fix" closes it. What neither reads is damaged.
        found: Any = shapely.from_wkb(wkb, on_invalid="ignore")
        if found is not None:
            return found, False
        found = shapely.from_wkb(wkb, on_invalid="fix")
    return found, found is not None


def examine_polygon(
    geometry: Any | None, *, label: str, codes: tuple[str, ...], row: int, was_open: bool
) -> SoundPolygon:
    """Return a polygon of one grid as a valid multipolygon, or why it is none.

    Parameters
    ----------
    geometry : shapely geometry, EPSG:4326, coordinates finite; None: missing
    label : how a sentence names the grid, such as: Grid “140106001005001”
    was_open : a ring wasn't closed in the file
    """

    def fault(
        kind: FaultKind, text: str, place: Any | None = None, *, warning: bool = False,
        width_m: float | None = None,
    ) -> GridFault:  # fmt: skip
        return GridFault(
            kind=kind,
            severity=Severity.WARNING if warning else Severity.ERROR,
            text=text,
            grid_codes=codes,
            rows=(row,),
            width_m=width_m,
            geometry=place,
        )

    if geometry is None or shapely.is_empty(geometry):
        text = f"{label} has no geometry. Draw it, or leave the row out."
        return SoundPolygon(None, (fault(FaultKind.GEOMETRY_MISSING, text),))
    parts = _polygon_parts(geometry)
    if parts is None:
        text = (
            f"{label} is a {geometry.geom_type}, wanted a polygon or multipolygon. "
            "Export polygons only."
        )
        return SoundPolygon(None, (fault(FaultKind.GEOMETRY_NOT_POLYGON, text, geometry),))
    if was_open:
        opening, length_m = _closing_edge(parts)
        text = (
            f"{label} has a ring that isn't closed: {length_m:,.1f} m lie between its last and its "
            "first point. Close it; part of the ring may be missing."
        )
        return SoundPolygon(
            None, (fault(FaultKind.RING_UNCLOSED, text, opening, width_m=length_m),)
        )
    faults: list[GridFault] = []
    repeated, fewest_edges = _repeated_points(parts)
    if fewest_edges < 3:
        kind, text = _words("Too few points", label, parts)
        place = shapely.points(shapely.get_coordinates(parts)[0])
        return SoundPolygon(None, (fault(kind, text, place),))
    cleaned = shapely.remove_repeated_points(parts)
    if len(repeated):
        text = f"{label} repeats {len(repeated)} of its points. They are left out; the shape stays."
        places = shapely.multipoints(repeated[:_PLACES_SHOWN])
        faults.append(fault(FaultKind.RING_DUPLICATE_POINTS, text, places, warning=True))
    multipolygon = shapely.multipolygons(cleaned)
    if shapely.is_valid(multipolygon):
        return SoundPolygon(multipolygon, tuple(faults))
    reason, place = _first_reason(multipolygon)
    kind, text = _words(reason, label, cleaned)
    return SoundPolygon(None, (*faults, fault(kind, text, place)))


def _polygon_parts(geometry: Any) -> NDArray[np.object_] | None:
    """The polygons of a geometry in two dimensions, None where it holds anything else."""
    flat = shapely.force_2d(geometry)
    if shapely.get_type_id(flat) not in (_POLYGON, _MULTIPOLYGON, _COLLECTION):
        return None
    parts = shapely.get_parts(flat)
    while (shapely.get_type_id(parts) >= shapely.GeometryType.MULTIPOINT).any():
        parts = shapely.get_parts(parts)
    parts = parts[~shapely.is_empty(parts)]
    if not len(parts) or (shapely.get_type_id(parts) != _POLYGON).any():
        return None
    return np.asarray(parts, dtype=object)


def _closing_edge(parts: NDArray[np.object_]) -> tuple[Any, float]:
    """The longest edge that closes a ring, which is the one that was added."""
    edges, lengths = [], []
    for ring in shapely.get_rings(parts):
        last, first = shapely.get_coordinates(ring)[-2:]
        edges.append(shapely.linestrings([last, first]))
        lengths.append(geodesic_distance_m(*(float(part) for part in (*last, *first))))
    longest = int(np.argmax(lengths))
    return edges[longest], lengths[longest]


def _repeated_points(parts: NDArray[np.object_]) -> tuple[NDArray[np.float64], int]:
    """The points that equal the one before, and the fewest edges with a length in any ring."""
    rings = shapely.get_rings(parts)
    coordinates, ring = shapely.get_coordinates(rings, return_index=True)
    in_ring = ring[1:] == ring[:-1]
    again = (coordinates[1:] == coordinates[:-1]).all(axis=1) & in_ring
    edges = np.bincount(ring[1:][in_ring & ~again], minlength=len(rings))
    return np.asarray(coordinates[1:][again]), int(edges.min())


def _first_reason(geometry: Any) -> tuple[str, Any]:
    said = str(shapely.is_valid_reason(geometry))
    found = _REASON.match(said)
    if found is None:
        return said, shapely.points(shapely.get_coordinates(geometry)[0])
    return found[1], shapely.points(float(found[2]), float(found[3]))


def _words(reason: str, label: str, parts: NDArray[np.object_]) -> tuple[FaultKind, str]:
    """The kind and the sentence for what GEOS says of an invalid polygon."""
    remedy = "Mend it where the fault file shows it."
    if reason.startswith("Self-intersection"):
        crossings = [_crossing_count(ring) for ring in shapely.get_rings(parts)]
        counted = None if None in crossings else sum(count or 0 for count in crossings)
        if counted == 0 and (shapely.area(shapely.polygons(shapely.get_rings(parts))) == 0).any():
            return _words("Too few points", label, parts)
        if counted == 1:
            return (
                FaultKind.RING_BOW_TIE,
                f"{label} is a bow tie: its ring crosses itself once, so two points probably "
                f"stand in the wrong order. {remedy}",
            )
        if counted == 0:
            return (
                FaultKind.RINGS_MISPLACED,
                f"{label} has parts or holes that cross or cover each other. {remedy}",
            )
        times = f"{counted} times" if counted is not None else "at least once"
        return (
            FaultKind.RING_CROSSES_ITSELF,
            f"{label} has a ring that crosses itself {times}. {remedy}",
        )
    if reason.startswith(("Ring Self-intersection", "Interior is disconnected")):
        return (
            FaultKind.RING_TOUCHES_ITSELF,
            f"{label} has a ring that touches itself, so that it falls into parts there. {remedy}",
        )
    if reason.startswith(("Hole lies outside", "Nested", "Holes are nested", "Duplicate Rings")):
        return (
            FaultKind.RINGS_MISPLACED,
            f"{label} has a hole outside its border, or parts inside each other ({reason.lower()})"
            f". {remedy}",
        )
    if reason.startswith("Too few"):
        return (
            FaultKind.RING_TOO_FEW_POINTS,
            f"{label} has a ring of fewer than three different points, or without area. {remedy}",
        )
    return FaultKind.GEOMETRY_UNREADABLE, f"{label} is no valid polygon: {reason}. {remedy}"


def _crossing_count(ring: Any) -> int | None:
    """How often edges of a ring cross in their midst; None where the ring is too long to count."""
    points = shapely.get_coordinates(ring)
    if len(points) > CROSSINGS_COUNTED_MAX:
        return None
    start, step = points[:-1], np.diff(points, axis=0)
    # Edge i crosses edge j where the ends of each lie on both sides of the other.
    offset = start[None, :, :] - start[:, None, :]
    side_of_start = step[:, None, 0] * offset[..., 1] - step[:, None, 1] * offset[..., 0]
    end_offset = offset + step[None, :, :]
    side_of_end = step[:, None, 0] * end_offset[..., 1] - step[:, None, 1] * end_offset[..., 0]
    parted = side_of_start * side_of_end < 0
    return int(np.triu(parted & parted.T, 1).sum())
