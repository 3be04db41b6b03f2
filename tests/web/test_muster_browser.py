"""A muster in a browser: a leader calls, a phone says that it comes, the arrival is shown."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from fastapi import Request as HttpRequest
from playwright.sync_api import Browser, expect

from api.callers import current_caller
from geo import accounts
from geo.settings import Settings
from geo.store.cluster import EmbeddedCluster
from geo.units.devices import register_device
from geo.units.units import add_member, create_unit, plan_shift, set_status
from geo.values import GridScope, Period
from tests.conftest import copied_database
from tests.drawing import draw
from tests.signed_in import caller_of
from tests.web.browsing import DESKTOP, PHONE, visiting
from tests.web.conftest import GRID_A, Serving, serve, settle, stop
from web.app import create_app

pytestmark = pytest.mark.browser
PLACE = draw("A")["A"].centroid


@pytest.fixture(scope="module")
def station(
    cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Serving, str]]:
    """Two free units on duty in grid A, the worker's and another; the token of the worker's.

    A phone asks as the worker, everything else as the leader."""
    now = datetime.now(UTC)
    with copied_database(cluster) as database:
        with database.session() as session:
            settle(session)
            account = accounts.create_account(session, "worker", "x" * 12, role="grid_worker")
            session.flush()
            tokens = []
            for code in ("U-1", "U-2"):
                unit = create_unit(
                    session, code, f"{code}<b>组</b>", scope=GridScope.everything(), kind="foot",
                    grid_codes=[GRID_A],
                )  # fmt: skip
                duty = Period(now - timedelta(hours=1), now + timedelta(hours=1))
                plan_shift(session, unit, duty, planned_by="test")
                set_status(session, unit, "free", now=now, told_by="test")
                tokens.append(register_device(session, unit)[1])
                if code == "U-1":
                    add_member(session, unit, account.id, "member")
            worker = replace(caller_of("grid_worker", GRID_A), account_id=account.id, name="worker")
        settings = Settings(data_folder=tmp_path_factory.mktemp("muster"), demo=False)
        app = create_app(settings, database)
        leader = replace(caller_of("patrol_leader"), account_id=account.id + 1000, name="leader")

        def who(request: HttpRequest) -> accounts.Caller:
            return worker if "Mobile" in request.headers.get("user-agent", "") else leader

        app.dependency_overrides[current_caller] = who
        serving = serve(app)
        for token in tokens:
            send(serving.url, token, 0.002)
        yield serving, tokens[0]
        stop(serving)


def send(url: str, token: str, north_deg: float) -> None:
    body = urlencode(
        {"id": token, "lat": f"{PLACE.y + north_deg:.6f}", "lon": f"{PLACE.x:.6f}",
         "timestamp": f"{time.time():.3f}"}
    ).encode()  # fmt: skip
    with urlopen(Request(f"{url}/v1/positions/in/traccar", body)) as answer:
        assert answer.status == 200


def test_a_leader_calls_the_phone_says_yes_and_the_arrival_is_shown(
    browser: Browser, station: tuple[Serving, str]
) -> None:
    serving, token = station
    agent = {"user_agent": "Mozilla/5.0 (Linux; Android 14; Mobile)"}
    with (
        visiting(browser, serving.url, **DESKTOP) as desk,
        visiting(browser, serving.url, **PHONE, **agent) as phone,
    ):
        phone.go("/live")
        expect(phone.page.locator("html")).to_have_attribute("data-live", "open")
        expect(phone.page.locator("#muster-form")).to_have_count(0)
        leader = desk.page
        desk.go(f"/live#map=15/{PLACE.y:.5f}/{PLACE.x:.5f}")
        box = leader.locator("#map_gridbeat").bounding_box()
        assert box is not None
        middle = {"x": box["width"] / 2, "y": box["height"] / 2}
        leader.locator("#map_gridbeat").click(position=middle)
        expect(leader.locator("#muster-send")).to_have_text("召集 2 个力量")
        expect(leader.locator("#nearest-list li")).to_have_count(2)
        leader.locator("#muster-within").fill("150")
        leader.locator("#muster-reason").fill("走失儿童<i>")
        leader.locator("#muster-send").click()
        board = leader.locator(".muster")
        expect(board).to_contain_text("已召集 2 · 已收到 0")
        # On the phone it is there by itself.
        card = phone.page.locator(".muster-card")
        expect(card).to_contain_text("走失儿童<i>")
        expect(card).to_have_attribute("data-state", "called")
        card.locator("[data-answer=acknowledge]").click()
        expect(card).to_have_attribute("data-state", "acknowledged")
        row = board.locator("[data-unit-code='U-1']")
        expect(row).to_have_attribute("data-state", "acknowledged")
        send(serving.url, token, 0.0)
        expect(row).to_have_attribute("data-state", "arrived")
        expect(row).to_contain_text("按位置")
        expect(card).to_have_attribute("data-state", "arrived")
        board.get_by_role("button", name="结束集结").click()
        expect(board).to_have_attribute("data-open", "false")
        expect(board).to_contain_text("未回应 1")
        expect(phone.page.locator("#muster-alert")).to_be_hidden()
        desk.assert_clean()
        phone.assert_clean()
