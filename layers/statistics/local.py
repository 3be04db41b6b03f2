"""Is there more here than chance would put: Getis-Ord Gi*, local Moran, and what many tests cost.

Both look at a place with its neighbours. Gi* asks whether the values there are high or low; local
Moran whether a place is like its neighbours (high among high, low among low) or unlike them.
They describe one map. They forecast nothing, and a place without a mark isn't safe: it only can't
be told from chance. What to patrol is ranked by `layers.hotspots.ranking`, not by these.

Many places are tested at once, so p-values are judged by Benjamini-Hochberg. The tests of
neighbours depend on each other (they share values): the procedure still holds for positive
dependence, and that is what neighbours have; it isn't proven for all that can occur here.

Source: Ord & Getis 1995, "Local spatial autocorrelation statistics", eq. 14; Anselin 1995, "Local
indicators of spatial association"; Sokal et al. 1998, eqs. A7, A8; Benjamini & Hochberg 1995;
Benjamini & Yekutieli 2001 (dependence).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from geo.errors import InvalidInput, TooFewIncidents
from layers.neighbours import Neighbours
from layers.statistics.local_kernels import count_draws

MIN_EVENTS = 5
"""Below this many events in a place and its neighbours nothing is said of it (facts, issue 5)."""

FALSE_DISCOVERIES = 0.05
"""Of the places marked, at most this share is expected to be chance."""

TABLE_MAX = 50_000
"""The longest table of chances that is summed directly; beyond, the normal approximation serves."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class LocalStatistic:
    """One statistic for each of n places, in the order given.

    `statistic` : (n,) Gi* as a share of all events, or local Moran's I
    `z` : (n,) in standard deviations from what chance gives; NaN where chance can't vary
    `p_high`, `p_low` : (n,) chance of as much or more, as little or less; one-sided
    `p_kind` : how they were found: `"table"` (exact, whole numbers), `"normal"`, `"permutation"`
    `n_permutations` : 0 unless by permutation
    """

    statistic: Floats
    z: Floats
    p_high: Floats
    p_low: Floats
    p_kind: str
    n_permutations: int = 0

    @property
    def p(self) -> Floats:
        """Two-sided: twice the smaller side, at most 1."""
        two_sided: Floats = np.minimum(1.0, 2 * np.minimum(self.p_high, self.p_low))
        return two_sided


@dataclass(frozen=True, slots=True)
class HotColdSpots:
    """Which places stand out, after the correction for many tests.

    `is_hot`, `is_cold` : (n,) stands out, and holds enough events (hot) to say so
    `is_too_few` : (n,) fewer than `min_events` in the place and its neighbours
    `adjusted_p` : (n,) Benjamini-Hochberg, of the two-sided p of all n places
    """

    is_hot: Flags
    is_cold: Flags
    is_too_few: Flags
    adjusted_p: Floats
    false_discoveries: float
    min_events: int


