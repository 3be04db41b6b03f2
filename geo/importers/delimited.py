"""CSV, TSV and JSON lines: row by row, so that one bad row is one error with its line number.

Python's own `csv` reads them: the faster readers stop at the first ragged row, or don't say which
line it was. It does a million rows of ten columns in a few seconds, less than reading the
addresses in them takes.
"""

from __future__ import annotations

import codecs
import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from geo.errors import InvalidFile

SNIFF_BYTES = 1 << 18
SNIFF_LINES = 50
LINE_CHARS_MAX = 1 << 20
RECORD_LINES_MAX = 100  # a quote that stays open longer is taken for a stray one
FIELD_CHARS_MAX = 131_072  # the default of `csv`, which is global and left alone
DELIMITERS = (",", "\t", ";", "|")
ENCODINGS = (
    "utf-8", "utf-8-sig", "gb18030", "gbk", "gb2312", "big5", "big5hkscs", "utf-16", "utf-16-le",
    "utf-16-be", "ascii", "latin-1",
)  # fmt: skip
UTF8_BAD_SHARE_MAX = 0.02  # above this share of undecodable characters a file isn't UTF-8


@dataclass(frozen=True, slots=True)
class Record:
    """One row of a file: its line, and its cells or its fault."""

    row_number: int
    cells: list[str | None]
    fault: str | None = None


def checked_encoding(name: str) -> str:
    """Return Python's name of a text encoding.

    Raises
    ------
    InvalidFile : unknown, or none that tables are written in
    """
    try:
        found = codecs.lookup(name.strip()).name
    except (LookupError, ValueError):
        found = ""
    known = {codecs.lookup(known).name: known for known in ENCODINGS}
    if found not in known:
        raise InvalidFile(
            f"The encoding “{name[:40]}” is not known. Wanted UTF-8, GB18030, GBK, Big5 or UTF-16."
        )
    return known[found]


def sniff_encoding(path: Path) -> str:
    """Return the encoding of a text file, from its mark or from its bytes.

    UTF-8 unless too much of it can't be decoded so; then GB18030, unless that is worse.

    Raises
    ------
    InvalidFile : no text at all
    """
    with path.open("rb") as file:
        head = file.read(SNIFF_BYTES)
        if head.startswith(codecs.BOM_UTF8):
            return "utf-8-sig"
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        while head.isascii() and (block := file.read(SNIFF_BYTES)):
            head = block
    if head.count(0) > len(head) // 10:
        raise InvalidFile(
            f"{path.name} is neither text nor a format that is known. Give CSV, JSON lines, XLSX, "
            "GeoJSON, GeoPackage or Parquet.",
            file=path.name,
        )
    utf8, gb18030 = _bad_share(head, "utf-8"), _bad_share(head, "gb18030")
    return "utf-8" if utf8 <= max(UTF8_BAD_SHARE_MAX * (gb18030 > 0), gb18030) else "gb18030"


def _bad_share(data: bytes, encoding: str) -> float:
    """Share of the non-ASCII text that can't be decoded; a cut at the end counts for nothing."""
    text = codecs.getincrementaldecoder(encoding)("replace").decode(data)
    beyond = len(text) - len(text.encode("ascii", "ignore"))
    return text.count("\ufffd") / beyond if beyond else 0.0


def open_delimited(
    path: Path, encoding: str
) -> tuple[list[str], Callable[[], Iterator[Record]], str]:
    """Return the header, a function that reads the rows from the start, and the delimiter.

    Raises
    ------
    InvalidFile : no header
    """
    delimiter = _sniff_delimiter(path, encoding)
    records = _csv_records(path, encoding, delimiter)
    header = next((record for record in records if record.fault is None), None)
    if header is None or not any(header.cells):
        raise InvalidFile(
            f"{path.name} has no header row in {encoding}. Give the columns' names in its first "
            "line.",
            file=path.name,
        )
    names = unique_names(header.cells)

    def rows() -> Iterator[Record]:
        for record in _csv_records(path, encoding, delimiter):
            if record.row_number > header.row_number:
                yield _fitted(record, len(names))

    return names, rows, delimiter


def open_json_lines(path: Path, encoding: str) -> tuple[list[str], Callable[[], Iterator[Record]]]:
    """Return the keys of the first thousand objects, and a function that reads the rows.

    Raises
    ------
    InvalidFile : no line is an object
    """
    keys: dict[str, None] = {}
    for count, (_, line) in enumerate(_lines(path, encoding)):
        if count == 1000:
            break
        found = _json_object(line)
        keys.update(dict.fromkeys(found if isinstance(found, dict) else ()))
    if not keys:
        raise InvalidFile(
            f"{path.name} has no line that is a JSON object. Write one object a line.",
            file=path.name,
        )
    names = list(keys)

    def rows() -> Iterator[Record]:
        for number, line in _lines(path, encoding):
            if line is not None and not line.strip():
                continue
            found = _json_object(line)
            if isinstance(found, str):
                yield Record(number, [None] * len(names), found)
            else:
                yield Record(number, [_json_text(found.get(name)) for name in names])

    return names, rows


def unique_names(cells: list[str | None]) -> list[str]:
    """Return names for columns: blank ones numbered, repeated ones told apart."""
    names: list[str] = []
    for position, cell in enumerate(cells):
        wanted = (cell or "").strip().strip("\ufeff") or f"column_{position + 1}"
        name, count = wanted, 2
        while name in names:
            name, count = f"{wanted}_{count}", count + 1
        names.append(name)
    return names


