"""Readings, standard texts and comparisons as JSON objects: one shape for API and command line.

Each function answers a text that can't be read with an object whose `status` is `error` and whose
`message` says why, so that one bad line doesn't spoil a file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from geo.addresses.divisions import Division, load_divisions
from geo.addresses.normalise import normalise
from geo.addresses.parse import AddressNote, ParseContext, ParsedAddress, parse_many
from geo.addresses.standard_text import StandardDivision, standardise
from geo.addresses.standardise import WrittenForm, format_address
from geo.errors import InvalidInput

if TYPE_CHECKING:
    from geo.addresses.compare_texts import TextComparison

READ, NO_ADDRESS, ERROR = "read", "no_address", "error"
SHOWN_OF_FAULTY = 80  # [characters] of a text that can't be read, to recognise it by

Json = dict[str, Any]


def read_as_json(
    texts: Sequence[str], *, form: WrittenForm, context: ParseContext | None, max_length: int
) -> list[Json]:
    """Return what each text says: parts with spans, codes, notes, alternatives, normalised text."""
    return [
        _faulty(text, found) if isinstance(found, InvalidInput) else _reading(found, form)
        for text, found in zip(texts, _parse_each(texts, context, max_length), strict=True)
    ]


def standardise_as_json(
    texts: Sequence[str], *, form: WrittenForm, context: ParseContext | None, max_length: int
) -> list[Json]:
    """Return the standard text of each text, with the code of each division."""
    return [
        _faulty(text, found)
        if isinstance(found, InvalidInput)
        else _standardised(found, form, context)
        for text, found in zip(texts, _parse_each(texts, context, max_length), strict=True)
    ]


def compare_as_json(
    pairs: Sequence[tuple[str, str]],
    *,
    form: WrittenForm,
    context: ParseContext | None,
    max_length: int,
) -> list[Json]:
    """Return how the places of each pair lie to each other, and how likely they are one.

    The first call of a process loads the model; the first on a machine compiles it (a minute).
    """
    from geo.addresses.compare_texts import (
        compare_texts,
    )  # loads Numba; readers needn't wait for it

    def compared(first: str, second: str) -> TextComparison:
        return compare_texts(first, second, context=context, max_length=max_length)

    read = _parse_each([text for pair in pairs for text in pair], context, max_length)
    return [
        _compared(pair, first, second, form, compared)
        for pair, first, second in zip(pairs, read[::2], read[1::2], strict=True)
    ]


def _parse_each(
    texts: Sequence[str], context: ParseContext | None, max_length: int
) -> list[ParsedAddress | InvalidInput]:
    faults: dict[int, InvalidInput] = {}
    for position, text in enumerate(texts):
        try:
            _check_text(text, max_length)
        except InvalidInput as error:
            faults[position] = error
    sound = [text for position, text in enumerate(texts) if position not in faults]
    parsed = iter(parse_many(sound, context=context, max_length=max_length))
    return [faults.get(position) or next(parsed) for position in range(len(texts))]


def _check_text(text: object, max_length: int) -> None:
    """Refuse what holds no text.

    Raises
    ------
    InvalidInput, FileTooLarge
    """
    if isinstance(text, str) and not text.strip():
        raise InvalidInput(
            "The address text is empty. Give an address, such as 文一路269号3幢2单元101室."
        )
    normalise(text, max_length=max_length)  # type: ignore[arg-type] # says what it is instead


def _faulty(text: object, error: InvalidInput) -> Json:
    shown = text[:SHOWN_OF_FAULTY] if isinstance(text, str) else ""
    return {"text": shown, "status": ERROR, "message": error.message}


def _status(parsed: ParsedAddress) -> str:
    return READ if parsed.parts else NO_ADDRESS


def _reading(parsed: ParsedAddress, form: WrittenForm) -> Json:
    normalised = normalise(parsed.text, max_length=len(parsed.text))
    components = parsed.components()
    return {
        "text": parsed.text,
        "status": _status(parsed),
        "parts": [
            {
                **part._asdict(),
                "level": part.level.value,
                "written": parsed.text[part.start : part.end],
            }
            for part in parsed.parts
        ],
        "components": components,
        "canonical_text": format_address(components, written_form=form),
        "division_code": parsed.division_code,
        "relation": _notes(parsed.relation),
        "notes": _notes(parsed.notes),
        "leftovers": _notes(parsed.leftovers),
        "alternatives": _alternatives(parsed),
        "normalised": {
            "text": normalised.text,
            "starts": list(normalised.starts),
            "ends": list(normalised.ends),
        },
        "message": None,
    }


def _standardised(parsed: ParsedAddress, form: WrittenForm, context: ParseContext | None) -> Json:
    found = standardise(parsed, written_form=form, context=context)
    return {
        "text": found.text,
        "status": _status(parsed),
        "canonical_text": found.canonical_text,
        "full_text": found.full_text,
        "level": found.level.value if found.level else None,
        "components": found.components,
        "division_code": found.division_code,
        "divisions": [_division(each) for each in found.divisions],
        "alternatives": _alternatives(parsed),
        "left_out": _notes(found.left_out),
        "reads_back": found.reads_back,
        "message": None,
    }


def _compared(
    pair: tuple[str, str],
    first: ParsedAddress | InvalidInput,
    second: ParsedAddress | InvalidInput,
    form: WrittenForm,
    compared: Callable[[str, str], TextComparison],
) -> Json:
    if isinstance(first, InvalidInput) or isinstance(second, InvalidInput):
        which, error = ("first", first) if isinstance(first, InvalidInput) else ("second", second)
        assert isinstance(error, InvalidInput)
        shown = {
            name: text[:SHOWN_OF_FAULTY] if isinstance(text, str) else ""
            for name, text in zip(("first", "second"), pair, strict=True)
        }
        return {**shown, "status": ERROR, "message": f"{which}: {error.message}"}
    told: Json = {
        "first": first.text,
        "second": second.text,
        "first_text": format_address(first.components(), written_form=form),
        "second_text": format_address(second.components(), written_form=form),
        "message": None,
    }
    if not (_says_a_place(first) and _says_a_place(second)):
        return told | {"status": NO_ADDRESS}
    found = compared(*pair)
    return told | {
        "status": READ,
        "relation": found.relation.value,
        "parted_at": found.parted_at.value if found.parted_at else None,
        "grade": found.grade.name.lower(),
        "likelihood": {
            grade: round(share, 4)
            for grade, share in zip(("none", "partial", "full"), found.probabilities, strict=True)
        },
        "reasons": [
            {
                "code": reason.code,
                "level": str(reason.level),
                "first": reason.first,
                "second": reason.second,
            }
            for reason in found.reasons
        ],
    }


def _says_a_place(parsed: ParsedAddress) -> bool:
    """Whether something can be compared: a level, or at least the name of a shop or firm."""
    return bool(parsed.parts) or any(note.kind == "name" for note in parsed.leftovers)


def _notes(notes: Sequence[AddressNote]) -> list[Json]:
    return [note._asdict() for note in notes]


def _division(division: StandardDivision) -> Json:
    return {
        "level": division.level.value,
        "code": division.code,
        "name": division.name,
        "is_written": division.is_written,
        "until": division.until,
        "successor": _successor(division.successor),
    }


def _successor(division: Division | None) -> Json | None:
    return None if division is None else {"code": division.code, "name": division.name}


def _alternatives(parsed: ParsedAddress) -> list[Json]:
    """Return what the finest division may be, likeliest first, named from the province down."""
    divisions = load_divisions()
    return [
        {
            "division_code": reading.division_code,
            "name": "".join(d.name for d in divisions.chain(reading.division_code or "")),
            "score": round(reading.score, 4),
        }
        for reading in parsed.alternatives
    ]
