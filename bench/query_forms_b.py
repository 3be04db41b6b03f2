"""Fresh query forms (group B), written after the matcher. Nothing is tuned to their failures."""

from __future__ import annotations

import random

from bench.query_forms_a import body, digits_to_numerals, number, without_province
from bench.synthetic_city import CITY, PROVINCE, Record

_FINANCIAL = str.maketrans("零一二三四五六七八九十", "零壹贰叁肆伍陆柒捌玖拾")
_TRADITIONAL = str.maketrans(
    "号楼单东园宝岭关义礼兰凤龙华银云阳庄乡镇达顺荣长门湾无区苏",
    "號樓單東園寶嶺關義禮蘭鳳龍華銀雲陽莊鄉鎮達順榮長門灣無區蘇",
)
_WRONG_CHARACTERS = "天地大小方正明光永新立志成功吉昆百川左右"
_OPENINGS = ("我住在", "麻烦送到", "报警地点：", "在", "位于", "目的地是")
_CLOSINGS = (
    " 13800000000",
    "，王先生收",
    "（门口放着就行）",
    "，有人打架",
    "附近没人",
    "！！！急",
    " 谢谢啦",
)


def _place(r: Record) -> str:
    """Estate, or road and door, or community: what people say first."""
    if r.kind == "village":
        return r.township + r.community
    return r.estate or r.road + r.door


def _tail(r: Record) -> list[str]:
    return [part for part in (r.group, r.building, r.entrance, r.floor, r.room) if part]


def slashes(r: Record, rng: random.Random) -> str:
    """小区3/2/101"""
    numbers = [number(part) for part in (r.building, r.entrance, r.room) if part]
    if len(numbers) < 2:
        return without_province(r)
    return _place(r) + rng.choice(("/", "\\", "，", ".")).join(numbers)


def reordered(r: Record, rng: random.Random) -> str:
    """101室2单元3幢，小区，路12号，区"""
    if r.kind == "village":
        return f"{r.door}{r.group}，{r.community}，{r.township}"
    pieces = ["".join(reversed(_tail(r))), r.estate, r.road + r.door, r.county]
    return rng.choice(("，", " ", ",")).join(piece for piece in pieces if piece)


def spoken(r: Record, rng: random.Random) -> str:
    """小区三杠二杠幺零幺"""
    numbers = [number(part) for part in (r.building, r.entrance, r.room) if part]
    if len(numbers) < 2 or not all(n.isdigit() for n in numbers):
        return digits_to_numerals(without_province(r))
    said = "杠".join(digits_to_numerals(n) for n in numbers)
    return _place(r) + said.replace("零一", "零幺")


def financial(r: Record, rng: random.Random) -> str:
    """文一路贰拾捌号叁幢"""
    return (
        digits_to_numerals(body(r)).translate(_FINANCIAL) if r.kind != "village" else spoken(r, rng)
    )


def clipped_head(r: Record, rng: random.Random) -> str:
    """The beginning is missing, in the middle of a name."""
    text = body(r)
    name = r.estate or r.road or r.community
    at = text.index(name) + 1 if len(name) > 3 else text.index(name)
    return text[at:]


def clipped_tail_word(r: Record, rng: random.Random) -> str:
    """Counting words are left out: 小区3幢2-101, 5组12"""
    if r.kind == "village":
        return f"{r.township}{r.community}{r.group}{number(r.door)}"
    inner = "-".join(number(part) for part in (r.entrance, r.room) if part)
    return _place(r) + r.building + inner


def spaced(r: Record, rng: random.Random) -> str:
    """文 一 路 1 2 号: blanks between the parts, some inside"""
    parts = [r.township, r.community, r.road, r.door, r.estate, *_tail(r), r.shop]
    if r.kind == "village":
        parts = [r.township, r.community, r.group, r.door]
    return rng.choice(("  ", "\u3000", "\t")).join(part for part in parts if part)


