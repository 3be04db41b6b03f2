"""The places of a deployment that coverage is kept of, all on one plane.

H3 cells and grids, street segments of the base map, key places; and for each unit where its beat
(its grids) and its communities are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np
import shapely
from geoalchemy2 import Geometry
from numpy.typing import NDArray
from sqlalchemy import cast, func, select, text
from sqlalchemy.orm import Session

from geo.assignment import NO_GRID, GridAssigner
from geo.coverage.records import PresenceKey
from geo.grids import is_in_force
from geo.h3_cells import h3_cell_centres, h3_cell_polygons
from geo.tables import BasemapFeature, Grid, KeyPlace, PatrolUnit
from geo.values import GridScope
from layers.address_density import Bounds
from layers.place_raster import STEP_M, PlaceRaster, RasterFrame, raster_near
from layers.place_raster import raster_of_h3_cells as h3_raster
from layers.place_raster import raster_of_polygons as polygon_raster
from layers.presence.area_rasters import AreaRasters

CELL_RESOLUTION = 10  # some 130 m across: a stop on foot, and no single house
MARGIN_DEG = 0.002  # around the grids: a unit just outside is somewhere too
PIXELS = 4_000_000  # of the raster of cells; a larger area takes larger pixels
STREET_REACH_M = 25.0
STREET_STEP_M = 5.0
STREETS_MAX = 60_000  # more are left out: a raster a street takes its time
NO_CODE = ""
_EVERYWHERE_M = 4e7
# Texts that change whenever what they stand for does.
_MARKS = text(
    "SELECT (SELECT md5(string_agg(id::text, ',' ORDER BY id)) FROM grid "
    "WHERE valid_from <= :on AND (valid_to IS NULL OR valid_to > :on)) AS grids, "
    "(SELECT max(id)::text FROM basemap_source) AS streets, "
    "(SELECT concat_ws(':', max(id), count(ended_at)) FROM key_place) AS key_places"
)


@dataclass(frozen=True, slots=True)
class PlaceMarks:
    """What the places of a moment are told apart by from those of another."""

    grids: str | None
    streets: str | None
    key_places: str


@dataclass(slots=True)
class CoveragePlaces:
    """Rasters by kind, all on the frame's plane, keys int64; which grid each place is in.

    grid_of : kind → key → grid code, empty where in none
    shapes : kind → what the keys of its raster look like, EPSG:4326; cells are known by their keys
    """

    marks: PlaceMarks
    frame: RasterFrame
    rasters: dict[str, PlaceRaster]
    grid_of: dict[str, dict[int, str]]
    polygons: dict[str, Any]
    community_of: dict[str, str]
    assigner: GridAssigner | None
    shapes: dict[str, Any] = field(default_factory=dict)
    unit_grids: dict[int, tuple[str, ...]] = field(default_factory=dict)
    areas: AreaRasters = field(init=False)

    def __post_init__(self) -> None:
        self.areas = AreaRasters(self.frame, self.polygons)

    def follow_units(self, session: Session, units: Iterable[int]) -> None:
        """Learn in which grids some units are now."""
        rows = session.execute(
            select(PatrolUnit.id, PatrolUnit.grid_codes).where(PatrolUnit.id.in_(list(units)))
        )
        self.unit_grids |= {int(unit): tuple(sorted(codes)) for unit, codes in rows}

    def area_key(self, kind: str, unit: int) -> tuple[str, ...]:
        """Return what a unit's beat or community consists of; units alike share a raster."""
        grids = self.unit_grids.get(unit, ())
        if kind == "beat":
            return grids
        return tuple(sorted({self.community_of[each] for each in grids
                             if each in self.community_of}))  # fmt: skip

    def area_raster(self, kind: str, key: tuple[str, ...]) -> PlaceRaster | None:
        """Return the raster of a beat or community, 20 m around it included; None where it has no
        ground."""
        if kind == "beat":
            return self.areas.of(key)
        return self.areas.of(
            [grid for grid, community in self.community_of.items() if community in key]
        )

    def seen(
        self, kind: str, scope: GridScope, bbox: Bounds | None = None
    ) -> tuple[NDArray[np.int64], list[str], NDArray[np.object_]]:
        """Return the places of a kind that lie in a scope and reach into a frame: keys, grid
        codes, shapes."""
        raster = self.rasters.get(kind)
        if raster is None:
            return np.zeros(0, np.int64), [], np.zeros(0, object)
        keys = np.asarray(raster.keys, np.int64)
        codes = np.array([self.grid_of[kind].get(int(key), NO_CODE) for key in keys], object)
        kept = np.array([bool(code) and scope.covers(code) for code in codes], bool)
        if kind == "cell":
            if bbox is not None:
                lon, lat = h3_cell_centres(keys)
                west, south, east, north = bbox
                kept &= (lon >= west - MARGIN_DEG) & (lon <= east + MARGIN_DEG)
                kept &= (lat >= south - MARGIN_DEG) & (lat <= north + MARGIN_DEG)
            return keys[kept], codes[kept].tolist(), h3_cell_polygons(keys[kept])
        shapes = np.asarray(self.shapes[kind], object)
        if bbox is not None:
            kept &= shapely.intersects(shapes, shapely.box(*bbox))
        return keys[kept], codes[kept].tolist(), shapes[kept]

    def grid_codes_of(self, key: PresenceKey, places: NDArray[np.int64]) -> list[str]:
        """Return the grid of each of some places of a kind."""
        known = self.grid_of.get(key[1], {})
        return [known.get(int(each), NO_CODE) for each in places]


