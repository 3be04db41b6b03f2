"""The ledger of persons' requests in a real browser: written down, checked, copied, refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import select

from geo.settings import Settings
from geo.store.database import Database
from geo.tables import StandardAddress
from tests.geo.registers.conftest import identity
from tests.geo.registers.conftest import settle as settle_person
from tests.signed_in import caller_of, signed_in
from tests.web.browsing import DESKTOP, PHONE, visiting
from tests.web.conftest import serve, settle, stop
from web.app import create_app

pytestmark = pytest.mark.browser


@pytest.fixture
def rights_site(database: Database, tmp_path: Path) -> Iterator[str]:
    """A site with one person in its registers, number 1, to a chief."""
    with database.session() as session:
        settle(session)
        address = session.scalars(select(StandardAddress).limit(1)).one()
        settle_person(
            session, address, identity_number=identity(1), name="测试<b>甲</b>",
            since=date(2025, 1, 1),
        )  # fmt: skip
    app = create_app(Settings(data_folder=tmp_path, demo=False), database)
    serving = serve(signed_in(app, caller_of("chief")))
    yield serving.url
    stop(serving)


def test_a_request_is_checked_and_copied(browser: Browser, rights_site: str) -> None:
    with visiting(browser, rights_site, **DESKTOP) as visit:
        page = visit.page
        visit.go("/rights")
        expect(page.locator("#ledger-status")).to_contain_text("还没有请求")
        page.locator("#rights-resident").fill("1")
        page.locator("#rights-details").fill("看看<i>登记</i>了什么")
        page.locator("#rights-form button").click()
        expect(page.locator("#rights-status")).to_contain_text("第 1 号请求已登记")
        entry = page.locator("#ledger li")
        expect(entry).to_contain_text("尚未核对身份")
        entry.get_by_role("button", name="查看内容").click()
        expect(entry).to_contain_text("看看<i>登记</i>了什么")
        entry.get_by_role("button", name="身份已核对").click()
        with page.expect_download() as download:
            entry.get_by_role("button", name="出具副本").click()
        made = json.loads(download.value.path().read_text(encoding="utf-8-sig"))
        assert made["person"]["name"] == "测试<b>甲</b>"
        assert made["person"]["identity_number"] == identity(1)
        expect(entry).to_contain_text("已办理")
        visit.assert_clean()


def test_a_request_is_refused_with_a_reason_on_a_phone(browser: Browser, rights_site: str) -> None:
    with visiting(browser, rights_site, **PHONE) as visit:
        page = visit.page
        visit.go("/rights?lang=en")
        page.locator("#rights-kind").select_option("deletion")
        page.locator("#rights-resident").fill("1")
        page.locator("#rights-checked").check()
        page.locator("#rights-form button").click()
        entry = page.locator("#ledger li")
        entry.get_by_role("button", name="Delete the person").click()
        entry.get_by_role("button", name="Really delete").click()
        expect(page.locator("#ledger-status")).to_contain_text("lives there still")
        entry.locator(".decision input").fill("a duty keeps it")
        entry.get_by_role("button", name="Refuse").click()
        expect(entry).to_contain_text("refused")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert visit.policy_violations == []
