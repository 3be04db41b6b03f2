"""Numbers of an address: door, building, entrance, floor, room, group, and runs like 12-3-1001.

What a number counts is said by its counting word; where there is none, by what stands before it
and by how many digits it has (a room has three or more, a building or an entrance fewer).
"""

from __future__ import annotations

import re

from geo.addresses.tokens import Reading
from geo.addresses.words import DWELLING_ENDINGS, ESTATE_ENDINGS, MARKET_ENDINGS, alternatives

_PIECE = r"(?:[A-Z]{0,2}\d{1,6}(?:[A-Z](?![A-Z\d]))?|[A-Z](?![A-Z]))"
_RUN = rf"{_PIECE}(?:[-~/]{{1,2}}{_PIECE}){{0,6}}"
# A number before one of these is part of a name: 新田360广场, 21世纪大厦.
_NAMING = (
    *(w for w in ESTATE_ENDINGS if len(w) > 1 and w not in ("大楼", "宿舍", "公司")),
    "世纪",
    "度",
)
_ROAD_NUMBER = r"\d{1,4}号?(?:大街|大道|街(?!道)|公路|国道|省道|县道|路)(?![口])"

_NUMBER = re.compile(
    rf"(?P<named>\d{{1,4}}(?:号线(?:地铁站|站)?|{alternatives(_NAMING)}))"
    rf"|(?P<road>{_ROAD_NUMBER})"
    rf"|(?P<lane>\d{{1,5}}弄(?:\d{{1,4}}支弄)?)"
    rf"|(?P<pair>\d{{1,3}}[-~]\d{{1,2}})(?:楼|层|F(?![A-Z0-9]))"
    rf"|(?P<building>{_PIECE}(?:-\d{{1,3}})?)"
    r"(?:号楼|号幢|号栋|幢|栋|座(?!机)|排(?!档)|#楼|号厂房|号宿舍楼|号馆|#)"
    rf"|(?P<lettered>[A-Z]\d{{0,2}})楼"
    rf"|(?P<tower>\d{{1,3}})楼(?=\d{{1,2}}单元)"
    rf"|(?P<entrance>\d{{1,3}}|[A-Z])(?:号?单元|号?梯(?!田)|号?楼道|号楼梯|号门(?![面店市诊口卫前])|门(?=\d{{3,4}}(?!\d)))"
    rf"|(?P<group>\d{{1,3}})(?:村民小组|小组|组|生产队|队(?!伍))"
    rf"|(?P<floor>(?:地下|负|B|-)?\d{{1,3}}[A-Z]?)(?:层|楼(?![梯道])|F(?![A-Z0-9]))"
    rf"|(?P<section>(?:[A-Z]|\d{{1,2}})(?:区|期))"
    rf"|(?P<room>{_PIECE})(?:室|房间|房(?![屋产地])|户(?!外)|号房|号室|号(?:铺|门面|商铺|店)(?!\d)|铺(?![一-鿿]))"
    rf"|(?P<door>(?:[甲乙丙丁戊]|[A-Z]{{1,2}})?\d{{1,6}}[A-Z甲乙丙丁戊]?(?:[-~/,]\d{{1,5}}[A-Z]?){{0,6}}(?:-[A-Z](?=号))?)"
    rf"号(?:院(?![校长士落子]))?(?P<suffix>[甲乙丙丁戊](?![一-鿿])|(?:附|之|-附)\d{{1,4}}(?:号(?!楼)|(?!\d)))?"
    rf"|(?![A-Z]{{1,2}}[一-鿿])(?P<run>{_RUN})(?P<counted>室)?"
)
_WORDED = re.compile(
    r"(?P<floor>地下室|地下(?![一-鿿\d])|首层|底层|夹层|顶层|顶楼|底楼|地下车库|(?:地下|负)\d{1,2}[层楼])"
    r"|(?P<entrance>[东西南北中])(?:单元|梯)"
    r"|(?P<building>[东西南北中主副前后]楼(?=\d))"
    r"|(?P<room>(?:门面|商铺|店面|铺面|车库|阁楼|附|负)[A-Z]?\d{1,4}号?(?:室|房)?|空挂户)"
    r"|(?P<door>[甲乙丙丁戊]\d{1,5}|附\d{1,4}|\d{1,5})号(?:院(?![校长士落子]))?"
)
WORDED_STARTS = frozenset("首地底夹顶负东西南北中主副前后门商店铺车阁附空甲乙丙丁戊")
_SPLIT = re.compile(r"[-~/]+")


