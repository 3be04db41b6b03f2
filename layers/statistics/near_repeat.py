"""What happened lately, here and next door: near repeats, as a kernel and as a table.

After an event, the same place and its surroundings often see another one within days or weeks; then
that fades. `recent_rates` turns it into rates that a ranking can use. `knox_table` shows whether it
is so in given data: pairs of events by distance and days between, against what chance gives.

Source: Mohler et al. 2011, "Self-exciting point process modeling of crime" (decay in space and
time); Knox 1964; Johnson et al. 2007, "Space-time patterns of risk" (the table, and times shuffled
for its chances).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from geo.errors import InvalidInput, TooFewIncidents
from layers.neighbours import Neighbours
from layers.statistics.shrunken_rates import average_with_neighbours

HALF_LIVES_D = (7.0, 30.0, 120.0)  # days until an event counts half: a week, a month, a season
KNOX_DISTANCES_M = (0.0, 100.0, 200.0, 400.0, 800.0)
KNOX_DAYS = (7.0, 14.0, 28.0, 56.0)
KNOX_PAIRS_MAX = 20_000_000

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class KnoxTable:
    """Pairs of events by distance (rows) and time between (columns).

    `pairs` : (n_rows, n_columns) as observed
    `ratio` : observed / mean of the shuffled; above 1: more near repeats than chance
    `p` : chance of as many or more, by shuffling; at least 1 / (n_permutations + 1)
    `distances_m`, `days` : upper ends of the classes; a first row of 0 is "the same point"
    """

    pairs: Ints
    ratio: Floats
    p: Floats
    distances_m: tuple[float, ...]
    days: tuple[float, ...]
    n_events: int
    n_permutations: int


def recent_rates(
    place: Ints,
    age_d: Floats,
    neighbours: Neighbours,
    *,
    half_lives_d: tuple[float, ...] = HALF_LIVES_D,
) -> dict[str, Floats]:
    """Return decaying rates of each place [events/day]: its own, and of it with its neighbours.

    An event of age t counts exp(-t / T) / T with T = half life / ln 2: a steady rate stays itself.

    Parameters
    ----------
    place : (m,) position of each event's place
    age_d : (m,) days before the moment asked about, above 0

    Returns
    -------
    `"here, 7 days"`, `"near, 7 days"` and so on, each (n_places,)
    """
    rates: dict[str, Floats] = {}
    for half_life in half_lives_d:
        mean_life = half_life / np.log(2)
        weight = np.exp(-age_d / mean_life) / mean_life
        here: Floats = np.bincount(place, weights=weight, minlength=len(neighbours)).astype(float)
        rates[f"here, {half_life:g} days"] = here
        rates[f"near, {half_life:g} days"] = average_with_neighbours(here, neighbours, steps=1)
    return rates


def knox_table(
    x_m: ArrayLike,
    y_m: ArrayLike,
    day: ArrayLike,
    *,
    random: np.random.Generator,
    distances_m: tuple[float, ...] = KNOX_DISTANCES_M,
    days: tuple[float, ...] = KNOX_DAYS,
    n_permutations: int = 99,
    pairs_max: int = KNOX_PAIRS_MAX,
) -> KnoxTable:
    """Return how often events follow each other near in space and time, against chance.

    Chance shuffles the times among the events: places and times stay as they are, only their
    bond is cut. Class i holds distances above the one before up to its own; the first row, 0,
    holds pairs at one point (to the centimetre). Pairs farther apart than the last are left out.

    Where all events of one block stand at its middle, as in many published sets, "the same point"
    means the same block.

    Parameters
    ----------
    x_m, y_m : (n,) [m] in a plane, such as of `geo.local_plane.LocalPlane`
    day : (n,) [days] since any moment
    pairs_max : within the last distance; of more the table would take too long

    Raises
    ------
    InvalidInput : lengths differ, bounds don't rise, or the pairs are too many to hold
    TooFewIncidents : fewer than two events
    """
    points = np.column_stack((np.asarray(x_m, float), np.asarray(y_m, float)))
    times = np.asarray(day, dtype=float)
    if points.shape != (len(times), 2) or not (
        np.isfinite(points).all() and np.isfinite(times).all()
    ):
        raise InvalidInput("Each event needs x, y and a time, none missing.")
    for bounds in (distances_m, days):
        if len(bounds) < 1 or bounds[0] < 0 or any(np.diff(bounds) <= 0):
            raise InvalidInput(f"The bounds {bounds} don't rise from 0 or more. Sort them.")
    if len(times) < 2:
        raise TooFewIncidents(
            f"There are {len(times)} events, and pairs need two.", found=len(times), needed=2
        )
    tree = cKDTree(points)
    reach = distances_m[-1] + 0.005
    within = (int(tree.count_neighbors(tree, reach)) - len(times)) // 2
    if within > pairs_max:
        raise InvalidInput(
            f"{within:,} pairs lie within {distances_m[-1]:g} m, at most {pairs_max:,} are "
            "held. Take a shorter period, one kind of event or smaller distances.",
            found=within,
        )
    pairs = tree.query_pairs(reach, output_type="ndarray")
    apart = np.hypot(*(points[pairs[:, 0]] - points[pairs[:, 1]]).T)
    row = np.searchsorted(np.asarray(distances_m) + 0.005, apart)
    shape = (len(distances_m), len(days))

    def counted(of: Floats) -> Ints:
        between = np.abs(of[pairs[:, 0]] - of[pairs[:, 1]])
        column = np.searchsorted(days, between)
        held = column < len(days)
        flat = np.bincount(row[held] * len(days) + column[held], minlength=shape[0] * shape[1])
        return flat.reshape(shape)

    observed = counted(times)
    total, at_least = np.zeros(shape), np.ones(shape)
    for _ in range(n_permutations):
        shuffled = counted(random.permutation(times))
        total += shuffled
        at_least += shuffled >= observed
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(total > 0, observed * n_permutations / total, np.nan)
    return KnoxTable(
        pairs=observed,
        ratio=ratio,
        p=at_least / (n_permutations + 1),
        distances_m=tuple(distances_m),
        days=tuple(days),
        n_events=len(times),
        n_permutations=n_permutations,
    )
