"""Read tagged addresses: CoNLL lines, BIO tokens (NAACL 2019) or BIES characters (CCKS 2021).

One token and its tag a line, split by white space; a blank line ends an address.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from geo.errors import InvalidFile

LabelledSpan = tuple[int, int, str]
"""start, end [characters], label in lower case"""

SHARED_LABELS = (
    "prov", "city", "district", "devzone", "town", "community", "road", "roadno", "poi", "subpoi",
    "houseno", "cellno", "floorno", "assist",
)  # fmt: skip
"""Labels that both schemes have."""


@dataclass(frozen=True, slots=True)
class TaggedAddress:
    """An address text with the spans that a person marked."""

    text: str
    spans: tuple[LabelledSpan, ...]


def read_tagged(path: Path) -> list[TaggedAddress]:
    """Return the tagged addresses of a file, in order.

    Raises
    ------
    InvalidFile : a line is not a token and a tag, a tag is unknown in form, or nothing is there
    """
    found: list[TaggedAddress] = []
    tokens: list[tuple[str, str]] = []
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            fields = line.split()
            if not fields:
                if tokens:
                    found.append(_tagged(tokens))
                    tokens = []
                continue
            if len(fields) != 2 or not (fields[1] == "O" or fields[1][:2] in _PREFIXES):
                raise InvalidFile(
                    f"Line {number} of {path.name} is {line.strip()!r}, wanted a token and a tag "
                    "such as “路 I-road”. One token a line, a blank line between addresses.",
                    line=number,
                )
            tokens.append((fields[0], fields[1]))
    if tokens:
        found.append(_tagged(tokens))
    if not found:
        raise InvalidFile(f"{path.name} holds no tagged address.", file=path.name)
    return found


_PREFIXES = frozenset({"B-", "I-", "E-", "S-", "M-"})


def _tagged(tokens: list[tuple[str, str]]) -> TaggedAddress:
    spans: list[list[int | str]] = []
    at, open_label = 0, ""
    for token, tag in tokens:
        end = at + len(token)
        label = "" if tag == "O" else tag[2:].lower()
        if label and (tag[0] in "BS" or label != open_label):
            spans.append([at, end, label])
        elif label:
            spans[-1][1] = end
        open_label = "" if tag[0] in "OES" else label
        at = end
    text = "".join(token for token, _ in tokens)
    return TaggedAddress(text, tuple((int(s), int(e), str(k)) for s, e, k in spans))
