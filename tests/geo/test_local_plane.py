"""The plane in metres: lengths right, straight stays straight, there and back."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import InvalidInput
from geo.geodesy import geodesic_area_m2, geodesic_distance_m
from geo.local_plane import LocalPlane
from tests.drawing import draw


def test_lengths_and_areas_fit_the_spheroid() -> None:
    square = draw("A")["A"]
    plane = LocalPlane.around([square])
    metres = plane.to_metres(square)
    west, south, east, north = square.bounds
    width = geodesic_distance_m(west, (south + north) / 2, east, (south + north) / 2)
    assert shapely.bounds(metres)[2] * 2 == pytest.approx(width, rel=1e-6)
    assert metres.area == pytest.approx(geodesic_area_m2([square])[0], rel=1e-5)


@given(st.floats(0, 1), st.floats(-80, 80), st.floats(-179, 179))
def test_a_corner_on_an_edge_stays_on_it(share: float, lat: float, lon: float) -> None:
    start, end = np.array([lon, lat]), np.array([lon + 0.01, lat + 0.004])
    edge = shapely.linestrings([start, end])
    corner = shapely.points(start + share * (end - start))
    plane = LocalPlane.around([edge])
    edge_m, corner_m = plane.to_metres(edge), plane.to_metres(corner)
    assert shapely.distance(edge_m, corner_m) < 1e-6
    back = plane.to_degrees(edge_m)
    assert np.abs(shapely.get_coordinates(back) - shapely.get_coordinates(edge)).max() < 1e-12


def test_nothing_has_no_middle() -> None:
    with pytest.raises(InvalidInput, match="no geometry"):
        LocalPlane.around([None, shapely.Polygon()])
