"""A day with the registers: a worker from what is due to the last visit, then a chief."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from geo.store.cluster import EmbeddedCluster
from tests.geo.registers.conftest import identity
from tests.web.browsing import DESKTOP, PHONE
from tests.web.conftest import GRID_A, GRID_B
from tests.web.register_site import (
    Site,
    begin_task,
    fill,
    go,
    press,
    record,
    register_site,
    save,
)

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def site(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with register_site(cluster, tmp_path_factory.mktemp("day")) as served:
        yield served


def test_a_worker_and_then_the_chief(browser: Browser, site: Site) -> None:
    door, elsewhere = site.ids[GRID_A][0], site.ids[GRID_B][0]
    with site.visit(browser, "chief", **DESKTOP) as visit:
        go(visit, f"/place/{elsewhere}")
        visit.page.locator("#show-residents").click()
        begin_task(visit.page)
        record(
            visit.page, "residents", name="测试丙某", identity_number=identity(3),
            residence={"standard_address_id": elsewhere, "kind": "floating",
                       "lived_from": "2024-01-01", "household_ref": "1"},
        )  # fmt: skip

    with site.visit(browser, "worker", **PHONE) as visit:
        page = visit.page
        go(visit, f"/place/{door}")
        # Recorded and not looked at: it is due, and the list leads back to it.
        page.locator("#record-dwelling").tap()
        fill(page, use="rented_whole", room_count="2", landlord_phone="15400000009", look="")
        save(page)
        begin_task(page)
        dwelling = page.locator("#dwelling-list .record")
        expect(dwelling).to_contain_text("154****0009")
        dwelling.get_by_role("button", name="的房东电话").tap()
        expect(dwelling.locator("a[href='tel:15400000009']")).to_be_visible()
        go(visit, "/due")
        page.locator(".due-place", has_text="试验A路1号").tap()
        page.wait_for_url(f"**/place/{door}")

        # Corrected, while somebody else corrected it too: both sides, and a choice.
        press(dwelling, "更正")
        number = dwelling.get_attribute("id").removeprefix("dwelling-")  # type: ignore[union-attr]
        page.evaluate(
            """([url, body]) => fetch(url, { method: "PATCH", body: JSON.stringify(body),
              headers: { "Content-Type": "application/json" } })""",
            [f"/v1/dwellings/{number}", {"expected_version": 1, "room_count": 3}],
        )
        fill(page, room_count="4")
        save(page)
        page.locator("#record-answer input[value=given]").check()
        save(page)
        expect(dwelling).to_contain_text("改过 2 次")
        dwelling.locator(".record-history summary").tap()
        expect(dwelling.locator(".record-history li").first).to_contain_text("间数 3")
        press(dwelling, "核查")
        save(page)
        expect(dwelling.locator(".record-state")).to_contain_text("走访，worker")
        press(dwelling, "报错")
        fill(page, field="use", note="像是合租")
        save(page)
        expect(dwelling.locator(".record-report")).to_contain_text("用途: 像是合租")

        # Somebody who is recorded where the worker doesn't see: that grid is told.
        page.locator("#record-resident").tap()
        fill(page, name="测试丙某", identity_number=identity(3), kind="floating")
        save(page)
        press(page.locator("#record-answer"), "请登记所在网格核实")
        expect(page.locator("#record-answer")).to_contain_text("已通知")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390

    with site.visit(browser, "chief", **DESKTOP) as visit:
        page = visit.page
        go(visit, f"/place/{door}")
        press(page.locator(".record-report"), "已更正")
        save(page)
        expect(page.locator("#dwelling-list")).to_contain_text("报错已办结。")
        expect(page.locator(".record-report")).to_have_count(0)
        go(visit, f"/place/{elsewhere}")
        page.locator("#show-residents").click()
        begin_task(page)
        expect(page.locator("#resident-list .record-report")).to_contain_text("据报自")
        # What was so on another day.
        page.locator("#place-day").fill("2023-12-31")
        expect(page.locator("#place-summary")).to_contain_text("2023-12-31 的情况")
        expect(page.locator("#resident-list")).to_contain_text("尚未登记人员")
