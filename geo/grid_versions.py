"""Store a version of grids: what it replaces ends, addresses and incidents follow, nothing is
deleted.

All in the caller's transaction: it lands whole or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from geoalchemy2 import WKBElement
from sqlalchemy import exists, insert, not_, or_, select, text, update
from sqlalchemy.orm import Session

from geo.crosswalk import store_crosswalk
from geo.errors import JobRunning
from geo.geodesy import geodesic_area_m2
from geo.grid_draft import GridDraft
from geo.grids import is_in_force, load_grids
from geo.incidents.regridding import follow_grids_with_incidents, regrid_incidents
from geo.locating import ReassignResult, reassign_grids
from geo.register.changes import lock_for_merge
from geo.store.bulk import analyze_tables
from geo.tables import Grid, GridH3Cell, GridVersion, StandardAddress
from geo.values import GridScope

GRID_LOCK = 7_204_514  # any constant serves that no other lock of this program uses
_COMPARED = (
    "name", "kind", "community_code", "person_in_charge", "contact", "household_count",
)  # fmt: skip
_SAME_PLACE_DEG = 1e-9  # 0.1 mm: what a file keeps of a coordinate it writes with 9 digits

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """What storing did.

    version_id : None where nothing was stored, because the same grids are in force already
    ended_count : grids that ended by it
    moved, left_without : addresses that came into another grid, those of them now in none
    """

    version_id: int | None
    grid_count: int
    ended_count: int
    moved: int
    left_without: int


def lock_grid_writes(session: Session) -> None:
    """Let no other import of grids begin until the transaction ends.

    Raises
    ------
    JobRunning : one is at it
    """
    held = session.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": GRID_LOCK})
    if not held:
        raise JobRunning(
            "Another import of grids is running. Nothing was stored. Try again when it has ended."
        )


def load_open_grids(session: Session, *, on: date) -> gpd.GeoDataFrame:
    """Return the grids in force on a day, as `geo.grids.load_grids` does, of all scopes: what a
    new version replaces or must fit beside doesn't depend on who looks."""
    return load_grids(session, on=on, scope=GridScope.everything())


def find_grids_from(
    session: Session,
    *,
    on: date,
    community_codes: Sequence[str] | None,
    grid_codes: Sequence[str],
) -> dict[str, date]:
    """Return grids that begin on a day or later, with their first days, by code.

    Parameters
    ----------
    community_codes : of these communities; None: of all
    grid_codes : and those with these codes, wherever they are
    """
    query = select(Grid.grid_code, Grid.valid_from).where(Grid.valid_from >= on)
    if community_codes is not None:
        query = query.where(
            or_(Grid.community_code.in_(community_codes), Grid.grid_code.in_(grid_codes))
        )
    return {row.grid_code: row.valid_from for row in session.execute(query)}


def is_same_as_stored(drafts: Sequence[GridDraft], stored: gpd.GeoDataFrame) -> bool:
    """Whether drafts say nothing that the stored grids don't say already."""
    if sorted(draft.grid_code for draft in drafts) != list(stored.index):
        return False
    ordered = sorted(drafts, key=lambda draft: draft.grid_code)
    facts = stored[list(_COMPARED)].astype(object)
    facts = facts.where(facts.notna(), None)
    for draft, row in zip(ordered, facts.itertuples(index=False), strict=True):
        if tuple(getattr(draft, name) for name in _COMPARED) != tuple(row):
            return False
    ours = shapely.normalize(np.array([draft.geometry for draft in ordered], dtype=object))
    theirs = shapely.normalize(np.asarray(stored.geometry.to_numpy(), dtype=object))
    return bool(shapely.equals_exact(ours, theirs, tolerance=_SAME_PLACE_DEG).all())


def store_grid_version(
    session: Session,
    drafts: Sequence[GridDraft],
    *,
    valid_from: date,
    today: date,
    replaced: gpd.GeoDataFrame,
    source: str,
    file_name: str | None = None,
    note: str | None = None,
    progress: Progress | None = None,
) -> StoredVersion:
    """Store checked grids, end those they replace, build the crosswalk, re-assign addresses.

    Parameters
    ----------
    drafts : each with a community and a valid geometry, see `geo.grid_faults.check_grids`
    valid_from : their first day, later than that of every grid replaced
    today : addresses follow the grids of this day; a version that begins later moves none yet
    replaced : as `load_open_grids` returns it
    progress : told grids done and all grids

    Raises
    ------
    DatabaseUnavailable, DiskFull
    """
    ended_ids = [int(grid_id) for grid_id in replaced["grid_id"]]
    if ended_ids:
        session.execute(update(Grid).where(Grid.id.in_(ended_ids)).values(valid_to=valid_from))
    version = GridVersion(
        source=source,
        file_name=file_name,
        valid_from=valid_from,
        grid_count=len(drafts),
        note=note,
    )
    session.add(version)
    session.flush()
    shapes = np.array([draft.geometry for draft in drafts], dtype=object)
    areas_m2 = geodesic_area_m2(shapes)
    rows: list[dict[str, Any]] = [
        {
            "version_id": version.id,
            "grid_code": draft.grid_code,
            "name": draft.name,
            "kind": draft.kind,
            "community_code": draft.community_code,
            "person_in_charge": draft.person_in_charge,
            "contact": draft.contact,
            "household_count": draft.household_count,
            "area_m2": float(area_m2),
            "valid_from": valid_from,
            "geom": WKBElement(wkb, srid=4326),
        }
        for draft, area_m2, wkb in zip(
            drafts, areas_m2, shapely.to_wkb(shapes),
            strict=True,
        )
    ]  # fmt: skip
    ids = session.scalars(insert(Grid).returning(Grid.id, sort_by_parameter_order=True), rows).all()
    store_crosswalk(session, list(ids), shapes, progress=progress)
    analyze_tables(session, Grid, GridH3Cell)
    # From here on no import writes beside it; rows it stored by the old grids are in what is read.
    followed = reassign_grids(session, on=today, grid_ids=[*ids, *ended_ids])
    regrid_incidents(session, on=today, grid_ids=[*ids, *ended_ids])
    return StoredVersion(
        version.id, len(drafts), len(ended_ids), followed.moved, followed.without_grid
    )


def follow_grids(session: Session, *, on: date) -> ReassignResult:
    """Bring addresses and incidents into the grids of a day, where a version began or ended since
    last time.

    Call it once a day (`gridbeat grids reassign` does): a version stored ahead of its first day
    moves nothing until then. Costs next to nothing where nothing is due, but waits for the rows an
    import has in hand: they may lie in a grid that has ended.
    """
    lock_for_merge(session)
    has_addresses = exists().where(
        StandardAddress.grid_id == Grid.id, StandardAddress.status == "current"
    )
    left = session.scalars(select(Grid.id).where(not_(is_in_force(Grid, on)), has_addresses)).all()
    begun = session.scalars(select(Grid.id).where(is_in_force(Grid, on), not_(has_addresses))).all()
    follow_grids_with_incidents(session, on=on)
    if not left and not begun:
        return ReassignResult(0, 0)
    return reassign_grids(session, on=on, grid_ids=[*left, *begun])
