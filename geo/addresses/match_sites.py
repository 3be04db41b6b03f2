"""Scores of sites and rows of the register for one query.

Evidence is counted in points: a name that agrees earns the weight of its level times the quality
of the hit, a number that agrees NUMBER_POINTS. A number that differs costs more than it could have
earned; one that the other side leaves out costs little. What the query names and a site doesn't
explain costs a share of its weight.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.addresses.match_query import OPEN_END, Query
from geo.addresses.number_readings import NumberReading
from geo.addresses.register_index import RegisterView, VisiblePart
from geo.addresses.register_keys import NAME_LEVELS, NUMBER_LEVELS, SITE_NUMBER_LEVELS
from geo.addresses.register_segment import AREA_COLUMNS, NumberKeys
from geo.addresses.site_kernels import (
    best_row,
    drop_rows,
    find_sites,
    posting_spans,
    score_sites,
)

Floats = NDArray[np.float32]

NAME_WEIGHTS = {
    "province": 0.3, "city": 0.5, "county": 1.0, "township": 1.5, "development_zone": 1.5,
    "community": 2.0, "village_group": 2.5, "road": 4.0, "estate": 4.0,
    "point_of_interest": 4.0, "building": 3.0,
}  # fmt: skip
UNEXPLAINED_SHARE = 0.7  # of the weight of a name that a site doesn't explain
ADMIN_UNEXPLAINED_SHARE = 0.5

AGREES, DIFFERS, ABSENT, UNSAID = range(4)
NUMBER_POINTS: dict[str, tuple[float, float, float, float]] = {
    #               agrees, differs, absent in the register, unsaid in the query
    "village_group": (2.5, -4.0, -0.8, -0.3),
    "door": (3.0, -5.0, -1.2, -0.4),
    "building": (3.0, -5.0, -1.5, -0.5),
    "entrance": (1.2, -2.5, -0.6, -0.3),
    "floor": (0.8, -1.0, -0.2, -0.1),
    "room": (2.0, -3.0, -1.0, -0.4),
}
OPEN_SHARE = 0.85  # of the points, for a number that goes on from what was typed
COST_WEIGHT = 2.0  # points a reading loses for each unit of its cost
MAX_SITES = 20_000  # of one query that are scored
MAX_NARROW = 4_000  # sites of one road or estate; a name of more is a wide one
SURE_QUALITY = 0.95  # a narrow name found so surely that wide names need not be searched
MAX_SITES_IN_DETAIL = 384
POINTS_OPENED = 8.0  # rows of sites this far behind the best are not looked at
SAME_POINTS = 0.001  # scores this close are equal

LEVEL_WEIGHTS = np.array([NAME_WEIGHTS[level] for level in NAME_LEVELS], np.float32)
OTHER_POINTS = np.array([NUMBER_POINTS[level][DIFFERS:] for level in NUMBER_LEVELS], np.float32)
_EVERYTHING_VISIBLE = np.empty(0, np.bool_)

_NARROW = {"village_group", "road", "estate", "point_of_interest", "building"}
_ADMIN = {"province", "city", "county", "township", "development_zone", "community"}


@dataclass(frozen=True)
class ScoredRow:
    """A row of the register with its score for a query, under one reading of the numbers.

    evidence : points without those lost for what the query leaves out
    """

    part: int
    row: int
    score: float
    evidence: float
    reading: NumberReading


@dataclass(frozen=True)
class HitTable:
    """Hits of a query by name.

    name_ids : (n,) sorted ids of names
    quality : (n, n_clusters); best : (n,) the largest of each
    weights : (n_clusters,) points that a site loses that explains nothing of the cluster
    most : (n,) the largest weight of the levels of each name
    is_area : (n,) whether it names areas only, no road, estate or group
    """

    name_ids: NDArray[np.int32]
    quality: Floats
    weights: Floats
    most: Floats
    best: list[float]
    is_area: list[bool]

    @property
    def arrays(self) -> tuple[Any, ...]:
        """As the kernels take them."""
        return self.name_ids, self.quality, self.weights, LEVEL_WEIGHTS


@functools.lru_cache(maxsize=4096)
def _of_levels(levels: frozenset[str]) -> tuple[float, float, bool]:
    """Return what a name of these levels costs unexplained, its weight, whether all are areas."""
    unexplained = max(
        (
            NAME_WEIGHTS[level]
            * (ADMIN_UNEXPLAINED_SHARE if level in _ADMIN else UNEXPLAINED_SHARE)
            for level in levels
        ),
        default=0.0,
    )
    most = max((NAME_WEIGHTS[level] for level in levels), default=0.0)
    return unexplained, most, not levels & _NARROW


def make_hit_table(query: Query, view: RegisterView) -> HitTable | None:
    """Return the hits of a query, None where there is none."""
    if not query.hits:
        return None
    ids = sorted({hit.name_id for hit, _ in query.hits})
    place = {name_id: i for i, name_id in enumerate(ids)}
    quality = [[0.0] * len(query.clusters) for _ in ids]
    weights = [0.0] * len(query.clusters)
    levels = view.names.levels
    for hit, cluster in query.hits:
        of_name = quality[place[hit.name_id]]
        of_name[cluster] = max(of_name[cluster], hit.quality)
        weight = _of_levels(levels[hit.name_id])[0] * hit.quality
        weights[cluster] = max(weights[cluster], weight)
    for cluster in _told_again(quality, len(query.clusters)):
        weights[cluster] = 0.0
        for of_name in quality:
            of_name[cluster] = 0.0
    of_names = [_of_levels(levels[name_id]) for name_id in ids]
    return HitTable(
        np.array(ids, np.int32),
        np.array(quality, np.float32),
        np.array(weights, np.float32),
        np.array([most for _, most, _ in of_names], np.float32),
        [max(row) for row in quality],
        [is_area for *_, is_area in of_names],
    )


def _told_again(quality: list[list[float]], n_clusters: int) -> set[int]:
    """Return the clusters that say nothing that another doesn't say at least as well.

    A name that is written twice is no better confirmed than one that is written once.
    """
    columns = [[of_name[cluster] for of_name in quality] for cluster in range(n_clusters)]
    again: set[int] = set()
    for cluster, own in enumerate(columns):
        for other, best in enumerate(columns):
            if other == cluster or other in again:
                continue
            if all(b >= a for a, b in zip(own, best, strict=True)) and any(own):
                again.add(cluster)
                break
    return again


@dataclass(frozen=True)
class QueryNumbers:
    """The readings of a query's numbers as ids of the register.

    A key is a number as the text says it at a level; readings share them.

    costs : (n_readings,) points each reading loses
    key_of : (n_readings, n_levels) its key at each level, -1 where it says none
    level_begin : (n_levels + 1,) keys of level l are level_begin[l]:level_begin[l + 1]
    key_begin : (n_keys + 1,) key k may mean the sorted ids[key_begin[k]:key_begin[k + 1]] of the
        register, and earns `points` where one of them stands
    says_tail : whether some reading says an entrance, floor or room
    """

    costs: Floats
    key_of: NDArray[np.int64]
    level_begin: NDArray[np.int64]
    key_begin: NDArray[np.int64]
    ids: NDArray[np.int32]
    points: Floats
    is_asking: bool
    says_tail: bool

    @property
    def arrays(self) -> tuple[Any, ...]:
        """As the kernels take them."""
        return self.costs, self.key_of, self.level_begin, self.key_begin, self.ids, self.points


def make_query_numbers(readings: tuple[NumberReading, ...], numbers: NumberKeys) -> QueryNumbers:
    """Return the readings in ids of the register's numbers."""
    said = [dict(reading.values) for reading in readings]
    places: list[list[int]] = []
    level_begin, key_begin = [0], [0]
    ids: list[int] = []
    points: list[float] = []
    for level in NUMBER_LEVELS:
        place: dict[str | None, int] = {None: -1}
        for values in said:
            key = values.get(level)
            if key is None or key in place:
                continue
            place[key] = len(key_begin) - 1
            agrees = NUMBER_POINTS[level][AGREES]
            for number_id, share in sorted(number_ids(level, key, numbers).items()):
                ids.append(number_id)
                points.append(agrees * share)
            key_begin.append(len(ids))
        level_begin.append(len(key_begin) - 1)
        places.append([place[values.get(level)] for values in said])
    n_site_levels = len(SITE_NUMBER_LEVELS)
    return QueryNumbers(
        costs=np.array([COST_WEIGHT * reading.cost for reading in readings], np.float32),
        key_of=np.array(list(zip(*places, strict=True)), np.int64),
        level_begin=np.array(level_begin, np.int64),
        key_begin=np.array(key_begin, np.int64),
        ids=np.array(ids, np.int32),
        points=np.array(points, np.float32),
        is_asking=level_begin[n_site_levels] > 0,
        says_tail=level_begin[-1] > level_begin[n_site_levels],
    )


