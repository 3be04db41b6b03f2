"""The numbers of a query, and what each of them may be: door, building, entrance, floor, room.

People write 3幢2单元101室, 3-2-101, 3/2/101, 3#2-101, 三号楼二单元一零一. Where the counting word
doesn't settle the level, several readings are kept, each with a cost, and the register decides.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from geo.addresses.normalise import numeral_to_digits
from geo.addresses.register_keys import NUMBER_LEVELS

MAX_TOKENS = 8  # numbers of one query that are read; an address has six levels of them
MAX_READINGS = 14  # readings of one query that are compared

GROUP, DOOR, BUILDING, ENTRANCE, FLOOR, ROOM = range(6)


class NumberToken(NamedTuple):
    """A number of the query at text[start:end]: `key` as in the register, by its counting word.

    joined : whether only a dash or slash stands between it and the number before
    """

    key: str
    word: str
    start: int
    end: int
    joined: bool


@dataclass(frozen=True, slots=True)
class NumberReading:
    """One way to read the numbers: level → key; `cost` grows with what had to be assumed.

    unread : keys that found no level
    """

    values: tuple[tuple[str, str], ...]
    cost: float
    unread: tuple[str, ...] = ()


_NUMERALS = "零〇一二三四五六七八九十百廿卅壹贰叁肆伍陆柒捌玖拾佰幺"
_LONE_NUMERALS = re.compile(
    rf"(?:(?<=[元层楼号幢栋座室弄组])|(?<![一-鿿]))[{_NUMERALS}]+(?![一-鿿])"
    rf"|[{_NUMERALS}]+(?=-[{_NUMERALS}\d])"  # 三杠二杠一零一, which normalise makes 三-二-101
)
_WORDS = (
    "号楼|号院|号幢|号栋|号厂房|支弄|弄|号单元|单元|号梯|梯|号楼道|楼道|号房|房间|房|室|户|号铺|铺|号门|幢楼|幢"
    "|栋楼|栋|座|层|楼|F(?![A-Z])|村民小组|小组|组|生产队|队|号|门|排|#楼|#"
)
# Words that stand before their number: 楼号:3 单元:2, Room 101, Unit 2.
_LABELS = {
    **dict.fromkeys(("楼号", "幢号", "栋号", "BUILDING", "BLDG", "BLOCK", "TOWER"), "幢"),
    **dict.fromkeys(("单元号", "单元", "UNIT", "ENTRANCE"), "单元"),
    **dict.fromkeys(("房间号", "房号", "室号", "ROOM", "RM", "FLAT"), "室"),
    **dict.fromkeys(("楼层", "层数", "FLOOR"), "层"),
    **dict.fromkeys(("门牌号", "门牌", "NO"), "号"),
    "组别": "组", "GROUP": "组", "LANE": "弄",
}  # fmt: skip
_LABEL = re.compile(rf"(?<![A-Z])({'|'.join(_LABELS)})(?:[:=.\s]+|(?<=[A-Z]))$")
_LABEL_REACH = 12  # characters before a number in which its label may stand
_TOKEN = re.compile(
    rf"第?(?P<below>地下|负|B(?=\d层|\d楼))?"
    rf"(?P<number>[甲乙丙丁戊]\d{{1,5}}|(?:(?<![A-Z])[A-Z]{{0,2}})?\d{{1,6}}[A-Z]?(?![A-Z])|[A-Z](?=座|幢|栋|楼|区|-\d|\d)"
    rf"|(?:(?<=BUILDING )|(?<=BLOCK )|(?<=TOWER ))[A-Z](?![A-Z])"
    rf"|[东南西北中](?=单元|座|幢))"
    rf"(?P<suffix>(?<!-\d)(?<!-\d\d)(?<!-\d\d\d)(?<!-\d\d\d\d)-\d{{1,2}}(?=号(?![楼幢栋\d]))|-[A-Z](?=号(?![楼幢栋]))"
    rf"|[甲乙丙丁戊](?![一-鿿])|[甲乙丙丁戊](?=号)|号?(?:附|之)\d{{1,4}})?"
    rf"(?P<word>{_WORDS})?"
    rf"(?P<after>[甲乙丙丁戊](?![一-鿿])|附\d{{1,4}}号?)?"
)
_LONG_RUN = re.compile(r"\d{7,}")  # a telephone or an identity number, no number of an address
_JOINT = re.compile(r"\s*[-/\\.,~#|:+* ]\s*$")
_ZEROS = re.compile(r"(?<!\d)0+(?=\d)")

_LEVELS: dict[str, tuple[tuple[int, float], ...]] = {
    **dict.fromkeys(
        ("号楼", "号幢", "号栋", "号厂房", "幢", "栋", "幢楼", "栋楼", "座", "#楼", "排"),
        ((BUILDING, 0.0),),
    ),
    **dict.fromkeys(("单元", "号单元", "梯", "号梯", "楼道", "号楼道"), ((ENTRANCE, 0.0),)),
    **dict.fromkeys(("室", "房", "房间", "号房", "户", "铺", "号铺"), ((ROOM, 0.0),)),
    **dict.fromkeys(("村民小组", "小组", "组", "生产队", "队"), ((GROUP, 0.0),)),
    **dict.fromkeys(("弄", "支弄"), ((DOOR, 0.0),)),
    **dict.fromkeys(("层", "F"), ((FLOOR, 0.0),)),
    "楼": ((FLOOR, 0.0), (BUILDING, 0.1)),
    "号院": ((DOOR, 0.0),),
    "门": ((ENTRANCE, 0.0), (DOOR, 0.3)),
    "号门": ((ENTRANCE, 0.1), (DOOR, 0.1)),
    "号": ((DOOR, 0.0), (BUILDING, 0.05), (ROOM, 0.25)),
    "#": ((BUILDING, 0.0), (DOOR, 0.15), (ROOM, 0.25)),
    "": ((ROOM, 0.0), (BUILDING, 0.05), (DOOR, 0.1), (ENTRANCE, 0.1), (FLOOR, 0.4)),
}
_UNREAD_COST, _UNREAD_COUNTED_COST = 1.2, 2.6  # a bare number, one with a counting word
_BACK_COST = 0.15  # a door named behind what lies in it
_MAX_COST = 6.0  # readings that cost more are not followed


def spell_out_numerals(text: str) -> str:
    """Return normalised text with Chinese numerals that stand alone as digits.

    3单元一零一 becomes 3单元101; numerals inside names stay.
    """
    return _LONE_NUMERALS.sub(lambda match: numeral_to_digits(match[0]) or match[0], text)


def find_numbers(text: str, names: Iterable[tuple[int, int]]) -> list[NumberToken]:
    """Return the numbers of a text, in order, but those inside `names` (spans).

    Numbers that are told again, 3幢101室，翠苑3幢101室, are told once.
    """
    taken: set[int] = set()
    for start, end in names:
        taken.update(range(start, end))
    for run in _LONG_RUN.finditer(text):
        taken.update(range(*run.span()))
    tokens: list[NumberToken] = []
    last_end = -1
    for match in _TOKEN.finditer(text):
        start, end = match.span()
        if match.start("number") in taken or len(tokens) == MAX_TOKENS:
            continue
        word = match["word"] or _label_before(text, start)
        key = _ZEROS.sub("", match["number"])
        suffix = (match["suffix"] or "") or (match["after"] or "")
        suffix = suffix.replace("号", "").replace("之", "附")
        key += suffix.replace("-", "" if suffix[-1:].isalpha() else "附")
        if word in ("弄", "支弄"):
            key += "弄"
        if match["below"] and word in ("层", "楼", "F"):
            key = "-" + key
        between = text[last_end:start] if last_end >= 0 else "x"
        tokens.append(NumberToken(key, word, start, end, between == "" or _is_joint(between)))
        last_end = end
    return _join_lanes(_without_repetition(tokens))


def _without_repetition(tokens: list[NumberToken]) -> list[NumberToken]:
    """Leave out numbers at the end that are those of the beginning, in the same order."""
    said = [(token.key, token.word) for token in tokens]
    for count in range(len(said) // 2, 0, -1):
        again = len(said) - count
        is_apart = not tokens[again].joined
        if is_apart and said[again:] == said[:count] and (count > 1 or said[0][1]):
            return _without_repetition(tokens[:again])
    return tokens


def _label_before(text: str, start: int) -> str:
    """Return the counting word that a label directly before a number stands for."""
    label = _LABEL.search(text, max(0, start - _LABEL_REACH), start)
    return _LABELS[label[1]] if label else ""


def _is_joint(between: str) -> bool:
    return _JOINT.fullmatch(between) is not None


def _join_lanes(tokens: list[NumberToken]) -> list[NumberToken]:
    """669弄 3支弄 is one door."""
    joined: list[NumberToken] = []
    for token in tokens:
        if token.word == "支弄" and joined and joined[-1].word == "弄":
            before = joined.pop()
            key = before.key + token.key.removesuffix("弄") + "支弄"
            token = NumberToken(key, "弄", before.start, token.end, before.joined)
        joined.append(token)
    return joined


def read_numbers(tokens: list[NumberToken]) -> list[NumberReading]:
    """Return the readings of the numbers, the cheapest first; at least one, which may be empty."""
    keys = [token.key for token in tokens]
    shapes = tuple(
        [
            _Shape(
                token.word,
                min(len(key) if key.isdigit() else sum(map(str.isdigit, key)), 4),
                key.rstrip("*").isdigit(),
                following.startswith(key),
                token.joined,
            )
            for token, key, following in zip(tokens, keys, [*keys[1:], ""], strict=False)
        ]
    )
    unique: dict[tuple[object, ...], NumberReading] = {}
    for cost, alike in _readings_of_shapes(shapes):
        found = [
            NumberReading(
                tuple([(NUMBER_LEVELS[level], keys[at]) for level, at in values]),
                cost,
                tuple([keys[at] for at in unread]),
            )
            for values, unread in alike
        ]
        if len(found) > 1:
            found.sort(key=lambda r: (r.values, r.unread))
        for reading in found:
            unique.setdefault((reading.values, reading.unread), reading)
        if len(unique) >= MAX_READINGS:
            break
    return list(unique.values())[:MAX_READINGS]


class _Shape(NamedTuple):
    """What of a number decides how it may be read: all but its value.

    digits : at most 4; begins_next : whether the next number begins with this one
    """

    word: str
    digits: int
    is_plain: bool
    begins_next: bool
    joined: bool


_Plan = tuple[tuple[tuple[int, int], ...], tuple[int, ...]]
"""(level, place of the number) in order of level, and the places of numbers that are unread."""


@functools.lru_cache(maxsize=16_384)
def _readings_of_shapes(shapes: tuple[_Shape, ...]) -> tuple[tuple[float, tuple[_Plan, ...]], ...]:
    """Return the readings of numbers of these shapes, grouped by cost, the cheapest first.

    The same few shapes come again and again: 3幢2单元101室 is read like any other such address.
    """
    plans: list[tuple[float, _Plan]] = []
    _extend(shapes, 0, {}, -1, 0.0, (), plans)
    if not plans:
        plans.append((_MAX_COST, ((), tuple(range(len(shapes))))))
    groups: dict[float, list[tuple[float, _Plan]]] = {}
    for cost, plan in plans:
        groups.setdefault(round(cost, 6), []).append((cost, plan))
    return tuple(
        (groups[cost][0][0], tuple(plan for _, plan in groups[cost])) for cost in sorted(groups)
    )


def _extend(
    shapes: tuple[_Shape, ...],
    at: int,
    values: dict[int, int],
    last: int,
    cost: float,
    unread: tuple[int, ...],
    plans: list[tuple[float, _Plan]],
) -> None:
    if at == len(shapes):
        plans.append((cost + _order_cost(values), (tuple(sorted(values.items())), unread)))
        return
    if len(plans) >= 400 or cost > _MAX_COST:
        return
    shape = shapes[at]
    options = _LEVELS[shape.word]
    settled = len(options) == 1
    found = False
    price_unread = _UNREAD_COUNTED_COST if shape.word else _UNREAD_COST
    for level, price in options:
        if level in values:
            continue
        goes_back = level <= last and not settled
        if goes_back and not (level == DOOR and shape.word == "号" and not shape.joined):
            continue
        found = True
        # 7-2-301，信岸公寓，松中街45号: behind another name a door may follow its rooms.
        price += _BACK_COST if goes_back else 0.0
        extra = price + _plausibility(shape, level, at == len(shapes) - 1, values)
        _extend(
            shapes, at + 1, {**values, level: at}, max(last, level), cost + extra, unread, plans
        )
    if not found or not settled:
        _extend(shapes, at + 1, values, last, cost + price_unread, (*unread, at), plans)


def _plausibility(shape: _Shape, level: int, is_last: bool, values: dict[int, int]) -> float:
    """What it costs to believe that this number stands at this level."""
    digits = shape.digits
    if shape.word == "号":
        if level == DOOR:
            return 0.0
        lane_or_door = DOOR in values
        return 0.0 if level == BUILDING and lane_or_door else 0.35
    if shape.word in ("", "#"):
        if level in (ENTRANCE, FLOOR) and not shape.is_plain:
            return 2.0
        if level == ROOM:
            return (0.0 if is_last else 0.5) + (0.0 if digits >= 3 else 0.25)
        if level == ENTRANCE:
            return 0.0 if digits <= 2 and BUILDING in values else 0.3
        if level == BUILDING:
            return 0.0 if digits <= 3 else 0.5
        if level == FLOOR:
            # 2-1-101: an entrance rather than a floor that the room says again.
            return (0.0 if digits <= 2 else 1.0) + (0.5 if shape.begins_next else 0.0)
    return 0.0


def _order_cost(values: dict[int, int]) -> float:
    """A room without a building or door before it is unusual, but people do write so."""
    return 0.1 if ROOM in values and not {BUILDING, DOOR} & set(values) else 0.0
