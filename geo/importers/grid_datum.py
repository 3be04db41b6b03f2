"""Do new grids lie where their declared datum says? Measured against borders already known.

New grids mostly keep the borders of those before them, follow the borders of their communities and
run along roads. A set in the wrong datum lies beside all of them by the same vector. It is said,
never put right.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from geo.crs import Datum, from_wgs84
from geo.datum_shift import REACH_M, detect_datum_shift
from geo.errors import DatumUndecided
from geo.faults import FaultKind, GridFault, Severity
from geo.grid_draft import GridDraft
from geo.tables import BasemapFeature

_SPACING_DEG = 0.00025  # one point every 20 to 28 m of border
_REFERENCE_POINTS_MAX = 40_000
_ROADS_MAX = 20_000
_DEGREES_PER_METRE = 1 / 80_000  # a reach in longitude up to 44 degrees of latitude


def find_datum_fault(
    session: Session,
    drafts: list[GridDraft],
    *,
    datum: Datum,
    in_force: gpd.GeoDataFrame,
    communities: gpd.GeoDataFrame,
) -> GridFault | None:
    """Return a warning where another datum than the declared one clearly fits better.

    The first of these that can decide does: grids in force, borders of communities, roads of the
    base map. None of them near: nothing can be said, and nothing is.
    """
    shapes = np.array([d.geometry for d in drafts if d.geometry is not None], dtype=object)
    if not len(shapes):
        return None
    lon, lat = _border_points(shapes).T
    x, y = from_wgs84(lon, lat, datum)
    for what, reference in _references(session, shapes, in_force, communities):
        if not len(reference):
            continue
        try:
            found = detect_datum_shift(x, y, declared=datum, reference=shapely.points(reference))
        except DatumUndecided:
            continue
        if not found.is_suspect:
            return None
        west, south, east, north = shapely.total_bounds(shapes)
        return GridFault(
            kind=FaultKind.DATUM_SUSPECT,
            severity=Severity.WARNING,
            text=f"The grids' borders lie {found.shift_m:.0f} m beside {what} as {datum}, and fit "
            f"better as {found.best}. If that is right, declare it and import again. Nothing was "
            "shifted.",
            width_m=found.shift_m,
            geometry=shapely.box(west, south, east, north),
        )
    return None


def _references(
    session: Session,
    shapes: NDArray[np.object_],
    in_force: gpd.GeoDataFrame,
    communities: gpd.GeoDataFrame,
) -> Iterator[tuple[str, NDArray[np.float64]]]:
    reach = REACH_M * _DEGREES_PER_METRE
    west, south, east, north = shapely.total_bounds(shapes)
    frame = shapely.box(west - reach, south - reach, east + reach, north + reach)
    for what, known in (("the grids in force", in_force), ("their communities", communities)):
        near = np.asarray(known.geometry.to_numpy(), dtype=object)
        yield what, _border_points(near[shapely.intersects(near, frame)])
    yield "the roads of the base map", _road_points(session, frame)


def _road_points(session: Session, frame: Any) -> NDArray[np.float64]:
    roads = session.scalars(
        select(func.ST_AsBinary(BasemapFeature.geom))
        .where(
            BasemapFeature.kind == "road",
            func.ST_Intersects(
                BasemapFeature.geom, func.ST_GeomFromWKB(shapely.to_wkb(frame), 4326)
            ),
        )
        .order_by(BasemapFeature.id)
        .limit(_ROADS_MAX)
    ).all()
    return _spaced(shapely.from_wkb(np.array([bytes(wkb) for wkb in roads], dtype=object)))


def _border_points(polygons: NDArray[np.object_]) -> NDArray[np.float64]:
    return _spaced(shapely.boundary(polygons))


def _spaced(lines: Any) -> NDArray[np.float64]:
    """Points at even steps along lines, each once, thinned evenly where there are too many."""
    points = shapely.get_coordinates(shapely.segmentize(lines, _SPACING_DEG))
    points = np.unique(np.round(points, 7), axis=0)
    return np.asarray(points[:: max(1, -(-len(points) // _REFERENCE_POINTS_MAX))], dtype=float)