@dataclass
class RowScores:
    """Scored rows of one part. `take` gives them out, best first, equal ones by address id.

    rows : (n,) rows of the segment, sorted
    score, evidence : (n,) points; evidence is without those lost for what the query leaves out
    reading : (n,) index of the reading that fits best
    """

    part: int
    rows: NDArray[np.int64]
    score: Floats
    evidence: Floats
    reading: NDArray[np.intp]

    def drop(self, rows: NDArray[np.int64]) -> None:
        """Don't give out these rows (sorted) any more."""
        drop_rows(self.score, self.rows, rows)


def score_rows(
    query: Query,
    view: RegisterView,
    table: HitTable | None = None,
    numbers: QueryNumbers | None = None,
) -> list[RowScores]:
    """Return the scored rows of every part of the register that the query may mean.

    table, numbers : of the query, where they are made already
    """
    table = table or make_hit_table(query, view)
    if table is None:
        return []
    numbers = numbers or make_query_numbers(query.readings, view.index.numbers)
    return [
        scores
        for number, part in enumerate(view.parts)
        if (scores := _score_part(query, view, part, number, table, numbers)) is not None
    ]


def take_best(query: Query, view: RegisterView, scores: list[RowScores]) -> ScoredRow | None:
    """Return the best row left; among equal ones that of the smallest address id."""
    best: tuple[float, int, RowScores, int] | None = None
    for each in scores:
        row_ids = view.parts[each.part].segment.row_id
        at = best_row(each.score, each.rows, row_ids, SAME_POINTS)
        if at < 0:
            continue
        score, address_id = float(each.score[at]), int(row_ids[each.rows[at]])
        if (
            best is None
            or score > best[0] + SAME_POINTS
            or (score >= best[0] - SAME_POINTS and address_id < best[1])
        ):
            best = score, address_id, each, at
    if best is None:
        return None
    score, _, chosen, at = best
    return ScoredRow(
        chosen.part, int(chosen.rows[at]), score, float(chosen.evidence[at]),
        query.readings[chosen.reading[at]],
    )  # fmt: skip


