"""Importing a base map: roads, buildings, house numbers, water, green, places.

From OpenStreetMap (PBF, XML) and from vector files (GeoPackage, GeoJSON, Shapefile), among them
edge lists of road networks. Every file is read in the isolated process. Importing a source again
replaces it whole; a fault of the file leaves what was there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from geo.basemap_classes import BUILT_CLASSES, GREEN_CLASSES, WATER_CLASSES, road_min_zoom
from geo.basemap_store import BasemapRows, BasemapWriter
from geo.crs import WGS84, Datum, check_coordinates, to_wgs84
from geo.errors import InvalidDatum, InvalidFile, InvalidMapping
from geo.importers.basemap_layers import CLASS_COLUMNS, LayerPlan, plan_layer, skipped_by_name
from geo.importers.osm import sniff_osm
from geo.importers.stated_crs import check_stated_crs
from geo.importers.tabular import TableChunk, TableSource, open_table
from geo.importers.upload_safety import FileKind, UploadLimits, check_ordinary_file, sniff_kind
from geo.importers.vector import geopackage_layers
from geo.store.bulk import analyze_tables
from geo.tables import BasemapFeature

OSM_ATTRIBUTION = "© OpenStreetMap contributors, ODbL 1.0"
_VECTOR_KINDS = (FileKind.GEOPACKAGE, FileKind.GEOJSON, FileKind.SHAPEFILE)
# A layer of which more than this share of vertices is no place in the declared datum is refused.
_BAD_SHARE_MAX = 0.01

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class BasemapColumns:
    """Columns declared for all layers of a file; None: guessed layer by layer."""

    class_column: str | None = None
    name_column: str | None = None
    number_column: str | None = None


@dataclass(slots=True)
class BasemapImport:
    """What came of an import.

    counts : features stored, by kind
    dropped : features left out, by reason
    layers : what each layer of the file was taken for, and why
    mended : polygons that crossed themselves and were made valid
    """

    source: str
    file_name: str
    datum: str
    counts: dict[str, int] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    layers: list[LayerPlan] = field(default_factory=list)
    mended: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def feature_count(self) -> int:
        return sum(self.counts.values())

    def drop(self, reason: str, count: int) -> None:
        if count:
            self.dropped[reason] = self.dropped.get(reason, 0) + count


def import_basemap(
    session: Session,
    path: Path,
    *,
    source: str,
    datum: Datum = WGS84,
    attribution: str | None = None,
    layers: Mapping[str, str] | None = None,
    columns: BasemapColumns | None = None,
    limits: UploadLimits | None = None,
    progress: Progress | None = None,
) -> BasemapImport:
    """Read a file into the base map, replacing what `source` held before.

    All in the session's transaction, which the caller commits: where anything is raised, roll it
    back and the base map is as it was.

    Parameters
    ----------
    source : the name of the set; importing the same name again replaces it
    datum : what the file's coordinates are in
    attribution : what must stand at the map's edge; for OpenStreetMap files it is known
    layers : layer name → road, building, water, green, land, place, house_number or skip, for
        layers that are guessed wrong or not at all
    columns : names of columns, where they are guessed wrong
    progress : called with features read and, where known, features in all

    Raises
    ------
    InvalidFile : damaged, unsafe, of the wrong kind, or nothing in it reads as a base map
    FileTooLarge : over the limits
    InvalidDatum : the file's own CRS contradicts the declared datum, or its coordinates are no
        places in it
    InvalidMapping : a declared layer or column isn't there, or the source has no name
    """
    limits = limits or UploadLimits()
    source = source.strip()
    if not source:
        raise InvalidMapping("The source has no name. Give one, such as “osm-2026-05”.")
    check_ordinary_file(path, limits=limits)
    result = BasemapImport(source=source, file_name=path.name, datum=datum.name)
    osm = sniff_osm(path)
    writer = BasemapWriter.replace_source(
        session,
        name=source,
        file_name=path.name,
        datum=datum,
        attribution=attribution or (OSM_ATTRIBUTION if osm else None),
    )
    done = 0
    for rows, read, total in _all_rows(path, osm, datum, result, layers, columns, limits):
        writer.write(rows)
        done += read
        if progress is not None:
            progress(done, total)
    result.counts, result.mended = writer.counts, writer.mended
    for reason, count in writer.dropped.items():
        result.drop(reason, count)
    if not result.feature_count:
        read_as = "; ".join(f"{plan.layer}: {plan.why}" for plan in result.layers[:8])
        raise InvalidFile(
            f"{path.name} holds nothing for a base map ({read_as or 'no road, building or place'})."
            " Name a layer's kind, such as “--layer NAME=road”.",
            file=path.name,
        )
    analyze_tables(session, BasemapFeature)
    return result


def _all_rows(
    path: Path,
    osm: FileKind | None,
    datum: Datum,
    result: BasemapImport,
    layers: Mapping[str, str] | None,
    columns: BasemapColumns | None,
    limits: UploadLimits,
) -> Iterator[tuple[BasemapRows, int, int | None]]:
    """Yield rows in WGS 84, how many features they came from, and how many there are in all."""
    if osm is not None:
        with open_table(path, limits=limits, kind=osm) as table:
            for chunk in table.chunks():
                yield _osm_rows(chunk, datum, result), len(chunk), None
        return
    declared = dict(layers or {})
    names = _layer_names(path)
    unknown = [name for name in declared if name not in names]
    if unknown:
        raise InvalidMapping(
            f"{path.name} has no layer “{unknown[0][:60]}”. It has: {', '.join(names[:10])}.",
            layer=unknown[0],
        )
    for name in names:
        skipped = (
            LayerPlan(name, "skip", "declared")
            if declared.get(name) == "skip"
            else skipped_by_name(name)
            if name not in declared and len(names) > 1
            else None
        )
        if skipped is not None:
            result.layers.append(skipped)
            continue
        with _opened_layer(path, name, limits) as table:
            yield from _layer_rows(
                table, name, datum, result, declared.get(name), columns or BasemapColumns()
            )


def _layer_names(path: Path) -> tuple[str, ...]:
    kind = sniff_kind(path)
    if kind not in _VECTOR_KINDS:
        raise InvalidFile(
            f"{path.name} is {kind.value}, which holds no base map. Give OSM PBF or XML, "
            "GeoPackage, GeoJSON or Shapefile.",
            file=path.name,
        )
    if kind is FileKind.GEOPACKAGE:
        return geopackage_layers(path)[0]
    return (path.stem,)


@contextlib.contextmanager
def _opened_layer(path: Path, name: str, limits: UploadLimits) -> Iterator[TableSource]:
    is_geopackage = sniff_kind(path) is FileKind.GEOPACKAGE
    with open_table(path, limits=limits, table_name=name if is_geopackage else None) as table:
        yield table


def _layer_rows(
    table: TableSource,
    name: str,
    datum: Datum,
    result: BasemapImport,
    kind: str | None,
    columns: BasemapColumns,
) -> Iterator[tuple[BasemapRows, int, int | None]]:
    plan: LayerPlan | None = None
    seen: set[bytes] = set()
    for chunk in table.chunks():
        if plan is None:
            plan = plan_layer(
                name,
                chunk.values.head(1_000),
                chunk.geometry[:1_000] if chunk.geometry is not None else None,
                kind=kind,
                class_column=columns.class_column,
                name_column=columns.name_column,
                number_column=columns.number_column,
            )
            result.layers.append(plan)
            if plan.kind == "skip":
                return
            check_stated_crs(table, datum)
            result.notes += table.notes
        yield _vector_rows(chunk, plan, datum, result, seen), len(chunk), table.row_count


def _osm_rows(chunk: TableChunk, datum: Datum, result: BasemapImport) -> BasemapRows:
    assert chunk.geometry is not None
    for reason, count in pd.Series(chunk.faults).dropna().value_counts().items():
        result.drop(str(reason), int(count))
    good = pd.isna(chunk.faults)
    values = chunk.values[good]
    return BasemapRows(
        kind=values["kind"].to_numpy(object),
        feature_class=_texts(values["feature_class"]),
        name=_texts(values["name"]),
        number=_texts(values["number"]),
        geometry=_in_wgs84(chunk.geometry[good], datum),
    )


def _vector_rows(
    chunk: TableChunk, plan: LayerPlan, datum: Datum, result: BasemapImport, seen: set[bytes]
) -> BasemapRows:
    geometry = chunk.geometry
    if geometry is None:
        geometry = np.full(len(chunk), None, dtype=object)
    texts = {
        role: _texts(chunk.values[column])
        if column is not None
        else np.full(len(chunk), None, dtype=object)
        for role, column in (
            ("class", plan.class_column),
            ("name", plan.name_column),
            ("number", plan.number_column),
        )
    }
    # What one class column leaves open another may say: Mapzen's `kind` and `kind_detail`.
    for column in chunk.values.columns:
        if column.lower() in CLASS_COLUMNS and column != plan.class_column:
            other = _texts(chunk.values[column])
            texts["class"] = np.where(pd.isna(texts["class"]), other, texts["class"])
    kind = _kinds(plan.kind, texts, geometry)
    if plan.kind == "road":
        kind[_seen_before(geometry, seen) & (kind != "")] = "twice"
    result.drop("geometry can't be read", int(np.sum(kind == "unreadable")))
    result.drop("the same line in the other direction", int(np.sum(kind == "twice")))
    result.drop("a class that is not drawn", int(np.sum(kind == "")))
    good = ~np.isin(kind, ("", "unreadable", "twice"))
    texts["number"][~np.isin(kind, ("building", "house_number"))] = None
    return BasemapRows(
        kind=kind[good],
        feature_class=texts["class"][good],
        name=texts["name"][good],
        number=texts["number"][good],
        geometry=_in_wgs84(geometry[good], datum),
    )


def _kinds(
    layer_kind: str, texts: dict[str, NDArray[np.object_]], geometry: NDArray[np.object_]
) -> NDArray[np.object_]:
    """The kind of each row; empty text: it is not drawn."""
    dimension = shapely.get_dimensions(geometry)
    classes = texts["class"]
    kind = np.full(len(geometry), "", dtype=object)
    if layer_kind == "road":
        is_drawn = np.array([c is None or road_min_zoom(c) is not None for c in classes])
        kind[(dimension == 1) & is_drawn] = "road"
    elif layer_kind == "building":
        kind[dimension == 2] = "building"
        kind[(dimension == 0) & pd.notna(texts["number"])] = "house_number"
    elif layer_kind == "house_number":
        kind[(dimension == 0) & pd.notna(texts["number"])] = "house_number"
    elif layer_kind == "place":
        kind[pd.notna(texts["name"])] = "place"
        kind[pd.isna(texts["name"]) & pd.notna(texts["number"])] = "house_number"
    elif layer_kind == "land":
        words = classes.astype(str)
        kind[(dimension == 2) & np.isin(words, list(BUILT_CLASSES))] = "land"
        kind[(dimension == 2) & np.isin(words, list(GREEN_CLASSES))] = "green"
        kind[(dimension >= 1) & np.isin(words, list(WATER_CLASSES))] = "water"
    elif layer_kind == "green":
        kind[dimension == 2] = "green"
    else:
        kind[dimension >= 1] = layer_kind
    kind[pd.isna(geometry)] = "unreadable"
    return kind


def _seen_before(geometry: NDArray[np.object_], seen: set[bytes]) -> NDArray[np.bool_]:
    """Edge lists hold a street twice, once a direction; the map draws it once."""
    keys = shapely.to_wkb(shapely.normalize(shapely.force_2d(geometry)))
    twice = np.zeros(len(keys), dtype=bool)
    for index, key in enumerate(keys):
        if key is None:
            continue
        twice[index] = key in seen
        seen.add(key)
    return twice


def _texts(values: pd.Series) -> NDArray[np.object_]:
    texts = values.to_numpy(object, copy=True)
    texts[pd.isna(texts)] = None
    return texts


def _in_wgs84(geometry: NDArray[np.object_], datum: Datum) -> NDArray[np.object_]:
    """Turn geometries to WGS 84.

    Raises
    ------
    InvalidDatum : more than a hundredth of the vertices are no place in the declared datum
    """
    flat = shapely.force_2d(geometry)
    xy = shapely.get_coordinates(flat)
    if not len(xy):
        return np.asarray(flat)
    faults = check_coordinates(xy[:, 0], xy[:, 1], datum).astype(bool)
    if faults.mean() > _BAD_SHARE_MAX:
        first = xy[np.flatnonzero(faults)[0]]
        raise InvalidDatum(
            f"{faults.sum()} of {len(xy)} vertices are no place in {datum}; the first is "
            f"({first[0]:g}, {first[1]:g}). Declare the datum or projection the file is in, "
            "longitude or easting first.",
            datum=datum.name,
        )

    def turned(points: NDArray[np.float64]) -> NDArray[np.float64]:
        bad = check_coordinates(points[:, 0], points[:, 1], datum).astype(bool)
        usable = np.where(bad[:, None], np.nan, points)
        return np.column_stack(to_wgs84(usable[:, 0], usable[:, 1], datum))

    return np.asarray(
        flat if datum == WGS84 and not faults.any() else shapely.transform(flat, turned)
    )
