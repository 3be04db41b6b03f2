"""The rest of a shift after a unit dropped out: what is done stays done."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from geo.errors import InvalidInput
from layers.routes.candidates import share_after_patrols
from layers.routes.checking import plan_faults
from layers.routes.kept import KeptPlan, kept_of_json, kept_to_json
from layers.routes.problem import Ban, Break, Lock, Slot
from layers.routes.rest import Done, rest_of_plan
from layers.routes.solving import solve_routes
from tests.layers.routes.shifts import HOUR, MIN, STATION, at, car, problem, spot

LUNCH = Break(HOUR, 3 * HOUR, 30 * MIN)
KEPT = KeptPlan(
    places=(
        spot("a", 5, Slot(0, 2 * HOUR, 1.0), Slot(2 * HOUR, 4 * HOUR, 1.0), gap_min_s=HOUR),
        spot("b", 10, Slot(0, 4 * HOUR, 3.0), visits_max=1),
        spot("c", -5, Slot(0, 100 * MIN, 1.0, is_must=True)),
        spot("d", -10, Slot(0, 90 * MIN, 1.0)),
    ),
    units=(car("one", off_s=4 * HOUR, breaks=(LUNCH,)), car("two", off_s=4 * HOUR)),
    locks=(Lock("b", 0, "one", 3 * HOUR), Lock("a", 0, "two", 10 * MIN)),
    bans=(Ban("a", 1, "one"), Ban("d", 0, "two")),
)


def test_what_is_visited_stays_visited_and_the_rest_is_asked_from_now_on() -> None:
    done = Done(95 * MIN, {("a", 0): 80 * MIN})
    rest = rest_of_plan(KEPT, done, left={"one": at(7)}, plan_id=3)
    assert rest.replaces == 3 and [unit.unit_id for unit in rest.units] == ["one"]
    by_id = {place.place_id: place for place in rest.places}
    # a's second slot begins at 2:00, its gap is over at 2:20: 45 minutes from now.
    assert by_id["a"].slots == (Slot(45 * MIN, 145 * MIN, 1.0),)
    assert by_id["b"].slots == (Slot(0, 145 * MIN, 3.0),)
    assert by_id["c"].slots[0].is_must  # five minutes for ten: asked, to be told
    assert "d" not in by_id
    (one,) = rest.units
    assert (one.start, one.end, one.on_s, one.off_s) == (at(7), STATION, 0, 145 * MIN)
    # Until three o'clock, at home, where it would have started.
    assert one.breaks == (Break(0, 85 * MIN, 30 * MIN, STATION),)
    assert rest.locks == (Lock("b", 0, "one", 85 * MIN),)
    assert rest.bans == (Ban("a", 0, "one"),)
    assert kept_of_json(kept_to_json(rest)) == rest

    asked = problem(rest.places, rest.units, locks=rest.locks, bans=rest.bans)
    plan = solve_routes(asked, steps=40)
    assert plan_faults(asked, plan) == []
    assert [each.place_id for each in plan.unmet] == ["c"]
    assert plan.unmet[0].short_s == 5 * MIN


def test_caps_and_breaks_that_are_used_up_are_gone() -> None:
    done = Done(95 * MIN, {("b", 0): 30 * MIN}, {("one", 0)})
    rest = rest_of_plan(KEPT, done, left={"one": None, "two": None}, plan_id=3)
    assert "b" not in {place.place_id for place in rest.places}
    assert all(not unit.breaks and unit.start == STATION for unit in rest.units)
    assert rest.locks == ()  # b is done, a's time is over


def test_nobody_or_nothing_left_is_said() -> None:
    with pytest.raises(InvalidInput, match="No unit"):
        rest_of_plan(KEPT, Done(HOUR, {}), left={}, plan_id=3)
    with pytest.raises(InvalidInput, match="No unit"):
        rest_of_plan(KEPT, Done(4 * HOUR, {}), left={"one": None}, plan_id=3)
    later = replace(KEPT, units=(car("one", off_s=5 * HOUR),))
    with pytest.raises(InvalidInput, match="visited or over"):
        rest_of_plan(later, Done(4 * HOUR, {}), left={"one": None}, plan_id=3)


def test_half_of_a_prize_is_left_after_half_an_hour_of_patrols() -> None:
    assert share_after_patrols(np.array([0.0, 30.0, 90.0])).tolist() == [1.0, 0.5, 0.25]
