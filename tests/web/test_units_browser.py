"""The pages of units in a browser: a leader makes one, gives it people, duty and a device."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from fastapi import Request
from playwright.sync_api import Browser, expect

from api.callers import current_caller
from geo import accounts
from geo.settings import Settings
from geo.store.cluster import EmbeddedCluster
from tests.conftest import copied_database
from tests.signed_in import caller_of
from tests.web.browsing import DESKTOP, PHONE, visiting
from tests.web.conftest import GRID_A, Serving, serve, settle, stop
from web.app import create_app

pytestmark = pytest.mark.browser
PHONE_AGENT = {"user_agent": "Mozilla/5.0 (Linux; Android 14; Mobile)"}


@pytest.fixture(scope="module")
def station(
    cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Serving]:
    """A phone asks as the worker, everything else as the leader."""
    with copied_database(cluster) as database:
        with database.session() as session:
            settle(session)
            account = accounts.create_account(session, "worker", "x" * 12, role="grid_worker")
            session.flush()
            worker = replace(caller_of("grid_worker", GRID_A), account_id=account.id)
        leader = replace(caller_of("patrol_leader"), account_id=worker.account_id + 1000)
        settings = Settings(data_folder=tmp_path_factory.mktemp("units"), demo=False)
        app = create_app(settings, database)

        def who(request: Request) -> accounts.Caller:
            return worker if "Mobile" in request.headers.get("user-agent", "") else leader

        app.dependency_overrides[current_caller] = who
        serving = serve(app)
        yield serving
        stop(serving)


def test_a_leader_makes_a_unit_and_a_member_sees_it_on_a_phone(
    browser: Browser, station: Serving
) -> None:
    with visiting(browser, station.url, **DESKTOP) as desk:
        page = desk.page
        desk.go("/units")
        page.locator(".units-new summary").click()
        page.locator("#new-code").fill("W-1")
        page.locator("#new-name").fill("西片<b>组</b>")
        page.locator("#new-grids").fill(GRID_A)
        page.locator("#unit-form button").click()
        page.wait_for_selector("html[data-version='1']", state="attached")
        expect(page.locator("h1")).to_contain_text("西片<b>组</b>")
        page.locator(".units-new summary").click()
        page.locator("#fact-kit").fill("盾牌、钢叉, 对讲机")
        page.locator("#facts-form .button-main").click()
        page.wait_for_selector("html[data-version='2']", state="attached")
        expect(page.locator("#facts")).to_contain_text("对讲机、盾牌、钢叉")
        page.locator("#member-name").fill("worker")
        page.locator("#member-form button").click()
        expect(page.locator("#members li")).to_contain_text("worker")
        page.locator("#week-after").click()
        today = datetime.now(ZoneInfo("Asia/Shanghai")).date()
        monday = today + timedelta(days=7 - today.weekday())
        page.locator("#shift-from").fill(f"{monday}T08:00")
        page.locator("#shift-to").fill(f"{monday}T16:00")
        page.locator("#shift-days").fill("2")
        page.locator("#shift-form button:not([type])").click()
        expect(page.locator(".shift")).to_have_count(2)
        page.locator(".shift-remove").first.click()
        expect(page.locator(".shift")).to_have_count(1)
        page.locator("#device-form button").click()
        expect(page.locator("#once")).to_be_visible()
        assert len(page.locator("#once-secret").inner_text()) > 20
        page.get_by_role("button", name="停用").click()
        expect(page.locator("#devices")).to_contain_text("没有在用的设备")
        path = page.url.removeprefix(station.url)
        desk.assert_clean()
    with visiting(browser, station.url, **PHONE, **PHONE_AGENT) as phone:
        phone.go("/units")
        phone.page.locator("[data-code='W-1']").click()
        phone.page.wait_for_selector("html[data-version='2']", state="attached")
        assert phone.page.url.endswith(path)
        expect(phone.page.locator("#facts-form")).to_have_count(0)
        expect(phone.page.locator("#members")).to_contain_text("worker")
        phone.assert_clean()
