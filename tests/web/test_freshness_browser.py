"""The layer of freshness on the map: chosen, read, hidden where few, kept in the link."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import select

from geo.settings import Settings
from geo.store.database import Database
from geo.tables import Dwelling, StandardAddress
from tests.geo.registers.conftest import settle as settle_person
from tests.signed_in import caller_of, signed_in
from tests.web.browsing import DESKTOP, PHONE, visiting
from tests.web.conftest import GRID_A, GRID_B, serve, settle, stop
from web.app import create_app

pytestmark = pytest.mark.browser


@pytest.fixture
def site_with_records(database: Database, tmp_path: Path) -> Iterator[str]:
    """Two dwellings in grid A, one of them fresh; six persons in A, two in B."""
    with database.session() as session:
        settle(session)
        of = {
            code: session.scalars(
                select(StandardAddress).where(StandardAddress.grid_code == code).limit(1)
            ).one()
            for code in (GRID_A, GRID_B)
        }
        for verified in (date(2026, 1, 1), None):
            session.add(
                Dwelling(
                    standard_address_id=of[GRID_A].id, use="vacant", source="test",
                    recorded_by="x", missing=["room_count"], verified_on=verified,
                    verified_how="visit" if verified else None,
                    due_on=date(2099, 1, 1) if verified else date(2026, 1, 1),
                )
            )  # fmt: skip
        for number in range(8):
            address = of[GRID_A if number < 6 else GRID_B]
            settle_person(session, address, number, name=f"测试{number}", since=date(2025, 1, 1))
    app = create_app(Settings(data_folder=tmp_path, demo=False), database)
    serving = serve(signed_in(app, caller_of("chief")))
    yield serving.url
    stop(serving)


def test_a_chief_chooses_and_reads_it(browser: Browser, site_with_records: str) -> None:
    with visiting(browser, site_with_records, **DESKTOP) as visit:
        page = visit.page
        visit.go("/")
        expect(page.locator("#freshness-block")).to_be_hidden()
        page.locator("input[data-layer=freshness]").check()
        page.wait_for_selector("html[data-freshness=loaded]", state="attached")
        expect(page.locator("input[data-layer=density]")).not_to_be_checked()
        expect(page).to_have_url(re.compile(r"layers=basemap,grids,freshness"))
        expect(page.locator("#freshness-summary")).to_contain_text("3 处共 2 条登记")
        rows = page.locator("#freshness-rows tr")
        expect(rows.filter(has_text="50% – 75%").locator("td.number")).to_have_text("1")
        expect(rows.filter(has_text="没有登记").locator("td.number")).to_have_text("2")
        page.locator("#freshness-measure").select_option("complete_share")
        expect(rows.filter(has_text="0% – 25%").locator("td.number")).to_have_text("1")
        page.locator("#freshness-by").select_option("h3_cell")
        expect(page.locator("#freshness-summary")).to_contain_text("1 处共 2 条登记")

        page.locator("#freshness-records").select_option("residence")
        expect(page.locator("#freshness-by")).to_be_disabled()
        expect(page.locator("#freshness-rows")).to_contain_text("不显示（少于 5")
        # Two in B are hidden, and the six of A, which the community's sum would tell them by.
        expect(rows.filter(has_text="不显示").locator("td.number")).to_have_text("2")
        page.locator("#freshness-fold summary").click()
        expect(page.locator("#freshness-table")).to_contain_text("不显示")
        expect(page.locator("#freshness-table")).not_to_contain_text("6")
        visit.assert_clean()


def test_a_link_opens_with_it_on_a_phone(browser: Browser, site_with_records: str) -> None:
    with visiting(browser, site_with_records, **PHONE) as visit:
        page = visit.page
        visit.go("/?lang=en#map=16/37.87900/112.55100&layers=basemap,freshness")
        page.wait_for_selector("html[data-freshness=loaded]", state="attached")
        expect(page.locator("#freshness-title")).to_have_text(
            "How fresh and complete the registers are"
        )
        expect(page.locator("#freshness-summary")).to_contain_text("2 records in 3 places")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        visit.assert_clean()
