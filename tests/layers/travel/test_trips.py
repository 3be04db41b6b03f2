"""Trips found in tracks, and the factor between what they took and what is computed.

The simulator knows the truth: its units drive at a speed that is given, so the factor is too.
"""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from bench.road_networks import generated_lines
from geo.errors import NotEnoughData
from geo.positions.tracks import FixColumns, clean_tracks
from geo.roads.build import build_road_network
from geo.roads.modes import TravelMode
from geo.roads.network import RoadNetwork
from geo.roads.speeds import SpeedProfile
from geo.roads.spread import HOUR_BANDS, TRIPS_MIN, band_of, spread_of_trips
from geo.simulator.devices import Device
from geo.simulator.patrol_walk import Movement
from geo.simulator.road_plan import RoadPlan
from geo.simulator.shift import SimulatedShift, simulate_shift
from layers.travel.calibration import RoadTrip, measure, spreads_of
from layers.travel.times import TravelTimes
from layers.travel.trips import TimedTrip, find_trips, time_trips

TEN_MPS = SpeedProfile(TravelMode.CAR, {"road": 36.0}, source="test")
NOW = datetime(2026, 3, 2, tzinfo=UTC)
PHONE = Device(interval_s=10.0, noise_m=6.0, noise_lasts_s=60.0, outages_per_hour=0.5)


@pytest.fixture(scope="module")
def network() -> RoadNetwork:
    """A town of 15 by 15 crossings some 100 m apart, every street open both ways: the simulator's
    units know of no one-way."""
    lines = generated_lines(15)
    return build_road_network(dataclasses.replace(lines, backward_modes=lines.forward_modes))


@pytest.fixture(scope="module")
def travel(network: RoadNetwork) -> TravelTimes:
    return TravelTimes.of(network, TravelMode.CAR, speeds=TEN_MPS)


@pytest.fixture(scope="module")
def plan(network: RoadNetwork) -> RoadPlan:
    first = network.line_first_point
    return RoadPlan.of(
        [
            shapely.LineString(network.points[first[k] : first[k + 1]])
            for k in range(network.line_count)
        ]
    )


def shift_of(plan: RoadPlan, speed_mps: float, **how: object) -> SimulatedShift:
    stops = {"stop_share": 0.03, "stop_s": (300.0, 600.0), "turn_back_share": 0.0} | how
    return simulate_shift(
        plan, units=6, seconds=7_200, start_ms=1_772_400_000_000, device=PHONE, seed=7,
        movement=Movement(speed_mps, **stops),  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize("speed_mps", [5.0, 8.0, 14.0])
def test_the_speed_that_units_were_given_is_found(
    plan: RoadPlan, travel: TravelTimes, speed_mps: float
) -> None:
    """Computed at 10 m/s, driven at 5, 8 and 14: factors of 2, 1.25 and 0.71. Stops of five
    minutes and more are no part of a trip."""
    shift = shift_of(plan, speed_mps, speed_spread=0.0)
    trips = find_trips(clean_tracks(shift.columns()), plan.plane)
    timed = time_trips(trips, travel)
    assert len(timed) >= TRIPS_MIN
    assert len(timed) >= 0.8 * len(trips)
    found = spread_of_trips(
        [trip.computed_s for trip in timed], [trip.driven_s for trip in timed], measured_at=NOW
    )
    assert found.p50_factor == pytest.approx(10 / speed_mps, rel=0.03)
    assert found.p90_factor >= found.p50_factor
    assert found.p50_low is not None and found.p50_high is not None
    assert found.p50_low <= found.p50_factor <= found.p50_high


def test_who_stands_makes_no_trip(plan: RoadPlan) -> None:
    """Half an hour in one place, heard with an error of 6 m; then a silence, and another place."""
    random = np.random.default_rng(1)
    time = np.concatenate((np.arange(180), 400 + np.arange(180))) * 10_000
    x = random.normal(0, 6, 360) + np.where(np.arange(360) < 180, 0, 900)
    fixes = FixColumns.of(np.zeros(360), time, x, random.normal(0, 6, 360))
    assert find_trips(clean_tracks(fixes), plan.plane) == []


def test_a_call_begins_another_trip(plan: RoadPlan) -> None:
    """A straight way of ten minutes at 8 m/s, called after five."""
    seconds = np.arange(0, 601, 5)
    fixes = FixColumns.of(
        np.zeros(len(seconds)), seconds * 1000, 8.0 * seconds, np.zeros(len(seconds)),
        responding=seconds >= 300,
    )  # fmt: skip
    trips = find_trips(clean_tracks(fixes), plan.plane)
    assert [trip.is_responding for trip in trips] == [False, True]
    assert trips[0].end_ms <= 300_000 <= trips[1].begin_ms


def test_a_way_off_the_roads_is_not_timed(plan: RoadPlan, travel: TravelTimes) -> None:
    """Across a lake 5 km to the side."""
    seconds = np.arange(0, 601, 5)
    fixes = FixColumns.of(
        np.zeros(len(seconds)), seconds * 1000, 8.0 * seconds, np.full(len(seconds), 5_000.0)
    )
    trips = find_trips(clean_tracks(fixes), plan.plane)
    assert trips
    assert time_trips(trips, travel) == []


def trips_of(count: int, units: int, *, responding: bool, hour: int = 8) -> list[RoadTrip]:
    return [
        RoadTrip(TravelMode.CAR, hour, TimedTrip(k % units, responding, 0, 100.0 + k, 90.0), 50.0)
        for k in range(count)
    ]


def test_few_trips_or_one_unit_say_nothing_and_patrols_are_told_apart() -> None:
    few = measure(trips_of(TRIPS_MIN - 1, 5, responding=True), measured_at=NOW)
    assert all(one.spread is None for one in few)
    assert spreads_of(few) == {}
    alone = measure(trips_of(100, 1, responding=True), measured_at=NOW)
    assert all(one.spread is None for one in alone)
    patrol = measure(trips_of(100, 2, responding=False), measured_at=NOW)
    assert patrol[0].spread is not None
    assert spreads_of(patrol) == {}
    # 41 trips of 100 to 140 s where 50 s were computed: a factor of 2.4 at the middle, 2.72 at
    # nine tenths.
    both = measure(
        trips_of(41, 2, responding=True) + trips_of(60, 2, responding=False), measured_at=NOW
    )
    spread = spreads_of(both)[TravelMode.CAR]
    assert set(spread) == {"all", "rush"}
    assert (spread["all"].p50_factor, spread["all"].p90_factor) == (2.4, 2.72)
    assert [one.is_responding for one in both] == [True, True, False, False]


def test_every_hour_has_one_band() -> None:
    assert sorted(hour for hours in HOUR_BANDS.values() for hour in hours) == list(range(24))
    assert (band_of(8), band_of(12), band_of(23)) == ("rush", "day", "night")


@given(st.lists(st.floats(0.2, 5.0), min_size=TRIPS_MIN, max_size=200), st.floats(0.5, 2.0))
def test_trips_that_take_longer_by_a_share_spread_by_that_share(
    ratios: list[float], share: float
) -> None:
    ones = np.ones(len(ratios))
    found = spread_of_trips(ones, ratios, measured_at=NOW)
    longer = spread_of_trips(ones, np.array(ratios) * share, measured_at=NOW)
    assert found.p50_factor <= found.p90_factor
    assert longer.p90_factor == pytest.approx(found.p90_factor * share, abs=2e-4)
    with pytest.raises(NotEnoughData):
        spread_of_trips(ones[: TRIPS_MIN - 1], ratios[: TRIPS_MIN - 1], measured_at=NOW)
