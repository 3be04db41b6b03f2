"""Locating, geocoding, suggesting."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from geo.crs import BD09, GCJ02, Datum, from_wgs84, parse_datum
from tests.api.conftest import COMMUNITY_1, GRID_A, GRID_B, GRID_ENDED, District


def test_what_is_at_a_point(client: TestClient, district: District, statements: list[str]) -> None:
    centre = district.drawn["A"].centroid
    body = client.get("/v1/locate", params={"lon": centre.x, "lat": centre.y}).json()
    assert body["grid"]["grid_code"] == GRID_A
    assert body["grid"]["person_in_charge"] == "甲某"
    assert body["community"] == {"code": COMMUNITY_1, "level": "community", "name": "第一社区"}
    assert [area["level"] for area in body["areas"]] == [
        "community", "township", "county", "city", "province",
    ]  # fmt: skip
    assert len(body["h3_cell"]) == 15
    assert body["resolution"] == 12
    assert body["nearest_address"]["canonical_text"].startswith("山西省太原市小店区")
    assert body["nearest_address"]["distance_m"] < 1
    assert len(statements) == 3


@pytest.mark.parametrize("datum", [GCJ02, BD09])
def test_a_point_in_another_datum_is_the_same_place(
    client: TestClient, district: District, datum: Datum
) -> None:
    centre = district.drawn["A"].centroid
    x, y = from_wgs84(centre.x, centre.y, datum)
    body = client.get("/v1/locate", params={"lon": x, "lat": y, "datum": str(datum)}).json()
    assert body["grid"]["grid_code"] == GRID_A
    assert body["lon"] == pytest.approx(centre.x, abs=2e-6)
    assert body["lat"] == pytest.approx(centre.y, abs=2e-6)


def test_a_projected_point(client: TestClient, district: District) -> None:
    centre = district.drawn["A"].centroid
    x, y = from_wgs84(centre.x, centre.y, parse_datum("EPSG:4546"))
    body = client.get("/v1/locate", params={"lon": x, "lat": y, "datum": "EPSG:4546"}).json()
    assert body["grid"]["grid_code"] == GRID_A


def test_yesterdays_answer(client: TestClient, district: District) -> None:
    centre = district.drawn["E"].centroid
    where = {"lon": centre.x, "lat": centre.y}
    assert client.get("/v1/locate", params=where).json()["grid"] is None
    before = client.get("/v1/locate", params={**where, "on": "2024-12-31"}).json()
    assert before["grid"]["grid_code"] == GRID_ENDED


def test_far_from_everything(client: TestClient) -> None:
    body = client.get("/v1/locate", params={"lon": 10, "lat": 50}).json()
    assert body["grid"] is body["community"] is body["nearest_address"] is None
    assert body["areas"] == []


@pytest.mark.parametrize(
    ("question", "code"),
    [
        ({"lon": 181, "lat": 0}, "invalid_coordinate"),
        ({"lon": 31.2, "lat": 121.4}, "invalid_coordinate"),
        ({"lon": 0, "lat": 0}, "invalid_coordinate"),
        ({"lon": "nan", "lat": 1}, "invalid_coordinate"),
        ({"lon": "inf", "lat": 1}, "invalid_coordinate"),
        ({"lon": 121, "lat": 31, "datum": "WGS85"}, "invalid_datum"),
        ({"lon": 121, "lat": 31, "datum": ""}, "invalid_datum"),
        ({"lon": 121, "lat": 31, "datum": "EPSG:4547"}, "invalid_coordinate"),
        ({"lon": 1, "lat": 31, "datum": "GCJ02"}, None),
        ({"lon": "x", "lat": 31}, "invalid_request"),
        ({"lat": 31}, "invalid_request"),
        ({"lon": 121, "lat": 31, "on": "yesterday"}, "invalid_request"),
    ],
)
def test_bad_points(client: TestClient, question: dict[str, str | float], code: str | None) -> None:
    answer = client.get("/v1/locate", params=question)
    if code is None:  # outside China GCJ-02 is WGS 84
        assert answer.status_code == 200
    else:
        assert answer.status_code == 422
        assert answer.json()["error"]["code"] == code


def test_locate_keeps_to_the_scope(
    client_of: Callable[..., TestClient], district: District
) -> None:
    centre = district.drawn["A"].centroid
    body = client_of(GRID_B).get("/v1/locate", params={"lon": centre.x, "lat": centre.y}).json()
    assert body["grid"] is None
    assert body["areas"] == []
    assert body["nearest_address"]["grid_code"] == GRID_B
