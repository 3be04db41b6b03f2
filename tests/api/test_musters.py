"""Musters over HTTP: called, answered, arrived, ended; and all that may be got wrong."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from api.app import create_app
from geo import accounts
from geo.settings import Settings
from geo.store.cluster import EmbeddedCluster
from geo.store.database import Database
from geo.tables import Account, PatrolUnit
from geo.units.devices import register_device
from geo.units.units import add_member, create_unit, plan_shift, set_status
from geo.values import GridScope, Period
from tests.conftest import copied_database
from tests.drawing import draw
from tests.factories import add_grid, add_grid_version, add_standard_address

GRID_A, GRID_B = "14010500100100001", "14010500100100002"
PASSWORD = "only-a-test-password"
LON, LAT = 112.55, 37.88
FAR = 0.01  # degrees north: 1.1 km
CALLERS = (
    ("leader", "patrol_leader", None),
    ("leader.b", "patrol_leader", GRID_B),
    ("worker", "grid_worker", GRID_A),
    ("other", "grid_worker", GRID_A),
)
UNITS = (
    ("U1", GRID_A, "worker"),
    ("U2", GRID_A, "other"),
    ("B1", GRID_B, None),
    ("U-OFF", GRID_A, None),
)


class Musters:
    """The application; units U1 (of worker), U2 (of other), both of grid A, B1 of grid B; all on
    duty but U-OFF."""

    def __init__(self, client: TestClient, database: Database) -> None:
        self.client, self.database = client, database
        self.cookies: dict[str, str] = {}
        self.ids: dict[str, int] = {}
        self.tokens: dict[str, str] = {}

    def ask(self, who: str, method: str, path: str, **more: Any) -> Any:
        self.client.cookies.clear()
        self.client.cookies.set("__Host-gridbeat", self.cookies[who])
        return self.client.request(method, path, **more)

    def call(self, who: str = "leader", *codes: str, **more: Any) -> Any:
        body = {"reason": "有人落水", "lon": LON, "lat": LAT, **more}
        if codes:
            body["unit_ids"] = [self.ids[code] for code in codes]
        return self.ask(who, "POST", "/v1/musters", json=body)

    def say(self, who: str, muster_id: int, code: str, what: str, **more: Any) -> Any:
        path = f"/v1/musters/{muster_id}/units/{self.ids[code]}/{what}"
        return self.ask(who, "POST", path, **more)

    def send(self, code: str, *, north: float = 0.0, at: float | None = None, **more: str) -> None:
        answer = self.client.post(
            "/v1/positions/in/traccar",
            data={"id": self.tokens[code], "lat": f"{LAT + north}", "lon": f"{LON}",
                  "timestamp": f"{at or time.time():.3f}", **more},
        )  # fmt: skip
        assert answer.json()["dropped"] == {}, answer.text

    def unit(self, muster: dict[str, Any], code: str) -> dict[str, Any]:
        return next(each for each in muster["units"] if each["code"] == code)

    def get(self, muster_id: int, who: str = "leader") -> dict[str, Any]:
        answer = self.ask(who, "GET", f"/v1/musters/{muster_id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def status(self, code: str) -> str:
        with self.database.session() as session:
            return session.scalars(select(PatrolUnit.status).where(PatrolUnit.code == code)).one()

    def look(self) -> None:
        """What the program does once a second."""
        self.client.app.state.services.musters.look()  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def store(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Musters]:
    now = datetime.now(UTC)
    with copied_database(cluster) as database:
        with database.session() as session:
            drawn = draw("AB")
            version = add_grid_version(session)
            for code, letter in ((GRID_A, "A"), (GRID_B, "B")):
                add_grid(session, code, drawn[letter], version=version)
            for name, role, grid in CALLERS:
                account = accounts.create_account(session, name, PASSWORD, role=role, is_demo=True)
                accounts.assign(session, account, grid, valid_from=now.date() - timedelta(days=2))
            add_standard_address(session, None, canonical_text="没有坐标的地址")
        settings = Settings(data_folder=tmp_path_factory.mktemp("musters"), demo=False)
        with TestClient(create_app(settings, database), base_url="https://testserver") as client:
            made = Musters(client, database)
            for name, _, _ in CALLERS:
                made.cookies[name] = accounts.sign_in(database, name, PASSWORD, now=now).token
            yield made


@pytest.fixture
def musters(store: Musters) -> Iterator[Musters]:
    """New units for each test; what was called is ended."""
    now = datetime.now(UTC)
    tag = str(time.monotonic_ns())
    with store.database.session() as session:
        for code, grid, who in UNITS:
            unit = create_unit(
                session, code + tag, code, scope=GridScope.everything(), kind="foot",
                grid_codes=[grid], skills=["急救"] if code == "U2" else [],
            )  # fmt: skip
            if who is not None:
                account = session.scalars(select(Account).where(Account.name == who)).one()
                add_member(session, unit, account.id, "member")
            if code != "U-OFF":
                duty = Period(now - timedelta(hours=1), now + timedelta(hours=1))
                plan_shift(session, unit, duty, planned_by="test")
                set_status(session, unit, "free", now=now, told_by="test")
            store.tokens[code] = register_device(session, unit)[1]
            store.ids[code] = unit.id
            unit.code = code
        session.flush()
    yield store
    for each in store.ask("leader", "GET", "/v1/musters?only_open=true").json()["musters"]:
        assert store.ask("leader", "POST", f"/v1/musters/{each['muster_id']}/end").is_success
    with store.database.session() as session:
        for unit in session.scalars(select(PatrolUnit).where(PatrolUnit.ended_at.is_(None))):
            unit.code, unit.ended_at = f"{unit.code}{tag}", datetime.now(UTC)


def test_two_are_called_one_comes_one_cannot(musters: Musters) -> None:
    musters.send("U1", north=FAR)
    called = musters.call("leader", "U1", "U2")
    assert called.status_code == 201, called.text
    muster_id = called.json()["muster_id"]
    seen = musters.get(muster_id, "worker")
    assert [each["code"] for each in seen["units"]] == ["U1"]  # where others are isn't theirs
    assert (seen["reason"], seen["units"][0]["is_own"]) == ("有人落水", True)
    assert seen["units"][0]["distance_m"] == pytest.approx(1110, abs=3)
    assert musters.say("worker", muster_id, "U1", "acknowledge").status_code == 200
    assert musters.status("U1") == "en_route"
    refused = musters.say("other", muster_id, "U2", "decline", json={"reason": "押送途中"})
    assert musters.unit(refused.json(), "U2")["state"] == "declined"
    musters.send("U1", north=0.0003)  # 33 m
    musters.look()
    found = musters.get(muster_id)
    arrived = musters.unit(found, "U1")
    assert (arrived["state"], arrived["arrived_how"]) == ("arrived", "position")
    assert musters.status("U1") == "on_scene"
    ended = musters.ask("leader", "POST", f"/v1/musters/{muster_id}/end").json()
    assert ended["figures"]["called"] == 2
    assert (ended["figures"]["arrived"], ended["figures"]["silent"]) == (1, 0)
    assert ended["figures"]["first_arrived_at"] == arrived["arrived_at"]
    assert musters.status("U1") == "free"
    whats = [each["what"] for each in ended["log"]]
    assert whats == ["called", "called", "acknowledged", "declined", "arrived", "ended"]


def test_only_a_fix_after_the_call_near_and_sure_enough_is_an_arrival(musters: Musters) -> None:
    musters.send("U1")  # was there before it was called
    muster_id = musters.call("leader", "U1").json()["muster_id"]
    musters.look()
    assert musters.unit(musters.get(muster_id), "U1")["state"] == "called"
    for wrong in ({"north": 0.0006}, {"accuracy": "150"}):  # 67 m off; off by up to 150 m
        musters.send("U1", **wrong)
        musters.look()
        assert musters.unit(musters.get(muster_id), "U1")["state"] == "called", wrong
    musters.send("U1", north=FAR)  # went on; what was at the place comes late, from the buffer
    musters.look()
    called_at = datetime.fromisoformat(musters.get(muster_id)["called_at"])
    musters.send("U1", at=called_at.timestamp() + 0.002)
    musters.send("U1", north=FAR)
    musters.look()
    assert musters.unit(musters.get(muster_id), "U1")["state"] == "arrived"


def test_the_distance_of_an_arrival_can_be_set(musters: Musters) -> None:
    muster_id = musters.call("leader", "U1", within_m=100).json()["muster_id"]
    musters.send("U1", north=0.0006)
    musters.look()
    assert musters.unit(musters.get(muster_id), "U1")["state"] == "arrived"


def test_a_check_in_counts_where_no_position_says_so(musters: Musters) -> None:
    muster_id = musters.call("leader", "U1").json()["muster_id"]
    found = musters.say("worker", muster_id, "U1", "check-in").json()
    assert musters.unit(found, "U1")["arrived_how"] == "check_in"
    assert (
        musters.say("worker", muster_id, "U1", "decline", json={"reason": "x"}).status_code == 409
    )


def test_saying_yes_twice_keeps_the_first_time(musters: Musters) -> None:
    muster_id = musters.call("leader", "U1").json()["muster_id"]
    first = musters.say("worker", muster_id, "U1", "acknowledge").json()
    second = musters.say("worker", muster_id, "U1", "acknowledge").json()
    assert [each["units"][0]["acknowledged_at"] for each in (first, second)] == [
        first["units"][0]["acknowledged_at"]
    ] * 2
    assert len(second["log"]) == 2


def test_the_nearest_free_with_the_skill_are_called(musters: Musters) -> None:
    musters.send("U1", north=FAR / 2)
    musters.send("U2", north=FAR)
    one = musters.call("leader", nearest={"wanted": 1}).json()
    assert [each["code"] for each in one["units"]] == ["U1"]
    # The nearest is called elsewhere by now: the next one comes, and then nobody is left.
    skilled = musters.call("leader", nearest={"wanted": 5, "skills": ["急救"]})
    assert [each["code"] for each in skilled.json()["units"]] == ["U2"]
    assert musters.call("leader", nearest={"wanted": 5}).status_code == 422


def test_sent_again_with_its_key_nobody_is_called_twice(musters: Musters) -> None:
    body = {"reason": "x", "lon": LON, "lat": LAT, "unit_ids": [musters.ids["U1"]]}
    key = {"Idempotency-Key": f"k{musters.ids['U1']}"}
    first = musters.ask("leader", "POST", "/v1/musters", json=body, headers=key)
    again = musters.ask("leader", "POST", "/v1/musters", json=body, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["muster_id"] == again.json()["muster_id"]
    other = musters.ask("leader", "POST", "/v1/musters", json={**body, "reason": "y"}, headers=key)
    assert (other.status_code, other.json()["error"]["code"]) == (409, "write_key_taken")


def test_who_said_no_can_be_called_anew_and_who_is_there_stood_down(musters: Musters) -> None:
    muster_id = musters.call("leader", "U1").json()["muster_id"]
    musters.say("worker", muster_id, "U1", "decline", json={"reason": "x"})
    more = {"json": {"unit_ids": [musters.ids["U1"], musters.ids["U2"]]}}
    answer = musters.ask("leader", "POST", f"/v1/musters/{muster_id}/units", **more)
    assert [each["state"] for each in answer.json()["units"]] == ["called", "called"]
    assert musters.say("other", muster_id, "U2", "check-in").status_code == 200
    found = musters.say("leader", muster_id, "U2", "stand-down").json()
    assert musters.unit(found, "U2")["state"] == "stood_down"
    assert musters.status("U2") == "free"
    late = musters.say("other", muster_id, "U2", "acknowledge")
    assert (late.status_code, late.json()["error"]["code"]) == (409, "muster_ended")


@pytest.mark.parametrize(
    ("codes", "more", "status", "code"),
    [
        ((), {"unit_ids": []}, 422, "invalid_input"),
        ((), {}, 422, "invalid_input"),  # nobody named, nor the nearest
        (("U1", "U1"), {}, 422, "invalid_input"),
        (("U-OFF",), {}, 422, "invalid_input"),
        (("U1",), {"nearest": {"wanted": 1}}, 422, "invalid_input"),
        (("U1",), {"lon": None}, 422, "invalid_coordinate"),
        (("U1",), {"lon": None, "lat": None}, 422, "invalid_coordinate"),
        (("U1",), {"lat": 95}, 422, "invalid_coordinate"),
        (("U1",), {"lon": None, "lat": None, "address_id": 1}, 422, "invalid_coordinate"),
        (("U1",), {"lon": None, "lat": None, "site_code": "X"}, 422, "invalid_coordinate"),
        (("U1",), {"reason": "   "}, 422, "invalid_input"),
        (("U1",), {"reason": "找 13800138000"}, 422, "invalid_input"),
        (("U1",), {"within_m": 5}, 422, None),
        (("U1",), {"incident_id": 999}, 404, "incident_not_found"),
    ],
)  # fmt: skip
def test_what_is_wrong_calls_nobody(
    musters: Musters, codes: tuple[str, ...], more: dict[str, Any], status: int, code: str | None
) -> None:
    answer = musters.call("leader", *codes, **more)
    assert answer.status_code == status, answer.text
    if code is not None:
        assert answer.json()["error"]["code"] == code
    assert musters.ask("leader", "GET", "/v1/musters?only_open=true").json()["musters"] == []


def test_a_unit_is_called_to_one_place_at_a_time(musters: Musters) -> None:
    musters.call("leader", "U1")
    again = musters.call("leader", "U1", "U2")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "unit_called_elsewhere")
    assert again.json()["error"]["facts"]["codes"] == ["U1"]


def test_who_may_do_what(musters: Musters) -> None:
    assert musters.call("worker", "U1").status_code == 403
    assert musters.call("leader.b", "U1").status_code == 404  # of a grid that isn't theirs
    muster_id = musters.call("leader", "U1", "B1").json()["muster_id"]
    assert musters.say("other", muster_id, "U1", "acknowledge").status_code == 404
    assert musters.ask("other", "GET", f"/v1/musters/{muster_id}").status_code == 404
    assert musters.ask("other", "GET", "/v1/musters?only_open=true").json()["musters"] == []
    theirs = musters.get(muster_id, "leader.b")
    assert ([each["code"] for each in theirs["units"]], theirs["may_end"]) == (["B1"], False)
    assert theirs["figures"]["called"] == 2
    assert musters.ask("leader.b", "POST", f"/v1/musters/{muster_id}/end").status_code == 403
    assert musters.say("worker", muster_id, "U1", "stand-down").status_code == 403
    assert musters.say("leader.b", muster_id, "B1", "stand-down").status_code == 200
    assert musters.get(muster_id)["may_end"] is True


def test_of_an_ended_muster_nothing_more_is_taken(musters: Musters) -> None:
    muster_id = musters.call("leader", "U1").json()["muster_id"]
    for _ in range(2):
        assert musters.ask("leader", "POST", f"/v1/musters/{muster_id}/end").status_code == 200
    for what, more in (("acknowledge", {}), ("check-in", {}), ("stand-down", {}),
                       ("decline", {"json": {"reason": "x"}})):  # fmt: skip
        answer = musters.say("leader", muster_id, "U1", what, **more)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "muster_ended"), what
    more = {"json": {"unit_ids": [musters.ids["U2"]]}}
    answer = musters.ask("leader", "POST", f"/v1/musters/{muster_id}/units", **more)
    assert answer.status_code == 409
    musters.send("U1")
    musters.look()
    found = musters.get(muster_id)
    assert (found["units"][0]["state"], found["figures"]["silent"]) == ("called", 1)


def test_the_stream_tells_a_member_that_their_unit_was_called(musters: Musters) -> None:
    muster_id = musters.call("leader", "U1").json()["muster_id"]
    musters.look()
    for who, told in (("worker", f"event: musters\ndata: [{muster_id}]"), ("other", None)):
        text = musters.ask(who, "GET", "/v1/positions/live?for_s=0").text
        assert (told in text) if told else ("musters" not in text), who
