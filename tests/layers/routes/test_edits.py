"""A leader drags, locks and forbids; reasons stand beside each stop; times come by road."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import InvalidInput
from geo.values import LonLat
from layers.routes.checking import plan_faults
from layers.routes.edits import allow_place, forbid_place, lock_stop, move_stop, unlock_stop
from layers.routes.matrix import road_times
from layers.routes.plan import PatrolPlan
from layers.routes.planning import SHARE_FOR_ANOTHER_ORDER, solved_again
from layers.routes.problem import RouteProblem, Slot
from layers.routes.reasons import why_left_out, why_stops
from layers.routes.solving import solve_routes
from layers.travel.times import TravelTimes
from tests.geo.roads.streets import TEN_MPS, place, streets
from tests.layers.routes.shifts import CAR, HOUR, MIN, car, problem, shifts, spot

TWO = problem([spot("a", 5), spot("b", 10), spot("c", -5)], [car("one"), car("two")])


@settings(max_examples=40, deadline=None)
@given(shifts(), st.randoms(use_true_random=False))
def test_a_moved_stop_stays_where_it_was_put(asked: RouteProblem, random) -> None:  # type: ignore[no-untyped-def]
    plan = solve_routes(asked, steps=20)
    stops = [
        (stop.place_id, stop.slot) for route in plan.routes for stop in route.stops if stop.place_id
    ]
    if not stops or plan.unmet:
        return
    place_id, slot = random.choice(stops)
    route = random.choice(plan.routes)
    others = [each for each in route.stops if (each.place_id, each.slot) != (place_id, slot)]
    try:
        moved, start = move_stop(
            asked, plan, place_id, slot, unit_id=route.unit_id,
            position=random.randint(0, len(others)),
        )  # fmt: skip
    except InvalidInput:
        return
    again = solve_routes(moved, steps=20, start=start)
    assert plan_faults(moved, again) == []
    at = {(s.place_id, s.slot): r.unit_id for r in again.routes for s in r.stops}
    assert at[place_id, slot] == route.unit_id


@settings(max_examples=40, deadline=None)
@given(shifts(), st.randoms(use_true_random=False))
def test_a_leaders_order_is_given_up_only_for_more(asked: RouteProblem, random) -> None:  # type: ignore[no-untyped-def]
    plan = solve_routes(asked, steps=20)
    stops = [(r.unit_id, s.place_id, s.slot) for r in plan.routes for s in r.stops if s.place_id]
    if not stops:
        return
    unit_id, place_id, slot = random.choice(stops)
    assert place_id is not None
    try:
        moved, start = move_stop(asked, plan, place_id, slot, unit_id=unit_id, position=0)
    except InvalidInput:
        return
    again = solved_again(moved, start, steps=40, seed=1)
    given = sum(stop.prize for route in start for stop in route.stops)
    assert plan_faults(moved, again) == [] and again.prize >= given
    if again.prize <= given * (1 + SHARE_FOR_ANOTHER_ORDER) and not again.unmet:
        for before, after in zip(start, again.routes, strict=True):
            wanted = [(stop.place_id, stop.slot) for stop in before.stops]
            kept = [key for stop in after.stops if (key := (stop.place_id, stop.slot)) in wanted]
            assert kept == wanted


def test_what_was_moved_before_makes_room_and_what_was_locked_does_not() -> None:
    # 5 min to a, 5 on to b, 15 back to c: by one car in two hours.
    asked = problem(
        [spot(name, minutes, Slot(0, 2 * HOUR, 1.0)) for name, minutes in
         (("a", 5), ("b", 10), ("c", -5))],
        [car(off_s=2 * HOUR)],
    )  # fmt: skip

    def order(plan: PatrolPlan) -> list[str | None]:
        return [stop.place_id for stop in plan.routes[0].stops]

    plan, problem_now = solve_routes(asked, steps=40), asked
    for name in ("a", "b", "c"):  # each before all others
        problem_now, start = move_stop(problem_now, plan, name, 0, unit_id="car", position=0)
        plan = solved_again(problem_now, start, steps=40, seed=1)
        assert plan_faults(problem_now, plan) == []
        assert order(plan)[0] == name and len(order(plan)) == 3
    assert order(plan) == ["c", "b", "a"]
    begin = {stop.place_id: stop.begin_s for stop in plan.routes[0].stops}
    assert begin == {"c": 5 * MIN, "b": 30 * MIN, "a": 45 * MIN}
    # Locked by hand, about 0:30, b can't be half an hour later.
    locked = lock_stop(problem_now, plan, "b", 0)
    with pytest.raises(InvalidInput, match="no longer be in time"):
        move_stop(locked, plan, "a", 0, unit_id="car", position=0)


def test_drag_to_another_unit() -> None:
    plan = solve_routes(TWO, steps=40)
    now = next(r.unit_id for r in plan.routes if any(s.place_id == "c" for s in r.stops))
    other = "two" if now == "one" else "one"
    moved, start = move_stop(TWO, plan, "c", 0, unit_id=other, position=0)
    again = solve_routes(moved, steps=40, start=start)
    route = next(r for r in again.routes if r.unit_id == other)
    assert route.stops[0].place_id == "c" and again.prize == 3.0


def test_a_stop_stays_behind_the_one_it_was_put_behind() -> None:
    """Both at one corner, so that nothing but the leader's hand says which is first."""
    asked = problem([spot("a", 1), spot("b", 1), spot("c", 1)], [car()])
    plan = solve_routes(asked, steps=40)
    first = plan.routes[0].stops[0].place_id
    moved, start = move_stop(asked, plan, first or "", 0, unit_id="car", position=1)
    again = solve_routes(moved, steps=60, start=start)
    assert [s.place_id for s in again.routes[0].stops].index(first) == 1


