"""H3 cells against the library, and the overlap of cells with areas."""

import h3.api.basic_int as h3
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from geo.errors import InvalidCoordinate, InvalidH3Cell, InvalidInput
from geo.geodesy import geodesic_area_m2
from geo.h3_cells import (
    NO_CELL,
    STORED_RESOLUTION,
    h3_cell_area_m2,
    h3_cell_centres,
    h3_cell_parent,
    h3_cell_polygons,
    h3_cell_resolution,
    h3_cell_to_text,
    lonlat_to_h3_cell,
    parse_h3_cell,
    polygon_to_h3_cells,
)

lons = st.floats(-180, 180)
lats = st.floats(-90, 90)
resolutions = st.integers(0, 15)


@pytest.fixture(scope="module")
def random_cells():
    random = np.random.default_rng(2)
    lon = random.uniform(-180, 180, 5000)
    lat = np.degrees(np.arcsin(random.uniform(-1, 1, 5000)))
    return lonlat_to_h3_cell(lon, lat, 15)


@given(lons, lats, resolutions)
def test_a_point_lies_in_the_librarys_cell(lon, lat, resolution):
    assert lonlat_to_h3_cell(lon, lat, resolution) == h3.latlng_to_cell(lat, lon, resolution)


def test_many_points_lie_in_the_librarys_cells():
    random = np.random.default_rng(1)
    lon, lat = random.uniform(73, 135, 20_000), random.uniform(18, 54, 20_000)
    cells = lonlat_to_h3_cell(lon, lat)
    expected = [h3.latlng_to_cell(y, x, STORED_RESOLUTION) for x, y in zip(lon, lat, strict=True)]
    assert cells.dtype == np.int64 and cells.tolist() == expected


def test_an_unknown_point_has_no_cell():
    assert lonlat_to_h3_cell([np.nan, 112.5], [37.8, 37.8])[0] == NO_CELL
    assert lonlat_to_h3_cell(112.5, float("nan")) == NO_CELL
    assert lonlat_to_h3_cell([], []).shape == (0,)


@pytest.mark.parametrize("point", [(200.0, 1.0), (39.9, 116.4), (np.inf, 1.0)])
def test_a_point_out_of_range_is_named(point):
    with pytest.raises(InvalidCoordinate, match="row 1") as error:
        lonlat_to_h3_cell([112.5, point[0]], [37.8, point[1]])
    assert error.value.rows == [1]


def test_a_resolution_out_of_range_is_refused():
    for resolution in (-1, 16):
        with pytest.raises(InvalidH3Cell, match="wanted 0 to 15"):
            lonlat_to_h3_cell(112.5, 37.8, resolution)


def test_parents_are_the_librarys(random_cells):
    for resolution in range(16):
        parents = h3_cell_parent(random_cells, resolution)
        assert (h3_cell_resolution(parents) == resolution).all()
        assert parents.tolist() == [h3.cell_to_parent(c, resolution) for c in random_cells.tolist()]


def test_a_parent_is_not_finer_than_its_child():
    cell = lonlat_to_h3_cell(112.5, 37.8, 9)
    assert h3_cell_parent(cell, 9) == cell
    assert h3_cell_parent([NO_CELL, cell], 8)[0] == NO_CELL
    with pytest.raises(InvalidH3Cell, match="no parent of resolution 10"):
        h3_cell_parent(cell, 10)


def test_the_sql_twin_agrees(session, random_cells):
    mixed = np.concatenate([random_cells[:500], h3_cell_parent(random_cells[500:1000], 7)])
    for resolution in (-1, 0, 5, 7, 8, 12, 15, 16):
        rows = session.execute(
            text(
                "SELECT h3_cell_parent(cell, :resolution) "
                "FROM unnest(CAST(:cells AS bigint[])) WITH ORDINALITY AS t (cell, n) ORDER BY n"
            ),
            {"cells": mixed.tolist(), "resolution": resolution},
        ).scalars()
        expected = [
            h3_cell_parent(cell, resolution)
            if 0 <= resolution <= h3_cell_resolution(cell)
            else None
            for cell in mixed.tolist()
        ]
        assert list(rows) == expected


def test_the_sql_twin_can_be_indexed(session):
    session.execute(text("CREATE TEMP TABLE seen (h3_cell bigint)"))
    session.execute(text("CREATE INDEX ON seen (h3_cell_parent(h3_cell, 9))"))


@given(lons, lats, st.integers(2, 15))
def test_a_cell_holds_its_centre_and_the_point_it_came_from(lon, lat, resolution):
    cell = lonlat_to_h3_cell(lon, lat, resolution)
    (outline,) = h3_cell_polygons(cell)
    (x,), (y,) = h3_cell_centres(cell)
    assert lonlat_to_h3_cell(x, y, resolution) == cell
    if abs(lat) < 80:  # around the poles an outline in degrees is no picture of the cell
        assert shapely.is_valid(outline)
        near = shapely.buffer(outline, 1e-9 + np.sqrt(shapely.area(outline)) / 100)
        assert shapely.intersects_xy(near, lon, lat) or shapely.intersects_xy(near, lon + 360, lat)


def test_areas_are_those_of_the_outline_on_the_spheroid():
    lon, lat = np.meshgrid(np.arange(-170, 170, 20.0), np.arange(-70, 71, 10.0))
    for resolution in (5, 9, 12):
        cells = lonlat_to_h3_cell(lon.ravel(), lat.ravel(), resolution)
        areas = h3_cell_area_m2(cells)
        assert areas == pytest.approx(geodesic_area_m2(h3_cell_polygons(cells)), rel=2e-6)


