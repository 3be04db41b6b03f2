"""The way itself: its line, its length, and the words for it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import InvalidInput
from geo.geodesy import geodesic_distance_m
from geo.roads.modes import TravelMode
from layers.travel.path import TravelPath, Turn, path_between
from layers.travel.times import TravelTimes
from tests.geo.roads.streets import TEN_MPS, place, streets

TOWN = """
    A-B>C-F
    |   | |
    D-G-E-H
"""
NAMES = {"AB": "解放路", "BC": "解放路", "CF": "解放路", "CE": "钟楼街"}


def town() -> TravelTimes:
    network = streets(TOWN, names=NAMES)
    return TravelTimes.of(network, TravelMode.CAR, speeds=TEN_MPS)


def way(travel: TravelTimes, a: tuple[float, float], b: tuple[float, float]) -> TravelPath | None:
    return path_between(travel, travel.snap(*place(*a)), travel.snap(*place(*b)))


def test_a_way_is_told_street_by_street_in_both_languages() -> None:
    """From the middle of A-B east to C, right into 钟楼街, and halfway down it."""
    found = way(town(), (0.5, 0), (2, 0.5))
    assert found is not None
    assert found.length_m == pytest.approx(200, rel=1e-3)
    assert found.time_s == pytest.approx(20, abs=0.1)
    assert [step.turn for step in found.steps] == [Turn.START, Turn.RIGHT, Turn.ARRIVE]
    assert [step.zh for step in found.steps] == [
        "沿解放路向东出发，行驶 150 米。",
        "右转进入钟楼街，行驶 50 米。",
        "到达目的地。",
    ]
    assert found.steps[1].en == "Turn right onto 钟楼街, 50 m."
    assert found.xy[0] == pytest.approx(place(0.5, 0), abs=1e-6)
    assert found.xy[-1] == pytest.approx(place(2, 0.5), abs=1e-6)


def test_within_one_street_the_way_may_be_short_or_all_round() -> None:
    travel = town()
    short = way(travel, (0.25, 0), (0.75, 0))
    assert short is not None and short.length_m == pytest.approx(50, rel=1e-3)
    round_about = way(travel, (1.75, 0), (1.25, 0))
    assert round_about is not None and round_about.length_m == pytest.approx(550, rel=1e-3)


def test_the_last_leg_is_walked_and_said() -> None:
    found = way(town(), (0.25, 0), (0.75, -0.3))
    assert found is not None
    assert found.steps[-1].zh == "到达目的地，再步行 30 米。"
    assert found.access_m == pytest.approx(30, rel=1e-2)


def test_where_there_is_no_way_there_is_no_path() -> None:
    travel = town()
    assert way(travel, (0, 0), (90, 90)) is None
    with pytest.raises(InvalidInput, match="one way at a time"):
        path_between(travel, travel.snap([112.5, 112.5], [37.8, 37.8]), travel.snap(112.5, 37.8))


STREET = st.sampled_from([(0, 0, 1, 0), (1, 0, 1, 0), (2, 0, 0, 1), (0, 1, 1, 0), (3, 0, 0, 1)])
SPOT = st.tuples(STREET, st.sampled_from([0.0, 0.1, 0.5, 0.9])).map(
    lambda drawn: (drawn[0][0] + drawn[1] * drawn[0][2], drawn[0][1] + drawn[1] * drawn[0][3])
)


@settings(deadline=None)
@given(SPOT, SPOT)
def test_a_path_is_as_long_as_its_line_and_takes_the_matrix_time(
    a: tuple[float, float], b: tuple[float, float]
) -> None:
    travel = town()
    found = way(travel, a, b)
    start, end = travel.snap(*place(*a)), travel.snap(*place(*b))
    assert found is not None
    assert found.time_s == pytest.approx(float(travel.matrix(start, end)[0, 0]), abs=0.002)
    steps = geodesic_distance_m(
        found.xy[:-1, 0], found.xy[:-1, 1], found.xy[1:, 0], found.xy[1:, 1]
    )
    assert np.sum(steps) == pytest.approx(found.length_m, abs=0.1)
    assert sum(step.length_m for step in found.steps) == pytest.approx(found.length_m)
    assert found.length_m / 10 == pytest.approx(found.time_s, abs=0.1)
