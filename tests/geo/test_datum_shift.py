"""Sets in the wrong datum are found and measured; where little is known, nothing is claimed."""

import numpy as np
import pytest
import shapely

from geo.crs import BD09, CGCS2000, GCJ02, WGS84, from_wgs84, parse_datum
from geo.datum_shift import detect_datum_shift, measure_pair_shift
from geo.errors import DatumUndecided, InvalidCoordinate, InvalidInput

DATUMS = (WGS84, GCJ02, BD09)
DEGREE_LON_M = 95_300.0  # at 31.23 N


def town(seed=9, count=900, lon=121.46, lat=31.22, size=0.03):
    """Return invented buildings of some 30 m x 20 m, and one point at the door of each."""
    random = np.random.default_rng(seed)
    x, y = random.uniform(lon, lon + size, count), random.uniform(lat, lat + size, count)
    buildings = shapely.box(x, y, x + 0.0003, y + 0.0002)
    return buildings, x + random.uniform(0, 0.0003, count), y + random.uniform(0, 0.0002, count)


@pytest.mark.parametrize("true", DATUMS, ids=str)
@pytest.mark.parametrize("declared", [*DATUMS, CGCS2000], ids=str)
def test_the_datum_a_set_is_in_is_found(true, declared):
    buildings, lon, lat = town()
    x, y = from_wgs84(lon, lat, true)
    found = detect_datum_shift(x, y, declared=declared, reference=buildings)
    same = {str(true), "CGCS2000" if true == WGS84 else str(true)}
    assert str(found.best) in same
    assert found.is_suspect == (str(declared) not in same)
    assert found.scores[0].share_near > 0.99 > 0.5 > found.scores[1].share_near


def test_the_shift_is_measured_and_told():
    buildings, lon, lat = town()
    x, y = from_wgs84(lon, lat, GCJ02)
    found = detect_datum_shift(x, y, declared=WGS84, reference=buildings)
    # GCJ-02 lies 481 m to the ESE of WGS 84 in Shanghai.
    assert found.is_measured
    assert found.shift_m == pytest.approx(481, abs=8) and found.bearing_deg == pytest.approx(
        117, abs=3
    )
    assert "declared WGS84 but fit GCJ02 better" in found.message
    assert (
        "m to the SE of the reference" in found.message and "nothing was shifted" in found.message
    )


def test_a_shift_no_datum_explains_is_told_as_well():
    buildings, lon, lat = town()
    found = detect_datum_shift(
        lon + 200 / DEGREE_LON_M, lat, declared=WGS84, reference=shapely.centroid(buildings)
    )
    assert not found.is_suspect and found.is_measured
    assert found.shift_m == pytest.approx(200, abs=8) and found.bearing_deg == pytest.approx(
        90, abs=3
    )
    assert "Ask the source which coordinates it uses" in found.message


def test_a_projected_set_made_from_gcj02():
    buildings, lon, lat = town()
    zone = parse_datum("EPSG:4549")
    good = detect_datum_shift(*from_wgs84(lon, lat, zone), declared=zone, reference=buildings)
    assert not good.is_suspect and good.shift_m < 8
    gcj_lon, gcj_lat = from_wgs84(lon, lat, GCJ02)
    bad = detect_datum_shift(
        *from_wgs84(gcj_lon, gcj_lat, zone), declared=zone, reference=buildings
    )
    assert bad.best == GCJ02 and bad.is_suspect


def test_scattered_points_and_strangers_do_not_hide_the_datum():
    buildings, lon, lat = town(count=400)
    random = np.random.default_rng(10)
    lon, lat = lon + random.normal(0, 1e-4, 400), lat + random.normal(0, 1e-4, 400)
    far_lon, far_lat = random.uniform(121, 122, 3000), random.uniform(31, 32, 3000)
    x, y = from_wgs84(np.append(lon, far_lon), np.append(lat, far_lat), BD09)
    found = detect_datum_shift(x, y, declared=GCJ02, reference=buildings)
    assert found.best == BD09 and found.point_count < 800


