"""Accounts over HTTP: made, assigned, reset, ended by the security administrator."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from geo import accounts
from geo.accounts.totp import totp_code
from geo.audit import Access, read_log
from geo.errors import SignInRefused
from geo.settings import Settings
from geo.store.database import Database
from tests.drawing import draw
from tests.factories import add_area, add_grid
from tests.signed_in import caller_of, signed_in

GRID = "14010500100100001"
NEW = {"name": "wang", "shown_name": "示例·王", "role": "grid_worker"}
ADMINISTRATORS = ("system_administrator", "security_administrator", "audit_administrator")


@pytest.fixture
def client(database: Database, tmp_path: Path) -> Iterator[TestClient]:
    with database.session() as session:
        add_area(session, GRID[:12])
        add_grid(session, GRID, draw("A")["A"])
        for role in ADMINISTRATORS:
            accounts.create_account(session, role.split("_")[0], "example-password", role=role)
    settings = Settings(data_folder=tmp_path, demo=False, time_zone="UTC")
    app = signed_in(create_app(settings, database), caller_of("security_administrator"))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def today() -> str:
    return datetime.now(UTC).date().isoformat()


def test_an_account_is_made_assigned_and_ended(client: TestClient, database: Database) -> None:
    now = datetime.now(UTC)
    answer = client.post("/v1/accounts", json=NEW)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (201, "no-store")
    password = answer.json()["password"]
    accounts.sign_in(database, "wang", password, now=now)
    assert password not in client.get("/v1/accounts").text

    given = {"area_code": GRID, "valid_from": today()}
    (assignment,) = client.post("/v1/accounts/wang/assignments", json=given).json()["assignments"]
    assert (assignment["area_code"], assignment["valid_to"]) == (GRID, None)
    where = f"/v1/accounts/wang/assignments/{assignment['id']}/end"
    assert client.post(where, json={"on": today()}).json()["assignments"] == []
    everything = {"everything": True, "valid_from": today()}
    shown = client.post("/v1/accounts/wang/assignments", json=everything).json()
    assert shown["assignments"][0]["area_code"] is None

    token = client.post("/v1/accounts/wang/tokens", json={"name": "x", "days": 5}).json()["token"]
    with database.session() as session:
        assert accounts.caller_of_token(session, token, now=now, day=now.date()) is not None
    ended = client.post("/v1/accounts/wang/tokens/end", json={"name": "x"}).json()
    assert ended["tokens"] == []
    other = client.post("/v1/accounts/wang/password").json()["password"]
    with pytest.raises(SignInRefused):
        accounts.sign_in(database, "wang", password, now=now)
    assert client.post("/v1/accounts/wang/end").json()["ended_at"] is not None
    with pytest.raises(SignInRefused):
        accounts.sign_in(database, "wang", other, now=now)
    assert "wang" not in [each["name"] for each in client.get("/v1/accounts").json()["accounts"]]
    assert client.get("/v1/accounts?ended=true").json()["accounts"][-1]["may_change"] is False

    with database.session() as session:
        entries = read_log(
            session, Access("x"), action="account", start=now - timedelta(1), end=now + timedelta(1)
        )
    assert [each.action for each in reversed(entries)] == [
        "account.create", "account.assign", "account.assignment_end", "account.assign",
        "account.token", "account.token_end", "account.password", "account.end",
    ]  # fmt: skip
    assert {(each.actor, each.object_ref) for each in entries} == {("test", "wang")}


def test_a_second_factor_is_given_once(client: TestClient, database: Database) -> None:
    password = client.post("/v1/accounts", json=NEW).json()["password"]
    uri = client.post("/v1/accounts/wang/totp").json()["totp_uri"]
    assert uri.startswith("otpauth://totp/GridBeat:wang?")
    assert "otpauth" not in client.get("/v1/accounts").text
    now = datetime.now(UTC)
    with pytest.raises(SignInRefused):
        accounts.sign_in(database, "wang", password, now=now)
    with database.session() as session:
        secret = accounts.totp_secret_of(session, accounts.get_account(session, "wang"))
    assert secret is not None
    accounts.sign_in(database, "wang", password, code=totp_code(secret, now), now=now)


@pytest.mark.parametrize("name", ["system", "security", "audit"])
def test_administrators_are_neither_made_nor_changed(client: TestClient, name: str) -> None:
    given: dict[str, Any] = {"everything": True, "valid_from": today()}
    for path, body in (
        ("password", {}), ("totp", {}), ("end", {}), ("assignments", given),
        ("tokens", {"name": "x", "days": 1}),
    ):  # fmt: skip
        answer = client.post(f"/v1/accounts/{name}/{path}", json=body)
        assert answer.status_code == 403, path
    for role in ADMINISTRATORS:
        assert client.post("/v1/accounts", json={**NEW, "role": role}).status_code == 422


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("", {**NEW, "name": "Wang"}, 422), ("", {**NEW, "name": "audit"}, 409),
        ("", {**NEW, "is_demo": True}, 422), ("", {**NEW, "password": "example-password"}, 422),
        ("/nobody/password", {}, 404), ("/li/assignments", {"valid_from": "2026-06-01"}, 422),
        ("/li/assignments", {"area_code": "999", "valid_from": "2026-06-01"}, 422),
        ("/li/assignments",
         {"area_code": GRID, "everything": True, "valid_from": "2026-06-01"}, 422),
        ("/li/assignments",
         {"area_code": GRID, "valid_from": "2026-06-01", "valid_to": "2026-06-01"}, 422),
        ("/li/assignments/999/end", {"on": "2026-06-01"}, 404),
        ("/li/tokens", {"name": " ", "days": 1}, 422),
        ("/li/tokens", {"name": "x", "days": 999}, 422),
        ("/li/tokens/end", {"name": "none"}, 404),
    ],
)  # fmt: skip
def test_bad_changes(client: TestClient, path: str, body: dict[str, Any], status: int) -> None:
    client.post("/v1/accounts", json={**NEW, "name": "li"})
    assert client.post(f"/v1/accounts{path}", json=body).status_code == status


def test_where_one_lives_is_an_address_of_the_register(client: TestClient) -> None:
    client.post("/v1/accounts", json=NEW)
    none = client.put("/v1/accounts/wang/home-address", json={"standard_address_id": 7})
    assert none.status_code == 422
    cleared = client.put("/v1/accounts/audit/home-address", json={"standard_address_id": None})
    assert cleared.json()["home_address_id"] is None
