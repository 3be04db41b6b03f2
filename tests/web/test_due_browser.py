"""The page of what is due in a real browser: a worker's phone, a chief's desk."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from playwright.sync_api import Browser, expect

from geo.audit import Access
from geo.register import get_standard_address
from geo.registers import (
    Cycles,
    Look,
    NewDwelling,
    NewEstablishment,
    NewResidence,
    NewResident,
    Writing,
    record_dwelling,
    record_establishment,
    record_resident,
)
from geo.registers.cycles import VERIFY_MONTHS, add_months
from geo.settings import Settings
from geo.store.cluster import EmbeddedCluster
from geo.values import GridScope
from tests.web.browsing import DESKTOP, PHONE
from tests.web.conftest import GRID_A, GRID_B, NASTY
from tests.web.register_site import Site, go, press, register_site, save

pytestmark = pytest.mark.browser

TODAY = Settings().local_day(datetime.now(UTC))
LATE, SOON = add_months(TODAY, -8), add_months(TODAY + timedelta(days=5), -6)


@pytest.fixture(scope="module")
def site(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Doors 1 to 4 of grid A: late, due today, due in some days, a person; one of B is late."""
    with register_site(cluster, tmp_path_factory.mktemp("due")) as served:
        writing = Writing(
            Access("test", purpose="register", case_ref="T-1"), GridScope.everything(), TODAY,
            Cycles(VERIFY_MONTHS),
        )  # fmt: skip
        with served.database.session() as session:
            a, b = served.ids[GRID_A], served.ids[GRID_B]
            for address_id, look in ((a[0], Look(LATE)), (a[1], None), (a[2], Look(SOON)),
                                     (b[0], Look(LATE))):  # fmt: skip
                record_dwelling(
                    session, NewDwelling(address_id, "vacant", 2), look=look, writing=writing
                )
            record_establishment(
                session, NewEstablishment(a[0], f"示例店{NASTY}", "key", date(2024, 1, 1)),
                look=Look(LATE), writing=writing,
            )  # fmt: skip
            record_resident(
                session, NewResident("测试甲某"), NewResidence(a[3], "floating", date(2024, 1, 1)),
                writing=writing,
            )  # fmt: skip
        yield served


def test_a_worker_walks_what_is_due(browser: Browser, site: Site) -> None:
    with site.database.session() as session:
        door = get_standard_address(session, site.ids[GRID_A][3], scope=GridScope.everything())
        point = session.execute(door.geom.ST_X().select()).scalar_one(), 0.0
        latitude = session.execute(door.geom.ST_Y().select()).scalar_one()
    here = {"longitude": point[0], "latitude": latitude, "accuracy": 5}
    options = {**PHONE, "geolocation": here, "permissions": ["geolocation"]}
    with site.visit(browser, "worker", **options) as visit:
        page = visit.page
        go(visit, "/due")
        expect(page.locator("#due-summary")).to_have_text("3 处，其中 1 处已逾期")
        places = page.locator(".due-place")
        expect(places).to_have_count(3)
        expect(places.first).to_contain_text("试验A路1号")
        expect(places.first).to_contain_text(f"单位 示例店{NASTY} 逾期")
        # Somebody is to be visited: neither who nor how many.
        expect(page.locator("#due-list")).not_to_contain_text("测试甲某")
        expect(places.nth(2)).to_contain_text("人员 今天应核查")
        expect(page.locator("#due-grid")).to_be_hidden()  # one grid: nothing to choose
        assert page.evaluate("document.documentElement.scrollWidth") <= 390

        page.get_by_role("button", name="由近到远").tap()
        expect(places.first).to_contain_text("试验A路4号")
        expect(places.first).to_contain_text("0 米")
        page.get_by_role("button", name="沿街").tap()
        expect(page.locator(".due-street")).to_have_text(["试验A路"])
        page.locator("#due-within").select_option("7")
        expect(places).to_have_count(4)
        expect(places.nth(2)).to_contain_text(f"{(add_months(SOON, 6) - TODAY).days} 天后到期")
        page.get_by_role("button", name="房屋").tap()
        expect(places).to_have_count(3)

        # One tap to the place, seen, and back: the wishes stand, the place is off the list.
        places.first.tap()
        page.wait_for_url(re.compile(r"/place/\d+$"))
        press(page.locator("#dwelling-list .record"), "核查")
        save(page)
        expect(page.locator("#dwelling-list .record-state")).to_contain_text("走访，worker")
        page.go_back()
        expect(places).to_have_count(2)
        expect(page.locator("#due-within")).to_have_value("7")
        expect(page.locator("[data-kind=dwelling]")).to_have_attribute("aria-pressed", "true")


def test_a_refused_position_leaves_the_list(browser: Browser, site: Site) -> None:
    with site.visit(browser, "worker", **PHONE) as visit:
        page = visit.page
        go(visit, "/due?lang=en")
        page.get_by_role("button", name="Nearest").tap()
        expect(page.locator("#due-fault")).to_contain_text("position")
        expect(page.locator("[data-order=since]")).to_have_attribute("aria-pressed", "true")
        expect(page.locator(".due-place").first).to_be_visible()


def test_a_chief_chooses_a_grid_and_an_analyst_sees_no_residents(
    browser: Browser, site: Site
) -> None:
    with site.visit(browser, "chief", **DESKTOP) as visit:
        page = visit.page
        go(visit, "/due")
        options = page.locator("#due-grid option")
        expect(options).to_have_count(3)
        page.locator("#due-grid").select_option(GRID_B)
        expect(page.locator(".due-place")).to_have_count(1)
        expect(page.locator(".due-place")).to_contain_text("试验B路1号")
    with site.visit(browser, "analyst", **DESKTOP) as visit:
        go(visit, "/due")
        expect(visit.page.locator("[data-kind=residence]")).to_have_count(0)
        expect(visit.page.locator("#due-list")).not_to_contain_text("试验A路4号")
