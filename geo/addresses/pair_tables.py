"""What a pair of addresses is read by: division names with their codes, weights of characters.

Everything here follows from the national list of divisions and the class words of addresses.
"""

from __future__ import annotations

import functools
import math
from collections import Counter

import numpy as np
import numpy.typing as npt

from geo.addresses.divisions import load_divisions
from geo.addresses.lexicon import HASH_BASE
from geo.addresses.sounds import sound
from geo.addresses.words import (
    COMMUNITY_ENDINGS,
    ESTATE_ENDINGS,
    RELATION_WORDS,
    ROAD_ENDINGS,
    TOWNSHIP_ENDINGS,
    ZONE_ENDINGS,
)

MAX_CODES = 8  # a name that more divisions bear says nothing of where they lie
SHORT_BIT, TOWNSHIP_BIT = 1, 2
_CLASS_WEIGHT = 0.3
_NUMERALS = dict(zip("零〇一二三四五六七八九", "00123456789", strict=True))

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float32]


@functools.cache
def division_codes() -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """Return the names of divisions as a hash table, and the codes that each may have.

    keys : (n_slots,) hash, 0 where free; rows : (n_slots,) into `names`
    names : (n_names, 3) mask (SHORT_BIT, TOWNSHIP_BIT), first code, number of codes
    codes : (n_codes,) six digits of the county, or four or two and zeros; of present divisions
    """
    divisions = load_divisions()
    successors = {
        division.code: int(divisions.successor(division.code).code[:6])
        for division in divisions
        if division.successor is not None
    }
    entries: dict[str, tuple[int, set[int]]] = {}
    for table, mask in (
        (divisions.full_names, 0),
        (divisions.township_names, TOWNSHIP_BIT),
        (divisions.short_names, SHORT_BIT),
    ):
        for name, found in table.items():
            if mask == TOWNSHIP_BIT and name[-1] not in "镇乡道木":
                continue  # 农场, 经济开发区, 城南: words of any name
            present = {successors.get(code) or int(code[:6]) for code in found}
            if name in entries:
                entries[name][1].update(present)
            elif len(name) > 1:
                entries[name] = (mask, present)
    size = 1 << (2 * len(entries)).bit_length()
    keys, rows = np.zeros(size, np.int64), np.zeros(size, np.int64)
    names = np.zeros((len(entries), 3), np.int64)
    codes: list[int] = []
    for row, (key, (mask, present)) in enumerate(
        zip(_hashes(list(entries)), entries.values(), strict=True)
    ):
        at = key & (size - 1)
        while keys[at] != 0:
            at = (at + 1) & (size - 1)
        keys[at], rows[at] = key, row
        kept = sorted(present) if len(present) <= MAX_CODES else []
        names[row] = mask, len(codes), len(kept)
        codes.extend(kept)
    return keys, rows, names, np.array(codes, np.int64)


def _hashes(words: list[str]) -> list[int]:
    """Return `hash_word` of each word, all at once."""
    width = max(map(len, words))
    codes = np.array(words, dtype=f"<U{width}").view(np.uint32).reshape(len(words), width)
    values = np.full(len(words), 7, np.uint64)
    for place in range(width):
        column = codes[:, place].astype(np.uint64)
        values = np.where(column > 0, values * np.uint64(HASH_BASE) + column, values)
    return values.view(np.int64).tolist()


@functools.cache
def character_weights() -> FloatArray:
    """Return how much each character tells, (65536,): rare in names of places, much.

    The weight is the negative logarithm of the share of townships' and counties' names that hold
    the character, over that of one that none holds; characters of class words count little.
    """
    counts: Counter[str] = Counter()
    total = 0
    for division in load_divisions():
        counts.update(set(division.stem))
        total += 1
    rarest = math.log(total + 1)
    weights = np.ones(65_536, np.float32)
    for char, count in counts.items():
        if ord(char) < 65_536:
            weights[ord(char)] = math.log((total + 1) / (count + 1)) / rarest
    for group in (
        ROAD_ENDINGS, COMMUNITY_ENDINGS, ZONE_ENDINGS, TOWNSHIP_ENDINGS, ESTATE_ENDINGS,
        RELATION_WORDS,
    ):  # fmt: skip
        for char in "".join(group):
            weights[ord(char)] = min(weights[ord(char)], np.float32(0.5))
    for char in "省市区县路街道号弄巷村镇乡楼栋幢座室层单元小区东西南北中第与和":
        weights[ord(char)] = _CLASS_WEIGHT
    return weights


@functools.cache
def sound_codes() -> npt.NDArray[np.int32]:
    """Return code point → a character that stands for its sound, (65536,)."""
    mapped = folded_codes().copy()
    for code in range(0x4E00, 0x9FA6):
        mapped[code] = ord(sound(chr(code)))
    return mapped


@functools.cache
def folded_codes() -> npt.NDArray[np.int32]:
    """Return code point → code point by which names are compared, (65536,): 一 is 1."""
    mapped = np.arange(65_536, dtype=np.int32)
    for char, digit in _NUMERALS.items():
        mapped[ord(char)] = ord(digit)
    return mapped
