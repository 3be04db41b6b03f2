"""From a scored row to the place it stands for: the finest level that the query confirms.

A query that names a building answers the building, not one of its rooms: all rows that share what
was confirmed are one place, with a point and a radius.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from geo.addresses.levels import LEVELS
from geo.addresses.match_query import OPEN_END, Query
from geo.addresses.match_sites import RowScores, ScoredRow, number_ids, take_best
from geo.addresses.name_table import NameHit
from geo.addresses.register_index import RegisterView, VisiblePart
from geo.addresses.register_keys import (
    NAME_LEVELS,
    NUMBER_LEVELS,
    SITE_NUMBER_LEVELS,
    TAIL_LEVELS,
)
from geo.addresses.standardise import format_address
from geo.values import LonLat

EARTH_RADIUS_M = 6_371_008.8  # mean radius, IUGG; radii of places are rounded up anyway
ROWS_COMPARED = 32  # best rows that are turned into places, at most
POINTS_BEHIND = 9.0  # a row that far behind the best is no candidate
CONFIRMING_QUALITY = 0.3  # a hit of less confirms nothing

_RANK = {level.value: level.rank for level in LEVELS}
_NAME_COLUMN = {level: i for i, level in enumerate(NAME_LEVELS)}
_NUMBER_COLUMN = {level: i for i, level in enumerate(SITE_NUMBER_LEVELS)}
# Where these coarser levels differ, the same name is another place.
_DIVISIONS = ("province", "city", "county")
# Levels that registers write for one room and leave out for the next: nothing there tells nothing.
_OFTEN_LEFT_OUT = {"township", "development_zone", "community"}
_TOLD_APART_BY: dict[str, tuple[str, ...]] = {
    "city": ("province",),
    "county": ("province", "city"),
    "township": _DIVISIONS,
    "development_zone": ("province", "city"),
    "community": (*_DIVISIONS, "township"),
    "village_group": (*_DIVISIONS, "township", "community"),
    "road": ("province", "city"),
    "door": (*_DIVISIONS, "township", "village_group", "road"),
    "estate": (*_DIVISIONS, "township"),
    "building": (*_DIVISIONS, "township", "community", "village_group", "road", "estate"),
}


@dataclass(frozen=True)
class Confirmed:
    """What a query and a row agree on, and where they part.

    names : level → hit
    numbers : level → key, agreeing
    differing : level → (said, stored)
    absent : level → said, where the row has nothing
    """

    names: dict[str, NameHit]
    numbers: dict[str, str]
    differing: dict[str, tuple[str, str]]
    absent: dict[str, str]

    @property
    def finest(self) -> str | None:
        levels = [level for level in (*self.names, *self.numbers) if level in _RANK]
        return max(levels, key=_RANK.__getitem__, default=None)


@dataclass(frozen=True)
class Place:
    """Rows of the register that are one answer.

    level : the finest level that is confirmed
    address_row : the row that is exactly this place, None where the place is all of `rows`
    """

    part: int
    level: str
    rows: NDArray[np.int64]
    address_row: int | None
    confirmed: Confirmed
    scored: ScoredRow
    is_split: bool


def confirm(query: Query, scored: ScoredRow, view: RegisterView) -> Confirmed:
    """Return what the query confirms of a row."""
    segment = view.parts[scored.part].segment
    site = segment.row_site[scored.row]
    by_name: dict[int, NameHit] = {}
    for hit, _ in query.hits:
        known = by_name.get(hit.name_id)
        if hit.quality >= CONFIRMING_QUALITY and (known is None or hit.quality > known.quality):
            by_name[hit.name_id] = hit
    names = {
        level: by_name[int(name_id)]
        for level, name_id in zip(NAME_LEVELS, segment.site_names[site], strict=True)
        if int(name_id) in by_name
    }
    stored = (*segment.site_numbers[site].tolist(), *segment.row_tail[scored.row].tolist())
    numbers: dict[str, str] = {}
    differing: dict[str, tuple[str, str]] = {}
    absent: dict[str, str] = {}
    said = dict(scored.reading.values)
    for level, number_id in zip(NUMBER_LEVELS, stored, strict=True):
        key = said.get(level)
        if key is None or (level == "building" and level in names):
            continue
        if number_id == 0:
            absent[level] = key
        elif number_id in number_ids(level, key, view.index.numbers):
            numbers[level] = key
        else:
            differing[level] = (key, view.index.numbers.texts[number_id])
    return _without_what_hangs_on_a_difference(Confirmed(names, numbers, differing, absent))


def _without_what_hangs_on_a_difference(found: Confirmed) -> Confirmed:
    """A room number says nothing in a building of another number."""
    dropped: set[str] = set()
    apart = {*found.differing, *found.absent}
    if "village_group" in found.differing:
        dropped |= {"door", "building", "entrance", "floor", "room"}
    if "door" in found.differing and "estate" not in found.names:
        dropped |= {"building", "entrance", "floor", "room"}
    if "building" in apart:
        dropped |= {"entrance", "floor", "room"}
    if "entrance" in apart:
        dropped |= {"floor", "room"}
    if not dropped:
        return found
    numbers = {level: key for level, key in found.numbers.items() if level not in dropped}
    return Confirmed(found.names, numbers, found.differing, found.absent)


def find_place(query: Query, scored: ScoredRow, view: RegisterView) -> Place | None:
    """Return the place that a scored row stands for, None where the query confirms no name."""
    confirmed = confirm(query, scored, view)
    if not confirmed.names:
        return None
    part = view.parts[scored.part]
    if "point_of_interest" in confirmed.names and not confirmed.differing:
        return _named_place(scored, view, confirmed)
    level = confirmed.finest
    if level is None:
        return None
    if level in TAIL_LEVELS:
        rows = _rows_inside(scored, part, confirmed, view)
        tails = np.unique(part.segment.row_tail[rows], axis=0)
        if len(tails) > 1 and _leaves_a_choice(part, rows, level):
            return _site_place(scored, view, confirmed, is_split=True)
        exact = _exact_row(part, rows, level)
        return Place(scored.part, level, rows, exact, confirmed, scored, False)
    return _site_place(scored, view, confirmed, is_split=False)


def _named_place(scored: ScoredRow, view: RegisterView, confirmed: Confirmed) -> Place:
    """A point of interest is the row that bears its name, at the level that row has."""
    level = row_level(view.parts[scored.part], scored.row)
    rows = np.array([scored.row], np.int64)
    return Place(scored.part, level, rows, scored.row, confirmed, scored, False)


def row_level(part: VisiblePart, row: int) -> str:
    segment = part.segment
    levels = [
        level
        for level, (codes, _) in segment.components.items()
        if codes[row] >= 0 and level in _RANK
    ]
    return max(levels, key=_RANK.__getitem__, default="road")


def _rows_inside(
    scored: ScoredRow, part: VisiblePart, confirmed: Confirmed, view: RegisterView
) -> NDArray[np.int64]:
    """Return the rows of the site that agree with the confirmed entrance, floor and room."""
    segment = part.segment
    site = int(segment.row_site[scored.row])
    rows = np.arange(segment.site_begin[site], segment.site_begin[site + 1])
    rows = part.visible_rows(rows)
    for column, level in enumerate(TAIL_LEVELS):
        if level in confirmed.numbers:
            wanted = list(number_ids(level, confirmed.numbers[level], view.index.numbers))
            rows = rows[np.isin(segment.row_tail[rows, column], wanted)]
    return rows


def _leaves_a_choice(part: VisiblePart, rows: NDArray[np.int64], level: str) -> bool:
    """Whether the rows differ at or above the confirmed level: 101室 of three entrances."""
    columns = TAIL_LEVELS.index(level) + 1
    tails = np.unique(part.segment.row_tail[rows, :columns], axis=0)
    return len(tails) > 1


def _site_place(
    scored: ScoredRow, view: RegisterView, confirmed: Confirmed, *, is_split: bool
) -> Place | None:
    part = view.parts[scored.part]
    segment = part.segment
    site = int(segment.row_site[scored.row])
    site_levels = {
        **{level: hit.name_id for level, hit in confirmed.names.items()},
        **{level: key for level, key in confirmed.numbers.items() if level in _NUMBER_COLUMN},
    }
    level = max(
        (each for each in site_levels if each in _RANK), key=_RANK.__getitem__, default=None
    )
    if level is None:
        return None
    sites = min((segment.sites_of_name(hit.name_id) for hit in confirmed.names.values()), key=len)
    same = np.ones(len(sites), bool)
    for each in {*site_levels, *_TOLD_APART_BY.get(level, ())}:
        if each in confirmed.names or each not in _NUMBER_COLUMN:
            column = _NAME_COLUMN[each]
            name, others = segment.site_names[site, column], segment.site_names[sites, column]
            if each in _OFTEN_LEFT_OUT and each not in confirmed.names:
                same &= (others == name) | (others == 0) | (name == 0)
            else:
                same &= others == name
        if each in _NUMBER_COLUMN:
            column = _NUMBER_COLUMN[each]
            same &= segment.site_numbers[sites, column] == segment.site_numbers[site, column]
    rows = part.visible_rows(segment.rows_of_sites(part.visible_sites(sites[same])))
    exact = _exact_row(part, rows, level)
    return Place(scored.part, level, rows, exact, confirmed, scored, is_split)


def _exact_row(part: VisiblePart, rows: NDArray[np.int64], level: str) -> int | None:
    """Return the row that has no level finer than `level`: the place itself."""
    if len(rows) == 1 and row_level(part, int(rows[0])) == level:
        return int(rows[0])
    segment = part.segment
    own = np.ones(len(rows), bool)
    for each, (codes, _) in segment.components.items():
        if each in _RANK and _RANK[each] > _RANK[level]:
            # A floor that the room repeats was stored with the address; it isn't finer than a room.
            own &= codes[rows] < 0
    found = rows[own]
    if not len(found):
        return None
    order = np.lexsort((segment.row_id[found], segment.row_is_alias[found]))
    return int(found[order[0]])


def place_point(part: VisiblePart, rows: NDArray[np.int64]) -> tuple[LonLat | None, float | None]:
    """Return the middle of rows and the radius [m] of the circle around it that holds them all."""
    lonlat = part.segment.row_lonlat[rows]
    lonlat = lonlat[~np.isnan(lonlat[:, 0])]
    if not len(lonlat):
        return None, None
    lon, lat = (lonlat.min(axis=0) + lonlat.max(axis=0)) / 2
    east = np.radians(lonlat[:, 0] - lon) * math.cos(math.radians(lat))
    north = np.radians(lonlat[:, 1] - lat)
    radius_m = float(np.hypot(east, north).max() * EARTH_RADIUS_M)
    return LonLat(float(lon), float(lat)), radius_m


def place_text(part: VisiblePart, place: Place) -> str:
    """Return the standard text of a place: of its own row, or of what its rows share."""
    segment = part.segment
    if place.address_row is not None:
        return str(segment.texts[place.address_row].as_py())
    shared: dict[str, str] = {}
    for level, (codes, values) in segment.components.items():
        if level not in _RANK or _RANK[level] > _RANK[place.level]:
            continue
        found = codes[place.rows]
        if found[0] >= 0 and (found == found[0]).all():
            shared[level] = values[int(found[0])].as_py()
    return format_address(shared)


def find_places(
    query: Query, view: RegisterView, scores: list[RowScores], *, limit: int
) -> list[Place]:
    """Return the places of the best rows, each once, best first. Uses `scores` up."""
    places: list[Place] = []
    seen: set[int] = set()
    split: Place | None = None
    best = -math.inf
    for _ in range(ROWS_COMPARED):
        scored = take_best(query, view, scores)
        if scored is None or len(places) >= limit:
            break
        best = max(best, scored.score)
        if scored.score < best - (POINTS_BEHIND if len(places) < 3 else POINTS_BEHIND / 2):
            break
        place = find_place(query, scored, view)
        taken = view.parts[scored.part].segment.rows_of_site(scored.row)
        if place is not None and len(place.rows):
            taken = place.rows
            row = place.address_row
            row_id = -1 if row is None else int(view.parts[place.part].segment.row_id[row])
            if row_id not in seen:
                places.append(place)
            if row_id >= 0:
                seen.add(row_id)
            if place.is_split and split is None:
                split = place
        for each in scores:
            if each.part == scored.part:
                each.drop(taken)
    return [*places, *(_choices(split, view, limit) if split is not None else ())]


def _choices(place: Place, view: RegisterView, limit: int) -> list[Place]:
    """Return the addresses among which a text such as 3幢101室 (of three entrances) leaves open."""
    segment = view.parts[place.part].segment
    said = dict(place.scored.reading.values)
    room = view.index.numbers.ids.get(said.get("room", "").removesuffix(OPEN_END), -1)
    rows = [int(row) for row in place.rows if segment.row_tail[row, 2] == room]
    return [
        replace(
            place, level="room", rows=place.rows[place.rows == row], address_row=row,
            scored=replace(place.scored, row=row),
        )
        for row in rows[:limit]
    ]  # fmt: skip
