"""Query forms looked at while the matcher was written (group A)."""

from __future__ import annotations

import random

from bench.synthetic_city import CITY, COUNTIES, PROVINCE, Record

_NUMERALS = "零一二三四五六七八九"
_HOMOPHONES = dict(
    zip(
        "文银金龙春海江河湖山林云星阳华建平安康福祥嘉德桂梅兰竹青玉宝苑溪塘桥源泉园亭庭",
        "闻吟今隆椿嗨姜和胡珊霖芸兴洋桦健苹鞍糠符详佳得贵枚蓝烛清育堡院西糖乔园全圆停亭",
        strict=True,
    )
)
_OTHER_CHARACTERS = "天地人大方正明光永新立志成功永吉昆百川"


def digits_to_numerals(text: str) -> str:
    """Write each number as people say it: 12 十二, 301 三零一."""
    out, at = "", 0
    while at < len(text):
        if not text[at].isdigit():
            out += text[at]
            at += 1
            continue
        end = at
        while end < len(text) and text[end].isdigit():
            end += 1
        number = text[at:end]
        if len(number) == 2 and number[0] != "0":
            tens = "" if number[0] == "1" else _NUMERALS[int(number[0])]
            ones = "" if number[1] == "0" else _NUMERALS[int(number[1])]
            out += f"{tens}十{ones}"
        else:
            out += "".join(_NUMERALS[int(d)] for d in number)
        at = end
    return out


def full(r: Record) -> str:
    return r.text


def without_province(r: Record) -> str:
    return r.text.removeprefix(PROVINCE + CITY)


def body(r: Record) -> str:
    return r.text.removeprefix(f"{PROVINCE}{CITY}{r.county}{r.township}")


def number(component: str) -> str:
    return component.rstrip("号楼幢栋座单元室层弄院组")


def dashes(r: Record, rng: random.Random) -> str:
    tail = [number(part) for part in (r.building, r.entrance, r.room) if part]
    if len(tail) < 2:
        return body(r)
    head = r.estate or r.road + r.door
    return head + "-".join(tail)


def other_building_word(r: Record, rng: random.Random) -> str:
    text = body(r)
    for word in ("号楼", "幢", "栋"):
        if r.building.endswith(word):
            other = rng.choice([w for w in ("号楼", "幢", "栋", "#") if w != word])
            text = text.replace(r.building, r.building.removesuffix(word) + other)
            break
    return text.removesuffix("室")


def numerals(r: Record, rng: random.Random) -> str:
    return r.county + digits_to_numerals(body(r))


def _name(r: Record) -> str:
    return r.estate or r.road or r.community


def typo(r: Record, rng: random.Random) -> str:
    name = _name(r)
    at = rng.randrange(min(2, len(name)))
    wrong = name[:at] + rng.choice(_OTHER_CHARACTERS) + name[at + 1 :]
    return without_province(r).replace(name, wrong)


def homophone(r: Record, rng: random.Random) -> str:
    name = _name(r)
    wrong = "".join(_HOMOPHONES.get(char, char) for char in name[:2]) + name[2:]
    return without_province(r).replace(name, wrong)


def estate_only(r: Record, rng: random.Random) -> str:
    return body(r).replace(r.road + r.door, "") if r.estate else without_province(r)


def full_width(r: Record, rng: random.Random) -> str:
    wide = "".join(chr(ord(c) + 0xFEE0) if c.isdigit() else c for c in without_province(r))
    return wide.replace(r.township, f" {r.township} ")


def with_note(r: Record, rng: random.Random) -> str:
    return without_province(r) + rng.choice(
        ("(近地铁站)", "，送到请电话联系", "（旁边有超市）", " 收货人自取")
    )


def wrong_county(r: Record, rng: random.Random) -> str:
    other = rng.choice([c for c in COUNTIES if c != r.county])
    return f"{CITY}{other}{r.township}{body(r)}"


def short_name(r: Record, rng: random.Random) -> str:
    text = body(r)
    for word in (
        "小区",
        "花园",
        "家园",
        "公寓",
        "大厦",
        "广场",
        "中心",
        "新村",
        "花苑",
        "佳苑",
        "雅苑",
    ):
        if word in r.estate:
            return text.replace(r.estate, r.estate.replace(word, ""))
    return text.replace("社区", "").replace("街道", "")


def query_a(r: Record, rng: random.Random) -> tuple[str, str]:
    """Return the name of a form and the query in it."""
    forms = {
        "full": lambda: full(r),
        "without_province": lambda: without_province(r),
        "body": lambda: body(r) if r.kind != "village" else without_province(r),
        "dashes": lambda: dashes(r, rng),
        "other_building_word": lambda: other_building_word(r, rng),
        "numerals": lambda: numerals(r, rng),
        "typo": lambda: typo(r, rng),
        "homophone": lambda: homophone(r, rng),
        "estate_only": lambda: estate_only(r, rng),
        "full_width": lambda: full_width(r, rng),
        "with_note": lambda: with_note(r, rng),
        "wrong_county": lambda: wrong_county(r, rng),
        "short_name": lambda: short_name(r, rng),
    }
    name = rng.choice(list(forms))
    return name, forms[name]()
