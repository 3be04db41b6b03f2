"""Text as typed to text as compared: width, case, traditional characters, numerals, dashes.

Every normalised character knows the span of the original it came from, so a finding in the
normalised text can be shown in the original. Linear in the length of the text.

The rule for numerals: Chinese, financial and Roman numerals become digits where they number
things, that is directly before a counting word (号 幢 栋 单元 层 室 弄 组 …) or between two numbers
joined by dashes. Inside names they stay (三里屯, 文一西路, 翠苑一区); there `fold_name` makes
八一路 and 81路 one key. Circled and Roman number characters (①, Ⅲ) always become digits: names are
not written with them.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from geo.errors import FileTooLarge, InvalidInput

MAX_TEXT_LENGTH = 4_096  # [characters]; the longest real address text seen has 180


class NormalisedText(NamedTuple):
    """Normalised text with the way back.

    text : (n_chars,) normalised
    starts, ends : (n_chars,) half-open span [original characters] of each normalised character
    """

    text: str
    starts: Sequence[int]
    ends: Sequence[int]

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """Return the span of the original text that `text[start:end]` came from."""
        if start >= end:
            at = self.starts[start] if start < len(self.starts) else self._original_end()
            return at, at
        return self.starts[start], self.ends[end - 1]

    def _original_end(self) -> int:
        return self.ends[-1] if len(self.ends) else 0


_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")}
_DIGITS |= {char: value for value, char in enumerate("〇壹贰叁肆伍陆柒捌玖") if value}
_DIGITS |= {"〇": 0, "两": 2, "幺": 1, "貳": 2, "陸": 6, "參": 3, "叄": 3}
_TENS = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000}
_RUNS = {"廿": 20, "卅": 30}
_NUMERAL_CLASS = "零〇一二三四五六七八九十百千两廿卅壹贰叁肆伍陆柒捌玖拾佰仟幺"

COUNTING_WORDS = (
    "号楼|号院|号|幢|栋|座|单元|室|层|楼|弄|支弄|组|村民小组|小组|队"
    "|生产队|梯|户|排|房|栋楼|号房|社(?!区)"
)
# A room number without its counting word may stand before one of these: 五〇二对面.
_AFTER_ROOM = "对面|斜对|正对|对过|旁|隔壁|附近|门口|楼下|楼上|收$|请|电话|电联|谢谢"
# A numeral before a counting word is part of a name when one of these follows (五号路, 三层镇).
_NAME_AFTER = "大道|大街|公路|路|街|线|桥|渠|港|道|村|乡|镇|社区|公馆|公寓|地铁|广场|会|山|岭|台|市"
_NUMERALS = re.compile(
    rf"[{_NUMERAL_CLASS}]{{1,8}}(?=(?:{COUNTING_WORDS})(?!{_NAME_AFTER}))"
    rf"|(?<=[0-9A-Z]-)[{_NUMERAL_CLASS}]{{1,8}}(?=-|[室号]|$)"
    rf"|(?<![{_NUMERAL_CLASS}\w])[{_NUMERAL_CLASS}]{{1,8}}(?=-[{_NUMERAL_CLASS}0-9])"
    rf"|(?<=[附负])[{_NUMERAL_CLASS}]{{1,8}}(?=[号层楼])"
    rf"|(?<=[元幢栋座层楼])[零〇一二三四五六七八九]{{3,4}}(?:(?![一-鿿])|(?={_AFTER_ROOM}))"
    r"|(?<=\d)一(?=\d)|(?<=\d)幺|幺(?=\d)"
    r"|[①-⑳㉑-㉟㊱-㊿⑴-⑽⓪⓵-⓾❶-❿➀-➉ⅠⅡⅢⅣⅤⅥⅦⅧⅨⅩⅪⅫⅰⅱⅲⅳⅴⅵⅶⅷⅸⅹ㈠-㈩㊀-㊉]"
)
# Spaces between a number and what it counts: 12 号 3 幢
_LOOSE = r"(?<=[0-9]) {1,4}(?=(?:号|幢|栋|座|单元|室|层|弄|楼(?![一-鿿]))(?!号?楼?:))"

# Where `_NUMERALS` may match. Most numerals stand in names, before a character that neither
# counts nor goes on with the numeral (文一西路): those are passed over by one look ahead.
_PLAIN_NUMERALS = _NUMERAL_CLASS.replace("〇", "").replace("幺", "")
_COUNTING_STARTS = "".join(sorted({word[0] for word in COUNTING_WORDS.split("|")}))
_MAY_NUMBER = re.compile(
    rf"[{_PLAIN_NUMERALS}]"
    rf"(?![{_PLAIN_NUMERALS}]{{0,16}}(?![{_NUMERAL_CLASS}{_COUNTING_STARTS}])[一-鿿])"
    r"|[〇幺杠①-⓿❶-➓Ⅰ-ⅿ㈠-㈩㉑-㊿\u200b-\u200f\u2060\ufeff\ufe0e\ufe0f\xad]"
    rf"|{_LOOSE}"
)

# 杠 is how a dash is read aloud: 十二杠三杠一〇〇一.
_SPOKEN_DASH = re.compile(
    rf"(?<=[0-9A-Z{_NUMERAL_CLASS}号楼幢栋座元])杠(?=[0-9A-Z{_NUMERAL_CLASS}])"
)

# A number with a dash is whole: a numeral behind it, without a dash, begins another.
_RUN_BEFORE = re.compile(r"\d-\d{1,4}$")
_RUN_REACH = 6  # [characters]

_DASHES = "‐‑‒–—―−﹣－ー─━‧"
_SPACES = "\t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000"
_DROPPED = "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\ufe0e\ufe0f\xad"
_BRACKETS = {
    "【": "(", "】": ")", "〔": "(", "〕": ")", "［": "(", "］": ")", "[": "(", "]": ")",
    "{": "(", "}": ")", "｛": "(", "｝": ")", "「": "(", "」": ")", "『": "(", "』": ")",
    "〖": "(", "〗": ")", "（": "(", "）": ")", "《": "(", "》": ")", "〈": "(", "〉": ")",
    "﹙": "(", "﹚": ")",
}  # fmt: skip
_OTHERS = {"＃": "#", "﹟": "#", "№": "#", "，": ",", "、": ",", "；": ";", "。": ".", "＆": "&",
           "～": "~", "〜": "~", "∼": "~", "丨": "|", "﹑": ",", "﹒": ".", "·": " ", "•": " ",
           "・": " ", "_": " ", "＿": " ", "．": ".", "○": "〇", "Ｏ": "O"}  # fmt: skip

_VANISHING = frozenset(_DROPPED + " ")
_NUMERALS_OR_DROPPED = re.compile(f"[{_DROPPED}]|{_LOOSE}|{_NUMERALS.pattern}")

# Characters that are simplified already although a converter would change them: they stand in
# names of divisions (乾县, 乾潭镇) or are common variants in simplified text.
_KEPT = frozenset("乾於著藉瞭阪夥剋薑乾")


@functools.cache
def character_table() -> dict[int, str | None]:
    """Characters that change one to one. Built once, on first use (about 15 ms)."""
    import opencc

    table: dict[int, str | None] = {}
    candidates = [chr(code) for code in range(0x3400, 0xA000)]
    simplified = opencc.OpenCC("t2s").convert("\n".join(candidates)).split("\n")
    for char, simple in zip(candidates, simplified, strict=True):
        if char != simple and len(simple) == 1 and ord(simple) < 0xA000 and char not in _KEPT:
            table[ord(char)] = simple
    for code in (*range(0xFF01, 0xFF5F), *range(0x24B6, 0x24EA), *range(0x1F130, 0x1F14A)):
        folded = unicodedata.normalize("NFKC", chr(code))
        if len(folded) == 1:
            table[code] = folded.upper()
    for code in (*range(0x2070, 0x208A), 0xB2, 0xB3, 0xB9, *range(0x2F00, 0x2FD6)):
        folded = unicodedata.normalize("NFKC", chr(code))
        if len(folded) == 1:
            table[code] = folded
    for code in range(ord("a"), ord("z") + 1):
        table[code] = chr(code).upper()
    for code in (*range(0x20), 0x7F):
        table[code] = " "
    table |= {ord(char): "-" for char in _DASHES}
    table |= {ord(char): " " for char in _SPACES}
    table |= {ord(char): plain for char, plain in _BRACKETS.items()}
    table |= {ord(char): plain for char, plain in _OTHERS.items()}
    return table


@functools.cache
def _changes() -> re.Pattern[str]:
    """Finds a character that the table changes; most texts have none and are spared the table."""
    return re.compile("[" + re.escape("".join(map(chr, character_table()))) + "]")


def normalise(text: str, *, max_length: int = MAX_TEXT_LENGTH) -> NormalisedText:
    """Return `text` in the form in which addresses are compared.

    Parameters
    ----------
    text : as typed
    max_length : [characters]

    Returns
    -------
    NormalisedText: half-width, upper case, simplified, numbering numerals as digits, one form of
    dash, bracket and space; control characters become spaces; zero-width ones, and spaces between
    a number and its counting word, vanish.

    Raises
    ------
    InvalidInput : `text` is not a string
    FileTooLarge : `text` is longer than `max_length`
    """
    if not isinstance(text, str):
        raise InvalidInput(
            f"An address text is a string, got {type(text).__name__}. "
            "Turn the value into text, or leave it out where it is missing.",
            got=type(text).__name__,
        )
    length = len(text)
    if length > max_length:
        raise FileTooLarge(
            f"The address text has {length:,} characters, at most {max_length:,} are read. "
            "Give one address at a time.",
            length=length,
            max_length=max_length,
        )
    plain = text.translate(character_table()) if _changes().search(text) else text
    if _MAY_NUMBER.search(plain) is None:
        return NormalisedText(plain, range(length), range(1, length + 1))
    return _renumber(plain)


def _renumber(plain: str) -> NormalisedText:
    """Replace numerals and drop zero-width characters, keeping the spans."""
    if "杠" in plain:
        plain = _SPOKEN_DASH.sub("-", plain)
    pieces: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    done = 0
    for sign in _MAY_NUMBER.finditer(plain):
        # Asked only where a sign stands that may begin one: a search would ask at every place.
        match = _NUMERALS_OR_DROPPED.match(plain, sign.start()) if sign.start() >= done else None
        if match is None:
            continue
        start, end = match.span()
        replacement = "" if plain[start] in _VANISHING else _numeral_text(plain, start, end)
        if replacement is None:
            continue
        pieces.append(plain[done:start])
        pieces.append(replacement)
        starts.extend(range(done, start))
        starts.extend([start] * len(replacement))
        ends.extend(range(done + 1, start + 1))
        ends.extend([end] * len(replacement))
        done = end
    length = len(plain)
    if done == 0:
        return NormalisedText(plain, range(length), range(1, length + 1))
    pieces.append(plain[done:])
    starts.extend(range(done, length))
    ends.extend(range(done + 1, length + 1))
    return NormalisedText("".join(pieces), starts, ends)


def _numeral_text(plain: str, start: int, end: int) -> str | None:
    numeral = plain[start:end]
    if numeral == "一" and plain[start - 1 : start].isdigit() and plain[end : end + 1].isdigit():
        return "-"  # B12一1195室: the dash of a Chinese keyboard
    if numeral[0] not in _NUMERAL_CLASS:
        value = unicodedata.numeric(numeral, None)
        return None if value is None else str(int(value))
    digits = numeral_to_digits(numeral)
    if digits is not None and _RUN_BEFORE.search(plain, max(0, start - _RUN_REACH), start):
        return f" {digits}"  # 920-14八楼: a number that is whole, and another
    return digits


def numeral_to_digits(numeral: str) -> str | None:
    """Return a Chinese numeral as digits: 二十三 → 23, 一二〇 → 120, 廿三 → 23; None for others.

    Numerals without tens are read digit by digit, so that house numbers keep their zeros.
    """
    if not any(char in _TENS or char in _RUNS for char in numeral):
        digits = [_DIGITS.get(char) for char in numeral]
        return None if None in digits else "".join(map(str, digits))
    total, current = 0, 0
    for char in numeral:
        if char in _TENS:
            total += (current or (1 if total == 0 or _TENS[char] == 10 else 0)) * _TENS[char]
            current = 0
        elif char in _RUNS:
            total += _RUNS[char]
            current = 0
        elif char in _DIGITS:
            current = _DIGITS[char]
        else:
            return None
    return str(total + current) if total else None


_NAME_NUMERALS = re.compile(r"[零〇一二三四五六七八九十百廿卅壹贰叁肆伍陆柒捌玖拾佰]+")
_NAME_NOISE = re.compile(r"[\s\-_,.;·()]+")


def fold_name(name: str) -> str:
    """Return the key under which writings of one name meet: 八一路 = 81路, 十八里店 = 18里店.

    Every numeral of the name becomes digits, spaces and dashes vanish. The key is for comparing
    and searching, never for printing.
    """
    if _NAME_NOISE.search(name):
        name = _NAME_NOISE.sub("", name)
    return _NAME_NUMERALS.sub(lambda match: numeral_to_digits(match[0]) or match[0], name)
