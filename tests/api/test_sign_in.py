"""Signing in over HTTP: the cookie, who one is, signing out, tokens, abuse."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.app import create_app
from geo import accounts
from geo.settings import Settings
from geo.store.database import Database

PASSWORD = "only-a-test-password"
GOOD = {"name": "wang", "password": PASSWORD}


@pytest.fixture
def app(database: Database, tmp_path: Path) -> FastAPI:
    with database.session() as session:
        account = accounts.create_account(
            session, "wang", PASSWORD, role="grid_worker", shown_name="示例·王"
        )
        accounts.assign(session, account, None, valid_from=datetime.now(UTC).date() - timedelta(2))
    return create_app(Settings(data_folder=tmp_path, demo=False), database)


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return TestClient(app, base_url="https://testserver")


def test_sign_in_who_am_i_sign_out(client: TestClient) -> None:
    assert client.get("/v1/session").status_code == 401
    answer = client.post("/v1/session", json=GOOD)
    assert answer.status_code == 200
    assert answer.json() == {"name": "wang"}
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-gridbeat=")
    for part in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"):
        assert part in cookie
    assert "Domain" not in cookie
    assert client.get("/v1/session").json() == {
        "name": "wang", "shown_name": "示例·王", "role": "grid_worker",
        "permissions": ["persons", "read", "write"], "sees_everything": True, "grid_count": None,
    }  # fmt: skip
    assert client.get("/v1/store").status_code == 200
    token = client.cookies["__Host-gridbeat"]
    assert client.delete("/v1/session").status_code == 204
    assert client.get("/v1/session").status_code == 401
    client.cookies.set("__Host-gridbeat", token)  # stolen, and kept
    assert client.get("/v1/store").status_code == 401
    assert client.delete("/v1/session").status_code == 204


@pytest.mark.parametrize(
    "given",
    [{"name": "wang", "password": "wrong-password"}, {"name": "li", "password": PASSWORD},
     {"name": "wang'--", "password": PASSWORD}, {"name": "", "password": ""}],
)  # fmt: skip
def test_a_wrong_one_is_401_and_no_cookie(client: TestClient, given: dict[str, str]) -> None:
    answer = client.post("/v1/session", json=given)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "sign_in_refused"
    assert "Set-Cookie" not in answer.headers


def test_a_password_is_never_sent_back(client: TestClient) -> None:
    long = "geheim" * 400
    for body in ({"name": "wang", "password": long}, {**GOOD, "more": 1}, {"password": PASSWORD}):
        answer = client.post("/v1/session", json=body)
        assert answer.status_code == 422
        assert PASSWORD not in answer.text
        assert "geheim" not in answer.text


def test_twenty_tries_a_minute_from_one_address(client: TestClient) -> None:
    wrong = {"name": "nobody", "password": "x"}
    seen = [client.post("/v1/session", json=wrong).status_code for _ in range(21)]
    assert seen == [401] * 20 + [429]
    answer = client.post("/v1/session", json=GOOD)
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "60"


@pytest.mark.parametrize(
    ("host", "status"), [("127.0.0.1", 200), ("::1", 200), ("10.0.0.7", 403), ("x", 403)]
)
def test_plain_http_takes_a_password_from_this_machine_only(
    app: FastAPI, host: str, status: int
) -> None:
    client = TestClient(app, base_url="http://127.0.0.1:8000", client=(host, 1))
    answer = client.post("/v1/session", json=GOOD)
    assert answer.status_code == status
    if status == 200:
        cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith("gridbeat_session=")
        assert "HttpOnly" in cookie
        assert client.get("/v1/session").status_code == 200


def test_a_foreign_page_signs_nobody_in_or_out(client: TestClient) -> None:
    client.post("/v1/session", json=GOOD)
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert client.post("/v1/session", json=GOOD, headers=foreign).status_code == 403
    assert client.delete("/v1/session", headers=foreign).status_code == 403
    assert client.get("/v1/session").status_code == 200


def test_a_program_sends_its_token(client: TestClient, database: Database) -> None:
    with database.session() as session:
        token = accounts.create_api_token(
            session, accounts.get_account(session, "wang"), "x", scopes=["read"],
            lasts=timedelta(days=1), now=datetime.now(UTC),
        )  # fmt: skip
    bearer = {"Authorization": f"Bearer {token}"}
    assert client.get("/v1/store", headers=bearer).status_code == 200
    new: dict[str, Any] = {"address_text": "甲路1号", "source": "x"}
    assert client.post("/v1/addresses", json=new, headers=bearer).status_code == 403
    for wrong in ("Bearer", "Bearer x", f"Basic {token}", f"bearer {token}x"):
        assert client.get("/v1/store", headers={"Authorization": wrong}).status_code == 401
