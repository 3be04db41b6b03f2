"""Reading a road network: OpenStreetMap (PBF, XML), a layer of lines, or an edge list.

Lines meet where they share a node of OpenStreetMap, a node number of the file's own (`from`, `to`),
or else a point within a centimetre. Coordinates are turned to WGS 84 here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo.crs import WGS84, Datum, check_coordinates, to_wgs84
from geo.errors import InvalidDatum, InvalidFile, InvalidMapping
from geo.importers.isolation import READ_TASK, ROADS_TASK
from geo.importers.mapping import ColumnMapping, guess_mapping
from geo.importers.osm import sniff_osm
from geo.importers.osm_roads import BARRED_COLUMN, REFS_COLUMN, WAY_COLUMN
from geo.importers.road_fields import (
    END_FIELDS,
    FIELDS,
    class_of_value,
    limit_kmh_of_value,
    node_keys,
    numbers,
    one_way_of_value,
    tags_of_pairs,
    texts,
)
from geo.importers.stated_crs import check_stated_crs
from geo.importers.tabular import TableChunk, open_table
from geo.importers.upload_safety import FileKind, UploadLimits, check_ordinary_file, sniff_kind
from geo.roads.access import ACCESS_TAGS, modes_each_way
from geo.roads.lines import ALONE, RoadLines, RoadLinesBuilder, keys_of_coordinates
from geo.roads.modes import VEHICLES

Ints = NDArray[np.int64]

CHUNK_ROWS = 50_000
# Above this share of lines with a point that is no place, the datum is wrong.
BAD_SHARE_MAX = 0.01
# A file of edges a direction holds most streets twice; one of streets hardly any.
REVERSED_SHARE_MIN = 0.2
_NOT_ROADS = (FileKind.XLSX, FileKind.KML, FileKind.JSON_LINES, FileKind.ARCHIVE)
_OWN_TAGS = frozenset(ACCESS_TAGS) - {"oneway"}


class Direction(StrEnum):
    """Which ways a line without a one-way tag may be driven."""

    BOTH = "both"
    AS_DRAWN = "as_drawn"


@dataclass(slots=True)
class RoadFile:
    """What was read of a file.

    lines : the roads
    direction : how lines without a one-way tag were taken
    counts : rows that became none, by reason
    mapping : field → column, of files other than OpenStreetMap's
    notes : what a person should know
    """

    file_name: str
    lines: RoadLines
    direction: Direction
    counts: dict[str, int] = field(default_factory=dict)
    mapping: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read_roads(
    path: Path,
    *,
    datum: Datum = WGS84,
    table_name: str | None = None,
    direction: Direction | None = None,
    columns: Mapping[str, str] | None = None,
    limits: UploadLimits | None = None,
) -> RoadFile:
    """Read the roads of a file.

    Parameters
    ----------
    datum : what the file's coordinates are in
    table_name : the layer, where a file has several
    direction : how lines are taken that have no one-way tag: `BOTH`, or `AS_DRAWN` for a file that
        has an edge a direction. None: `AS_DRAWN` where the file has nodes (`from`, `to`), no
        one-way column, and many of its edges stand the other way round, too; else `BOTH`
    columns : field → column, where guessed wrong; an empty column drops a field. Fields are
        those of `geo.importers.road_fields.FIELDS`

    Raises
    ------
    InvalidFile : damaged, unsafe, of the wrong kind, or no road in it
    InvalidMapping : a column that isn't there, or neither geometry nor coordinates
    InvalidDatum : the coordinates are no places in the datum, or the file says it is in another
    FileTooLarge : over the limits
    """
    limits = limits or UploadLimits()
    check_ordinary_file(path, limits=limits)
    osm = sniff_osm(path)
    kind = osm or sniff_kind(path)
    if kind in _NOT_ROADS:
        raise InvalidFile(
            f"{path.name} is {kind.value}. Give roads as OSM PBF or XML, GeoPackage, Shapefile, "
            "GeoJSON, CSV or Parquet.",
            file=path.name,
        )
    reader = _Reader(path, datum, direction, is_osm=osm is not None)
    with open_table(
        path,
        limits=limits,
        kind=kind,
        table_name=table_name,
        chunk_rows=CHUNK_ROWS,
        task=READ_TASK if osm is None else ROADS_TASK,
    ) as table:
        if osm is None:
            check_stated_crs(table, datum)
            reader.plan(table.columns, table.sample, table.has_geometry, columns or {})
        for chunk in table.chunks():
            reader.take(chunk)
        notes = list(table.notes)
    return reader.result(notes)


class _Reader:
    """Turns chunks of a table into lines."""

    def __init__(
        self, path: Path, datum: Datum, direction: Direction | None, *, is_osm: bool
    ) -> None:
        self._path = path
        self._datum = datum
        self._direction = direction
        self._is_osm = is_osm
        self._mapping = ColumnMapping(columns={})
        self._measured = True
        self._builder = RoadLinesBuilder()
        self._counts: dict[str, int] = {}
        self._placed, self._misplaced = 0, 0
        self._known_modes: dict[tuple[str | None, ...], tuple[int, int]] = {}

    def plan(
        self,
        columns: tuple[str, ...],
        sample: pd.DataFrame,
        has_geometry: bool,
        overrides: Mapping[str, str],
    ) -> None:
        """Find out which column is what.

        Raises
        ------
        InvalidMapping : neither geometry nor coordinates of both ends
        """
        self._mapping = guess_mapping(columns, sample, FIELDS, overrides=overrides)
        self._measured = has_geometry or "wkt" in self._mapping
        if not self._measured and not all(name in self._mapping for name in END_FIELDS):
            raise InvalidMapping(
                f"{self._path.name} has neither lines nor the coordinates of both ends. Wanted a "
                f"geometry, a WKT column, or {', '.join(END_FIELDS)}. Its columns: "
                f"{', '.join(columns)[:200]}.",
                file=self._path.name,
            )

    def take(self, chunk: TableChunk) -> None:
        """Add the roads of a chunk."""
        good = pd.isna(chunk.faults)
        self._count("can't be read", int((~good).sum()))
        tags = self._tags(chunk.values)
        classes = [class_of_value(value) for value in tags["highway"]]
        is_road = np.array([name is not None for name in classes], bool)
        self._count("its class is no road", int((good & ~is_road).sum()))
        good &= is_road
        parts, row = self._parts(chunk, good)
        if not len(parts):
            return
        xy, parts, row = self._in_wgs84(parts, row)
        if not len(parts):
            return
        chosen = row.tolist()
        modes = [self._modes(str(classes[k]), tags, k) for k in chosen]
        passed = ~self._barred(chunk.values)[row]
        self._builder.add(
            xy=xy,
            point_counts=shapely.get_num_coordinates(parts).astype(np.int64),
            node_keys=self._keys(chunk.values, parts, row, xy),
            classes=[str(classes[k]) for k in chosen],
            names=[tags["name"][k] for k in chosen],
            forward_modes=np.array([pair[0] for pair in modes], np.uint8) & passed,
            backward_modes=np.array([pair[1] for pair in modes], np.uint8) & passed,
            limit_kmh=np.array([limit_kmh_of_value(tags["maxspeed"][k]) for k in chosen]),
            source_ids=self._ids(chunk.values)[row],
            length_m=self._stated_m(chunk.values, row),
            is_round=np.array([tags["junction"][k] in ("roundabout", "circular") for k in chosen]),
        )

    def result(self, notes: list[str]) -> RoadFile:
        """Return what was read.

        Raises
        ------
        InvalidDatum, InvalidFile : as `read_roads`
        """
        if self._misplaced > BAD_SHARE_MAX * (self._placed + self._misplaced):
            raise InvalidDatum(
                f"{self._misplaced} of {self._placed + self._misplaced} roads of {self._path.name} "
                f"lie nowhere in {self._datum.name}. Declare the datum the file is in, longitude "
                "or easting first.",
                datum=self._datum.name,
            )
        lines = self._builder.build()
        if not len(lines):
            why = "; ".join(f"{n} rows: {reason}" for reason, n in self._counts.items() if n)
            raise InvalidFile(
                f"{self._path.name} holds no road ({why or 'no row'}). Name the column of classes "
                "as highway=COLUMN, or leave it out as highway= where the file has none.",
                file=self._path.name,
            )
        direction = self._direction or Direction.BOTH
        if self._direction is None and not self._is_osm and "oneway" not in self._mapping:
            if "from" in self._mapping and _reversed_share(lines) >= REVERSED_SHARE_MIN:
                direction = Direction.AS_DRAWN
                lines = replace(lines, backward_modes=lines.backward_modes & ~np.uint8(VEHICLES))
            taken = "as one edge a direction" if direction is Direction.AS_DRAWN else "both ways"
            notes.append(f"The file has no one-way column; its lines were taken {taken}.")
        return RoadFile(
            file_name=self._path.name,
            lines=lines,
            direction=direction,
            counts={reason: count for reason, count in self._counts.items() if count},
            mapping=dict(self._mapping.columns),
            notes=notes,
        )

    def _count(self, reason: str, count: int) -> None:
        self._counts[reason] = self._counts.get(reason, 0) + count

    def _column(self, values: pd.DataFrame, name: str) -> pd.Series | None:
        column = name if self._is_osm else self._mapping.get(name)
        return values[column] if column is not None and column in values else None

    def _barred(self, values: pd.DataFrame) -> NDArray[np.uint8]:
        """Who a barrier keeps out of each row, a mask of modes."""
        if not self._is_osm:
            return np.zeros(len(values), np.uint8)
        return values[BARRED_COLUMN].to_numpy(np.uint8)

    def _tags(self, values: pd.DataFrame) -> dict[str, list[str | None]]:
        """The tags that decide, a list of cells each."""
        nothing: list[str | None] = [None] * len(values)
        found = dict.fromkeys(("highway", "name", "maxspeed", *ACCESS_TAGS), nothing)
        for tag in found:
            column = self._column(values, tag)
            if column is None and tag in _OWN_TAGS and tag in values:
                column = values[tag]
            if column is not None:
                found[tag] = texts(column)
        if not self._is_osm:
            found["oneway"] = [one_way_of_value(value) for value in found["oneway"]]
        packed = self._column(values, "other_tags")
        if packed is not None and not self._is_osm:
            found = {tag: list(cells) for tag, cells in found.items()}
            for k, cell in enumerate(texts(packed)):
                for tag, value in tags_of_pairs(cell).items():
                    if tag in found and found[tag][k] is None:
                        found[tag][k] = value
        return found

    def _modes(self, road_class: str, tags: Mapping[str, list[str | None]], k: int) -> Any:
        key = (road_class, *(tags[tag][k] for tag in ACCESS_TAGS))
        if key not in self._known_modes:
            told = {tag: tags[tag][k] for tag in ACCESS_TAGS}
            if told["oneway"] is None and self._direction is Direction.AS_DRAWN:
                told["oneway"] = "yes"
            self._known_modes[key] = modes_each_way(road_class, told)
        return self._known_modes[key]

    def _parts(
        self, chunk: TableChunk, good: NDArray[np.bool_]
    ) -> tuple[NDArray[np.object_], Ints]:
        """The lines of the good rows, several where a row has several, and the row of each."""
        geometry = chunk.geometry
        if geometry is None:
            geometry = self._drawn(chunk.values)
        rows = np.flatnonzero(good)
        parts, which = shapely.get_parts(geometry[rows], return_index=True)
        is_line = shapely.get_type_id(parts) == shapely.GeometryType.LINESTRING
        is_line &= shapely.get_num_coordinates(parts) >= 2
        self._count("no line", len(rows) - len(np.unique(which[is_line])))
        return shapely.force_2d(parts[is_line]), rows[which[is_line]]

    def _drawn(self, values: pd.DataFrame) -> NDArray[np.object_]:
        """Lines from a WKT column, or straight ones between both ends."""
        column = self._column(values, "wkt")
        if column is not None:
            cells = np.array(texts(column), object)
            return np.asarray(shapely.from_wkt(cells, on_invalid="ignore"), object)
        ends = np.column_stack([numbers(values[self._mapping.columns[f]]) for f in END_FIELDS])
        lines = np.full(len(values), None, object)
        known = np.isfinite(ends).all(axis=1)
        lines[known] = shapely.linestrings(ends[known].reshape(-1, 2, 2))
        return lines

    def _in_wgs84(
        self, parts: NDArray[np.object_], row: Ints
    ) -> tuple[NDArray[np.float64], NDArray[np.object_], Ints]:
        """The points of all lines of which every one is a place."""
        xy, owner = shapely.get_coordinates(parts, return_index=True)
        bad = check_coordinates(xy[:, 0], xy[:, 1], self._datum).astype(bool)
        misplaced = np.zeros(len(parts), bool)
        misplaced[owner[bad]] = True
        self._count("a point of it is no place", int(misplaced.sum()))
        self._misplaced += int(misplaced.sum())
        self._placed += int((~misplaced).sum())
        inside = ~misplaced[owner]
        lon, lat = to_wgs84(xy[inside, 0], xy[inside, 1], self._datum)
        return np.column_stack((lon, lat)), parts[~misplaced], row[~misplaced]

    def _keys(self, values: pd.DataFrame, parts: NDArray[np.object_], row: Ints, xy: Any) -> Ints:
        """Which points are one node."""
        counts = shapely.get_num_coordinates(parts)
        if self._is_osm:
            refs = values[REFS_COLUMN].to_numpy(object)
            return np.concatenate(
                [np.frombuffer(bytes.fromhex(refs[k]), np.int64) for k in row.tolist()]
            )
        begin, end = self._column(values, "from"), self._column(values, "to")
        if begin is None or end is None:
            return keys_of_coordinates(xy)
        keys = np.full(len(xy), ALONE, np.int64)
        last = np.cumsum(counts) - 1
        first = last - counts + 1
        keys[first], keys[last] = node_keys(begin)[row], node_keys(end)[row]
        # Where one row has several lines, only the outer ends are its nodes.
        joined = np.flatnonzero(row[1:] == row[:-1])
        keys[last[joined]] = keys_of_coordinates(xy[last[joined]])
        keys[first[joined + 1]] = keys_of_coordinates(xy[first[joined + 1]])
        return keys

    def _ids(self, values: pd.DataFrame) -> Ints:
        column = values[WAY_COLUMN] if self._is_osm else self._column(values, "id")
        if column is None:
            return np.full(len(values), -1, np.int64)
        found = numbers(column)
        whole = np.isfinite(found) & (found == np.floor(found)) & (np.abs(found) < 2**53)
        return np.where(whole, found, -1).astype(np.int64)

    def _stated_m(self, values: pd.DataFrame, row: Ints) -> NDArray[np.float64] | None:
        """Lengths of the file, which count only where it has no geometry."""
        column = self._column(values, "length_m")
        if self._measured or column is None:
            return None
        stated = numbers(column)[row]
        return np.where(stated >= 0, stated, np.nan)


def _reversed_share(lines: RoadLines) -> float:
    """Share of lines whose two end nodes another line has the other way round."""
    tail = lines.node_keys[lines.first_point[:-1]]
    head = lines.node_keys[lines.first_point[1:] - 1]
    pairs = pd.MultiIndex.from_arrays([tail, head])
    return float(pairs.isin(pd.MultiIndex.from_arrays([head, tail])).mean())
