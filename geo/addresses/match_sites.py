"""Scores of sites and rows of the register for one query.

Evidence is counted in points: a name that agrees earns the weight of its level times the quality
of the hit, a number that agrees NUMBER_POINTS. A number that differs costs more than it could have
earned; one that the other side leaves out costs little. What the query names and a site doesn't
explain costs a share of its weight.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geo.addresses.match_query import OPEN_END, Query
from geo.addresses.number_readings import NumberReading
from geo.addresses.register_index import RegisterView, VisiblePart
from geo.addresses.register_keys import NAME_LEVELS, SITE_NUMBER_LEVELS, TAIL_LEVELS
from geo.addresses.register_segment import NumberKeys

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
FEW_NUMBERS = 4  # compared one by one; more at once
COST_WEIGHT = 2.0  # points a reading loses for each unit of its cost
MAX_SITES = 20_000  # of one query that are scored
MAX_NARROW = 4_000  # sites of one road or estate; a name of more is a wide one
SURE_QUALITY = 0.95  # a narrow name found so surely that wide names need not be searched
MAX_SITES_IN_DETAIL = 384
POINTS_OPENED = 8.0  # rows of sites this far behind the best are not looked at
SAME_POINTS = 0.001  # scores this close are equal

_WEIGHTS = np.array([NAME_WEIGHTS[level] for level in NAME_LEVELS], np.float32)
_AREA_COLUMNS = NAME_LEVELS.index("community") + 1
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
    """Hits of a query by small numbers: 0 is no hit.

    name_ids : (n,) sorted ids of names
    quality : (n + 1, n_clusters)
    """

    name_ids: NDArray[np.int32]
    quality: Floats
    weights: Floats

    def of(self, names: NDArray[np.int32]) -> NDArray[np.intp]:
        """Return for each name its place in `quality`."""
        at = np.searchsorted(self.name_ids, names)
        at[at == len(self.name_ids)] = 0
        return np.where(self.name_ids[at] == names, at + 1, 0)


def make_hit_table(query: Query, view: RegisterView) -> HitTable | None:
    """Return the hits of a query, None where there is none."""
    if not query.hits:
        return None
    ids = sorted({hit.name_id for hit, _ in query.hits})
    place = {name_id: i + 1 for i, name_id in enumerate(ids)}
    quality = np.zeros((len(ids) + 1, len(query.clusters)), np.float32)
    weights = np.zeros(len(query.clusters), np.float32)
    for hit, cluster in query.hits:
        at = place[hit.name_id]
        quality[at, cluster] = max(quality[at, cluster], hit.quality)
        for level in view.names.levels[hit.name_id]:
            share = ADMIN_UNEXPLAINED_SHARE if level in _ADMIN else UNEXPLAINED_SHARE
            weights[cluster] = max(weights[cluster], NAME_WEIGHTS[level] * share * hit.quality)
    return HitTable(np.array(ids, np.int32), quality, weights)


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

    def best(self) -> float:
        """The best score left, -inf where nothing is left."""
        return float(self.score.max()) if len(self.score) else -math.inf

    def drop(self, rows: NDArray[np.int64]) -> None:
        """Don't give out these rows (sorted) any more."""
        if len(rows) > len(self.rows):
            gone = _find_sorted(rows, self.rows) >= 0
            self.score[gone] = -np.inf
        else:
            at = _find_sorted(self.rows, rows)
            self.score[at[at >= 0]] = -np.inf


