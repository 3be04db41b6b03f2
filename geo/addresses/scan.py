"""The scanner: one pass over normalised text, left to right, into tokens.

At each place the scanner asks in turn: is here a number with a counting word, a bracket, a
division of the national list, a name of the deployment, a relation word, or a name that some
class word ends? Each question reads a bounded window, so the pass is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from geo.addresses.division_match import DivisionState, match_division
from geo.addresses.levels import AddressLevel
from geo.addresses.numbers import scan_numbers
from geo.addresses.words import (
    COMMUNITY_ENDINGS,
    ESTATE_ENDINGS,
    RELATION_WORDS,
    ROAD_ENDINGS,
    TOWNSHIP_ENDINGS,
    ZONE_ENDINGS,
    alternatives,
)

Token = tuple[str, int, int, str, str | None]
"""kind, start, end [normalised characters], value, division code"""

MAX_NAME_LENGTH = 40  # [characters]; a run without class word longer than this is no name


class Kind:
    """Kinds of token: the levels of an address and what is none."""

    PROVINCE, CITY, COUNTY, TOWNSHIP = "province", "city", "county", "township"
    ZONE, COMMUNITY, GROUP = "development_zone", "community", "village_group"
    ROAD, SUBROAD, DOOR, SUBDOOR = "road", "subroad", "door", "subdoor"
    ESTATE, SUBESTATE = "estate", "subestate"
    BUILDING, ENTRANCE, FLOOR, ROOM = "building", "entrance", "floor", "room"
    RELATION, DISTANCE, REPEATED, NOTE = "relation", "distance", "repeated", "note"
    NAME, OTHER = "name", "other"

    LEVELS: ClassVar[dict[str, AddressLevel]] = {
        **{level.value: level for level in AddressLevel},
        "subroad": AddressLevel.ROAD,
        "subdoor": AddressLevel.DOOR,
        "subestate": AddressLevel.ESTATE,
    }
    SHELVES: ClassVar[dict[str, str]] = {
        "relation": "relation",
        "distance": "relation",
        "repeated": "note",
        "note": "note",
        "name": "leftover",
        "other": "leftover",
    }


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The deployment's own names: by first two characters, longest first."""

    division_codes: tuple[str, ...]
    names: dict[str, tuple[tuple[str, str], ...]]

    @classmethod
    def build(
        cls,
        division_codes: tuple[str, ...],
        roads: Iterable[str],
        estates: Iterable[str],
        communities: Iterable[str],
    ) -> Vocabulary:
        names: dict[str, set[tuple[str, str]]] = {}
        for kind, group in (
            (Kind.ROAD, roads), (Kind.ESTATE, estates), (Kind.COMMUNITY, communities),
        ):  # fmt: skip
            for name in group:
                if len(name) >= 2:
                    names.setdefault(name[:2], set()).add((name, kind))
        ordered = {
            key: tuple(sorted(found, key=lambda item: (-len(item[0]), item)))
            for key, found in names.items()
        }
        return cls(division_codes, ordered)


_NAME_END = re.compile(
    rf"(?P<t>{alternatives(TOWNSHIP_ENDINGS)})|(?P<z>{alternatives(ZONE_ENDINGS)})"
    rf"|(?P<e>{alternatives(tuple(w for w in ESTATE_ENDINGS if len(w) > 1))})"
    rf"|(?P<c>{alternatives(COMMUNITY_ENDINGS)})"
    rf"|(?P<r>{alternatives(ROAD_ENDINGS)})"
    rf"|(?P<a>{alternatives(RELATION_WORDS)})"
    rf"|(?P<f>{alternatives(tuple(w for w in ESTATE_ENDINGS if len(w) == 1))})"
)
_KINDS = {"z": Kind.ZONE, "c": Kind.COMMUNITY, "e": Kind.ESTATE, "f": Kind.ESTATE,
          "t": Kind.TOWNSHIP, "r": Kind.ROAD}  # fmt: skip
_CHUNK_END = re.compile(r"[^一-鿿]|$")
_SEPARATOR = frozenset(" ,;./|\\~:!?'\"`^=+*&%$@<>-")
_DISTANCE = re.compile(
    r"(?:往|向|距)?(?:[东南西北]{1,2}|前|后|左|右)?(?:面|侧|边|方向|行|走)?(?:约|大约)?\d{1,4}(?:米|公里|M\b)(?:处|左右)?"
)
_RELATION = re.compile(alternatives(RELATION_WORDS))


