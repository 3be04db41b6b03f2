"""What somebody sends who means ill: fields that nobody offered, text that becomes a statement or a
template, old sessions, another grid, another clock. Over the whole API, as its document has it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text, update

from api import callers
from api.app import create_app
from bench.leak_model import Asked, Asker, Requests, World, make_world, send
from geo import accounts
from geo.settings import Settings
from geo.store.cluster import EmbeddedCluster
from geo.store.database import Database
from geo.tables import AccountSession
from tests.bad_texts import NO_ADDRESS
from tests.conftest import copied_database

# Text that a statement, a template, a shell, a path or a format would make something of.
INJECTIONS = (
    "x'; DROP TABLE account; --",
    "x' OR '1'='1",
    '"; SELECT pg_sleep(20); --',
    "{{8191*7919}}${8191*7919}#{8191*7919}<%= 8191*7919 %>",
    "{0.__class__.__mro__}%(name)s%n",
    "$(id)`id`../../../../etc/passwd",
)
PRODUCT = str(8191 * 7919)  # what a template would make of it
# Devices' own words: unknown ones are left out, not refused (docs/live_positions.md).
TAKES_WHAT_COMES = {"send_position", "send_positions"}


class Place:
    """The world of the leak model, and who may do most of it."""

    def __init__(self, app: FastAPI, client: TestClient, world: World, database: Database) -> None:
        self.client, self.world, self.database = client, world, database
        self.requests = Requests(app, world, random.Random(3))
        self.document = app.openapi()

    def asker(self, name: str) -> Asker:
        return next(each for each in self.world.askers if each.name == name)

    def who_may(self, route: str) -> Asker:
        """Who may ask a route; where everybody may, the chief."""
        may = self.requests.who_may(route)
        whole = [each for each in may if each.name in ("chief", "system", "security", "audit")]
        return (whole or may)[0]

    def bodies(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Each operation that takes JSON, and the schema of its body."""
        for name, operation in self.requests.operations.items():
            content = operation.get("requestBody", {}).get("content", {})
            if "application/json" in content:
                yield name, content["application/json"]["schema"]

    def draw(self, route: str, asker: Asker) -> Asked:
        asked = self.requests.draw(route, asker)
        asked.headers |= {"X-Purpose": "register", "X-Case": "T-1"}
        return asked


