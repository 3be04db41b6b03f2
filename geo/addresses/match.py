"""Match an address text against the register: which standard address, how finely, how surely.

First the site (the address without entrance, floor and room) by its names and numbers, then the
rows of the site by the rest. A number that differs is never a near match. The answer is the finest
level that the text confirms; where several places fit alike, the answer says so. Where names and
numbers do not settle it, addresses whose text is alike are proposed beside what they found.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from geo.addresses.confidence import confidence_of
from geo.addresses.door_interpolation import DoorSides
from geo.addresses.match_alike import AlikePlace, AlikeTextsOfQuery
from geo.addresses.match_clear import SURE_LEAD, find_clear_row
from geo.addresses.match_doors import UnknownDoor, find_unknown_door
from geo.addresses.match_doubts import Doubts, add_contradictions, find_doubts, missing_levels
from geo.addresses.match_places import Confirmed, Place, find_place, find_places
from geo.addresses.match_query import Query, read_query
from geo.addresses.match_reasons import MatchReason
from geo.addresses.match_sites import (
    HitTable,
    QueryNumbers,
    ScoredRow,
    make_hit_table,
    make_query_numbers,
    score_rows,
)
from geo.addresses.number_readings import NumberReading
from geo.addresses.parse import ParseContext, ParsedAddress, parse
from geo.addresses.register_index import RegisterIndex, RegisterView
from geo.addresses.register_keys import NUMBER_LEVELS
from geo.addresses.register_segment import alias_key
from geo.addresses.row_groups import (
    LEVEL_RANK,
    RowGroup,
    group_grid_and_cell,
    group_point,
    group_text,
    row_level,
)
from geo.values import GridScope, LonLat

MAX_TEXT_LENGTH = 500  # [characters]; settings.address_text_max hands down another
LEAST_REPEATED = 4  # [characters] of a text that may be the same words twice
MAX_BETWEEN = 2  # [characters] between them
SETTLED = 0.9  # confidence from which likeness is not asked
SAME_EVIDENCE = 0.5  # points between candidates whose order likeness may turn round
TRUST = 0.2  # points of likeness that a confidence of 1 is worth
ALIKE_LEAD = 0.2  # of likeness over the next text that leaves no doubt
SAME_LEAD = 0.05  # points; a smaller lead is a tie
MARGIN_SCALE = 1.1  # points behind the first by which a candidate's confidence falls to 1/e
DEFAULT_THRESHOLD = 0.8  # settings.match_threshold hands down another


@dataclass(frozen=True, slots=True)
class MatchCandidate:
    """A place of the register that may be meant.

    standard_address_id : None where the place is a group of addresses (a building, a road)
    level : the finest level that the text confirms
    lonlat : of the address, or the middle of the group; None where the register has no point
    radius_m : [m] of the circle that holds the place, and no less than the accuracy of its points;
        None where it is one point and nobody said how well that is known
    score : points; only differences mean anything
    confidence : 0 to 1, that this is the place meant
    missing : levels that the address has and the text doesn't give
    contradicted : levels at which both differ or the register has nothing
    doubts : what `confidence` was weighed from: (doubt, amount), see geo.addresses.confidence
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
    doubts: tuple[tuple[str, float], ...] = ()


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
    others_of_sure: bool = True,
    door_sides: DoorSides = "auto",
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
    others_of_sure : whether a sure answer comes with the other candidates, which takes time
    door_sides : whether even and odd doors stand on two sides, for doors the register lacks

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
    asked = parsed.text
    once = _said_once(asked)
    if once is not None:
        parsed = parse(once, context=context, max_length=max_length)
    view = index.view(scope)
    query = read_query(parsed.text, parsed, view, max_length=max_length)
    sure_from = math.inf if others_of_sure else max(threshold, SETTLED)
    by_alias = _by_alias(parsed.text, view)
    candidates, ambiguous = by_alias or _candidates(query, parsed, view, limit, sure_from)
    if by_alias is None and not (candidates and candidates[0].confidence >= SETTLED):
        unknown = find_unknown_door(query, view, door_sides)
        if unknown is not None:
            candidates, ambiguous = _with_unknown_door(candidates, ambiguous, unknown, query, view)
    if not candidates:
        return MatchResult(asked, "not_found", (), False, (MatchReason("nothing_found"),))
    best = candidates[0]
    is_inferred = any(reason.code == "interpolated" for reason in best.reasons)
    status = "matched" if best.confidence >= threshold and not is_inferred else "review"
    return MatchResult(asked, status, tuple(candidates[:limit]), ambiguous, best.reasons)


