"""The page that shows what the engine makes of a text, in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.bad_texts import NO_ADDRESS
from tests.web.browsing import PHONE, Visit, visiting

pytestmark = pytest.mark.browser


def pieces(visit: Visit) -> list[tuple[str, str]]:
    """Text and label of each marked piece of the first reading."""
    found: list[list[str]] = (
        visit.page.locator(".reading")
        .first.locator(".piece")
        .evaluate_all(
            "nodes => nodes.map(node => [...node.children].map(child => child.textContent))"
        )
    )
    return [(texts[0], texts[1] if len(texts) > 1 else "") for texts in found]


def test_the_pieces_of_a_text_are_marked_and_labelled(desktop: Visit) -> None:
    desktop.go("/address")
    page = desktop.page
    box = page.get_by_label("地址（每行一条）")
    box.fill("😀余杭仓前文一西路１５００号六幢对面（电联）")
    box.press("Control+Enter")
    expect(page.locator(".reading")).to_have_count(1)
    assert pieces(desktop) == [
        ("😀", "未读懂"), ("余杭", "区县"), ("仓前", "街道乡镇"), ("文一西路", "道路"),
        ("１５００号", "门牌"), ("六幢", "楼栋"), ("对面", "方位"), ("（电联）", "附注"),
    ]  # fmt: skip
    reading = page.locator(".reading")
    expect(reading.locator(".standard-text")).to_have_text("余杭区仓前街道文一西路1500号6号楼")
    expect(reading).to_contain_text("浙江省杭州市余杭区仓前街道文一西路1500号6号楼")
    expect(reading).to_contain_text("330110012")
    expect(reading).to_contain_text("原文未写")
    expect(page.locator("#address-status")).to_have_text("已识别 1 条。")


def test_what_is_open_abolished_or_unread_is_said(desktop: Visit) -> None:
    desktop.go("/address")
    page = desktop.page
    texts = ["鼓楼区中山路1号", "杭州市江干区凯旋路1号", "完全不是地址", "路" * 501]
    page.locator("#address-texts").fill("\n".join(texts))
    page.locator("#address-start").click()
    readings = page.locator(".reading")
    expect(readings).to_have_count(4)
    expect(readings.nth(0)).to_contain_text("江苏省南京市鼓楼区 320106")
    expect(readings.nth(1)).to_contain_text("已撤销（用至 2021 年），今为 上城区 330102")
    expect(readings.nth(2)).to_contain_text("这里没有读出地址")
    expect(readings.nth(3)).to_contain_text("超过 500 个字符")


def test_text_that_tries_to_be_markup_stays_text(desktop: Visit) -> None:
    desktop.go("/address")
    page = desktop.page
    texts = [text for text in NO_ADDRESS.values() if text.isprintable() and text.strip()]
    page.locator("#address-texts").fill("\n".join(texts))
    page.locator("#address-start").click()
    expect(page.locator(".reading")).to_have_count(len(texts))
    expect(page.locator(".reading script, .reading img")).to_have_count(0)
    expect(page.locator("#readings")).to_contain_text("<script>")


def test_nothing_typed_and_too_many_are_said(desktop: Visit) -> None:
    desktop.go("/address?lang=en")
    page = desktop.page
    page.locator("#address-start").click()
    expect(page.locator("#address-fault")).to_have_text("There is no address yet. Type one first.")
    expect(page.locator("#address-texts")).to_be_focused()
    page.locator("#address-texts").fill("人民路1号\n" * 51)
    page.locator("#address-start").click()
    expect(page.locator("#address-fault")).to_contain_text("51 addresses, at most 50")
    page.locator("#address-texts").fill("人民路1号对面")
    page.locator("#address-start").click()
    expect(page.locator(".reading")).to_contain_text("Door number对面Position")
    expect(page.locator("#address-fault")).to_be_hidden()


def test_the_page_works_on_a_phone(browser: Browser, site: str) -> None:
    with visiting(browser, site, **PHONE) as visit:
        visit.go("/address")
        visit.page.locator("#address-texts").fill(
            "余杭仓前文一西路１５００号六幢三单元1001室" + "很长" * 60
        )
        visit.page.locator("#address-start").tap()
        expect(visit.page.locator(".reading")).to_have_count(1)
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390
        visit.assert_clean()
