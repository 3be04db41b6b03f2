"""Compiled: which fixes of an ordered track are left out of what is computed from it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geo.compiling import compiled

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Bytes = NDArray[np.uint8]
Places = NDArray[np.int32]

KEPT, DUPLICATE, INACCURATE, OTHER_SOURCE, TELEPORT = range(5)
RANKS = 8
NEVER_MS = -(1 << 60)


@compiled(nogil=True)
def mark_local(
    unit_start: Ints,
    time_ms: Ints,
    accuracy: Floats,
    rank: Ints,
    dropped: Bytes,
    accuracy_max_m: float,
    source_window_ms: int,
) -> None:
    """Write into `dropped` (n,) what a fix and its neighbours within the window decide."""
    last_of_rank = np.empty(RANKS, np.int64)
    for unit in range(len(unit_start) - 1):
        begin, end = unit_start[unit], unit_start[unit + 1]
        kept_ms = NEVER_MS
        for i in range(begin, end):
            dropped[i] = KEPT
            if accuracy[i] > accuracy_max_m:
                dropped[i] = INACCURATE
            elif time_ms[i] == kept_ms:
                dropped[i] = DUPLICATE
            else:
                kept_ms = time_ms[i]
        for sign in (1, -1):  # is there a better source shortly before, shortly after?
            last_of_rank[:] = NEVER_MS
            for step in range(end - begin):
                i = begin + step if sign == 1 else end - 1 - step
                if dropped[i] == DUPLICATE or dropped[i] == INACCURATE:
                    continue
                for better in range(rank[i]):
                    since = sign * (time_ms[i] - last_of_rank[better])
                    if last_of_rank[better] != NEVER_MS and since <= source_window_ms:
                        dropped[i] = OTHER_SOURCE
                last_of_rank[rank[i]] = time_ms[i]


@compiled(nogil=True)
def mark_jumps(
    unit_start: Ints,
    time_ms: Ints,
    x: Floats,
    y: Floats,
    dropped: Bytes,
    silence_ms: int,
    speed_max_mps: float,
    slack_m: float,
    confirmed_by: int,
) -> None:
    """Write which fixes can't be reached from the last good one; parameters as in `TrackLimits`.

    At a fix that is kept all that matters is that fix: one may begin anew there.
    """
    for unit in range(len(unit_start) - 1):
        anchor, pending, confirmed = -1, -1, 0
        for i in range(unit_start[unit], unit_start[unit + 1]):
            if dropped[i] != KEPT:
                continue
            if (
                anchor < 0
                or time_ms[i] - time_ms[anchor] > silence_ms
                or is_reachable(time_ms, x, y, anchor, i, speed_max_mps, slack_m)
            ):
                anchor, pending = i, -1
                continue
            if pending >= 0 and is_reachable(time_ms, x, y, pending, i, speed_max_mps, slack_m):
                confirmed += 1
            else:
                confirmed = 1
            pending = i
            if confirmed >= confirmed_by:
                anchor, pending = i, -1
            else:
                dropped[i] = TELEPORT


@compiled(nogil=True)
def is_reachable(
    time_ms: Ints, x: Floats, y: Floats, i: int, j: int, speed_max_mps: float, slack_m: float
) -> bool:
    """Whether a unit gets from fix i to fix j in the time between them."""
    far_m = ((x[j] - x[i]) ** 2 + (y[j] - y[i]) ** 2) ** 0.5
    return bool(far_m <= speed_max_mps * (time_ms[j] - time_ms[i]) / 1000.0 + slack_m)
