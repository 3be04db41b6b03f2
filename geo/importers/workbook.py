"""XLSX: values only, streamed to the caller in batches, formulas never computed."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import python_calamine
from defusedxml.ElementTree import fromstring
from python_calamine import CalamineError, CalamineWorkbook

from geo.errors import FileTooLarge, InvalidFile, InvalidMapping
from geo.importers.archives import check_archive
from geo.importers.isolation import FAULT_COLUMN, ROW_COLUMN
from geo.importers.reader_process import RawTable
from geo.importers.upload_safety import UploadLimits

HEADER_SEARCH_ROWS = 10
CARRY_BYTES = 4_096
LIST_BYTES_MAX = 1_000_000
BOOK, BOOK_LINKS = "xl/workbook.xml", "xl/_rels/workbook.xml.rels"
# A cell with a formula and no stored value: the program that wrote the file never computed it.
_UNCACHED = re.compile(
    rb'<c r="([A-Z]{1,3})(\d{1,7})"[^>]*>\s*<f(?:\s[^>]*)?(?:/>|>[^<]*</f>)\s*'
    rb"(?:<v\s*/>|<v>\s*</v>)?\s*</c>"
)
_CELL_REFERENCE = re.compile(rb'<c [^>]*?r="([A-Z]{1,3})\d{1,7}"')


def open_workbook(
    path: Path, table_name: str | None, batch_rows: int, limits: UploadLimits
) -> RawTable:
    """Open one sheet: the one named, or the first visible one that holds a table.

    The header is the first row with the most filled cells among the first ten, so that a title
    above it is passed over. A row with a formula that was never computed has a fault.

    Raises
    ------
    InvalidFile : damaged, or no table in it
    InvalidMapping : no sheet of that name
    FileTooLarge : over `limits`
    """
    watch = _SheetWatch()
    check_archive(path, limits=limits, on_block=watch.see)
    if watch.widest > limits.max_columns:
        raise FileTooLarge(
            f"{path.name} has cells in column {watch.widest}; at most {limits.max_columns} columns "
            "are taken. Delete what lies far to the right."
        )
    try:
        book = CalamineWorkbook.from_path(path)
    except (CalamineError, OSError, ValueError) as error:
        raise InvalidFile(f"{path.name} is half a file or damaged. Save it anew.") from error
    visible = [
        about.name
        for about in book.sheets_metadata
        if about.visible == python_calamine.SheetVisibleEnum.Visible
        and about.typ == python_calamine.SheetTypeEnum.WorkSheet
    ]
    if table_name is not None and table_name not in visible:
        raise InvalidMapping(
            f"{path.name} has no sheet “{table_name[:60]}”. It has: {', '.join(visible[:10])}."
        )
    for name in [table_name] if table_name is not None else visible:
        sheet = book.get_sheet_by_name(name)
        found = _find_header(sheet)
        if found is not None:
            faults = watch.faults(name)
            return RawTable(
                batches=_batches(sheet, *found, batch_rows, faults),
                first_row=found[0] + 2,
                row_count=None,
                table_names=tuple(visible),
                notes=tuple(watch.notes(faults)),
            )
    raise InvalidFile(f"{path.name} holds no table. Give a sheet with a header row.")


class _SheetWatch:
    """Looks at the sheets' XML as it is unpacked: how wide it is, and formulas without values."""

    def __init__(self) -> None:
        self.widest = 0
        self._lists: dict[str, bytes] = {}
        self._carry: dict[str, bytes] = {}
        self._uncached: dict[str, set[tuple[int, str]]] = {}

    def see(self, name: str, block: bytes) -> None:
        if name in (BOOK, BOOK_LINKS):
            self._lists[name] = self._lists.get(name, b"") + block
            if len(self._lists[name]) > LIST_BYTES_MAX:
                raise FileTooLarge(f"The workbook's list of sheets is over {LIST_BYTES_MAX} bytes.")
        if not name.startswith("xl/worksheets/") or not name.endswith(".xml"):
            return
        text = self._carry.get(name, b"") + block
        # Cells are narrow; what is cut at the end of a block is seen again with the next.
        self._carry[name] = text[-CARRY_BYTES:]
        if b'r="' in text:
            longest = max(_CELL_REFERENCE.findall(text), key=_column_order, default=b"A")
            self.widest = max(self.widest, _column_number(longest))
        if b"<f" in text:
            rows = self._uncached.setdefault(name, set())
            rows |= {
                (int(m[2]), f"{m[1].decode()}{m[2].decode()}") for m in _UNCACHED.finditer(text)
            }

    def faults(self, sheet_name: str) -> dict[int, str]:
        """Row number → the first cell in it whose formula has no value."""
        faults: dict[int, str] = {}
        for row, cell in sorted(self._uncached.get(self._part_of(sheet_name), ())):
            faults.setdefault(row, cell)
        return faults

    def _part_of(self, sheet_name: str) -> str:
        """The archive's entry that holds a sheet, by the workbook's own lists."""
        book = fromstring(self._lists[BOOK])
        links = fromstring(self._lists[BOOK_LINKS])
        targets = {link.get("Id"): link.get("Target", "") for link in links}
        for element in book.iter():
            if element.tag.endswith("}sheet") and element.get("name") == sheet_name:
                link = next(value for key, value in element.items() if key.endswith("}id"))
                target = targets.get(link, "")
                return target.lstrip("/") if target.startswith("/") else f"xl/{target}"
        return ""

    def notes(self, faults: dict[int, str]) -> list[str]:
        if not faults:
            return []
        return [f"{len(faults)} rows hold a formula without a computed value."]


