"""A leader plans a shift in a real browser, a simulated unit drives it, its worker has it on the
phone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from sqlalchemy import select

from geo.roads.store import store_road_network
from geo.simulator.assigned import Drive, assigned_drive
from geo.store.cluster import EmbeddedCluster
from geo.tables import Account, KeyPlace, KeyPlaceDose, PatrolUnitMember
from geo.units.units import create_unit, plan_shift
from geo.values import GridScope, LonLat, Period
from tests.geo.roads.streets import place, streets
from tests.web.browsing import DESKTOP, PHONE
from tests.web.conftest import GRID_A
from tests.web.register_site import Site, register_site

pytestmark = pytest.mark.browser

# Began three hours ago, so that it can have been driven; whole minutes, as the form takes them.
START = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(hours=3)
END = START + timedelta(hours=4)
HERE = ZoneInfo("Asia/Shanghai")  # as the settings have it
BLOCK = """
    A-B-C-D-M
    | | | | |
    E-F>G-H-N
    | | | | |
    I-J-K-L-O
"""
CORNERS = {"一小": (0, 0), "车站": (4, 0), "菜场": (4, 2)}


@dataclass
class Shift:
    """A server, two cars on duty, three key places."""

    site: Site
    units: dict[str, int]


@pytest.fixture(scope="module")
def shift(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shift]:
    with register_site(cluster, tmp_path_factory.mktemp("routes")) as site:
        with site.database.session() as session:
            store_road_network(session, streets(BLOCK), name="t", valid_from=date(2025, 1, 1))
            units = {}
            for name in ("甲组", "乙组"):
                unit = create_unit(
                    session, name, name, scope=GridScope.everything(), kind="car",
                    grid_codes=[GRID_A], home=LonLat(*place(0, 1)),
                )  # fmt: skip
                plan_shift(session, unit, Period(START, END), planned_by="x")
                units[name] = unit.id
            worker = session.scalars(select(Account.id).where(Account.name == "worker")).one()
            session.add(PatrolUnitMember(unit_id=units["甲组"], account_id=worker, role="member"))
            for name, at in CORNERS.items():
                lon, lat = place(*at)
                key = KeyPlace(code=name, name=name, grid_code=GRID_A, reach_m=50, created_by="x",
                               geom=f"SRID=4326;POINT({lon} {lat})")  # fmt: skip
                session.add(key)
                session.flush()
                session.add(KeyPlaceDose(key_place_id=key.id, first_hour=0, end_hour=24,
                                         weekdays=[1, 2, 3, 4, 5, 6, 7], dose_s=600))  # fmt: skip
        yield Shift(site, units)


def open_form(page: Page, url: str) -> None:
    page.goto(f"{url}/routes")
    page.wait_for_selector("html[data-routes=ready]", state="attached")
    page.locator("#ask-day").fill(f"{START.astimezone(HERE):%Y-%m-%d}")
    page.locator("#ask-from").fill(f"{START.astimezone(HERE):%H:%M}")
    page.locator("#ask-until").fill(f"{END.astimezone(HERE):%H:%M}")
    page.locator("#ask-until").dispatch_event("change")
    expect(page.locator("#place-list > li")).to_have_count(3)


def solve(page: Page, *units: str) -> None:
    for name in units:
        page.locator("#unit-list li", has_text=name).locator("input").check()
    page.locator("#ask-seconds").fill("1")
    page.locator("#solve").click()
    page.wait_for_selector("html[data-plan=shown]", state="attached")


def names_of(stops: Locator) -> list[str]:
    return [next(each for each in CORNERS if each in text) for text in stops.all_inner_texts()]


def drag(page: Page, stop: Locator, goal: Locator, *, is_below: bool = False) -> None:
    """Take a stop by its text, and drop it above or below another."""
    goal.scroll_into_view_if_needed()
    stop.scroll_into_view_if_needed()
    here, there = stop.bounding_box(), goal.bounding_box()
    assert here is not None and there is not None
    page.mouse.move(here["x"] + 60, here["y"] + 12)
    page.mouse.down()
    page.mouse.move(here["x"] + 60, there["y"] + 20, steps=5)
    page.mouse.move(here["x"] + 60, there["y"] + (there["height"] - 6 if is_below else 6), steps=5)
    page.mouse.up()


def drive(shift: Shift, plan_id: int) -> int:
    """Let simulated phones report a drive by the plan's routes, until now; how many were sent."""
    drive = assigned_drive(shift.site.database, plan_id, Drive(interval_s=20))
    return drive.until(datetime.now(UTC)).post(shift.site.url).sent


