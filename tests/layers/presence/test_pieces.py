"""Where units were, on drawn squares: sums worked by hand, and laws."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.geodesy import geodesic_distance_m
from geo.local_plane import LocalPlane
from geo.positions.fix import Drop
from geo.positions.tracks import FixColumns, clean_tracks
from geo.values import Period
from layers.coverage.measures import CoverageResult, VisitRules, find_coverage
from layers.coverage.state import CoverageState
from layers.place_raster import (
    NO_PLACE,
    PlaceRaster,
    raster_near,
    raster_of_h3_cells,
    raster_of_polygons,
    raster_of_squares,
)
from layers.presence.pieces import Presence, PresenceRules, find_presence
from layers.time_slots import hours_of_week, parts_of_day

PLANE = LocalPlane(112.5, 37.8, 88_000.0, 111_000.0)
# Two squares of 100 m side by side: place 0 from x = 0 to 100, place 1 from 100 to 200.
TWO = PlaceRaster(PLANE, 0.0, 0.0, 100.0, np.array([[0, 1]], np.int32), np.array(["A", "B"]))
# Places as they are given.
RAW = PresenceRules(smooth_s=1e-9, smooth_reach_s=0.0, settle_reach_s=0.0, noise_m=0.0)
START = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)  # a Monday
START_MS = round(START.timestamp() * 1000)
HOUR = Period(START, START + timedelta(hours=1))


def fixes(*rows: tuple[float, float], unit: int = 0, y: float = 50.0, **more: object) -> FixColumns:
    """Fixes at (second, x)."""
    seconds, x = np.array(rows, float).reshape(-1, 2).T
    return FixColumns.of(
        np.full(len(x), unit), START_MS + np.round(seconds * 1000), x, np.full(len(x), y), **more
    )  # type: ignore[arg-type]


def presence_of(columns: FixColumns) -> Presence:
    return find_presence(clean_tracks(columns), TWO, rules=RAW)


def rows_of(presence: Presence) -> list[tuple[str, float, float, int]]:
    return [
        (str(TWO.keys[place]), (start - START_MS) / 1000, (end - START_MS) / 1000, int(certainty))
        for place, start, end, certainty in zip(
            presence.place, presence.start_ms, presence.end_ms, presence.certainty, strict=True
        )
    ]


def coverage(columns: FixColumns, **rules: float) -> CoverageResult:
    return find_coverage(
        presence_of(columns), 2, hours_of_week(HOUR, "UTC"), period=HOUR, rules=VisitRules(**rules)
    )


def test_the_way_between_two_fixes_is_straight_and_even() -> None:
    # 80 m in 80 s from x = 40: the border at 100 is reached after 60 s.
    assert rows_of(presence_of(fixes((0, 40), (80, 120)))) == [("A", 0, 60, 0), ("B", 60, 80, 0)]


def test_long_gaps_are_uncertain_and_silences_unknown() -> None:
    found = rows_of(presence_of(fixes((0, 50), (90, 50), (300, 150), (1000, 150))))
    assert found == [
        ("A", 0, 90, 0),  # 90 s are certain
        ("A", 90, 195, 1),  # 210 s are not
        ("B", 195, 300, 1),
        ("B", 300, 390, 1),  # the silence: 90 s are given to where it was last
    ]


def test_outside_of_all_places_is_nowhere() -> None:
    assert rows_of(presence_of(fixes((0, -50), (60, 50)))) == [("A", 30, 60, 0)]
    assert rows_of(presence_of(fixes((0, -500), (60, -400)))) == []
    assert rows_of(presence_of(fixes((0, 50)))) == []


def test_a_visit_goes_on_over_a_short_absence() -> None:
    # In A for 70 s, out for 60 s, in A again for 70 s: one visit of 140 s inside.
    walk = [(0, 50), (60, 50), (80, 150), (120, 150), (140, 50), (200, 50)]
    found = coverage(fixes(*walk))
    (visit,) = found.visits.to_dict("records")
    assert visit["place"] == 0
    assert (visit["start_ms"] - START_MS, visit["end_ms"] - START_MS) == (0, 200_000)
    assert visit["inside_ms"] == 140_000
    # B was passed for 60 s, which is no visit.
    assert found.places.loc[1, ["visit_count", "dose_s", "passing_s"]].tolist() == [0, 0, 60]
    # Without merging neither stay is long enough.
    assert coverage(fixes(*walk), gap_max_s=10).visits.empty


def test_a_visit_that_stands_on_long_gaps_is_probable() -> None:
    found = coverage(fixes((0, 50), (200, 50), (400, 50)))
    assert found.places.loc[0, ["visit_count", "probable_count"]].tolist() == [1, 1]
    assert found.slots[["certain_s", "uncertain_s"]].to_numpy().tolist() == [[0, 400]]


def test_revisit_intervals_intermittency_and_dose() -> None:
    # Visits of A: 0-120, 600-720, 1800-2520 (12 min). Gaps: 480 s and 1080 s.
    at = [(0, 50), (60, 50), (120, 50)]
    at += [(600 + s, 50) for s in (0, 60, 120)] + [(1800 + 60 * k, 50) for k in range(13)]
    found = coverage(fixes(*at), gap_max_s=0.001)
    row = found.places.loc[0]
    # Each silence adds 90 s of tail to the visit before it, uncertain.
    assert found.visits["inside_ms"].tolist() == [210_000, 210_000, 720_000]
    assert row["gap_max_s"] == 1800 - 810
    assert row["gap_p50_s"] == (390 + 990) / 2
    assert row["gap_cv"] == pytest.approx(300 / 690)  # deviations of 300 from the mean of 690
    assert row["right_dose_share"] == pytest.approx(1 / 3)
    assert row["since_last_s"] == 3600 - 2520


def test_standing_walking_and_being_called_are_apart() -> None:
    standing = [(20 * k, 50) for k in range(16)]
    found = coverage(fixes(*standing))
    assert found.slots["stationary_s"].tolist() == [300]
    walking = [(10 * k, 5 + 13 * k) for k in range(15)]
    assert coverage(fixes(*walking)).slots["stationary_s"].sum() == 0
    called = coverage(fixes(*standing, responding=np.ones(16, bool)))
    assert called.slots[["stationary_s", "responding_s"]].to_numpy().tolist() == [[0, 300]]


def test_time_is_split_at_the_border_of_slots() -> None:
    period = Period(START, START + timedelta(hours=2))
    columns = fixes(*[(3540 + 60 * k, 50) for k in range(3)])  # 59:00 to 61:00
    found = find_coverage(presence_of(columns), 2, hours_of_week(period, "UTC"), period=period)
    assert found.slots[["slot", "certain_s", "visit_count"]].to_numpy().tolist() == [
        [0, 60, 1], [1, 60, 0],
    ]  # fmt: skip


def test_slots_are_local_and_may_go_over_midnight() -> None:
    period = Period(START, START + timedelta(days=7))
    week = hours_of_week(period, "Asia/Shanghai")
    assert week.names[week.slot_of_edge[0]] == "1 08"  # Monday 00:00 UTC is 08:00 there
    assert set(week.lengths_s) == {3600.0}
    parts = parts_of_day(period, "Asia/Shanghai", [("day", 6, 22), ("night", 22, 6)])
    assert parts.lengths_s.tolist() == [7 * 16 * 3600, 7 * 8 * 3600]
    with pytest.raises(ValueError, match="holds an hour of another"):
        parts_of_day(period, "UTC", [("day", 6, 22), ("evening", 20, 24)])


def test_a_clock_set_forward_and_back_keeps_every_second() -> None:
    period = Period(datetime(2026, 1, 1, 0, 30, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    for zone in ("America/Chicago", "Asia/Kolkata", "Australia/Lord_Howe"):
        plan = hours_of_week(period, zone)
        assert plan.lengths_s.sum() == (period.end - period.start).total_seconds()
        assert (np.diff(plan.edges_ms) > 0).all()


def test_jumps_doubles_and_lesser_sources_are_left_out() -> None:
    jump = clean_tracks(fixes((0, 50), (10, 9000), (20, 60), (20, 60)))
    assert jump.dropped == {Drop.TELEPORT: 1, Drop.DUPLICATE: 1}
    # The first was the jump: three fixes that fit each other say so.
    moved = clean_tracks(fixes((0, 9000), (10, 50), (20, 51), (30, 52), (40, 53)))
    assert moved.dropped == {Drop.TELEPORT: 2}
    assert moved.fixes.x.tolist() == [9000, 52, 53]
    # After a silence any place is reachable.
    assert not clean_tracks(fixes((0, 9000), (400, 50))).dropped
    ranks = np.array([0, 1, 0, 1, 1])
    both = clean_tracks(fixes((0, 50), (50, 90), (100, 60), (191, 95), (400, 99), rank=ranks))
    assert both.dropped == {Drop.OTHER_SOURCE: 1}  # 191 s is 91 s after the better one
    poor = clean_tracks(fixes((0, 50), (10, 60), accuracy_m=np.array([51.0, 50.0])))
    assert poor.dropped == {Drop.INACCURATE: 1}


def test_smoothing_keeps_a_walker_on_one_side_of_a_border() -> None:
    # Along a street 6 m inside A, with 8 m of noise: raw fixes jump over the border at x = 100.
    rng = np.random.default_rng(1)
    seconds = np.arange(0, 600, 10.0)
    x, y = 94 + rng.normal(0, 8, 60), 10 + seconds / 10
    columns = FixColumns.of(np.zeros(60), START_MS + seconds * 1000, x, y)
    raw = find_presence(clean_tracks(columns), TWO, rules=RAW)
    smooth = find_presence(clean_tracks(columns), TWO)
    in_b = [float((each.end_ms - each.start_ms)[each.place == 1].sum()) for each in (raw, smooth)]
    assert in_b[1] < in_b[0] / 2


def test_rasters_agree_with_what_they_were_made_from() -> None:
    bounds = (112.50, 37.80, 112.52, 37.81)
    squares = raster_of_squares(bounds, 150.0)
    assert squares.area_m2[0] == 150.0**2
    halves = [shapely.box(112.50, 37.80, 112.51, 37.81), shapely.box(112.51, 37.80, 112.52, 37.81)]
    grids = raster_of_polygons(["w", "e"], np.array(halves, object))
    assert grids.area_m2[0] == pytest.approx(grids.area_m2[1], rel=0.02)
    across = geodesic_distance_m(112.50, 37.805, 112.51, 37.805)
    up = geodesic_distance_m(112.50, 37.80, 112.50, 37.81)
    assert grids.area_m2[0] == pytest.approx(across * up, rel=0.02)
    cells = raster_of_h3_cells(bounds, 9)
    assert (cells.places != NO_PLACE).all()
    line = shapely.LineString([(112.505, 37.805), (112.515, 37.805)])
    street = raster_near(["s"], np.array([line], object), reach_m=20.0)
    length = geodesic_distance_m(112.505, 37.805, 112.515, 37.805)
    assert street.area_m2[0] == pytest.approx(length * 40 + np.pi * 400, rel=0.02)
    with pytest.raises(ValueError, match="smaller area or a larger step"):
        raster_of_squares((100, 20, 120, 50), 10.0)


positions = st.lists(
    st.tuples(
        st.integers(0, 2), st.integers(0, 2400), st.integers(-20, 220),
        st.sampled_from([5.0, 20.0, 80.0, np.nan]), st.integers(0, 1), st.booleans(),
    ),
    min_size=1, max_size=60,
)  # fmt: skip


def columns_of(rows: list[tuple[int, int, int, float, int, bool]]) -> FixColumns:
    unit, seconds, x, accuracy, rank, responding = (
        np.array(each) for each in zip(*rows, strict=True)
    )
    return FixColumns.of(
        unit, START_MS + seconds * 1000, x, np.full(len(x), 50.0), accuracy_m=accuracy, rank=rank,
        responding=responding,
    )  # fmt: skip


@given(rows=positions, data=st.data())
@settings(max_examples=200)
def test_the_same_log_shuffled_doubled_and_in_parts_gives_the_same_bytes(
    rows: list[tuple[int, int, int, float, int, bool]], data: st.DataObject
) -> None:
    whole = CoverageState(TWO)
    assert whole.update(columns_of(rows)) == len({str(row) for row in rows})
    shuffled = data.draw(st.permutations(rows + rows[:5]))
    parts = CoverageState(TWO)
    while shuffled:
        size = data.draw(st.integers(1, len(shuffled)))
        parts.update(columns_of(shuffled[:size]))
        shuffled = shuffled[size:]
    assert parts.to_bytes() == whole.to_bytes()
    straight = find_presence(clean_tracks(columns_of(rows)), TWO)
    assert b"".join(each.tobytes() for each in straight.each()) == whole.to_bytes()


def test_a_long_day_in_parts_gives_the_same_bytes() -> None:
    # Long enough that most of it is not computed again: the look back is some ten minutes.
    rng = np.random.default_rng(3)
    seconds = np.cumsum(
        rng.choice([5, 10, 30, 60, 200, 400], 2000, p=[0.3, 0.4, 0.2, 0.06, 0.03, 0.01])
    )
    x = 100 + np.cumsum(rng.normal(0, 8, 2000)).clip(-150, 150)
    x[rng.random(2000) < 0.01] += 5000
    columns = FixColumns.of(
        np.zeros(2000), START_MS + seconds * 1000, x, rng.uniform(0, 100, 2000),
        rank=rng.choice(2, 2000), accuracy_m=rng.uniform(5, 55, 2000),
    )  # fmt: skip
    whole = CoverageState(TWO)
    whole.update(columns)
    for order in (np.arange(2000), rng.permutation(2000), np.arange(2000)[::-1]):
        parts = CoverageState(TWO)
        for chunk in np.array_split(order, 150):
            parts.update(columns.take(chunk))
        assert parts.to_bytes() == whole.to_bytes()


@given(rows=positions, more=positions)
@settings(max_examples=50)
def test_time_in_places_is_never_more_than_time(
    rows: list[tuple[int, int, int, float, int, bool]],
    more: list[tuple[int, int, int, float, int, bool]],
) -> None:
    presence = presence_of(columns_of(rows + more))
    assert (presence.end_ms > presence.start_ms).all()
    for unit in np.unique(presence.unit):
        mine = presence.take(presence.unit == unit)
        assert (mine.start_ms[1:] >= mine.end_ms[:-1]).all()


def test_a_stop_is_where_its_fixes_are_on_the_whole_and_near_a_border_in_doubt() -> None:
    """Ten minutes of fixes every 30 s that err by 8 m to either side of where the unit stands."""
    rng = np.random.default_rng(1)
    for middle, doubt in ((92.0, False), (99.5, True)):
        given = fixes(*((30.0 * k, middle + rng.choice([-8, 8])) for k in range(21)))
        pieces = find_presence(clean_tracks(given), TWO)
        length = pieces.end_ms - pieces.start_ms
        in_own = length[pieces.place == 0].sum() / length.sum()
        if not doubt:
            assert in_own == 1.0  # fix by fix it would have jumped over at 100 m
            assert length[pieces.certainty == 0].sum() > 0.9 * length.sum()
        else:
            assert length[pieces.certainty == 1].sum() > 0.5 * length.sum()
