"""From doubts to a confidence: what each doubt weighs, fitted on generated registers.

The log-odds that an answer is right are those of an answer without doubt, less the sum of weight
times amount over its doubts. Weights and amounts are never negative, so another doubt never makes
an answer surer. An answer with a doubt of `CAPPED` goes to review whatever the rest says. The table
is written by `bench.fit_confidence`; docs/decisions/0013 says why it is made like this.
"""

from __future__ import annotations

import csv
import functools
import math
from collections.abc import Mapping

from geo.addresses.division_files import DATA_FOLDER

WEIGHTS_FILE = DATA_FOLDER / "confidence_weights.csv"
SUREST = 0.99  # of an answer without doubt
SURE_ODDS = math.log(SUREST / (1.0 - SUREST))
MOST_CAPPED = 0.75  # of an answer with one of these doubts: it contradicts, ties, is only near
CAPPED = frozenset(
    {
        "differs_place", "differs_tail", "differs_below", "differs_name", "absent_place",
        "absent_tail", "absent_below", "other_area", "other_county", "other_city", "unread",
        "tied", "near", "slip_only", "unnamed", "reread", "falls_short", "alike",
    }
)  # fmt: skip


@functools.cache
def confidence_weights() -> Mapping[str, float]:
    """Return doubt → weight [log-odds for an amount of 1]."""
    with WEIGHTS_FILE.open(encoding="utf-8", newline="") as file:
        return {row["doubt"]: float(row["weight"]) for row in csv.DictReader(file)}


def confidence_of(doubts: Mapping[str, float]) -> float:
    """Return 0 to SUREST; all doubts must be in the table.

    Raises
    ------
    KeyError : a doubt has no weight
    """
    weights = confidence_weights()
    odds = SURE_ODDS - sum(weights[doubt] * amount for doubt, amount in doubts.items())
    most = MOST_CAPPED if CAPPED & doubts.keys() else SUREST
    return min(most, 1.0 / (1.0 + math.exp(-odds)))
