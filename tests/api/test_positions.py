"""Positions over HTTP: devices in by their own token, viewers out by their role."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select
from starlette.types import Message

from api.app import create_app
from api.endpoints import positions
from geo import accounts
from geo.accounts import marks as marks_module
from geo.accounts.marks import AccessMark
from geo.settings import Settings
from geo.store.cluster import EmbeddedCluster
from geo.store.database import Database
from geo.tables import Account, PatrolPosition, PatrolUnit
from geo.units.units import add_member
from tests.conftest import copied_database

PASSWORD = "only-a-test-password"
WHY = {"X-Purpose": "supervision", "X-Case": "T-1"}


class Station:
    """The application, a leader and a worker signed in, a unit on duty with a device."""

    def __init__(self, client: TestClient, cookies: dict[str, str], database: Database) -> None:
        self.client, self.cookies, self.database = client, cookies, database
        self.unit_id = self.ask("leader", "POST", "/v1/units", json={
            "code": "U1", "name": "巡逻一组", "kind": "foot", "grid_codes": ["G1"],
        }).json()["unit_id"]  # fmt: skip
        now = datetime.now(UTC)
        self.ask("leader", "POST", f"/v1/units/{self.unit_id}/shifts", json={
            "starts_at": (now - timedelta(hours=1)).isoformat(),
            "ends_at": (now + timedelta(hours=1)).isoformat(),
        })  # fmt: skip
        self.token = self.ask(
            "leader", "POST", f"/v1/units/{self.unit_id}/devices", json={"name": None}
        ).json()["token"]

    def ask(self, who: str | None, method: str, path: str, **more: Any) -> Any:
        self.client.cookies.clear()
        if who:
            self.client.cookies.set("__Host-gridbeat", self.cookies[who])
        return self.client.request(method, path, **more)


@pytest.fixture
def station(cluster: EmbeddedCluster, tmp_path: Path) -> Iterator[Station]:
    with copied_database(cluster) as database:
        now = datetime.now(UTC)
        cookies = {}
        with database.session() as session:
            for name, role in (("leader", "patrol_leader"), ("worker", "grid_worker")):
                account = accounts.create_account(session, name, PASSWORD, role=role, is_demo=True)
                accounts.assign(session, account, None, valid_from=now.date() - timedelta(days=2))
        for name in ("leader", "worker"):
            cookies[name] = accounts.sign_in(database, name, PASSWORD, now=now).token
        app = create_app(Settings(data_folder=tmp_path, demo=False), database)
        with TestClient(app, base_url="https://testserver") as client:
            yield Station(client, cookies, database)


def bodies(token: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """Format → path and what is sent, as the apps do."""
    now = int(datetime.now(UTC).timestamp())
    iso = datetime.fromtimestamp(now, UTC).isoformat()
    bearer = {"Authorization": f"Bearer {token}"}
    basic = {"Authorization": "Basic " + base64.b64encode(f"jane:{token}".encode()).decode()}
    return {
        "form, its name is its token": ("/v1/positions/in/traccar", {
            "data": {"id": token, "lat": "37.87", "lon": "112.55", "timestamp": str(now - 1)},
        }),
        "form, token in the address": (f"/v1/positions/in/traccar?token={token}", {
            "data": {"id": "1", "lat": "37.87", "lon": "112.55", "timestamp": str(now - 2)},
        }),
        "client 9": ("/v1/positions/in/traccar", {"json": {
            "device_id": token, "location": {
                "timestamp": datetime.fromtimestamp(now - 3, UTC).isoformat(),
                "coords": {"latitude": 37.87, "longitude": 112.55, "speed": -1},
            },
        }}),
        "owntracks": ("/v1/positions/in/owntracks", {
            "headers": {**basic, "X-Limit-U": "jane", "X-Limit-D": "phone"},
            "json": {"_type": "location", "lat": 37.87, "lon": 112.55, "tst": now - 4, "tid": "J"},
        }),
        "cot": ("/v1/positions/in/cot", {"headers": bearer, "content": (
            f'<event version="2.0" uid="A" type="a-f-G" time="{iso}" start="{iso}" stale="{iso}">'
            '<point lat="37.87" lon="112.55" hae="0" ce="5" le="9999999.0"/></event>'
        )}),
        "traccar forward": ("/v1/positions/in/traccar-forward", {"headers": bearer, "json": {
            "position": {"latitude": 37.87, "longitude": 112.55, "fixTime": (now - 5) * 1000},
            "device": {"uniqueId": "1"},
        }}),
        "osmand": ("/v1/positions/in/osmand", {"data": {
            "id": token, "location": "37.87,112.55", "timestamp": str(now - 6),
        }}),
        "batch": ("/v1/positions/in/batch", {"headers": bearer, "json": {"fixes": [
            {"fixed_at": now - 7, "longitude": 112.55, "latitude": 37.87},
        ]}}),
        "gpx": ("/v1/positions/in/gpx", {"headers": bearer, "content": (
            '<gpx><trk><trkseg><trkpt lat="37.87" lon="112.55"><time>'
            f"{datetime.fromtimestamp(now - 8, UTC).isoformat()}</time></trkpt></trkseg></trk>"
            "</gpx>"
        )}),
        "csv": ("/v1/positions/in/csv", {"headers": bearer, "content": (
            f"fixed_at,longitude,latitude\n{now - 9},112.55,37.87\n"
        )}),
    }  # fmt: skip


def test_every_format_comes_in_and_again_is_a_success(station: Station) -> None:
    sent = bodies(station.token)
    for name, (path, more) in sent.items():
        answer = station.ask(None, "POST", path, **more)
        assert answer.status_code == 200, (name, answer.text)
        expected = [] if name == "owntracks" else {"stored": 1, "dropped": {}}
        assert answer.json() == expected, name
        again = station.ask(None, "POST", path, **more)
        assert again.status_code == 200, name
        if name != "owntracks":
            assert again.json() == {"stored": 0, "dropped": {"duplicate": 1}}, name
    query = f"id={station.token}&lat=37.87&lon=112.55&speed=3&anything=else"
    assert station.ask(None, "GET", f"/v1/positions/in/osmand?{query}").json()["stored"] == 1
    with station.client.app.state.services.database.session() as session:  # type: ignore[attr-defined]
        assert session.scalar(select(func.count()).select_from(PatrolPosition)) == len(sent) + 1


def test_what_cant_be_used_is_a_success_and_counted(station: Station) -> None:
    for words, reason in (
        ({"lat": "0", "lon": "0", "timestamp": "1"}, "zero"),
        ({"lat": "37", "lon": "112", "timestamp": "1"}, "too_old"),
        ({"timestamp": "1"}, "no_position"),
    ):
        answer = station.ask(
            None, "POST", "/v1/positions/in/traccar", data={"id": station.token, **words}
        )
        assert (answer.status_code, answer.json()["dropped"]) == (200, {reason: 1})
    bearer = {"Authorization": f"Bearer {station.token}"}
    evil = '<!DOCTYPE e [<!ENTITY a "b">]><event/>'
    told = station.ask(None, "POST", "/v1/positions/in/cot", headers=bearer, content=evil)
    assert told.json()["dropped"] == {"forbidden_xml": 1}
    for name in ("gpx", "csv", "batch"):  # a person is told
        told = station.ask(None, "POST", f"/v1/positions/in/{name}", headers=bearer, content="<x")
        assert (told.status_code, told.json()["error"]["code"]) == (422, "invalid_file")
    devices = station.ask("leader", "GET", f"/v1/units/{station.unit_id}").json()["devices"]
    assert devices[0]["dropped"] == {
        "zero": 1, "too_old": 1, "no_position": 1, "forbidden_xml": 1,
    }  # fmt: skip


def test_a_devices_token_opens_nothing_else_and_no_other_opens_its_door(station: Station) -> None:
    bearer = {"Authorization": f"Bearer {station.token}"}
    for path in ("/v1/units", "/v1/positions/latest", "/v1/session"):
        assert station.ask(None, "GET", path, headers=bearer).status_code == 401
    words = {"lat": "37.87", "lon": "112.55"}
    for token in ("", "x" * 43, station.cookies["leader"]):
        answer = station.ask(None, "POST", "/v1/positions/in/osmand", data={"id": token, **words})
        assert answer.status_code == 401, token
    assert station.ask("leader", "POST", "/v1/positions/in/osmand", data=words).status_code == 401


def test_only_who_leads_makes_units_and_sees_all_of_them(station: Station) -> None:
    path, more = bodies(station.token)["osmand"]
    station.ask(None, "POST", path, **more)
    new = {"code": "U2", "name": "x", "kind": "car", "grid_codes": ["G1"]}
    assert station.ask("worker", "POST", "/v1/units", json=new).status_code == 403
    assert station.ask("leader", "POST", "/v1/units", json=new).status_code == 201
    assert station.ask("leader", "POST", "/v1/units", json=new).status_code == 409
    status = f"/v1/units/{station.unit_id}/status"
    assert station.ask("worker", "POST", status, json={"status": "busy"}).status_code == 403
    assert station.ask("leader", "POST", status, json={"status": "busy"}).json()["status"] == "busy"

    (seen,) = station.ask("leader", "GET", "/v1/positions/latest").json()["features"]
    assert seen["geometry"]["coordinates"] == [112.55, 37.87]
    assert (seen["properties"]["code"], seen["properties"]["state"]) == ("U1", "fresh")
    assert station.ask("worker", "GET", "/v1/positions/latest").json()["features"] == []


def test_a_track_takes_a_reason_but_for_ones_own(station: Station) -> None:
    path, more = bodies(station.token)["osmand"]
    station.ask(None, "POST", path, **more)
    track = f"/v1/units/{station.unit_id}/positions"
    assert station.ask("worker", "GET", track).status_code == 404
    assert station.ask("leader", "GET", track).json()["error"]["code"] == "purpose_missing"
    found = station.ask("leader", "GET", track, headers=WHY).json()["positions"]
    assert [(each["lon"], each["lat"]) for each in found] == [(112.55, 37.87)]


def test_viewers_get_all_first_and_then_what_changed(station: Station) -> None:
    path, more = bodies(station.token)["osmand"]
    station.ask(None, "POST", path, **more)
    first = station.ask("leader", "GET", "/v1/positions/live?for_s=0").text
    number = first.split("\n")[0].removeprefix("id: ")
    assert first.startswith(f"id: {number}\nevent: positions\ndata: ")
    (unit,) = json.loads(first.split("data: ")[1])
    assert (unit["unit_id"], unit["lon"], unit["lat"]) == (station.unit_id, 112.55, 37.87)
    back = {"Last-Event-ID": number}
    assert station.ask("leader", "GET", "/v1/positions/live?for_s=0", headers=back).text == (
        ": still here\n\n"
    )
    path, more = bodies(station.token)["form, its name is its token"]
    station.ask(None, "POST", path, **more)
    moved = station.ask("leader", "GET", "/v1/positions/live?for_s=0", headers=back).text
    assert moved.count("unit_id") == 1
    # The number of another run means nothing: all again.
    other = {"Last-Event-ID": "00000000-99999"}
    assert (
        "unit_id" in station.ask("leader", "GET", "/v1/positions/live?for_s=0", headers=other).text
    )
    assert "unit_id" not in station.ask("worker", "GET", "/v1/positions/live?for_s=0").text


def test_who_signs_out_is_shown_no_more(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    marks: list[str] = []

    def sign_out_after_the_opening(mark: AccessMark) -> str:
        if marks:
            with station.database.session() as session:
                accounts.sign_out(session, station.cookies["leader"], now=datetime.now(UTC))
        marks.append(read_mark(mark))
        return marks[-1]

    path, more = bodies(station.token)["osmand"]
    station.ask(None, "POST", path, **more)
    read_mark = AccessMark.now
    monkeypatch.setattr(marks_module, "LASTS_S", -1)
    monkeypatch.setattr(positions, "MARK_EVERY_S", -1)
    monkeypatch.setattr(positions, "TICK_S", 0.01)
    monkeypatch.setattr(AccessMark, "now", sign_out_after_the_opening)
    assert station.ask("leader", "GET", "/v1/positions/live?for_s=2").text == ""
    assert len(set(marks)) == 2


def test_who_is_signed_in_too_long_is_shown_no_more(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(positions, "MARK_EVERY_S", -1)
    monkeypatch.setattr(positions, "CALLER_EVERY_S", -1)
    # Nothing changed but the time.
    monkeypatch.setattr(positions, "current_caller", lambda request: None)
    assert station.ask("leader", "GET", "/v1/positions/live?for_s=2").text == ""


def test_off_duty_nothing_is_stored(station: Station) -> None:
    path, more = bodies(station.token)["osmand"]
    off = f"/v1/units/{station.unit_id}/off-duty"
    assert station.ask("leader", "POST", off).json() == {"ended": 1}
    later = {**more["data"], "timestamp": str(int(datetime.now(UTC).timestamp()) + 1)}
    answer = station.ask(None, "POST", path, data=later)
    assert (answer.status_code, answer.json()["dropped"]) == (200, {"off_duty": 1})


def test_the_board_tells_who_is_on_duty_with_whom_and_since_when(station: Station) -> None:
    (unit,) = station.ask("leader", "GET", "/v1/units/board").json()["units"]
    assert (unit["code"], unit["is_on_duty"], unit["members"]) == ("U1", True, [])
    assert unit["status_since"] is None
    station.ask(
        "leader", "POST", f"/v1/units/{station.unit_id}/status", json={"status": "on_scene"}
    )
    (unit,) = station.ask("leader", "GET", "/v1/units/board").json()["units"]
    assert unit["status"] == "on_scene"
    assert unit["status_since"] is not None
    assert station.ask("worker", "GET", "/v1/units/board").json()["units"] == []
    with station.database.session() as session:
        worker = session.scalars(select(Account).where(Account.name == "worker")).one()
        add_member(session, session.get_one(PatrolUnit, station.unit_id), worker.id, "driver")
    (unit,) = station.ask("worker", "GET", "/v1/units/board").json()["units"]
    assert unit["members"] == [{"name": "worker", "role": "driver"}]
    station.ask("leader", "POST", f"/v1/units/{station.unit_id}/off-duty")
    (unit,) = station.ask("leader", "GET", "/v1/units/board").json()["units"]
    assert (unit["is_on_duty"], unit["starts_at"]) == (False, None)


def test_the_nearest_are_suitable_and_of_those_the_caller_leads(station: Station) -> None:
    path, more = bodies(station.token)["osmand"]
    station.ask(None, "POST", path, **more)
    asked = "/v1/positions/nearest?lon=112.55&lat=37.88"
    (near,) = station.ask("leader", "GET", asked).json()["units"]
    # A hundredth of a degree of latitude at 38 degrees is 1,110 m.
    assert near["distance_m"] == pytest.approx(1110, abs=1)
    assert near["state"] == "fresh"
    assert station.ask("leader", "GET", asked + "&kind=foot").json()["units"] == [near]
    assert station.ask("leader", "GET", asked + "&kind=car").json()["units"] == []
    assert station.ask("leader", "GET", asked + "&skill=AED").json()["units"] == []
    assert station.ask("leader", "GET", asked + "&status=free").json()["units"] == []
    assert station.ask("worker", "GET", asked).json()["units"] == []


def test_a_replay_takes_a_reason_and_is_thinned(station: Station) -> None:
    now = datetime.now(UTC)
    start = now - timedelta(minutes=30)
    fixes = [
        {"fixed_at": (start + timedelta(seconds=5 * k)).isoformat(), "longitude": 112.55,
         "latitude": 37.87 + k / 1e5} for k in range(120)
    ]  # fmt: skip
    station.ask(None, "POST", "/v1/positions/in/batch", json={"fixes": fixes},
                headers={"Authorization": f"Bearer {station.token}"})  # fmt: skip
    asked = {"start": start.isoformat(), "end": (start + timedelta(minutes=10)).isoformat()}
    assert station.ask("leader", "GET", "/v1/positions/replay", params=asked).status_code == 428
    found = station.ask("leader", "GET", "/v1/positions/replay", params=asked, headers=WHY).json()
    (unit,) = found["units"]
    assert (unit["code"], found["every_s"]) == ("U1", 10)
    assert 60 <= len(unit["seconds"]) <= 61
    assert unit["seconds"] == sorted(unit["seconds"])
    every = {**asked, "every_s": 60}
    found = station.ask("leader", "GET", "/v1/positions/replay", params=every, headers=WHY).json()
    assert 10 <= len(found["units"][0]["seconds"]) <= 11
    assert station.ask("worker", "GET", "/v1/positions/replay", params=asked).json()["units"] == []
    days = {"start": (now - timedelta(days=2)).isoformat(), "end": now.isoformat()}
    answer = station.ask("leader", "GET", "/v1/positions/replay", params=days, headers=WHY)
    assert answer.status_code == 422


def test_a_viewer_who_takes_nothing_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0

    async def events() -> AsyncIterator[str]:
        nonlocal asked
        while True:
            asked += 1
            yield "data: []\n\n"

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()  # its buffer is full

    monkeypatch.setattr(positions, "SLOW_MAX_S", 0.01)
    asyncio.run(positions.EventStream(events()).stream_response(send))
    assert asked == 1
