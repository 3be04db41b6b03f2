"""Grids: pages, days, borders, scope."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import shapely
from fastapi.testclient import TestClient

from tests.api.conftest import (
    COMMUNITY_1,
    COMMUNITY_2,
    GRID_A,
    GRID_B,
    GRID_C,
    GRID_ENDED,
    District,
)


def codes(answer: dict[str, list[dict[str, str]]]) -> list[str]:
    return [grid["id"] for grid in answer["features"]]


def test_grids_have_borders_and_properties(
    client: TestClient, district: District, statements: list[str]
) -> None:
    answer = client.get("/v1/grids")
    assert answer.headers["Content-Type"] == "application/geo+json"
    body = answer.json()
    assert codes(body) == [GRID_A, GRID_B, GRID_C]
    assert [link["rel"] for link in body["links"]] == ["self"]
    first = body["features"][0]
    assert first["properties"]["person_in_charge"] == "甲某"
    assert first["properties"]["household_count"] is None
    assert first["properties"]["valid_to"] is None
    border = shapely.geometry.shape(first["geometry"])
    assert border.symmetric_difference(district.drawn["A"]).area < 1e-10
    assert len(statements) == 1


def test_pages_follow_their_links_to_the_end(client: TestClient) -> None:
    path, seen = "/v1/grids?limit=2", []
    for _ in range(5):
        body = client.get(path).json()
        seen += codes(body)
        following = [link["href"] for link in body["links"] if link["rel"] == "next"]
        if not following:
            break
        path = following[0]
        assert "limit=2" in path
    assert seen == [GRID_A, GRID_B, GRID_C]


def test_filters(client: TestClient, district: District) -> None:
    def found(**question: str) -> list[str]:
        return codes(client.get("/v1/grids", params=question).json())

    assert found(community=COMMUNITY_2) == [GRID_C]
    assert found(on="2024-12-31") == [GRID_A, GRID_B, GRID_ENDED, GRID_C]  # by code
    assert found(on="2019-12-31") == []
    centre = district.drawn["B"].centroid
    around = f"{centre.x},{centre.y},{centre.x + 1e-6},{centre.y + 1e-6}"
    assert found(bbox=around) == [GRID_B]
    assert found(bbox="0,0,1,1") == []


def test_one_grid(client: TestClient) -> None:
    grid = client.get(f"/v1/grids/{GRID_A}").json()
    assert grid["properties"]["community_code"] == COMMUNITY_1
    assert grid["properties"]["area_m2"] == pytest.approx(39_000, rel=0.05)
    assert client.get(f"/v1/grids/{GRID_ENDED}").status_code == 404
    assert client.get(f"/v1/grids/{GRID_ENDED}", params={"on": "2024-01-01"}).status_code == 200
    unknown = client.get("/v1/grids/999")
    assert unknown.status_code == 404
    assert unknown.json()["error"]["code"] == "grid_not_found"


def test_neighbours(client: TestClient) -> None:
    found = client.get(f"/v1/grids/{GRID_A}/neighbours").json()
    assert [neighbour["grid_code"] for neighbour in found] == [GRID_B, GRID_C]
    assert found[0]["border_m"] == pytest.approx(222, rel=0.01)


def test_grids_and_h3_cells_share_ground_both_ways(client: TestClient) -> None:
    body = client.get(f"/v1/grids/{GRID_A}/h3-cells").json()
    assert body["resolution"] == 10
    assert sum(cell["share_of_grid"] for cell in body["h3_cells"]) == pytest.approx(1)
    first = body["h3_cells"][0]
    back = client.get(f"/v1/h3-cells/{first['h3_cell']}/grids").json()
    share = next(grid for grid in back["grids"] if grid["grid_code"] == GRID_A)
    assert share["share_of_grid"] == pytest.approx(first["share_of_grid"])
    assert client.get(f"/v1/grids/{GRID_A}/h3-cells?resolution=9").status_code == 200
    for path in (f"grids/{GRID_A}/h3-cells?resolution=3", "h3-cells/xyz/grids"):
        answer = client.get(f"/v1/{path}")
        assert answer.status_code == 422
        assert answer.json()["error"]["code"] == "invalid_h3_cell"


def test_versions(client: TestClient) -> None:
    (version,) = client.get("/v1/grid-versions").json()["grid_versions"]
    assert (version["grid_count"], version["in_force_count"]) == (4, 3)


def test_outside_the_scope_is_absent(client_of: Callable[..., TestClient]) -> None:
    client = client_of(GRID_B)
    assert codes(client.get("/v1/grids").json()) == [GRID_B]
    absent = client.get(f"/v1/grids/{GRID_A}")
    never = client.get("/v1/grids/999")
    assert absent.status_code == never.status_code == 404
    assert absent.json()["error"]["message"] == never.json()["error"]["message"].replace(
        "999", GRID_A
    )
    assert client.get(f"/v1/grids/{GRID_A}/neighbours").status_code == 404
    assert client.get(f"/v1/grids/{GRID_B}/neighbours").json() == []
    assert client.get("/v1/grid-versions").status_code == 404
    assert client.get(f"/v1/grids/{GRID_A}/h3-cells").status_code == 404
    (cell, *_) = client.get(f"/v1/grids/{GRID_B}/h3-cells").json()["h3_cells"]
    shares = client.get(f"/v1/h3-cells/{cell['h3_cell']}/grids").json()["grids"]
    assert [share["grid_code"] for share in shares] == [GRID_B]


@pytest.mark.parametrize("code", ["%00", "x" * 41, "%07abc"])
def test_codes_that_are_no_codes_are_refused(client: TestClient, code: str) -> None:
    assert client.get(f"/v1/grids/{code}").status_code == 422
