"""A server that is starting: positions come in at once, all else waits until it is ready."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from api.app import create_app
from geo.errors import PlatformError
from geo.positions.coming_in import PositionsIn
from geo.settings import Settings
from geo.store.database import Database
from geo.tables import PatrolPosition
from geo.units.devices import register_device
from geo.units.units import create_unit, plan_shift
from geo.values import GridScope, Period
from web.entrance import Entrance

NOW = datetime.now(UTC)
PATH = "/v1/positions/in/traccar"


@pytest.fixture
def token(database: Database) -> str:
    with database.session() as session:
        unit = create_unit(
            session, "U1", "x", scope=GridScope.everything(), kind="car", grid_codes=["G1"]
        )
        duty = Period(NOW - timedelta(hours=1), NOW + timedelta(hours=1))
        plan_shift(session, unit, duty, planned_by="test")
        return register_device(session, unit)[1]


def form(token: str, age_s: float) -> dict[str, str]:
    at = f"{NOW.timestamp() - age_s:.3f}"
    return {"id": token, "lat": "37.87", "lon": "112.55", "timestamp": at}


def test_positions_are_taken_while_the_rest_is_made_and_pages_wait_for_it(
    database: Database, tmp_path: Path, token: str
) -> None:
    may_make = threading.Event()
    positions_in = PositionsIn(database)

    def make() -> FastAPI:
        may_make.wait()
        return create_app(Settings(data_folder=tmp_path, demo=False), database, positions_in)

    entrance = Entrance(positions_in.intake, make, failed=lambda: None)
    positions_in.intake.start()
    try:
        with TestClient(entrance) as client, ThreadPoolExecutor(2) as pool:
            assert client.post(PATH, data=form(token, 10)).json() == {"stored": 1, "dropped": {}}
            health = pool.submit(client.get, "/v1/health")
            unknown = pool.submit(client.post, PATH, data=form("x" * 43, 9))
            assert client.post(PATH, data=form(token, 9)).json()["stored"] == 1
            assert not health.done()
            may_make.set()
            assert health.result(timeout=60).status_code == 200
            assert unknown.result(timeout=60).status_code == 401
            assert client.post(PATH, data=form(token, 8)).json()["stored"] == 1
            # What moved before all was made is on its board.
            assert positions_in.board.number > 1
    finally:
        may_make.set()
        positions_in.intake.stop()
    with database.session() as session:
        assert session.scalar(select(func.count()).select_from(PatrolPosition)) == 3


def test_what_cant_be_made_ends_the_server_and_is_told(database: Database) -> None:
    failed = threading.Event()

    def make() -> FastAPI:
        raise PlatformError("There is no map.")

    entrance = Entrance(PositionsIn(database).intake, make, failed=failed.set)
    with TestClient(entrance):
        assert failed.wait(60)
    assert isinstance(entrance.error, PlatformError)
