"""Polygons from files: GeoJSON, Shapefile, GeoPackage, KML, plain or in a ZIP archive.

Read in a process of its own (`geo.importers.isolation`); turned to WGS 84 by the datum a person
declares. What the file itself says of its CRS must not contradict it.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyproj
import shapely
from numpy.typing import NDArray
from pyproj.exceptions import CRSError

from geo.crs import CoordinateFault, Datum, check_coordinates, swapped_axes_share, to_wgs84
from geo.errors import InvalidCoordinate, InvalidDatum, InvalidFile
from geo.importers.archives import unpack_archive
from geo.importers.isolation import FAULT_COLUMN, GEOMETRY_COLUMN, ROW_COLUMN, read_isolated
from geo.importers.upload_safety import FileKind, UploadLimits, check_file
from geo.ring_faults import read_wkb_polygon

POLYGON_KINDS = (FileKind.GEOJSON, FileKind.SHAPEFILE, FileKind.GEOPACKAGE, FileKind.KML)
_MAIN_SUFFIXES = frozenset({".shp", ".geojson", ".json", ".gpkg", ".kml"})
_SIDE_SUFFIXES = frozenset({".shx", ".dbf", ".prj", ".cpg"})
_BATCH_ROWS = 1_000
_TEXT = pd.StringDtype("pyarrow", na_value=np.nan)
_SAME_PLACE_DEG = 1e-5  # about 1 m: two names of one projection agree to millimetres
_SAME_ELLIPSOID_M = 1.0  # on the axis: WGS 84 and CGCS2000 are one, Xian 1980 is 3 m longer
_WHOLE_SHARE = 0.5  # from this share of bad vertices on, the file is declared wrongly as a whole


@dataclass(frozen=True, slots=True)
class PolygonTable:
    """A table of polygons as read.

    values : (n,) text in every column, missing where empty, index 0..n-1
    row_numbers : (n,) features counted from 1
    geometries : (n,) in the file's own numbers, None where missing or unreadable
    was_open : (n,) a ring wasn't closed; unreadable : (n,) there was a geometry nobody can read
    crs : what the file says of its coordinates, None where it says nothing to go by
    """

    columns: tuple[str, ...]
    values: pd.DataFrame
    row_numbers: NDArray[np.int64]
    geometries: NDArray[np.object_]
    was_open: NDArray[np.bool_]
    unreadable: NDArray[np.bool_]
    crs: str | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConvertedPolygons:
    """Polygons in WGS 84.

    geometries : (n,) EPSG:4326, two dimensions; None where missing or where a vertex is no place
    faults : (n,) why a row has no usable coordinates, for a sentence; None where it has
    """

    geometries: NDArray[np.object_]
    faults: NDArray[np.object_]


def read_polygons(path: Path, *, limits: UploadLimits, layer: str | None = None) -> PolygonTable:
    """Read all rows of a polygon file.

    Parameters
    ----------
    layer : needed only where a file has several

    Raises
    ------
    InvalidFile, FileTooLarge : damaged, hostile, empty, over its caps, or of another kind
    InvalidMapping : several layers and none named, or one that isn't there
    """
    with _plain_file(path, limits) as (plain, kind):
        return _read(path, plain, kind, limits, layer)


def polygons_to_wgs84(table: PolygonTable, datum: Datum) -> ConvertedPolygons:
    """Return the polygons of a table in WGS 84, longitude first; heights are left out.

    Raises
    ------
    InvalidDatum : the file says that it is in another CRS, or hardly a vertex is a place in the
        declared one
    InvalidCoordinate : longitude and latitude are swapped throughout
    """
    flat = shapely.force_2d(table.geometries)
    xy, owner = shapely.get_coordinates(flat, return_index=True)
    check_declared_datum(table.crs, datum, xy)
    faults = np.full(len(flat), None, dtype=object)
    if not len(xy):
        return ConvertedPolygons(flat, faults)
    wrong = check_coordinates(xy[:, 0], xy[:, 1], datum)
    bad = wrong != CoordinateFault.NONE
    _refuse_as_a_whole(xy, wrong, bad, datum)
    for at in np.unique(owner[bad]):
        first = np.flatnonzero(bad & (owner == at))[0]
        faults[at] = _vertex_words(wrong[first], xy[first], datum)
    usable = flat.copy()
    usable[~pd.isna(faults)] = None
    moved = shapely.transform(usable, lambda points: _moved(points, datum))
    return ConvertedPolygons(np.asarray(moved, dtype=object), faults)


def check_declared_datum(crs: str | None, datum: Datum, xy: NDArray[np.float64]) -> None:
    """Refuse a declaration that the file contradicts.

    Parameters
    ----------
    crs : what the file says, None where nothing
    xy : (n, 2) some of its coordinates

    Raises
    ------
    InvalidDatum : it says another CRS, or one nobody knows
    """
    if crs is None:
        return
    try:
        said = pyproj.CRS.from_user_input(crs)
    except CRSError as error:
        raise InvalidDatum(
            f"The file says that its coordinates are in “{crs[:60]}”, which is no known CRS. "
            "Export it with one, or without.",
            datum=datum.name,
        ) from error
    if said.is_bound:
        said = said.source_crs or said
    name = f"“{said.name[:60]}”"
    authority = said.to_authority(min_confidence=70)
    if authority is not None:
        name += f" ({':'.join(authority)})"
    if said.is_projected == datum.is_projected and (
        _is_same_projection(said, datum, xy) if datum.is_projected else _is_wgs84_like(said)
    ):
        return
    remedy = (
        f"Declare {':'.join(authority)}"
        if said.is_projected and authority is not None
        else "Declare the datum it is really in"
    )
    raise InvalidDatum(
        f"The file says that its coordinates are in {name}, declared is {datum}. {remedy}, or "
        "export the file in the declared one.",
        datum=datum.name,
        file_crs=said.name,
    )


@contextlib.contextmanager
def _plain_file(path: Path, limits: UploadLimits) -> Iterator[tuple[Path, FileKind]]:
    kind = check_file(path, limits=limits)
    if kind is not FileKind.ARCHIVE:
        yield path, _taken_kind(path, kind)
        return
    with tempfile.TemporaryDirectory(prefix="gridbeat-") as folder:
        written = unpack_archive(
            path, Path(folder), limits=limits, suffixes=_MAIN_SUFFIXES | _SIDE_SUFFIXES
        )
        mains = [part for part in written if part.suffix.lower() in _MAIN_SUFFIXES]
        if len(mains) != 1:
            found = ", ".join(sorted(part.name for part in mains)[:5]) or "none"
            raise InvalidFile(
                f"{path.name} should hold one file of polygons (.shp with its .shx and .dbf, "
                f".geojson, .gpkg, .kml), found {found}. Pack one set of files.",
                file=path.name,
            )
        yield mains[0], _taken_kind(path, check_file(mains[0], limits=limits))


def _taken_kind(path: Path, kind: FileKind) -> FileKind:
    if kind in POLYGON_KINDS:
        return kind
    raise InvalidFile(
        f"{path.name} is {kind.value.replace('_', ' ')}, which holds no polygons. Give GeoJSON, "
        "Shapefile, GeoPackage or KML.",
        file=path.name,
    )


def _read(
    named: Path, path: Path, kind: FileKind, limits: UploadLimits, layer: str | None
) -> PolygonTable:
    with read_isolated(
        path, kind, limits=limits, batch_rows=_BATCH_ROWS, table_name=layer
    ) as reader:
        inner = (ROW_COLUMN, GEOMETRY_COLUMN, FAULT_COLUMN)
        columns = tuple(name for name in reader.schema.names if name not in inner)
        batches = list(reader)
        about = reader.about
    table = pa.Table.from_batches(batches)
    if not table.num_rows:
        raise InvalidFile(f"{named.name} has no rows. Give a file with polygons.", file=named.name)
    if not about["has_geometry"]:
        raise InvalidFile(
            f"{named.name} has no geometry. Give polygons, not a table.", file=named.name
        )
    shapes = [read_wkb_polygon(wkb.as_py()) for wkb in table.column(GEOMETRY_COLUMN)]
    given = ~np.asarray(table.column(GEOMETRY_COLUMN).is_null())
    geometries = np.array([*(shape for shape, _ in shapes), None], dtype=object)[:-1]
    crs = about["crs"]
    if kind is FileKind.GEOJSON and crs == "EPSG:4326":
        crs = None  # GDAL says so of every GeoJSON that doesn't say otherwise
    return PolygonTable(
        columns=columns,
        values=pd.DataFrame(
            {name: pd.array(table.column(name).combine_chunks(), dtype=_TEXT) for name in columns},
            columns=list(columns),
            index=range(table.num_rows),
        ),
        row_numbers=np.asarray(table.column(ROW_COLUMN), dtype=np.int64),
        geometries=geometries,
        was_open=np.array([was_open for _, was_open in shapes], dtype=bool),
        unreadable=given & shapely.is_missing(geometries),
        crs=crs,
        notes=tuple(about["notes"]),
    )


def _refuse_as_a_whole(
    xy: NDArray[np.float64], wrong: NDArray[np.object_], bad: NDArray[np.bool_], datum: Datum
) -> None:
    if swapped_axes_share(wrong) > _WHOLE_SHARE:
        raise InvalidCoordinate(
            "Longitude and latitude are swapped: the first vertex is "
            f"({xy[0, 0]:g}, {xy[0, 1]:g}). Export the file with longitude first.",
            datum=datum.name,
        )
    if bad.mean() > _WHOLE_SHARE:
        first = xy[np.flatnonzero(bad)[0]]
        raise InvalidDatum(
            f"{bad.mean():.0%} of the vertices are no place in {datum}, the first is "
            f"({first[0]:g}, {first[1]:g}). Declare the datum the file is in; for metres name the "
            "projection, such as EPSG:4547.",
            datum=datum.name,
        )


def _vertex_words(fault: CoordinateFault, vertex: NDArray[np.float64], datum: Datum) -> str:
    place = f"({vertex[0]:g}, {vertex[1]:g})"
    return {
        CoordinateFault.MISSING: "has a vertex that is not a number",
        CoordinateFault.NOT_FINITE: "has a vertex that is infinite",
        CoordinateFault.ZERO: "has a vertex at (0, 0), which programs write for “unknown”",
        CoordinateFault.SWAPPED: f"has longitude and latitude swapped, as in {place}",
    }.get(fault, f"has the vertex {place}, which is no place in {datum}; it may be in another CRS")


def _moved(points: NDArray[np.float64], datum: Datum) -> NDArray[np.float64]:
    return np.column_stack(to_wgs84(points[:, 0], points[:, 1], datum))


def _is_wgs84_like(crs: pyproj.CRS) -> bool:
    """GCJ-02 and BD-09 have no code: files in them say WGS 84 or CGCS2000, or nothing."""
    ellipsoid = crs.ellipsoid
    return (
        crs.is_geographic
        and ellipsoid is not None
        and abs(ellipsoid.semi_major_metre - 6_378_137.0) < _SAME_ELLIPSOID_M
    )


def _is_same_projection(crs: pyproj.CRS, datum: Datum, xy: NDArray[np.float64]) -> bool:
    """Whether both turn some of the coordinates into the same degrees on the same spheroid."""
    assert datum.epsg is not None
    declared = pyproj.CRS.from_epsg(datum.epsg)
    ours, theirs = declared.ellipsoid, crs.ellipsoid
    if ours is None or theirs is None:
        return False
    if abs(ours.semi_major_metre - theirs.semi_major_metre) >= _SAME_ELLIPSOID_M:
        return False
    some: Any = xy[np.isfinite(xy).all(axis=1)][:100]
    if not len(some):
        return True
    one = np.array(pyproj.Proj(declared)(some[:, 0], some[:, 1], inverse=True))
    other = np.array(pyproj.Proj(crs)(some[:, 0], some[:, 1], inverse=True))
    return bool((np.abs(one - other) < _SAME_PLACE_DEG).all())
