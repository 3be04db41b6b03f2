"""Find townships and villages in text, under the divisions that were named before them."""

from __future__ import annotations

import re

from geo.addresses.division_names import division_facts, township_names, village_names
from geo.addresses.division_state import DivisionState
from geo.addresses.division_words import (
    CHANGED_CLASS,
    NAME_GOES_ON,
    TOWNSHIP,
    TOWNSHIP_ENDS,
    VILLAGE_CLASS,
    VILLAGE_GOES_ON,
    ZONE_FOLLOWS,
    ZONE_NAME,
)
from geo.addresses.divisions import load_divisions
from geo.addresses.levels import AddressLevel
from geo.addresses.tokens import Reading

_CITY_RANK, _COUNTY_RANK = AddressLevel.CITY.rank, AddressLevel.COUNTY.rank
_TOWNSHIP_RANK = AddressLevel.TOWNSHIP.rank
_MAX_TOWNSHIPS = 4  # a name that more townships bear is not settled by trying their villages


def match_township(reading: Reading, at: int, stop: int, state: DivisionState) -> int:
    """Add the token of a township at `at`; return where it ends, or `at` if there is none."""
    text = reading.text
    again = state.level >= _TOWNSHIP_RANK
    for name, length, codes, in_full in township_names().get(text[at : at + 2], ()):
        end = at + length
        if end > stop or not text.startswith(name, at):
            continue
        zone = False
        if in_full:
            zone = name[-1] == "区" and ZONE_NAME.search(name) is not None
            if name[-1] not in "道镇乡" and NAME_GOES_ON.match(text, end, stop):
                continue
        else:
            if again:
                continue
            changed = CHANGED_CLASS.match(text, end, stop)
            if changed is not None:
                end = changed.end()
            else:
                unfounded = state.level < _CITY_RANK and not state.area
                if (
                    unfounded
                    or name[-1] in "路街巷"  # 南京西路 is a road before it is 南京西路街道
                    or text[end : end + 1].isdigit()
                    or NAME_GOES_ON.match(text, end, stop)
                    or ZONE_FOLLOWS.match(text, end, stop)
                ):
                    continue
        said = _township_codes(state, codes, again=again)
        in_short = not in_full and end == at + length
        if in_short and said and _is_unfounded(name, state):
            continue
        if len(said) != 1 and (zone or (in_short and state.level < _COUNTY_RANK)):
            continue
        if said:
            end = _with_office(text, end, stop)
            state.take(said, _TOWNSHIP_RANK)
            reading.add("development_zone" if zone else "township", at, end, text[at:end], said[0])
            return end
    if TOWNSHIP_ENDS.isdisjoint(text[at + 2 : min(at + 8, stop)]):
        return at
    match = TOWNSHIP.match(text, at, stop)
    if match is not None and not _is_after_road(match, state):
        if not again:
            state.level = _TOWNSHIP_RANK
        reading.add("township", at, match.end(), match[0])
        return match.end()
    return at


def _is_after_road(match: re.Match[str], state: DivisionState) -> bool:
    """Whether the match is a road and then a township of the list: 拱康路|康桥街道."""
    road, found, name = match[0].rpartition("路")
    known = load_divisions().township_names.get(name.removesuffix("办事处"), ())
    return bool(found and road and state.within(known))


def match_after_road(reading: Reading, at: int, stop: int, state: DivisionState) -> int:
    """Add a township in full that stands, against the order of the standard, after the road."""
    for name, length, codes, in_full in township_names().get(reading.text[at : at + 2], ()):
        if not in_full or length < 3 or at + length > stop or name[-1] not in "镇乡道":
            continue
        said = state.within(codes) if reading.text.startswith(name, at) else ()
        if said:
            end = _with_office(reading.text, at + length, stop)
            state.take(said, _TOWNSHIP_RANK)
            reading.add("township", at, end, name, said[0])
            return end
    return at


def _is_unfounded(stem: str, state: DivisionState) -> bool:
    """Whether a township in short needs a county that is known: 丽水城北, 北部区蔡家."""
    if state.level == _COUNTY_RANK and state.candidates:
        return division_facts()[state.candidates[0]].rank < _COUNTY_RANK
    return state.level < _COUNTY_RANK and stem in _DIRECTIONS


_DIRECTIONS = frozenset(
    {"城东", "城南", "城西", "城北"}
)  # of every town; here and there a township


def _with_office(text: str, end: int, stop: int) -> int:
    """Return the end with 办事处, the office that stands for its subdistrict."""
    has_office = text.startswith("道办事处", end - 1) and end + 3 <= stop
    return end + 3 if has_office else end


def _township_codes(
    state: DivisionState, codes: tuple[str, ...], *, again: bool
) -> tuple[str, ...]:
    if again:
        counties = tuple({code[:6] for code in state.candidates})
        return tuple(code for code in codes if code.startswith(counties)) if counties else ()
    if not state.candidates and state.area:
        return state.in_area(codes) or codes
    return state.prefer_area(state.within(codes))


def match_village(reading: Reading, at: int, stop: int, state: DivisionState) -> int:
    """Add a village or community of the township; it may settle which township is meant."""
    if not 0 < len(state.candidates) <= _MAX_TOWNSHIPS or reading.last_kind() != "township":
        return at
    text = reading.text
    best = at
    found: list[str] = []
    for township in state.candidates:
        for stem, code in village_names(township).get(text[at : at + 2], ()):
            end = at + len(stem)
            if end > stop or end < best or not text.startswith(stem, at):
                continue
            word = VILLAGE_CLASS.match(text, end, stop)
            goes_on = NAME_GOES_ON if word is None else VILLAGE_GOES_ON
            end = end if word is None else word.end()
            if end < best or goes_on.match(text, end, stop):
                continue
            found = [code] if end > best else [*found, code]
            best = end
    if not found:
        return at
    state.take(tuple(dict.fromkeys(code[:9] for code in found)), _TOWNSHIP_RANK)
    state.village = found[0] if len(found) == 1 else None
    reading.add("community", at, best, text[at:best], state.village)
    return best
