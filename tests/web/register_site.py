"""A server over the small district, with the accounts of a first start."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page, expect
from sqlalchemy import select

from geo import accounts
from geo.accounts.first import DEMO_PASSWORD, create_first_accounts
from geo.settings import Settings
from geo.store.cluster import EmbeddedCluster
from geo.store.database import Database
from geo.tables import StandardAddress
from tests.conftest import copied_database
from tests.web.browsing import Visit, visiting
from tests.web.conftest import GRID_A, GRID_B, serve, settle, stop
from web.app import create_app

REFUSALS = ("status of 409", "status of 422", "status of 428", "ERR_FAILED")


@dataclass
class Site:
    """A server over the district, and the addresses of grids A and B."""

    url: str
    database: Database
    ids: dict[str, list[int]]

    @contextmanager
    def visit(self, browser: Browser, name: str, **options: Any) -> Iterator[Visit]:
        """A browser in which an account of the first start is signed in."""
        token = accounts.sign_in(self.database, name, DEMO_PASSWORD, now=datetime.now(UTC)).token
        with visiting(browser, self.url, **options) as visit:
            cookie = {"name": "gridbeat_session", "value": token, "url": self.url}
            visit.page.context.add_cookies([cookie])  # type: ignore[list-item]
            yield visit
            assert visit.policy_violations == []
            assert visit.outside_requests == []
            assert [
                text for text in visit.complaints if not any(each in text for each in REFUSALS)
            ] == []


@contextmanager
def register_site(cluster: EmbeddedCluster, folder: Path) -> Iterator[Site]:
    """The district in a store of its own, served."""
    with copied_database(cluster) as database:
        with database.session() as session:
            settle(session)
            create_first_accounts(session, day=datetime.now(UTC).date())
            session.flush()
            ids = {
                code: list(session.scalars(
                    select(StandardAddress.id)
                    .where(StandardAddress.grid_code == code)
                    .order_by(StandardAddress.id)
                ))
                for code in (GRID_A, GRID_B)
            }  # fmt: skip
        serving = serve(create_app(Settings(data_folder=folder, demo=False), database))
        yield Site(serving.url, database, ids)
        stop(serving)


def go(visit: Visit, path: str) -> None:
    visit.page.goto(f"{visit.origin}{path}")
    visit.page.wait_for_selector("html[data-ready=true]", state="attached")


def begin_task(page: Page) -> None:
    page.locator("#task-purpose").select_option("register")
    page.locator("#task-case").fill("清单 06-01")
    page.locator("#task-case").press("Enter")
    expect(page.locator("#task-dialog")).to_be_hidden()


def fill(page: Page, **values: str) -> None:
    for name, value in values.items():
        field = page.locator(f"#record-{name}")
        if field.evaluate("node => node.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)


def save(page: Page) -> None:
    page.locator("#record-send").click()


def press(card: Locator, text: str) -> None:
    card.get_by_role("button", name=text, exact=True).click()


def record(page: Page, register: str, **body: Any) -> None:
    """Store something past the form."""
    status = page.evaluate(
        """async ([url, body]) => (await fetch(url, { method: "POST", body: JSON.stringify(body),
          headers: { "Content-Type": "application/json" } })).status""",
        [f"/v1/{register}", body],
    )
    assert status == 201
