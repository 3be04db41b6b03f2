"""Plans keep every rule, on any shift, and the small ones are the best by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from geo.errors import InvalidInput
from layers.routes.checking import plan_faults
from layers.routes.plan import Obstacle, PatrolPlan
from layers.routes.problem import Ban, Break, Lock, RouteProblem, Slot
from layers.routes.solving import Progress, solve_routes
from tests.layers.routes.shifts import CAR, HOUR, MIN, car, problem, shifts, spot


def made(plan: PatrolPlan) -> list[tuple[str | None, int]]:
    return [(stop.place_id, stop.begin_s // MIN) for route in plan.routes for stop in route.stops]


def rank(asked: RouteProblem, plan: PatrolPlan) -> tuple[int, int, float]:
    locked = {(lock.place_id, lock.slot) for lock in asked.locks}
    fixed = sum(
        each.place_id is None or (each.place_id, each.slot) in locked for each in plan.unmet
    )
    return -fixed, fixed - len(plan.unmet), round(plan.prize, 6)


@settings(max_examples=60, deadline=None)
@given(shifts())
def test_every_plan_keeps_every_rule_or_says_what_it_breaks(asked: RouteProblem) -> None:
    plan = solve_routes(asked, steps=30)
    assert plan_faults(asked, plan) == []
    again = solve_routes(asked, steps=20, start=plan.routes, seed=2)
    assert plan_faults(asked, again) == []
    # What was fixed comes first, then musts, then prizes; a plan solved again is never worse.
    assert rank(asked, again) >= rank(asked, plan)


@settings(max_examples=20, deadline=None)
@given(shifts())
def test_the_same_seed_gives_the_same_plan(asked: RouteProblem) -> None:
    assert solve_routes(asked, steps=20) == solve_routes(asked, steps=20)


def test_a_plan_worked_by_hand() -> None:
    """60 min: out 10, stop 10, on 5, stop 10, back 15: both of the east, 50 min. The west one, 20
    min away, would take 50 min alone and is worth 1.5 against 2."""
    asked = problem([spot("a", 10), spot("b", 15), spot("w", -20, Slot(0, HOUR, 1.5))], [car()])
    plan = solve_routes(asked, steps=50)
    assert made(plan) in ([("a", 10), ("b", 25)], [("b", 15), ("a", 30)])
    assert (plan.prize, plan.prize_asked, plan.travel_s) == (2.0, 3.5, 30 * MIN)
    assert plan.routes[0].home_s == 50 * MIN
    assert plan.is_whole


def test_slots_wait_and_gaps_hold() -> None:
    """Two slots that touch, and a gap of 20 min: the second visit waits for the gap."""
    slots = Slot(0, 20 * MIN, 1.0), Slot(20 * MIN, 50 * MIN, 1.0)
    asked = problem([spot("a", 5, *slots, gap_min_s=20 * MIN)], [car()])
    assert made(solve_routes(asked, steps=20)) == [("a", 5), ("a", 35)]
    # Another unit's visit counts for the gap as well: it can't begin before minute 51.
    two = problem([spot("a", 5, *slots, gap_min_s=36 * MIN)], [car(), car("other")])
    assert len(made(solve_routes(two, steps=40))) == 1


def test_a_cap_of_visits_holds() -> None:
    slots = tuple(Slot(k * 15 * MIN, (k + 1) * 15 * MIN, 1.0 + k) for k in range(3))
    asked = problem([spot("a", 2, *slots, visits_max=1)], [car()])
    plan = solve_routes(asked, steps=20)
    assert plan.prize == 3.0
    none = problem([spot("a", 2, *slots, visits_max=0)], [car()])
    assert solve_routes(none, steps=20).visits == 0


def test_a_break_is_taken_where_it_lies() -> None:
    """20 min at the station between minute 20 and 45: between the two sides of the town."""
    rest = Break(20 * MIN, 45 * MIN, 20 * MIN)
    asked = problem([spot("e", 5), spot("w", -2, Slot(0, HOUR, 1.0))], [car(breaks=(rest,))])
    plan = solve_routes(asked, steps=50)
    assert [place for place, _ in made(plan)][1] is None
    assert plan.visits == 2 and plan.is_whole


def test_what_must_be_comes_before_any_prize() -> None:
    """The west one alone takes 50 of the 60 min; it must be, so two of the east are left out."""
    east = [spot(name, 12, Slot(0, HOUR, 99.0)) for name in "ab"]
    asked = problem([*east, spot("w", -20, Slot(0, HOUR, 0.1, is_must=True))], [car()])
    assert made(solve_routes(asked, steps=50)) == [("w", 20)]


def test_more_musts_than_time_says_by_how_many_minutes() -> None:
    """Each alone: 15 out, 10 there, 15 back. Two apart: 15 + 10 + 30 + 10 + 15 = 80 min of 60."""
    must = Slot(0, HOUR, 1.0, is_must=True)
    asked = problem([spot("e", 15, must), spot("w", -15, must)], [car()])
    plan = solve_routes(asked, steps=50)
    (unmet,) = plan.unmet
    assert (unmet.obstacle, unmet.short_s, unmet.unit_id) == (Obstacle.CROWDED, 20 * MIN, "car")
    slots = (replace(must, end_s=2 * HOUR),)
    longer = replace(
        asked,
        places=tuple(replace(each, slots=slots) for each in asked.places),
        units=(car(off_s=HOUR + 20 * MIN),),
    )
    assert solve_routes(longer, steps=50).is_whole


@pytest.mark.parametrize(
    ("place", "unit", "obstacle", "short_min"),
    [
        (spot("a", 25, Slot(0, HOUR, 1, True), dwell_s=20 * MIN), car(), Obstacle.TOO_FAR, 10),
        (spot("a", 5, Slot(0, 8 * MIN, 1, True)), car(), Obstacle.SLOT_CLOSED, 2),
        (spot("a", 5, Slot(0, HOUR, 1, True)), car(off_s=7 * MIN), Obstacle.SLOT_CLOSED, 3),
        (spot("a", 5, Slot(0, HOUR, 1, True), visits_max=0), car(), Obstacle.CAPPED, None),
    ],
)
def test_what_can_never_be_says_what_to_relax(place, unit, obstacle, short_min) -> None:  # type: ignore[no-untyped-def]
    (unmet,) = solve_routes(problem([place], [unit]), steps=10).unmet
    assert unmet.obstacle is obstacle
    assert unmet.short_s == (None if short_min is None else short_min * MIN)


def test_a_unit_without_a_way_is_left_at_home_and_said() -> None:
    """A unit in a lake: no road leads away from it."""
    asked = problem([spot("a", 5, Slot(0, HOUR, 1.0, True))], [car("lake"), car("shore")])
    asked.travel_s[CAR][[1, 2]] = np.inf
    plan = solve_routes(asked, steps=20)
    assert [len(route.stops) for route in plan.routes] == [0, 1]
    alone = problem([spot("a", 5, Slot(0, HOUR, 1.0, True))], [car("lake")])
    alone.travel_s[CAR][1] = np.inf
    (unmet,) = solve_routes(alone, steps=20).unmet
    assert (unmet.obstacle, unmet.short_s) == (Obstacle.NOT_REACHED, None)


def test_a_one_way_maze_is_entered_only_where_one_gets_out() -> None:
    asked = problem([spot("in", 5), spot("b", 10)], [car()])
    asked.travel_s[CAR][0, 1:] = np.inf  # a street that one can't leave
    assert made(solve_routes(asked, steps=20)) == [("b", 10)]
    # Who needn't come back may end the shift there.
    open_end = problem([spot("in", 5), spot("b", 10)], [car(end=None)])
    open_end.travel_s[CAR][0, 1:] = np.inf
    assert [place for place, _ in made(solve_routes(open_end, steps=20))] == ["b", "in"]


@pytest.mark.parametrize("units", [(), (car(),)])
def test_nothing_to_do_is_an_empty_plan(units: tuple) -> None:  # type: ignore[type-arg]
    plan = solve_routes(problem([], units), steps=5)
    assert (plan.visits, plan.prize, plan.is_whole) == (0, 0.0, True)
    nobody = solve_routes(problem([spot("a", 5, Slot(0, HOUR, 1.0, True))], []), steps=5)
    assert nobody.unmet[0].obstacle is Obstacle.NOT_REACHED


def test_locks_and_bans_hold() -> None:
    places = [spot("a", 5), spot("b", -5)]
    units = [car("one"), car("two")]
    lock = Lock("a", 0, "two", 30 * MIN, tolerance_s=60)
    plan = solve_routes(problem(places, units, locks=(lock,)), steps=40)
    stops = {stop.place_id: (route.unit_id, stop.begin_s) for route in plan.routes
             for stop in route.stops}  # fmt: skip
    assert stops["a"][0] == "two" and abs(stops["a"][1] - 30 * MIN) <= 60
    plan = solve_routes(problem(places, units, bans=(Ban("a"), Ban("b", None, "one"))), steps=40)
    assert [[stop.place_id for stop in route.stops] for route in plan.routes] == [[], ["b"]]


def test_a_search_tells_how_far_it_is_and_stops_when_told() -> None:
    asked = problem([spot(f"p{k}", k) for k in range(8)], [car()])
    heard: list[Progress] = []
    plan = solve_routes(
        asked, steps=10_000, on_progress=heard.append, should_stop=lambda: len(heard) >= 2
    )
    assert len(heard) == 2 and plan.steps == heard[-1].steps < 10_000
    assert plan.prize == heard[-1].prize > 0 and 0 < heard[0].share < heard[1].share < 1


@pytest.mark.parametrize(
    "more", [{}, {"seconds": 1, "steps": 1}, {"seconds": -1}, {"seconds": float("nan")}]
)
def test_how_long_to_search_is_said_once(more: dict) -> None:  # type: ignore[type-arg]
    with pytest.raises(InvalidInput):
        solve_routes(problem([], []), **more)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: problem([spot("a", 1), spot("a", 2)], []),
        lambda: problem([spot("a", 1, dwell_s=0)], []),
        lambda: problem([spot("a", 1, Slot(10, 10, 1))], []),
        lambda: problem([spot("a", 1, Slot(0, 10, float("nan")))], []),
        lambda: problem([], [car(off_s=0)]),
        lambda: problem([], [car(breaks=(Break(0, 60, 120),))]),
        lambda: problem([spot("a", 1)], [car()], locks=(Lock("a", 0, "nobody"),)),
        lambda: problem([spot("a", 1)], [car()], locks=(Lock("a", 1, "car"),)),
        lambda: problem([spot("a", 1)], [car()], bans=(Ban("b"),)),
        lambda: problem([spot("a", 1)], [car()], locks=(Lock("a", 0, "car"),), bans=(Ban("a"),)),
        lambda: RouteProblem((spot("a", 1),), (car(),), {}),
        lambda: RouteProblem((spot("a", 1),), (car(),), {CAR: np.zeros((2, 2), np.float32)}),
        lambda: RouteProblem((), (car(),), {CAR: np.full((2, 2), -1, np.float32)}),
    ],
)
def test_a_problem_that_makes_no_sense_is_refused(wrong) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InvalidInput):
        wrong()
