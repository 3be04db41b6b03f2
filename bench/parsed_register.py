"""A register's rows, parsed once: `rows.arrow` beside `register.csv`."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from geo.addresses.register_rows import CHUNK_ROWS, rows_from_texts
from geo.geocoding.workers import map_in_order, usable_cores

Row = tuple[int, str, float | None, float | None]


def read_register(path: Path) -> Iterator[Row]:
    """Yield (id, text, lon, lat) of a CSV."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            lon, lat = row.get("lon"), row.get("lat")
            yield (
                int(row["id"]),
                row["text"],
                float(lon) if lon else None,
                float(lat) if lat else None,
            )


def parsed_rows(folder: Path) -> pa.Table:
    """Return the rows of `register.csv`, parsed by processes of their own, kept in `rows.arrow`."""
    kept = folder / "rows.arrow"
    if not kept.exists():

        def chunks() -> Iterator[list[tuple[int, str, float | None, float | None]]]:
            chunk = []
            for row in read_register(folder / "register.csv"):
                chunk.append(row)
                if len(chunk) == CHUNK_ROWS:
                    yield chunk
                    chunk = []
            if chunk:
                yield chunk

        parts = list(map_in_order(rows_from_texts, chunks(), workers=usable_cores()))
        table = pa.concat_tables(parts).unify_dictionaries().combine_chunks()
        with pa.OSFile(str(kept), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
        del parts, table
    with pa.OSFile(str(kept), "rb") as file:
        return pa.ipc.open_file(file).read_all()
