"""A task over HTTP: said once, used by what reads about persons, audited; refusals too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient

from api.app import create_app
from api.callers import CallerAccess, pass_door
from api.dependencies import WriteSession
from geo import accounts
from geo.audit import Access, audited, read_log
from geo.settings import Settings
from geo.store.database import Database
from geo.tables import AuditEntry

PASSWORD = "only-a-test-password"
TASK = {"purpose": "register", "case_ref": "走访清单 06-01"}


@pytest.fixture
def app(database: Database, tmp_path: Path) -> FastAPI:
    """The application with one route more, which reads something about a person."""
    with database.session() as session:
        for name, role in (("wang", "grid_worker"), ("an", "analyst")):
            account = accounts.create_account(session, name, PASSWORD, role=role)
            accounts.assign(
                session, account, None, valid_from=datetime.now(UTC).date() - timedelta(2)
            )
    app = create_app(Settings(data_folder=tmp_path, demo=False), database)

    @app.get("/v1/persons/{person_id}", operation_id="read", dependencies=[Depends(pass_door)])
    def read(session: WriteSession, access: CallerAccess, person_id: int) -> dict[str, int]:
        with audited(session, access, "resident.read", object_kind="resident") as found:
            found.row_count = 1
        return {"id": person_id}

    return app


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    client = TestClient(app, base_url="https://testserver")
    sign_in(client)
    yield client


def sign_in(client: TestClient, name: str = "wang") -> None:
    body = {"name": name, "password": PASSWORD}
    assert client.post("/v1/session", json=body).status_code == 200


def entries(database: Database) -> Sequence[AuditEntry]:
    now = datetime.now(UTC)
    with database.session() as session:
        return read_log(
            session, Access("auditor"), start=now - timedelta(hours=1),
            end=now + timedelta(minutes=1),
        )  # fmt: skip


def test_it_is_asked_once_and_stands_at_each_entry(client: TestClient, database: Database) -> None:
    refused = client.get("/v1/persons/7")
    assert refused.status_code == 428
    assert refused.json()["error"]["code"] == "purpose_missing"
    assert refused.json()["error"]["wanted"] == ["purpose", "case_ref"]
    assert client.get("/v1/task").json() == {"task": None}

    opened = client.put("/v1/task", json={**TASK, "note": "周例行", "hours": 2}).json()["task"]
    assert (opened["purpose"], opened["case_ref"], opened["note"]) == (*TASK.values(), "周例行")
    lasts = datetime.fromisoformat(opened["ends_at"]) - datetime.fromisoformat(opened["started_at"])
    assert lasts == timedelta(hours=2)
    assert client.get("/v1/task").json() == {"task": opened}
    for _ in range(2):
        assert client.get("/v1/persons/7").status_code == 200
    assert client.delete("/v1/task").status_code == 204
    assert client.delete("/v1/task").status_code == 204
    assert client.get("/v1/persons/7").status_code == 428

    said = [(each.action, each.purpose, each.case_ref) for each in reversed(entries(database))]
    assert said == [
        ("sign_in", None, None),
        ("refused.no_purpose", None, None),
        ("task.open", *TASK.values()),
        ("resident.read", *TASK.values()),
        ("resident.read", *TASK.values()),
        ("task.end", *TASK.values()),
        ("refused.no_purpose", None, None),
    ]
    refusal = entries(database)[1]
    assert (refusal.actor, refusal.object_kind, refusal.object_ref) == ("wang", "read", "7")


def test_it_belongs_to_the_sign_in_and_ends_with_it(client: TestClient, app: FastAPI) -> None:
    client.put("/v1/task", json=TASK)
    other = TestClient(app, base_url="https://testserver")
    sign_in(other)
    assert other.get("/v1/task").json() == {"task": None}
    client.delete("/v1/session")
    sign_in(client)
    assert client.get("/v1/task").json() == {"task": None}


def test_a_program_says_it_with_each_request(
    client: TestClient, app: FastAPI, database: Database
) -> None:
    with database.session() as session:
        token = accounts.create_api_token(
            session, accounts.get_account(session, "wang"), "x", scopes=["read"],
            lasts=timedelta(days=1), now=datetime.now(UTC),
        )  # fmt: skip
    program = TestClient(
        app, base_url="https://testserver", headers={"Authorization": f"Bearer {token}"}
    )
    said = {"X-Purpose": quote("一标三实采集登记"), "X-Case": quote("任务 7")}
    assert program.get("/v1/persons/7", headers=said).status_code == 200
    assert (entries(database)[0].purpose, entries(database)[1].case_ref) == ("register", "任务 7")
    assert program.get("/v1/persons/7", headers={"X-Purpose": "register"}).status_code == 428
    unknown = program.get("/v1/persons/7", headers={**said, "X-Purpose": "curiosity"})
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (422, "invalid_purpose")
    person = program.get("/v1/persons/7", headers={**said, "X-Case": "13800138000"})
    assert (person.status_code, "13800138000" in person.text) == (422, False)
    assert program.put("/v1/task", json=TASK).status_code == 409
    assert "X-Purpose" in program.delete("/v1/task").json()["error"]["message"]
    # what the headers say stands before the task of the same person's browser
    client.put("/v1/task", json=TASK)
    client.get("/v1/persons/7", headers={"X-Purpose": "incident", "X-Case": "2"})
    assert entries(database)[0].purpose == "incident"


@pytest.mark.parametrize(
    "wrong",
    [{"purpose": "curiosity"}, {"purpose": ""}, {"case_ref": ""}, {"case_ref": "\x00"},
     {"hours": 0}, {"hours": 13}, {"note": "长" * 201}, {"more": 1}, {"case_ref": "13800138000"}],
)  # fmt: skip
def test_bad_tasks(client: TestClient, wrong: dict[str, Any]) -> None:
    answer = client.put("/v1/task", json={**TASK, **wrong})
    assert answer.status_code == 422
    assert "13800138000" not in answer.text
    assert client.get("/v1/task").json() == {"task": None}


def test_who_reads_may_say_why_and_what_is_not_permitted_is_recorded(
    client: TestClient, database: Database
) -> None:
    sign_in(client, "an")
    assert client.put("/v1/task", json=TASK).status_code == 200
    assert len(client.get("/v1/purposes").json()["purposes"]) >= 10
    assert client.post("/v1/addresses", json={}).status_code == 403
    newest = entries(database)[0]
    assert (newest.actor, newest.action, newest.object_kind) == (
        "an", "refused.not_permitted", "create_address",
    )  # fmt: skip
