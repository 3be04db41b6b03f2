"""Standardise: the one canonical text, the code of each level, what an abolished code became."""

from __future__ import annotations

from dataclasses import dataclass

from geo.addresses.divisions import Division, load_divisions
from geo.addresses.levels import DIVISION_LEVELS, LEVELS, AddressLevel
from geo.addresses.normalise import MAX_TEXT_LENGTH
from geo.addresses.parse import AddressNote, ParseContext, ParsedAddress, parse
from geo.addresses.standardise import DEFAULT_WRITTEN_FORM, WrittenForm, format_address

READINGS_MAX = 4  # a text whose standard text reads otherwise is read again; the rest swing


@dataclass(frozen=True, slots=True)
class StandardDivision:
    """One division an address lies in.

    is_written : whether the text names it; others follow from the finest one that is certain
    until : the last year in which the code was in force, None for a present division
    successor : the present division in its place; where one was divided, the one the list names
    """

    level: AddressLevel
    code: str
    name: str
    is_written: bool
    until: int | None = None
    successor: Division | None = None


@dataclass(frozen=True, slots=True)
class StandardisedAddress:
    """An address text in the deployment's written form.

    canonical_text : what the text says, no level more; empty where it holds no address
    full_text : the same with every division from the province down; None where the finest division
        isn't certain
    level : the finest that is written
    divisions : coarse to fine
    left_out : what stands in the text and not in the canonical text, in the order of the text
    reads_back : whether the canonical text is read as `components` again; False is rare, and
        somebody should look
    """

    text: str
    canonical_text: str
    full_text: str | None
    components: dict[str, str]
    level: AddressLevel | None
    divisions: tuple[StandardDivision, ...]
    division_code: str | None
    left_out: tuple[AddressNote, ...]
    reads_back: bool


def standardise(
    address: str | ParsedAddress,
    *,
    written_form: WrittenForm = DEFAULT_WRITTEN_FORM,
    context: ParseContext | None = None,
    max_length: int = MAX_TEXT_LENGTH,
) -> StandardisedAddress:
    """Return the standard text of an address, and what each of its divisions is.

    A text may be crooked (a town said twice, a firm before the town) so that its own standard text
    is read better; then that reading counts. Standardising a standard text changes nothing.

    Parameters
    ----------
    address : as typed, or parsed with the same context
    written_form : the deployment's counting words
    context : the deployment's own area and tagger
    max_length : [characters]

    Raises
    ------
    InvalidInput : neither text nor parsed
    FileTooLarge : the text is longer than `max_length`
    """
    if isinstance(address, ParsedAddress):
        first = address
    else:
        first = parse(address, context=context, max_length=max_length)
    settled = reading = first
    canonical = _text_of(first, written_form)
    reads_back = False
    for _ in range(READINGS_MAX):
        text = _text_of(reading, written_form)
        again = parse(text, context=context)
        if again.components() == reading.components():
            settled, canonical, reads_back = reading, text, True
            break
        reading = again
    components = settled.components()
    return StandardisedAddress(
        text=first.text,
        canonical_text=canonical,
        full_text=_full_text(settled, written_form),
        components=components,
        level=next((level for level in reversed(LEVELS) if level in components), None),
        divisions=_divisions_of(settled),
        division_code=settled.division_code,
        left_out=tuple(
            sorted((*first.relation, *first.notes, *first.leftovers), key=lambda note: note.start)
        ),
        reads_back=reads_back,
    )


def _text_of(parsed: ParsedAddress, form: WrittenForm) -> str:
    return format_address(parsed.components(), written_form=form)


def _divisions_of(parsed: ParsedAddress) -> tuple[StandardDivision, ...]:
    divisions = load_divisions()
    written: dict[AddressLevel, Division] = {}
    for part in parsed.parts:
        if part.counts and part.code is not None:
            written.setdefault(part.level, divisions.get(part.code))
    above = divisions.chain(parsed.division_code) if parsed.division_code else ()
    implied = {division.level: division for division in above}
    found = []
    for level in (*DIVISION_LEVELS, AddressLevel.DEVELOPMENT_ZONE, AddressLevel.COMMUNITY):
        division = written.get(level) or implied.get(level)
        if division is not None:
            is_abolished = division.successor is not None
            found.append(
                StandardDivision(
                    level, division.code, division.name, level in written, division.until,
                    divisions.successor(division.code) if is_abolished else None,
                )
            )  # fmt: skip
    return tuple(found)


def _full_text(parsed: ParsedAddress, form: WrittenForm) -> str | None:
    """Return the canonical text with the divisions that the finest certain one lies in."""
    if parsed.division_code is None:
        return None
    components = parsed.components()
    for division in load_divisions().chain(parsed.division_code):
        if division.level in DIVISION_LEVELS:
            components.setdefault(division.level.value, division.name)
    return format_address(components, written_form=form)