def scan_worded(reading: Reading, at: int) -> int:
    """Add a floor, entrance or suffix that begins with a word (底层, 东单元, 附3号)."""
    match = _WORDED.match(reading.text, at)
    if match is None:
        return at
    kind = match.lastgroup or ""
    if kind in ("floor", "building", "room") and not (reading.seen & _IN_SITE or kind == "floor"):
        return at
    value = match[kind]
    if value == "首层":
        value = "1"
    elif kind == "floor" and value[-1] in "层楼" and value[-2].isdigit():
        value = "-" + re.sub(r"\D", "", value)
    elif kind == "door":
        if value[0] == "附" and "door" in reading.seen:
            return _add_suffix(reading, at, match.end(), value)
        if value[0] in "甲乙丙丁戊":
            value = value[1:] + value[0]
    elif kind == "room":
        value = re.sub(r"[号室房]+$", "", value) if value[-1] in "号室房" else value
    reading.add(kind, at, match.end(), value)
    return match.end()


_IN_SITE = frozenset({"road", "door", "estate", "building", "entrance", "community", "subdoor"})


def _add_suffix(reading: Reading, at: int, end: int, value: str) -> int:
    """Join 附3号 to the door before it where they touch; else it is a door by itself."""
    kind, start, before, door, _ = reading.tokens[-1]
    if kind in ("door", "subdoor") and before == at:
        reading.tokens[-1] = (kind, start, end, door + value, None)
    else:
        reading.add("room", at, end, value)
    return end


# What most numbers look like. Where one of these characters follows, or anything else than
# digits and one counting word, the full grammar `_NUMBER` is asked, which takes ten times longer.
_AFTER_DOOR = "线大街公国省县路楼幢栋厂宿馆单梯门房室铺商店院甲乙丙丁戊附之0-9-"
_PLAIN_NUMBER = re.compile(
    rf"(\d{{1,5}})(?:(?P<door>号)(?![{_AFTER_DOOR}])|(?P<building>[幢栋]|号楼)"
    r"|(?P<entrance>单元)|(?P<room>室)|(?P<floor>层)|(?P<run>$))"
)


def _scan_plain_number(reading: Reading, at: int) -> int:
    """Add a number of the most common forms (12号, 3幢, 1001); return its end, or `at`."""
    match = _PLAIN_NUMBER.match(reading.text, at)
    if match is None:
        return at
    kind, number, end = match.lastgroup, match[1], match.end()
    if kind == "door":
        reading.add(_numbered_kind(reading, number, end), at, end, number)
    elif kind == "building":
        _add_building(reading, at, end, number)
    elif kind == "run":
        levels = _run_levels(reading, [number], counted=False)
        reading.add(levels[0] if levels else "other", at, end, number)
    elif kind == "room" or (kind is not None and len(number) <= _COUNTED_DIGITS):
        reading.add(kind, at, end, number)
    else:
        return at
    return end


_COUNTED_DIGITS = 3  # no entrance or floor has more


