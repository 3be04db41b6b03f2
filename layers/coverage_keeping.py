"""Coverage kept up with the positions in the store: what changed is computed anew, and no more.

Triggers note what changed of which unit and when (`geo.coverage.due`). A unit's presence is then
computed from the last fix that nothing new can change up to the first after which nothing differs;
a day that goes on costs minutes of it. The same positions, shuffled, doubled and in parts, give the
same bytes, since nothing that is stored depends on when it was computed:

- a spell of fixes without a silence stands for itself: what lies beyond a silence changes nothing;
- at a fix that is kept, what came before decides nothing more (`track_kernels.mark_jumps`);
- pieces are cut at fixes, and joined anew whatever they were computed in.

Visits are those within a shift. Source: docs/coverage.md, "In the store".
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from geo.coverage.due import take_due
from geo.coverage.fixes import load_fixes, load_jumps
from geo.coverage.pieces import (
    PIECE,
    VISIT,
    Rows,
    clipped,
    cut_at_hours,
    joined_pieces,
    sums_of,
    unpacked,
)
from geo.coverage.records import (
    HOUR_MS,
    CoverageKey,
    PresenceKey,
    load_hours,
    load_presence,
    load_shifts,
    store_coverage,
    store_presence,
)
from geo.positions import track_kernels
from geo.positions.tracks import FixColumns, TrackLimits, Tracks, drop_reasons, starts_of
from geo.tables import AREA_KINDS, PLACE_KINDS
from layers.coverage import VisitRules, find_visits
from layers.coverage_places import CoveragePlaces
from layers.place_raster import PlaceRaster
from layers.presence import Presence, PresenceRules, find_presence
from layers.presence_ways import RoadWays

DUE_ROWS = 2_000
_LATE_MS = 1 << 53
_FORGET_JUMPS = text(
    "DELETE FROM coverage_jump WHERE unit_id = :unit AND at_ms >= :first AND at_ms < :end"
)
_NOTE_JUMPS = text(
    "INSERT INTO coverage_jump (unit_id, at_ms) SELECT :unit, unnest(CAST(:at AS bigint[])) "
    "ON CONFLICT DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class KeepingRules:
    """How positions become what is kept. Who changes them computes the past anew
    (`gridbeat coverage recompute`).

    offset_ms : where hours begin, for zones that are off by parts of an hour
    roads : fills the gaps between fixes with the shortest way
    """

    presence: PresenceRules = field(default_factory=PresenceRules)
    limits: TrackLimits = field(default_factory=TrackLimits)
    visits: VisitRules = field(default_factory=VisitRules)
    offset_ms: int = 0
    roads: RoadWays | None = None

    def hour_of(self, at_ms: Any) -> Any:
        """Return when the hour of a moment, or of many, began [ms]."""
        return (at_ms - self.offset_ms) // HOUR_MS * HOUR_MS + self.offset_ms

    @property
    def look_ms(self) -> int:
        """How far, in time, a fix can change what is decided of another."""
        return 1000 * round(
            max(self.limits.source_window_s, 0.0)
            + 2 * self.presence.still_window_s
            + self.presence.settle_reach_s
            + self.presence.smooth_reach_s
            + self.limits.silence_s
        )


@dataclass(frozen=True, slots=True)
class KeptUp:
    """`unit_count` units were looked at; `changed_hours` rows of units and `changed_grids` rows of
    grids differed."""

    unit_count: int
    fix_count: int
    changed_hours: int
    changed_grids: int

    def __add__(self, other: KeptUp) -> KeptUp:
        return KeptUp(
            self.unit_count + other.unit_count, self.fix_count + other.fix_count,
            self.changed_hours + other.changed_hours, self.changed_grids + other.changed_grids,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class _Stretch:
    """What is computed anew of a unit: pieces that begin in [start, end) [ms].

    clean : kept fixes from before the start on, as far as they bear on it
    jumps : times of the fixes left out as jumps in [start, end)
    """

    unit: int
    start_ms: int
    end_ms: int
    clean: FixColumns
    jumps: list[int]


def keep_up(
    session: Session,
    places: CoveragePlaces,
    *,
    rules: KeepingRules | None = None,
    limit: int = DUE_ROWS,
) -> KeptUp | None:
    """Compute what is due, in the session's transaction; None where another process does.

    Parameters
    ----------
    session : sees everything
    limit : changes taken at a time
    """
    rules = rules or KeepingRules()
    due = take_due(session, limit=limit)
    if due is None:
        return None
    places.follow_units(session, due)
    stretches = _stretches(session, due, places, rules)
    pieces = _pieces_of(stretches, places, rules)
    changed: set[PresenceKey] = set()
    hours = 0
    for stretch in stretches:
        differs = _store_unit(session, stretch, pieces, due[stretch.unit], rules)
        hours += len(differs)
        changed |= {key for key in differs if key[1] in PLACE_KINDS}
    grids = _store_grids(session, changed, places) if changed else 0
    fixes = sum(len(each.clean) for each in stretches)
    return KeptUp(len(due), fixes, hours, grids)


# -- what has to be computed anew


def _stretches(
    session: Session,
    due: dict[int, tuple[int, int]],
    places: CoveragePlaces,
    rules: KeepingRules,
) -> list[_Stretch]:
    """Find where each unit's stretch begins and ends, looking farther where that isn't enough."""
    look = rules.look_ms
    windows: dict[int, tuple[float, float]] = {
        unit: (first - 3 * look, last + 3 * look) for unit, (first, last) in due.items()
    }
    jumps = load_jumps(session, list(due))
    found: dict[int, _Stretch] = {}
    wanted = windows
    while wanted:
        fixes = load_fixes(session, wanted, places.frame.plane)
        wider: dict[int, tuple[float, float]] = {}
        for unit, (low, high) in wanted.items():
            stretch = _stretch(
                unit, fixes.get(unit), jumps.get(unit, np.zeros(0, np.int64)), due[unit],
                (low, high), rules,
            )  # fmt: skip
            if isinstance(stretch, _Stretch):
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
) -> _Stretch | tuple[bool, bool]:
    """Return the stretch, or whether more is to be loaded before and after."""
    look, silence = rules.look_ms, round(rules.limits.silence_s * 1000)
    first_ms, last_ms = due
    if fixes is None:
        nothing = FixColumns.of([], [], [], [])
        return _Stretch(unit, first_ms, last_ms + 1, nothing, [])
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
    return _Stretch(unit, start_ms, end_ms, fixes.take(kept & near), at[is_jump].tolist())


# -- pieces of time


def _pieces_of(
    stretches: list[_Stretch], places: CoveragePlaces, rules: KeepingRules
) -> dict[tuple[int, str], Rows]:
    """Return the pieces of each unit by kind, those that begin in its stretch."""
    found: dict[tuple[int, str], Rows] = {}
    bounds = {each.unit: (each.start_ms, each.end_ms) for each in stretches}

    def add(kind: str, raster: PlaceRaster, some: list[_Stretch]) -> None:
        columns = _columns([_with_end(each.clean, rules.limits.silence_s) for each in some])
        presence = find_presence(
            Tracks(columns, starts_of(columns.unit), Counter()), raster, rules=rules.presence,
            limits=rules.limits, roads=rules.roads,
        )  # fmt: skip
        rows = np.zeros(len(presence), PIECE)
        rows["place"] = np.asarray(raster.keys, np.int64)[presence.place]
        for name, column in (
            ("start_ms", presence.start_ms), ("end_ms", presence.end_ms),
            ("certainty", presence.certainty), ("doing", presence.doing),
        ):  # fmt: skip
            rows[name] = column
        for each in some:
            own = rows[slice(*np.searchsorted(presence.unit, [each.unit, each.unit + 1]))]
            start, end = bounds[each.unit]
            found[each.unit, kind] = own[(own["start_ms"] >= start) & (own["start_ms"] < end)]

    some = [each for each in stretches if len(each.clean)]
    if not some:
        return found
    for kind, raster in places.rasters.items():
        add(kind, raster, some)
    for kind in ("beat", "community"):
        alike: dict[tuple[str, ...], list[_Stretch]] = {}
        for each in some:
            alike.setdefault(places.area_key(kind, each.unit), []).append(each)
        for key, of_key in alike.items():
            raster_of_key = places.area_raster(kind, key)
            if raster_of_key is not None:
                add(kind, raster_of_key, of_key)
    return found


def _with_end(clean: FixColumns, silence_s: float) -> FixColumns:
    """The fixes and, after a silence, the last again: what is known of the time after a unit's last
    fix doesn't depend on whether another has come."""
    last = clean.take(np.array([len(clean) - 1]))
    end = replace(last, time_ms=last.time_ms + round(silence_s * 1000) + 1)
    return _columns([clean, end])


