"""One small invented district for all tests that only read, and the application over it.

AAB     grids of community 140105001001 (A, B) and 140105001002 (C); E was B's neighbour
AAB     until 2025 and is over
CCE
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event

from api.app import create_app
from api.dependencies import caller_scope
from geo.crosswalk import store_crosswalk
from geo.settings import Settings
from geo.store.cluster import EmbeddedCluster
from geo.store.database import Database
from geo.tables import AddressAlias
from geo.values import GridScope
from tests.conftest import copied_database
from tests.drawing import draw
from tests.factories import add_area, add_grid, add_grid_version, add_standard_address, written_as
from tests.signed_in import signed_in

GRID_A = "14010500100100001"
GRID_B = "14010500100100002"
GRID_C = "14010500100200001"
GRID_ENDED = "14010500100100009"
COMMUNITY_1 = "140105001001"
COMMUNITY_2 = "140105001002"
ROADS = {"A": "滨河路", "B": "学府街", "C": "晋阳路"}
CITY_BBOX = "112.54,37.87,112.56,37.89"


@dataclass
class District:
    """The database and the ids that tests ask for."""

    database: Database
    settings: Settings
    drawn: dict[str, Any]
    address_ids: dict[str, list[int]] = field(default_factory=dict)


@pytest.fixture(scope="session")
def district(
    cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[District]:
    """The district of this module's drawing: nine addresses in A, three in B, two in C."""
    with settled_district(cluster, tmp_path_factory.mktemp("data")) as place:
        yield place


@contextlib.contextmanager
def settled_district(cluster: EmbeddedCluster, folder: Path) -> Iterator[District]:
    """The district in a database of its own."""
    drawn = draw(
        """
        AAB
        AAB
        CCE
        """
    )
    with copied_database(cluster) as database:
        place = District(database, Settings(data_folder=folder, demo=False), drawn)
        _settle(place)
        yield place


def _settle(place: District) -> None:
    with place.database.session() as session:
        for code, level, name, parent in (
            ("140000", "province", "山西省", None),
            ("140100", "city", "太原市", "140000"),
            ("140105", "county", "小店区", "140100"),
            ("140105001", "township", "试验街道", "140105"),
            (COMMUNITY_1, "community", "第一社区", "140105001"),
            (COMMUNITY_2, "community", "第二社区", "140105001"),
        ):
            add_area(session, code, level, name=name, parent_code=parent)
        version = add_grid_version(session, grid_count=4)
        grids = {
            letter: add_grid(session, code, place.drawn[letter], version=version, **more)
            for letter, code, more in (
                ("A", GRID_A, {"person_in_charge": "甲某"}),
                ("B", GRID_B, {}),
                ("C", GRID_C, {}),
                ("E", GRID_ENDED, {"valid_to": date(2025, 1, 1)}),
            )
        }
        store_crosswalk(
            session,
            [grid.id for grid in grids.values()],
            [place.drawn[letter] for letter in grids],
        )
        for letter, count in (("A", 9), ("B", 3), ("C", 2)):
            west, south, east, north = place.drawn[letter].bounds
            place.address_ids[letter] = [
                add_standard_address(
                    session,
                    (west + (east - west) * (i + 1) / (count + 1), (south + north) / 2),
                    grid=grids[letter],
                    **written_as(f"山西省太原市小店区试验街道{ROADS[letter]}{i + 1}号"),
                ).id
                for i in range(count)
            ]
        session.add(
            AddressAlias(
                standard_address_id=place.address_ids["A"][0],
                alias_text="试验大厦",
                alias_key="试验大厦",
                source="test",
            )
        )


@pytest.fixture(scope="session")
def _application(district: District) -> Iterator[TestClient]:
    with TestClient(
        signed_in(create_app(district.settings, district.database)), raise_server_exceptions=False
    ) as client:
        client.app.state.services.warming.join()  # type: ignore[attr-defined]
        yield client


@pytest.fixture
def client(_application: TestClient) -> Iterator[TestClient]:
    """The application, to a caller who may see everything."""
    yield _application
    _application.app.dependency_overrides.pop(caller_scope, None)  # type: ignore[attr-defined]


@pytest.fixture
def client_of(client: TestClient) -> Callable[..., TestClient]:
    """The application, to a caller who may see the named grids only."""

    def limited(*grid_codes: str) -> TestClient:
        client.app.dependency_overrides[caller_scope] = (  # type: ignore[attr-defined]
            lambda: GridScope.of(grid_codes)
        )
        return client

    return limited


@contextlib.contextmanager
def counted_statements(database: Database) -> Iterator[list[str]]:
    """The statements sent to a database meanwhile."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "gridbeat.scope" not in statement:  # each transaction begins with it
            sent.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    yield sent
    event.remove(database.engine, "before_cursor_execute", note)


@pytest.fixture
def statements(district: District) -> Iterator[list[str]]:
    """The statements sent to the district's database while the test runs."""
    with counted_statements(district.database) as sent:
        yield sent


@pytest.fixture
def own_client(database: Database, tmp_path: Path) -> Iterator[TestClient]:
    """The application over an empty database of this test's own, for tests that write."""
    settings = Settings(data_folder=tmp_path, demo=False)
    app = signed_in(create_app(settings, database))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client
