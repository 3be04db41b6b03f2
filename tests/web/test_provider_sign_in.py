"""Signing in at a provider, end to end: the whole application against a provider that runs.

`tests/oidc_provider.py` is that provider, a process of its own; nothing of HTTP is stood in for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import Text, cast, func, select, update

from api.services import SIGN_IN_TRIES, RateLimit
from geo import accounts
from geo.accounts import oidc, passwords
from geo.accounts.signing_in import FAILURES_MAX
from geo.accounts.totp import totp_code
from geo.audit import Access, read_log
from geo.errors import InvalidInput
from geo.settings import Settings
from geo.store.cluster import EmbeddedCluster
from geo.store.database import Database
from geo.tables import Account, AccountSession
from tests.conftest import copied_database
from tests.oidc_provider import CLIENT_ID, CLIENT_SECRET, Provider, running_provider
from web.app import create_app

PASSWORD = "only-a-test-password"
SECRET = b"twenty bytes of test"
_BEGAN = [datetime.now(UTC)]  # of the test that runs; all of them share a store


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with running_provider() as running:
        yield running


@pytest.fixture(scope="module")
def store(cluster: EmbeddedCluster) -> Iterator[Database]:
    with copied_database(cluster) as database:
        yield database


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, provider: Provider) -> Settings:
    return Settings(
        data_folder=tmp_path_factory.mktemp("oidc"), demo=False, oidc_issuer=provider.issuer,
        oidc_client_id=CLIENT_ID, oidc_client_secret=CLIENT_SECRET,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def _quick_and_right(
    monkeypatch: pytest.MonkeyPatch, provider: Provider, request: pytest.FixtureRequest
) -> Iterator[None]:
    quick = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
    monkeypatch.setattr(passwords, "_HASHER", quick)
    yield
    if "provider" in request.fixturenames:
        provider.spoil()


@pytest.fixture(scope="module")
def served(settings: Settings, store: Database) -> FastAPI:
    return create_app(settings, store)


@pytest.fixture
def app(served: FastAPI, settings: Settings, store: Database) -> FastAPI:
    """The one application, with accounts anew, and a provider that isn't known yet."""
    _BEGAN[0] = datetime.now(UTC)
    with store.session() as session:
        session.execute(
            update(Account).values(
                ended_at=_BEGAN[0], name="x" + cast(Account.id, Text), oidc_issuer=None,
                oidc_subject=None,
            )
        )  # fmt: skip
        for name, role in (
            ("wang", "grid_worker"), ("li", "grid_worker"), ("gone", "chief"),
            ("keeper", "security_administrator"), ("bare", "audit_administrator"),
        ):  # fmt: skip
            account = accounts.create_account(session, name, PASSWORD, role=role)
            if name == "gone":
                accounts.end_account(session, account, now=_BEGAN[0])
            if name == "keeper":
                accounts.set_totp_secret(session, account, SECRET)
    services = served.state.services
    services.oidc = oidc.find_provider(settings)
    services.sign_in_limit = RateLimit(SIGN_IN_TRIES)
    return served


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return TestClient(app, base_url="https://testserver", follow_redirects=False)


def actions_of(store: Database, by: str) -> list[str]:
    """What the log says of somebody since the test began."""
    with store.session() as session:
        until = _BEGAN[0] + timedelta(days=1)
        found = read_log(session, Access("test"), start=_BEGAN[0], end=until, by=by)
        return [each.action for each in reversed(found)]


def go(client: TestClient, next_page: str = "/") -> str:
    """Press the button; where the browser goes."""
    answer = client.get("/sign-in/provider", params={"next_page": next_page})
    assert answer.status_code == 303
    return answer.headers["Location"]


def sign_in(client: TestClient, provider: Provider, user: str, **claims: Any) -> Response:
    """The whole way there and back; the answer to the coming back."""
    return client.get(provider.sign_in(go(client), user, **claims))


def fault_of(answer: Response) -> str | None:
    assert answer.status_code == 303
    return parse_qs(urlsplit(answer.headers["Location"]).query).get("fault", [None])[0]


