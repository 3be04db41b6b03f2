"""GCJ-02 and BD-09 against the published vectors, and their laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.china_offsets import (
    bd09_to_gcj02,
    bd09_to_wgs84,
    gcj02_to_bd09,
    gcj02_to_wgs84,
    wgs84_to_bd09,
    wgs84_to_gcj02,
)
from geo.geodesy import geodesic_distance_m, geodesic_inverse

china_lon = st.floats(73, 137)
china_lat = st.floats(1, 55)


def test_published_vectors_come_out_exactly():
    assert wgs84_to_gcj02(116.397428, 39.90923) == (116.40367162595768, 39.91063350638631)
    assert wgs84_to_gcj02(112.549, 37.870) == (112.55529900747602, 37.8705250477275)
    assert wgs84_to_bd09(112.549, 37.870) == (112.56167889419275, 37.87684919639553)
    assert wgs84_to_bd09(116.403988, 39.914266) == (116.41661560068297, 39.92196580126834)
    assert np.round(gcj02_to_wgs84(123.0, 45.0), 6).tolist() == [122.993956, 44.998041]


@pytest.mark.parametrize(
    ("city", "lon", "lat", "shift_m"),
    [
        ("Taiyuan", 112.549, 37.870, 556),
        ("Beijing", 116.397428, 39.90923, 555),
        ("Shanghai", 121.4737, 31.2304, 481),
        ("Guangzhou", 113.2644, 23.1291, 621),
    ],
)
def test_shift_of_known_cities(city, lon, lat, shift_m):
    distance, bearing = geodesic_inverse(lon, lat, *wgs84_to_gcj02(lon, lat))
    assert distance == pytest.approx(shift_m, abs=6), city
    assert 0 < bearing < 180, "the shift is always eastward"


@given(china_lon, china_lat)
def test_round_trips_return_within_a_millionth_of_a_metre(lon, lat):
    bound_m = 1e-7 if abs(lon - 105) > 1e-6 else 1e-6  # sqrt|lon - 105| has an infinite slope at 0
    for there, back in (
        (wgs84_to_gcj02, gcj02_to_wgs84),
        (gcj02_to_bd09, bd09_to_gcj02),
        (wgs84_to_bd09, bd09_to_wgs84),
    ):
        assert geodesic_distance_m(lon, lat, *back(*there(lon, lat))) < bound_m


@given(china_lon, china_lat)
def test_shifts_lie_in_the_known_ranges(lon, lat):
    gcj = wgs84_to_gcj02(lon, lat)
    assert 10 < geodesic_distance_m(lon, lat, *gcj) < 800
    assert 700 < geodesic_distance_m(*gcj, *gcj02_to_bd09(*gcj)) < 1050


@given(st.lists(st.tuples(st.floats(-180, 180), st.floats(-90, 90)), min_size=1, max_size=20))
def test_a_row_is_answered_for_itself(points):
    lon, lat = np.array(points).T
    for function in (wgs84_to_gcj02, gcj02_to_wgs84, wgs84_to_bd09, bd09_to_wgs84):
        x, y = function(lon, lat)
        for row, point in enumerate(points):
            assert (x[row], y[row]) == function(*point)


@pytest.mark.parametrize("point", [(-87.6, 41.9), (139.7, 35.7), (105.0, 0.5), (72.0, 30.0)])
def test_points_outside_the_rectangle_are_not_shifted(point):
    for function in (wgs84_to_gcj02, gcj02_to_wgs84, gcj02_to_bd09, bd09_to_gcj02):
        assert function(*point) == point


def test_points_of_the_rectangles_very_edge_return():
    lon = np.array([72.004, 137.8347, 105.0, 105.0])
    lat = np.array([30.0, 30.0, 0.8293, 55.8271])
    x, y = gcj02_to_wgs84(*wgs84_to_gcj02(lon, lat))
    assert geodesic_distance_m(lon, lat, x, y).max() < 1e-6  # lon 105: see above


def test_missing_and_infinite_numbers_pass_through_without_warnings():
    lon, lat = np.array([np.nan, np.inf, 116.4]), np.array([39.9, 39.9, -np.inf])
    for function in (wgs84_to_gcj02, gcj02_to_wgs84, wgs84_to_bd09, bd09_to_wgs84):
        x, y = function(lon, lat)
        assert np.isnan(x[0]) and np.isinf(x[1]) and np.isinf(y[2])


def test_arrays_given_stay_as_they_are():
    lon, lat = np.array([116.4]), np.array([39.9])
    wgs84_to_gcj02(lon, lat)
    assert (lon[0], lat[0]) == (116.4, 39.9)