def _columns(parts: list[FixColumns]) -> FixColumns:
    columns = zip(*(part.each() for part in parts), strict=True)
    return FixColumns(*(np.concatenate(each) for each in columns))


def _store_unit(
    session: Session,
    stretch: _Stretch,
    pieces: dict[tuple[int, str], Rows],
    due: tuple[int, int],
    rules: KeepingRules,
) -> set[PresenceKey]:
    """Write a unit's hours, and its jumps; return what differed."""
    start_ms, end_ms = stretch.start_ms, stretch.end_ms
    window = (min(start_ms, due[0]), max(end_ms, due[1] + 1))
    shifts = load_shifts(session, {stretch.unit: window})[stretch.unit]
    low = min([window[0], *(start for start, _ in shifts)])
    high = max([window[1], *(end for _, end in shifts)])
    was = load_presence(
        session, stretch.unit, rules.hour_of(low), rules.hour_of(high - 1) + HOUR_MS
    )
    now: dict[PresenceKey, tuple[Rows, Rows]] = {}
    for kind in (*PLACE_KINDS, *AREA_KINDS):
        of_kind = [parts for (_, of), parts in sorted(was.items()) if of == kind]
        old = joined_pieces([unpacked(packed, PIECE) for packed, _ in of_kind])
        # Shifts that only share an hour with those looked at stay as they are.
        others = [clipped(old, 0, low), clipped(old, high, _LATE_MS)]
        fresh = pieces.get((stretch.unit, kind), np.zeros(0, PIECE))
        whole = joined_pieces([clipped(old, low, start_ms), fresh, clipped(old, end_ms, high)])
        on_duty = [clipped(whole, *shift) for shift in shifts]
        visits = np.zeros(0, VISIT)
        if kind in PLACE_KINDS:
            stored = np.concatenate([visits, *(unpacked(packed, VISIT) for _, packed in of_kind)])
            stays = (stored["start_ms"] < low) | (stored["start_ms"] >= high)
            visits = _in_order([stored[stays], *(_visits(each, rules.visits) for each in on_duty)])
        began = rules.hour_of(visits["start_ms"])
        every = joined_pieces([*others, *on_duty])
        for hour, rows in cut_at_hours(every, HOUR_MS, rules.offset_ms).items():
            now[hour, kind] = (rows, visits[began == hour])
    session.execute(_FORGET_JUMPS, {"unit": stretch.unit, "first": start_ms, "end": end_ms})
    if stretch.jumps:
        session.execute(_NOTE_JUMPS, {"unit": stretch.unit, "at": stretch.jumps})
    return store_presence(session, stretch.unit, was, now)


