"""Roads over HTTP: the network, times, ways, who is near, rings and gaps; scope and roles."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from geo.response_sites import Site, store_sites
from geo.roads.store import store_road_network
from geo.store.cluster import EmbeddedCluster
from geo.tables import DutyShift, Dwelling, PatrolLatest, PatrolUnit, StandardAddress
from geo.values import LonLat
from tests.api.conftest import GRID_A, GRID_B, GRID_C, District, settled_district
from tests.geo.roads.streets import place, streets
from tests.signed_in import caller_of, signed_in

# The district is 265 m wide; its streets are 100 m apart and cover it.
TOWN = """
    A-B-C-D
    | | | |
    E-F-G-H
    | | | |
    I-J-K-L
    | | | |
    M-N-O-P
"""
NAMES = {"AB": "甲路", "BC": "甲路", "CD": "甲路", "DH": "乙街", "HL": "乙街"}
DAY = date(2026, 1, 1)


@pytest.fixture(scope="module")
def town(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[District]:
    """The district with streets, dwellings, a station, and a unit in each of A, B and C."""
    with settled_district(cluster, tmp_path_factory.mktemp("roads")) as settled:
        now = datetime.now(UTC)
        with settled.database.session() as session:
            store_road_network(session, streets(TOWN, names=NAMES), name="示例", valid_from=DAY)
            store_sites(session, [Site("S-1", "示例所", "station", LonLat(*place(0, 0)))],
                        valid_from=DAY)  # fmt: skip
            for address in session.query(StandardAddress).all():
                session.add(
                    Dwelling(standard_address_id=address.id, use="owner_occupied",
                             due_on=date(2025, 1, 1), source="test", recorded_by="test")
                )  # fmt: skip
            for number, (code, column) in enumerate(
                ((GRID_A, 0), (GRID_B, 2.5), (GRID_C, 1)), start=1
            ):
                unit = PatrolUnit(
                    code=f"巡{number}", name=f"示例{number}", kind="car", grid_codes=[code],
                    status="free",
                    home=f"SRID=4326;POINT({place(column, 1)[0]} {place(column, 1)[1]})",
                )  # fmt: skip
                session.add(unit)
                session.flush()
                lon, lat = place(column, 0)
                session.add_all(
                    [
                        DutyShift(unit_id=unit.id, starts_at=now - timedelta(hours=1),
                                  ends_at=now + timedelta(hours=30), planned_by="x"),
                        PatrolLatest(unit_id=unit.id, at=now, received_at=now, lon=lon, lat=lat),
                    ]
                )  # fmt: skip
        yield settled


def asking(town: District, role: str = "patrol_leader", *grid_codes: str) -> TestClient:
    app = signed_in(create_app(town.settings, town.database), caller_of(role, *grid_codes))
    return TestClient(app, raise_server_exceptions=False)


def point(column: float, row: float) -> dict[str, float]:
    lon, lat = place(column, row)
    return {"lon": lon, "lat": lat}


def test_the_network_says_what_it_is_and_what_times_rest_on(town: District) -> None:
    told = asking(town, "grid_worker", GRID_A).get("/v1/roads").json()
    assert (told["name"], told["line_count"]) == ("示例", 24)
    car = next(row for row in told["modes"] if row["mode"] == "car")
    assert (car["edge_count"], car["main_length_share"]) == (48, 1.0)
    assert {row["spread_basis"] for row in told["speeds"]} == {"assumed"}


def test_times_and_ways(town: District) -> None:
    client = asking(town, "grid_worker", GRID_A)
    asked = {"origins": [point(0, 0), point(90, 0)], "destinations": [point(3, 0)], "mode": "foot"}
    told = client.post("/v1/travel/times", json=asked).json()
    # 300 m at 5 km/h are 216 s; 9 km off there is no road.
    assert told["times_s"] == [[pytest.approx(216, abs=1)], [None]]
    assert told["origins_on_road"] == [True, False]
    path = client.post(
        "/v1/travel/path", json={"origin": point(0, 0), "destination": point(3, 2), "mode": "car"}
    ).json()
    assert path["length_m"] == pytest.approx(500, abs=2)
    assert path["geometry"]["coordinates"][0] == pytest.approx(list(place(0, 0)), abs=1e-6)
    assert path["p90_s"] == pytest.approx(path["time_s"] * 1.5, abs=0.1)
    steps = " ".join(step["zh"] for step in path["steps"])
    assert "甲路" in steps or "乙街" in steps
    assert all(step["en"] for step in path["steps"])
    lake = client.post("/v1/travel/path", json={"origin": point(0, 0), "destination": point(90, 2)})
    assert lake.status_code == 409 and "500 m from any road" in lake.text
    many = {"origins": [point(0, 0)] * 201, "destinations": [point(0, 0)] * 200}
    assert client.post("/v1/travel/times", json=many).status_code == 422
    naive = {**asked, "at": "2026-03-01T08:00:00"}
    assert "without a zone" in client.post("/v1/travel/times", json=naive).text


def test_a_closed_road_is_gone_at_once_and_comes_back(town: District) -> None:
    client = asking(town)
    asked = {"origins": [point(0, 0)], "destinations": [point(1, 0)], "mode": "foot"}
    before = client.post("/v1/travel/times", json=asked).json()["times_s"][0][0]
    road = client.get("/v1/roads/at", params=point(0.5, 0)).json()
    assert road["name"] == "甲路"
    made = client.post(
        "/v1/roads/closures", json={"road_ids": [road["road_id"]], "reason": "示例施工"}
    )
    assert made.status_code == 201, made.text
    number = made.json()["closure_id"]
    during = client.post("/v1/travel/times", json=asked).json()["times_s"][0][0]
    # Who is on the closed road itself walks to the next that is open, and finds it by its number.
    way = {"origin": point(0.1, 0), "destination": point(0.9, 0), "mode": "foot"}
    found = client.post("/v1/travel/path", json=way).json()
    assert found["time_s"] == pytest.approx(during + 0.2 * before, rel=0.02)
    assert client.get("/v1/roads/at", params=point(0.5, 0)).json()["road_id"] == road["road_id"]
    assert during == pytest.approx(3 * before, rel=0.02)
    assert client.get("/v1/roads/closures").json()["closures"][0]["reason"] == "示例施工"
    assert client.post(f"/v1/roads/closures/{number}/end").status_code == 200
    assert client.post("/v1/travel/times", json=asked).json()["times_s"][0][0] == before
    assert client.post(f"/v1/roads/closures/{number}/end").status_code == 404
    beyond = {"road_ids": [2**63], "reason": "x"}  # of what the database can count
    assert client.post("/v1/roads/closures", json=beyond).status_code == 422
    worker = asking(town, "grid_worker", GRID_A)
    assert (
        worker.post("/v1/roads/closures", json={"road_ids": [1], "reason": "x"}).status_code == 403
    )
    assert worker.post("/v1/roads/closures/1/end").status_code == 403


def test_the_nearest_units_are_those_of_the_caller(town: District) -> None:
    asked = {"place": point(2, 0)}
    told = asking(town).post("/v1/travel/nearest-units", json=asked).json()
    assert [unit["code"] for unit in told["units"]] == ["巡2", "巡3", "巡1"]
    times = [unit["time_s"] for unit in told["units"]]
    assert times == sorted(times)
    own = asking(town, "patrol_leader", GRID_A).post("/v1/travel/nearest-units", json=asked)
    assert [unit["code"] for unit in own.json()["units"]] == ["巡1"]
    # Who doesn't lead and belongs to no unit is told of none.
    worker = asking(town, "grid_worker", GRID_A).post("/v1/travel/nearest-units", json=asked)
    assert worker.json()["units"] == worker.json()["not_counted"] == []


def test_rings_by_cell_grid_and_area(town: District) -> None:
    client = asking(town)
    told = client.get("/v1/layers/reach").json()
    assert told["household_source"] == "dwellings"
    assert sum(row["households"] for row in told["totals"]) == 14
    assert told["sources"][0]["code"] == "S-1"
    away = client.get("/v1/layers/reach", params={"without_site": "S-1"}).json()
    assert away["totals"][3]["households"] == 14 and away["totals_with"] == told["totals"]
    grids = client.get("/v1/layers/reach", params={"by": "grid", "of": "units"}).json()
    assert {row["id"] for row in grids["features"]} == {GRID_A, GRID_B, GRID_C}
    assert {row["properties"]["outside_share"] for row in grids["features"]} == {0}
    areas = client.get("/v1/layers/reach", params={"by": "area"}).json()
    assert [row["properties"]["ring"] for row in areas["features"]] == [2, 1, 0]
    # Another's unit is as one that isn't there.
    unit_id = grids["sources"][1]["unit_id"]
    own = asking(town, "patrol_leader", GRID_A)
    for number in (unit_id, 10**9):
        answer = own.get("/v1/layers/reach", params={"of": "units", "without": number})
        assert answer.status_code == 404
    assert (
        asking(town, "grid_worker", GRID_A)
        .get("/v1/layers/reach", params={"of": "units"})
        .status_code
        == 403
    )


def test_the_gap_board_knows_its_own_grids_and_units(town: District) -> None:
    whole = asking(town).get("/v1/gaps").json()
    assert whole["board"]["households"] == 14 and whole["board"]["households_open"] == 0
    assert whole["board"]["gaps"] == []
    assert {row["grid_code"] for row in whole["inspections"]} == {GRID_A, GRID_B, GRID_C}
    own = asking(town, "patrol_leader", GRID_B).get("/v1/gaps")
    told = own.json()
    assert [unit["code"] for unit in told["board"]["units"]] == ["巡2"]
    assert {row["properties"]["grid_code"] for row in told["features"]} == {GRID_B}
    assert GRID_A not in own.text
    for path in ("/v1/gaps", "/v1/gaps/live?for_s=0", "/v1/gaps/move-ups", "/v1/gaps/slots",
                 "/v1/gaps/doses"):  # fmt: skip
        assert asking(town, "grid_worker", GRID_A).get(path).status_code == 403, path
    slots = asking(town).get("/v1/gaps/slots").json()
    assert len(slots["slots"]) == 12 and len(slots["grids"]) == 3
    # All three are on duty for thirty hours from now on; the running slot may have begun before.
    assert slots["on_duty"][1:] == [3] * 11
    assert asking(town).get("/v1/gaps/move-ups").json()["move_ups"] == []
    # No key place wants anything, and of no incident nothing is expected.
    assert asking(town).get("/v1/gaps/doses").json()["gaps"] == []


def test_the_stream_sends_the_board_first(town: District) -> None:
    answer = asking(town).get("/v1/gaps/live", params={"for_s": 0})
    assert answer.headers["content-type"].startswith("text/event-stream")
    told: dict[str, Any] = json.loads(
        next(line for line in answer.text.splitlines() if line.startswith("data:"))[5:]
    )
    assert told["households"] == 14 and len(told["units"]) == 3
    assert all(len(cell) == 3 for cell in told["cells"])
