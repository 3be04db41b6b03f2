"""Find divisions of the national list in text and settle which ones they are.

A name may stand for several divisions; all are kept until what follows, or the deployment's own
area, leaves one. Nothing is asserted that the text doesn't say.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping

from geo.addresses.divisions import code_prefix, division_stem, load_divisions, load_villages
from geo.addresses.levels import DIVISION_LEVELS, AddressLevel
from geo.addresses.tokens import Reading, Token
from geo.addresses.words import (
    COMMUNITY_ENDINGS,
    ESTATE_ENDINGS,
    ROAD_ENDINGS,
    TOWNSHIP_ENDINGS,
    WEAK_ENDINGS,
    ZONE_ENDINGS,
    alternatives,
)  # fmt: skip

_ENDINGS = alternatives(ROAD_ENDINGS + COMMUNITY_ENDINGS + ESTATE_ENDINGS)
_ZONE_FOLLOWS = re.compile(alternatives(ZONE_ENDINGS))
_NAME_GOES_ON = re.compile(
    rf"[东西南北中上下前后大小新老一二三四五六七八九十]{{0,2}}(?:{_ENDINGS})|[镇乡]|街道"
    r"|[工农商医师理]业?大学|大学|人民|第[一二三四五六七八九十]"
)
# Under a city that is written, a short name of a county needs less to be believed.
_ROAD_GOES_ON = re.compile(
    rf"[东西南北中上下前后大小新老一二三四五六七八九十]{{0,2}}(?:{alternatives(ROAD_ENDINGS)})"
    rf"|(?:{alternatives(tuple(w for w in ESTATE_ENDINGS if len(w) > 1 and w not in WEAK_ENDINGS))})|[站店馆局厂湾镇乡村]|街道|社区"
)
# 河北工程大学 and 杭州钢铁集团 are names, they don't say that the place lies there.
_INSTITUTION = re.compile(
    r"[^路街道巷弄区县市镇乡村号\W]{1,12}?"
    r"(?:大学|学院|公司|集团|银行|研究院|研究所|总厂|医院|博物馆|剧院|宾馆|饭店|酒店)"
)
_TOWNSHIP = re.compile(
    rf"[一-鿿]{{2,6}}?(?:{alternatives(TOWNSHIP_ENDINGS)})(?![路街道巷中小口政])"
)
_COUNTY = re.compile(
    r"[一-鿿]{1,3}县(?![城道医政人中小路街委第])"
    r"|[一-鿿]{2,3}(?<![开小园新社地])[市区](?=[^市区县路]{1,5}(?:镇|乡|街道)(?!路))"
)
_ZONE_NAME = re.compile(rf"(?:{alternatives(ZONE_ENDINGS)}|园区|新区|工业区)$")
# What forms put where a division is unknown.
_FILLER = re.compile(
    r"市辖[区县]|(?:市区|城区)(?![东西南北一二三四])|其[它他][区县]|中国"
    r"|省直辖县级行政区划|自治区直辖县级行政区划"
)
# A township may have become a town or subdistrict since: 递铺镇 is 递铺街道 in the list.
_CHANGED_CLASS = re.compile(r"街道办事处|街道|[镇乡](?![路街道巷])")
_VILLAGE_CLASS = re.compile(r"(?:社区居委会|村民委员会|居民委员会|社区|村委会|居委会|村委|村)")
_RANK = {level.value: level.rank for level in AddressLevel}
_COUNTY_RANK, _TOWNSHIP_RANK = AddressLevel.COUNTY.rank, AddressLevel.TOWNSHIP.rank


class _Names:
    """Names by their first two characters."""

    def __init__(self, *indexes: dict[str, tuple[str, ...]]) -> None:
        self.indexes = indexes
        lengths: dict[str, set[int]] = {}
        for index in indexes:
            for name in index:
                lengths.setdefault(name[:2], set()).add(len(name))
        self.lengths = {key: sorted(found, reverse=True) for key, found in lengths.items()}


@functools.cache
def _upper() -> _Names:
    divisions = load_divisions()
    return _Names(divisions.full_names, divisions.short_names)


@functools.cache
def _townships() -> _Names:
    divisions = load_divisions()
    return _Names(divisions.township_names, divisions.township_stems)


@functools.lru_cache(maxsize=65_536)
def _codes_by_level(code: str) -> dict[str, str]:
    return {each.level.value: each.code for each in load_divisions().chain(code)}


@functools.lru_cache(maxsize=4_096)
def _village_names(township: str) -> dict[str, tuple[tuple[str, str], ...]]:
    """Return first two characters → (name without class word, code), longest first."""
    grouped: dict[str, list[tuple[str, str]]] = {}
    for code, name in load_villages(township).items():
        stem = division_stem(name, AddressLevel.COMMUNITY)
        grouped.setdefault(stem[:2], []).append((stem, code))
    return {key: tuple(sorted(found, key=lambda v: -len(v[0]))) for key, found in grouped.items()}


@functools.lru_cache(maxsize=8_192)
def _prefixes(code: str) -> tuple[str, ...]:
    """Return what the codes within a division begin with, also those of its successor."""
    division = load_divisions().find(code)
    if division is None or division.successor is None:
        return (code_prefix(code),)
    return (code_prefix(code), code_prefix(load_divisions().successor(code).code))


def _is_named(code: str, written: str) -> bool:
    """Whether a division bears the written name, in full, in short or with another class word."""
    division = load_divisions().get(code)
    if written == division.name or written.startswith(division.stem):
        return True
    return code in load_divisions().full_names.get(written, ())


class DivisionState:
    """What the text has said of divisions so far.

    candidates : codes that the finest division named so far may have
    level : its rank, -1 where none was named
    area : code prefixes of the deployment's own area
    """

    __slots__ = ("area", "candidates", "level", "village")

    def __init__(self, area: tuple[str, ...]) -> None:
        self.area = tuple(code_prefix(code) for code in area)
        self.candidates: tuple[str, ...] = ()
        self.level = -1
        self.village: str | None = None

    def within(self, codes: tuple[str, ...]) -> tuple[str, ...]:
        """Return the codes that lie under what was said so far."""
        if not self.candidates:
            return codes
        prefixes = sum((_prefixes(code) for code in self.candidates), ())
        return tuple(code for code in codes if code.startswith(prefixes))

    def above(self, codes: tuple[str, ...]) -> tuple[str, ...]:
        """Return the codes that are, or contain, what was said so far."""
        return tuple(
            code
            for code in codes
            if any(known.startswith(_prefixes(code)) for known in self.candidates)
        )

    def beside(self, codes: tuple[str, ...]) -> bool:
        """Whether a code lies in the same prefecture as what was said so far."""
        prefectures = tuple(code[:4] for code in self.candidates)
        return any(code.startswith(prefectures) for code in codes)

    def in_area(self, codes: tuple[str, ...]) -> tuple[str, ...]:
        """Return the codes in, or above, the deployment's own area."""
        return tuple(
            code
            for code in codes
            if code.startswith(self.area) or any(a.startswith(code_prefix(code)) for a in self.area)
        )

    def prefer_area(self, codes: tuple[str, ...]) -> tuple[str, ...]:
        return (self.in_area(codes) or codes) if len(codes) > 1 and self.area else codes

    def take(self, codes: tuple[str, ...], rank: int) -> None:
        self.candidates, self.level = codes, rank

    def settle(self, tokens: list[Token]) -> None:
        """Give the division tokens the codes and names that all candidates agree on."""
        if not self.candidates:
            return
        divisions = load_divisions()
        chains = [_codes_by_level(code) for code in self.candidates]
        for index, (kind, start, end, value, code) in enumerate(tokens):
            if code is None or kind not in _RANK or _RANK[kind] > _TOWNSHIP_RANK:
                continue
            settled = chains[0].get(kind)
            if len(chains) > 1 and any(chain.get(kind) != settled for chain in chains):
                settled = None
            if divisions.get(code).successor is not None and settled is not None:
                settled = code  # 江干区 stays, though its townships belong to 上城区 now
            if settled is not None and _is_named(settled, value):
                value = divisions.get(settled).name
            else:
                settled = None
            tokens[index] = (kind, start, end, value, settled)

    def certain_code(self) -> str | None:
        if self.village is not None:
            return self.village
        return self.candidates[0] if len(self.candidates) == 1 else None


