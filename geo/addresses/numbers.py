"""Numbers of an address: door, building, entrance, floor, room, group, and runs like 12-3-1001."""

from __future__ import annotations

import re

_NUMBER = r"[A-Z]{0,2}\d{1,6}[A-Z]?"
_SUFFIX = r"(?:[甲乙丙丁戊]|附\d{1,4}|负\d{1,4}|之\d{1,4})"

_DOOR = re.compile(
    r"(?:(\d{1,5})弄(?:(\d{1,4})支弄)?|"
    r"([甲乙丙丁戊]?\d{1,5}[A-Z甲乙丙丁戊]?(?:[-/~,]\d{1,5})*)"
    r"号(?:院(?!校))?((?:[甲乙丙丁戊](?![一-鿿]))|(?:附|之|-)\d{1,4}号?(?!楼|\d))?)"
)
_BUILDING = re.compile(
    rf"(?:({_NUMBER}|[A-Z])(?:号楼|号幢|号栋|幢|栋|座|#楼|号厂房|#)|([A-Z]\d{{0,2}})楼|(\d{{1,3}})楼(?=\d+单元))"
)
_ENTRANCE = re.compile(r"(?:(\d{1,3}|[A-Z])(?:号?单元|梯|号?楼道)|([东西南北中])单元)")
_FLOOR = re.compile(r"(?:(地下|负|B|-)?(\d{1,3})(?:层|楼|F(?![A-Z]))|(底层|夹层|地下室))")
_ROOM = re.compile(
    rf"(?:门面|商铺|铺面|附)?({_NUMBER}(?:-\d{{1,5}})*)(?:室|房间|房(?!屋)|户|号房|号铺|号门面|铺|号店)"
)
_GROUP = re.compile(r"(\d{1,3})(?:村民小组|小组|组|生产队|队|社(?!区))")
_RUN = re.compile(r"([A-Z]{0,2}\d{1,5}[A-Z]?)((?:-[A-Z]{0,2}\d{1,5}[A-Z]?)+)(?:室|号)?")
_BARE = re.compile(_NUMBER)


def scan_numbers(text: str, at: int, tokens: list[tuple[str, int, int, str, str | None]]) -> int:
    """Add the token of a number at `at`; return where it ends, or `at` if there is none."""
    kinds = [token[0] for token in tokens]
    has = kinds.__contains__
    match = _BUILDING.match(text, at)
    if match:
        value = match[1] or match[2] or match[3]
        tokens.append(("building", at, match.end(), value, None))
        return match.end()
    match = _ENTRANCE.match(text, at)
    if match:
        tokens.append(("entrance", at, match.end(), match[1] or match[2], None))
        return match.end()
    match = _GROUP.match(text, at)
    if match:
        tokens.append(("village_group", at, match.end(), match[1], None))
        return match.end()
    match = _FLOOR.match(text, at)
    if match:
        value = match[3] or ("-" if match[1] else "") + match[2]
        tokens.append(("floor", at, match.end(), value, None))
        return match.end()
    match = _ROOM.match(text, at)
    if match and "-" not in match[1]:
        tokens.append(("room", at, match.end(), match[1], None))
        return match.end()
    match = _RUN.match(text, at)
    if match and (has("estate") or has("road") or has("door") or has("building")):
        return _add_run(match, at, tokens, has)
    match = _DOOR.match(text, at)
    if match:
        return _add_door(match, at, tokens, has)
    match = _BARE.match(text, at)
    if match:
        _add_bare(match, at, tokens, has)
        return match.end()
    return at


def _add_run(match, at, tokens, has):  # type: ignore[no-untyped-def]
    numbers = match[0].rstrip("室号").split("-")
    if has("building"):
        levels = ["entrance", "room"] if len(numbers) == 2 else ["entrance", "floor", "room"]
    else:
        levels = {2: ["building", "room"], 3: ["building", "entrance", "room"]}.get(
            len(numbers), ["building", "entrance", "floor", "room"]
        )
    start = at
    for level, number in zip(levels, numbers, strict=False):
        end = start + len(number)
        if level == levels[-1] and match[0][-1] in "室号":
            end = match.end()
        tokens.append((level, start, end, number, None))
        start += len(number) + 1
    return match.end()


def _add_door(match, at, tokens, has):  # type: ignore[no-untyped-def]
    if match[1]:
        value = f"{match[1]}弄" + (f"{match[2]}支弄" if match[2] else "")
    else:
        value = match[3] + (match[4] or "").replace("号", "").replace("之", "附").replace("-", "附")
    kind = "door"
    if has("door") or (has("estate") and not has("building")):
        kind = "building" if not has("building") else "room"
    elif has("building"):
        kind = "room"
    tokens.append((kind, at, match.end(), value, None))
    return match.end()


def _add_bare(match, at, tokens, has):  # type: ignore[no-untyped-def]
    if has("building") or has("entrance") or has("floor"):
        kind = "room"
    elif has("estate"):
        kind = "building"
    elif has("road") and not has("door"):
        kind = "door"
    elif has("door"):
        kind = "room"
    else:
        kind = "other"
    tokens.append((kind, at, match.end(), match[0], None))
