"""What is at a point, and the grids of many points, from the store.

The border rule is that of `geo.assignment`; in SQL it is `locate_grid` and `covers_point`.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely
from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.orm import Session

from geo.crs import require_wgs84
from geo.errors import InvalidInput
from geo.grids import is_in_force
from geo.h3_cells import STORED_RESOLUTION, lonlat_to_h3_cell
from geo.register.changes import lock_for_merge, mark_register_change
from geo.scope_conditions import in_scope
from geo.store.scope import seeing_everything
from geo.stored_grids import load_stored_grids
from geo.tables import ADDRESS_COMPONENTS, AREA_LEVELS, Area, Grid
from geo.values import GridScope, LonLat

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

_BATCH_ROWS = 100_000
_NO_ID = -1

NEAREST_MAX_M = 1000.0
"""How far an address may lie to be called the nearest one: beyond, a point has none."""

# The shortest degree of latitude is 110,574 m, at the equator; with less, a box is never too small.
_SHORT_DEGREE_M = 110_000.0


@dataclass(frozen=True, slots=True)
class LocatedGrid:
    """The grid a point lies in on the day asked for, and who is in charge of it."""

    grid_id: int
    grid_code: str
    name: str
    kind: str
    community_code: str
    person_in_charge: str | None
    contact: str | None


@dataclass(frozen=True, slots=True)
class LocatedArea:
    """An administrative area a point lies in. `level` is one of `AREA_LEVELS`."""

    code: str
    level: str
    name: str


@dataclass(frozen=True, slots=True)
class NearestAddress:
    """A current standard address near a point. `distance_m` is on the spheroid; `accuracy_m` is
    how well the address's own point is known, None where nobody said."""

    address_id: int
    canonical_text: str
    level: str
    lonlat: LonLat
    grid_code: str | None
    distance_m: float
    accuracy_m: float | None


@dataclass(frozen=True, slots=True)
class LocateResult:
    """What is at a point on a day.

    grid : None where no grid holds the point, or none within the scope
    areas : from the community up to the province, as far as they are known
    h3_cell : at the stored resolution
    nearest : None where no address within the scope and the distance asked for is near
    """

    lonlat: LonLat
    on: date
    grid: LocatedGrid | None
    areas: tuple[LocatedArea, ...]
    h3_cell: int
    nearest: NearestAddress | None

    @property
    def community(self) -> LocatedArea | None:
        """The community the point lies in."""
        return next((area for area in self.areas if area.level == "community"), None)


@dataclass(frozen=True, slots=True)
class ReassignResult:
    """What a new assignment did. `moved`: addresses that changed their grid; `without_grid`: how
    many of these now lie in none."""

    moved: int
    without_grid: int


def locate(
    session: Session,
    lonlat: LonLat,
    *,
    on: date,
    scope: GridScope,
    nearest_max_m: float = NEAREST_MAX_M,
) -> LocateResult:
    """Return what is at a point: grid, areas, H3 cell and the nearest standard address.

    Where several addresses share the nearest point, as the rooms of a building do, the one that
    says least beyond the point is taken: the building before its rooms. A point in no grid gets its
    areas from their own borders, where these are stored. A grid outside the scope looks absent.

    Parameters
    ----------
    on : the day whose grids and areas count; addresses are the current ones
    nearest_max_m : [m]

    Returns
    -------
    LocateResult
    """
    point = func.ST_SetSRID(func.ST_MakePoint(lonlat.longitude, lonlat.latitude), 4326)
    # Which of all grids holds a point on a border can't be told from one's own alone.
    with seeing_everything(session):
        grid = session.execute(
            select(
                Grid.id,
                Grid.grid_code,
                Grid.name,
                Grid.kind,
                Grid.community_code,
                Grid.person_in_charge,
                Grid.contact,
            ).where(
                Grid.id == select(func.locate_grid(point, on)).scalar_subquery(),
                in_scope(Grid.grid_code, scope),
            )
        ).one_or_none()
    if grid is not None:
        areas = _area_and_ancestors(session, grid.community_code, on)
    elif scope.is_everything:
        areas = _area_and_ancestors(session, _area_code_at(session, point, on), on)
    else:
        areas = ()
    return LocateResult(
        lonlat=lonlat,
        on=on,
        grid=LocatedGrid(*grid) if grid is not None else None,
        areas=areas,
        h3_cell=lonlat_to_h3_cell(lonlat.longitude, lonlat.latitude, STORED_RESOLUTION),
        nearest=_nearest_address(session, lonlat, scope, nearest_max_m),
    )


