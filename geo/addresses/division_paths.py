"""The way down the list of divisions that most texts begin with, remembered step by step.

浙江省杭州市余杭区五常街道 names each division in full and in order. Each such name leads from
what was said so far to what is said then, whatever stands after it. A `DivisionPlace` knows the
names that lead on from it, so that the scanner walks them with one look-up each. Whatever needs
more than the name itself (short names, contradictions, repetitions) is left to `match_division`,
and both give the same tokens.
"""

from __future__ import annotations

import functools
import re
from bisect import bisect_left
from collections.abc import Iterable

from geo.addresses.division_names import (
    NameIndex,
    division_facts,
    township_names,
    upper_names,
)
from geo.addresses.division_state import DivisionState
from geo.addresses.division_words import FILLER
from geo.addresses.divisions import load_divisions
from geo.addresses.levels import AddressLevel
from geo.addresses.tokens import Kind, Reading

_COUNTY_RANK, _TOWNSHIP_RANK = AddressLevel.COUNTY.rank, AddressLevel.TOWNSHIP.rank
_CHINESE = re.compile(r"[一-鿿〇㐀-䶿]{3,}")
_MAX_PLACES = 16_384  # the list has some 3,500 divisions with others below them


Step = tuple[str, int, str, str, tuple[str, ...], int]
"""A name that leads on: name, its length, level and code of the token it makes; then the
candidates and the rank after it."""


class DivisionPlace:
    """What was said of divisions so far, and the names that lead on from there.

    steps : first two characters → steps
    """

    __slots__ = ("candidates", "level", "prefixes", "steps")

    def __init__(self, area: tuple[str, ...], candidates: tuple[str, ...], level: int) -> None:
        state = DivisionState(())
        state.area = area
        if candidates:
            state.take(candidates, level)
        self.candidates, self.level = candidates, level
        self.prefixes = state.prefixes
        self.steps: dict[str, tuple[Step, ...]] = {}
        if level >= _TOWNSHIP_RANK:
            return
        facts, names = division_facts(), _sure_names()
        for name in _sure_names_within(self.prefixes):
            said = state.prefer_area(state.within(names[name]))
            rank = min(facts[code].rank for code in said)
            if not level < rank <= (_TOWNSHIP_RANK if level == _COUNTY_RANK else _COUNTY_RANK):
                continue
            said = tuple(code for code in said if facts[code].rank == rank)
            step = (name, len(name), facts[said[0]].level, said[0], said, rank)
            self.steps[name[:2]] = (*self.steps.get(name[:2], ()), step)


@functools.lru_cache(maxsize=_MAX_PLACES)
def _place(area: tuple[str, ...], candidates: tuple[str, ...], level: int) -> DivisionPlace:
    return DivisionPlace(area, candidates, level)


def walk_divisions(reading: Reading, state: DivisionState) -> int:
    """Add the divisions in full and in order that a text begins with; return where they end."""
    text, at = reading.text, 0
    place = _place(state.area, (), -1)
    while True:
        for step in place.steps.get(text[at : at + 2], ()):
            if text.startswith(step[0], at):
                break
        else:
            if at and text[at : at + 1] == " ":
                at += 1
                continue
            break
        name, length, level, code, candidates, rank = step
        end = at + length
        if rank == _TOWNSHIP_RANK and text.startswith("道办事处", end - 1):
            break
        reading.add(level, at, end, name, code)
        place = _place(state.area, candidates, rank)
        at = end
    if at:
        state.stand_at(place.candidates, place.level, place.prefixes)
    return at


_LINK = re.compile(r"[省市县区][一-鿿]{2,7}?[市区县旗镇乡道]")
_LONGEST_NAME = 12  # [characters] looked back for where the first name begins
_UPPER = frozenset({"province", "city", "county"})