def test_there_and_back_signs_in_an_account_that_is_there(
    client: TestClient, provider: Provider, store: Database
) -> None:
    assert (
        "/sign-in/provider?next_page=%2Freview"
        in client.get("/sign-in?next_page=/review&lang=en").text
    )
    address = go(client, "/review")
    asked = parse_qs(urlsplit(address).query)
    assert asked["redirect_uri"] == ["https://testserver/sign-in/provider/back"]
    assert (asked["response_type"], asked["code_challenge_method"]) == (["code"], ["S256"])
    assert all(len(asked[name][0]) >= 43 for name in ("state", "nonce", "code_challenge"))
    back = client.get(provider.sign_in(address, "wang", role="chief", roles=["chief"]))
    assert back.headers["Location"] == "/review"
    cookie = next(c for c in back.headers.get_list("Set-Cookie") if "gridbeat=" in c)
    for part in ("__Host-gridbeat=", "HttpOnly", "Secure", "SameSite=lax"):
        assert part in cookie
    who = client.get("/v1/session").json()
    assert (who["name"], who["role"]) == ("wang", "grid_worker")  # not what the token says
    with store.session() as session:
        account = accounts.get_account(session, "wang")
        assert account.oidc_subject == "subject-of-wang"
        ways = session.scalars(
            select(AccountSession.signed_in_by).where(AccountSession.account_id == account.id)
        )
        assert list(ways) == ["oidc"]
    assert actions_of(store, "wang") == ["sign_in.oidc"]


def test_out_here_and_over_there(client: TestClient, provider: Provider) -> None:
    sign_in(client, provider, "wang")
    assert 'data-next="/sign-out/provider"' in client.get("/review").text
    assert client.delete("/v1/session").status_code == 204
    assert client.get("/v1/session").status_code == 401
    way = client.get("/sign-out/provider").headers["Location"]
    assert way.startswith(f"{provider.issuer}/out?client_id={CLIENT_ID}&post_logout_redirect_uri=")
    provider.spoil(described={"end_session_endpoint": None})
    oidc_of(client)._metadata = None
    assert client.get("/sign-out/provider").headers["Location"] == "/sign-in"


def oidc_of(client: TestClient) -> oidc.OidcProvider:
    return client.app.state.services.oidc  # type: ignore[attr-defined, no-any-return]


def in_s(seconds: float) -> int:
    return int(time.time() + seconds)


@pytest.mark.parametrize(
    ("spoiled", "fault"),
    [
        (lambda: {"claims": {"nonce": "another"}}, "token"),
        (lambda: {"claims": {"nonce": None}}, "token"),
        (lambda: {"claims": {"aud": "another-client"}}, "token"),
        (lambda: {"claims": {"aud": [CLIENT_ID, "another"], "azp": "another"}}, "token"),
        (lambda: {"claims": {"iss": "https://evil.example"}}, "token"),
        (lambda: {"claims": {"sub": None}}, "token"),
        (lambda: {"claims": {"at_hash": "another"}}, "token"),
        (lambda: {"claims": {"exp": in_s(-90)}}, "clock"),
        (lambda: {"claims": {"iat": in_s(90)}}, "clock"),
        (lambda: {"claims": {"exp": None}}, "token"),
        (lambda: {"claims": {"preferred_username": None}}, "account"),
        (lambda: {"claims": {"preferred_username": ["wang"]}}, "account"),
        (lambda: {"key": "other"}, "token"),
        (lambda: {"key": "none"}, "token"),
        (lambda: {"token_status": 500}, "down"),
        (lambda: {"token_status": 200}, "down"),
        (lambda: {"described": {"issuer": "https://evil.example"}}, "down"),
        (lambda: {"described": {"token_endpoint": "http://evil.example/token"}}, "down"),
        (lambda: {"described": {"jwks_uri": None}}, "down"),
    ],
)  # fmt: skip
def test_an_answer_that_is_not_as_it_must_be_signs_nobody_in(
    client: TestClient, provider: Provider, spoiled: Callable[[], Any], fault: str
) -> None:
    address = go(client)
    provider.spoil(**spoiled())
    oidc_of(client)._metadata = None
    back = client.get(provider.sign_in(address, "wang"))
    assert fault_of(back) == fault
    assert client.get("/v1/session").status_code == 401
    for language in ("zh", "en"):
        said = client.get(back.headers["Location"], params={"fault": fault, "lang": language})
        assert 'id="provider-fault"' in said.text


@pytest.mark.parametrize("claims", [{"exp": -30}, {"iat": 30}, {"nbf": 30}])
def test_clocks_may_differ_a_little(
    client: TestClient, provider: Provider, claims: dict[str, int]
) -> None:
    provider.spoil(claims={name: in_s(seconds) for name, seconds in claims.items()})
    assert sign_in(client, provider, "wang").headers["Location"] == "/"


