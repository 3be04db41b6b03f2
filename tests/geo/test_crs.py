"""Datums by name, conversion, checks of coordinates, frames."""

import geopandas
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.crs import (
    BD09,
    CGCS2000,
    GCJ02,
    WGS84,
    CoordinateFault,
    check_coordinates,
    from_wgs84,
    geodesic_distance_m,
    parse_datum,
    reproject,
    require_wgs84,
    swapped_axes_share,
    to_wgs84,
)
from geo.errors import CRSMismatch, InvalidCoordinate, InvalidDatum

F = CoordinateFault


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("WGS84", "WGS84"),
        (" wgs 84 ", "WGS84"),
        ("EPSG:4326", "WGS84"),
        ("cgcs2000", "CGCS2000"),
        ("EPSG:4490", "CGCS2000"),
        ("GCJ-02", "GCJ02"),
        ("bd_09", "BD09"),
        ("bd09ll", "BD09"),
        ("epsg:4547", "EPSG:4547"),
        ("32650", "EPSG:32650"),
    ],
)
def test_datum_names_are_read_leniently(text, name):
    assert str(parse_datum(text)) == name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "No datum is declared"),
        ("xian80", "wanted WGS84"),
        ("bd09mc", "wanted WGS84"),
        ("EPSG:99999", "in no registry"),
        ("EPSG:4214", "no projection in two dimensions"),
        ("EPSG:4978", "no projection in two dimensions"),
        ("EPSG:2263", "isn't in metres"),
        ("EPSG:2383", "No transformation is known between Xian 1980"),
        ("WGS84; DROP TABLE", "wanted WGS84"),
    ],
)
def test_other_datums_are_refused_with_a_remedy(text, said):
    with pytest.raises(InvalidDatum, match=said):
        parse_datum(text)


def test_cgcs2000_is_labelled_not_converted():
    assert to_wgs84(112.549, 37.87, CGCS2000) == (112.549, 37.87)


def test_gauss_kruger_by_hand():
    # On the central meridian 114 E easting is 500 km; the quarter meridian of the CGCS2000
    # ellipsoid from 0 to 30 N is 3,320,113.4 m
    gk = parse_datum("EPSG:4547")
    assert from_wgs84(114.0, 30.0, gk) == pytest.approx((500_000, 3_320_113.398), abs=0.001)
    assert to_wgs84(500_000.0, 3_320_113.398, gk) == pytest.approx((114.0, 30.0), abs=1e-8)


def test_axes_in_the_order_of_the_authority():
    gk = parse_datum("EPSG:4547")  # x is north in the registry, y east
    x, y = from_wgs84(np.array([114.2]), np.array([30.1]), gk)
    for axes, first, second in (("xy", x, y), ("yx", y, x), ("authority", y, x)):
        lon, lat = to_wgs84(first, second, gk, axes=axes)
        assert lon[0] == pytest.approx(114.2) and lat[0] == pytest.approx(30.1)
    assert to_wgs84(30.1, 114.2, WGS84, axes="authority") == (114.2, 30.1)
    assert to_wgs84(12712685.0, 2547582.0, parse_datum("EPSG:3857"), axes="authority")[0] > 100


@given(
    st.floats(113, 115),
    st.floats(22, 45),
    st.sampled_from(["WGS84", "CGCS2000", "GCJ02", "BD09", "EPSG:4547", "EPSG:32650", "EPSG:3857"]),
)
def test_to_wgs84_undoes_from_wgs84(lon, lat, name):
    datum = parse_datum(name)
    back = to_wgs84(*from_wgs84(lon, lat, datum), datum)
    assert geodesic_distance_m(lon, lat, *back) < 1e-6


def test_a_missing_coordinate_stays_missing():
    lon, lat = to_wgs84([np.nan, 500_000.0], [1.0, 3e6], parse_datum("EPSG:4547"))
    assert np.isnan(lon[0]) and np.isnan(lat[0]) and lon[1] == pytest.approx(114)


@pytest.mark.parametrize("datum", [WGS84, GCJ02, BD09, parse_datum("EPSG:4547")])
def test_a_coordinate_with_no_place_is_an_error_that_names_its_row(datum):
    x, y = from_wgs84([114.2, 114.2], [30.1, 30.1], datum)
    x[1] = 1e12
    with pytest.raises(InvalidCoordinate, match="row 1") as error:
        to_wgs84(x, y, datum)
    assert error.value.rows == [1]


