"""Lengths, areas and local projections."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import InvalidCoordinate, InvalidInput
from geo.geodesy import (
    bearing_to_compass,
    geodesic_area_m2,
    geodesic_distance_m,
    geodesic_inverse,
    geodesic_length_m,
    local_metric_crs,
    to_local_metres,
)


def test_one_degree_of_the_equator():
    # 2 * pi * 6378137 m / 360 = 111,319.49 m
    assert geodesic_distance_m(0.5, 0.0, 1.5, 0.0) == pytest.approx(111_319.49, abs=0.01)


def test_bearing_counts_clockwise_from_north():
    _, bearing = geodesic_inverse(np.zeros(4), np.zeros(4), np.array([0, 1, 0, -1.0]),
                                  np.array([1, 0, -1.0, 0]))  # fmt: skip
    assert bearing.tolist() == [0, 90, 180, 270]
    assert [bearing_to_compass(angle) for angle in (0, 44, 90, 359)] == ["N", "NE", "E", "N"]


def test_missing_points_give_missing_distances():
    distance = geodesic_distance_m(np.array([np.nan, 1.0]), np.zeros(2), np.ones(2), np.zeros(2))
    assert np.isnan(distance[0]) and distance[1] == 0


def test_area_takes_holes_off_whatever_way_the_rings_turn():
    shell = [(112.0, 37.0), (112.02, 37.0), (112.02, 37.02), (112.0, 37.02)]
    hole = [(112.005, 37.005), (112.01, 37.005), (112.01, 37.01), (112.005, 37.01)]
    full, cut, turned = geodesic_area_m2(
        [
            shapely.Polygon(shell),
            shapely.Polygon(shell, [hole]),
            shapely.Polygon(shell[::-1], [hole]),
        ]
    )
    # 0.02 degrees at 37 N: 88.99 km * 0.02 by 110.98 km * 0.02 = 1,779.7 m x 2,219.7 m
    assert full == pytest.approx(1779.7 * 2219.7, rel=1e-3)
    assert cut == pytest.approx(full * 15 / 16, rel=1e-4)
    assert turned == cut


def test_area_and_length_of_many_kinds():
    square = shapely.box(112, 37, 112.01, 37.01)
    pair = shapely.MultiPolygon([square, shapely.box(113, 37, 113.01, 37.01)])
    line = shapely.LineString([(0, 0), (1, 0), (1, 0.0)])
    kinds = [square, pair, line, shapely.Point(1, 1), shapely.Polygon(), None]
    areas = geodesic_area_m2(kinds)
    assert areas[1] == pytest.approx(2 * areas[0], rel=1e-9)
    assert areas[2:5].tolist() == [0, 0, 0] and np.isnan(areas[5])
    lengths = geodesic_length_m(kinds)
    assert lengths[2] == pytest.approx(111_319.49, abs=0.01)
    assert lengths[1] == pytest.approx(2 * lengths[0], rel=1e-9)
    assert lengths[3:5].tolist() == [0, 0] and np.isnan(lengths[5])
    assert len(geodesic_area_m2([])) == 0 and len(geodesic_length_m([])) == 0


@pytest.mark.parametrize(
    ("lon", "lat", "epsg"),
    [
        (112.549, 37.87, 4547),  # Taiyuan: just east of 112.5, the line between 111 E and 114 E
        (121.4737, 31.2304, 4549),  # Shanghai, 120 E
        (73.6, 39.0, 4534),
        (135.0, 48.0, 4554),
        (-87.63, 41.88, 32616),  # Chicago
        (151.2, -33.9, 32756),  # Sydney
        (180.0, 10.0, 32660),
        (10.0, 85.0, 5041),
        (10.0, -85.0, 5042),
    ],
)
def test_the_local_projection_is_the_nearest_zone(lon, lat, epsg):
    assert local_metric_crs(lon, lat).to_epsg() == epsg


def test_no_place_no_projection():
    with pytest.raises(InvalidCoordinate):
        local_metric_crs(float("nan"), 30)
    with pytest.raises(InvalidInput, match="Name the projection"):
        to_local_metres([shapely.Polygon()])


@given(st.floats(-179, 179), st.floats(-79, 83))
def test_local_metres_keep_lengths(lon, lat):
    line = shapely.LineString([(lon, lat), (lon + 0.005, lat + 0.005)])
    moved, crs = to_local_metres([line])
    assert crs.axis_info[0].unit_name == "metre"
    assert shapely.length(moved[0]) == pytest.approx(geodesic_length_m([line])[0], rel=1.1e-3)


@given(st.floats(73.6, 136), st.floats(4, 53))
def test_local_metres_in_china_keep_areas(lon, lat):
    box = shapely.box(lon, lat, lon + 0.004, lat + 0.004)
    moved, _ = to_local_metres([box])
    assert shapely.area(moved[0]) == pytest.approx(geodesic_area_m2([box])[0], rel=8e-4)
