"""Search on the map and the places of many addresses, in a real browser."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from tests.web.browsing import Visit

pytestmark = pytest.mark.browser


def test_typing_suggests_and_a_choice_flies_there(desktop: Visit) -> None:
    desktop.go("/")
    page = desktop.page
    box = page.get_by_role("combobox")
    box.press_sequentially("试验A路3", delay=30)
    options = page.locator("#search-list [role=option]")
    expect(options.first).to_contain_text("试验A路3号")
    expect(box).to_have_attribute("aria-expanded", "true")
    box.press("ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    expect(box).to_have_attribute("aria-activedescendant", "suggestion-0")
    box.press("Enter")
    expect(page.locator("#search-list")).to_be_hidden()
    expect(page.locator("#here")).to_contain_text("试验A路3号")
    expect(page.locator("#here")).to_contain_text("示例·赵一")
    expect(page.locator(".pin-address")).to_be_visible()
    expect(page).to_have_url(re.compile(r"map=18/"))


def test_the_maps_place_and_what_was_chosen_are_sent_and_come_first(desktop: Visit) -> None:
    desktop.go("/#map=17/37.87000/112.58000")
    page = desktop.page
    box = page.get_by_role("combobox")
    options = page.locator("#search-list [role=option]")
    with page.expect_request("**/v1/suggest**") as first:
        box.fill("试验A路1")
    asked = parse_qs(urlsplit(first.value.url).query)
    assert float(asked["lon"][0]) == pytest.approx(112.58, abs=0.01)
    assert float(asked["lat"][0]) == pytest.approx(37.87, abs=0.01)
    assert "recent" not in asked
    expect(options.nth(2)).to_be_visible()
    last = options.last
    expect(last).not_to_contain_text("个地址")  # one address, no group of them
    chosen = last.locator(".suggestion-text").inner_text()
    last.click()
    expect(page.locator("#here")).to_contain_text(chosen)
    kept = page.evaluate("Object.values(localStorage)")
    assert re.fullmatch(r"\[\d+\]", kept[0])  # the number, not the text
    with page.expect_request("**/v1/suggest**") as second:
        box.fill("试验A路1")
    assert parse_qs(urlsplit(second.value.url).query)["recent"] == [kept[0].strip("[]")]
    expect(options.first).to_contain_text(chosen)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_box_and_its_list_have_room_beside_the_pages(desktop: Visit, language: str) -> None:
    desktop.go(f"/?lang={language}")
    box = desktop.page.get_by_role("combobox")
    box.fill("试验A路1")
    expect(desktop.page.locator("#search-list [role=option]").first).to_be_visible()
    for name, wanted in (("#search-input", 240), ("#search-list", 380)):
        bounds = desktop.page.locator(name).bounding_box()
        assert bounds is not None
        assert bounds["width"] >= wanted, name


def test_initials_complete_on_the_page(desktop: Visit) -> None:
    desktop.go("/")
    desktop.page.get_by_role("combobox").fill("syBl")
    option = desktop.page.locator("#search-list [role=option]").first
    expect(option).to_contain_text("试验B路")


def test_arrows_go_round_and_escape_closes_then_clears(desktop: Visit) -> None:
    desktop.go("/")
    page = desktop.page
    box = page.get_by_role("combobox")
    box.press_sequentially("试验")
    options = page.locator("#search-list [role=option]")
    expect(options.nth(1)).to_be_visible()
    count = options.count()
    box.press("ArrowUp")
    expect(options.nth(count - 1)).to_have_attribute("aria-selected", "true")
    box.press("ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    box.press("Escape")
    expect(page.locator("#search-list")).to_be_hidden()
    expect(box).to_have_value("试验")
    box.press("Escape")
    expect(box).to_have_value("")


def test_a_whole_address_that_completes_to_nothing_is_matched(desktop: Visit) -> None:
    desktop.go("/")
    page = desktop.page
    page.route("**/v1/suggest**", lambda request: request.fulfill(json={"suggestions": []}))
    page.get_by_role("combobox").fill("太原小店区试验街道，试验B路5号（靠近路口）")
    expect(page.locator("#search-list [role=option]").first).to_contain_text("试验B路5号")
    expect(page.locator("#search-list")).to_contain_text("把握")


def test_nothing_found_is_said_and_nothing_is_chosen(desktop: Visit) -> None:
    desktop.go("/")
    page = desktop.page
    page.get_by_role("combobox").fill("zzzz不存在的地方qqqq")
    expect(page.locator("#search-list")).to_contain_text("没有找到")
    expect(page.locator("#search-status")).to_contain_text("没有找到")
    page.keyboard.press("Enter")
    expect(page.locator("#here")).to_be_hidden()


def test_a_search_that_fails_says_so_and_works_again(desktop: Visit) -> None:
    desktop.go("/")
    page = desktop.page
    page.route("**/v1/suggest**", lambda request: request.abort())
    page.get_by_role("combobox").fill("试验A路")
    expect(page.locator("#search-list")).to_contain_text("连不上服务器")
    page.unroute_all()
    page.get_by_role("combobox").fill("试验A路1")
    expect(page.locator("#search-list [role=option]").first).to_be_visible()
    assert all("Failed to load resource" in text for text in desktop.complaints)
    desktop.complaints.clear()


def test_on_a_phone_a_tap_chooses(phone: Visit) -> None:
    phone.go("/")
    page = phone.page
    page.get_by_role("combobox").tap()
    page.get_by_role("combobox").fill("试验A路3")
    page.locator("#search-list [role=option]").first.tap()
    expect(page.locator("#here")).to_contain_text("示例·赵一")
    expect(page).to_have_url(re.compile(r"map=18/"))  # it has landed
    pin = page.locator(".pin-address").bounding_box()
    sheet = page.locator("#here").bounding_box()
    assert pin is not None
    assert sheet is not None
    assert 56 < pin["y"] < sheet["y"] - 20  # the sheet doesn't hide the place


LINES = """太原市小店区试验街道试验A路1号
试验B路2号
火星大街1号

