"""Grids as they stood on a day: one, many with geometry, lists, sums by community, neighbours.

Writing them is `geo.grid_versions`; checking them before, `geo.grid_faults`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from geo.errors import GridNotFound
from geo.local_plane import LocalPlane
from geo.scope_conditions import in_scope
from geo.tables import Area, Grid, GridVersion, StandardAddress
from geo.values import GridScope

LIST_MAX = 1000  # rows a page; more is a file, not a page
NEIGHBOUR_GAP_M = 1.0  # as SLIVER_WIDTH_M: neighbours drawn apart by less are neighbours

_FRAME_COLUMNS = (
    "grid_id", "name", "kind", "community_code", "person_in_charge", "contact",
    "household_count", "area_m2", "valid_from", "valid_to",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class GridListRow:
    """One grid in a list. `address_count`: current addresses assigned to it now."""

    grid_id: int
    grid_code: str
    name: str
    kind: str
    community_code: str
    person_in_charge: str | None
    household_count: int | None
    area_m2: float
    valid_from: date
    valid_to: date | None
    address_count: int


@dataclass(frozen=True, slots=True)
class CommunitySummary:
    """The grids of one community. `household_count` sums the grids that state one, None where
    none does; `name` is None where the community isn't among the areas."""

    community_code: str
    name: str | None
    grid_count: int
    area_m2: float
    household_count: int | None
    address_count: int


@dataclass(frozen=True, slots=True)
class GridNeighbour:
    """A grid beside another, and how much border the two share [m]; a corner shares almost none."""

    grid_code: str
    name: str
    border_m: float


@dataclass(frozen=True, slots=True)
class GridVersionRow:
    """One import of grids. `in_force_count`: its grids that are valid on the day asked for."""

    version_id: int
    valid_from: date
    grid_count: int
    in_force_count: int
    source: str
    file_name: str | None
    note: str | None
    imported_at: datetime


def is_in_force(table: type[Grid] | type[Area], on: date) -> ColumnElement[bool]:
    """The SQL condition that a row of grids or areas is valid on a day."""
    return and_(table.valid_from <= on, or_(table.valid_to.is_(None), table.valid_to > on))


def get_grid(session: Session, grid_code: str, *, on: date, scope: GridScope) -> Grid:
    """Return the grid that bore a code on a day.

    Raises
    ------
    GridNotFound : no such code on that day, or outside the scope
    """
    found = session.scalars(
        select(Grid).where(
            Grid.grid_code == grid_code, is_in_force(Grid, on), in_scope(Grid.grid_code, scope)
        )
    ).one_or_none()
    if found is None:
        raise GridNotFound(
            f"No grid has the code “{grid_code[:40]}” on {on.isoformat()}. Check the code, or ask "
            "for a day on which it was valid.",
            grid_code=grid_code[:40],
        )
    return found


def load_grids(
    session: Session,
    *,
    on: date,
    scope: GridScope,
    community_codes: list[str] | None = None,
    bbox: tuple[float, float, float, float] | None = None,
    after: str = "",
    limit: int | None = None,
) -> gpd.GeoDataFrame:
    """Return the grids valid on a day, with geometry.

    Parameters
    ----------
    community_codes : only these communities; None: all
    bbox : west, south, east, north [degrees, WGS 84]; only grids that reach in; None: all
    after : only codes beyond this one, for a next page
    limit : [grids]; None: all

    Returns
    -------
    (n_grids,) index `grid_code`, ascending by its bytes; multipolygons, EPSG:4326; columns
    `grid_id`, `name`, `kind`, `community_code`, `person_in_charge`, `contact`,
    `household_count` [households, missing where not stated], `area_m2` [m2, on the spheroid],
    `valid_from`, `valid_to` (missing: not ended)
    """
    query = (
        select(
            Grid.grid_code,
            Grid.id,
            *(getattr(Grid, name) for name in _FRAME_COLUMNS[1:]),
            func.ST_AsBinary(Grid.geom),
        )
        .where(is_in_force(Grid, on), in_scope(Grid.grid_code, scope), Grid.grid_code > after)
        .order_by(Grid.grid_code)
        .limit(limit)
    )
    if community_codes is not None:
        query = query.where(Grid.community_code.in_(community_codes))
    if bbox is not None:
        query = query.where(func.ST_Intersects(Grid.geom, func.ST_MakeEnvelope(*bbox, 4326)))
    rows = session.execute(query).all()
    columns = list(zip(*rows, strict=True)) or [()] * (len(_FRAME_COLUMNS) + 2)
    frame = pd.DataFrame(
        dict(zip(_FRAME_COLUMNS, columns[1:-1], strict=True)),
        index=pd.Index(columns[0], name="grid_code", dtype="str"),
    ).astype({"grid_id": "int64", "household_count": "Int64", "area_m2": "float64"})
    geometry = shapely.from_wkb(np.array([bytes(wkb) for wkb in columns[-1]], dtype=object))
    return gpd.GeoDataFrame(frame, geometry=geometry, crs="EPSG:4326")


