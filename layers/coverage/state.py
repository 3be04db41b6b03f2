"""Coverage that grows: new fixes change what lies near them in time, and nothing else is computed.

What is decided of a moment looks a little ahead and behind only (`LOOK_S`), so a unit's presence is
computed anew from there on. The same fixes in any order, whole or in parts, once or twice, give the
same bytes: `CoverageState.to_bytes`.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from geo.positions import track_kernels
from geo.positions.tracks import FixColumns, TrackLimits, Tracks, drop_reasons, starts_of
from layers.place_raster import PlaceRaster
from layers.presence.pieces import Presence, PresenceRules, find_presence


class CoverageState:
    """The presence of all units, kept up with the fixes that come in.

    One writer at a time. Memory: 57 bytes a fix and 34 a piece of presence.

    Parameters
    ----------
    raster : the places
    rules, limits : as of `find_presence`
    """

    def __init__(
        self,
        raster: PlaceRaster,
        *,
        rules: PresenceRules | None = None,
        limits: TrackLimits | None = None,
    ) -> None:
        self.raster = raster
        self.rules = rules or PresenceRules()
        self.limits = limits or TrackLimits()
        # How far, in time, a fix can change what is decided of another.
        self._look_ms = 1000 * round(
            max(self.limits.source_window_s, 0.0)
            + 2 * self.rules.still_window_s
            + self.rules.settle_reach_s
            + self.rules.smooth_reach_s
            + self.limits.silence_s
        )
        self._fixes: dict[int, FixColumns] = {}
        self._is_kept: dict[int, NDArray[np.bool_]] = {}
        self._presence: dict[int, Presence] = {}

    def update(self, fixes: FixColumns) -> int:
        """Take in fixes, in any order, new or known; return how many of them were new."""
        ordered = fixes.ordered()
        bounds = starts_of(ordered.unit)
        new = 0
        for begin, end in pairwise(bounds):
            new += self._update_unit(ordered.take(np.arange(begin, end)))
        return new

    def presence(self) -> Presence:
        """Return the presence of all units, by unit and time."""
        return Presence.joined([self._presence[unit] for unit in sorted(self._presence)])

    def to_bytes(self) -> bytes:
        """Return what is known, always the same for the same fixes."""
        return b"".join(np.ascontiguousarray(each).tobytes() for each in self.presence().each())

    def _update_unit(self, given: FixColumns) -> int:
        unit = int(given.unit[0])
        known = self._fixes.get(unit)
        merged, first_ms, new = _merged(known, given)
        if known is not None and new == 0:
            return 0
        self._fixes[unit] = merged
        # The last kept fix so early that nothing new changes it or what lies before it.
        start = 0
        if known is not None:
            early = np.searchsorted(known.time_ms, first_ms - self._look_ms)
            accepted = np.flatnonzero(self._is_kept[unit][:early])
            start = int(accepted[-1]) if len(accepted) else 0
        border_ms = merged.time_ms[start]
        context = int(np.searchsorted(merged.time_ms, border_ms - self._look_ms)) if start else 0
        near = merged.take(np.arange(context, len(merged)))
        kept = drop_reasons(near, self.limits, begin=start - context) == track_kernels.KEPT
        if start:
            before = self._is_kept[unit][:start]
            kept = np.concatenate([before[context:], kept[start - context :]])
            self._is_kept[unit] = np.concatenate([before[:context], kept])
        else:
            self._is_kept[unit] = kept
        clean = near.take(kept)
        presence = find_presence(
            Tracks(clean, starts_of(clean.unit), Counter()), self.raster,
            rules=self.rules, limits=self.limits,
        )  # fmt: skip
        if start:
            old = self._presence[unit]
            presence = Presence.joined(
                [old.take(old.start_ms < border_ms), presence.take(presence.start_ms >= border_ms)]
            )
        self._presence[unit] = presence
        return new


def _merged(known: FixColumns | None, given: FixColumns) -> tuple[FixColumns, int, int]:
    """Return known and given fixes in order, each once, the time of the first given one [ms], and
    how many were new."""
    if known is None:
        merged = _without_repeats(given)
        return merged, int(given.time_ms[0]), len(merged)
    # Only the part from the first given fix on can change.
    at = int(np.searchsorted(known.time_ms, given.time_ms[0]))
    tail = _without_repeats(_joined(known.take(np.arange(at, len(known))), given).ordered())
    merged = _joined(known.take(np.arange(at)), tail)
    return merged, int(given.time_ms[0]), len(merged) - len(known)


def _joined(first: FixColumns, second: FixColumns) -> FixColumns:
    columns = zip(first.each(), second.each(), strict=True)
    return FixColumns(*(np.concatenate(each) for each in columns))


def _without_repeats(ordered: FixColumns) -> FixColumns:
    """Return ordered fixes without those that are the same in everything."""
    if len(ordered) < 2:
        return ordered
    same = np.ones(len(ordered) - 1, bool)
    for each in ordered.each():
        equal = each[1:] == each[:-1]
        if each.dtype.kind == "f":
            equal |= np.isnan(each[1:]) & np.isnan(each[:-1])
        same &= equal
    return ordered.take(np.concatenate([[True], ~same]))
