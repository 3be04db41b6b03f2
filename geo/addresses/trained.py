"""Turn the spans of a trained tagger into tokens: what a span means, its value and its code.

The tagger decides where parts begin and end and what they are; the grammar gives the value of
numbers, the national list the codes of divisions. Where both read the same span alike, the
grammar's token stands.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence

from geo.addresses.division_state import DivisionState
from geo.addresses.divisions import load_divisions
from geo.addresses.levels import AddressLevel
from geo.addresses.normalise import NormalisedText
from geo.addresses.numbers import scan_number, scan_worded
from geo.addresses.scan import Scan, Vocabulary
from geo.addresses.tagged import LabelledSpan
from geo.addresses.tokens import Kind, Reading, Token

KIND_OF_LABEL = {
    "prov": Kind.PROVINCE,
    "city": Kind.CITY,
    "district": Kind.COUNTY,
    "town": Kind.TOWNSHIP,
    "devzone": Kind.ZONE,
    "community": Kind.COMMUNITY,
    "village_group": Kind.GROUP,
    "road": Kind.ROAD,
    "subroad": Kind.SUBROAD,
    "roadno": Kind.DOOR,
    "subroadno": Kind.SUBDOOR,
    "poi": Kind.ESTATE,
    "subpoi": Kind.SUBESTATE,
    "person": Kind.NAME,
    "houseno": Kind.BUILDING,
    "cellno": Kind.ENTRANCE,
    "floorno": Kind.FLOOR,
    "roomno": Kind.ROOM,
    "assist": Kind.RELATION,
    "intersection": Kind.RELATION,
    "distance": Kind.DISTANCE,
    "redundant": Kind.REPEATED,
    **{level.value: level.value for level in AddressLevel},
}
"""Labels of the tagged sets, and our own level names, which a file may use as labels too."""

_COUNTED_KINDS = frozenset(
    {Kind.GROUP, Kind.DOOR, Kind.SUBDOOR, Kind.BUILDING, Kind.ENTRANCE, Kind.FLOOR, Kind.ROOM}
)
_GROUP = re.compile(r"\d{1,3}(?:村民)?小?(?:组|队)$")
_NUMBER = re.compile(r"[A-Z]{0,2}\d+[A-Z]?(?:-\d+)*|[A-Z]|[东西南北中]")
_PRIMER = {Kind.BUILDING: Kind.ESTATE, Kind.ENTRANCE: Kind.BUILDING, Kind.ROOM: Kind.ENTRANCE}
_NOISE = " -_,;.:/|"


def tagged_scan(
    normalised: NormalisedText,
    spans: Sequence[LabelledSpan],
    scanned: Scan,
    vocabulary: Vocabulary | None,
) -> Scan:
    """Return the tokens that the spans of the original text stand for.

    normalised : the text; spans : as the tagger marked them in the original
    scanned : the grammar's reading of the same text
    """
    text, starts = normalised.text, normalised.starts
    known = {(token[1], token[2]): token for token in scanned.tokens}
    tokens: list[Token] = []
    for first, last, label in spans:
        start, end = bisect_left(starts, first), bisect_left(starts, last)
        while start < end and text[start] in _NOISE:
            start += 1
        while start < end and text[end - 1] in _NOISE:
            end -= 1
        if start < end:
            tokens.append(_token(text, start, end, label, known.get((start, end))))
    covered = [(token[1], token[2]) for token in tokens]
    tokens += [
        token
        for token in scanned.tokens
        if token[0] not in Kind.LEVELS
        and not any(start < token[2] and token[1] < end for start, end in covered)
    ]
    tokens.sort(key=lambda token: token[1])
    candidates = _settle(tokens, vocabulary)
    code = candidates[0] if len(candidates) == 1 else None
    if scanned.division_code and code and scanned.division_code.startswith(code):
        code = scanned.division_code  # the grammar knows the village as well
    return Scan(tokens, code, candidates)


def _token(text: str, start: int, end: int, label: str, known: Token | None) -> Token:
    kind = KIND_OF_LABEL.get(label, Kind.OTHER)
    piece = text[start:end]
    if kind == Kind.ROAD and _GROUP.match(piece):
        kind = Kind.GROUP
    if known is not None and known[0] == kind:
        return known
    return kind, start, end, _value(kind, piece) if kind in _COUNTED_KINDS else piece, None


def _value(kind: str, piece: str) -> str:
    """Return the search value of a counted part, read by the grammar in its own surroundings."""
    reading = Reading(piece)
    primer = _PRIMER.get(kind, Kind.ROAD)
    reading.add(primer, 0, 0, "")
    end = scan_worded(reading, 0) or scan_number(reading, 0)
    if end == len(piece) and len(reading.tokens) == 2 and reading.tokens[1][0] == kind:
        return reading.tokens[1][3]
    number = _NUMBER.search(piece)
    if kind in (Kind.DOOR, Kind.SUBDOOR):
        return piece.removesuffix("号")
    return number[0] if number else piece


def _settle(tokens: list[Token], vocabulary: Vocabulary | None) -> tuple[str, ...]:
    """Give division tokens their codes; return what the finest may be."""
    divisions = load_divisions()
    state = DivisionState(vocabulary.division_codes if vocabulary else ())
    order = sorted(
        (index for index, token in enumerate(tokens) if token[0] in Kind.DIVISIONS),
        key=lambda index: AddressLevel(tokens[index][0]).rank,
    )
    for index in order:
        kind, start, end, value, _ = tokens[index]
        level = AddressLevel(kind)
        found = divisions.search(value, level=level)
        said = state.prefer_area(state.within(tuple(division.code for division in found)))
        if said:
            state.take(said, level.rank)
            tokens[index] = (kind, start, end, value, said[0])
    state.settle(tokens)
    return state.candidates
