"""Vector tiles: what is in them, from which zoom, for whom, and how large they may get."""

from __future__ import annotations

import math
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert
from sqlalchemy.orm import Session

from geo import basemap
from geo.basemap import (
    basemap_attributions,
    basemap_extent,
    basemap_tile,
    check_tile,
    grids_tile,
)
from geo.basemap_classes import area_min_zoom, place_min_zoom, road_min_zoom
from geo.basemap_store import BasemapRows, BasemapWriter
from geo.crs import WGS84
from geo.errors import InvalidTile
from geo.tables import Grid, GridVersion
from geo.values import GridScope

CENTRE = (112.58, 37.87)
TODAY = date(2026, 5, 1)


def tile_at(z: int, lon: float = CENTRE[0], lat: float = CENTRE[1]) -> tuple[int, int, int]:
    n = 2**z
    y = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2
    return z, int((lon + 180) / 360 * n), int(y * n)


def square(side_m: float, lon: float = CENTRE[0], lat: float = CENTRE[1]) -> shapely.Polygon:
    half = side_m / 2 / 111_320
    return shapely.box(lon - half, lat - half, lon + half, lat + half)


def write(session: Session, *rows: tuple[str, str | None, str | None, str | None, Any]) -> None:
    kind, feature_class, name, number, geometry = (
        np.array(column, dtype=object) for column in zip(*rows, strict=True)
    )
    writer = BasemapWriter.replace_source(
        session, name="drawn", file_name=None, datum=WGS84, attribution="© 示例"
    )
    writer.write(BasemapRows(kind, feature_class, name, number, geometry))


def road(road_class: str, name: str | None = None) -> tuple[str, str, str | None, None, Any]:
    lon, lat = CENTRE
    line = shapely.LineString([(lon - 0.001, lat), (lon, lat + 0.0001), (lon + 0.001, lat)])
    return ("road", road_class, name, None, line)


def decoded(tile: bytes, path: Path, z: int, x: int, y: int) -> dict[str, list[dict[str, Any]]]:
    """Read a tile by GDAL, in a process of its own, as a browser would: from bytes alone."""
    path.write_bytes(tile)
    layers: dict[str, list[dict[str, Any]]] = {}
    if not tile:
        return layers
    for name, _kind in pyogrio.list_layers(path):
        frame = pyogrio.read_dataframe(path, layer=name)
        layers[name] = frame.drop(columns="geometry").to_dict("records")
    return layers


def drawn(session: Session, tmp_path: Path, z: int) -> dict[str, list[dict[str, Any]]]:
    at = tile_at(z)
    return decoded(basemap_tile(session, *at), tmp_path / f"{z}.mvt", *at)


def test_layers_and_attributes(session: Session, tmp_path: Path) -> None:
    write(
        session,
        road("primary", "示例大街"),
        ("building", "apartments", None, "7号楼", square(30)),
        ("water", "lake", "示例湖", None, square(800)),
        ("green", "park", "示例公园", None, square(900)),
        ("land", "industrial", "示例工业园", None, square(950)),
        ("place", "school", "示例小学", None, shapely.Point(CENTRE)),
        ("house_number", "house_number", None, "18", shapely.Point(CENTRE)),
    )
    layers = drawn(session, tmp_path, 17)
    assert set(layers) == {"land", "water", "roads", "buildings", "places"}
    assert layers["roads"][0]["class"] == "primary"
    assert layers["roads"][0]["name"] == "示例大街"
    assert layers["buildings"][0]["number"] == "7号楼"
    assert {row["class"] for row in layers["land"]} == {"park", "industrial"}
    assert {row["class"] for row in layers["places"]} == {"school", "house_number"}


@pytest.mark.parametrize(
    ("feature", "layer", "first_zoom"),
    [
        (road("motorway"), "roads", 6),
        (road("primary"), "roads", 9),
        (road("residential"), "roads", 13),
        (road("footway"), "roads", 16),
        (road("a_class_nobody_knows"), "roads", 14),
        (("building", None, None, None, square(20)), "buildings", 15),
        (("building", None, None, None, square(90)), "buildings", 14),
        (("house_number", None, None, "1", shapely.Point(CENTRE)), "places", 17),
        (("place", "city", "示例市", None, shapely.Point(CENTRE)), "places", 8),
    ],
)
def test_features_appear_from_their_zoom_on(
    session: Session, tmp_path: Path, feature: Any, layer: str, first_zoom: int
) -> None:
    write(session, feature)
    assert layer not in drawn(session, tmp_path, first_zoom - 1)
    assert len(drawn(session, tmp_path, first_zoom)[layer]) == 1


def test_lakes_are_drawn_by_their_size() -> None:
    # 24 pixels are 4.9 by 4.9. The lakes are 88.9 % of 10 km and of 100 m on the ground (a degree
    # of longitude is shorter), 11.3 km and 113 m in Web Mercator: 2.3 km and 23 m a pixel, which
    # zooms 7 (1.2 km) and 13 (19 m) are the first to reach.
    zooms = area_min_zoom("water", np.array([square(10_000), square(100)], dtype=object))
    assert zooms.tolist() == [7, 13]


