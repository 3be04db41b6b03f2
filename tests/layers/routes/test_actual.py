"""A plan against what was done."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layers.routes.actual import PlannedStop, RouteOutcome, StopState, compare_route

MIN = 60.0
# Stops a kilometre apart along a street, 10 min each, 5 min on the way between.
STEP = 1000 / 88_000
PLACES = [112.5 + k * STEP for k in range(4)]
PLAN = [PlannedStop(lon, 37.8, k * 15 * MIN, k * 15 * MIN + 10 * MIN)
        for k, lon in enumerate(PLACES)]  # fmt: skip
WAY = [[(PLACES[0], 37.8), (PLACES[-1], 37.8)]]
V, L, M, U, P = (StopState.VISITED, StopState.LATE, StopState.MISSED, StopState.UNKNOWN,
                 StopState.PENDING)  # fmt: skip


def driven(late_s: float = 0.0, *, until_s: float = 55 * MIN, north: float = 0.0) -> dict:  # type: ignore[type-arg]
    """Fixes every 30 s of a unit that drives the plan, later or north of it."""
    at = np.arange(0.0, until_s + 1, 30.0)
    corners = [(0.0, PLACES[0])]
    for stop in PLAN:
        corners += [(stop.begin_s + late_s, stop.lon), (stop.leave_s + late_s, stop.lon)]
    lon = np.interp(at, [c[0] for c in corners], [c[1] for c in corners])
    return {"at_s": at, "lon": lon, "lat": np.full(len(at), 37.8 + north)}


def states(outcome: RouteOutcome) -> list[StopState]:
    return [stop.state for stop in outcome.stops]


def test_a_plan_that_is_driven_is_visited_in_time() -> None:
    found = compare_route(PLAN, WAY, **driven(), now_s=200 * MIN)
    assert states(found) == [V] * 4
    assert found.off_way_share == 0
    for stop in found.stops:
        assert stop.late_s == pytest.approx(0, abs=60)
        assert stop.stayed_s == pytest.approx(10 * MIN, abs=90)


def test_late_missed_unknown_and_still_to_come() -> None:
    """15 min late: late. Gone home after the second stop: the others missed. No fix at all:
    unknown. Half an hour in: the third and fourth are still to come."""
    late = compare_route(PLAN, WAY, **driven(15 * MIN, until_s=75 * MIN), now_s=200 * MIN)
    # The first is begun where the unit already stands, and is in time.
    assert states(late) == [V, L, L, L]
    fixes = driven(until_s=27 * MIN)
    home = {
        "at_s": np.concatenate((fixes["at_s"], np.arange(28 * MIN, 120 * MIN, 60))),
        "lon": np.concatenate((fixes["lon"], np.full(92, 112.4))),
        "lat": np.concatenate((fixes["lat"], np.full(92, 37.8))),
    }
    gone = compare_route(PLAN, WAY, **home, now_s=200 * MIN)
    assert states(gone) == [V, V, M, M] and gone.off_way_share and gone.off_way_share > 0.5
    nothing = compare_route(PLAN, WAY, at_s=[], lon=[], lat=[], now_s=200 * MIN)
    assert states(nothing) == [U] * 4 and nothing.off_way_share is None
    early = compare_route(PLAN, WAY, **driven(), now_s=30 * MIN)
    assert states(early) == [V, V, P, P]


def test_driving_past_is_no_visit_and_one_visit_answers_for_one_stop() -> None:
    """A place stopped at twice, an hour apart, was visited once: the nearer one counts."""
    twice = [PlannedStop(112.5, 37.8, 0, 10 * MIN), PlannedStop(112.5, 37.8, 60 * MIN, 70 * MIN)]
    at = np.arange(55 * MIN, 66 * MIN, 30)
    there = np.full(len(at), 112.5)
    found = compare_route(
        twice, WAY, at_s=at, lon=there, lat=np.full(len(at), 37.8), now_s=300 * MIN
    )
    assert states(found) == [U, V]
    past = compare_route(
        PLAN[:1], WAY, at_s=[0, 30, 60], lon=[112.49, 112.5, 112.51], lat=[37.8] * 3,
        now_s=100 * MIN,
    )  # fmt: skip
    assert states(past) == [M]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1 << 32), st.floats(0, 200))
def test_order_of_fixes_changes_nothing_and_time_only_decides(seed: int, now_min: float) -> None:
    random = np.random.default_rng(seed)
    fixes = driven(float(random.uniform(-300, 3000)), until_s=90 * MIN,
                   north=float(random.uniform(0, 0.002)))  # fmt: skip
    found = compare_route(PLAN, WAY, **fixes, now_s=now_min * MIN)
    order = random.permutation(len(fixes["at_s"]))
    mixed = {name: values[order] for name, values in fixes.items()}
    assert compare_route(PLAN, WAY, **mixed, now_s=now_min * MIN) == found
    assert found.count(*StopState) == len(PLAN)
    later = compare_route(PLAN, WAY, **fixes, now_s=1e6)
    for before, after in zip(found.stops, later.stops, strict=True):
        if before.state in (V, L):
            assert after.state in (V, L)
