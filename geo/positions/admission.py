"""Which fixes are kept: what the clocks say. The register of devices and duty come after.

The store keeps what a device may truly have been at, also when it is inaccurate or late: filters
for what is computed from a track are in `geo.positions.tracks`. What can't be true by the
clocks is dropped here.

Source: Traccar's filter handler (future, outdated); docs/live_positions.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from geo.positions.fix import Drop
from geo.positions.rows import to_datetime, to_us

# The satellites count weeks modulo 1,024; an old receiver falls back by a multiple of this.
ROLLOVER = timedelta(weeks=1024)
CLOCK_REFUSALS = (None, Drop.BAD_TIME, Drop.FUTURE, Drop.TOO_OLD, Drop.WEEK_ROLLOVER)


@dataclass(frozen=True, slots=True)
class AdmissionLimits:
    """How far a fix's clock may be off from when it came.

    future : later than now by more is dropped
    past : earlier by more is dropped. A phone that was away for days brings its buffer back.
    """

    future: timedelta = timedelta(minutes=5)
    past: timedelta = timedelta(days=7)


def refusal_by_clock(
    fixed_at: datetime,
    *,
    received_at: datetime,
    skew: timedelta = timedelta(0),
    limits: AdmissionLimits | None = None,
) -> Drop | None:
    """Return why a fix can't be true by its clock, or None.

    Parameters
    ----------
    fixed_at : when it was, by the device's clock
    received_at : when it came, by our clock
    skew : what the device's clock lags behind ours, `geo.positions.clocks`
    """
    limits = limits or AdmissionLimits()
    try:
        fixed_at = fixed_at + skew
    except OverflowError:
        return Drop.BAD_TIME
    age = received_at - fixed_at
    if age < -limits.future:
        return Drop.FUTURE
    if age <= limits.past:
        return None
    since_rollover = age % ROLLOVER
    fits = since_rollover <= limits.past or ROLLOVER - since_rollover <= limits.future
    return Drop.WEEK_ROLLOVER if fits and age > ROLLOVER / 2 else Drop.TOO_OLD


def refusals_by_clock(
    fixed_us: NDArray[np.int64],
    *,
    received_at: datetime,
    skew: timedelta = timedelta(0),
    limits: AdmissionLimits | None = None,
) -> NDArray[np.uint8]:
    """Return (n,) the place in `CLOCK_REFUSALS` of `refusal_by_clock`, 0 for none.

    Parameters
    ----------
    fixed_us : (n,) Unix time [µs] by the device's clock
    """
    limits = limits or AdmissionLimits()
    age = to_us(received_at) - fixed_us - skew // timedelta(microseconds=1)
    past, future = (each // timedelta(microseconds=1) for each in (limits.past, limits.future))
    codes = np.zeros(len(fixed_us), np.uint8)
    for at in np.flatnonzero((age > past) | (age < -future)):
        fixed_at = to_datetime(int(fixed_us[at]))
        assert fixed_at is not None
        refusal = refusal_by_clock(fixed_at, received_at=received_at, skew=skew, limits=limits)
        codes[at] = CLOCK_REFUSALS.index(refusal)
    return codes
