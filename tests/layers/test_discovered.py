"""The feedback of patrols on what they find: it runs away, and with the correction it doesn't."""

from __future__ import annotations

import numpy as np
import pytest

from geo.errors import InvalidInput
from layers.discovered import SOURCES, WEIGHT_MAX, feeds_the_model, presence_weights

TRUE_RATES = np.array([1.0, 1.5, 2.0, 2.5, 3.0])  # incidents a patrol hour meets, by area
HOURS_A_DAY = 24.0


def patrol_shares(*, corrected: bool, days: int, seed: int) -> np.ndarray:
    """Return the share of patrol time of each area in the end: allotted by what was found so far.

    Each day's hours go to the areas in proportion to what was found there; found is in proportion
    to the time spent (Ensign et al. 2018, with a rate that doesn't change).
    """
    random = np.random.default_rng(seed)
    found = np.ones(len(TRUE_RATES))  # a first guess: all alike
    presence, recorded = np.zeros(len(TRUE_RATES)), np.zeros(len(TRUE_RATES))
    for _ in range(days):
        hours = HOURS_A_DAY * found / found.sum()
        today = random.poisson(TRUE_RATES * hours)
        presence += hours
        recorded += today
        weights = presence_weights(presence) if corrected else 1.0
        found = 1.0 + recorded * weights
    return found / found.sum()


def test_with_the_correction_patrol_converges_to_the_true_rates() -> None:
    true = TRUE_RATES / TRUE_RATES.sum()
    for seed in range(5):
        shares = patrol_shares(corrected=True, days=2_000, seed=seed)
        assert np.abs(shares / true - 1).max() < 0.05


def test_without_it_patrol_runs_away() -> None:
    true = TRUE_RATES / TRUE_RATES.sum()
    for seed in range(5):
        shares = patrol_shares(corrected=False, days=2_000, seed=seed)
        # The busiest area draws far more than its share, the quietest starves.
        assert shares[-1] > 1.5 * true[-1]
        assert shares[0] < 0.5 * true[0]
    # and it goes on: later is worse
    early = patrol_shares(corrected=False, days=200, seed=1)
    late = patrol_shares(corrected=False, days=4_000, seed=1)
    assert late[-1] > early[-1]


def test_only_what_residents_report_feeds_the_model_by_default() -> None:
    assert feeds_the_model(list(SOURCES)).tolist() == [True, False, False, False]
    allowed = feeds_the_model(list(SOURCES), allowed=("resident_reported", "officer_initiated"))
    assert allowed.tolist() == [True, True, False, False]
    with pytest.raises(InvalidInput, match="unknown"):
        feeds_the_model(["resident_reported", "overheard"])


def test_weights_worked_by_hand() -> None:
    # presence 1, 3, 0 hours: mean 4/3; weights 4/3, 4/9; nobody there: 0
    assert presence_weights([1, 3, 0]) == pytest.approx([4 / 3, 4 / 9, 0])
    assert presence_weights([0.001, 100]).max() == WEIGHT_MAX
    with pytest.raises(InvalidInput, match="0 everywhere"):
        presence_weights([0, 0])
