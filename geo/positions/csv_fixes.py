"""Fixes as CSV: a row of names, then a fix a row; fields as in `geo.positions.plain_fields`."""

from __future__ import annotations

import csv
import io

from geo.positions.fix import Drop, Reading, Source
from geo.positions.plain_fields import FIELDS, fix_of_fields

NEEDED = ("fixed_at", "longitude", "latitude")


def read_csv(body: bytes, *, device_id: str | None = None) -> Reading:
    """Return the fixes of a file in UTF-8, with or without a byte order mark.

    Parameters
    ----------
    device_id : of rows that don't name one
    """
    reading = Reading()
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        reading.drop(Drop.UNREADABLE)
        return reading
    rows = csv.reader(io.StringIO(text, newline=""))
    at = 0
    try:
        names = [name.strip().lower() for name in next(rows, [])]
        if not set(NEEDED) <= set(names):
            reading.drop(Drop.UNREADABLE)
            return reading
        for row in rows:
            if row:
                fields = {name: value for name, value in zip(names, row, strict=False)
                          if name in FIELDS and value}  # fmt: skip
                reading.take(fix_of_fields(fields, Source.CSV, device_id), at)
                at += 1
    except csv.Error:  # a field without end, or longer than the reader takes
        reading.drop(Drop.UNREADABLE, at)
    return reading
