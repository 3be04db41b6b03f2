"""Siting against every plan there is, on small towns, and the laws plans keep."""

from __future__ import annotations

from itertools import combinations, combinations_with_replacement

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import InvalidInput, NotEnoughData
from layers.siting import (
    SitingProblem,
    compare_plans,
    cover_all,
    cover_most,
    expected_cover,
    least_time,
)

LIMIT_S = 60.0


@st.composite
def problems(draw: st.DrawFn) -> SitingProblem:
    """Up to 7 sites and 9 cells, ties and cells out of reach among them."""
    m, n = draw(st.integers(1, 7)), draw(st.integers(1, 9))
    time = st.sampled_from([0.0, 20.0, 59.0, 60.0, 61.0, 90.0, 300.0, float("inf")])
    times = draw(st.lists(st.lists(time, min_size=n, max_size=n), min_size=m, max_size=m))
    demand = draw(st.lists(st.sampled_from([0, 1, 2, 5]), min_size=n, max_size=n))
    demand[0] = demand[0] or 1
    fixed = draw(st.frozensets(st.integers(0, m - 1), max_size=2))
    forbidden = draw(st.frozensets(st.integers(0, m - 1), max_size=m - 1)) - fixed
    if len(forbidden) == m:
        forbidden = frozenset()
    return SitingProblem(np.array(times), np.array(demand, float), fixed, forbidden)


def plans(problem: SitingProblem, wanted: int) -> list[tuple[int, ...]]:
    sites = [s for s in range(problem.site_count) if s not in problem.forbidden]
    return [plan for plan in combinations(sites, wanted) if problem.fixed <= set(plan)]


def covered(problem: SitingProblem, plan: tuple[int, ...], busy_share: float = 0.0) -> float:
    count = problem.reaches(LIMIT_S)[list(plan)].sum(axis=0)
    return float((problem.demand * (1 - busy_share**count) * (count > 0)).sum())


def mean_s(problem: SitingProblem, plan: tuple[int, ...]) -> float:
    nearest = np.minimum(problem.times_s[list(plan)].min(axis=0), 3600)
    return float((problem.demand * nearest).sum() / problem.demand.sum())


def a_count(problem: SitingProblem, data: st.DataObject) -> int:
    most = problem.site_count - len(problem.forbidden)
    return data.draw(st.integers(max(1, len(problem.fixed)), most))


@settings(deadline=None)
@given(problems(), st.data())
def test_no_plan_covers_more_than_the_proven_one(
    problem: SitingProblem, data: st.DataObject
) -> None:
    wanted = a_count(problem, data)
    plan = cover_most(problem, limit_s=LIMIT_S, wanted=wanted)
    best = max(covered(problem, other) for other in plans(problem, wanted))
    assert plan.is_proven and plan.gap == 0
    assert plan.objective == pytest.approx(best) == pytest.approx(covered(problem, plan.sites))
    assert len(plan.sites) == wanted
    assert problem.fixed <= set(plan.sites) and not problem.forbidden & set(plan.sites)


@settings(deadline=None)
@given(problems(), st.data())
def test_a_bound_without_a_proof_still_holds(problem: SitingProblem, data: st.DataObject) -> None:
    wanted = a_count(problem, data)
    plan = cover_most(problem, limit_s=LIMIT_S, wanted=wanted, exact_s=0, kicks=2)
    best = max(covered(problem, other) for other in plans(problem, wanted))
    assert plan.objective <= best + 1e-9 <= plan.bound + 1e-6


@settings(deadline=None)
@given(problems(), st.data())
def test_busy_units_are_doubled_where_that_covers_more(
    problem: SitingProblem, data: st.DataObject
) -> None:
    busy = data.draw(st.sampled_from([0.0, 0.3, 0.9]))
    sites = [s for s in range(problem.site_count) if s not in problem.forbidden]
    wanted = data.draw(st.integers(max(1, len(problem.fixed)), min(4, 2 * len(sites))))
    if wanted < len(problem.fixed):
        return
    plan = expected_cover(
        problem, limit_s=LIMIT_S, wanted=wanted, busy_share=busy, units_at_site_max=2
    )
    allowed = [
        other
        for other in combinations_with_replacement(sites, wanted)
        if problem.fixed <= set(other) and all(other.count(site) <= 2 for site in other)
    ]
    best = max(covered(problem, other, busy) for other in allowed)
    assert plan.objective == pytest.approx(covered(problem, plan.sites, busy))
    assert plan.objective <= best + 1e-9 <= plan.bound + 1e-6
    if plan.is_proven:
        assert plan.objective == pytest.approx(best)


