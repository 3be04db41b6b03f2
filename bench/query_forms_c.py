"""Query forms written after the matcher had been mended once more (group C). Not tuned to."""

from __future__ import annotations

import random

from bench.query_forms_a import body, digits_to_numerals, number, without_province
from bench.synthetic_city import Record

_LOOKALIKES = dict(zip("文金春河山林云平安福竹青玉", "交全舂何出木去乎女副个清王", strict=True))
_SHOPS = ("旁边的便利店楼上", "（蓝色大门）", "，三楼有人", "；备注：按门铃")


def _place(r: Record) -> str:
    return r.township + r.community if r.kind == "village" else r.estate or r.road + r.door


def _numbers(r: Record) -> list[str]:
    return [number(part) for part in (r.building, r.entrance, r.room or r.floor) if part]


def mixed_numerals(r: Record, rng: random.Random) -> str:
    """Building in Chinese, the rest in digits."""
    text = without_province(r)
    part = r.building or r.group or r.door
    return text.replace(part, digits_to_numerals(part), 1) if part else text


def bare_run(r: Record, rng: random.Random) -> str:
    """小区 3 2 101"""
    return f"{_place(r)} {' '.join(_numbers(r))}" if len(_numbers(r)) > 1 else body(r)


def lookalikes(r: Record, rng: random.Random) -> str:
    """Characters that look like the right ones."""
    name = r.estate or r.road or r.community
    wrong = "".join(_LOOKALIKES.get(char, char) if i == 0 else char for i, char in enumerate(name))
    return without_province(r).replace(name, wrong)


def without_road_word(r: Record, rng: random.Random) -> str:
    """文一12号3幢: the road without 路"""
    if not r.road:
        return without_province(r)
    stem = r.road.removesuffix("路").removesuffix("街").removesuffix("巷").removesuffix("弄")
    return r.township + body(r).replace(r.road, stem, 1)


def door_only_in_brackets(r: Record, rng: random.Random) -> str:
    """小区(文一路12号)3幢2单元101室"""
    if not r.estate:
        return without_province(r)
    tail = "".join(part for part in (r.building, r.entrance, r.floor, r.room) if part)
    return f"{r.township}{r.estate}({r.road}{r.door}){tail}"


def room_first(r: Record, rng: random.Random) -> str:
    """101@3幢2单元 小区 路"""
    tail = "".join(part for part in (r.building, r.entrance, r.floor) if part)
    if not r.room:
        return without_province(r)
    return f"{number(r.room)}房，{tail}，{r.estate or ''}{r.road}{r.door}"


def noise_after(r: Record, rng: random.Random) -> str:
    return without_province(r) + rng.choice(_SHOPS)


def underscores(r: Record, rng: random.Random) -> str:
    """吴中区_金屯镇_龙庭西路_146号"""
    if r.kind == "village":
        return "_".join((r.county, r.township, r.community, r.group, r.door))
    parts = (
        r.county,
        r.township,
        r.road,
        r.door,
        r.estate,
        r.building,
        r.entrance,
        r.floor,
        r.room,
    )
    return "_".join(part for part in parts if part)


def homophone_and_dashes(r: Record, rng: random.Random) -> str:
    """A misheard name and a run of numbers."""
    swaps = {
        "苑": "院",
        "园": "圆",
        "龙": "隆",
        "文": "闻",
        "海": "亥",
        "江": "姜",
        "河": "和",
        "桂": "贵",
    }
    name = "".join(swaps.get(char, char) for char in _place(r))
    return f"{r.county}{name}{'-'.join(_numbers(r))}" if _numbers(r) else without_province(r)


FORMS = (
    mixed_numerals, bare_run, lookalikes, without_road_word, door_only_in_brackets, room_first,
    noise_after, underscores, homophone_and_dashes,
)  # fmt: skip


def query_c(r: Record, rng: random.Random) -> tuple[str, str]:
    """Return the name of a form and the query in it."""
    form = rng.choice(FORMS)
    return form.__name__, form(r, rng)
