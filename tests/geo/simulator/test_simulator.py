"""Units on drawn roads: they stay on them, keep to their speed, and report as told."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import InvalidInput
from geo.local_plane import LocalPlane
from geo.positions.clocks import measure_skew
from geo.simulator.devices import Device, report
from geo.simulator.patrol_walk import ON_FOOT, Movement, walk_roads
from geo.simulator.road_plan import RoadPlan
from geo.simulator.shift import simulate_shift

PLANE = LocalPlane(112.5, 37.8, 88_000.0, 111_000.0)


def plan(size: int = 4) -> RoadPlan:
    """A lattice of streets, 100 m apart, and one street that leads nowhere."""
    lines = []
    for a in range(size):
        for b in range(size - 1):
            lines.append([(100 * a, 100 * b), (100 * a, 100 * b + 100)])
            lines.append([(100 * b, 100 * a), (100 * b + 100, 100 * a)])
    lines.append([(9000, 9000), (9100, 9000)])
    return RoadPlan.of([PLANE.to_degrees(shapely.LineString(each)) for each in lines])


def test_the_plan_is_the_largest_connected_part() -> None:
    assert len(plan().node_xy) == 16
    assert len(plan().edge_nodes) == 24
    assert np.bincount(np.diff(plan().out_start)).tolist() == [0, 0, 4, 8, 4]
    with pytest.raises(InvalidInput, match="no roads"):
        RoadPlan.of([shapely.Point(1, 1)])


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_units_stay_on_the_roads_and_keep_to_their_speed(seed: int) -> None:
    roads = plan()
    walk = walk_roads(roads, seconds=1800, movement=ON_FOOT, rng=np.random.default_rng(seed))
    assert (np.diff(walk.at_s) >= 0).all()
    assert walk.at_s[-1] >= 1800
    step_m = np.hypot(*np.diff(walk.xy, axis=0).T)
    assert (step_m <= 1.3 * 1.16 * np.diff(walk.at_s) + 1e-6).all()
    lines = shapely.union_all(
        [shapely.LineString(roads.walk_of(2 * k)[0]) for k in range(len(roads.edge_nodes))]
    )
    places = shapely.points(walk.at(np.arange(0, 1800, 7.0)))
    assert shapely.distance(places, lines).max() < 0.5


def test_a_device_reports_noise_gaps_and_its_own_clock() -> None:
    rng = np.random.default_rng(1)
    walk = walk_roads(plan(), seconds=7200, movement=ON_FOOT, rng=rng)
    device = Device(
        interval_s=5, noise_m=8, outages_per_hour=6, outage_s=(300, 600), wild_share=0.02,
        clock_ahead_s=120, offline_share=0.5,
    )  # fmt: skip
    found = report(walk, seconds=7200, device=device, rng=rng)
    error = found.xy - walk.at(found.true_s)
    assert error[~found.is_wild].std() == pytest.approx(8, rel=0.05)
    assert np.hypot(*error[found.is_wild].T).mean() == pytest.approx(2000, rel=0.02)
    assert np.diff(found.true_s).max() > 250
    assert (found.received_s - found.true_s).max() > 250  # came from the buffer
    assert np.allclose(found.fixed_s - found.true_s, 120)
    skew = measure_skew(found.fixed_s, np.full(len(found.fixed_s), np.nan), found.received_s)
    assert skew.skew_s == pytest.approx(-120, abs=1)
    assert skew.is_corrected


def test_noise_that_lasts_is_alike_from_fix_to_fix() -> None:
    rng = np.random.default_rng(2)
    still = Movement(1.0, stop_share=1.0, stop_s=(9000, 9001))
    walk = walk_roads(plan(), seconds=7200, movement=still, rng=rng)
    lasting = Device(interval_s=5, jitter_s=0, noise_lasts_s=60)
    found = report(walk, seconds=7200, device=lasting, rng=rng)
    error = found.xy - walk.at(found.true_s)
    alike = np.corrcoef(error[1:, 0], error[:-1, 0])[0, 1]
    assert alike == pytest.approx(np.exp(-5 / 60), abs=0.04)
    assert error.std() == pytest.approx(8, rel=0.25)


def test_the_same_seed_gives_the_same_bytes() -> None:
    def made(seed: int, interval_s: float = 10.0) -> tuple[bytes, bytes]:
        shift = simulate_shift(
            plan(), units=3, seconds=600, start_ms=0, movement=ON_FOOT,
            device=Device(interval_s=interval_s), seed=seed,
        )  # fmt: skip
        return shift.truth().x.tobytes(), shift.columns().x.tobytes()

    assert made(1) == made(1)
    assert made(1) != made(2)
    assert made(1)[0] == made(1, 60.0)[0]  # the walks don't know of the devices


def test_no_unit_is_refused() -> None:
    with pytest.raises(InvalidInput, match="wanted at least one"):
        simulate_shift(
            plan(), units=0, seconds=1, start_ms=0, movement=ON_FOOT, device=Device(), seed=1
        )