@settings(deadline=None)
@given(problems(), st.sampled_from([1.0, 0.8, 0.4]))
def test_no_fewer_sites_reach_the_share(problem: SitingProblem, share: float) -> None:
    needed = share * problem.demand.sum() - 1e-9
    sizes = range(max(1, len(problem.fixed)), problem.site_count - len(problem.forbidden) + 1)
    fewest = next(
        (k for k in sizes if any(covered(problem, p) >= needed for p in plans(problem, k))), None
    )
    if fewest is None:
        with pytest.raises(NotEnoughData) as caught:
            cover_all(problem, limit_s=LIMIT_S, share=share)
        assert caught.value.found < share
        return
    plan = cover_all(problem, limit_s=LIMIT_S, share=share)
    assert plan.is_proven and plan.objective == plan.bound == len(plan.sites) == fewest
    assert covered(problem, plan.sites) >= needed
    assert problem.fixed <= set(plan.sites) and not problem.forbidden & set(plan.sites)


@settings(deadline=None)
@given(problems(), st.data())
def test_the_median_keeps_between_its_bound_and_the_best(
    problem: SitingProblem, data: st.DataObject
) -> None:
    wanted = a_count(problem, data)
    plan = least_time(problem, wanted=wanted)
    best = min(mean_s(problem, other) for other in plans(problem, wanted))
    assert plan.objective == pytest.approx(mean_s(problem, plan.sites), rel=1e-6)
    assert plan.bound <= best * (1 + 1e-6) + 1e-9
    assert best <= plan.objective * (1 + 1e-6) + 1e-9
    if plan.is_proven:
        assert plan.objective == pytest.approx(best, rel=1e-6)
    assert problem.fixed <= set(plan.sites) and not problem.forbidden & set(plan.sites)


def line_town(cells: int = 60, sites: int = 20, seed: int = 1) -> SitingProblem:
    random = np.random.default_rng(seed)
    place, site = random.uniform(0, 1000, cells), random.uniform(0, 1000, sites)
    return SitingProblem(np.abs(site[:, None] - place[None]), random.integers(1, 9, cells) * 1.0)


def test_the_median_finds_the_best_of_a_town_it_can_be_checked_on() -> None:
    town = line_town(sites=12)
    best = min(mean_s(town, other) for other in plans(town, 4))
    assert least_time(town, wanted=4).objective == pytest.approx(best, rel=1e-6)


def test_one_more_site_never_covers_less_and_a_fixed_one_never_more() -> None:
    town = line_town()
    covered_by = [cover_most(town, limit_s=40, wanted=k).objective for k in range(1, 9)]
    assert covered_by == sorted(covered_by)
    bound_to = SitingProblem(town.times_s, town.demand, fixed=frozenset({0, 1}))
    assert cover_most(bound_to, limit_s=40, wanted=5).objective <= covered_by[4]


def test_two_plans_compared_say_who_gains_and_who_loses() -> None:
    """Cells at 0, 100, 200 s from site 0, the other way round from site 1; within 50 s."""
    town = SitingProblem(np.array([[0, 100, 200], [200, 100, 0]]), np.array([1.0, 1.0, 4.0]))
    change = compare_plans(town, [0], [1], limit_s=50)
    assert (change.opened, change.closed) == ((1,), (0,))
    assert (change.covered_before, change.covered_after) == (1, 4)
    assert change.gained.tolist() == [False, False, True]
    assert change.lost.tolist() == [True, False, False]
    assert change.mean_s_before == pytest.approx((0 + 100 + 800) / 6)
    assert change.mean_s_after == pytest.approx((200 + 100 + 0) / 6)


ONE = np.ones((2, 3))


@pytest.mark.parametrize(
    ("times", "demand", "fixed", "forbidden", "told"),
    [
        (ONE, np.ones(2), (), (), "Wanted"),
        (ONE[:0], np.ones(3), (), (), "no site"),
        (-ONE, np.ones(3), (), (), "negative"),
        (ONE * np.nan, np.ones(3), (), (), "no number"),
        (ONE, -np.ones(3), (), (), "negative"),
        (ONE, np.zeros(3), (), (), "any demand"),
        (ONE, np.ones(3), (7,), (), "no site 7"),
        (ONE, np.ones(3), (1,), (1,), "both"),
    ],
)
def test_questions_without_an_answer_are_refused(
    times: np.ndarray, demand: np.ndarray, fixed: tuple[int], forbidden: tuple[int], told: str
) -> None:
    with pytest.raises(InvalidInput, match=told):
        SitingProblem(times, demand, frozenset(fixed), frozenset(forbidden))


def test_numbers_out_of_range_are_refused() -> None:
    town = SitingProblem(ONE, np.ones(3), fixed=frozenset({0}))
    for call in (
        lambda: cover_most(town, limit_s=60, wanted=0),
        lambda: cover_most(town, limit_s=60, wanted=3),
        lambda: cover_most(town, limit_s=float("nan"), wanted=1),
        lambda: expected_cover(town, limit_s=60, wanted=1, busy_share=1.0),
        lambda: expected_cover(town, limit_s=60, wanted=3, busy_share=0.1),
        lambda: expected_cover(town, limit_s=60, wanted=1, busy_share=0.1, units_at_site_max=0),
        lambda: cover_all(town, limit_s=60, share=0),
        lambda: least_time(town, wanted=1, unreached_s=0),
    ):
        with pytest.raises(InvalidInput):
            call()