def _score_part(
    query: Query,
    view: RegisterView,
    part: VisiblePart,
    number: int,
    table: HitTable,
    numbers: QueryNumbers,
) -> RowScores | None:
    segment = part.segment
    spans = posting_spans(segment.posting_names, segment.posting_begin, table.name_ids)
    sizes = (spans[:, 1] - spans[:, 0]).tolist()
    is_wide = [
        size > MAX_NARROW or is_area for size, is_area in zip(sizes, table.is_area, strict=True)
    ]
    surest = max(
        (q for q, size, wide in zip(table.best, sizes, is_wide, strict=True) if size and not wide),
        default=0.0,
    )
    sites, names, of_numbers, is_listed = _find_sites(
        part, table, numbers, spans, segment.posting_sites,
        turns=_turns(table, sizes, is_wide, view), is_wide=is_wide, is_sure=surest >= SURE_QUALITY,
    )  # fmt: skip
    if not is_listed:
        sites, names, of_numbers = _representatives(spans, part, table, numbers)
    if not len(sites):
        return None
    arguments: list[Any] = [
        sites, names, of_numbers, segment.site_numbers, segment.site_begin, segment.row_tail,
        visible(part.row_mask), *numbers.arrays, OTHER_POINTS, MAX_SITES_IN_DETAIL,
        POINTS_OPENED, numbers.says_tail,
    ]  # fmt: skip
    rows, score, evidence, reading = score_sites(*arguments)
    return RowScores(number, rows, score, evidence, reading)