def assign_points(session: Session, frame: GeoDataFrame, *, on: date) -> pd.DataFrame:
    """Return the grid valid on a day and the H3 cell of each point of a frame.

    For many batches load the grids once: `load_stored_grids(session, on=on).place(lon, lat)`.

    Parameters
    ----------
    frame : (n,) points, EPSG:4326; missing and empty ones are unknown

    Returns
    -------
    (n,) with the index of `frame`; columns as `StoredGrids.place` returns them

    Raises
    ------
    CRSMismatch : `frame` is not EPSG:4326
    InvalidInput : it holds other geometry than points
    """
    require_wgs84(frame, "frame")
    points = np.where(frame.geometry.is_empty, None, frame.geometry.to_numpy())
    kinds = set(shapely.get_type_id(points[~shapely.is_missing(points)]).tolist())
    if kinds - {int(shapely.GeometryType.POINT)}:
        names = ", ".join(sorted(shapely.GeometryType(kind).name for kind in kinds))
        raise InvalidInput(f"`frame` holds {names}, wanted points. Take their centroids first.")
    placed = load_stored_grids(session, on=on).place(shapely.get_x(points), shapely.get_y(points))
    return placed.set_axis(frame.index)


def reassign_grids(
    session: Session, *, on: date, grid_ids: Collection[int] | None = None
) -> ReassignResult:
    """Give each current address the grid it lies in on a day; write only what changes.

    Call it in the transaction that stores a new version of grids: no other writer comes between.
    The history of an address doesn't grow by it: the grid on a day follows from the grids valid on
    that day.

    Parameters
    ----------
    grid_ids : the grids that began or ended, when only a few did: addresses in them now, or
        in their bounding boxes, are looked at. None: all addresses.
    """
    lock_for_merge(session)
    grids = load_stored_grids(session, on=on)
    changed_ids: list[int] = []
    without_grid = 0
    rows = session.execute(
        _POINTS, {"grid_ids": None if grid_ids is None else list(grid_ids)}
    ).partitions(_BATCH_ROWS)
    for batch in rows:
        frame = pd.DataFrame(batch, columns=["id", "lon", "lat", "grid_id", "grid_code"])
        placed = grids.place(frame["lon"].to_numpy(float), frame["lat"].to_numpy(float))
        moved = (
            placed["grid_id"].fillna(_NO_ID) != frame["grid_id"].astype("Int64").fillna(_NO_ID)
        ) | (placed["grid_code"].fillna("") != frame["grid_code"].fillna(""))
        if moved.any():
            wanted = placed[moved].astype(object).where(placed[moved].notna(), None)
            ids = frame["id"][moved].tolist()
            session.execute(
                _MOVE,
                {
                    "ids": ids,
                    "grid_ids": wanted["grid_id"].tolist(),
                    "grid_codes": wanted["grid_code"].tolist(),
                },
            )
            changed_ids += ids
            without_grid += int(placed["grid_id"][moved].isna().sum())
    mark_register_change(session, changed_ids)
    return ReassignResult(len(changed_ids), without_grid)


# Read whole before the first write, by the driver; a row is 40 bytes. Assigning in memory takes a
# tenth of a second a million points and no planner can choose a bad way for it.
_POINTS = text("""
    SELECT id, ST_X(geom), ST_Y(geom), grid_id, grid_code
    FROM standard_address
    WHERE status = 'current' AND (geom IS NOT NULL OR grid_id IS NOT NULL)
        AND (CAST(:grid_ids AS bigint[]) IS NULL OR id IN (
            SELECT id FROM standard_address WHERE grid_id = ANY(CAST(:grid_ids AS bigint[]))
            UNION
            SELECT p.id
            FROM grid AS changed JOIN standard_address AS p ON changed.geom && p.geom
            WHERE changed.id = ANY(CAST(:grid_ids AS bigint[]))
        ))
    ORDER BY id
""")
_MOVE = text("""
    UPDATE standard_address AS a
    SET grid_id = wanted.grid_id, grid_code = wanted.grid_code
    FROM unnest(
        CAST(:ids AS bigint[]), CAST(:grid_ids AS bigint[]), CAST(:grid_codes AS text[])
    ) AS wanted (id, grid_id, grid_code)
    WHERE a.id = wanted.id
""")


