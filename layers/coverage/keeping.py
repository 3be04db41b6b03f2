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
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from geo.coverage.due import find_due, forget_due
from geo.coverage.pieces import (
    PIECE,
    SUMS,
    VISIT,
    Rows,
    changed_sums,
    changed_visits,
    clipped,
    cut_at_hours,
    in_order,
    joined_pieces,
    sums_of,
    unpacked,
)
from geo.coverage.records import (
    HOUR_MS,
    CoverageKey,
    PresenceKey,
    StoredHours,
    UnitHours,
    load_coverage,
    load_hours,
    load_presence,
    load_shifts,
    write_coverage,
    write_presence,
)
from geo.coverage.road_days import note_road_days
from geo.positions.tracks import FixColumns, Tracks, starts_of
from geo.tables import AREA_KINDS, PLACE_KINDS
from layers.coverage.measures import VisitRules, find_visits
from layers.coverage.places import CoveragePlaces
from layers.coverage.roads import CoverageRoads
from layers.coverage.rules import KeepingRules
from layers.coverage.stretches import Sessions, Stretch, find_stretches
from layers.place_raster import PlaceRaster
from layers.presence.pieces import Presence, Ways, find_ways, presence_on
from layers.presence.ways import Bends

UNITS_AT_ONCE = 500
_EVERY = 1 << 62
_LATE_MS = 1 << 53
_FORGET_JUMPS = text(
    "DELETE FROM coverage_jump USING unnest(CAST(:units AS bigint[]), CAST(:first AS bigint[]), "
    "CAST(:end AS bigint[])) AS gone(unit_id, first_ms, end_ms) "
    "WHERE coverage_jump.unit_id = gone.unit_id AND at_ms >= first_ms AND at_ms < end_ms"
)
_NOTE_JUMPS = text(
    "INSERT INTO coverage_jump (unit_id, at_ms) SELECT * FROM unnest(CAST(:units AS bigint[]), "
    "CAST(:at AS bigint[])) ON CONFLICT DO NOTHING"
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


def keep_up(
    sessions: Sessions,
    places: CoveragePlaces,
    *,
    rules: KeepingRules | None = None,
    limit: int = UNITS_AT_ONCE,
    until: int = _EVERY,
    roads: CoverageRoads | None = None,
) -> KeptUp:
    """Compute what is due, and write it with the note that it isn't due any more in one
    transaction. Reading has others: none is open while anything is computed, and nobody waits.

    Only one may do so at a time (`geo.coverage.due.following`).

    Parameters
    ----------
    sessions : opens a transaction that sees everything
    limit : units taken at a time
    until : the newest change that must be looked at
    roads : by which gaps between fixes are filled; which were those of a day is noted
    """
    rules = rules or KeepingRules()
    with sessions() as session:
        due = find_due(session, limit=limit, until=until)
        places.follow_units(session, due.windows)
    if not due.ids:
        return KeptUp(0, 0, 0, 0)
    stretches = find_stretches(sessions, due.windows, places.frame.plane, rules)
    if roads is not None and stretches:
        spans_ms = [_fixes_ms(each) for each in stretches if len(each.clean)]
        with sessions() as session:
            roads.follow(session, due.windows, spans_ms)
    pieces = _pieces_of(stretches, places, rules, roads)
    with sessions() as session:
        shifts = load_shifts(session, {each.unit: each.window_ms for each in stretches})
        spans = {each.unit: _span(each, shifts[each.unit]) for each in stretches}
        was = load_presence(
            session,
            {
                unit: (rules.hour_of(low), rules.hour_of(high - 1) + HOUR_MS)
                for unit, (low, high) in spans.items()
            },
        )
    units = [
        _unit_hours(each, pieces, shifts[each.unit], spans[each.unit], was[each.unit], rules)
        for each in stretches
    ]
    keys = {key for unit in units for key in unit.keys if key[1] in PLACE_KINDS}
    with sessions() as session:
        stored = load_coverage(session, keys) if keys else {}
    sums, broken = _changed_hours(stored, units, keys)
    if broken:
        with sessions() as session:
            every = load_hours(session, broken)
        sums |= _summed_hours(every, units)
    now = _by_grid(sums, places)
    with sessions() as session:
        forget_due(session, due)
        if roads is not None:
            note_road_days(session, roads.days)
        _write_jumps(session, stretches)
        write_presence(session, units)
        grids = write_coverage(session, stored, now)
    return KeptUp(
        len(due.windows), sum(len(each.clean) for each in stretches),
        sum(len(each.keys) for each in units), grids,
    )  # fmt: skip


# -- pieces of time


def _pieces_of(
    stretches: list[Stretch],
    places: CoveragePlaces,
    rules: KeepingRules,
    roads: Bends | None,
) -> dict[tuple[int, str], Rows]:
    """Return the pieces of each unit by kind, those that begin in its stretch."""
    found: dict[tuple[int, str], Rows] = {}
    some = [each for each in stretches if len(each.clean)]
    if not some:
        return found
    columns = _columns([_with_end(each.clean, rules.limits.silence_s) for each in some])
    ways = find_ways(
        Tracks(columns, starts_of(columns.unit), Counter()), rules=rules.presence,
        limits=rules.limits, roads=roads,
    )  # fmt: skip

    def add(kind: str, raster: PlaceRaster, of: Ways, stretches: list[Stretch]) -> None:
        presence = presence_on(of, raster, rules=rules.presence, limits=rules.limits)
        rows = np.zeros(len(presence), PIECE)
        rows["place"] = np.asarray(raster.keys, np.int64)[presence.place]
        for name, column in (
            ("start_ms", presence.start_ms), ("end_ms", presence.end_ms),
            ("certainty", presence.certainty), ("doing", presence.doing),
        ):  # fmt: skip
            rows[name] = column
        for each in stretches:
            own = rows[slice(*np.searchsorted(presence.unit, [each.unit, each.unit + 1]))]
            is_in = (own["start_ms"] >= each.start_ms) & (own["start_ms"] < each.end_ms)
            found[each.unit, kind] = own[is_in]

    for kind, raster in places.rasters.items():
        add(kind, raster, ways, some)
    for kind in ("beat", "community"):
        alike: dict[tuple[str, ...], list[Stretch]] = {}
        for each in some:
            alike.setdefault(places.area_key(kind, each.unit), []).append(each)
        for key, of_key in alike.items():
            raster_of_key = places.area_raster(kind, key)
            if raster_of_key is not None:
                units = np.array([each.unit for each in of_key], np.int64)
                add(kind, raster_of_key, ways.of_units(units), of_key)
    return found


def _fixes_ms(stretch: Stretch) -> tuple[int, int]:
    """When the first and the last fix of a stretch were [ms]."""
    return int(stretch.clean.time_ms[0]), int(stretch.clean.time_ms[-1])


def _with_end(clean: FixColumns, silence_s: float) -> FixColumns:
    """The fixes and, after a silence, the last again: what is known of the time after a unit's last
    fix doesn't depend on whether another has come."""
    last = clean.take(np.array([len(clean) - 1]))
    end = replace(last, time_ms=last.time_ms + round(silence_s * 1000) + 1)
    return _columns([clean, end])


def _columns(parts: list[FixColumns]) -> FixColumns:
    columns = zip(*(part.each() for part in parts), strict=True)
    return FixColumns(*(np.concatenate(each) for each in columns))


def _span(stretch: Stretch, shifts: list[tuple[int, int]]) -> tuple[int, int]:
    """The time that is looked at with all of the shifts that touch it [ms]."""
    low, high = stretch.window_ms
    return (
        min([low, *(start for start, _ in shifts)]),
        max([high, *(end for _, end in shifts)]),
    )


def _unit_hours(
    stretch: Stretch,
    pieces: dict[tuple[int, str], Rows],
    shifts: list[tuple[int, int]],
    span: tuple[int, int],
    was: StoredHours,
    rules: KeepingRules,
) -> UnitHours:
    """Return a unit's hours with what is new in them, as far as they differ."""
    (low, high), start_ms, end_ms = span, stretch.start_ms, stretch.end_ms
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
            anew = [_visits(each, rules.visits) for each in on_duty]
            visits = in_order(np.concatenate([stored[stays], *anew]))
        began = rules.hour_of(visits["start_ms"])
        every = joined_pieces([*others, *on_duty])
        for hour, rows in cut_at_hours(every, HOUR_MS, rules.offset_ms).items():
            now[hour, kind] = (rows, visits[began == hour])
    return UnitHours.of(stretch.unit, was, now)


def _write_jumps(session: Session, stretches: list[Stretch]) -> None:
    """Note which fixes were left out as jumps, instead of those noted before."""
    session.execute(
        _FORGET_JUMPS,
        {
            "units": [each.unit for each in stretches],
            "first": [each.start_ms for each in stretches],
            "end": [each.end_ms for each in stretches],
        },
    )
    jumps = [(each.unit, at) for each in stretches for at in each.jumps]
    if jumps:
        session.execute(
            _NOTE_JUMPS, {"units": [unit for unit, _ in jumps], "at": [at for _, at in jumps]}
        )


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


# -- grids


def _changed_hours(
    stored: dict[CoverageKey, tuple[bytes, bytes]],
    units: list[UnitHours],
    keys: set[PresenceKey],
) -> tuple[dict[PresenceKey, tuple[Rows, Rows]], set[PresenceKey]]:
    """Return the sums and visits of the hours that changed, from those stored by what the units
    had and have in them; and the hours in which the store doesn't hold what they had."""
    sums = {key: [np.zeros(0, SUMS)] for key in keys}
    visits = {key: [np.zeros(0, VISIT)] for key in keys}
    for (hour, kind, _), (packed_sums, packed_visits) in stored.items():
        sums[hour, kind].append(unpacked(packed_sums, SUMS))
        visits[hour, kind].append(unpacked(packed_visits, VISIT))
    found: dict[PresenceKey, tuple[Rows, Rows]] = {}
    broken = set()
    of_key = _units_by_key(units, keys)
    for key in keys:
        before = [unit.was[key] for unit in of_key[key] if key in unit.was]
        after = [unit.changed[key] for unit in of_key[key] if key in unit.changed]
        changed = changed_sums(
            np.concatenate(sums[key]),
            sums_of(_all([unpacked(pieces, PIECE) for pieces, _ in before], PIECE)),
            sums_of(_all([pieces for pieces, _ in after], PIECE)),
        )
        stays = changed_visits(
            np.concatenate(visits[key]),
            _all([unpacked(packed, VISIT) for _, packed in before], VISIT),
            _all([of_unit for _, of_unit in after], VISIT),
        )
        if changed is None or stays is None:
            broken.add(key)
        else:
            found[key] = (changed, stays)
    return found, broken


def _summed_hours(
    every: dict[PresenceKey, dict[int, tuple[bytes, bytes]]], units: list[UnitHours]
) -> dict[PresenceKey, tuple[Rows, Rows]]:
    """Return sums and visits of hours from all units that were there."""
    found = {}
    of_key = _units_by_key(units, every.keys())
    for key, of_unit in every.items():
        rows = {
            unit: (unpacked(pieces, PIECE), unpacked(visits, VISIT))
            for unit, (pieces, visits) in of_unit.items()
        }
        for each in of_key[key]:
            rows.pop(each.unit, None)
            if key in each.changed:
                rows[each.unit] = each.changed[key]
        found[key] = (
            sums_of(_all([pieces for pieces, _ in rows.values()], PIECE)),
            in_order(_all([visits for _, visits in rows.values()], VISIT)),
        )
    return found


def _units_by_key(
    units: list[UnitHours], keys: Collection[PresenceKey]
) -> dict[PresenceKey, list[UnitHours]]:
    found: dict[PresenceKey, list[UnitHours]] = {key: [] for key in keys}
    for unit in units:
        for key in unit.keys:
            if key in found:
                found[key].append(unit)
    return found


def _all(parts: list[Rows], kind: np.dtype[Any]) -> Rows:
    return np.concatenate([np.zeros(0, kind), *parts])


def _by_grid(
    hours: dict[PresenceKey, tuple[Rows, Rows]], places: CoveragePlaces
) -> dict[CoverageKey, tuple[bytes, bytes]]:
    """Return sums and visits of hours by grid, packed."""
    now: dict[CoverageKey, tuple[bytes, bytes]] = {}
    for key, (sums, visits) in hours.items():
        by_grid = _by_code(places.grid_codes_of(key, sums["place"]))
        visits_by_grid = _by_code(places.grid_codes_of(key, visits["place"]))
        for code in by_grid.keys() | visits_by_grid.keys():
            rows = sums[by_grid.get(code, [])].tobytes()
            now[(*key, code)] = (rows, visits[visits_by_grid.get(code, [])].tobytes())
    return now


def _by_code(codes: list[str]) -> dict[str, Any]:
    found: dict[str, list[int]] = {}
    for row, code in enumerate(codes):
        found.setdefault(code, []).append(row)
    return found
