"""Match an address text against the register: which standard address, how finely, how surely.

First the site (the address without entrance, floor and room) by its names and numbers, then the
rows of the site by the rest. A number that differs is never a near match. The answer is the finest
level that the text confirms; where several places fit alike, the answer says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from geo.addresses.levels import LEVELS
from geo.addresses.match_places import Place, find_place, place_point, place_text
from geo.addresses.match_query import OPEN_END, Query, read_query
from geo.addresses.match_reasons import MatchReason
from geo.addresses.match_sites import NAME_WEIGHTS, RowScores, score_rows, take_best
from geo.addresses.parse import ParseContext, ParsedAddress, parse
from geo.addresses.register_index import RegisterIndex, RegisterView
from geo.addresses.register_keys import NAME_LEVELS, NUMBER_LEVELS
from geo.values import GridScope, LonLat

MAX_TEXT_LENGTH = 500  # [characters]; settings.address_text_max hands down another
ROWS_COMPARED = 32  # best rows that are turned into places, at most
POINTS_BEHIND = 9.0  # a row that far behind the best is no candidate
DEFAULT_THRESHOLD = 0.8  # settings.match_threshold hands down another

_RANK = {level.value: level.rank for level in LEVELS}

# Confidence is what is left of SUREST after each doubt took its share.
SUREST = 0.99
_DIFFERENCE_LEAVES = {"room": 0.45, "floor": 0.7, "entrance": 0.4}
_DIFFERENCE_LEAVES_OTHERWISE = 0.3
_ABSENCE_LEAVES = {"room": 0.7, "floor": 0.95, "entrance": 0.75, "building": 0.55, "door": 0.8}
_DIVISION_LEAVES = {"province": 0.25, "city": 0.3, "county": 0.6}
_HIT_LEAVES = {"full": 1.0, "short": 0.97, "sound": 0.88, "typo": 0.86, "part": 0.6, "begun": 0.9}
_NEAR_LEAVES = 0.6
_UNREAD_LEAVES = 0.6
_MARGIN_SCALE = 1.1  # points; a lead of one point over the next place leaves a doubt of 0.2
_LEFTOVER_WEIGHT = 0.35


@dataclass(frozen=True, slots=True)
class MatchCandidate:
    """A place of the register that may be meant.

    standard_address_id : None where the place is a group of addresses (a building, a road)
    level : the finest level that the text confirms
    lonlat : of the address, or the middle of the group; None where the register has no point
    radius_m : [m] of the circle that holds the place; for one address the accuracy of its point
    score : points; only differences mean anything
    confidence : 0 to 1, that this is the place meant
    missing : levels that the address has and the text doesn't give
    contradicted : levels at which both differ or the register has nothing
    """

    standard_address_id: int | None
    canonical_text: str
    level: str
    lonlat: LonLat | None
    radius_m: float | None
    grid_code: str | None
    h3_cell: int | None
    score: float
    confidence: float
    missing: tuple[str, ...]
    contradicted: tuple[str, ...]
    reasons: tuple[MatchReason, ...]


@dataclass(frozen=True, slots=True)
class MatchResult:
    """The answer for one text: `status` is matched, review or not_found.

    candidates : best first; the first is the answer where the status is matched
    found : level of the first candidate
    ambiguous : whether another place fits as well as the first
    """

    text: str
    status: str
    candidates: tuple[MatchCandidate, ...]
    ambiguous: bool
    reasons: tuple[MatchReason, ...]

    @property
    def best(self) -> MatchCandidate | None:
        return self.candidates[0] if self.candidates else None

    @property
    def found(self) -> str | None:
        return self.candidates[0].level if self.candidates else None

    @property
    def confidence(self) -> float:
        return self.candidates[0].confidence if self.candidates else 0.0


def match_standard_address(
    address: str | ParsedAddress,
    index: RegisterIndex,
    *,
    scope: GridScope,
    context: ParseContext | None = None,
    limit: int = 5,
    threshold: float = DEFAULT_THRESHOLD,
    max_length: int = MAX_TEXT_LENGTH,
) -> MatchResult:
    """Return which standard addresses the text may mean.

    Parameters
    ----------
    address : text as typed, or already parsed
    index : the register
    scope : what lies outside neither appears nor counts
    context : the deployment's own area, for the parser
    limit : candidates returned at most
    threshold : confidence below which the status is review
    max_length : [characters]

    Returns
    -------
    MatchResult: the same for the same register in any order of its rows.

    Raises
    ------
    InvalidInput : `address` is neither text nor parsed
    FileTooLarge : the text is longer than `max_length`
    """
    parsed: ParsedAddress
    if isinstance(address, ParsedAddress):
        parsed = address
    else:
        parsed = parse(address, context=context, max_length=max_length)
    view = index.view(scope)
    query = read_query(parsed.text, parsed, view, max_length=max_length)
    candidates, ambiguous = _candidates(query, view, limit)
    if not candidates:
        return MatchResult(parsed.text, "not_found", (), False, (MatchReason("nothing_found"),))
    best = candidates[0]
    status = "matched" if best.confidence >= threshold else "review"
    return MatchResult(parsed.text, status, tuple(candidates[:limit]), ambiguous, best.reasons)


def _candidates(query: Query, view: RegisterView, limit: int) -> tuple[list[MatchCandidate], bool]:
    places = find_places(query, view, score_rows(query, view), limit=limit)
    if not places:
        return [], False
    first = places[0]
    rivals = [place for place in places[1:] if not _nested(first, place)]
    lead = first.scored.evidence - max((p.scored.evidence for p in rivals), default=-math.inf)
    lead = max(lead, 0.0)
    is_tied = lead < 0.05
    candidates: list[MatchCandidate] = []
    for place in places:
        behind = first.scored.evidence - place.scored.evidence
        doubt = lead if place is first else -behind
        made = _describe(query, place, view, doubt, is_tied=is_tied and behind < 0.05)
        if place is not first and candidates:
            made = replace(made, confidence=min(made.confidence, candidates[0].confidence))
        candidates.append(made)
    return candidates, is_tied or first.is_split


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


def _nested(first: Place, other: Place) -> bool:
    """Whether one place is a part of the other, so that they don't compete."""
    if first.part != other.part:
        return False
    few, many = sorted((first.rows, other.rows), key=len)
    return bool(set(few[:64].tolist()) & set(many.tolist()))


