"""The border rule: tree, raster, brute force and SQL give each point the same grid."""

from datetime import date
from fractions import Fraction

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from bench.tessellation import border_points, crooked_tessellation
from geo import assignment
from geo.assignment import NO_GRID, GridAssigner
from geo.errors import DuplicateCode, InvalidInput
from geo.polygon_raster import PolygonRaster
from tests.drawing import corner, draw
from tests.factories import add_grid, add_grid_version

DAY = date(2026, 1, 1)


def by_brute_force(codes, polygons, x, y):
    """Ask GEOS for every polygon, in the order of the codes' bytes."""
    found = np.full(len(x), NO_GRID)
    for position in sorted(range(len(codes)), key=lambda i: codes[i].encode(), reverse=True):
        found[shapely.intersects_xy(polygons[position], x, y)] = position
    return found


def all_ways(codes, polygons, x, y):
    """Assign by tree and by raster, check them against brute force, return the positions."""
    assigner = GridAssigner(codes, polygons)
    expected = by_brute_force(codes, np.asarray(polygons, dtype=object), x, y)
    assert assigner.assign(x, y).tolist() == expected.tolist()
    assigner._asked = assignment.RASTER_FROM_POINTS
    assert assigner.assign(x, y).tolist() == expected.tolist()
    return expected


def test_a_point_on_a_border_is_in_the_grid_with_the_smallest_code():
    drawn = draw("""
        AB
        CD
    """)
    codes = ["4", "3", "10", "2"]  # by bytes "10" < "2" < "3" < "4"
    polygons = [drawn[name] for name in "ABCD"]
    crossing, between_a_and_b, inside_a, outside = (
        corner(1, 1), corner(1, 0.5), corner(0.5, 0.5), corner(3, 3),
    )  # fmt: skip
    x, y = np.array([crossing, between_a_and_b, inside_a, outside]).T
    assert all_ways(codes, polygons, x, y).tolist() == [2, 1, 0, NO_GRID]
    assert GridAssigner(codes, polygons).assign_codes(x, y).tolist() == ["10", "3", "4", None]


def test_codes_are_ordered_by_their_bytes():
    square = shapely.box(0, 0, 1, 1)
    codes = ["网格", "a", "B", "1", "é"]
    assert GridAssigner(codes, [square] * 5).assign_codes([0.5], [0.5]).tolist() == ["1"]
    assert GridAssigner(codes[:3], [square] * 3).assign_codes([0.5], [0.5]).tolist() == ["B"]
    assert GridAssigner(["网", "é"], [square] * 2).assign_codes([0.5], [0.5]).tolist() == ["é"]


NASTY = {
    "slope": [
        shapely.Polygon([(112, 37), (113, 38), (112, 38)]),
        shapely.Polygon([(112, 37), (113, 37), (113, 38)]),
    ],
    "hole": [
        shapely.box(0, 0, 10, 10) - shapely.Polygon([(3, 3), (7, 4), (5, 8)]),
        shapely.Polygon([(3, 3), (7, 4), (5, 8)]),
    ],
    "parts that touch at a corner": [
        shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(1, 1, 2, 2)]),
        shapely.MultiPolygon([shapely.box(0, 1, 1, 2), shapely.box(1, 0, 2, 1)]),
    ],
    "sliver": [
        shapely.Polygon([(112.5, 37.5), (112.6, 37.6), (112.6, 37.6000000001)]),
        shapely.Polygon([(112.5, 37.5), (112.6, 37.6000000001), (112.5, 37.6)]),
    ],
    "thinner than an ulp": [
        shapely.Polygon([(112, 37), (113, 37.3), (113, np.nextafter(37.3, 38))]),
        shapely.box(112, 36, 113, 37),
    ],
    "overlapping": [
        shapely.box(0, 0, 2, 2),
        shapely.box(1, 1, 3, 3),
        shapely.box(0.5, 0.5, 1.5, 4),
    ],
    "one inside the other": [shapely.box(1, 1, 2, 2), shapely.box(0, 0, 9, 9)],
    "the same twice": [shapely.box(0, 0, 1, 1), shapely.box(0, 0, 1, 1)],
    "far apart": [shapely.box(0, 0, 1e-6, 1e-6), shapely.box(100, 50, 100.1, 50.1)],
    "flat": [shapely.box(0, 0, 10, 1e-9), shapely.box(0, 1e-9, 10, 2e-9)],
    "star": [shapely.Point(112.5, 37.5).buffer(0.01, quad_segs=200)],
}


