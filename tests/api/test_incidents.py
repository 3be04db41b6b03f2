"""Incidents and the hotspot layer over HTTP: masks, repeats, scope, the audited switch."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.app import create_app
from geo.audit import Access, read_log
from geo.h3_cells import lonlat_to_h3_cell
from geo.incidents.categories import CategoryRow, load_categories
from geo.store.cluster import OWNER_ROLE, EmbeddedCluster
from geo.store.database import make_engine
from geo.tables import Incident, IncidentHistory
from tests.api.conftest import CITY_BBOX, GRID_A, GRID_B, District, settled_district
from tests.signed_in import caller_of, signed_in

LAYER = "/v1/layers/hotspots"
NOW = datetime.now(UTC).replace(microsecond=0)
CATEGORIES = [
    CategoryRow("theft", "盗窃"),
    CategoryRow("theft.bike", "盗窃电动车", "theft"),
    CategoryRow("dispute", "纠纷", point_roles=("chief",), is_repeat_flagged=True),
]


@pytest.fixture(scope="module")
def settled(
    cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[District]:
    with settled_district(cluster, tmp_path_factory.mktemp("incidents")) as place:
        with place.database.session() as session:
            load_categories(session, CATEGORIES)
        yield place


@pytest.fixture
def place(cluster: EmbeddedCluster, settled: District) -> Iterator[District]:
    """The district without incidents; those a test makes go away with it."""
    yield settled
    name = settled.database.engine.url.database
    assert name is not None
    owner = make_engine(cluster.url(OWNER_ROLE, name), pool_size=1)
    with owner.begin() as connection:
        connection.exec_driver_sql("TRUNCATE incident, incident_history CASCADE")
    owner.dispose()


def asking(place: District, role: str = "chief", *grid_codes: str) -> TestClient:
    app = signed_in(create_app(place.settings, place.database), caller_of(role, *grid_codes))
    return TestClient(app, raise_server_exceptions=False)


def point_in(place: District, letter: str) -> tuple[float, float]:
    point = place.drawn[letter].representative_point()
    return point.x, point.y


def add_incident(
    session: Session, lonlat: tuple[float, float], *, days_ago: float = 2, **more: Any
) -> Incident:
    lon, lat = lonlat
    at = NOW - timedelta(days=days_ago)
    given = {
        "category_code": "theft", "source": "resident_reported", "reported_at": at,
        "occurred_from": at, "occurred_to": at, "dataset": "test", "recorded_by": "test",
        "point_method": "given", "geom": f"SRID=4326;POINT({lon} {lat})", "grid_code": GRID_A,
        "h3_cell": int(lonlat_to_h3_cell(lon, lat)), "address_text": "滨河路1号",
    }  # fmt: skip
    row = Incident(**given | more)
    session.add(row)
    session.flush()
    return row


def test_an_incident_is_recorded_listed_and_closed(place: District) -> None:
    client = asking(place, "grid_worker", GRID_A)
    lon, lat = point_in(place, "A")
    draft = {
        "category_code": "theft.bike", "reported_at": NOW.isoformat(), "lon": lon, "lat": lat,
        "occurred_from": (NOW - timedelta(hours=9)).isoformat(),
    }  # fmt: skip
    answer = client.post("/v1/incidents", json=draft)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["grid_code"], made["status"], made["is_exact"]) == (GRID_A, "open", True)
    assert made["point"]["coordinates"] == [pytest.approx(lon), pytest.approx(lat)]
    listed = client.get("/v1/incidents", params={"category": "theft"}).json()["incidents"]
    assert [one["id"] for one in listed] == [made["id"]]
    assert client.get("/v1/incidents", params={"category": "dispute"}).json()["incidents"] == []

    change = {"status": "closed", "version": made["version"]}
    closed = client.post(f"/v1/incidents/{made['id']}/status", json=change).json()
    assert (closed["status"], closed["version"]) == ("closed", made["version"] + 1)
    assert closed["cleared_at"] is not None
    assert [one["status"] for one in closed["history"]] == ["open"]
    stale = client.post(f"/v1/incidents/{made['id']}/status", json=change)
    assert stale.status_code == 409
    with place.database.session() as session:
        assert len(session.scalars(select(IncidentHistory)).all()) == 1


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"reported_at": (NOW + timedelta(days=1)).isoformat()}, "lies in the future"),
        ({"occurred_from": NOW.isoformat(),
          "occurred_to": (NOW - timedelta(hours=1)).isoformat()}, "before it starts"),
        ({"lon": None, "lat": None}, "neither a point nor an address"),
        ({"lat": None}, "go together"),
        ({"reported_at": "2025-01-01T10:00:00"}, "timezone"),
        ({"lon": None, "lat": None, "address_text": "天边那朵云"}, "isn't known"),
    ],
)  # fmt: skip
def test_what_cannot_be_recorded(place: District, more: dict[str, Any], says: str) -> None:
    lon, lat = point_in(place, "A")
    draft = {"category_code": "theft", "reported_at": NOW.isoformat(), "lon": lon, "lat": lat}
    answer = asking(place, "grid_worker", GRID_A).post("/v1/incidents", json=draft | more)
    assert answer.status_code == 422
    assert says in answer.text


def test_nobody_records_into_anothers_grid(place: District) -> None:
    lon, lat = point_in(place, "B")
    draft = {"category_code": "theft", "reported_at": NOW.isoformat(), "lon": lon, "lat": lat}
    answer = asking(place, "grid_worker", GRID_A).post("/v1/incidents", json=draft)
    assert answer.status_code == 422
    assert "outside of your grids" in answer.text
    unknown = asking(place).post("/v1/incidents", json=draft | {"category_code": "ufo"})
    assert unknown.status_code == 404


def test_the_category_decides_who_sees_the_point(place: District) -> None:
    with place.database.session() as session:
        number = add_incident(session, point_in(place, "A"), category_code="dispute").id
    told = asking(place, "chief").get(f"/v1/incidents/{number}").json()
    assert told["is_exact"]
    assert told["address_text"] == "滨河路1号"
    masked = asking(place, "grid_worker", GRID_A).get(f"/v1/incidents/{number}").json()
    hidden = {"point", "address_text", "accuracy_m", "standard_address_id", "establishment_id"}
    assert {name for name in hidden if masked[name] is not None} == set()
    assert not masked["is_exact"]
    assert masked["grid_code"] == GRID_A
    assert masked["h3_cell"].startswith("88")  # resolution 8
    assert masked["earlier_at_place"] == []
    (listed,) = asking(place, "analyst").get("/v1/incidents").json()["incidents"]
    assert listed["point"] is None


def test_repeats_at_a_place_are_shown_and_disputes_flagged_until_closed(place: District) -> None:
    lon, lat = point_in(place, "A")
    with place.database.session() as session:
        first = add_incident(session, (lon, lat), days_ago=30, category_code="dispute")
        far = add_incident(session, (lon + 0.01, lat), days_ago=20, category_code="dispute")
        second = add_incident(session, (lon + 1e-5, lat), days_ago=1, category_code="dispute")
        numbers = first.id, far.id, second.id
    client = asking(place, "chief")
    told = client.get(f"/v1/incidents/{numbers[2]}").json()
    assert [one["id"] for one in told["earlier_at_place"]] == [numbers[0]]
    assert told["is_repeat_flagged"]
    client.post(
        f"/v1/incidents/{numbers[0]}/status", json={"status": "closed", "version": 1}
    ).raise_for_status()
    assert not client.get(f"/v1/incidents/{numbers[2]}").json()["is_repeat_flagged"]


def test_two_calls_about_one_thing_are_suggested_as_duplicates(place: District) -> None:
    lon, lat = point_in(place, "A")
    with place.database.session() as session:
        first = add_incident(session, (lon, lat), days_ago=2)
        second = add_incident(session, (lon + 2e-4, lat), days_ago=2.02, category_code="theft.bike")
        add_incident(session, (lon, lat), days_ago=3)
        numbers = first.id, second.id
    told = asking(place).get(f"/v1/incidents/{numbers[0]}").json()
    assert told["likely_duplicates"] == [numbers[1]]


def test_the_layer_counts_cells_within_the_scope(place: District) -> None:
    with place.database.session() as session:
        for _ in range(6):
            add_incident(session, point_in(place, "A"))
        add_incident(session, point_in(place, "B"), grid_code=GRID_B)
        add_incident(session, point_in(place, "B"), grid_code=GRID_B, days_ago=400)
        add_incident(session, point_in(place, "A"), source="officer_initiated")
        add_incident(session, point_in(place, "A"), status="annulled")
    question = {"bbox": CITY_BBOX, "zoom": 15}
    body = asking(place).get(LAYER, params=question).json()
    assert body["incident_count"] == 7  # the last 90 days, reported by residents, not annulled
    counts = {one["properties"]["count"] for one in body["features"]}
    assert counts == {6, 1}
    too_few = {
        one["properties"]["count"]: one["properties"]["is_too_few"] for one in body["features"]
    }
    assert too_few == {6: False, 1: True}
    own = asking(place, "grid_worker", GRID_B).get(LAYER, params=question).json()
    assert own["incident_count"] == 1
    assert (
        asking(place, "chief", "14010500100299999").get(LAYER, params=question).json()["features"]
        == []
    )


def test_the_switch_to_all_sources_is_on_record(place: District) -> None:
    with place.database.session() as session:
        add_incident(session, point_in(place, "A"), source="officer_initiated")
    question = {"bbox": CITY_BBOX, "zoom": 15}
    client = asking(place)
    assert client.get(LAYER, params=question).json()["incident_count"] == 0
    switched = client.get(LAYER, params=question | {"all_sources": True}).json()
    assert switched["incident_count"] == 1
    day = timedelta(days=1)
    with place.database.session() as session:
        entries = read_log(
            session, Access("test"), start=NOW - day, end=NOW + day, action="hotspots_all_sources"
        )
    assert len(entries) == 1


def test_every_measure_answers_and_hours_and_weekdays_choose(place: District) -> None:
    random = np.random.default_rng(1)
    west, south, east, north = place.drawn["A"].bounds
    with place.database.session() as session:
        for number in range(300):
            hot = number % 3 == 0
            lonlat = (
                (west + (east - west) * 0.2, south + (north - south) * 0.2)
                if hot
                else (float(random.uniform(west, east)), float(random.uniform(south, north)))
            )
            add_incident(session, lonlat, days_ago=float(random.uniform(0.1, 250)))
    client = asking(place)
    whole = {
        "bbox": CITY_BBOX, "zoom": 16, "start": (NOW - timedelta(days=300)).isoformat(),
        "end": NOW.isoformat(),
    }  # fmt: skip
    for measure in ("counts", "risk", "gi", "forecast"):
        answer = client.get(LAYER, params=whole | {"measure": measure})
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert body["measure"] == measure
        assert body["incident_count"] == 300
        assert body["features"]
        told = [one["properties"] for one in body["features"]]
        fullest = max(told, key=lambda one: one["count"])
        assert fullest["count"] >= 90
        if measure == "gi":
            # A lone cell is no cluster: its own number is taken as given (docs/hotspots.md).
            assert {one["kind"] for one in told} <= {"hot", "cold", "none"}
        else:
            assert fullest["value"] == max(one["value"] for one in told)
    recent = whole | {"start": (NOW - timedelta(days=100)).isoformat(), "measure": "change"}
    assert client.get(LAYER, params=recent).json()["features"]
    nights = client.get(LAYER, params=whole | {"hours": "22-6"}).json()["incident_count"]
    days = client.get(LAYER, params=whole | {"hours": "6-22"}).json()["incident_count"]
    assert nights + days == 300
    weekend = client.get(LAYER, params=whole | {"weekdays": "6,7"}).json()["incident_count"]
    assert 0 < weekend < 150

    past = client.get(f"{LAYER}/backtest", params={"horizon_days": 30, "area_share": 0.05}).json()
    assert {one["method"] for one in past["scores"]} == {"forecast", "counts", "random"}
    assert past["n_windows"] == 2
    assert past["offered_default"] in ("forecast", "counts")


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"bbox": "1,1,1,1"}, 422), ({"hours": "25-3"}, 422), ({"weekdays": "8"}, 422),
        ({"measure": "gi"}, 409), ({"measure": "forecast"}, 409), ({"category": "ufo"}, 404),
        ({"horizon_days": 0}, 422), ({"horizon_days": 1e-310}, 422),
        ({"start": "2025-01-01T00:00:00"}, 422),
    ],
)  # fmt: skip
def test_bad_questions_and_too_little_to_answer(
    place: District, more: dict[str, Any], status: int
) -> None:
    answer = asking(place).get(LAYER, params={"bbox": CITY_BBOX, "zoom": 15} | more)
    assert answer.status_code == status, answer.text
