"""Signing in and out in a real browser, over plain HTTP on this machine, as `run` serves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser

from geo import accounts
from geo.accounts.first import DEMO_PASSWORD, create_first_accounts
from geo.accounts.totp import totp_code
from geo.settings import Settings
from geo.store.cluster import EmbeddedCluster
from tests.conftest import copied_database
from tests.oidc_provider import CLIENT_ID, CLIENT_SECRET, running_provider
from tests.web.browsing import DESKTOP, PHONE, Visit, visiting
from tests.web.conftest import serve, settle, stop
from web.app import create_app

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def guarded_site(
    cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The district as a generated city, with its known accounts; nobody is signed in."""
    with copied_database(cluster) as database:
        with database.session() as session:
            settle(session)
            create_first_accounts(session, day=datetime.now(UTC).date())
        settings = Settings(data_folder=tmp_path_factory.mktemp("guarded"), demo=False)
        serving = serve(create_app(settings, database))
        yield serving.url
        stop(serving)


def sign_in(visit: Visit, name: str, password: str = DEMO_PASSWORD) -> None:
    visit.page.fill("#name", name)
    visit.page.fill("#password", password)
    visit.page.press("#password", "Enter")


def test_a_page_leads_to_the_sign_in_and_back(browser: Browser, guarded_site: str) -> None:
    with visiting(browser, guarded_site, **DESKTOP) as visit:
        visit.page.goto(f"{guarded_site}/review?lang=en")
        assert visit.page.url.startswith(f"{guarded_site}/sign-in?next_page=%2Freview")
        sign_in(visit, "chief")
        visit.page.wait_for_url(f"{guarded_site}/review?lang=en")
        cookie = next(c for c in visit.page.context.cookies() if c["name"] == "gridbeat_session")
        assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
        visit.page.click("#account-menu summary")
        assert "示例·所长" in visit.page.inner_text(".account-panel")
        visit.page.keyboard.press("Escape")
        visit.page.locator("#sign-out").wait_for(state="hidden")
        visit.page.click("#account-menu summary")
        visit.page.click("#sign-out")
        visit.page.wait_for_url(f"{guarded_site}/sign-in")
        visit.page.goto(f"{guarded_site}/review")
        assert "/sign-in" in visit.page.url
        visit.assert_clean()


def test_a_demo_account_is_one_tap_away(browser: Browser, guarded_site: str) -> None:
    with visiting(browser, guarded_site, **PHONE) as visit:
        visit.page.goto(guarded_site)
        assert "演示账号" in visit.page.inner_text("main")
        visit.page.click('.demo-account[data-name="worker"]')
        visit.page.wait_for_url(f"{guarded_site}/")
        visit.page.tap("#account-menu summary")
        assert "示例·网格员" in visit.page.inner_text(".account-panel")
        visit.assert_clean()


def test_a_wrong_password_is_told_in_words(browser: Browser, guarded_site: str) -> None:
    with visiting(browser, guarded_site, **DESKTOP) as visit:
        visit.page.goto(f"{guarded_site}/sign-in")
        sign_in(visit, "analyst", "wrong-password")
        visit.page.locator("#sign-in-said:not(:empty)").wait_for()
        assert "密码" in visit.page.inner_text("#sign-in-said")
        assert visit.outside_requests == []
        assert visit.policy_violations == []


def test_an_audit_administrator_is_told_that_places_are_not_for_them(
    browser: Browser, guarded_site: str
) -> None:
    with visiting(browser, guarded_site, **DESKTOP) as visit:
        visit.page.goto(f"{guarded_site}/sign-in?next_page=/review")
        sign_in(visit, "audit")
        visit.page.wait_for_url(f"{guarded_site}/review")
        assert "此页不对该账号开放" in visit.page.inner_text("h1")
        assert visit.policy_violations == []


@pytest.mark.parametrize("goal", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_the_way_back_stays_here(browser: Browser, guarded_site: str, goal: str) -> None:
    with visiting(browser, guarded_site, **DESKTOP) as visit:
        visit.page.goto(f"{guarded_site}/sign-in?next_page={goal}")
        assert visit.page.get_attribute("#sign-in", "data-next") == "/"


def test_signing_in_and_out_at_a_provider(
    browser: Browser, cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """There and back in a real browser, with the code of an administrator, and out over there."""
    with running_provider() as provider, copied_database(cluster) as database:
        secret = accounts.new_totp_secret()
        with database.session() as session:
            settle(session)
            keeper = accounts.create_account(
                session, "keeper", "only-a-test-password", role="security_administrator",
                shown_name="示例·安全管理员",
            )  # fmt: skip
            accounts.set_totp_secret(session, keeper, secret)
        settings = Settings(
            data_folder=tmp_path_factory.mktemp("provider"), demo=False, oidc_name="示例认证",
            oidc_issuer=provider.issuer, oidc_client_id=CLIENT_ID,
            oidc_client_secret=CLIENT_SECRET,
        )  # fmt: skip
        serving = serve(create_app(settings, database))
        context = browser.new_context(**PHONE)
        try:
            page = context.new_page()
            page.goto(f"{serving.url}/accounts")
            assert page.inner_text("#provider") == "用示例认证登录"
            page.click("#language-link")
            assert page.inner_text("#provider") == "Sign in with 示例认证"
            page.click("#provider")
            page.click("#no")  # the person thinks better of it
            page.wait_for_url(f"{serving.url}/sign-in?fault=provider")
            assert "cancelled" in page.inner_text("#provider-fault")
            page.goto(f"{serving.url}/accounts")
            page.click("#provider")
            page.fill("#user", "keeper")
            page.click("#in")
            page.wait_for_url(f"{serving.url}/sign-in/code")
            page.fill("#code", "000000")
            page.press("#code", "Enter")
            page.wait_for_selector("#sign-in-said:not(:empty)")
            page.fill("#code", totp_code(secret, datetime.now(UTC)))
            page.press("#code", "Enter")
            page.wait_for_url(f"{serving.url}/accounts")
            asked: list[str] = []
            page.on("request", lambda request: asked.append(request.url))
            page.click("#account-menu summary")
            page.click("#sign-out")
            page.wait_for_url(f"{serving.url}/sign-in")
            assert any(url.startswith(f"{provider.issuer}/out?") for url in asked)
            page.goto(f"{serving.url}/accounts")
            assert "/sign-in" in page.url
        finally:
            context.close()
            stop(serving)