def list_grids(
    session: Session,
    *,
    on: date,
    scope: GridScope,
    community_code: str | None = None,
    after: str = "",
    limit: int = LIST_MAX,
) -> list[GridListRow]:
    """Return a page of the grids valid on a day, by code, with their counts of addresses.

    Parameters
    ----------
    after : the last code of the page before; codes beyond it follow
    limit : [grids], at most `LIST_MAX`
    """
    page = (
        _valid_grids(on, scope, community_code)
        .where(Grid.grid_code > after)
        .order_by(Grid.grid_code)
        .limit(min(limit, LIST_MAX))
        .subquery()
    )
    counts = _address_counts().where(StandardAddress.grid_id.in_(select(page.c.id))).subquery()
    rows = session.execute(
        select(page, func.coalesce(counts.c.address_count, 0).label("address_count"))
        .outerjoin(counts, counts.c.grid_id == page.c.id)
        .order_by(page.c.grid_code)
    )
    return [
        GridListRow(
            grid_id=row.id,
            grid_code=row.grid_code,
            name=row.name,
            kind=row.kind,
            community_code=row.community_code,
            person_in_charge=row.person_in_charge,
            household_count=row.household_count,
            area_m2=row.area_m2,
            valid_from=row.valid_from,
            valid_to=row.valid_to,
            address_count=row.address_count,
        )
        for row in rows
    ]


def count_grids(
    session: Session, *, on: date, scope: GridScope, community_code: str | None = None
) -> int:
    """Return how many grids are valid on a day."""
    query = _valid_grids(on, scope, community_code).subquery()
    return session.scalar(select(func.count()).select_from(query)) or 0


def summarise_communities(
    session: Session, *, on: date, scope: GridScope
) -> list[CommunitySummary]:
    """Return the communities that have grids on a day, by code, with sums over their grids."""
    counts = _address_counts().subquery()
    rows = session.execute(
        select(
            Grid.community_code,
            func.max(Area.name).label("name"),
            func.count().label("grid_count"),
            func.sum(Grid.area_m2).label("area_m2"),
            func.sum(Grid.household_count).label("household_count"),
            func.coalesce(func.sum(counts.c.address_count), 0).label("address_count"),
        )
        .outerjoin(counts, counts.c.grid_id == Grid.id)
        .outerjoin(Area, and_(Area.code == Grid.community_code, is_in_force(Area, on)))
        .where(is_in_force(Grid, on), in_scope(Grid.grid_code, scope))
        .group_by(Grid.community_code)
        .order_by(Grid.community_code)
    )
    return [
        CommunitySummary(
            community_code=row.community_code,
            name=row.name,
            grid_count=row.grid_count,
            area_m2=row.area_m2,
            household_count=None if row.household_count is None else int(row.household_count),
            address_count=int(row.address_count),
        )
        for row in rows
    ]


def grid_neighbours(
    session: Session, grid_code: str, *, on: date, scope: GridScope
) -> list[GridNeighbour]:
    """Return the grids beside one, longest shared border first.

    Grids drawn up to `NEIGHBOUR_GAP_M` apart count as neighbours, so that a sliver between two
    doesn't part them. Border on which both run within that distance counts as shared.

    Raises
    ------
    GridNotFound : no such code on that day, or outside the scope
    """
    grid = get_grid(session, grid_code, on=on, scope=scope)
    own_wkb = bytes(
        session.execute(select(func.ST_AsBinary(Grid.geom)).where(Grid.id == grid.id)).scalar_one()
    )
    centre = shapely.from_wkb(own_wkb)
    plane = LocalPlane.around([centre])
    # A degree of longitude is the shorter one: a distance in it reaches NEIGHBOUR_GAP_M both ways.
    reach_deg = NEIGHBOUR_GAP_M / plane.metres_per_lon_deg
    rows = session.execute(
        select(Grid.grid_code, Grid.name, func.ST_AsBinary(Grid.geom))
        .where(
            func.ST_DWithin(Grid.geom, func.ST_GeomFromWKB(own_wkb, 4326), reach_deg),
            Grid.id != grid.id,
            is_in_force(Grid, on),
            in_scope(Grid.grid_code, scope),
        )
        .order_by(Grid.grid_code)
    ).all()
    border = plane.to_metres(shapely.boundary(centre))
    found = []
    for code, name, wkb in rows:
        other = plane.to_metres(shapely.from_wkb(bytes(wkb)))
        shared = shapely.intersection(border, shapely.buffer(other, NEIGHBOUR_GAP_M))
        if not shapely.is_empty(shared):
            found.append(GridNeighbour(code, name, round(float(shapely.length(shared)), 1)))
    return sorted(found, key=lambda neighbour: (-neighbour.border_m, neighbour.grid_code))


def list_grid_versions(session: Session, *, on: date) -> list[GridVersionRow]:
    """Return the imports of grids, newest first, and how many of their grids hold on a day."""
    in_force = (
        select(func.count())
        .where(Grid.version_id == GridVersion.id, is_in_force(Grid, on))
        .correlate(GridVersion)
        .scalar_subquery()
    )
    rows = session.execute(
        select(GridVersion, in_force).order_by(GridVersion.valid_from.desc(), GridVersion.id.desc())
    )
    return [
        GridVersionRow(
            version_id=version.id,
            valid_from=version.valid_from,
            grid_count=version.grid_count,
            in_force_count=count,
            source=version.source,
            file_name=version.file_name,
            note=version.note,
            imported_at=version.imported_at,
        )
        for version, count in rows
    ]


def _valid_grids(
    on: date, scope: GridScope, community_code: str | None
) -> Select[*tuple[Any, ...]]:
    query = select(
        Grid.id, Grid.grid_code, Grid.name, Grid.kind, Grid.community_code, Grid.person_in_charge,
        Grid.household_count, Grid.area_m2, Grid.valid_from, Grid.valid_to,
    ).where(is_in_force(Grid, on), in_scope(Grid.grid_code, scope))  # fmt: skip
    return query if community_code is None else query.where(Grid.community_code == community_code)


def _address_counts() -> Select[*tuple[Any, ...]]:
    return (
        select(StandardAddress.grid_id, func.count().label("address_count"))
        .where(StandardAddress.status == "current", StandardAddress.grid_id.is_not(None))
        .group_by(StandardAddress.grid_id)
    )
