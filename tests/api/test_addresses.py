"""Standard addresses: pages, filters, writing with versions, aliases, history, scope."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.dependencies import caller_scope
from geo.crs import GCJ02, from_wgs84
from geo.store.database import Database
from geo.values import GridScope
from tests.api.conftest import COMMUNITY_1, COMMUNITY_2, GRID_A, GRID_B, GRID_C, District
from tests.drawing import draw
from tests.factories import add_grid

TEXT = "山西省太原市小店区滨河路3号"
POINT = {"lon": 112.5501, "lat": 37.8799, "method": "surveyed", "accuracy_m": 2}
SQUARES = draw("AB")


def ids(answer: dict[str, Any]) -> list[int]:
    return [address["id"] for address in answer["features"]]


@pytest.fixture
def written(own_client: TestClient, database: Database) -> dict[str, Any]:
    """An address that was just added, in grid A."""
    with database.session() as session:
        add_grid(session, GRID_A, SQUARES["A"])
        add_grid(session, GRID_B, SQUARES["B"])
    body = {"address_text": TEXT, "source": "测试", "source_ref": "r1", "point": POINT}
    answer = own_client.post("/v1/addresses", json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


# -- reading


def test_pages_follow_their_links_to_the_end(client: TestClient, statements: list[str]) -> None:
    path, seen = "/v1/addresses?limit=5", []
    pages = 0
    while path:
        body = client.get(path).json()
        seen += ids(body)
        pages += 1
        path = next((link["href"] for link in body["links"] if link["rel"] == "next"), "")
    assert seen == sorted(set(seen))
    assert (len(seen), pages) == (14, 3)
    assert len(statements) == pages


def test_an_address_as_geojson(client: TestClient, district: District) -> None:
    answer = client.get(f"/v1/addresses/{district.address_ids['A'][2]}")
    assert answer.headers["Content-Type"] == "application/geo+json"
    body = answer.json()
    assert body["geometry"]["type"] == "Point"
    assert all(round(number, 7) == number for number in body["geometry"]["coordinates"])
    properties = body["properties"]
    assert properties["canonical_text"] == "山西省太原市小店区试验街道滨河路3号"
    assert properties["components"]["road"] == "滨河路"
    assert list(properties["components"]) == [
        "province", "city", "county", "township", "road", "door",
    ]  # fmt: skip
    assert (properties["grid_code"], properties["version"]) == (GRID_A, 1)
    assert len(properties["h3_cell"]) == 15


def test_filters(client: TestClient, district: District) -> None:
    def found(**question: str | int) -> list[int]:
        return ids(client.get("/v1/addresses", params=question).json())

    place = district.address_ids
    assert found(grid_code=GRID_B) == place["B"]
    assert found(community_code=COMMUNITY_1) == [*place["A"], *place["B"]]
    assert found(community_code=COMMUNITY_2, q="路2号") == place["C"][1:]
    assert found(q="试验大厦") == place["A"][:1]  # by an alias
    assert found(q="%") == found(level="room") == found(status="ended") == found(source="x") == []
    assert len(found(level="door")) == 14
    west, south, east, north = district.drawn["C"].bounds
    inner = (west + 1e-4, south + 1e-4, east - 1e-4, north - 1e-4)
    assert found(bbox=",".join(map(str, inner))) == place["C"]
    assert found(after=place["C"][0]) == place["C"][1:]


@pytest.mark.parametrize(
    "question",
    ["level=street", "status=x", "q=", "limit=0", "limit=1001", "after=-1", "after=x", "page=2",
     "bbox=1,2,3", "grid_code=", f"after={2**63}", "q=%00"],
)  # fmt: skip
def test_bad_questions(client: TestClient, question: str) -> None:
    assert client.get(f"/v1/addresses?{question}").status_code == 422


def test_addresses_that_are_not(client: TestClient) -> None:
    for path in ("999999", "999999/history", "999999/aliases"):
        answer = client.get(f"/v1/addresses/{path}")
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "address_not_found"
    for path in ("0", "-1", "x", str(2**63)):
        assert client.get(f"/v1/addresses/{path}").status_code == 422


def test_outside_the_scope_is_absent(
    client_of: Callable[..., TestClient], district: District
) -> None:
    client = client_of(GRID_B, GRID_C)
    place = district.address_ids
    assert ids(client.get("/v1/addresses").json()) == [*place["B"], *place["C"]]
    assert ids(client.get(f"/v1/addresses?grid_code={GRID_A}").json()) == []
    assert ids(client.get("/v1/addresses?q=试验大厦").json()) == []
    hidden = place["A"][0]
    change = {"expected_version": 1, "address_text": TEXT}
    for answer in (
        client.get(f"/v1/addresses/{hidden}"),
        client.get(f"/v1/addresses/{hidden}/history"),
        client.get(f"/v1/addresses/{hidden}/aliases"),
        client.patch(f"/v1/addresses/{hidden}", json=change),
        client.post(f"/v1/addresses/{hidden}/end", json={"expected_version": 1}),
        client.post(f"/v1/addresses/{hidden}/aliases", json={"alias_text": "x", "source": "x"}),
        client.delete(f"/v1/addresses/{hidden}/aliases/1"),
    ):
        never = client.get("/v1/addresses/999999").json()["error"]
        assert answer.status_code == 404
        error = answer.json()["error"]
        assert error["message"] == never["message"].replace("999999", str(hidden))
        assert error["code"] == never["code"]
    assert client.get(f"/v1/addresses/{place['B'][0]}").status_code == 200


# -- writing


def test_a_new_address_follows_from_its_text_and_point(
    own_client: TestClient, written: dict[str, Any]
) -> None:
    assert written["properties"]["canonical_text"] == TEXT
    assert written["properties"]["grid_code"] == GRID_A
    assert written["geometry"]["coordinates"] == [112.5501, 37.8799]
    assert own_client.get(f"/v1/addresses/{written['id']}").json() == written


def test_the_same_address_twice_is_a_conflict(
    own_client: TestClient, written: dict[str, Any]
) -> None:
    body = {"address_text": "小店区滨河路三号", "source": "他人"}
    answer = own_client.post("/v1/addresses", json=body)
    assert answer.status_code == 409
    assert answer.json()["error"]["facts"]["address_id"] == written["id"]
    assert len(own_client.get("/v1/addresses").json()["features"]) == 1


def test_a_point_in_another_datum(own_client: TestClient, written: dict[str, Any]) -> None:
    lon, lat = from_wgs84(112.5503, 37.8797, GCJ02)
    body = {
        "components": {"county": "小店区", "road": "学府街", "door": "9"},
        "source": "测试",
        "point": {**POINT, "lon": lon, "lat": lat, "datum": "gcj-02"},
    }
    made = own_client.post("/v1/addresses", json=body).json()
    assert made["geometry"]["coordinates"] == pytest.approx([112.5503, 37.8797], abs=2e-6)
    assert made["properties"]["origin_datum"] == "GCJ02"


def test_a_change_asks_for_the_version_seen(
    own_client: TestClient, written: dict[str, Any]
) -> None:
    path = f"/v1/addresses/{written['id']}"
    moved = {"expected_version": 1, "point": {**POINT, "lon": 112.5515}}
    after = own_client.patch(path, json=moved).json()
    assert after["properties"]["version"] == 2
    assert after["properties"]["grid_code"] == GRID_B
    assert after["properties"]["canonical_text"] == TEXT  # what isn't named stays

    stale = own_client.patch(path, json=moved)
    assert stale.status_code == 409
    assert stale.json()["error"]["facts"]["version"] == 2
    assert own_client.get(path).json() == after

    named = own_client.patch(path, json={"expected_version": 2, "point_of_interest": "试验小学"})
    assert named.json()["properties"]["point_of_interest"] == "试验小学"
    unnamed = own_client.patch(path, json={"expected_version": 3, "point_of_interest": None})
    assert unnamed.json()["properties"]["point_of_interest"] is None

    (first, *rest) = own_client.get(f"{path}/history").json()["history"]
    assert (first["version"], first["geometry"]["coordinates"]) == (1, [112.5501, 37.8799])
    assert first["components"]["door"] == "3"
    assert len(rest) == 2


def test_a_new_text_leaves_the_former_as_an_alias(
    own_client: TestClient, written: dict[str, Any]
) -> None:
    path = f"/v1/addresses/{written['id']}"
    change = {"expected_version": 1, "address_text": "山西省太原市小店区滨河路5号"}
    assert own_client.patch(path, json=change).status_code == 200
    (alias,) = own_client.get(f"{path}/aliases").json()["aliases"]
    assert alias["alias_text"] == TEXT


def test_aliases_come_and_end(own_client: TestClient, written: dict[str, Any]) -> None:
    path = f"/v1/addresses/{written['id']}/aliases"
    body = {"alias_text": "滨河大厦", "source": "网格员"}
    made = own_client.post(path, json=body)
    assert made.status_code == 201
    assert own_client.post(path, json=body).json()["id"] == made.json()["id"]
    assert own_client.get("/v1/addresses?q=滨河大厦").json()["features"][0]["id"] == written["id"]
    gone = own_client.delete(f"{path}/{made.json()['id']}")
    assert (gone.status_code, gone.content) == (204, b"")
    assert own_client.get(path).json()["aliases"] == []
    (ended,) = own_client.get(f"{path}?with_ended=true").json()["aliases"]
    assert ended["ended_at"] is not None
    assert own_client.delete(f"{path}/{made.json()['id']}").status_code == 409


def test_an_address_ends_but_stays(own_client: TestClient, written: dict[str, Any]) -> None:
    path = f"/v1/addresses/{written['id']}"
    assert own_client.post(f"{path}/end", json={"expected_version": 7}).status_code == 409
    ended = own_client.post(f"{path}/end", json={"expected_version": 1}).json()
    assert ended["properties"]["status"] == "ended"
    assert own_client.get("/v1/addresses").json()["features"] == []
    assert own_client.get(path).status_code == 200
    again = own_client.patch(path, json={"expected_version": 2, "address_text": TEXT})
    assert again.status_code == 409


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"source": "x"},
        {"address_text": TEXT},
        {"address_text": TEXT, "source": ""},
        {"address_text": "", "source": "x"},
        {"address_text": "x" * 501, "source": "x"},
        {"address_text": "太原市\x00", "source": "x"},
        {"address_text": "太原市\x07小店区滨河路3号", "source": "x"},
        {"address_text": TEXT, "components": {"road": "路"}, "source": "x"},
        {"components": {"street": "x"}, "source": "x"},
        {"components": {}, "source": "x"},
        {"address_text": "太原市", "source": "x"},
        {"address_text": "!!!", "source": "x"},
        {"address_text": TEXT, "source": "x", "colour": "red"},
        {"address_text": TEXT, "source": "x", "point": {"lon": 1}},
        {"address_text": TEXT, "source": "x", "point": {**POINT, "lon": 999}},
        {"address_text": TEXT, "source": "x", "point": {**POINT, "lon": 0, "lat": 0}},
        {"address_text": TEXT, "source": "x", "point": {**POINT, "accuracy_m": 0}},
        {"address_text": TEXT, "source": "x", "point": {**POINT, "method": "guessed"}},
        {"address_text": TEXT, "source": "x", "point": {**POINT, "datum": "WGS85"}},
        {"address_text": 7, "source": "x"},
        [],
        "x",
    ],
)
def test_bad_addresses_are_refused(client: TestClient, body: object) -> None:
    answer = client.post("/v1/addresses", json=body)
    assert answer.status_code == 422, answer.text


def test_a_write_that_fails_stores_nothing(own_client: TestClient, written: dict[str, Any]) -> None:
    path = f"/v1/addresses/{written['id']}"
    for change in (
        {"expected_version": 1, "address_text": "太原市"},
        {"expected_version": 1, "point": {**POINT, "lon": 999}},
        {"expected_version": 0},
        {"address_text": TEXT},
    ):
        assert own_client.patch(path, json=change).status_code == 422
    assert own_client.get(path).json() == written
    assert own_client.get(f"{path}/history").json()["history"] == []


def test_a_limited_caller_writes_inside_their_grids_only(
    own_client: TestClient, written: dict[str, Any]
) -> None:
    own_client.app.dependency_overrides[caller_scope] = (  # type: ignore[attr-defined]
        lambda: GridScope.of({GRID_B})
    )
    body = {"address_text": "小店区学府街8号", "source": "x"}
    inside = {**POINT, "lon": 112.5515}
    assert own_client.post("/v1/addresses", json={**body, "point": POINT}).status_code == 404
    assert own_client.post("/v1/addresses", json=body).status_code == 404
    assert own_client.post("/v1/addresses", json={**body, "point": inside}).status_code == 201
    # the address of another's grid can't be stored twice, but nothing is told about it
    taken = own_client.post(
        "/v1/addresses", json={"address_text": TEXT, "source": "x", "point": inside}
    )
    assert taken.status_code == 409
    assert taken.json()["error"]["facts"] == {}
    assert str(written["id"]) not in taken.json()["error"]["message"]
