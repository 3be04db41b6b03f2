"""Shrunken rates: by hand, laws, and truth on generated places."""

from __future__ import annotations

import h3.api.basic_int as h3
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import gamma

from geo.errors import InvalidInput, TooFewIncidents
from layers.neighbours import h3_neighbours
from layers.statistics.shrunken_rates import (
    average_with_neighbours,
    fit_shape,
    mixture_weights,
    shrink_to_global_mean,
    shrink_to_local_mean,
    shrunken_rates,
)

CENTRE = h3.latlng_to_cell(37.87, 112.55, 9)
CELLS = np.array(sorted(h3.grid_disk(CENTRE, 15)), dtype=np.int64)
NEIGHBOURS = h3_neighbours(CELLS)
DISTANCE = np.array([h3.grid_distance(CENTRE, int(cell)) for cell in CELLS])


def test_a_rate_is_the_posterior_mean() -> None:
    # prior mean m = 0.5 a year, e = 4 years, n = 6: rate = 0.5 (a + 6) / (a + 2) for the shape
    # found
    found = shrunken_rates(np.array([6.0, 0.0]), np.array([4.0, 4.0]), np.array([0.5, 0.5]))
    a = found.shape
    assert found.rate == pytest.approx([0.5 * (a + 6) / (a + 2), 0.5 * a / (a + 2)])
    # the posterior is a gamma of shape a + n with this mean
    assert found.high[0] == pytest.approx(gamma.ppf(0.975, a + 6, scale=found.rate[0] / (a + 6)))


@given(seed=st.integers(0, 2**32 - 1), exposed=st.booleans())
@settings(max_examples=20, deadline=None)
def test_a_rate_lies_between_the_prior_and_the_count(seed: int, exposed: bool) -> None:
    random = np.random.default_rng(seed)
    counts = random.poisson(random.gamma(0.5, 4.0, len(CELLS))).astype(float)
    counts[0] += 1
    exposure = random.uniform(0.5, 3.0, len(CELLS)) if exposed else None
    bare = counts / (1.0 if exposure is None else exposure)
    for found in (
        shrink_to_global_mean(counts, exposure),
        shrink_to_local_mean(counts, NEIGHBOURS, exposure=exposure),
    ):
        low, high = np.minimum(bare, found.prior_mean), np.maximum(bare, found.prior_mean)
        assert (found.rate >= low - 1e-9).all()
        assert (found.rate <= high + 1e-9).all()
        assert (found.low <= found.rate).all()
        assert (found.rate <= found.high).all()


def test_shrunken_rates_are_nearer_the_truth_than_counts_and_local_nearer_than_global() -> None:
    random = np.random.default_rng(4)
    truth = 0.3 + 3.0 * np.exp(-(DISTANCE**2) / 40.0) * random.gamma(2.0, 0.5, len(CELLS))
    counts = random.poisson(truth).astype(float)
    errors = [
        np.abs(rate - truth).mean()
        for rate in (
            counts,
            shrink_to_global_mean(counts).rate,
            shrink_to_local_mean(counts, NEIGHBOURS).rate,
        )
    ]
    assert errors[2] < errors[1] < errors[0]


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    random = np.random.default_rng(6)
    truth = random.gamma(1.5, 2.0, len(CELLS))
    found = shrink_to_global_mean(random.poisson(truth))
    held = (truth >= found.low) & (truth <= found.high)
    # 721 places: 95 % +- 1.6 % at two standard errors
    assert 0.92 < held.mean() < 0.98


def test_other_events_say_where_there_is_something_to_happen_to() -> None:
    random = np.random.default_rng(8)
    people = random.gamma(0.3, 10.0, len(CELLS))
    counts = random.poisson(people * 0.05).astype(float)
    others = random.poisson(people * 3.0)
    alone = shrink_to_local_mean(counts, NEIGHBOURS)
    helped = shrink_to_local_mean(counts, NEIGHBOURS, other_counts=others)
    truth = people * 0.05
    assert np.abs(helped.rate - truth).mean() < 0.6 * np.abs(alone.rate - truth).mean()
    assert helped.weights["others here"] > 0.8
    assert sum(helped.weights.values()) == pytest.approx(1.0)


def test_the_shape_is_found_again() -> None:
    random = np.random.default_rng(9)
    for shape in (0.5, 2.0, 8.0):
        counts = random.poisson(random.gamma(shape, 6.0 / shape, 20_000)).astype(float)
        assert fit_shape(counts, np.full(20_000, 6.0)) == pytest.approx(shape, rel=0.1)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_a_step_of_the_weights_never_loses_likelihood(seed: int) -> None:
    random = np.random.default_rng(seed)
    expected = random.gamma(1.0, 1.0, (3, 60))
    counts = random.poisson(expected.T @ np.array([0.6, 0.1, 0.3])).astype(float)
    counts[0] += 1

    def likelihood(weights: np.ndarray) -> float:
        mean = weights @ expected
        return float((counts * np.log(mean) - mean).sum())

    path = [likelihood(mixture_weights(expected, counts, steps=steps)) for steps in range(6)]
    assert (np.diff(path) >= -1e-9).all()


def test_averaging_keeps_what_is_even_and_spreads_what_is_not() -> None:
    assert average_with_neighbours(np.ones(len(CELLS)), NEIGHBOURS, steps=5) == pytest.approx(1.0)
    peak = np.where(DISTANCE == 0, 7.0, 0.0)
    assert average_with_neighbours(peak, NEIGHBOURS, steps=1)[DISTANCE <= 1] == pytest.approx(1.0)


def test_without_exposure_the_prior_stands() -> None:
    found = shrink_to_global_mean([4, 0, 0], [2, 2, 0])
    assert found.rate[2] == pytest.approx(1.0)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(TooFewIncidents, match="no event"):
        shrink_to_global_mean([0, 0])
    with pytest.raises(InvalidInput, match="negative"):
        shrink_to_global_mean([1, -1])
    with pytest.raises(InvalidInput, match="one of each"):
        shrink_to_global_mean([1, 1], [1])
