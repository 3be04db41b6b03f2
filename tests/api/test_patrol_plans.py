"""A leader plans a shift over HTTP, changes it, assigns it, and sees what became of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from geo import accounts
from geo.roads.store import store_road_network
from geo.settings import Settings
from geo.store.cluster import EmbeddedCluster
from geo.store.database import Database
from geo.tables import PatrolUnit, PatrolUnitMember
from geo.units.devices import register_device
from geo.units.units import create_unit, plan_shift, set_status
from geo.values import GridScope, LonLat, Period
from tests.conftest import copied_database
from tests.geo.roads.streets import place, streets

PASSWORD = "only-a-test-password"
# A shift that began three hours ago, so that positions of it can come in.
HOURS = timedelta(hours=4)  # of a shift, of which three are over
BLOCK = """
    A-B-C-D
    | | | |
    E-F>G-H
    | | | |
    I-J-K-L
"""
CORNERS = {"东门": (3, 0), "西门": (0, 0), "南市": (2, 2)}


def shift_of_now() -> Period:
    """A shift that began three hours ago, as seen when it is asked for."""
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)
    return Period(start, start + HOURS)


class Room:
    """Who asks, and a unit at the corner E with a device."""

    def __init__(
        self, client: TestClient, cookies: dict[str, str], unit_id: int, token: str,
        database: Database, shift: Period,
    ):  # fmt: skip
        self.client, self.cookies, self.unit_id, self.token = client, cookies, unit_id, token
        self.database, self.shift = database, shift

    def of_new_unit(self, code: str) -> Room:
        """The same for a unit of which nothing is known yet, on a shift of three hours ago."""
        shift = shift_of_now()
        with self.database.session() as session:
            unit = create_unit(
                session, code, code, scope=GridScope.everything(), kind="car", grid_codes=["G1"],
                home=LonLat(*place(0, 1)),
            )  # fmt: skip
            plan_shift(session, unit, shift, planned_by="x")
            _, token = register_device(session, unit)
            return Room(self.client, self.cookies, unit.id, token, self.database, shift)

    def ask(self, method: str, path: str, who: str = "leader", **more: Any) -> Any:
        self.client.cookies.clear()
        self.client.cookies.set("__Host-gridbeat", self.cookies[who])
        return self.client.request(method, f"/v1/patrol-plans{path}", **more)

    def planned(self, **more: Any) -> dict[str, Any]:
        """A plan of all corners, solved."""
        body = {
            "starts_at": self.shift.start.isoformat(), "ends_at": self.shift.end.isoformat(),
            "unit_ids": [self.unit_id],
            "extra": [{"name": name, "lon": place(*at)[0], "lat": place(*at)[1], "dwell_min": 10}
                      for name, at in CORNERS.items()],
            "seconds": 0.3, "break_min": 0, **more,
        }  # fmt: skip
        answer = self.ask("POST", "", json=body)
        assert answer.status_code == 201, answer.text
        return self.solved(answer.json())

    def solved(self, plan: dict[str, Any]) -> dict[str, Any]:
        """A plan when its search is over."""
        for _ in range(3000):  # loops may have to be compiled first
            if not plan["solving"]["is_running"]:
                break
            time.sleep(0.1)
            plan = self.ask("GET", f"/{plan['plan_id']}").json()
        assert plan["solving"]["error"] is None and not plan["solving"]["is_running"]
        return dict(plan)


@pytest.fixture(scope="module")
def room(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    folder: Path = tmp_path_factory.mktemp("plans")
    shift = shift_of_now()
    with copied_database(cluster) as database:
        cookies, ids = {}, {}
        with database.session() as session:
            for name, role in (
                ("leader", "patrol_leader"), ("member", "grid_worker"), ("other", "grid_worker")
            ):  # fmt: skip
                account = accounts.create_account(session, name, PASSWORD, role=role, is_demo=True)
                accounts.assign(
                    session, account, None, valid_from=shift.start.date() - timedelta(days=2)
                )
                ids[name] = account.id
            store_road_network(session, streets(BLOCK), name="t", valid_from=date(2025, 1, 1))
            unit = create_unit(
                session, "U1", "巡逻一组", scope=GridScope.everything(), kind="car",
                grid_codes=["G1"], home=LonLat(*place(0, 1)),
            )  # fmt: skip
            plan_shift(session, unit, shift, planned_by="x")
            session.add(PatrolUnitMember(unit_id=unit.id, account_id=ids["member"], role="member"))
            _, token = register_device(session, unit, name=None, rank=0)
            unit_id = unit.id
        for name in ids:
            signed = accounts.sign_in(database, name, PASSWORD, now=datetime.now(UTC))
            cookies[name] = signed.token
        app = create_app(Settings(data_folder=folder, demo=False), database)
        with TestClient(app, base_url="https://testserver") as client:
            yield Room(client, cookies, unit_id, token, database, shift)


def names(plan: dict[str, Any]) -> list[str]:
    return [stop["name"] for stop in plan["routes"][0]["stops"]]


def test_who_is_on_duty_and_that_nothing_can_be_forecast(room: Room) -> None:
    start, end = room.shift.start, room.shift.end
    asked = {"start": start.isoformat(), "end": end.isoformat()}
    found = room.ask("GET", "/candidates", params=asked).json()
    assert ("U1", "car") in [(unit["code"], unit["mode"]) for unit in found["units"]]
    assert found["places"] == []
    night = {"start": end.isoformat(), "end": (end + timedelta(hours=8)).isoformat()}
    assert room.ask("GET", "/candidates", params=night).json()["units"] == []
    long = {"start": start.isoformat(), "end": (start + timedelta(days=2)).isoformat()}
    assert room.ask("GET", "/candidates", params=long).status_code == 422


def test_a_plan_is_solved_on_the_road_and_says_why(room: Room) -> None:
    plan = room.planned()
    assert sorted(names(plan)) == sorted(CORNERS)
    route = plan["routes"][0]
    assert plan["unmet"] == [] and plan["is_drawn"] and plan["foreseeable"]["plans"] >= 1
    assert len(route["line"]) == len(route["stops"]) + 1  # and home
    assert route["length_m"] >= 900  # three corners of a block of 300 by 200 m, and back
    assert all(stop["takes_s"] >= 600 and stop["lost"] == stop["prize"] for stop in route["stops"])
    listed = room.ask("GET", "").json()["plans"]
    assert plan["plan_id"] in [each["plan_id"] for each in listed]


def test_changes_are_solved_again_and_stale_ones_refused(room: Room) -> None:
    plan = room.planned()
    path = f"/{plan['plan_id']}/edits"
    last = plan["routes"][0]["stops"][-1]
    move = {
        "version": plan["version"], "kind": "move", "place_id": last["place_id"],
        "unit_id": room.unit_id, "position": 0,
    }  # fmt: skip
    moved = room.ask("POST", path, json=move).json()
    first = moved["routes"][0]["stops"][0]
    assert (first["name"], first["is_locked"]) == (last["name"], True)
    assert room.ask("POST", path, json=move).status_code == 409  # of the version before
    for kind, count in (("unlock", 3), ("lock", 3), ("forbid", 2), ("allow", 3)):
        answer = room.ask(
            "POST", path,
            json={"version": moved["version"], "kind": kind, "place_id": last["place_id"]},
        )  # fmt: skip
        moved = answer.json()
        assert len(names(moved)) == count, kind
    assert moved["version"] == plan["version"] + 5
    wrong = {"version": moved["version"], "kind": "lock", "place_id": "nowhere"}
    assert room.ask("POST", path, json=wrong).status_code == 422


def test_a_must_that_cannot_be_says_what_to_relax(room: Room) -> None:
    lon, lat = place(40, 40)  # in the lake
    plan = room.planned(extra=[{"name": "湖心", "lon": lon, "lat": lat}])
    assert [each["obstacle"] for each in plan["unmet"]] == ["not_reached"]
    nobody = room.planned(unit_ids=[])
    assert {each["obstacle"] for each in nobody["unmet"]} == {"not_reached"}
    assert room.ask("POST", f"/{nobody['plan_id']}/assign", json={"version": 1}).status_code == 422
    start, end = room.shift.start, room.shift.end
    body = {"starts_at": start.isoformat(), "ends_at": end.isoformat(), "unit_ids": [999]}
    assert room.ask("POST", "", json=body).status_code == 422


def test_assigned_driven_and_compared(room: Room) -> None:
    plan = room.planned()
    path = f"/{plan['plan_id']}"
    answer = room.ask("POST", f"{path}/assign", json={"version": plan["version"]})
    assert answer.json()["decided_by"] == "leader"
    again = room.planned()
    answer = room.ask("POST", f"/{again['plan_id']}/assign", json={"version": again["version"]})
    assert answer.status_code == 409  # the unit has a route already

    own = room.ask("GET", "/mine?language=en", "member").json()["routes"][0]
    assert [stop["name"] for stop in own["stops"]] == names(plan)
    assert own["stops"][0]["instructions"][0].startswith("Set out")
    assert room.ask("GET", "/mine", "other").json() == {"routes": []}
    gpx = room.ask("GET", f"{path}/routes/{room.unit_id}/gpx", "member")
    points = ET.fromstring(gpx.content).findall(".//{*}rtept/{*}name")
    assert [point.text for point in points] == [
        f"{k} {name}" for k, name in enumerate(names(plan), start=1)
    ]
    assert room.ask("GET", f"{path}/routes/{room.unit_id}/gpx", "other").status_code == 404

    # The unit stands at its first stop in time, skips the second, and is silent from then on.
    first, second, *_ = plan["routes"][0]["stops"]
    begin, until = (datetime.fromisoformat(first[key]) for key in ("begin_at", "leave_at"))
    fixes = [
        {"fixed_at": (begin + timedelta(seconds=30 * k)).isoformat(), "longitude": first["lon"],
         "latitude": first["lat"]}
        for k in range(int((until - begin).total_seconds() // 30) + 1)
    ]  # fmt: skip
    gone = datetime.fromisoformat(second["begin_at"])
    fixes += [
        {"fixed_at": (gone + timedelta(minutes=k)).isoformat(), "longitude": place(0, 30)[0],
         "latitude": place(0, 30)[1]}
        for k in range(4)
    ]  # fmt: skip
    sent = room.client.post(
        "/v1/positions/in/batch", json={"fixes": fixes},
        headers={"Authorization": f"Bearer {room.token}"},
    )  # fmt: skip
    assert sent.json()["stored"] == len(fixes)
    actual = room.ask("GET", f"{path}/actual").json()["routes"][0]
    states = [stop["state"] for stop in actual["stops"]]
    assert states[:2] == ["visited", "missed"]
    assert actual["stops"][0]["late_min"] == pytest.approx(0, abs=0.5)
    assert room.ask("POST", f"{path}/end").json()["status"] == "ended"
    assert room.ask("GET", "/mine", "member").json() == {"routes": []}
    assert room.ask("GET", f"{path}/actual").json()["routes"][0]["visited"] == 1


def test_a_search_is_stopped_with_the_best_so_far(room: Room) -> None:
    plan = room.planned()
    path = f"/{plan['plan_id']}"
    solving = room.ask("POST", f"{path}/solve", json={"seconds": 60}).json()
    assert solving["is_running"]
    assert room.ask("POST", f"{path}/solve", json={"seconds": 1}).status_code == 409
    assert room.ask("POST", f"{path}/stop").status_code == 204
    for _ in range(3000):  # loops may have to be compiled first
        plan = room.ask("GET", path).json()
        if not plan["solving"]["is_running"]:
            break
        time.sleep(0.1)
    assert plan["solving"]["error"] is None and plan["visits"] == 3


def test_a_unit_drops_out_and_the_rest_is_planned_anew(room: Room) -> None:
    room = room.of_new_unit("U2")
    # Three stops of 55 minutes: three hours in, the last is to come, and two won't fit any more.
    corners = [{"name": name, "lon": place(*at)[0], "lat": place(*at)[1], "dwell_min": 55}
               for name, at in CORNERS.items()]  # fmt: skip
    plan = room.planned(extra=corners)
    path = f"/{plan['plan_id']}"
    assert room.ask("POST", f"{path}/rest", json={}).status_code == 422  # no draft has a rest
    assert room.ask("POST", f"{path}/assign", json={"version": plan["version"]}).status_code == 200
    first = plan["routes"][0]["stops"][0]
    begin, until = (datetime.fromisoformat(first[key]) for key in ("begin_at", "leave_at"))
    fixes = [
        {"fixed_at": (begin + timedelta(seconds=30 * k)).isoformat(), "longitude": first["lon"],
         "latitude": first["lat"]}
        for k in range(int((until - begin).total_seconds() // 30) + 1)
    ]  # fmt: skip
    room.client.post(
        "/v1/positions/in/batch", json={"fixes": fixes},
        headers={"Authorization": f"Bearer {room.token}"},
    )  # fmt: skip
    # The unit is off duty as far as anybody told: that is warned of, and nobody is left.
    actual = room.ask("GET", f"{path}/actual").json()["routes"][0]
    assert (actual["visited"], actual["pending"], actual["warning"]) == (1, 1, "off_duty")
    assert room.ask("POST", f"{path}/rest", json={}).status_code == 422
    with room.database.session() as session:
        set_status(session, session.get_one(PatrolUnit, room.unit_id), "free",
                   now=datetime.now(UTC), told_by="x")  # fmt: skip
    gone = {"without_ids": [room.unit_id]}
    assert room.ask("POST", f"{path}/rest", json=gone).status_code == 422
    assert room.ask("POST", f"{path}/rest", "member", json={}).status_code == 403
    rest = room.ask("POST", f"{path}/rest", json={"seconds": 0.3})
    assert rest.status_code == 201, rest.text
    rest = room.solved(rest.json())
    assert rest["replaces"] == plan["plan_id"]
    assert len(names(rest)) == 1 and first["name"] not in names(rest)
    assert [each["obstacle"] for each in rest["unmet"]] == ["crowded"]
    # It is no other's until it is assigned; then the plan before ends.
    assert room.ask("GET", path).json()["status"] == "assigned"
    answer = room.ask("POST", f"/{rest['plan_id']}/assign", json={"version": rest["version"]})
    assert answer.status_code == 200, answer.text
    assert room.ask("GET", path).json()["status"] == "ended"
    assert room.ask("POST", f"/{rest['plan_id']}/end").json()["status"] == "ended"
