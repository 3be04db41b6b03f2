"""The page of exports in a real browser: asked for, approved by another, fetched."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, expect

from api.callers import current_caller
from geo import accounts
from geo.settings import Settings
from geo.store.database import Database
from tests.signed_in import caller_of, signed_in
from tests.web.browsing import DESKTOP, PHONE, visiting
from tests.web.conftest import COMMUNITY_1, serve, settle, stop
from web.app import create_app

pytestmark = pytest.mark.browser


@pytest.fixture
def app(database: Database, tmp_path: Path) -> FastAPI:
    with database.session() as session:
        settle(session)
        account = accounts.create_account(session, "test", "a-long-password", role="chief")
        accounts.assign(session, account, None, valid_from=date(2020, 1, 1))
    settings = Settings(data_folder=tmp_path, demo=False, export_rows_max=20)
    return signed_in(create_app(settings, database), caller_of("chief"))


@pytest.fixture
def export_site(app: FastAPI) -> Iterator[str]:
    serving = serve(app)
    yield serving.url
    stop(serving)


def test_an_export_is_asked_for_approved_and_fetched(
    browser: Browser, app: FastAPI, export_site: str
) -> None:
    with visiting(browser, export_site, **DESKTOP) as visit:
        page = visit.page
        visit.go("/exports")
        expect(page.locator("#exports-status")).to_contain_text("还没有导出")
        page.locator("#export-kind").select_option("review_items")
        expect(page.locator("#export-format option:not([disabled])")).to_have_count(2)
        page.locator("#export-kind").select_option("addresses")
        page.locator("#export-area").fill(COMMUNITY_1)
        page.locator("#export-purpose").select_option("address_check")
        page.locator("#export-case").fill("清单<b>7</b>")
        page.locator("#export-form button").click()
        expect(page.locator("#export-status")).to_contain_text("等待另一人批准")
        expect(page.locator("#exports li")).to_contain_text("门牌核对 · 清单<b>7</b>")
        expect(page.locator("#exports .decision")).to_have_count(0)  # not one's own

        chief = dataclasses.replace(caller_of("chief"), name="chief")
        app.dependency_overrides[current_caller] = lambda: chief
        visit.go("/exports")
        page.locator("#exports .decision input").fill("可以")
        page.get_by_role("button", name="批准", exact=True).click()
        expect(page.locator("#exports li")).to_contain_text("可下载", timeout=20_000)
        expect(page.locator("#exports a")).to_have_count(0)

        app.dependency_overrides[current_caller] = lambda: caller_of("chief")
        visit.go("/exports")
        expect(page.locator("#exports li")).to_contain_text("由 chief 决定。说明：可以")
        with page.expect_download() as download:
            page.locator("#exports a", has_text="下载").click()
        text = download.value.path().read_text(encoding="utf-8-sig")
        assert len(text.splitlines()) == 56
        assert "approved by chief" in text
        visit.assert_clean()


def test_a_refusal_takes_a_reason_on_a_phone(
    browser: Browser, app: FastAPI, export_site: str
) -> None:
    with visiting(browser, export_site, **PHONE) as visit:
        page = visit.page
        visit.go("/exports?lang=en")
        page.locator("#export-purpose").select_option("supervision")
        page.locator("#export-form button").click()
        expect(page.locator("#exports li")).to_contain_text("to be approved")
        chief = dataclasses.replace(caller_of("chief"), name="chief")
        app.dependency_overrides[current_caller] = lambda: chief
        visit.go("/exports?lang=en")
        page.get_by_role("button", name="Refuse").click()  # the browser asks for the note
        expect(page.locator("#exports li")).to_contain_text("to be approved")
        page.locator("#exports .decision input").fill("too many rows")
        page.get_by_role("button", name="Refuse").click()
        expect(page.locator("#exports li")).to_contain_text("refused")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        visit.assert_clean()
