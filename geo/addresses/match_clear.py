"""Texts that say one row of the register so clearly that no other can come near it.

A row that doesn't bear a weighty name of the text loses that name's points, whatever else it has;
so only the sites that bear all weighty names are looked at. Where their best row leads every
other row, seen or not, by SURE_LEAD, it is what the whole search (`score_rows`, `find_places`)
puts first, with the same score: all that could make the search answer otherwise is checked here
in points, and where one of the checks fails the search is asked.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from geo.addresses.clear_kernels import best_and_next_row
from geo.addresses.match_query import Query
from geo.addresses.match_sites import (
    MAX_NARROW,
    MAX_SITES,
    MAX_SITES_IN_DETAIL,
    OTHER_POINTS,
    POINTS_OPENED,
    HitTable,
    QueryNumbers,
    ScoredRow,
    visible,
)
from geo.addresses.register_index import RegisterView
from geo.addresses.register_keys import SITE_NUMBER_LEVELS
from geo.addresses.site_kernels import posting_spans

SURE_LEAD = 2.0  # points; a lead over the next place that leaves no doubt
LEAST_WEIGHTY = 2.5  # points that a row loses without a name that counts as weighty
_SLACK = 0.01  # points; sums are of float32


def find_clear_row(
    query: Query, view: RegisterView, table: HitTable, numbers: QueryNumbers
) -> ScoredRow | None:
    """Return the row that leads all others by SURE_LEAD, None where there may be none.

    None, too, where the index has a part of changes, or the names are those of very many sites.
    """
    if len(view.parts) != 1:
        return None
    most_of_names, weighty = _weighty_names(table)
    if not weighty:
        return None
    loss = min(weighty.values())
    part = view.parts[0]
    segment = part.segment
    spans = posting_spans(segment.posting_names, segment.posting_begin, table.name_ids).tolist()
    sizes = [end - begin for begin, end in spans]
    at = _place_of_list(sizes, table.is_area, weighty)
    if at is None:
        return None
    arguments: list[Any] = [
        segment.posting_sites[slice(*spans[at])], table.name_ids[list(weighty)], *table.arrays,
        *numbers.arrays, OTHER_POINTS, segment.site_names, segment.site_numbers,
        segment.site_begin, segment.row_tail, visible(part.site_mask), visible(part.row_mask),
        numbers.says_tail, SURE_LEAD + _SLACK,
    ]  # fmt: skip
    row, score, evidence, reading, of_site, second, n_sites = best_and_next_row(*arguments)
    most_of_site, most_of_numbers = _most_of_readings(numbers)
    elsewhere = most_of_names + most_of_numbers - loss
    site_elsewhere = most_of_names + most_of_site
    if (
        row < 0
        or n_sites > MAX_SITES_IN_DETAIL
        or evidence - max(second, elsewhere) < SURE_LEAD + _SLACK
        or evidence - score > SURE_LEAD - _SLACK  # what is left unsaid could put another first
        or of_site < site_elsewhere - loss + _SLACK  # its site might not be looked at in detail
        or of_site < site_elsewhere - POINTS_OPENED + _SLACK
    ):
        return None
    return ScoredRow(0, int(row), float(score), float(evidence), query.readings[reading])


def _weighty_names(table: HitTable) -> tuple[float, dict[int, float]]:
    """Return the most points that names can earn, and the places of weighty names → what a row
    without the name loses at least."""
    total = 0.0
    weighty: dict[int, float] = {}
    most = table.most.tolist()
    for qualities, weight in zip(table.quality.T.tolist(), table.weights.tolist(), strict=True):
        earned = [quality * each for quality, each in zip(qualities, most, strict=True)]
        best = max(earned)
        at = earned.index(best)
        earned[at] = 0.0
        points, without = _points(best, weight), _points(max(earned), weight)
        total += points
        if points - without >= LEAST_WEIGHTY:
            weighty[at] = max(points - without, weighty.get(at, 0.0))
    return total, weighty


def _points(explained: float, weight: float) -> float:
    return explained - max(weight - explained, 0.0)


def _place_of_list(
    sizes: Sequence[int], is_area: Sequence[bool], weighty: dict[int, float]
) -> int | None:
    """Return the place of the weighty name with the fewest sites, None where the whole search
    may pass over its sites."""
    at = min(weighty, key=sizes.__getitem__)
    size = sizes[at]
    narrow = [
        place
        for place, of_name in enumerate(sizes)
        if 0 < of_name <= MAX_NARROW and not is_area[place]
    ]
    if narrow:
        return at if size and not weighty.keys().isdisjoint(narrow) else None
    # Names of areas only: the smallest is searched first, and wholly.
    is_first = size < min((s for i, s in enumerate(sizes) if s and i != at), default=size + 1)
    return at if 0 < size <= MAX_SITES and is_first else None


def _most_of_readings(numbers: QueryNumbers) -> tuple[float, float]:
    """Return the most points that group, door and building can earn, and that all numbers can."""
    begin, points = numbers.key_begin.tolist(), numbers.points.tolist()
    of_key = [max(points[a:b], default=0.0) for a, b in itertools.pairwise(begin)]
    of_key.append(0.0)  # place -1: nothing is said
    n_site_levels = len(SITE_NUMBER_LEVELS)
    of_site = of_all = -1e30
    for cost, keys in zip(numbers.costs.tolist(), numbers.key_of.tolist(), strict=True):
        earned = [of_key[key] for key in keys]
        of_site = max(of_site, sum(earned[:n_site_levels]) - cost)
        of_all = max(of_all, sum(earned) - cost)
    return of_site, of_all
