"""Density, change, concentration and hours of the week: small cases by hand, laws, bad input."""

from __future__ import annotations

import h3.api.basic_int as h3
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import InvalidInput, InvalidPeriod, TooFewIncidents
from geo.h3_cells import h3_cell_area_m2
from layers.statistics.concentration import concentration_curve
from layers.statistics.density_picture import density_picture
from layers.statistics.period_change import period_change
from layers.statistics.week_hours import aoristic_week

CENTRE = h3.latlng_to_cell(37.87, 112.55, 9)
ZONE = "Asia/Shanghai"


def at(*texts: str, zone: str = ZONE) -> pd.Series:
    return pd.Series(pd.to_datetime(list(texts)).tz_localize(zone))


def test_density_adds_up_to_the_events() -> None:
    cells = np.array(sorted(h3.grid_disk(CENTRE, 20)), dtype=np.int64)
    counts = np.where(cells == CENTRE, 50.0, 0.0)
    picture = density_picture(counts, cells, bandwidth_m=600)
    total = (picture.density * h3_cell_area_m2(cells) / 1e6).sum()
    assert total == pytest.approx(50, rel=0.03)  # 1.1 % lie beyond three bandwidths
    # at its own centre: 50 / (2 pi 0.6^2) per km2
    assert picture.density.max() == pytest.approx(50 / (2 * np.pi * 0.36), rel=0.01)
    assert int(np.argmax(picture.density)) == int(np.flatnonzero(cells == CENTRE)[0])


def test_a_bandwidth_narrower_than_a_cell_is_refused() -> None:
    with pytest.raises(InvalidInput, match="narrower than a cell's edge"):
        density_picture([1.0], [CENTRE], bandwidth_m=50)


def test_change_worked_by_hand() -> None:
    # 4 to 9: 2 (3 - 2) = 2; z = 2 / sqrt 2. From 2 to 4 nothing can be told, 100 % or not.
    found = period_change([4, 2, 100, 1], [9, 4, 196, 1])
    assert found.change == pytest.approx([2, 2 * (2 - np.sqrt(2)), 8, 0])
    assert found.z[0] == pytest.approx(np.sqrt(2))
    assert found.is_more.tolist() == [False, False, True, False]
    assert found.is_too_few.tolist() == [False, False, False, True]


def test_periods_of_unequal_length_are_brought_to_one() -> None:
    # 90 in 90 days, then 30 in 30 days: no change. The spread of 30 and of 90/3: sqrt(1 + 1/3)
    found = period_change([90], [30], before_d=90, now_d=30)
    assert found.change == pytest.approx([0])
    more = period_change([90], [60], before_d=90, now_d=30)
    assert more.z == pytest.approx(2 * (np.sqrt(60) - np.sqrt(30)) / np.sqrt(4 / 3))


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=10)
def test_where_nothing_changed_hardly_anything_stands_out(seed: int) -> None:
    random = np.random.default_rng(seed)
    mean = random.gamma(2.0, 10.0, 400)
    found = period_change(random.poisson(mean), random.poisson(mean))
    assert (found.is_more | found.is_fewer).sum() <= 2
    assert found.z.std() == pytest.approx(1.0, abs=0.15)


def test_concentration_worked_by_hand() -> None:
    # 8 of 10 events in one of five places, 2 in another: 80 % in 20 % of the places
    curve = concentration_curve([0, 8, 0, 2, 0])
    assert curve.places_for(0.8) == pytest.approx(0.2)
    assert curve.places_for(1.0) == pytest.approx(0.4)
    assert curve.event_share == pytest.approx([0, 0.8, 1, 1, 1, 1])
    # ascending shares .2 at rank 4, .8 at rank 5: (2 * 4.8 - 6) / 5 = .72
    assert curve.gini == pytest.approx(0.72)


def test_fewer_events_than_places_are_not_called_concentrated() -> None:
    assert concentration_curve([1] * 10 + [0] * 90).gini == pytest.approx(0)
    assert concentration_curve([1] * 100).gini == pytest.approx(0)
    assert concentration_curve([10] + [0] * 99).gini > 0.9
    with pytest.raises(TooFewIncidents):
        concentration_curve([0, 0])


def test_an_event_is_spread_over_its_hours() -> None:
    # Monday 2024-01-01, 08:30 to 10:30: a quarter in hour 8, half in 9, a quarter in 10
    week = aoristic_week(at("2024-01-01 08:30"), at("2024-01-01 10:30"), zone=ZONE)
    assert week.weights[0, 8:11] == pytest.approx([0.25, 0.5, 0.25])
    assert week.weights.sum() == pytest.approx(1)
    # a moment lies in one hour; Sunday is the last row
    assert aoristic_week(at("2024-01-07 23:59"), zone=ZONE).weights[6, 23] == 1


def test_no_weight_is_lost_and_vague_events_are_counted() -> None:
    random = np.random.default_rng(1)
    start = pd.Series(
        pd.Timestamp("2024-01-01", tz="UTC")
        + pd.to_timedelta(random.uniform(0, 300, 500), unit="D")
    )
    end = start + pd.to_timedelta(random.exponential(30, 500), unit="h")
    week = aoristic_week(start, end, zone=ZONE)
    vague = int((end - start > pd.Timedelta(hours=168)).sum())
    assert week.n_too_vague == vague > 0
    assert week.weights.sum() == pytest.approx(week.n_events) == 500 - vague


def test_the_hour_that_summer_time_skips_gets_nothing() -> None:
    # Chicago, 2016-03-13: from 02:00 clocks go to 03:00. 01:30 to 03:30 is one hour long.
    week = aoristic_week(
        at("2016-03-13 01:30", zone="America/Chicago"),
        at("2016-03-13 03:30", zone="America/Chicago"),
        zone="America/Chicago",
    )
    assert week.weights[6, 1:4] == pytest.approx([0.5, 0, 0.5])


def test_a_shift_gets_its_share_of_the_week() -> None:
    # all events on Mondays from 22 to 24, evenly: a shift from 23:00 to 07:00 gets half of them
    week = aoristic_week(at("2024-01-01 22:00"), at("2024-01-02 00:00"), zone=ZONE)
    monday = pd.Timestamp("2024-01-08 23:00", tz=ZONE)
    assert week.share_of_week(monday, 8) == pytest.approx(0.5)
    assert week.share_of_week(monday, 168) == pytest.approx(1.0)


def test_bad_times_are_refused() -> None:
    with pytest.raises(InvalidPeriod, match="without zone"):
        aoristic_week(pd.Series(pd.to_datetime(["2024-01-01"])), zone=ZONE)
    with pytest.raises(InvalidPeriod, match="end before they start"):
        aoristic_week(at("2024-01-02"), at("2024-01-01"), zone=ZONE)
    with pytest.raises(InvalidInput, match="zone is “Mars”"):
        aoristic_week(at("2024-01-01"), zone="Mars")
