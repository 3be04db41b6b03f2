"""What of a unit has to be computed anew when something changed: from the last fix that nothing
new can change up to the first after which nothing differs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from geo.coverage.fixes import load_fixes, load_jumps
from geo.local_plane import LocalPlane
from geo.positions import track_kernels
from geo.positions.tracks import FixColumns, drop_reasons
from layers.coverage.rules import KeepingRules

Sessions = Callable[[], AbstractContextManager[Session]]


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """What is computed anew of a unit: pieces that begin in [start, end) [ms].

    due_ms : first and last moment of what changed
    clean : kept fixes from before the start on, as far as they bear on it
    jumps : times of the fixes left out as jumps in [start, end)
    """

    unit: int
    start_ms: int
    end_ms: int
    due_ms: tuple[int, int]
    clean: FixColumns
    jumps: list[int]

    @property
    def window_ms(self) -> tuple[int, int]:
        """What is looked at: what changed, and what is computed anew."""
        return min(self.start_ms, self.due_ms[0]), max(self.end_ms, self.due_ms[1] + 1)


def find_stretches(
    sessions: Sessions,
    due: Mapping[int, tuple[int, int]],
    plane: LocalPlane,
    rules: KeepingRules,
) -> list[Stretch]:
    """Find where each unit's stretch begins and ends, looking farther where that isn't enough.

    Parameters
    ----------
    sessions : opens a transaction to read in; none is open while anything is computed
    due : unit -> first and last moment of what changed [ms]
    """
    look = rules.look_ms
    wanted: dict[int, tuple[float, float]] = {
        unit: (first - 3 * look, last + 3 * look) for unit, (first, last) in due.items()
    }
    found: dict[int, Stretch] = {}
    jumps: dict[int, NDArray[np.int64]] | None = None
    while wanted:
        with sessions() as session:
            fixes = load_fixes(session, wanted, plane)
            if jumps is None:
                jumps = load_jumps(session, list(due))
        wider: dict[int, tuple[float, float]] = {}
        for unit, (low, high) in wanted.items():
            stretch = _stretch(
                unit, fixes.get(unit), jumps.get(unit, np.zeros(0, np.int64)), due[unit],
                (low, high), rules,
            )  # fmt: skip
            if isinstance(stretch, Stretch):
                found[unit] = stretch
            else:
                is_early, is_late = stretch
                width = high - low
                wider[unit] = (low - width * is_early, high + width * is_late)
        wanted = wider
    return [found[unit] for unit in sorted(found)]


def _stretch(
    unit: int,
    fixes: FixColumns | None,
    jumps: NDArray[np.int64],
    due: tuple[int, int],
    window: tuple[float, float],
    rules: KeepingRules,
) -> Stretch | tuple[bool, bool]:
    """Return the stretch, or whether more is to be loaded before and after."""
    look, silence = rules.look_ms, round(rules.limits.silence_s * 1000)
    first_ms, last_ms = due
    if fixes is None:
        nothing = FixColumns.of([], [], [], [])
        return Stretch(unit, first_ms, last_ms + 1, due, nothing, [])
    at = fixes.time_ms
    local = drop_reasons(fixes, rules.limits, only_local=True)
    was_kept = (local == track_kernels.KEPT) & ~np.isin(at, jumps)
    # Near the ends of what was loaded the neighbours aren't known.
    is_sound = (at >= window[0] + look) & (at <= window[1] - look)
    begins = np.diff(at, prepend=round(window[0])) > silence  # a spell begins here
    early = np.flatnonzero(was_kept & is_sound & (at < first_ms - look))
    fresh = np.flatnonzero(begins)
    if len(early):
        begin = int(early[-1])
    elif len(fresh) and (fresh[0] == 0 or at[fresh[0]] <= first_ms):
        begin = int(fresh[0])
    else:
        return True, False
    reasons = drop_reasons(fixes, rules.limits, begin=begin)
    kept = np.concatenate([was_kept[:begin], reasons[begin:] == track_kernels.KEPT])
    # From a fix on that is kept now and was before, nothing differs; nor beyond a silence.
    same = np.flatnonzero(kept & was_kept & is_sound & (at > last_ms + look))
    after = np.flatnonzero(begins & (at > last_ms))
    ends = [int(at[same[0]])] if len(same) else []
    ends += [int(at[after[0]])] if len(after) else []
    if not ends:
        if window[1] - at[-1] <= silence:
            return False, True
        ends = [int(at[-1]) + silence]
    start_ms, end_ms = min(int(at[begin]), first_ms), max(min(ends), last_ms + 1)
    near = (at >= at[begin] - look) & (at <= end_ms + look)
    is_jump = (reasons == track_kernels.TELEPORT) & (at >= start_ms) & (at < end_ms)
    is_jump[:begin] = False
    return Stretch(unit, start_ms, end_ms, due, fixes.take(kept & near), at[is_jump].tolist())