@pytest.mark.parametrize("name", NASTY)
def test_all_ways_agree_on_nasty_places(name):
    polygons = np.array(NASTY[name], dtype=object)
    random = np.random.default_rng(3)
    west, south, east, north = shapely.total_bounds(polygons)
    margin = (east - west) / 10
    anywhere = random.uniform(
        (west - margin, south - margin), (east + margin, north + margin), (2000, 2)
    )
    x, y = np.concatenate([border_points(polygons), anywhere]).T
    codes = [f"g{position}" for position in range(len(polygons))]
    all_ways(codes, polygons, x, y)
    all_ways(codes[::-1], polygons, x, y)


coordinates = st.floats(-1, 1) | st.sampled_from([0.0, 0.5, 1.0, 1 / 3, 0.1])


@given(
    st.lists(
        st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=8),
        min_size=1,
        max_size=5,
    ),
    st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=20),
)
def test_all_ways_agree_on_random_polygons(shapes, points):
    hulls = shapely.convex_hull([shapely.MultiPoint(shape) for shape in shapes])
    polygons = [hull for hull in hulls if hull.geom_type == "Polygon"]
    x, y = np.array(points).T
    if polygons:
        all_ways([f"g{position}" for position in range(len(polygons))], polygons, x, y)


def test_no_point_of_a_covered_district_is_lost():
    polygons = crooked_tessellation(60)
    codes = np.random.default_rng(4).permutation([f"{n:03}" for n in range(60)])
    x, y = border_points(polygons).T
    inside = (x >= 112) & (x <= 113) & (y >= 37.5) & (y <= 38.5)
    found = all_ways(codes, polygons, x, y)
    assert (found[inside] != NO_GRID).all() and (found[~inside] == NO_GRID).all()


def test_a_border_of_many_vertices():
    turn = np.linspace(0, 2 * np.pi, 100_000, endpoint=False)
    radius = 0.02 * (1 + 0.2 * np.sin(40 * turn))
    star = shapely.Polygon(
        np.column_stack([112 + radius * np.cos(turn), 37 + radius * np.sin(turn)])
    )
    random = np.random.default_rng(5)
    x, y = random.uniform(111.97, 112.03, 20_000), random.uniform(36.97, 37.03, 20_000)
    found = PolygonRaster(np.array([star], dtype=object)).first_at(x, y)
    assert ((found == 0) == shapely.intersects_xy(star, x, y)).all()


def test_a_stray_grid_far_away_makes_the_tree_answer():
    polygons = np.append(crooked_tessellation(200), shapely.box(-100, -50, -99, -49))
    codes = [f"{n:03}" for n in range(len(polygons))]
    assigner = GridAssigner(codes, polygons)
    assigner._asked = assignment.RASTER_FROM_POINTS
    x, y = np.array([[112.5, 38.0], [-99.5, -49.5], [0.0, 0.0]]).T
    assert assigner.assign(x, y).tolist() == by_brute_force(codes, polygons, x, y).tolist()
    assert assigner._is_crowded
    assert PolygonRaster(polygons[:-1]).crowding < 4


def test_the_order_of_points_and_grids_changes_no_answer():
    polygons = crooked_tessellation(30)
    codes = np.array([f"{n:02}" for n in range(30)], dtype=object)
    x, y = border_points(polygons[:5]).T
    first = GridAssigner(codes, polygons).assign_codes(x, y)
    mixed, turned = np.random.default_rng(6).permutation(30), np.arange(len(x))[::-1]
    again = GridAssigner(codes[mixed], polygons[mixed]).assign_codes(x[turned], y[turned])
    assert first.tolist() == again[turned].tolist()


def test_missing_points_and_no_grids():
    x, y = [0.5, np.nan, np.inf, 0.5], [0.5, 0.5, 0.5, -np.inf]
    assert all_ways(["a"], [shapely.box(0, 0, 1, 1)], np.array(x), np.array(y)).tolist() == [
        0, NO_GRID, NO_GRID, NO_GRID,
    ]  # fmt: skip
    assert GridAssigner([], []).assign(x, y).tolist() == [NO_GRID] * 4
    assert GridAssigner(["a"], [shapely.box(0, 0, 1, 1)]).assign([], []).shape == (0,)


