"""Cities and counties with a slip of the pen, repaired where the rest of the text settles them.

照通市昭阳区 is 昭通市: the county after the city lies in one whose name differs in one character.
嘉兴市秀州区 is 秀洲区: the name is no county of its city, but sounds like one that is. The part
keeps what is written and bears no code; places below it are looked for in the division meant.
"""

from __future__ import annotations

import functools

from geo.addresses.division_names import division_facts, upper_names
from geo.addresses.division_state import DivisionState
from geo.addresses.divisions import load_divisions
from geo.addresses.levels import AddressLevel
from geo.addresses.sounds import sound
from geo.addresses.tokens import Reading

_PROVINCE_RANK, _CITY_RANK = AddressLevel.PROVINCE.rank, AddressLevel.CITY.rank
_COUNTY_RANK = AddressLevel.COUNTY.rank
_CLASSES = frozenset("市区县旗")
_LENGTHS = (3, 4)  # [characters] with class word; in shorter names one other is another name
# 小区, 园区, 东区, 新城区, 菜市 … are no divisions, whatever a county of the city is called.
_NO_NAME_ENDS = frozenset("小园新社校库景厂市城东西南北中业地发超菜夜街片")
# Written for one another though they sound unlike.
_LOOK_ALIKE = frozenset(
    frozenset(pair)
    for pair in (
        "卅州",
        "末未",
        "士干",
        "土干",
        "佘余",
        "洲州",
        "己已",
        "午牛",
        "大太",
        "微徽",
        "钧钓",
    )
)


def match_slip(reading: Reading, at: int, stop: int, state: DivisionState) -> int:
    """Add a city or county that is written with a slip; return where it ends, or `at`."""
    text = reading.text
    for length in _LENGTHS:
        end = at + length
        if end > stop:
            return at
        if text[end - 1] not in _CLASSES or text[end - 2] in _NO_NAME_ENDS:
            continue
        name = text[at:end]
        if name[-1] == "市" and state.level < _CITY_RANK:
            city = _city_before_county(text, name, end, stop, state)
            if city is not None:
                reading.add("city", at, end, name)
                state.take((city,), _CITY_RANK)
                return end
        if state.candidates and state.level < _COUNTY_RANK:
            found, is_sure = _county_meant(name, state.prefixes, state.level)
            if found:
                reading.add("county", at, end, name)
                if is_sure:
                    state.take(found, _COUNTY_RANK)
                else:
                    state.level = _COUNTY_RANK
                return end
    return at


def _city_before_county(
    text: str, name: str, at: int, stop: int, state: DivisionState
) -> str | None:
    """Return the city that is meant, where a county of it, in full, begins at `at`."""
    divisions = load_divisions()
    for county, length, codes, in_full in upper_names().get(text[at : at + 2], ()):
        if not in_full or length < 3 or at + length > stop or not text.startswith(county, at):
            continue
        cities = {
            f"{code[:4]}00"
            for code in state.within(codes)
            if division_facts()[code].rank >= _COUNTY_RANK
        }
        meant = [
            city
            for city in cities
            if (division := divisions.find(city)) is not None and _is_slip(name, division.name)
        ]
        return meant[0] if len(meant) == 1 else None
    return None


@functools.lru_cache(maxsize=4_096)
def _county_meant(name: str, prefixes: tuple[str, ...], level: int) -> tuple[tuple[str, ...], bool]:
    """Return the county within `prefixes` that `name` is a slip for, and whether that is sure.

    Within a city or a municipality one other character will do to see that a county is meant;
    which one is sure only where it sounds or looks alike. In a whole province nothing less will do.
    """
    sounding: set[str] = set()
    near: set[str] = set()
    for county, code in _counties(prefixes):
        if _is_slip(name, county):
            (sounding if _is_alike(name, county) else near).add(code)
    if sounding:
        return (min(sounding),) if len(sounding) == 1 else (), True
    is_small = level == _CITY_RANK or all(prefix in ("11", "12", "31", "50") for prefix in prefixes)
    return (tuple(near), False) if is_small else ((), False)


@functools.lru_cache(maxsize=4_096)
def _counties(prefixes: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name, code)
        for name, codes in load_divisions().full_names.items()
        for code in codes
        if code.startswith(prefixes) and not code.endswith("00")
    )


def _is_slip(written: str, name: str) -> bool:
    """Whether one character is another, or two beside each other have changed places."""
    if len(written) != len(name) or written[-1] != name[-1]:
        return False
    others = [i for i, (a, b) in enumerate(zip(written, name, strict=True)) if a != b]
    if len(others) == 2:
        first, second = others
        return (
            second == first + 1
            and written[first] == name[second]
            and written[second] == name[first]
        )
    return len(others) == 1


def _is_alike(written: str, name: str) -> bool:
    """Whether the slip sounds like the name, looks like it, or has the same characters."""
    others = [{a, b} for a, b in zip(written, name, strict=True) if a != b]
    return len(others) == 2 or frozenset(others[0]) in _LOOK_ALIKE or sound(written) == sound(name)
