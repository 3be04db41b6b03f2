"""Positions on disk: each once, on duty only, the latest forward, purged with a receipt."""

from __future__ import annotations

import json
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from geo.errors import Conflict, DatabaseUnavailable, InvalidInput
from geo.positions import intake as intake_module
from geo.positions.batch import read_batch
from geo.positions.fix import Drop, Fix, Reading, Source
from geo.positions.intake import Intake
from geo.positions.live import LiveBoard, state_of
from geo.positions.purging import purge_positions
from geo.positions.reading import device_reports, track_of
from geo.positions.rows import Rows, row_of, rows_of, to_us
from geo.positions.storing import PlacedFix, make_position_partitions, store_fixes
from geo.store.database import Database
from geo.tables import PatrolLatest, PatrolPosition, PatrolUnit, PositionDrop
from geo.units.devices import KnownDevice, end_device, find_device, register_device
from geo.units.units import create_unit, end_duty, plan_shift
from geo.values import GridScope, LonLat, Period

NOW = datetime(2026, 3, 4, 8, 0, tzinfo=UTC)
ALL = GridScope.everything()


def on_duty(session: Session, code: str = "U1", hours: int = 8) -> PatrolUnit:
    """A unit on duty from 08:00 on."""
    unit = create_unit(session, code, "甲", scope=ALL, kind="foot", grid_codes=["G1"])
    plan_shift(session, unit, Period(NOW, NOW + timedelta(hours=hours)), planned_by="test")
    return unit


def fix(second: float, *, lon: float = 112.55, stale_s: float | None = None) -> Fix:
    at = NOW + timedelta(seconds=second)
    stale = None if stale_s is None else NOW + timedelta(seconds=stale_s)
    return Fix("phone", at, LonLat(lon, 37.87), Source.OSMAND, stale_at=stale)


def placed(
    unit: PatrolUnit, second: float, device: int = 1, skew_s: float = 0, **more: float
) -> PlacedFix:
    received = NOW + timedelta(seconds=second + skew_s)
    return PlacedFix(fix(second, **more), unit.id, device, received, skew_s)


def moved(*fixes: PlacedFix) -> Rows:
    return rows_of(row_of(each.fix, each.unit_id, each.device_id) for each in fixes)


def latest(session: Session, unit: PatrolUnit) -> float:
    session.expire_all()
    at = session.scalars(select(PatrolLatest.at).where(PatrolLatest.unit_id == unit.id)).one()
    return (at - NOW).total_seconds()


def test_each_is_stored_once_and_outside_of_duty_nothing(session: Session) -> None:
    unit = on_duty(session, hours=1)
    given = [placed(unit, s) for s in (10, 20, 10, -1, 3599, 3600)]
    stored = store_fixes(session, given)
    assert stored.outcomes == [None, None, Drop.DUPLICATE, Drop.OFF_DUTY, None, Drop.OFF_DUTY]
    assert store_fixes(session, given[:2]).outcomes == [Drop.DUPLICATE, Drop.DUPLICATE]
    # Another device of the unit at the same time is another position.
    assert store_fixes(session, [placed(unit, 10, device=2)]).outcomes == [None]
    assert session.scalar(select(func.count()).select_from(PatrolPosition)) == 4
    assert end_duty(session, unit, now=NOW + timedelta(seconds=100)) == 1
    assert store_fixes(session, [placed(unit, 100)]).outcomes == [Drop.OFF_DUTY]


def test_late_and_shuffled_fixes_never_move_the_latest_back(session: Session) -> None:
    unit = on_duty(session)
    assert len(store_fixes(session, [placed(unit, s) for s in (30, 10, 50, 20)]).moved) == 1
    assert latest(session, unit) == 50
    assert not len(store_fixes(session, [placed(unit, 40)]).moved)
    assert latest(session, unit) == 50
    # Stale on arrival: stored, and moves nothing.
    stored = store_fixes(session, [placed(unit, 90, stale_s=80)])
    assert (stored.outcomes, len(stored.moved)) == ([None], 0)
    # By corrected time: this clock is an hour behind.
    store_fixes(session, [placed(unit, 60 - 3600, skew_s=3600)])
    assert latest(session, unit) == 60


