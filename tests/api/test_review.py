"""The review queue over HTTP: queued from geocoding, looked at, decided, taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, event

from api.app import create_app
from api.dependencies import caller_scope
from geo.store.cluster import OWNER_ROLE, EmbeddedCluster
from geo.store.database import make_engine
from geo.values import GridScope
from tests.api.conftest import GRID_A, GRID_B, District, settled_district
from tests.signed_in import signed_in

UNSURE = "小店区滨河路777号"  # the road is there, the number isn't
UNKNOWN = "龟兹国大唐驿站"


@pytest.fixture(scope="module")
def queue_district(
    cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[District]:
    """A district of this module's own: its tests write."""
    with settled_district(cluster, tmp_path_factory.mktemp("review")) as place:
        yield place


@pytest.fixture(scope="module")
def _queue_application(queue_district: District) -> Iterator[TestClient]:
    app = signed_in(create_app(queue_district.settings, queue_district.database))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def owner(cluster: EmbeddedCluster, queue_district: District) -> Iterator[Engine]:
    """The owner of the tables: the application itself deletes nothing from the queue."""
    name = queue_district.database.engine.url.database
    assert name is not None
    engine = make_engine(cluster.url(OWNER_ROLE, name), pool_size=1)
    yield engine
    engine.dispose()


@pytest.fixture
def queue(_queue_application: TestClient, owner: Engine) -> Iterator[TestClient]:
    """The application; what a test queued is gone afterwards."""
    yield _queue_application
    _queue_application.app.dependency_overrides.pop(caller_scope, None)  # type: ignore[attr-defined]
    for status in ("matched", "rejected"):
        for item in items(_queue_application, status):
            seen = {"version": item["version"]}
            _queue_application.post(f"/v1/review-items/{item['id']}/reopen", json=seen)
    with owner.begin() as connection:
        connection.exec_driver_sql("DELETE FROM review_item")


@pytest.fixture
def limited(queue: TestClient) -> Callable[..., TestClient]:
    def to(*grid_codes: str) -> TestClient:
        queue.app.dependency_overrides[caller_scope] = (  # type: ignore[attr-defined]
            lambda: GridScope.of(grid_codes)
        )
        return queue

    return to


def ask(client: TestClient, *texts: str, source: str = "走访名单") -> dict[str, Any]:
    answer = client.post(
        "/v1/geocode", json={"addresses": texts, "queue_unsure": True, "source": source}
    )
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


def items(client: TestClient, status: str = "open") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/v1/review-items", params={"status": status}).json()[
        "review_items"
    ]
    return found


def decide(client: TestClient, item: dict[str, Any], verb: str, **more: Any) -> Any:
    body = {"version": item["version"], **more}
    return client.post(f"/v1/review-items/{item['id']}/{verb}", json=body)


def test_a_text_with_what_the_database_cannot_hold_is_queued_without_it(queue: TestClient) -> None:
    assert ask(queue, f"{UNKNOWN}\x00")["queued_count"] == 1
    assert [each["address_text"] for each in items(queue)] == [UNKNOWN]


def test_unsure_texts_are_queued_where_that_is_asked_for(queue: TestClient) -> None:
    asked = {"addresses": [UNSURE]}
    assert queue.post("/v1/geocode", json=asked).json()["queued_count"] is None
    assert items(queue) == []
    body = ask(queue, UNSURE, "小店区滨河路1号", UNKNOWN, " ")
    assert [each["status"] for each in body["results"]] == [
        "review", "matched", "not_found", "error",
    ]  # fmt: skip
    assert body["queued_count"] == 2
    assert ask(queue, UNSURE, source="别的")["queued_count"] == 1
    first, second = sorted(items(queue), key=lambda item: -item["asked_count"])
    assert (first["address_text"], first["asked_count"], first["source"]) == (
        UNSURE, 2, "走访名单",
    )  # fmt: skip
    assert "滨河路" in first["best_guess"]["canonical_text"]
    assert (second["address_text"], second["best_guess"]) == (UNKNOWN, None)


