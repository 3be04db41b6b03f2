"""The gap board and the rings in a browser: at a desk, on a phone, in both languages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import select, update

from geo.response_sites import Site, store_sites
from geo.roads.store import store_road_network
from geo.settings import Settings
from geo.store.cluster import EmbeddedCluster
from geo.store.database import Database
from geo.tables import DutyShift, Dwelling, PatrolLatest, PatrolUnit, StandardAddress
from geo.values import LonLat
from tests.conftest import copied_database
from tests.geo.roads.streets import place, streets
from tests.signed_in import caller_of, signed_in
from tests.web.browsing import DESKTOP, PHONE, visiting
from tests.web.conftest import GRID_A, GRID_B, GRID_C, serve, settle, stop
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
    """The district with streets, a dwelling at each address, a station, and one car on duty."""
    with copied_database(cluster) as database:
        with database.session() as session:
            settle(session)
            store_road_network(session, streets(TOWN), name="示例", valid_from=date(2025, 1, 1))
            station = Site("S-1", "示例派出所", "station", LonLat(*place(0, 0)))
            store_sites(session, [station], valid_from=date(2025, 1, 1))
            for address_id in session.scalars(select(StandardAddress.id)):
                session.add(
                    Dwelling(standard_address_id=address_id, use="owner_occupied",
                             due_on=date(2099, 1, 1), source="test", recorded_by="test")
                )  # fmt: skip
            unit = PatrolUnit(
                code="CAR-1", name="示例巡逻车", kind="car", grid_codes=[GRID_A, GRID_B, GRID_C],
                status="free",
            )  # fmt: skip
            session.add(unit)
            session.flush()
            now = datetime.now(UTC)
            lon, lat = place(0, 0)
            session.add_all(
                [
                    DutyShift(unit_id=unit.id, starts_at=now - timedelta(hours=1),
                              ends_at=now + timedelta(hours=8), planned_by="x"),
                    PatrolLatest(unit_id=unit.id, at=now + timedelta(minutes=4),
                                 received_at=now, lon=lon, lat=lat),
                ]
            )  # fmt: skip
        yield database


@pytest.fixture(scope="module")
def site(town: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("response")
    app = create_app(Settings(data_folder=folder, demo=False), town)
    serving = serve(signed_in(app, caller_of("patrol_leader", GRID_A, GRID_B, GRID_C)))
    yield serving.url
    stop(serving)


def test_a_leader_sees_a_gap_open_and_why(browser: Browser, site: str, town: Database) -> None:
    with visiting(browser, site, **DESKTOP) as visit:
        page = visit.page
        visit.go("/gaps")
        expect(page.locator("html")).to_have_attribute("data-gaps", "loaded")
        expect(page.locator("#gap-none")).to_be_visible()
        expect(page.locator("#figure-units")).to_have_text("1 / 1")
        expect(page.locator("#live-dot")).to_have_class("live-dot is-live")
        with town.session() as session:
            session.execute(update(PatrolUnit).values(status="on_scene"))
        # The board looks at least every five seconds, without a reload.
        card = page.locator("#gap-list .card").first
        expect(card).to_be_visible(timeout=15_000)
        expect(card).to_contain_text("执行任务中")
        expect(card.locator(".chip")).to_have_text("严重")
        expect(page.locator("#figure-open")).to_have_text("60")
        # The name of the grid tries to be markup; it stays text.
        assert page.locator("#gap-list img").count() == 0
        page.keyboard.press("Tab")
        card.locator("button").press("Enter")
        page.locator("#moves-ask").click()
        expect(page.locator("#move-list .card")).to_have_count(1)
        with town.session() as session:
            session.execute(update(PatrolUnit).values(status="free"))
        expect(page.locator("#gap-none")).to_be_visible(timeout=15_000)
        assert visit.outside_requests == [] and visit.policy_violations == []
        assert visit.complaints == []


def test_rings_and_what_is_lost_if_one_leaves(browser: Browser, site: str) -> None:
    with visiting(browser, site, **DESKTOP) as visit:
        page = visit.page
        visit.go("/reach?lang=en")
        expect(page.locator("html")).to_have_attribute("data-reach", "loaded")
        expect(page.locator("#reach-summary")).to_contain_text("0 households beyond 5 min")
        card = page.locator("#source-list .card").first
        expect(card).to_contain_text("60 households")
        card.locator("button").click()
        expect(page.locator("#reach-summary")).to_contain_text("60 households beyond")
        expect(page.locator("#reach-rows")).to_contain_text("(+60)")
        assert "without=S-1" in page.url
        # The link alone shows the same; units are another choice, kept in it as well.
        page.reload()
        expect(page.locator("#reach-away")).to_be_visible()
        page.locator("#reach-of").select_option("units")
        expect(page.locator("#source-list .card").first).to_contain_text("示例巡逻车")
        for by in ("grid", "area"):
            page.locator("#reach-by").select_option(by)
            expect(page.locator("html")).to_have_attribute("data-reach", "loaded")
        assert visit.complaints == [] and visit.policy_violations == []


def test_a_leader_closes_a_road_on_the_map_and_opens_it_again(browser: Browser, site: str) -> None:
    with visiting(browser, site, **DESKTOP) as visit:
        page = visit.page
        visit.go("/reach?lang=en")
        expect(page.locator("html")).to_have_attribute("data-reach", "loaded")
        page.locator("#closure-fold summary").click()
        expect(page.locator("#closure-none")).to_be_visible()
        expect(page.locator("#closure-send")).to_be_disabled()
        page.locator("#closure-pick").click()
        page.locator("#map_gridbeat").click(position={"x": 380, "y": 300})
        expect(page.locator("#closure-chosen li")).to_have_count(1)
        page.locator("#closure-reason").fill("<b>示例施工</b>")
        page.locator("#closure-until").fill("2099-01-02T08:15")  # by the deployment's clock
        page.locator("#closure-send").click()
        card = page.locator("#closure-list .card")
        expect(card).to_contain_text("<b>示例施工</b>")
        expect(card).to_contain_text("08:15")
        expect(page.locator("#closure-chosen li")).to_have_count(0)
        card.locator("button").click()
        expect(page.locator("#closure-none")).to_be_visible()
        assert visit.complaints == [] and visit.policy_violations == []


def test_the_board_fits_a_phone(browser: Browser, site: str) -> None:
    with visiting(browser, site, **PHONE) as visit:
        page = visit.page
        visit.go("/gaps")
        expect(page.locator("html")).to_have_attribute("data-gaps", "loaded")
        expect(page.locator("#sheet-summary")).to_contain_text("未覆盖 0 户")
        page.locator("#panel-handle").tap()
        expect(page.locator("#figure-open")).to_be_visible()
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0


def test_a_plan_is_solved_compared_and_changed(browser: Browser, site: str) -> None:
    with visiting(browser, site, **DESKTOP) as visit:
        page = visit.page
        visit.go("/siting?lang=en")
        expect(page.locator("html")).to_have_attribute("data-siting", "loaded")
        page.locator("#siting-centres").check()
        page.locator("#siting-wanted").fill("2")
        page.locator("#siting-mode").select_option("foot")
        page.locator("#siting-solve").click()
        expect(page.locator("#plan-sites .card")).to_have_count(2, timeout=30_000)
        expect(page.locator("#plan-facts")).to_contain_text("proven best")
        expect(page.locator("#compare-text")).to_contain_text("gained")
        # "Not here" closes the station; the next plan says so, and can be compared with the last.
        page.locator("#plan-sites .card", has_text="示例派出所").locator("button").click()
        expect(page.locator("#plan-sites .card-severe")).to_contain_text("Closed", timeout=30_000)
        expect(page.locator("#compare-with option")).to_have_count(2)
        assert visit.complaints == [] and visit.policy_violations == []
