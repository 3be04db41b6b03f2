"""The demo city's units move: as their roster says, through the door, the same after a restart."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qs

import numpy as np
import pytest
import shapely
from geoalchemy2.shape import from_shape, to_shape
from numpy.typing import NDArray
from shapely import LineString, box
from sqlalchemy import select

from geo.demo.key_places import store_key_places
from geo.demo.muster_crews import ANSWER_S
from geo.demo.patrol import ZONE, keep_patrol
from geo.demo.patrol_history import fill_history
from geo.demo.patrol_mover import CALLS_EVERY_S, LOOK_EVERY_S, PAST, PatrolMover, moving_patrol
from geo.demo.patrol_tracks import CALL_MIN_S, SHIFT_MAX_S, DutyTrack, duty_track
from geo.musters.calling import call_muster, end_muster
from geo.simulator.phone_line import PhoneLine
from geo.simulator.road_plan import RoadPlan
from geo.store.database import Database
from geo.tables import (
    BasemapFeature,
    BasemapSource,
    DutyShift,
    KeyPlace,
    Muster,
    MusterCall,
    PatrolPlan,
    PatrolPosition,
    PatrolRoute,
    PatrolUnit,
    PatrolUnitStatus,
    StoreNote,
)
from geo.units.devices import find_device
from geo.values import LonLat
from tests.factories import add_area, add_grid, add_grid_version

NOON = datetime(2026, 3, 1, 12, 30, tzinfo=ZONE)
STREETS = [
    LineString([(112.0 + x / 500, 37.0 + y / 500), (112.0 + (x + dx) / 500, 37.0 + (y + dy) / 500)])
    for x in range(5)
    for y in range(5)
    for dx, dy in ((1, 0), (0, 1))
]
PLAN = RoadPlan.of(STREETS)


@dataclass
class FakeLine(PhoneLine):
    """A server that answers as it is told, and keeps what came."""

    status: int = 200
    came: list[tuple[str, str, float]] = field(default_factory=list)  # token, format, fixed_at
    places: list[tuple[str, float, float]] = field(default_factory=list)  # of single fixes

    def send(self, format: str, body: str, *, kind: str = "", token: str | None = None) -> int:
        if self.status == 200:
            assert token is not None
            if format == "batch":
                times = [fix["fixed_at"] for fix in json.loads(body)["fixes"]]
            else:
                told = {key: values[0] for key, values in parse_qs(body).items()}
                times = [float(told["timestamp"])]
                self.places.append((token, float(told["lon"]), float(told["lat"])))
            self.came += [(token, format, each) for each in times]
        return self.status

    def close(self) -> None:
        pass


@pytest.fixture
def store(database: Database) -> Database:
    """Two grids with streets, a station's units, a roster around 1 March 2026."""
    with database.session() as session:
        version = add_grid_version(session)
        add_area(session, "990102001001")
        for number in (0, 1):
            shape = box(112.0 + number / 200, 37.0, 112.005 + number / 200, 37.01)
            add_grid(session, f"99010200100100{number + 1}", shape, version=version)
        source = BasemapSource(name="demo", origin_datum="WGS84", is_generated=True)
        session.add_all([source, StoreNote(name="demo_city", value={"seed": 1})])
        session.flush()
        session.add_all(
            BasemapFeature(source_id=source.id, kind="road", geom=from_shape(line, srid=4326))
            for line in STREETS
        )
        keep_patrol(session, today=date(2026, 3, 1), zone=ZONE)
    return database


def run(mover: PatrolMover, clock: list[float], until: float) -> None:
    """Let the mover work until a time, without waiting."""
    while clock[0] < until:
        clock[0] += max(mover.step(), 0.01)


def mover_of(database: Database, line: FakeLine, clock: list[float]) -> PatrolMover:
    """One that fills in nothing of the time before."""
    return PatrolMover(database, line, past=timedelta(0), clock=lambda: clock[0])


def unit_of(database: Database, token: str) -> str:
    with database.session() as session:
        device = find_device(session, token)
        assert device is not None
        return session.get_one(PatrolUnit, device.unit_id).code


