"""One's own account over HTTP: what is shown, the password, sign-ins and tokens."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import select

from api.app import create_app
from api.services import SIGN_IN_TRIES, RateLimit
from geo import accounts
from geo.accounts import passwords
from geo.accounts.signing_in import FAILURES_MAX
from geo.audit import Access, read_log
from geo.settings import Settings
from geo.store.cluster import EmbeddedCluster
from geo.store.database import Database
from geo.tables import ROLES, AccountSession
from tests.conftest import copied_database

PASSWORD, ANOTHER = "only-a-test-password", "another-test-password"
CHANGE = {"old_password": PASSWORD, "password": ANOTHER}
NAMES = iter(f"wang{number}" for number in range(10_000))


@pytest.fixture(scope="module")
def store(cluster: EmbeddedCluster) -> Iterator[Database]:
    with copied_database(cluster) as database:
        yield database


@pytest.fixture(scope="module")
def app(store: Database, tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    folder = tmp_path_factory.mktemp("own")
    return create_app(Settings(data_folder=folder, demo=False, second_factor="off"), store)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, app: FastAPI) -> None:
    quick = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
    monkeypatch.setattr(passwords, "_HASHER", quick)
    app.state.services.sign_in_limit = RateLimit(SIGN_IN_TRIES)


@pytest.fixture
def name(store: Database) -> str:
    """A new account that sees everything."""
    return open_account(store)


def open_account(store: Database, role: str = "grid_worker", **more: Any) -> str:
    name = next(NAMES)
    with store.session() as session:
        account = accounts.create_account(session, name, PASSWORD, role=role, **more)
        accounts.assign(session, account, None, valid_from=datetime.now(UTC).date())
    return name


def browser(app: FastAPI, name: str, password: str = PASSWORD) -> TestClient:
    """A browser in which somebody has signed in."""
    client = TestClient(app, base_url="https://testserver", raise_server_exceptions=False)
    answer = client.post("/v1/session", json={"name": name, "password": password})
    assert answer.status_code == 200, answer.text
    return client


def can_sign_in(app: FastAPI, name: str, password: str) -> bool:
    client = TestClient(app, base_url="https://testserver")
    given = {"name": name, "password": password}
    return client.post("/v1/session", json=given).status_code == 200


def actions_of(store: Database, name: str) -> list[str]:
    now = datetime.now(UTC)
    with store.session() as session:
        found = read_log(
            session, Access("test"), start=now - timedelta(hours=1), end=now, by=name,
            action="account",
        )  # fmt: skip
        return [each.action for each in reversed(found)]


@pytest.mark.parametrize("role", ROLES)
def test_every_role_sees_its_own_account(app: FastAPI, store: Database, role: str) -> None:
    name = open_account(store, role)
    shown = browser(app, name).get("/v1/account")
    assert shown.headers["Cache-Control"] == "no-store"
    told = shown.json()
    assert (told["name"], told["role"]) == (name, role)
    assert [each["area_code"] for each in told["assignments"]] == [None]
    assert [(each["is_this"], each["signed_in_by"]) for each in told["sessions"]] == [
        (True, "password")
    ]
    assert "hash" not in shown.text
    assert "token_hash" not in shown.text


def test_another_password_ends_all_other_sign_ins(app: FastAPI, store: Database, name: str) -> None:
    here, there = browser(app, name), browser(app, name)
    assert here.post("/v1/account/password", json=CHANGE).status_code == 204
    assert here.get("/v1/session").status_code == 200
    assert there.get("/v1/session").status_code == 401
    assert not can_sign_in(app, name, PASSWORD)
    assert can_sign_in(app, name, ANOTHER)
    assert actions_of(store, name) == ["account.own_password"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"old_password": "wrong-password"}, "old_password"),
        ({"password": PASSWORD}, "password"),
        ({"password": "short"}, "password"),
        ({"password": "x" * 129}, "password"),
    ],
)
def test_a_password_that_cannot_be_changes_nothing(
    app: FastAPI, store: Database, name: str, given: dict[str, str], field: str
) -> None:
    here, there = browser(app, name), browser(app, name)
    answer = here.post("/v1/account/password", json={**CHANGE, **given})
    assert answer.status_code == 422
    assert answer.json()["error"]["facts"] == {"field": field}
    assert not any(secret in answer.text for secret in (PASSWORD, ANOTHER, *given.values()))
    assert there.get("/v1/session").status_code == 200
    assert can_sign_in(app, name, PASSWORD)
    assert actions_of(store, name) == ["account.own_password_refused"]


def test_wrong_tries_count_and_lock(app: FastAPI, store: Database, name: str) -> None:
    here = browser(app, name)
    for _ in range(FAILURES_MAX):
        wrong = {**CHANGE, "old_password": "wrong-password"}
        assert here.post("/v1/account/password", json=wrong).status_code == 422
    answer = here.post("/v1/account/password", json=CHANGE)  # now with the right one
    assert answer.status_code == 429
    assert answer.json()["error"]["facts"]["retry_after_s"] == 900
    assert not can_sign_in(app, name, PASSWORD)


def test_nothing_more_than_a_password_can_be_set(app: FastAPI, store: Database, name: str) -> None:
    here = browser(app, name)
    for more in ({"role": "chief"}, {"name": "chief"}, {"account_id": 1}, {"is_demo": True}):
        assert here.post("/v1/account/password", json={**CHANGE, **more}).status_code == 422
    assert here.get("/v1/account").json()["role"] == "grid_worker"
    assert can_sign_in(app, name, PASSWORD)


def test_a_password_that_was_given_out_is_changed_before_anything_else(
    app: FastAPI, store: Database
) -> None:
    name = open_account(store, must_change_password=True)
    here = browser(app, name)
    for path in ("/v1/store", "/v1/addresses", "/v1/purposes"):
        answer = here.get(path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (
            403, "password_change_needed",
        )  # fmt: skip
    assert here.post("/v1/account/tokens/end", json={"name": "x"}).status_code == 403
    assert here.get("/v1/account").json()["must_change_password"] is True
    assert here.get("/v1/session").status_code == 200
    assert (
        here.post("/v1/account/password", json={**CHANGE, "password": "short"}).status_code == 422
    )
    assert here.get("/v1/store").status_code == 403
    assert here.post("/v1/account/password", json=CHANGE).status_code == 204
    assert here.get("/v1/store").status_code == 200
    assert here.get("/v1/account").json()["must_change_password"] is False


def test_what_an_administrator_gives_out_must_be_changed(app: FastAPI, store: Database) -> None:
    keeper = browser(app, open_account(store, "security_administrator"))
    name = next(NAMES)
    opening = {"name": name, "shown_name": "示例", "role": "grid_worker"}
    first = keeper.post("/v1/accounts", json=opening).json()["password"]
    here = browser(app, name, first)
    assert here.get("/v1/store").json()["error"]["code"] == "password_change_needed"
    own = {"old_password": first, "password": ANOTHER}
    assert here.post("/v1/account/password", json=own).status_code == 204
    assert here.get("/v1/store").status_code == 200
    second = keeper.post(f"/v1/accounts/{name}/password").json()["password"]
    assert here.get("/v1/store").status_code == 401
    again = browser(app, name, second)
    assert again.get("/v1/store").json()["error"]["code"] == "password_change_needed"


def test_a_sign_in_is_ended_from_another_and_nobody_elses(
    app: FastAPI, store: Database, name: str
) -> None:
    here, phone = browser(app, name), browser(app, name)
    stranger = browser(app, open_account(store))
    told = here.get("/v1/account").json()["sessions"]
    other = next(each["id"] for each in told if not each["is_this"])
    assert stranger.post(f"/v1/account/sessions/{other}/end").status_code == 404
    assert phone.get("/v1/session").status_code == 200
    left = here.post(f"/v1/account/sessions/{other}/end")
    assert [each["is_this"] for each in left.json()["sessions"]] == [True]
    assert phone.get("/v1/session").status_code == 401
    assert here.post(f"/v1/account/sessions/{other}/end").status_code == 404
    assert actions_of(store, name) == ["account.own_session_end"]


def test_what_is_over_is_no_sign_in(app: FastAPI, store: Database, name: str) -> None:
    here = browser(app, name)
    browser(app, name)
    with store.session() as session:
        account = accounts.get_account(session, name)
        oldest = session.scalars(
            select(AccountSession)
            .where(AccountSession.account_id == account.id)
            .order_by(AccountSession.id.desc())
        ).first()
        assert oldest is not None
        oldest.seen_at = datetime.now(UTC) - timedelta(hours=2)
    assert len(here.get("/v1/account").json()["sessions"]) == 1


def test_tokens_of_ones_own_are_ended_and_cannot_do_this_work(
    app: FastAPI, store: Database, name: str
) -> None:
    with store.session() as session:
        token = accounts.create_api_token(
            session, accounts.get_account(session, name), "script", scopes=["read", "write"],
            lasts=timedelta(days=1), now=datetime.now(UTC),
        )  # fmt: skip
    program = TestClient(
        app, base_url="https://testserver", headers={"Authorization": f"Bearer {token}"}
    )
    assert program.get("/v1/store").status_code == 200
    assert program.get("/v1/account").status_code == 403
    assert program.post("/v1/account/password", json=CHANGE).status_code == 403
    here = browser(app, name)
    assert [each["name"] for each in here.get("/v1/account").json()["tokens"]] == ["script"]
    assert here.post("/v1/account/tokens/end", json={"name": "other"}).status_code == 404
    assert here.post("/v1/account/tokens/end", json={"name": "script"}).json()["tokens"] == []
    assert program.get("/v1/store").status_code == 401


def test_a_demo_accounts_password_stays(app: FastAPI, store: Database) -> None:
    name = open_account(store, is_demo=True)
    here = browser(app, name)
    assert here.post("/v1/account/password", json=CHANGE).status_code == 403
    assert can_sign_in(app, name, PASSWORD)
