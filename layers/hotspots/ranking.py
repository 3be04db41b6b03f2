"""Where to be next: places ranked by the events to expect within a shift, a week, a month, a
season.

The expectation is a sum of parts: the long-run rate shrunken to the local mean
(`layers.statistics.shrunken_rates`), the plain count, and what happened lately here and next door
(`layers.statistics.near_repeat`). How much each part gives isn't set but learned from the
deployment's own past: the weights are those that best foretold the last windows, each from what was
known before it. They are fitted where the decision is made, among the places that contend, not on
the many where nothing happens. So the parts are also the reasons that stand beside a place.

It ranks places for a period. It knows nothing of persons, and no attribute of one can enter.

Limits: it foretells what gets reported, with all that bends reporting (`layers.discovered`); a
place that changes overnight is learned in weeks; and whether it is better than counting is a
question for the backtest on the deployment's own data (`layers.hotspots.backtest`), which is shown
beside it.

Source: facts in docs/hotspots.md; Hauer 1997 and Mohler et al. 2011 for the parts.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import nbinom

from geo.errors import InvalidInput, TooFewIncidents
from layers.placed_events import PlacedEvents
from layers.statistics.near_repeat import recent_rates
from layers.statistics.shrunken_rates import (
    ShrunkenRates,
    fit_shape,
    mixture_weights,
    shrink_to_local_mean,
)

COLOURED_MIN_EVENTS = 5  # fewer are a story, not a pattern (facts)
CONTENDERS = 0.05  # share of places, by long-run rate, on which the weights are fitted
CONTENDERS_MIN = 200
WINDOWS = 13  # past windows the weights are fitted on
WINDOW_MIN_D = 7.0  # windows of a shift would hold too few events to learn from
HISTORY_MIN_D = 90.0  # before a window: less is no long run
LONG_RUN_START = 0.7  # the weight of the long-run rate before anything is learned
WEIGHT_STEPS = 60
LEARNED_MIN_EVENTS = 30  # among the contenders of all past windows; fewer teach nothing
INTERVAL = 0.95
KEPT_MOMENTS = 32  # rates of so many moments are kept for the next question

LONG_RUN = "long-run rate"
COUNT = "count"

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class HotspotForecast:
    """Events to expect in each of n places within [origin, origin + horizon).

    `expected`, `low`, `high` : (n,) [events]; the interval holds 95 % of what to expect of the
        count
    `parts` : what each source gives to `expected`, (n,) each: the reasons
    `shape` : (n,) of the negative binomial behind the interval; small: wide
    `weights` : of the sources, shares that sum to 1
    `n_windows` : past windows they were learned from; 0: too little history, the start weights
    `long_run` : the shrunken rates [events/day] underneath
    """

    expected: Floats
    low: Floats
    high: Floats
    shape: Floats
    parts: dict[str, Floats]
    weights: dict[str, float]
    n_windows: int
    long_run: ShrunkenRates
    origin_day: float
    horizon_d: float
    n_events: int
    method: str


class HotspotForecaster:
    """Forecasts for one kind of event; what was worked out for a moment serves the next one too.

    Parameters
    ----------
    events : all that is known; a forecast uses only what lies before its origin
    """

    def __init__(self, events: PlacedEvents) -> None:
        self.events = events
        self.first_day = float(events.day[0]) if len(events.day) else 0.0
        self._moments: OrderedDict[float, tuple[dict[str, Floats], ShrunkenRates]] = OrderedDict()

    def forecast(self, origin_day: float, horizon_d: float) -> HotspotForecast:
        """Return the events to expect in each place within `horizon_d` days from `origin_day`.

        Parameters
        ----------
        origin_day : [days since 1970, UTC]; what happened at or after it isn't looked at
        horizon_d : [days], above 0; a shift of 8 hours is 1/3

        Raises
        ------
        TooFewIncidents : no event of the kind before the origin
        """
        if not horizon_d > 0:
            raise InvalidInput(f"The horizon is {horizon_d} days, wanted more than 0.")
        rates, long_run = self._at(origin_day)
        learned = self._learn(origin_day, max(horizon_d, WINDOW_MIN_D))
        weights, n_windows = learned.weights, learned.n_windows
        parts = {
            name: weight * horizon_d * rate
            for (name, rate), weight in zip(rates.items(), weights, strict=True)
        }
        expected = np.sum(list(parts.values()), axis=0)
        # What the past windows missed by holds chance, doubt about the rate, and drift. Without
        # past windows the doubt about the long-run rate has to serve.
        shape = (
            long_run.posterior_shape
            if learned.shape is None
            else np.full(self.events.n_places, learned.shape)
        )
        low, high = expected_interval(expected, shape)
        return HotspotForecast(
            expected=expected,
            low=low,
            high=high,
            shape=shape,
            parts=parts,
            weights=dict(zip(rates, (weights / weights.sum()).tolist(), strict=True)),
            n_windows=n_windows,
            long_run=long_run,
            origin_day=origin_day,
            horizon_d=horizon_d,
            n_events=int(long_run.counts.sum()),
            method=(
                "Empirical-Bayes rate of each place (gamma-Poisson, prior from its surroundings "
                "and other events there), its count, and decaying counts here and next door; "
                f"weights learned from {n_windows} past windows."
            ),
        )

    def _at(self, moment: float) -> tuple[dict[str, Floats], ShrunkenRates]:
        """Return the sources at a moment [events/day], and the long-run rates."""
        if moment in self._moments:
            self._moments.move_to_end(moment)
            return self._moments[moment]
        events = self.events
        known = int(np.searchsorted(events.day, moment))
        asked = np.flatnonzero(events.is_asked[:known])
        if not len(asked):
            raise TooFewIncidents(
                "No incident of this kind lies before the moment asked about. Take a longer period "
                "or a wider category.",
                found=0,
                needed=1,
            )
        days = max(moment - self.first_day, 1.0)
        place, age = events.place[asked], moment - events.day[asked]
        counts = np.bincount(place, minlength=events.n_places).astype(float)
        long_run = shrink_to_local_mean(
            counts,
            events.neighbours,
            exposure=np.full(events.n_places, days),
            other_counts=events.other_counts(self.first_day, moment),
        )
        rates = {
            LONG_RUN: long_run.rate,
            COUNT: counts / days,
            **recent_rates(place, age, events.neighbours),
        }
        self._moments[moment] = (rates, long_run)
        if len(self._moments) > KEPT_MOMENTS:
            self._moments.popitem(last=False)
        return rates, long_run

    def _learn(self, origin: float, window_d: float) -> _Learned:
        """Return the weights of the sources, learned from the windows before the origin."""
        expected: list[Floats] = []
        seen: list[Floats] = []
        for back in range(1, WINDOWS + 1):
            moment = origin - back * window_d
            if moment - self.first_day < max(window_d, HISTORY_MIN_D):
                break
            if not self.events.counts(self.first_day, moment).any():
                break
            rates, _ = self._at(moment)
            contending = contenders(rates[LONG_RUN])
            expected.append(window_d * np.array([rate[contending] for rate in rates.values()]))
            seen.append(self.events.counts(moment, moment + window_d)[contending])
        rates, _ = self._at(origin)
        start = np.full(len(rates), (1 - LONG_RUN_START) / (len(rates) - 1))
        start[list(rates).index(LONG_RUN)] = LONG_RUN_START
        happened = np.concatenate(seen) if seen else np.zeros(0)
        if happened.sum() < LEARNED_MIN_EVENTS:
            return _Learned(start, None, 0)
        # A source that saw nothing lately can't be weighed; it keeps a trace so that sums exist.
        sources = np.concatenate(expected, axis=1) + 1e-12
        weights = mixture_weights(sources, happened, steps=WEIGHT_STEPS, start=start)
        return _Learned(weights, fit_shape(happened, weights @ sources), len(seen))


@dataclass(frozen=True, slots=True)
class _Learned:
    """Weights of the sources, and the shape of what they missed by: both from past windows."""

    weights: Floats
    shape: float | None
    n_windows: int


def contenders(rate: Floats) -> Ints:
    """Return the positions of the places with the highest rates, among which to choose."""
    count = min(len(rate), max(CONTENDERS_MIN, round(CONTENDERS * len(rate))))
    return np.sort(np.argpartition(-rate, count - 1)[:count])


def expected_interval(expected: Floats, shape: Floats) -> tuple[Floats, Floats]:
    """Return the central 95 % of counts to expect: negative binomial of this mean and shape."""
    tail = (1 - INTERVAL) / 2
    chance = shape / (shape + expected)
    return nbinom.ppf(tail, shape, chance), nbinom.ppf(1 - tail, shape, chance)


def is_coloured(rates: ShrunkenRates, *, min_events: int = COLOURED_MIN_EVENTS) -> Flags:
    """Return which places a map may colour: enough events, and surely above the mean of all.

    Parameters
    ----------
    rates : a place counts where it has `min_events` or more and `low` is above all events over all
        exposure
    """
    overall = rates.counts.sum() / rates.exposure.sum()
    coloured: Flags = (rates.counts >= min_events) & (rates.low > overall)
    return coloured


def top_places(score: ArrayLike, area_m2: ArrayLike, *, budget_m2: float) -> Ints:
    """Return the places of the highest scores that fit into an area, best first.

    Places are taken in the order of their score until the next one doesn't fit. Ties go to the
    place that stands first.

    Parameters
    ----------
    score : (n,); area_m2 : (n,); budget_m2 : [m2]
    """
    order = np.argsort(-np.asarray(score, dtype=float), kind="stable")
    filled = np.cumsum(np.asarray(area_m2, dtype=float)[order])
    return order[: int(np.searchsorted(filled, budget_m2 * (1 + 1e-9), side="right"))]
