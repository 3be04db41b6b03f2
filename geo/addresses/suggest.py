"""Suggest addresses while text is typed: the end may be unfinished, names may be in pinyin.

The same search as `match`, but the last characters may be the beginning of a name, Latin letters
may be the initials (WYL) or the spelling (WENYI) of one, and the last number may go on. What lies
near, and what was used lately, comes first among what fits alike.
"""

from __future__ import annotations

import bisect
import math
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geo.addresses.match import place_text
from geo.addresses.match_places import find_places
from geo.addresses.match_query import read_query
from geo.addresses.match_sites import NAME_WEIGHTS, RowScores, score_rows
from geo.addresses.name_table import NameHit, NameTable
from geo.addresses.register_index import RegisterIndex, RegisterView
from geo.addresses.row_groups import EARTH_RADIUS_M, group_point
from geo.addresses.site_kernels import posting_spans
from geo.addresses.sounds import initials, spelled
from geo.values import GridScope, LonLat

MAX_TYPED = 120  # [characters]; nobody types more into a search box
COMPLETIONS = 16  # names that an unfinished end may go on to
NAMES_LOOKED_AT = 2_000  # of one beginning, before the best are chosen
NEAR_POINTS = 0.9  # points for an address right here, falling with NEAR_SCALE_M
NEAR_SCALE_M = 1_500.0
RECENT_POINTS = 1.0  # for an address used lately
BEGUN_QUALITY, PINYIN_QUALITY = 0.9, 0.85

