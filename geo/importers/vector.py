"""GeoPackage, GeoJSON, Shapefile and KML through GDAL, in batches.

All drivers but a few are switched off in this process (`geo.importers.isolation`), and the one
that opens must fit the kind found by content. A GeoPackage is
SQLite: it is looked over first, opened immutable, and only plain tables of it are read, so that
neither a trigger nor a view nor a virtual table of it ever runs.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError

from geo.errors import InvalidFile, InvalidMapping
from geo.importers.reader_process import RawTable
from geo.importers.upload_safety import FileKind, UploadLimits, refuse_virtual_path, sniff_kind

DRIVERS = {
    FileKind.GEOPACKAGE: ("GPKG",),
    FileKind.GEOJSON: ("GeoJSON",),
    FileKind.SHAPEFILE: ("ESRI Shapefile",),
    FileKind.KML: ("LIBKML", "KML"),
}
STANDARD_TRIGGERS = (
    "rtree_", "gpkg_tile_matrix_", "trigger_insert_feature_count_", "trigger_delete_feature_count_",
)  # fmt: skip


def open_vector(
    path: Path, table_name: str | None, batch_rows: int, limits: UploadLimits
) -> RawTable:
    """Open one layer of a vector file.

    Raises
    ------
    InvalidFile : damaged, a view, or no layer at all
    InvalidMapping : several layers and none named, or one named that isn't there
    """
    refuse_virtual_path(path)
    kind = sniff_kind(path)
    names, notes = geopackage_layers(path) if kind is FileKind.GEOPACKAGE else (None, ())
    options: dict[str, Any] = {"IMMUTABLE": "YES"} if kind is FileKind.GEOPACKAGE else {}
    try:
        if names is None:
            names = tuple(str(name) for name in pyogrio.list_layers(path)[:, 0])
        layer = _chosen(path, names, table_name)
        about = pyogrio.read_info(path, layer=layer, **options)
    except (DataSourceError, DataLayerError) as error:
        raise InvalidFile(f"{path.name} is half a file or damaged. Fetch it again.") from error
    if about["driver"] not in DRIVERS.get(kind, ()):
        raise InvalidFile(f"{path.name} would be read as {about['driver']}, which is not taken.")
    if len(about["fields"]) > limits.max_columns:
        raise InvalidFile(f"{path.name} has over {limits.max_columns} columns.")
    return RawTable(
        batches=_batches(path, layer, batch_rows, options),
        first_row=1,
        crs=about["crs"],
        row_count=about["features"] if about["features"] >= 0 else None,
        table_names=names,
        notes=notes,
        geometry_name=about["geometry_name"] or "wkb_geometry",
    )


def _batches(
    path: Path, layer: str, batch_rows: int, options: dict[str, Any]
) -> Iterator[pa.RecordBatch]:
    sent = 0
    try:
        with pyogrio.open_arrow(
            path, layer=layer, batch_size=batch_rows, use_pyarrow=True, **options
        ) as (_, reader):
            for batch in reader:
                sent += 1
                yield batch
            if sent == 0:
                yield pa.RecordBatch.from_pylist([], schema=reader.schema)
    except (DataSourceError, DataLayerError, pa.ArrowInvalid, OSError) as error:
        raise InvalidFile(f"{path.name} is half a file or damaged. Fetch it again.") from error


def _chosen(path: Path, names: tuple[str, ...], wanted: str | None) -> str:
    shown = ", ".join(names[:10])
    if not names:
        raise InvalidFile(f"{path.name} has no layer.")
    if wanted is None and len(names) == 1:
        return names[0]
    if wanted is None:
        raise InvalidMapping(f"{path.name} has {len(names)} layers: {shown}. Name one.")
    if wanted not in names:
        raise InvalidMapping(f"{path.name} has no layer “{wanted[:60]}”. It has: {shown}.")
    return wanted


def geopackage_layers(path: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the layers that are plain tables, and what a person should know of the rest.

    Raises
    ------
    InvalidFile : no GeoPackage, or its own tables are views or virtual tables
    """
    url = f"file:{quote(str(path))}?mode=ro&immutable=1"
    connection = sqlite3.connect(url, uri=True)
    try:
        connection.execute("PRAGMA trusted_schema = OFF")
        schema = connection.execute("SELECT name, type, sql FROM sqlite_master").fetchall()
        plain = {
            name
            for name, kind, sql in schema
            if kind == "table" and not (sql or "").lstrip().upper().startswith("CREATE VIRTUAL")
        }
        own = {name for name, kind, _ in schema if name.lower().startswith("gpkg_")} - plain
        own -= {name for name, kind, _ in schema if kind in ("index", "trigger")}
        if own or "gpkg_contents" not in plain:
            raise InvalidFile(
                f"{path.name} is SQLite but no plain GeoPackage: its table of contents is missing "
                "or a view. Export it anew."
            )
        listed = [
            str(name)
            for (name,) in connection.execute(
                "SELECT table_name FROM gpkg_contents WHERE data_type IN ('features', "
                "'attributes') ORDER BY table_name"
            )
        ]
    except sqlite3.Error as error:
        raise InvalidFile(f"{path.name} is half a file or damaged. Fetch it again.") from error
    finally:
        connection.close()
    triggers = sum(kind == "trigger" and not _is_standard_trigger(name) for name, kind, _ in schema)
    notes = []
    if triggers:
        notes.append(f"{triggers} triggers of the file were not run.")
    left_out = [name for name in listed if name not in plain]
    if left_out:
        notes.append(f"Left out, since they are views or virtual tables: {', '.join(left_out)}.")
    layers = tuple(name for name in listed if name in plain)
    if not layers and left_out:
        raise InvalidFile(
            f"{path.name} has only views or virtual tables ({', '.join(left_out)[:80]}). Export "
            "the rows as a table."
        )
    return layers, tuple(notes)


def _is_standard_trigger(name: str) -> bool:
    return name.lower().startswith(STANDARD_TRIGGERS)
