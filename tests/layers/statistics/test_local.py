"""Gi*, local Moran, the correction for many tests: small cases by hand, laws, what is refused."""

from __future__ import annotations

import h3.api.basic_int as h3
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from geo.errors import InvalidInput, TooFewIncidents
from layers.neighbours import Neighbours, h3_neighbours
from layers.statistics.local import (
    benjamini_hochberg,
    draws_of_others,
    getis_ord_gi_star,
    hot_and_cold_spots,
    like_and_unlike,
    local_moran,
)

CENTRE = h3.latlng_to_cell(37.87, 112.55, 9)


def in_a_row(count: int) -> Neighbours:
    """Places in a row: each beside the one before and the one behind."""
    beside = [
        [other for other in (place - 1, place + 1) if 0 <= other < count] for place in range(count)
    ]
    sizes = [len(others) for others in beside]
    positions = np.array([other for others in beside for other in others], dtype=np.int32)
    return Neighbours(np.concatenate(([0], np.cumsum(sizes))), positions)


def disk(rings: int) -> tuple[np.ndarray, Neighbours]:
    cells = np.array(sorted(h3.grid_disk(CENTRE, rings)), dtype=np.int64)
    return cells, h3_neighbours(cells)


def test_gi_star_worked_by_hand() -> None:
    # values 0 1 2 3 4: total 10, mean 2, variance (4+1+0+1+4)/5 = 2
    # the last place: itself 4 and its neighbour 3: 7/10 of all; w = 2
    # z = (7 - 2*2) / sqrt(2 * 2 * (5 - 2) / 4) = 3 / sqrt(3)
    # the middle: 1+2+3 = 6, w = 3: z = (6 - 6) / ... = 0
    result = getis_ord_gi_star([0, 1, 2, 3, 4], in_a_row(5))
    assert result.statistic == pytest.approx([0.1, 0.3, 0.6, 0.9, 0.7])
    assert result.z[4] == pytest.approx(3 / np.sqrt(3))
    assert result.z[2] == pytest.approx(0)


def test_local_moran_worked_by_hand() -> None:
    # values 0 1 2 3 4: z = (-2 -1 0 1 2) / sqrt 2; sum of z2 = 5; factor (n - 1) / n = 4/5
    # the last place: 4/5 * 2/sqrt2 * 1/sqrt2 = 0.8; the second: 4/5 * (-1 * ((-2 + 0)/2)) / 2 = 0.4
    result = local_moran([0, 1, 2, 3, 4], in_a_row(5))
    assert result.statistic == pytest.approx([0.8, 0.4, 0.0, 0.4, 0.8])


def test_exact_chances_worked_by_hand() -> None:
    # Half the places hold 1, half 0. The sum of two neighbours drawn from them is binomial(2, 1/2);
    # the first place has one neighbour.
    values = np.array([0, 1, 1, 0, 1, 0], dtype=float)
    result = getis_ord_gi_star(values, in_a_row(6))
    assert result.p_kind == "table"
    sums = [1, 1, 1, 2, 0, 1]
    sizes = [1, 2, 2, 2, 2, 1]
    assert result.p_high == pytest.approx(binom.sf(np.array(sums) - 1, sizes, 0.5))
    assert result.p_low == pytest.approx(binom.cdf(sums, sizes, 0.5))


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_permutations_count_draws_as_a_plain_loop_does(seed: int) -> None:
    random = np.random.default_rng(seed)
    cells = random.permutation(h3.grid_disk(CENTRE, 3))
    neighbours = h3_neighbours(cells)
    values = random.poisson(1.0, len(cells)).astype(float)
    values[0] += 1
    values[1] = 0
    draws = draws_of_others(len(cells) - 1, 6, 19, random)
    result = getis_ord_gi_star(values, neighbours, draws=draws)
    sums = neighbours.sums(values)
    for place in range(len(cells)):
        others = np.delete(values, place)
        drawn = others[draws[:, : neighbours.counts[place]]].sum(axis=1)
        assert result.p_high[place] == pytest.approx(((drawn >= sums[place]).sum() + 1) / 20)
        assert result.p_low[place] == pytest.approx(((drawn <= sums[place]).sum() + 1) / 20)


