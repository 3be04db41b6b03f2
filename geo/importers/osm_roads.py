"""The roads of an OpenStreetMap file, PBF or XML, with the nodes they share.

Runs in the reading process (`geo.importers.reader_process`). Columns: `way`, the tags that decide
who may go where and how fast, `refs` (the numbers of its nodes, packed int64) and the geometry. A
way that leaves the extract is cut where its nodes are missing. Barriers and turn restrictions are
not read.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import osmium
import pyarrow as pa
import shapely

from geo.errors import InvalidFile
from geo.importers.isolation import FAULT_COLUMN
from geo.importers.osm import sniff_osm
from geo.importers.reader_process import RawTable
from geo.importers.upload_safety import FileKind, UploadLimits
from geo.roads.access import ACCESS_TAGS, road_class_of

TAGS = ("highway", "name", "maxspeed", *ACCESS_TAGS)
REFS_COLUMN = "refs"
WAY_COLUMN = "way"
_NO_NODES = "no two neighbouring nodes of it are in the file"
_SCHEMA = pa.schema(
    [
        (WAY_COLUMN, pa.string()),
        *((tag, pa.string()) for tag in TAGS),
        (REFS_COLUMN, pa.binary()),
        ("geometry", pa.binary()),
        (FAULT_COLUMN, pa.string()),
    ]
)


def open_osm_roads(
    path: Path, table_name: str | None, batch_rows: int, limits: UploadLimits
) -> RawTable:
    """Open the roads of an OpenStreetMap file for the reading process.

    Raises
    ------
    InvalidFile : damaged or half a file
    """
    kind = sniff_osm(path)
    source = osmium.io.File(str(path), "osm" if kind is FileKind.OSM_XML else "pbf")
    return RawTable(
        batches=_batches(path, source, batch_rows),
        first_row=1,
        crs="EPSG:4326",
        geometry_name="geometry",
    )


def _batches(path: Path, source: osmium.io.File, batch_rows: int) -> Iterator[pa.RecordBatch]:
    rows: list[tuple[Any, ...]] = []
    try:
        processor = (
            osmium.FileProcessor(source)
            .with_locations()
            .with_filter(osmium.filter.EntityFilter(osmium.osm.WAY))
            .with_filter(osmium.filter.KeyFilter("highway"))
        )
        draw = osmium.geom.WKBFactory()
        for way in processor:
            if road_class_of(way.tags.get("highway")) is not None:
                rows.extend(_rows(way, draw))
            if len(rows) >= batch_rows:
                yield _batch(rows)
                rows = []
    except (RuntimeError, ValueError, UnicodeDecodeError) as error:
        told = " ".join(str(error).split())[:160].rstrip(".")
        raise InvalidFile(
            f"{path.name} is half a file or damaged: {told}. Fetch it again.", file=path.name
        ) from error
    yield _batch(rows)


def _rows(way: Any, draw: osmium.geom.WKBFactory) -> Iterator[tuple[Any, ...]]:
    tags = tuple(way.tags.get(tag) for tag in TAGS)
    nodes = way.nodes
    if len(nodes) < 2:
        return
    try:
        line = bytes.fromhex(draw.create_linestring(way, osmium.geom.use_nodes.ALL))
        refs = np.fromiter((node.ref for node in nodes), np.int64, len(nodes))
        yield (str(way.id), *tags, refs.tobytes(), line, None)
    except (osmium.InvalidLocationError, RuntimeError):
        runs = list(_runs_with_places(nodes))
        if not runs:
            yield (str(way.id), *tags, None, None, _NO_NODES)
        for run in runs:
            refs = np.array([node[0] for node in run], np.int64)
            line = shapely.to_wkb(shapely.linestrings([node[1:] for node in run]))
            yield (str(way.id), *tags, refs.tobytes(), line, None)


def _runs_with_places(nodes: Any) -> Iterator[list[tuple[int, float, float]]]:
    """Yield the stretches of two nodes or more whose places the file has."""
    run: list[tuple[int, float, float]] = []
    for node in nodes:
        if node.location.valid():
            run.append((node.ref, node.location.lon, node.location.lat))
            continue
        if len(run) > 1:
            yield run
        run = []
    if len(run) > 1:
        yield run


def _batch(rows: list[tuple[Any, ...]]) -> pa.RecordBatch:
    columns = list(zip(*rows, strict=True)) or [()] * len(_SCHEMA)
    return pa.RecordBatch.from_arrays(
        [pa.array(column, field.type) for column, field in zip(columns, _SCHEMA, strict=True)],
        schema=_SCHEMA,
    )
