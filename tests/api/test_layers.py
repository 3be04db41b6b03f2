"""The density layer as GeoJSON."""

from __future__ import annotations

from collections.abc import Callable

from fastapi.testclient import TestClient

from tests.api.conftest import CITY_BBOX, GRID_A, GRID_B, GRID_C

DENSITY = "/v1/layers/address-density"


def test_hexagons_with_counts(client: TestClient, statements: list[str]) -> None:
    answer = client.get(DENSITY, params={"bbox": CITY_BBOX, "zoom": 15})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/geo+json"
    body = answer.json()
    assert body["address_count"] == 14
    assert sum(f["properties"]["address_count"] for f in body["features"]) == 14
    first = body["features"][0]
    assert first["id"] == first["properties"]["h3_cell"]
    assert len(first["id"]) == 15
    assert first["properties"]["resolution"] == body["resolution"] == 10
    ring = first["geometry"]["coordinates"][0]
    assert ring[0] == ring[-1]
    assert all(round(number, 7) == number for position in ring for number in position)
    assert body["class_breaks"][0] == 1
    assert sum(body["class_counts"]) == len(body["features"])
    assert "resolution 10" in body["method"]
    assert len(statements) == 2


def test_an_empty_place_is_an_empty_collection(client: TestClient) -> None:
    body = client.get(DENSITY, params={"bbox": "10,10,10.1,10.1", "zoom": 15}).json()
    assert body["features"] == []
    assert body["class_breaks"] == body["class_counts"] == []


def test_density_keeps_to_the_scope(client_of: Callable[..., TestClient]) -> None:
    question: dict[str, str | int] = {"bbox": CITY_BBOX, "zoom": 17}
    assert client_of(GRID_B).get(DENSITY, params=question).json()["address_count"] == 3
    assert client_of(GRID_B, GRID_C).get(DENSITY, params=question).json()["address_count"] == 5
    assert client_of().get(DENSITY, params=question).json()["features"] == []


def test_a_frame_without_area_is_refused(client: TestClient) -> None:
    assert client.get(DENSITY, params={"bbox": "1,1,1,1", "zoom": 15}).status_code == 422


def test_freshness_of_grids_and_hexagons(client: TestClient) -> None:
    answer = client.get("/v1/layers/freshness", params={"records": "dwelling"})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert {each["properties"]["place"] for each in found["features"]} >= {GRID_A, GRID_B}
    assert found["unknown_count"] == len(found["features"])  # the district has no dwellings
    assert {each["properties"]["record_count"] for each in found["features"]} == {0}
    answer = client.get("/v1/layers/freshness", params={"records": "residence", "by": "h3_cell"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_input")
    answer = client.get("/v1/layers/freshness", params={"by": "h3_cell", "resolution": 9})
    assert answer.json()["features"] == []