def scan_number(reading: Reading, at: int) -> int:
    """Add the tokens of a number at `at`; return where they end, or `at` if there is none."""
    end = _scan_plain_number(reading, at)
    if end > at:
        return end
    match = _NUMBER.match(reading.text, at)
    if match is None:
        return at
    kind = match.lastgroup
    end = match.end()
    if kind == "building":
        _add_building(reading, at, end, match[kind])
    elif kind in ("entrance", "room"):
        reading.add(kind, at, end, match[kind])
    elif kind == "pair":
        first, second = _SPLIT.split(match["pair"])
        if reading.last_kind() in ("estate", "subestate", "door") and match[0][-1] != "层":
            # 8-11楼 after an estate: building 8, floor 11
            middle = at + len(first)
            reading.add("building", at, middle, first)
            reading.add("floor", middle + 1, end, second)
        else:
            reading.add("floor", at, end, f"{first}-{second}")
    elif kind in ("lettered", "tower"):
        reading.add("building", at, end, match[kind])
    elif kind == "floor":
        value = match["floor"]
        number = re.sub(r"^\D+", "", value)
        reading.add("floor", at, end, number if value == number else f"-{number}")
    elif kind == "named":
        _add_named(reading, at, end)
    elif kind == "road":
        reading.add("subroad" if "road" in reading.seen else "road", at, end, match[0])
    elif kind == "lane":
        reading.add(_door_kind(reading), at, end, match[0])
        reading.seen.add("lane")
    elif kind == "group":
        reading.add("village_group", at, end, match["group"])
    elif kind == "section":
        if not reading.tokens:
            reading.add("estate", at, end, match[0])
        else:
            reading.add("subestate" if "estate" in reading.seen else "estate", at, end, match[0])
    elif kind in ("door", "suffix"):
        return _add_numbered(reading, at, match)
    else:
        return _add_run(reading, at, match["run"], end, counted=match["counted"] is not None)
    return end


def _add_building(reading: Reading, at: int, end: int, value: str) -> None:
    """Add a building; a block of it that touches makes one value: 5栋C座 is 5-C."""
    kind, start, before, first, _ = reading.tokens[-1] if reading.tokens else ("", 0, -1, "", None)
    if kind == "building" and before == at and value.isalpha() and "-" not in first:
        reading.tokens[-1] = (kind, start, end, f"{first}-{value}", None)
    else:
        reading.add("building", at, end, value)


def _add_named(reading: Reading, at: int, end: int) -> None:
    """Add a name that begins with a number, joined to the name it touches."""
    kind, start, before, name, _ = reading.tokens[-1] if reading.tokens else ("", 0, -1, "", None)
    if before == at and kind in ("estate", "subestate", "name"):
        reading.tokens[-1] = (kind, start, end, name + reading.text[at:end], None)
    else:
        kind = "name" if reading.seen & {"building", "floor", "room"} else "estate"
        reading.add("subestate" if kind in reading.seen else kind, at, end, reading.text[at:end])


def _door_kind(reading: Reading) -> str:
    return "subdoor" if reading.last_name == "subroad" else "door"


def _digits(number: str) -> int:
    return sum(char.isdigit() for char in number)


def _add_numbered(reading: Reading, at: int, match: re.Match[str]) -> int:
    """Add `12号`: a door, or inside an estate or a lane a building, inside a building a room."""
    number, suffix, end = match["door"], match["suffix"] or "", match.end()
    if number[0] in "甲乙丙丁戊":
        number = number[1:] + number[0]
    number = number.replace("~", "-").replace("/", "-").replace(",", "-")
    value = number + suffix.strip("-号").replace("之", "附")
    if "-" in number and reading.last_kind() in ("estate", "subestate", "building"):
        return _add_run(reading, at, number, end, counted=False)
    reading.add(_numbered_kind(reading, number, end), at, end, value)
    return end


def _numbered_kind(reading: Reading, number: str, end: int) -> str:
    """Return what `12号`, which ends at `end`, counts."""
    seen, last = reading.seen, reading.last_kind()
    more = end < reading.length and reading.text[end] in "0123456789-"
    if last in ("road", "subroad"):
        kind = _door_kind(reading)
    elif "floor" in seen or "entrance" in seen:
        kind = "room"
    elif "building" in seen:
        kind = "entrance" if _digits(number) <= 2 or more else "room"
    elif last in ("estate", "subestate"):
        kind = _numbered_in_estate(reading, number, more=more)
    elif "door" in seen or "subdoor" in seen:
        kind = "building" if _digits(number) <= 3 or more else "room"
    else:
        kind = "door"
    return kind


