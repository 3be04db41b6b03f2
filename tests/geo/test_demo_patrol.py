"""The demo city's units: of every kind, somebody on duty at any time, nobody twice."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import box
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from geo.demo.patrol import DAYS_AHEAD, ZONE, invent_units, keep_patrol, store_patrol
from geo.tables import (
    UNIT_KINDS,
    Account,
    DutyShift,
    PatrolUnit,
    PatrolUnitMember,
    StoreNote,
)
from geo.units.units import end_duty, find_units, units_of_account
from geo.values import GridScope
from tests.factories import add_area, add_grid, add_grid_version

TODAY = date(2026, 3, 1)
COMMUNITIES = [
    (f"99010200{township}{number:03}", f"甲{number}社区", [f"99010200{township}{number:03}001"])
    for township in (1, 2, 3)
    for number in range(1, 5)
]
UNITS = invent_units(COMMUNITIES)


@pytest.fixture
def station(session: Session) -> Session:
    """Two communities of two grids each."""
    version = add_grid_version(session)
    for number, code in enumerate(("990102001001", "990102001002")):
        add_area(session, code)
        for grid in (0, 1):
            west, south = 112.0 + number / 100, 37.0 + grid / 100
            shape = box(west, south, west + 0.01, south + 0.01)
            add_grid(session, f"{code}00{grid + 1}", shape, version=version)
    return session


def test_there_are_units_of_every_kind_each_with_a_leader_of_an_invented_name() -> None:
    assert {each.kind for each in UNITS} == set(UNIT_KINDS)
    assert len({each.code for each in UNITS}) == len(UNITS)
    people = [name for each in UNITS for name, _ in each.members]
    assert len(set(people)) == len(people)
    assert all(name.startswith("示例·") for name in people)
    assert all([role for _, role in each.members].count("leader") == 1 for each in UNITS)


@given(
    st.integers(0, 70 * 365 * 24 * 60),
    st.sampled_from(["Asia/Shanghai", "Asia/Urumqi", "Europe/Berlin"]),
)
def test_at_any_moment_cars_emergency_units_and_teams_on_foot_are_on_duty_each_once(
    minutes: int, zone: str
) -> None:
    now = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    day = now.astimezone(ZoneInfo(zone)).date()
    on_duty: dict[str, int] = {}
    for unit in UNITS:
        shifts = [
            shift
            for back in (-1, 0, 1)
            for shift in unit.shifts(day + timedelta(days=back), ZoneInfo(zone))
        ]
        assert all(a.end <= b.start for a, b in itertools.pairwise(shifts))
        running = sum(shift.start <= now < shift.end for shift in shifts)
        assert running <= 1
        on_duty[unit.kind] = on_duty.get(unit.kind, 0) + running
    assert on_duty["car"] == 3
    assert on_duty["emergency_unit"] == 3
    assert on_duty["foot"] == 3


def test_a_store_gets_units_with_members_homes_and_a_roster_once(station: Session) -> None:
    assert store_patrol(station, today=TODAY) > 0
    shifts = station.scalar(select(func.count(DutyShift.id)))
    assert store_patrol(station, today=TODAY) == 0
    assert station.scalar(select(func.count(DutyShift.id))) == shifts
    units = find_units(station, scope=GridScope.everything())
    assert all(unit.home is not None and unit.kit and unit.skills for unit in units)
    members = station.scalars(select(PatrolUnitMember.unit_id)).all()
    assert {unit.id for unit in units} == set(members)
    car = next(unit for unit in units if unit.code == "CAR-01")
    assert len(car.grid_codes) == 4


def test_a_start_weeks_later_finds_somebody_on_duty(station: Session) -> None:
    store_patrol(station, today=TODAY)
    station.add(StoreNote(name="demo_city", value={"seed": 1}))
    later = TODAY + timedelta(days=7 * DAYS_AHEAD)
    now = datetime(later.year, later.month, later.day, 3, 30, tzinfo=ZONE)
    running = select(func.count(DutyShift.id)).where(
        DutyShift.starts_at <= now, DutyShift.ends_at > now
    )
    assert station.scalar(running) == 0
    assert keep_patrol(station, today=later)
    assert (station.scalar(running) or 0) >= 2


def test_a_duty_that_a_person_ended_is_not_planned_anew(station: Session) -> None:
    store_patrol(station, today=TODAY)
    unit = station.scalars(select(PatrolUnit).where(PatrolUnit.code == "CAR-01")).one()
    now = datetime(2026, 3, 1, 12, tzinfo=ZONE)
    assert end_duty(station, unit, now=now) == 1
    store_patrol(station, today=TODAY)
    running = select(DutyShift).where(DutyShift.unit_id == unit.id, DutyShift.ends_at > now)
    first = station.scalars(running.order_by(DutyShift.starts_at)).first()
    assert first is not None
    assert first.starts_at > now


def test_demo_accounts_join_their_units_once_and_other_stores_get_none(station: Session) -> None:
    assert not keep_patrol(station, today=TODAY)
    assert station.scalar(select(func.count(PatrolUnit.id))) == 0
    worker = Account(name="worker", shown_name="示例·网格员", role="grid_worker",
                     password_hash="-", is_demo=True)  # fmt: skip
    station.add_all([worker, StoreNote(name="demo_city", value={"seed": 1})])
    station.flush()
    for _ in range(2):
        assert keep_patrol(station, today=TODAY)
    own = units_of_account(station, worker.id, scope=GridScope.everything())
    assert [unit.code for unit in own] == ["FOOT-01"]
    assert station.scalar(
        select(func.count()).where(PatrolUnitMember.account_id == worker.id)
    ) == 1  # fmt: skip
