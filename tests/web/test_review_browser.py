"""The review queue in a real browser: decided by keyboard, by touch, and taken back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser, Page, expect

from geo.settings import Settings
from geo.store.cluster import EmbeddedCluster
from tests.conftest import copied_database
from tests.signed_in import caller_of, signed_in
from tests.web.browsing import DESKTOP, PHONE, Visit, visiting
from tests.web.conftest import NASTY, serve, settle, stop
from web.app import create_app

pytestmark = pytest.mark.browser

UNSURE = "试验A路777号"
SECOND = "试验B路888号"
UNKNOWN = f"龟兹国大唐驿站{NASTY}"
TARGET = "试验A路3号"


def call(url: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Ask the API as a program does; post where there is a body."""
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(url, data, {"Content-Type": "application/json"})) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


@pytest.fixture
def queue_site(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A district of the test's own, with three texts that wait, the first asked twice."""
    with copied_database(cluster) as database:
        with database.session() as session:
            settle(session)
        settings = Settings(data_folder=tmp_path_factory.mktemp("data"), demo=False)
        app = create_app(settings, database)
        serving = serve(signed_in(app, replace(caller_of(), name="zhao")))
        for texts in ([UNSURE], [SECOND], [UNKNOWN], [UNSURE]):
            asked = {"addresses": texts, "queue_unsure": True, "source": "名单<b>.csv"}
            call(f"{serving.url}/v1/geocode", asked)
        yield serving.url
        stop(serving)


@pytest.fixture
def visit(browser: Browser, queue_site: str) -> Iterator[Visit]:
    with visiting(browser, queue_site, **DESKTOP) as visit:
        yield visit
        visit.assert_clean()


def open_queue(visit: Visit) -> Page:
    visit.go("/review")
    visit.page.wait_for_selector("html[data-ready=true]", state="attached")
    return visit.page


def geocoded(site: str, text: str) -> dict[str, Any]:
    return call(f"{site}/v1/geocode?q={quote(text)}")


def test_a_text_is_decided_by_keyboard_and_known_and_taken_back(
    visit: Visit, queue_site: str
) -> None:
    page = open_queue(visit)
    rows = page.locator(".review-item")
    expect(rows).to_have_count(3)
    expect(rows.nth(0)).to_contain_text(UNSURE)
    expect(rows.nth(0)).to_contain_text("问过 2 次")
    expect(page.locator("#open-review-count")).to_have_text("3")
    expect(page.locator("#detail h2")).to_have_text(UNSURE)
    expect(page.locator(".candidate").first).to_contain_text("试验A路")

    # another address by the search box: type, take the first, Enter on its button
    page.keyboard.press("/")
    page.locator("#search-input").press_sequentially(TARGET, delay=20)
    expect(page.locator("#search-list [role=option]").first).to_contain_text(TARGET)
    page.keyboard.press("Enter")
    expect(page.locator("#picked")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.locator("#review-status")).to_contain_text(TARGET)
    expect(rows).to_have_count(2)
    expect(page.locator("#detail h2")).to_have_text(SECOND)  # the next one
    expect(page.locator("#open-review-count")).to_have_text("2")
    known = geocoded(queue_site, UNSURE)
    assert known["status"] == "matched"
    assert known["canonical_text"].endswith(TARGET)

    page.keyboard.press("u")
    expect(rows).to_have_count(3)
    expect(page.locator("#detail h2")).to_have_text(UNSURE)
    expect(page.locator("#undo")).to_be_hidden()
    assert geocoded(queue_site, UNSURE)["status"] != "matched"


def test_keys_move_choose_and_reject(visit: Visit, queue_site: str) -> None:
    page = open_queue(visit)
    rows = page.locator(".review-item")
    page.keyboard.press("ArrowDown")
    expect(rows.nth(1)).to_have_attribute("aria-current", "true")
    page.keyboard.press("ArrowUp")
    expect(rows.nth(0)).to_have_attribute("aria-current", "true")

    # the first candidate is the road, a group: its key searches in it instead of deciding
    expect(page.locator(".candidate").first).to_contain_text("一组地址")
    page.keyboard.press("1")
    expect(page.locator("#search-input")).to_be_focused()
    expect(page.locator("#search-list [role=option]").first).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(page.locator("#search-input")).not_to_be_focused()
    expect(rows).to_have_count(3)

    page.keyboard.press("n")
    expect(rows).to_have_count(2)
    page.keyboard.press("n")
    expect(rows).to_have_count(1)
    expect(page.locator("#detail h2")).to_have_text(UNKNOWN)  # as text, markup and all
    expect(page.locator("#detail")).to_contain_text("没有相近的标准地址")
    page.keyboard.press("n")
    expect(page.locator("#review-status")).to_contain_text("都不是")
    expect(page.locator("#desk")).to_be_hidden()
    expect(page.locator("#open-review-count")).to_be_hidden()
    page.keyboard.press("u")
    expect(rows).to_have_count(1)
    page.locator("[data-status=rejected]").click()
    expect(rows).to_have_count(2)
    expect(page.locator("#detail")).to_contain_text("zhao")
    page.keyboard.press("u")
    expect(rows).to_have_count(1)
    expect(page.locator("[data-count=open]")).to_have_text("2")
    counts = call(f"{queue_site}/v1/review-items")["counts"]
    assert counts == {"open": 2, "matched": 0, "rejected": 1}


def test_somebody_who_was_quicker_is_said(browser: Browser, queue_site: str) -> None:
    with visiting(browser, queue_site, **DESKTOP) as visit:
        page = open_queue(visit)
        item = call(f"{queue_site}/v1/review-items")["review_items"][0]
        call(
            f"{queue_site}/v1/review-items/{item['id']}/reject",
            {"version": item["version"]},
        )
        page.keyboard.press("n")
        expect(page.locator("#review-fault")).to_contain_text("decided already")
        expect(page.locator(".review-item")).to_have_count(2)
        expect(page.locator("#detail h2")).to_have_text(SECOND)
        assert visit.policy_violations == []
        assert all("Failed to load resource" in text for text in visit.complaints)


def test_on_a_phone_by_touch(browser: Browser, queue_site: str) -> None:
    with visiting(browser, queue_site, **PHONE) as visit:
        page = open_queue(visit)
        page.locator("#search-input").tap()
        page.locator("#search-input").fill(TARGET)
        page.locator("#search-list [role=option]").first.tap()
        page.locator("#picked").tap()
        expect(page.locator(".review-item")).to_have_count(2)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.locator("#undo").tap()
        expect(page.locator(".review-item")).to_have_count(3)
        visit.assert_clean()


def test_a_list_geocoded_on_the_page_can_wait_for_review(browser: Browser, empty_site: str) -> None:
    with visiting(browser, empty_site, **DESKTOP) as visit:
        page = open_queue(visit)
        expect(page.locator("#review-status")).to_contain_text("没有待判定的地址文本")
        expect(page.locator("#desk")).to_be_hidden()
        visit.go("/geocode?lang=en")
        page.locator("#address-lines").fill(UNSURE)
        page.locator("#queue-unsure").check()
        page.locator("#geocode-start").click()
        expect(page.locator("#geocode-status")).to_contain_text("All 1 done")
        open_queue(visit)
        expect(page.locator(".review-item")).to_contain_text("nothing alike")
        expect(page.locator("#detail")).to_contain_text("pasted on the web page")
        visit.assert_clean()
