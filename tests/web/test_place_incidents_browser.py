"""Incidents on the page of a place: earlier ones, what repeats, a new one, perhaps told before."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, expect
from sqlalchemy import func, select

from geo.incidents.categories import CategoryRow, load_categories
from geo.settings import Settings
from geo.store.cluster import EmbeddedCluster
from geo.store.database import Database
from geo.tables import Incident, StandardAddress
from tests.conftest import copied_database
from tests.signed_in import caller_of, signed_in
from tests.web.browsing import DESKTOP, PHONE, visiting
from tests.web.conftest import GRID_A, serve, settle, stop
from web.app import create_app

pytestmark = pytest.mark.browser

STORED = 30_000  # [ms] a write that first reads the register for its address may take so long


@dataclass
class Place:
    """A server whose caller is a grid worker, and an address with two disputes, one open."""

    app: FastAPI
    url: str
    database: Database
    address_id: int


@pytest.fixture(scope="module")
def place(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with copied_database(cluster) as database:
        with database.session() as session:
            settle(session)
            load_categories(
                session,
                [
                    CategoryRow("dispute", "纠纷", name_en="Disputes", is_repeat_flagged=True),
                    CategoryRow("noise", "噪声扰民", name_en="Noise"),
                ],
            )
            address_id, lon, lat = session.execute(
                select(
                    StandardAddress.id,
                    func.ST_X(StandardAddress.geom),
                    func.ST_Y(StandardAddress.geom),
                )
                .where(StandardAddress.grid_code == GRID_A)
                .order_by(StandardAddress.id)
                .limit(1)
            ).one()
            for days, status in ((40, "closed"), (6, "open")):
                at = datetime.now(UTC) - timedelta(days=days)
                session.add(
                    Incident(
                        category_code="dispute", source="resident_reported", status=status,
                        reported_at=at, occurred_from=at, occurred_to=at, dataset="test",
                        recorded_by="test", point_method="given", grid_code=GRID_A,
                        geom=f"SRID=4326;POINT({lon} {lat})", standard_address_id=address_id,
                    )
                )  # fmt: skip
        settings = Settings(data_folder=tmp_path_factory.mktemp("incidents"), demo=False)
        app = signed_in(create_app(settings, database), caller_of("grid_worker", GRID_A))
        serving = serve(app)
        yield Place(app, serving.url, database, address_id)
        stop(serving)


def test_a_worker_sees_what_repeats_records_and_is_told_what_is_alike(
    browser: Browser, place: Place
) -> None:
    with visiting(browser, place.url, **PHONE) as visit:
        page = visit.page
        page.goto(f"{place.url}/place/{place.address_id}")
        page.wait_for_selector("html[data-incidents=loaded]", state="attached")
        expect(page.locator("#incident-repeated")).to_contain_text("纠纷类 2 起")
        rows = page.locator("#incident-list .incident")
        expect(rows).to_have_count(2)

        page.locator("#record-incident").click()
        page.locator("#record-send").click()
        expect(page.locator("#record-category_code-fault")).to_be_visible()
        page.locator("#record-category_code").select_option("noise")
        page.locator("#record-send").click()
        expect(page.locator("#incident-list .place-done")).to_have_text(
            re.compile("已登记"), timeout=STORED
        )
        expect(rows).to_have_count(3)
        expect(rows.first).to_contain_text("噪声扰民")

        # The same again, told by a second caller: suggested before it is written, and after.
        page.locator("#record-incident").click()
        page.locator("#record-category_code").select_option("dispute")
        expect(page.locator("#record-occurred_from-hint")).to_contain_text("噪声扰民")
        page.locator("#record-send").click()
        done = page.locator("#incident-list .place-done")
        expect(done).to_contain_text("可能与", timeout=STORED)
        done.get_by_role("button").click()
        expect(page.locator("#incident-list .incident").first).to_contain_text(
            "作废", timeout=STORED
        )
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        visit.assert_clean()
    with place.database.session() as session:
        row = session.scalars(select(Incident).where(Incident.category_code == "noise")).one()
        assert (row.grid_code, row.status) == (GRID_A, "open")


def test_closing_the_last_one_takes_the_flag_away(browser: Browser, place: Place) -> None:
    with visiting(browser, place.url, **DESKTOP) as visit:
        page = visit.page
        page.goto(f"{place.url}/place/{place.address_id}?lang=en")
        page.wait_for_selector("html[data-incidents=loaded]", state="attached")
        expect(page.locator("#incident-repeated")).to_contain_text("not closed")
        card = (
            page.locator("#incident-list .incident")
            .filter(has_text="Disputes")
            .filter(has_text="open")
        )
        card.get_by_role("button", name=re.compile("^Close")).click()
        expect(page.locator("#incident-repeated")).to_be_hidden(timeout=STORED)
        done = page.locator("#incident-list .place-done")
        expect(done).to_contain_text("closed now")
        expect(done).to_be_focused()
        # What it was before stands in its course.
        page.locator("#incident-list .incident").filter(has=page.locator(".place-done")).locator(
            "summary"
        ).click()
        expect(page.locator(".incident-steps:visible")).to_contain_text("open until")
        visit.assert_clean()


def test_who_may_not_write_is_offered_nothing(browser: Browser, place: Place) -> None:
    signed_in(place.app, caller_of("analyst"))
    with visiting(browser, place.url, **DESKTOP) as visit:
        page = visit.page
        page.goto(f"{place.url}/place/{place.address_id}")
        page.wait_for_selector("html[data-incidents=loaded]", state="attached")
        assert page.locator("#incident-list .incident").count() >= 2
        # The way to the map names longitude first, as the map reads it.
        link = page.locator(".place-facts a").first.get_attribute("href") or ""
        assert re.search(r"&at=112\.\d+,37\.\d+$", link)
        expect(page.locator("#record-incident")).to_have_count(0)
        expect(page.locator("#incidents .button-row button:visible")).to_have_count(0)
        visit.assert_clean()