def _describe(
    query: Query, place: Place, view: RegisterView, lead: float, *, is_tied: bool
) -> MatchCandidate:
    part = view.parts[place.part]
    segment = part.segment
    reasons, confidence = _doubts(query, place, view)
    if lead < 0:
        confidence *= 0.5 * math.exp(lead / _MARGIN_SCALE)
    else:
        confidence *= 1.0 - 0.5 * math.exp(-lead / (0.5 * _MARGIN_SCALE))
    if is_tied or place.is_split:
        reasons.append(MatchReason("ambiguous"))
    missing = _missing(query, place, view)
    reasons += [MatchReason("missing", level) for level in missing]
    lonlat, radius_m = place_point(part, place.rows)
    row = place.address_row
    if row is not None and len(place.rows) == 1:
        accuracy = float(segment.row_accuracy_m[row])
        radius_m = None if math.isnan(accuracy) else accuracy
    if lonlat is None:
        reasons.append(MatchReason("no_point"))
    grids = {int(code) for code in segment.row_grid[place.rows[:4096]].tolist()}
    grid = grids.pop() if len(grids) == 1 else -1
    cells = {int(h3_cell) for h3_cell in segment.row_h3_cell[place.rows[:4096]].tolist()}
    h3_cell = cells.pop() if len(cells) == 1 else 0
    return MatchCandidate(
        standard_address_id=None if row is None else int(segment.row_id[row]),
        canonical_text=place_text(part, place),
        level=place.level,
        lonlat=lonlat,
        radius_m=radius_m,
        grid_code=segment.grid_codes[grid] if grid >= 0 else None,
        h3_cell=h3_cell or None,
        score=round(place.scored.score, 3),
        confidence=round(max(0.0, min(SUREST, confidence)), 4),
        missing=tuple(missing),
        contradicted=tuple(
            level
            for level in NUMBER_LEVELS
            if level in place.confirmed.differing or level in place.confirmed.absent
        ),
        reasons=tuple(reasons),
    )


