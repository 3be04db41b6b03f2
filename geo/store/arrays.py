"""Columns as parameters of a statement: PostgreSQL arrays, made of numpy arrays as they are.

The driver turns a list into an array value by value, which took longer than to store the rows; here
a whole column becomes the array's bytes in one step. A statement unpacks them with `unnest`:

    session.execute(text("… unnest(CAST(:speed_mps AS real[]), …)"), {"speed_mps": reals(speeds)})

Source: PostgreSQL, `array_send` and the types' own binary forms (src/backend/utils/adt).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg.adapt import Dumper
from psycopg.pq import Format

NO_TIME = np.iinfo(np.int64).min  # a missing time; PostgreSQL reads `-infinity`
_NULL = b"\xff\xff\xff\xff"
_BIGINT, _REAL, _FLOAT8, _TEXT, _TIMESTAMPTZ = 20, 700, 701, 25, 1184
_ARRAY_OF = {_BIGINT: 1016, _REAL: 1021, _FLOAT8: 1022, _TEXT: 1009, _TIMESTAMPTZ: 1185}
_EPOCH_US = 946_684_800_000_000  # PostgreSQL counts from 2000-01-01, UTC


@dataclass(frozen=True, slots=True)
class ArrayParameter:
    """One dimension of values, in PostgreSQL's binary form."""

    oid: int
    content: bytes


def bigints(values: NDArray[Any]) -> ArrayParameter:
    """Return `bigint[]`."""
    return _of_fixed(values, _BIGINT, ">i8")


def reals(values: NDArray[Any]) -> ArrayParameter:
    """Return `real[]`; NaN stays NaN, `NULLIF(…, 'NaN')` makes it missing."""
    with np.errstate(over="ignore"):
        return _of_fixed(values, _REAL, ">f4")


def floats(values: NDArray[Any]) -> ArrayParameter:
    """Return `float8[]`; NaN as in `reals`."""
    return _of_fixed(values, _FLOAT8, ">f8")


def times(values_us: NDArray[np.int64]) -> ArrayParameter:
    """Return `timestamptz[]` of Unix times [µs]; `NO_TIME` becomes `-infinity`."""
    moved = np.where(values_us == NO_TIME, NO_TIME, values_us - _EPOCH_US)
    return _of_fixed(moved, _TIMESTAMPTZ, ">i8")


def texts(values: Iterable[str | None]) -> ArrayParameter:
    """Return `text[]`, None as NULL."""
    parts, has_null = [], False
    for value in values:
        if value is None:
            parts.append(_NULL)
            has_null = True
        else:
            encoded = value.encode()
            parts.append(struct.pack("!i", len(encoded)) + encoded)
    return _with_head(_TEXT, len(parts), b"".join(parts), has_null=has_null)


def _of_fixed(values: NDArray[Any], oid: int, form: str) -> ArrayParameter:
    packed = np.empty(len(values), np.dtype([("length", ">i4"), ("value", form)]))
    packed["length"] = packed.dtype["value"].itemsize
    packed["value"] = values
    return _with_head(oid, len(values), packed.tobytes())


def _with_head(oid: int, count: int, content: bytes, *, has_null: bool = False) -> ArrayParameter:
    # dimensions, whether there are nulls, type, length, first index
    head = struct.pack("!iiIii", 1, has_null, oid, count, 1)
    return ArrayParameter(_ARRAY_OF[oid], head + content)


class _ArrayDumper(Dumper):
    format = Format.BINARY

    def get_key(self, obj: ArrayParameter, format: Any) -> Any:
        return (self.cls, obj.oid)

    def upgrade(self, obj: ArrayParameter, format: Any) -> Dumper:
        made = type(self)(self.cls)
        made.oid = obj.oid
        return made

    def dump(self, obj: ArrayParameter) -> bytes:
        return obj.content


def register_arrays(connection: psycopg.Connection[Any]) -> None:
    """Let a connection take arrays as parameters."""
    connection.adapters.register_dumper(ArrayParameter, _ArrayDumper)