# Once one of these stands in the text, a division name is part of another name.
_CLOSING = frozenset({"road", "door", "estate", "building", "community", "floor", "room"})


def match_division(reading: Reading, at: int, stop: int, state: DivisionState) -> int:
    """Add the token of a division at `at`; return where it ends, or `at` if there is none."""
    if reading.seen & _CLOSING:
        if reading.last_kind() in ("relation", "distance") and len(reading.tokens) < 6:
            return _match_upper(reading, at, stop, state, only_full=True)
        if reading.last_kind() == "road" and state.candidates and state.level < _TOWNSHIP_RANK:
            return _match_township_after_road(reading, at, stop, state)
        return at
    end = _match_upper(reading, at, stop, state)
    if end > at:
        return end
    filler = _FILLER.match(reading.text, at, stop)
    if filler is not None and (
        filler[0] != "中国" or _upper().lengths.get(reading.text[filler.end() : filler.end() + 2])
    ):
        reading.add("repeated", at, filler.end(), filler[0])
        return filler.end()
    if state.level == _TOWNSHIP_RANK:
        end = _match_village(reading, at, stop, state)
        if end > at or reading.last_kind() != "township":
            return end
    return _match_township(reading, at, stop, state)


def _match_upper(
    reading: Reading, at: int, stop: int, state: DivisionState, *, only_full: bool = False
) -> int:
    """Match a province, a city or a county."""
    text = reading.text
    names, divisions = _upper(), load_divisions()
    full, short = names.indexes
    for length in names.lengths.get(text[at : at + 2], ()):
        end = at + length
        if end > stop:
            continue
        name = text[at:end]
        codes = full.get(name)
        in_full = codes is not None
        if only_full and (length == 2 or not in_full):
            continue
        if codes is None:
            codes = short.get(name)
            if codes is None:
                continue
            below = bool(state.within(codes) if state.candidates else _is_only_county(codes[-1]))
            if _goes_on(text, end, stop, codes, below=below):
                continue
            end = _with_class(text, end, stop, codes)
        elif length == 2:
            # 东区 and 城区 say nothing where no city of theirs is known
            codes = state.within(codes) if state.candidates else state.in_area(codes)
        said = state.within(codes)
        if said and not in_full and not state.candidates:
            if _INSTITUTION.match(text, end, stop):
                continue
            said = _standing_alone(text, end, stop, said, state)
        if not said:
            said = _said_again(text, end, stop, codes, state, in_full=in_full)
        if not said:
            continue
        said = state.prefer_area(said)
        ranks = [divisions.get(code).level.rank for code in said]
        rank = min(ranks)
        said = tuple(code for code, each in zip(said, ranks, strict=True) if each == rank)
        if state.candidates and not state.within(said) and not state.above(said):
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
                reading.add(divisions.get(said[0]).level.value, at, end, name, agreeing[0])
                return end
            said = _supersede(reading, state, said, rank)
        state.take(said, rank)
        reading.add(divisions.get(said[0]).level.value, at, end, name, said[0])
        return end
    if not only_full and state.level in (AddressLevel.CITY.rank, AddressLevel.PROVINCE.rank):
        county = _COUNTY.match(text, at, stop)
        if county is not None:
            # The text says it is a county; the list doesn't know it, so it gets no code.
            reading.add("county", at, county.end(), county[0])
            state.level = _COUNTY_RANK
            return county.end()
    return at