@pytest.mark.parametrize(
    "body",
    [{"queue_unsure": True}, {"queue_unsure": True, "source": " "},
     {"queue_unsure": True, "source": "长" * 201}, {"queue_unsure": "perhaps", "source": "x"},
     {"queue_unsure": True, "source": "\x00"}],
)  # fmt: skip
def test_who_asks_must_be_said(queue: TestClient, body: dict[str, Any]) -> None:
    answer = queue.post("/v1/geocode", json={"addresses": [UNSURE], **body})
    assert answer.status_code == 422
    assert items(queue) == []


def test_pages_and_counts(queue: TestClient) -> None:
    ask(queue, UNSURE, UNKNOWN, f"{UNKNOWN}二", f"{UNKNOWN}三")
    decide(queue, items(queue)[0], "reject")
    seen, page = [], "/v1/review-items?limit=2"
    while page:
        body = queue.get(page).json()
        assert body["counts"] == {"open": 3, "matched": 0, "rejected": 1}
        seen += [item["id"] for item in body["review_items"]]
        page = next((link["href"] for link in body["links"] if link["rel"] == "next"), "")
    assert len(seen) == 3
    assert seen == sorted(seen)
    assert len(items(queue, "rejected")) == 1


def test_an_item_shows_candidates_with_reasons(queue: TestClient, queue_district: District) -> None:
    ask(queue, UNSURE)
    body = queue.get(f"/v1/review-items/{items(queue)[0]['id']}").json()
    assert body["answer"]["status"] == "review"
    best = body["answer"]["candidates"][0]
    assert best["canonical_text"] == body["best_guess"]["canonical_text"]
    assert best["reasons"][0]["zh"]
    assert best["reasons"][0]["en"]
    assert queue_district.address_ids["A"]  # its road's addresses are what the guess is made of


def test_a_decided_text_is_known_until_the_decision_is_taken_back(
    queue: TestClient, queue_district: District
) -> None:
    address_id = queue_district.address_ids["A"][4]
    ask(queue, UNSURE)
    item = items(queue)[0]
    decided = decide(queue, item, "match", standard_address_id=address_id, note="新旧门牌").json()
    assert decided["status"] == "matched"
    assert decided["standard_address_id"] == address_id
    assert decided["standard_address"].endswith("滨河路5号")
    assert (decided["decided_by"], decided["note"]) == ("test", "新旧门牌")
    assert decided["decided_at"] is not None
    assert items(queue) == []
    assert items(queue, "matched")[0]["standard_address"] == decided["standard_address"]
    known = queue.get("/v1/geocode", params={"q": UNSURE}).json()
    assert (known["status"], known["standard_address_id"]) == ("matched", address_id)
    assert ask(queue, UNSURE)["queued_count"] == 0

    reopened = decide(queue, decided, "reopen").json()
    assert reopened["status"] == "open"
    assert reopened["standard_address"] is reopened["decided_by"] is reopened["note"] is None
    assert queue.get("/v1/geocode", params={"q": UNSURE}).json()["status"] == "review"


def test_a_rejected_text_is_not_queued_again(queue: TestClient) -> None:
    ask(queue, UNKNOWN)
    rejected = decide(queue, items(queue)[0], "reject", note="玩笑").json()
    assert rejected["status"] == "rejected"
    ask(queue, UNKNOWN)
    assert items(queue) == []
    assert decide(queue, rejected, "reopen").status_code == 200
    assert len(items(queue)) == 1


def test_a_stale_or_second_decision_is_a_conflict(
    queue: TestClient, queue_district: District
) -> None:
    ask(queue, UNSURE)
    item = items(queue)[0]
    assert decide(queue, item, "reopen").status_code == 409
    assert decide(queue, {**item, "version": 7}, "reject").status_code == 409
    address_id = queue_district.address_ids["A"][0]
    stale = decide(queue, {**item, "version": 2}, "match", standard_address_id=address_id)
    assert stale.status_code == 409
    assert stale.json()["error"]["code"] == "conflict"
    decided = decide(queue, item, "reject").json()
    assert decide(queue, decided, "match", standard_address_id=address_id).status_code == 409
    assert decide(queue, {**decided, "version": 1}, "reopen").status_code == 409
    assert items(queue, "rejected")[0]["version"] == decided["version"]


