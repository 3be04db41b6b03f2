"""Writing the demo city as files that the imports read, for trying them and for tests."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd

from geo.demo.city import NOTICE, DemoCity
from geo.errors import InvalidFile
from geo.tables import ADDRESS_COMPONENTS

AREAS_FILE = "areas.csv"
GRIDS_FILE = "grids.gpkg"
ADDRESSES_FILE = "addresses.csv"
BASEMAP_FILE = "basemap.gpkg"
NOTICE_FILE = "README.txt"


def write_city(city: DemoCity, folder: Path) -> list[Path]:
    """Write a city into an empty or new folder; return the files.

    areas.csv (UTF-8: `code`, `level`, `name`, `parent_code`), grids.gpkg (layers `grids` and
    `areas`), addresses.csv (UTF-8: the components, the text as people there write it, `lon`,
    `lat` in WGS 84), basemap.gpkg (layers `roads`, `buildings`, `land`, `places`), README.txt.

    Raises
    ------
    InvalidFile : the folder holds something, is a file, or can't be written
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise InvalidFile(f"{folder} isn't empty. Name an empty or a new folder.")
    except OSError as error:
        raise InvalidFile(
            f"{folder} can't be written: {error.strerror}. Name another folder."
        ) from None
    areas = pd.DataFrame(city.areas.drop(columns="geometry"))
    areas.to_csv(folder / AREAS_FILE, index=False)
    _write_layer(city.grids, folder / GRIDS_FILE, "grids")
    _write_layer(city.areas, folder / GRIDS_FILE, "areas")
    address_table(city).to_csv(folder / ADDRESSES_FILE, index=False)
    roads = city.roads.rename(columns={"feature_class": "highway"})
    buildings = city.buildings.rename(columns={"feature_class": "building"})
    land = city.land.rename(columns={"feature_class": "landuse"})
    _write_layer(roads, folder / BASEMAP_FILE, "roads")
    _write_layer(buildings, folder / BASEMAP_FILE, "buildings")
    _write_layer(land.drop(columns="kind"), folder / BASEMAP_FILE, "land")
    _write_layer(city.places, folder / BASEMAP_FILE, "places")
    (folder / NOTICE_FILE).write_text(
        f"{NOTICE}. GridBeat demo city, seed {city.seed}.\n"
        "示例省云汀市澄岚区 is no real place: no place, person or address in these files exists.\n"
        "Coordinates: WGS 84 (EPSG:4326), longitude first.\n",
        encoding="utf-8",
    )
    names = (AREAS_FILE, GRIDS_FILE, ADDRESSES_FILE, BASEMAP_FILE, NOTICE_FILE)
    return [folder / name for name in names]


def address_table(city: DemoCity) -> pd.DataFrame:
    """The addresses as a plain table with `lon`, `lat` [degrees, WGS 84, seven decimals]."""
    addresses = city.addresses
    columns = ["source_ref", "address_text", *ADDRESS_COMPONENTS, "kind", "grid_code"]
    table = pd.DataFrame(addresses[columns]).assign(
        lon=addresses.geometry.x.map("{:.7f}".format),
        lat=addresses.geometry.y.map("{:.7f}".format),
    )
    return table.reset_index(drop=True)


def _write_layer(frame: gpd.GeoDataFrame, path: Path, layer: str) -> None:
    frame.to_file(path, layer=layer, driver="GPKG", index=False)
