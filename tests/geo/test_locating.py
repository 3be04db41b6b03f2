"""What is at a point, the grids of many points, and new assignments after new grids."""

from datetime import date

import geopandas
import numpy as np
import pandas as pd
import pytest
import shapely
from geoalchemy2.shape import from_shape
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, select, text

from geo.errors import CRSMismatch, InvalidInput
from geo.geodesy import geodesic_distance_m
from geo.h3_cells import lonlat_to_h3_cell
from geo.locating import assign_points, locate, reassign_grids
from geo.stored_grids import load_stored_grids
from geo.tables import RegisterChange, StandardAddress, StandardAddressHistory
from geo.values import GridScope, LonLat
from tests.drawing import corner, draw
from tests.factories import add_area, add_grid, add_grid_version, add_standard_address

DAY = date(2026, 1, 1)
EVERYTHING = GridScope.everything()
MAP = """
    AB
    CD
"""


@pytest.fixture
def district(session):
    """Four grids: A and B in one community, C and D in another."""
    add_area(session, "14", "province", name="山西省")
    add_area(session, "1401", "city", name="太原市", parent_code="14")
    add_area(session, "140105", "county", name="小店区", parent_code="1401")
    add_area(session, "140105001", "township", name="试验街道", parent_code="140105")
    add_area(session, "140105001001", name="北社区", parent_code="140105001")
    add_area(session, "140105001002", name="南社区", parent_code="140105001")
    drawn, version = draw(MAP), add_grid_version(session)
    codes = {"A": "140105001001001", "B": "140105001001002",
             "C": "140105001002001", "D": "140105001002002"}  # fmt: skip
    return {
        name: add_grid(
            session,
            code,
            drawn[name],
            version=version,
            person_in_charge=f"网格员{name}",
            contact="12345",
        )
        for name, code in codes.items()
    }


def at(column, row):
    return LonLat(*corner(column, row))


def test_a_point_has_grid_areas_cell_and_nearest_address(session, district):
    near = add_standard_address(session, corner(0.5, 0.6), grid=district["A"])
    add_standard_address(session, corner(0.9, 0.9), grid=district["A"])
    found = locate(session, at(0.5, 0.5), on=DAY, scope=EVERYTHING)
    assert found.grid.grid_code == "140105001001001"
    assert (found.grid.person_in_charge, found.grid.contact) == ("网格员A", "12345")
    assert [area.level for area in found.areas] == [
        "community",
        "township",
        "county",
        "city",
        "province",
    ]
    assert found.community.name == "北社区" and found.areas[-1].name == "山西省"
    assert found.h3_cell == lonlat_to_h3_cell(*corner(0.5, 0.5), 12)
    assert found.nearest.address_id == near.id
    # A tenth of a step to the south: 0.0001 degrees of latitude, 11.1 m
    assert found.nearest.distance_m == pytest.approx(11.1, abs=0.05)
    assert found.nearest.lonlat == at(0.5, 0.6) and found.nearest.accuracy_m == 5


def test_a_border_belongs_to_the_smallest_code(session, district):
    assert locate(session, at(1, 1), on=DAY, scope=EVERYTHING).grid.grid_code == "140105001001001"
    assert locate(session, at(1, 1.5), on=DAY, scope=EVERYTHING).grid.grid_code == "140105001002001"


def test_nothing_is_invented_where_nothing_is(session, district):
    found = locate(session, at(30, 30), on=DAY, scope=EVERYTHING)
    assert found.grid is None and found.areas == () and found.nearest is None
    assert found.community is None and found.h3_cell > 0


def test_a_point_in_no_grid_lies_in_areas_with_borders(session, district):
    land = shapely.MultiPolygon([shapely.box(112, 37, 113, 38)])
    add_area(
        session, "140106", "county", name="迎泽区", parent_code="1401", geom=from_shape(land, 4326)
    )
    found = locate(session, at(30, 30), on=DAY, scope=EVERYTHING)
    assert [area.name for area in found.areas] == ["迎泽区", "太原市", "山西省"]
    assert found.community is None


def test_the_day_decides(session):
    square = draw("A")["A"]
    version = add_grid_version(session)
    for code, start, end in (
        ("9", date(2020, 1, 1), date(2025, 1, 1)),
        ("1", date(2025, 1, 1), None),
    ):
        add_grid(session, code, square, version=version, valid_from=start, valid_to=end)
    codes = [
        getattr(locate(session, at(0.5, 0.5), on=day, scope=EVERYTHING).grid, "grid_code", None)
        for day in (date(2019, 1, 1), date(2024, 12, 31), date(2025, 1, 1))
    ]
    assert codes == [None, "9", "1"]


