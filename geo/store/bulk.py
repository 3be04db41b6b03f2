"""Loading many rows at once: COPY in PostgreSQL's binary format, encoded a column at a time.

Arrow joins the pieces of all rows (field lengths and payloads) in compiled code, so that no Python
object is made per cell; `bench.load` measures it. It writes in the transaction of the session or
connection it is given, and loads nothing by itself behind the caller's back: no index is touched
by `copy_table`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from geoalchemy2 import Geometry
from numpy.typing import ArrayLike, NDArray
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from geo.errors import InvalidInput
from geo.store.database import platform_error
from geo.store.scope import SCOPED_TABLES
from geo.tables import Base

BLOCK_ROWS = 16_384
SIGNATURE = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
TRAILER = b"\xff\xff"
MISSING = np.int32(-1)
# 2000-01-01 00:00 UTC, where PostgreSQL's clock begins, in microseconds of Unix time.
POSTGRES_EPOCH_US = 946_684_800_000_000
EWKB_POINT_4326 = np.frombuffer(b"\x01" + b"\x01\x00\x00\x20" + b"\xe6\x10\x00\x00", np.uint8)
_POINT_BYTES = 25

# SQLAlchemy type → Arrow type and the big-endian form PostgreSQL wants; widest class last.
_FIXED: tuple[tuple[type[Any], pa.DataType, str], ...] = (
    (sa.Boolean, pa.bool_(), "u1"),
    (sa.SmallInteger, pa.int16(), ">i2"),
    (sa.BigInteger, pa.int64(), ">i8"),
    (sa.Integer, pa.int32(), ">i4"),
    (sa.REAL, pa.float32(), ">f4"),
    (sa.Double, pa.float64(), ">f8"),
    (sa.DateTime, pa.timestamp("us", "UTC"), ">i8"),
)


def copy_table(bind: Session | Connection, table: sa.Table, rows: pa.Table) -> int:
    """Load rows into a table; return how many.

    Parameters
    ----------
    table : its column types say how each column is encoded: text, numbers, booleans, times (UTC)
        and geometry
    rows : (n,) columns named as in the table; geometry as EWKB, see `points_to_ewkb`. Columns left
        out get their defaults.

    Raises
    ------
    InvalidInput : a column the table doesn't have, or of a type that isn't encoded here
    DatabaseUnavailable, DiskFull
    """
    unknown = [name for name in rows.column_names if name not in table.c]
    if unknown:
        raise InvalidInput(f"{table.name} has no column {unknown[0]}.")
    columns = ", ".join(_quoted(name) for name in rows.column_names)
    connection = bind.connection() if isinstance(bind, Session) else bind
    into = _quoted(table.name)
    is_scoped = _is_scoped(connection, table)
    if is_scoped:
        into = _quoted(f"copied_{table.name}")
        connection.exec_driver_sql(
            f"CREATE TEMP TABLE {into} ON COMMIT DROP AS "  # noqa: S608 - quoted
            f"SELECT {columns} FROM {_quoted(table.name)} WITH NO DATA"
        )
    statement = f"COPY {into} ({columns}) FROM STDIN (FORMAT BINARY)"
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    with _platform_errors(), driver.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        copy.write(SIGNATURE)
        for block in _encoded_ahead(table, rows):
            copy.write(block)
        copy.write(TRAILER)
    if is_scoped:
        insert = f"INSERT INTO {_quoted(table.name)} ({columns}) "
        connection.exec_driver_sql(f"{insert} SELECT {columns} FROM {into}")  # noqa: S608 - quoted
        connection.exec_driver_sql(f"DROP TABLE {into}")
    return int(rows.num_rows)


def _is_scoped(connection: Connection, table: sa.Table) -> bool:
    """Whether row-level security holds here: then PostgreSQL refuses COPY, and the rows take the
    way through a temporary table and INSERT, whose check they must pass."""
    return table.name in SCOPED_TABLES and bool(
        connection.scalar(sa.select(sa.func.row_security_active(table.name)))
    )


def _encoded_ahead(table: sa.Table, rows: pa.Table) -> Iterator[memoryview]:
    """Yield the encoded blocks; the next is encoded while the server takes in the last."""
    starts = range(0, rows.num_rows, BLOCK_ROWS)
    if len(starts) < 2:
        yield from (encode_rows(table, rows) for _ in starts)
        return
    with ThreadPoolExecutor(1, thread_name_prefix="encode") as encoder:
        ahead = encoder.submit(encode_rows, table, rows.slice(0, BLOCK_ROWS))
        for start in starts[1:]:
            block = ahead.result()
            ahead = encoder.submit(encode_rows, table, rows.slice(start, BLOCK_ROWS))
            yield block
        yield ahead.result()


def encode_rows(table: sa.Table, rows: pa.Table) -> memoryview:
    """Return rows as the body of a binary COPY."""
    count = rows.num_rows
    field_count = np.full(count, len(rows.column_names), ">i2")
    pieces = [_fixed_width(field_count, None)]
    for name in rows.column_names:
        column = rows.column(name).combine_chunks()
        pieces += _field(table.c[name], column)
    joined = pc.binary_join_element_wise(
        *pieces, pa.scalar(b"", pa.large_binary()), null_handling="replace", null_replacement=b""
    )
    return memoryview(_data_of(joined))


def points_to_ewkb(lon: ArrayLike, lat: ArrayLike) -> pa.Array:
    """Return points as EWKB, EPSG:4326; missing where a coordinate is NaN.

    Parameters
    ----------
    lon, lat : (n,) degrees, WGS 84
    """
    x, y = np.ascontiguousarray(lon, "<f8"), np.ascontiguousarray(lat, "<f8")
    raw = np.empty((len(x), _POINT_BYTES), np.uint8)
    raw[:, :9] = EWKB_POINT_4326
    raw[:, 9:17] = x.view(np.uint8).reshape(-1, 8)
    raw[:, 17:25] = y.view(np.uint8).reshape(-1, 8)
    missing = np.isnan(x) | np.isnan(y)
    fixed = pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(_POINT_BYTES), len(x), [None, pa.py_buffer(raw.tobytes())]
    )
    return pc.if_else(pa.array(missing), pa.scalar(None, pa.binary()), fixed.cast(pa.binary()))


def analyze_tables(session: Session, *tables: type[Base]) -> None:
    """Gather the planner's statistics of tables that were loaded in bulk, uncommitted rows too.

    Until then PostgreSQL plans as if the rows weren't there, and its own gathering comes about a
    minute late. Another gathering of the same table waits until the transaction ends. The names
    that are allowed stand in `functions/analyze_table.sql`.
    """
    session.flush()
    for table in tables:
        session.execute(sa.select(sa.func.analyze_table(table.__tablename__)))


@contextlib.contextmanager
def indexes_rebuilt(connection: Connection, table: sa.Table) -> Iterator[list[str]]:
    """Drop a table's secondary indexes for the block and make them anew at its end.

    For the first load of a large register only: a GiST index that exists makes loading five times
    slower, made afterwards it takes a second or two a million points. The primary key stays. The
    table is locked against everybody else until the transaction ends, and a failure brings the
    old indexes back with it. Only the table's owner may do this, and only while the table is
    empty; yields the names of the indexes that were dropped.

    Raises
    ------
    InvalidInput : the table holds rows
    """
    name = _quoted(table.name)
    with _platform_errors():
        connection.execute(sa.text(f"LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE"))
        if connection.scalar(sa.select(sa.exists(sa.select(table)))):
            raise InvalidInput(f"{table.name} holds rows. Its indexes are only rebuilt when empty.")
        found = connection.execute(
            sa.text(
                "SELECT c.relname, pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c "
                "ON c.oid = i.indexrelid WHERE i.indrelid = CAST(:name AS regclass) AND NOT "
                "EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid)"
            ),
            {"name": name},
        ).all()
        for index, _ in found:
            connection.execute(sa.text(f"DROP INDEX {_quoted(index)}"))
    yield [index for index, _ in found]
    for _, definition in found:
        connection.exec_driver_sql(definition)


def _field(column: sa.Column[Any], values: pa.Array) -> list[pa.Array]:
    """The lengths and the payloads of one column, a piece each."""
    if isinstance(column.type, Geometry):
        payload = values.cast(pa.large_binary())
        return [_lengths(payload), payload]
    if isinstance(column.type, sa.String):
        payload = values.cast(pa.large_string()).cast(pa.large_binary())
        return [_lengths(payload), payload]
    for kind, arrow_type, wire_type in _FIXED:
        if isinstance(column.type, kind):
            return _fixed_field(values.cast(arrow_type), np.dtype(wire_type))
    raise InvalidInput(f"{column.name} is {column.type}, which can't be loaded in bulk.")


def _fixed_field(values: pa.Array, wire_type: np.dtype[Any]) -> list[pa.Array]:
    if pa.types.is_timestamp(values.type):
        values = pc.subtract(values.cast(pa.int64()), POSTGRES_EPOCH_US)
    valid = np.asarray(values.is_valid())
    plain = np.asarray(values.fill_null(False if pa.types.is_boolean(values.type) else 0))
    lengths = np.where(valid, np.int32(wire_type.itemsize), MISSING)
    return [
        _fixed_width(lengths.astype(">i4"), None),
        _fixed_width(plain.astype(wire_type), valid),
    ]


def _lengths(payload: pa.Array) -> pa.Array:
    lengths = np.asarray(pc.binary_length(payload).fill_null(-1))
    return _fixed_width(lengths.astype(">i4"), None)


def _fixed_width(values: NDArray[Any], valid: NDArray[np.bool_] | None) -> pa.Array:
    """An array of equally long byte strings that shares no copy per row."""
    width = values.dtype.itemsize
    offsets = np.arange(0, (len(values) + 1) * width, width, dtype=np.int64)
    validity = None
    if valid is not None and not valid.all():
        validity = pa.py_buffer(np.packbits(valid, bitorder="little").tobytes())
    buffers = [validity, pa.py_buffer(offsets.tobytes()), pa.py_buffer(values.tobytes())]
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(values), buffers)


def _data_of(joined: pa.Array) -> Any:
    """The bytes of all values one after another."""
    _, offsets, data = joined.buffers()
    bounds = np.frombuffer(offsets, np.int64)[joined.offset : joined.offset + len(joined) + 1]
    return data.slice(int(bounds[0]), int(bounds[-1] - bounds[0]))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@contextlib.contextmanager
def _platform_errors() -> Iterator[None]:
    """Turn the driver's errors of a COPY, which SQLAlchemy doesn't see, into the platform's."""
    try:
        yield
    except psycopg.Error as error:
        translated = platform_error(error)
        if translated is None:
            raise
        raise translated from error
