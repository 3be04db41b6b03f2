"""Find provinces, cities and counties in text and settle which ones they are.

A name may stand for several divisions; all are kept until what follows, or the deployment's own
area, leaves one. Nothing is asserted that the text doesn't say.
"""

from __future__ import annotations

from collections.abc import Mapping

from geo.addresses.division_names import (
    division_facts,
    is_only_county,
    township_names,
    upper_names,
)
from geo.addresses.division_paths import match_chain
from geo.addresses.division_slips import match_slip
from geo.addresses.division_state import DivisionState
from geo.addresses.division_words import (
    CHANGED_CLASS,
    CORPS,
    COUNTY,
    FILLER,
    FILLER_STARTS,
    INSTITUTION,
    NAME_GOES_ON,
    ROAD_GOES_ON,
    ZONE_FOLLOWS,
)
from geo.addresses.divisions import code_prefix, load_divisions
from geo.addresses.levels import DIVISION_LEVELS, AddressLevel
from geo.addresses.tokens import Reading
from geo.addresses.township_match import match_after_road, match_township, match_village

_RANK = {level.value: level.rank for level in AddressLevel}
_CITY_RANK, _COUNTY_RANK = AddressLevel.CITY.rank, AddressLevel.COUNTY.rank
_TOWNSHIP_RANK = AddressLevel.TOWNSHIP.rank
# Once one of these stands in the text, a division name is part of another name.
_CLOSING = frozenset({"road", "door", "estate", "building", "community", "floor", "room"})


def match_division(reading: Reading, at: int, stop: int, state: DivisionState) -> int:
    """Add the token of a division at `at`; return where it ends, or `at` if there is none."""
    text = reading.text
    if not reading.seen.isdisjoint(_CLOSING):
        if at == reading.chain:
            end = match_chain(reading, at, state)
            if end > at:
                return end
        last = reading.last_kind()
        if last in ("relation", "distance") and len(reading.tokens) < 6:
            return _match_upper(reading, at, stop, state, only_full=True)
        if last == "road" and state.candidates and state.level < _TOWNSHIP_RANK:
            return match_after_road(reading, at, stop, state)
        return at
    end = _match_upper(reading, at, stop, state)
    if end > at:
        return end
    if state.level < _COUNTY_RANK and _slip_before_division(text, at + 1, stop, state):
        reading.add("other", at, at + 1, text[at])
        return at + 1
    if text[at] in FILLER_STARTS:
        filler = FILLER.match(text, at, stop)
        if filler is not None and (
            filler[0] != "中国" or text[filler.end() : filler.end() + 2] in upper_names()
        ):
            reading.add("repeated", at, filler.end(), filler[0])
            return filler.end()
    if state.level == _TOWNSHIP_RANK:
        end = match_village(reading, at, stop, state)
        if end > at or reading.last_kind() != "township":
            return end
    return match_township(reading, at, stop, state)


def _slip_before_division(text: str, at: int, stop: int, state: DivisionState) -> bool:
    """Whether one stray character stands before a division in full (浙江小温州市)."""
    if at != 1 and not state.candidates:
        return False
    return any(
        in_full
        and length > 2
        and at + length <= stop
        and text.startswith(name, at)
        and state.within(codes)
        and not (text[at + length : at + length + 1] in _AFTER_CITY and name[-1] == "市")
        for name, length, codes, in_full in upper_names().get(text[at : at + 2], ())
    )


_AFTER_CITY = frozenset("场政民委中人容井")  # 市场, 市政, 市民 …: 市 belongs to the next word


def _match_upper(
    reading: Reading, at: int, stop: int, state: DivisionState, *, only_full: bool = False
) -> int:
    """Match a province, a city or a county."""
    text, facts = reading.text, division_facts()
    for name, length, codes, in_full in upper_names().get(text[at : at + 2], ()):
        end = at + length
        if end > stop or not text.startswith(name, at):
            continue
        if only_full and (length == 2 or not in_full):
            continue
        if not in_full:
            if name == "新疆" and (corps := CORPS.match(text, at, stop)):
                reading.add("other", at, corps.end(), corps[0])
                return corps.end()
            below = bool(state.within(codes) if state.candidates else is_only_county(codes[-1]))
            if _goes_on(text, end, stop, codes, below=below):
                continue
            end = _with_class(text, end, stop, codes)
        elif length == 2 and name[1] == "区":
            # 东区 and 城区 say nothing where no city of theirs is known
            codes = state.within(codes) if state.candidates else state.in_area(codes)
        said = state.within(codes)
        if said and not in_full and not state.candidates:
            if INSTITUTION.match(text, end, stop):
                continue
            said = _standing_alone(text, end, stop, said, state)
        placed = bool(said)
        if not said:
            said = _said_again(text, end, stop, codes, state, in_full=in_full)
            if not said:
                continue
        said = state.prefer_area(said)
        rank = facts[said[0]].rank
        if len(said) > 1:
            rank = min([facts[code].rank for code in said])
            said = tuple([code for code in said if facts[code].rank == rank])
        if not placed and state.candidates and not state.above(said):
            if rank == _COUNTY_RANK and state.level < _COUNTY_RANK:
                reading.add("county", at, end, name)  # 福建省南平市蒲城县: written, but not there
                state.level = rank
                return end
            if rank >= _COUNTY_RANK and not state.beside(said):
                continue
        if not in_full and rank == 0 and text[end : end + 1] == "省":
            end += 1  # 广西省: a slip for the autonomous region
        if rank <= state.level:
            agreeing = state.above(said)
            if agreeing:
                # Said again: the later writing of the level counts, what is finer stays.
                _mark_repeated(reading, rank, rank)
                reading.add(facts[said[0]].level, at, end, name, agreeing[0])
                state.keep_within(agreeing)
                return end
            said = _supersede(reading, said, rank)
        state.take(said, rank)
        reading.add(facts[said[0]].level, at, end, name, said[0])
        return end
    if state.level <= _CITY_RANK and not only_full:
        slip = match_slip(reading, at, stop, state)
        if slip > at or state.level < 0:
            return slip
        county = COUNTY.match(text, at, stop)
        if county is not None:
            # The text says it is a county; the list doesn't know it, so it gets no code.
            reading.add("county", at, county.end(), county[0])
            state.level = _COUNTY_RANK
            return county.end()
    return at


