"""The national list as the scanner looks it up: by the first two characters of a name."""

from __future__ import annotations

import functools
from typing import NamedTuple

from geo.addresses.divisions import (
    code_prefix,
    division_stem,
    load_divisions,
    load_villages,
)
from geo.addresses.levels import AddressLevel

NamedDivisions = tuple[str, int, tuple[str, ...], bool]
"""All divisions of one name: name, its length, codes, and whether it has its class word.

A plain tuple of strings: the garbage collector passes over it, while each of 66,000 objects of a
class would be walked again and again while many addresses are read.
"""


class DivisionFacts(NamedTuple):
    """What the scanner asks of a code, worked out beforehand.

    prefixes : what the codes of places within begin with, also within its successor
    """

    rank: int
    level: str
    prefixes: tuple[str, ...]
    is_former: bool


NameIndex = dict[str, tuple[NamedDivisions, ...]]
"""first two characters → names, longest first"""


def _index(full: dict[str, tuple[str, ...]], short: dict[str, tuple[str, ...]]) -> NameIndex:
    grouped: dict[str, list[NamedDivisions]] = {}
    for name, codes in full.items():
        grouped.setdefault(name[:2], []).append((name, len(name), codes, True))
    for name, codes in short.items():
        if name not in full:
            grouped.setdefault(name[:2], []).append((name, len(name), codes, False))
    return {
        key: tuple(sorted(found, key=lambda entry: -entry[1])) for key, found in grouped.items()
    }


@functools.cache
def upper_names() -> NameIndex:
    """Return the names of provinces, cities and counties."""
    divisions = load_divisions()
    return _index(divisions.full_names, divisions.short_names)


@functools.cache
def township_names() -> NameIndex:
    divisions = load_divisions()
    return _index(divisions.township_names, divisions.township_stems)


class _Facts(dict[str, DivisionFacts]):
    """Code → facts, made when first asked for."""

    def __missing__(self, code: str) -> DivisionFacts:
        divisions = load_divisions()
        division = divisions.get(code)
        prefixes: tuple[str, ...] = (code_prefix(code),)
        if division.successor is not None:
            prefixes += (code_prefix(divisions.successor(code).code),)
        level = division.level
        found = DivisionFacts(level.rank, level.value, prefixes, division.successor is not None)
        self[code] = found
        return found


@functools.cache
def division_facts() -> dict[str, DivisionFacts]:
    """Return the facts of every province, city, county and township by code."""
    return _Facts()


@functools.lru_cache(maxsize=16_384)
def village_names(township: str) -> dict[str, tuple[tuple[str, str], ...]]:
    """Return first two characters → (name without class word, code), longest first."""
    grouped: dict[str, list[tuple[str, str]]] = {}
    for code, name in load_villages(township).items():
        stem = division_stem(name, AddressLevel.COMMUNITY)
        grouped.setdefault(stem[:2], []).append((stem, code))
    return {key: tuple(sorted(found, key=lambda v: -len(v[0]))) for key, found in grouped.items()}


@functools.lru_cache(maxsize=65_536)
def codes_by_level(code: str) -> dict[str, str]:
    """Return level → code of a division and of those above it."""
    return {each.level.value: each.code for each in load_divisions().chain(code)}


@functools.lru_cache(maxsize=65_536)
def settled_division(
    candidates: tuple[str, ...], level: str, written: str, code: str
) -> tuple[str, str | None]:
    """Return the name and the code of a written division, settled by the finest candidates.

    Where they disagree, or the list names the division otherwise than the text, it stays as
    written, without a code.
    """
    divisions = load_divisions()
    found = {codes_by_level(candidate).get(level) for candidate in candidates}
    settled = found.pop() if len(found) == 1 else None
    if settled is None:
        return written, None
    if division_facts()[code].is_former:
        settled = code  # 江干区 stays, though its townships belong to 上城区 now
    division = divisions.get(settled)
    named = (
        written == division.name
        or written.startswith(division.stem)
        or settled in divisions.full_names.get(written, ())
    )
    return (division.name, settled) if named else (written, None)


@functools.lru_cache(maxsize=4_096)
def is_only_county(code: str) -> bool:
    """Whether nothing else in the country bears the short name of this county (义乌, 海宁)."""
    divisions = load_divisions()
    stem = divisions.get(code).stem
    within = division_facts()[code].prefixes
    others = list(divisions.search(stem))
    for ending in ("镇", "乡", "街道"):
        others += divisions.search(stem + ending)
    return all(other.code.startswith(within) for other in others)


def written_divisions(text: str) -> dict[str, str]:
    """Return level → name of provinces, cities and counties written in full anywhere in `text`.

    The first of each level. Names that may be of several levels are left out.
    """
    found: dict[str, str] = {}
    names, facts = upper_names(), division_facts()
    for start in range(len(text) - 2):
        for name, length, codes, has_class in names.get(text[start : start + 2], ()):
            if not has_class or length < 3 or not text.startswith(name, start):
                continue
            levels = {facts[code].level for code in codes}
            if len(levels) == 1:
                found.setdefault(levels.pop(), name)
            break
    return found
