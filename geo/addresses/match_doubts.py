"""How sure a match is: each doubt has a reason and leaves a share of the confidence."""

from __future__ import annotations

import math

from geo.addresses.match_places import Place, own_text
from geo.addresses.match_query import Query
from geo.addresses.match_reasons import MatchReason
from geo.addresses.match_sites import NAME_WEIGHTS
from geo.addresses.normalise import fold_name
from geo.addresses.register_index import RegisterView
from geo.addresses.register_keys import NAME_LEVELS

# Confidence is what is left of SUREST after each doubt took its share.
SUREST = 0.99
LITERAL_LENGTH = 4  # [characters] of a text that may be the end of an address, letter by letter
_DIFFERENCE_LEAVES = {"room": 0.45, "floor": 0.7, "entrance": 0.4}
_DIFFERENCE_LEAVES_OTHERWISE = 0.3
_ABSENCE_LEAVES = {"room": 0.7, "floor": 0.95, "entrance": 0.75, "building": 0.55, "door": 0.8,
                   "road": 0.4}  # fmt: skip
_DIVISION_LEAVES = {"province": 0.25, "city": 0.3, "county": 0.6}
_HIT_LEAVES = {"full": 1.0, "short": 0.97, "sound": 0.88, "typo": 0.86, "part": 0.6, "begun": 0.9}
_NEAR_LEAVES = 0.6
_UNREAD_LEAVES = 0.6
# Each stretch of text that nothing explains takes its own share, whatever else the text says: more
# text that is understood, or that says nothing, never makes up for it. The first characters of a
# stretch cost most, so that one stretch costs no more than the two into which noise breaks it.
_LEFTOVER_COST = 0.03
_LEFTOVER_COST_OF_CHARACTER = 0.012
_LEFTOVER_COST_OF_FURTHER = 0.004
_LEFTOVER_FIRST = 4  # [characters]


def find_doubts(query: Query, place: Place, view: RegisterView) -> tuple[list[MatchReason], float]:
    """Return the reasons for doubt and what they leave of the confidence."""
    confirmed = place.confirmed
    reasons: list[MatchReason] = []
    left = SUREST
    own_text = _own_text(place, view)
    if _is_literal_end(query.folded, own_text):
        return reasons, left
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
    left *= _unexplained(query, place, view, own_text, reasons)
    left *= _divisions_apart(query, place, view, reasons)
    relations = [word for word in query.relations if fold_name(word) not in own_text]
    if relations:
        reasons.append(MatchReason("near", said=relations[0]))
        left *= _NEAR_LEAVES
    reading = place.scored.reading
    if reading.unread:
        reasons.append(MatchReason("unread", said=",".join(reading.unread)))
        left *= _UNREAD_LEAVES ** len(reading.unread)
    if reading.cost >= 0.2:
        reasons.append(MatchReason("assumed"))
        left *= 1.0 - min(0.4, 0.3 * reading.cost)
    leftover = [piece for piece in query.leftover if piece not in own_text]
    if leftover:
        reasons.append(MatchReason("leftover", said=" ".join(leftover)))
        left *= math.exp(-sum(map(_leftover_cost, leftover)))
    return reasons, left


def _leftover_cost(piece: str) -> float:
    first = min(len(piece), _LEFTOVER_FIRST)
    further = len(piece) - first
    return (
        _LEFTOVER_COST + _LEFTOVER_COST_OF_CHARACTER * first + _LEFTOVER_COST_OF_FURTHER * further
    )


def _is_literal_end(folded: str, own_text: str) -> bool:
    """Whether the text is the address itself, or what is left of it without its divisions."""
    before = own_text[: -len(folded)][-1:] if folded else ""
    splits_number = before.isdigit() and folded[0].isdigit()
    return len(folded) >= LITERAL_LENGTH and own_text.endswith(folded) and not splits_number


def _own_text(place: Place, view: RegisterView) -> str:
    """Return the folded text of a place's own address: what stands there too is no doubt."""
    if place.address is None:
        return ""
    return own_text(view, *place.address)


def _unexplained(
    query: Query, place: Place, view: RegisterView, own_text: str, reasons: list[MatchReason]
) -> float:
    """Doubt for names of the text, known to the register, that this place doesn't bear."""
    left = 1.0
    explained = [(hit.start, hit.end) for hit in place.confirmed.names.values()]
    for cluster, (start, end) in enumerate(query.clusters):
        if any(start <= s and e <= end for s, e in explained):
            continue
        if query.folded[start:end] in own_text:
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
    segment = view.parts[place.scored.part].segment
    site = segment.row_site[place.scored.row]
    left = 1.0
    for level, said in _said_divisions(query, place, view).items():
        name_id = int(segment.site_names[site, NAME_LEVELS.index(level)])
        stored = view.names.texts[name_id]
        if not name_id or stored == said or stored.startswith(said) or said.startswith(stored):
            continue
        if level in place.confirmed.names:
            continue
        reasons.append(MatchReason("division_differs", level, said, stored))
        left *= _DIVISION_LEAVES[level]
    return left


def _said_divisions(query: Query, place: Place, view: RegisterView) -> dict[str, str]:
    """Return level → folded name of the divisions that the text states.

    Those of the register are read wherever they stand, others where grammar reads one. 江津 in the
    name 江津安佳苑, which the place bears, is none.
    """
    said = {
        level: name
        for level, (name, written) in query.divisions.items()
        if not any(
            written in query.folded[hit.start : hit.end]
            for each, hit in place.confirmed.names.items()
            if each not in _DIVISION_LEAVES
        )
    }
    for hit, _ in query.hits:
        levels = view.names.levels[hit.name_id]
        if hit.how == "full" and hit.quality == 1.0 and levels <= _DIVISION_LEAVES.keys():
            for level in levels:
                said.setdefault(level, view.names.texts[hit.name_id])
    return said
