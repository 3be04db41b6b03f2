"""One's own account in a real browser: a password that was given out, and a lost phone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser

from geo import accounts
from geo.settings import Settings
from geo.store.cluster import EmbeddedCluster
from tests.conftest import copied_database
from tests.web.browsing import DESKTOP, PHONE, Visit, visiting
from tests.web.conftest import serve, settle, stop
from web.app import create_app

pytestmark = pytest.mark.browser

GIVEN, OWN = "given-out-by-somebody", "chosen-by-myself"


@pytest.fixture(scope="module")
def site(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with copied_database(cluster) as database:
        with database.session() as session:
            settle(session)
            account = accounts.create_account(
                session, "wang", GIVEN, role="grid_worker", shown_name="示例·王",
                must_change_password=True,
            )  # fmt: skip
            accounts.assign(session, account, None, valid_from=datetime.now(UTC).date())
        settings = Settings(data_folder=tmp_path_factory.mktemp("own"), demo=False)
        serving = serve(create_app(settings, database))
        yield serving.url
        stop(serving)


def sign_in(visit: Visit, password: str) -> None:
    visit.page.goto(f"{visit.origin}/sign-in")
    visit.page.fill("#name", "wang")
    visit.page.fill("#password", password)
    visit.page.press("#password", "Enter")


def test_a_given_password_comes_first_and_a_lost_phone_is_signed_out(
    browser: Browser, site: str
) -> None:
    with visiting(browser, site, **PHONE) as phone:
        sign_in(phone, GIVEN)
        phone.page.wait_for_url(f"{site}/account")  # wherever one wanted to go
        assert phone.page.is_visible("#must-change")
        for field, text in (("#old-password", GIVEN), ("#new-password", OWN)):
            phone.page.fill(field, text)
        phone.page.fill("#same-password", "something else")
        phone.page.press("#same-password", "Enter")
        phone.page.wait_for_selector("#password-fault:not([hidden])")
        phone.page.fill("#same-password", OWN)
        phone.page.press("#same-password", "Enter")
        phone.page.wait_for_url(f"{site}/")
        phone.assert_clean()
        with visiting(browser, site, **DESKTOP) as desk:
            sign_in(desk, OWN)
            desk.page.wait_for_url(f"{site}/")
            desk.page.click("#account-menu summary")
            desk.page.click("#own-account")
            desk.page.wait_for_selector("#sessions li")
            assert desk.page.locator("#sessions li").count() == 2
            assert "示例·王" in desk.page.inner_text("#facts")
            desk.page.click("#sessions button")
            desk.page.wait_for_selector("#sessions li:only-child")
            desk.page.fill("#old-password", "wrong-password")
            for field in ("#new-password", "#same-password"):
                desk.page.fill(field, GIVEN)
            desk.page.press("#same-password", "Enter")
            desk.page.wait_for_selector("#password-fault:not([hidden])")
            assert "现在的密码不对" in desk.page.inner_text("#password-fault")
        phone.page.goto(f"{site}/review")
        assert "/sign-in" in phone.page.url