def _said_once(text: str) -> str | None:
    """Return a text that is the same words twice without their repetition, None for others."""
    stripped = text.strip()
    for between in range(MAX_BETWEEN + 1):
        half, odd = divmod(len(stripped) - between, 2)
        if odd or half < LEAST_REPEATED or stripped[:half] != stripped[half + between :]:
            continue
        if not any(char.isalnum() for char in stripped[half : half + between]):
            return stripped[:half]
    return None


def _by_alias(text: str, view: RegisterView) -> tuple[list[MatchCandidate], bool] | None:
    """Return the addresses that a person gave exactly this text to, None where there is none."""
    if not any(part.segment.alias_rows for part in view.parts):
        return None
    key = alias_key(text)
    found: dict[int, tuple[int, int]] = {}
    for number, part in enumerate(view.parts):
        rows = np.array(part.segment.alias_rows.get(key, ()), np.int64)
        for row in part.visible_rows(rows).tolist():
            address_id = int(part.segment.row_id[row])
            own = part.segment.find_row(address_id)
            if own is not None:
                found[address_id] = (number, own)
    if not found:
        return None
    doubts = Doubts([MatchReason("alias", said=text)])
    if len(found) > 1:
        doubts.say("ambiguous")
    candidates = []
    for _, (number, row) in sorted(found.items()):
        level = row_level(view.parts[number], row)
        scored = ScoredRow(number, row, 0.0, 0.0, NumberReading((), 0.0))
        group = RowGroup.single(number, row)
        place = Place(level, group, (number, row), Confirmed({}, {}, {}, {}), scored, False)
        candidates.append(_candidate(place, view, doubts, share=1 / len(found)))
    return candidates, len(found) > 1


def _candidates(
    query: Query, parsed: ParsedAddress, view: RegisterView, limit: int, sure_from: float
) -> tuple[list[MatchCandidate], bool]:
    """Return the candidates, the first alone where its confidence is `sure_from` or more."""
    named, is_ambiguous = _named(query, view, limit, sure_from)
    if named and named[0][1].confidence >= SETTLED:
        return [made for _, made in named], is_ambiguous
    return _with_alike(named, is_ambiguous, query, parsed, view, limit)


def _named(
    query: Query, view: RegisterView, limit: int, sure_from: float
) -> tuple[list[tuple[Place, MatchCandidate]], bool]:
    """Return the candidates that names and numbers find, and whether the first has an equal."""
    table = make_hit_table(query, view)
    if table is None:
        return [], False
    numbers = make_query_numbers(query.readings, view.index.numbers)
    if sure_from < math.inf:
        clear = _clearly(query, view, table, numbers)
        if clear is not None and clear[1].confidence >= sure_from:
            return [clear], False
    scores = score_rows(query, view, table, numbers)
    places = find_places(query, view, scores, limit=limit)
    places = [_only_address(place, view) for place in places]
    if not places:
        return [], False
    first = places[0]
    rivals = [p for p in places[1:] if not first.rows.holds(p.scored.part, p.scored.row)]
    lead = first.scored.evidence - max((p.scored.evidence for p in rivals), default=-math.inf)
    lead = max(lead, 0.0)
    is_tied = lead < SAME_LEAD
    candidates: list[tuple[Place, MatchCandidate]] = []
    for place in places:
        behind = first.scored.evidence - place.scored.evidence
        doubt = lead if place is first or place.twins else -behind
        made = _describe(query, place, view, doubt, is_tied=is_tied and behind < SAME_LEAD)
        if place is not first and candidates and not place.twins:
            made = replace(made, confidence=min(made.confidence, candidates[0][1].confidence))
        candidates.append((place, made))
        if made.confidence >= sure_from and not first.twins:
            break
    candidates, has_equal_twin = _with_twins_ordered(candidates, len(first.twins))
    if candidates[0][1].confidence >= sure_from:
        candidates = candidates[:1]
    return candidates, is_tied or first.is_split or has_equal_twin