def load_coverage_places(
    session: Session, *, on: date, known: CoveragePlaces | None = None
) -> CoveragePlaces:
    """Return the places of a day; without grids only what is known of a unit's time.

    Parameters
    ----------
    known : places loaded before; what didn't change is taken from them
    """
    row = session.execute(_MARKS, {"on": on}).one()
    marks = PlaceMarks(row.grids, row.streets, row.key_places)
    if known is not None and known.marks == marks:
        return known
    same_ground = known is not None and known.marks.grids == marks.grids
    if known is not None and same_ground:
        # Whoever reads the known ones meanwhile goes on with them.
        found = replace(known, marks=marks, rasters=dict(known.rasters),
                        grid_of=dict(known.grid_of), shapes=dict(known.shapes))  # fmt: skip
    else:
        found = _load_grids(session, marks, on)
    if marks.grids is not None:
        if known is None or not same_ground or known.marks.streets != marks.streets:
            _add_streets(session, found)
        _add_key_places(session, found)
    return found


def _load_grids(session: Session, marks: PlaceMarks, on: date) -> CoveragePlaces:
    rows = session.execute(
        select(Grid.id, Grid.grid_code, Grid.community_code, func.ST_AsBinary(Grid.geom))
        .where(is_in_force(Grid, on))
        .order_by(Grid.grid_code)
    ).all()
    if not rows:
        nowhere = RasterFrame.of((0.0, 0.0, 0.001, 0.001))
        return CoveragePlaces(marks, nowhere, {"known": _everywhere(nowhere)}, {}, {}, {}, None)
    ids = np.array([row[0] for row in rows], np.int64)
    codes = [str(row[1]) for row in rows]
    polygons = shapely.from_wkb(np.array([bytes(row[3]) for row in rows], dtype=object))
    frame = _frame(polygons)
    # A grid of an older version keeps its number in what was kept of it.
    older = session.execute(select(Grid.id, Grid.grid_code)).all()
    assigner = GridAssigner(codes, polygons)
    cells = h3_raster((0, 0, 0, 0), CELL_RESOLUTION, frame=frame)
    return CoveragePlaces(
        marks=marks,
        frame=frame,
        rasters={
            "known": _everywhere(frame),
            "grid": replace(polygon_raster(codes, polygons, frame=frame), keys=ids),
            "cell": cells,
        },
        grid_of={
            "grid": {int(number): str(code) for number, code in older},
            "cell": _codes(cells.keys, assigner.assign(*h3_cell_centres(cells.keys)), assigner),
        },
        polygons=dict(zip(codes, polygons, strict=True)),
        community_of={str(row[1]): str(row[2]) for row in rows},
        assigner=assigner,
        shapes={"grid": polygons},
    )


