"""A shift's list: fits its area, says why, adds up, and shows what it would have caught."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from geo.errors import InvalidInput
from layers.hotspots.shift_forecast import ShiftForecast, forecast_shift
from layers.placed_events import place_events
from layers.statistics.week_hours import aoristic_week
from tests.layers.generated_events import START, city, repeating_events, steady_events, true_rates

CELLS = city(12)
AREA = np.full(len(CELLS), 100_000.0)
SHIFT = START + pd.Timedelta(days=300, hours=14)  # 22:00 in Shanghai


def listed(events: pd.DataFrame, **options: object) -> ShiftForecast:
    given: dict[str, object] = {"start": SHIFT, "hours": 8, "budget_m2": 1e6} | options
    return forecast_shift(
        place_events(events, CELLS), AREA, random=np.random.default_rng(1), **given
    )  # type: ignore[arg-type]


def test_the_list_fits_says_why_and_adds_up() -> None:
    random = np.random.default_rng(1)
    rates = true_rates(CELLS, random, a_day=15.0)
    found = listed(steady_events(CELLS, rates, 300, random))
    assert len(found.places) == 10
    assert (np.diff(found.places["expected"]) <= 0).all()
    parts = found.places[["history", "surroundings", "recent here", "recent near"]]
    assert parts.sum(axis=1).to_numpy() == pytest.approx(found.places["expected"].to_numpy())
    assert set(found.places["reason"]) <= set(parts.columns)
    assert (found.places["low"] <= found.places["expected"]).all()
    # a third of a day at 15 a day; the list holds more than its share of the area
    assert found.expected_everywhere == pytest.approx(5.0, rel=0.15)
    assert found.expected_total > 3 * found.area_share * found.expected_everywhere
    assert found.would_have_caught is not None
    assert set(found.would_have_caught.scores) == {"forecast", "counts", "random"}
    assert found.would_have_caught.n_windows == 12


def test_a_short_history_has_a_list_and_no_past() -> None:
    random = np.random.default_rng(6)
    events = steady_events(CELLS, true_rates(CELLS, random, a_day=15.0), 8, random)
    found = listed(events, start=START + pd.Timedelta(days=8))
    assert len(found.places) == 10
    assert found.would_have_caught is None


def test_the_hours_of_the_week_share_a_week_out() -> None:
    random = np.random.default_rng(2)
    events = steady_events(CELLS, true_rates(CELLS, random, a_day=15.0), 300, random)
    at_night = events.assign(at=events["at"].dt.floor("D") + pd.Timedelta(hours=15))
    week = aoristic_week(at_night["at"], zone="Asia/Shanghai")  # all at 23:00
    night = listed(at_night, week=week)
    day = listed(at_night, week=week, start=SHIFT + pd.Timedelta(hours=9))
    assert night.expected_everywhere == pytest.approx(15.0, rel=0.25)
    assert day.expected_everywhere == pytest.approx(0.0, abs=1e-9)


def test_a_fresh_series_is_the_reason_given() -> None:
    random = np.random.default_rng(3)
    rates = true_rates(CELLS, random, a_day=15.0)
    events = repeating_events(CELLS, rates, 299, random)
    quiet = int(CELLS[int(np.argmin(rates))])
    series = pd.DataFrame(
        {
            "at": SHIFT - pd.to_timedelta(random.uniform(0, 4, 12), unit="D"),
            "h3_cell": quiet,
            "category": "theft",
        }
    )
    found = listed(pd.concat((events, series), ignore_index=True)).places.set_index("place")
    assert found.loc[int(np.flatnonzero(quiet == CELLS)[0]), "reason"] == "recent here"


def test_a_budget_below_one_place_is_refused() -> None:
    random = np.random.default_rng(4)
    events = steady_events(CELLS, true_rates(CELLS, random, a_day=15.0), 100, random)
    with pytest.raises(InvalidInput, match="holds not one place"):
        listed(events, budget_m2=10.0)
