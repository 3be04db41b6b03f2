"""Rings of response, by road: drawn towns whose times are worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from geo.errors import InvalidInput
from geo.geodesy import geodesic_area_m2
from geo.roads.modes import TravelMode
from layers.response.reach import UNKNOWN, lost_if_leaves, nearest_of, reach_of, reach_polygon
from layers.response.reach_board import NOBODY, ReachBoard
from layers.travel.times import TravelTimes
from tests.geo.roads.streets import TEN_MPS, place, streets

CAR = TravelMode.CAR
LINE = "A-B-C-D-E-F"


def line_travel() -> TravelTimes:
    """A street of 500 m, 10 s each 100 m."""
    return TravelTimes.of(streets(LINE), CAR, speeds=TEN_MPS)


def at(travel: TravelTimes, *columns: float):  # type: ignore[no-untyped-def]
    lon, lat = zip(*(place(column, 0) for column in columns), strict=True)
    return travel.snap(lon, lat)


def test_rings_follow_the_clock_and_no_road_is_unknown() -> None:
    """A post at A and one at F, 500 m apart; rings of 5 and 15 s; the last cell lies in a lake."""
    travel = line_travel()
    cells = travel.snap(*zip(*[place(c, 0) for c in (0.2, 1.2, 2.5, 4.0, 90)], strict=True))
    reach = reach_of(travel, at(travel, 0, 5), cells, rings_s=(5, 15))
    assert reach.ring.tolist() == [0, 1, 2, 1, UNKNOWN]
    assert reach.source.tolist() == [0, 0, 0, 1, -1]
    assert reach.time_s[:4] == pytest.approx([2, 12, 25, 10], abs=0.1)
    assert np.isnan(reach.time_s[4])
    table = reach.totals({"residents": np.array([10.0, 20, 30, 40, 100])})
    assert table["cell_count"].tolist() == [1, 2, 1, 1]
    assert table["residents"].tolist() == [10, 60, 30, 100]
    assert table["residents_share"].sum() == pytest.approx(1)
    with pytest.raises(InvalidInput, match="wanted one a cell"):
        reach.totals({"residents": np.ones(2)})


def test_a_post_that_is_not_ready_holds_no_ring() -> None:
    travel = line_travel()
    cells = at(travel, 0.2, 4.8)
    reach = reach_of(travel, at(travel, 0, 5), cells, rings_s=(5,), ready=np.array([False, True]))
    assert reach.ring.tolist() == [1, 0]
    assert reach.source.tolist() == [1, 1]
    assert reach.left_out == 1
    nobody = reach_of(travel, at(travel, 0, 5)[:0], cells, rings_s=(5,))
    assert nobody.ring.tolist() == [1, 1] and nobody.source.tolist() == [-1, -1]


@pytest.mark.parametrize("rings", [(), (0, 60), (60, 60), (180, 60)])
def test_rings_that_do_not_ascend_are_refused(rings: tuple[float, ...]) -> None:
    travel = line_travel()
    with pytest.raises(InvalidInput, match="rings_s"):
        reach_of(travel, at(travel, 0), at(travel, 1), rings_s=rings)


def test_the_area_is_the_road_reached_widened() -> None:
    """From the middle, 10 s each way: 200 m of street, 20 m to each side, and round ends."""
    travel = line_travel()
    area = reach_polygon(travel, at(travel, 2.5), limit_s=10, swath_m=20)
    assert geodesic_area_m2([area])[0] == pytest.approx(200 * 40 + np.pi * 400, rel=0.02)
    assert shapely.covers(area, shapely.Point(place(1.52, 0)))
    assert not shapely.intersects(area, shapely.Point(place(1.2, 0)))
    assert reach_polygon(travel, travel.snap(*place(90, 0)), limit_s=10).is_empty
    with pytest.raises(InvalidInput, match="swath_m"):
        reach_polygon(travel, at(travel, 0), limit_s=10, swath_m=0)


def test_a_one_way_is_reached_in_its_direction_only() -> None:
    travel = TravelTimes.of(
        streets("A>B-C\n|   |\nD---E".replace("D---E", "D-F-E")), CAR, speeds=TEN_MPS
    )
    area = reach_polygon(travel, travel.snap(*place(0.5, 0)), limit_s=4, swath_m=5)
    assert shapely.covers(area, shapely.Point(place(0.85, 0)))
    assert not shapely.intersects(area, shapely.Point(place(0.3, 0)))


@settings(deadline=None)
@given(st.floats(0, 60), st.floats(0, 60))
def test_more_time_never_reaches_less(one: float, other: float) -> None:
    travel = line_travel()
    less, more = sorted((one, other))
    smaller = reach_polygon(travel, at(travel, 1.3), limit_s=less, swath_m=10)
    larger = reach_polygon(travel, at(travel, 1.3), limit_s=more, swath_m=10)
    assert smaller.difference(larger.buffer(1e-7)).is_empty


def test_what_only_one_unit_reaches_is_lost_with_it() -> None:
    """Cells 0 and 1 are the first unit's alone, 2 both reach; the second has a longer limit."""
    times = np.array([[10, 20, 30, 90], [90, 90, 40, 110]], np.float32)
    weight = np.array([1.0, 2.0, 4.0, 8.0])
    assert lost_if_leaves(times, weight, 60).tolist() == [3, 0]
    assert lost_if_leaves(times, weight, np.array([60.0, 120.0])).tolist() == [0, 8]


TIMES = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=6),
    elements=st.sampled_from([0.0, 10.0, 20.0, 30.0, np.inf]),
)


@settings(deadline=None)
@given(TIMES, st.data())
def test_a_board_kept_up_equals_one_made_anew(times: np.ndarray, data: st.DataObject) -> None:
    board = ReachBoard(times)
    for _ in range(data.draw(st.integers(0, 6))):
        unit = data.draw(st.integers(0, len(times) - 1))
        before = (board.nearest_s.copy(), board.nearest_unit.copy())
        if data.draw(st.booleans()):
            row = data.draw(
                hnp.arrays(
                    np.float32,
                    times.shape[1],
                    elements=st.sampled_from([0.0, 10.0, 20.0, 30.0, np.inf]),
                )
            )
            changed = board.change_unit(unit, row)
        else:
            changed = board.take_unit(unit)
        least, nearest = nearest_of(board.times_s)
        assert np.array_equal(board.nearest_s, least)
        assert np.array_equal(board.nearest_unit, nearest)
        differs = (before[0] != board.nearest_s) | (before[1] != board.nearest_unit)
        assert changed.tolist() == np.flatnonzero(differs).tolist()
        gone = np.delete(board.times_s, unit, axis=0)
        assert np.array_equal(board.without(unit), nearest_of(gone)[0])


def test_a_board_refuses_what_is_no_time() -> None:
    board = ReachBoard(np.ones((2, 3)))
    assert (ReachBoard(np.full((2, 3), np.inf)).nearest_unit == NOBODY).all()
    for wrong in (np.ones(3), -np.ones((2, 3)), np.full((2, 3), np.nan)):
        with pytest.raises(InvalidInput):
            ReachBoard(wrong)
    for call in (
        lambda: board.change_unit(2, np.ones(3)),
        lambda: board.change_unit(0, np.ones(2)),
        lambda: board.change_unit(0, np.full(3, np.nan)),
        lambda: board.without(-1),
    ):
        with pytest.raises(InvalidInput):
            call()