def find_chain(reading: Reading, at: int, state: DivisionState) -> int:
    """Return where two divisions in full and in order begin after `at`; the length if nowhere.

    杭州市绍兴路450号杭州市下城区晨曦复印店: one name may be part of another name, two are not.
    """
    text, start = reading.text, at
    while (link := _LINK.search(text, start)) is not None:
        start = link.start() + 1
        names = _place((), (), -1).steps
        for first in range(max(at, start - _LONGEST_NAME), start - 1):
            for step in names.get(text[first : first + 2], ()):
                if first + step[1] != start:
                    continue
                steps = _steps_at(text, first)
                if len(steps) > 1 and not _lies_elsewhere(steps[-1][4], reading, state):
                    return first
    return len(text)


def _lies_elsewhere(codes: tuple[str, ...], reading: Reading, state: DivisionState) -> bool:
    """Whether a chain belongs to a second address; a township that stands alone gives way."""
    return bool(
        state.candidates
        and not reading.seen.isdisjoint(_UPPER)
        and not state.within(codes)
        and not state.above(codes)
    )


def match_chain(reading: Reading, at: int, state: DivisionState) -> int:
    """Add divisions in full and in order that stand after a road, a door or an estate.

    What was said before is marked as repeated. A chain that lies elsewhere is left alone.
    """
    steps = _steps_at(reading.text, at)
    if len(steps) < 2:
        return at
    codes, rank = steps[-1][4], steps[-1][5]
    if _lies_elsewhere(codes, reading, state):
        return at
    within = state.within(codes)
    if within:
        state.take(within, rank)
    elif not state.above(codes):
        reading.tokens[:] = [
            (*token[:4], None) if token[0] in Kind.DIVISIONS else token for token in reading.tokens
        ]
        state.take(codes, rank)
        state.village = None
    for name, length, level, code, _, _ in steps:
        kind = "repeated" if level in reading.seen else level
        reading.add(kind, at, at + length, name, None if kind == "repeated" else code)
        at += length
    return at


def _steps_at(text: str, at: int) -> list[Step]:
    """Return the names in full and in order that stand at `at`, down to the township."""
    found: list[Step] = []
    place = _place((), (), -1)
    while True:
        for step in place.steps.get(text[at : at + 2], ()):
            if text.startswith(step[0], at):
                break
        else:
            return found
        found.append(step)
        at += step[1]
        place = _place((), step[4], step[5])


@functools.cache
def _sure_names() -> dict[str, tuple[str, ...]]:
    """Return name → codes of the names in full that are read alike whatever follows them."""
    divisions = load_divisions()
    upper, townships = upper_names(), township_names()
    names = {
        name: codes
        for name, codes in divisions.full_names.items()
        if _CHINESE.fullmatch(name) and not _begins_longer(name, upper)
    }
    for name, codes in divisions.township_names.items():
        if (
            name[-1] in "道镇乡"
            and _CHINESE.fullmatch(name)
            and not _begins_longer(name, townships)
            and not _begins_with_upper(name, upper)
            and FILLER.match(name) is None
        ):
            names.setdefault(name, codes)
    return names


def _begins_longer(name: str, index: NameIndex) -> bool:
    """Whether a longer name of the list begins with this one."""
    return any(
        length > len(name) and other.startswith(name)
        for other, length, _, _ in index.get(name[:2], ())
    )


def _begins_with_upper(name: str, index: NameIndex) -> bool:
    """Whether a township's name may be taken for a city or county; 五常街道 goes on past 五常."""
    return any(
        name.startswith(upper) and (in_full or name != f"{upper}街道")
        for upper, _, _, in_full in index.get(name[:2], ())
    )


@functools.cache
def _sure_codes() -> tuple[list[str], list[str]]:
    """Return the codes in order, and the name of each."""
    pairs = sorted((code, name) for name, codes in _sure_names().items() for code in codes)
    return [code for code, _ in pairs], [name for _, name in pairs]


def _sure_names_within(prefixes: tuple[str, ...]) -> Iterable[str]:
    """Return the names of what lies within; of everything above the townships without prefixes."""
    codes, names = _sure_codes()
    if not prefixes:
        return dict.fromkeys(
            name for code, name in zip(codes, names, strict=True) if len(code) == 6
        )
    found: dict[str, None] = {}
    for prefix in prefixes:
        first, last = bisect_left(codes, prefix), bisect_left(codes, prefix + ":")
        found |= dict.fromkeys(names[first:last])
    return found