def _find_sites(
    part: VisiblePart,
    table: HitTable,
    numbers: QueryNumbers,
    spans: NDArray[np.int64],
    sites: NDArray[np.int32],
    *,
    turns: Sequence[int],
    is_wide: Sequence[bool],
    is_sure: bool,
) -> tuple[NDArray[np.int32], Floats, Floats, bool]:
    """Return what the kernel `find_sites` finds; `spans` are in `sites`."""
    segment = part.segment
    arguments: list[Any] = [
        np.array(turns, np.int64), spans, np.array(is_wide, np.bool_),
        np.array(table.is_area, np.bool_), table.most, *table.arrays, *numbers.arrays,
        OTHER_POINTS, sites, *segment.pairs, segment.site_names, segment.site_numbers,
        visible(part.site_mask), numbers.is_asking, is_sure, MAX_NARROW, MAX_SITES, POINTS_OPENED,
    ]  # fmt: skip
    found: tuple[NDArray[np.int32], Floats, Floats, bool] = find_sites(*arguments)
    return found


def _turns(table: HitTable, sizes: list[int], is_wide: list[bool], view: RegisterView) -> list[int]:
    """Return the places of the names in the order in which their sites are looked at.

    Sites of a road, estate or other narrow name all count, the weightiest first. Where there is
    one, a wide name (a county, a community) brings only sites whose door, building or group is
    asked for; the smaller ones come first, and all names together up to MAX_SITES.
    """
    texts, ids, most = view.names.texts, table.name_ids.tolist(), table.most.tolist()
    return sorted(
        range(len(ids)),
        key=lambda at: (
            is_wide[at],
            sizes[at] if is_wide[at] else -most[at] * table.best[at],
            texts[ids[at]],
        ),
    )


def visible(mask: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    """Return a mask as the kernels take it: one of no elements hides nothing."""
    return _EVERYTHING_VISIBLE if mask is None else mask


def _representatives(
    spans: NDArray[np.int64], part: VisiblePart, table: HitTable, numbers: QueryNumbers
) -> tuple[NDArray[np.int32], Floats, Floats]:
    """Return one site of each area among very many: where only a county is said, no more is asked.

    It is that of the smallest address id, so that the order of the register decides nothing. Those
    are the sites of the name with the fewest; their points are as of `find_sites`.
    """
    segment = part.segment
    some = [(int(end - begin), int(begin)) for begin, end in spans if begin < end]
    if not some:
        return np.empty(0, np.int32), np.empty(0, np.float32), np.empty(0, np.float32)
    size, begin = min(some)
    sites = part.visible_sites(segment.posting_sites[begin : begin + size])
    areas = np.zeros(len(sites), np.int64)
    for column in AREA_COLUMNS:
        names = segment.site_names[sites, column]
        areas = np.unique(areas * (int(names.max(initial=0)) + 1) + names, return_inverse=True)[1]
    order = np.lexsort((segment.row_id[segment.site_begin[sites]], areas))
    sites, areas = sites[order], areas[order]
    chosen = sites[np.concatenate(([True], areas[1:] != areas[:-1]))] if len(sites) else sites
    chosen = np.sort(chosen)
    given = np.zeros_like(spans)
    given[0, 1] = len(chosen)  # they are given as the sites of one of the names
    found, points, of_numbers, _ = _find_sites(
        part, table, numbers, given, chosen,
        turns=range(len(spans)), is_wide=[False] * len(spans), is_sure=True,
    )  # fmt: skip
    return found, points, of_numbers


def number_ids(level: str, key: str, numbers: NumberKeys) -> dict[int, float]:
    """Return ids of numbers that `key` may mean, each with its share of the points.

    A key that ends with OPEN_END is still being typed: numbers that begin with it may be meant.
    """
    found: dict[int, float] = {}
    if key.endswith(OPEN_END):
        key = key.removesuffix(OPEN_END)
        found = dict.fromkeys(numbers.starting_with(key), OPEN_SHARE)
    if key in numbers.ids:
        found[numbers.ids[key]] = 1.0
    if level == "door":
        # 669-14-1102: people leave 弄 out where the number is enough.
        other = key.removesuffix("弄") if key.endswith("弄") else f"{key}弄"
        if other in numbers.ids:
            found[numbers.ids[other]] = 0.7 if other.endswith("弄") else 0.4
    return found
