"""Fixes as CSV: a row of names, then a fix a row; fields as in `geo.positions.plain_fields`."""

from __future__ import annotations

import csv
import io

from geo.positions.fix import Drop, Reading, Source
from geo.positions.plain_fields import FIELDS, reading_of_fields

NEEDED = ("fixed_at", "longitude", "latitude")


def read_csv(body: bytes, *, device_id: str | None = None) -> Reading:
    """Return the fixes of a file in UTF-8, with or without a byte order mark.

    Parameters
    ----------
    device_id : of rows that don't name one
    """
    unreadable = Reading()
    unreadable.drop(Drop.UNREADABLE)
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return unreadable
    rows = csv.reader(io.StringIO(text, newline=""))
    messages: list[dict[str, str] | None] = []
    try:
        names = [name.strip().lower() for name in next(rows, [])]
        if not set(NEEDED) <= set(names):
            return unreadable
        for row in rows:
            if row:
                pairs = zip(names, row, strict=False)
                messages.append({name: value for name, value in pairs if name in FIELDS and value})
    except csv.Error:  # a field without end, or longer than the reader takes
        messages.append(None)
    return reading_of_fields(messages, Source.CSV, device_id)
