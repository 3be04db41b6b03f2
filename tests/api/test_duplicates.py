"""Duplicates over HTTP: searched for, listed, decided, taken back, kept to the scope."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from shapely import box

from api.app import create_app
from api.dependencies import caller_scope
from geo.register.references import moving_references
from geo.settings import Settings
from geo.store.database import Database
from geo.values import GridScope
from tests.api.conftest import counted_statements
from tests.factories import add_grid
from tests.geo.duplicates.register import address, fill
from tests.signed_in import signed_in

WEST, EAST = "140105001001001", "140105001001002"


@pytest.fixture
def ids(database: Database) -> dict[str, int]:
    with database.session() as session:
        return fill(session)


@pytest.fixture
def api(database: Database, tmp_path: Path) -> Iterator[TestClient]:
    settings = Settings(data_folder=tmp_path, demo=False)
    with TestClient(
        signed_in(create_app(settings, database)), raise_server_exceptions=False
    ) as client:
        yield client


@pytest.fixture
def limited(api: TestClient) -> Callable[..., TestClient]:
    def to(*grid_codes: str) -> TestClient:
        api.app.dependency_overrides[caller_scope] = (  # type: ignore[attr-defined]
            lambda: GridScope.of(grid_codes)
        )
        return api

    return to


def search(api: TestClient) -> dict[str, Any]:
    job = api.post("/v1/duplicates/search")
    assert job.status_code == 202
    job_id = job.json()["id"]
    api.app.state.services.imports.wait(job_id, 60)  # type: ignore[attr-defined]
    found: dict[str, Any] = api.get(f"/v1/imports/{job_id}").json()
    return found


def pairs(api: TestClient, status: str = "open") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get("/v1/duplicates", params={"status": status}).json()[
        "duplicates"
    ]
    return found


def decide(api: TestClient, pair: dict[str, Any], verb: str, **more: Any) -> Any:
    body = {"version": pair["version"], **more}
    if verb == "merge":
        body = {
            "keep_id": pair["suggested_keep"],
            "first_version": pair["first"]["version"],
            "second_version": pair["second"]["version"],
        } | body
    return api.post(f"/v1/duplicates/{pair['id']}/{verb}", json=body)


def test_searched_seen_merged_known_and_undone(api: TestClient, ids: dict[str, int]) -> None:
    job = search(api)
    assert (job["status"], job["kind"], job["report"]["suggested"]) == ("done", "duplicates", 3)
    pair = next(p for p in pairs(api) if p["first"]["standard_address_id"] == ids["home"])
    assert pair["first"]["aliases"] == ["小店区红星厂宿舍1栋101"]
    assert pair["first"]["references"] == {"address_alias": 1}
    assert "一方的别名就是另一方" in [reason["zh"] for reason in pair["reasons"]]
    parted = {each["level"]: each for each in pair["differences"]}
    assert (parted["road"]["first"], parted["road"]["second"]) == ("学府街", None)
    assert parted["building"]["same_value"]

    old = pair["second"]["canonical_text"]
    decided = decide(api, pair, "merge", keep_id=ids["home"], note="旧称")
    assert decided.status_code == 200, decided.text
    merged = decided.json()
    assert (merged["status"], merged["note"]) == ("merged", "旧称")
    assert merged["second"]["status"] == "merged"
    known = api.get("/v1/geocode", params={"q": old}).json()
    assert (known["status"], known["standard_address_id"]) == ("matched", ids["home"])
    history = api.get(f"/v1/addresses/{ids['home']}/merges").json()["merges"]
    assert [(each["merged_id"], each["undone_at"]) for each in history] == [(ids["alias"], None)]

    assert decide(api, merged, "reopen").json()["status"] == "open"
    known = api.get("/v1/geocode", params={"q": old}).json()
    assert known["standard_address_id"] == ids["alias"]
    history = api.get(f"/v1/addresses/{ids['home']}/merges").json()["merges"]
    assert history[0]["undone_by"] == "test"


def test_apart_later_pages_and_counts(api: TestClient, ids: dict[str, int]) -> None:
    search(api)
    seen, page = [], "/v1/duplicates?limit=1"
    while page:
        body = api.get(page).json()
        seen += [pair["score"] for pair in body["duplicates"]]
        page = next((link["href"] for link in body["links"] if link["rel"] == "next"), "")
    assert len(seen) == len(ids) // 3
    assert seen == sorted(seen, reverse=True)
    first, second, _ = pairs(api)
    assert decide(api, first, "apart").json()["status"] == "apart"
    assert decide(api, second, "later").json()["status"] == "later"
    counts = api.get("/v1/duplicates").json()["counts"]
    assert counts == {"open": 1, "later": 1, "merged": 0, "apart": 1}
    search(api)
    assert api.get("/v1/duplicates").json()["counts"] == counts


def test_conflicts_name_both_sides(api: TestClient, ids: dict[str, int]) -> None:
    search(api)
    pair = pairs(api)[0]
    stale = decide(api, pair, "merge", second_version=7)
    assert stale.status_code == 409
    sides = stale.json()["error"]["facts"]["sides"]
    assert {side["canonical_text"] for side in sides} == {
        pair["first"]["canonical_text"], pair["second"]["canonical_text"],
    }  # fmt: skip
    assert decide(api, pair, "apart", version=7).status_code == 409
    assert decide(api, pair, "reopen").status_code == 409
    merged = decide(api, pair, "merge").json()
    assert decide(api, merged, "apart").status_code == 409
    merge = f"/v1/merges/{merged['merge']['id']}/undo"
    assert api.post(merge).status_code == 200
    assert api.post(merge).status_code == 409
    assert api.get(f"/v1/duplicates/{pair['id']}").json()["status"] == "open"
    assert ids


@pytest.mark.parametrize(
    ("verb", "more"),
    [
        ("merge", {"keep_id": 0}),
        ("merge", {"keep_id": 999_999}),
        ("merge", {"first_version": 0}),
        ("apart", {"decided_by": "示例·赵一"}),  # who it is says the sign-in
        ("reopen", {"decided_by": "示例·赵一"}),
        ("apart", {"note": "长" * 501}),
        ("later", {"more": 1}),
        ("reopen", {"version": "one"}),
    ],
)
def test_bad_decisions(
    api: TestClient, ids: dict[str, int], verb: str, more: dict[str, Any]
) -> None:
    search(api)
    pair = pairs(api)[0]
    assert decide(api, pair, verb, **more).status_code == 422
    assert pairs(api)[0] == pair
    assert ids


def test_the_neighbours_pairs_look_absent(
    api: TestClient, limited: Callable[..., TestClient], database: Database
) -> None:
    with database.session() as session:
        west = add_grid(session, WEST, box(112.4, 37.8, 112.5, 37.9))
        east = add_grid(session, EAST, box(112.5, 37.8, 112.6, 37.9))
        one = address(session, "太原市小店区坞城路1号", lonlat=(112.4999, 37.85), grid=west).id
        address(session, "坞城路1号", lonlat=(112.5001, 37.85), grid=east)
    search(api)
    (pair,) = pairs(api)
    for codes in ((WEST,), (EAST,), ()):
        client = limited(*codes)
        body = client.get("/v1/duplicates").json()
        assert body["duplicates"] == []
        assert body["counts"]["open"] == 0
        assert client.get(f"/v1/duplicates/{pair['id']}").status_code == 404
        for verb in ("merge", "apart", "later", "reopen"):
            assert decide(client, pair, verb).status_code == 404, verb
        assert client.post("/v1/duplicates/search").status_code == 404
        assert client.get("/v1/duplicates", params={"after": pair["id"]}).status_code == 404
    both = limited(WEST, EAST)
    assert [each["id"] for each in pairs(both)] == [pair["id"]]
    merged = decide(both, pair, "merge")
    assert merged.status_code == 200, merged.text
    merge_id = merged.json()["merge"]["id"]
    assert limited(WEST).post(f"/v1/merges/{merge_id}/undo").status_code == 404
    assert limited(WEST).get(f"/v1/addresses/{one}/merges").json()["merges"] == []
    assert decide(limited(WEST, EAST), merged.json(), "reopen").status_code == 200


def test_a_list_asks_the_database_few_things(
    api: TestClient, ids: dict[str, int], database: Database
) -> None:
    search(api)
    with counted_statements(database) as sent:
        assert len(pairs(api)) == len(ids) // 3
    # One for each kind of record that hangs on addresses, however many pairs there are.
    assert len(sent) <= 8 + len(moving_references()), sent
