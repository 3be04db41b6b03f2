"""The live board in a browser: units move by events, one is told busy, who is nearest, a replay."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser, expect

from geo.accounts.tasks import OpenTask
from geo.settings import Settings
from geo.store.cluster import EmbeddedCluster
from geo.units.devices import register_device
from geo.units.units import add_member, create_unit, plan_shift
from geo.values import GridScope, Period
from tests.conftest import copied_database
from tests.drawing import draw
from tests.signed_in import caller_of, signed_in
from tests.web.browsing import DESKTOP, PHONE, visiting
from tests.web.conftest import GRID_A, Serving, serve, settle, stop
from web.app import create_app

pytestmark = pytest.mark.browser
PLACE = draw("A")["A"].centroid


@pytest.fixture(scope="module")
def station(
    cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Serving, str]]:
    """Two units on duty in grid A, and the token of the first; a chief with a task."""
    now = datetime.now(UTC)
    with copied_database(cluster) as database:
        with database.session() as session:
            settle(session)
            tokens = []
            for code, kind in (("CAR-1", "car"), ("FOOT-1", "foot")):
                unit = create_unit(
                    session, code, f"{code}<b>组</b>", scope=GridScope.everything(), kind=kind,
                    grid_codes=[GRID_A], skills=["急救"] if kind == "car" else [],
                )  # fmt: skip
                add_member(session, unit, role="leader", shown_name="示例·甲子")
                duty = Period(now - timedelta(hours=2), now + timedelta(hours=2))
                plan_shift(session, unit, duty, planned_by="test")
                tokens.append(register_device(session, unit)[1])
        chief = replace(
            caller_of("chief"),
            task=OpenTask(1, "supervision", "T-1", None, now, now + timedelta(hours=1)),
        )
        settings = Settings(data_folder=tmp_path_factory.mktemp("live"), demo=False)
        serving = serve(signed_in(create_app(settings, database), chief))
        yield serving, tokens[0]
        stop(serving)


def send(url: str, token: str, at_s: float, north_deg: float = 0.0) -> None:
    """A fix, as Traccar Client sends it."""
    body = urlencode(
        {"id": token, "lat": f"{PLACE.y + north_deg:.6f}", "lon": f"{PLACE.x:.6f}",
         "timestamp": f"{at_s:.3f}"}
    ).encode()  # fmt: skip
    with urlopen(Request(f"{url}/v1/positions/in/traccar", body)) as answer:
        assert answer.status == 200


def test_a_unit_moves_by_events_is_told_busy_and_is_the_nearest(
    browser: Browser, station: tuple[Serving, str]
) -> None:
    serving, token = station
    send(serving.url, token, time.time() - 120)
    with visiting(browser, serving.url, **DESKTOP) as visit:
        page = visit.page
        visit.go("/live")
        row = page.locator("[data-unit]", has_text="CAR-1")
        expect(row).to_contain_text("较旧")
        expect(page.locator("[data-unit]", has_text="FOOT-1")).to_contain_text("尚无位置")
        expect(page.locator("#connection")).to_have_text("实时")
        send(serving.url, token, time.time())
        expect(row).to_contain_text(re.compile("新、\\d+ 秒前"))
        row.click()
        expect(page.locator("#unit-title")).to_have_text("CAR-1<b>组</b>")
        expect(page.locator("#unit-title a")).to_have_attribute("href", re.compile(r"/units/\d+"))
        expect(page.locator("#unit-facts")).to_contain_text("示例·甲子（组长）")
        page.locator("#status-choice").select_option("busy")
        page.locator("#status-form button").click()
        expect(row).to_contain_text("忙碌")
        page.locator("#filter-status").select_option("free")
        expect(row).to_have_count(0)
        page.locator("#filter-status").select_option("")
        # A place with no unit on it: the corner of the map.
        page.locator("#map_gridbeat").click(position={"x": 60, "y": 60})
        page.wait_for_selector("html[data-nearest='1']", state="attached")
        expect(page.locator("#nearest-list")).to_contain_text("CAR-1")
        page.locator("#nearest-free").check()
        page.wait_for_selector("html[data-nearest='0']", state="attached")
        visit.assert_clean()


def test_the_last_hour_is_replayed_from_the_keyboard(
    browser: Browser, station: tuple[Serving, str]
) -> None:
    serving, token = station
    for minute in range(10):
        send(serving.url, token, time.time() - 1800 + 60 * minute, minute / 1e4)
    with visiting(browser, serving.url, **DESKTOP) as visit:
        page = visit.page
        visit.go("/live")
        page.locator("#replay-fold summary").focus()
        page.keyboard.press("Enter")
        page.locator("#replay-form button").click()
        expect(page.locator("#replay-note")).to_contain_text("1 个力量")
        expect(page.locator("#replay-banner")).to_be_visible()
        page.locator("#replay-slider").focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_selector("html[data-replay='1']", state="attached")
        page.locator("#replay-speed").select_option("300")
        page.locator("#replay-play").press("Enter")
        expect(page.locator("#replay-play")).to_have_text("暂停")
        page.locator("#replay-end").press("Enter")
        expect(page.locator("#replay-banner")).to_be_hidden()
        visit.assert_clean()


def test_on_a_phone_in_english_a_lost_connection_is_said(
    browser: Browser, station: tuple[Serving, str]
) -> None:
    serving, _ = station
    with visiting(browser, serving.url, **PHONE) as visit:
        page = visit.page
        visit.go("/live?lang=en")
        expect(page.locator("#sheet-summary")).to_have_text("2 of 2 on duty")
        page.locator("#panel-handle").click()
        expect(page.locator("#connection")).to_have_text("live")
        page.route("**/v1/positions/live", lambda route: route.abort())
        # The browser comes back when the stream ends; now nobody answers.
        stop(serving)
        expect(page.locator("#connection")).to_contain_text("Connection lost")