def test_exact_chances_agree_with_many_permutations() -> None:
    random = np.random.default_rng(3)
    cells, neighbours = disk(25)
    values = random.poisson(random.gamma(0.5, 2.0, len(cells))).astype(float)
    exact = getis_ord_gi_star(values, neighbours)
    drawn = getis_ord_gi_star(values, neighbours, n_permutations=4_000, random=random)
    # Two standard errors of 4,000 draws at p = 1/2 are 0.016; one set of draws serves all places.
    assert np.abs(exact.p_high - drawn.p_high).max() < 0.04


def test_local_moran_by_permutation_ranks_likeness() -> None:
    random = np.random.default_rng(5)
    cells, neighbours = disk(6)
    distance = np.array([h3.grid_distance(CENTRE, int(cell)) for cell in cells])
    values = np.where(distance <= 1, 10.0, random.poisson(1.0, len(cells)))
    result = local_moran(values, neighbours, n_permutations=199, random=random)
    at_centre = int(np.flatnonzero(distance == 0)[0])
    assert result.p_high[at_centre] == pytest.approx(1 / 200)
    assert result.statistic[at_centre] > 0


def test_without_structure_hardly_anything_is_marked() -> None:
    random = np.random.default_rng(11)
    cells, neighbours = disk(40)
    marked = 0
    for _ in range(10):
        # skewed counts of places that have nothing to do with each other
        values = random.poisson(random.gamma(0.2, 3.0, len(cells))).astype(float)
        result = getis_ord_gi_star(values, neighbours)
        spots = hot_and_cold_spots(result, values, neighbours)
        marked += int(spots.is_hot.any() or spots.is_cold.any())
    # Each map marks anything with a chance of 5 % at most: 3 or more of 10 happen in 1 of 87 runs.
    assert marked <= 2


def test_a_planted_cluster_is_found_and_only_there() -> None:
    random = np.random.default_rng(12)
    cells, neighbours = disk(20)
    distance = np.array([h3.grid_distance(CENTRE, int(cell)) for cell in cells])
    values = random.poisson(np.where(distance <= 2, 6.0, 0.5)).astype(float)
    spots = hot_and_cold_spots(getis_ord_gi_star(values, neighbours), values, neighbours)
    assert spots.is_hot[distance <= 1].all()
    assert not spots.is_hot[distance > 5].any()


def test_few_events_are_not_called_hot() -> None:
    cells, neighbours = disk(20)
    values = np.zeros(len(cells))
    middle = int(np.flatnonzero(cells == CENTRE)[0])
    values[middle] = values[neighbours.positions[neighbours.starts[middle]]] = 2
    result = getis_ord_gi_star(values, neighbours)
    spots = hot_and_cold_spots(result, values, neighbours)
    assert spots.adjusted_p.min() < 0.05
    assert not spots.is_hot.any()
    assert spots.is_too_few.all()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50))
def test_adjusted_p_is_never_smaller_and_keeps_the_order(p: list[float]) -> None:
    adjusted = benjamini_hochberg(p)
    assert (adjusted >= np.array(p) - 1e-15).all()
    assert (adjusted <= 1).all()
    order = np.argsort(p, kind="stable")
    assert (np.diff(adjusted[order]) >= -1e-15).all()