def getis_ord_gi_star(
    values: ArrayLike,
    neighbours: Neighbours,
    *,
    n_permutations: int = 0,
    random: np.random.Generator | None = None,
    draws: Ints | None = None,
    p_kind: str | None = None,
) -> LocalStatistic:
    """Return Getis-Ord Gi* of each place: binary weights, the place itself included.

    Gi* = sum over the place and its neighbours / sum over all. With w = 1 + neighbours, mean m and
    variance s2 (over n) of all values, z = (sum - w m) / sqrt(s2 w (n - w) / (n - 1)).

    Whole numbers, such as counts, get exact chances by default: given the place's own value, that
    of its k neighbours' sum if their values were drawn from all n (with replacement, which for
    k far below n is the same as without). The normal approximation of z calls sparse counts
    significant too often, and permutations can't go below 1 / (n_permutations + 1), which is too
    coarse for a correction over many places.

    Parameters
    ----------
    values : (n,) counts or other numbers, none negative, not all alike
    n_permutations : of the conditional permutation: the place keeps its value, its neighbours' are
        drawn from all others; one set of draws serves all places, as in esda
    random : makes the draws
    draws : (n_permutations, width) made elsewhere, instead; positions among the n - 1 others
    p_kind : `"table"`, `"normal"` or `"permutation"`; by default the last where permutations are
        asked for, else the first where values are whole

    Raises
    ------
    InvalidInput : lengths differ, a value is negative or not finite
    TooFewIncidents : fewer than three places, or all values are alike: nothing can stand out
    """
    numbers = _checked(values, neighbours)
    count = len(numbers)
    around = neighbours.sums(numbers)
    sizes = neighbours.counts + 1
    total = numbers.sum()
    mean = total / count
    variance = (numbers**2).sum() / count - mean**2
    statistic = (around + numbers) / total
    # As a share of the total, like esda: the two agree to rounding.
    spread = np.sqrt(sizes * (count - sizes) / (count - 1) * variance) / (count * mean)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(spread > 0, (statistic - sizes / count) / spread, np.nan)
    n_draws = n_permutations if draws is None else len(draws)
    kind = p_kind or _kind(numbers, n_draws)
    if kind == "permutation":
        p_high, p_low = _permuted(numbers, around, neighbours, n_draws, random, draws)
        return LocalStatistic(statistic, z, p_high, p_low, kind, n_draws)
    if kind == "table":
        found = _table_chances(numbers, around, neighbours.counts)
        if found is not None:
            return LocalStatistic(statistic, z, *found, kind)
    return LocalStatistic(statistic, z, ndtr(-z), ndtr(z), "normal")


