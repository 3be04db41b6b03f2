"""Names in a run of Chinese characters: where one ends, and what it names.

A name ends with a class word (路 村 小区 大厦 …), unless the class word goes on into another name
(广场东路, 中山路小学). What has no class word takes its kind from its place.
"""

from __future__ import annotations

import re

from geo.addresses.tokens import Kind, Reading
from geo.addresses.words import (
    COMMUNITY_ENDINGS,
    ESTATE_ENDINGS,
    NOTE_WORDS,
    RELATION_WORDS,
    ROAD_ENDINGS,
    TOWNSHIP_ENDINGS,
    ZONE_ENDINGS,
    alternatives,
    first_characters,
)

MAX_NAME_LENGTH = 30  # [characters]; a run without class word longer than this is no name

_LONG_ESTATES = tuple(word for word in ESTATE_ENDINGS if len(word) > 1)
_SHORT_ESTATES = tuple(word for word in ESTATE_ENDINGS if len(word) == 1)
_FIRST = first_characters(
    NOTE_WORDS,
    TOWNSHIP_ENDINGS,
    ZONE_ENDINGS,
    ESTATE_ENDINGS,
    COMMUNITY_ENDINGS,
    RELATION_WORDS,
    ROAD_ENDINGS,
    tuple("首底夹顶地口东西南北中一二三四五六七八九十正后上下前"),
)
_HIT = re.compile(
    rf"(?={_FIRST})(?:(?P<w>首层|底层|夹层|顶层|地下室)|(?P<n>{alternatives(NOTE_WORDS)})"
    rf"|(?P<t>{alternatives(tuple(w for w in TOWNSHIP_ENDINGS if len(w) > 1))})"
    rf"|(?P<z>{alternatives(ZONE_ENDINGS)})"
    rf"|(?P<e>{alternatives(_LONG_ESTATES)})"
    rf"|(?P<c>{alternatives(COMMUNITY_ENDINGS)})"
    rf"|(?P<a>{alternatives(RELATION_WORDS)}|(?<=[路街道巷弄村])口(?!岸)|(?<=[路街道巷弄])路口)"
    rf"|(?P<s>[东西南北中]?[一二三四五六七八九十东西南北]区|[一二三四五六七八九十]期|[东西南北中正后]门(?!市)|"
    rf"[东西南北中上下前后]?[东西南北中一二三四]段)"
    rf"|(?P<r>{alternatives(ROAD_ENDINGS)})"
    rf"|(?P<f>{alternatives(_SHORT_ESTATES)}))"
)
_KIND = {"z": Kind.ZONE, "c": Kind.COMMUNITY, "e": Kind.ESTATE, "f": Kind.ESTATE,
         "r": Kind.ROAD, "s": Kind.SUBESTATE, "t": Kind.TOWNSHIP}  # fmt: skip
_POINTERS = frozenset("东西南北中上下前后一二三四五六七八九十大小新老内外支")
_NUMBER_SIGNS = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_JOINERS = frozenset("与和及近")
_INNER_SHORT = frozenset("城苑园湾府郡厂院")  # one-character words that may end a name inside a run

_SIDES = frozenset("内东西南北中边旁上下里前后")
_ROADSIDES = frozenset({"路东", "路西", "路南", "路北"})
_TRAILING_SIDES = frozenset("内边旁")
_BASEMENT = re.compile(r"(?:负|地下)\Z")
_DIRECTED_ROAD = re.compile(r"[东西南北中]\d{1,5}(?:-\d+)?[号弄]")
_NUMBERED_ROAD = re.compile(r"\d{1,3}(?:路|巷)(?!口)")

_Hit = tuple[str, int, int]


