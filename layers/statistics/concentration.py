"""How few places hold how many events: the concentration curve, and 80-20 read off it.

With fewer events than places, some concentration is sure: 10 events can't reach 100 places. So the
Gini coefficient is measured from the most even spread that was possible, not from the impossible.

Source: Weisburd 2015, "The law of crime concentration"; Bernasco & Steenbeek 2017, "More places
than crimes" (the adjusted Gini coefficient).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.errors import InvalidInput, TooFewIncidents

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ConcentrationCurve:
    """Places sorted from most to fewest events.

    `place_share`, `event_share` : (n + 1,) rising from 0 to 1: the first x of the places hold y of
        the
        events
    `gini` : 0 as even as could be, near 1 all in one place
    """

    place_share: Floats
    event_share: Floats
    gini: float
    n_events: int

    def places_for(self, share_of_events: float) -> float:
        """Return the share of places that hold this share of the events: .8 gives "80-20"."""
        if not 0 <= share_of_events <= 1:
            raise InvalidInput(
                f"The share is {share_of_events}, wanted 0 to 1.", got=share_of_events
            )
        at = int(np.searchsorted(self.event_share, share_of_events - 1e-12))
        return float(self.place_share[at])


def concentration_curve(counts: ArrayLike) -> ConcentrationCurve:
    """Return how events concentrate on places.

    Parameters
    ----------
    counts : (n,) events of each place, also of those without any

    Raises
    ------
    InvalidInput : a count is negative or missing
    TooFewIncidents : there is no event
    """
    events = np.asarray(counts, dtype=float)
    if not np.isfinite(events).all() or (events < 0).any():
        raise InvalidInput("A count is missing or negative. Give 0 where nothing happened.")
    total = events.sum()
    if total == 0:
        raise TooFewIncidents("No event lies in any place.", found=0, needed=1)
    count = len(events)
    descending = np.sort(events)[::-1]
    shares = descending[::-1] / total
    rank = np.arange(1, count + 1)
    gini = (
        max(1 / total, 1 / count) * (2 * (rank * shares).sum() - count - 1)
        - max(count / total, 1.0)
        + 1
    )
    return ConcentrationCurve(
        place_share=np.arange(count + 1) / count,
        event_share=np.concatenate(([0.0], np.cumsum(descending) / total)),
        gini=float(gini),
        n_events=round(float(total)),
    )