def _visits(pieces: Rows, rules: VisitRules) -> Rows:
    """Return the visits of one unit in one shift."""
    if len(pieces) == 0:
        return np.zeros(0, VISIT)
    keys, place = np.unique(pieces["place"], return_inverse=True)
    presence = Presence(
        np.zeros(len(pieces), np.int64), place.astype(np.int32),
        pieces["start_ms"].astype(np.int64), pieces["end_ms"].astype(np.int64),
        pieces["certainty"].copy(), pieces["doing"].copy(),
    )  # fmt: skip
    table, _ = find_visits(presence, len(keys), rules)
    visits = np.zeros(len(table), VISIT)
    visits["place"] = keys[table[:, 1]]
    for name, column in (("start_ms", 2), ("end_ms", 3), ("inside_ms", 4), ("certain_ms", 5)):
        visits[name] = table[:, column]
    return visits


def _in_order(parts: list[Rows]) -> Rows:
    """Visits by start and place, whatever order they came in."""
    rows = np.concatenate([np.zeros(0, VISIT), *parts])
    keys = ("certain_ms", "inside_ms", "end_ms", "place", "start_ms")
    return rows[np.lexsort([rows[name] for name in keys])]


# -- grids


def _store_grids(session: Session, changed: set[PresenceKey], places: CoveragePlaces) -> int:
    """Add up all units in the hours that changed, by grid."""
    now: dict[CoverageKey, tuple[bytes, bytes]] = {}
    for key, (pieces, visits) in load_hours(session, changed).items():
        sums = sums_of(np.concatenate([np.zeros(0, PIECE), *pieces]))
        began = _in_order(visits)
        by_grid = _by_code(places.grid_codes_of(key, sums["place"]))
        visits_by_grid = _by_code(places.grid_codes_of(key, began["place"]))
        for code in by_grid.keys() | visits_by_grid.keys():
            rows = sums[by_grid.get(code, [])].tobytes()
            now[(*key, code)] = (rows, began[visits_by_grid.get(code, [])].tobytes())
    return store_coverage(session, changed, now)


def _by_code(codes: list[str]) -> dict[str, Any]:
    found: dict[str, list[int]] = {}
    for row, code in enumerate(codes):
        found.setdefault(code, []).append(row)
    return found
