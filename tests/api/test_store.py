"""Health and the store's overview."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from fastapi.testclient import TestClient

from geo.response_sites import Site, store_sites
from geo.store.database import Database
from geo.values import LonLat
from tests.api.conftest import GRID_B, District


def test_the_entrance_leads_to_places_that_exist(client: TestClient) -> None:
    for link in client.get("/v1/").json()["links"]:
        assert client.get(link["href"]).status_code == 200, link


def test_health(client: TestClient) -> None:
    answer = client.get("/v1/health")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert answer.json()["database"] == "reachable"


def test_the_store_counts_what_holds_on_the_day(
    client: TestClient, district: District, statements: list[str]
) -> None:
    now = client.get("/v1/store").json()
    assert (now["address_count"], now["grid_count"], now["community_count"]) == (14, 3, 2)
    assert now["is_generated"] is False
    west, south, east, north = now["extent"]
    assert west == pytest.approx(district.drawn["A"].bounds[0])
    assert north == pytest.approx(district.drawn["A"].bounds[3])
    assert west < east
    assert south < north
    assert len(statements) == 1
    assert client.get("/v1/store", params={"on": "2024-06-01"}).json()["grid_count"] == 4


def test_an_empty_store_has_no_extent(own_client: TestClient) -> None:
    answer = own_client.get("/v1/store").json()
    assert answer["extent"] is None
    assert answer["address_count"] == 0


def test_a_city_of_sites_alone_opens_there(database: Database, own_client: TestClient) -> None:
    """Two sites, and 0.02 degrees around them."""
    sites = [
        Site(code, code, "post", LonLat(lon, lat))
        for code, lon, lat in (("a", 117.0, 36.6), ("b", 117.1, 36.7))
    ]
    with database.session() as session:
        store_sites(session, sites, valid_from=date(2026, 1, 1))
    assert own_client.get("/v1/store").json()["extent"] == pytest.approx(
        [116.98, 36.58, 117.12, 36.72]
    )


def test_the_store_shows_no_more_than_the_scope(client_of: Callable[..., TestClient]) -> None:
    answer = client_of(GRID_B).get("/v1/store").json()
    assert (answer["address_count"], answer["grid_count"], answer["community_count"]) == (3, 1, 1)
    assert client_of().get("/v1/store").json()["address_count"] == 0
