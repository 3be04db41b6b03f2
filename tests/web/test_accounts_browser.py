"""The accounts page in a real browser: an account is made, assigned, reset and ended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, expect

from geo.accounts.first import create_first_accounts
from geo.settings import Settings
from geo.store.cluster import EmbeddedCluster
from tests.conftest import copied_database
from tests.web.browsing import DESKTOP, PHONE, visiting
from tests.web.conftest import GRID_A, NASTY, serve, settle, stop
from tests.web.test_sign_in_browser import sign_in
from web.app import create_app

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def site(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with copied_database(cluster) as database:
        with database.session() as session:
            settle(session)
            create_first_accounts(session, day=datetime.now(UTC).date())
        settings = Settings(data_folder=tmp_path_factory.mktemp("accounts"), demo=False)
        serving = serve(create_app(settings, database))
        yield serving.url
        stop(serving)


def test_an_account_is_made_and_works(browser: Browser, site: str) -> None:
    with visiting(browser, site, **DESKTOP) as visit:
        page = visit.page
        page.goto(f"{site}/sign-in")
        sign_in(visit, "security")
        page.wait_for_url(f"{site}/accounts")
        page.wait_for_selector("html[data-ready=true]", state="attached")
        expect(page.locator(".account")).to_have_count(7)
        page.locator("#account-name").fill("wang")
        page.locator("#account-shown").fill(NASTY[:60])
        page.locator("#account-form button").click()
        secret = page.locator("#once-secret")
        expect(secret).not_to_be_empty()
        password = secret.inner_text()
        page.locator("#once-done").click()
        expect(secret).to_be_empty()

        account = page.locator("[data-account=wang]")
        expect(account).to_contain_text("看不到任何地方")
        page.locator("#area-wang").fill(GRID_A)
        account.get_by_role("button", name="添加").click()
        expect(account.locator("li .code")).to_have_text(GRID_A)
        page.locator("[data-account=audit] summary").click()
        expect(page.locator("[data-account=audit]")).to_contain_text("只能在命令行更改")
        visit.assert_clean()

    with visiting(browser, site, **DESKTOP) as visit:  # the new account sees its grid and no more
        visit.page.goto(f"{site}/sign-in?next_page=/review")
        sign_in(visit, "wang", password)
        visit.page.wait_for_url(f"{site}/account")  # who gave it out knows the password
        visit.page.fill("#old-password", password)
        for field in ("#new-password", "#same-password"):
            visit.page.fill(field, "chosen-by-myself")
        visit.page.press("#same-password", "Enter")
        visit.page.wait_for_url(f"{site}/")
        told = visit.page.evaluate("fetch('/v1/session').then((answer) => answer.json())")
        assert (told["role"], told["grid_count"]) == ("grid_worker", 1)
        visit.assert_clean()


def test_ending_takes_a_second_press_on_a_phone(browser: Browser, site: str) -> None:
    with visiting(browser, site, **PHONE) as visit:
        page = visit.page
        page.goto(f"{site}/sign-in")
        sign_in(visit, "security")
        page.wait_for_url(f"{site}/accounts")
        page.wait_for_selector("html[data-ready=true]", state="attached")
        leader = page.locator("[data-account=leader]")
        leader.locator("summary").tap()
        leader.get_by_role("button", name="停用账号").tap()
        expect(leader).to_be_visible()
        leader.get_by_role("button", name="确定停用").tap()
        expect(leader).to_have_count(0)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        visit.assert_clean()
