"""Drawing grids in a browser: a chief's suggestion, a lock, the acceptance; on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import select

from geo.roads.store import store_road_network
from geo.settings import Settings
from geo.store.cluster import EmbeddedCluster
from geo.store.database import Database
from geo.tables import Dwelling, StandardAddress
from tests.conftest import copied_database
from tests.geo.roads.streets import streets
from tests.signed_in import caller_of, signed_in
from tests.web.browsing import DESKTOP, PHONE, visiting
from tests.web.conftest import COMMUNITY_1, GRID_A, GRID_B, serve, settle, stop
from web.app import create_app

pytestmark = pytest.mark.browser

TOWN = """
    A-B-C-D
    | | | |
    E-F-G-H
    | | | |
    I-J-K-L
    | | | |
    M-N-O-P
"""


@pytest.fixture(scope="module")
def town(cluster: EmbeddedCluster) -> Iterator[Database]:
    """The district with streets and a dwelling at each address: 40 in one grid, 15 in the other."""
    with copied_database(cluster) as database:
        with database.session() as session:
            settle(session)
            store_road_network(session, streets(TOWN), name="示例", valid_from=date(2025, 1, 1))
            for address_id in session.scalars(select(StandardAddress.id)):
                session.add(
                    Dwelling(standard_address_id=address_id, use="owner_occupied",
                             due_on=date(2099, 1, 1), source="test", recorded_by="test")
                )  # fmt: skip
        yield database


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("balance")


@pytest.fixture(scope="module")
def chiefs_site(town: Database, folder: Path) -> Iterator[str]:
    app = create_app(Settings(data_folder=folder, demo=False), town)
    serving = serve(signed_in(app, caller_of("chief", GRID_A, GRID_B)))
    yield serving.url
    stop(serving)


def test_a_chief_draws_grids_and_proposes_them(
    browser: Browser, chiefs_site: str, town: Database, folder: Path
) -> None:
    with visiting(browser, chiefs_site, **DESKTOP) as visit:
        page = visit.page
        visit.go("/balance?lang=en")
        ready = page.locator("html")
        expect(ready).to_have_attribute("data-balance", "loaded")
        page.locator("#balance-area").select_option(COMMUNITY_1)
        assert page.locator("#balance-count").input_value() == "2"
        page.locator("#balance-tolerance").fill("30")
        page.locator("#balance-suggest").press("Enter")
        expect(page.locator("#balance-state")).to_have_text("Done", timeout=30_000)
        # 40 and 15 of a mean of 27.5: 45.5 % before.
        facts = page.locator("#draft-facts")
        expect(facts).to_contain_text("45.5% →")
        expect(page.locator("#draft-rows tr")).to_have_count(2)
        assert page.locator("#draft-rows .is-over").count() == 0
        # The name of a grid tries to be markup; it stays text.
        page.locator("#side-before").click()
        expect(page.locator("#draft-rows .is-over")).to_have_count(2)
        assert page.locator("#draft-rows img").count() == 0
        assert page.locator(".grid-name img").count() == 0
        page.locator("#side-after").click()
        # A lock, by keyboard, then solved again.
        page.locator("#draft-rows input").first.focus()
        with page.expect_response("**/edits") as edited:
            page.keyboard.press("Space")
        assert edited.value.status == 200
        expect(page.locator("#draft-rows input").first).to_be_checked()
        with page.expect_response("**/solve") as solved:
            page.locator("#balance-again").click()
        assert solved.value.status == 200
        expect(page.locator("#balance-state")).to_have_text("Done", timeout=30_000)
        page.locator("#draft-propose").click()
        expect(page.locator("#decide-state")).to_contain_text("Proposed")
        expect(page.locator("#edit-block")).to_be_hidden()
        assert "draft=" in page.url
        assert page.locator("#accept-form").count() == 0  # not a chief's work
        assert visit.outside_requests == [] and visit.policy_violations == []
        assert visit.complaints == []
        link = page.url
    app = create_app(Settings(data_folder=folder, demo=False), town)
    serving = serve(signed_in(app, caller_of("system_administrator")))
    try:
        with visiting(browser, serving.url, **DESKTOP) as visit:
            visit.go(link.removeprefix(chiefs_site))
            page = visit.page
            expect(page.locator("#accept-form")).to_be_visible()
            page.locator("#accept-warnings").check()
            page.locator("#accept-form button").click()
            expect(page.locator("#balance-state")).to_contain_text("Handed to import")
            expect(page.locator("#accept-form")).to_be_hidden()
            assert visit.complaints == []
    finally:
        stop(serving)


def test_grids_are_drawn_on_a_phone(browser: Browser, chiefs_site: str) -> None:
    with visiting(browser, chiefs_site, **PHONE) as visit:
        page = visit.page
        visit.go("/balance")
        expect(page.locator("html")).to_have_attribute("data-balance", "loaded")
        page.locator("#panel-handle").tap()
        page.locator("#balance-area").select_option(COMMUNITY_1)
        page.locator("#balance-tolerance").fill("40")
        page.locator("#balance-suggest").tap()
        expect(page.locator("#balance-state")).to_have_text("完成", timeout=30_000)
        expect(page.locator("#sheet-summary")).to_contain_text("→")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        # What can't be asked is said in words.
        page.locator("#balance-count").fill("300")
        page.locator("#balance-suggest").tap()
        expect(page.locator("#balance-state")).to_contain_text("300")
        assert visit.policy_violations == [] and visit.outside_requests == []