def test_the_first_day_and_any_other_have_room(session: Session) -> None:
    unit = on_duty(session)
    make_position_partitions(session, now=NOW)
    store_fixes(session, [placed(unit, 10)])
    old = create_unit(session, "U2", "乙", scope=ALL, kind="car", grid_codes=["G1"])
    start = NOW - timedelta(days=300)
    plan_shift(session, old, Period(start, start + timedelta(hours=9)), planned_by="test")
    long_ago = placed(old, -300 * 86_400 + 60)
    assert store_fixes(session, [long_ago]).outcomes == [None]
    where = session.execute(
        text("SELECT tableoid::regclass::text FROM patrol_position ORDER BY fixed_at")
    ).scalars().all()  # fmt: skip
    assert where == ["patrol_position_other", "patrol_position_2026_03_04"]


def where_positions_lie(session: Session) -> list[str]:
    return list(
        session.scalars(
            text("SELECT tableoid::regclass::text FROM patrol_position ORDER BY fixed_at")
        )
    )


def test_what_came_before_its_day_had_room_is_moved_there(session: Session) -> None:
    unit = on_duty(session)
    store_fixes(session, [placed(unit, 10), placed(unit, 20)])
    assert where_positions_lie(session) == ["patrol_position_other"] * 2
    marks = session.scalar(text("SELECT count(*) FROM coverage_due"))
    assert make_position_partitions(session, now=NOW + timedelta(days=40))
    assert where_positions_lie(session) == ["patrol_position_2026_03_04"] * 2
    assert session.scalar(text("SELECT count(*) FROM coverage_due")) == marks
    assert make_position_partitions(session, now=NOW + timedelta(days=40))
    assert store_fixes(session, [placed(unit, 10)]).outcomes == [Drop.DUPLICATE]


def rolled_up(session: Session) -> None:
    """As if coverage had been computed: tests/web/test_daily.py lets it be."""
    session.execute(text("DELETE FROM coverage_due"))


def test_who_reads_all_days_stops_neither_the_intake_nor_a_purge(database: Database) -> None:
    with database.session() as session:
        unit = on_duty(session)
        assert make_position_partitions(session, now=NOW - timedelta(days=90))
        plan_shift(
            session, unit, Period(NOW - timedelta(days=90), NOW - timedelta(days=89)),
            planned_by="test",
        )  # fmt: skip
        store_fixes(session, [placed(unit, -90 * 86_400)])
    with database.session() as reading:
        assert len(where_positions_lie(reading)) == 1  # and the transaction stays open
        with database.session() as session:
            assert not make_position_partitions(session, now=NOW)
        with database.session() as session:
            assert store_fixes(session, [placed(unit, 10)]).outcomes == [None]
            rolled_up(session)
            receipt = purge_positions(session, kept_days=60, now=NOW, purged_by="test")
            assert receipt is not None and receipt.row_count == 1
    with database.session() as session:
        assert make_position_partitions(session, now=NOW)
        assert where_positions_lie(session) == ["patrol_position_2026_03_04"]
        days = select(func.count()).select_from(text("pg_class")).where(
            text("relname ~ '^patrol_position_2025_12_04$'")
        )  # fmt: skip
        assert session.scalar(days) == 1  # emptied, but not dropped yet
        assert purge_positions(session, kept_days=60, now=NOW, purged_by="x") is None
        assert session.scalar(days) == 0


