"""The quick way in answers as the usual one does, and hands on what it can't."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select
from starlette.responses import PlainTextResponse

from api import position_door
from api.app import create_app
from api.middleware import SECURITY_HEADERS
from geo.errors import DatabaseUnavailable
from geo.positions.intake import Intake
from geo.settings import Settings
from geo.store.database import Database
from geo.tables import PatrolPosition
from geo.units.devices import register_device
from geo.units.units import create_unit, plan_shift
from geo.values import GridScope, Period

NOW = datetime.now(UTC)


@pytest.fixture
def station(database: Database, tmp_path: Path) -> Iterator[tuple[TestClient, Database, str]]:
    """The application, and the token of a unit on duty."""
    with database.session() as session:
        unit = create_unit(
            session, "U1", "x", scope=GridScope.everything(), kind="car", grid_codes=["G1"]
        )
        duty = Period(NOW - timedelta(hours=1), NOW + timedelta(hours=1))
        plan_shift(session, unit, duty, planned_by="test")
        token = register_device(session, unit)[1]
    with TestClient(create_app(Settings(data_folder=tmp_path, demo=False), database)) as client:
        yield client, database, token


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many messages the quick way answered."""
    answered: list[int] = []
    told = position_door._told

    def counted(taken: Any) -> bytes:
        answered.append(taken.stored)
        return told(taken)

    monkeypatch.setattr(position_door, "_told", counted)
    return answered


def form(token: str, age_s: float, **more: str) -> dict[str, str]:
    at = f"{NOW.timestamp() - age_s:.3f}"
    return {"id": token, "lat": "37.87", "lon": "112.55", "timestamp": at, **more}


def test_both_ways_answer_alike(
    station: tuple[TestClient, Database, str], quick: list[int]
) -> None:
    client, database, token = station
    own = {"Origin": "http://testserver"}  # only browsers say so, and they take the usual way
    first = client.post("/v1/positions/in/traccar", data=form(token, 10), headers=own)
    assert quick == []
    second = client.post("/v1/positions/in/traccar", data=form(token, 9))
    assert quick == [1]
    assert first.json() == second.json() == {"stored": 1, "dropped": {}}
    assert first.headers["content-type"] == second.headers["content-type"]
    for name in (*SECURITY_HEADERS, "x-request-id"):
        assert name in second.headers
        assert name == "x-request-id" or first.headers[name] == second.headers[name]
    again = client.post("/v1/positions/in/traccar", data=form(token, 9))
    assert again.json() == {"stored": 0, "dropped": {"duplicate": 1}}
    with database.session() as session:
        assert session.scalar(select(func.count()).select_from(PatrolPosition)) == 2


def test_what_is_not_plain_takes_the_usual_way(
    station: tuple[TestClient, Database, str], quick: list[int]
) -> None:
    client, _, token = station
    client.post("/v1/positions/in/traccar", data=form(token, 10))
    assert quick == [1]
    quick.clear()
    foreign = {"Origin": "http://elsewhere.example"}
    refused = client.post("/v1/positions/in/traccar", data=form(token, 9), headers=foreign)
    assert refused.status_code == 403
    assert client.post("/v1/positions/in/traccar", data=form("x" * 43, 9)).status_code == 401
    assert client.post("/v1/positions/in/nothing", data=form(token, 9)).status_code == 422
    bearer = {"Authorization": f"Bearer {token}"}
    unread = client.post("/v1/positions/in/csv", content=b"", headers=bearer)
    assert unread.status_code == 422
    long = client.post("/v1/positions/in/batch", content=b"x" * 2_000_001, headers=bearer)
    assert long.status_code == 413
    assert quick == []
    path = f"/v1/positions/in/owntracks?token={token}"
    body = {"_type": "location", "lat": 37.87, "lon": 112.55, "tst": int(NOW.timestamp()) - 5}
    assert client.post(path, json=body).json() == []


def test_a_store_that_is_away_is_said_by_the_usual_way(
    station: tuple[TestClient, Database, str],
    quick: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client, _, token = station
    client.post("/v1/positions/in/traccar", data=form(token, 10))
    quick.clear()

    def away(*_: object) -> None:
        raise DatabaseUnavailable("The database doesn't answer.", retry_after_s=5)

    monkeypatch.setattr(Intake, "_stored", away)
    answer = client.post("/v1/positions/in/traccar", data=form(token, 9))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert quick == []


@pytest.mark.parametrize(("neighbour", "scheme"), [("127.0.0.1", "https"), ("10.0.0.9", "http")])
def test_a_proxy_on_this_machine_is_believed_as_to_how_the_caller_came(
    station: tuple[TestClient, Database, str], neighbour: str, scheme: str
) -> None:
    app = station[0].app
    app.add_route("/scheme", lambda request: PlainTextResponse(request.url.scheme))  # type: ignore[attr-defined]
    caller = TestClient(app, client=(neighbour, 1), base_url="http://testserver")
    answer = caller.get("/scheme", headers={"X-Forwarded-Proto": "https"})
    assert answer.text == scheme


def test_a_phone_that_comes_back_brings_its_whole_buffer_in_one_body(
    station: tuple[TestClient, Database, str], quick: list[int]
) -> None:
    client, database, token = station
    bearer = {"Authorization": f"Bearer {token}"}
    begin = NOW.timestamp() - 3000
    fixes = ",".join(
        f'{{"fixed_at":{begin + at / 10:.1f},"longitude":112.55,"latitude":37.87}}'
        for at in range(20_000)
    )
    body = f'{{"fixes":[{fixes}]}}'.encode()
    path = "/v1/positions/in/batch"
    half = client.post(path, content=body[: len(body) // 2], headers=bearer)
    assert (half.status_code, half.json()["error"]["code"]) == (422, "invalid_file")
    whole = client.post(path, content=body, headers=bearer)
    assert (whole.status_code, whole.json()) == (200, {"stored": 20_000, "dropped": {}})
    assert quick == [20_000]
    again = client.post(path, content=body, headers=bearer)
    assert again.json() == {"stored": 0, "dropped": {"duplicate": 20_000}}
    with database.session() as session:
        assert session.scalar(select(func.count()).select_from(PatrolPosition)) == 20_000