def test_a_track_is_the_same_each_time_and_keeps_to_the_streets() -> None:
    streets = shapely.union_all(PLAN.plane.to_metres(np.array(STREETS, dtype=object)))
    for kind in ("foot", "car", "motorcycle", "volunteer", "emergency_unit"):
        track = duty_track(PLAN, "X-1", kind, 1.7e9, home=(112.004, 37.004))
        again = duty_track(PLAN, "X-1", kind, 1.7e9, home=(112.004, 37.004))
        assert np.array_equal(track.lon, again.lon)
        assert np.array_equal(track.due_s, again.due_s)
        assert not np.array_equal(track.lon[:50], duty_track(PLAN, "X-2", kind, 1.7e9).lon[:50])
        places = PLAN.plane.to_metres(shapely.points(track.lon, track.lat))
        # Noise of 4 m a direction: 30 m off the street is seven times that.
        assert shapely.distance(places, streets).max() < 30
        assert (np.diff(track.due_s) >= 0).all()
        assert (track.due_s >= track.fixed_s - 2).all()
        assert 0.9 * SHIFT_MAX_S < track.fixed_s.max() - 1.7e9 < 1.01 * SHIFT_MAX_S


def test_a_unit_is_on_its_way_before_it_stands_at_a_call() -> None:
    track = duty_track(PLAN, "X-1", "car", 1.7e9)
    here, gone = track.calls[0]
    assert gone - here >= CALL_MIN_S
    assert track.status_at(here - 1) == "en_route"
    assert track.status_at(here) == track.status_at(gone - 1) == "on_scene"
    assert duty_track(PLAN, "X-1", "volunteer", 1.7e9).status_at(here) == "free"


