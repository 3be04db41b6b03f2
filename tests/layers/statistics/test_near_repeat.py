"""Near repeats: decaying rates, and the Knox table on events with and without them."""

from __future__ import annotations

import h3.api.basic_int as h3
import numpy as np
import pytest

from geo.errors import InvalidInput, TooFewIncidents
from layers.neighbours import h3_neighbours
from layers.statistics.near_repeat import knox_table, recent_rates

CENTRE = h3.latlng_to_cell(37.87, 112.55, 9)


def test_a_steady_rate_stays_itself() -> None:
    cells = h3.grid_disk(CENTRE, 1)
    age = np.arange(0.05, 2_000, 0.1)  # ten a day, for long
    rates = recent_rates(np.zeros(len(age), dtype=np.int64), age, h3_neighbours(cells))
    for half_life in (7, 30, 120):
        assert rates[f"here, {half_life} days"][0] == pytest.approx(10.0, rel=0.01)


def test_an_event_counts_half_after_its_half_life_and_a_seventh_next_door() -> None:
    neighbours = h3_neighbours(h3.grid_disk(CENTRE, 3))
    fresh = recent_rates(np.array([0]), np.array([1e-9]), neighbours)
    later = recent_rates(np.array([0]), np.array([7.0]), neighbours)
    assert later["here, 7 days"][0] == pytest.approx(fresh["here, 7 days"][0] / 2)
    beside = neighbours.positions[0]
    assert fresh["near, 7 days"][beside] == pytest.approx(fresh["here, 7 days"][0] / 7)


def test_knox_worked_by_hand() -> None:
    # events at x = 0, 0, 50, 1000 on days 0, 3, 5, 6. Pairs within 100 m: (0,0) 3 days at one
    # point; (0,50) 5 days; (0,50) 2 days
    table = knox_table(
        [0, 0, 50, 1000], [0, 0, 0, 0], [0, 3, 5, 6],
        random=np.random.default_rng(1), distances_m=(0.0, 100.0), days=(3.0, 10.0),
        n_permutations=9,
    )  # fmt: skip
    assert table.pairs.tolist() == [[1, 0], [1, 1]]


def test_knox_finds_planted_near_repeats_and_nothing_where_none_are() -> None:
    random = np.random.default_rng(2)
    x, y, day = (
        random.uniform(0, 5_000, 600),
        random.uniform(0, 5_000, 600),
        random.uniform(0, 365, 600),
    )
    plain = knox_table(x, y, day, random=random, n_permutations=99)
    assert plain.p[1, 0] > 0.05
    repeated = 150
    followed = knox_table(
        np.concatenate((x, x[:repeated] + random.normal(0, 30, repeated))),
        np.concatenate((y, y[:repeated] + random.normal(0, 30, repeated))),
        np.concatenate((day, day[:repeated] + random.uniform(0, 6, repeated))),
        random=random, n_permutations=99,
    )  # fmt: skip
    assert followed.p[1, 0] == pytest.approx(0.01)
    assert followed.ratio[1, 0] > 3
    assert followed.p[4, 3] > 0.05  # far apart in both


def test_bad_events_are_refused() -> None:
    random = np.random.default_rng(3)
    with pytest.raises(TooFewIncidents):
        knox_table([1], [1], [1], random=random)
    with pytest.raises(InvalidInput, match="none missing"):
        knox_table([1, np.nan], [1, 1], [1, 2], random=random)
    with pytest.raises(InvalidInput, match="don't rise"):
        knox_table([1, 2], [1, 1], [1, 2], random=random, days=(7.0, 7.0))