def test_a_purge_leaves_a_receipt_and_what_is_younger(session: Session) -> None:
    units = []
    for number, days in enumerate((90, 61, 60, 5)):
        unit = create_unit(session, f"P{number}", "x", scope=ALL, kind="car", grid_codes=["G1"])
        start = NOW - timedelta(days=days)
        plan_shift(session, unit, Period(start, start + timedelta(hours=9)), planned_by="test")
        make_position_partitions(session, now=start if days != 90 else NOW)
        assert store_fixes(session, [placed(unit, 60 - days * 86_400)]).outcomes == [None]
        units.append(unit.id)
    with pytest.raises(Conflict, match="stay until it is"):
        purge_positions(session, kept_days=60, now=NOW, purged_by="test")
    rolled_up(session)
    receipt = purge_positions(session, kept_days=60, now=NOW, purged_by="test")
    assert receipt is not None
    assert (receipt.rule, receipt.row_count, receipt.unit_count) == ("positions", 2, 2)
    assert receipt.newest_at < datetime(2026, 1, 3, tzinfo=UTC)
    assert session.scalars(select(PatrolPosition.unit_id)).all() == units[2:] or set(
        session.scalars(select(PatrolPosition.unit_id))
    ) == set(units[2:])
    assert purge_positions(session, kept_days=60, now=NOW, purged_by="x") is None
    with pytest.raises(InvalidInput, match="wanted 2 at least"):
        purge_positions(session, kept_days=1, now=NOW, purged_by="x")


def test_a_token_is_a_devices_own_and_ends_with_it(session: Session) -> None:
    unit = on_duty(session)
    device, token = register_device(session, unit, name="phone")
    assert find_device(session, token) == KnownDevice(device.id, unit.id, "phone", 0.0)
    assert find_device(session, token + "x") is None
    end_device(session, unit, device.id, now=NOW)
    assert find_device(session, token) is None
    _, other = register_device(session, unit)
    unit.ended_at = NOW
    session.flush()
    assert find_device(session, other) is None


def test_units_and_shifts_refuse_what_cant_be(session: Session) -> None:
    unit = on_duty(session)
    with pytest.raises(InvalidInput, match="has a shift at that time"):
        plan_shift(
            session, unit, Period(NOW - timedelta(1 / 24), NOW + timedelta(1)), planned_by="x"
        )
    with pytest.raises(InvalidInput, match="longer than 48 hours"):
        plan_shift(session, unit, Period(NOW, NOW + timedelta(3)), planned_by="x")
    with pytest.raises(InvalidInput, match="wanted one of foot"):
        create_unit(session, "x", "x", scope=ALL, kind="tank", grid_codes=["G1"])


def test_a_track_is_by_corrected_time(session: Session) -> None:
    unit = on_duty(session)
    store_fixes(session, [placed(unit, 100), placed(unit, 20, skew_s=100), placed(unit, 50)])
    period = Period(NOW, NOW + timedelta(minutes=10))
    found = [(row.at - NOW).total_seconds() for row in track_of(session, unit, period)]
    assert found == [50, 100, 120]
    with pytest.raises(InvalidInput, match="a day at most"):
        track_of(session, unit, Period(NOW, NOW + timedelta(days=2)))


def test_states_by_age() -> None:
    ages = {0: "fresh", 60: "fresh", 61: "stale", 300: "stale", 301: "unknown"}
    for age_s, state in ages.items():
        assert state_of(NOW - timedelta(seconds=age_s), now=NOW) == state


def test_the_board_tells_each_change_once(session: Session) -> None:
    one, two = on_duty(session), on_duty(session, "U2")
    board = LiveBoard()
    board.move(moved(placed(one, 1), placed(two, 1)))
    number, told = board.changes(0, {one.id, two.id})
    assert told.count("unit_id") == 2
    assert board.changes(number, {one.id, two.id}) == (number, "[]")
    board.move(moved(placed(one, 2)))
    board.move(moved(placed(one, 3)))
    number, told = board.changes(number, {one.id, two.id})
    assert told.count("unit_id") == 1
    assert "08:00:03" in told
    assert board.changes(0, {two.id})[1].count("unit_id") == 1
    assert board.changes(0, set())[1] == "[]"


