"""Versions of grids beside imports of addresses: none keeps a grid that has ended."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
import shapely
from sqlalchemy import select
from sqlalchemy.orm import Session

from geo.addresses.match import match_standard_address
from geo.addresses.register_follower import RegisterFollower
from geo.grid_draft import GridDraft
from geo.grid_versions import follow_grids, load_open_grids, store_grid_version
from geo.register.changes import lock_for_merge, mark_register_change
from geo.register.placing import GridPlacer
from geo.store.database import Database
from geo.tables import Incident, IncidentCategory, StandardAddress
from geo.values import GridScope
from tests.factories import add_grid_version, add_standard_address

LON, LAT = 112.505, 37.805
MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)
LAND = shapely.MultiPolygon([shapely.box(112.5, 37.8, 112.51, 37.81)])


def _store(session: Session, grid_code: str, day: date, today: date) -> None:
    draft = GridDraft(
        row=1, grid_code=grid_code, name=grid_code, kind="base",
        community_code="140105001001", person_in_charge=None, contact=None,
        household_count=None, geometry=LAND,
    )  # fmt: skip
    replaced = load_open_grids(session, on=day)
    store_grid_version(
        session, [draft], valid_from=day, today=today, replaced=replaced, source="test"
    )


@pytest.mark.parametrize("stored_ahead", [False, True])
def test_rows_an_import_has_in_hand_get_the_new_grids(
    database: Database, *, stored_ahead: bool
) -> None:
    with database.session() as session:
        _store(session, "A1", MONDAY, MONDAY)
    if stored_ahead:
        with database.session() as session:
            _store(session, "B1", TUESDAY, MONDAY)

    def begin_tuesday() -> None:
        with database.session() as session:
            if stored_ahead:
                follow_grids(session, on=TUESDAY)
            else:
                _store(session, "B1", TUESDAY, TUESDAY)

    follower = RegisterFollower(database)
    with database.session() as importing:
        lock_for_merge(importing)
        placed = GridPlacer(MONDAY).place(importing, [LON], [LAT])
        assert placed.grid_code[0] == "A1"
        row = add_standard_address(
            importing, (LON, LAT), grid_id=placed.grid_id[0], grid_code=placed.grid_code[0]
        )
        mark_register_change(importing, [row.id])
        beside = _begun(begin_tuesday)
        assert len(follower.current()) == 0
        beside.join(timeout=0.5)
        assert beside.is_alive()  # it waits for the rows in hand
    beside.join(timeout=30)
    with database.session() as session:
        assert session.scalar(select(StandardAddress.grid_code)) == "B1"
    index = follower.current()
    for grid_code, is_seen in (("A1", False), ("B1", True)):
        scope = GridScope.of([grid_code])
        found = match_standard_address(row.canonical_text, index, scope=scope)
        assert (found.best is not None) == is_seen


def test_points_placed_after_a_version_lie_in_it(database: Database) -> None:
    placer = GridPlacer(TUESDAY)
    with database.session() as session:
        add_grid_version(session)
        assert placer.place(session, [LON], [LAT]).grid_code[0] is None
    with database.session() as session:
        _store(session, "B1", TUESDAY, TUESDAY)
    with database.session() as session:
        assert placer.place(session, [LON], [LAT]).grid_code[0] == "B1"


@pytest.mark.parametrize("stored_ahead", [False, True])
def test_incidents_follow_the_grids(database: Database, *, stored_ahead: bool) -> None:
    moment = datetime(2026, 11, 22, tzinfo=UTC)
    with database.session() as session:
        _store(session, "A1", MONDAY, MONDAY)
        session.add(IncidentCategory(code="theft", name="盗窃"))
        session.flush()
        for lon in (LON, LON + 1):  # the second lies in no grid
            session.add(
                Incident(
                    category_code="theft", source="sensor", reported_at=moment,
                    occurred_from=moment, occurred_to=moment, dataset="test", recorded_by="test",
                    point_method="given", geom=f"SRID=4326;POINT({lon} {LAT})",
                    grid_code="A1" if lon == LON else None,
                )
            )  # fmt: skip
    with database.session() as session:
        _store(session, "B1", TUESDAY, MONDAY if stored_ahead else TUESDAY)
    if stored_ahead:
        with database.session() as session:
            follow_grids(session, on=MONDAY)  # looks at all, the first time
            assert session.scalars(select(Incident.grid_code)).all() == ["A1", None]
            follow_grids(session, on=TUESDAY)
    with database.session() as session:
        assert session.scalars(select(Incident.grid_code).order_by(Incident.id)).all() == [
            "B1", None,
        ]  # fmt: skip
        assert session.scalars(select(Incident.version)).all() == [1, 1]


def _begun(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread
