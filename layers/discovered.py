"""Where incidents come from, and why it matters: what a patrol finds depends on where it was.

A record that an officer began is found where officers are. Ranked like the rest, it sends them
there again, where they find more: the ranking feeds on itself and runs away from the truth.
Residents' reports weaken the loop but don't end it. So records that officers began are left out of
the model unless somebody switches them on, which the caller audits.

Switched on, they can be corrected by the measured presence of patrols: found incidents per hour
there, instead of incidents found. `presence_weights` makes each found incident count as many as
would have been found with the same presence everywhere.

Limits: it holds where the chance to find something grows in proportion to the time spent; what is
found in an area hardly ever visited counts much and is uncertain, so weights are capped; an area
never visited is unknown, not quiet.

Source: Ensign et al. 2018, "Runaway feedback loops in predictive policing".
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.errors import InvalidInput

Source = Literal["resident_reported", "officer_initiated", "sensor", "transferred"]
SOURCES: tuple[Source, ...] = get_args(Source)
MODEL_SOURCES: tuple[Source, ...] = ("resident_reported",)
"""What feeds the model unless somebody says otherwise."""

WEIGHT_MAX = 20.0
"""One found incident never counts more than so many."""

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def feeds_the_model(sources: ArrayLike, *, allowed: tuple[Source, ...] = MODEL_SOURCES) -> Flags:
    """Return which incidents a model may learn from, by their source.

    Parameters
    ----------
    sources : (n,) of `SOURCES`

    Raises
    ------
    InvalidInput : a source is unknown: it would silently count as allowed or not
    """
    given = np.asarray(sources, dtype=object)
    unknown = sorted({str(source) for source in given} - set(SOURCES))
    if unknown:
        raise InvalidInput(
            f"The sources {unknown} are unknown, wanted {', '.join(SOURCES)}.", got=unknown
        )
    return np.isin(given.astype(str), allowed)


def presence_weights(presence_h: ArrayLike) -> Floats:
    """Return what an incident found in each place counts, given how long patrols were there.

    weight = mean presence / presence here, at most `WEIGHT_MAX`; 0 where nobody was: what is
    recorded there wasn't found by being there.

    Parameters
    ----------
    presence_h : (n_places,) patrol time in the same period as the incidents [h]

    Raises
    ------
    InvalidInput : a time is negative or missing, or nobody was anywhere
    """
    hours = np.asarray(presence_h, dtype=float)
    if not np.isfinite(hours).all() or (hours < 0).any() or hours.sum() == 0:
        raise InvalidInput(
            "Presence is missing, negative, or 0 everywhere. Give the measured hours of each place."
        )
    weights: Floats = np.divide(hours.mean(), hours, out=np.zeros(len(hours)), where=hours > 0)
    return np.minimum(weights, WEIGHT_MAX)
