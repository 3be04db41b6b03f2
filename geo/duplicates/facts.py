"""What a search for duplicates knows of an address, and the keys under which like ones meet."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from geo.addresses.division_match import resolve_division
from geo.addresses.divisions import division_stem, load_divisions
from geo.addresses.levels import AddressLevel
from geo.addresses.name_forms import STEM, short_forms
from geo.addresses.parse import parse
from geo.addresses.register_keys import component_key, floor_of_room
from geo.addresses.standardise import WrittenForm
from geo.errors import InvalidInput
from geo.register.identity import standard_form

DIVISIONS = ("province", "city", "county")
NAMES = ("road", "estate", "point_of_interest")
NUMBERS = ("village_group", "door", "building", "entrance", "floor", "room")

PLACE_KEY_DEGREES = 0.002
"""Side of the squares in which like names are looked for, some 200 m: two points within half of it
in both directions share one of four squares that are shifted by half a side."""


@dataclass(frozen=True, slots=True)
class AddressFacts:
    """One current address of the register.

    keys : level → what it is compared by: names folded, numbers by value; the floor that a room
        number says is left out
    county_code : present code of the county, None where it isn't certain from the list
    local_key : its search key from below the divisions on
    lon, lat : degrees, WGS 84; None where there is no point
    """

    id: int
    values: Mapping[str, str]
    keys: Mapping[str, str]
    county_code: str | None
    local_key: str
    lon: float | None
    lat: float | None


def address_facts(
    address_id: int,
    values: Mapping[str, str],
    search_key: str,
    lon: float | None = None,
    lat: float | None = None,
) -> AddressFacts:
    """Return the facts of an address of the register.

    Parameters
    ----------
    values : level → value, and `point_of_interest`; only what is written
    """
    keys = {level: key for level, value in values.items() if (key := _key(level, value))}
    room = keys.get("room")
    if room is not None and keys.get("floor") == floor_of_room(room):
        keys.pop("floor", None)
    upper = tuple(values.get(level, "") for level in (*DIVISIONS, "township"))
    return AddressFacts(
        address_id, values, keys, _county_code(*upper), local_key(search_key), lon, lat
    )


def name_stem(level: str, key: str) -> str:
    """Return a folded name without its class word: 翠苑小区 → 翠苑, 文1路 → 文1."""
    return next((form for form, quality in short_forms(key, level) if quality == STEM), key)


def division_name(level: str, key: str) -> str:
    """Return the folded name of a division without its class word: 余杭区 → 余杭."""
    return division_stem(key, AddressLevel(level))


def blocking_keys(facts: AddressFacts) -> Iterator[str]:
    """Yield the keys of an address: two that may be one place share at least one.

    By road and door, by estate and building, by village, by the written text, and, where a name may
    be mistyped, by place, number and the first or the last character of the name.
    """
    keys = facts.keys
    road, estate = (name_stem(level, keys.get(level, "")) for level in ("road", "estate"))
    community = name_stem("community", keys.get("community", ""))
    place_name = keys.get("point_of_interest", "")
    door, group = keys.get("door", ""), keys.get("village_group", "")
    building, finest = keys.get("building", ""), _finest(keys)
    tail = f"{building}|{finest}"
    if road and door:
        yield f"road|{road}|{door}|{tail}"
    if estate:
        yield f"estate|{estate}|{door}|{tail}"
        if door and (road or building or finest):
            yield f"estate|{estate}||{tail}"
    if community and not road and not estate and (door or building):
        yield f"village|{community}|{group}|{door}|{tail}"
    yield writing_key(facts.local_key)
    if facts.lon is None or facts.lat is None:
        return
    number = f"{building}|{keys.get('entrance', '')}|{finest}" if building or finest else door
    name = estate or road
    for square in _squares(facts.lon, facts.lat):
        if place_name and not door:
            yield f"name|{square}|{place_name}"
        if name and number:
            yield f"place|{square}|{number}|{name[0]}"
            yield f"place|{square}|{number}||{name[-1]}"


def writing_key(key: str) -> str:
    """Return the blocking key under which an address and the aliases that are its text meet."""
    return f"text|{key}"


def local_key(search_key: str) -> str:
    """Return a search key from below the divisions on: what a text without them has, too."""
    pieces = search_key.split("|")
    return "|".join(piece for piece in pieces if not piece.startswith(_DIVISION_PIECES))


_DIVISION_PIECES = ("#", *(f"{level}=" for level in (*DIVISIONS, "township")))


def alias_key(alias_text: str) -> str | None:
    """Return the local key of an alias as an address, None where it is none by itself."""
    parsed = parse(alias_text)
    names = [note.text for note in parsed.leftovers if note.kind == "name"]
    try:
        form = standard_form(parsed, max(names, key=len, default=None), form=WrittenForm())
    except InvalidInput:
        return None
    return local_key(form.search_key) or None


def _finest(keys: Mapping[str, str]) -> str:
    room, floor = keys.get("room", ""), keys.get("floor", "")
    return room or (f"F{floor}" if floor else "")


def _squares(lon: float, lat: float) -> Iterator[str]:
    x, y = lon / PLACE_KEY_DEGREES, lat / PLACE_KEY_DEGREES
    for dx in (0.0, 0.5):
        for dy in (0.0, 0.5):
            yield f"{dx:g},{dy:g}:{int(x + dx)},{int(y + dy)}"


@functools.lru_cache(maxsize=262_144)
def _key(level: str, value: str) -> str | None:
    key = component_key(level, value)
    return None if key is None else key.text


@functools.lru_cache(maxsize=16_384)
def _county_code(province: str, city: str, county: str, township: str) -> str | None:
    written = zip((*DIVISIONS, "township"), (province, city, county, township), strict=True)
    code = resolve_division({level: name for level, name in written if name})
    if code is None or len(code) < 6 or code.endswith("00"):
        return None
    return load_divisions().successor(code[:6]).code[:6]