def _with_twins_ordered(
    candidates: list[tuple[Place, MatchCandidate]], n_twins: int
) -> tuple[list[tuple[Place, MatchCandidate]], bool]:
    """Return the candidates with the best of the first and its twins first, and whether another is
    as good: these share its confidence."""
    if not n_twins:
        return candidates, False
    twins = sorted(candidates[: 1 + n_twins], key=lambda each: -each[1].confidence)
    best = twins[0][1].confidence
    equal = sum(made.confidence == best for _, made in twins)
    ordered: list[tuple[Place, MatchCandidate]] = []
    for at, (place, made) in enumerate(twins):
        share = made.confidence / equal if at < equal else min(made.confidence, best / equal)
        made = replace(made, confidence=round(share, 4))
        if 1 < equal > at:
            reasons, doubts = (
                (*made.reasons, MatchReason("ambiguous")),
                (*made.doubts, ("tied", 1.0)),
            )
            made = replace(made, reasons=reasons, doubts=doubts)
        ordered.append((place, made))
    others = [
        (place, replace(made, confidence=min(made.confidence, ordered[0][1].confidence)))
        for place, made in candidates[1 + n_twins :]
    ]
    return [*ordered, *others], equal > 1


def _clearly(
    query: Query, view: RegisterView, table: HitTable, numbers: QueryNumbers
) -> tuple[Place, MatchCandidate] | None:
    """Return the candidate that the whole search would put first, where nothing comes near it."""
    scored = find_clear_row(query, view, table, numbers)
    place = find_place(query, scored, view) if scored is not None else None
    if place is None or place.is_split or place.twins or not len(place.rows):
        return None
    place = _only_address(place, view)
    return place, _describe(query, place, view, SURE_LEAD, is_tied=False)


def _only_address(place: Place, view: RegisterView) -> Place:
    """Return a place with the one address it holds, where only a name is left to say.

    文一路12号 is the shop that alone is registered there; a lone room is not its building.
    """
    if place.address is not None or len(place.rows) != 1:
        return place
    ((number, rows),) = place.rows.parts
    row = int(rows[0])
    finer = {
        level
        for level, (codes, _) in view.parts[number].segment.components.items()
        if codes[row] >= 0 and LEVEL_RANK.get(level, 0) > LEVEL_RANK[place.level]
    }
    return replace(place, address=(number, row)) if finer <= {"estate"} else place


def _with_alike(
    named: list[tuple[Place, MatchCandidate]],
    is_ambiguous: bool,
    query: Query,
    parsed: ParsedAddress,
    view: RegisterView,
    limit: int,
) -> tuple[list[MatchCandidate], bool]:
    """Return what names and numbers found and what is alike in one order.

    Both are ranked by likeness; what was found by name is trusted by its confidence besides.
    """
    alike = AlikeTextsOfQuery(query, parsed, view)
    ranked: list[tuple[float, int, MatchCandidate]] = []
    known: set[int] = set()
    contradicting: set[int] = set()
    cap = best_of_equals = math.inf
    evidence = math.inf
    for at, (place, made) in enumerate(named):
        own = alike.score_of(place, made.canonical_text) + TRUST * made.confidence
        if evidence - place.scored.evidence > SAME_EVIDENCE:
            # What names and numbers put behind stays behind; among equals the likest is first.
            evidence = place.scored.evidence
            cap, best_of_equals = min(cap, best_of_equals), -math.inf
        if not alike.says_nearly_all(place):
            own = min(own, cap)
        best_of_equals = max(best_of_equals, own)
        ranked.append((-own, at, made))
        if made.standard_address_id is not None:
            known.add(made.standard_address_id)
    proposals = alike.places(limit)
    for at, proposal in enumerate(proposals, len(named)):
        address_id = proposal.place.address_id(view)
        if address_id is None or address_id not in known:
            if proposal.place.confirmed.differing:
                contradicting.add(at)
            rival = next((each for each in proposals if each is not proposal), None)
            lead = proposal.score - rival.score if rival is not None else math.inf
            ranked.append((-proposal.score, at, _describe_alike(proposal, lead, view)))
    ranked.sort(key=lambda each: each[:2])
    # Another number is no near match: it never comes before what is certain.
    certain = [at for _, at, _ in ranked if at not in contradicting]
    if certain:
        ranked.sort(key=lambda each: each[1] != certain[0])
    candidates = [made for _, _, made in ranked]
    if not candidates:
        return [], False
    ceiling = candidates[0].confidence
    capped = [replace(each, confidence=min(each.confidence, ceiling)) for each in candidates]
    is_first_tied = any(reason.code == "ambiguous" for reason in candidates[0].reasons)
    return capped, is_ambiguous and is_first_tied


