"""Result files of an import: the rows that were not taken, with the reason, to be mended.

CSV as spreadsheets open it: UTF-8 with its mark, cells that would start a formula disarmed.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from geo.errors import InvalidFile

MARK = b"\xef\xbb\xbf"
OWN_COLUMNS = ("row_number", "column", "reason", "message")
CELL_CHARS_MAX = 1_000  # of the source's cell; enough to find it by
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_RISKY = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(frozen=True, slots=True)
class Failure:
    """A row that was not taken. `reason` is a fixed word to count by, `message` is for people."""

    row_number: int
    reason: str
    message: str
    column: str | None = None


def disarmed(value: str) -> str:
    """Return a cell that no spreadsheet takes for a formula; plain numbers stay as they are.

    Source: OWASP, CSV injection.
    """
    if value.startswith(_RISKY) and not _NUMBER.fullmatch(value):
        return "'" + value
    return value


def _cut(cell: str) -> str:
    return cell if len(cell) <= CELL_CHARS_MAX else cell[:CELL_CHARS_MAX] + "…"


class ResultFile:
    """A CSV of failures that grows with an import and can be cut back to what was committed."""

    def __init__(self, path: Path, columns: Sequence[str], *, keep_bytes: int = 0) -> None:
        """Open it; keep its first `keep_bytes` (of an earlier run of the same job) only.

        Raises
        ------
        InvalidFile : there are fewer bytes than should be kept
        """
        self.path = path
        self._columns = tuple(columns)
        path.parent.mkdir(parents=True, exist_ok=True)
        found = path.stat().st_size if path.exists() else 0
        if found < keep_bytes:
            raise InvalidFile(
                f"{path.name} of the earlier run is gone or cut short. Start the import anew.",
                file=path.name,
            )
        with path.open("r+b" if path.exists() else "w+b") as file:
            file.truncate(keep_bytes)
        self.size_bytes = keep_bytes

    def append(self, rows: Iterable[tuple[Failure, Sequence[str | None]]]) -> None:
        """Add rows: what failed, and the source's own cells."""
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        if self.size_bytes == 0:
            writer.writerow([*OWN_COLUMNS, *map(disarmed, self._columns)])
        count = 0
        for failure, cells in rows:
            count += 1
            own = (str(failure.row_number), failure.column or "", failure.reason, failure.message)
            writer.writerow([disarmed(_cut(cell or "")) for cell in (*own, *cells)])
        if count == 0:
            return
        data = (MARK if self.size_bytes == 0 else b"") + text.getvalue().encode("utf-8", "replace")
        with self.path.open("ab") as file:
            file.write(data)
        self.size_bytes += len(data)
