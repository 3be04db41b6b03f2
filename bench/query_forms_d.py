"""Heavy noise (group D): two or more slips in each text, and two more faults beside them.

The forms were decided before any result was looked at. Numbers are always the right ones: another
number is another address. What is left out is only what the rest of the text replaces.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from bench.query_forms_a import digits_to_numerals, number
from bench.synthetic_city import CITY, PROVINCE, Record

MIN_SLIPS = 2
TWO_SLIPS_LENGTH = 5  # [characters] of a name that may have two slips and is still itself

_WRONG_CHARACTERS = "天地大小方正明光永新志立成功吉昆百川左右高远同乐友"
_ALIKE_IN_SOUND = dict(
    zip(
        "文银金龙春秋海江河湖山林云星阳华建平安宁福祥嘉德仁义礼智信学府桂梅兰竹松柏青碧玉珠宝石苑溪港塘桥源泉田园庭城门关岛滨庄营镇昌盛",
        "闻吟今隆椿丘嗨姜和胡珊霖芸兴洋桦健苹鞍柠符详佳得人艺理志新雪腐贵枚蓝烛嵩百清壁育猪保时院西岗糖乔园全甜圆停成们官倒宾装盈振常剩",
        strict=True,
    )
)
_OPENINGS = ("你好我这里是", "快递送到", "人在", "报个地址：", "事发地", "家住", "帮忙看下")
_CLOSINGS = ("，到了打电话", "这边", "（白色的门）", "，李女士", " 15900000000", "，快点来", "!!")
_TOWN_FIRST, _TOWN_SECOND = "文翠银金凤龙春海江河湖山云星", "苑泽溪港塘桥湾源泉峰岗城门渡"
_BUILDING_WORDS = ("号楼", "幢", "栋")


class Draft:
    """A text in the making: levels in order, each with what will be written."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.parts = {
            "province": PROVINCE,
            "city": CITY,
            **{
                level: value
                for level in (
                    "county", "township", "community", "road", "door", "estate", "group",
                    "building", "entrance", "floor", "room", "shop",
                )
                if (value := getattr(record, level))
            },
        }  # fmt: skip
        if record.kind == "village":
            # The house number stands behind the group.
            self.parts["door"] = self.parts.pop("door")
        self.separator = ""
        self.before = self.after = ""

    def text(self) -> str:
        return self.before + self.separator.join(self.parts.values()) + self.after


def wrong_town(draft: Draft, rng: random.Random) -> None:
    """Another township, or one where none was written."""
    town = rng.choice(_TOWN_FIRST) + rng.choice(_TOWN_SECOND) + rng.choice(("街道", "镇"))
    rest = draft.parts
    draft.parts = {}
    for level, value in rest.items():
        draft.parts[level] = value
        if level == "county":
            draft.parts["township"] = town
    if "township" in rest:
        draft.parts["township"] = town


def left_out(draft: Draft, rng: random.Random) -> None:
    """Province, city, township, and the road of an estate, or the estate of a door."""
    for level in ("province", "city", "community", "township"):
        if draft.record.kind != "village" or level in ("province", "city"):
            draft.parts.pop(level, None)
    if draft.record.estate and draft.record.building and rng.random() < 0.5:
        for level in ("road", "door"):
            draft.parts.pop(level)


def chatter(draft: Draft, rng: random.Random) -> None:
    draft.before, draft.after = rng.choice(_OPENINGS), rng.choice(_CLOSINGS)


def reordered(draft: Draft, rng: random.Random) -> None:
    """Fine to coarse, in pieces."""
    parts = draft.parts
    tail = "".join(
        parts[each] for each in ("group", "building", "entrance", "floor", "room") if each in parts
    )
    if draft.record.kind == "village":
        tail += parts["door"]
    else:
        parts["road"] = parts.get("road", "") + parts.pop("door", "")
    pieces = {
        "tail": tail,
        **{
            each: parts[each]
            for each in ("shop", "estate", "road", "community", "township", "county", "city")
            if parts.get(each)
        },
    }
    draft.parts = {level: piece for level, piece in pieces.items() if piece}
    draft.separator = rng.choice(("，", " ", "、"))


def retold(draft: Draft, rng: random.Random) -> None:
    """Other counting words, numerals as they are said, or dashes."""
    parts = draft.parts
    draw = rng.random()
    if draw < 0.4:
        for level in ("building", "entrance", "room", "group"):
            if level in parts:
                parts[level] = digits_to_numerals(parts[level])
    elif draw < 0.7 and {"building", "room"} <= parts.keys():
        run = [
            number(parts.pop(each)) for each in ("building", "entrance", "room") if each in parts
        ]
        parts.pop("floor", None)
        parts["room"] = "-".join(run)
    else:
        for word in _BUILDING_WORDS:
            if parts.get("building", "").endswith(word):
                other = rng.choice([each for each in _BUILDING_WORDS if each != word])
                parts["building"] = parts["building"].removesuffix(word) + other
                break
        if "room" in parts:
            parts["room"] = number(parts["room"])


def _slip(name: str, rng: random.Random) -> str:
    """One slip in a name, not in its class word where the name is long enough."""
    at = rng.randrange(max(1, min(len(name) - 1, 3)))
    kind = rng.choice(("wrong", "sound", "dropped", "exchanged", "added"))
    if kind == "sound" and name[at] in _ALIKE_IN_SOUND:
        return name[:at] + _ALIKE_IN_SOUND[name[at]] + name[at + 1 :]
    if kind == "dropped" and len(name) > 3:
        return name[:at] + name[at + 1 :]
    if kind == "exchanged" and len(name) > 2:
        return name[:at] + name[at + 1] + name[at] + name[at + 2 :]
    if kind == "added":
        return name[: at + 1] + rng.choice(_WRONG_CHARACTERS) + name[at + 1 :]
    return name[:at] + rng.choice(_WRONG_CHARACTERS) + name[at + 1 :]


def _with_slips(draft: Draft, rng: random.Random) -> None:
    """Two slips or more: one a name, two in a long one."""
    record = draft.record
    levels = [
        level
        for level in ("road", "estate", "community", "township", "county")
        if getattr(record, level) and any(getattr(record, level) in p for p in draft.parts.values())
    ]
    chosen = levels[: MIN_SLIPS + (rng.random() < 0.2)]
    slips = dict.fromkeys(chosen, 1)
    if len(chosen) < MIN_SLIPS:
        slips = dict.fromkeys(chosen, MIN_SLIPS)
    for level, count in slips.items():
        name = wrong = getattr(record, level)
        for _ in range(count if len(name) >= TWO_SLIPS_LENGTH else 1):
            wrong = _slip(wrong, rng)
        for each, value in draft.parts.items():
            draft.parts[each] = value.replace(name, wrong)


FAULTS: tuple[Callable[[Draft, random.Random], None], ...] = (
    wrong_town, left_out, chatter, reordered, retold,
)  # fmt: skip


def query_d(r: Record, rng: random.Random) -> tuple[str, str]:
    """Return the name of a form and the query in it."""
    faults = rng.sample(FAULTS, 2)
    draft = Draft(r)
    # Reordering joins parts, so it comes last.
    for fault in sorted(faults, key=FAULTS.index):
        if fault is not reordered:
            fault(draft, rng)
    _with_slips(draft, rng)
    if reordered in faults:
        reordered(draft, rng)
    return "+".join(sorted(fault.__name__ for fault in faults)), draft.text()
