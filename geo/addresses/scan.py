"""The scanner: one pass over normalised text, left to right, into tokens.

At each place the scanner asks in turn: is here a number with a counting word, a bracket, a
division of the national list, a name of the deployment, a relation word, or a name that some
class word ends? Each question reads a bounded window, so the pass is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from geo.addresses.division_match import match_division
from geo.addresses.division_names import upper_names
from geo.addresses.division_paths import find_chain, walk_divisions
from geo.addresses.division_state import DivisionState
from geo.addresses.names import scan_names
from geo.addresses.numbers import WORDED_STARTS, scan_number, scan_worded
from geo.addresses.stations import scan_station
from geo.addresses.tokens import Kind, Reading, Token


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
            (Kind.ROAD, roads),
            (Kind.ESTATE, estates),
            (Kind.COMMUNITY, communities),
        ):
            for name in group:
                if len(name) >= 2:
                    names.setdefault(name[:2], set()).add((name, kind))
        ordered = {
            key: tuple(sorted(found, key=lambda item: (-len(item[0]), item)))
            for key, found in names.items()
        }
        return cls(division_codes, ordered)


MAX_TOKENS = 64  # what follows the 64th part of one address is no address
MAX_RUN_LENGTH = 64  # [characters] read at a time, so that the pass stays linear

_SEPARATORS = frozenset(" ,;./|\\~:!?'\"`^=+*&%$@<>-)#")
_NUMBER_STARTS = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-")
_LETTER_SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DISTANCE = re.compile(
    r"(?:往|向|距)?(?:[东南西北]{1,2}|前|后|左|右)?(?:面|侧|边|方向|行|走)?(?:约|大约)?"
    r"\d{1,4}(?:米|公里|M(?![A-Z0-9]))(?:处|左右)?"
)
_DISTANCE_STARTS = frozenset("往向距东南西北前后左右约0123456789")
# Letters belong to a name where Chinese follows that is no counting word: KTV酒吧, 南苑E家.
_LETTERS = r"[A-Z]{1,8}(?=[一-鿿])(?![A-Z]*(?:[座栋幢楼区期单馆号排室梯层户端口]|[出入]口))"
_LAST_LETTERS = r"(?:(?:SOHO|LOFT|MALL)(?![A-Z]))?"  # 现代城SOHO is one name
_CHINESE_RUN = re.compile(
    rf"(?:{_LETTERS})?[一-鿿〇㐀-䶿]+(?:{_LETTERS}[一-鿿〇㐀-䶿]+)*{_LAST_LETTERS}"
)
_FOREIGN_RUN = re.compile(r"[^一-鿿\s(),;0-9-]+")


class Scan(NamedTuple):
    """What was read.

    division_code : the finest division, where it is certain
    candidates : codes that the finest division may have, one where it is certain
    """

    tokens: list[Token]
    division_code: str | None
    candidates: tuple[str, ...]


def scan(text: str, vocabulary: Vocabulary | None = None) -> Scan:
    """Return the tokens of normalised text, in order, and what division they lie in."""
    reading = Reading(text)
    state = DivisionState(vocabulary.division_codes if vocabulary else ())
    own_names = vocabulary.names if vocabulary else None
    has_distance = "米" in text or "公里" in text or "M" in text
    at, length = walk_divisions(reading, state), reading.length
    while at < length:
        if len(reading.tokens) >= MAX_TOKENS:
            reading.add(Kind.OTHER, at, length, text[at:])
            break
        char = text[at]
        if char in _SEPARATORS and not (char == "-" and text[at + 1 : at + 2].isdigit()):
            at += 1
            continue
        if has_distance and char in _DISTANCE_STARTS:
            distance = _DISTANCE.match(text, at)
            if distance is not None:
                reading.add(Kind.DISTANCE, at, distance.end(), distance[0])
                at = distance.end()
                continue
        if char in _NUMBER_STARTS:
            end = scan_number(reading, at)
            if end > at:
                at = end
                continue
            if char == "-":
                at += 1
                continue
        if char == "N" and text.startswith("NULL", at):
            reading.add(Kind.REPEATED, at, at + 4, "NULL")  # a missing field, printed by a program
            at += 4
            continue
        run = _CHINESE_RUN.match(text, at, at + MAX_RUN_LENGTH)
        if run is not None and char <= "Z" and _CHINESE_RUN.match(text, at + 1):
            letters = len(run[0]) - len(run[0].lstrip(_LETTER_SIGNS))
            if text[at + letters : at + letters + 2] in upper_names():
                reading.add(Kind.OTHER, at, at + letters, text[at : at + letters])
                at += letters
                continue
        if run is not None:
            at = _scan_chinese(reading, at, run.end(), state, own_names)
        elif char == "(":
            at = _scan_bracket(reading, at)
        else:
            foreign = _FOREIGN_RUN.match(text, at)
            end = foreign.end() if foreign else at + 1
            reading.add(Kind.OTHER, at, end, text[at:end])
            at = end
    state.settle(reading.tokens)
    return Scan(reading.tokens, state.certain_code(), state.candidates)


def _scan_chinese(
    reading: Reading,
    at: int,
    stop: int,
    state: DivisionState,
    own_names: dict[str, tuple[tuple[str, str], ...]] | None,
) -> int:
    """Add what begins a run of Chinese characters; return where it ends."""
    text = reading.text
    if text[at] in WORDED_STARTS:
        end = scan_worded(reading, at)
        if end > at:
            return end
    end = match_division(reading, at, stop, state)
    if end > at:
        return end
    end = scan_station(reading, at)
    if end > at:
        return end
    if own_names is not None:
        for name, kind in own_names.get(text[at : at + 2], ()):
            if text.startswith(name, at):
                if kind == Kind.ROAD and Kind.ROAD in reading.seen:
                    kind = Kind.SUBROAD
                elif kind == Kind.ESTATE and Kind.ESTATE in reading.seen:
                    kind = Kind.SUBESTATE
                reading.add(kind, at, at + len(name), name)
                return at + len(name)
    if reading.chain < 0:
        reading.chain = find_chain(reading, at, state)
    if at < reading.chain < stop:
        stop = reading.chain
    return scan_names(reading, at, stop)


_NUMBERED = frozenset({Kind.DOOR, Kind.SUBDOOR, Kind.BUILDING, Kind.ROOM})
_SITE_NUMBER = re.compile(r"(?<!\d)\d{1,4}(?:号|弄|幢|栋|座|单元|室|-\d)")


_BRACKET = re.compile(r"[()]")
_BRACKET_SPAN = 128  # [characters] asked whether they hold the address itself


def _closings(text: str) -> dict[int, int]:
    """Return opening bracket → its closing one; an open end closes at the end. One pass."""
    closings: dict[int, int] = {}
    waiting: list[int] = []
    for match in _BRACKET.finditer(text):
        if match[0] == "(":
            waiting.append(match.start())
        elif waiting:
            closings[waiting.pop()] = match.start()
    closings |= dict.fromkeys(waiting, len(text))
    return closings


def _scan_bracket(reading: Reading, at: int) -> int:
    """Add what stands in brackets as a note; nesting is followed."""
    text = reading.text
    if reading.closings is None:
        reading.closings = _closings(text)
    end = reading.closings[at]
    if reading.seen.isdisjoint(_NUMBERED) and _SITE_NUMBER.search(
        text, at + 1, min(end, at + _BRACKET_SPAN)
    ):
        return at + 1  # 将军桥【水泥厂住宅4-1-102】: the brackets hold the address itself
    inside = text[at + 1 : end]
    if inside.strip("() "):
        reading.add(Kind.NOTE, at, min(end + 1, reading.length), inside)
    return end + 1