@pytest.fixture(scope="module")
def place(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    settings = Settings(data_folder=tmp_path_factory.mktemp("abuse"), demo=False)
    with copied_database(cluster) as database:
        world = make_world(database, settings)
        app = create_app(settings, database)
        with TestClient(
            app, base_url="https://testserver", raise_server_exceptions=False
        ) as client:
            yield Place(app, client, world, database)


def test_no_body_takes_a_field_that_it_does_not_name(place: Place) -> None:
    """Mass assignment: what a form didn't offer can't be set by sending it all the same."""
    asked_of = 0
    for route, _ in place.bodies():
        if route in TAKES_WHAT_COMES or route == "sign_in":
            continue
        asker = place.who_may(route)
        asked = place.draw(route, asker)
        if not isinstance(asked.body, dict):
            continue
        asked.body |= {"role": "chief", "grid_code": "14010500100100001", "is_demo": True, "id": 1}
        named = set(_properties(place.document, asked.route))
        answer = send(place.client, asked, asker)
        assert answer.status_code == 422, (route, asker.name, answer.text[:300])
        assert not {"role", "is_demo", "id"} <= named
        asked_of += 1
    assert asked_of >= 30


def _properties(document: dict[str, Any], route: str) -> list[str]:
    for methods in document["paths"].values():
        for operation in methods.values():
            if operation["operationId"] == route:
                schema = operation["requestBody"]["content"]["application/json"]["schema"]
                name = schema.get("$ref", "").rsplit("/", 1)[-1]
                return list(document["components"]["schemas"].get(name, {}).get("properties", {}))
    return []


def test_no_text_becomes_a_statement_or_a_template(place: Place) -> None:
    """Each text of each body, query and path, with what has meant something somewhere."""
    tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"
    with place.database.session() as session:
        before = session.scalar(text(tables))
    asked_of = 0
    for at, route in enumerate(sorted(place.requests.operations)):
        if route in ("sign_in", "sign_out", "watch_positions"):
            continue
        asker = place.who_may(route)
        for turn in range(2):
            bad = INJECTIONS[(at + turn * 3) % len(INJECTIONS)]
            asked = place.draw(route, asker)
            if not _put_texts(asked, bad):
                break
            answer = send(place.client, asked, asker)
            assert answer.status_code < 500, (route, bad, answer.text[:300])
            assert PRODUCT not in answer.text, route
            assert "psycopg" not in answer.text and "syntax error" not in answer.text
            assert answer.elapsed < timedelta(seconds=20), route
            asked_of += 1
    assert asked_of >= 100
    with place.database.session() as session:
        assert session.scalar(text(tables)) == before


def _put_texts(asked: Asked, bad: str) -> bool:
    """Put a text in place of every text of a request; whether there was any."""

    def changed(value: Any) -> Any:
        if isinstance(value, str):
            return bad
        if isinstance(value, list):
            return [changed(each) for each in value]
        if isinstance(value, dict):
            return {key: changed(each) for key, each in value.items()}
        return value

    had = str([asked.query, asked.body, asked.values])
    asked.query = changed(asked.query)
    asked.body = changed(asked.body)
    # A path that holds a slash, a question mark or a hash is another address.
    asked.values = {
        key: quote(value, safe="") if isinstance(value, str) else value
        for key, value in changed(asked.values).items()
    }
    return str([asked.query, asked.body, asked.values]) != had


@pytest.mark.parametrize("name", sorted(NO_ADDRESS))
def test_a_text_that_is_nothing_is_stored_as_it_is_or_refused(place: Place, name: str) -> None:
    """What is recorded comes back to the letter: no face makes anything of it."""
    asker = place.asker("worker.a")
    address = place.world.things["address"]["A"][9]
    said = NO_ADDRESS[name][:100]
    if name == "surrogate":
        return  # no client can send it
    body = {
        "standard_address_id": address, "name": said, "establishment_class": "other",
        "occupied_from": "2025-01-01", "note": said,
    }  # fmt: skip
    place.client.cookies.set("__Host-gridbeat", asker.cookie or "")
    why = {"X-Purpose": "register", "X-Case": "T-1"}
    answer = place.client.post("/v1/establishments", json=body, headers=why)
    if answer.status_code == 201:
        made = answer.json()["record_id"]
        shown = place.client.get(f"/v1/establishments/{made}", headers=why).json()
        assert shown["name"] == said.strip()
    else:
        assert answer.status_code in (409, 422), answer.text


def test_who_is_moved_to_another_grid_sees_that_one_at_once(place: Place) -> None:
    """Within the sign-in that is open: no answer is kept from before."""
    asker = place.asker("worker.c")
    theirs, other = (place.world.things["dwelling"][letter][0] for letter in "CD")
    place.client.cookies.set("__Host-gridbeat", asker.cookie or "")

    def statuses() -> tuple[int, int]:
        return (
            place.client.get(f"/v1/dwellings/{theirs}").status_code,
            place.client.get(f"/v1/dwellings/{other}").status_code,
        )

    assert statuses() == (200, 404)
    today = datetime.now(UTC).date() + timedelta(days=1)  # whatever the zone says is today
    with place.database.session() as session:
        account = accounts.get_account(session, "worker.c")
        session.execute(
            text("UPDATE account_assignment SET valid_to = :day WHERE account_id = :id"),
            {"day": today - timedelta(days=1), "id": account.id},
        )
        accounts.assign(session, account, "14010500100100004", valid_from=today - timedelta(days=2))
    assert statuses() == (404, 200)
    # A write begun before the move is refused as any other outside of one's grids.
    change = {"expected_version": 1, "use": "vacant"}
    assert place.client.patch(f"/v1/dwellings/{theirs}", json=change).status_code == 404


def test_a_clock_that_is_set_back_opens_nothing(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sign-in that has ended, by the person or by its age, stays so when the clock goes back."""
    with place.database.session() as session:
        account = accounts.create_account(
            session, "clock", "only-a-test-password", role="grid_worker"
        )
    now = datetime.now(UTC)
    token = accounts.sign_in(place.database, "clock", "only-a-test-password", now=now).token
    place.client.cookies.set("__Host-gridbeat", token)
    assert place.client.get("/v1/session").status_code == 200
    assert place.client.delete("/v1/session").status_code == 204

    class EarlierClock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return now - timedelta(hours=6)

    monkeypatch.setattr(callers, "datetime", EarlierClock)
    place.client.cookies.set("__Host-gridbeat", token)
    assert place.client.get("/v1/session").status_code == 401
    # One that is of a time to come, since the clock was ahead, isn't one yet.
    other = accounts.sign_in(place.database, "clock", "only-a-test-password", now=now).token
    place.client.cookies.set("__Host-gridbeat", other)
    assert place.client.get("/v1/session").status_code == 401
    with place.database.session() as session:
        session.execute(
            update(AccountSession)
            .where(AccountSession.account_id == account.id)
            .values(ended_at=now)
        )
