"""Coverage in the store: kept up with what comes, however it comes, to the same bytes."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from geo.coverage.due import following, note_all_due
from geo.coverage.pieces import PIECE, SUMS, VISIT, joined_pieces, unpacked
from geo.positions.fix import Fix, Source
from geo.positions.storing import PlacedFix, store_fixes
from geo.settings import Settings
from geo.store.database import Database
from geo.tables import CoverageDue, CoverageJump, GridCoverage, PatrolUnit, UnitPresence
from geo.units.devices import register_device
from geo.units.units import create_unit, end_duty, plan_shift, set_status
from geo.values import GridScope, LonLat, Period
from layers.coverage import keeping as coverage_keeping
from layers.coverage.follower import CoverageFollower
from layers.coverage.keeping import keep_up
from layers.coverage.places import CoveragePlaces, load_coverage_places
from layers.coverage.rules import KeepingRules
from layers.presence.pieces import PresenceRules, find_ways
from tests.drawing import NORTH, STEP_DEG, WEST, draw
from tests.factories import add_grid, add_grid_version

ALL = GridScope.everything()
START = datetime(2026, 3, 4, 0, 30, tzinfo=UTC)
A, B = "14010500100100001", "14010500100100002"


@pytest.fixture
def unit(session: Session) -> PatrolUnit:
    """A unit of grid A on duty for four hours from 00:30 on; B lies east of A."""
    drawn = draw("AAAAABBBBB\n" * 5)
    version = add_grid_version(session)
    for code, letter in ((A, "A"), (B, "B")):
        add_grid(session, code, drawn[letter], version=version)
    unit = create_unit(session, "U1", "甲", scope=ALL, kind="foot", grid_codes=[A])
    plan_shift(session, unit, Period(START, START + timedelta(hours=4)), planned_by="test")
    return unit


def fix(
    unit: PatrolUnit, second: float, step: float, *, device: int = 1, accuracy_m: float = 5.0
) -> PlacedFix:
    """A fix so many steps (88 m) east of the western border of A, in the middle of the drawing."""
    at = START + timedelta(seconds=second)
    place = LonLat(WEST + step * STEP_DEG, NORTH - 2.5 * STEP_DEG)
    fix = Fix("phone", at, place, Source.OSMAND, accuracy_m=accuracy_m)
    return PlacedFix(fix, unit.id, device, at)


def kept(session: Session, places: CoveragePlaces, **more: Any) -> None:
    while keep_up(lambda: nullcontext(session), places, **more).unit_count:
        pass


def rows(session: Session) -> list[tuple[Any, ...]]:
    """All that is stored, in order."""
    session.expire_all()
    found: list[tuple[Any, ...]] = []
    for table in (UnitPresence, GridCoverage, CoverageJump):
        columns = list(table.__table__.columns)
        order = list(table.__table__.primary_key)
        found += [tuple(row) for row in session.execute(select(*columns).order_by(*order))]
    return found


def pieces(session: Session, unit: PatrolUnit, kind: str) -> list[tuple[int, int, int, int]]:
    """Place, start and end [s from the start], certainty; whatever the unit did."""
    packed = session.scalars(
        select(UnitPresence.pieces)
        .where(UnitPresence.unit_id == unit.id, UnitPresence.kind == kind)
        .order_by(UnitPresence.hour)
    )
    zero = round(START.timestamp() * 1000)
    every = np.concatenate([np.zeros(0, PIECE), *(unpacked(each, PIECE) for each in packed)])
    every["doing"] = 0
    return [
        (int(row["place"]), (int(row["start_ms"]) - zero) // 1000,
         (int(row["end_ms"]) - zero) // 1000, int(row["certainty"]))
        for row in joined_pieces([every])
    ]  # fmt: skip


def test_an_hour_in_a_then_b_is_seen_in_both(session: Session, unit: PatrolUnit) -> None:
    # 10 min in the middle of A, then 10 min in the middle of B, then nothing more.
    walk = [fix(unit, s, 2.5) for s in range(0, 601, 30)]
    walk += [fix(unit, s, 7.5) for s in range(660, 1261, 30)]
    store_fixes(session, walk)
    places = load_coverage_places(session, on=date(2026, 3, 4))
    kept(session, places)
    assert session.scalars(select(CoverageDue)).all() == []
    # Known from the first fix to 90 s after the last, the last 90 s uncertain.
    assert pieces(session, unit, "known") == [(0, 0, 1260, 0), (0, 1260, 1350, 1)]
    # It crosses the border half way, at 630 s; B is not its beat, but 20 m around A still are.
    (_, start, end, _) = pieces(session, unit, "beat")[0]
    assert start == 0
    assert end == pytest.approx(630 + 60 * 20 / 440, abs=2)
    grid_ids = {row.grid_code: row for row in session.scalars(select(GridCoverage))
                if row.kind == "grid"}  # fmt: skip
    assert set(grid_ids) == {A, B}
    (in_a,) = unpacked(grid_ids[A].sums, SUMS)
    assert in_a["ms"].sum() == pytest.approx(630_000, abs=1000)
    (visit,) = unpacked(grid_ids[B].visits, VISIT)
    assert (visit["end_ms"] - visit["start_ms"]) / 1000 == pytest.approx(720, abs=2)


def some_fixes(unit: PatrolUnit, seed: int) -> list[PlacedFix]:
    """An hour and a half of two devices, with silences, jumps and bad fixes."""
    rng = np.random.default_rng(seed)
    second, step, found = 0.0, 2.5, []
    while second < 5400:
        second += float(rng.choice([10, 30, 60, 120, 400, 900], p=[0.3, 0.3, 0.2, 0.1, 0.07, 0.03]))
        step = float(np.clip(step + rng.normal(0, 0.4), 0, 9.9))
        far = rng.random() < 0.08
        at = round(second, 3)
        if rng.random() < 0.9:
            found.append(fix(unit, at, step + 300 * far,
                             accuracy_m=float(rng.choice([5, 5, 5, 80]))))  # fmt: skip
        if rng.random() < 0.3:
            found.append(fix(unit, at + float(rng.integers(0, 3)), step + 0.1, device=2))
    return found


@settings(
    max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)
@example(seed=1, parts=1, order=0)
@given(seed=st.integers(0, 2**20), parts=st.integers(2, 9), order=st.integers(0, 2**20))
def test_shuffled_doubled_and_in_parts_it_is_the_same_bytes(
    session: Session, unit: PatrolUnit, seed: int, parts: int, order: int
) -> None:
    places = load_coverage_places(session, on=date(2026, 3, 4))
    with session.begin_nested() as devices:
        for name in ("a", "b"):
            register_device(session, unit, name=name)
        fixes = some_fixes(unit, seed)
        with session.begin_nested() as whole:
            store_fixes(session, fixes)
            kept(session, places)
            wanted = rows(session)
            whole.rollback()
        rng = np.random.default_rng(order)
        shuffled = [fixes[k] for k in rng.permutation(len(fixes))]
        doubled = shuffled + [fixes[k] for k in rng.integers(0, len(fixes), len(fixes) // 2)]
        for part in np.array_split(np.arange(len(doubled)), parts):
            store_fixes(session, [doubled[k] for k in part])
            kept(session, places)
        assert rows(session) == wanted
        assert wanted
        devices.rollback()


def test_what_is_new_costs_what_is_new(session: Session, unit: PatrolUnit) -> None:
    places = load_coverage_places(session, on=date(2026, 3, 4))
    store_fixes(session, [fix(unit, s, 2.5) for s in range(0, 10_000, 10)])
    kept(session, places)
    store_fixes(session, [fix(unit, s, 2.5) for s in (10_000, 10_010, 10_020)])
    done = keep_up(lambda: nullcontext(session), places)
    # From the last fix that nothing new changes, and as much before as bears on that.
    assert done.fix_count < 2 * (2 * KeepingRules().look_ms / 10_000 + 3)
    late = fix(unit, 5_003, 2.5)
    store_fixes(session, [late])
    done = keep_up(lambda: nullcontext(session), places)
    assert done.fix_count < 6 * KeepingRules().look_ms / 10_000


def test_who_goes_off_duty_is_told_no_longer(session: Session, unit: PatrolUnit) -> None:
    places = load_coverage_places(session, on=date(2026, 3, 4))
    store_fixes(session, [fix(unit, s, 2.5) for s in range(0, 7200, 30)])
    kept(session, places)
    assert pieces(session, unit, "known")[-1][2] == 7170 + 90
    end_duty(session, unit, now=START + timedelta(hours=1))
    kept(session, places)
    assert [end for _, _, end, _ in pieces(session, unit, "known")][-1] == 3600
    hours = session.scalars(select(GridCoverage.hour).distinct()).all()
    assert max(hours) == datetime(2026, 3, 4, 1, tzinfo=UTC)


def test_called_units_respond_from_then_on(session: Session, unit: PatrolUnit) -> None:
    places = load_coverage_places(session, on=date(2026, 3, 4))
    store_fixes(session, [fix(unit, s, s / 600) for s in range(0, 1800, 20)])
    kept(session, places)
    set_status(session, unit, "en_route", now=START + timedelta(seconds=600), told_by="x")
    set_status(session, unit, "free", now=START + timedelta(seconds=1200), told_by="x")
    kept(session, places)
    total = session.execute(
        text("SELECT sum(responding_ms), sum(patrolling_ms + stationary_ms) FROM unit_presence "
             "WHERE kind = 'known'")
    ).one()  # fmt: skip
    assert total[0] == 600_000
    assert total[1] == 1_780_000 - 600_000 + 90_000


def test_two_shifts_of_an_hour_keep_their_own_visits(session: Session, unit: PatrolUnit) -> None:
    other = Period(START + timedelta(hours=4, minutes=5), START + timedelta(hours=5))
    plan_shift(session, unit, other, planned_by="test")
    places = load_coverage_places(session, on=date(2026, 3, 4))
    store_fixes(session, [fix(unit, s, 2.5) for s in range(13_800, 14_400, 30)])
    store_fixes(session, [fix(unit, s, 2.5) for s in range(14_700, 15_300, 30)])
    kept(session, places)
    wanted = rows(session)
    store_fixes(session, [fix(unit, 15_310, 2.5)])
    kept(session, places)
    visits = [
        (int(row["start_ms"]) - round(START.timestamp() * 1000)) // 1000
        for each in session.scalars(
            select(UnitPresence.visits).where(UnitPresence.kind == "grid")
            .order_by(UnitPresence.hour)
        )
        for row in unpacked(each, VISIT)
    ]  # fmt: skip
    assert visits == [13_800, 14_700]
    assert len(rows(session)) == len(wanted)


def test_without_grids_only_the_time_is_known(session: Session) -> None:
    unit = create_unit(session, "U9", "乙", scope=ALL, kind="car", grid_codes=["nowhere"])
    plan_shift(session, unit, Period(START, START + timedelta(hours=1)), planned_by="test")
    store_fixes(session, [fix(unit, s, 2.5) for s in range(0, 600, 30)])
    places = load_coverage_places(session, on=date(2026, 3, 4))
    kept(session, places, rules=KeepingRules(presence=PresenceRules(certain_s=60)))
    assert set(session.scalars(select(UnitPresence.kind))) == {"known"}


def test_a_follower_that_is_stopped_in_a_batch_loses_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.session() as session:
        unit = create_unit(session, "U1", "甲", scope=ALL, kind="car", grid_codes=["nowhere"])
        plan_shift(session, unit, Period(START, START + timedelta(hours=1)), planned_by="test")
        store_fixes(session, [fix(unit, s, 2.5) for s in range(0, 600, 30)])

    class Stopped(Exception):
        pass

    def stop(*given: Any, **more: Any) -> int:
        raise Stopped

    follower = CoverageFollower(database, Settings())
    with monkeypatch.context() as patch:
        patch.setattr(coverage_keeping, "write_coverage", stop)
        with pytest.raises(Stopped):
            follower.catch_up()
    with database.session() as session:
        assert session.scalars(select(UnitPresence)).all() == []
        assert session.scalars(select(CoverageDue.id)).all() != []
    assert CoverageFollower(database, Settings()).catch_up().changed_hours == 1
    assert follower.catch_up().unit_count == 0
    with database.session() as session:
        assert session.scalars(select(UnitPresence.certain_ms)).all() == [570_000]


def test_while_it_computes_no_transaction_is_open(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.session() as session:
        unit = create_unit(session, "U1", "甲", scope=ALL, kind="car", grid_codes=["nowhere"])
        plan_shift(session, unit, Period(START, START + timedelta(hours=1)), planned_by="test")
        store_fixes(session, [fix(unit, s, 2.5) for s in range(0, 600, 30)])
    seen: list[int] = []
    more_came: list[PlacedFix] = [fix(unit, 700, 2.5)]

    def look_first(*given: Any, **more: Any) -> Any:
        with database.engine.connect() as other:
            seen.append(
                other.scalar(
                    text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                         "AND pid <> pg_backend_pid() AND xact_start IS NOT NULL")
                )
            )  # fmt: skip
        if more_came:
            with database.session() as session:
                store_fixes(session, [more_came.pop()])
        return find_ways(*given, **more)

    follower = CoverageFollower(database, Settings())
    monkeypatch.setattr(coverage_keeping, "find_ways", look_first)
    assert follower.catch_up().changed_hours == 1
    assert seen == [0]
    # What came while it was computed is still due.
    assert follower.catch_up().changed_hours == 1
    with database.session() as session:
        assert session.scalars(select(UnitPresence.certain_ms)).all() == [570_000]


def test_only_one_follows_a_store(database: Database) -> None:
    with database.session() as session:
        unit = create_unit(session, "U1", "甲", scope=ALL, kind="car", grid_codes=["nowhere"])
        plan_shift(session, unit, Period(START, START + timedelta(hours=1)), planned_by="test")
        store_fixes(session, [fix(unit, s, 2.5) for s in range(0, 600, 30)])
    follower = CoverageFollower(database, Settings())
    with following(database.engine) as is_mine:
        assert is_mine
        assert follower.catch_up().unit_count == 0
    assert follower.catch_up().unit_count == 1


def test_sums_that_are_no_sums_are_added_up_anew(session: Session, unit: PatrolUnit) -> None:
    places = load_coverage_places(session, on=date(2026, 3, 4))
    store_fixes(session, [fix(unit, s, 2.5) for s in range(0, 1200, 30)])
    kept(session, places)
    session.execute(delete(GridCoverage))
    store_fixes(session, [fix(unit, 1215, 2.5)])
    kept(session, places)
    healed = rows(session)
    # As if it had come at once.
    for table in (UnitPresence, GridCoverage, CoverageJump):
        session.execute(delete(table))
    note_all_due(session, days=100_000)
    kept(session, places)
    assert rows(session) == healed
    assert session.scalars(select(GridCoverage.grid_code)).all() != []