@pytest.mark.parametrize(
    ("verb", "more"),
    [
        ("match", {}),
        ("match", {"standard_address_id": 0}),
        ("match", {"standard_address_id": 2**63}),
        ("reject", {"decided_by": "示例·赵一"}),  # who it is says the sign-in
        ("reject", {"note": "长" * 501}),
        ("reject", {"version": 0}),
        ("reject", {"more": 1}),
        ("reopen", {"version": "one"}),
    ],
)
def test_bad_decisions(queue: TestClient, verb: str, more: dict[str, Any]) -> None:
    ask(queue, UNSURE)
    item = items(queue)[0]
    answer = decide(queue, item, verb, **more)
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "invalid_request"
    assert items(queue)[0]["version"] == 1


def test_what_isnt_there(queue: TestClient) -> None:
    ask(queue, UNSURE)
    item = items(queue)[0]
    gone = {**item, "id": 999_999}
    assert queue.get("/v1/review-items/999999").json()["error"]["code"] == "review_item_not_found"
    for verb, more in (("match", {"standard_address_id": 1}), ("reject", {}), ("reopen", {})):
        assert decide(queue, gone, verb, **more).status_code == 404
    nowhere = decide(queue, item, "match", standard_address_id=999_999)
    assert nowhere.json()["error"]["code"] == "address_not_found"
    assert items(queue)[0]["status"] == "open"
    assert queue.get("/v1/review-items?status=closed").status_code == 422
    assert queue.get("/v1/review-items?state=open").status_code == 422


def test_the_neighbours_queue_looks_empty(
    queue: TestClient, limited: Callable[..., TestClient], queue_district: District
) -> None:
    ask(limited(GRID_A), UNSURE)
    own = items(limited(GRID_A))
    assert [item["address_text"] for item in own] == [UNSURE]
    assert limited(GRID_A).get(f"/v1/review-items/{own[0]['id']}").status_code == 200

    neighbour = limited(GRID_B)
    body = neighbour.get("/v1/review-items").json()
    assert body["review_items"] == []
    assert body["counts"] == {"open": 0, "matched": 0, "rejected": 0}
    assert neighbour.get(f"/v1/review-items/{own[0]['id']}").status_code == 404
    assert neighbour.get("/v1/store").json()["open_review_count"] == 0
    assert limited(GRID_A).get("/v1/store").json()["open_review_count"] == 1
    neighbour = limited(GRID_B)
    address_id = queue_district.address_ids["B"][0]
    for verb, more in (
        ("match", {"standard_address_id": address_id}), ("reject", {}), ("reopen", {}),
    ):  # fmt: skip
        assert decide(neighbour, own[0], verb, **more).status_code == 404

    # Nor can the owner of a text give it to an address they may not see.
    theirs = decide(limited(GRID_A), own[0], "match", standard_address_id=address_id)
    assert theirs.json()["error"]["code"] == "address_not_found"


def test_asking_in_another_grid_neither_takes_a_text_away_nor_tells_of_it(
    limited: Callable[..., TestClient],
) -> None:
    ask(limited(GRID_A), UNSURE)
    assert ask(limited(GRID_B), UNSURE)["queued_count"] == 1  # as if nobody had asked before
    assert items(limited(GRID_B)) == []
    kept = items(limited(GRID_A))[0]
    assert kept["asked_count"] == 2
    decide(limited(GRID_A), kept, "reject")
    assert ask(limited(GRID_B), UNSURE)["queued_count"] == 1


def test_candidates_keep_to_the_scope(
    queue: TestClient, limited: Callable[..., TestClient], queue_district: District
) -> None:
    text = "学府街777号或滨河路777号"
    ask(queue, text)
    item = items(queue)[0]
    for grid_code, letter in ((GRID_A, "A"), (GRID_B, "B")):
        seen = limited(grid_code).get(f"/v1/review-items/{item['id']}")
        if seen.status_code == 200:
            ids = {each["standard_address_id"] for each in seen.json()["answer"]["candidates"]}
            assert ids <= {None, *queue_district.address_ids[letter]}
            break
    else:
        pytest.fail("the text lies in neither grid")


def test_a_list_asks_the_database_few_things(queue: TestClient, queue_district: District) -> None:
    ask(queue, *(f"{UNKNOWN}{number}" for number in range(20)))
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "gridbeat.scope" not in statement:  # each transaction begins with it
            sent.append(statement)

    engine = queue_district.database.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        items(queue)
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert len(sent) <= 4, sent
