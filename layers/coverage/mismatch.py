"""Whether patrols are where and when residents call: the mismatch index and the matrix behind it.

Index = half of the sum of |share of presence - share of demand| over all places and slots: 0 where
the two agree, 1 where no presence is where any demand is. It says which share of the patrol time
would have to be elsewhere. Demand is what residents reported; what officers found themselves
follows the patrols and would make them look right.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from geo.errors import NotEnoughData

DEMAND_MIN = 20


@dataclass(frozen=True, slots=True, eq=False)
class Mismatch:
    """index : 0 to 1
    matrix : one row a place and slot with either; `place`, `slot`, `presence_share`,
        `demand_share`, `difference` (presence - demand; negative: too little), most lacking first
    demand_count : reports it stands on
    """

    index: float
    matrix: pd.DataFrame
    demand_count: int


def find_mismatch(
    presence: pd.DataFrame, demand: pd.DataFrame, *, demand_min: int = DEMAND_MIN
) -> Mismatch:
    """Return how far presence and demand are apart.

    Parameters
    ----------
    presence : `place`, `slot`, `patrolling_s`, `stationary_s` as in `CoverageResult.slots`; time
        spent responding is demand met, not presence offered, and is left out
    demand : `place`, `slot`, one row a report of a resident

    Raises
    ------
    NotEnoughData : fewer reports than `demand_min`, or no presence (`found`, `needed`)
    """
    if len(demand) < demand_min:
        raise NotEnoughData(
            f"There are {len(demand)} reports, wanted {demand_min}. Take a longer period.",
            found=len(demand), needed=demand_min,
        )  # fmt: skip
    keys = ["place", "slot"]
    time_s = presence.set_index(keys)[["patrolling_s", "stationary_s"]].sum(axis=1)
    if time_s.sum() <= 0:
        raise NotEnoughData("No unit was anywhere in this period.", found=0, needed=1)
    counts = demand.groupby(keys).size()
    matrix = pd.DataFrame(
        {"presence_share": time_s / time_s.sum(), "demand_share": counts / counts.sum()}
    ).fillna(0.0)
    matrix["difference"] = matrix.presence_share - matrix.demand_share
    ordered = matrix.reset_index().sort_values(["difference", *keys], ignore_index=True)
    return Mismatch(float(matrix.difference.abs().sum() / 2), ordered, len(demand))