def scan(text: str, vocabulary: Vocabulary | None = None) -> tuple[list[Token], str | None]:
    """Return the tokens of normalised text, in order, and the finest certain division code."""
    tokens: list[Token] = []
    state = DivisionState(vocabulary.division_codes if vocabulary else ())
    names = vocabulary.names if vocabulary else {}
    at, length = 0, len(text)
    while at < length:
        char = text[at]
        if char in _SEPARATOR:
            at += 1
            continue
        if char == "(":
            at = _scan_bracket(text, at, tokens)
            continue
        if char == ")":
            at += 1
            continue
        match = _DISTANCE.match(text, at)
        if match:
            tokens.append((Kind.DISTANCE, at, match.end(), match[0], None))
            at = match.end()
            continue
        end = scan_numbers(text, at, tokens)
        if end > at:
            at = end
            continue
        end = match_division(text, at, state, tokens)
        if end > at:
            at = end
            continue
        end = _scan_own_name(text, at, names, tokens)
        if end > at:
            at = end
            continue
        at = _scan_name(text, at, tokens)
    state.settle(tokens)
    return tokens, state.certain_code()


def _scan_bracket(text: str, at: int, tokens: list[Token]) -> int:
    depth = 0
    for end in range(at, len(text)):
        if text[end] == "(":
            depth += 1
        elif text[end] == ")":
            depth -= 1
            if depth == 0:
                if end > at + 1:
                    tokens.append((Kind.NOTE, at, end + 1, text[at + 1 : end], None))
                return end + 1
    return at + 1 if len(text) - at < 2 else _unclosed(text, at, tokens)


def _unclosed(text: str, at: int, tokens: list[Token]) -> int:
    tokens.append((Kind.NOTE, at, len(text), text[at + 1 :], None))
    return len(text)


def _scan_own_name(
    text: str, at: int, names: dict[str, tuple[tuple[str, str], ...]], tokens: list[Token]
) -> int:
    for name, kind in names.get(text[at : at + 2], ()):
        if text.startswith(name, at):
            _add_name(tokens, kind, at, at + len(name), name)
            return at + len(name)
    return at


def _scan_name(text: str, at: int, tokens: list[Token]) -> int:
    found = _CHUNK_END.search(text, at)
    stop = found.start() if found else len(text)
    if stop == at:
        return _scan_foreign(text, at, tokens)
    relation = _RELATION.match(text, at, stop)
    if relation and relation[0] != "口":
        tokens.append((Kind.RELATION, at, relation.end(), relation[0], None))
        return relation.end()
    kind, end = _name_end(text, at, stop)
    if kind is None:
        kind = _kind_without_ending(text, at, end, tokens)
    _add_name(tokens, kind, at, end, text[at:end])
    return end


def _name_end(text: str, at: int, stop: int) -> tuple[str | None, int]:
    """Return the kind and end of the name that begins at `at`."""
    search = _NAME_END.search
    match = search(text, at + 1, stop)
    while match is not None:
        group = match.lastgroup or ""
        start, end = match.span()
        if group == "a":
            return None, start
        if group == "f" and end < stop:
            # One-character words end a name only where nothing joins on.
            match = search(text, end, stop)
            continue
        after = search(text, end, min(stop, end + 4))
        if after is not None and after.lastgroup not in ("a", "t") and after.start() - end <= 1:
            match = after
            continue
        return _KINDS[group], end
    return None, stop


def _kind_without_ending(text: str, at: int, end: int, tokens: list[Token]) -> str:
    followed_by_number = end < len(text) and text[end].isdigit()
    if end - at > MAX_NAME_LENGTH or not tokens:
        return Kind.OTHER
    if followed_by_number and not any(t[0] in (Kind.ROAD, Kind.ESTATE) for t in tokens):
        door = re.match(r"\d+号(?!楼)", text[end:])
        if door and end - at <= 5:
            return Kind.ROAD
    return Kind.ESTATE


def _add_name(tokens: list[Token], kind: str, start: int, end: int, value: str) -> None:
    kinds = [token[0] for token in tokens]
    if kind == Kind.ROAD and Kind.ROAD in kinds:
        kind = Kind.SUBROAD
    elif kind == Kind.ESTATE:
        if Kind.FLOOR in kinds or Kind.ROOM in kinds or Kind.BUILDING in kinds:
            kind = Kind.NAME
        elif Kind.ESTATE in kinds:
            kind = Kind.SUBESTATE
    tokens.append((kind, start, end, value, None))


def _scan_foreign(text: str, at: int, tokens: list[Token]) -> int:
    """Letters and signs that are neither Chinese nor numbers of an address."""
    end = at + 1
    while (
        end < len(text)
        and not ("一" <= text[end] <= "鿿")
        and text[end] not in _SEPARATOR
        and text[end] not in "()"
        and not text[end].isdigit()
    ):
        end += 1
    tokens.append((Kind.OTHER, at, end, text[at:end], None))
    return end