def _numbered_in_estate(reading: Reading, number: str, *, more: bool) -> str:
    """Return what `12号` counts right after an estate."""
    name, seen = reading.tokens[-1][3], reading.seen
    if "lane" in seen:
        return "building"
    if name.endswith(MARKET_ENDINGS) and _digits(number) > 2:
        return "room"
    if more:
        return "building"
    if "door" in seen or "subdoor" in seen:
        return "building" if _digits(number) <= 3 else "room"
    if "community" in seen or _digits(number) > 3:
        return "door"
    return "building" if "road" in seen or name.endswith(DWELLING_ENDINGS) else "door"


_AFTER_ESTATE = {1: ("building",), 3: ("building", "entrance", "room"),
                 4: ("building", "entrance", "floor", "room")}  # fmt: skip


def _add_run(reading: Reading, at: int, run: str, end: int, *, counted: bool) -> int:
    pieces = _SPLIT.split(run)
    levels = _run_levels(reading, pieces, counted)
    if levels is None or len(pieces) > 4:
        reading.add("other", at, end, run)
        return end
    if len(levels) < len(pieces):
        reading.add(levels[0], at, end, run)
        return end
    start = at
    for number, (level, piece) in enumerate(zip(levels, pieces, strict=False), 1):
        start = reading.text.index(piece, start)
        stop = end if number == len(pieces) else start + len(piece)
        reading.add(level, start, stop, piece)
        start = stop
    return end


def _is_range(pieces: list[str]) -> bool:
    """Whether two numbers are rooms from to, side by side on one floor: 901-904."""
    if len(pieces) != 2 or not (pieces[0].isdigit() and pieces[1].isdigit()):
        return False
    first, second = pieces
    return len(first) == len(second) >= 3 and first[:-2] == second[:-2] and first < second


def _run_levels(reading: Reading, pieces: list[str], counted: bool) -> tuple[str, ...] | None:
    """Return the levels of a run of numbers, None where nothing says what it counts."""
    seen, count = reading.seen, len(pieces)
    last = reading.last_kind()
    digits = [_digits(piece) for piece in pieces]
    if max(digits) > 5:
        return None
    if (counted and count == 1) or (
        _is_range(pieces) and last not in ("road", "subroad", "community", "village_group")
    ):
        return ("room",)
    if "building" in seen and "entrance" not in seen and "floor" not in seen:
        if count == 1:
            lettered = pieces[0][-1].isalpha() and len(pieces[0]) > 1
            return ("room",) if digits[0] > 2 or lettered else ("entrance",)
        if count == 2 and digits[0] > 2:
            return ("room",)  # 4148-4158: rooms from to; 1602-4: a part of one
        return ("entrance", "room") if count == 2 else ("entrance", "floor", "room")
    if "building" in seen or "entrance" in seen or "floor" in seen:
        return ("room",)
    if last in ("road", "subroad"):
        door = _door_kind(reading)
        if count == 1:
            return (door,)
        if count == 2:
            return (door, "room") if digits[1] > 2 and digits[1] > digits[0] else (door,)
        return (door, "building", "room") if count == 3 else None
    if last in ("door", "subdoor", "estate", "subestate") or "estate" in seen:
        if count == 1:
            return ("room",) if digits[0] > 2 else ("building",)
        if count == 2:
            return ("building", "room") if digits[1] > 2 or counted else ("building", "entrance")
        return _AFTER_ESTATE.get(count)
    if last in ("community", "village_group"):
        if count == 1 or (count == 2 and digits[1] < 3):
            return ("door",)
        return ("building", "room") if count == 2 else _AFTER_ESTATE.get(count)
    if "door" in seen:
        return ("room",) if count == 1 else ("building", "room") if count == 2 else None
    return None
