"""Where places meet the road."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import InvalidCoordinate, InvalidInput
from geo.roads.modes import TravelMode
from geo.roads.snapping import RoadSnapper
from tests.geo.roads.streets import LAT_DEG, LON_DEG, place, streets

CAR = TravelMode.CAR
CROSS = """
    A-B-C
      |
      D-E
"""


def test_a_place_meets_the_nearest_street_at_its_foot() -> None:
    """30 m north of a third of the way from A to B."""
    network = streets(CROSS)
    found = RoadSnapper(network, CAR).snap(*place(1 / 3, -0.3))
    assert found.access_m[0] == pytest.approx(30, rel=1e-3)
    assert (found.lon[0], found.lat[0]) == pytest.approx(place(1 / 3, 0), abs=1e-7)
    ends = network.points[network.line_first_point[found.line[0]] :][:2]
    from_west = found.share[0] if ends[0, 0] < ends[1, 0] else 1 - found.share[0]
    assert from_west == pytest.approx(1 / 3, rel=1e-3)


def test_a_place_in_a_lake_is_on_no_road() -> None:
    found = RoadSnapper(streets(CROSS), CAR).snap(*place(30, 30))
    assert not found.is_on_road[0]
    assert np.isnan(found.access_m[0]) and np.isnan(found.lon[0])


def test_islands_and_other_modes_roads_are_passed_over() -> None:
    """F-G is an island: a place beside it belongs to the street behind, unless islands count."""
    network = streets(CROSS + "    F-G\n", classes={"DE": "footway"})
    near_island = place(0.5, 1.5)
    off = RoadSnapper(network, CAR).snap(*near_island).access_m[0]
    on = RoadSnapper(network, CAR, islands=True).snap(*near_island).access_m[0]
    assert off > 50
    assert on == pytest.approx(0, abs=0.01)


def test_places_without_coordinates_are_named() -> None:
    snapper = RoadSnapper(streets(CROSS), CAR)
    with pytest.raises(InvalidCoordinate, match="row 1") as caught:
        snapper.snap([112.5, np.nan], [37.8, 37.8])
    assert caught.value.rows == [1]
    with pytest.raises(InvalidInput, match="access_max_m"):
        snapper.snap(112.5, 37.8, access_max_m=0)
    assert len(snapper.snap([], [])) == 0


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(-3, 5), st.floats(-3, 5), st.floats(-3, 5), st.floats(-3, 5)),
        min_size=1,
        max_size=12,
    ),
    st.lists(st.tuples(st.floats(-9, 11), st.floats(-9, 11)), min_size=1, max_size=20),
    st.floats(1, 2000),
)
def test_no_other_road_is_nearer(
    lines: list[tuple[float, ...]], points: list[tuple[float, float]], limit_m: float
) -> None:
    """Against shapely's distance to every line, in the same plane."""
    from geo.roads.build import build_road_network
    from tests.geo.roads.test_build import drawn_lines

    drawn = [[(a, b), (c, d)] for a, b, c, d in lines if np.hypot(a - c, b - d) > 0.01]
    if not drawn:
        return
    network = build_road_network(drawn_lines(*drawn))
    found = RoadSnapper(network, CAR, islands=True).snap(
        *zip(*(place(*point) for point in points), strict=True), access_max_m=limit_m
    )
    scale = np.array([100 / LON_DEG, 100 / LAT_DEG])
    roads = shapely.multilinestrings(
        [
            shapely.LineString(network.points[s:e] * scale)
            for s, e in zip(
                network.line_first_point[:-1], network.line_first_point[1:], strict=True
            )
        ]
    )
    for k, point in enumerate(points):
        wanted = shapely.distance(roads, shapely.Point(np.array(place(*point)) * scale))
        if found.is_on_road[k]:
            assert found.access_m[k] == pytest.approx(wanted, rel=5e-3, abs=0.05)
        else:
            assert wanted > limit_m * 0.99