def _with_class(text: str, end: int, stop: int, codes: tuple[str, ...]) -> int:
    """Return the end with a class word that is not the present one: 石柱县, 德宏州, 那曲地区."""
    if codes[0].endswith("0000"):
        return end
    words = ("地区", "州") if codes[0].endswith("00") else ("县", "市", "区", "旗")
    for word in words:
        if text.startswith(word, end) and end + len(word) <= stop:
            return end + len(word)
    return end


def _goes_on(text: str, end: int, stop: int, codes: tuple[str, ...], *, below: bool) -> bool:
    """Whether a short name is only the beginning of another name (北京 of 北京路)."""
    if not codes[0].endswith("00") and ZONE_FOLLOWS.match(text, end, stop):
        return True  # 萧山经济技术开发区 is one name
    if text[end : end + 1] == "城" and end + 1 < stop and text[end + 1] in "东南西北":
        return False  # 绍兴城南, 丽水城北东区
    if (ROAD_GOES_ON if below else NAME_GOES_ON).match(text, end, stop) is None:
        return False
    return not any(_division_follows(text, end, stop, code) for code in codes[:4])


def _division_follows(text: str, at: int, stop: int, above: str) -> bool:
    """Whether a division within `above` begins at `at` (宁波|镇海区, 台州|路桥)."""
    prefix = code_prefix(above)
    for index in (upper_names(), township_names()):
        for name, length, codes, in_full in index.get(text[at : at + 2], ()):
            if at + length > stop or not text.startswith(name, at):
                continue
            counts = length > 2 if in_full else len(prefix) <= 4 and len(codes[0]) == 6
            if counts and any(code.startswith(prefix) for code in codes):
                return True
    return False


def _standing_alone(
    text: str, end: int, stop: int, codes: tuple[str, ...], state: DivisionState
) -> tuple[str, ...]:
    """Return what a short name without anything before it may mean.

    Provinces and prefectures stand alone (浙江, 杭州); a county only in the deployment's own area,
    where one of its own townships follows (余杭仓前街道), or where its name is the only one.
    """
    coarse = tuple(code for code in codes if code.endswith("00"))
    if coarse:
        return coarse
    near = tuple(code for code in codes if state.area and code.startswith(state.area))
    if near:
        return near
    follows = tuple(code for code in codes if _township_follows(text, end, stop, code))
    if follows:
        return follows
    present = {load_divisions().successor(code).code for code in codes}
    return codes if len(present) == 1 and is_only_county(codes[0]) else ()


def _township_follows(text: str, at: int, stop: int, county: str) -> bool:
    while at < stop and text[at] == " ":
        at += 1
    for name, length, codes, _ in township_names().get(text[at : at + 2], ()):
        if not text.startswith(name, at) or not any(c.startswith(county) for c in codes):
            continue
        end = at + length
        if CHANGED_CLASS.match(text, end, stop) or not NAME_GOES_ON.match(text, end, stop):
            return True
    return False


def _said_again(
    text: str, end: int, stop: int, codes: tuple[str, ...], state: DivisionState, *, in_full: bool
) -> tuple[str, ...]:
    """Return the codes of a name that starts the divisions over: the prefix was typed twice."""
    above = state.above(codes)
    if in_full:
        return above or codes
    return above if end == stop or text[end : end + 2] in upper_names() else ()


def _mark_repeated(reading: Reading, coarsest: int, finest: int) -> None:
    """Turn division tokens of these ranks into repetitions."""
    for index, (kind, start, end, value, _) in enumerate(reading.tokens):
        if kind in _RANK and coarsest <= _RANK[kind] <= finest:
            reading.tokens[index] = ("repeated", start, end, value, None)
            reading.seen.discard(kind)


def _supersede(reading: Reading, codes: tuple[str, ...], rank: int) -> tuple[str, ...]:
    """Drop what the new name contradicts; return the codes that fit what remains."""
    _mark_repeated(reading, rank, _RANK["development_zone"])
    kept = [code for kind, _, _, _, code in reading.tokens if code and kind in _RANK]
    if kept:
        prefixes = division_facts()[kept[-1]].prefixes
        codes = tuple(code for code in codes if code.startswith(prefixes)) or codes
    return codes


def resolve_division(components: Mapping[str, str], area: tuple[str, ...] = ()) -> str | None:
    """Return the code of the finest known division that components name, None where unsure.

    area : codes of the deployment's own area, which decides between divisions of one name
    """
    divisions = load_divisions()
    state = DivisionState(area)
    for level in DIVISION_LEVELS:
        name = components.get(level)
        if not name:
            continue
        said = state.within(tuple(d.code for d in divisions.search(name, level=level)))
        if not said:
            break
        state.take(state.prefer_area(said), level.rank)
    return state.certain_code()
