"""The pages of coverage in a browser: slots, measures, what isn't known, a unit's own day."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, expect

from api.callers import current_caller
from geo.accounts import PERMISSIONS, Caller
from geo.coverage.key_places import Dose, create_key_place
from geo.positions.fix import Fix, Source
from geo.positions.storing import PlacedFix, store_fixes
from geo.settings import Settings
from geo.store.cluster import EmbeddedCluster
from geo.tables import Account
from geo.units.units import add_member, create_unit, plan_shift
from geo.values import GridScope, LonLat, Period
from tests.conftest import copied_database
from tests.drawing import NORTH, STEP_DEG, WEST
from tests.web.browsing import DESKTOP, PHONE, visiting
from tests.web.conftest import GRID_A, GRID_C, serve, settle, stop
from web.app import create_app

pytestmark = pytest.mark.browser

ALL = GridScope.everything()
# Three days ago, 08:00 in the city.
DAY = (datetime.now(UTC) - timedelta(days=3)).replace(hour=0, minute=0, second=0, microsecond=0)


@dataclass
class Site:
    """A server, who asks it, and the unit that was walked."""

    url: str
    app: FastAPI
    unit_id: int
    member_id: int

    def as_caller(self, role: str, account_id: int = 999) -> None:
        who = Caller(
            account_id=account_id, name="t", shown_name="示例·测试", role=role,
            permissions=PERMISSIONS[role], scope=ALL,
        )  # fmt: skip
        self.app.dependency_overrides[current_caller] = lambda: who


@pytest.fixture(scope="module")
def covered(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A unit stood in grid A from 08:00 to 08:20 and went east after; another of C was silent."""
    with copied_database(cluster) as database:
        with database.session() as session:
            settle(session)
            account = Account(name="m", shown_name="m", role="grid_worker", password_hash="x")
            session.add(account)
            unit = create_unit(session, "U1", "步巡一组", scope=ALL, kind="foot",
                               grid_codes=[GRID_A])  # fmt: skip
            silent = create_unit(session, "U2", "车组", scope=ALL, kind="car", grid_codes=[GRID_C])
            add_member(session, unit, account.id)
            for each in (unit, silent):
                shift = Period(DAY, DAY + timedelta(hours=1))
                plan_shift(session, each, shift, planned_by="test")
            create_key_place(
                session, "K1", "测试小学门口", LonLat(WEST + STEP_DEG, NORTH - STEP_DEG), scope=ALL,
                doses=[Dose(8, 9, (1, 2, 3, 4, 5, 6, 7), 900)], created_by="t",
                on=DAY.date(),
            )  # fmt: skip
            fixes = []
            for second in range(0, 2400, 30):
                at = DAY + timedelta(seconds=second)
                step = 1 + max(0, second - 1200) / 1200
                place = LonLat(WEST + step * STEP_DEG, NORTH - STEP_DEG)
                fix = Fix("p", at, place, Source.OSMAND, accuracy_m=5.0)
                fixes.append(PlacedFix(fix, unit.id, 1, at))
            store_fixes(session, fixes)
            ids = unit.id, account.id
        app = create_app(
            Settings(data_folder=tmp_path_factory.mktemp("data"), demo=False), database
        )
        serving = serve(app)
        app.state.services.coverage.catch_up()
        yield Site(serving.url, app, *ids)
        stop(serving)


