"""Names and class words as the tagger looks them up: a hash table of code points for Numba.

Each entry is a 64-bit hash of a word and a mask of what the word may be. Two words of one hash
would share a mask; with 60,000 entries in 64 bits none do.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from geo.addresses.divisions import load_divisions
from geo.addresses.normalise import character_table
from geo.addresses.words import (
    COMMUNITY_ENDINGS,
    ESTATE_ENDINGS,
    NOTE_WORDS,
    RELATION_WORDS,
    ROAD_ENDINGS,
    TOWNSHIP_ENDINGS,
    ZONE_ENDINGS,
)
from geo.compiling import compiled

MAX_WORD_LENGTH = 12  # [characters]; the few longer names of divisions are found by their parts
DIVISION_BITS = 6  # province, city, county in full, county in short, township, township in short
CLASS_WORDS = (
    ROAD_ENDINGS,
    COMMUNITY_ENDINGS,
    ZONE_ENDINGS,
    TOWNSHIP_ENDINGS,
    tuple(word for word in ESTATE_ENDINGS if len(word) > 1),
    tuple(word for word in ESTATE_ENDINGS if len(word) == 1),
    RELATION_WORDS,
    NOTE_WORDS,
    ("号楼", "幢", "栋", "座"),
    ("单元", "梯"),
    ("层", "楼"),
    ("室", "房", "户"),
    ("号",),
    ("区", "期", "段", "组", "排"),
)
HASH_BASE = 1_000_003

IntArray = npt.NDArray[np.int64]


def hash_word(word: str) -> int:
    """Return the hash that the kernels compute, as a signed 64-bit number."""
    value = 7
    for char in word:
        value = (value * HASH_BASE + ord(char)) & 0xFFFF_FFFF_FFFF_FFFF
    return value - (1 << 64) if value >= 1 << 63 else value


@compiled()
def find_word(keys: IntArray, masks: IntArray, key: int) -> int:
    """Return the mask of a word by its hash, 0 where it is unknown. Open addressing."""
    size = keys.shape[0]
    at = key & (size - 1)
    while keys[at] != 0:
        if keys[at] == key:
            return int(masks[at])
        at = (at + 1) & (size - 1)
    return 0


def _table(words: dict[str, int]) -> tuple[IntArray, IntArray]:
    size = 1 << (2 * len(words)).bit_length()
    keys, masks = np.zeros(size, np.int64), np.zeros(size, np.int64)
    for word, mask in words.items():
        key = hash_word(word)
        at = key & (size - 1)
        while keys[at] not in (0, key):
            at = (at + 1) & (size - 1)
        keys[at] = key
        masks[at] |= mask
    return keys, masks


@functools.cache
def division_table() -> tuple[IntArray, IntArray]:
    """Return hashes and masks of the names of divisions, (n_slots,) each."""
    divisions = load_divisions()
    words: dict[str, int] = {}

    def add(names: dict[str, tuple[str, ...]], *, short: bool) -> None:
        for name, codes in names.items():
            for code in codes:
                if code.endswith("0000"):
                    bit = 0
                elif code.endswith("00") and len(code) == 6:
                    bit = 1
                else:
                    bit = (4 if len(code) == 9 else 2) + short
                words[name] = words.get(name, 0) | 1 << bit

    add(divisions.full_names, short=False)
    add(divisions.short_names, short=True)
    add(divisions.township_names, short=False)
    add(divisions.township_stems, short=True)
    return _table(words)


@functools.cache
def class_table() -> tuple[IntArray, IntArray]:
    """Return hashes and masks of the class words, (n_slots,) each; bit = place in CLASS_WORDS."""
    words: dict[str, int] = {}
    for bit, group in enumerate(CLASS_WORDS):
        for word in group:
            words[word] = words.get(word, 0) | 1 << bit
    return _table(words)


@functools.cache
def character_map() -> npt.NDArray[np.int32]:
    """Return code point → normalised code point, (65536,), one to one."""
    mapped = np.arange(65_536, dtype=np.int32)
    for code, char in character_table().items():
        if code < 65_536 and char:
            mapped[code] = ord(char)
    return mapped
