"""Fixes of many units, ordered, and cleaned for what is computed from them.

The store keeps every fix that may be true. A dwell or a visit is computed from those that are
accurate enough, of one source at a time, and without jumps; each one left out is counted by its
reason.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.errors import InvalidInput
from geo.positions import track_kernels as kernels
from geo.positions.fix import Drop

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
_REASONS = {
    kernels.DUPLICATE: Drop.DUPLICATE,
    kernels.INACCURATE: Drop.INACCURATE,
    kernels.OTHER_SOURCE: Drop.OTHER_SOURCE,
    kernels.TELEPORT: Drop.TELEPORT,
}


@dataclass(frozen=True, slots=True)
class TrackLimits:
    """What a fix must keep to; docs/coverage.md gives the source of each.

    accuracy_max_m : less accurate is left out; an unknown accuracy is taken for good
    source_window_s : of two devices of one unit the lesser is left out this near to the other's
    silence_s : after this long without a fix nothing is known, and any place is reachable
    speed_max_mps, slack_m : a fix is a jump where it is farther than speed x time + slack
    confirmed_by : so many fixes in a row that fit each other, far from the last good one, are
        the truth: the good one was the jump
    """

    accuracy_max_m: float = 50.0
    source_window_s: float = 90.0
    silence_s: float = 330.0
    speed_max_mps: float = 150 / 3.6
    slack_m: float = 50.0
    confirmed_by: int = 3


@dataclass(frozen=True, slots=True, eq=False)
class FixColumns:
    """Fixes as columns, in any order; what a unit is called is a number here.

    unit : (n,) int
    time_ms : (n,) Unix time [ms], corrected for the skew of the device's clock
    x, y : (n,) metres on one plane, `geo.local_plane`
    accuracy_m : (n,) NaN where unknown
    rank : (n,) 0 to 7: of several devices of one unit the least is believed
    responding : (n,) whether the unit was called to something then
    """

    unit: IntArray
    time_ms: IntArray
    x: FloatArray
    y: FloatArray
    accuracy_m: FloatArray
    rank: IntArray
    responding: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        unit: ArrayLike,
        time_ms: ArrayLike,
        x: ArrayLike,
        y: ArrayLike,
        *,
        accuracy_m: ArrayLike | None = None,
        rank: ArrayLike | None = None,
        responding: ArrayLike | None = None,
    ) -> FixColumns:
        """Return the columns; those left out say nothing.

        Raises
        ------
        InvalidInput : the columns differ in length, a place is not finite, or a rank is not 0 to 7
        """
        count = len(np.asarray(unit))
        columns = cls(
            np.asarray(unit, np.int64),
            np.asarray(time_ms, np.int64),
            np.asarray(x, float),
            np.asarray(y, float),
            np.full(count, np.nan) if accuracy_m is None else np.asarray(accuracy_m, float),
            np.zeros(count, np.int64) if rank is None else np.asarray(rank, np.int64),
            np.zeros(count, bool) if responding is None else np.asarray(responding, bool),
        )
        lengths = {len(each) for each in columns.each()}
        if lengths != {count}:
            raise InvalidInput(f"The columns have {sorted(lengths)} rows, wanted one number.")
        if not (np.isfinite(columns.x).all() and np.isfinite(columns.y).all()):
            raise InvalidInput("A fix has no place. Drop it and count it before.")
        if count and not (columns.rank.min() >= 0 and columns.rank.max() < kernels.RANKS):
            raise InvalidInput(f"Ranks of sources go from 0 to {kernels.RANKS - 1}.")
        return columns

    def __len__(self) -> int:
        return len(self.unit)

    def each(self) -> tuple[NDArray[Any], ...]:
        """The columns in their order."""
        return (
            self.unit, self.time_ms, self.x, self.y, self.accuracy_m, self.rank, self.responding,
        )  # fmt: skip

    def take(self, rows: NDArray[np.generic]) -> FixColumns:
        """Return some rows, by numbers or by a mask."""
        return FixColumns(*(each[rows] for each in self.each()))

    def ordered(self) -> FixColumns:
        """Return the rows by unit and time; at one time the best first, in any order given.

        Best is the source of the least rank, then the most accurate, then, so that the order is
        one whatever came first, the place.
        """
        order = np.lexsort((self.time_ms, self.unit))
        unit, time = self.unit[order], self.time_ms[order]
        same = (unit[1:] == unit[:-1]) & (time[1:] == time[:-1])
        tied = np.zeros(len(order), bool)
        tied[1:] |= same
        tied[:-1] |= same
        if tied.any():  # they keep their places among the others, and are put in order there
            rows = order[tied]
            accuracy = np.where(np.isnan(self.accuracy_m[rows]), np.inf, self.accuracy_m[rows])
            keys = (
                self.responding[rows], self.y[rows], self.x[rows], accuracy, self.rank[rows],
                self.time_ms[rows], self.unit[rows],
            )  # fmt: skip
            order[tied] = rows[np.lexsort(keys)]
        return self.take(order)


@dataclass(frozen=True, slots=True, eq=False)
class Tracks:
    """Clean fixes by unit and time.

    fixes : ordered
    unit_start : (n_units + 1,) where each unit's fixes begin
    dropped : reason → how many were left out
    """

    fixes: FixColumns
    unit_start: IntArray
    dropped: Counter[Drop]


def clean_tracks(fixes: FixColumns, limits: TrackLimits | None = None) -> Tracks:
    """Return the fixes in their order without those that are left out.

    Order and repetition of the fixes given change nothing.
    """
    ordered = fixes.ordered()
    reasons = drop_reasons(ordered, limits or TrackLimits())
    counts = np.bincount(reasons, minlength=len(_REASONS) + 1)
    kept = ordered.take(reasons == kernels.KEPT)
    return Tracks(
        fixes=kept,
        unit_start=starts_of(kept.unit),
        dropped=Counter({name: int(counts[code]) for code, name in _REASONS.items()
                         if counts[code]}),
    )  # fmt: skip


def drop_reasons(
    ordered: FixColumns, limits: TrackLimits, *, begin: int = 0, only_local: bool = False
) -> NDArray[np.uint8]:
    """Return why each of some ordered fixes is left out, by the codes of `track_kernels`.

    Parameters
    ----------
    begin : the fixes are of one unit, this one is known to be kept, and those before it only
        serve as its neighbours
    only_local : leave jumps in, which takes all fixes from a kept one on
    """
    reasons = np.empty(len(ordered), np.uint8)
    starts = starts_of(ordered.unit)
    kernels.mark_local(
        starts, ordered.time_ms, ordered.accuracy_m, ordered.rank, reasons,
        limits.accuracy_max_m, round(limits.source_window_s * 1000),
    )  # fmt: skip
    if only_local:
        return reasons
    kernels.mark_jumps(
        np.array([begin, len(ordered)]) if begin else starts, ordered.time_ms, ordered.x,
        ordered.y, reasons, round(limits.silence_s * 1000), limits.speed_max_mps,
        limits.slack_m, limits.confirmed_by,
    )  # fmt: skip
    return reasons


def starts_of(unit: IntArray) -> IntArray:
    """Return where each run of one unit begins, and the end."""
    changes = np.flatnonzero(unit[1:] != unit[:-1]) + 1
    return np.concatenate([[0], changes, [len(unit)]]).astype(np.int64) if len(unit) else (
        np.zeros(1, np.int64)
    )  # fmt: skip