def test_a_state_counts_once_and_in_its_own_browser(
    app: FastAPI, client: TestClient, provider: Provider, store: Database
) -> None:
    back = provider.sign_in(go(client), "wang")
    with TestClient(app, base_url="https://testserver", follow_redirects=False) as other:
        assert fault_of(other.get(back)) == "state"  # brought to somebody else's browser
        assert other.get("/v1/session").status_code == 401
    assert fault_of(client.get(back)) == "state"  # and used up by that
    back = provider.sign_in(go(client), "wang")
    assert fault_of(client.get(back)) is None
    assert fault_of(client.get(back)) == "state"
    for query in ("", "?state=x&code=y", "?code=y", "?state=%00", f"?state={'x' * 9000}"):
        assert fault_of(client.get(f"/sign-in/provider/back{query}")) == "state"
    assert "sign_in.oidc_refused" in actions_of(store, "unknown")


def test_a_code_of_another_sign_in_is_refused(client: TestClient, provider: Provider) -> None:
    """PKCE: whoever slips a code in lacks what it was asked with."""
    stolen = parse_qs(urlsplit(provider.sign_in(go(client), "li")).query)["code"][0]
    mine = parse_qs(urlsplit(provider.sign_in(go(client), "wang")).query)["state"][0]
    back = client.get("/sign-in/provider/back", params={"code": stolen, "state": mine})
    assert fault_of(back) == "token"


def test_another_providers_answer_and_a_cancelled_one(
    client: TestClient, provider: Provider
) -> None:
    back = provider.sign_in(go(client), "wang")
    assert fault_of(client.get(f"{back}&iss=https%3A%2F%2Fevil.example")) == "token"
    state = parse_qs(urlsplit(go(client)).query)["state"][0]
    query = {"state": state, "error": "access_denied", "error_description": "<script>"}
    cancelled = client.get("/sign-in/provider/back", params=query)
    assert fault_of(cancelled) == "provider"
    assert "script" not in cancelled.headers["Location"]


@pytest.mark.parametrize("user", ["nobody", "gone", "bare", "WANG", "wang'--", "王"])
def test_no_account_is_made_and_an_ended_one_stays_so(
    client: TestClient, provider: Provider, store: Database, user: str
) -> None:
    def count() -> int:
        with store.session() as session:
            return session.scalar(select(func.count()).select_from(Account)) or 0

    before = count()
    assert fault_of(sign_in(client, provider, user)) == "account"
    assert count() == before
    assert actions_of(store, user if user == "bare" else "unknown") == ["sign_in.oidc_refused"]


def test_a_locked_account_stays_out(
    client: TestClient, provider: Provider, store: Database
) -> None:
    with store.session() as session:
        account = accounts.get_account(session, "wang")
        account.locked_until = datetime.now(UTC) + timedelta(minutes=5)
    assert fault_of(sign_in(client, provider, "wang")) == "account"


def test_a_name_given_to_somebody_else_opens_nothing(
    client: TestClient, provider: Provider, store: Database
) -> None:
    assert fault_of(sign_in(client, provider, "wang")) is None
    client.delete("/v1/session")
    assert fault_of(sign_in(client, provider, "wang", sub="subject-of-the-next")) == "account"
    # Nor does a person over there become a second account here by another name.
    assert fault_of(sign_in(client, provider, "li", sub="subject-of-wang")) == "account"
    with store.session() as session:
        accounts.forget_oidc_subject(session, accounts.get_account(session, "wang"))
    assert fault_of(sign_in(client, provider, "wang", sub="subject-of-the-next")) is None


def test_an_administrator_needs_the_second_factor_as_ever(
    client: TestClient, provider: Provider, store: Database
) -> None:
    back = sign_in(client, provider, "keeper")
    assert back.headers["Location"] == "/sign-in/code"
    assert client.get("/v1/session").status_code == 401
    assert "sign-in-code" in client.get("/sign-in/code").text
    assert client.post("/v1/session/code", json={"code": "000000"}).status_code == 401
    code = totp_code(SECRET, datetime.now(UTC))
    answer = client.post("/v1/session/code", json={"code": code})
    assert (answer.status_code, answer.json()) == (200, {"name": "keeper"})
    assert client.get("/v1/session").json()["role"] == "security_administrator"
    # The half sign-in is over, and the code too.
    assert client.post("/v1/session/code", json={"code": code}).status_code == 401
    client.delete("/v1/session")
    sign_in(client, provider, "keeper")
    assert client.post("/v1/session/code", json={"code": code}).status_code == 401
    assert actions_of(store, "keeper") == [
        "sign_in.oidc_refused", "sign_in.oidc", "sign_out", "sign_in.oidc_refused",
    ]  # fmt: skip


def test_wrong_codes_lock_the_account(
    client: TestClient, provider: Provider, store: Database
) -> None:
    sign_in(client, provider, "keeper")
    for _ in range(FAILURES_MAX):
        assert client.post("/v1/session/code", json={"code": "000000"}).status_code == 401
    right = {"code": totp_code(SECRET, datetime.now(UTC))}
    assert client.post("/v1/session/code", json=right).status_code == 401
    with store.session() as session:
        assert accounts.get_account(session, "keeper").locked_until is not None


