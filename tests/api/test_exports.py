"""Exports over HTTP: asked for, decided, watched, fetched. Who may do what is in test_doors.py."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.callers import current_caller
from geo import accounts
from geo.settings import Settings
from geo.store.cluster import EmbeddedCluster
from tests.api.conftest import GRID_A, settled_district
from tests.signed_in import caller_of, signed_in

PURPOSE = {"X-Purpose": quote("门牌核对"), "X-Case": quote("任务 7")}


@pytest.fixture
def client(cluster: EmbeddedCluster, tmp_path: Path) -> Iterator[TestClient]:
    """The application of a caller called “test”, who may export ten rows a day alone."""
    with settled_district(cluster, tmp_path) as place:
        with place.database.session() as session:
            account = accounts.create_account(session, "test", "a-long-password", role="chief")
            accounts.assign(session, account, None, valid_from=datetime(2020, 1, 1, tzinfo=UTC))
        settings = Settings(data_folder=tmp_path, demo=False, export_rows_max=10)
        app = signed_in(create_app(settings, place.database))
        with TestClient(app, raise_server_exceptions=False) as client:
            yield client


def wait(client: TestClient, export_id: int) -> dict[str, Any]:
    client.app.state.services.exports.wait(export_id, 30)  # type: ignore[attr-defined]
    found: dict[str, Any] = client.get(f"/v1/exports/{export_id}").json()
    return found


def become(client: TestClient, name: str) -> None:
    """Let another person ask from now on."""
    caller = caller_of("chief")
    other = type(caller)(
        account_id=2, name=name, shown_name=name, role=caller.role,
        permissions=caller.permissions, scope=caller.scope,
    )  # fmt: skip
    client.app.dependency_overrides[current_caller] = lambda: other  # type: ignore[attr-defined]


def test_a_small_one_from_asking_to_the_file(client: TestClient) -> None:
    answer = client.post("/v1/exports", json={"kind": "addresses", "grid_code": GRID_A})
    assert answer.status_code == 202, answer.text
    asked = answer.json()
    assert (asked["rows_expected"], asked["requested_by"], asked["grid_count"]) == (9, "test", None)
    done = wait(client, asked["id"])
    assert (done["status"], done["rows_done"]) == ("ready", 9)
    assert done["may"] == {"decide": False, "stop": False, "fetch": True}
    file = client.get(f"/v1/exports/{asked['id']}/file")
    assert file.content.startswith(b"\xef\xbb\xbf")
    assert file.headers["Content-Type"].startswith("text/csv")
    assert file.headers["Cache-Control"] == "private, no-store"
    assert f'filename="gridbeat-addresses-{asked["id"]}.csv"' in file.headers["Content-Disposition"]
    assert len(file.content.decode("utf-8-sig").splitlines()) == 10
    page = client.get("/v1/exports", params={"status": "ready"}).json()
    assert [each["id"] for each in page["exports"]] == [asked["id"]]


def test_a_large_one_takes_a_purpose_and_a_second_person(client: TestClient) -> None:
    order = {"kind": "addresses", "format": "geojson"}
    answer = client.post("/v1/exports", json=order)
    assert (answer.status_code, answer.json()["error"]["code"]) == (428, "purpose_missing")
    asked = client.post("/v1/exports", json=order, headers=PURPOSE).json()
    assert (asked["status"], asked["purpose"], asked["case_ref"]) == (
        "asked",
        "address_check",
        "任务 7",
    )
    where = f"/v1/exports/{asked['id']}"
    assert client.get(f"{where}/file").status_code == 409
    assert client.post(f"{where}/approve", json={}).status_code == 403
    become(client, "chief")
    assert client.get(where).json()["may"] == {"decide": True, "stop": False, "fetch": False}
    approved = client.post(f"{where}/approve", json={"note": "可以"})
    assert approved.json()["status"] == "waiting"
    assert client.post(f"{where}/refuse", json={"note": "不"}).status_code == 409
    assert wait(client, asked["id"])["status"] == "ready"
    assert client.get(f"{where}/file").status_code == 404
    become(client, "test")
    file = client.get(f"{where}/file")
    assert file.headers["Content-Type"] == "application/geo+json"
    assert len(file.json()["features"]) == 14


def test_a_request_is_given_up(client: TestClient) -> None:
    asked = client.post("/v1/exports", json={"kind": "addresses"}, headers=PURPOSE).json()
    assert asked["may"]["stop"]
    stopped = client.post(f"/v1/exports/{asked['id']}/stop").json()
    assert stopped["status"] == "stopped"
    assert client.post(f"/v1/exports/{asked['id']}/stop").status_code == 409
    assert client.get(f"/v1/exports/{asked['id']}/file").status_code == 404


@pytest.mark.parametrize(
    "order",
    [
        {"kind": "accounts"},
        {"kind": "addresses", "format": "pdf"},
        {"kind": "review_items", "format": "gpkg"},
        {"kind": "addresses", "requested_by": "somebody else"},
        {"kind": "addresses", "status": "ready"},
        {},
    ],
)
def test_what_cannot_be_had_is_refused(client: TestClient, order: dict[str, str]) -> None:
    assert client.post("/v1/exports", json=order).status_code == 422


def test_a_number_that_is_none_of_an_export(client: TestClient) -> None:
    for path in ("", "/file"):
        answer = client.get(f"/v1/exports/999{path}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "export_not_found")
    assert client.get(f"/v1/exports/{2**63}").status_code == 422


def test_persons_are_exported_by_who_sees_persons_alone(client: TestClient) -> None:
    """The caller of these tests administers the system, and sees no person."""
    headers = {"X-Purpose": "register", "X-Case": "T-1"}
    answer = client.post("/v1/exports", json={"kind": "residents"}, headers=headers)
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "not_permitted"