def _fitted(record: Record, width: int) -> Record:
    """The record at the header's width; missing cells, or more that hold something, are a fault."""
    cells, found = record.cells, len(record.cells)
    if record.fault is None and found < width:
        fault = f"has {found} cells, the header names {width}; the line may be cut off"
        return Record(record.row_number, [*cells, *[None] * (width - found)], fault)
    if record.fault is None and any(cells[width:]):
        fault = f"has {found} cells, the header names {width}; a cell may need quotes"
        return Record(record.row_number, cells[:width], fault)
    padded = [*cells[:width], *[None] * (width - found)]
    return Record(record.row_number, padded, record.fault)


def _sniff_delimiter(path: Path, encoding: str) -> str:
    lines = [line for (_, line), _ in zip(_lines(path, encoding), range(SNIFF_LINES), strict=False)]
    text = [line for line in lines if line and len(line) < FIELD_CHARS_MAX]
    best, most = ",", 0.0
    for delimiter in DELIMITERS:
        widths = [len(next(csv.reader([line], delimiter=delimiter), [])) for line in text]
        if not widths or widths[0] < 2:
            continue
        score = widths[0] * sum(width == widths[0] for width in widths) / len(widths)
        if score > most:
            best, most = delimiter, score
    return best


def _csv_records(path: Path, encoding: str, delimiter: str) -> Iterator[Record]:
    """Read records; after a broken one go on with the line after its first."""
    source = _PushBackLines(_lines(path, encoding))
    reader = csv.reader(source, delimiter=delimiter, strict=True)
    while True:
        source.start_record()
        try:
            cells: list[str | None] = [cell or None for cell in next(reader)]
        except StopIteration:
            return
        except (csv.Error, _TooManyLines) as error:
            number = source.first_line_number
            broken = _csv_fault(str(error), source.line_count)
            yield Record(number, [source.first_line()], broken)
            source.push_back_all_but_first()
            continue
        if cells == [] or cells == [None]:
            continue
        fault = source.fault or _text_fault(cells)
        yield Record(source.first_line_number, cells, fault)


def _csv_fault(said: str, line_count: int) -> str:
    if "field limit" in said and line_count == 1:
        return f"a cell has over {FIELD_CHARS_MAX} characters"
    if "unexpected end" in said or line_count > 1:
        return "a quotation mark is opened and never closed"
    return "a quotation mark stands inside a cell; double it and put the cell in quotes"


def _text_fault(cells: list[str | None]) -> str | None:
    text = "".join(filter(None, cells))
    if text.isascii():
        return "holds a NUL character" if "\x00" in text else None
    if "\x00" in text:
        return "holds a NUL character"
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return "holds bytes that are no text in the file's encoding"
    return None


class _TooManyLines(Exception):
    """A record runs over too many lines."""


class _PushBackLines:
    """Lines for `csv.reader` that remember the record in hand and can be read again."""

    def __init__(self, lines: Iterator[tuple[int, str | None]]) -> None:
        self._lines = lines
        self._record: list[tuple[int, str | None]] = []
        self._again: list[tuple[int, str | None]] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self._record) >= RECORD_LINES_MAX:
            raise _TooManyLines("open quote")
        line = self._again.pop() if self._again else next(self._lines)
        self._record.append(line)
        return line[1] if line[1] is not None else "\ufffd\n"

    def start_record(self) -> None:
        self._record = []

    @property
    def line_count(self) -> int:
        return len(self._record)

    @property
    def first_line_number(self) -> int:
        return self._record[0][0] if self._record else 0

    def first_line(self) -> str | None:
        text = self._record[0][1] if self._record else None
        return text.rstrip("\r\n")[:1000] if text else None

    @property
    def fault(self) -> str | None:
        if any(line is None for _, line in self._record):
            return f"a line has over {LINE_CHARS_MAX} characters"
        return None

    def push_back_all_but_first(self) -> None:
        self._again.extend(reversed(self._record[1:]))
        self._record = []


def _lines(path: Path, encoding: str) -> Iterator[tuple[int, str | None]]:
    """Yield line numbers from 1 and lines; None for one that is too long to be held."""
    # Bytes that are no text in this encoding become lone surrogates, found by `_text_fault`.
    with path.open(encoding=encoding, errors="surrogateescape", newline="") as file:
        number = 0
        while True:
            line = _read_line(file)
            if line == "":
                return
            number += 1
            yield number, line


def _read_line(file: IO[str]) -> str | None:
    line = file.readline(LINE_CHARS_MAX)
    if len(line) < LINE_CHARS_MAX or line.endswith(("\n", "\r")):
        return line
    while (rest := file.readline(LINE_CHARS_MAX)) and not rest.endswith(("\n", "\r")):
        continue
    return None


def _json_object(line: str | None) -> dict[str, object] | str:
    if line is None:
        return f"the line has over {LINE_CHARS_MAX} characters"
    fault = _text_fault([line])
    if fault is not None:
        return fault
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return "the line is no JSON object; it may be cut off"
    return found if isinstance(found, dict) else "the line is no JSON object"


def _json_text(value: object) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return json.dumps(value, ensure_ascii=False)