def test_what_lies_outside_the_scope_looks_absent(session, district):
    add_standard_address(session, corner(0.5, 0.5), grid=district["A"])
    own = add_standard_address(session, corner(1.5, 0.5), grid=district["B"])
    add_standard_address(session, corner(0.5, 0.6))  # in no grid: only the operator sees it
    scope = GridScope.of([district["B"].grid_code])
    found = locate(session, at(0.5, 0.5), on=DAY, scope=scope)
    assert found.grid is None and found.areas == ()
    assert found.nearest.address_id == own.id
    nothing = locate(session, at(0.5, 0.5), on=DAY, scope=GridScope.of([]))
    assert nothing.grid is None and nothing.nearest is None


def test_the_building_comes_before_its_rooms(session, district):
    add_standard_address(session, corner(0.5, 0.5), grid=district["A"], level="room")
    building = add_standard_address(session, corner(0.5, 0.5), grid=district["A"], level="building")
    add_standard_address(session, corner(0.5, 0.5), grid=district["A"], level="entrance")
    found = locate(session, at(0.6, 0.5), on=DAY, scope=EVERYTHING)
    assert found.nearest.address_id == building.id


def test_ended_addresses_and_addresses_without_a_point_are_not_near(session, district):
    add_standard_address(session, corner(0.5, 0.5), grid=district["A"], status="ended")
    add_standard_address(session, None)
    assert locate(session, at(0.5, 0.5), on=DAY, scope=EVERYTHING).nearest is None


def test_nearest_is_nearest_in_metres_not_in_degrees(session):
    # At 60 N a degree of longitude is half as long as one of latitude.
    add_standard_address(session, (25.0, 60.0 + 0.0010))
    east = add_standard_address(session, (25.0 + 0.0015, 60.0))
    found = locate(session, LonLat(25.0, 60.0), on=DAY, scope=EVERYTHING)
    assert found.nearest.address_id == east.id
    # 0.0015 degrees x 55,800 m
    assert found.nearest.distance_m == pytest.approx(83.7, abs=0.1)


def test_how_far_the_nearest_may_lie(session):
    add_standard_address(session, (112.5, 37.81))  # 1,110 m to the north
    point = LonLat(112.5, 37.80)
    assert locate(session, point, on=DAY, scope=EVERYTHING).nearest is None
    found = locate(session, point, on=DAY, scope=EVERYTHING, nearest_max_m=1200)
    assert found.nearest.distance_m == pytest.approx(1110, abs=1)


near_a_place = st.tuples(st.floats(-0.02, 0.02), st.floats(-0.02, 0.02))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(
    st.sampled_from([0.0, 37.8, 69.0]),
    st.lists(near_a_place, min_size=1, max_size=12),
    near_a_place,
)
def test_the_nearest_is_the_one_brute_force_finds(session, lat, places, offset):
    savepoint = session.begin_nested()
    points = [(112.5 + x, lat + y) for x, y in places]
    for point in points:
        add_standard_address(session, point)
    here = LonLat(112.5 + offset[0], lat + offset[1])
    x, y = np.array(points).T
    shortest = geodesic_distance_m(
        x, y, *np.broadcast_arrays(here.longitude, here.latitude, x)[:2]
    ).min()
    found = locate(session, here, on=DAY, scope=EVERYTHING, nearest_max_m=20_000).nearest
    assert found.distance_m == pytest.approx(shortest, abs=1e-4)
    savepoint.rollback()


def test_locating_takes_few_queries_and_the_index(session, district):
    count = 0

    def on_execute(*_):
        nonlocal count
        count += 1

    event.listen(session.connection(), "before_cursor_execute", on_execute)
    locate(session, at(0.5, 0.5), on=DAY, scope=EVERYTHING)
    assert count == 3


def test_points_of_a_frame_get_grid_and_cell(session, district):
    points = [
        shapely.Point(corner(0.5, 0.5)),
        None,
        shapely.Point(corner(9, 9)),
        shapely.Point(),
        shapely.Point(corner(1, 1)),
    ]
    frame = geopandas.GeoDataFrame(
        {"name": list("abcde")}, geometry=points, crs=4326, index=list("vwxyz")
    )
    placed = assign_points(session, frame, on=DAY)
    assert placed.index.tolist() == list("vwxyz")
    assert placed.grid_code.tolist() == ["140105001001001", None, None, None, "140105001001001"]
    assert placed.grid_id.isna().tolist() == [False, True, True, True, False]
    assert placed.grid_id["v"] == district["A"].id and placed.grid_id.dtype == "Int64"
    assert placed.h3_cell["v"] == lonlat_to_h3_cell(*corner(0.5, 0.5))
    assert placed.h3_cell.isna().tolist() == [False, True, False, True, False]