@pytest.mark.parametrize(
    ("city", "lon", "lat", "area_m2"),
    [
        ("Taiyuan", 112.549, 37.87, 79_521),
        ("Harbin", 126.63, 45.75, 81_832),
        ("Guangzhou", 113.26, 23.13, 103_335),
        ("Urumqi", 87.6, 43.8, 119_473),
    ],
)
def test_real_areas_differ_from_city_to_city(city, lon, lat, area_m2):
    # The figures are the library's, on a sphere: up to 0.3 % from the spheroid here.
    assert h3_cell_area_m2(lonlat_to_h3_cell(lon, lat, 9))[0] == pytest.approx(area_m2, rel=3e-3)


def test_no_cell_no_outline():
    for cells in ([0], [12345], [-1]):
        with pytest.raises(InvalidH3Cell, match="no H3 cells"):
            h3_cell_polygons(cells)
    assert len(h3_cell_polygons([])) == 0 and len(h3_cell_area_m2([])) == 0


def test_a_cell_over_the_antimeridian_stays_whole():
    (outline,) = h3_cell_polygons(lonlat_to_h3_cell(180.0, 10.0, 4))
    west, _, east, _ = outline.bounds
    assert west < 180 < east and east - west < 2


def test_a_small_area_gets_the_cells_it_overlaps():
    # A box of about 11 m x 9 m: no cell of resolution 10 has its centre in it.
    tiny = shapely.box(112.55, 37.87, 112.5501, 37.8701)
    shares = polygon_to_h3_cells(tiny, 10)
    assert len(shares) >= 1 and shares.share_of_area.sum() == pytest.approx(1)
    real = geodesic_area_m2([tiny])[0]
    parts = shares.share_of_h3_cell * h3_cell_area_m2(shares.h3_cell.to_numpy())
    assert parts.sum() == pytest.approx(real, rel=1e-4)


@given(st.floats(75, 130), st.floats(-60, 60), st.floats(0.001, 0.02), st.integers(7, 10))
def test_shares_add_up(lon, lat, size, resolution):
    hole = shapely.box(lon + size / 4, lat + size / 4, lon + size / 2, lat + size / 2)
    area = shapely.MultiPolygon(
        [
            shapely.box(lon, lat, lon + size, lat + size) - hole,
            shapely.box(lon + 2 * size, lat, lon + 3 * size, lat + size),
        ]
    )
    shares = polygon_to_h3_cells(area, resolution)
    assert shares.share_of_area.sum() == pytest.approx(1)
    assert shares.share_of_h3_cell.between(0, 1, inclusive="right").all()
    assert shares.h3_cell.is_monotonic_increasing and shares.h3_cell.is_unique
    parts = shares.share_of_h3_cell * h3_cell_area_m2(shares.h3_cell.to_numpy())
    assert parts.sum() == pytest.approx(geodesic_area_m2([area])[0], rel=1e-4)


def test_neighbours_share_a_cell_once():
    left, right = shapely.box(112.5, 37.8, 112.51, 37.81), shapely.box(112.51, 37.8, 112.52, 37.81)
    both = polygon_to_h3_cells(left | right, 10).set_index("h3_cell").share_of_h3_cell
    each = [
        polygon_to_h3_cells(half, 10).set_index("h3_cell").share_of_h3_cell
        for half in (left, right)
    ]
    assert each[0].add(each[1], fill_value=0).to_numpy() == pytest.approx(both.to_numpy(), abs=1e-9)


def test_a_border_of_many_vertices_is_cut_in_time():
    turn = np.linspace(0, 2 * np.pi, 100_000, endpoint=False)
    radius = 0.02 * (1 + 0.2 * np.sin(40 * turn))
    star = shapely.Polygon(
        np.column_stack([112.5 + radius * np.cos(turn), 37.8 + radius * np.sin(turn)])
    )
    assert polygon_to_h3_cells(star, 9).share_of_area.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("area", "said"),
    [
        (shapely.Point(1, 1), "got Point"),
        (shapely.Polygon(), "polygon with an area"),
        (None, "got NoneType"),
        (shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)]), "is broken: Self-intersection"),
        (shapely.box(500_000, 3e6, 500_100, 3e6 + 100), "wanted\n?.*degrees"),
        (shapely.box(100, 20, 110, 30), "needs about"),
    ],
)
def test_areas_that_cannot_be_cut(area, said):
    with pytest.raises(InvalidInput, match=said):
        polygon_to_h3_cells(area, 10)


def test_cells_are_read_from_text_in_both_forms():
    cell = lonlat_to_h3_cell(112.549, 37.87)
    assert h3_cell_to_text(cell) == "8c319085ca2a5ff"
    assert parse_h3_cell(" 8C319085CA2A5FF ") == parse_h3_cell(str(cell)) == cell
    assert parse_h3_cell("08c319085ca2a5ff") == cell


@pytest.mark.parametrize(
    "given_text",
    ["", "8c31", "8c319085ca2a5f0", "x" * 15, "9" * 19, "-1", "8f" * 400, "８c319085ca2a5ff"],
)
def test_other_texts_are_no_cell(given_text):
    with pytest.raises(InvalidH3Cell, match="is no H3 cell"):
        parse_h3_cell(given_text)
