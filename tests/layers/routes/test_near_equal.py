"""Several near-equal plans, one drawn; how foreseeable they are."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from geo.errors import InvalidInput
from layers.routes.checking import plan_faults
from layers.routes.near_equal import (
    NearEqualPlans,
    near_equal_plans,
    predictability,
    warns_of,
)
from layers.routes.plan import PatrolPlan, Stop, UnitRoute
from layers.routes.problem import RouteProblem, Slot
from tests.layers.routes.shifts import HOUR, MIN, car, problem, shifts, spot


def plan_of(*stops: tuple[str, int], prize: float = 1.0) -> PatrolPlan:
    """A plan by hand: place and minute."""
    made = tuple(Stop(place, 0, m * MIN, m * MIN + 60, 0, 0, 1.0) for place, m in stops)
    return PatrolPlan((UnitRoute("car", made, 0, 0),), prize, prize, 0, (), 0, 1)


def test_one_plan_is_a_clock() -> None:
    """Two stops, one bit each; always the same: all hits, and every gap of a place is one shift."""
    found = predictability([plan_of(("a", 0), ("b", 30))])
    assert (found.entropy_bits, found.choice_bits, found.hit_rate) == (1.0, 0.0, 1.0)
    assert found.gap_cv == 0.0


def test_two_plans_by_hand() -> None:
    """Four different (place, quarter), each as likely: 2 bits, 1 of them from the choice. Whatever
    is named, half of it comes true."""
    found = predictability([plan_of(("a", 0), ("b", 30)), plan_of(("b", 0), ("a", 30))])
    assert (found.entropy_bits, found.choice_bits) == (2.0, 1.0)
    assert found.hit_rate == pytest.approx(0.5, abs=0.08)
    assert found.gap_cv is not None and found.gap_cv > 0.1
    assert warns_of(found, predictability([plan_of(("a", 0), ("b", 30))]))
    assert not warns_of(found, found)


def test_plans_are_near_equal_different_and_one_is_drawn() -> None:
    places = [spot(f"p{k}", 3 * k - 12, Slot(0, HOUR, 1.0)) for k in range(9)]
    asked = problem(places, [car()])
    found = near_equal_plans(asked, steps=600, seed=5)
    best = found.plans[0].prize
    assert len(found.plans) > 1
    assert all(plan.prize >= best * 0.97 and not plan_faults(asked, plan) for plan in found.plans)
    assert near_equal_plans(asked, steps=600, seed=5) == found
    drawn = {near_equal_plans(asked, steps=60, seed=seed).drawn for seed in range(12)}
    assert len(drawn) > 1


@settings(max_examples=15, deadline=None)
@given(shifts())
def test_laws_of_near_equal_plans(asked: RouteProblem) -> None:
    found = near_equal_plans(asked, steps=30, seed=3, wanted=3)
    told = found.predictability
    assert 1 <= len(found.plans) <= 3 and 0 <= found.drawn < len(found.plans)
    assert 0 <= told.hit_rate <= 1 and 0 <= told.choice_bits <= 1.6
    assert all(plan_faults(asked, plan) == [] for plan in found.plans)
    only = predictability(found.plans[:1])
    assert only.choice_bits == pytest.approx(0) and only.hit_rate in (0.0, 1.0)


def test_a_search_that_is_stopped_draws_from_what_there_is() -> None:
    asked = problem([spot("a", 1)], [car()])
    found: NearEqualPlans = near_equal_plans(asked, steps=100, seed=1, should_stop=lambda: True)
    assert len(found.plans) == 1
    with pytest.raises(InvalidInput):
        near_equal_plans(asked, steps=1, seed=1, wanted=0)
    with pytest.raises(InvalidInput):
        predictability([])
