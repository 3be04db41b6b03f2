"""Coverage over HTTP: a unit walks a known way, and every answer tells of it what may be told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.callers import current_caller
from geo.accounts import PERMISSIONS, Caller
from geo.positions.fix import Fix, Source
from geo.positions.storing import PlacedFix, store_fixes
from geo.settings import Settings
from geo.store.cluster import EmbeddedCluster
from geo.tables import Account
from geo.units.units import add_member, create_unit, plan_shift
from geo.values import GridScope, LonLat, Period
from tests.conftest import copied_database
from tests.drawing import NORTH, STEP_DEG, WEST, draw
from tests.factories import add_area, add_grid, add_grid_version

A, B = "14010500100100001", "14010500100200001"
ALL = GridScope.everything()
# Five days ago, 08:00 in the city.
DAY = (datetime.now(UTC) - timedelta(days=5)).replace(hour=0, minute=0, second=0, microsecond=0)
WHY = {"X-Purpose": "supervision", "X-Case": "T-1"}


class Station:
    """The application, and who asks it."""

    def __init__(self, client: TestClient, unit_id: int, other_id: int, member_id: int) -> None:
        self.client, self.unit_id, self.other_id = client, unit_id, other_id
        self.member_id = member_id
        self.who: Caller | None = None

    def ask(
        self, path: str, role: str = "chief", *codes: str, member: bool = False, **more: Any
    ) -> Any:
        self.who = Caller(
            account_id=self.member_id if member else 999, name="t", shown_name="示例·测试",
            role=role, permissions=PERMISSIONS[role],
            scope=GridScope.of(codes) if codes else GridScope.everything(),
        )  # fmt: skip
        return self.client.request(more.pop("method", "GET"), f"/v1{path}", **more)


@pytest.fixture(scope="module")
def station(
    cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Station]:
    """A unit of A on duty from 08:00 to 10:00: 40 min in the middle of A with a stop of 20, then
    20 min in B, then silent. Another of B, on duty, never heard of."""
    drawn = draw("AAAAABBBBB\n" * 5)
    with copied_database(cluster) as database:
        with database.session() as session:
            for code, level in (("140105001", "township"), (A[:12], "community")):
                add_area(session, code, level=level)
            version = add_grid_version(session)
            for code, letter in ((A, "A"), (B, "B")):
                add_grid(session, code, drawn[letter], version=version)
            account = Account(name="m", shown_name="m", role="grid_worker", password_hash="x")
            session.add(account)
            unit = create_unit(session, "U1", "甲", scope=ALL, kind="foot", grid_codes=[A])
            other = create_unit(session, "U2", "乙", scope=ALL, kind="car", grid_codes=[B])
            add_member(session, unit, account.id)
            for each in (unit, other):
                shift = Period(DAY, DAY + timedelta(hours=2))
                plan_shift(session, each, shift, planned_by="test")
            way = [(s, 2.5 + 0.6 * max(0, (s - 1200) / 1200)) for s in range(0, 2401, 30)]
            way += [(s, 7.5) for s in range(2460, 3661, 30)]
            store_fixes(session, [placed(unit.id, s, step) for s, step in way])
            ids = unit.id, other.id, account.id
        settings = Settings(data_folder=tmp_path_factory.mktemp("data"), demo=False)
        app = create_app(settings, database)
        with TestClient(app, base_url="https://testserver") as client:
            made = Station(client, *ids)
            app.dependency_overrides[current_caller] = lambda: made.who
            key_place = {
                "code": "K1", "name": "校门口", "lon": WEST + 2.5 * STEP_DEG,
                "lat": NORTH - 2.5 * STEP_DEG,
                "doses": [{"first_hour": 8, "end_hour": 9, "weekdays": [1, 2, 3, 4, 5, 6, 7],
                           "dose_min": 15}],
            }  # fmt: skip
            answer = made.ask("/key-places", method="POST", json=key_place)
            assert answer.status_code == 201, answer.text
            app.state.services.coverage.catch_up()
            yield made


def placed(unit_id: int, second: float, step: float) -> PlacedFix:
    at = DAY + timedelta(seconds=second)
    place = LonLat(WEST + step * STEP_DEG, NORTH - 2.5 * STEP_DEG)
    return PlacedFix(Fix("p", at, place, Source.OSMAND, accuracy_m=5.0), unit_id, 1, at)


def places(answer: Any) -> dict[str, dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    return {each["id"]: each["properties"] for each in answer.json()["features"]}


def test_grids_tell_visits_time_and_what_is_not_known(station: Station) -> None:
    answer = station.ask("/coverage/places", params={"kind": "grid", "measure": "dose"})
    found = places(answer)
    assert set(found) == {A, B}
    # It crosses the border half way between 2,400 s and 2,460 s, from step 3.1 to 7.5.
    crossed = 2400 + 60 * (5 - 3.1) / 4.4
    assert found[A]["dose_s"] == pytest.approx(crossed, abs=5)
    assert found[A]["value"] == pytest.approx(crossed / 60, abs=0.1)
    assert (found[A]["visit_count"], found[A]["state"]) == (1, "certain")
    assert found[B]["presence_s"] == pytest.approx(3660 + 90 - crossed, abs=5)
    assert found[B]["uncertain_s"] == 90
    assert answer.json()["duty_s"] == 4 * 3600
    # One more day back, before anybody was on duty.
    before = {"start": (DAY - timedelta(days=2)).isoformat(), "end": DAY.isoformat()}
    found = places(station.ask("/coverage/places", params=before))
    assert {each["state"] for each in found.values()} == {"none"}
    # The second hour: of A's unit a minute is known in B and 90 s more are likely, of B's nothing.
    late = {"start": (DAY + timedelta(hours=1, minutes=59)).isoformat(),
            "end": (DAY + timedelta(hours=2)).isoformat()}  # fmt: skip
    found = places(station.ask("/coverage/places", params=late))
    assert {code: each["state"] for code, each in found.items()} == {A: "unknown", B: "uncertain"}


def test_cells_streets_and_slots(station: Station) -> None:
    cells = places(station.ask("/coverage/places", params={"kind": "cell"}))
    total = sum(each["presence_s"] for each in cells.values())
    assert total == pytest.approx(3750, abs=5)
    # Of A's unit more than half of its duty is known, of B's none: no absence there is known.
    states = {(each["grid_code"], each["state"]) for each in cells.values()}
    assert states == {(A, "certain"), (A, "none"), (B, "certain"), (B, "unknown")}
    assert places(station.ask("/coverage/places", params={"kind": "street"})) == {}
    # 08:00 to 09:00 local is the first hour; intervals say nothing of a part of the hours.
    slot = {"kind": "grid", "hours": "8-9"}
    found = places(station.ask("/coverage/places", params=slot))
    assert sum(each["presence_s"] for each in found.values()) == 3600
    assert {each["since_last_s"] for each in found.values()} == {None}
    assert places(station.ask("/coverage/places", "chief", B)).keys() == {B}


def test_less_than_a_day_is_for_who_leads(station: Station) -> None:
    day = {"start": DAY.isoformat(), "end": (DAY + timedelta(hours=3)).isoformat()}
    for params, status in ((day, 403), ({"hours": "8-9"}, 200), ({}, 200)):
        assert station.ask("/coverage/places", "analyst", params=params).status_code == status
    slot = {"start": (DAY - timedelta(days=3)).isoformat(), "hours": "8-9",
            "end": (DAY + timedelta(days=3)).isoformat()}  # fmt: skip
    assert station.ask("/coverage/places", "grid_worker", params=slot).status_code == 403
    assert station.ask("/coverage/places", params=day).status_code == 200


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"start": "2026-01-02T00:00:00Z", "end": "2026-01-01T00:00:00Z"}, 422),
        ({"start": "2020-01-01T00:00:00Z", "end": "2025-01-01T00:00:00Z"}, 422),
        ({"hours": "5-5"}, 422),
        ({"kind": "house"}, 422),
        ({"start": "0001-01-01T00:00:00Z"}, 422),
    ],
)
def test_bad_questions(station: Station, params: dict[str, str], status: int) -> None:
    assert station.ask("/coverage/places", params=params).status_code == status


def test_key_places_that_were_missed(station: Station) -> None:
    answer = station.ask("/coverage/uncovered", params={"with_covered": True}).json()
    states = [each["state"] for each in answer["occasions"]]
    # Each day 08:00 to 09:00; on one the unit stood there for 20 min and walked off slowly.
    assert answer["wanted_count"] == len(states) >= 6
    assert states.count("covered") == answer["covered_count"] == 1
    assert set(states) == {"none", "covered"}
    (covered,) = [each for each in answer["occasions"] if each["state"] == "covered"]
    assert datetime.fromisoformat(covered["starts_at"]) == DAY
    listed = station.ask("/coverage/uncovered").json()["occasions"]
    assert len(listed) == len(states) - 1
    assert station.ask("/coverage/uncovered", "chief", B).json()["occasions"] == []
    ground = {"start": DAY.isoformat(), "end": (DAY + timedelta(hours=2)).isoformat()}
    found = station.ask("/coverage/ground", params=ground).json()
    assert [each["verdict"] for each in found["checkpoints"]] == ["visited"]
    # 53 m in A, then 387 m, then none: the strip of 50 m, each piece of ground once.
    assert found["area"]["length_km"] == pytest.approx(0.44, abs=0.01)
    assert found["area"]["unmerged_km2"] == pytest.approx(0.022, abs=0.001)


def test_key_places_are_changed_and_ended_by_who_leads(station: Station) -> None:
    place = {"code": "K2", "name": "市场", "lon": WEST + 7.5 * STEP_DEG,
             "lat": NORTH - 2.5 * STEP_DEG}  # fmt: skip

    def send(method: str, path: str, role: str, **more: Any) -> Any:
        return station.ask(path, role, A, B, method=method, **more)

    assert send("POST", "/key-places", "grid_worker", json=place).status_code == 403
    assert station.ask("/key-places", "chief", A, method="POST", json=place).status_code == 404
    made = send("POST", "/key-places", "patrol_leader", json=place).json()
    assert send("POST", "/key-places", "patrol_leader", json=place).status_code == 409
    path = f"/key-places/{made['key_place_id']}"
    dose = {"first_hour": 22, "end_hour": 6, "weekdays": [5], "dose_min": 20}
    doses = send("PUT", f"{path}/doses", "chief", json={"doses": [dose]}).json()["doses"]
    assert doses == [dose]
    bad = send("PUT", f"{path}/doses", "chief", json={"doses": [{**dose, "end_hour": 22}]})
    assert bad.status_code == 422
    assert send("DELETE", path, "grid_worker").status_code == 403
    assert send("DELETE", path, "chief").status_code == 204
    assert send("DELETE", path, "chief").status_code == 404
    codes = [each["code"] for each in station.ask("/key-places").json()["key_places"]]
    assert codes == ["K1"]


def test_weekly_shares_by_station_and_kind(station: Station) -> None:
    week = {"week_of": DAY.date().isoformat()}
    answer = station.ask("/coverage/weekly", params=week).json()
    rows = {row["kind"]: row for row in answer["rows"]}
    assert {row["station_name"] for row in rows.values()} == {"测试140105001"}
    on_foot = rows["foot"]
    # 2,426 s in its community, and 20 m around it, of two hours; nothing is known of half of them.
    assert on_foot["share"] == pytest.approx(2429 / 7200, abs=0.002)
    assert on_foot["share_high"] == pytest.approx((2429 + 7200 - 3750) / 7200, abs=0.002)
    assert (on_foot["target"], on_foot["verdict"]) == (0.8, "unknown")
    assert (rows["car"]["known_s"], rows["car"]["verdict"]) == (0, None)
    assert station.ask("/coverage/weekly", "grid_worker").status_code == 403


def test_without_reports_no_mismatch(station: Station) -> None:
    answer = station.ask("/coverage/mismatch")
    assert (answer.status_code, answer.json()["error"]["facts"]["needed"]) == (409, 20)


def test_a_units_day_is_its_members_own(station: Station) -> None:
    path = f"/coverage/units/{station.unit_id}/day"
    day = {"on": DAY.date().isoformat()}
    own = station.ask(path, "grid_worker", A, member=True, params=day)
    assert own.status_code == 200, own.text
    found = own.json()
    assert (found["duty_s"], found["known_s"], found["uncertain_s"]) == (7200, 3750, 90)
    assert found["patrolling_s"] + found["stationary_s"] == 3750
    assert [len(found[name]) for name in ("shifts", "way")] == [1, 122]
    first = found["stops"][0]
    assert datetime.fromisoformat(first["starts_at"]) == DAY
    assert first["lon"] == pytest.approx(WEST + 2.5 * STEP_DEG, abs=1e-3)
    # A colleague sees nothing, a leader with a reason.
    assert station.ask(path, "grid_worker", A, params=day).status_code == 404
    assert station.ask(path, params=day).status_code == 428
    assert station.ask(path, params=day, headers=WHY).json()["way"] == found["way"]
    assert station.ask(path, "chief", B, params=day, headers=WHY).status_code == 404
    empty = f"/coverage/units/{station.other_id}/day"
    nothing = station.ask(empty, params=day, headers=WHY).json()
    assert (nothing["known_s"], nothing["way"], nothing["stops"]) == (0, [], [])
