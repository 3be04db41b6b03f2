"""The roads of an OpenStreetMap file, PBF or XML, with the nodes they share.

Runs in the reading process (`geo.importers.reader_process`). Columns: `way`, the tags that decide
who may go where and how fast, `refs` (the numbers of its nodes, packed int64) and the geometry. A
way that leaves the extract is cut where its nodes are missing. Turn restrictions are not read.

A barrier is a node on a way. The stretch from it to the next node, the shorter one of two, is a row
of its own, and `barred` says who is kept out of it: who may not pass the barrier may not pass that.
"""

from __future__ import annotations

import math
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
from geo.roads.access import ACCESS_TAGS, modes_barred_by, road_class_of

TAGS = ("highway", "name", "maxspeed", *ACCESS_TAGS)
REFS_COLUMN = "refs"
WAY_COLUMN = "way"
BARRED_COLUMN = "barred"
_NO_NODES = "no two neighbouring nodes of it are in the file"
_SCHEMA = pa.schema(
    [
        (WAY_COLUMN, pa.string()),
        *((tag, pa.string()) for tag in TAGS),
        (BARRED_COLUMN, pa.uint8()),
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
        barriers = _barriers(source)
        processor = (
            osmium.FileProcessor(source)
            .with_locations()
            .with_filter(osmium.filter.EntityFilter(osmium.osm.WAY))
            .with_filter(osmium.filter.KeyFilter("highway"))
        )
        draw = osmium.geom.WKBFactory()
        for way in processor:
            if road_class_of(way.tags.get("highway")) is not None:
                rows.extend(_rows(way, draw, barriers))
            if len(rows) >= batch_rows:
                yield _batch(rows)
                rows = []
    except (RuntimeError, ValueError, UnicodeDecodeError) as error:
        told = " ".join(str(error).split())[:160].rstrip(".")
        raise InvalidFile(
            f"{path.name} is half a file or damaged: {told}. Fetch it again.", file=path.name
        ) from error
    yield _batch(rows)


def _barriers(source: osmium.io.File) -> dict[int, int]:
    """Number of each node that keeps somebody out → the mask of modes."""
    found = {}
    processor = (
        osmium.FileProcessor(source, osmium.osm.NODE)
        .with_filter(osmium.filter.EmptyTagFilter())
        .with_filter(osmium.filter.KeyFilter("barrier"))
    )
    for node in processor:
        barred = modes_barred_by({tag.k: tag.v for tag in node.tags})
        if barred:
            found[node.id] = barred
    return found


def _rows(
    way: Any, draw: osmium.geom.WKBFactory, barriers: dict[int, int]
) -> Iterator[tuple[Any, ...]]:
    tags = tuple(way.tags.get(tag) for tag in TAGS)
    if len(way.nodes) < 2:
        return
    refs = np.fromiter((node.ref for node in way.nodes), np.int64, len(way.nodes))
    if barriers.keys().isdisjoint(refs.tolist()):
        try:
            line = bytes.fromhex(draw.create_linestring(way, osmium.geom.use_nodes.ALL))
        except (osmium.InvalidLocationError, RuntimeError):
            pass  # it leaves the extract
        else:
            yield (str(way.id), *tags, 0, refs.tobytes(), line, None)
            return
    runs = list(_runs_with_places(way.nodes))
    if not runs:
        yield (str(way.id), *tags, 0, None, None, _NO_NODES)
    for run in runs:
        for piece, barred in _pieces(run, barriers):
            refs = np.array([node[0] for node in piece], np.int64)
            line = shapely.to_wkb(shapely.linestrings([node[1:] for node in piece]))
            yield (str(way.id), *tags, barred, refs.tobytes(), line, None)


def _pieces(
    run: list[tuple[int, float, float]], barriers: dict[int, int]
) -> Iterator[tuple[list[tuple[int, float, float]], int]]:
    """Yield a run of nodes cut about its barriers, with who is kept out of each piece."""
    barred = [0] * (len(run) - 1)  # of the stretch after each node
    for at, node in enumerate(run):
        mask = barriers.get(node[0], 0) if barriers else 0
        if mask:
            sides = [side for side in (at - 1, at) if 0 <= side < len(barred)]
            barred[min(sides, key=lambda side: _length(run[side], run[side + 1]))] |= mask
    begin = 0
    for at in range(1, len(run)):
        if at == len(barred) or barred[at] != barred[begin]:
            yield run[begin : at + 1], barred[begin]
            begin = at


def _length(one: tuple[int, float, float], other: tuple[int, float, float]) -> float:
    """For comparing two stretches of one way [degrees of latitude]."""
    east = (one[1] - other[1]) * math.cos(math.radians(one[2]))
    return math.hypot(east, one[2] - other[2])


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