def test_faults_are_told_row_by_row():
    x = [121.5, 31.2, np.nan, 0.0, np.inf, 200.0, 39.0]
    y = [31.2, 121.5, 31.2, 0.0, 31.2, 31.2, 85.0]
    assert check_coordinates(x, y, WGS84).tolist() == [
        F.NONE, F.SWAPPED, F.MISSING, F.ZERO, F.NOT_FINITE, F.OUT_OF_RANGE, F.NONE,
    ]  # fmt: skip
    # In GCJ-02 a point of the Arctic can only be a swapped one of Kashgar.
    assert check_coordinates(x, y, GCJ02)[6] == F.SWAPPED
    assert check_coordinates(y, x, WGS84, axes="yx")[0] == F.NONE


def test_a_district_sharpens_the_check():
    x, y = np.array([76.0, 39.5, 116.4]), np.array([39.5, 76.0, 39.9])
    kashgar = (75.5, 39.0, 76.5, 40.0)
    assert check_coordinates(x, y, WGS84).tolist() == ["", "", ""]
    assert check_coordinates(x, y, WGS84, area=kashgar).tolist() == [
        F.NONE, F.SWAPPED, F.OUTSIDE_AREA,
    ]  # fmt: skip


def test_projected_numbers_are_checked_against_their_zone():
    gk = parse_datum("EPSG:4547")
    x, y = from_wgs84([114.1, 114.0], [30.0, 31.0], gk)
    faults = check_coordinates([x[0], y[1], 38_500_000, np.nan], [y[0], x[1], 3e6, 1], gk)
    # 38,500,000 is an easting that carries its zone number, as EPSG:4526 has it
    assert faults.tolist() == [F.NONE, F.SWAPPED, F.OUT_OF_RANGE, F.MISSING]


def test_the_share_of_swapped_rows_leaves_out_rows_without_numbers():
    faults = check_coordinates([31.2, 31.3, np.nan, 121.5], [121.5, 121.4, 1, 31.2], WGS84)
    assert swapped_axes_share(faults) == pytest.approx(2 / 3)
    assert swapped_axes_share(check_coordinates([np.nan], [np.nan], WGS84)) == 0


@given(st.lists(st.tuples(st.floats(), st.floats()), max_size=20), st.sampled_from(
    [WGS84, CGCS2000, GCJ02, BD09, parse_datum("EPSG:4547"), parse_datum("EPSG:3857")]
))  # fmt: skip
def test_rows_without_a_fault_always_convert(points, datum):
    x, y = np.array(points, dtype=float).reshape(-1, 2).T
    good = check_coordinates(x, y, datum) == F.NONE
    lon, lat = to_wgs84(x[good], y[good], datum)
    assert (np.abs(lon) <= 180).all() and (np.abs(lat) <= 90).all()


def frame_of(crs, x=114.0, y=30.0):
    return geopandas.GeoDataFrame({"name": ["a"]}, geometry=[shapely.Point(x, y)], crs=crs)


def test_frames_in_wgs84_pass():
    require_wgs84(frame_of("EPSG:4326"), "grids")
    require_wgs84(frame_of("OGC:CRS84"), "grids")


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (frame_of(None), "names no CRS"),
        (frame_of("EPSG:4490"), "in EPSG:4490, wanted EPSG:4326. Reproject"),
        (frame_of("EPSG:4547"), "in EPSG:4547"),
        (frame_of("EPSG:4326", 500_000, 3e6), "says EPSG:4326 but reaches"),
    ],
)
def test_other_frames_are_refused(frame, said):
    with pytest.raises(CRSMismatch, match=said):
        require_wgs84(frame, "grids")


def test_frames_are_reprojected_not_changed():
    given_frame = frame_of("EPSG:4547", 500_000, 3_320_113.398)
    moved = reproject(given_frame)
    assert moved.crs == "EPSG:4326" and given_frame.crs == "EPSG:4547"
    assert moved.geometry.iloc[0].coords[0] == pytest.approx((114, 30))
    assert reproject(frame_of("EPSG:4490")).geometry.iloc[0].coords[0] == (114.0, 30.0)
    utm = reproject(given_frame, "EPSG:32650")  # both count as one datum
    assert reproject(utm).geometry.iloc[0].coords[0] == pytest.approx((114, 30))


def test_frames_that_cannot_be_reprojected():
    with pytest.raises(CRSMismatch, match="names no CRS"):
        reproject(frame_of(None))
    with pytest.raises(InvalidDatum, match="is no CRS"):
        reproject(frame_of("EPSG:4326"), "EPSG:nothing")
    with pytest.raises(InvalidDatum, match="No transformation is known"):
        reproject(frame_of("EPSG:4610"))
    with pytest.raises(InvalidCoordinate, match="vertices that have no place"):
        reproject(frame_of("EPSG:4547", 1e12, 0))
