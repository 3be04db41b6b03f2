"""The forecast on generated cities: what it knows, what it learns, what it may not look at."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from geo.errors import InvalidInput, TooFewIncidents
from layers.hotspots.ranking import (
    COUNT,
    LONG_RUN,
    HotspotForecaster,
    is_coloured,
    top_places,
)
from layers.placed_events import place_events
from layers.statistics.shrunken_rates import shrink_to_global_mean
from tests.layers.generated_events import START, city, repeating_events, steady_events, true_rates

CELLS = city()
FIRST_DAY = START.timestamp() / 86_400


def test_nothing_after_the_origin_is_looked_at() -> None:
    random = np.random.default_rng(1)
    events = steady_events(CELLS, true_rates(CELLS, random, a_day=8.0), 300, random)
    known = events[events["at"] < START + pd.Timedelta(days=200)]
    origin = FIRST_DAY + 200
    of_all = HotspotForecaster(place_events(events, CELLS)).forecast(origin, 7)
    of_known = HotspotForecaster(place_events(known, CELLS)).forecast(origin, 7)
    assert of_all.expected == pytest.approx(of_known.expected)
    assert of_all.n_windows == of_known.n_windows > 0


def test_the_expected_counts_add_up_and_the_parts_to_them() -> None:
    random = np.random.default_rng(2)
    rates = true_rates(CELLS, random, a_day=20.0)
    events = place_events(steady_events(CELLS, rates, 400, random), CELLS)
    found = HotspotForecaster(events).forecast(FIRST_DAY + 400, 30)
    assert np.sum(list(found.parts.values()), axis=0) == pytest.approx(found.expected)
    assert sum(found.weights.values()) == pytest.approx(1.0)
    top = np.argsort(-rates)[:50]
    assert found.expected[top].sum() == pytest.approx(30 * rates[top].sum(), rel=0.1)


def test_the_interval_holds_what_comes_as_often_as_it_says() -> None:
    random = np.random.default_rng(3)
    rates = true_rates(CELLS, random, a_day=30.0)
    events = place_events(steady_events(CELLS, rates, 430, random), CELLS)
    found = HotspotForecaster(events).forecast(FIRST_DAY + 400, 30)
    came = events.counts(FIRST_DAY + 400, FIRST_DAY + 430)
    top = np.argsort(-found.expected)[:200]
    held = (came[top] >= found.low[top]) & (came[top] <= found.high[top])
    assert held.mean() > 0.9  # whole numbers: at least as often as 95 %, but for chance


def test_where_events_repeat_the_recent_ones_gain_weight() -> None:
    random = np.random.default_rng(4)
    rates = true_rates(CELLS, random, a_day=25.0)
    weights = []
    for make in (steady_events, repeating_events):
        events = place_events(make(CELLS, rates, 400, random), CELLS)
        weights.append(HotspotForecaster(events).forecast(FIRST_DAY + 400, 7).weights)
    steady, repeating = (
        sum(weight for name, weight in of.items() if "7 days" in name) for of in weights
    )
    assert repeating > 2 * steady
    assert weights[0][LONG_RUN] + weights[0][COUNT] > 0.6


def test_a_shift_is_the_share_of_a_week() -> None:
    random = np.random.default_rng(5)
    events = place_events(
        steady_events(CELLS, true_rates(CELLS, random, a_day=8.0), 300, random), CELLS
    )
    forecaster = HotspotForecaster(events)
    week = forecaster.forecast(FIRST_DAY + 300, 7)
    shift = forecaster.forecast(FIRST_DAY + 300, 1 / 3)
    assert shift.expected == pytest.approx(week.expected / 21)


def test_little_history_teaches_no_weights() -> None:
    random = np.random.default_rng(6)
    events = place_events(
        steady_events(CELLS, true_rates(CELLS, random, a_day=2.0), 60, random), CELLS
    )
    found = HotspotForecaster(events).forecast(FIRST_DAY + 60, 7)
    assert found.n_windows == 0
    assert found.weights[LONG_RUN] == pytest.approx(0.7)


def test_before_the_first_event_nothing_can_be_said() -> None:
    random = np.random.default_rng(7)
    events = place_events(
        steady_events(CELLS, true_rates(CELLS, random, a_day=2.0), 60, random), CELLS
    )
    with pytest.raises(TooFewIncidents):
        HotspotForecaster(events).forecast(FIRST_DAY, 7)
    with pytest.raises(InvalidInput, match="horizon is 0"):
        HotspotForecaster(events).forecast(FIRST_DAY + 30, 0)


def test_five_incidents_in_all_make_no_colour_and_no_crash() -> None:
    events = steady_events(CELLS, np.full(len(CELLS), 1.0), 1, np.random.default_rng(8)).head(5)
    placed = place_events(events, CELLS)
    found = HotspotForecaster(placed).forecast(FIRST_DAY + 30, 7)
    assert np.isfinite(found.expected).all()
    assert not is_coloured(found.long_run).any()


def test_a_cell_with_half_of_all_is_ranked_first_and_bends_nothing_else() -> None:
    random = np.random.default_rng(9)
    rates = true_rates(CELLS, random, a_day=8.0)
    events = steady_events(CELLS, rates, 300, random)
    station = int(CELLS[-1])
    at_station = events.assign(h3_cell=station)
    plain = HotspotForecaster(place_events(events, CELLS)).forecast(FIRST_DAY + 300, 30)
    both = HotspotForecaster(
        place_events(pd.concat((events, at_station), ignore_index=True), CELLS)
    ).forecast(FIRST_DAY + 300, 30)
    assert int(np.argmax(both.expected)) == len(CELLS) - 1
    top = set(np.argsort(-plain.expected)[:30].tolist())
    still = set(np.argsort(-both.expected)[:60].tolist())
    assert len(top & still) >= 24


def test_only_enough_events_surely_above_the_mean_are_coloured() -> None:
    counts = np.concatenate((np.full(200, 1.0), [4.0, 30.0]))
    assert np.flatnonzero(is_coloured(shrink_to_global_mean(counts))).tolist() == [201]


def test_the_top_fits_the_budget() -> None:
    assert top_places([1, 3, 2, 3], [10, 10, 10, 10], budget_m2=25).tolist() == [1, 3]
    assert top_places([1, 3], [10, 10], budget_m2=5).tolist() == []


def test_events_outside_are_counted_and_left_out() -> None:
    random = np.random.default_rng(10)
    events = steady_events(CELLS, np.full(len(CELLS), 0.01), 30, random)
    placed = place_events(events, CELLS[:500])
    assert placed.n_outside == int((~events["h3_cell"].isin(CELLS[:500])).sum()) > 0
    assert placed.counts(FIRST_DAY, FIRST_DAY + 30).sum() == len(events) - placed.n_outside


def test_times_without_zone_are_refused() -> None:
    events = pd.DataFrame(
        {"at": pd.to_datetime(["2024-01-01"]), "h3_cell": [int(CELLS[0])], "category": ["theft"]}
    )
    with pytest.raises(InvalidInput, match="zone"):
        place_events(events, CELLS)


def test_the_order_of_cells_and_events_changes_nothing() -> None:
    random = np.random.default_rng(11)
    events = steady_events(CELLS, true_rates(CELLS, random, a_day=6.0), 200, random)
    straight = HotspotForecaster(place_events(events, CELLS)).forecast(FIRST_DAY + 200, 7)
    shuffled = random.permutation(len(CELLS))
    mixed = HotspotForecaster(
        place_events(events.sample(frac=1, random_state=1), CELLS[shuffled])
    ).forecast(FIRST_DAY + 200, 7)
    assert mixed.expected == pytest.approx(straight.expected[shuffled])
