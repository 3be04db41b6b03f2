"""The devices of an assigned plan's units."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from geo.errors import PatrolPlanNotFound
from geo.routes.plans import AssignedRoute, assign_plan, create_plan
from geo.simulator.assigned import Drive, assigned_drive
from geo.store.database import Database
from geo.units.units import create_unit
from geo.values import GridScope, Period

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
A, B = [112.0, 37.0], [112.01, 37.0]


def at(minutes: float) -> str:
    return (START + timedelta(minutes=minutes)).isoformat()


def test_each_unit_reports_by_a_device_of_its_own(database: Database) -> None:
    everything = GridScope.everything()
    with pytest.raises(PatrolPlanNotFound):
        assigned_drive(database, 1, Drive())
    with database.session() as session:
        unit = create_unit(session, "U", "U", scope=everything, kind="car", grid_codes=["G"])
        plan = create_plan(session, Period(START, START + timedelta(hours=1)), scope=everything,
                           grid_codes=[], content={}, created_by="x")  # fmt: skip
        stop = {"lon": B[0], "lat": B[1], "begin_at": at(5), "leave_at": at(25), "kind": "hotspot"}
        leg = {"leave_at": at(0), "arrive_at": at(5), "line": [A, B]}
        route = AssignedRoute(unit.id, START, START + timedelta(minutes=30), [stop], [leg])
        assign_plan(session, plan, [route], version=1, decided_by="x", now=START)
        plan_id = plan.id
    drive = assigned_drive(database, plan_id, Drive(interval_s=60, late_s=120))
    (reports,) = drive.reports
    assert len(drive.tokens) == 1
    assert len(reports.fixed_s) == 31  # half an hour, each minute
    lon, _ = drive.plane.metres_to_points(reports.xy)
    # There at minute 7, two late; noise of 5 m is less than a tenth of a thousandth of a degree.
    there = abs(lon - B[0]) < 0.0003
    assert reports.true_s[there].min() == pytest.approx(7 * 60, abs=61)
    past = drive.until(START + timedelta(minutes=10)).reports[0]
    assert len(past.fixed_s) == pytest.approx(11, abs=1) and past.received_s.max() <= 600
