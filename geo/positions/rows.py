"""Fixes as rows of a table: what the intake does with many at a time, it does with columns.

Times are Unix times [µs], by the clock they were taken by; `NO_TIME` where there is none. Missing
numbers are NaN.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from geo.positions.fix import Fix, Source
from geo.store.arrays import NO_TIME
from geo.values import LonLat

SOURCES = tuple(Source)
_CODE = {source: code for code, source in enumerate(SOURCES)}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
NUMBERS = (
    "lon", "lat", "accuracy_m", "speed_mps", "course_deg", "altitude_m", "battery_share",
)  # fmt: skip
ROW = np.dtype(
    [
        ("unit_id", np.int64), ("device_id", np.int64),
        ("fixed_us", np.int64), ("sent_us", np.int64), ("stale_us", np.int64),
        ("received_us", np.int64), ("skew_s", np.float64),
        *((name, np.float64) for name in NUMBERS),
        ("source", np.uint8), ("alarm", object),
    ]
)  # fmt: skip

_FIELDS: Mapping[str, Any] = ROW.fields or {}

Rows = NDArray[np.void]


def to_us(at: datetime | None) -> int:
    """Return a time as Unix time [µs]."""
    return NO_TIME if at is None else (at - _EPOCH) // _MICROSECOND


def to_datetime(at_us: int) -> datetime | None:
    """Return the time of a Unix time [µs]."""
    return None if at_us == NO_TIME else _EPOCH + timedelta(microseconds=at_us)


def row_of(
    fix: Fix, unit_id: int = 0, device_id: int = 0, received_us: int = 0, skew_s: float = 0.0
) -> tuple[Any, ...]:
    """Return a fix as a row of `ROW`. None becomes NaN when the rows are put together."""
    return (
        unit_id, device_id, to_us(fix.fixed_at), to_us(fix.sent_at), to_us(fix.stale_at),
        received_us, skew_s, fix.position.longitude, fix.position.latitude, fix.accuracy_m,
        fix.speed_mps, fix.course_deg, fix.altitude_m, fix.battery_share, _CODE[fix.source],
        fix.alarm,
    )  # fmt: skip


def rows_of(rows: Iterable[tuple[Any, ...]]) -> Rows:
    """Return rows (n,) of `row_of`, put together."""
    columns = list(zip(*rows, strict=True))
    made = np.zeros(len(columns[0]) if columns else 0, ROW)
    for (name, (kind, _)), column in zip(_FIELDS.items(), columns, strict=False):
        made[name] = np.array(column, kind)
    return made


def corrected_us(rows: Rows) -> NDArray[np.int64]:
    """Return (n,) when each was, by our clock."""
    corrected: NDArray[np.int64] = rows["fixed_us"] + np.rint(rows["skew_s"] * 1e6).astype(np.int64)
    return corrected


class FixTable(Sequence[Fix]):
    """Fixes of one body, as columns; each is made into a `Fix` only where somebody looks at it.

    rows : (n,) of `ROW`; whose they are isn't filled in
    names : what the device of each calls itself; one for all where there is but one
    """

    def __init__(self, rows: Rows, names: Sequence[str]) -> None:
        assert len(names) in (1, len(rows))
        self.rows = rows
        self.names = names

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> Fix: ...
    @overload
    def __getitem__(self, index: slice) -> FixTable: ...
    def __getitem__(self, index: int | slice) -> Fix | FixTable:
        if isinstance(index, slice):
            names = self.names if len(self.names) == 1 else self.names[index]
            return FixTable(self.rows[index], names)
        row = self.rows[index]

        def number(name: str) -> float | None:
            return None if np.isnan(row[name]) else float(row[name])

        fixed_at = to_datetime(int(row["fixed_us"]))
        assert fixed_at is not None
        return Fix(
            device_id=self.names[0 if len(self.names) == 1 else index],
            fixed_at=fixed_at,
            position=LonLat(float(row["lon"]), float(row["lat"])),
            source=SOURCES[row["source"]],
            sent_at=to_datetime(int(row["sent_us"])),
            stale_at=to_datetime(int(row["stale_us"])),
            accuracy_m=number("accuracy_m"),
            speed_mps=number("speed_mps"),
            course_deg=number("course_deg"),
            altitude_m=number("altitude_m"),
            battery_share=number("battery_share"),
            alarm=row["alarm"],
        )
