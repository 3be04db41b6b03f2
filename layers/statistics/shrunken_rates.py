"""How many events a place has in the long run: its own count, pulled towards places like it.

A place with few events tells little about itself: none in a year may be luck, three in a week too.
So each place's rate is taken to come from a gamma distribution around a prior mean, and its own
events correct that mean (gamma-Poisson, "empirical Bayes": the prior is estimated from all places).
The more events a place has, the more it is believed:

    rate = m (a + n) / (a + m e),   prior mean m [events per exposure], shape a, n events, exposure
    e

With large m e it is n / e; with little data it stays near m. The prior mean is the same everywhere
(`shrink_to_global_mean`) or a local one (`shrink_to_local_mean`): what the place's neighbours,
wider surroundings and other kinds of events there suggest. How like such a mean the places are, is
the shape.

Limits: exposure must be known (households, street length; else each place counts as one). The local
mean blurs a border, such as a river, that neighbours lie across. Events that come in series
make a place look surer than it is.

Source: Clayton & Kaldor 1987, "Empirical Bayes estimates of age-standardized relative risks"; Hauer
1997 (prior from other characteristics of the place); Marshall 1991 (local means).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import gammaln
from scipy.stats import gamma

from geo.errors import InvalidInput, TooFewIncidents
from layers.neighbours import Neighbours

INTERVAL = 0.95
SHAPE_BOUNDS = (0.02, 200.0)  # beyond: places have nothing in common, or are all alike
WIDENINGS = (0, 3, 15)  # steps of averaging with the neighbours, after the first: near, wider, far
WEIGHT_STEPS = 150  # of the fit of the prior's weights; more change the rates by below 1 %

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ShrunkenRates:
    """Rates of n places [events per unit of exposure], with what they were pulled towards.

    `rate`, `low`, `high` : (n,) mean and the central 95 % of the gamma posterior
    `prior_mean` : (n,) where the rate would be without events of the place's own
    `shape` : of the prior; small: places differ much from the prior mean, their own count rules
    `weights` : how much each source gives to the local mean, shares that sum to 1; empty if global
    """

    rate: Floats
    low: Floats
    high: Floats
    prior_mean: Floats
    shape: float
    counts: Floats
    exposure: Floats
    weights: dict[str, float]

    @property
    def posterior_shape(self) -> Floats:
        """Shape of the gamma posterior of each place: the prior's and its own events."""
        return self.shape + self.counts


def shrink_to_global_mean(counts: ArrayLike, exposure: ArrayLike | None = None) -> ShrunkenRates:
    """Return the rate of each place, pulled towards the mean of all.

    Parameters
    ----------
    counts : (n,) events, none negative
    exposure : (n,) such as households, street length, years; 1 for each place if left out; 0 where
        nothing can happen, and there the rate is the prior mean

    Raises
    ------
    InvalidInput : lengths differ, a number is negative or missing
    TooFewIncidents : there is no event at all
    """
    events, exposed = _checked(counts, exposure)
    return shrunken_rates(events, exposed, np.full(len(events), events.sum() / exposed.sum()))


def shrink_to_local_mean(
    counts: ArrayLike,
    neighbours: Neighbours,
    *,
    exposure: ArrayLike | None = None,
    other_counts: ArrayLike | None = None,
) -> ShrunkenRates:
    """Return the rate of each place, pulled towards what its surroundings suggest.

    The prior mean is a sum of sources, none of which holds the place's own events: the rate of its
    neighbours, averaged over more and more of their neighbours (`WIDENINGS`), the events of other
    kinds at the place and beside it, and the mean of all. Their weights, none negative, are those
    that make the events of all places most likely (Poisson; expectation-maximisation).

    Parameters
    ----------
    counts, exposure : as of `shrink_to_global_mean`
    other_counts : (n,) events of other kinds; where there are many events of other kinds, there is
        more to happen to

    Raises
    ------
    InvalidInput, TooFewIncidents : as there
    """
    events, exposed = _checked(counts, exposure)
    sources = _sources(events, exposed, neighbours)
    if other_counts is not None:
        others, _ = _checked(other_counts, exposed, may_be_none=True)
        sources["others here"] = others
        sources["others near"] = exposed * _around(others, exposed, neighbours)
    expected = np.array([source for source in sources.values() if source.sum() > 0])
    names = [name for name, source in sources.items() if source.sum() > 0]
    # Each source alone would expect all events: the weights are then shares.
    expected *= (events.sum() / expected.sum(axis=1))[:, None]
    weights = mixture_weights(expected, events, steps=WEIGHT_STEPS)
    mean = weights @ expected
    with np.errstate(divide="ignore", invalid="ignore"):
        prior = np.where(exposed > 0, mean / exposed, events.sum() / exposed.sum())
    shares = dict(zip(names, (weights / weights.sum()).tolist(), strict=True))
    return shrunken_rates(events, exposed, prior, weights=shares)


