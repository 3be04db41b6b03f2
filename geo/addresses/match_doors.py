"""A text that names a road of the register and a door number that the register lacks.

The road is certain then, the door is not: its position is estimated between the known doors beside
it, or the answer stays with the road and says why. See `door_interpolation`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geo.addresses.door_interpolation import (
    DoorEstimate,
    DoorNumber,
    DoorSides,
    RoadDoors,
    estimate_door,
    make_road_doors,
    read_door_number,
)
from geo.addresses.match_places import Confirmed, Place
from geo.addresses.match_query import CLEAR_QUALITY, Query
from geo.addresses.match_reasons import MatchReason
from geo.addresses.match_sites import ScoredRow
from geo.addresses.name_table import NameHit
from geo.addresses.number_readings import NumberReading
from geo.addresses.register_index import RegisterView
from geo.addresses.register_keys import NUMBER_LEVELS
from geo.addresses.row_groups import (
    LEVEL_RANK,
    NAME_COLUMN,
    NUMBER_COLUMN,
    RowGroup,
    find_exact_row,
    group_point,
)

_DIVISIONS = ("province", "city", "county", "township")
_ONE_ROAD = (NAME_COLUMN["province"], NAME_COLUMN["city"], NAME_COLUMN["county"])
_NARROW = frozenset({"village_group", "estate", "point_of_interest", "building"})
_DIGITS = re.compile(r"\d+")
_BEHIND = "(?:附\\d+)?[A-Z甲乙丙丁戊]?(?:号(?![楼幢栋])|弄)"


@dataclass(frozen=True)
class UnknownDoor:
    """A road of the register with a door that isn't there.

    road : the place of all that is registered on the road, the door absent
    estimate : where the door lies, as far as the known ones say
    neighbours : the rows of both neighbours; of the last door where it is beyond that
    end : the last known door, where the number is beyond it
    reason : how the position came about
    is_alone : whether the text names nothing else that could say where the place is
    is_written : whether the text counts the number as a door's (14号, 14弄)
    """

    road: Place
    estimate: DoorEstimate
    neighbours: RowGroup
    end: Place | None
    reason: MatchReason | None
    is_alone: bool
    is_written: bool


@dataclass(frozen=True)
class _Road:
    """What a view has of one road: `rows` of all; rows of each known door; doors by numbering."""

    rows: RowGroup
    keys: frozenset[str]
    texts: tuple[tuple[str, ...], tuple[str, ...]]
    door_rows: tuple[tuple[RowGroup, ...], tuple[RowGroup, ...]]
    doors: tuple[RoadDoors, RoadDoors]


def find_unknown_door(query: Query, view: RegisterView, sides: DoorSides) -> UnknownDoor | None:
    """Return the road and the door that a text names where the register lacks that door.

    None where the text names no road of the register, several of them, no door, or a door that is
    there.
    """
    hit = _road_hit(query, view)
    said = None if hit is None else _door_behind(hit, query)
    if hit is None or said is None:
        return None
    key, reading = said
    number = read_door_number(key)
    road = _find_road(hit, query, view, sides)
    if number is None or road is None or key in road.keys:
        return None
    place = _road_place(hit, key, reading, road, query, view)
    numbering = int(number.is_lane)
    estimate, neighbours, reason = _estimate(number, key, road, numbering)
    end = None
    if estimate.kind == "beyond":
        last = estimate.below if estimate.below is not None else estimate.above
        assert last is not None
        end = _end_place(place, road.door_rows[numbering][last], key,
                         road.texts[numbering][last], view)  # fmt: skip
    start = query.folded[hit.end :]
    digits = _DIGITS.match(key)
    is_written = digits is not None and bool(re.match(digits[0] + _BEHIND, start))
    return UnknownDoor(
        place, estimate, neighbours, end, reason, _is_alone(hit, query, view), is_written
    )


def _road_hit(query: Query, view: RegisterView) -> NameHit | None:
    """Return the one road that the text names."""
    hits = [
        hit
        for hit in query.best_hits.values()
        if hit.quality >= CLEAR_QUALITY and "road" in view.names.levels[hit.name_id]
    ]
    if not hits:
        return None
    best = max(hits, key=lambda hit: (hit.quality, hit.end - hit.start, -hit.name_id))
    for hit in hits:
        is_apart = hit.end <= best.start or best.end <= hit.start
        if hit is not best and (is_apart or hit.quality == best.quality):
            return None
    return best


def _door_behind(hit: NameHit, query: Query) -> tuple[str, NumberReading] | None:
    """Return the key of the door that stands directly behind the road, and its reading."""
    behind = _DIGITS.match(query.folded, hit.end)
    if behind is None:
        return None
    for reading in query.readings:
        key = dict(reading.values).get("door", "")
        digits = _DIGITS.match(key)
        if digits is not None and behind[0].startswith(digits[0]):
            return key, reading
    return None


def _is_alone(hit: NameHit, query: Query, view: RegisterView) -> bool:
    narrow = any(
        (each.end <= hit.start or hit.end <= each.start)
        and _NARROW & set(view.names.levels[each.name_id])
        for each in query.best_hits.values()
    )
    return not narrow and not query.leftover


def _find_road(hit: NameHit, query: Query, view: RegisterView, sides: DoorSides) -> _Road | None:
    """Return what the view has of the road; None where roads of several counties may be meant."""
    found: list[tuple[int, NDArray[np.int32]]] = []
    for part_number, part in enumerate(view.parts):
        sites = part.visible_sites(part.segment.sites_of_name(hit.name_id))
        found.append(
            (part_number, sites[part.segment.site_names[sites, NAME_COLUMN["road"]] == hit.name_id])
        )
    said = []
    for level in _DIVISIONS:
        column = NAME_COLUMN[level]
        borne = {
            name
            for number, sites in found
            for name in np.unique(view.parts[number].segment.site_names[sites, column]).tolist()
        }
        wanted = borne & query.best_hits.keys()
        if wanted:
            said.append((column, tuple(sorted(wanted))))
    key = f"doors of {hit.name_id} within {said} by {sides}"
    if key not in view.kept:
        for column, names in said:
            found = [
                (n, s[np.isin(view.parts[n].segment.site_names[s, column], [0, *names])])
                for n, s in found
            ]
        view.kept[key] = _make_road(found, view, sides)
    made = view.kept[key]
    assert made is None or isinstance(made, _Road)
    return made


def _make_road(
    found: list[tuple[int, NDArray[np.int32]]], view: RegisterView, sides: DoorSides
) -> _Road | None:
    names = np.concatenate([view.parts[n].segment.site_names[s][:, _ONE_ROAD] for n, s in found])
    if not len(names) or any(len(np.unique(column[column > 0])) > 1 for column in names.T):
        return None
    rows_of: dict[str, list[tuple[int, NDArray[np.int64]]]] = {}
    rows: list[tuple[int, NDArray[np.int64]]] = []
    for number, sites in found:
        part = view.parts[number]
        rows.append((number, np.sort(part.visible_rows(part.segment.rows_of_sites(sites)))))
        doors = part.segment.site_numbers[sites, NUMBER_COLUMN["door"]]
        for door in np.unique(doors[doors > 0]).tolist():
            of_door = part.visible_rows(part.segment.rows_of_sites(sites[doors == door]))
            rows_of.setdefault(view.index.numbers.texts[door], []).append((number, of_door))
    numberings = [_numbering(rows_of, view, sides, is_lane=lane) for lane in (False, True)]
    return _Road(
        RowGroup.of(iter(rows)),
        frozenset(rows_of),
        (numberings[0][0], numberings[1][0]),
        (numberings[0][1], numberings[1][1]),
        (numberings[0][2], numberings[1][2]),
    )


def _numbering(
    rows_of: dict[str, list[tuple[int, NDArray[np.int64]]]],
    view: RegisterView,
    sides: DoorSides,
    *,
    is_lane: bool,
) -> tuple[tuple[str, ...], tuple[RowGroup, ...], RoadDoors]:
    """Return the doors of one numbering that have a point, in order."""
    known: dict[float, tuple[str, RowGroup, float, float, float]] = {}
    for key in sorted(rows_of):
        number = read_door_number(key)
        if number is None or number.is_lane != is_lane or number.place in known:
            continue
        group = RowGroup.of(iter(rows_of[key]))
        lonlat, radius_m = group_point(view, _at_the_door(view, group))
        if lonlat is not None:
            known[number.place] = (key, group, lonlat.longitude, lonlat.latitude, radius_m or 0.0)
    places = sorted(known)
    values = [known[place] for place in places]
    doors = make_road_doors(
        np.array(places, np.float64),
        np.array([each[2:4] for each in values], np.float64).reshape(-1, 2),
        np.array([each[4] for each in values], np.float64),
        sides=sides,
    )
    return tuple(each[0] for each in values), tuple(each[1] for each in values), doors


def _at_the_door(view: RegisterView, group: RowGroup) -> RowGroup:
    """Return the rows that stand for the door itself, all where none does."""
    exact = RowGroup.of(
        (number, rows[view.parts[number].segment.row_rank[rows] <= LEVEL_RANK["door"]])
        for number, rows in group.parts
    )
    return exact if len(exact) else group


def _road_place(
    hit: NameHit, key: str, reading: NumberReading, road: _Road, query: Query, view: RegisterView
) -> Place:
    number, row = _first_row(road.rows, view)
    segment = view.parts[number].segment
    names = segment.site_names[segment.row_site[row]]
    confirmed = {
        level: query.best_hits[int(names[NAME_COLUMN[level]])]
        for level in _DIVISIONS
        if int(names[NAME_COLUMN[level]]) in query.best_hits
    }
    said = dict(reading.values)
    absent = {"door": key} | {
        level: said[level] for level in NUMBER_LEVELS if level in said and level != "village_group"
    }
    return Place(
        "road", road.rows, None, Confirmed({**confirmed, "road": hit}, {}, {}, absent),
        ScoredRow(number, row, 0.0, 0.0, reading), False,
    )  # fmt: skip


def _first_row(group: RowGroup, view: RegisterView) -> tuple[int, int]:
    """Return (part, row) of the smallest id: the same whatever the order of the register."""
    _, number, row = min(
        (int(ids.min()), number, int(rows[ids.argmin()]))
        for number, rows in group.parts
        for ids in (view.parts[number].segment.row_id[rows],)
    )
    return number, row


def _estimate(
    number: DoorNumber, key: str, road: _Road, numbering: int
) -> tuple[DoorEstimate, RowGroup, MatchReason | None]:
    texts, rows = road.texts[numbering], road.door_rows[numbering]
    estimate = estimate_door(road.doors[numbering], number)
    beside = [at for at in (estimate.below, estimate.above) if at is not None]
    neighbours = _joined([rows[at] for at in beside])
    written = [texts[at] if numbering else f"{texts[at]}号" for at in beside]
    reason = None
    if estimate.kind == "beyond":
        reason = MatchReason("door_beyond", "door", key, written[0])
    elif estimate.kind != "none":
        code = {"between": "interpolated", "gap": "door_gap"}.get(estimate.kind, "door_scattered")
        reason = MatchReason(code, "door", *written)
    return estimate, neighbours, reason


def _joined(groups: list[RowGroup]) -> RowGroup:
    parts: dict[int, list[NDArray[np.int64]]] = {}
    for group in groups:
        for number, rows in group.parts:
            parts.setdefault(number, []).append(rows)
    return RowGroup.of((n, np.unique(np.concatenate(parts[n]))) for n in sorted(parts))


def _end_place(road: Place, rows: RowGroup, said: str, stored: str, view: RegisterView) -> Place:
    number, row = _first_row(rows, view)
    differing = Confirmed(road.confirmed.names, {}, {"door": (said, stored)}, {})
    scored = ScoredRow(number, row, 0.0, 0.0, road.scored.reading)
    return Place("door", rows, find_exact_row(view, rows, "door"), differing, scored, False)
