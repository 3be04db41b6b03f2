"""Rings by kind, if one leaves, and the gap board: a street whose times are done by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from geo.errors import InvalidInput
from geo.roads.modes import TravelMode
from geo.values import LonLat, Period
from layers.demand.cells import Demand
from layers.response.gap_board import GapBoard, Post
from layers.response.planned_gaps import planned_gaps, slots_ahead
from layers.response.reach import UNKNOWN
from layers.response.units import (
    Part,
    Readiness,
    ReadinessRules,
    ResponseUnit,
    Why,
    readiness_of,
)
from layers.response.who_reaches import KindRule, ReachRules, Source, reach_areas, reach_response
from layers.travel.times import TravelTimes
from tests.geo.roads.streets import TEN_MPS, place, streets

CAR = TravelMode.CAR
NOW = datetime(2026, 3, 1, 4, tzinfo=UTC)
# 100 m in 10 s; a car's rings here: 10, 20 and 30 s, a site's the double.
RULES = ReachRules(
    {"car": KindRule(CAR, (10.0, 20.0, 30.0)), "site": KindRule(CAR, (20.0, 40.0, 60.0))}
)
CELLS = (0.0, 1.5, 2.5, 4.5, 8.0)  # columns of the street, each a row of the demand
HOUSEHOLDS = np.array([10.0, 20.0, 30.0, 40.0, 50.0])


@pytest.fixture(scope="module")
def travels() -> dict[TravelMode, TravelTimes]:
    return {CAR: TravelTimes.of(streets("A-B-C-D-E-F-G-H-I"), CAR, speeds=TEN_MPS)}


def at(column: float) -> LonLat:
    return LonLat(*place(column, 0))


def demand(*, lake: bool = False) -> Demand:
    points = [place(column, 0) for column in CELLS]
    if lake:
        points[4] = place(80, 0)
    lon, lat = np.array(points).T
    return Demand(
        resolution=10,
        h3_cell=np.arange(5),
        grid_code=np.array(["甲", "甲", "乙", "乙", "乙"], object),
        lon=lon,
        lat=lat,
        weights={"households": HOUSEHOLDS, "addresses": np.ones(5), "key_places": np.zeros(5)},
        household_source="dwellings",
    )


def unit(
    number: int, column: float | None, *, why: Why | None = None, kind: str = "car"
) -> ResponseUnit:
    return ResponseUnit(
        id=number, code=f"C{number}", name=f"示例{number}", kind=kind, status="free", on_duty=True,
        place=None if column is None else at(column), place_source="position", at=NOW,
        state="fresh", since=NOW - timedelta(minutes=number), readiness=None, why_not=why,
    )  # fmt: skip


def test_each_kind_has_its_own_rings(travels: dict[TravelMode, TravelTimes]) -> None:
    """A car at column 0, a site at 8: 4.5 is 45 s from the car and 35 s from the site."""
    sources = [Source("car", at(0)), Source("site", at(8))]
    reach = reach_response(demand(), sources, travels, RULES)
    # 0, 15 and 25 s by car: rings 0, 1, 2; 35 s by the site's limits: ring 1; 0 s: ring 0.
    # 2.5 lies 55 s from the site, which is within its third ring only.
    assert reach.ring.tolist() == [0, 1, 2, 1, 0]
    assert reach.source.tolist() == [0, 0, 0, 1, 1]
    assert reach.time_s == pytest.approx([0, 15, 25, 35, 0], abs=0.2)
    assert [row["households"] for row in reach.totals()] == [60, 60, 30, 0, 0]
    # Without the site: 4.5 and 8 are open; without the car 1.5 (65 s) is, 2.5 stays in 60 s.
    assert reach.without(1).ring.tolist() == [0, 1, 2, 3, 3]
    assert reach.lost_by(1)["households"] == 90
    assert reach.lost_by(0)["households"] == 10 + 20
    table = reach.without(1).by_grid()
    assert table.loc["甲", "households_outside"] == 0
    assert table.loc["乙", "households_outside"] == 90


def test_who_does_not_count_holds_no_ring_and_a_lake_is_unknown(
    travels: dict[TravelMode, TravelTimes],
) -> None:
    sources = [Source("car", at(0), counts=False), Source("car", None), Source("car", at(2.5))]
    reach = reach_response(demand(lake=True), sources, travels, RULES)
    assert reach.ring.tolist() == [2, 0, 0, 1, UNKNOWN]
    assert set(reach.source.tolist()) == {2, -1}
    assert [row["ring"] for row in reach.totals()] == [0, 1, 2, 3, None]
    assert reach.totals()[-1]["households"] == 50
    nobody = reach_response(demand(), [], {}, RULES)
    assert nobody.ring.tolist() == [3] * 5


def test_areas_hold_one_another(travels: dict[TravelMode, TravelTimes]) -> None:
    areas = reach_areas([Source("car", at(4))], travels, RULES)
    assert areas[0].within(areas[1].buffer(1e-9)) and areas[1].within(areas[2].buffer(1e-9))


def test_the_settings_say_what_is_wrong() -> None:
    rules = ReachRules.of({"car": {"rings_s": [30, 60, 90]}})
    assert rules.kinds["car"] == KindRule(CAR, (30.0, 60.0, 90.0))
    assert rules.kinds["foot"].mode is TravelMode.FOOT
    for told in (
        {"tank": {}}, {"car": {"mode": "boat"}}, {"car": {"rings_s": [60, 30, 90]}},
        {"car": {"rings_s": [60]}}, {"car": {"rings_s": 60}}, {"car": {"colour": "red"}},
    ):  # fmt: skip
        with pytest.raises(InvalidInput, match="GRIDBEAT_REACH_KINDS"):
            ReachRules.of(told)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("members", "kit", "drilled", "wanted"),
    [
        (3, ["盾牌", "钢叉"], date(2026, 1, 1), (Part.OK, Part.OK, Part.OK)),
        (2, ["盾牌"], date(2024, 1, 1), (Part.SHORT, Part.SHORT, Part.SHORT)),
        (0, [], None, (Part.UNKNOWN, Part.UNKNOWN, Part.UNKNOWN)),
    ],
)
def test_an_emergency_unit_is_ready_where_all_is_known_to_be_there(
    members: int, kit: list[str], drilled: date | None, wanted: tuple[Part, ...]
) -> None:
    ready = readiness_of(
        member_count=members, kit=kit, drilled_on=drilled, on=date(2026, 3, 1),
        rules=ReadinessRules(kit=("盾牌", "钢叉")),
    )  # fmt: skip
    assert (ready.staffed, ready.kit, ready.drill) == wanted
    assert ready.is_ready == (wanted == (Part.OK,) * 3)
    assert isinstance(ready, Readiness)


def test_a_gap_says_why_since_when_and_what_would_close_it(
    travels: dict[TravelMode, TravelTimes],
) -> None:
    """A free car at 0 and one that is busy at 8: the east is open, and the second would hold it."""
    board = GapBoard(demand(), RULES)
    units = [unit(1, 0), unit(2, 8, why=Why.BUSY)]
    assert board.update(units, travels, now=NOW)
    assert not board.update(units, travels, now=NOW + timedelta(seconds=1))
    (gap,) = board.gaps()
    # 4.5 (40 households) and 8 (50) are open, of 120 in grid 乙: 75 %.
    assert (gap.grid_code, gap.households_open, gap.severity) == ("乙", 90, "severe")
    assert (gap.nearest, gap.nearest_s) == ("C1", pytest.approx(80, abs=0.2))
    # 4.5 is 35 s from 8: the busy car would hold only its own place.
    assert [(c.code, c.why_not, c.households) for c in gap.causes] == [("C2", "busy", 50.0)]
    assert gap.since == NOW and gap.since_start

    later = NOW + timedelta(minutes=1)
    assert board.update([units[0], unit(2, 8)], travels, now=later)
    (gap,) = board.gaps()
    assert (gap.households_open, gap.causes) == (40, ())
    # It leaves: its own place is open from now on, the other has been for a minute.
    board.update([units[0], unit(2, 8, why=Why.OFF_DUTY)], travels, now=later + timedelta(0, 60))
    (gap,) = board.gaps()
    assert gap.since == NOW
    board.update([unit(1, 4), unit(2, 8)], travels, now=later + timedelta(0, 90))
    state = board.state(later)
    assert state.is_open.tolist() == [True, False, False, False, False]
    assert state.time_s == pytest.approx([40, 25, 15, 5, 0], abs=0.2)


def test_a_moved_unit_gives_the_same_board_as_all_anew(
    travels: dict[TravelMode, TravelTimes],
) -> None:
    rng = np.random.default_rng(5)
    board = GapBoard(demand(), RULES)
    for step in range(20):
        units = [
            unit(k, float(rng.uniform(0, 8)), why=Why.BUSY if rng.random() < 0.3 else None)
            for k in range(3)
        ]
        now = NOW + timedelta(seconds=step)
        board.update(units, travels, now=now)
        anew = GapBoard(demand(), RULES)
        anew.update(units, travels, now=now)
        assert board.is_open.tolist() == anew.is_open.tolist()
        assert board.state(now).time_s == pytest.approx(anew.state(now).time_s)


def test_a_move_that_reaches_nothing_else_is_a_change_of_the_board(
    travels: dict[TravelMode, TravelTimes],
) -> None:
    """A busy car counts for nothing, and is shown where it is."""
    board = GapBoard(demand(), RULES)
    board.update([unit(1, 0), unit(2, 8, why=Why.BUSY)], travels, now=NOW)
    assert not board.update([unit(1, 0), unit(2, 8, why=Why.BUSY)], travels, now=NOW)
    number = board.number
    assert board.update([unit(1, 0), unit(2, 7.9, why=Why.BUSY)], travels, now=NOW)
    assert board.number == number + 1
    assert board.units[1].place == at(7.9)


def test_a_move_up_says_gain_and_cost(travels: dict[TravelMode, TravelTimes]) -> None:
    """Two cars at 0: one may go to 6, from where 4.5 and 8 are 15 and 20 s; nothing is lost."""
    board = GapBoard(demand(), RULES)
    board.update([unit(1, 0), unit(2, 0)], travels, now=NOW)
    moves = board.move_ups([Post("P", "岗", at(6)), Post("Q", "亭", at(1))])
    assert [(m.code, m.post, m.gain, m.cost) for m in moves] == [
        ("C1", "岗", 90.0, 0.0), ("C2", "岗", 90.0, 0.0),
    ]  # fmt: skip
    assert moves[0].way_s == pytest.approx(60, abs=0.5)
    # One car alone: 0 and 1.5 are lost, 2.5 (35 s from 6) too; 60 households for 90.
    board.update([unit(1, 0)], travels, now=NOW)
    (move,) = board.move_ups([Post("P", "岗", at(6))])
    assert (move.gain, move.cost) == (90, 60)
    assert board.move_ups([]) == []


def test_a_board_of_newer_demand_knows_since_when(travels: dict[TravelMode, TravelTimes]) -> None:
    board = GapBoard(demand(), RULES)
    board.update([unit(1, 0)], travels, now=NOW)
    grown = replace(demand(), weights={**demand().weights, "households": HOUSEHOLDS * 2})
    newer = GapBoard(grown, RULES)
    newer.follow(board)
    newer.update([unit(1, 0)], travels, now=NOW + timedelta(hours=1))
    (gap,) = newer.gaps()
    assert gap.since == NOW and gap.households_open == 180


def test_slots_have_those_who_are_there_for_the_whole_slot(
    travels: dict[TravelMode, TravelTimes],
) -> None:
    reach = reach_response(demand(), [Source("car", at(0)), Source("car", at(8))], travels, RULES)
    slots = slots_ahead(NOW.replace(hour=5, minute=40), hours=2, count=3)
    assert [slot.start.hour for slot in slots] == [4, 6, 8]
    east = Period(slots[1].start, slots[2].start)
    found = planned_gaps(reach, [[Period(slots[0].start, slots[2].end)], [east]], slots)
    assert found.on_duty == (1, 2, 1)
    assert found.open_share.loc["甲"].tolist() == [0, 0, 0]
    # In 乙 90 of 120 are open, 40 while the second car is there.
    assert found.open_share.loc["乙"].tolist() == pytest.approx([0.75, 1 / 3, 0.75])