def test_grids_tell_by_their_outer_border_only():
    west, south = np.meshgrid(np.arange(121.4, 121.445, 0.01), np.arange(31.2, 31.245, 0.01))
    grids = shapely.box(west, south, west + 0.01, south + 0.01)
    random = np.random.default_rng(11)
    lon, lat = random.uniform(121.4, 121.45, 2000), random.uniform(31.2, 31.25, 2000)
    found = detect_datum_shift(*from_wgs84(lon, lat, GCJ02), declared=WGS84, reference=grids)
    assert found.best == GCJ02 and not found.is_measured
    assert found.shift_m == pytest.approx(481, abs=8)  # what GCJ-02 would explain
    inner = (np.abs(lon - 121.425) < 0.01) & (np.abs(lat - 31.225) < 0.01)
    with pytest.raises(DatumUndecided, match="0 points tell the datums apart") as error:
        detect_datum_shift(lon[inner], lat[inner], declared=WGS84, reference=grids)
    assert (error.value.found, error.value.needed) == (0, 20)


def test_the_same_places_known_row_by_row():
    _, lon, lat = town(count=60)
    reference = shapely.points(lon, lat).astype(object)
    reference[::7] = None
    x, y = from_wgs84(lon, lat, GCJ02)
    found = detect_datum_shift(x, y, declared=WGS84, reference=reference, by_row=True)
    assert found.best == GCJ02 and found.is_measured
    assert found.shift_m == pytest.approx(481, abs=3)
    with pytest.raises(InvalidInput, match="60 rows and 3 references"):
        detect_datum_shift(x, y, declared=WGS84, reference=reference[1:4], by_row=True)


def test_pairs_tell_shift_direction_and_spread():
    _, lon, lat = town(count=60)
    x, y = from_wgs84(lon, lat, GCJ02)
    x[0] = np.nan
    shift_m, bearing_deg, spread_m = measure_pair_shift(x, y, lon, lat)
    assert shift_m == pytest.approx(481, abs=3) and bearing_deg == pytest.approx(117, abs=3)
    assert spread_m < 10
    random = np.random.default_rng(13)
    _, _, spread_m = measure_pair_shift(lon + random.normal(0, 0.01, 60), lat, lon, lat)
    assert spread_m > 300
    with pytest.raises(DatumUndecided, match="19 points have a known place"):
        measure_pair_shift(x[:20], y[:20], lon[:20], lat[:20])


def test_the_roads_that_addresses_name():
    random = np.random.default_rng(12)
    lat = np.arange(31.2, 31.25, 0.004)
    roads = [shapely.LineString([(121.4, y), (121.45, y)]) for y in lat]
    which = random.integers(0, len(roads), 200)
    lon = random.uniform(121.405, 121.445, 200)
    x, y = from_wgs84(lon, lat[which] + random.normal(0, 5e-5, 200), BD09)
    reference = np.array(roads, dtype=object)[which]
    found = detect_datum_shift(x, y, declared=WGS84, reference=reference, by_row=True)
    assert found.best == BD09 and not found.is_measured


def test_outside_china_there_is_only_one_reading():
    buildings, lon, lat = town(lon=-87.64, lat=41.87)
    found = detect_datum_shift(lon, lat, declared=WGS84, reference=buildings)
    assert [score.datum for score in found.scores] == [WGS84] and found.shift_m < 20
    with pytest.raises(DatumUndecided):
        detect_datum_shift(lon + 1, lat, declared=WGS84, reference=buildings)


def test_missing_rows_are_left_out_and_wrong_ones_named():
    buildings, lon, lat = town()
    lon[:100] = np.nan
    assert not detect_datum_shift(lon, lat, declared=WGS84, reference=buildings).is_suspect
    lat[200] = 95
    with pytest.raises(InvalidCoordinate):
        detect_datum_shift(lon, lat, declared=WGS84, reference=buildings)


def test_without_a_reference_there_is_no_answer():
    for reference in ([], [None], [shapely.Polygon()]):
        with pytest.raises(InvalidInput, match="nothing to compare with"):
            detect_datum_shift([121.4], [31.2], declared=WGS84, reference=reference)
    with pytest.raises(DatumUndecided):
        detect_datum_shift([], [], declared=WGS84, reference=[shapely.Point(121.4, 31.2)])


def test_a_large_set_is_sampled_and_stays_quick():
    buildings, lon, lat = town(count=30_000)
    x, y = from_wgs84(lon, lat, GCJ02)
    found = detect_datum_shift(x, y, declared=BD09, reference=buildings)
    assert found.best == GCJ02 and found.point_count <= 4000
