"""From a scored row to the place it stands for: the finest level that the query confirms.

A query that names a building answers the building, not one of its rooms: all rows that share what
was confirmed are one place, with a point and a radius.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from geo.addresses.match_query import OPEN_END, Query
from geo.addresses.match_sites import RowScores, ScoredRow, number_ids, take_best, visible
from geo.addresses.name_table import NameHit
from geo.addresses.normalise import fold_name, normalise
from geo.addresses.register_index import RegisterView
from geo.addresses.register_keys import NAME_LEVELS, NUMBER_LEVELS, TAIL_LEVELS
from geo.addresses.row_groups import (
    LEVEL_RANK,
    NAME_COLUMN,
    NUMBER_COLUMN,
    RowGroup,
    find_exact_rows,
    row_level,
)
from geo.addresses.site_kernels import (
    SAME,
    SAME_OR_LEFT_OUT,
    posting_spans,
    rows_of_like_sites,
    rows_with_tail,
)

MAX_TWINS = 16  # addresses that are exactly one place whose texts are compared
ROWS_COMPARED = 32  # best rows that are turned into places, at most
POINTS_BEHIND = 5.5  # a row that far behind the best is no candidate

_EVERY_LEVEL = frozenset({*NAME_LEVELS, *NUMBER_COLUMN})
_ALL = np.empty(0, np.bool_)  # the mask that hides nothing

# Where these coarser levels differ, the same name is another place.
_DIVISIONS = ("province", "city", "county")
# Levels that registers write for one room and leave out for the next: nothing there tells nothing.
# Names that say by themselves, without a road, where a number belongs.
_NARROW_NAMES = {"village_group", "estate", "point_of_interest", "building"}
_NUMBERED_NAMES = {*_NARROW_NAMES, "road", "community"}
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
        levels = [level for level in (*self.names, *self.numbers) if level in LEVEL_RANK]
        return max(levels, key=LEVEL_RANK.__getitem__, default=None)


@dataclass(frozen=True)
class Place:
    """Rows of the register that are one answer.

    level : the finest level that is confirmed
    address : (part, row) of the row that is exactly this place, None where it is all of `rows`
    is_split : whether the text says more than `level`, which fits several of the rows
    twins : other addresses that are as exactly this place, and written otherwise
    """

    level: str
    rows: RowGroup
    address: tuple[int, int] | None
    confirmed: Confirmed
    scored: ScoredRow
    is_split: bool
    twins: tuple[tuple[int, int], ...] = ()

    def address_id(self, view: RegisterView) -> int | None:
        """Return the id of the standard address that is this place."""
        if self.address is None:
            return None
        part, row = self.address
        return int(view.parts[part].segment.row_id[row])


def confirm(query: Query, scored: ScoredRow, view: RegisterView) -> Confirmed:
    """Return what the query confirms of a row."""
    segment = view.parts[scored.part].segment
    site = segment.row_site[scored.row]
    by_name = query.best_hits
    names = {
        level: by_name[name_id]
        for level, name_id in zip(NAME_LEVELS, segment.site_names[site].tolist(), strict=True)
        if name_id in by_name
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
            is_open = key.endswith(OPEN_END)
            numbers[level] = view.index.numbers.texts[number_id] if is_open else key
        else:
            differing[level] = (key, view.index.numbers.texts[number_id])
    door = view.index.numbers.texts[stored[NUMBER_LEVELS.index("door")]]
    if "building" in absent and "door" not in said and door:
        # 文二路31号 where the register has 29号: the number was read as a building's, in vain.
        differing["door"] = (absent.pop("building"), door)
    if query.road is not None and not _bears_road(query, query.road, names):
        column = NAME_COLUMN["road"]
        own_road = view.names.texts[segment.site_names[site, column]]
        if own_road:
            differing["road"] = (query.road, own_road)
        elif not _NARROW_NAMES & names.keys():
            absent["road"] = query.road
    if query.leftover and not _NUMBERED_NAMES & names.keys():
        # 滨河村3号 where only the county is known: number 3 of what?
        absent |= numbers
        numbers = {}
    return _without_what_hangs_on_a_difference(Confirmed(names, numbers, differing, absent))


def _bears_road(query: Query, road: str, names: dict[str, NameHit]) -> bool:
    """Whether the road of the text is confirmed, or is a part of a name that is."""
    start = query.folded.find(road)
    end = start + len(road)
    return (
        "road" in names
        or start < 0
        or any(
            hit.start < end and start < hit.end
            for level, hit in names.items()
            if level not in _DIVISIONS
        )
    )


def _without_what_hangs_on_a_difference(found: Confirmed) -> Confirmed:
    """A room number says nothing in a building of another number."""
    dropped: set[str] = set()
    apart = {*found.differing, *found.absent}
    if "road" in apart and not _NARROW_NAMES & found.names.keys():
        dropped |= {"door", "building", "entrance", "floor", "room"}
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
    level = confirmed.finest
    if not confirmed.names or level is None:
        return None
    if "point_of_interest" in confirmed.names and not confirmed.differing:
        # A point of interest is the row that bears its name, at the level that row has.
        level = row_level(view.parts[scored.part], scored.row)
        rows = RowGroup.single(scored.part, scored.row)
        return Place(level, rows, (scored.part, scored.row), confirmed, scored, False)
    if level in TAIL_LEVELS:
        rows = _rows_inside(scored, confirmed, view)
        if _leaves_a_choice(rows, level, view):
            return _site_place(query, scored, view, confirmed, is_split=True)
        return _exact_place(query, scored, view, confirmed, rows, level)
    return _site_place(query, scored, view, confirmed, is_split=False)


def _rows_inside(scored: ScoredRow, confirmed: Confirmed, view: RegisterView) -> RowGroup:
    """Return the rows of the site that agree with the confirmed entrance, floor and room."""

    begin, wanted = [0], list[int]()
    for level in TAIL_LEVELS:
        if level in confirmed.numbers:
            wanted += number_ids(level, confirmed.numbers[level], view.index.numbers)
        begin.append(len(wanted))
    tail = np.array(wanted, np.int32), np.array(begin, np.int64)
    own = view.parts[scored.part].segment
    if len(view.parts) == 1:
        part = view.parts[0]
        site = int(own.row_site[scored.row])
        rows = np.arange(own.site_begin[site], own.site_begin[site + 1])
        return RowGroup.of(
            iter([(0, rows_with_tail(rows, visible(part.row_mask), own.row_tail, *tail))])
        )
    return RowGroup.of(
        (number, rows_with_tail(rows, _ALL, view.parts[number].segment.row_tail, *tail))
        for number, rows in _rows_like(scored, view, _EVERY_LEVEL, _EVERY_LEVEL)
    )


def _leaves_a_choice(group: RowGroup, level: str, view: RegisterView) -> bool:
    """Whether the rows differ at or above the confirmed level: 101室 of three entrances."""
    if len(group) == 1:
        return False
    columns = TAIL_LEVELS.index(level) + 1
    parts = [view.parts[n].segment.row_tail[rows, :columns] for n, rows in group.parts]
    tails = np.concatenate(parts)
    return bool((tails != tails[0]).any())


def _site_place(
    query: Query, scored: ScoredRow, view: RegisterView, confirmed: Confirmed, *, is_split: bool
) -> Place | None:
    """Return the place of all sites that agree with what was confirmed above the tail."""
    on_levels = {*confirmed.names, *(each for each in confirmed.numbers if each in NUMBER_COLUMN)}
    level = max(
        (each for each in on_levels if each in LEVEL_RANK), key=LEVEL_RANK.__getitem__, default=None
    )
    if level is None:
        return None
    compared = on_levels | set(_TOLD_APART_BY.get(level, ()))

    rows = RowGroup.of(_rows_like(scored, view, compared, confirmed.names.keys()))
    return _exact_place(query, scored, view, confirmed, rows, level, is_split=is_split)


def _exact_place(
    query: Query,
    scored: ScoredRow,
    view: RegisterView,
    confirmed: Confirmed,
    rows: RowGroup,
    level: str,
    *,
    is_split: bool = False,
) -> Place:
    """Return the place of these rows with the address that is exactly it, if there is one.

    Of addresses that differ in what registers often leave out, 清泉街道柳岸路3号 and
    清泉街道桑田社区柳岸路3号, it is the one whose text ends as the query does; else all are.
    """
    exact = find_exact_rows(view, rows, level)
    twins: list[tuple[int, int]] = []
    if len(exact) > 1:
        texts = {each: own_text(view, *each) for each in exact[:MAX_TWINS]}
        literal = [each for each, text in texts.items() if text.endswith(query.folded)]
        exact = literal or list(texts)
        seen = {texts[exact[0]]}
        for each in exact[1:]:
            if texts[each] not in seen:
                seen.add(texts[each])
                twins.append(each)
    address = exact[0] if exact else None
    return Place(level, rows, address, confirmed, scored, is_split, tuple(twins))


def own_text(view: RegisterView, part: int, row: int) -> str:
    """Return the folded text of an address."""
    return fold_name(normalise(view.parts[part].segment.texts[row].as_py()).text)


def _rows_like(
    scored: ScoredRow, view: RegisterView, levels: AbstractSet[str], certain: AbstractSet[str]
) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Yield (part, rows) of the visible sites that are like that of a row at these levels.

    certain : levels at which a name left out is a difference, too
    """
    own = view.parts[scored.part].segment
    site = own.row_site[scored.row]
    names, numbers = own.site_names[site], own.site_numbers[site]
    name_rules, number_rules = np.zeros(len(names), np.int8), np.zeros(len(numbers), np.int8)
    borne = []
    for column, (level, name) in enumerate(zip(NAME_LEVELS, names.tolist(), strict=True)):
        if level in levels:
            is_certain = level in certain or level not in _OFTEN_LEFT_OUT
            name_rules[column] = SAME if is_certain else SAME_OR_LEFT_OUT
            if name and is_certain:
                borne.append(name)
    for level, column in NUMBER_COLUMN.items():
        if level in levels:
            number_rules[column] = SAME
    of_names = np.array(borne, np.int32)
    for number, part in enumerate(view.parts):
        segment = part.segment
        spans = posting_spans(segment.posting_names, segment.posting_begin, of_names)
        begin, end = spans[(spans[:, 1] - spans[:, 0]).argmin()]
        yield number, rows_of_like_sites(
            segment.posting_sites[begin:end], names, name_rules, numbers, number_rules,
            segment.site_names, segment.site_numbers, visible(part.site_mask), segment.site_begin,
            visible(part.row_mask),
        )  # fmt: skip