def test_the_intake_answers_when_it_is_on_disk(database: Database) -> None:
    with database.session() as session:
        unit = on_duty(session)
        device, token = register_device(session, unit, name="phone")
        ids = unit.id, device.id
    told: list[Rows] = []
    intake = Intake(database, moved=told.append, now=lambda: NOW + timedelta(seconds=60))
    with pytest.raises(KeyError):
        intake.known_device(token)
    known = intake.device_of(token)
    assert known is not None
    assert intake.known_device(token) == known
    intake.start()
    try:
        far = Fix("phone", NOW + timedelta(hours=1), LonLat(1, 1), Source.OSMAND)
        other = Fix("another", NOW, LonLat(1, 1), Source.OSMAND)
        readings = [Reading([fix(second)]) for second in range(50)]
        readings += [Reading([fix(10), far, other, fix(-10)], Counter({Drop.ZERO: 2}))]
        answers = [intake.take(known, reading).result(timeout=30) for reading in readings]
    finally:
        intake.stop()
    assert [each.stored for each in answers] == [1] * 50 + [0]
    lost = {
        Drop.DUPLICATE: 1,
        Drop.FUTURE: 1,
        Drop.UNKNOWN_DEVICE: 1,
        Drop.OFF_DUTY: 1,
        Drop.ZERO: 2,
    }
    assert answers[-1].dropped == lost
    assert told[-1]["fixed_us"].tolist() == [to_us(fix(49).fixed_at)]
    with database.session() as session:
        assert session.scalar(select(func.count()).select_from(PatrolPosition)) == 50
        drops = session.execute(select(PositionDrop.reason, PositionDrop.fix_count)).all()
        assert dict(map(tuple, drops)) == {str(k): n for k, n in lost.items()}
        unit = session.get_one(PatrolUnit, ids[0])
        (report,) = device_reports(session, unit, since=NOW.date())
        assert report.dropped["zero"] == 2


def test_a_clock_that_is_ahead_is_corrected_after_some_fixes(database: Database) -> None:
    with database.session() as session:
        unit = on_duty(session)
        _, token = register_device(session, unit)
    clock = [NOW]
    intake = Intake(database, now=lambda: clock[0])
    known = intake.device_of(token)
    assert known is not None
    intake.start()
    try:
        for second in range(10):
            clock[0] = NOW + timedelta(seconds=600 + 10 * second)
            ahead = fix(600 + 10 * second + 400)  # six minutes and forty seconds ahead
            answer = intake.take(known, Reading([ahead])).result(timeout=30)
            # A minute of them say how far; from then on it is believed, corrected.
            believed = second >= 7
            assert (answer.stored, answer.dropped[Drop.FUTURE]) == ((0, 1), (1, 0))[believed]
    finally:
        intake.stop()
    with database.session() as session:
        skews = set(session.scalars(select(PatrolPosition.skew_s)))
        assert skews == {-400.0}
        found = find_device(session, token)
        assert found is not None
        assert found.skew_s == -400.0


def test_a_store_that_fails_is_said_and_the_next_is_stored(database: Database) -> None:
    with database.session() as session:
        unit = on_duty(session)
        _, token = register_device(session, unit)
    intake = Intake(database, now=lambda: NOW)
    known = intake.device_of(token)
    assert known is not None
    intake.start()
    try:
        broken = Fix("p", NOW, LonLat(1, 1), Source.OSMAND, alarm="\x00")  # PostgreSQL takes none
        with pytest.raises(Exception, match="could not be stored"):
            intake.take(known, Reading([broken])).result(timeout=30)
        assert intake.take(known, Reading([fix(0)])).result(timeout=30).stored == 1
    finally:
        intake.stop()


