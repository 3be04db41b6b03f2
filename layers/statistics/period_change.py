"""Two periods compared: is it more, or is it luck.

Per cent of small numbers mislead: from 2 to 4 is "up 100 %" and nothing. The square root of a count
has nearly the same spread at any size, so its difference can be read alike for 2 and for 200:

    change = 2 (sqrt(now) - sqrt(before)),   spread sqrt(2) if nothing changed

With periods of unequal length the count before is first brought to the length of now.

Limits: events that come in series vary more than this allows; a season is no change, so compare
with the same time of another year.

Source: Anscombe 1948 (square root of a Poisson count); Wheeler 2016, "Tables and graphs for
monitoring temporal crime trends".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from geo.errors import InvalidInput
from layers.statistics.local import FALSE_DISCOVERIES, benjamini_hochberg

MIN_EVENTS = 5  # in both periods together; of fewer no change can be told

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class PeriodChange:
    """Change of each of n places.

    `change` : (n,) 2 (sqrt(now) - sqrt(before)), before brought to the length of now
    `z` : (n,) in standard deviations of no change
    `is_more`, `is_fewer` : (n,) after the correction for many places (Benjamini-Hochberg, 5 %)
    `is_too_few` : (n,) fewer than 5 events in both periods together: nothing is said
    """

    change: Floats
    z: Floats
    is_more: Flags
    is_fewer: Flags
    is_too_few: Flags


def period_change(
    before: ArrayLike, now: ArrayLike, *, before_d: float = 1.0, now_d: float = 1.0
) -> PeriodChange:
    """Return how the counts of places changed from one period to another.

    Parameters
    ----------
    before, now : (n,) events
    before_d, now_d : lengths of the periods [days], above 0

    Raises
    ------
    InvalidInput : lengths differ, a count is negative or missing, a period has no length
    """
    earlier, later = np.asarray(before, dtype=float), np.asarray(now, dtype=float)
    if earlier.shape != later.shape or not (before_d > 0 and now_d > 0):
        raise InvalidInput(
            f"Counts of shape {earlier.shape} over {before_d:g} days were given to compare with "
            f"counts of shape {later.shape} over {now_d:g} days: wanted the same places, and days "
            "above 0."
        )
    if (
        not (np.isfinite(earlier).all() and np.isfinite(later).all())
        or (np.minimum(earlier, later) < 0).any()
    ):
        raise InvalidInput("A count is missing or negative. Give 0 where nothing happened.")
    ratio = now_d / before_d
    change = 2 * (np.sqrt(later) - np.sqrt(earlier * ratio))
    # A count's 2 sqrt has variance 1; multiplied by the ratio under the root, variance ratio.
    z = change / np.sqrt(1 + ratio)
    too_few = earlier + later < MIN_EVENTS
    p = np.where(too_few, 1.0, 2 * ndtr(-np.abs(z)))
    stands_out = (benjamini_hochberg(p) <= FALSE_DISCOVERIES) & ~too_few
    return PeriodChange(change, z, stands_out & (z > 0), stands_out & (z < 0), too_few)
