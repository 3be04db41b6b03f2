"""Rows of the register as one Arrow table, from the database or from texts.

Columns: `id` int64; `text` canonical; `lon`, `lat` [degrees, WGS 84, null where no point];
`accuracy_m` [m]; `grid_code`; `h3_cell` int64; `alias_text`, null but for aliases; and the
components, each dictionary encoded. An alias is one more row with the id, point and canonical text
of its address and its own components.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
from sqlalchemy.orm import Session

from geo.addresses.levels import AddressLevel
from geo.addresses.parse import ParsedAddress, parse
from geo.addresses.words import TOWNSHIP_ENDINGS
from geo.errors import InvalidInput
from geo.tables.standard_address import ADDRESS_COMPONENTS

COMPONENTS = (*ADDRESS_COMPONENTS, "point_of_interest")
CHUNK_ROWS = 100_000  # rows read from the database, or parsed, at a time

_DICTIONARY = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("text", pa.large_string()),
        ("lon", pa.float64()),
        ("lat", pa.float64()),
        ("accuracy_m", pa.float32()),
        ("grid_code", _DICTIONARY),
        ("h3_cell", pa.int64()),
        ("alias_text", pa.string()),
        *((name, _DICTIONARY) for name in COMPONENTS),
    ]
)


def rows_from_texts(
    rows: Iterable[tuple[int, str, float | None, float | None]],
) -> pa.Table:
    """Return register rows of (id, text, longitude, latitude), the text parsed.

    Raises
    ------
    InvalidInput : an id stands twice
    """
    tables = []
    for chunk in _chunks(rows):
        columns = _components([parse(row[1]) for row in chunk])
        tables.append(
            _table(
                {
                    "id": [row[0] for row in chunk],
                    "text": [row[1] for row in chunk],
                    "lon": [row[2] for row in chunk],
                    "lat": [row[3] for row in chunk],
                    **columns,
                }
            )
        )
    table = _joined(tables)
    ids = table["id"]
    if pc.count_distinct(ids).as_py() != table.num_rows:
        raise InvalidInput(
            f"The register has {table.num_rows:,} rows but fewer ids. Give each address its own id."
        )
    return table


def load_register_rows(session: Session, ids: Sequence[int] | None = None) -> pa.Table:
    """Return the current standard addresses and their aliases, all or those with these ids.

    Reads by COPY in chunks, so that the driver makes no Python object a value.
    """
    connection = session.connection().connection.driver_connection
    assert isinstance(connection, psycopg.Connection)
    return _joined([*_load_addresses(connection, ids), *_load_aliases(connection, ids)])


# Made of names of columns only.
_SELECT = (
    "SELECT id, canonical_text AS text, ST_X(geom) AS lon, ST_Y(geom) AS lat, accuracy_m, "  # noqa: S608
    f"grid_code, h3_cell, NULL AS alias_text, {', '.join(COMPONENTS)} FROM standard_address "
    "WHERE status = 'current'"
)


def _load_addresses(
    connection: psycopg.Connection, ids: Sequence[int] | None
) -> Iterator[pa.Table]:
    if ids is not None:
        for start in range(0, len(ids), CHUNK_ROWS):
            wanted = "{" + ",".join(str(int(i)) for i in ids[start : start + CHUNK_ROWS]) + "}"
            yield _copy(connection, f"{_SELECT} AND id = ANY('{wanted}'::bigint[])")
        return
    after = -(2**62)
    while True:
        table = _copy(connection, f"{_SELECT} AND id > {after} ORDER BY id LIMIT {CHUNK_ROWS}")
        if table.num_rows:
            yield table
        if table.num_rows < CHUNK_ROWS:
            return
        after = pc.max(table["id"]).as_py()


def _load_aliases(connection: psycopg.Connection, ids: Sequence[int] | None) -> Iterator[pa.Table]:
    query = (
        "SELECT a.standard_address_id, a.alias_text, s.canonical_text, ST_X(s.geom), ST_Y(s.geom), "
        "s.accuracy_m, s.grid_code, s.h3_cell FROM address_alias a "
        "JOIN standard_address s ON s.id = a.standard_address_id "
        "WHERE a.ended_at IS NULL AND s.status = 'current'"
    )
    parameters: tuple[list[int], ...] = ()
    if ids is not None:
        query += " AND a.standard_address_id = ANY(%s)"
        parameters = (list(ids),)
    with connection.cursor() as cursor:
        cursor.execute(query.encode(), parameters)
        while found := cursor.fetchmany(CHUNK_ROWS):
            names = ("id", "alias_text", "text", "lon", "lat", "accuracy_m", "grid_code", "h3_cell")
            columns = dict(zip(names, map(list, zip(*found, strict=True)), strict=True))
            parsed = [parse(alias) for alias in columns["alias_text"]]
            yield _table({**columns, **_components(parsed)})


def _copy(connection: psycopg.Connection, query: str) -> pa.Table:
    buffer = io.BytesIO()
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT csv, HEADER)".encode()) as copy,
    ):
        for block in copy:
            buffer.write(block)
    buffer.seek(0)
    types = {field.name: field.type for field in SCHEMA}
    return pa_csv.read_csv(
        buffer,
        parse_options=pa_csv.ParseOptions(newlines_in_values=True),
        convert_options=pa_csv.ConvertOptions(
            column_types=types, strings_can_be_null=True, quoted_strings_can_be_null=False,
            null_values=[""],
        ),
    ).cast(SCHEMA)  # fmt: skip


def _components(parsed: list[ParsedAddress]) -> dict[str, list[str | None]]:
    found = [_components_of(address) for address in parsed]
    return {name: [each.get(name) for each in found] for name in COMPONENTS}


def _components_of(address: ParsedAddress) -> dict[str, str]:
    """Return the components of a register text, with the name that no level took, if any.

    A second road, or a township without its class word, directly before an estate is the beginning
    of the estate's name: 云一路18号石巷城二期, 翠苑三区.
    """
    components = address.components()
    parts = address.parts
    has_road = has_estate = False
    for part, following in itertools.pairwise(parts):
        if part.level is AddressLevel.ROAD:
            begins = following.level is AddressLevel.ESTATE and part.end == following.start
            if has_road and begins and not has_estate:
                components["estate"] = part.text + components["estate"]
            has_road = True
        elif (
            part.level is AddressLevel.TOWNSHIP
            and following.level is AddressLevel.ESTATE
            and part.end == following.start
            and not part.text.endswith(TOWNSHIP_ENDINGS)
        ):
            components["estate"] = part.text + components["estate"]
            del components["township"]
        has_estate = has_estate or part.level is AddressLevel.ESTATE
    names = [note.text for note in address.leftovers if note.kind == "name"]
    if names:
        components["point_of_interest"] = max(names, key=len)
    return components


def _table(columns: dict[str, Any]) -> pa.Table:
    count = len(columns["id"])
    arrays = []
    for field in SCHEMA:
        values = columns.get(field.name)
        if values is None:
            arrays.append(pa.nulls(count, field.type))
        elif pa.types.is_dictionary(field.type):
            arrays.append(pa.array(values, pa.string()).dictionary_encode())
        else:
            arrays.append(pa.array(values, field.type))
    return pa.table(arrays, schema=SCHEMA)


def _joined(tables: list[pa.Table]) -> pa.Table:
    if not tables:
        return SCHEMA.empty_table()
    return pa.concat_tables(tables).unify_dictionaries().combine_chunks()


def _chunks(
    rows: Iterable[tuple[int, str, float | None, float | None]],
) -> Iterator[list[tuple[int, str, float | None, float | None]]]:
    chunk = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == CHUNK_ROWS:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
