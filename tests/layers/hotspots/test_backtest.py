"""The backtest: scores by hand, the rule for ties, honest intervals, and what it can't judge."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import InvalidInput
from layers.hotspots.backtest import (
    COUNTS,
    FORECAST,
    RANDOM,
    Backtest,
    backtest,
    default_scores,
    flagged_share,
    offered_default,
    rolling_origins,
)
from layers.placed_events import PlacedEvents, place_events
from tests.layers.generated_events import START, city, repeating_events, steady_events, true_rates

CELLS = city()
AREA = np.ones(len(CELLS))
FIRST_DAY = START.timestamp() / 86_400


def run(
    events: PlacedEvents, days: float, horizon_d: float, *, share: float = 0.05, seed: int = 1
) -> Backtest:
    return backtest(
        events, AREA, default_scores(events),
        origins=rolling_origins(FIRST_DAY + days / 2, FIRST_DAY + days, horizon_d),
        horizon_d=horizon_d, area_share=share, random=np.random.default_rng(seed),
    )  # fmt: skip


def test_scores_worked_by_hand() -> None:
    # Ten places of equal area, one flagged (share .1). Before: 3 events in place 0, 1 in place 1.
    # After: 2 in place 0, 3 in place 1, 5 in place 2: counts flag place 0 and catch 2 of 10:
    # PAI = .2 / .1 = 2; at best 5: PEI = .4
    cells = CELLS[:10]
    before = [cells[0]] * 3 + [cells[1]]
    after = [cells[0]] * 2 + [cells[1]] * 3 + [cells[2]] * 5
    events = place_events(
        pd.DataFrame(
            {
                "at": [START + pd.Timedelta(days=1)] * 4 + [START + pd.Timedelta(days=11)] * 10,
                "h3_cell": before + after,
                "category": "theft",
            }
        ),
        cells,
    )
    scores = default_scores(events)
    result = backtest(
        events, np.ones(10), {COUNTS: scores[COUNTS], RANDOM: scores[RANDOM]},
        origins=(FIRST_DAY + 10,), horizon_d=7, area_share=0.1, random=np.random.default_rng(1),
    )  # fmt: skip
    assert result.scores[COUNTS].caught == pytest.approx(2)
    assert result.scores[COUNTS].pai == pytest.approx(2.0)
    assert result.scores[COUNTS].pei == pytest.approx(0.4)
    assert result.scores[RANDOM].pai == pytest.approx(1.0)
    assert not result.is_judged
    assert "Cannot be judged: 10 events in 1 windows" in result.sentence
    assert offered_default(result) == COUNTS


def test_ties_share_what_is_left_of_the_budget() -> None:
    # 3 first, then two tied at 2 with one and a half of a budget of 2.5 left: 3/4 each
    flagged = flagged_share([1, 2, 3, 2], np.ones(4), 2.5)
    assert flagged == pytest.approx([0, 0.75, 1, 0.75])


@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0.001, 1.0), places=st.integers(1, 40))
def test_the_flagged_area_is_exactly_the_budget(seed: int, share: float, places: int) -> None:
    random = np.random.default_rng(seed)
    area = random.uniform(0.5, 2.0, places)
    score = random.integers(0, 4, places)
    flagged = flagged_share(score, area, share * area.sum())
    assert (flagged * area).sum() == pytest.approx(share * area.sum())
    order = np.argsort(-score, kind="stable")
    assert (np.diff(flagged[order]) <= 1e-12).all()


def test_windows_follow_each_other_and_end_at_the_end() -> None:
    assert rolling_origins(0, 30, 7) == (2, 9, 16, 23)
    assert rolling_origins(0, 6, 7) == ()
    assert rolling_origins(0, 700, 7, windows_max=3) == (679, 686, 693)


def test_the_forecast_beats_counts_where_data_are_thin() -> None:
    random = np.random.default_rng(2)
    rates = true_rates(CELLS, random, a_day=3.0)
    result = run(place_events(steady_events(CELLS, rates, 700, random), CELLS), 700, 30)
    forecast, counts = result.scores[FORECAST], result.scores[COUNTS]
    assert forecast.pai > counts.pai > 2
    assert forecast.pai_low < forecast.pai < forecast.pai_high
    assert offered_default(result) == FORECAST


def test_the_forecast_beats_counts_where_events_repeat() -> None:
    random = np.random.default_rng(3)
    rates = true_rates(CELLS, random, a_day=12.0)
    result = run(place_events(repeating_events(CELLS, rates, 500, random), CELLS), 500, 7)
    assert result.scores[FORECAST].judgement == "better"


def test_the_forecast_is_no_worse_where_counting_is_best() -> None:
    # Many events, steady, and neighbours that say nothing of each other.
    random = np.random.default_rng(4)
    rates = random.gamma(0.5, 1.0, len(CELLS))
    events = place_events(steady_events(CELLS, rates * 60 / rates.sum(), 500, random), CELLS)
    result = run(events, 500, 30)
    forecast, counts = result.scores[FORECAST], result.scores[COUNTS]
    assert forecast.judgement in ("no difference shown", "better")
    assert forecast.pai > 0.99 * counts.pai


def test_without_structure_nobody_beats_random() -> None:
    random = np.random.default_rng(5)
    events = place_events(steady_events(CELLS, np.full(len(CELLS), 0.02), 400, random), CELLS)
    result = run(events, 400, 30)
    for score in result.scores.values():
        assert score.pai_low < 1.1
        assert score.pai == pytest.approx(1.0, abs=0.2)


def test_intervals_hold_the_truth_of_a_steady_city() -> None:
    random = np.random.default_rng(6)
    rates = true_rates(CELLS, random, a_day=20.0)
    held = 0
    for seed in range(20):
        random = np.random.default_rng(100 + seed)
        events = place_events(steady_events(CELLS, rates, 60, random), CELLS)
        score = backtest(
            events, AREA, {COUNTS: lambda origin, horizon: rates},
            origins=(FIRST_DAY + 30,), horizon_d=30, area_share=0.05, random=random,
        ).scores[COUNTS]  # fmt: skip
        true_pai = (
            (rates * flagged_share(rates, AREA, 0.05 * len(CELLS))).sum() / rates.sum() / 0.05
        )
        held += score.pai_low <= true_pai <= score.pai_high
    assert held >= 16  # of 20 at 95 %: 15 or fewer happen in 1 of 380 runs


def test_a_period_too_short_is_refused() -> None:
    random = np.random.default_rng(7)
    events = place_events(steady_events(CELLS, np.full(len(CELLS), 0.02), 40, random), CELLS)
    with pytest.raises(InvalidInput, match="too short"):
        run(events, 40, 30)


def test_without_any_event_nothing_is_said() -> None:
    events = place_events(
        steady_events(CELLS, np.full(len(CELLS), 1.0), 1, np.random.default_rng(8)), CELLS
    )
    result = backtest(
        events, AREA, default_scores(events), origins=(FIRST_DAY + 50,), horizon_d=7,
        area_share=0.05, random=np.random.default_rng(8),
    )  # fmt: skip
    assert result.n_events == 0
    assert np.isnan(result.scores[COUNTS].pai)
    assert offered_default(result) == COUNTS
