"""A query as the matcher reads it: names of the register in the text, numbers, and what is left.

The reading is led by the register, not by grammar: a name counts where the register has it. The
parsed address adds its reading of the numbers, its divisions and its relation words; what it
misreads costs nothing, because the raw text is read as well.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass

from geo.addresses.division_names import written_divisions
from geo.addresses.name_table import NameHit
from geo.addresses.normalise import fold_name, normalise
from geo.addresses.number_readings import (
    NumberReading,
    NumberToken,
    find_numbers,
    read_numbers,
    spell_out_numerals,
)
from geo.addresses.parse import ParsedAddress
from geo.addresses.register_index import RegisterView
from geo.addresses.register_keys import NUMBER_LEVELS, number_key
from geo.addresses.words import RELATION_WORDS, ROAD_ENDINGS, alternatives

CLEAR_QUALITY = 0.5  # a hit of this quality covers its text: nothing else is looked for there
NESTED_SHARE = 0.35  # what a name inside a longer name is worth: 中山路 in 东中山路
SIMILAR_REACH = 4  # characters around an uncovered piece in which a mistyped name may begin or end
MISSED_COST = 1.0  # for a number that the parser's reading leaves out
CONFIRMING_QUALITY = 0.3  # a hit of less confirms nothing
OPEN_END = "*"  # ends the key of a number that may go on: 12* is 12, 120, 12附1
MAX_CLUSTERS = 12  # places of names in one query that are told apart

_RELATION = re.compile(alternatives(RELATION_WORDS))
# Words that say nothing about which place is meant.
_IDLE = re.compile(
    r"中国|地址|收货|送到|送货|请|麻烦|谢谢|联系|电话|快递|放在|门卫|代收|住宅小区|小区|生活区|住宅区|大院"
    r"|院内|号楼|单元|号院|号|幢|栋|座|室|层|楼|组|房间|房|户|弄|村民委员会|居民委员会|居委会|村委会|社区|街道办事处|街道"
    r"|附|第|的|在|是|里|内|处|及|与|和|靠近|靠|近"
)
# What `fold_name` changes: each run of numerals, each separator.
_FOLDED = re.compile(r"[零〇一二三四五六七八九十百廿卅壹贰叁肆伍陆柒捌玖拾佰]+|[\s\-_,.;·()]")
_UPPER_LEVELS = frozenset({"province", "city", "county"})
_BRACKET = re.compile(r"\(([^()]{2,40})\)")
_PIECE = re.compile(r"\d+|[A-Z]+")
_TWO_DIGITS = re.compile(r"\d(?=\d)")
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True)
class Query:
    """What a text says, in terms of the register.

    folded : the text names are looked up in
    hits : names of the register, each with the cluster (place in the text) it belongs to
    clusters : spans in `folded` at which names stand
    readings : ways to read the numbers, cheapest first
    leftover : pieces of Chinese that nothing explains
    relations : words such as 对面 that say that the place is only near
    divisions : level → folded name of a division that the text states, and as it is written there
    road : folded name of the road that grammar reads in the text, whether the register has it
    brackets : what stands in brackets, folded
    """

    folded: str
    hits: tuple[tuple[NameHit, int], ...]
    clusters: tuple[tuple[int, int], ...]
    readings: tuple[NumberReading, ...]
    leftover: tuple[str, ...]
    relations: tuple[str, ...]
    divisions: dict[str, tuple[str, str]]
    road: str | None = None
    brackets: tuple[str, ...] = ()

    @functools.cached_property
    def best_hits(self) -> dict[int, NameHit]:
        """The best hit of each name that is found well enough to confirm it."""
        best: dict[int, NameHit] = {}
        for hit, _ in self.hits:
            known = best.get(hit.name_id)
            if hit.quality >= CONFIRMING_QUALITY and (known is None or hit.quality > known.quality):
                best[hit.name_id] = hit
        return best


Completion = Callable[[str, list[bool]], list[NameHit]]
"""Names that a text still being typed may go on to, from the folded text and what is covered."""


def read_query(
    text: str,
    parsed: ParsedAddress | None,
    view: RegisterView,
    *,
    max_length: int,
    complete: Completion | None = None,
) -> Query:
    """Return what `text` says.

    complete : for text that is still being typed: its end may be the beginning of a name, and its
        last number may go on

    Raises
    ------
    InvalidInput, FileTooLarge : no text, or too long
    """
    plain = spell_out_numerals(normalise(text, max_length=max_length).text)
    folded, origin = _fold(plain)
    components = parsed.components() if parsed is not None else {}
    hits = view.names.find_written(folded, view.alive_names)
    hits = _without_split_numbers(hits, folded, plain, origin)
    hits = _nested(hits)
    tokens = find_numbers(plain, _name_spans(hits, origin, plain))
    covered = _covered(folded, plain, origin, hits, tokens)
    similar: list[NameHit] = []
    if complete is not None:
        similar = complete(folded, covered)
        for hit in similar:
            covered[hit.start : hit.end] = [True] * (hit.end - hit.start)
        tokens = _open_ended(tokens, plain)
    for start, end in _uncovered_pieces(folded, covered):
        first, last = max(0, start - SIMILAR_REACH), min(len(folded), end + SIMILAR_REACH)
        near = [
            hit
            for hit in view.names.find_similar(folded, first, last, view.alive_names)
            if hit.start < end and hit.end > start and not _is_written(hit, hits)
        ]
        if not any(hit.end - hit.start >= 3 for hit in near):
            near += view.names.find_parts(folded, start, end, view.alive_names)
        similar += near
    similar = _without_split_numbers(similar, folded, plain, origin)
    similar = [hit for hit in similar if hit.how == "begun" or not _is_written(hit, hits)]
    begun = [(hit.start, hit.end) for hit in similar if hit.how == "begun"]
    all_hits = _laminar(_best_of_each([*_lowered_inside(hits, begun), *similar]))
    for hit in similar:
        if hit.quality >= CLEAR_QUALITY:
            covered[hit.start : hit.end] = [True] * (hit.end - hit.start)
    clusters = _clusters(all_hits)
    left = ""
    if not all(covered):
        left = "".join(
            char if not is_covered and "一" <= char <= "鿿" else " "
            for char, is_covered in zip(folded, covered, strict=True)
        )
    return Query(
        folded=folded,
        hits=_placed(all_hits, clusters),
        clusters=clusters,
        readings=_readings(tokens, components),
        leftover=tuple(left.split()),
        relations=_relations(parsed),
        divisions=_divisions(parsed, left),
        road=_road(components),
        brackets=find_brackets(plain),
    )


def _fold(plain: str) -> tuple[str, list[int]]:
    """Return the text without separators and with digits for numerals, and where each char was."""
    pieces: list[str] = []
    origin: list[int] = []
    done = 0
    for match in _FOLDED.finditer(plain):
        start, end = match.span()
        piece = fold_name(match[0])
        pieces += (plain[done:start], piece)
        origin += range(done, start)
        origin += [start] * len(piece)
        done = end
    if not done:
        return plain, list(range(len(plain)))
    pieces.append(plain[done:])
    origin += range(done, len(plain))
    return "".join(pieces), origin


def _without_split_numbers(
    hits: list[NameHit], folded: str, plain: str, origin: list[int]
) -> list[NameHit]:
    """Leave out hits that begin or end inside a number: 路1 in 文一路12号."""
    inside = {
        match.start() + 1
        for match in _TWO_DIGITS.finditer(folded)
        if _splits(match.start() + 1, plain, origin)
    }
    if not inside:
        return hits
    return [hit for hit in hits if hit.start not in inside and hit.end not in inside]


def _splits(at: int, plain: str, origin: list[int]) -> bool:
    if not 0 < at < len(origin):
        return False
    before, after = origin[at - 1], origin[at]
    return after - before <= 1 and plain[before].isdigit() and plain[after].isdigit()


def _nested(hits: list[NameHit]) -> list[NameHit]:
    """Lower the quality of names that stand inside a longer name that is written in full."""
    whole = sorted({(h.start, h.end) for h in hits if h.how == "full"})
    return _best_of_each(_lowered_inside(hits, whole))


def _lowered_inside(hits: list[NameHit], spans: list[tuple[int, int]]) -> list[NameHit]:
    """Lower the quality of hits that stand inside one of these longer spans."""
    if not spans:
        return hits
    result = []
    for hit in hits:
        _, first, last, quality, how = hit
        for start, end in spans:
            if start <= first and last <= end and end - start > last - first:
                worth = quality * NESTED_SHARE
                hit = hit._replace(quality=worth if how == "full" else worth * 0.6)
                break
        result.append(hit)
    return result


def _best_of_each(hits: list[NameHit]) -> list[NameHit]:
    best: dict[tuple[int, int, int], NameHit] = {}
    for hit in hits:
        name_id, start, end, quality, how = hit
        known = best.get((start, end, name_id))
        if known is None or (-quality, how) < (-known.quality, known.how):
            best[start, end, name_id] = hit
    return [best[place] for place in sorted(best)]


def _open_ended(tokens: list[NumberToken], plain: str) -> list[NumberToken]:
    """Mark the last number as one that may go on, where the text ends with it."""
    if not tokens or tokens[-1].word or plain[tokens[-1].end :].strip():
        return tokens
    return [*tokens[:-1], tokens[-1]._replace(key=tokens[-1].key + OPEN_END)]


def _is_written(similar: NameHit, hits: list[NameHit]) -> bool:
    """Whether the same name stands there properly: 桐岸镇 with a character of what follows."""
    return any(
        hit.name_id == similar.name_id and hit.start < similar.end and similar.start < hit.end
        for hit in hits
    )


def _laminar(hits: list[NameHit]) -> list[NameHit]:
    """Leave out doubtful hits that cut into a better one: spans are nested or apart.

    Names written in full may overlap (春江花园, 花园路): either may be meant.
    """
    if all(hit.how == "full" for hit in hits):
        return hits
    kept: list[NameHit] = []
    spans: set[tuple[int, int]] = set()
    ranked = sorted(
        hits, key=lambda h: (h.how != "full", -h.quality * (h.end - h.start), h.start, h.name_id)
    )
    for hit in ranked:
        if hit.how != "full" and any(
            start < hit.end
            and hit.start < end
            and not (start <= hit.start and hit.end <= end)
            and not (hit.start <= start and end <= hit.end)
            for start, end in spans
        ):
            continue
        kept.append(hit)
        if hit.quality >= CLEAR_QUALITY:
            spans.add((hit.start, hit.end))
    return sorted(kept, key=lambda h: (h.start, h.end, h.name_id))


def _name_spans(hits: list[NameHit], origin: list[int], plain: str) -> list[tuple[int, int]]:
    return [
        (origin[hit.start], origin[hit.end - 1] + 1)
        for hit in hits
        if hit.quality >= CLEAR_QUALITY
        and _DIGIT.search(plain, origin[hit.start], origin[hit.end - 1] + 1)
    ]


def _covered(
    folded: str,
    plain: str,
    origin: list[int],
    hits: list[NameHit],
    tokens: list[NumberToken],
) -> list[bool]:
    covered = [not "一" <= char <= "鿿" for char in folded]
    for hit in hits:
        if hit.quality >= CLEAR_QUALITY:
            covered[hit.start : hit.end] = [True] * (hit.end - hit.start)
    if tokens:
        taken = {i for token in tokens for i in range(token.start, token.end)}
        covered = [is_so or was in taken for is_so, was in zip(covered, origin, strict=True)]
    for pattern in (_RELATION, _IDLE):
        for match in pattern.finditer(folded):
            # A word inside a name that wasn't recognised is part of that name.
            alone = all(
                covered[i] for i in (match.start() - 1, match.end()) if 0 <= i < len(folded)
            )
            if alone or len(match[0]) > 1:
                covered[match.start() : match.end()] = [True] * len(match[0])
    return covered


def _uncovered_pieces(folded: str, covered: list[bool]) -> list[tuple[int, int]]:
    """Return runs of characters that nothing explains, of two characters or more."""
    pieces: list[tuple[int, int]] = []
    if all(covered):
        return pieces
    start = -1
    for at in range(len(folded) + 1):
        open_here = at < len(folded) and not covered[at]
        if open_here and start < 0:
            start = at
        elif not open_here and start >= 0:
            pieces.append((start, at))
            start = -1
    return pieces


def _clusters(hits: list[NameHit]) -> tuple[tuple[int, int], ...]:
    """Join overlapping hits, in order, into the places at which the text names something."""
    spans: list[list[int]] = []
    for hit in hits:
        if spans and hit.start < spans[-1][1]:
            spans[-1][1] = max(spans[-1][1], hit.end)
        else:
            spans.append([hit.start, hit.end])
    return tuple((start, end) for start, end in spans)[:MAX_CLUSTERS]


def _placed(
    hits: list[NameHit], clusters: tuple[tuple[int, int], ...]
) -> tuple[tuple[NameHit, int], ...]:
    """Return each hit (in order) with its cluster, but those of clusters too many."""
    placed: list[tuple[NameHit, int]] = []
    at, end = 0, clusters[0][1] if clusters else 0
    for hit in hits:
        while hit.start >= end:
            at += 1
            if at == len(clusters):
                return tuple(placed)
            end = clusters[at][1]
        placed.append((hit, at))
    return tuple(placed)


def _readings(tokens: list[NumberToken], components: dict[str, str]) -> tuple[NumberReading, ...]:
    readings = read_numbers(tokens)
    values = tuple(
        [
            (level, key)
            for level in NUMBER_LEVELS
            if level in components and (key := _number_key(level, components[level])) is not None
        ]
    )
    if values and all(reading.values != values for reading in readings):
        read = {piece for _, key in values for piece in _PIECE.findall(key)}
        missed = sum(not set(_PIECE.findall(token.key)) <= read for token in tokens)
        readings = [NumberReading(values, 0.05 + MISSED_COST * missed), *readings]
    return tuple(readings)


# Few numbers make most addresses.
_number_key = functools.lru_cache(maxsize=65_536)(number_key)


def _relations(parsed: ParsedAddress | None) -> tuple[str, ...]:
    if parsed is None:
        return ()
    return tuple(
        note.text
        for note in parsed.relation
        if _RELATION.search(note.text) or _DIGIT.search(note.text)
    )


def find_brackets(plain: str) -> tuple[str, ...]:
    """Return what stands in brackets in a normalised text, folded."""
    if "(" not in plain:
        return ()
    return tuple(filter(None, (fold_name(each) for each in _BRACKET.findall(plain))))


def _road(components: dict[str, str]) -> str | None:
    """Return the road, if it has a road's class word: 门牌5号 names none."""
    road = components.get("road", "")
    return _fold(road)[0] if road.endswith(ROAD_ENDINGS) else None


def _divisions(parsed: ParsedAddress | None, left: str) -> dict[str, tuple[str, str]]:
    """Return the divisions that grammar reads, and those in what is left, wherever they stand."""
    said = {
        level: (fold_name(name), fold_name(name))
        for level, name in written_divisions(left).items()
        if level in _UPPER_LEVELS
    }
    for part in parsed.parts if parsed is not None else ():
        if part.level.value in _UPPER_LEVELS and part.code is not None:
            written = fold_name(normalise(part.text).text)
            said[part.level.value] = (fold_name(part.value), written)
    return said
