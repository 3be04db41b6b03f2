"""Open demand by grid and slot as the roster has it: each unit at its home, for the hours ahead.

Where units really are nobody knows ahead; that they start from their homes is an assumption, and
whether they are busy is not known at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from geo.values import Period
from layers.demand.cells import Demand
from layers.response.who_reaches import RING_COUNT, ResponseReach


@dataclass(frozen=True)
class PlannedGaps:
    """`open_share` : index grid_code, a column a slot's start; share of the grid's households that
    no unit on duty for the whole slot reaches within the last ring of its kind"""

    slots: tuple[Period, ...]
    open_share: pd.DataFrame
    on_duty: tuple[int, ...]


def planned_gaps(
    reach: ResponseReach, shifts: Sequence[Sequence[Period]], slots: Sequence[Period]
) -> PlannedGaps:
    """Return open demand by grid and slot.

    Parameters
    ----------
    reach : of all units from their homes, each counted
    shifts : of each of the reach's sources
    slots : ascending
    """
    demand: Demand = reach.demand
    households = demand.weights["households"]
    limits = np.array(
        [reach.rules.kinds[source.kind].rings_s[RING_COUNT - 1] for source in reach.sources]
    )
    holds = reach.times_s <= limits[:, None] if len(limits) else np.zeros((0, len(demand)), bool)
    codes, number = np.unique(demand.grid_code.astype(str), return_inverse=True)
    whole = np.bincount(number, weights=households, minlength=len(codes))
    columns, counts = {}, []
    for slot in slots:
        on_duty = np.array(
            [any(s.start <= slot.start and s.end >= slot.end for s in own) for own in shifts], bool
        )
        covered = holds[on_duty].any(axis=0) if on_duty.any() else np.zeros(len(demand), bool)
        outside = np.bincount(number, weights=households * ~covered, minlength=len(codes))
        columns[slot.start] = np.divide(
            outside, whole, out=np.full(len(codes), np.nan), where=whole > 0
        )
        counts.append(int(on_duty.sum()))
    table = pd.DataFrame(columns, index=pd.Index(codes, name="grid_code"))
    return PlannedGaps(tuple(slots), table, tuple(counts))


def slots_ahead(now: datetime, *, hours: int, count: int) -> list[Period]:
    """Return the slots from the one that runs, each of some whole hours of the clock."""
    start = now.replace(minute=0, second=0, microsecond=0)
    start -= timedelta(hours=start.hour % hours)
    return [
        Period(start + timedelta(hours=hours * k), start + timedelta(hours=hours * (k + 1)))
        for k in range(count)
    ]