def find_places(
    query: Query, view: RegisterView, scores: list[RowScores], *, limit: int
) -> list[Place]:
    """Return the places of the best rows, each once, best first. Uses `scores` up."""
    places: list[Place] = []
    seen: set[int] = set()
    best = -math.inf
    for _ in range(ROWS_COMPARED):
        scored = take_best(query, view, scores)
        if scored is None or len(places) >= limit:
            break
        best = max(best, scored.score)
        if scored.score < best - (POINTS_BEHIND if len(places) < 3 else POINTS_BEHIND / 2):
            break
        place = find_place(query, scored, view)
        rows = view.parts[scored.part].segment.rows_of_site(scored.row)
        taken = RowGroup(((scored.part, rows),))
        if place is not None and len(place.rows):
            taken = place.rows
            address_id = place.address_id(view)
            if address_id not in seen:
                places.append(place)
            if address_id is not None:
                seen.add(address_id)
        for each in scores:
            for number, rows in taken.parts:
                if each.part == number:
                    each.drop(rows)
    if places and places[0].is_split:
        places += _choices(places[0], view, limit)
    elif places and places[0].twins:
        places[1:1] = _twins(places[0], view)
    return places


def _twins(place: Place, view: RegisterView) -> list[Place]:
    assert place.address is not None
    return [
        replace(
            place, address=each, rows=RowGroup.single(*each),
            scored=replace(place.scored, part=each[0], row=each[1]),
        )
        for each in place.twins
    ]  # fmt: skip


def _choices(place: Place, view: RegisterView, limit: int) -> list[Place]:
    """Return the addresses among which a text such as 3幢101室 (of three entrances) leaves open."""
    said = dict(place.scored.reading.values)
    wanted = list(number_ids("room", said.get("room", ""), view.index.numbers))
    found = [
        (int(view.parts[number].segment.row_id[row]), number, row)
        for number, rows in place.rows.parts
        for row in rows.tolist()
        if view.parts[number].segment.row_tail[row, 2] in wanted
    ]
    return [
        replace(
            place, level="room", rows=RowGroup.single(number, row), address=(number, row),
            scored=replace(place.scored, part=number, row=row),
        )
        for _, number, row in sorted(found)[:limit]
    ]  # fmt: skip
