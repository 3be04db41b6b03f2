"""Read an address text into its parts. `parse` is the public face of `scan`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from geo.addresses.levels import LEVELS, AddressLevel
from geo.addresses.normalise import MAX_TEXT_LENGTH, NormalisedText, normalise
from geo.addresses.scan import Vocabulary, scan
from geo.addresses.tokens import Kind, Token


@dataclass(frozen=True, slots=True)
class AddressPart:
    """One part of an address.

    text : as written, normalised; value : what is searched by (building `3` for 3号楼, 三幢)
    start, end : half-open span [characters] in the original text
    code : division code, where the text and the context settle which division it is
    """

    level: AddressLevel
    text: str
    value: str
    start: int
    end: int
    code: str | None = None


@dataclass(frozen=True, slots=True)
class AddressNote:
    """Something in the text that is no level of the address.

    kind : `relation` (旁边, 附近50米), `repeated` (a division said again), `note` (in brackets or for
    the bearer), `name` (a shop, firm or person), `other` (what no rule explains)
    """

    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ParsedAddress:
    """An address text and its parts, in the order of the text."""

    text: str
    parts: tuple[AddressPart, ...]
    relation: tuple[AddressNote, ...] = ()
    notes: tuple[AddressNote, ...] = ()
    leftovers: tuple[AddressNote, ...] = ()
    alternatives: tuple[ParsedAddress, ...] = ()
    division_code: str | None = None

    def value(self, level: AddressLevel) -> str | None:
        """Return the search value at a level, None where the text says nothing of it."""
        return self.components().get(level)

    def components(self) -> dict[str, str]:
        """Return level → value, coarse to fine, only of levels that are written."""
        values: dict[AddressLevel, str] = {}
        for part in self.parts:
            if part.level is AddressLevel.ESTATE and AddressLevel.ESTATE in values:
                values[part.level] += part.value
            else:
                values.setdefault(part.level, part.value)
        return {level.value: values[level] for level in LEVELS if level in values}


@dataclass(frozen=True, slots=True)
class ParseContext:
    """What a deployment knows beforehand.

    division_codes : codes of its own area, a prior for names that occur more than once
    roads, estates, communities : its own names, found although they lack a class word
    """

    division_codes: tuple[str, ...] = ()
    roads: Iterable[str] = ()
    estates: Iterable[str] = ()
    communities: Iterable[str] = ()
    _vocabulary: list[Vocabulary] = field(default_factory=list, repr=False, compare=False)

    def vocabulary(self) -> Vocabulary:
        """Return the names in the form `scan` looks them up, made once."""
        if not self._vocabulary:
            self._vocabulary.append(
                Vocabulary.build(self.division_codes, self.roads, self.estates, self.communities)
            )
        return self._vocabulary[0]


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
    tokens, division = scan(normalised.text, context.vocabulary() if context else None)
    return _assemble(text, normalised, tokens, division)


def parse_many(
    texts: Sequence[str], *, context: ParseContext | None = None, max_length: int = MAX_TEXT_LENGTH
) -> list[ParsedAddress]:
    """Return `parse` of each text, in order."""
    return [parse(text, context=context, max_length=max_length) for text in texts]


def _assemble(
    text: str, normalised: NormalisedText, tokens: list[Token], division: str | None
) -> ParsedAddress:
    parts: list[AddressPart] = []
    others: dict[str, list[AddressNote]] = {"relation": [], "note": [], "leftover": []}
    plain = normalised.text
    for kind, start, end, value, code in tokens:
        first, last = normalised.original_span(start, end)
        level = Kind.LEVELS.get(kind)
        if level is not None:
            parts.append(AddressPart(level, plain[start:end], value, first, last, code))
        else:
            shelf = Kind.SHELVES[kind]
            others[shelf].append(AddressNote(kind, plain[start:end], first, last))
    return ParsedAddress(
        text,
        tuple(parts),
        tuple(others["relation"]),
        tuple(others["note"]),
        tuple(others["leftover"]),
        (),
        division,
    )