def local_moran(
    values: ArrayLike,
    neighbours: Neighbours,
    *,
    n_permutations: int = 0,
    random: np.random.Generator | None = None,
    draws: Ints | None = None,
    p_kind: str = "normal",
) -> LocalStatistic:
    """Return local Moran's I of each place: weights 1 / neighbours, the place left out.

    With z the standardised values and (n - 1) / n for the factor, I = factor z (mean of the
    neighbours' z). `p_high` is of likeness (high among high, low among low), `p_low` of the
    opposite. The normal approximation is that under conditional permutation: mean
    -z2 / (n - 1), variance z2 (n / (n - 2)) (1/k - 1/(n - 1)) (1 - z2 / (n - 1)). An island has
    statistic 0 and p 1.

    Parameters, errors: as of `getis_ord_gi_star`; values may be negative. `p_kind` is `"normal"`,
    or `"table"` for counts: the exact chance of the neighbours' sum, as for Gi*, since I rises with
    it where the place is high and falls where it is low.
    """
    numbers = _checked(values, neighbours, allow_negative=True)
    count = len(numbers)
    sizes = neighbours.counts
    around = neighbours.sums(numbers)
    deviation = numbers.std()
    own = (numbers - numbers.mean()) / deviation
    is_island = sizes == 0
    divisor = np.where(is_island, 1, sizes)
    lag = np.where(is_island, 0.0, neighbours.sums(own) / divisor)
    statistic = (count - 1) * own * lag / (own**2).sum()
    share = np.where(is_island, 0.0, 1.0 / divisor)
    expected = -(own**2) * ~is_island / (count - 1)
    variance = (
        own**2
        * (count / (count - 2))
        * (share - ~is_island / (count - 1))
        * (1 - own**2 / (count - 1))
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(variance > 0, (statistic - expected) / np.sqrt(variance), np.nan)
    n_draws = n_permutations if draws is None else len(draws)
    exact = _table_chances(numbers, around, sizes) if p_kind == "table" and not n_draws else None
    if n_draws or exact is not None:
        # I rises with the neighbours' sum where the place is high and falls where it is low: the
        # sums are compared, where ties of whole numbers stay ties.
        of_more, of_less = (
            _permuted(numbers, around, neighbours, n_draws, random, draws)
            if exact is None
            else exact
        )
        p_high = np.where(own > 0, of_more, np.where(own < 0, of_less, 1.0))
        p_low = np.where(own > 0, of_less, np.where(own < 0, of_more, 1.0))
        return LocalStatistic(
            statistic, z, p_high, p_low, "permutation" if exact is None else "table", n_draws
        )
    known = np.isfinite(z)
    return LocalStatistic(
        statistic, z, np.where(known, ndtr(-z), 1.0), np.where(known, ndtr(z), 1.0), "normal"
    )


def hot_and_cold_spots(
    result: LocalStatistic,
    counts: ArrayLike,
    neighbours: Neighbours,
    *,
    false_discoveries: float = FALSE_DISCOVERIES,
    min_events: int = MIN_EVENTS,
) -> HotColdSpots:
    """Return the places of a Gi* that stand out after the correction for many tests.

    All places are corrected for, also those with too few events to be shown: choosing the tests by
    what they would say would make the rest look surer than they are.

    Parameters
    ----------
    result : of `getis_ord_gi_star`
    counts : (n,) events in each place, also where the statistic was made of rates
    """
    events = np.asarray(counts, dtype=float)
    adjusted = benjamini_hochberg(result.p)
    too_few = events + neighbours.sums(events) < min_events
    stands_out = adjusted <= false_discoveries
    is_high = result.p_high < result.p_low
    return HotColdSpots(
        is_hot=stands_out & is_high & ~too_few,
        is_cold=stands_out & ~is_high,
        is_too_few=too_few,
        adjusted_p=adjusted,
        false_discoveries=false_discoveries,
        min_events=min_events,
    )


def like_and_unlike(
    result: LocalStatistic,
    counts: ArrayLike,
    neighbours: Neighbours,
    *,
    false_discoveries: float = FALSE_DISCOVERIES,
    min_events: int = MIN_EVENTS,
) -> NDArray[np.str_]:
    """Return what local Moran says of each place, after the correction for many tests.

    Parameters
    ----------
    result : of `local_moran`
    counts : (n,) events in each place; where place and neighbours hold fewer than `min_events`,
        only "low among low" is said

    Returns
    -------
    (n,) `high among high`, `low among low`, `high among low`, `low among high`, `none`
    """
    events = np.asarray(counts, dtype=float)
    around = neighbours.sums(events)
    is_high = events > events.mean()
    is_like = result.p_high < result.p_low
    stands_out = benjamini_hochberg(result.p) <= false_discoveries
    enough = events + around >= min_events
    return np.select(
        [
            stands_out & is_like & is_high & enough,
            stands_out & is_like & ~is_high,
            stands_out & ~is_like & is_high & enough,
            stands_out & ~is_like & ~is_high & enough,
        ],
        ["high among high", "low among low", "high among low", "low among high"],
        "none",
    )


def benjamini_hochberg(p: ArrayLike) -> Floats:
    """Return p-values adjusted for many tests: mark those at or below the share you accept.

    Adjusted p of rank r = the smallest of p_s m / s over the ranks s from r on, at most 1. A
    missing p counts as 1.

    Parameters
    ----------
    p : (m,) 0 to 1, NaN where there was no test

    >>> benjamini_hochberg([0.01, 0.04, 0.03, 0.5]).round(4).tolist()
    [0.04, 0.0533, 0.0533, 0.5]
    """
    given = np.nan_to_num(np.asarray(p, dtype=float), nan=1.0)
    order = np.argsort(given, kind="stable")
    scaled = given[order] * len(given) / np.arange(1, len(given) + 1)
    adjusted: Floats = np.empty(len(given))
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted


def draws_of_others(
    count: int, width: int, n_permutations: int, random: np.random.Generator
) -> Ints:
    """Return positions among `count` others: `width` a draw, none twice in one.

    Returns
    -------
    (n_permutations, width) 0 to count - 1
    """
    drawn = random.integers(0, count, (n_permutations, width))
    while True:
        ranked = np.sort(drawn, axis=1)
        twice = np.flatnonzero((ranked[:, 1:] == ranked[:, :-1]).any(axis=1))
        if not len(twice):
            return drawn
        # Whole rows anew, so that every set stays as likely as any other; where they are nearly
        # as wide as there are others, that would never end.
        if width * width > count:
            for row in twice:
                drawn[row] = random.choice(count, width, replace=False)
        else:
            drawn[twice] = random.integers(0, count, (len(twice), width))


def _permuted(
    values: Floats,
    sums: Floats,
    neighbours: Neighbours,
    n_permutations: int,
    random: np.random.Generator | None,
    draws: Ints | None,
) -> tuple[Floats, Floats]:
    """Return the chances of as much or more, and as little or less, by permutation."""
    sizes = neighbours.counts
    width = int(sizes.max(initial=0))
    others = len(values) - 1
    if width == 0:
        return np.ones(len(values)), np.ones(len(values))
    if draws is None:
        if random is None:
            raise InvalidInput(
                "Permutations need a random generator. Give random=numpy.random.default_rng(seed)."
            )
        draws = draws_of_others(others, width, n_permutations, random)
    if draws.shape[1] < width or draws.min() < 0 or draws.max() >= others:
        raise InvalidInput(
            f"The draws are {draws.shape[1]} wide and reach to {draws.max()}, wanted at least "
            f"{width} positions from 0 to {others - 1} in each."
        )
    flat = np.ascontiguousarray(draws[:, :width], dtype=np.int64)
    entries = np.argsort(flat, axis=None, kind="stable")
    offsets = np.searchsorted(flat.ravel()[entries], np.arange(others + 1))
    at_least, at_most = count_draws(values, sums, sizes, flat, entries, offsets)
    return (at_least + 1) / (len(flat) + 1), (at_most + 1) / (len(flat) + 1)


def _table_chances(values: Floats, sums: Floats, sizes: Ints) -> tuple[Floats, Floats] | None:
    """Return the chances of the sum of k values drawn with replacement; None if the table is vast.

    The chances of a sum of k are those of a sum of k - 1 convolved with those of one value: sums of
    products of positive numbers, so that even tiny chances keep their digits.
    """
    width = int(sizes.max(initial=0))
    if values.max() * max(width, 1) > TABLE_MAX:
        return None
    whole = sums.astype(np.int64)
    one = np.bincount(values.astype(np.int64)) / len(values)
    chances = np.ones(1)
    p_high, p_low = np.ones(len(values)), np.ones(len(values))
    for size in range(1, width + 1):
        chances = np.convolve(chances, one)
        of_size = np.flatnonzero(sizes == size)
        if len(of_size):
            at_least = np.cumsum(chances[::-1])[::-1]
            at_most = np.cumsum(chances)
            p_high[of_size] = np.minimum(at_least[whole[of_size]], 1.0)
            p_low[of_size] = np.minimum(at_most[whole[of_size]], 1.0)
    return p_high, p_low


def _kind(values: Floats, n_draws: int) -> str:
    if n_draws:
        return "permutation"
    return "table" if (values == np.floor(values)).all() else "normal"


def _checked(values: ArrayLike, neighbours: Neighbours, *, allow_negative: bool = False) -> Floats:
    numbers = np.asarray(values, dtype=float)
    if numbers.shape != (len(neighbours),):
        raise InvalidInput(
            f"The values have the shape {numbers.shape}, wanted one for each of {len(neighbours)} "
            "places."
        )
    if not np.isfinite(numbers).all() or (not allow_negative and (numbers < 0).any()):
        raise InvalidInput(
            "A value is missing, not finite or negative. Give a number for every place; 0 where "
            "nothing happened."
        )
    if len(numbers) < 3 or (numbers == numbers[0]).all():
        raise TooFewIncidents(
            f"There are {len(numbers)} places and all values are alike: nothing can stand out. "
            "Take a longer period, a larger area or coarser cells.",
            found=len(np.unique(numbers)),
            needed=2,
        )
    return numbers
