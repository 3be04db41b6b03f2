"""The audit page in a real browser, as its administrator sees it after signing in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, expect

from geo.accounts.first import create_first_accounts
from geo.audit import Access, record
from geo.settings import Settings
from geo.store.cluster import EmbeddedCluster
from tests.conftest import copied_database
from tests.web.browsing import DESKTOP, PHONE, visiting
from tests.web.conftest import serve, settle, stop
from tests.web.test_sign_in_browser import sign_in
from web.app import create_app

pytestmark = pytest.mark.browser
NASTY = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def site(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with copied_database(cluster) as database:
        with database.session() as session:
            settle(session)
            create_first_accounts(session, day=datetime.now(UTC).date())
            why = Access("worker", purpose="register", case_ref=f"清单 {NASTY}")
            for number in range(120):
                record(session, why, "resident.read", object_kind="resident",
                       object_ref=str(number), row_count=1)  # fmt: skip
            record(session, Access("chief"), "refused.no_purpose", object_kind="get_resident")
        settings = Settings(data_folder=tmp_path_factory.mktemp("audit"), demo=False)
        serving = serve(create_app(settings, database))
        yield serving.url
        stop(serving)


def test_signing_in_leads_to_the_log_which_is_narrowed_and_checked(
    browser: Browser, site: str
) -> None:
    with visiting(browser, site, **DESKTOP) as visit:
        page = visit.page
        page.goto(f"{site}/sign-in")
        sign_in(visit, "audit")
        page.wait_for_url(f"{site}/audit")
        page.wait_for_selector("html[data-ready=true]", state="attached")
        expect(page.locator("#entries tr")).to_have_count(100)
        page.locator("#audit-more").click()
        expect(page.locator("#entries")).to_contain_text(f"清单 {NASTY}")
        expect(page.locator("#audit-more")).to_be_hidden()

        expect(page.locator("#unusual")).to_contain_text("worker")
        expect(page.locator("#unusual")).to_contain_text("120 行，1 个案件")
        expect(page.locator("#own")).to_contain_text("7 个账号未登记住址")
        expect(page.locator("#whole")).to_contain_text("还没有核对过")
        page.locator("#check").click()
        expect(page.locator("#whole .audit-good")).to_contain_text("均与当初写下的一致")

        page.locator("#action").fill("refused")
        page.locator("#action").press("Enter")
        expect(page.locator("#entries tr")).to_have_count(1)
        expect(page.locator("#entries .is-refused")).to_contain_text("chief")
        with page.expect_download() as download:
            page.locator("#audit-csv").click()
        assert len(download.value.path().read_text(encoding="utf-8-sig").splitlines()) == 2
        page.locator("#action").fill("")
        page.locator("#unusual .audit-link").click()
        expect(page.locator("#by")).to_have_value("worker")
        visit.assert_clean()


def test_it_fits_on_a_phone_in_english(browser: Browser, site: str) -> None:
    with visiting(browser, site, **PHONE) as visit:
        page = visit.page
        page.goto(f"{site}/sign-in?next_page=/audit")
        sign_in(visit, "audit")
        page.wait_for_url(f"{site}/audit")
        page.goto(f"{site}/audit?lang=en")
        page.wait_for_selector("html[data-ready=true]", state="attached")
        expect(page.locator("h1")).to_have_text("Audit")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        visit.assert_clean()