def word_first(r: Record, rng: random.Random) -> str:
    """小区 楼号:3 单元:2 室:101"""
    if r.kind == "village":
        return f"{r.township}{r.community} {r.group} 门牌{r.door}"
    said = [_place(r)]
    for label, part in (("楼号", r.building), ("单元", r.entrance), ("房号", r.room or r.floor)):
        if part:
            said.append(f"{label}:{number(part)}")
    return " ".join(said)


def english(r: Record, rng: random.Random) -> str:
    """Room 101, Unit 2, Building 3, 小区, 路12号"""
    if r.kind == "village":
        return f"No.{number(r.door)}, Group {number(r.group)}, {r.community}, {r.township}"
    said = []
    for label, part in (("Room", r.room), ("Unit", r.entrance), ("Building", r.building)):
        if part:
            said.append(f"{label} {number(part)}")
    return ", ".join([*said, *(p for p in (r.estate, r.road + r.door) if p)])


def two_typos(r: Record, rng: random.Random) -> str:
    """One wrong character in the road, one in the estate (or one where there is but one name)."""
    text = without_province(r)
    for name in {r.road, r.estate or r.community} - {""}:
        at = rng.randrange(min(2, len(name)))
        text = text.replace(name, name[:at] + rng.choice(_WRONG_CHARACTERS) + name[at + 1 :])
    return text


def swapped(r: Record, rng: random.Random) -> str:
    """Two neighbouring characters of the name exchanged."""
    name = r.estate or r.road or r.community
    return without_province(r).replace(name, name[1] + name[0] + name[2:])


def dropped(r: Record, rng: random.Random) -> str:
    """A character of the name left out."""
    name = r.estate or r.road or r.community
    at = rng.randrange(min(2, len(name)))
    return without_province(r).replace(name, name[:at] + name[at + 1 :])


def chatter(r: Record, rng: random.Random) -> str:
    """我住在…，王先生收"""
    return rng.choice(_OPENINGS) + without_province(r) + rng.choice(_CLOSINGS)


def repeated_head(r: Record, rng: random.Random) -> str:
    """江苏省苏州市江苏省苏州市姑苏区----…"""
    return f"{PROVINCE}{CITY}{PROVINCE}{CITY}{r.county}{r.county}----{body(r)}"


def traditional(r: Record, rng: random.Random) -> str:
    return without_province(r).translate(_TRADITIONAL)


def zero_padded(r: Record, rng: random.Random) -> str:
    """03幢02单元0101室"""
    text = body(r) if r.kind != "village" else without_province(r)
    for part in (r.building, r.entrance, r.group):
        if part and number(part).isdigit():
            text = text.replace(part, part.replace(number(part), number(part).zfill(2)))
    return text.replace(r.room, "0" + r.room) if len(number(r.room)) == 3 else text


def wrong_town(r: Record, rng: random.Random) -> str:
    """Another town before the right road: 王家镇文一路12号…"""
    return f"王家镇{body(r).removeprefix(r.community)}" if r.kind != "village" else r.text


def colloquial(r: Record, rng: random.Random) -> str:
    """小区3号2门101"""
    if r.kind == "village":
        return f"{r.township}{r.community.removesuffix('村')}{r.group.replace('组', '队')}{r.door}"
    building = (
        number(r.building) + "号" if r.building and r.kind in ("estate", "towers") else r.building
    )
    return _place(r) + building + r.entrance.replace("单元", "门") + number(r.room or r.floor)


FORMS = (
    slashes, reordered, spoken, financial, clipped_head, clipped_tail_word, spaced, word_first,
    english, two_typos, swapped, dropped, chatter, repeated_head, traditional, zero_padded,
    wrong_town, colloquial,
)  # fmt: skip


def query_b(r: Record, rng: random.Random) -> tuple[str, str]:
    """Return the name of a form and the query in it."""
    form = rng.choice(FORMS)
    return form.__name__, form(r, rng)