def test_frames_in_another_crs_or_of_lines_are_refused(session):
    line = geopandas.GeoDataFrame(geometry=[shapely.LineString([(0, 0), (1, 1)])], crs=4326)
    with pytest.raises(InvalidInput, match="LINESTRING, wanted points"):
        assign_points(session, line, on=DAY)
    with pytest.raises(CRSMismatch):
        assign_points(session, line.set_crs(4490, allow_override=True), on=DAY)


def test_no_grids_no_assignment(session):
    placed = load_stored_grids(session, on=DAY).place([112.5], [37.8])
    assert placed.grid_code.tolist() == [None] and placed.h3_cell.notna().all()


def grid_codes(session):
    rows = session.execute(select(StandardAddress.id, StandardAddress.grid_code))
    return {row.id: row.grid_code for row in rows}


def test_new_grids_take_over_their_addresses(session, district):
    in_a = add_standard_address(session, corner(0.2, 0.5), grid=district["A"])
    border = add_standard_address(session, corner(1, 0.5), grid=district["A"])
    in_d = add_standard_address(session, corner(1.5, 1.5), grid=district["D"])
    lost = add_standard_address(session, corner(9, 9), grid=district["D"])
    ended = add_standard_address(session, corner(0.2, 0.5), grid=district["A"], status="ended")
    nowhere = add_standard_address(session, None)
    # From 2026 on grid A is split in two; the eastern half comes first in the order of codes.
    west, east = draw("AB", step_deg=0.0005)["A"], draw("AB", step_deg=0.0005)["B"]
    north = [
        shapely.box(*half.bounds[:1], corner(0, 1)[1], half.bounds[2], half.bounds[3])
        for half in (west, east)
    ]
    district["A"].valid_to = DAY
    version = add_grid_version(session, valid_from=DAY)
    new = [
        add_grid(session, code, half, version=version)
        for code, half in zip(("140105001001009", "140105001001000"), north, strict=True)
    ]
    before = session.scalars(select(StandardAddressHistory.id)).all()
    result = reassign_grids(session, on=DAY)
    assert grid_codes(session) == {
        in_a.id: "140105001001009",
        border.id: "140105001001000",
        in_d.id: district["D"].grid_code,
        lost.id: None,
        ended.id: district["A"].grid_code,
        nowhere.id: None,
    }
    assert (result.moved, result.without_grid) == (3, 1)
    assert session.scalars(select(StandardAddressHistory.id)).all() == before
    assert session.scalars(select(RegisterChange.address_ids)).all()[-1] == sorted(
        [in_a.id, border.id, lost.id]
    )
    assert reassign_grids(session, on=DAY).moved == 0
    # Yesterday's answer can still be had.
    assert reassign_grids(session, on=date(2025, 12, 31)).moved == 2
    assert grid_codes(session)[in_a.id] == district["A"].grid_code
    # Only the grids named are looked at; the result is the same.
    changed = [district["A"].id, *(grid.id for grid in new)]
    assert reassign_grids(session, on=DAY, grid_ids=changed).moved == 2
    assert grid_codes(session)[in_a.id] == "140105001001009"
    assert reassign_grids(session, on=DAY, grid_ids=[]).moved == 0


def test_memory_and_store_assign_alike(session, district):
    random = np.random.default_rng(8)
    corners = np.array([corner(c, r) for c in (0, 0.5, 1, 2) for r in (0, 1, 1.7, 2)])
    scattered = random.uniform(corner(-0.5, 2.5), corner(2.5, -0.5), (60, 2))
    x, y = np.concatenate([corners, scattered]).T
    for point in zip(x, y, strict=True):
        add_standard_address(session, point)
    reassign_grids(session, on=DAY)
    placed = load_stored_grids(session, on=DAY).place(x, y)
    stored = session.execute(
        select(StandardAddress.grid_id, StandardAddress.grid_code).order_by(StandardAddress.id)
    ).all()
    assert [row.grid_code for row in stored] == placed.grid_code.tolist()
    assert [row.grid_id for row in stored] == placed.grid_id.astype(object).where(
        pd.notna, None
    ).tolist()


def test_the_join_of_the_docs_takes_the_index_of_points(session, district):
    session.execute(
        text(
            "INSERT INTO standard_address"
            " (canonical_text, search_key, level, source, geom, point_method)"
            " SELECT 'a', 'k' || n, 'door', 'test',"
            " ST_SetSRID(ST_MakePoint(112 + random(), 37.5 + random()), 4326), 'generated'"
            " FROM generate_series(1, 5000) AS n"
        )
    )
    session.execute(text("ANALYZE standard_address"))
    plan = "\n".join(
        session.scalars(
            text(
                "EXPLAIN SELECT a.id FROM grid AS g CROSS JOIN LATERAL"
                " (SELECT id FROM standard_address WHERE covers_point(g.geom, geom) OFFSET 0) AS a"
            )
        )
    )
    assert "ix_standard_address_geom" in plan, plan
