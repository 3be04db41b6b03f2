"""Suggest addresses while text is typed: the end may be unfinished, names may be in pinyin.

The same search as `match`, but the last characters may be the beginning of a name, Latin letters
may be the initials (WYL) or the spelling (WENYI) of one, and the last number may go on. What lies
near, and what was used lately, comes first among what fits alike.
"""

from __future__ import annotations

import bisect
import math
import re
from collections.abc import Sequence
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
    """Names of a table in the order of their text, initials and spelling."""

    def __init__(self, names: NameTable) -> None:
        self.count = len(names)
        keys = list(enumerate(names.texts[: self.count]))[1:]
        self.written = sorted((key, i) for i, key in keys)
        said = [(key.translate(_AS_SAID), i) for i, key in keys]
        self.initials = sorted((initials(key), i) for key, i in said)
        self.spelled = sorted((spelled(key), i) for key, i in said)

    @staticmethod
    def find(ordered: list[tuple[str, int]], start: str) -> list[tuple[str, int]]:
        """Return the (text, name id) that begin with `start`."""
        first = bisect.bisect_left(ordered, (start, 0))
        found = []
        for text, name_id in ordered[first : first + NAMES_LOOKED_AT]:
            if not text.startswith(start):
                break
            found.append((text, name_id))
        return found


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
    """Return the names in order, made again only when names were added."""
    known = index.names.beginnings
    if not isinstance(known, _Beginnings) or known.count != len(index.names):
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
        found = {
            name_id
            for ordered in (beginnings.initials, beginnings.spelled)
            for _, name_id in beginnings.find(ordered, match[0])
        }
        hits += _best(found, match.start(), match.end(), PINYIN_QUALITY, view, near)
    end = len(folded)
    if end == 0 or _is_ascii_letter(folded[-1]):
        return hits
    for start in range(max(0, end - 12), end):
        if start and folded[start - 1].isdigit() and folded[start].isdigit():
            continue
        if not any("一" <= char <= "鿿" for char in folded[start:end]):
            continue
        found = {name_id for _, name_id in beginnings.find(beginnings.written, folded[start:end])}
        found = {name_id for name_id in found if len(view.names.texts[name_id]) > end - start}
        best = _best(found, start, end, BEGUN_QUALITY, view, near)
        if best:
            return hits + best
    return hits


def _is_ascii_letter(char: str) -> bool:
    return "A" <= char <= "Z"


def _best(
    name_ids: set[int],
    start: int,
    end: int,
    quality: float,
    view: RegisterView,
    near: LonLat | None,
) -> list[NameHit]:
    """Return the likeliest names: of narrow levels, near, short."""
    ranked = []
    for name_id in name_ids:
        if name_id >= len(view.alive_names) or not view.alive_names[name_id]:
            continue
        weight = max(NAME_WEIGHTS[level] for level in view.names.levels[name_id])
        away = 0.0 if near is None else round(_name_distance_m(name_id, view, near), -2)
        key = view.names.texts[name_id]
        ranked.append((-weight, away, len(key), key, name_id))
    ranked.sort()
    return [
        NameHit(
            name_id, start, end, quality * (1 - 0.01 * min(9, len(key) - (end - start))), "begun"
        )
        for _, _, _, key, name_id in ranked[:COMPLETIONS]
    ]


def _name_distance_m(name_id: int, view: RegisterView, near: LonLat) -> float:
    """How far away the first visible address with a name is [m]."""
    for part in view.parts:
        sites = part.visible_sites(part.segment.sites_of_name(name_id)[:1])
        if len(sites):
            row = part.segment.site_begin[sites[0]]
            return float(_distance_m(part.segment.row_lonlat[[row]], near)[0])
    return 1e9
