"""Hours that are asked for, stretches that key places want, files of key places."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from sqlalchemy.orm import Session

from geo.coverage.key_places import Dose, PlacedKeyPlace, find_key_places, import_key_places
from geo.coverage.pieces import SUMS, VISIT
from geo.coverage.reading import CoverageRows
from geo.errors import GridNotFound, InvalidFile, InvalidPeriod
from geo.incidents.columns import IncidentColumns
from geo.values import GridScope, LonLat, Period
from layers.coverage.answers import class_breaks_of, hours_asked
from layers.coverage.board import demand_mismatch, occasions_of
from tests.drawing import NORTH, STEP_DEG, WEST, draw
from tests.factories import add_grid

CITY = "Asia/Shanghai"
MONDAY = datetime(2026, 3, 2, tzinfo=ZoneInfo(CITY))
A = "14010500100100001"


def test_hours_are_whole_and_local() -> None:
    period = Period(MONDAY + timedelta(minutes=20), MONDAY + timedelta(days=7, minutes=20))
    every = hours_asked(period, time_zone=CITY)
    assert (len(every.starts), every.is_part) == (169, False)
    some = hours_asked(
        period, time_zone=CITY, hours=frozenset({22, 23, 0}), weekdays=frozenset({5})
    )
    assert [each.astimezone(ZoneInfo(CITY)).strftime("%a %H") for each in some.starts] == [
        "Sat 00", "Sat 22", "Sat 23",
    ]  # fmt: skip
    # In a zone that is off by half an hour, hours begin off ours.
    india = hours_asked(Period(MONDAY, MONDAY + timedelta(hours=2)), time_zone="Asia/Kolkata",
                        offset_ms=1_800_000)  # fmt: skip
    assert {each.minute for each in india.starts} == {30}
    with pytest.raises(InvalidPeriod, match="wanted 92 at most"):
        hours_asked(Period(MONDAY, MONDAY + timedelta(days=93)), time_zone=CITY)


def test_stretches_that_are_over_and_lie_in_the_period() -> None:
    night = Dose(22, 6, (5,), 1200)  # of Fridays, till Saturday morning
    morning = Dose(7, 9, (1, 2), 600)
    place = PlacedKeyPlace(1, "K", "门", A, LonLat(112.5, 37.8), 30, (night, morning))
    week = Period(MONDAY, MONDAY + timedelta(days=7))

    def found(period: Period, now: datetime) -> list[tuple[str, str]]:
        zone = ZoneInfo(CITY)
        return [
            tuple(each.astimezone(zone).strftime("%a %H") for each in (one.starts_at, one.ends_at))
            for one in occasions_of([place], period, time_zone=CITY, now=now)
        ]  # type: ignore[misc]

    assert found(week, week.end) == [
        ("Mon 07", "Mon 09"), ("Tue 07", "Tue 09"), ("Fri 22", "Sat 06"),
    ]  # fmt: skip
    assert found(week, MONDAY + timedelta(hours=8)) == []
    saturday = Period(MONDAY + timedelta(days=5), week.end)
    assert found(saturday, week.end) == []  # it began before


@pytest.mark.parametrize(
    ("grids", "scope", "index"),
    [
        ([0] * 30, GridScope.everything(), 0.0),  # all calls are where and when the patrol was
        ([0] * 15 + [1] * 15, GridScope.everything(), 0.5),
        ([1] * 30, GridScope.everything(), 1.0),
        ([0] * 25 + [1] * 75, GridScope.of([A]), 0.0),  # what is out of sight doesn't count
    ],
)
def test_mismatch_of_grids_and_parts_of_the_day(
    grids: list[int], scope: GridScope, index: float
) -> None:
    count = len(grids)
    whole = np.zeros(count, np.int64)
    day = np.full(count, MONDAY.timestamp() / 86_400 - 10)
    calls = IncidentColumns(
        number=whole, h3_cell=whole, day=day, stretch_d=np.zeros(count),
        category=np.zeros(count, np.int32), source=np.zeros(count, np.int32),
        grid=np.array(grids, np.int32), week_hour=np.full(count, 24 + 9, np.int32),
        categories=["theft"], sources=["resident_reported"], grids=[A, "B"],
    )  # fmt: skip
    asked = hours_asked(Period(MONDAY, MONDAY + timedelta(days=1)), time_zone=CITY)
    sums = np.zeros(2, SUMS)
    # Half an hour from 09:00 on, and an hour responding at night, which is demand met.
    sums["ms"] = [[1_800_000, 0, 0, 0, 0, 0], [0, 0, 3_600_000, 0, 0, 0]]
    none = np.zeros(0, np.int64)
    covered = CoverageRows(
        sums, np.array([9, 2]), np.zeros(2, np.int64), np.zeros(0, VISIT), none, [A]
    )
    demand = Period(MONDAY - timedelta(days=90), MONDAY)
    found = demand_mismatch(covered, asked, calls, demand=demand, scope=scope, time_zone=CITY)
    assert found.index == pytest.approx(index)


@pytest.mark.parametrize(
    ("values", "breaks"),
    [
        ([], []),
        ([np.nan, 0.0], []),
        ([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0], [2.8, 4.6, 6.4, 8.2]),
        ([3, 3, 3, 3], [3.0]),
    ],
)
def test_classes_hold_as_many_places_each(values: list[float], breaks: list[float]) -> None:
    assert class_breaks_of(np.array(values, float)) == breaks


def test_a_file_of_key_places_is_stored_whole_or_not_at_all(session: Session) -> None:
    add_grid(session, A, draw("AA\nAA")["A"])
    head = "code,name,lon,lat,reach_m,weekdays,hours,dose_min\n"
    lon, lat = WEST + STEP_DEG, NORTH - STEP_DEG
    rows = f"K1,校门,{lon},{lat},40,1-5,7-9,15\nK1,校门,{lon},{lat},40,6,22-6,20\n"
    more = {"scope": GridScope.everything(), "created_by": "x", "on": date(2026, 3, 2)}
    for bad, fault in (
        (head.replace("hours,", ""), "Column hours is missing"),
        (head + rows + f"K2,甲,{lon},{lat},,1-8,7-9,15\n", "Row 4 can't be read: Weekdays"),
        (head + rows + "K2,甲,x,1,,1,7-9,15\n", "Row 4 can't be read"),
    ):
        with pytest.raises(InvalidFile, match=fault):
            import_key_places(session, bad, **more)  # type: ignore[arg-type]
    outside = head + f"K3,甲,{lon + 1},{lat},,1,7-9,15\n"
    with pytest.raises(GridNotFound):
        import_key_places(session, outside, **more)  # type: ignore[arg-type]
    assert find_key_places(session, scope=GridScope.everything()) == []
    assert import_key_places(session, head + rows, **more) == 1  # type: ignore[arg-type]
    (place,) = find_key_places(session, scope=GridScope.of([A]))
    assert (place.name, place.reach_m, place.grid_code) == ("校门", 40, A)
    assert place.doses == (Dose(7, 9, (1, 2, 3, 4, 5), 900), Dose(22, 6, (6,), 1200))
    assert find_key_places(session, scope=GridScope.of(["other"])) == []