def _with_class(text: str, end: int, stop: int, codes: tuple[str, ...]) -> int:
    """Return the end with a class word that is not the present one: 石柱县, 德宏州, 那曲地区."""
    if codes[0].endswith("00"):
        if codes[0].endswith("0000"):
            return end
        words: tuple[str, ...] = ("地区", "州")
    else:
        words = ("县", "市", "区", "旗")
    for word in words:
        if text.startswith(word, end) and end + len(word) <= stop:
            return end + len(word)
    return end


def _goes_on(text: str, end: int, stop: int, codes: tuple[str, ...], *, below: bool) -> bool:
    """Whether a short name is only the beginning of another name (北京 of 北京路)."""
    if not codes[0].endswith("00") and _ZONE_FOLLOWS.match(text, end, stop):
        return True  # 萧山经济技术开发区 is one name
    if (_ROAD_GOES_ON if below else _NAME_GOES_ON).match(text, end, stop) is None:
        return False
    return not any(_division_follows(text, end, stop, code) for code in codes[:4])


def _division_follows(text: str, at: int, stop: int, above: str) -> bool:
    """Whether a division within `above` begins at `at` (宁波|镇海区, 台州|路桥)."""
    prefix = code_prefix(above)
    for names in (_upper(), _townships()):
        for length in names.lengths.get(text[at : at + 2], ()):
            if at + length > stop:
                continue
            name = text[at : at + length]
            codes = names.indexes[0].get(name, ()) if length > 2 else ()
            if not codes and len(prefix) <= 4 and names is _upper():
                codes = names.indexes[1].get(name, ())
            if any(code.startswith(prefix) for code in codes):
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
    return codes if len(present) == 1 and _is_only_county(codes[0]) else ()