def test_a_long_message_lets_short_ones_pass_and_is_answered_when_all_is_on_disk(
    database: Database,
) -> None:
    with database.session() as session:
        long_unit, short_unit = on_duty(session, "L"), on_duty(session, "S")
        long_token = register_device(session, long_unit)[1]
        short_token = register_device(session, short_unit, name="phone")[1]
    intake = Intake(database, now=lambda: NOW + timedelta(hours=4))
    long, short = intake.device_of(long_token), intake.device_of(short_token)
    assert long is not None
    assert short is not None
    start = NOW.timestamp()
    times = [start + at for at in range(10_000)] + [start, start - 60, start + 9 * 3600]
    fields = [{"fixed_at": at, "longitude": 112.55, "latitude": 37.87} for at in times]
    answered: list[str] = []
    many = intake.take(long, read_batch(json.dumps(fields).encode(), device_id="batch"))
    many.add_done_callback(lambda _: answered.append("long"))
    one = intake.take(short, Reading([fix(0)]))
    one.add_done_callback(lambda _: answered.append("short"))
    intake.start()
    try:
        assert one.result(timeout=60).stored == 1
        taken = many.result(timeout=60)
    finally:
        intake.stop()
    assert answered == ["short", "long"]
    assert taken.stored == 10_000
    assert taken.dropped == {Drop.DUPLICATE: 1, Drop.OFF_DUTY: 1, Drop.FUTURE: 1}
    with database.session() as session:
        assert session.scalar(select(func.count()).select_from(PatrolPosition)) == 10_001
        assert latest(session, long_unit) == 9_999
        counts = session.execute(select(PositionDrop.reason, PositionDrop.fix_count)).all()
        assert dict(map(tuple, counts)) == {"duplicate": 1, "off_duty": 1, "future": 1}


def test_what_comes_beyond_the_bound_is_told_to_come_back(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.session() as session:
        token = register_device(session, on_duty(session))[1]
    monkeypatch.setattr(intake_module, "WAITING_FIXES_MAX", 1)
    intake = Intake(database, now=lambda: NOW + timedelta(minutes=1))
    known = intake.device_of(token)
    assert known is not None
    first = intake.take(known, Reading([fix(0), fix(1)]))
    with pytest.raises(DatabaseUnavailable, match="Keep these"):
        intake.take(known, Reading([fix(2)])).result(timeout=30)
    intake.start()
    try:
        assert first.result(timeout=30).stored == 2
        assert intake.take(known, Reading([fix(2)])).result(timeout=30).stored == 1
    finally:
        intake.stop()


def test_connections_that_are_cut_in_mid_stream_lose_and_double_nothing(
    database: Database,
) -> None:
    with database.session() as session:
        token = register_device(session, on_duty(session))[1]
    intake = Intake(database, now=lambda: NOW + timedelta(minutes=1))
    known = intake.device_of(token)
    assert known is not None
    intake.start()
    try:
        for second in range(5):
            with database.session() as session:
                session.execute(
                    text(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE datname = current_database() AND usename = current_user "
                        "AND pid <> pg_backend_pid()"
                    )
                )
            for _ in range(20):  # a phone sends again until it is answered with success
                try:
                    taken = intake.take(known, Reading([fix(second)])).result(timeout=30)
                except DatabaseUnavailable:
                    continue
                assert taken.stored == 1 or taken.dropped == {Drop.DUPLICATE: 1}
                break
            else:
                pytest.fail("It was never stored.")
    finally:
        intake.stop()
    with database.session() as session:
        stored = session.scalars(select(PatrolPosition.fixed_at)).all()
    assert sorted(stored) == [fix(second).fixed_at for second in range(5)]


def test_it_writes_until_all_who_started_it_have_stopped(database: Database) -> None:
    with database.session() as session:
        unit = on_duty(session)
        _, token = register_device(session, unit)
    intake = Intake(database, now=lambda: NOW)
    known = intake.device_of(token)
    assert known is not None
    before = [each.name for each in threading.enumerate()].count("positions")
    intake.start()
    intake.start()
    intake.stop()
    assert intake.take(known, Reading([fix(0)])).result(timeout=30).stored == 1
    intake.stop()
    assert [each.name for each in threading.enumerate()].count("positions") == before
