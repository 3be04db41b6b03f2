"""Duplicates in a real browser: searched for, decided by keyboard or touch, taken back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from geo.settings import Settings
from geo.store.cluster import EmbeddedCluster
from tests.conftest import copied_database
from tests.geo.duplicates.register import address, fill
from tests.signed_in import caller_of, signed_in
from tests.web.browsing import DESKTOP, PHONE, Visit, visiting
from tests.web.conftest import NASTY, serve, settle, stop
from tests.web.test_review_browser import call
from web.app import create_app

pytestmark = pytest.mark.browser

SHORT, FULL = "坞城路12号", "山西省太原市小店区坞城路12号"


@pytest.fixture
def site_of_pairs(
    cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A district of the test's own with three pairs, one of a name that tries to be markup."""
    with copied_database(cluster) as database:
        with database.session() as session:
            settle(session)
            fill(session)
            session.flush()
            address(session, "太原市小店区白云巷9号", point_of_interest=NASTY)
        settings = Settings(data_folder=tmp_path_factory.mktemp("data"), demo=False)
        app = create_app(settings, database)
        serving = serve(signed_in(app, replace(caller_of(), name="zhao")))
        yield serving.url
        stop(serving)


@pytest.fixture
def visit(browser: Browser, site_of_pairs: str) -> Iterator[Visit]:
    with visiting(browser, site_of_pairs, **DESKTOP) as visit:
        yield visit
        visit.assert_clean()


def open_pairs(visit: Visit, path: str = "/duplicates") -> Page:
    """Open the page and let it search the register."""
    visit.go(path)
    page = visit.page
    page.wait_for_selector("html[data-ready=true]", state="attached")
    page.locator("#search-register").click()
    expect(page.locator(".review-item")).to_have_count(3, timeout=20_000)
    return page


def geocoded(site: str, text: str) -> dict[str, Any]:
    return call(f"{site}/v1/geocode?q={quote(text)}")


def test_a_pair_is_merged_by_keyboard_and_known_and_taken_back(
    visit: Visit, site_of_pairs: str
) -> None:
    page = open_pairs(visit)
    expect(page.locator("#duplicates-status")).to_contain_text("3")
    rows = page.locator(".review-item")
    page.locator(".review-item", has_text=SHORT).first.click()
    detail = page.locator("#detail")
    expect(detail).to_contain_text("一方未写区县")
    expect(detail.locator(".pair-side")).to_have_count(2)
    expect(page.locator("#differences .mark-one").first).to_contain_text("山西省")
    expect(page.locator("#differences .mark-same").last).to_contain_text("12")
    expect(detail).to_contain_text("建议保留")

    before = geocoded(site_of_pairs, FULL)["standard_address_id"]
    page.keyboard.press("2")
    expect(page.locator("#duplicates-status")).to_contain_text("已合并")
    expect(rows).to_have_count(2)
    expect(page.locator("[data-count=merged]")).to_have_text("1")
    known = geocoded(site_of_pairs, FULL)
    assert known["status"] == "matched"
    assert known["standard_address_id"] != before

    page.locator("[data-status=merged]").click()
    expect(rows).to_have_count(1)
    expect(detail).to_contain_text("zhao")
    expect(page.locator("#history")).to_contain_text("并入")
    page.keyboard.press("u")
    expect(rows).to_have_count(0)
    page.locator("[data-status=open]").click()
    expect(rows).to_have_count(3)
    expect(page.locator("#undo")).to_be_hidden()
    assert geocoded(site_of_pairs, FULL)["standard_address_id"] == before


def test_keys_move_set_apart_and_put_aside(visit: Visit, site_of_pairs: str) -> None:
    page = open_pairs(visit)
    rows = page.locator(".review-item")
    page.keyboard.press("ArrowDown")
    expect(rows.nth(1)).to_have_attribute("aria-current", "true")
    page.keyboard.press("ArrowUp")
    expect(rows.nth(0)).to_have_attribute("aria-current", "true")
    page.keyboard.press("n")
    expect(rows).to_have_count(2)
    page.keyboard.press("l")
    expect(rows).to_have_count(1)
    page.keyboard.press("u")
    expect(rows).to_have_count(2)
    page.locator("#search-register").click()  # what was set apart does not come again
    expect(page.locator("#duplicates-status")).to_contain_text("查找完毕", timeout=20_000)
    counts = call(f"{site_of_pairs}/v1/duplicates")["counts"]
    assert counts == {"open": 2, "later": 0, "merged": 0, "apart": 1}
    page.keyboard.press("2")
    expect(rows).to_have_count(1)
    page.keyboard.press("1")
    expect(page.locator("#desk")).to_be_hidden()


def test_somebody_who_was_quicker_is_said(browser: Browser, site_of_pairs: str) -> None:
    with visiting(browser, site_of_pairs, **DESKTOP) as visit:
        page = open_pairs(visit)
        pair = call(f"{site_of_pairs}/v1/duplicates")["duplicates"][0]
        call(
            f"{site_of_pairs}/v1/duplicates/{pair['id']}/apart",
            {"version": pair["version"]},
        )
        page.keyboard.press("n")
        expect(page.locator("#duplicates-fault")).to_contain_text("decided already")
        expect(page.locator(".review-item")).to_have_count(2)
        assert visit.policy_violations == []


def test_on_a_phone_by_touch_in_english(browser: Browser, site_of_pairs: str) -> None:
    with visiting(browser, site_of_pairs, **PHONE) as visit:
        page = open_pairs(visit, "/duplicates?lang=en")
        page.locator("#keep-right").tap()
        expect(page.locator(".review-item")).to_have_count(2)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.locator("#undo").tap()
        expect(page.locator(".review-item")).to_have_count(3)
        visit.assert_clean()
