"""Canonical text and identity key of a standard address from its components.

The written form (幢 or 号楼, 层 or 楼 …) differs from city to city and is a setting; the key
doesn't depend on it. Source: GB/T 23705-2009 (order of the parts).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from geo.addresses.division_match import resolve_division
from geo.addresses.levels import DIVISION_LEVELS, LEVELS, NUMBERED_LEVELS, AddressLevel
from geo.addresses.normalise import fold_name
from geo.addresses.parse import ParseContext, ParsedAddress
from geo.addresses.words import ESTATE_ENDINGS, alternatives
from geo.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class WrittenForm:
    """The counting words that a deployment prints."""

    building: str = "幢"
    lettered_building: str = "座"
    entrance: str = "单元"
    floor: str = "层"
    room: str = "室"
    group: str = "组"


DEFAULT_WRITTEN_FORM = WrittenForm()
_COUNTED = re.compile(r"(?:[A-Z]{0,2}\d+[A-Z]?(?:-\d+)?|[A-Z]-\d+)$")
_BLOCK = re.compile(r"([A-Z]{0,2}\d+[A-Z]?)-([A-Z])$")
_BEGINS_WITH_CLASS_WORD = re.compile(alternatives(ESTATE_ENDINGS))
_LETTERED = re.compile(r"[A-Z]{1,2}$")
_SUFFIXED_DOOR = re.compile(r"(.+?)附(\d+)$")


def format_address(
    components: Mapping[str, str], *, written_form: WrittenForm = DEFAULT_WRITTEN_FORM
) -> str:
    """Return the canonical text of an address: `parse` of it gives the components back.

    Parameters
    ----------
    components : level → value, as `ParsedAddress.components` returns
    written_form : the deployment's counting words

    Raises
    ------
    InvalidInput : a component names no level
    """
    unknown = [name for name in components if name not in LEVELS]
    if unknown:
        raise InvalidInput(
            f"{unknown[0]!r} is no level of an address. Wanted one of: {', '.join(LEVELS)}.",
            level=unknown[0],
        )
    return "".join(
        _written(level, components[level], components, written_form)
        for level in LEVELS
        if components.get(level)
    )


def _written(
    level: AddressLevel, value: str, components: Mapping[str, str], form: WrittenForm
) -> str:
    door = components.get(AddressLevel.DOOR, "")
    counted = _COUNTED.match(value) is not None
    match level:
        case AddressLevel.DOOR:
            return _written_door(value)
        case AddressLevel.BUILDING if block := _BLOCK.match(value):
            return f"{block[1]}{form.building}{block[2]}{form.lettered_building}"
        case AddressLevel.BUILDING if counted and door.endswith("弄"):
            return f"{value}号"
        case AddressLevel.BUILDING if counted:
            return value + form.building
        case AddressLevel.BUILDING if _LETTERED.match(value):
            return value + form.lettered_building
        case AddressLevel.VILLAGE_GROUP if counted:
            return value + form.group
        case AddressLevel.ENTRANCE if counted or len(value) == 1:
            return value + _entrance_word(value, components, form)
        case AddressLevel.FLOOR if counted:
            return value + form.floor
        case AddressLevel.FLOOR if value.startswith("-"):
            return f"地下{value[1:]}{form.floor}"
        case AddressLevel.ROOM if value[-1:].isdigit() or value[-1:].isascii():
            return value + _room_word(value, components, form)
        case AddressLevel.ESTATE if (
            AddressLevel.ROAD in components
            and AddressLevel.DOOR not in components
            and _BEGINS_WITH_CLASS_WORD.match(value)
        ):
            return f" {value}"  # 朗山路科技园 would be one name
        case _:
            return value


def _entrance_word(value: str, components: Mapping[str, str], form: WrittenForm) -> str:
    """Return the counting word of an entrance; 东门 is a gate of the estate, 门门面3 unreadable."""
    inside = components.get(AddressLevel.FLOOR) or components.get(AddressLevel.ROOM, "")
    unclear = form.entrance == "门" and (not value[0].isdigit() or inside.startswith("门"))
    return "单元" if unclear else form.entrance


def _room_word(value: str, components: Mapping[str, str], form: WrittenForm) -> str:
    """Return the counting word of a room; a short bare number would be read as an entrance."""
    short = sum(char.isdigit() for char in value) < 3
    tail = AddressLevel.ENTRANCE in components or AddressLevel.FLOOR in components
    return "室" if form.room in ("", "号") and short and not tail else form.room


def _written_door(value: str) -> str:
    if value.endswith(("弄", "号")):
        return value
    suffixed = _SUFFIXED_DOOR.match(value)
    return f"{suffixed[1]}号附{suffixed[2]}号" if suffixed else f"{value}号"


def search_key(
    address: ParsedAddress | Mapping[str, str], *, context: ParseContext | None = None
) -> str:
    """Return the one key of all writings of the same standard address.

    Divisions count by their code where it is certain (余杭区… = 浙江省杭州市余杭区…), those finer
    than the code by name; names by `fold_name`; numbers by value. A floor that the room number
    repeats (3层301室) is dropped.

    context : the deployment's own area; it settles which division of one name is meant
    """
    components = address.components() if isinstance(address, ParsedAddress) else dict(address)
    area = context.division_codes if context is not None else ()
    code = address.division_code if isinstance(address, ParsedAddress) else None
    code = (code or resolve_division(components, area) or "")[:9]
    finest = _finest_level(code) if code else None
    pieces = [f"#{code}"] if code else []
    room, floor = components.get("room", ""), components.get("floor", "")
    for level in LEVELS:
        value = components.get(level)
        if not value or (finest and level in DIVISION_LEVELS and not level.is_finer_than(finest)):
            continue
        if level is AddressLevel.FLOOR and room.startswith(floor) and len(room) == len(floor) + 2:
            continue
        # 12-3号 is not 123号: only names are folded
        pieces.append(f"{level}={value if level in NUMBERED_LEVELS else fold_name(value)}")
    return "|".join(pieces)


def _finest_level(code: str) -> AddressLevel:
    """Return the level of the division that a code of 6 or 9 digits names."""
    if len(code) == 9:
        return AddressLevel.TOWNSHIP
    if code.endswith("0000"):
        return AddressLevel.PROVINCE
    return AddressLevel.CITY if code.endswith("00") else AddressLevel.COUNTY