def test_the_past_of_a_track_has_at_most_one_fix_in_each_step() -> None:
    track = duty_track(PLAN, "X-1", "foot", 1.7e9)
    rows = track.between(1.7e9 + 600, 1.7e9 + 1200, every_s=30.0)
    assert 15 <= len(rows) <= 21
    assert len(np.unique(track.fixed_s[rows] // 30)) == len(rows)
    assert (np.diff(track.fixed_s[rows]) > 0).all()


def test_units_on_duty_send_by_their_own_tokens_first_now_then_what_was_missed(
    store: Database,
) -> None:
    line, clock = FakeLine(), [NOON.timestamp()]
    mover = PatrolMover(store, line, past=timedelta(hours=6), clock=lambda: clock[0])
    run(mover, clock, NOON.timestamp() + 40)
    live = [(token, at) for token, _, at in line.came if at >= NOON.timestamp()]
    past = [at for _, _, at in line.came if at < NOON.timestamp()]
    codes = {unit_of(store, token) for token, _ in live}
    assert {"CAR-01", "MEU-01"} <= codes
    assert "CAR-02" not in codes  # it has the night
    assert all(at <= NOON.timestamp() + 41 for _, at in live)
    first = line.came[0][2]
    assert first > NOON.timestamp() - 1
    assert min(past) < (NOON - timedelta(hours=5)).timestamp()
    with store.session() as session:
        told = {unit.code: unit.status for unit in session.scalars(select(PatrolUnit))}
    assert told["CAR-02"] == "off"
    assert told["CAR-01"] != "off"


def test_a_start_anew_goes_on_where_the_last_one_ended(store: Database) -> None:
    clock = [NOON.timestamp()]
    first, second, whole = FakeLine(), FakeLine(), FakeLine()

    def sent_by(line: FakeLine, start_s: float, end_s: float) -> set[float]:
        clock[0] = NOON.timestamp() + start_s
        run(mover_of(store, line, clock), clock, NOON.timestamp() + end_s)
        return {at for _, _, at in line.came}

    sent = sent_by(first, 0, 30) | sent_by(second, 30, 60)
    at_once = sent_by(whole, 0, 60)
    assert len(at_once) > 20
    # At the seam a fix may have been made before and be due after.
    assert len(at_once ^ sent) <= 4


def test_a_server_that_is_away_gets_what_was_due_when_it_is_back(store: Database) -> None:
    line, clock = FakeLine(status=0), [NOON.timestamp()]
    mover = mover_of(store, line, clock)
    run(mover, clock, NOON.timestamp() + 60)
    assert line.came == []
    line.status = 200
    run(mover, clock, NOON.timestamp() + 61)
    assert len([at for _, _, at in line.came if at < NOON.timestamp() + 55]) > 10


def test_a_phone_whose_token_was_taken_gets_another(store: Database) -> None:
    line, clock = FakeLine(), [NOON.timestamp()]
    mover = mover_of(store, line, clock)
    run(mover, clock, NOON.timestamp() + 10)
    before = {token for token, _, _ in line.came}
    line.status = 401
    run(mover, clock, NOON.timestamp() + 20)
    line.status, line.came = 200, []
    run(mover, clock, NOON.timestamp() + 20 + 2 * LOOK_EVERY_S)
    assert line.came
    assert {token for token, _, _ in line.came} - before


def test_what_a_person_says_of_a_unit_stays_until_the_unit_does_something_else(
    store: Database,
) -> None:
    line, clock = FakeLine(), [NOON.timestamp()]
    mover = mover_of(store, line, clock)
    run(mover, clock, NOON.timestamp() + 1)
    with store.session() as session:
        unit = session.scalars(select(PatrolUnit).where(PatrolUnit.code == "MEU-01")).one()
        unit.status = "busy"
    run(mover, clock, NOON.timestamp() + 3 * LOOK_EVERY_S)
    with store.session() as session:
        unit = session.scalars(select(PatrolUnit).where(PatrolUnit.code == "MEU-01")).one()
        assert unit.status == "busy"
        told = session.scalars(
            select(PatrolUnitStatus).where(PatrolUnitStatus.unit_id == unit.id)
        ).all()
    assert [each.status for each in told] == ["free"]
    assert told[0].since == datetime.fromtimestamp(NOON.timestamp(), UTC)


def test_a_unit_follows_its_route_from_when_it_is_assigned_until_the_plan_ends(
    store: Database,
) -> None:
    line, clock = FakeLine(), [NOON.timestamp()]
    mover = mover_of(store, line, clock)
    run(mover, clock, NOON.timestamp() + 30)
    corner = (112.004, 37.004)
    with store.session() as session:
        unit = session.scalars(select(PatrolUnit).where(PatrolUnit.code == "CAR-01")).one()
        start, end = NOON, NOON + timedelta(hours=2)
        plan = PatrolPlan(status="assigned", starts_at=start, ends_at=end, grid_codes=[],
                          content={}, created_by="x")  # fmt: skip
        session.add(plan)
        session.flush()
        lon, lat = unit_home(unit)
        begin, leave = NOON + timedelta(minutes=20), NOON + timedelta(minutes=50)
        session.add(PatrolRoute(
            plan_id=plan.id, unit_id=unit.id, starts_at=start, ends_at=end,
            assigned_at=datetime.fromtimestamp(clock[0], UTC),
            # A break: no crew leaves one out.
            stops=[{"lon": corner[0], "lat": corner[1], "begin_at": begin.isoformat(),
                    "leave_at": leave.isoformat(), "kind": "break"}],
            legs=[{"leave_at": start.isoformat(), "arrive_at": begin.isoformat(),
                   "line": [[lon, lat], list(corner)]}],
        ))  # fmt: skip
        plan_id = plan.id
    run(mover, clock, NOON.timestamp() + 30 + 2 * LOOK_EVERY_S)
    track = mover._on_duty[shift_of(store, "CAR-01")].track

    def near(track: DutyTrack, first: float, last: float) -> NDArray[np.bool_]:
        rows = (track.fixed_s > NOON.timestamp() + first) & (
            track.fixed_s < NOON.timestamp() + last
        )
        places = PLAN.plane.points_to_metres(track.lon[rows], track.lat[rows])
        there = PLAN.plane.points_to_metres([corner[0]], [corner[1]])[0]
        return np.hypot(*(places - there).T) < 30

    assert near(track, 21 * 60, 40 * 60).all()
    assert track.status_at(NOON.timestamp() + 30 * 60) == "free"  # a stop is no call
    # A start anew is on the same track.
    again = mover_of(store, FakeLine(), clock)
    again.step()
    assert np.array_equal(again._on_duty[shift_of(store, "CAR-01")].track.lon, track.lon)
    # The plan is ended: the unit goes on where it likes, from where it stands.
    clock[0] = NOON.timestamp() + 25 * 60
    with store.session() as session:
        session.get_one(PatrolPlan, plan_id).ended_at = datetime.fromtimestamp(clock[0], UTC)
    run(mover, clock, clock[0] + 2 * LOOK_EVERY_S)
    onward = mover._on_duty[shift_of(store, "CAR-01")].track
    assert near(onward, 21 * 60, 25 * 60).all()
    assert not near(onward, 30 * 60, 80 * 60).all()


def unit_home(unit: PatrolUnit) -> tuple[float, float]:
    (lon, lat), *_ = to_shape(unit.home).coords
    return float(lon), float(lat)


def shift_of(database: Database, code: str) -> int:
    with database.session() as session:
        return session.scalars(
            select(DutyShift.id).join(PatrolUnit, PatrolUnit.id == DutyShift.unit_id)
            .where(PatrolUnit.code == code, DutyShift.starts_at <= NOON, DutyShift.ends_at > NOON)
        ).one()  # fmt: skip


def test_the_past_waits_until_it_may_come(store: Database) -> None:
    line, clock, may_fill = FakeLine(), [NOON.timestamp()], [False]
    mover = PatrolMover(store, line, past=timedelta(hours=6), may_fill=lambda _: may_fill[0],
                        clock=lambda: clock[0])  # fmt: skip
    run(mover, clock, NOON.timestamp() + 30)
    assert min(at for _, _, at in line.came) >= NOON.timestamp() - 1
    may_fill[0] = True
    run(mover, clock, NOON.timestamp() + 60)
    assert min(at for _, _, at in line.came) < NOON.timestamp() - 3600


def test_in_a_store_of_real_data_nothing_moves(database: Database) -> None:
    with moving_patrol(database, "http://127.0.0.1:1"):
        assert "demo-patrol" not in [thread.name for thread in threading.enumerate()]


def test_the_days_before_are_filled_in_once_and_never_over_what_came(store: Database) -> None:
    now = NOON + timedelta(days=1)
    assert fill_history(store, now=now, shifts_max=3) == 3
    with store.session() as session:
        first = session.execute(select(PatrolPosition.unit_id, PatrolPosition.fixed_at)).all()
        shifts = session.scalars(select(DutyShift)).all()
    # Within the shifts, a minute apart or so, and before what the phones still send.
    assert 100 < len(first) < 3 * 12 * 62
    assert max(at for _, at in first) <= now - PAST
    for unit_id, at in first:
        assert any(
            shift.unit_id == unit_id and shift.starts_at <= at < shift.ends_at for shift in shifts
        )
    assert fill_history(store, now=now, shifts_max=1) == 1
    with store.session() as session:
        more = session.execute(select(PatrolPosition.unit_id, PatrolPosition.fixed_at)).all()
    assert set(first) < set(more)
    leaving = threading.Event()
    leaving.set()
    assert fill_history(store, now=now, leaving=leaving) == 0


def test_a_store_of_real_data_gets_no_history(database: Database) -> None:
    assert fill_history(database, now=NOON) == 0


def test_key_places_of_the_demo_lie_on_its_roads_and_in_its_grids(store: Database) -> None:
    with store.session() as session:
        assert store_key_places(session, on=date(2026, 3, 1)) == 1
        assert store_key_places(session, on=date(2026, 3, 1)) == 0
        place = session.scalars(select(KeyPlace)).one()
        assert place.grid_code.startswith("990102001001")


def test_units_that_are_called_say_so_come_by_road_and_go_back(store: Database) -> None:
    line, clock = FakeLine(), [NOON.timestamp()]
    mover = mover_of(store, line, clock)
    run(mover, clock, NOON.timestamp() + 5)
    now = datetime.fromtimestamp(clock[0], UTC)
    with store.session() as session:
        on_duty = set(
            session.scalars(
                select(DutyShift.unit_id).where(DutyShift.starts_at <= now, DutyShift.ends_at > now)
            )
        )
        units = [unit for unit in session.scalars(select(PatrolUnit)) if unit.id in on_duty]
        muster = call_muster(
            session, units, LonLat(112.006, 37.004), reason="x", now=now, called_by="test"
        )
        muster_id, count = muster.id, len(units)
    assert count >= 2
    run(mover, clock, NOON.timestamp() + 1500)
    with store.session() as session:
        calls = session.scalars(select(MusterCall).where(MusterCall.muster_id == muster_id)).all()
        waits = [(each.acknowledged_at - each.called_at).total_seconds()
                 for each in calls if each.acknowledged_at is not None]  # fmt: skip
        assert len(waits) == count
        assert min(waits) >= ANSWER_S[0] and max(waits) <= ANSWER_S[1] + CALLS_EVERY_S
        end_muster(session, session.get_one(Muster, muster_id), now=now, ended_by="test")
    at = {
        token: [(lon, lat) for own, lon, lat in line.places if own == token]
        for token, _, _ in line.came
    }
    # 37 m a 0.0004 degrees north; noise of 3 m a direction.
    near = [places[-1] for places in at.values() if np.hypot(
        (places[-1][0] - 112.006) * 0.8, places[-1][1] - 37.004) < 0.0004]  # fmt: skip
    assert len(near) == count
    run(mover, clock, NOON.timestamp() + 3000)
    duty = {each.unit_id for each in mover._on_duty.values()}
    assert not any(mover._crews.holds(unit_id) for unit_id in duty)