def test_a_stop_is_not_put_where_its_slot_is_over() -> None:
    """b lasts until minute 20; the slot of a ends at 15."""
    asked = problem([spot("a", 5, Slot(0, 15 * MIN, 1.0)), spot("b", 10)], [car()])
    plan = solve_routes(asked, steps=20)
    with pytest.raises(InvalidInput, match="does not fit at this position"):
        move_stop(asked, plan, "a", 0, unit_id="car", position=1)
    must = problem([spot("a", 5, Slot(0, 15 * MIN, 1.0, True)), spot("b", 10)], [car()])
    with pytest.raises(InvalidInput, match="a comes later, has to be"):
        move_stop(must, solve_routes(must, steps=20), "b", 0, unit_id="car", position=0)
    with pytest.raises(InvalidInput, match="position is 7"):
        move_stop(asked, plan, "a", 0, unit_id="car", position=7)


def test_lock_unlock_forbid_allow() -> None:
    plan = solve_routes(TWO, steps=40)
    locked = lock_stop(TWO, plan, "a", 0)
    assert locked.locks[0].begin_s is not None
    assert unlock_stop(locked, "a", 0).locks == ()
    forbidden = forbid_place(locked, "a")
    assert forbidden.locks == ()
    assert solve_routes(forbidden, steps=20).prize == 2.0
    assert solve_routes(allow_place(forbidden, "a"), steps=20).prize == 3.0
    with pytest.raises(InvalidInput, match="has no stop at a"):
        lock_stop(TWO, solve_routes(forbidden, steps=20), "a", 0)


def test_why_a_stop_is_made() -> None:
    """45 min. East: 10 out, 10, back 10 = 30; a further stop beside it takes 10 + 2 more. Without
    the best one the other takes its place: 3 - 2 = 1 is lost."""
    best = spot("best", 10, Slot(0, HOUR, 3.0), reason="forecast")
    asked = problem([best, spot("next", -10, Slot(0, HOUR, 2.0))], [car(off_s=45 * MIN)])
    plan = solve_routes(asked, steps=40)
    (why,) = why_stops(asked, plan)
    assert (why.place_id, why.prize, why.lost, why.takes_s) == ("best", 3.0, 1.0, 30 * MIN)
    assert why.reason == "forecast"
    (left,) = why_left_out(asked, plan)
    # 10 + 10 + 20 + 10 + 10 = 60 min of 45.
    assert (left.place_id, left.unit_id, left.short_s) == ("next", "car", 15 * MIN)


@settings(max_examples=20, deadline=None)
@given(shifts())
def test_reasons_never_promise_more_than_the_plan_holds(asked: RouteProblem) -> None:
    plan = solve_routes(asked, steps=10)
    reasons = why_stops(asked, plan)
    assert len(reasons) == plan.visits
    assert all(0 <= why.lost <= plan.prize + 1e-9 and why.takes_s >= 0 for why in reasons)
    wanted = sum(len(place.slots) for place in asked.places)
    # Where a stop on the way has itself no way home, it can't be put back as the last so far.
    assert len(why_left_out(asked, plan)) >= wanted - plan.visits


def test_times_come_by_road_and_a_lake_has_none() -> None:
    """B to C is one-way, 10 s; back round the block 50 s. The last point is far out in the lake."""
    travel = TravelTimes.of(streets("""
        A-B>C
        |   |
        D-F-E
    """), CAR, speeds=TEN_MPS)  # fmt: skip
    points = [LonLat(*place(*xy)) for xy in ((1, 0), (2, 0), (1, 0), (40, 40))]
    times = road_times({CAR: travel}, points)
    matrix = times.travel_s[CAR]
    assert matrix[0, 1] == pytest.approx(10, abs=0.1) and matrix[1, 0] == pytest.approx(50, abs=0.1)
    assert matrix[0, 2] == 0 and np.isinf(matrix[3, 0]) and times.off_road[CAR] == (3,)


def test_a_plan_changed_by_hand_is_found_out() -> None:
    """The checker is no yes-man: each of these is one thing wrong."""
    plan = solve_routes(TWO, steps=40)
    route = next(r for r in plan.routes if r.stops)
    stop = route.stops[0]
    assert plan_faults(TWO, plan) == []

    def with_stop(changed):  # type: ignore[no-untyped-def]
        routes = tuple(
            replace(r, stops=(changed, *r.stops[1:])) if r is route else r for r in plan.routes
        )
        return plan_faults(TWO, replace(plan, routes=routes))

    assert "before arrival" in with_stop(replace(stop, begin_s=0, leave_s=10 * MIN))[0]
    assert "stays" in with_stop(replace(stop, leave_s=stop.leave_s - 60))[0]
    assert "counts" in with_stop(replace(stop, prize=5.0))[0]
    assert "the prize is" in plan_faults(TWO, replace(plan, prize=9.0))[0]
    locked = lock_stop(TWO, plan, stop.place_id or "", 0)
    late = replace(locked, locks=(replace(locked.locks[0], begin_s=stop.begin_s + 900),))
    assert "is locked to" in plan_faults(late, plan)[0]
    assert "is forbidden" in plan_faults(forbid_place(TWO, stop.place_id or ""), plan)[0]