def test_nobody_gets_a_code_page_without_having_come_back(client: TestClient) -> None:
    assert fault_of(client.get("/sign-in/code")) == "code"
    assert client.post("/v1/session/code", json={"code": "000000"}).status_code == 401


def test_keys_that_changed_are_fetched_anew(
    client: TestClient, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fault_of(sign_in(client, provider, "wang")) is None
    client.delete("/v1/session")
    provider.spoil(key="new")
    assert fault_of(sign_in(client, provider, "wang")) == "token"  # asked a moment ago
    monkeypatch.setattr(oidc, "KEYS_ASKED_EVERY_S", -1)
    assert fault_of(sign_in(client, provider, "wang")) is None


def test_a_claim_that_is_not_in_the_token_is_asked_for(
    client: TestClient, provider: Provider
) -> None:
    where = {"userinfo_endpoint": f"{provider.issuer}/me"}
    provider.spoil(claims={"preferred_username": None}, described=where)
    assert fault_of(sign_in(client, provider, "wang")) is None
    client.delete("/v1/session")
    provider.spoil(
        claims={"preferred_username": None}, described=where, me={"sub": "another"}
    )  # fmt: skip
    assert fault_of(sign_in(client, provider, "wang")) == "account"


def test_an_address_counts_only_where_it_is_verified(
    settings: Settings, app: FastAPI, client: TestClient, provider: Provider
) -> None:
    by_mail = settings.model_copy(update={"oidc_account_claim": "email"})
    app.state.services.oidc = oidc.find_provider(by_mail)
    for verified, fault in ((None, "account"), (False, "account"), (True, None)):
        back = sign_in(client, provider, "x", email="li", email_verified=verified)
        assert fault_of(back) == fault


def test_a_page_of_another_site_is_not_where_one_is_led(
    client: TestClient, provider: Provider
) -> None:
    for goal in ("https://evil.example", "//evil.example", "/\\evil.example"):
        back = client.get(provider.sign_in(go(client, goal), "wang"))
        assert back.headers["Location"] == "/"
        client.delete("/v1/session")


def test_a_provider_that_is_down_is_said_and_passwords_work(
    settings: Settings, app: FastAPI, client: TestClient
) -> None:
    gone = settings.model_copy(update={"oidc_issuer": "http://127.0.0.1:9"})
    app.state.services.oidc = oidc.find_provider(gone)
    assert fault_of(client.get("/sign-in/provider")) == "down"
    given = {"name": "wang", "password": PASSWORD}
    assert client.post("/v1/session", json=given).status_code == 200


def test_without_the_setting_there_is_no_such_way(
    settings: Settings, app: FastAPI, client: TestClient
) -> None:
    app.state.services.oidc = oidc.find_provider(settings.model_copy(update={"oidc_issuer": None}))
    for path in ("/sign-in/provider", "/sign-in/provider/back", "/sign-out/provider"):
        assert client.get(path).status_code == 404
    assert "/sign-in/provider" not in client.get("/sign-in").text


def test_not_over_plain_http_from_another_machine(app: FastAPI) -> None:
    plain = TestClient(app, base_url="http://testserver", client=("10.0.0.9", 1))
    for path in ("/sign-in/provider", "/sign-in/provider/back"):
        assert plain.get(path).status_code == 403


def test_tries_from_one_address_are_counted(client: TestClient) -> None:
    found = {fault_of(client.get("/sign-in/provider/back")) for _ in range(25)}
    assert found == {"state", "tries"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"oidc_client_id": None},
        {"oidc_issuer": "http://provider.example"},
        {"oidc_issuer": "ftp://127.0.0.1"},
        {"oidc_issuer": "provider.example"},
        {"oidc_client_secret": None, "oidc_client_secret_file": Path("/nowhere/secret")},
    ],
)
def test_settings_that_cannot_be_are_said_at_the_start(
    settings: Settings, wrong: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput) as caught:
        oidc.find_provider(settings.model_copy(update=wrong))
    assert CLIENT_SECRET not in str(caught.value)


def test_the_secret_may_be_in_a_file_and_is_in_no_text(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{CLIENT_SECRET}\n")
    by_file = settings.model_copy(
        update={"oidc_client_secret": None, "oidc_client_secret_file": file}
    )
    made = oidc.find_provider(by_file)
    assert made is not None
    assert made._secret == CLIENT_SECRET
    assert CLIENT_SECRET not in repr(settings)