def _find_sorted(values: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return where each of `wanted` stands in sorted `values`, -1 where it doesn't."""
    if not len(values):
        return np.full(len(wanted), -1)
    at = np.minimum(np.searchsorted(values, wanted), len(values) - 1)
    return np.where(values[at] == wanted, at, -1)


def score_rows(query: Query, view: RegisterView) -> list[RowScores]:
    """Return the scored rows of every part of the register that the query may mean."""
    table = make_hit_table(query, view)
    if table is None:
        return []
    return [
        scores
        for number, part in enumerate(view.parts)
        if (scores := _score_part(query, view, part, number, table)) is not None
    ]


def take_best(query: Query, view: RegisterView, scores: list[RowScores]) -> ScoredRow | None:
    """Return the best row left; among equal ones that of the smallest address id."""
    best = max((each.best() for each in scores), default=-math.inf)
    if best == -math.inf:
        return None
    found: tuple[int, int, RowScores, int] | None = None
    for each in scores:
        ties = np.flatnonzero(each.score >= best - SAME_POINTS)
        if not len(ties):
            continue
        ids = view.parts[each.part].segment.row_id[each.rows[ties]]
        at = int(ties[ids.argmin()])
        if found is None or int(ids.min()) < found[0]:
            found = (int(ids.min()), int(each.rows[at]), each, at)
    assert found is not None
    _, row, chosen, at = found
    return ScoredRow(
        chosen.part, row, float(chosen.score[at]), float(chosen.evidence[at]),
        query.readings[chosen.reading[at]],
    )  # fmt: skip


def _score_part(
    query: Query, view: RegisterView, part: VisiblePart, number: int, table: HitTable
) -> RowScores | None:
    sites = _candidate_sites(query, view, part)
    if not len(sites):
        return None
    segment = part.segment
    numbers = view.index.numbers
    evidence, omitted = _number_points(
        query.readings, SITE_NUMBER_LEVELS, segment.site_numbers[sites], numbers
    )
    small = table.of(segment.site_names[sites])
    if len(sites) > MAX_SITES_IN_DETAIL:
        rough = (table.quality.max(axis=1)[small] @ _WEIGHTS) + (evidence + omitted).max(axis=0)
        # Ties at the cut are all kept, so that the order of the register decides nothing.
        cut = np.partition(rough, -MAX_SITES_IN_DETAIL)[-MAX_SITES_IN_DETAIL]
        kept = np.flatnonzero(rough >= cut)
        sites, small = sites[kept], small[kept]
        evidence, omitted = evidence[:, kept], omitted[:, kept]
    names = _name_points(table, small)
    total = (evidence + omitted).max(axis=0) + names
    opened = np.flatnonzero(total >= total.max() - POINTS_OPENED)
    chosen = sites[opened]
    if any(level in TAIL_LEVELS for reading in query.readings for level, _ in reading.values):
        rows = segment.rows_of_sites(chosen)
        of_site = np.repeat(opened, segment.site_begin[chosen + 1] - segment.site_begin[chosen])
    else:
        # Rows of a site stand by tail: where no tail is said, the first visible one speaks for all.
        rows, of_site = _first_rows(part, chosen), opened
    if part.row_mask is not None:
        visible = part.row_mask[rows]
        rows, of_site = rows[visible], of_site[visible]
    tail_evidence, tail_omitted = _number_points(
        query.readings, TAIL_LEVELS, segment.row_tail[rows], numbers
    )
    whole_evidence = tail_evidence + (evidence + names)[:, of_site]
    whole = whole_evidence + tail_omitted + omitted[:, of_site]
    best = whole.argmax(axis=0)
    every = np.arange(len(rows))
    return RowScores(number, rows, whole[best, every], whole_evidence[best, every], best)


def _first_rows(part: VisiblePart, sites: NDArray[np.int32]) -> NDArray[np.int64]:
    segment = part.segment
    if part.row_mask is None:
        return segment.site_begin[sites]
    rows = segment.rows_of_sites(sites)
    rows = rows[part.row_mask[rows]]
    _, first = np.unique(segment.row_site[rows], return_index=True)
    return rows[first]


def _name_points(table: HitTable, small: NDArray[np.intp]) -> Floats:
    """Return (n_sites,) points for names: earned where explained, lost where not."""
    points = np.zeros(len(small), np.float32)
    for cluster in range(table.quality.shape[1]):
        explained = (table.quality[:, cluster][small] * _WEIGHTS).max(axis=1)
        points += explained
        points -= np.maximum(table.weights[cluster] - explained, 0)
    return points


def _candidate_sites(query: Query, view: RegisterView, part: VisiblePart) -> NDArray[np.int32]:
    """Return visible sites that have one of the names, up to MAX_SITES, in order.

    Sites of a road, estate or other narrow name all count. Where there is one, a wide name (a
    county, a community) brings only sites whose door, building or group is asked for.
    """
    segment = part.segment
    narrow: list[NDArray[np.int32]] = []
    wide: list[tuple[int, str, NDArray[np.int32]]] = []
    surest = 0.0
    for name_id, quality in _quality_of_names(query).items():
        sites = segment.sites_of_name(name_id)
        if not len(sites):
            continue
        if len(sites) <= MAX_NARROW and view.names.levels[name_id] & _NARROW:
            narrow.append(part.visible_sites(sites))
            surest = max(surest, quality)
        else:
            wide.append((len(sites), view.names.texts[name_id], sites))
    asked = _asked_numbers(query, view)
    room = MAX_SITES
    for _, _, sites in sorted(wide, key=lambda item: item[:2]):
        if surest >= SURE_QUALITY and (not asked or len(sites) > MAX_NARROW):
            break
        if asked and (narrow or len(sites) > room):
            sites = sites[_has_asked_number(segment.site_numbers[sites], asked)]
        visible = part.visible_sites(sites)
        if len(visible) <= room:
            narrow.append(visible)
            room -= len(visible)
    if len(narrow) == 1:
        return narrow[0]
    if not narrow:
        return _representatives(part, min((item[2] for item in wide), key=len, default=None))
    together = np.concatenate(narrow)
    together.sort()
    # Nothing is left where each site was changed since, or lies outside the caller's grids.
    is_new: NDArray[np.bool_] = np.diff(together, prepend=np.int32(-1)) != 0
    return together[is_new]


def _representatives(part: VisiblePart, sites: NDArray[np.int32] | None) -> NDArray[np.int32]:
    """Return one site of each area among very many: where only a county is said, no more is asked.

    It is that of the smallest address id, so that the order of the register decides nothing.
    """
    if sites is None:
        return np.empty(0, np.int32)
    sites = part.visible_sites(sites)
    segment = part.segment
    areas = np.zeros(len(sites), np.int64)
    for column in range(_AREA_COLUMNS):
        names = segment.site_names[sites, column]
        areas = np.unique(areas * (int(names.max(initial=0)) + 1) + names, return_inverse=True)[1]
    order = np.lexsort((segment.row_id[segment.site_begin[sites]], areas))
    sites, areas = sites[order], areas[order]
    chosen = sites[np.concatenate(([True], areas[1:] != areas[:-1]))] if len(sites) else sites
    return np.sort(chosen)


def _quality_of_names(query: Query) -> dict[int, float]:
    quality: dict[int, float] = {}
    for hit, _ in query.hits:
        quality[hit.name_id] = max(quality.get(hit.name_id, 0.0), hit.quality)
    return quality


def _asked_numbers(query: Query, view: RegisterView) -> dict[int, list[int]]:
    """Return column of site numbers → ids of the numbers that some reading asks for."""
    asked: dict[int, set[int]] = {}
    for reading in query.readings:
        for level, key in reading.values:
            if level in SITE_NUMBER_LEVELS:
                ids = number_ids(level, key, view.index.numbers)
                asked.setdefault(SITE_NUMBER_LEVELS.index(level), set()).update(ids)
    return {column: sorted(ids) for column, ids in asked.items()}


def _has_asked_number(
    site_numbers: NDArray[np.int32], asked: dict[int, list[int]]
) -> NDArray[np.bool_]:
    wanted = np.zeros(len(site_numbers), bool)
    for column, ids in asked.items():
        for number_id in ids:
            wanted |= site_numbers[:, column] == number_id
    return wanted


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


def _number_points(
    readings: tuple[NumberReading, ...],
    levels: tuple[str, ...],
    columns: NDArray[np.int32],
    numbers: NumberKeys,
) -> tuple[Floats, Floats]:
    """Return (n_readings, n) points: evidence, and points lost for what the query leaves out."""
    evidence = np.zeros((len(readings), len(columns)), np.float32)
    omitted = np.zeros((len(readings), len(columns)), np.float32)
    cache: dict[tuple[str, str | None], Floats] = {}
    for at, reading in enumerate(readings):
        values = dict(reading.values)
        if levels[0] == SITE_NUMBER_LEVELS[0]:
            evidence[at] -= COST_WEIGHT * reading.cost
        for column, level in enumerate(levels):
            key = values.get(level)
            points = cache.get((level, key))
            if points is None:
                points = _points(level, key, columns[:, column], numbers)
                cache[level, key] = points
            if key is None:
                omitted[at] += points
            else:
                evidence[at] += points
    return evidence, omitted


def _points(level: str, key: str | None, column: NDArray[np.int32], numbers: NumberKeys) -> Floats:
    agrees, differs, absent, unsaid = NUMBER_POINTS[level]
    if key is None:
        return np.where(column > 0, np.float32(unsaid), np.float32(0))
    points = np.where(column > 0, np.float32(differs), np.float32(absent))
    found = number_ids(level, key, numbers)
    if len(found) > FEW_NUMBERS:
        points[np.isin(column, list(found))] = agrees * OPEN_SHARE
        found = {number_id: share for number_id, share in found.items() if share != OPEN_SHARE}
    for number_id, share in found.items():
        points[column == number_id] = agrees * share
    return points