def _with_unknown_door(
    candidates: list[MatchCandidate],
    is_ambiguous: bool,
    unknown: UnknownDoor,
    query: Query,
    view: RegisterView,
) -> tuple[list[MatchCandidate], bool]:
    """Return the candidates with the road of a door that the register lacks.

    It comes first where the text says nothing but road and door: an address of another number is
    no nearer. Else it takes the place that the road has among the candidates.
    """
    made = _describe(query, unknown.road, view, math.inf, is_tied=False)
    reason = (unknown.reason,) if unknown.reason is not None else ()
    made = replace(made, reasons=(*reason, *made.reasons))
    if unknown.estimate.lonlat is not None:
        grid_code, h3_cell = group_grid_and_cell(view, unknown.neighbours)
        made = replace(
            made, lonlat=unknown.estimate.lonlat, radius_m=unknown.estimate.radius_m,
            grid_code=grid_code, h3_cell=h3_cell,
        )  # fmt: skip
    at = next(
        (i for i, each in enumerate(candidates) if _is_same_road(each, made)), len(candidates)
    )
    is_first = unknown.is_alone and (
        unknown.is_written or not candidates or bool(candidates[0].contradicted)
    )
    if not is_first:
        if at == len(candidates):
            return candidates, is_ambiguous
        placed = replace(made, confidence=min(made.confidence, candidates[at].confidence))
        return [*candidates[:at], placed, *candidates[at + 1 :]], is_ambiguous
    others = [*candidates[:at], *candidates[at + 1 :]]
    if unknown.end is not None:
        end = _describe(query, unknown.end, view, math.inf, is_tied=False)
        end = replace(end, reasons=(*reason, *end.reasons))
        others = [end, *(each for each in others if each.canonical_text != end.canonical_text)]
    ceiling = made.confidence
    others = [replace(each, confidence=min(each.confidence, ceiling)) for each in others]
    return [made, *others], False


def _is_same_road(candidate: MatchCandidate, road: MatchCandidate) -> bool:
    return (
        candidate.standard_address_id is None
        and candidate.level == "road"
        and candidate.canonical_text == road.canonical_text
    )


def _describe_alike(proposal: AlikePlace, lead: float, view: RegisterView) -> MatchCandidate:
    place = proposal.place
    doubts = Doubts()
    doubts.say("alike", stored=place_text(place, view))
    doubts.add("alike")
    doubts.add("alike_unexplained", 1.0 - proposal.explained)
    doubts.add("alike_close", 1.0 - min(1.0, max(0.0, lead / ALIKE_LEAD)))
    add_contradictions(place, doubts)
    return _candidate(place, view, doubts)


def _describe(
    query: Query, place: Place, view: RegisterView, lead: float, *, is_tied: bool
) -> MatchCandidate:
    doubts = find_doubts(query, place, view)
    doubts.add("close", 1.0 - max(0.0, min(lead, SURE_LEAD)) / SURE_LEAD)
    if is_tied or place.is_split:
        doubts.say("ambiguous")
        doubts.add("tied")
    missing = missing_levels(place, view)
    for level in missing:
        doubts.say("missing", level)
    share = math.exp(lead / MARGIN_SCALE) if lead < 0 else 1.0
    return _candidate(place, view, doubts, tuple(missing), share=share)


def _candidate(
    place: Place,
    view: RegisterView,
    doubts: Doubts,
    missing: tuple[str, ...] = (),
    *,
    share: float = 1.0,
) -> MatchCandidate:
    """share : of the confidence that the doubts leave, where it is shared with others"""
    reasons = tuple(doubts.reasons)
    lonlat, radius_m = group_point(view, place.rows)
    if lonlat is None:
        reasons = (*reasons, MatchReason("no_point"))
    grid_code, h3_cell = group_grid_and_cell(view, place.rows)
    return MatchCandidate(
        standard_address_id=place.address_id(view),
        canonical_text=place_text(place, view),
        level=place.level,
        lonlat=lonlat,
        radius_m=radius_m,
        grid_code=grid_code,
        h3_cell=h3_cell,
        score=round(place.scored.score, 3),
        confidence=round(share * confidence_of(doubts.amounts), 4),
        missing=missing,
        contradicted=tuple(
            level
            for level in ("road", *NUMBER_LEVELS)
            if level in place.confirmed.differing or level in place.confirmed.absent
        ),
        reasons=reasons,
        doubts=tuple(sorted(doubts.amounts.items())),
    )


def place_text(place: Place, view: RegisterView) -> str:
    """Return the standard text of a place: of its own address, or of what its rows share."""
    if place.address is None:
        return group_text(view, place.rows, place.level)
    part, row = place.address
    return str(view.parts[part].segment.texts[row].as_py())
