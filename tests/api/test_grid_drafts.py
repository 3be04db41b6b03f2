"""Drafts of grids over HTTP: suggested, watched, edited, locked, proposed, made grids."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
import shapely
from fastapi.testclient import TestClient
from sqlalchemy import select

from api.app import create_app
from geo.codes import CodeStandard
from geo.crs import WGS84
from geo.importers.grids import GridImportOptions, check_grid_file
from geo.importers.upload_safety import UploadLimits
from geo.roads.store import store_road_network
from geo.store.cluster import EmbeddedCluster
from geo.tables import Dwelling, Grid, StandardAddress
from tests.api.conftest import COMMUNITY_1, GRID_A, GRID_B, GRID_C, District, settled_district
from tests.geo.roads.streets import streets
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
DRAFTS = "/v1/grid-drafts"


@pytest.fixture(scope="module")
def town(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[District]:
    """The district with streets and a dwelling at each address: 9 in grid A, 3 in B."""
    with settled_district(cluster, tmp_path_factory.mktemp("drafts")) as settled:
        with settled.database.session() as session:
            store_road_network(session, streets(TOWN), name="示例", valid_from=date(2025, 1, 1))
            for address in session.query(StandardAddress).all():
                session.add(
                    Dwelling(standard_address_id=address.id, use="owner_occupied",
                             due_on=date(2099, 1, 1), source="test", recorded_by="test")
                )  # fmt: skip
        yield settled


@pytest.fixture(scope="module")
def chief(town: District) -> TestClient:
    app = signed_in(create_app(town.settings, town.database), caller_of("chief", GRID_A, GRID_B))
    return TestClient(app, raise_server_exceptions=False)


@pytest.fixture(scope="module")
def administrator(town: District) -> Iterator[TestClient]:
    app = create_app(town.settings, town.database)
    app = signed_in(app, caller_of("system_administrator"))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def solved(client: TestClient, **asked: Any) -> dict[str, Any]:
    given = {"area_code": COMMUNITY_1, "grid_count": 2, "tolerance": 0.4, **asked}
    answer = client.post(DRAFTS, json=given)
    assert answer.status_code == 201, answer.text
    return waited(client, answer.json()["draft_id"])


def waited(client: TestClient, draft_id: int) -> dict[str, Any]:
    for _ in range(300):
        told: dict[str, Any] = client.get(f"{DRAFTS}/{draft_id}").json()
        if not told["solving"]["is_running"]:
            return told
        time.sleep(0.1)
    raise AssertionError(told)


def test_a_draft_says_before_and_after(chief: TestClient, town: District) -> None:
    told = solved(chief)
    assert told["solving"]["message"] is None and told["is_balanced"]
    assert told["balanced"] == "households" and told["household_source"] == "dwellings"
    before, after = told["before"], told["after"]
    assert [row["households"] for row in before["grids"]] == [9, 3]
    assert before["most"] == 0.5 and after["most"] <= 0.4  # 9 and 3 of a mean of 6
    for table in (before, after):
        assert sum(row["households"] for row in table["grids"]) == 12
        assert sum(row["area_m2"] for row in table["grids"]) == pytest.approx(58_700, rel=0.02)
    assert told["households_moved"] + max(row["households"] for row in after["grids"]) >= 6
    assert told["bound"] <= after["most"]
    # Nothing is a grid by it.
    with town.database.session() as session:
        assert session.scalars(select(Grid.grid_code).where(Grid.valid_to.is_(None))).all() == [
            GRID_A, GRID_B, GRID_C,
        ]  # fmt: skip
    assert told["draft_id"] in [d["draft_id"] for d in chief.get(DRAFTS).json()["drafts"]]


def test_the_map_has_blocks_grids_and_the_grids_of_now(chief: TestClient) -> None:
    told = solved(chief)
    rows = chief.get(f"{DRAFTS}/{told['draft_id']}/map").json()["features"]
    kinds = [row["properties"]["kind"] for row in rows]
    assert kinds.count("grid") == 2 and kinds.count("now") == 2
    assert kinds.count("block") == told["block_count"] > 4


def test_a_block_moves_and_a_grid_is_locked(chief: TestClient) -> None:
    told = solved(chief)
    url = f"{DRAFTS}/{told['draft_id']}"
    rows = chief.get(f"{url}/map").json()["features"]
    blocks = [row for row in rows if row["properties"]["kind"] == "block"]
    version, moved = told["version"], None
    for row in blocks:
        edit = {"version": version, "block": row["properties"]["block"],
                "grid": 1 - row["properties"]["grid"]}  # fmt: skip
        answer = chief.post(f"{url}/edits", json=edit)
        assert answer.status_code in (200, 422), answer.text
        if answer.status_code == 200:
            moved = answer.json()
            break
    assert moved is not None and moved["version"] == version + 1
    # The second to change the same version is told so.
    stale = chief.post(f"{url}/edits", json={"version": version, "locked": [0]})
    assert stale.status_code == 409
    locked = chief.post(f"{url}/edits", json={"version": moved["version"], "locked": [0]}).json()
    assert [g["is_locked"] for g in sorted(locked["after"]["grids"], key=lambda g: g["grid"])] == [
        True, False,
    ]  # fmt: skip
    order = {"version": locked["version"]}
    assert chief.post(f"{url}/solve", json=order).status_code == 200
    again = waited(chief, told["draft_id"])
    held = {g["grid"]: g["households"] for g in again["after"]["grids"]}
    assert held == {g["grid"]: g["households"] for g in locked["after"]["grids"]}
    assert chief.post(f"{url}/stop").status_code == 200


def test_what_can_not_be_is_said_at_once(chief: TestClient, administrator: TestClient) -> None:
    for asked, status, words in (
        ({"grid_count": 400}, 422, "blocks"),
        ({"weight": "residents"}, 422, "weight"),
        ({"area_code": "140105001002"}, 404, "all yours"),
        ({"area_code": "140105001"}, 404, "all yours"),  # the township has a grid of others
        ({"area_code": "999999"}, 404, "999999"),
    ):
        answer = chief.post(DRAFTS, json={"area_code": COMMUNITY_1, **asked})
        assert answer.status_code == status and words in answer.text, answer.text
    # Who sees all may split the township; beats of it become no grids of communities.
    township = solved(administrator, area_code="140105001", weight="addresses")
    decision = {"version": township["version"], "status": "proposed"}
    url = f"{DRAFTS}/{township['draft_id']}"
    proposed = administrator.post(f"{url}/decision", json=decision).json()
    assert proposed["status"] == "proposed"
    refused = administrator.post(
        f"{url}/accept", json={"version": proposed["version"], "valid_from": "2026-12-01"}
    )
    assert refused.status_code == 422 and "no community" in refused.text


def test_an_administrator_makes_grids_of_a_proposed_draft(
    chief: TestClient, administrator: TestClient, town: District, tmp_path: Any
) -> None:
    told = solved(chief, stay=0.1)
    url = f"{DRAFTS}/{told['draft_id']}"
    accept = {"version": told["version"], "valid_from": "2026-12-01", "accept_warnings": True}
    assert chief.post(f"{url}/accept", json=accept).status_code == 404  # not a chief's work
    assert administrator.post(f"{url}/accept", json=accept).status_code == 409  # not proposed
    decision = {"version": told["version"], "status": "proposed"}
    proposed = chief.post(f"{url}/decision", json=decision).json()
    edit = {"version": proposed["version"], "locked": [0]}
    assert chief.post(f"{url}/edits", json=edit).status_code == 409  # proposed: as it is
    # The file is what the import takes, without a fault in its borders.
    path = tmp_path / "draft.geojson"
    path.write_bytes(chief.get(f"{url}/file").content)
    with town.database.session() as session:
        check = check_grid_file(
            session, path,
            GridImportOptions(WGS84, date(2026, 12, 1), CodeStandard.OWN),
            upload_limits=UploadLimits.from_settings(town.settings),
        )  # fmt: skip
    assert not check.has_errors and len(check.drafts) == 2
    whole = shapely.union_all([town.drawn["A"], town.drawn["B"]])
    drawn = shapely.union_all([draft.geometry for draft in check.drafts])
    assert shapely.symmetric_difference(whole, drawn).area < 1e-6 * whole.area
    accept["version"] = proposed["version"]
    accepted = administrator.post(f"{url}/accept", json=accept)
    assert accepted.status_code == 202, accepted.text
    job_id = accepted.json()["job_id"]
    for _ in range(300):
        job = administrator.get(f"/v1/imports/{job_id}").json()
        if job["status"] not in ("waiting", "running"):
            break
        time.sleep(0.1)
    assert job["status"] == "done", job
    with town.database.session() as session:
        new = session.scalars(
            select(Grid).where(Grid.valid_from == date(2026, 12, 1)).order_by(Grid.grid_code)
        ).all()
        assert len(new) == 2 and sum(grid.household_count or 0 for grid in new) == 12


def test_after_a_stop_nothing_is_written_and_the_answer_is_the_newest(chief: TestClient) -> None:
    given = {"area_code": COMMUNITY_1, "grid_count": 2, "tolerance": 0.4}
    for seed in range(5):
        draft_id = chief.post(DRAFTS, json={**given, "seed": seed}).json()["draft_id"]
        time.sleep(0.05 * seed)
        stopped = chief.post(f"{DRAFTS}/{draft_id}/stop").json()
        time.sleep(0.2)
        assert chief.get(f"{DRAFTS}/{draft_id}").json()["version"] == stopped["version"]
        assert not stopped["solving"]["is_running"]
