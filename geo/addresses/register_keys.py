"""What a component of the register is compared by: names by their folded text, numbers by value.

A name may be misheard or clipped and still be found; a number is equal or it is another number.
Building and village group can be either (3幢, 龙园大厦; 3组, 李家塘).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from geo.addresses.normalise import fold_name, normalise

NAME_LEVELS = (
    "province", "city", "county", "township", "development_zone", "community", "village_group",
    "road", "estate", "point_of_interest", "building",
)  # fmt: skip
"""Columns of the index that are looked up as names."""

SITE_NUMBER_LEVELS = ("village_group", "door", "building")
TAIL_LEVELS = ("entrance", "floor", "room")
NUMBER_LEVELS = (*SITE_NUMBER_LEVELS, *TAIL_LEVELS)
"""Columns of the index that are compared as numbers, coarse to fine."""


class ComponentKey(NamedTuple):
    """The key of one component: `text` compared exactly where `is_number`, else as a name."""

    text: str
    is_number: bool


_CLASS_WORDS = {
    "village_group": re.compile(r"(?:村民小组|小组|生产队|组|队|社)$"),
    "door": re.compile(r"(?:号院|号|#)$"),
    "building": re.compile(r"(?:号楼|号幢|号栋|号厂房|号|幢|栋|座|#楼|#|楼|排)$"),
    "entrance": re.compile(r"(?:号?单元|梯|号?楼道|号?门)$"),
    "floor": re.compile(r"(?:层|楼|F)$"),
    "room": re.compile(r"(?:室|房间|号房|房|户|号铺|号门面|铺|号店|号)$"),
}
_NUMBER = re.compile(
    r"第?([甲乙丙丁戊]?-?[A-Z]{0,2}0*(\d{1,6})[A-Z]?(?:[甲乙丙丁戊]|附\d{1,4})?|[A-Z]{1,2}|[东南西北中])"
)
_LEADING_ZEROS = re.compile(r"(?<!\d)0+(?=\d)")
_BASEMENT = re.compile(r"^(?:地下|负|B)(?=\d)")
_DOOR_SUFFIX = re.compile(r"号?(?:附|之|-|/)(?=\d)")
_DOOR_LETTER = re.compile(r"(?<=\d)-(?=[A-Z]$)")  # 1100-A号 is 1100A号
_LANE = re.compile(r"\d+弄(?:\d+支弄)?$")
_SPACES = re.compile(r"\s+")


def component_key(level: str, value: str) -> ComponentKey | None:
    """Return the key of the value of a component at `level`, None where nothing is left of it.

    Examples: door 269号 → 269, 25号附2号 → 25附2, 669弄 → 669弄; building 3号楼 → 3, 三幢 → 3;
    room 0301室 → 301; floor 地下1层 → -1; road 八一路 → 81路.
    """
    if level in _CLASS_WORDS:
        number = number_key(level, value)
        if number is not None:
            return ComponentKey(number, True)
        if level not in ("building", "village_group"):
            text = _SPACES.sub("", _CLASS_WORDS[level].sub("", normalise(value).text))
            return ComponentKey(text, True) if text else None
    folded = fold_name(normalise(value).text)
    # A name of digits alone is a number that was misread; as a name it would be met everywhere.
    return ComponentKey(folded, False) if folded and not folded.isdigit() else None


def number_key(level: str, value: str) -> str | None:
    """Return the key of a value that is a number at `level`, None where it is a name."""
    text = _SPACES.sub("", normalise(value).text)
    if level == "door":
        if _LANE.match(text):
            return _LEADING_ZEROS.sub("", text)
        text = _DOOR_SUFFIX.sub("附", _CLASS_WORDS["door"].sub("", text))
        text = _DOOR_LETTER.sub("", text)
    elif level == "floor":
        text = _BASEMENT.sub("-", _CLASS_WORDS["floor"].sub("", text))
    else:
        text = _CLASS_WORDS[level].sub("", text)
    text = _LEADING_ZEROS.sub("", text)
    return text.removeprefix("第") if _NUMBER.fullmatch(text) else None


def floor_of_room(room: str) -> str | None:
    """Return the floor that a room number says, None where it says none: 301 → 3, 1203 → 12."""
    return room[:-2] if len(room) in (3, 4) and room.isdigit() else None