def test_adjusted_p_worked_by_hand() -> None:
    # ranks 1 2 3 4: .01*4/1 = .04; .03*4/2 = .06; .04*4/3 = .0533; .5*4/4 = .5; then from behind
    # the smallest so far: .5 .0533 .0533 .04
    found = benjamini_hochberg([0.01, 0.04, 0.03, 0.5])
    assert found == pytest.approx([0.04, 0.16 / 3, 0.16 / 3, 0.5])
    assert benjamini_hochberg([np.nan, 0.01]) == pytest.approx([1.0, 0.02])


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=25)
def test_the_order_of_places_changes_no_answer(seed: int) -> None:
    random = np.random.default_rng(seed)
    cells, neighbours = disk(3)
    values = random.poisson(2.0, len(cells)).astype(float)
    values[0] += 1
    shuffled = random.permutation(len(cells))
    for statistic in (getis_ord_gi_star, local_moran):
        straight = statistic(values, neighbours)
        mixed = statistic(values[shuffled], h3_neighbours(cells[shuffled]))
        assert mixed.z == pytest.approx(straight.z[shuffled], nan_ok=True)
        assert mixed.p_high == pytest.approx(straight.p_high[shuffled])


@given(width=st.integers(1, 6), extra=st.integers(0, 40), seed=st.integers(0, 2**32 - 1))
def test_no_place_is_drawn_twice_in_one_draw(width: int, extra: int, seed: int) -> None:
    count = width + extra
    drawn = draws_of_others(count, width, 50, np.random.default_rng(seed))
    assert drawn.min() >= 0
    assert drawn.max() < count
    assert all(len(set(row)) == width for row in drawn.tolist())


@pytest.mark.parametrize(
    ("values", "error", "says"),
    [
        ([1, 1, 1], TooFewIncidents, "all values are alike"),
        ([0, 0, 0], TooFewIncidents, "all values are alike"),
        ([1, 2], InvalidInput, "of 3 places"),
        ([1, -2, 3], InvalidInput, "negative"),
        ([1, np.nan, 3], InvalidInput, "missing"),
    ],
)
def test_bad_values_are_refused(values: list[float], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        getis_ord_gi_star(values, in_a_row(3))


def test_permutations_without_chance_are_refused() -> None:
    with pytest.raises(InvalidInput, match="random generator"):
        getis_ord_gi_star([0, 1, 2], in_a_row(3), n_permutations=9)
    with pytest.raises(InvalidInput, match="wanted at least 2"):
        getis_ord_gi_star([0, 1, 2], in_a_row(3), draws=np.zeros((9, 1), dtype=np.int64))


def test_local_moran_of_counts_has_the_exact_chance_of_the_neighbours_sum() -> None:
    """A row of six places; two events each at the first two, none elsewhere.

    The first: one neighbour, with 2. Of the six values two are 2: chance of 2 or more 1/3.
    The second: neighbours sum to 2. Of the 36 pairs of values 20 hold a 2, 20/36.
    The last: its neighbour has 0; for a low place as few or fewer is likeness: 4/6.
    """
    counts = np.array([2.0, 2, 0, 0, 0, 0])
    row = Neighbours(
        np.array([0, 1, 3, 5, 7, 9, 10]), np.array([1, 0, 2, 1, 3, 2, 4, 3, 5, 4], dtype=np.int32)
    )
    found = local_moran(counts, row, p_kind="table")
    assert found.p_kind == "table"
    assert found.p_high[[0, 1, 5]] == pytest.approx([1 / 3, 20 / 36, 4 / 6])
    assert found.p_low[5] == 1
    assert found.statistic == pytest.approx(local_moran(counts, row).statistic)
    assert set(like_and_unlike(found, counts, row)) == {"none"}


def test_local_moran_marks_a_cluster_and_a_full_place_among_empty_ones() -> None:
    cells = np.array(sorted(h3.grid_disk(h3.latlng_to_cell(37.87, 112.55, 9), 12)), dtype=np.int64)
    beside = h3_neighbours(cells)
    middle = int(np.searchsorted(cells, h3.latlng_to_cell(37.87, 112.55, 9)))
    counts = np.random.default_rng(4).poisson(0.3, len(cells)).astype(float)
    cluster = [middle, *beside.positions[beside.starts[middle] : beside.starts[middle + 1]]]
    counts[cluster] = 9
    kind = like_and_unlike(local_moran(counts, beside, p_kind="table"), counts, beside)
    assert kind[middle] == "high among high"
    assert set(kind[cluster]) == {"high among high"}
    assert (kind == "high among high").sum() <= len(cluster) + 4
