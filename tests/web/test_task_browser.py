"""The task in the bar: begun, asked for where it is needed, changed, ended; desk and phone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from fastapi import Depends
from playwright.sync_api import Browser, Page, expect

from api.callers import CallerAccess, pass_door
from api.dependencies import WriteSession
from geo.accounts.first import create_first_accounts
from geo.audit import audited
from geo.settings import Settings
from geo.store.cluster import EmbeddedCluster
from tests.conftest import copied_database
from tests.web.browsing import DESKTOP, PHONE, visiting
from tests.web.conftest import serve, settle, stop
from tests.web.test_sign_in_browser import sign_in
from web.app import create_app

pytestmark = pytest.mark.browser
WIDE = {"viewport": {"width": 1300, "height": 700}}


@pytest.fixture(scope="module")
def site(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The district with its known accounts, and a route that reads something about a person."""
    with copied_database(cluster) as database:
        with database.session() as session:
            settle(session)
            create_first_accounts(session, day=datetime.now(UTC).date())
        settings = Settings(data_folder=tmp_path_factory.mktemp("task"), demo=False)
        app = create_app(settings, database)

        @app.get("/v1/persons/{number}", operation_id="read", dependencies=[Depends(pass_door)])
        def read(session: WriteSession, access: CallerAccess, number: int) -> dict[str, str | None]:
            with audited(session, access, "resident.read", object_kind="resident") as found:
                found.row_count = 1
            return {"purpose": access.purpose, "case_ref": access.case_ref}

        serving = serve(app)
        yield serving.url
        stop(serving)


def ask_about_a_person(page: Page) -> None:
    """Ask as the pages do; what comes back is kept in the page."""
    page.evaluate(
        """async () => {
          const near = document.querySelector('script[src*="task.js"]').src;
          const { askJson } = await import(near.replace("task.js", "api.js"));
          window.told = askJson("/v1/persons/7").catch((error) => error.status);
        }"""
    )


def told(page: Page) -> object:
    return page.evaluate("window.told")


def fill(page: Page, case: str) -> None:
    page.locator("#task-purpose").select_option("register")
    page.locator("#task-case").fill(case)
    page.locator("#task-case").press("Enter")
    expect(page.locator("#task-dialog")).to_be_hidden()


def test_a_task_is_asked_for_where_it_is_needed(browser: Browser, site: str) -> None:
    with visiting(browser, site, **WIDE) as visit:
        page = visit.page
        page.goto(f"{site}/sign-in?next_page=/review")
        sign_in(visit, "worker")
        page.wait_for_url(f"{site}/review")
        chip = page.locator(".task-chip")
        expect(chip).to_have_text("未开始任务")
        ask_about_a_person(page)
        expect(page.locator("#task-needed")).to_be_visible()
        page.keyboard.press("Escape")
        assert told(page) == 428  # who gives up is told

        ask_about_a_person(page)
        page.locator("#task-purpose").select_option("register")
        expect(page.locator("#task-ground")).to_contain_text("户口登记条例")
        page.locator("#task-case").fill("13800138000")
        page.locator("#task-case").press("Enter")
        expect(page.locator("#task-fault")).to_be_visible()
        fill(page, "清单 <b>06-01</b>")
        assert told(page) == {"purpose": "register", "case_ref": "清单 <b>06-01</b>"}
        expect(chip).to_have_text("一标三实采集登记 · 清单 <b>06-01</b>")

        page.goto(f"{site}/review?lang=en")  # it is kept with the sign-in
        expect(chip).to_contain_text("registering people")
        ask_about_a_person(page)
        assert told(page) == {"purpose": "register", "case_ref": "清单 <b>06-01</b>"}
        page.locator("#account-menu summary").click()
        expect(page.locator("#task-until")).to_contain_text("ends by itself at")
        page.locator("#task-end").click()
        expect(chip).to_have_text("no task")
        assert visit.policy_violations == []
        assert visit.outside_requests == []
        refusals = ("status of 428", "status of 422")
        assert all(any(each in text for each in refusals) for text in visit.complaints)


def test_on_a_phone_it_is_in_the_menu(browser: Browser, site: str) -> None:
    with visiting(browser, site, **PHONE) as visit:
        page = visit.page
        page.goto(f"{site}/sign-in?next_page=/review")
        sign_in(visit, "worker")
        page.wait_for_url(f"{site}/review")
        page.locator("#account-menu summary").tap()
        page.locator("#task-open").tap()
        fill(page, "清单 06-02")
        page.locator("#account-menu summary").tap()
        expect(page.locator(".account-panel")).to_contain_text("清单 06-02")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        visit.assert_clean()


def test_who_reads_no_places_has_no_task(browser: Browser, site: str) -> None:
    with visiting(browser, site, **DESKTOP) as visit:
        page = visit.page
        page.goto(f"{site}/sign-in")
        sign_in(visit, "security")
        page.wait_for_url(f"{site}/accounts")
        expect(page.locator("#account-menu")).to_be_visible()
        expect(page.locator("[data-open-task]")).to_have_count(0)
        assert visit.policy_violations == []
