"""How polygons lie together: overlaps, gaps, slivers, and grids that leave their community.

All measuring is done in a plane where straight edges stay straight (`geo.local_plane`), areas
that a person reads are taken on the spheroid. A piece's width is 2 x area / perimeter: the mean
width of a strip, half the side of a square.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.faults import (
    FaultKind,
    FaultLimits,
    GridFault,
    Severity,
    name_grids,
    text_of_area,
)
from geo.geodesy import geodesic_area_m2
from geo.local_plane import LocalPlane

PolygonArray = NDArray[np.object_]

_QUERY_BLOCK = 256  # polygons a tree query; bounds its memory where all overlap all
_STRIP_ELONGATION = 8.0  # length over width of an open gap; less is a corner of the outline
_SIMPLIFIED_VERTICES_MAX = 500_000  # beyond, open gaps aren't looked for: it would take minutes


@dataclass(frozen=True, slots=True)
class Coverage:
    """Valid grids to be checked together with those around them that stay.

    codes : (n,) of the new grids; rows : (n,) in their file
    metres : (n,) polygons in the plane [m]
    standing_codes, standing_metres : grids in force that the new ones don't replace
    """

    plane: LocalPlane
    codes: tuple[str, ...]
    rows: tuple[int, ...]
    metres: PolygonArray
    standing_codes: tuple[str, ...]
    standing_metres: PolygonArray

    @classmethod
    def of(
        cls,
        codes: tuple[str, ...],
        rows: tuple[int, ...],
        polygons: PolygonArray,
        standing_codes: tuple[str, ...] = (),
        standing_polygons: PolygonArray | None = None,
    ) -> Coverage:
        """Return the coverage of valid polygons, EPSG:4326, at least one of them new."""
        standing = np.empty(0, dtype=object) if standing_polygons is None else standing_polygons
        plane = LocalPlane.around(polygons)
        return cls(
            plane,
            codes,
            rows,
            np.asarray(plane.to_metres(polygons), dtype=object),
            standing_codes,
            np.asarray(plane.to_metres(standing), dtype=object),
        )

    @property
    def all_metres(self) -> PolygonArray:
        return np.concatenate([self.metres, self.standing_metres])

    @property
    def all_codes(self) -> tuple[str, ...]:
        return (*self.codes, *self.standing_codes)

    def rows_of(self, positions: Any) -> tuple[int, ...]:
        return tuple(self.rows[at] for at in positions if at < len(self.rows))


def find_overlaps(coverage: Coverage, limits: FaultLimits) -> Iterator[GridFault]:
    """Yield each pair of grids that share ground, the new with the new and with the standing."""
    everything = coverage.all_metres
    tree = shapely.STRtree(everything)
    for start in range(0, len(coverage.metres), _QUERY_BLOCK):
        block = coverage.metres[start : start + _QUERY_BLOCK]
        first, second = tree.query(block, predicate="intersects")
        first = first + start
        ordered = (second > first) & ~shapely.touches(everything[first], everything[second])
        for one, other in zip(first[ordered], second[ordered], strict=True):
            shared = shapely.intersection(everything[one], everything[other])
            yield from _overlap(coverage, int(one), int(other), shared, limits)


def _overlap(
    coverage: Coverage, one: int, other: int, shared: Any, limits: FaultLimits
) -> Iterator[GridFault]:
    pieces, widths = pieces_wider(shared, limits.noise_width_m)
    if not len(pieces):
        return
    codes = (coverage.all_codes[one], coverage.all_codes[other])
    place, area_m2 = _placed(coverage.plane, pieces)
    smaller = min(shapely.area(coverage.all_metres[[one, other]]))
    if shapely.area(pieces).sum() > 0.999 * smaller:
        within, around = (
            codes
            if shapely.area(coverage.all_metres[one]) <= shapely.area(coverage.all_metres[other])
            else codes[::-1]
        )
        how = f"Grid “{within}” lies wholly inside “{around}”, {text_of_area(area_m2)}"
    else:
        how = (
            f"Grids {name_grids(codes)} overlap by {text_of_area(area_m2)}, "
            f"about {widths.max():.1f} m wide"
        )
    is_sliver = widths.max() < limits.sliver_width_m
    if is_sliver:
        remedy = "A point in it counts in the smaller code."
    elif other >= len(coverage.codes):
        remedy = (
            f"“{codes[1]}” is in force and not replaced: import its community, too, or replace all "
            "grids."
        )
    else:
        remedy = "Give the ground to one of them."
    yield GridFault(
        kind=FaultKind.SLIVER if is_sliver else FaultKind.OVERLAP,
        severity=Severity.WARNING if is_sliver else Severity.ERROR,
        text=f"{how}. {remedy}",
        grid_codes=codes,
        rows=coverage.rows_of((one, other)),
        area_m2=area_m2,
        width_m=float(widths.max()),
        geometry=place,
    )


def find_thin_grids(coverage: Coverage, limits: FaultLimits) -> Iterator[GridFault]:
    """Yield the grids that are slivers themselves."""
    widths = width_m(coverage.metres)
    for at in np.flatnonzero(widths < limits.sliver_width_m):
        place, area_m2 = _placed(coverage.plane, coverage.metres[[at]])
        code = coverage.codes[at]
        yield GridFault(
            kind=FaultKind.SLIVER,
            severity=Severity.WARNING,
            text=f"Grid “{code}” is itself a sliver: {text_of_area(area_m2)}, about "
            f"{widths[at]:.2f} m wide. It may be a leftover of drawing.",
            grid_codes=(code,),
            rows=coverage.rows_of((at,)),
            area_m2=area_m2,
            width_m=float(widths[at]),
            geometry=place,
        )


def find_gaps(
    coverage: Coverage, communities: dict[str, Any], limits: FaultLimits
) -> Iterator[GridFault]:
    """Yield ground that no grid has: inside communities with a border of their own, enclosed by
    grids, and strips between neighbours that are open at an end.

    Parameters
    ----------
    communities : polygon [EPSG:4326] by the community's code, those the new grids belong to
    """
    everything = coverage.all_metres
    ground = shapely.union_all(everything)
    tree = shapely.STRtree(everything)
    told: list[Any] = []
    for community_code, polygon in communities.items():
        border = coverage.plane.to_metres(polygon)
        pieces, widths = pieces_wider(shapely.difference(border, ground), limits.noise_width_m)
        for piece, width in zip(pieces, widths, strict=True):
            told.append(piece)
            beside = _beside(tree, piece, limits.noise_width_m)
            where = f"in community “{community_code}”"
            yield _gap(coverage, piece, float(width), beside, where, limits)
    told_ground = shapely.STRtree(told)
    enclosed = [(piece, 1) for piece in _enclosed(ground)]
    # An open strip beside one grid alone is a notch in its outline, not a gap between two.
    strips = [(piece, 2) for piece in _open_strips(ground, limits)]
    for piece, fewest_beside in (*enclosed, *strips):
        width = float(width_m(piece))
        if width < limits.noise_width_m or _is_told(told_ground, piece):
            continue
        beside = _beside(tree, piece, limits.sliver_width_m)
        if len(beside) < fewest_beside or not (beside < len(coverage.codes)).any():
            continue
        yield _gap(coverage, piece, width, beside, "", limits)


def _enclosed(ground: Any) -> list[Any]:
    shells: Any = shapely.get_parts(ground)
    rings, _ = shapely.get_rings(shells, return_index=True)
    counts = shapely.get_num_interior_rings(shells)
    is_hole = np.ones(len(rings), dtype=bool)
    is_hole[np.concatenate([[0], np.cumsum(counts + 1)[:-1]]).astype(int)] = False
    holes: Any = shapely.polygons(rings[is_hole])
    return list(holes)


def _open_strips(ground: Any, limits: FaultLimits) -> list[Any]:
    """What closing the outline by half a gap's width fills in: the narrow inlets of it.

    The outline is simplified first, to a tenth of the width: buffering 1e6 wiggling vertices
    takes more memory than there is.
    """
    reach = limits.gap_width_m / 2
    outline = shapely.simplify(ground, limits.gap_width_m / 10)
    if shapely.get_num_coordinates(outline) > _SIMPLIFIED_VERTICES_MAX:
        return []
    shape: dict[str, Any] = {"join_style": "mitre", "mitre_limit": 2.0}
    grown = shapely.buffer(outline, reach, **shape)
    closed = shapely.buffer(grown, -reach, **shape)
    strips = shapely.get_parts(shapely.difference(closed, outline))
    strips = strips[width_m(strips) >= limits.noise_width_m]
    found = []
    for strip in strips:
        parts = shapely.get_parts(shapely.difference(strip, ground))
        for part in parts[shapely.area(parts) > 0]:
            width = float(width_m(part))
            is_long = shapely.length(part) / 2 > _STRIP_ELONGATION * width
            if width < limits.gap_width_m and is_long:
                found.append(part)
    return found


def _gap(
    coverage: Coverage,
    piece: Any,
    width: float,
    beside: NDArray[np.int64],
    where: str,
    limits: FaultLimits,
) -> GridFault:
    codes = tuple(sorted({coverage.all_codes[at] for at in beside}))
    place, area_m2 = _placed(coverage.plane, np.array([piece], dtype=object))
    is_sliver = width < limits.sliver_width_m
    between = {0: "", 1: f"beside grid {name_grids(codes)}"}.get(
        len(codes), f"between grids {name_grids(codes)}"
    )
    place_words = " ".join(words for words in (where, between) if words)
    return GridFault(
        kind=FaultKind.SLIVER if is_sliver else FaultKind.GAP,
        severity=Severity.WARNING,
        text=f"No grid has {text_of_area(area_m2)} {place_words}, about {width:.1f} m wide. "
        "Whatever lies there is in no grid.",
        grid_codes=codes,
        rows=coverage.rows_of(beside),
        area_m2=area_m2,
        width_m=width,
        geometry=place,
    )


def find_leaving_grids(
    coverage: Coverage,
    community_codes: tuple[str, ...],
    communities: dict[str, Any],
    limits: FaultLimits,
) -> Iterator[GridFault]:
    """Yield the grids that reach beyond their community, where its border is known.

    Parameters
    ----------
    community_codes : (n,) of the new grids
    communities : polygon [EPSG:4326] by the community's code
    """
    for community_code, polygon in communities.items():
        border = coverage.plane.to_metres(polygon)
        shapely.prepare(border)
        own = np.array(
            [at for at, code in enumerate(community_codes) if code == community_code], dtype=int
        )
        leaving = own[~shapely.covers(border, coverage.metres[own])]
        for at in leaving:
            outside = shapely.difference(coverage.metres[at], border)
            pieces, widths = pieces_wider(outside, limits.noise_width_m)
            if not len(pieces):
                continue
            code = coverage.codes[at]
            place, area_m2 = _placed(coverage.plane, pieces)
            share = shapely.area(pieces).sum() / shapely.area(coverage.metres[at])
            how = (
                f"lies wholly outside its community “{community_code}”"
                if share > 0.999
                else f"leaves its community “{community_code}” by {text_of_area(area_m2)} "
                f"({share:.1%} of it), about {widths.max():.1f} m wide"
            )
            is_sliver = widths.max() < limits.sliver_width_m
            yield GridFault(
                kind=FaultKind.SLIVER if is_sliver else FaultKind.LEAVES_COMMUNITY,
                severity=Severity.WARNING if is_sliver else Severity.ERROR,
                text=f"Grid “{code}” {how}. Each grid lies in one community.",
                grid_codes=(code,),
                rows=coverage.rows_of((int(at),)),
                area_m2=area_m2,
                width_m=float(widths.max()),
                geometry=place,
            )


def pieces_wider(geometry: Any, min_width_m: float) -> tuple[PolygonArray, NDArray[np.float64]]:
    """Return the polygons of a geometry [m] at least so wide, and their widths [m]."""
    parts = shapely.get_parts(geometry)
    parts = parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON]
    widths = np.asarray(width_m(parts), dtype=float)
    wide = widths >= min_width_m
    return parts[wide], widths[wide]


def width_m(polygons: Any) -> Any:
    """Return 2 x area / perimeter of polygons in metres: 0 where there is no perimeter."""
    lengths = shapely.length(polygons)
    return 2 * shapely.area(polygons) / np.maximum(lengths, np.finfo(float).tiny)


def _beside(tree: shapely.STRtree, piece: Any, reach_m: float) -> NDArray[np.int64]:
    return np.sort(tree.query(piece, predicate="dwithin", distance=reach_m))


def _is_told(told: shapely.STRtree, piece: Any) -> bool:
    near = told.geometries[told.query(piece, predicate="intersects")]
    return float(shapely.area(shapely.intersection(near, piece)).sum()) > 0.5 * float(
        shapely.area(piece)
    )


def _placed(plane: LocalPlane, pieces: PolygonArray) -> tuple[Any, float]:
    """The pieces in degrees, and their area on the spheroid [m2]."""
    degrees = plane.to_degrees(pieces)
    place = degrees[0] if len(degrees) == 1 else shapely.multipolygons(degrees)
    return place, float(geodesic_area_m2(degrees).sum())


def limited(faults: Iterator[GridFault], limits: FaultLimits, what: str) -> list[GridFault]:
    """Take at most `limits.listed_max` faults, and say so where there are more."""
    found: list[GridFault] = []
    for fault in faults:
        if len(found) == limits.listed_max:
            text = (
                f"There are more than {limits.listed_max} {what}. The search ended there. Mend "
                "these first; the file may be drawn or declared wrongly as a whole."
            )
            severest = Severity.ERROR if any(f.is_error for f in found) else Severity.WARNING
            found.append(GridFault(kind=FaultKind.TOO_MANY, severity=severest, text=text))
            break
        found.append(fault)
    return found
