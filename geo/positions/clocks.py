"""How far a device's clock is off: median(received - sent) of the fixes that came at once.

A fix has three clocks: `fixed_at` and `sent_at` by the device, `received_at` by us. What was
buffered came late for another reason, so only fixes that came at once count: those whose delay is
within `ONLINE_SPREAD_S` of the smallest. The delay of the network (some 0.1 s) is in the skew.

A buffer that is emptied looks like a clock that is behind, but for a moment: its delays shrink.
So a clock is believed to be behind when the delay stayed the same for `BEHIND_FOR_S`; to be ahead,
which no buffer can do, for `AHEAD_FOR_S`.

Source: docs/live_positions.md, "Three clocks".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import ArrayLike

ONLINE_SPREAD_S = 15.0
FIXES_MIN = 5
CORRECTED_ABOVE_S = 30.0
BEHIND_FOR_S, AHEAD_FOR_S = 600.0, 60.0


@dataclass(frozen=True, slots=True)
class ClockSkew:
    """What to add to a device's clock.

    skew_s : median(received - sent) [s]; NaN where fewer than `FIXES_MIN` fixes came at once.
        Positive: the device's clock is behind
    fix_count : fixes it stands on
    is_corrected : whether `fixed_at` is corrected by it: it is large enough, seen for long enough,
        and the times of the fixes show it too (a phone whose fixes carry the satellites' time needs
        none)
    """

    skew_s: float
    fix_count: int
    is_corrected: bool

    @property
    def correction(self) -> timedelta:
        """What is added to `fixed_at`."""
        return timedelta(seconds=self.skew_s) if self.is_corrected else timedelta(0)


def measure_skew(fixed_s: ArrayLike, sent_s: ArrayLike, received_s: ArrayLike) -> ClockSkew:
    """Return the skew of one device's clock.

    Parameters
    ----------
    fixed_s, sent_s, received_s : (n,) Unix time [s]; `sent_s` is NaN where the format has none,
        then the time of the fix stands for it
    """
    fixed, sent, received = (np.asarray(each, float) for each in (fixed_s, sent_s, received_s))
    sent = np.where(np.isnan(sent), fixed, sent)
    delay = received - sent
    known = np.isfinite(delay) & np.isfinite(fixed)
    if not known.any():
        return ClockSkew(float("nan"), 0, False)
    online = known & (delay <= delay[known].min() + ONLINE_SPREAD_S)
    count = int(online.sum())
    if count < FIXES_MIN:
        return ClockSkew(float("nan"), count, False)
    skew_s = float(np.median(delay[online]))
    by_fix_s = float(np.median((received - fixed)[online]))
    span_s = float(np.ptp(received[online]))
    is_corrected = (
        abs(skew_s) > CORRECTED_ABOVE_S
        and span_s >= (BEHIND_FOR_S if skew_s > 0 else AHEAD_FOR_S)
        and abs(by_fix_s) > CORRECTED_ABOVE_S
        and (skew_s > 0) == (by_fix_s > 0)
    )
    return ClockSkew(skew_s, count, is_corrected)
