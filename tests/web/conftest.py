"""A small invented district with a base map, the whole application over it, and a browser.

AAB     two communities, three grids; roads between them, a river, buildings; the name of grid A
AAB     and of one road try to be markup: a page that doesn't escape them fails its test
CCC
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient
from geoalchemy2.shape import from_shape
from playwright.sync_api import Browser, sync_playwright
from shapely.geometry import LineString, Point, box
from shapely.geometry.base import BaseGeometry
from sqlalchemy import insert
from sqlalchemy.orm import Session

from geo.settings import Settings
from geo.store.cluster import EmbeddedCluster
from geo.store.database import Database
from geo.tables import StoreNote
from geo.tables.basemap import BasemapFeature, BasemapSource
from tests.conftest import copied_database
from tests.drawing import draw
from tests.factories import add_area, add_grid, add_grid_version, add_standard_address
from tests.signed_in import signed_in
from tests.web.browsing import CHROMIUM, CHROMIUM_FLAGS, DESKTOP, PHONE, Visit, visiting
from web.app import create_app

GRID_A = "14010500100100001"
GRID_B = "14010500100100002"
GRID_C = "14010500100200001"
COMMUNITY_1 = "140105001001"
COMMUNITY_2 = "140105001002"
NASTY = "<img src=x onerror=alert(1)><script>alert(2)</script>"
ATTRIBUTION = "演示底图 <b>甲</b>"


@pytest.fixture(scope="session")
def web_database(cluster: EmbeddedCluster) -> Iterator[Database]:
    """The district of this module's drawing, 60 addresses."""
    with copied_database(cluster) as database:
        with database.session() as session:
            settle(session)
        yield database


def settle(session: Session) -> None:
    """Put the district into a store."""
    drawn = draw(
        """
        AAB
        AAB
        CCC
        """
    )
    for code, level, name, parent in (
        ("140000", "province", "山西省", None),
        ("140100", "city", "太原市", "140000"),
        ("140105", "county", "小店区", "140100"),
        ("140105001", "township", "试验街道", "140105"),
        (COMMUNITY_1, "community", "第一社区", "140105001"),
        (COMMUNITY_2, "community", "第二社区", "140105001"),
    ):
        add_area(session, code, level, name=name, parent_code=parent)
    version = add_grid_version(session, grid_count=3)
    for letter, code, name, count in (
        ("A", GRID_A, f"第一网格{NASTY}", 40),
        ("B", GRID_B, "第二网格", 15),
        ("C", GRID_C, "第三网格", 5),
    ):
        polygon = drawn[letter]
        grid = add_grid(
            session, code, polygon, version=version, name=name, person_in_charge="示例·赵一"
        )
        west, south, east, north = polygon.bounds
        for i in range(count):
            place = (
                west + (east - west) * (i % 8 + 1) / 9,
                south + (north - south) * (i // 8 + 1) / 7,
            )
            road = f"试验{letter}路"
            add_standard_address(
                session,
                place,
                grid=grid,
                township="试验街道",
                community="第一社区" if letter != "C" else "第二社区",
                road=road,
                door=f"{i + 1}号",
                canonical_text=f"山西省太原市小店区试验街道{road}{i + 1}号",
                search_key=f"{road}/{i + 1}",
            )
    add_basemap(session, drawn["A"])
    session.execute(insert(StoreNote).values(name="demo_city", value={"seed": 1}))


def add_basemap(session: Session, polygon: BaseGeometry) -> None:
    """A road, a river, a park, a building and a place in the box of a polygon."""
    west, south, east, north = polygon.bounds
    middle = (west + east) / 2, (south + north) / 2
    source = BasemapSource(
        name="test", origin_datum="WGS84", attribution=ATTRIBUTION, is_generated=True
    )
    session.add(source)
    session.flush()
    d = (east - west) / 20
    for kind, feature_class, name, shape in (
        ("road", "primary", f"人民路{NASTY}", LineString([(west, middle[1]), (east, middle[1])])),
        ("road", "residential", "试验巷", LineString([(middle[0], south), (middle[0], north)])),
        ("water", "river", "测试河", box(west, south, east, south + d)),
        ("green", "park", "测试公园", box(east - 4 * d, north - 4 * d, east - d, north - d)),
        ("building", "apartments", None, box(west + d, north - 3 * d, west + 4 * d, north - 2 * d)),
        ("place", "school", "测试小学", Point(west + 2 * d, south + 3 * d)),
    ):
        session.add(
            BasemapFeature(
                source_id=source.id,
                kind=kind,
                feature_class=feature_class,
                name=name,
                geom=from_shape(shape, srid=4326),
            )
        )


@pytest.fixture(scope="session")
def web_app(web_database: Database, tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """The whole application over the district."""
    settings = Settings(data_folder=tmp_path_factory.mktemp("data"), demo=False)
    return signed_in(create_app(settings, web_database))


@pytest.fixture(scope="session")
def client(web_app: FastAPI) -> Iterator[TestClient]:
    with TestClient(web_app) as client:
        yield client


@pytest.fixture
def empty_app(database: Database, tmp_path: Path) -> FastAPI:
    """The whole application over a store that holds nothing."""
    return signed_in(create_app(Settings(data_folder=tmp_path, demo=False), database))


@dataclass
class Serving:
    """A server on loopback."""

    url: str
    server: uvicorn.Server
    thread: threading.Thread


def serve(app: FastAPI) -> Serving:
    """Start a server for an application on a free port; `stop` ends it."""
    server = uvicorn.Server(
        uvicorn.Config(
            app, host="127.0.0.1", port=0, log_level="error", timeout_graceful_shutdown=1
        )
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        if time.monotonic() > deadline or not thread.is_alive():
            raise RuntimeError("The test server did not start within 20 s.")
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    return Serving(f"http://127.0.0.1:{port}", server, thread)


def stop(serving: Serving) -> None:
    serving.server.should_exit = True
    serving.thread.join(timeout=10)


@pytest.fixture(scope="session")
def site(web_app: FastAPI) -> Iterator[str]:
    """The address of the application over the district."""
    serving = serve(web_app)
    yield serving.url
    stop(serving)


@pytest.fixture
def empty_site(empty_app: FastAPI) -> Iterator[str]:
    """The address of the application over an empty store."""
    serving = serve(empty_app)
    yield serving.url
    stop(serving)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def desktop(browser: Browser, site: str) -> Iterator[Visit]:
    """A desk computer; the test fails if its page was not clean."""
    with visiting(browser, site, **DESKTOP) as visit:
        yield visit
        visit.assert_clean()


@pytest.fixture
def phone(browser: Browser, site: str) -> Iterator[Visit]:
    """A phone; the test fails if its page was not clean."""
    with visiting(browser, site, **PHONE) as visit:
        yield visit
        visit.assert_clean()