def _frame(polygons: Any) -> RasterFrame:
    west, south, east, north = shapely.total_bounds(polygons) + MARGIN_DEG * np.array(
        [-1, -1, 1, 1]
    )
    bounds = (float(west), float(south), float(east), float(north))
    width_m, height_m = (
        111_320 * (east - west) * np.cos(np.radians(south)),
        111_320 * (north - south),
    )
    return RasterFrame.of(bounds, max(STEP_M, float(np.sqrt(width_m * height_m / PIXELS))))


def _everywhere(frame: RasterFrame) -> PlaceRaster:
    """One pixel that holds the earth: presence in it is all time of which anything is known."""
    return PlaceRaster(
        frame.plane, -_EVERYWHERE_M / 2, -_EVERYWHERE_M / 2, _EVERYWHERE_M,
        np.zeros((1, 1), np.int32), np.zeros(1, np.int64),
    )  # fmt: skip


def _add_streets(session: Session, found: CoveragePlaces) -> None:
    rows = session.execute(
        select(BasemapFeature.id, func.ST_AsBinary(BasemapFeature.geom))
        .where(
            BasemapFeature.kind == "road",
            func.GeometryType(BasemapFeature.geom) == "LINESTRING",
            BasemapFeature.geom.op("&&", is_comparison=True)(
                func.ST_MakeEnvelope(*_bounds(found), 4326)
            ),
        )
        .order_by(BasemapFeature.id)
        .limit(STREETS_MAX)
    ).all()
    found.rasters.pop("street", None)
    found.grid_of["street"] = {}
    if not rows or found.assigner is None:
        return
    keys = np.array([row[0] for row in rows], np.int64)
    lines = shapely.from_wkb(np.array([bytes(row[1]) for row in rows], dtype=object))
    middle = shapely.line_interpolate_point(lines, 0.5, normalized=True)
    grid = found.assigner.assign(shapely.get_x(middle), shapely.get_y(middle))
    frame = _fine(found.frame)
    raster = raster_near(keys, lines, reach_m=max(STREET_REACH_M, frame.step_m), frame=frame)
    found.rasters["street"] = replace(raster, keys=keys)
    found.shapes["street"] = lines
    found.grid_of["street"] = _codes(keys, grid, found.assigner)


def _add_key_places(session: Session, found: CoveragePlaces) -> None:
    point = cast(KeyPlace.geom, Geometry)
    rows = session.execute(
        select(KeyPlace.id, KeyPlace.grid_code, KeyPlace.reach_m, func.ST_X(point),
               func.ST_Y(point), KeyPlace.ended_at)
        .order_by(KeyPlace.id)
    ).all()  # fmt: skip
    found.grid_of["key_place"] = {int(row[0]): str(row[1]) for row in rows}
    found.rasters.pop("key_place", None)
    now = [row for row in rows if row[5] is None]
    if not now:
        return
    keys = np.array([row[0] for row in now], np.int64)
    points = shapely.points([row[3] for row in now], [row[4] for row in now])
    raster = raster_near(keys, points, reach_m=[row[2] for row in now], frame=_fine(found.frame))
    found.rasters["key_place"] = replace(raster, keys=keys)
    found.shapes["key_place"] = points


def _fine(frame: RasterFrame) -> RasterFrame:
    return frame.finer(max(STREET_STEP_M, frame.step_m / 2))


def _bounds(found: CoveragePlaces) -> tuple[float, float, float, float]:
    west, south, east, north = shapely.total_bounds(list(found.polygons.values()))
    return float(west), float(south), float(east), float(north)


def _codes(keys: NDArray[Any], grid: NDArray[np.int32], assigner: GridAssigner) -> dict[int, str]:
    return {
        int(key): NO_CODE if number == NO_GRID else str(assigner.grid_codes[number])
        for key, number in zip(keys, grid, strict=True)
    }
