"""Vector tiles: range, cache headers, scope."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from tests.api.conftest import GRID_A, GRID_B, District


def tile_of(lon: float, lat: float, zoom: int) -> tuple[int, int]:
    """Column and row of the tile that holds a point; OGC Two Dimensional Tile Matrix Set, D.1."""
    across = 2**zoom
    mercator = math.asinh(math.tan(math.radians(lat)))
    return int((lon + 180) / 360 * across), int((1 - mercator / math.pi) / 2 * across)


@pytest.fixture
def grids_tile(district: District) -> str:
    centre = district.drawn["A"].centroid
    x, y = tile_of(centre.x, centre.y, 14)
    return f"/v1/tiles/grids/14/{x}/{y}.mvt"


def test_a_tile_is_private_and_has_a_tag(
    client: TestClient, grids_tile: str, statements: list[str]
) -> None:
    tile = client.get(grids_tile)
    assert tile.status_code == 200
    assert tile.headers["Content-Type"] == "application/vnd.mapbox-vector-tile"
    assert tile.headers["Cache-Control"].startswith("private")
    assert GRID_A.encode() in tile.content
    assert len(statements) == 1
    again = client.get(grids_tile, headers={"If-None-Match": tile.headers["ETag"]})
    assert again.status_code == 304
    assert again.content == b""
    assert client.get(grids_tile, headers={"If-None-Match": 'W/"other"'}).status_code == 200


def test_an_empty_tile_is_204(client: TestClient) -> None:
    for kind in ("basemap", "grids"):
        assert client.get(f"/v1/tiles/{kind}/14/0/0.mvt").status_code == 204


@pytest.mark.parametrize(
    "place", ["23/0/0", "-1/0/0", "2/4/0", "2/0/4", "2/0/-1", "a/0/0", "14/99999999/0"]
)
@pytest.mark.parametrize("kind", ["basemap", "grids"])
def test_tiles_that_are_not_are_refused(client: TestClient, kind: str, place: str) -> None:
    answer = client.get(f"/v1/tiles/{kind}/{place}.mvt")
    assert answer.status_code == 422
    assert "error" in answer.json()


def test_a_grids_tile_keeps_to_the_scope(
    client_of: Callable[..., TestClient], grids_tile: str
) -> None:
    tile = client_of(GRID_B).get(grids_tile)
    assert GRID_B.encode() in tile.content
    assert GRID_A.encode() not in tile.content
    assert client_of().get(grids_tile).status_code == 204
