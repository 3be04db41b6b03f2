"""Read an address text into its parts. `parse` is the public face of `scan`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from geo.addresses.division_state import settle_on
from geo.addresses.levels import LEVELS, AddressLevel
from geo.addresses.normalise import MAX_TEXT_LENGTH, NormalisedText, normalise
from geo.addresses.scan import Scan, Vocabulary, scan
from geo.addresses.tokens import Kind, Token
from geo.addresses.trained import tagged_scan
from geo.addresses.words import ESTATE_ENDINGS, alternatives

if TYPE_CHECKING:  # importing it would load Numba for everyone who parses without a tagger
    from geo.addresses.tagger import Tagger

_LEVEL_NAMES = tuple(level.value for level in LEVELS)  # reading a member's value takes longer
MAX_ALTERNATIVES = 8  # a name that more divisions bear (城关镇: 88) is left open


class AddressPart(NamedTuple):
    """One part of an address.

    text : as written, normalised; value : what is searched by (building `3` for 3号楼, 三幢)
    start, end : half-open span [characters] in the original text
    code : division code, where the text and the context settle which division it is
    counts : whether it stands in `ParsedAddress.components`; a second road or building doesn't
    """

    level: AddressLevel
    text: str
    value: str
    start: int
    end: int
    code: str | None = None
    counts: bool = True


class AddressNote(NamedTuple):
    """Something in the text that is no level of the address.

    kind : `relation` (旁边, 对面) and `distance` (东50米); `repeated` (a division said again);
    `note` (in brackets, or for the bearer); `name` (a shop, firm or person) and `other` (what no
    rule explains)
    """

    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ParsedAddress:
    """An address text and its parts, in the order of the text.

    relation : words that relate the place to another (对面, 东50米), apart from the address
    notes : repetitions, brackets, words to the bearer; leftovers : what no level explains
    alternatives : where the finest division may be one of a few, a reading for each, best first
    division_code : the finest division that text, context and list settle
    score : share of the readings of one text, [0, 1]; a text with one reading has 1
    """

    text: str
    parts: tuple[AddressPart, ...]
    relation: tuple[AddressNote, ...] = ()
    notes: tuple[AddressNote, ...] = ()
    leftovers: tuple[AddressNote, ...] = ()
    alternatives: tuple[ParsedAddress, ...] = ()
    division_code: str | None = None
    score: float = 1.0

    def value(self, level: AddressLevel) -> str | None:
        """Return the search value at a level, None where the text says nothing of it."""
        found: str | None = None
        for part in self.parts:
            if part[0] == level and part[6]:
                # An estate and its part (东区) are two parts of one value.
                found = part[2] if found is None else found + part[2]
        return found

    def components(self) -> dict[str, str]:
        """Return level → value, coarse to fine, only of levels that are written."""
        values: dict[str, str] = {}
        for level, _, value, _, _, _, counts in self.parts:
            if counts:
                values[level] = values[level] + value if level in values else value
        return {level: values[level] for level in _LEVEL_NAMES if level in values}


@dataclass(frozen=True, slots=True)
class ParseContext:
    """What a deployment knows beforehand: a prior, made once and given to each `parse`.

    division_codes : codes of its own area; they decide between divisions of one name
    roads, estates, communities : its own names, found although they lack a class word
    tagger : trained on the operator's own tagged file; None reads by grammar and list alone
    """

    division_codes: tuple[str, ...] = ()
    roads: Iterable[str] = ()
    estates: Iterable[str] = ()
    communities: Iterable[str] = ()
    tagger: Tagger | None = None
    vocabulary: Vocabulary = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        built = Vocabulary.build(
            tuple(self.division_codes), self.roads, self.estates, self.communities
        )
        object.__setattr__(self, "vocabulary", built)


def parse(
    text: str, *, context: ParseContext | None = None, max_length: int = MAX_TEXT_LENGTH
) -> ParsedAddress:
    """Return the parts of one address text.

    Parameters
    ----------
    text : as typed
    context : the deployment's own area and names; None reads by grammar and national list alone
    max_length : [characters]

    Returns
    -------
    ParsedAddress: parts in the order of the text, never one that the text does not hold.

    Raises
    ------
    InvalidInput : `text` is not a string
    FileTooLarge : `text` is longer than `max_length`
    """
    normalised = normalise(text, max_length=max_length)
    scanned = scan(normalised.text, context.vocabulary if context else None)
    if context is not None and context.tagger is not None:
        spans = context.tagger.tag_many([text])[0]
        scanned = tagged_scan(normalised, spans, scanned, context.vocabulary)
    return _assemble(text, normalised, scanned)


def parse_many(
    texts: Sequence[str], *, context: ParseContext | None = None, max_length: int = MAX_TEXT_LENGTH
) -> list[ParsedAddress]:
    """Return `parse` of each text, in order."""
    if context is None or context.tagger is None:
        return [parse(text, context=context, max_length=max_length) for text in texts]
    normalised = [normalise(text, max_length=max_length) for text in texts]
    marked = context.tagger.tag_many(texts)
    vocabulary = context.vocabulary
    return [
        _assemble(text, plain, tagged_scan(plain, spans, scan(plain.text, vocabulary), vocabulary))
        for text, plain, spans in zip(texts, normalised, marked, strict=True)
    ]


def _assemble(text: str, normalised: NormalisedText, scanned: Scan) -> ParsedAddress:
    tokens, division, candidates = scanned
    kinds = {token[0] for token in tokens}
    if "estate" in kinds and "door" in kinds and "road" not in kinds:
        tokens = _street_like(tokens)
        kinds = {token[0] for token in tokens}
    if "estate" in kinds and "name" in kinds and "road" in kinds:
        tokens = _estate_after_road(tokens)
        kinds = {token[0] for token in tokens}
    plainly = len(kinds) == len(tokens) and kinds.isdisjoint(_SECONDARY)
    counted = None if plainly else _counted(tokens)
    parts: list[AddressPart] = []
    notes: list[AddressNote] = []
    plain, starts, ends = normalised
    unmoved = isinstance(starts, range)  # most texts normalise character by character
    for index, (kind, start, end, value, code) in enumerate(tokens):
        first, last = (start, end) if unmoved else (starts[start], ends[end - 1])
        level = _LEVELS.get(kind)
        if level is not None:
            counts = counted is None or index in counted
            # What AddressPart(...) does, without the call between
            fields = (level, plain[start:end], value, first, last, code, counts)
            parts.append(_new(AddressPart, fields))
        else:
            notes.append(AddressNote(kind, plain[start:end], first, last))
    alternatives = (
        _alternatives(text, normalised, tokens, candidates) if len(candidates) > 1 else ()
    )
    if not notes:
        return ParsedAddress(text, tuple(parts), (), (), (), alternatives, division)
    return ParsedAddress(
        text,
        tuple(parts),
        tuple([note for note in notes if _SHELVES[note[0]] == "relation"]),
        tuple([note for note in notes if _SHELVES[note[0]] == "note"]),
        tuple([note for note in notes if _SHELVES[note[0]] == "leftover"]),
        alternatives,
        division,
    )


def _alternatives(
    text: str, normalised: NormalisedText, tokens: list[Token], candidates: tuple[str, ...]
) -> tuple[ParsedAddress, ...]:
    """Return one reading for each division that the finest written name may mean."""
    if len(candidates) > MAX_ALTERNATIVES:
        return ()
    found = []
    for code in candidates:
        settled = list(tokens)
        settle_on(code, settled)
        reading = _assemble(text, normalised, Scan(settled, code, (code,)))
        found.append(replace(reading, score=1 / len(candidates)))
    return tuple(found)


_new = tuple.__new__
_LEVELS, _SHELVES = Kind.LEVELS, Kind.SHELVES
_SECONDARY = frozenset({Kind.SUBROAD, Kind.SUBDOOR, Kind.SUBESTATE})


def _street_like(tokens: list[Token]) -> list[Token]:
    """Take a name without class word right before the door for the street it stands for.

    河西北9号旺旺超市: GB/T 23705 puts street, lane or natural village before the door; the name
    after the door is the estate then.
    """
    kinds = [token[0] for token in tokens]
    door, estate = kinds.index("door"), kinds.index("estate")
    if door != estate + 1 or _HAS_CLASS_WORD.search(tokens[estate][3]):
        return tokens
    changed = list(tokens)
    changed[estate] = ("road", *tokens[estate][1:])
    if "name" in kinds[door:]:
        name = kinds.index("name", door)
        if not _INSIDE.intersection(kinds[:name]):
            changed[name] = ("estate", *tokens[name][1:])
    return changed


def _estate_after_road(tokens: list[Token]) -> list[Token]:
    """Let the name after the road be the estate where one stands before the road as well.

    科技园科苑路东方科技大厦1702: the room is in 东方科技大厦; 科技园 is the zone around it.
    """
    kinds = [token[0] for token in tokens]
    estate, road, name = kinds.index("estate"), kinds.index("road"), kinds.index("name")
    is_apart = not estate < road < name or _INSIDE.intersection(kinds[:name])
    if is_apart or "号线" in tokens[estate][3]:  # a station lies in no other estate
        return tokens
    changed = list(tokens)
    outer = tokens[estate]
    is_zone = outer[3].endswith(_ZONE_WORDS) and "development_zone" not in kinds
    changed[estate] = ("development_zone" if is_zone else "name", *outer[1:])
    for index in range(estate + 1, road):
        if kinds[index] == "subestate":
            changed[index] = ("name", *tokens[index][1:])
    changed[name] = ("estate", *tokens[name][1:])
    return changed


_ZONE_WORDS = ("工业区", "工业园", "产业园", "科技园", "创业园", "物流园", "园区", "开发区")
_LONG_WORDS = alternatives(tuple(word for word in ESTATE_ENDINGS if len(word) > 1))
_HAS_CLASS_WORD = re.compile(rf"(?:{_LONG_WORDS}|[苑园城府院楼厂店馆区期门])$")
_INSIDE = frozenset({Kind.BUILDING, Kind.ENTRANCE, Kind.FLOOR, Kind.ROOM})


def _counted(tokens: list[Token]) -> set[int]:
    """Return the indices of the tokens that make up the address.

    Of each level the first counts, with two exceptions: a door counts with the road it stands at
    (江南大道创业大道288号 is 创业大道 288), and a township in full before one in short.
    """
    first: dict[str, int] = {}
    for index, token in enumerate(tokens):
        first.setdefault(token[0], index)
    if "subdoor" in first and "door" not in first:
        first["door"] = first.pop("subdoor")
        before = [i for i, t in enumerate(tokens[: first["door"]]) if t[0] == "subroad"]
        if before:
            first["road"] = before[-1]
    elif "road" not in first and "subroad" in first:
        first["road"] = first["subroad"]
    if "township" in first and tokens[first["township"]][3][-1] not in "镇乡道木":
        full = [i for i, t in enumerate(tokens) if t[0] == "township" and t[3][-1] in "镇乡道木"]
        first["township"] = (full or [first["township"]])[0]
    counted = {index for kind, index in first.items() if not kind.startswith("sub")}
    if "estate" in first:
        index = first["estate"] + 1
        while (
            index < len(tokens)
            and tokens[index][0] == "subestate"
            and tokens[index][1] - tokens[index - 1][2] <= 1
        ):
            counted.add(index)
            index += 1
    return counted
