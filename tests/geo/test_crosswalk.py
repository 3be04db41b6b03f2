"""The crosswalk of polygons and H3 cells: shares that add up, whatever the polygon."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.crosswalk import CROSSWALK_RESOLUTIONS, grids_to_h3_shares
from geo.geodesy import geodesic_area_m2
from geo.h3_cells import h3_cell_polygons, lonlat_to_h3_cell, polygon_to_h3_cells
from tests.drawing import NORTH, WEST, draw, square


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 100_000), st.integers(3, 12), st.sampled_from(CROSSWALK_RESOLUTIONS))
def test_the_shares_of_each_grid_add_up_to_one(seed: int, corners: int, resolution: int) -> None:
    random = np.random.default_rng(seed)
    points = np.column_stack(
        [WEST + random.random(corners) * 0.02, NORTH - random.random(corners) * 0.02]
    )
    polygon = shapely.convex_hull(shapely.multipoints(points))
    if polygon.geom_type != "Polygon" or polygon.area < 1e-10:
        return
    shares = grids_to_h3_shares([polygon], resolution)
    assert shares["share_of_grid"].sum() == pytest.approx(1, abs=1e-9)
    assert (shares["share_of_h3_cell"] <= 1 + 1e-9).all()
    assert shares["h3_cell"].is_unique


def test_shares_of_cells_come_from_areas() -> None:
    """A grid that is one cell; and one that is its southern half."""
    cell = int(lonlat_to_h3_cell(WEST, NORTH, 9))
    outline = h3_cell_polygons([cell])[0]
    whole = grids_to_h3_shares([outline], 9).set_index("h3_cell").loc[cell]
    assert whole["share_of_grid"] == pytest.approx(1, abs=1e-6)
    assert whole["share_of_h3_cell"] == pytest.approx(1, abs=1e-6)
    west, south, east, north = outline.bounds
    half = outline.intersection(shapely.box(west, south, east, (south + north) / 2))
    row = grids_to_h3_shares([half], 9).set_index("h3_cell").loc[cell]
    wanted = geodesic_area_m2([half])[0] / geodesic_area_m2([outline])[0]
    assert row["share_of_h3_cell"] == pytest.approx(wanted, abs=1e-4)


def test_grids_that_cover_a_cell_share_it_out() -> None:
    drawing = draw("\n".join("ABCDEFGHIJKL" for _ in range(12)))
    shares = grids_to_h3_shares(list(drawing.values()), 10)
    middle = int(lonlat_to_h3_cell(*square(6, 6).centroid.coords[0], 10))
    mine = shares[shares["h3_cell"] == middle]
    assert mine["share_of_h3_cell"].sum() == pytest.approx(1, abs=1e-9)
    assert list(shares["position"].unique()) == list(range(12))
    assert grids_to_h3_shares([], 10).empty


def test_many_at_once_answer_as_one_by_one() -> None:
    polygons = list(draw("AAB\nACB\nDDE.F").values())
    many = grids_to_h3_shares(polygons, 10)
    for position, polygon in enumerate(polygons):
        one = polygon_to_h3_cells(polygon, 10)
        mine = many[many["position"] == position]
        assert list(mine["h3_cell"]) == list(one["h3_cell"])
        assert list(mine["share_of_grid"]) == pytest.approx(list(one["share_of_area"]))
        assert list(mine["share_of_h3_cell"]) == pytest.approx(list(one["share_of_h3_cell"]))
