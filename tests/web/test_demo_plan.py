"""Yesterday's plan of the demo city: made once, in the leader's grids, and assigned in time."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from shapely import box
from sqlalchemy import select

from api.services import Services
from geo import accounts
from geo.demo.patrol import PLANNED_BY
from geo.roads.store import store_road_network
from geo.settings import Settings
from geo.store.database import Database
from geo.tables import KeyPlace, KeyPlaceDose, PatrolPlan, PatrolRoute, StoreNote
from geo.units.units import create_unit, plan_shift
from geo.values import GridScope, LonLat
from tests.factories import add_area, add_grid, add_grid_version
from tests.geo.roads.streets import place, streets
from web.demo_plan import plan_yesterday, planning_yesterday, yesterday

NOW = datetime(2026, 3, 4, 4, tzinfo=UTC)  # a Wednesday
GRID = "99010200100101"
BLOCK = """
    A-B-C
    | | |
    E-F-G
"""


@pytest.fixture
def services(database: Database, tmp_path: Path) -> Services:
    """A demo store with one grid on a block of streets, a car on duty, a school to be patrolled."""
    settings = Settings(data_folder=tmp_path, demo=False)
    shift = yesterday(settings, NOW)
    assert (shift.start, shift.end) == (
        datetime(2026, 3, 3, 0, tzinfo=UTC), datetime(2026, 3, 3, 8, tzinfo=UTC)
    )  # fmt: skip
    with database.session() as session:
        session.add(StoreNote(name="demo_city", value={"seed": 1}))
        add_area(session, "990102001001")
        lon, lat = place(0, 0)
        add_grid(session, GRID, box(lon - 0.02, lat - 0.02, lon + 0.02, lat + 0.02),
                 version=add_grid_version(session))  # fmt: skip
        store_road_network(session, streets(BLOCK), name="t", valid_from=date(2025, 1, 1))
        leader = accounts.create_account(
            session, "leader", "only-a-test-password", role="patrol_leader", is_demo=True
        )
        accounts.assign(session, leader, GRID, valid_from=date(2026, 3, 4))
        for code, lasts in (("CAR", shift), ("SHORT", None)):
            unit = create_unit(session, code, code, scope=GridScope.everything(), kind="car",
                               grid_codes=[GRID], home=LonLat(*place(0, 1)))  # fmt: skip
            if lasts is not None:
                plan_shift(session, unit, lasts, planned_by=PLANNED_BY)
        lon, lat = place(2, 0)
        school = KeyPlace(code="S", name="一小", grid_code=GRID, reach_m=50, created_by="x",
                          geom=f"SRID=4326;POINT({lon} {lat})")  # fmt: skip
        session.add(school)
        session.flush()
        session.add(KeyPlaceDose(key_place_id=school.id, first_hour=9, end_hour=12,
                                 weekdays=[2], dose_s=600))  # fmt: skip
    return Services(settings, database)


def test_it_is_assigned_before_its_shift_and_made_once(services: Services) -> None:
    plan_id = plan_yesterday(services, now=NOW)
    assert plan_id is not None
    with services.database.session() as session:
        plan = session.get_one(PatrolPlan, plan_id)
        route = session.scalars(select(PatrolRoute)).one()
        assert (plan.status, plan.grid_codes) == ("assigned", [GRID])
        assert plan.starts_at - timedelta(hours=1) < route.assigned_at < plan.starts_at
        assert [stop["name"] for stop in route.stops if stop["kind"] == "key_place"] == ["一小"]
    assert plan_yesterday(services, now=NOW + timedelta(days=1)) is None


def test_a_store_of_real_data_gets_none(services: Services) -> None:
    with services.database.session() as session:
        session.delete(session.get_one(StoreNote, "demo_city"))
    assert plan_yesterday(services, now=NOW) is None


def test_who_may_hold_a_part_of_it_waits_until_it_is_planned(services: Services) -> None:
    shift = yesterday(services.settings, NOW)
    with planning_yesterday(services, now=lambda: NOW) as may_fill:
        assert may_fill(shift.end.timestamp())
    assert may_fill(shift.start.timestamp())