def scan_names(reading: Reading, at: int, stop: int) -> int:
    """Add the name or relation word that begins at `at`; return where it ends."""
    text = reading.text
    stop = min(stop, at + MAX_NAME_LENGTH)
    hits: list[_Hit] = [
        (match.lastgroup or "", match.start(), match.end())
        for match in _HIT.finditer(text, at, stop)
    ]
    if hits and hits[0][1] == at and hits[0][0] in "an":
        group, start, end = hits[0]
        reading.add(Kind.RELATION if group == "a" else Kind.NOTE, start, end, text[start:end])
        return end
    if text[at : at + 2] in _ROADSIDES and reading.last_kind() in ("distance", "relation"):
        reading.add(Kind.RELATION, at, at + 2, text[at : at + 2])
        return at + 2
    if stop - at == 1 and text[at] in _SIDES and reading.tokens:
        reading.add(Kind.RELATION, at, stop, text[at])
        return stop
    if text[at] in _JOINERS and Kind.ROAD in reading.seen and any(h[0] == "r" for h in hits):
        reading.add(Kind.RELATION, at, at + 1, text[at])
        return at + 1
    if text[stop - 1] in _TRAILING_SIDES and stop - at > 2 and (not hits or hits[-1][2] < stop):
        stop -= 1
    basement = _BASEMENT.search(text, at + 1, stop)
    if basement is not None and text[stop : stop + 1].isdigit():
        stop = basement.start()
    group, end = _first_cut(text, at, stop, hits)
    if end == stop and not group:
        road = _NUMBERED_ROAD.match(text, stop)
        if road is not None:
            group, end = "r", road.end()
    if group == "r" and _DIRECTED_ROAD.match(text, end):
        end += 1  # 白云大道南1128号
    _add_name(reading, group, at, end)
    return end


def _first_cut(text: str, at: int, stop: int, hits: list[_Hit]) -> tuple[str, int]:
    """Return the class and the end of the first name."""
    count = len(hits)
    for index, (group, start, end) in enumerate(hits):
        if group in "anw":
            if start > at:
                return "", start
            continue
        following = hits[index + 1] if index + 1 < count else None
        if group == "s":
            if start == at:
                if following is None or following[1] > end:
                    return group, end
                continue
            if following is None or following[1] >= end:
                # 诚信三区 is one name; 西溪花园东区 would have been cut before the part.
                return ("e", end) if text[end - 1] == "区" and start - at >= 2 else ("", start)
            continue
        if group == "f":
            if end == stop or (
                text[start] in _INNER_SHORT
                and start - at >= 2
                and _starts_anew(text, end, following)
            ):
                return group, end
            continue
        if following is not None and _goes_on(text, hits, index, stop):
            continue
        if start == at and group in "rct" and (following is not None or end < stop):
            continue  # a class word without a name before it begins a name: 街心花园
        return group, end
    return "", stop


def _starts_anew(text: str, end: int, following: _Hit | None) -> bool:
    """Whether a name of its own stands between a short class word and the next class word."""
    if following is None or following[0] not in "re":
        return False
    between = text[end : following[1]]
    return len(between) >= 2 and not _POINTERS.issuperset(between)


def _goes_on(text: str, hits: list[_Hit], index: int, stop: int) -> bool:
    """Whether the name goes on past this class word into the next one."""
    group, start, end = hits[index]
    after, after_start, after_end = hits[index + 1]
    gap = after_start - end
    if after in "asnw":
        return False
    if gap == 0:
        if after == "f":
            return after_end == stop
        if group == "c" and after in "er":
            # 社区|学院街 begins anew, 村小学 and 新村路 go on
            third = hits[index + 2] if index + 2 < len(hits) else None
            return third is None or third[0] != "r" or third[1] - after_end > 1
        return after != "t"
    if after == "r" and group != "r":
        between = text[end:after_start]
        if group == "c":
            return gap == 1 and end - start == 1 and between in "东西南北中前后上下新老大小"
        return gap <= 2 and _POINTERS.issuperset(between)
    return False


def _add_name(reading: Reading, group: str, start: int, end: int) -> None:
    name = reading.text[start:end]
    seen = reading.seen
    if not group:
        numbered = end < reading.length and reading.text[end] in _NUMBER_SIGNS
        if end - start == MAX_NAME_LENGTH or not (reading.tokens or numbered):
            reading.add(Kind.OTHER, start, end, name)
            return
        group = "e"
    kind = _KIND[group]
    if group == "s" and name[-1] == "段":
        kind = Kind.SUBROAD if Kind.ROAD in seen else Kind.ROAD
    elif kind == Kind.ROAD and Kind.ROAD in seen:
        kind = Kind.SUBROAD
    elif kind in (Kind.ESTATE, Kind.SUBESTATE):
        if seen & _INSIDE:
            kind = Kind.NAME
        else:
            touching = reading.last_kind() in (Kind.ESTATE, Kind.SUBESTATE)
            kind = (
                Kind.ESTATE
                if Kind.ESTATE not in seen
                else Kind.SUBESTATE
                if touching
                else Kind.NAME
            )
    reading.add(kind, start, end, name)


_INSIDE = frozenset({Kind.BUILDING, Kind.ENTRANCE, Kind.FLOOR, Kind.ROOM})
