"""What a leader keeps of a unit over HTTP: facts, members, roster, tokens; its end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import Request
from fastapi.testclient import TestClient

from api.app import create_app
from api.callers import current_caller
from geo import accounts
from geo.settings import Settings
from geo.store.cluster import EmbeddedCluster
from geo.tables import Account
from tests.conftest import copied_database
from tests.drawing import draw
from tests.factories import add_grid, add_grid_version
from tests.signed_in import caller_of

GRID_A, GRID_B = "14010500100100001", "14010500100100002"


@pytest.fixture(scope="module")
def client(
    cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestClient]:
    """Header `X-Who` says who asks: `leader.a` of grid A, `leader` of all, `worker` of A."""
    callers = {
        "leader": caller_of("patrol_leader"),
        "leader.a": caller_of("patrol_leader", GRID_A),
        "worker": caller_of("grid_worker", GRID_A),
    }
    with copied_database(cluster) as database:
        with database.session() as session:
            drawn, version = draw("AB"), add_grid_version(session)
            for code, letter in ((GRID_A, "A"), (GRID_B, "B")):
                add_grid(session, code, drawn[letter], version=version)
            # The caller of the tests is account 1.
            session.add(Account(id=1, name="wang", shown_name="示例·王", role="grid_worker",
                                password_hash="x"))  # fmt: skip
        settings = Settings(data_folder=tmp_path_factory.mktemp("units"), demo=False)
        app = create_app(settings, database)

        def who(request: Request) -> accounts.Caller:
            return callers[request.headers.get("x-who", "leader")]

        app.dependency_overrides[current_caller] = who
        with TestClient(app) as client:
            yield client


@pytest.fixture
def unit(client: TestClient, request: pytest.FixtureRequest) -> dict[str, Any]:
    """A unit of grid A."""
    answer = client.post("/v1/units", json={
        "code": request.node.name, "name": "一组", "kind": "foot", "grid_codes": [GRID_A],
        "home": {"lon": 112.5, "lat": 37.8},
    })  # fmt: skip
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = client.get(f"/v1/units/{answer.json()['unit_id']}").json()
    return found


def path_of(unit: dict[str, Any]) -> str:
    return f"/v1/units/{unit['unit_id']}"


def test_facts_are_changed_and_a_second_writer_is_told(
    client: TestClient, unit: dict[str, Any]
) -> None:
    assert (unit["version"], unit["home"]) == (1, {"lon": 112.5, "lat": 37.8})
    change = {"version": 1, "kit": ["盾牌", " 盾牌 ", "钢叉"], "drilled_on": "2026-05-01"}
    changed = client.patch(path_of(unit), json=change).json()
    assert (changed["kit"], changed["version"]) == (["盾牌", "钢叉"], 2)
    assert (changed["home"], changed["drilled_on"]) == (unit["home"], "2026-05-01")
    second = client.patch(path_of(unit), json={"version": 1, "name": "二组"})
    assert (second.status_code, second.json()["error"]["code"]) == (409, "stale_record")
    assert second.json()["error"]["facts"]["version"] == 2
    cleared = client.patch(path_of(unit), json={"version": 2, "home": None}).json()
    assert (cleared["home"], cleared["name"]) == (None, "一组")


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"kind": "tank"}, 422),
        ({"grid_codes": []}, 422),
        ({"name": "  "}, 422),
        ({"home": {"lon": 500, "lat": 0}}, 422),
        ({"grid_codes": [GRID_A, GRID_B]}, 404),  # puts it into a grid of others
        ({"nickname": "x"}, 422),
    ],
)
def test_what_cannot_be_changes_nothing(
    client: TestClient, unit: dict[str, Any], change: dict[str, Any], status: int
) -> None:
    asked = {"version": 1, **change}
    answer = client.patch(path_of(unit), json=asked, headers={"x-who": "leader.a"})
    assert answer.status_code == status, answer.text
    assert client.get(path_of(unit)).json()["version"] == 1


def test_members_join_and_leave_and_it_stays_written(
    client: TestClient, unit: dict[str, Any]
) -> None:
    members = f"{path_of(unit)}/members"
    assert client.get(members, headers={"x-who": "worker"}).status_code == 404
    joined = client.post(members, json={"role": "member", "account": "wang"}).json()
    assert (joined["name"], joined["account"], joined["left_at"]) == ("示例·王", "wang", None)
    assert client.get(members, headers={"x-who": "worker"}).status_code == 200
    for body, status in (
        ({"role": "member", "account": "wang"}, 422),  # belongs already
        ({"role": "member", "account": "nobody"}, 404),
        ({"role": "king", "shown_name": "x"}, 422),
        ({"role": "member"}, 422),
    ):
        assert client.post(members, json=body).status_code == status, body
    client.post(members, json={"role": "leader", "shown_name": "示例·志愿者"})
    leave = f"{members}/{joined['member_id']}/leave"
    assert client.post(leave, headers={"x-who": "worker"}).status_code == 403
    assert client.post(leave).status_code == 204
    assert client.post(leave).status_code == 404
    assert [each["name"] for each in client.get(members).json()["members"]] == ["示例·志愿者"]
    former = client.get(f"{members}?former=true").json()["members"]
    assert former[1]["left_at"] > former[1]["joined_at"]
    assert client.get(members, headers={"x-who": "worker"}).status_code == 404


def test_a_shift_to_come_is_taken_off_and_one_that_began_stays(
    client: TestClient, unit: dict[str, Any]
) -> None:
    now, shifts = datetime.now(UTC), f"{path_of(unit)}/shifts"
    ids = [
        client.post(shifts, json={
            "starts_at": (now + timedelta(hours=start)).isoformat(),
            "ends_at": (now + timedelta(hours=start + 4)).isoformat(),
        }).json()["shift_id"]
        for start in (-1, 20)
    ]  # fmt: skip
    assert [each["shift_id"] for each in client.get(shifts).json()["shifts"]] == ids
    assert client.delete(f"{shifts}/{ids[0]}").status_code == 422
    assert client.delete(f"{shifts}/{ids[1]}", headers={"x-who": "worker"}).status_code == 403
    assert client.delete(f"{shifts}/{ids[1]}").status_code == 204
    assert client.delete(f"{shifts}/{ids[1]}").status_code == 404
    assert [each["shift_id"] for each in client.get(shifts).json()["shifts"]] == ids[:1]
    far = {"start": now.isoformat(), "end": (now + timedelta(days=63)).isoformat()}
    assert client.get(shifts, params=far).status_code == 422


def test_a_token_is_changed_and_an_ended_unit_has_nothing_left(
    client: TestClient, unit: dict[str, Any]
) -> None:
    made = client.post(f"{path_of(unit)}/devices", json={"name": None}).json()
    device = f"{path_of(unit)}/devices/{made['device_id']}"
    renewed = client.post(f"{device}/token").json()
    assert renewed["token"] != made["token"]

    def sent(token: str) -> int:
        return client.post(f"/v1/positions/in/traccar?id=x&lat=1&lon=1&token={token}").status_code

    assert (sent(made["token"]), sent(renewed["token"])) == (401, 200)
    client.post(f"{path_of(unit)}/members", json={"role": "member", "shown_name": "x"})
    start = datetime.now(UTC) + timedelta(hours=3)
    client.post(f"{path_of(unit)}/shifts", json={
        "starts_at": start.isoformat(), "ends_at": (start + timedelta(hours=1)).isoformat(),
    })  # fmt: skip
    assert client.post(f"{path_of(unit)}/end", json={"version": 9}).status_code == 409
    ended = client.post(f"{path_of(unit)}/end", json={"version": 1}).json()
    assert ended["ended_at"] and ended["devices"][0]["ended_at"]
    assert client.get(f"{path_of(unit)}/members").json()["members"] == []
    assert client.get(f"{path_of(unit)}/shifts").json()["shifts"] == []
    assert client.post(f"{device}/token").status_code == 404
    assert client.patch(path_of(unit), json={"version": 2, "name": "x"}).status_code == 409
