"""Incidents at an address over HTTP: here and near by, scope, precision by role, what repeats."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.app import create_app
from geo.incidents.categories import CategoryRow, load_categories
from geo.store.cluster import EmbeddedCluster
from geo.tables import Incident, StandardAddress
from tests.api.conftest import GRID_A, GRID_B, District, settled_district
from tests.signed_in import caller_of, signed_in

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="module")
def place(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[District]:
    with settled_district(cluster, tmp_path_factory.mktemp("place_incidents")) as place:
        with place.database.session() as session:
            load_categories(
                session,
                [
                    CategoryRow("theft", "盗窃"),
                    CategoryRow("dispute", "纠纷", is_repeat_flagged=True),
                    CategoryRow("dispute.family", "家庭纠纷", "dispute", point_roles=("chief",)),
                ],
            )
        yield place


def address_in(session: Session, grid_code: str, nth: int = 0) -> tuple[int, float, float]:
    found = session.execute(
        select(StandardAddress.id, func.ST_X(StandardAddress.geom), func.ST_Y(StandardAddress.geom))
        .where(StandardAddress.grid_code == grid_code, StandardAddress.geom.is_not(None))
        .order_by(StandardAddress.id)
        .offset(nth)
        .limit(1)
    ).one()
    return found[0], found[1], found[2]


def told(
    session: Session,
    lonlat: tuple[float, float],
    *,
    at: int | None = None,
    days_ago: float = 1,
    **more: Any,
) -> int:
    moment = NOW - timedelta(days=days_ago)
    given = {
        "category_code": "dispute", "source": "resident_reported", "reported_at": moment,
        "occurred_from": moment, "occurred_to": moment, "dataset": "test", "recorded_by": "test",
        "point_method": "given", "geom": f"SRID=4326;POINT({lonlat[0]} {lonlat[1]})",
        "grid_code": GRID_A, "standard_address_id": at,
    }  # fmt: skip
    row = Incident(**given | more)
    session.add(row)
    session.flush()
    return row.id


def ask(place: District, address_id: int, role: str = "chief", *grids: str) -> Any:
    app = signed_in(create_app(place.settings, place.database), caller_of(role, *grids))
    with TestClient(app, raise_server_exceptions=False) as client:
        return client.get(f"/v1/addresses/{address_id}/incidents")


def test_here_near_by_and_what_repeats(place: District) -> None:
    with place.database.session() as session:
        address, lon, lat = address_in(session, GRID_A)
        here = [told(session, (lon, lat), at=address, days_ago=ago) for ago in (40, 5)]
        near = told(session, (lon + 0.0003, lat), category_code="theft", days_ago=2)  # some 28 m
        told(session, (lon + 0.002, lat), category_code="theft")  # some 180 m: another place
        family = told(session, (lon, lat), at=address, category_code="dispute.family", days_ago=3)
        other = told(session, (lon, lat), at=address, days_ago=9, status="annulled")
        for row in session.scalars(select(Incident).where(Incident.id == here[0])):
            row.status = "closed"
    found = ask(place, address).json()
    assert [each["id"] for each in found["incidents"]] == [near, family, here[1], other, here[0]]
    assert found["count"] == 5
    by_id = {each["id"]: each for each in found["incidents"]}
    assert by_id[near]["is_here"] is False and 20 < by_id[near]["distance_m"] < 40
    assert by_id[here[0]]["is_here"] is True and by_id[here[0]]["distance_m"] == 0
    # Three disputes that count, two of them open; the annulled one doesn't.
    assert found["repeated"]["count"] == 3 and found["repeated"]["open_count"] == 2

    # A role that may not see where families quarrel isn't told that one did here.
    masked = ask(place, address, "analyst").json()
    assert family not in {each["id"] for each in masked["incidents"]}
    assert masked["count"] == 4 and masked["repeated"]["count"] == 2

    with place.database.session() as session:
        for row in session.scalars(select(Incident).where(Incident.standard_address_id == address)):
            row.status = "closed"
    assert ask(place, address).json()["repeated"] is None


def test_another_grid_is_absent(place: District) -> None:
    with place.database.session() as session:
        address, lon, lat = address_in(session, GRID_A, 1)
        # Told at an address of A, and by its point in B.
        over = told(session, (lon, lat), at=address, grid_code=GRID_B)
    assert ask(place, address, "grid_worker", GRID_B).status_code == 404
    seen = ask(place, address, "grid_worker", GRID_A).json()["incidents"]
    assert over not in {each["id"] for each in seen}
    assert ask(place, 10**12).status_code == 404
