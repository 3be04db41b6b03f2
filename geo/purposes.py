"""For what something about a person may be read: a list with the legal ground of each purpose.

The list that comes along is a start; a deployment brings its own (`GRIDBEAT_PURPOSES_FILE`), a CSV
with the columns of `COLUMNS`. What it says of the law, a lawyer has to check.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from geo.errors import InvalidFile, InvalidPurpose

SHIPPED = Path(__file__).parent / "data" / "purposes.csv"
COLUMNS = ("code", "zh", "en", "legal_ground", "source", "note")
CODE_FORM = re.compile(r"[a-z][a-z0-9_]{1,39}")
NAME_CHARS_MAX = 60


@dataclass(frozen=True, slots=True)
class Purpose:
    """One purpose. `legal_ground` is the act that allows it, `source` where that is published."""

    code: str
    zh: str
    en: str
    legal_ground: str
    source: str
    note: str


Purposes = Mapping[str, Purpose]


def load_purposes(path: Path | None = None) -> Purposes:
    """Return the purposes of a file by code, in its order; those that come along by default.

    Raises
    ------
    InvalidFile : it isn't there, or a line of it can't be (`line`)
    """
    file = path or SHIPPED
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            if tuple(reader.fieldnames or ()) != COLUMNS:
                raise InvalidFile(
                    f"{file.name} has the columns {', '.join(reader.fieldnames or ()) or 'none'}, "
                    f"wanted {', '.join(COLUMNS)}."
                )
            purposes: dict[str, Purpose] = {}
            for line, row in enumerate(reader, 2):
                purpose = _purpose(row, file.name, line)
                if purpose.code in purposes:
                    raise InvalidFile(
                        f"Line {line} of {file.name} says {purpose.code} again. Keep one.",
                        line=line,
                    )
                purposes[purpose.code] = purpose
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidFile(
            f"The list of purposes {file.name} can't be read: {error}. Wanted CSV in UTF-8 with "
            f"the columns {', '.join(COLUMNS)}."
        ) from None
    if not purposes:
        raise InvalidFile(f"{file.name} has no purpose. Wanted one a line.")
    return purposes


def find_purpose(purposes: Purposes, said: str) -> Purpose:
    """Return a purpose by its code, or by its name in either language.

    Raises
    ------
    InvalidPurpose : the list has none of it (`wanted` are the codes)
    """
    if said in purposes:
        return purposes[said]
    for purpose in purposes.values():
        if said in (purpose.zh, purpose.en):
            return purpose
    raise InvalidPurpose(
        f"The purpose is “{said[:NAME_CHARS_MAX]}”, which the list has not. Wanted one of "
        f"{', '.join(purposes)}.",
        wanted=list(purposes),
        field="purpose",
    )


def _purpose(row: dict[str, str | None], name: str, line: int) -> Purpose:
    values = {column: (row.get(column) or "").strip() for column in COLUMNS}
    missing = [column for column in ("zh", "en", "legal_ground") if not values[column]]
    too_long = [c for c in ("zh", "en") if len(values[c]) > NAME_CHARS_MAX]
    if not CODE_FORM.fullmatch(values["code"]) or missing or too_long or None in row:
        raise InvalidFile(
            f"Line {line} of {name} can't be a purpose. Wanted a code of 2 to 40 a-z, 0-9 and _, "
            f"names of at most {NAME_CHARS_MAX} characters in both languages, and the legal "
            "ground.",
            line=line,
        )
    return Purpose(**values)
