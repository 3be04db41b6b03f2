"""OpenStreetMap files, PBF and XML, as a table of what a base map draws.

Runs in the reading process (`geo.importers.reader_process`). Columns: `kind` (as the base map's
table has it), `feature_class` (OpenStreetMap's own word), `name`, `number`, and the geometry.
An object whose nodes are missing, as at the edge of an extract, is a row with a fault.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import osmium
import pyarrow as pa

from geo.basemap_classes import (
    BUILT_CLASSES,
    GREEN_CLASSES,
    WATER_CLASSES,
    WATERWAY_MIN_ZOOM,
    road_min_zoom,
)
from geo.errors import InvalidFile
from geo.importers.isolation import FAULT_COLUMN
from geo.importers.reader_process import RawTable
from geo.importers.upload_safety import HEAD_BYTES, FileKind, UploadLimits

# Keys that make an object worth looking at; filtered in compiled code.
_KEYS = ("highway", "railway", "waterway", "building", "natural", "landuse", "leisure", "amenity",
         "shop", "tourism", "office", "place", "addr:housenumber")  # fmt: skip
_PLACE_KEYS = ("place", "amenity", "shop", "tourism", "office", "leisure", "railway")
_RAILS = frozenset({"rail", "light_rail", "subway", "tram", "narrow_gauge", "monorail"})
_NOT_PLACES = frozenset(
    {"bench", "waste_basket", "vending_machine", "bicycle_parking", "parking_space"}
)
_SCHEMA = pa.schema(
    [
        ("kind", pa.string()),
        ("feature_class", pa.string()),
        ("name", pa.string()),
        ("number", pa.string()),
        (FAULT_COLUMN, pa.string()),
        ("geometry", pa.binary()),
    ]
)
_MISSING_NODES = "some of its nodes are not in the file"


def sniff_osm(path: Path) -> FileKind | None:
    """Return which OpenStreetMap format a file is in, by its first bytes; None: neither.

    Raises
    ------
    InvalidFile : XML that declares a document type or entities, a change file, or one that is
        compressed
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    # A PBF begins with the length of its first header, four bytes, and the header's type.
    if b"OSMHeader" in head[:32]:
        return FileKind.OSM_PBF
    if path.name.lower().endswith((".osm.bz2", ".osm.gz")):
        raise InvalidFile(f"{path.name} is compressed. Unpack it first.", file=path.name)
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text.startswith(b"<"):
        return None
    if re.search(rb"<!(DOCTYPE|ENTITY)", text, re.IGNORECASE):
        raise InvalidFile(
            f"{path.name} declares a document type or entities, which no OpenStreetMap file does "
            "and which can make a small file huge. Export it anew.",
            file=path.name,
        )
    if b"<osmChange" in text:
        raise InvalidFile(
            f"{path.name} holds changes, not a map. Give the extract itself.", file=path.name
        )
    return FileKind.OSM_XML if b"<osm" in text else None


def open_osm(path: Path, table_name: str | None, batch_rows: int, limits: UploadLimits) -> RawTable:
    """Open an OpenStreetMap file for the reading process.

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
    rows: list[tuple[str | None, ...]] = []
    try:
        processor = (
            osmium.FileProcessor(source)
            .with_areas(osmium.filter.KeyFilter(*_KEYS))
            .with_filter(osmium.filter.EmptyTagFilter())
            .with_filter(osmium.filter.KeyFilter(*_KEYS))
        )
        read = _Reader()
        for thing in processor:
            rows.extend(read.features(thing))
            if len(rows) >= batch_rows:
                yield _batch(rows)
                rows = []
    except (RuntimeError, ValueError, UnicodeDecodeError) as error:
        told = " ".join(str(error).split())[:160].rstrip(".")
        raise InvalidFile(
            f"{path.name} is half a file or damaged: {told}. Fetch it again.", file=path.name
        ) from error
    yield _batch(rows)


def _batch(rows: list[Any]) -> pa.RecordBatch:
    columns = list(zip(*rows, strict=True)) or [()] * len(_SCHEMA)
    return pa.RecordBatch.from_arrays(
        [pa.array(column, field.type) for column, field in zip(columns, _SCHEMA, strict=True)],
        schema=_SCHEMA,
    )


class _Reader:
    """Turns one object into none, one or several features."""

    def __init__(self) -> None:
        self._wkb = osmium.geom.WKBFactory()

    def features(self, thing: Any) -> Iterator[tuple[Any, ...]]:
        tags = thing.tags
        if thing.is_node():
            found = list(_node_kinds(tags))
            draw: Callable[[Any], str] = self._wkb.create_point
        elif thing.is_way():
            found = list(_line_kinds(tags))
            draw = self._wkb.create_linestring
        elif thing.is_area():
            found = list(_area_kinds(tags))
            draw = self._wkb.create_multipolygon
        else:
            return
        if not found:
            return
        name = tags.get("name")
        number = tags.get("addr:housenumber")
        try:
            geometry = bytes.fromhex(draw(thing))
        except (osmium.InvalidLocationError, RuntimeError):
            yield (*found[0], name, None, _MISSING_NODES, None)
            return
        for kind, feature_class in found:
            shown = number if kind in ("building", "house_number") else None
            if kind == "place" and name is None:
                continue
            yield (kind, feature_class, name, shown, None, geometry)


def _node_kinds(tags: Any) -> Iterator[tuple[str, str]]:
    if tags.get("addr:housenumber"):
        yield "house_number", "house_number"
    yield from _place_kinds(tags)


def _line_kinds(tags: Any) -> Iterator[tuple[str, str]]:
    highway = tags.get("highway")
    if highway and tags.get("area") != "yes" and road_min_zoom(highway) is not None:
        yield "road", highway
    elif tags.get("railway") in _RAILS and tags.get("tunnel") != "yes":
        yield "road", "rail"
    waterway = tags.get("waterway")
    if waterway in WATERWAY_MIN_ZOOM and tags.get("tunnel") not in ("yes", "culvert"):
        yield "water", str(waterway)


def _area_kinds(tags: Any) -> Iterator[tuple[str, str]]:
    building = tags.get("building")
    if building and building != "no":
        yield "building", building
    for key in ("natural", "waterway", "landuse", "leisure", "amenity"):
        value = tags.get(key)
        if value in WATER_CLASSES:
            yield "water", value
            break
        if value in GREEN_CLASSES:
            yield "green", value
            break
        if key in ("landuse", "amenity") and value in BUILT_CLASSES and not building:
            yield "land", value
            break
    if not building and tags.get("addr:housenumber"):
        yield "house_number", "house_number"
    yield from _place_kinds(tags)


def _place_kinds(tags: Any) -> Iterator[tuple[str, str]]:
    """At most one place an object, and only what has a name."""
    if not tags.get("name"):
        return
    for key in _PLACE_KEYS:
        value = tags.get(key)
        if not value or value in _NOT_PLACES or value == "no":
            continue
        if key == "railway" and value not in ("station", "halt", "tram_stop"):
            continue
        if key == "leisure" and value in GREEN_CLASSES:
            continue  # the ground itself bears the name
        yield "place", "station" if key == "railway" else value
        return