def test_a_shift_is_planned_assigned_driven_and_compared(browser: Browser, shift: Shift) -> None:
    with shift.site.visit(browser, "leader", timezone_id="UTC", **DESKTOP) as visit:
        page = visit.page
        open_form(page, shift.site.url)
        expect(page.locator("#places-note")).to_contain_text("无法预测热点")
        solve(page, "甲组")
        stops = page.locator(".stop")
        expect(stops).to_have_count(3)
        expect(stops.first).to_contain_text("重点部位要求")
        expect(page.locator("#plan-figures")).to_contain_text("100%")
        expect(page.locator(".route-pin")).to_have_count(3)

        # By the keyboard: the first stop goes one place down, and is locked there.
        first = stops.first.inner_text()
        name = next(each for each in CORNERS if each in first)
        stops.first.get_by_role("button", name=f"推后: {name}").press("Enter")
        expect(stops.nth(1)).to_contain_text(name)
        expect(stops.nth(1)).to_contain_text("已锁定")
        expect(stops.nth(1).get_by_role("button", name=f"推后: {name}")).to_be_focused()

        # By the mouse: the last stop goes before all others, which keep their order.
        order = names_of(stops)
        page.wait_for_function("!document.querySelector('#route-lists').ariaBusy")
        drag(page, stops.nth(2), stops.nth(0))
        expect(stops.nth(0)).to_contain_text(order[2])
        expect(stops.nth(0)).to_contain_text("已锁定")
        assert names_of(stops) == [order[2], order[0], order[1]]
        # Dropped where it was, nothing is asked.
        first_id = stops.nth(0).get_attribute("data-place")
        with page.expect_request("**/edits") as asked:
            drag(page, stops.nth(1), stops.nth(1))
            drag(page, stops.nth(0), stops.nth(2), is_below=True)
        assert f'"place_id":"{first_id}"' in (asked.value.post_data or "")
        expect(stops.nth(2)).to_contain_text(order[2])
        assert names_of(stops) == order

        page.locator("#assign").click()
        expect(page.locator("#routes-status")).to_have_text("已下达。")
        assert drive(shift, int(page.locator("#plan-choice").input_value())) > 100
        page.locator("#tab-actual").click()
        made = page.locator("#actual-lists .state")
        expect(made).to_have_text(["已到", "已到", "已到"])
        expect(page.locator("#actual-lists")).to_contain_text("已到 3/3 站")
        expect(page.locator("#plan-rest")).to_be_hidden()  # nothing is left

    # The worker of the unit has it on the phone, and on paper.
    with shift.site.visit(browser, "worker", timezone_id="UTC", **PHONE) as visit:
        page = visit.page
        page.goto(f"{shift.site.url}/routes?lang=en")
        expect(page.locator(".own-route h3")).to_have_text("甲组")
        expect(page.locator(".own-route .stop")).to_have_count(3)
        page.goto(f"{shift.site.url}{page.locator('.route-links a').first.get_attribute('href')}")
        expect(page.locator("h1")).to_have_text("Roadbook: 甲组")
        expect(page.locator(".roadbook-stops > li")).to_have_count(3)
        expect(page.locator(".roadbook-steps").first).to_contain_text("Set out")


def test_two_units_a_must_and_what_is_forbidden(browser: Browser, shift: Shift) -> None:
    with shift.site.visit(browser, "leader", timezone_id="UTC", **DESKTOP) as visit:
        page = visit.page
        open_form(page, shift.site.url)
        page.locator("#place-list li", has_text="车站").locator("input[name=must]").check()
        solve(page, "乙组")
        stop = page.locator(".stop", has_text="车站")
        stop.get_by_role("button", name="禁止: 车站").click()
        # What has to be and is forbidden is told, with a way back.
        expect(page.locator("#plan-unmet li")).to_contain_text("车站: 没有力量能到达")
        page.locator("#left-out summary").click()
        page.locator("#left-out-list").get_by_role("button", name="允许").click()
        expect(page.locator("#plan-unmet li")).to_have_count(0)
        page.locator("#tab-plan").focus()
        page.keyboard.press("ArrowRight")
        expect(page.locator("#part-actual")).to_be_visible()
