"""Grid files for tests, written as people's programs write them."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from geo.crs import Datum, from_wgs84
from geo.importers.polygons import PolygonTable
from tests.geo.grid_drafts import COMMUNITY

DRIVERS = {".geojson": "GeoJSON", ".gpkg": "GPKG", ".shp": "ESRI Shapefile", ".kml": "KML"}


def grid_frame(
    drawing: dict[str, Any], *, community_code: str = COMMUNITY, **columns: list[Any]
) -> gpd.GeoDataFrame:
    """A frame as a file holds it: A is grid 1, with Chinese column names."""
    keys = sorted(drawing)
    return gpd.GeoDataFrame(
        {
            "网格编码": [f"{community_code}{number:03}" for number in range(1, len(keys) + 1)],
            "网格名称": [f"第{number}网格" for number in range(1, len(keys) + 1)],
            "户数": [400] * len(keys),
            **columns,
        },
        geometry=[drawing[key] for key in keys],
        crs="EPSG:4326",
    )


def write_grids(path: Path, frame: gpd.GeoDataFrame, *, datum: Datum | None = None) -> Path:
    """Write a frame in the format its path names (.zip: a zipped shapefile); in another datum."""
    if datum is not None:
        frame = in_datum(frame, datum)
    if path.suffix == ".zip":
        folder = path.parent / f"{path.stem}_parts"
        folder.mkdir()
        frame.to_file(folder / "grids.shp", driver="ESRI Shapefile", encoding="UTF-8")
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for part in folder.iterdir():
                archive.write(part, part.name)
        return path
    frame.to_file(path, driver=DRIVERS[path.suffix])
    return path


def table_of(frame: gpd.GeoDataFrame, *, datum: Datum | None = None) -> PolygonTable:
    """A frame as the reader would give it, without a file and a reader's process."""
    if datum is not None:
        frame = in_datum(frame, datum)
    facts = frame.drop(columns="geometry").astype("str").reset_index(drop=True)
    count = len(frame)
    return PolygonTable(
        columns=tuple(facts.columns),
        values=facts,
        row_numbers=np.arange(1, count + 1),
        geometries=np.asarray(frame.geometry.to_numpy(), dtype=object),
        was_open=np.zeros(count, dtype=bool),
        unreadable=np.zeros(count, dtype=bool),
        crs=None,
        notes=(),
    )


def in_datum(frame: gpd.GeoDataFrame, datum: Datum) -> gpd.GeoDataFrame:
    """The same grids with numbers of another datum; a projected one is named in the CRS."""
    moved = shapely.transform(
        frame.geometry.to_numpy(),
        lambda xy: np.column_stack(from_wgs84(xy[:, 0], xy[:, 1], datum)),
    )
    crs = f"EPSG:{datum.epsg}" if datum.epsg else "EPSG:4326"
    return frame.set_geometry(gpd.GeoSeries(moved, index=frame.index), crs=None).set_crs(
        crs, allow_override=True
    )