def _doubts(query: Query, place: Place, view: RegisterView) -> tuple[list[MatchReason], float]:
    """Return the reasons for doubt and what they leave of the confidence."""
    confirmed = place.confirmed
    reasons: list[MatchReason] = []
    left = SUREST
    for level, (said, stored) in confirmed.differing.items():
        reasons.append(MatchReason("differs", level, said, stored))
        left *= _DIFFERENCE_LEAVES.get(level, _DIFFERENCE_LEAVES_OTHERWISE)
    for level, said in confirmed.absent.items():
        reasons.append(MatchReason("absent", level, said))
        left *= _ABSENCE_LEAVES.get(level, 0.6)
    names = view.names
    strongest = max(
        (NAME_WEIGHTS[level] * hit.quality for level, hit in confirmed.names.items()), default=0.0
    )
    for level, hit in confirmed.names.items():
        if hit.how == "full" or NAME_WEIGHTS[level] < 2:
            continue
        said = query.folded[hit.start : hit.end]
        reasons.append(MatchReason(hit.how, level, said, names.texts[hit.name_id]))
        if NAME_WEIGHTS[level] * hit.quality >= 0.9 * strongest:
            left *= _HIT_LEAVES[hit.how] * (0.75 + 0.25 * min(1.0, hit.quality / 0.88))
    left *= _unexplained(query, place, view, reasons)
    left *= _divisions_apart(query, place, view, reasons)
    if query.relations:
        reasons.append(MatchReason("near", said=query.relations[0]))
        left *= _NEAR_LEAVES
    reading = place.scored.reading
    if reading.unread:
        reasons.append(MatchReason("unread", said=",".join(reading.unread)))
        left *= _UNREAD_LEAVES ** len(reading.unread)
    if reading.cost >= 0.2:
        reasons.append(MatchReason("assumed"))
        left *= 1.0 - min(0.3, 0.2 * reading.cost)
    if query.leftover > 0:
        reasons.append(MatchReason("leftover", said=query.leftover_text))
        left *= 1.0 - _LEFTOVER_WEIGHT * query.leftover
    return reasons, left


def _unexplained(
    query: Query, place: Place, view: RegisterView, reasons: list[MatchReason]
) -> float:
    """Doubt for names of the text, known to the register, that this place doesn't bear."""
    left = 1.0
    explained = [(hit.start, hit.end) for hit in place.confirmed.names.values()]
    for cluster, (start, end) in enumerate(query.clusters):
        if any(start <= s and e <= end for s, e in explained):
            continue
        weight = max(
            (
                NAME_WEIGHTS[level] * hit.quality
                for hit, at in query.hits
                if at == cluster
                for level in view.names.levels[hit.name_id]
            ),
            default=0.0,
        )
        if weight < 0.4:
            continue
        reasons.append(MatchReason("unexplained", said=query.folded[start:end]))
        left *= 1.0 - min(0.6, 0.15 * weight)
    return left


def _divisions_apart(
    query: Query, place: Place, view: RegisterView, reasons: list[MatchReason]
) -> float:
    """Doubt for a province, city or county of the text that isn't the register's."""
    segment = view.parts[place.part].segment
    site = segment.row_site[int(place.rows[0])]
    left = 1.0
    for level, said in query.divisions.items():
        name_id = int(segment.site_names[site, NAME_LEVELS.index(level)])
        stored = view.names.texts[name_id]
        if not name_id or stored == said or stored.startswith(said) or said.startswith(stored):
            continue
        if level in place.confirmed.names:
            continue
        reasons.append(MatchReason("division_differs", level, said, stored))
        left *= _DIVISION_LEAVES[level]
    return left


def _missing(query: Query, place: Place, view: RegisterView) -> list[str]:
    """Return levels up to the place's own that its address has and the text doesn't give."""
    if place.address_row is None:
        return []
    segment = view.parts[place.part].segment
    said = {*dict(place.scored.reading.values), *place.confirmed.names}
    return [
        level
        for level in ("village_group", "door", "building", "entrance")
        if level in segment.components
        and segment.components[level][0][place.address_row] >= 0
        and level not in said
        and _RANK[level] <= _RANK[place.level]
    ]