@pytest.mark.parametrize(
    ("codes", "polygons", "said"),
    [
        (["a"], [], "1 grid codes and 0 polygons"),
        (["a", "b"], [shapely.box(0, 0, 1, 1), None], "The grid b is None"),
        (["a"], [shapely.Polygon()], "POLYGON EMPTY"),
        (["a"], [shapely.LineString([(0, 0), (1, 1)])], "LINESTRING"),
    ],
)
def test_other_things_are_no_grids(codes, polygons, said):
    with pytest.raises(InvalidInput, match=said):
        GridAssigner(codes, polygons)


def test_a_code_that_stands_twice_is_refused():
    with pytest.raises(DuplicateCode, match="more than once: a") as error:
        GridAssigner(["a", "b", "a"], [shapely.box(0, 0, 1, 1)] * 3)
    assert error.value.codes == ["a"]


def test_columns_of_different_length_are_refused():
    with pytest.raises(InvalidInput, match="two columns of one length"):
        GridAssigner(["a"], [shapely.box(0, 0, 1, 1)]).assign([1.0], [1.0, 2.0])


def store_grids(session, codes, polygons, **columns):
    version = add_grid_version(session)
    return {
        add_grid(session, code, polygon, version=version, **columns).id: code
        for code, polygon in zip(codes, polygons, strict=True)
    }


LOCATE_ALL = text("""
    SELECT locate_grid(ST_SetSRID(ST_Point(x, y), 4326), :day)
    FROM unnest(CAST(:x AS float8[]), CAST(:y AS float8[])) WITH ORDINALITY AS p (x, y, n)
    ORDER BY n
""")


def by_sql(session, x, y, day=DAY):
    return list(session.scalars(LOCATE_ALL, {"x": x.tolist(), "y": y.tolist(), "day": day}))


@pytest.mark.parametrize("name", [*NASTY, "a district"])
def test_the_sql_twin_agrees(session, name):
    polygons = np.array(NASTY.get(name, crooked_tessellation(40)), dtype=object)
    codes = [f"g{position:02}" for position in range(len(polygons))][::-1]
    stored = store_grids(session, codes, polygons)
    random = np.random.default_rng(7)
    west, south, east, north = shapely.total_bounds(polygons)
    anywhere = random.uniform((west, south), (east, north), (500, 2))
    nasty = border_points(polygons)
    x, y = np.concatenate([random.permutation(nasty)[:4000], anywhere]).T
    expected = GridAssigner(codes, polygons).assign_codes(x, y)
    assert [stored.get(grid_id) for grid_id in by_sql(session, x, y)] == expected.tolist()


def test_the_shortcut_of_postgis_would_not_agree(session):
    # Why covers_point exists. In exact arithmetic, with the numbers as they are stored, the point
    # lies below the first side by 1.7e-19 degrees, so outside.
    area = shapely.Polygon([(112.5001, 37.805), (112.5043, 37.8035), (112.5095, 37.8026)])
    x, y = 112.5042992744561, 37.80350025912282
    (x0, y0), (x1, y1) = (map(Fraction, vertex) for vertex in area.exterior.coords[:2])
    side = (x1 - x0) * (Fraction(y) - y0) - (y1 - y0) * (Fraction(x) - x0)
    assert side < 0 and not shapely.intersects_xy(area, x, y)
    exact, shortcut = session.execute(
        text("""
            SELECT covers_point(area, point), ST_Intersects(area, point)
            FROM (SELECT ST_GeomFromText(:area, 4326), ST_Point(:x, :y, 4326)) AS q (area, point)
        """),
        {"area": area.wkt, "x": x, "y": y},
    ).one()
    assert not exact and shortcut


def test_sql_asks_for_the_grids_of_the_day(session):
    square = draw("A")["A"]
    x, y = np.array([corner(0.5, 0.5)]).T
    old = store_grids(
        session, ["9"], [square], valid_from=date(2020, 1, 1), valid_to=date(2025, 1, 1)
    )
    new = store_grids(session, ["1"], [square], valid_from=date(2025, 1, 1))
    answers = [
        by_sql(session, x, y, day)[0]
        for day in (date(2019, 12, 31), date(2020, 1, 1), date(2024, 12, 31), date(2025, 1, 1), DAY)
    ]
    assert answers == [None, *old, *old, *new, *new]


def test_sql_uses_the_index(session):
    store_grids(session, [f"{n:03}" for n in range(200)], crooked_tessellation(200))
    session.execute(text("ANALYZE grid"))
    plan = "\n".join(
        session.scalars(
            text("EXPLAIN SELECT id FROM grid WHERE covers_point(geom, ST_Point(112.5, 38, 4326))")
        )
    )
    assert "ix_grid_geom" in plan, plan
