"""The page of a place in a real browser: recorded, corrected, verified, moved; desk and phone."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Route, expect

from geo.store.cluster import EmbeddedCluster
from tests.geo.registers.conftest import identity
from tests.web.browsing import DESKTOP, PHONE
from tests.web.conftest import GRID_A, GRID_B, NASTY
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

PHONE_NUMBER = "15400000001"


@pytest.fixture(scope="module")
def site(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with register_site(cluster, tmp_path_factory.mktemp("place")) as served:
        yield served


def test_a_worker_records_what_is_at_a_door(browser: Browser, site: Site) -> None:
    with site.visit(browser, "worker", **DESKTOP) as visit:
        page, address = visit.page, site.ids[GRID_A][0]
        go(visit, f"/place/{address}")
        expect(page.locator("h1")).to_have_text("山西省太原市小店区试验街道试验A路1号")
        expect(page.locator(".place-facts")).to_contain_text(f"第一网格{NASTY}")
        expect(page.locator("#residents")).to_contain_text("每项任务只说一次")

        # A landlord is a person: the purpose is asked for in place, and the write goes on.
        page.locator("#record-dwelling").click()
        save(page)
        expect(page.locator("#record-use-fault")).to_have_text("请填写。")
        fill(page, use="rented_shared", room_count="3", landlord_phone="123")
        page.get_by_label("隔断").check()
        save(page)
        begin_task(page)
        expect(page.locator("#record-landlord_phone-fault")).to_contain_text("不是有效的电话号码")
        expect(page.locator("#record-landlord_phone")).to_be_focused()
        fill(page, landlord_phone=PHONE_NUMBER)
        save(page)
        dwelling = page.locator("#dwelling-list .record")
        expect(dwelling).to_contain_text("已保存。 缺：房东姓名和备案日期。")
        expect(dwelling).to_contain_text("154****0001")
        expect(dwelling).to_contain_text("隔断")
        expect(dwelling.locator(".record-state")).to_contain_text("走访，worker")
        expect(page.locator(".place-done")).to_be_focused()

        # What is there already is told, with the way to it; it is stored only if it is another.
        page.locator("#record-dwelling").click()
        fill(page, use="vacant")
        save(page)
        expect(page.locator("#record-answer")).to_contain_text("此处已有登记： 就在本处")
        press(page.locator("#record-answer"), "确认是另一个，仍要保存")
        expect(dwelling).to_have_count(2)

        page.locator("#record-establishment").click()
        fill(page, name=f"示例店{NASTY}", establishment_class="key")
        fill(page, credit_code="91350100M000100Y40")
        save(page)
        expect(page.locator("#record-credit_code-fault")).to_contain_text("校验位不符")
        fill(page, credit_code="91350100M000100Y43")
        save(page)
        shop = page.locator("#establishment-list .record")
        expect(shop).to_contain_text(f"示例店{NASTY}")
        expect(shop).to_contain_text("91350100M000100Y43")

        page.locator("#record-resident").click()
        fill(page, name="测试甲某", identity_number=identity(1)[:-1] + "A", kind="floating")
        save(page)
        expect(page.locator("#record-identity_number-fault")).to_contain_text("须为 18 位")
        fill(page, identity_number=identity(1), phone=PHONE_NUMBER, household_ref="1")
        fill(page, lived_from="2025-01-01")
        save(page)
        person = page.locator("#resident-list .record")
        expect(person).to_contain_text("测试甲某")
        expect(person).not_to_contain_text(identity(1))
        expect(person.get_by_role("button", name="的证件号码")).to_have_count(0)  # not a worker's
        person.get_by_role("button", name="显示测试甲某的电话").click()
        expect(person.locator("a[href='tel:15400000001']")).to_be_visible()
        expect(person).to_contain_text("已记录")

        # The same person at another door is told where they are, and moves in; none is doubled.
        go(visit, f"/place/{site.ids[GRID_A][1]}")
        page.locator("#record-resident").click()
        fill(page, name="测试甲某", identity_number=identity(1), kind="lodging")
        save(page)
        answer = page.locator("#record-answer")
        expect(answer).to_contain_text("同一证件号码已登记： 测试甲某")
        expect(answer.locator("a")).to_have_attribute(
            "href", re.compile(rf"^/place/{address}#resident-\d+$")
        )
        expect(answer.get_by_role("button", name="仍要保存")).to_have_count(0)
        expect(answer).to_contain_text("该人员此时段在别处居住")
        answer.get_by_role("button", name="迁入本处").click()
        expect(person).to_contain_text("测试甲某")
        expect(person).to_contain_text("寄住")
        go(visit, f"/place/{address}")
        expect(page.locator("#resident-list")).to_contain_text("尚未登记人员")


def test_a_stale_version_shows_both_sides(browser: Browser, site: Site) -> None:
    with site.visit(browser, "worker", **DESKTOP) as visit:
        page, address = visit.page, site.ids[GRID_A][2]
        go(visit, f"/place/{address}")
        record(page, "dwellings", standard_address_id=address, use="vacant", room_count=2)
        go(visit, f"/place/{address}")
        card = page.locator("#dwelling-list .record")
        press(card, "更正")
        save(page)
        expect(page.locator("#record-fault")).to_have_text("没有改动。")
        number = card.get_attribute("id").removeprefix("dwelling-")  # type: ignore[union-attr]
        others = {"expected_version": 1, "room_count": 3, "use": "mixed"}
        page.evaluate(
            """([url, body]) => fetch(url, { method: "PATCH", body: JSON.stringify(body),
              headers: { "Content-Type": "application/json" } })""",
            [f"/v1/dwellings/{number}", others],
        )
        fill(page, use="owner_occupied", room_count="5")
        save(page)
        sides = page.locator("#record-answer")
        expect(sides.locator("fieldset", has_text="间数")).to_contain_text("我填的5库中的3")
        expect(sides.locator("fieldset", has_text="用途")).to_contain_text("我填的自住库中的商住")
        save(page)
        expect(page.locator("#record-fault")).to_have_text("请逐项选定。")
        sides.locator("input[name=side-room_count][value=given]").check()
        sides.locator("input[name=side-use][value=stored]").check()
        save(page)
        expect(card).to_contain_text("商住")
        expect(card.locator("dd").first).to_have_text("5")

        press(card, "核查")
        fill(page, how="call")
        save(page)
        expect(card.locator(".record-state")).to_contain_text("电话，worker")
        press(card, "报错")
        fill(page, field="use", note="已改自住")
        save(page)
        expect(card).to_contain_text("已上报")
        press(card, "注销")
        save(page)
        expect(page.locator("#dwelling-list")).to_contain_text("尚未登记房屋")


def test_a_lost_answer_and_a_second_tap_store_once(browser: Browser, site: Site) -> None:
    with site.visit(browser, "worker", **PHONE) as visit:
        page, address = visit.page, site.ids[GRID_A][3]
        go(visit, f"/place/{address}?lang=en")
        page.locator("#record-dwelling").tap()
        fill(page, use="vacant")

        def lose(route: Route) -> None:
            route.fetch()  # the server stores it, and its answer is lost on the way
            route.abort()

        page.route("**/v1/dwellings", lose, times=1)
        save(page)
        expect(page.locator("#record-fault")).to_contain_text("it will be stored once")
        page.evaluate("""() => { const form = document.getElementById("record-form");
          form.requestSubmit(); form.requestSubmit(); }""")
        expect(page.locator("#dwelling-list .record")).to_have_count(1)
        expect(page.locator(".place-done")).to_contain_text("It had arrived before")

        # Residents: asked for in place, once; then the page shows them, and forgets with the task.
        page.locator("#show-residents").tap()
        page.keyboard.press("Escape")
        expect(page.locator("#show-residents")).to_be_visible()
        page.locator("#show-residents").tap()
        begin_task(page)
        expect(page.locator("#resident-list")).to_contain_text("Nobody is recorded here.")
        page.locator("#record-resident").tap()
        fill(page, name="测试乙某", kind="registered")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        save(page)
        person = page.locator("#resident-list .record")
        expect(person).to_contain_text("Missing: Identity number, Birth year, and Phone.")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        press(person, "Has left")
        fill(page, what="move", to="试验A路1")
        page.locator("#record-to ~ .picker input").first.check()
        fill(page, what="never")
        save(page)
        expect(page.locator("#resident-list")).to_contain_text("Nobody is recorded here.")
        page.locator("#account-menu summary").tap()
        page.locator("#task-end").tap()
        expect(page.locator("#show-residents")).to_be_visible()


def test_out_of_scope_is_not_there(browser: Browser, site: Site) -> None:
    with site.visit(browser, "worker", **DESKTOP) as visit:
        for path in (f"/place/{site.ids[GRID_B][0]}", "/place/99999999", "/place/x", "/place/٣"):
            answer = visit.page.goto(f"{site.url}{path}")
            assert answer is not None
            assert answer.status == 404
            expect(visit.page.locator("h1")).to_have_text("没有这个地点")
            visit.complaints.clear()  # the browser tells of each 404


def test_an_analyst_sees_no_person_and_writes_nothing(browser: Browser, site: Site) -> None:
    with site.visit(browser, "analyst", **DESKTOP) as visit:
        go(visit, f"/place/{site.ids[GRID_A][0]}")
        page = visit.page
        expect(page.locator("#residents")).to_contain_text("该角色不查看人员")
        expect(page.locator("#show-residents, [id^=record-]:visible")).to_have_count(0)
        expect(page.locator("main button:visible")).to_have_count(0)
        expect(page.locator("#dwelling-list")).not_to_contain_text("154****0001")


def test_the_map_leads_to_the_place(browser: Browser, site: Site) -> None:
    with site.visit(browser, "worker", **DESKTOP) as visit:
        page = visit.page
        visit.go("/")
        page.fill("#search-input", "试验A路7号")
        page.locator("#search-list [role=option]").first.click()
        page.get_by_role("link", name="打开此处登记").click()
        page.wait_for_url("**/place/*")
        expect(page.locator("h1")).to_contain_text("试验A路7号")