# Folded names have digits for numerals; typed in pinyin they are spoken.
_AS_SAID = str.maketrans("0123456789", "零一二三四五六七八九")
_LAST_CHARACTER = chr(sys.maxunicode)
_LATIN = re.compile(r"(?<![0-9A-Z])[A-Z]{2,}(?![A-Z])")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One address or place to choose.

    standard_address_id : None where it is a group of addresses: an estate, a road, a building
    level : what it is, by its finest level
    address_count : addresses in it
    """

    text: str
    standard_address_id: int | None
    level: str
    lonlat: LonLat | None
    address_count: int


class _Beginnings:
    """Names of a table in the order of their text, initials and spelling.

    weights : (n_names,) the largest weight of each name's levels
    lengths : (n_names,) [characters]
    order : (n_names,) place of each name by length, then by text
    """

    def __init__(self, names: NameTable) -> None:
        self.version = names.version
        keys = list(enumerate(list(names.texts)))[1:]
        self.written = _Ordered((key, i) for i, key in keys)
        said = [(key.translate(_AS_SAID), i) for i, key in keys]
        self.initials = _Ordered((initials(key), i) for key, i in said)
        self.spelled = _Ordered((spelled(key), i) for key, i in said)
        weights = [
            max((NAME_WEIGHTS[level] for level in names.levels[i]), default=0.0) for i, _ in keys
        ]
        self.weights = np.array([0.0, *weights])
        self.lengths = np.array([0, *(len(key) for _, key in keys)])
        self.order = np.zeros(len(keys) + 1, np.int64)
        for place, (i, _) in enumerate(sorted(keys, key=lambda item: (len(item[1]), item[1]))):
            self.order[i] = place


class _Ordered:
    """Texts in order, each with the id of its name."""

    def __init__(self, pairs: Iterable[tuple[str, int]]) -> None:
        ordered = sorted(pairs)
        self._texts = [text for text, _ in ordered]
        self._ids = np.array([i for _, i in ordered], np.int64)

    def find(self, start: str) -> NDArray[np.int64]:
        """Return the ids of up to NAMES_LOOKED_AT names whose text begins with `start`."""
        first = bisect.bisect_left(self._texts, start)
        last = bisect.bisect_right(self._texts, start + _LAST_CHARACTER, first)
        return self._ids[first : min(last, first + NAMES_LOOKED_AT)]


def suggest(
    typed: str,
    index: RegisterIndex,
    *,
    scope: GridScope,
    near: LonLat | None = None,
    recent: Sequence[int] = (),
    limit: int = 8,
) -> list[Suggestion]:
    """Return what the typed text may become, best first.

    Parameters
    ----------
    typed : what stands in the box; more than MAX_TYPED characters are cut
    near : where the user is; what lies near comes first among what fits alike
    recent : ids of standard addresses used lately
    """
    view = index.view(scope)
    beginnings = _beginnings_of(index)

    def complete(folded: str, covered: list[bool]) -> list[NameHit]:
        return _completions(folded, covered, view, beginnings, near)

    query = read_query(typed[:MAX_TYPED], None, view, max_length=MAX_TYPED, complete=complete)
    scores = score_rows(query, view)
    for each in scores:
        _prefer(each, view, near, recent)
    suggestions = []
    for place in find_places(query, view, scores, limit=limit)[:limit]:
        lonlat, _ = group_point(view, place.rows)
        suggestions.append(
            Suggestion(
                text=place_text(place, view),
                standard_address_id=place.address_id(view),
                level=place.level,
                lonlat=lonlat,
                address_count=len(place.rows),
            )
        )
    return suggestions


def _beginnings_of(index: RegisterIndex) -> _Beginnings:
    """Return the names in order, made again only when names, or levels of theirs, were added."""
    known = index.names.beginnings
    if not isinstance(known, _Beginnings) or known.version != index.names.version:
        known = _Beginnings(index.names)
        index.names.beginnings = known
    return known


def _prefer(
    scores: RowScores, view: RegisterView, near: LonLat | None, recent: Sequence[int]
) -> None:
    segment = view.parts[scores.part].segment
    if near is not None:
        distance_m = _distance_m(segment.row_lonlat[scores.rows], near)
        scores.score += (NEAR_POINTS * np.exp(-distance_m / NEAR_SCALE_M)).astype(np.float32)
    if recent:
        used = np.isin(segment.row_id[scores.rows], np.array(recent, np.int64))
        scores.score += np.where(used, np.float32(RECENT_POINTS), np.float32(0))


def _distance_m(lonlat: NDArray[np.float64], near: LonLat) -> NDArray[np.float64]:
    east = np.radians(lonlat[:, 0] - near.longitude) * math.cos(math.radians(near.latitude))
    north = np.radians(lonlat[:, 1] - near.latitude)
    return np.nan_to_num(np.hypot(east, north) * EARTH_RADIUS_M, nan=1e9)


def _completions(
    folded: str,
    covered: list[bool],
    view: RegisterView,
    beginnings: _Beginnings,
    near: LonLat | None,
) -> list[NameHit]:
    """Return names in pinyin anywhere, and names that the end of the text begins."""
    hits: list[NameHit] = []
    for match in _LATIN.finditer(folded):
        found = [ordered.find(match[0]) for ordered in (beginnings.initials, beginnings.spelled)]
        name_ids = np.unique(np.concatenate(found))
        span = match.start(), match.end()
        hits += _best(name_ids, *span, PINYIN_QUALITY, view, beginnings, near)
    end = len(folded)
    if end == 0 or _is_ascii_letter(folded[-1]):
        return hits
    for start in range(max(0, end - 12), end):
        if start and folded[start - 1].isdigit() and folded[start].isdigit():
            continue
        if not any("一" <= char <= "鿿" for char in folded[start:end]):
            continue
        name_ids = beginnings.written.find(folded[start:end])
        name_ids = name_ids[beginnings.lengths[name_ids] > end - start]
        best = _best(name_ids, start, end, BEGUN_QUALITY, view, beginnings, near)
        if best:
            return hits + best
    return hits


def _is_ascii_letter(char: str) -> bool:
    return "A" <= char <= "Z"


def _best(
    name_ids: NDArray[np.int64],
    start: int,
    end: int,
    quality: float,
    view: RegisterView,
    beginnings: _Beginnings,
    near: LonLat | None,
) -> list[NameHit]:
    """Return the likeliest names: of narrow levels, near, short."""
    name_ids = name_ids[name_ids < len(view.alive_names)]
    name_ids = name_ids[view.alive_names[name_ids]]
    if not len(name_ids):
        return []
    keys = [beginnings.order[name_ids], -beginnings.weights[name_ids]]
    if near is not None:
        keys.insert(1, np.round(_name_distances_m(name_ids, view, near), -2))
    chosen = name_ids[np.lexsort(keys)[:COMPLETIONS]]
    lengths = beginnings.lengths[chosen]
    return [
        NameHit(name_id, start, end, quality * (1 - 0.01 * min(9, length - (end - start))), "begun")
        for name_id, length in zip(chosen.tolist(), lengths.tolist(), strict=True)
    ]


def _name_distances_m(
    name_ids: NDArray[np.int64], view: RegisterView, near: LonLat
) -> NDArray[np.float64]:
    """Return how far away the first address of each name is [m], 1e9 where none is visible."""
    away = np.full(len(name_ids), 1e9)
    # What changed since stands in the last part; the first that has the name tells.
    for part in reversed(view.parts):
        segment = part.segment
        spans = posting_spans(
            segment.posting_names, segment.posting_begin, name_ids.astype(np.int32)
        )
        has_any = spans[:, 0] < spans[:, 1]
        sites = segment.posting_sites[spans[has_any, 0]]
        at = np.flatnonzero(has_any)
        if part.site_mask is not None:
            at, sites = at[part.site_mask[sites]], sites[part.site_mask[sites]]
        away[at] = _distance_m(segment.row_lonlat[segment.site_begin[sites]], near)
    return away
