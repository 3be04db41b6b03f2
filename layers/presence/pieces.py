"""When each unit was in which place: pieces of time, each certain or not, and what the unit did.

Between two fixes a unit goes straight and evenly. A gap up to `certain_s` is certain; up to the
track's silence it is uncertain; in a silence a unit is known where it was for `tail_s`, uncertain,
and then unknown. Positions are smoothed by their neighbours in time first, which takes the noise
that makes a unit on a border jump between two places.

With the roads, gaps of 20 s and more are filled with the shortest way (`layers.presence.ways`).

Source: docs/coverage.md, "Presence", with what was measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.positions.tracks import TrackLimits, Tracks, starts_of
from layers.place_raster import PlaceRaster
from layers.presence import kernels
from layers.presence.ways import Bends

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PresenceRules:
    """How fixes become presence.

    certain_s : a gap between fixes up to this is certain
    tail_s : what is given to the last place before a silence
    smooth_s, smooth_reach_s, smooth_m : width of the kernel [s], where it ends, and its width in
        metres at most
    still_window_s, still_mps : a unit stands where it moves slower, looked at so long before and
        after
    settle_reach_s, settle_m : amid a stop, the mean of its fixes so near in time and place counts
    noise_m : how far a fix errs on each axis; twice its share in that mean is how near to a border
        a unit that stands may be on either side. 0: borders are never in doubt
    """

    certain_s: float = 90.0
    tail_s: float = 90.0
    smooth_s: float = 12.0
    smooth_reach_s: float = 30.0
    smooth_m: float = 16.0
    still_window_s: float = 45.0
    still_mps: float = 0.4
    settle_reach_s: float = 300.0
    settle_m: float = 25.0
    noise_m: float = 8.0


@dataclass(frozen=True, slots=True, eq=False)
class Presence:
    """Pieces of time by unit and time.

    unit, place : (n,) int; `place` is a position in the raster's keys
    start_ms, end_ms : Unix time
    certainty : 0 certain, 1 uncertain
    doing : 0 patrolling, 1 stationary, 2 responding
    """

    unit: IntArray
    place: NDArray[np.int32]
    start_ms: IntArray
    end_ms: IntArray
    certainty: NDArray[np.uint8]
    doing: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.unit)

    def each(self) -> tuple[NDArray[Any], ...]:
        """The columns in their order."""
        return (self.unit, self.place, self.start_ms, self.end_ms, self.certainty, self.doing)

    def take(self, rows: NDArray[np.generic] | slice) -> Presence:
        """Return some rows."""
        return Presence(*(each[rows] for each in self.each()))

    @classmethod
    def joined(cls, parts: list[Presence]) -> Presence:
        """Return parts one after another."""
        if not parts:
            return cls.empty()
        columns = zip(*(part.each() for part in parts), strict=True)
        return cls(*(np.concatenate(each) for each in columns))

    @classmethod
    def empty(cls) -> Presence:
        """Return no pieces."""
        return cls(
            np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0, np.int64),
            np.zeros(0, np.int64), np.zeros(0, np.uint8), np.zeros(0, np.uint8),
        )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Ways:
    """How units went, whatever the places are: points by unit and time.

    unit, time_ms : (n,) int
    x, y : (n,) metres of the plane of the tracks
    responding, stationary : (n,) bool, until the next point
    gap_ms : (n,) between the fixes around the point
    margin_m : (n,) how near to a border it may be on either side
    """

    unit: IntArray
    time_ms: IntArray
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    responding: NDArray[np.bool_]
    stationary: NDArray[np.bool_]
    gap_ms: IntArray
    margin_m: NDArray[np.float64]

    def each(self) -> tuple[NDArray[Any], ...]:
        """The columns in their order."""
        return (self.unit, self.time_ms, self.x, self.y, self.responding, self.stationary,
                self.gap_ms, self.margin_m)  # fmt: skip

    def of_units(self, units: NDArray[np.int64]) -> Ways:
        """Return the ways of some units."""
        rows = np.isin(self.unit, units)
        return Ways(*(each[rows] for each in self.each()))


def find_presence(
    tracks: Tracks,
    raster: PlaceRaster,
    *,
    rules: PresenceRules | None = None,
    limits: TrackLimits | None = None,
    roads: Bends | None = None,
) -> Presence:
    """Return when each unit was in which place.

    Parameters
    ----------
    tracks : clean fixes in metres of the raster's plane
    limits : those the tracks were cleaned with; its silence is meant
    roads : fills gaps with the shortest way; without it ways are straight
    """
    ways = find_ways(tracks, rules=rules, limits=limits, roads=roads)
    return presence_on(ways, raster, rules=rules, limits=limits)


def find_ways(
    tracks: Tracks,
    *,
    rules: PresenceRules | None = None,
    limits: TrackLimits | None = None,
    roads: Bends | None = None,
) -> Ways:
    """Return how units went, smoothed; parameters as of `find_presence`."""
    rules, limits = rules or PresenceRules(), limits or TrackLimits()
    fixes, starts = tracks.fixes, tracks.unit_start
    x, y = np.empty(len(fixes)), np.empty(len(fixes))
    kernels.smooth(
        starts, fixes.time_ms, fixes.x, fixes.y, x, y, rules.smooth_reach_s * 1000,
        rules.smooth_m, rules.smooth_s * 1000,
    )  # fmt: skip
    stationary = np.empty(len(fixes), bool)
    kernels.mark_stationary(
        starts, fixes.time_ms, x, y, stationary, rules.still_window_s * 1000, rules.still_mps
    )
    settled_x, settled_y = np.empty(len(fixes)), np.empty(len(fixes))
    counts = np.ones(len(fixes), np.int64)
    kernels.settle(
        starts, fixes.time_ms, x, y, stationary, settled_x, settled_y, counts,
        rules.settle_reach_s * 1000, rules.settle_m,
    )  # fmt: skip
    margin_m = 2 * rules.noise_m / np.sqrt(counts)
    gap_ms = np.zeros(len(fixes), np.int64)
    gap_ms[:-1] = np.diff(fixes.time_ms)
    ways = Ways(
        fixes.unit, fixes.time_ms, settled_x, settled_y, fixes.responding, stationary, gap_ms,
        margin_m,
    )  # fmt: skip
    return ways if roads is None else _by_road(roads, ways, round(limits.silence_s * 1000))


def presence_on(
    ways: Ways,
    raster: PlaceRaster,
    *,
    rules: PresenceRules | None = None,
    limits: TrackLimits | None = None,
) -> Presence:
    """Return when each unit was in which place of a raster; parameters as of `find_presence`."""
    rules, limits = rules or PresenceRules(), limits or TrackLimits()
    starts, silence_ms = starts_of(ways.unit), round(limits.silence_s * 1000)
    frame = (raster.west_m, raster.south_m, raster.step_m)
    bound = kernels.pieces_bound(starts, ways.time_ms, ways.x, ways.y, *frame, silence_ms)
    out = Presence(
        np.empty(bound, np.int64), np.empty(bound, np.int32), np.empty(bound, np.int64),
        np.empty(bound, np.int64), np.empty(bound, np.uint8), np.empty(bound, np.uint8),
    )  # fmt: skip
    count = kernels.trace(
        starts, ways.unit, ways.time_ms, ways.x, ways.y, ways.responding, ways.stationary,
        ways.gap_ms, ways.margin_m, raster.places, *frame, round(rules.certain_s * 1000),
        silence_ms, round(rules.tail_s * 1000), *out.each(),
    )  # fmt: skip
    return out.take(slice(0, int(count)))


def _by_road(roads: Bends, ways: Ways, silence_ms: int) -> Ways:
    """The ways with the bends of the roads between the fixes."""
    unit, time_ms, gap_ms = ways.unit, ways.time_ms, ways.gap_ms
    rows, shares, places = roads.bends(unit, time_ms, ways.x, ways.y, silence_ms=silence_ms)
    row = np.concatenate([np.arange(len(unit)), rows])
    order = np.lexsort((np.concatenate([np.full(len(unit), -1.0), shares]), row))
    row = row[order]
    bend_ms = time_ms[rows] + np.round(shares * gap_ms[rows]).astype(np.int64)
    return Ways(
        unit[row],
        np.concatenate([time_ms, bend_ms])[order],
        np.concatenate([ways.x, places[:, 0]])[order],
        np.concatenate([ways.y, places[:, 1]])[order],
        ways.responding[row],
        ways.stationary[row],
        gap_ms[row],
        ways.margin_m[row],
    )
