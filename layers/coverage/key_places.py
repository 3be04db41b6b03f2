"""Key places and time slots with a required dose: which of them were not covered."""

from __future__ import annotations

import numpy as np
import pandas as pd

STATES = ("none", "short", "probably_covered", "covered")


def find_uncovered(
    slots: pd.DataFrame, required: pd.DataFrame, *, only_uncovered: bool = True
) -> pd.DataFrame:
    """Return how the required doses were met.

    Parameters
    ----------
    slots : as in `CoverageResult.slots`
    required : `place`, `slot`, `dose_s` [s in the whole period], one row each

    Returns
    -------
    DataFrame, most lacking first: `place`, `slot`, `dose_s`, `certain_s`, `uncertain_s`,
    `missing_s` (by certain and uncertain time together), `state`: `covered` by certain time,
    `probably_covered` with the uncertain, `short`, `none`. Covered ones only where they are asked
    for.
    """
    keys = ["place", "slot"]
    found = required[[*keys, "dose_s"]].merge(
        slots[[*keys, "certain_s", "uncertain_s"]], on=keys, how="left"
    )
    found = found.fillna({"certain_s": 0.0, "uncertain_s": 0.0})
    both = found.certain_s + found.uncertain_s
    found["missing_s"] = (found.dose_s - both).clip(lower=0.0)
    found["state"] = np.select(
        [found.certain_s >= found.dose_s, both >= found.dose_s, both > 0],
        ["covered", "probably_covered", "short"],
        default="none",
    )
    if only_uncovered:
        found = found[found.state.isin(("none", "short"))]
    return found.sort_values(["missing_s", *keys], ascending=[False, True, True],
                             ignore_index=True)  # fmt: skip
