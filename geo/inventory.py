"""The data inventory: what is kept of whom, why, for how long, who reads it, what is sealed.

Made from the tables themselves and two lists beside them (`data/inventory_tables.csv`,
`data/inventory_columns.csv`): a column without an entry has no place in it, and fails a test. The
lines of a list under the table `*` tell of columns that mean the same everywhere.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from geo.errors import InvalidFile
from geo.sealed_columns import SEALED_COLUMNS
from geo.tables import Base

DATA = Path(__file__).parent / "data"
ANYWHERE = "*"
# Of whom a column tells something.
ABOUT = {
    "": "",
    "staff": "those who work with the platform",
    "perhaps": "perhaps a person: free text",
    "person": "**a person**",
}
HEAD = """# Data inventory

What is kept, of whom, why, for how long, and who may read it. Made by `gridbeat inventory` from
the tables of the store; a test holds this page to what the command prints, and every column to an
entry.

Kept: a *rule* is one of those in [privacy.md](privacy.md); "for good" means that nothing deletes
it. Sealed: AES-256-GCM under keys outside of the database, or a keyed hash by which an equal value
is found ([access.md](access.md)).
"""


@dataclass(frozen=True, slots=True)
class TableEntry:
    """What a table is for."""

    what: str
    why: str
    kept: str
    readers: str


@dataclass(frozen=True, slots=True)
class ColumnEntry:
    """What a column holds, and of whom (a key of `ABOUT`)."""

    what: str
    about: str


def load_entries() -> tuple[dict[str, TableEntry], dict[tuple[str, str], ColumnEntry]]:
    """Return the entries of tables by name, and of columns by table and name.

    Raises
    ------
    InvalidFile : an entry stands twice, or says nothing
    """
    tables: dict[str, TableEntry] = {}
    for row in _rows("inventory_tables.csv"):
        _require(row, row["table"] not in tables and all(row.values()))
        tables[row["table"]] = TableEntry(row["what"], row["why"], row["kept"], row["readers"])
    columns: dict[tuple[str, str], ColumnEntry] = {}
    for row in _rows("inventory_columns.csv"):
        key = (row["table"], row["column"])
        _require(row, key not in columns and bool(row["what"]) and row["about"] in ABOUT)
        columns[key] = ColumnEntry(row["what"], row["about"])
    return tables, columns


def missing_entries() -> list[str]:
    """Return the tables and columns that have no entry, as `table` or `table.column`."""
    tables, columns = load_entries()
    missing = []
    for table in _tables():
        if table not in tables:
            missing.append(table)
        missing += [
            f"{table}.{name}" for name in _columns(table) if _entry(columns, table, name) is None
        ]
    return missing


def unused_entries() -> list[str]:
    """Return the entries of tables and columns that aren't there."""
    tables, columns = load_entries()
    known = {(table, name) for table in _tables() for name in _columns(table)}
    anywhere = {name for _, name in known}
    unused = [table for table in tables if table not in _tables()]
    for table, name in columns:
        is_there = name in anywhere if table == ANYWHERE else (table, name) in known
        if not is_there:
            unused.append(f"{table}.{name}")
    return unused


def inventory_text() -> str:
    """Return the inventory as Markdown.

    Raises
    ------
    InvalidFile : a table or a column has no entry
    """
    missing = missing_entries()
    if missing:
        raise InvalidFile(
            f"The inventory has no entry for {', '.join(missing[:10])}. Say in geo/data/"
            "inventory_tables.csv and inventory_columns.csv what they hold, and of whom."
        )
    return "\n".join([HEAD, *_overview(), *_details()]) + "\n"


def _overview() -> Iterator[str]:
    tables, columns = load_entries()
    yield "## Tables that hold something about persons\n"
    yield "| table | what | why | kept | who may read |"
    yield "|---|---|---|---|---|"
    for table in _tables():
        if any(_about(columns, table, name) == "person" for name in _columns(table)):
            entry = tables[table]
            yield (
                f"| [`{table}`](#{table}) | {entry.what} | {entry.why} | {entry.kept} "
                f"| {entry.readers} |"
            )
    yield ""


def _details() -> Iterator[str]:
    tables, columns = load_entries()
    sealed = {(each.table, each.column): "sealed" for each in SEALED_COLUMNS}
    sealed |= {
        (each.table, each.index_column): "keyed hash"
        for each in SEALED_COLUMNS
        if each.index_column is not None
    }
    yield "## All tables\n"
    for table in _tables():
        entry = tables[table]
        yield f"### {table}\n"
        yield f"{entry.what}. Why: {entry.why}. Kept: {entry.kept}. Read by: {entry.readers}.\n"
        yield "| column | what | about | sealed |"
        yield "|---|---|---|---|"
        for name in _columns(table):
            column = _entry(columns, table, name)
            assert column is not None
            about = ABOUT[column.about]
            yield f"| `{name}` | {column.what} | {about} | {sealed.get((table, name), '')} |"
        yield ""


def _tables() -> list[str]:
    return sorted(Base.metadata.tables)


def _columns(table: str) -> list[str]:
    return [column.name for column in Base.metadata.tables[table].columns]


def _entry(
    columns: dict[tuple[str, str], ColumnEntry], table: str, name: str
) -> ColumnEntry | None:
    return columns.get((table, name)) or columns.get((ANYWHERE, name))


def _about(columns: dict[tuple[str, str], ColumnEntry], table: str, name: str) -> str:
    entry = _entry(columns, table, name)
    return "" if entry is None else entry.about


def _rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _require(row: dict[str, str], is_right: bool) -> None:
    if not is_right:
        raise InvalidFile(
            f"The inventory's entry {', '.join(map(str, row.values()))} stands twice, or says too "
            f"little. What it is about is one of: {', '.join(filter(None, ABOUT))}, or empty."
        )