@functools.lru_cache(maxsize=4_096)
def _is_only_county(code: str) -> bool:
    """Whether nothing else in the country bears the short name of this county (义乌, 海宁)."""
    divisions = load_divisions()
    stem = divisions.get(code).stem
    others = divisions.search(stem)
    within = _prefixes(code)
    return all(other.code.startswith(within) for other in others) and not any(
        not township.code.startswith(within)
        for ending in ("镇", "乡", "街道")
        for township in divisions.search(stem + ending)
    )


def _township_follows(text: str, at: int, stop: int, county: str) -> bool:
    names = _townships()
    full, stems = names.indexes
    while at < len(text) and text[at] == " ":
        at += 1
    return any(
        any(
            code.startswith(county)
            for index in (full, stems)
            for code in index.get(text[at : at + length], ())
        )
        and (
            _CHANGED_CLASS.match(text, at + length, stop)
            or not _NAME_GOES_ON.match(text, at + length, stop)
        )
        for length in names.lengths.get(text[at : at + 2], ())
    )


def _said_again(
    text: str, end: int, stop: int, codes: tuple[str, ...], state: DivisionState, *, in_full: bool
) -> tuple[str, ...]:
    """Return the codes of a name that starts the divisions over: the prefix was typed twice."""
    above = state.above(codes)
    if in_full:
        return above or codes
    if end == stop or _upper().lengths.get(text[end : end + 2]):
        return above
    return ()


def _mark_repeated(reading: Reading, coarsest: int, finest: int) -> None:
    """Turn division tokens of these ranks into repetitions."""
    for index, (kind, start, end, value, _) in enumerate(reading.tokens):
        if kind in _RANK and coarsest <= _RANK[kind] <= finest:
            reading.tokens[index] = ("repeated", start, end, value, None)
            reading.seen.discard(kind)


def _supersede(
    reading: Reading, state: DivisionState, codes: tuple[str, ...], rank: int
) -> tuple[str, ...]:
    """Drop what the new name contradicts; return the codes that fit what remains."""
    _mark_repeated(reading, rank, _RANK["development_zone"])
    kept = [code for kind, _, _, _, code in reading.tokens if code and kind in _RANK]
    if kept:
        prefixes = _prefixes(kept[-1])
        codes = tuple(code for code in codes if code.startswith(prefixes)) or codes
    return codes


