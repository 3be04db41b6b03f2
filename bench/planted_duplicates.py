"""A register with second entries of some of its places, and with neighbours that look like such.

Second entries are written as another office would: divisions, road or estate left out, class words
left out, a homophone, a wrong character, another township, no entrance, an old name that is an
alias; their points lie up to 40 m off. The look-alikes are places of their own: the same road and
door two kilometres off in another township, a sister estate whose name differs in one character,
another phase, the next building.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Iterator

from bench.synthetic_city import CITY, COUNTIES, PROVINCE, City, Record

_METRE = 1 / 111_000
_PLAIN = "文园江河湖山林星阳景华兴建和平安宁福瑞祥"
_SOUNDS_ALIKE = "闻圆姜荷胡杉邻兴杨井花星见禾坪桉凝幅锐翔"
_HOMOPHONES = dict(zip(_PLAIN, _SOUNDS_ALIKE, strict=True))
_ANY = "东方大中新光明远长天地永万年"


@dataclasses.dataclass(frozen=True)
class Entry:
    """A row of the register; `place` is the same for entries of one place."""

    text: str
    lon: float
    lat: float
    place: int
    kind: str
    alias: str | None = None


def planted_register(count: int, *, seed: int = 2026, share: float = 0.05) -> list[Entry]:
    """Return some `count` entries, of which about `share` are second entries of a place, and as
    many again look like it."""
    rng = random.Random(seed)
    records = list(City(seed).records(int(count / (1 + 2 * share))))
    entries = [Entry(r.text, r.lon, r.lat, r.record_id, "first") for r in records]
    next_place = max(record.record_id for record in records) + 1
    chosen = rng.sample(range(len(records)), int(len(records) * share))
    for index in chosen:
        second = _second(records[index], rng)
        if second is not None:
            entries.append(second)
            if second.alias is not None:
                entries[index] = dataclasses.replace(entries[index], alias=second.text)
    for record in rng.sample(records, len(chosen)):
        other = _look_alike(record, rng, next_place)
        if other is not None:
            entries.append(other)
            next_place += 1
    return entries


def _text(r: Record, *, head: str | None = None, **changed: str) -> str:
    parts = {name: getattr(r, name) for name in _BODY} | changed
    head = f"{PROVINCE}{CITY}{r.county}{r.township}" if head is None else head
    return head + "".join(parts[name] for name in _BODY)


_BODY = ("community", "group", "road", "door", "estate", "building", "entrance", "floor", "room",
         "shop")  # fmt: skip


def _second(r: Record, rng: random.Random) -> Entry | None:
    kinds = list(_SECONDS)
    rng.shuffle(kinds)
    for kind in kinds:
        text = _SECONDS[kind](r, rng)
        if text is not None and text != r.text:
            lon = r.lon + rng.uniform(-40, 40) * _METRE * 0.8
            lat = r.lat + rng.uniform(-28, 28) * _METRE
            is_alias = kind == "old_name"
            return Entry(text, lon, lat, r.record_id, kind, alias=r.text if is_alias else None)
    return None


def _short_head(r: Record, rng: random.Random) -> str:
    heads = ("", r.county, r.county + r.township, r.township)
    return _text(r, head=rng.choice(heads))


def _no_road(r: Record, _rng: random.Random) -> str | None:
    return _text(r, road="", door="") if r.estate and r.road and r.building else None


def _no_estate(r: Record, _rng: random.Random) -> str | None:
    return _text(r, estate="") if r.estate and r.road and r.building else None


def _short_name(r: Record, rng: random.Random) -> str | None:
    for ending in ("小区", "花园", "家园", "公寓", "新村", "大厦", "广场", "中心"):
        if r.estate.endswith(ending) and len(r.estate) > len(ending) + 1:
            return _text(r, estate=r.estate.removesuffix(ending), head=rng.choice((None, r.county)))
    return None


def _homophone(r: Record, _rng: random.Random) -> str | None:
    for level in ("estate", "road"):
        name = getattr(r, level)
        for char in name[:-1]:
            if char in _HOMOPHONES:
                return _text(r, **{level: name.replace(char, _HOMOPHONES[char], 1)})
    return None


def _slip(r: Record, rng: random.Random) -> str | None:
    level = "estate" if r.estate else "road"
    name = getattr(r, level)
    if len(name) < 3:
        return None
    return _text(r, **{level: name[0] + rng.choice(_ANY) + name[2:]})


def _other_township(r: Record, rng: random.Random) -> str:
    town = rng.choice("桥塘河山湖林泉溪") + rng.choice("东西南北新") + "街道"
    return _text(r, head=f"{PROVINCE}{CITY}{r.county}{town}")


def _no_entrance(r: Record, _rng: random.Random) -> str | None:
    return _text(r, entrance="") if r.entrance and r.room else None


def _old_name(r: Record, rng: random.Random) -> str | None:
    if not r.estate or not r.building:
        return None
    name = (
        "原"
        + rng.choice("红东前新")
        + rng.choice("星风锋华")
        + rng.choice(("厂", "厂宿舍", "机械厂"))
    )
    return _text(r, road="", door="", estate=name)


_SECONDS: dict[str, Callable[[Record, random.Random], str | None]] = {
    "short_head": _short_head, "no_road": _no_road, "no_estate": _no_estate,
    "short_name": _short_name, "homophone": _homophone, "slip": _slip,
    "other_township": _other_township, "no_entrance": _no_entrance, "old_name": _old_name,
}  # fmt: skip


def _look_alike(r: Record, rng: random.Random, place: int) -> Entry | None:
    far = 2_000 * _METRE
    near = rng.uniform(-60, 60) * _METRE
    kinds = list(_look_alikes(r, rng))
    if not kinds:
        return None
    kind, text, is_far = rng.choice(kinds)
    off = far if is_far else near
    return Entry(text, r.lon + off, r.lat + off / 2, place, kind)


def _look_alikes(r: Record, rng: random.Random) -> Iterator[tuple[str, str, bool]]:
    other = rng.choice([county for county in COUNTIES if county != r.county])
    if r.road:
        yield "same_in_other_county", _text(r, head=f"{PROVINCE}{CITY}{other}"), True
        yield "same_far_without_head", _text(r, head=""), True
    if r.estate and r.building:
        sister = rng.choice("金银南北前后上下") + r.estate[1:]
        if sister != r.estate:
            yield "sister_estate", _text(r, estate=sister, road="", door=""), False
        yield "other_phase", _text(r, estate=r.estate + "三期"), False
    if r.building:
        yield "other_building", _text(r, building="9" + r.building), False
    if r.room:
        yield "other_room", _text(r, room="9" + r.room, head=r.county), False
    if r.door:
        yield "other_door", _text(r, door="9" + r.door, head=r.county), False
