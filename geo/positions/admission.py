"""Which fixes are kept: what the clocks say. The register of devices and duty come after.

The store keeps what a device may truly have been at, also when it is inaccurate or late: filters
for what is computed from a track are in `geo.positions.tracks`. What can't be true by the
clocks is dropped here.

Source: Traccar's filter handler (future, outdated); docs/live_positions.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from geo.positions.fix import Drop, Fix

# The satellites count weeks modulo 1,024; an old receiver falls back by a multiple of this.
ROLLOVER = timedelta(weeks=1024)


@dataclass(frozen=True, slots=True)
class AdmissionLimits:
    """How far a fix's clock may be off from when it came.

    future : later than now by more is dropped
    past : earlier by more is dropped. A phone that was away for days brings its buffer back.
    """

    future: timedelta = timedelta(minutes=5)
    past: timedelta = timedelta(days=7)


def refusal_by_clock(
    fix: Fix,
    *,
    received_at: datetime,
    skew: timedelta = timedelta(0),
    limits: AdmissionLimits | None = None,
) -> Drop | None:
    """Return why a fix can't be true by its clock, or None.

    Parameters
    ----------
    received_at : when it came, by our clock
    skew : what the device's clock lags behind ours, `geo.positions.clocks`
    """
    limits = limits or AdmissionLimits()
    try:
        fixed_at = fix.fixed_at + skew
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


def moves_latest(fix: Fix, latest_fixed_at: datetime | None, *, received_at: datetime) -> bool:
    """Whether a fix becomes a unit's latest position: only where it is newer, and not stale.

    A late or shuffled fix is kept and moves no marker back.
    """
    if fix.stale_at is not None and fix.stale_at <= received_at:
        return False
    return latest_fixed_at is None or fix.fixed_at > latest_fixed_at