=1+1
"""


def test_many_addresses_are_found_shown_and_taken_away(desktop: Visit) -> None:
    desktop.go("/geocode")
    page = desktop.page
    page.locator("#address-lines").fill(LINES)
    expect(page.locator("#line-count")).to_contain_text("4")
    page.locator("#geocode-start").click()
    expect(page.locator("#geocode-status")).to_contain_text("已完成 4 条")
    rows = page.locator("#result-rows tr")
    expect(rows).to_have_count(4)
    expect(rows.nth(0)).to_contain_text("已匹配")
    expect(rows.nth(0)).to_contain_text("试验A路1号")
    expect(rows.nth(2)).to_contain_text("未找到")
    page.locator("[data-filter=matched]").click()
    assert rows.count() < 4
    page.locator("[data-filter=all]").click()
    with page.expect_download() as download:
        page.locator("#result-download").click()
    lines = download.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == 5
    assert lines[0].startswith("row,address_text,status")
    assert lines[4].split(",")[1] == "'=1+1"  # no formula for a spreadsheet to run
    link = rows.nth(0).get_by_role("link").first.get_attribute("href")
    assert link is not None
    desktop.go(link)
    expect(page.locator("#here")).to_contain_text("试验A路1号")


def test_a_file_is_read_in_the_browser_column_and_all(desktop: Visit, tmp_path: Path) -> None:
    path = tmp_path / "名单.csv"
    path.write_bytes("编号,住址\n1,试验A路1号\n2,试验A路2号\n".encode("gb18030"))
    desktop.go("/geocode")
    page = desktop.page
    page.locator("#address-file").set_input_files(path)
    expect(page.locator("#address-column")).to_have_value("1")
    expect(page.locator("#line-count")).to_contain_text("2")
    expect(page.locator("#address-lines")).to_be_disabled()
    page.locator("#geocode-start").click()
    expect(page.locator("#result-rows tr")).to_have_count(2)
    page.locator("#file-remove").click()
    expect(page.locator("#address-lines")).to_be_enabled()


def test_what_cannot_be_read_is_refused_in_words(desktop: Visit, tmp_path: Path) -> None:
    desktop.go("/geocode")
    page = desktop.page
    page.locator("#geocode-start").click()
    expect(page.locator("#geocode-fault")).to_contain_text("还没有地址")
    path = tmp_path / "图片<b>.csv"
    path.write_bytes(bytes(range(256)) * 10)
    page.locator("#address-file").set_input_files(path)
    expect(page.locator("#geocode-fault")).to_contain_text("图片<b>.csv")
    # as pasting does; typing 20,000 lines into a box takes a browser minutes
    page.evaluate("document.getElementById('address-lines').value = '甲路1号\\n'.repeat(20001)")
    page.locator("#geocode-start").click()
    expect(page.locator("#geocode-fault")).to_contain_text("20,000")
