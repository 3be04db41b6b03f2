"""Coverage in the store by road: by the network of the day, which a later one doesn't change."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from geo.coverage.due import note_all_due
from geo.coverage.pieces import SUMS, unpacked
from geo.coverage.road_days import forget_road_days, names_of_roads
from geo.positions.fix import Fix, Source
from geo.positions.storing import PlacedFix, store_fixes
from geo.roads.build import build_road_network
from geo.roads.lines import RoadLinesBuilder, keys_of_coordinates
from geo.roads.modes import TravelMode, mask_of
from geo.roads.network import RoadNetwork
from geo.roads.store import store_road_network
from geo.tables import CoverageJump, CoverageRoads, GridCoverage, PatrolUnit, UnitPresence
from geo.units.units import create_unit, plan_shift
from geo.values import GridScope, LonLat, Period
from layers.coverage.keeping import keep_up
from layers.coverage.places import CoveragePlaces, load_coverage_places
from layers.coverage.roads import CoverageRoads as Roads
from layers.travel.stored import StoredTravel
from tests.drawing import NORTH, STEP_DEG, WEST, draw
from tests.factories import add_grid, add_grid_version

ALL = GridScope.everything()
DAY = date(2026, 3, 4)
START = datetime(2026, 3, 4, 0, 30, tzinfo=UTC)
CODES = {"A": "14010500100100001", "B": "14010500100100002", "C": "14010500100100003"}
DRAWN = """
AAAACCCC
AAAACCCC
AAAACCCC
AAAACCCC
BBBBBBBB
BBBBBBBB
"""
# From the middle of A to the middle of C: straight over their border, or around through B.
FROM, TO = (2.0, 3.0), (6.0, 3.0)
AROUND = [FROM, (2.0, 4.15), (6.0, 4.15), TO]  # 607 m for 352: it is believed
STRAIGHT = [FROM, TO]


def place(step: tuple[float, float]) -> tuple[float, float]:
    """Degrees of so many steps east and south of the drawing's corner."""
    return WEST + step[0] * STEP_DEG, NORTH - step[1] * STEP_DEG


def network(steps: list[tuple[float, float]]) -> RoadNetwork:
    degrees = np.array([place(step) for step in steps])
    everybody = np.full(1, mask_of(TravelMode), np.uint8)
    built = RoadLinesBuilder()
    built.add(
        xy=degrees, point_counts=np.array([len(steps)]), node_keys=keys_of_coordinates(degrees),
        classes=["residential"], names=[None], forward_modes=everybody, backward_modes=everybody,
        limit_kmh=np.zeros(1, np.float32), source_ids=np.arange(1),
    )  # fmt: skip
    return build_road_network(built.build())


@pytest.fixture
def unit(session: Session) -> PatrolUnit:
    drawn = draw(DRAWN)
    version = add_grid_version(session)
    for letter, code in CODES.items():
        add_grid(session, code, drawn[letter], version=version)
    unit = create_unit(session, "U1", "甲", scope=ALL, kind="car", grid_codes=[CODES["A"]])
    plan_shift(session, unit, Period(START, START + timedelta(hours=4)), planned_by="test")
    return unit


@pytest.fixture
def places(session: Session, unit: PatrolUnit) -> CoveragePlaces:
    return load_coverage_places(session, on=DAY)


def drive(unit: PatrolUnit, times: int = 12) -> list[PlacedFix]:
    """To and fro, a fix at each end, a minute and a half apart."""
    found = []
    for number in range(times):
        at = START + timedelta(seconds=90 * number)
        fix = Fix("car", at, LonLat(*place((FROM, TO)[number % 2])), Source.OSMAND, accuracy_m=5.0)
        found.append(PlacedFix(fix, unit.id, 1, at))
    return found


def kept(session: Session, places: CoveragePlaces) -> None:
    roads = Roads(StoredTravel(zone="UTC"), places.frame.plane)
    while keep_up(lambda: nullcontext(session), places, roads=roads).unit_count:
        pass


def minutes_in(session: Session, letter: str) -> float:
    packed = session.scalars(
        select(GridCoverage.sums).where(
            GridCoverage.kind == "grid", GridCoverage.grid_code == CODES[letter]
        )
    )
    return sum(float(unpacked(each, SUMS)["ms"].sum()) for each in packed) / 60_000


def rows(session: Session) -> list[tuple[Any, ...]]:
    session.expire_all()
    found: list[tuple[Any, ...]] = []
    for table in (UnitPresence, GridCoverage, CoverageJump, CoverageRoads):
        order = list(table.__table__.primary_key)
        asked = select(*table.__table__.columns).order_by(*order)
        found += [tuple(row) for row in session.execute(asked)]
    return found


def test_without_a_network_ways_go_straight_and_it_is_said(
    session: Session, unit: PatrolUnit, places: CoveragePlaces
) -> None:
    store_fixes(session, drive(unit))
    kept(session, places)
    assert minutes_in(session, "B") == 0
    assert names_of_roads(session, [DAY]) == []
    assert session.execute(select(CoverageRoads.day, CoverageRoads.road_version_id)).all() == [
        (DAY, None)
    ]


def test_around_the_corner_by_road_in_parts_it_is_the_same_bytes(
    session: Session, unit: PatrolUnit, places: CoveragePlaces
) -> None:
    store_road_network(session, network(AROUND), name="v1", valid_from=date(2026, 1, 1))
    with session.begin_nested() as whole:
        store_fixes(session, drive(unit))
        kept(session, places)
        wanted = rows(session)
        # Steps are 88 m east and 111 m south. Of 607 m 17 + 352 + 17 lie in B, which the straight
        # way never enters.
        assert minutes_in(session, "B") == pytest.approx(11 * 1.5 * 385 / 607, rel=0.1)
        assert names_of_roads(session, [DAY]) == ["v1"]
        whole.rollback()
    fixes = drive(unit)
    for part in (fixes[7:], fixes[3:9], fixes[:5]):
        store_fixes(session, part)
        kept(session, places)
    assert rows(session) == wanted


def test_a_later_network_changes_no_day_that_has_begun(
    session: Session, unit: PatrolUnit, places: CoveragePlaces
) -> None:
    store_road_network(session, network(AROUND), name="v1", valid_from=date(2026, 1, 1))
    fixes = drive(unit)
    store_fixes(session, fixes[:8])
    kept(session, places)
    store_road_network(session, network(STRAIGHT), name="v2", valid_from=DAY)
    store_fixes(session, fixes[8:])
    kept(session, places)
    assert minutes_in(session, "B") == pytest.approx(11 * 1.5 * 385 / 607, rel=0.1)
    assert names_of_roads(session, [DAY]) == ["v1"]
    # Unless somebody asks for it.
    forget_road_days(session, since=DAY)
    note_all_due(session, days=100_000)
    kept(session, places)
    assert minutes_in(session, "B") == 0
    assert names_of_roads(session, [DAY]) == ["v2"]


def test_a_network_that_is_gone_gives_way_to_the_one_instead(
    session: Session, unit: PatrolUnit, places: CoveragePlaces
) -> None:
    store_road_network(session, network(AROUND), name="v1", valid_from=date(2026, 1, 1))
    store_fixes(session, drive(unit))
    kept(session, places)
    store_road_network(session, network(STRAIGHT), name="v2", valid_from=date(2026, 1, 1))
    session.execute(delete(UnitPresence))
    session.execute(delete(GridCoverage))
    note_all_due(session, days=100_000)
    kept(session, places)
    assert minutes_in(session, "B") == 0
    assert names_of_roads(session, [DAY]) == ["v2"]
