"""How a name sounds: homophones become one text of the same length, for names misheard.

Each character stands for its toneless syllable; sounds that many speakers don't tell apart (zh/z,
ch/c, sh/s, ang/an, eng/en, ing/in, n/l at the beginning) are one. Each character has one reading,
the first of the dictionary: both sides are read alike, so that a rare reading harms nothing.
"""

from __future__ import annotations

import functools
import re
import unicodedata

_FOLDS = (
    (re.compile("^zh"), "z"), (re.compile("^ch"), "c"), (re.compile("^sh"), "s"),
    (re.compile("^n"), "l"), (re.compile("(?<=[aei])ng$"), "n"),
)  # fmt: skip
_DIGITS = dict(zip("0123456789", "零一二三四五六七八九", strict=True))
_FIRST, _LAST = 0x4E00, 0x9FA6


@functools.cache
def _readings() -> dict[str, str]:
    """Character → toneless syllable, ü as v. Built once, on first use."""
    from pypinyin.constants import PINYIN_DICT

    readings = {}
    for code in range(_FIRST, _LAST):
        first = PINYIN_DICT.get(code, "").split(",")[0]
        syllable = unicodedata.normalize("NFD", first).replace("u\u0308", "v")
        syllable = "".join(char for char in syllable if char.isascii())
        if syllable:
            readings[chr(code)] = syllable
    return readings


@functools.cache
def _sound_table() -> dict[int, str]:
    stand_ins: dict[str, str] = {}
    table: dict[int, str] = {}
    for char, syllable in _readings().items():
        for pattern, plain in _FOLDS:
            syllable = pattern.sub(plain, syllable)
        table[ord(char)] = stand_ins.setdefault(syllable, char)
    for digit, char in _DIGITS.items():
        table[ord(digit)] = table[ord(char)]
    return table


def sound(text: str) -> str:
    """Return the text with each character replaced by one that stands for its sound."""
    return text.translate(_sound_table())


@functools.cache
def _initials() -> dict[int, str]:
    return {ord(char): syllable[0].upper() for char, syllable in _readings().items()}


def initials(text: str) -> str:
    """Return the pinyin initials in capitals: 文一路 → WYL; other characters stay."""
    return text.translate(_initials())


def spelled(text: str) -> str:
    """Return the pinyin in capitals without spaces: 文一路 → WENYILU; other characters stay."""
    return "".join(_readings().get(char, char) for char in text).upper()