def test_an_empty_tile_is_no_bytes(session: Session) -> None:
    write(session, road("primary"))
    assert basemap_tile(session, 14, 0, 0) == b""
    assert basemap_tile(session, 0, 0, 0) == b""


def test_a_crowded_tile_is_capped_and_keeps_the_important(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(basemap, "MAX_TILE_FEATURES", 20)
    lon, lat = CENTRE
    lanes = [
        (
            "road",
            "service",
            None,
            None,
            shapely.LineString([(lon, lat), (lon + k * 1e-6, lat + 1e-3)]),
        )
        for k in range(50)
    ]
    write(session, *lanes, road("primary", "示例大街"))
    roads = drawn(session, tmp_path, 16)["roads"]
    assert len(roads) == 20
    assert "示例大街" in {row["name"] for row in roads}


def test_low_zooms_are_simplified(session: Session) -> None:
    angle = np.linspace(0, 2 * np.pi, 1_801)[:-1]
    shore = (
        np.column_stack([np.cos(angle), np.sin(angle)])
        * (0.02 * (1 + 0.01 * np.sin(180 * angle)))[:, None]
    )
    write(session, ("water", "lake", None, None, shapely.Polygon(shore + CENTRE)))
    assert len(basemap_tile(session, *tile_at(8))) < 400
    assert len(basemap_tile(session, *tile_at(11))) < 2_500


def test_extent_and_attribution(session: Session) -> None:
    assert basemap_extent(session) is None
    assert basemap_attributions(session) == []
    write(session, road("primary"))
    assert basemap_extent(session) == pytest.approx((112.579, 37.87, 112.581, 37.8701))
    assert basemap_attributions(session) == ["© 示例"]


def store_grids(session: Session) -> None:
    version = GridVersion(source="drawn", valid_from=date(2026, 1, 1), grid_count=3)
    session.add(version)
    session.flush()
    lon, lat = CENTRE
    for code, step, until in (("001", 0, None), ("002", 1, None), ("003", 2, date(2026, 3, 1))):
        polygon = shapely.box(lon + step * 1e-3, lat, lon + (step + 1) * 1e-3, lat + 1e-3)
        session.execute(
            insert(Grid).values(
                version_id=version.id, grid_code=f"990102001001{code}", name=f"示例第{code}网格",
                community_code="990102001001", area_m2=9_800.0, valid_from=date(2026, 1, 1),
                valid_to=until, geom=f"SRID=4326;{shapely.MultiPolygon([polygon]).wkt}",
            )
        )  # fmt: skip


def grid_codes(session: Session, tmp_path: Path, scope: GridScope, on: date) -> list[str]:
    at = tile_at(14)
    tile = grids_tile(session, *at, scope=scope, on=on)
    return [
        row["grid_code"][-3:] for row in decoded(tile, tmp_path / "g.mvt", *at).get("grids", [])
    ]


def test_grids_of_a_day_and_of_a_scope(session: Session, tmp_path: Path) -> None:
    store_grids(session)
    everything = GridScope.everything()
    assert grid_codes(session, tmp_path, everything, TODAY) == ["001", "002"]
    assert grid_codes(session, tmp_path, everything, date(2026, 2, 1)) == ["001", "002", "003"]
    assert grid_codes(session, tmp_path, everything, date(2025, 2, 1)) == []
    assert grid_codes(session, tmp_path, GridScope.of(["990102001001002"]), TODAY) == ["002"]
    assert grids_tile(session, *tile_at(14), scope=GridScope.of([]), on=TODAY) == b""


def test_each_grid_has_one_label_over_all_tiles(session: Session, tmp_path: Path) -> None:
    store_grids(session)
    z, x, y = tile_at(16)
    labels: list[str] = []
    for dx in range(-2, 3):
        for dy in range(-2, 3):
            at = (z, x + dx, y + dy)
            tile = grids_tile(session, *at, scope=GridScope.everything(), on=TODAY)
            found = decoded(tile, tmp_path / "label.mvt", *at)
            labels += [row["grid_code"][-3:] for row in found.get("grid_labels", [])]
    assert sorted(labels) == ["001", "002"]


@pytest.mark.parametrize("tile", [(-1, 0, 0), (23, 0, 0), (3, 8, 0), (3, 0, -1), (0, 0, 1)])
def test_tiles_that_do_not_exist(session: Session, tile: tuple[int, int, int]) -> None:
    with pytest.raises(InvalidTile):
        basemap_tile(session, *tile)
    with pytest.raises(InvalidTile):
        grids_tile(session, *tile, scope=GridScope.everything(), on=TODAY)


@given(st.integers(0, 22), st.floats(0, 1, exclude_max=True), st.floats(0, 1, exclude_max=True))
def test_every_tile_of_the_pyramid_is_accepted(z: int, u: float, v: float) -> None:
    check_tile(z, int(u * 2**z), int(v * 2**z))


def test_classes() -> None:
    assert road_min_zoom("motorway_link") == 7
    assert road_min_zoom("construction") is None
    assert place_min_zoom("a shop of some kind") == 16
