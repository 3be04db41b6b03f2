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


def test_one_address_text(client: TestClient, district: District) -> None:
    body = client.get("/v1/geocode", params={"q": "小店区滨河路3号"}).json()
    assert body["status"] == "matched"
    assert body["canonical_text"] == "山西省太原市小店区试验街道滨河路3号"
    assert body["standard_address_id"] == district.address_ids["A"][2]
    assert body["level"] == "door"
    assert body["grid_code"] == GRID_A
    assert 0.8 <= body["confidence"] <= 1
    assert len(body["h3_cell"]) == 15
    assert round(body["lon"], 7) == body["lon"]
    assert body["candidates"][0]["standard_address_id"] == body["standard_address_id"]
    assert {"code", "level", "zh", "en"} == set(body["reasons"][0]) if body["reasons"] else True


def test_what_isnt_there_isnt_invented(client: TestClient) -> None:
    body = client.get("/v1/geocode", params={"q": "小店区滨河路777号"}).json()
    assert body["status"] in {"review", "not_found"}
    assert client.get("/v1/geocode", params={"q": "龟兹国大唐路1号"}).json()["status"] != "matched"


def test_many_address_texts_in_their_order(client: TestClient) -> None:
    asked = ["学府街1号", " ", "晋阳路2号", "x" * 9000]
    answer = client.post("/v1/geocode", json={"addresses": asked})
    assert answer.status_code == 200
    found = answer.json()["results"]
    assert [each["status"] for each in found] == ["matched", "error", "matched", "error"]
    assert found[0]["grid_code"] == GRID_B
    assert found[1]["message"]


@pytest.mark.parametrize(
    "body",
    [{}, {"addresses": []}, {"addresses": ["x"] * 1001}, {"addresses": "x"}, {"addresses": [1]}, [],
     {"addresses": ["x"], "more": 1}, None],
)  # fmt: skip
def test_bad_lists(client: TestClient, body: object) -> None:
    answer = client.post("/v1/geocode", json=body)
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "invalid_request"


def test_half_a_surrogate_is_replaced(client: TestClient) -> None:
    raw = '{"addresses": ["\\ud800"]}'
    answer = client.post("/v1/geocode", content=raw, headers={"Content-Type": "application/json"})
    assert answer.json()["results"][0]["text"] == "\N{REPLACEMENT CHARACTER}"
    assert client.get("/v1/geocode?q=%ff%fe").status_code in {200, 422}


@pytest.mark.parametrize("q", ["", "x" * 501, "a\x00b", "\x07"])
def test_bad_texts(client: TestClient, q: str) -> None:
    assert client.get("/v1/geocode", params={"q": q}).status_code == 422


def test_a_blank_text_is_refused(client: TestClient) -> None:
    answer = client.get("/v1/geocode", params={"q": "  "})
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "invalid_input"


def test_suggestions(client: TestClient) -> None:
    found = client.get("/v1/suggest", params={"q": "滨河路1"}).json()["suggestions"]
    assert found[0]["canonical_text"].endswith("滨河路1号")
    assert found[0]["lon"] is not None
    assert len(client.get("/v1/suggest?q=滨河路&limit=3").json()["suggestions"]) <= 3
    near = client.get("/v1/suggest?q=滨河路&lon=112.55&lat=37.88")
    assert near.status_code == 200
    for question in ("q=滨&lon=112", "q=滨&limit=0", "q=滨&limit=21", "limit=3"):
        assert client.get(f"/v1/suggest?{question}").status_code == 422


def test_what_was_chosen_lately_may_be_said(client: TestClient, district: District) -> None:
    # that it comes first: tests/geo/addresses/test_suggest.py, tests/web/test_search_browser.py
    chosen = district.address_ids["A"][0]
    for recent in ("", str(chosen), f"999999999999,{chosen}"):
        answer = client.get("/v1/suggest", params={"q": "滨河路1", "recent": recent})
        assert answer.json()["suggestions"][0]["standard_address_id"] == chosen


@pytest.mark.parametrize("recent", ["x", "1,", "0", "-1", "1.5", "9" * 19, ",".join(["7"] * 21)])
def test_bad_numbers_of_what_was_chosen(client: TestClient, recent: str) -> None:
    answer = client.get("/v1/suggest", params={"q": "滨河路", "recent": recent})
    assert answer.status_code == 422
    assert answer.json()["error"]["facts"]["faults"][0]["field"] == "query.recent"


def test_geocoding_keeps_to_the_scope(
    client_of: Callable[..., TestClient], district: District
) -> None:
    client = client_of(GRID_B)
    hidden = client.get("/v1/geocode", params={"q": "小店区滨河路3号"}).json()
    assert "滨河路" not in str([each["canonical_text"] for each in hidden["candidates"]])
    assert GRID_A not in str(hidden)
    assert set(district.address_ids["A"]).isdisjoint(
        each["standard_address_id"] for each in hidden["candidates"]
    )
    assert "滨河" not in str(client.get("/v1/suggest?q=滨河路").json())
    many = client.post("/v1/geocode", json={"addresses": ["滨河路3号", "学府街1号"]}).json()
    assert many["results"][1]["status"] == "matched"
    assert GRID_A not in str(many)


def test_a_new_address_is_found_at_once(own_client: TestClient) -> None:
    asked = {"q": "小店区滨河路3号"}
    assert own_client.get("/v1/geocode", params=asked).json()["status"] == "not_found"
    made = own_client.post(
        "/v1/addresses",
        json={"address_text": "山西省太原市小店区滨河路3号", "source": "测试",
              "point": {"lon": 112.55, "lat": 37.88, "method": "surveyed", "accuracy_m": 2}},
    )  # fmt: skip
    assert made.status_code == 201
    assert own_client.get("/v1/geocode", params=asked).json()["status"] == "matched"