def _area_code_at(session: Session, point: ColumnElement[object], on: date) -> str | None:
    """Return the code of the finest area whose border holds a point; of several, the smallest."""
    rows = session.execute(
        select(Area.level, Area.code).where(
            Area.geom.is_not(None), func.covers_point(Area.geom, point), is_in_force(Area, on)
        )
    ).all()
    found = min(rows, key=lambda row: (-AREA_LEVELS.index(row.level), row.code), default=None)
    return None if found is None else str(found.code)


def _area_and_ancestors(session: Session, code: str | None, on: date) -> tuple[LocatedArea, ...]:
    """Return the area of a code and those above it, fine to coarse."""
    if code is None:
        return ()
    columns = (Area.code, Area.level, Area.name, Area.parent_code)
    above = select(*columns).where(Area.code == code, is_in_force(Area, on))
    chain = above.cte("chain", recursive=True)
    # UNION drops rows seen before, so that a ring of parents ends.
    chain = chain.union(
        select(*columns).where(Area.code == chain.c.parent_code, is_in_force(Area, on))
    )
    areas = [
        LocatedArea(*row)
        for row in session.execute(select(chain.c.code, chain.c.level, chain.c.name))
    ]
    return tuple(sorted(areas, key=lambda area: -AREA_LEVELS.index(area.level)))


_NEAREST = text("""
    WITH here AS (SELECT ST_SetSRID(ST_MakePoint(:lon, :lat), 4326) AS point),
    -- The index knows degrees, not metres. Its nearest need not be the nearest, but says how far
    -- that can lie.
    bound AS (
        SELECT ST_Distance(a.geom::geography, here.point::geography) + 0.001 AS distance_m
        FROM here, standard_address AS a
        WHERE a.status = 'current'
            AND a.geom && ST_Expand(here.point, :max_m * :dx, :max_m * :dy)
            AND (CAST(:codes AS text[]) IS NULL OR a.grid_code = ANY(CAST(:codes AS text[])))
        ORDER BY a.geom <-> here.point
        LIMIT 1
    )
    SELECT a.id, a.canonical_text, a.level, ST_X(a.geom) AS lon, ST_Y(a.geom) AS lat, a.grid_code,
        ST_Distance(a.geom::geography, here.point::geography) AS distance_m, a.accuracy_m
    FROM here, bound, standard_address AS a
    WHERE a.status = 'current'
        AND a.geom && ST_Expand(here.point, bound.distance_m * :dx, bound.distance_m * :dy)
        AND (CAST(:codes AS text[]) IS NULL OR a.grid_code = ANY(CAST(:codes AS text[])))
    ORDER BY distance_m, array_position(CAST(:levels AS text[]), a.level), a.id
    LIMIT 1
""")


def _nearest_address(
    session: Session, lonlat: LonLat, scope: GridScope, max_m: float
) -> NearestAddress | None:
    """Return the current address nearest to a point on the spheroid, within `max_m`."""
    dy = 1 / _SHORT_DEGREE_M
    polemost = min(abs(lonlat.latitude) + max_m * dy, 89.0)
    row = session.execute(
        _NEAREST,
        {
            "lon": lonlat.longitude,
            "lat": lonlat.latitude,
            "max_m": max_m,
            "dx": dy / math.cos(math.radians(polemost)),
            "dy": dy,
            "codes": None if scope.grid_codes is None else sorted(scope.grid_codes),
            "levels": list(ADDRESS_COMPONENTS),
        },
    ).one_or_none()
    if row is None or row.distance_m > max_m:
        return None
    return NearestAddress(
        address_id=row.id,
        canonical_text=row.canonical_text,
        level=row.level,
        lonlat=LonLat(row.lon, row.lat),
        grid_code=row.grid_code,
        distance_m=row.distance_m,
        accuracy_m=row.accuracy_m,
    )