def shrunken_rates(
    counts: Floats,
    exposure: Floats,
    prior_mean: Floats,
    *,
    weights: dict[str, float] | None = None,
) -> ShrunkenRates:
    """Return the rates for a prior mean that is given; only the shape is estimated (by likelihood).

    Parameters
    ----------
    counts, exposure, prior_mean : (n,), (n,) and (n,) [events per unit of exposure], above 0
    """
    expected = prior_mean * exposure
    shape = fit_shape(counts, expected)
    rate = prior_mean * (shape + counts) / (shape + expected)
    scale = rate / (shape + counts)
    tail = (1 - INTERVAL) / 2
    return ShrunkenRates(
        rate=rate,
        low=gamma.ppf(tail, shape + counts, scale=scale),
        high=gamma.ppf(1 - tail, shape + counts, scale=scale),
        prior_mean=prior_mean,
        shape=shape,
        counts=counts,
        exposure=exposure,
        weights=weights or {},
    )


def fit_shape(counts: Floats, expected: Floats) -> float:
    """Return the shape of the gamma around the expected counts that makes the counts most likely.

    The counts are then negative binomial: variance expected + expected2 / shape.
    """
    held = expected > 0
    events, means = counts[held], expected[held]
    seen = events > 0
    some, means_of_some = events[seen], means[seen]

    def loss(log_shape: float) -> float:
        shape = float(np.exp(log_shape))
        of_none = shape * np.log(shape / (shape + means)).sum()
        of_some = (
            gammaln(shape + some)
            - gammaln(shape)
            + some * np.log(means_of_some / (shape + means_of_some))
        ).sum()
        return -float(of_none + of_some)

    found = minimize_scalar(loss, bounds=np.log(SHAPE_BOUNDS), method="bounded")
    return float(np.exp(found.x))


def mixture_weights(
    expected: Floats, counts: Floats, *, steps: int, start: Floats | None = None
) -> Floats:
    """Return the weights of sources, none negative, that make counts most likely.

    Counts are Poisson with mean `weights @ expected`. Each step of expectation-maximisation shares
    every event out among the sources in proportion to what each expected there; the likelihood
    never falls. It starts from even weights, or from `start`, and stops after `steps`, which keeps
    weights of sources that tell little near where they began.

    Parameters
    ----------
    expected : (n_sources, n) [events], the sum of each above 0
    counts : (n,) [events]
    """
    totals = expected.sum(axis=1)
    seen = np.flatnonzero(counts)
    shown, events = np.ascontiguousarray(expected[:, seen]), counts[seen]
    weights: Floats = np.ones(len(expected)) if start is None else start.astype(float)
    weights = weights * events.sum() / (weights @ totals)
    for _ in range(steps):
        mean = weights @ shown
        weights = np.divide(weights * (shown @ (events / np.maximum(mean, 1e-300))), totals)
    return weights


def average_with_neighbours(values: Floats, neighbours: Neighbours, *, steps: int) -> Floats:
    """Return values averaged with those of the neighbours, again and again; an island keeps its
    own.

    Each step takes the plain mean of a place and its neighbours. On hexagons a step spreads a value
    over 0.93 of the distance between two centres (root mean square), n steps over sqrt(n) times it.
    """
    sizes = neighbours.counts + 1
    for _ in range(steps):
        values = np.divide(values + neighbours.sums(values), sizes)
    return values


def _sources(events: Floats, exposed: Floats, neighbours: Neighbours) -> dict[str, Floats]:
    near = _around(events, exposed, neighbours)
    sources: dict[str, Floats] = {}
    done = 0
    for steps in WIDENINGS:
        near = average_with_neighbours(near, neighbours, steps=steps - done)
        done = steps
        sources["neighbours" if steps == 0 else f"surroundings, {steps} steps"] = exposed * near
    sources["mean of all"] = exposed * (events.sum() / exposed.sum())
    return sources


def _around(events: Floats, exposed: Floats, neighbours: Neighbours) -> Floats:
    """Return the rate of the neighbours of each place, together; the mean of all where
    unexposed."""
    around = neighbours.sums(exposed)
    overall = events.sum() / exposed.sum()
    rate: Floats = np.divide(
        neighbours.sums(events), around, out=np.full(len(around), overall), where=around > 0
    )
    return rate


def _checked(
    counts: ArrayLike, exposure: ArrayLike | None, *, may_be_none: bool = False
) -> tuple[Floats, Floats]:
    events = np.asarray(counts, dtype=float)
    exposed = np.ones(len(events)) if exposure is None else np.asarray(exposure, dtype=float)
    if events.shape != exposed.shape:
        raise InvalidInput(
            f"There are counts of shape {events.shape} and exposures of shape {exposed.shape}, "
            "wanted one of each for every place."
        )
    for name, numbers in (("count", events), ("exposure", exposed)):
        if not np.isfinite(numbers).all() or (numbers < 0).any():
            raise InvalidInput(f"A {name} is missing, not finite or negative. Give 0 for none.")
    if not may_be_none and (events.sum() == 0 or exposed.sum() == 0):
        raise TooFewIncidents(
            "There is no event, or no exposure, in all places together. Take a longer period or a "
            "larger area.",
            found=0,
            needed=1,
        )
    return events, exposed