def _match_township(reading: Reading, at: int, stop: int, state: DivisionState) -> int:
    text = reading.text
    names = _townships()
    full, stems = names.indexes
    again = state.level >= _TOWNSHIP_RANK
    for length in names.lengths.get(text[at : at + 2], ()):
        end = at + length
        if end > stop:
            continue
        name = text[at:end]
        codes = full.get(name)
        zone = False
        if codes is not None:
            zone = _ZONE_NAME.search(name) is not None
            if _NAME_GOES_ON.match(text, end, stop) and name[-1] not in "道镇乡":
                continue
        else:
            codes = stems.get(name)
            if codes is None or again:
                continue
            changed = _CHANGED_CLASS.match(text, end, stop)
            if changed is not None:
                end = changed.end()
            else:
                unfounded = state.level < AddressLevel.CITY.rank and not state.area
                if (
                    unfounded
                    or _NAME_GOES_ON.match(text, end, stop)
                    or _ZONE_FOLLOWS.match(text, end, stop)
                ):
                    continue
        said = _township_codes(state, codes, again=again)
        if zone and len(said) != 1:
            continue
        if end == at + length and name not in full and state.level < _COUNTY_RANK:
            said = said if len(said) == 1 else ()
        if said:
            state.take(said, _TOWNSHIP_RANK)
            reading.add("development_zone" if zone else "township", at, end, text[at:end], said[0])
            return end
    match = _TOWNSHIP.match(text, at, stop)
    if match is not None and not _known_after_road(match, state):
        if again and reading.last_kind() == "township":
            reading.add("township", at, match.end(), match[0])
        else:
            state.level = _TOWNSHIP_RANK
            reading.add("township", at, match.end(), match[0])
        return match.end()
    return at


def _known_after_road(match: re.Match[str], state: DivisionState) -> bool:
    """Whether the match is a road and then a township of the list: 拱康路|康桥街道."""
    road, found, name = match[0].rpartition("路")
    return bool(found and road and state.within(load_divisions().township_names.get(name, ())))


def _match_township_after_road(reading: Reading, at: int, stop: int, state: DivisionState) -> int:
    """Match a township in full that stands, against the order of the standard, after the road."""
    names = _townships()
    for length in names.lengths.get(reading.text[at : at + 2], ()):
        name = reading.text[at : at + length]
        if length > 2 and at + length <= stop and name[-1] in "镇乡道":
            said = state.within(names.indexes[0].get(name, ()))
            if said:
                state.take(said, _TOWNSHIP_RANK)
                reading.add("township", at, at + length, name, said[0])
                return at + length
    return at


def _township_codes(
    state: DivisionState, codes: tuple[str, ...], *, again: bool
) -> tuple[str, ...]:
    if again:
        counties = tuple({code[:6] for code in state.candidates})
        return tuple(code for code in codes if code.startswith(counties)) if counties else ()
    if not state.candidates and state.area:
        return state.in_area(codes) or codes
    return state.prefer_area(state.within(codes))


def _match_village(reading: Reading, at: int, stop: int, state: DivisionState) -> int:
    """Match a village or community of the township; it may settle which township is meant."""
    if not 0 < len(state.candidates) <= 4 or reading.last_kind() != "township":
        return at
    text = reading.text
    best = at
    found: list[str] = []
    for township in state.candidates:
        for stem, code in _village_names(township).get(text[at : at + 2], ()):
            end = at + len(stem)
            if end > stop or end < best or not text.startswith(stem, at):
                continue
            word = _VILLAGE_CLASS.match(text, end, stop)
            goes_on = _NAME_GOES_ON if word is None else _ROAD_FOLLOWS
            end = end if word is None else word.end()
            if end < best or goes_on.match(text, end, stop):
                continue
            found = [code] if end > best else [*found, code]
            best = end
    if not found:
        return at
    townships = tuple(dict.fromkeys(code[:9] for code in found))
    state.candidates = townships
    state.village = found[0] if len(found) == 1 else None
    reading.add("community", at, best, text[at:best], state.village)
    return best


_ROAD_FOLLOWS = re.compile(
    rf"[东西南北中上下前后大小新老一二三四五六七八九十]{{0,2}}(?:{alternatives(ROAD_ENDINGS)}|小区|小学)"
)


def resolve_division(components: Mapping[str, str]) -> str | None:
    """Return the code of the finest division that components name, None where it isn't certain."""
    divisions = load_divisions()
    state = DivisionState(())
    for level in DIVISION_LEVELS:
        name = components.get(level)
        if not name:
            continue
        said = state.within(tuple(d.code for d in divisions.search(name, level=level)))
        if not said:
            return None
        state.candidates = said
    return state.certain_code()