def test_a_chief_moves_through_the_slots(browser: Browser, covered: Site) -> None:
    covered.as_caller("chief")
    with visiting(browser, covered.url, **DESKTOP) as visit:
        page = visit.page
        visit.go("/coverage#places=grid")
        loaded = "html[data-coverage=loaded]"
        page.wait_for_selector(loaded, state="attached")
        legend = page.locator("#coverage-rows tr")
        # A was visited, of C's unit nothing is known, B has none.
        expect(legend.filter(has_text="不知道").locator("td.number")).to_have_text("1")
        expect(legend.filter(has_text="没有人到过").locator("td.number")).to_have_text("1")
        expect(page.locator("#coverage-summary")).to_contain_text("值勤 2 小时")
        page.locator("#coverage-measure").select_option("dose")
        expect(page.locator("#legend-measure")).to_have_text("到访时长（分钟）")
        expect(page).to_have_url(re.compile("measure=dose"))
        # The slider by keyboard: nine steps to the hour from 08:00 on, and one beyond it.
        page.locator("#coverage-slot").focus()
        for _ in range(9):
            page.keyboard.press("ArrowRight")
        expect(page.locator("#slot-text")).to_have_text("08:00 – 09:00")
        expect(page.locator("#coverage-table")).to_contain_text("第一网格")
        page.keyboard.press("ArrowRight")
        expect(legend.filter(has_text="没有人到过").locator("td.number")).to_have_text("3")
        expect(page).to_have_url(re.compile("slot=10"))
        page.locator("#slot-play").click()
        expect(page.locator("#slot-play")).to_have_attribute("aria-pressed", "true")
        expect(page.locator("#slot-text")).to_have_text("10:00 – 11:00", timeout=8000)
        page.locator("#slot-play").click()
        # Beside the map: one day's stretch was met; shares by station; too few reports.
        expect(page.locator("#uncovered-summary")).to_contain_text("1 次到位")
        expect(page.locator("#uncovered-rows")).to_contain_text("测试小学门口")
        page.locator("#week-of").fill(DAY.date().isoformat())
        expect(page.locator("#weekly-rows")).to_contain_text("试验街道")
        page.locator("#mismatch-fold summary").click()
        expect(page.locator("#mismatch-summary")).to_contain_text("太少")
        # It stood in the key place; of the ways from there on the swath is said.
        page.locator("#coverage-until").fill(DAY.date().isoformat())
        page.locator("#ground-fold summary").click()
        expect(page.locator("#ground-summary")).to_contain_text("带宽 50 米")
        expect(page.locator("#checkpoint-rows tr")).to_have_text(re.compile("测试小学门口到过\\d"))
        complaints = [each for each in visit.complaints if "409" not in each]
        assert (complaints, visit.outside_requests, visit.policy_violations) == ([], [], [])


def test_a_worker_sees_their_own_day_on_a_phone(browser: Browser, covered: Site) -> None:
    covered.as_caller("grid_worker", covered.member_id)
    with visiting(browser, covered.url, **PHONE) as visit:
        page = visit.page
        visit.go("/coverage?lang=en")
        expect(page.locator("#weekly-title")).to_have_count(0)
        expect(page.locator("#coverage-days option")).to_have_count(2)
        page.locator("#panel-handle").click()
        page.locator("#unit-day").fill(DAY.date().isoformat())
        page.locator("#unit-day-form button").click()
        page.wait_for_selector("html[data-day=loaded]", state="attached")
        expect(page.locator("#day-summary")).to_contain_text("80 positions")
        rows = page.locator("#day-rows tr")
        expect(rows.filter(has_text="In the community")).to_contain_text("target 80%")
        expect(rows.filter(has_text=re.compile("^Known"))).to_contain_text("0.68 h")
        expect(page.locator("#stops li").first).to_contain_text("min")
        page.locator("#panel-handle").click()
        page.locator("#moment").fill("0")
        expect(page.locator("#moment-text")).to_have_text("08:00")
        page.locator("#day-before").click()
        expect(page.locator("#day-summary")).to_contain_text("No duty that day")
        visit.assert_clean()


def test_cells_that_are_not_known_and_another_units_day(browser: Browser, covered: Site) -> None:
    covered.as_caller("grid_worker")
    with visiting(browser, covered.url, **DESKTOP) as visit:
        page = visit.page
        visit.go("/coverage")
        page.wait_for_selector("html[data-coverage=loaded]", state="attached")
        expect(page.locator("#unit-day-form")).to_have_count(0)
        for swatch in ("uncertain", "none", "unknown"):
            expect(page.locator(f".swatch-{swatch}")).to_be_visible()
        visit.assert_clean()
        answer = page.goto(f"{covered.url}/coverage/units/{covered.unit_id}")
        assert answer is not None
        assert answer.status == 404
        expect(page.locator("h1")).to_have_text("没有这个单元")