def _column_order(letters: bytes) -> tuple[int, bytes]:
    return len(letters), letters


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number


def _find_header(sheet: Any) -> tuple[int, list[str]] | None:
    """Return the header's position from 0 and its names; None where the sheet is empty."""
    best: tuple[int, list[Any]] | None = None
    most = 0
    for position, row in enumerate(sheet.iter_rows()):
        filled = sum(isinstance(value, str) and bool(value.strip()) for value in row)
        if filled > most:
            best, most = (position, row), filled
        if best is not None and position >= best[0] + HEADER_SEARCH_ROWS:
            break
    if best is None:
        return None
    return best[0], [_cell_text(value) or "" for value in best[1]]


def _batches(
    sheet: Any, header_at: int, names: list[str], batch_rows: int, faults: dict[int, str]
) -> Iterator[pa.RecordBatch]:
    held: list[list[str | None]] = []
    numbers: list[int] = []
    kept = [i for i, name in enumerate(names)]
    for position, row in enumerate(sheet.iter_rows()):
        if position <= header_at:
            continue
        texts = [_cell_text(value) for value in row]
        if not any(texts) and position + 1 not in faults:
            continue
        held.append(texts)
        numbers.append(position + 1)
        if len(held) == batch_rows:
            yield _batch(names, kept, held, numbers, faults)
            held, numbers = [], []
    yield _batch(names, kept, held, numbers, faults)


def _batch(
    names: list[str],
    kept: list[int],
    rows: list[list[str | None]],
    numbers: list[int],
    faults: dict[int, str],
) -> pa.RecordBatch:
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    arrays = [pa.array(columns[i], pa.string()) for i in kept]
    wrong = [_fault(faults.get(number)) for number in numbers]
    arrays += [pa.array(numbers, pa.int64()), pa.array(wrong, pa.string())]
    heads = [names[i] or f"column_{i + 1}" for i in kept]
    return pa.RecordBatch.from_arrays(arrays, names=[*heads, ROW_COLUMN, FAULT_COLUMN])


def _fault(cell: str | None) -> str | None:
    if cell is None:
        return None
    return (
        f"the formula in {cell} was never computed; open the file in a spreadsheet and save it, "
        "or paste values"
    )


def _cell_text(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    if isinstance(value, datetime.date | datetime.time | datetime.datetime):
        return value.isoformat()
    return str(value)
