"""Areas: pages, names, borders, days."""

from __future__ import annotations

from datetime import date

import pytest
from fastapi.testclient import TestClient
from geoalchemy2.shape import from_shape
from shapely.geometry import MultiPolygon, box

from geo.store.database import Database
from tests.api.conftest import COMMUNITY_1, COMMUNITY_2
from tests.factories import add_area


def codes(answer: dict[str, list[dict[str, str]]]) -> list[str]:
    return [area["code"] for area in answer["areas"]]


def test_all_areas_by_pages(client: TestClient, statements: list[str]) -> None:
    path, seen = "/v1/areas?limit=4", []
    while path:
        body = client.get(path).json()
        seen += codes(body)
        path = next((link["href"] for link in body["links"] if link["rel"] == "next"), "")
    assert seen == sorted(seen)
    assert len(seen) == 6
    assert len(statements) == 2


def test_areas_by_name_and_level(client: TestClient) -> None:
    body = client.get("/v1/areas", params={"q": "第一社区"}).json()
    assert codes(body) == [COMMUNITY_1]
    assert body["areas"][0]["match"] == "name"
    body = client.get("/v1/areas", params={"q": "社区", "limit": 1}).json()
    assert body["areas"][0]["match"] == "part_of_name"
    assert len(body["areas"]) == 1
    assert codes(client.get("/v1/areas", params={"level": "city"}).json()) == ["140100"]
    assert client.get("/v1/areas", params={"q": "%"}).json()["areas"] == []


def test_one_area_and_those_around_it(client: TestClient) -> None:
    body = client.get("/v1/areas/140105").json()
    assert body["geometry"] is None
    assert body["properties"]["name"] == "小店区"
    assert [above["code"] for above in body["properties"]["ancestors"]] == ["140100", "140000"]
    assert codes(client.get("/v1/areas/140105001/children").json()) == [COMMUNITY_1, COMMUNITY_2]
    assert codes(client.get(f"/v1/areas/{COMMUNITY_1}/children").json()) == []


def test_days_and_successors(own_client: TestClient, database: Database) -> None:
    with database.session() as session:
        border = from_shape(MultiPolygon([box(112, 37, 113, 38)]), srid=4326)
        add_area(session, "140111", "county", name="旧区", valid_to=date(2024, 1, 1),
                 successor_code="140112")  # fmt: skip
        add_area(session, "140112", "county", name="新区", valid_from=date(2024, 1, 1),
                 former_names=["旧区"], geom=border)  # fmt: skip
    assert own_client.get("/v1/areas/140111?on=2023-06-01").json()["properties"]["name"] == "旧区"
    gone = own_client.get("/v1/areas/140111")
    assert gone.status_code == 404
    assert gone.json()["error"]["facts"]["successor_code"] == "140112"
    body = own_client.get("/v1/areas/140112").json()
    assert body["geometry"]["type"] == "MultiPolygon"
    assert own_client.get("/v1/areas?q=旧区").json()["areas"][0]["match"] == "former_name"


@pytest.mark.parametrize(
    "path", ["areas/999999", "areas/999999/children", "areas/140105?on=2001-01-01"]
)
def test_areas_that_are_not(client: TestClient, path: str) -> None:
    answer = client.get(f"/v1/{path}")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "area_not_found"


@pytest.mark.parametrize(
    "question", ["level=planet", "q=%00", "limit=0", "limit=1001", "q=" + "x" * 61]
)
def test_bad_questions(client: TestClient, question: str) -> None:
    assert client.get(f"/v1/areas?{question}").status_code == 422
