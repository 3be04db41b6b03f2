"""Binary COPY: what goes in comes out, of every type, missing values and odd text included."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa
from geoalchemy2 import Geometry
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from geo.errors import InvalidInput
from geo.store.bulk import copy_table, points_to_ewkb

EVERYTHING = sa.Table(
    "everything",
    sa.MetaData(),
    sa.Column("words", sa.Text),
    sa.Column("big", sa.BigInteger),
    sa.Column("whole", sa.Integer),
    sa.Column("small", sa.SmallInteger),
    sa.Column("real", sa.REAL),
    sa.Column("double", sa.Double),
    sa.Column("truth", sa.Boolean),
    sa.Column("time", sa.DateTime(timezone=True)),
    sa.Column("geom", Geometry("POINT", 4326)),
    prefixes=["TEMPORARY"],
)
SQL_TYPES = {"geom": "geometry(Point, 4326)", "double": "double precision"}


def _make(session: Session) -> None:
    columns = ", ".join(
        f'"{c.name}" {SQL_TYPES.get(c.name) or c.type.compile(session.bind.dialect)}'  # type: ignore[union-attr]
        for c in EVERYTHING.c
    )
    session.execute(sa.text("DROP TABLE IF EXISTS pg_temp.everything"))
    session.execute(sa.text(f"CREATE TEMP TABLE everything ({columns})"))


row_values = st.tuples(
    st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.integers(-(2**31), 2**31 - 1),
    st.none() | st.integers(-(2**15), 2**15 - 1),
    st.none() | st.floats(width=32, allow_nan=False),
    st.none() | st.floats(allow_nan=False),
    st.none() | st.booleans(),
    st.none() | st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.none() | st.tuples(st.floats(-180, 180), st.floats(-90, 90)),
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rows=st.lists(row_values, max_size=20))
def test_what_is_loaded_is_read_back(session: Session, rows: list[tuple[object, ...]]) -> None:
    _make(session)
    columns = list(zip(*rows, strict=True)) if rows else [()] * 9
    types = [pa.string(), pa.int64(), pa.int32(), pa.int16(), pa.float32(), pa.float64(),
             pa.bool_(), pa.timestamp("us", "UTC")]  # fmt: skip
    arrays = [pa.array(column, kind) for column, kind in zip(columns[:8], types, strict=True)]
    points = [point or (np.nan, np.nan) for point in columns[8]]
    lonlat = np.array(points, float).reshape(-1, 2)
    arrays.append(points_to_ewkb(lonlat[:, 0], lonlat[:, 1]))
    table = pa.Table.from_arrays(arrays, names=[c.name for c in EVERYTHING.c])

    assert copy_table(session, EVERYTHING, table) == len(rows)

    stored = session.execute(
        sa.text(
            'SELECT words, big, whole, small, "real"::float8, "double", truth, time, '
            "CASE WHEN geom IS NULL THEN NULL ELSE ARRAY[ST_X(geom), ST_Y(geom)] END "
            "FROM everything"
        )
    ).all()
    found = [(*row[:8], tuple(row[8]) if row[8] is not None else None) for row in stored]
    assert sorted(found, key=repr) == sorted(rows, key=repr)


def test_more_rows_than_one_block_all_arrive(session: Session) -> None:
    _make(session)
    count = 70_000
    table = pa.table({"words": [f"{i:05d}" for i in range(count)], "big": range(count)})
    copy_table(session, EVERYTHING, table)
    assert session.execute(
        sa.text("SELECT count(*), sum(big), max(words) FROM everything")
    ).one() == (count, count * (count - 1) // 2, "69999")


def test_slices_and_chunked_columns_keep_their_order(session: Session) -> None:
    _make(session)
    table = pa.concat_tables([pa.table({"words": ["a", None, "c"]}), pa.table({"words": ["d"]})])
    copy_table(session, EVERYTHING, table.slice(1, 3))
    assert session.scalars(sa.text("SELECT words FROM everything")).all() == [None, "c", "d"]


def test_a_column_the_table_lacks_is_refused(session: Session) -> None:
    _make(session)
    with pytest.raises(InvalidInput, match="has no column colour"):
        copy_table(session, EVERYTHING, pa.table({"colour": ["red"]}))


def test_points_are_missing_where_a_coordinate_is() -> None:
    ewkb = points_to_ewkb([1.0, np.nan, 3.0], [2.0, 2.0, np.nan])
    assert ewkb.is_valid().to_pylist() == [True, False, False]
