"""Travel times between places beside the road."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import InvalidInput
from geo.roads.modes import TravelMode
from geo.roads.network import Closure
from geo.values import Period
from layers.travel.times import TravelTimes
from tests.geo.roads.streets import TEN_MPS, place, streets

CAR = TravelMode.CAR
NOW = datetime(2026, 5, 1, 8, tzinfo=UTC)
ROUND = """
    A-B>C
    |   |
    D---E
"""
BLOCK = """
    A-B>C-F
    |   | |
    D-G-E-H
"""


def times(drawing: str = BLOCK) -> TravelTimes:
    return TravelTimes.of(streets(drawing), CAR, speeds=TEN_MPS)


def snapped(travel: TravelTimes, *points: tuple[float, float]):  # type: ignore[no-untyped-def]
    lon, lat = zip(*(place(*point) for point in points), strict=True)
    return travel.snap(lon, lat)


def test_times_follow_the_streets_and_their_direction() -> None:
    """Crossings are 100 m or 10 s apart. B to C is one-way: back is C-E-G-D-A-B, 500 m."""
    travel = times()
    corners = snapped(travel, (1, 0), (2, 0))
    matrix = travel.matrix(corners, corners)
    assert matrix == pytest.approx(np.array([[0, 10], [50, 0]]), abs=0.05)
    travel.prepare()
    assert travel.matrix(corners, corners) == pytest.approx(matrix)


def test_two_doors_of_one_street_needn_t_leave_it() -> None:
    """A quarter and three quarters along A-B: 50 m, 5 s; against a one-way, all the way round."""
    travel = times()
    doors = snapped(travel, (0.25, 0), (0.75, 0), (1.25, 0), (1.75, 0))
    for _ in range(2):
        matrix = travel.matrix(doors, doors)
        assert matrix[0, 1] == matrix[1, 0] == pytest.approx(5, abs=0.05)
        assert matrix[2, 3] == pytest.approx(5, abs=0.05)
        # 0.25 to C, then C-E-G-D-A-B, then 0.25 of the street again.
        assert matrix[3, 2] == pytest.approx(2.5 + 50 + 2.5, abs=0.05)
        assert (np.diag(matrix) == 0).all()
        travel.prepare()


def test_the_leg_from_the_road_to_the_door_is_walked() -> None:
    """50 m at 5 km/h are 36 s, at the end only: a car stands on the road."""
    travel = times()
    car, door = snapped(travel, (0, 0.0), (0.5, -0.5))[:1], snapped(travel, (0.5, -0.5))
    assert travel.matrix(car, door)[0, 0] == pytest.approx(5 + 36, abs=0.2)
    assert travel.matrix(door, car)[0, 0] == pytest.approx(5, abs=0.1)


def test_nearest_units_come_in_order_of_their_times() -> None:
    travel = times()
    units = snapped(travel, (3, 1), (0.9, 0), (1, 0), (30, 30), (0, 1))
    found = travel.nearest(snapped(travel, (1.2, 0)), units, wanted=3)
    assert found.units.tolist() == [2, 1, 4]
    assert found.time_s == pytest.approx([2, 3, 22], abs=0.1)
    assert len(travel.nearest(snapped(travel, (30, 30)), units, wanted=3).units) == 0
    nobody = units[:0]
    assert len(travel.nearest(snapped(travel, (1, 0)), nobody, wanted=3).units) == 0
    near = travel.nearest(snapped(travel, (1.2, 0)), units, wanted=5, limit_s=10)
    assert near.units.tolist() == [2, 1]


@settings(deadline=None)
@given(st.data())
def test_nearest_is_the_matrix_sorted(data: st.DataObject) -> None:
    travel = times()
    street = st.sampled_from([(0, 0, 1, 0), (1, 0, 1, 0), (2, 0, 0, 1), (0, 1, 1, 0), (3, 0, 0, 1)])

    def drawn_place() -> tuple[float, float]:
        column, row, right, down = data.draw(street)
        share = data.draw(st.sampled_from([0.1, 0.3, 0.5, 0.9]))
        return column + share * right, row + share * down

    units = snapped(travel, *(drawn_place() for _ in range(data.draw(st.integers(1, 6)))))
    here = snapped(travel, drawn_place())
    wanted = data.draw(st.integers(1, 6))
    found = travel.nearest(here, units, wanted=wanted)
    column = travel.matrix(units, here)[:, 0]
    order = np.lexsort((np.arange(len(column)), column))[:wanted]
    assert found.units.tolist() == order.tolist()
    assert np.array_equal(found.time_s, column[order])


def test_a_limit_leaves_out_what_lies_beyond_and_keeps_what_lies_on_it() -> None:
    travel = times()
    a, others = snapped(travel, (0, 0)), snapped(travel, (1, 0), (2, 0))
    exact = float(travel.matrix(a, others)[0, 0])
    for _ in range(2):
        assert np.isfinite(travel.matrix(a, others, limit_s=exact)).tolist() == [[True, False]]
        travel.prepare()
    with pytest.raises(InvalidInput, match="limit_s"):
        travel.matrix(a, others, limit_s=-1)
    with pytest.raises(InvalidInput, match="limit_s"):
        travel.matrix(a, others, limit_s=float("nan"))


def test_a_closed_street_is_driven_round() -> None:
    network = streets(BLOCK)
    open_travel = TravelTimes.of(network, CAR, speeds=TEN_MPS)
    a, b = snapped(open_travel, (0, 0)), snapped(open_travel, (1, 0))
    line = snapped(open_travel, (0.5, 0)).line[0]
    closure = Closure(
        Period(NOW, NOW + timedelta(hours=1)),
        source_ids=frozenset({int(network.line_source_id[line])}),
    )
    closed = TravelTimes.of(
        network, CAR, speeds=TEN_MPS, closures=[closure], at=NOW, snapper=open_travel.snapper
    )
    assert open_travel.matrix(a, b)[0, 0] == pytest.approx(10, abs=0.05)
    assert np.isinf(closed.matrix(a, b)[0, 0])  # B is entered from A only
    assert closed.matrix(b, a)[0, 0] == pytest.approx(10 + 10 + 30, abs=0.1)
    # A place in the closed street belongs to the next that is open, here at A: 40 m on foot.
    inside = snapped(closed, (0.4, 0))
    assert inside.line[0] not in {-1, line}
    assert inside.access_m[0] == pytest.approx(40, abs=0.5)
    assert np.isfinite(closed.matrix(inside, a)[0, 0])
    assert np.isfinite(closed.matrix(b, inside)[0, 0])
    with pytest.raises(InvalidInput, match="no time"):
        TravelTimes.of(network, CAR, closures=[closure])
    with pytest.raises(InvalidInput, match="snapper"):
        TravelTimes.of(network, TravelMode.FOOT, snapper=open_travel.snapper)


def test_reach_goes_from_a_place_and_towards_it() -> None:
    """Within 10 s of C: E and F. C itself is reached within 10 s from B, E and F."""
    travel = times()
    c = snapped(travel, (2, 0))
    assert len(travel.reached(c, limit_s=10.05).nodes) == 3
    assert len(travel.reached(c, limit_s=10.05, towards=True).nodes) == 4
