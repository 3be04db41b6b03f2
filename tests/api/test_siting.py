"""Siting over HTTP: asked, watched, stopped, compared; one's own alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from geo.response_sites import Site, store_sites
from geo.roads.store import store_road_network
from geo.store.cluster import EmbeddedCluster
from geo.tables import Dwelling, StandardAddress
from geo.values import LonLat
from tests.api.conftest import GRID_A, GRID_C, District, settled_district
from tests.geo.roads.streets import place, streets
from tests.signed_in import caller_of, signed_in

TOWN = """
    A-B-C-D
    | | | |
    E-F-G-H
    | | | |
    I-J-K-L
    | | | |
    M-N-O-P
"""
PLANS = "/v1/siting/plans"


@pytest.fixture(scope="module")
def town(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[District]:
    """The district with streets, dwellings, a station in its corner and two candidates."""
    with settled_district(cluster, tmp_path_factory.mktemp("siting")) as settled:
        with settled.database.session() as session:
            day = date(2025, 1, 1)
            store_road_network(session, streets(TOWN), name="示例", valid_from=day)
            store_sites(
                session,
                [
                    Site("S", "示例所", "station", LonLat(*place(0, 0))),
                    Site("P", "候选一", "candidate", LonLat(*place(3, 0))),
                    Site("Q", "候选二", "candidate", LonLat(*place(1, 3))),
                ],
                valid_from=day,
            )
            for address in session.query(StandardAddress).all():
                session.add(
                    Dwelling(standard_address_id=address.id, use="owner_occupied",
                             due_on=date(2099, 1, 1), source="test", recorded_by="test")
                )  # fmt: skip
        yield settled


@pytest.fixture(scope="module")
def client(town: District) -> TestClient:
    app = signed_in(create_app(town.settings, town.database), caller_of("chief"))
    return TestClient(app, raise_server_exceptions=False)


def solved(client: TestClient, **asked: Any) -> dict[str, Any]:
    answer = client.post(PLANS, json={"mode": "foot", "resolution": 11, **asked})
    assert answer.status_code == 202, answer.text
    told: dict[str, Any] = answer.json()
    for _ in range(300):
        if told["status"] not in ("waiting", "running"):
            return told
        time.sleep(0.1)
        told = client.get(f"{PLANS}/{told['plan_id']}").json()
    raise AssertionError(told)


def test_a_plan_keeps_what_is_and_says_its_bound(client: TestClient) -> None:
    told = solved(client, wanted=2, limit_s=120)
    assert told["status"] == "done" and told["is_proven"] and told["gap"] == 0
    assert {site["code"] for site in told["sites"]} > {"S"}
    assert told["whole"] == 14
    assert told["covered"] >= told["covered_before"]
    assert told["objective"] == told["bound"] == told["covered"]
    # The station closed, it is gone from the plan.
    without = solved(client, wanted=1, limit_s=120, forbidden=["S"])
    assert [site["code"] for site in without["closed"]] == ["S"]
    compared = client.get(
        f"{PLANS}/{without['plan_id']}/comparison", params={"before": told["plan_id"]}
    ).json()
    assert compared["covered_before"] == told["covered"]
    assert compared["covered_after"] == without["covered"]
    weights = {"gained": 0.0, "lost": 0.0}
    for row in compared["features"]:
        if row["properties"]["state"] in weights:
            weights[row["properties"]["state"]] += row["properties"]["demand"]
    assert weights == {"gained": compared["gained"], "lost": compared["lost"]}
    assert compared["covered_after"] - compared["covered_before"] == pytest.approx(
        compared["gained"] - compared["lost"]
    )
    standing = client.get(f"{PLANS}/{told['plan_id']}/comparison").json()
    assert standing["covered_before"] == told["covered_before"]


def test_what_can_not_be_is_said_at_once_or_in_the_plan(client: TestClient) -> None:
    for asked, words in (
        ({"wanted": 9}, "9 sites are wanted"),
        ({"forbidden": ["nowhere"]}, "no site nowhere"),
        ({"fixed": ["P"], "forbidden": ["P"]}, "both fixed and forbidden"),
        ({"demand": "key_places"}, "No cell has any demand"),
    ):
        answer = client.post(PLANS, json=asked)
        assert answer.status_code == 422 and words in answer.text, answer.text
    far = solved(client, question="how_many", limit_s=1, share=1)
    assert far["status"] == "failed" and "out of reach" in far["message"]
    enough = solved(client, question="how_many", limit_s=600, share=1, grid_centres=True)
    assert enough["objective"] == 1 and enough["candidate_count"] == 6


def test_a_plan_is_its_askers_own_and_stops(client: TestClient, town: District) -> None:
    told = client.post(PLANS, json={"wanted": 2}).json()
    stopped = client.post(f"{PLANS}/{told['plan_id']}/stop").json()
    assert stopped["status"] in ("stopped", "done")
    app = client.app
    for other in (caller_of("chief", GRID_A), caller_of("analyst", GRID_C)):
        signed_in(app, other)  # type: ignore[arg-type]
        for path in ("", "/comparison"):
            assert client.get(f"{PLANS}/{told['plan_id']}{path}").status_code == 404
        assert client.post(f"{PLANS}/{told['plan_id']}/stop").status_code == 404
    own = solved(client, wanted=2)
    assert own["whole"] == 2  # of grid C alone
    signed_in(app, caller_of("chief"))  # type: ignore[arg-type]
