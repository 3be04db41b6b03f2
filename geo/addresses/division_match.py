"""Find divisions of the national list in text and settle which ones they are.

A name may stand for several divisions; all are kept until what follows, or the deployment's own
area, leaves one. Nothing is asserted that the text doesn't say.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping

from geo.addresses.divisions import code_prefix, load_divisions
from geo.addresses.levels import DIVISION_LEVELS, AddressLevel
from geo.addresses.tokens import Reading, Token
from geo.addresses.words import (
    COMMUNITY_ENDINGS,
    ESTATE_ENDINGS,
    ROAD_ENDINGS,
    TOWNSHIP_ENDINGS,
    ZONE_ENDINGS,
    alternatives,
)  # fmt: skip

_NAME_GOES_ON = re.compile(
    rf"[东西南北中上下前后大小新老一二三四五六七八九十]{{0,2}}"
    rf"(?:{alternatives(ROAD_ENDINGS + COMMUNITY_ENDINGS + ZONE_ENDINGS + ESTATE_ENDINGS)})"
)
_TOWNSHIP = re.compile(rf"[一-鿿]{{1,6}}?(?:{alternatives(TOWNSHIP_ENDINGS)})(?![路街道巷中小口])")
_RANK = {level.value: level.rank for level in AddressLevel}


class _Names:
    """Names by their first two characters."""

    def __init__(self, *indexes: dict[str, tuple[str, ...]]) -> None:
        self.indexes = indexes
        lengths: dict[str, set[int]] = {}
        for index in indexes:
            for name in index:
                lengths.setdefault(name[:2], set()).add(len(name))
        self.lengths = {key: sorted(found, reverse=True) for key, found in lengths.items()}


@functools.cache
def _upper() -> _Names:
    divisions = load_divisions()
    return _Names(divisions.full_names, divisions.short_names)


@functools.cache
def _townships() -> _Names:
    divisions = load_divisions()
    return _Names(divisions.township_names, divisions.township_stems)


class DivisionState:
    """What the text has said of divisions so far.

    candidates : codes that the finest division named so far may have
    """

    __slots__ = ("area", "candidates", "level")

    def __init__(self, area: tuple[str, ...]) -> None:
        self.area = tuple(code_prefix(code) for code in area)
        self.candidates: tuple[str, ...] = ()
        self.level = -1

    def within(self, codes: tuple[str, ...]) -> tuple[str, ...]:
        """Return the codes that lie under what was said so far."""
        if not self.candidates:
            return codes
        prefixes = tuple(code_prefix(code) for code in self.candidates)
        return tuple(code for code in codes if code.startswith(prefixes))

    def prefer_area(self, codes: tuple[str, ...]) -> tuple[str, ...]:
        if len(codes) > 1 and self.area:
            near = tuple(
                c
                for c in codes
                if c.startswith(self.area) or any(a.startswith(code_prefix(c)) for a in self.area)
            )
            return near or codes
        return codes

    def settle(self, tokens: list[Token]) -> None:
        """Give the division tokens the codes that all candidates agree on."""
        divisions = load_divisions()
        if not self.candidates:
            return
        for index, (kind, start, end, value, code) in enumerate(tokens):
            if code is None or kind not in _RANK or _RANK[kind] > 4:
                continue
            chains = {
                next((d.code for d in divisions.chain(c) if d.level.value == kind), None)
                for c in self.candidates
            }
            settled = chains.pop() if len(chains) == 1 else None
            tokens[index] = (
                kind,
                start,
                end,
                divisions.get(settled).name if settled else value,
                settled,
            )

    def certain_code(self) -> str | None:
        return self.candidates[0] if len(self.candidates) == 1 else None


def match_division(reading: Reading, at: int, stop: int, state: DivisionState) -> int:
    """Add the token of a division at `at`; return where it ends, or `at` if there is none."""
    if reading.seen & _CLOSING:
        return at
    end = _match_upper(reading, at, stop, state)
    if end > at or state.level >= AddressLevel.TOWNSHIP.rank:
        return end
    return _match_township(reading, at, stop, state)


# Once one of these stands in the text, a division name is part of another name.
_CLOSING = frozenset({"road", "door", "estate", "building", "community", "floor", "room"})


def _match_upper(reading: Reading, at: int, stop: int, state: DivisionState) -> int:
    text = reading.text
    names, divisions = _upper(), load_divisions()
    full, short = names.indexes
    for length in names.lengths.get(text[at : at + 2], ()):
        end = at + length
        if end > stop:
            continue
        name = text[at:end]
        codes = full.get(name)
        if codes is None:
            codes = short.get(name)
            if codes is None or _NAME_GOES_ON.match(text, end):
                continue
            if not state.candidates:
                coarse = tuple(c for c in codes if c.endswith("00"))
                codes = coarse or tuple(c for c in codes if c.startswith(state.area or ("x",)))
        said = state.within(codes) or _repeated(codes, state)
        if not said:
            continue
        said = state.prefer_area(said)
        coarsest = min(divisions.get(c).level.rank for c in said)
        said = tuple(c for c in said if divisions.get(c).level.rank == coarsest)
        if coarsest <= state.level:
            reading.add("repeated", at, end, name)
            return end
        state.candidates, state.level = said, coarsest
        reading.add(divisions.get(said[0]).level.value, at, end, name, said[0])
        return end
    return at


def _repeated(codes: tuple[str, ...], state: DivisionState) -> tuple[str, ...]:
    """Return the codes that stand above what was said: a prefix said again."""
    return tuple(c for c in codes if any(k.startswith(code_prefix(c)) for k in state.candidates))


def _match_township(reading: Reading, at: int, stop: int, state: DivisionState) -> int:
    text = reading.text
    names = _townships()
    full, stems = names.indexes
    for length in names.lengths.get(text[at : at + 2], ()):
        end = at + length
        if end > stop:
            continue
        name = text[at:end]
        codes = full.get(name)
        if codes is not None:
            if _NAME_GOES_ON.match(text, end) and not name.endswith(("街道", "镇", "乡")):
                continue
            said = state.prefer_area(state.within(codes))
        else:
            codes = stems.get(name)
            if codes is None:
                continue
            if text[end : end + 1] in ("镇", "乡", "街") and (
                changed := _CHANGED_CLASS.match(text, end)
            ):
                end = changed.end()
            elif _NAME_GOES_ON.match(text, end) or (
                state.level < AddressLevel.COUNTY.rank and not state.area
            ):
                continue
            said = state.within(codes)
            if not state.candidates and end == at + length:
                said = tuple(c for c in said if c.startswith(state.area))
        if said:
            state.candidates, state.level = said, AddressLevel.TOWNSHIP.rank
            reading.add("township", at, end, text[at:end], said[0])
            return end
    match = _TOWNSHIP.match(text, at, stop)
    if match:
        state.level = AddressLevel.TOWNSHIP.rank
        reading.add("township", at, match.end(), match[0])
        return match.end()
    return at


# A township may have become a town or subdistrict since: 递铺镇 is 递铺街道 in the list.
_CHANGED_CLASS = re.compile(r"街道办事处|街道|[镇乡](?![路街道巷])")


def resolve_division(components: Mapping[str, str]) -> str | None:
    """Return the code of the finest division that components name, None where it isn't certain."""
    divisions = load_divisions()
    state = DivisionState(())
    for level in DIVISION_LEVELS:
        name = components.get(level)
        if not name:
            continue
        said = state.within(tuple(d.code for d in divisions.search(name, level=level)))
        if not said:
            return None
        state.candidates = said
    return state.certain_code()
