"""The map in a real browser: it works, and asks nobody but us."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.web.browsing import DESKTOP, PHONE, Visit, visiting
from tests.web.conftest import GRID_A, NASTY

pytestmark = pytest.mark.browser

ON_GRID_A = "#map=18/37.87900/112.55100"


def text_of(visit: Visit, selector: str) -> str:
    return visit.page.locator(selector).inner_text()


def drawn_share(visit: Visit, pane: str) -> float:
    """The share of pixels that are not empty on the canvases of a pane."""
    share: float = visit.page.evaluate(
        """(pane) => {
          let drawn = 0, all = 0;
          for (const canvas of document.querySelectorAll(`.leaflet-${pane}-pane canvas`)) {
            if (!canvas.width) continue;
            const pixels = canvas.getContext("2d")
              .getImageData(0, 0, canvas.width, canvas.height).data;
            for (let i = 3; i < pixels.length; i += 64) { all += 1; if (pixels[i]) drawn += 1; }
          }
          return all ? drawn / all : 0;
        }""",
        pane,
    )
    return share


def test_the_map_draws_ground_density_and_names_and_asks_no_other_host(desktop: Visit) -> None:
    desktop.go("/")
    assert drawn_share(desktop, "ground") > 0.002
    assert drawn_share(desktop, "density") > 0.02
    assert drawn_share(desktop, "names") > 0.002
    asked = " ".join(desktop.requests)
    for part in ("/v1/tiles/basemap/", "/v1/tiles/grids/", "/v1/layers/address-density"):
        assert part in asked
    # every request counted, of the page and of what it led to
    assert len(desktop.requests) >= 20


def test_the_legend_the_table_and_the_sum_tell_the_same_numbers(desktop: Visit) -> None:
    desktop.go("/")
    page = desktop.page
    assert "60 个地址" in text_of(desktop, "#density-summary")
    rows = page.locator("#legend-rows tr")
    cells = sum(int(n) for n in rows.locator("td:nth-child(3)").all_inner_texts())
    addresses = sum(int(n) for n in rows.locator("td:nth-child(4)").all_inner_texts())
    assert addresses == 60
    page.locator("#table-fold summary").click()
    expect(page.locator("#table-rows tr")).to_have_count(50)  # at first
    page.locator("#table-more").click()
    expect(page.locator("#table-rows tr")).to_have_count(cells)
    counts = page.locator("#table-rows td:nth-child(2)").all_inner_texts()
    assert sum(int(count) for count in counts) == 60
    assert counts == sorted(counts, key=int, reverse=True)
    page.locator("#method-fold summary").click()
    expect(page.locator("#method-fold")).to_contain_text("H3 第")
    with page.expect_download() as download:
        page.locator("#table-download").click()
    lines = download.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert lines[0] == "h3_cell,resolution,address_count,longitude,latitude"
    assert len(lines) == cells + 1


def test_hexagons_grow_finer_as_the_map_comes_nearer(desktop: Visit) -> None:
    desktop.go("/#map=14/37.87900/112.55100")
    expect(desktop.page.locator("#density-summary")).to_contain_text("H3 第 9 级")
    for zoom in (15, 16, 17, 18):
        desktop.page.locator(".leaflet-control-zoom-in").click()
        # A second click while the first still moves the map would be lost.
        expect(desktop.page).to_have_url(re.compile(rf"#map={zoom}/"))
        desktop.settle()
    expect(desktop.page.locator("#density-summary")).to_contain_text("H3 第 12 级")


def test_layers_are_switched_and_stand_in_the_link(desktop: Visit) -> None:
    desktop.go("/")
    page = desktop.page
    for name, pane in (("density", "density"), ("basemap", "ground")):
        page.locator(f"input[data-layer={name}]").uncheck()
        desktop.settle()
        assert drawn_share(desktop, pane) == 0
    page.locator("input[data-layer=grids]").uncheck()
    expect(page).not_to_have_url(re.compile(r"layers=.*grids"))
    page.wait_for_timeout(300)
    assert drawn_share(desktop, "names") == 0
    assert "已关闭" in text_of(desktop, "#density-summary")
    page.locator("input[data-layer=density]").check()
    expect(page.locator("#density-summary")).to_contain_text("60 个地址")


def test_a_link_shows_the_same_view_to_another_person(
    browser: Browser, site: str, desktop: Visit
) -> None:
    desktop.go("/#map=17/37.87900/112.55100&layers=basemap,grids&at=112.55090,37.87890")
    page = desktop.page
    expect(page.locator("input[data-layer=density]")).not_to_be_checked()
    expect(page.locator("#here")).to_be_visible()
    link = page.evaluate("location.hash")
    with visiting(browser, site, **DESKTOP) as other:
        other.go(f"/{link}")
        assert other.page.evaluate("location.hash") == link
        expect(other.page.locator("#here")).to_be_visible()
        other.assert_clean()


@pytest.mark.parametrize(
    "hash_text",
    ["#map=99/0/0", "#map=x/y/z&at=,", "#at=999,999", "#layers=<script>", "#map=16/91/181", "#%"],
)
def test_a_spoilt_link_opens_the_whole_district(desktop: Visit, hash_text: str) -> None:
    desktop.go(f"/{hash_text}")
    zoom, latitude, _ = desktop.page.evaluate(
        "location.hash.match(/map=([^&]+)/)[1].split('/').map(Number)"
    )
    assert zoom >= 14
    assert latitude == pytest.approx(37.8785, abs=0.001)
    expect(desktop.page.locator("#here")).to_be_hidden()


def test_the_other_language_keeps_the_view(desktop: Visit) -> None:
    desktop.go("/#map=17/37.87900/112.55100&layers=basemap,grids")
    desktop.page.locator("#language-link").click()
    desktop.page.wait_for_selector("html[lang=en][data-ready=true]", state="attached")
    assert "map=17/37.87900/112.55100&layers=basemap,grids" in desktop.page.url
    assert text_of(desktop, "#layers-title") == "Layers"
    desktop.go("/")  # remembered
    assert text_of(desktop, "#layers-title") == "Layers"


def test_a_click_tells_what_is_here(desktop: Visit) -> None:
    desktop.go(f"/{ON_GRID_A}")
    page = desktop.page
    page.locator("#map_gridbeat").click(position={"x": 500, "y": 400})
    here = page.locator("#here")
    expect(here).to_contain_text("最近的标准地址")
    expect(here).to_contain_text("示例·赵一")
    expect(here).to_contain_text(GRID_A)
    expect(here).to_contain_text("第一社区")
    assert "at=" in page.url
    page.keyboard.press("Escape")
    expect(here).to_be_hidden()
    assert "at=" not in page.url


def test_a_point_outside_all_grids_says_so(desktop: Visit) -> None:
    desktop.go("/#map=16/37.95000/112.65000&at=112.65,37.95")
    here = desktop.page.locator("#here")
    expect(here).to_contain_text("附近没有标准地址")
    expect(here).to_contain_text("此处不在任何网格内")
    expect(desktop.page.locator("#density-summary")).to_contain_text("没有标准地址")


def test_names_that_try_to_be_markup_stay_text(desktop: Visit) -> None:
    desktop.go("/#map=18/37.87900/112.55100&at=112.551,37.879")
    expect(desktop.page.locator("#here")).to_contain_text(NASTY)
    assert desktop.page.locator("#here img, #here script").count() == 0
    # the same names have gone through the tiles on to the canvas; a dialog would be noted


def test_everything_is_reached_from_the_keyboard(desktop: Visit) -> None:
    desktop.go(f"/{ON_GRID_A}")
    page = desktop.page
    page.keyboard.press("Tab")
    assert focused(desktop) == "skip-link"
    page.keyboard.press("Enter")
    assert focused(desktop) == "search-input"
    seen = []
    for _ in range(30):
        page.keyboard.press("Tab")
        seen.append(focused(desktop))
        if seen[-1] == "map_gridbeat":
            break
    for name in ("basemap", "density", "grids", "copy-link", "print-page", "map_gridbeat"):
        assert name in seen, seen
    page.keyboard.press("Enter")  # on the map: what is at its centre
    expect(page.locator("#here")).to_contain_text("示例·赵一")
    assert focused(desktop) == "here"
    page.keyboard.press("Escape")
    expect(page.locator("#here")).to_be_hidden()
    assert focused(desktop) == "map_gridbeat"
    before = page.url
    page.keyboard.press("ArrowRight")
    expect(page).not_to_have_url(before)


def focused(visit: Visit) -> str:
    name: str = visit.page.evaluate(
        "(e => e.id || e.dataset.layer || e.className || e.tagName)(document.activeElement)"
    )
    return name


def test_on_a_phone_the_panel_is_a_sheet_with_room_for_fingers(phone: Visit) -> None:
    phone.go("/")
    page = phone.page
    area = page.locator("#map-area").bounding_box()
    handle = page.locator("#panel-handle").bounding_box()
    assert area is not None and handle is not None
    assert area["width"] == 390
    assert handle["y"] > 700
    expect(page.locator("#sheet-summary")).to_contain_text("60 个地址")
    page.locator("#panel-handle").tap()
    expect(page.locator("#panel-handle")).to_have_attribute("aria-expanded", "true")
    expect(page.locator("#legend-table")).to_be_in_viewport()
    small = page.evaluate(SMALL_TARGETS)
    assert small == []
    page.locator("#panel-handle").tap()
    page.locator("#map_gridbeat").tap(position={"x": 195, "y": 300})
    expect(page.locator("#here")).to_contain_text("H3")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_on_a_phone_the_other_pages_are_behind_a_button(phone: Visit) -> None:
    phone.go("/")
    page = phone.page
    nav = page.get_by_role("navigation", name="页面")
    expect(nav).to_be_hidden()
    page.get_by_role("button", name="页面").tap()
    expect(nav).to_be_visible()
    assert page.evaluate(SMALL_TARGETS) == []
    nav.get_by_text("事务").tap()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(nav).to_be_hidden()
    page.get_by_role("button", name="页面").tap()
    nav.get_by_text("事务").tap()
    nav.get_by_role("link", name="待核查").tap()
    expect(page).to_have_url(re.compile("/due"))


SMALL_TARGETS = """() =>
  [...document.querySelectorAll("a, button, label, summary, input[type=text]")]
  .filter((e) => e.checkVisibility() && !e.closest(".visually-hidden, .skip-link"))
  .map((e) => [e.id || e.className || e.textContent, e.getBoundingClientRect()])
  .filter(([, box]) => box.width > 1 && (box.height < 42 || box.width < 42))
  .map(([name, box]) => `${name} ${box.width}x${box.height}`)"""


def test_an_empty_store_is_an_honest_map(browser: Browser, empty_site: str) -> None:
    with visiting(browser, empty_site, **DESKTOP) as visit:
        visit.go("/")
        assert "没有标准地址" in text_of(visit, "#density-summary")
        expect(visit.page.locator("#legend-table")).to_be_hidden()
        assert visit.page.locator(".panel .note:visible").count() == 3
        visit.assert_clean()


def test_a_failing_api_is_said_and_tried_again(browser: Browser, site: str) -> None:
    with visiting(browser, site, **DESKTOP) as visit:
        page = visit.page
        for pattern in ("**/v1/layers/**", "**/v1/tiles/basemap/**"):
            page.route(pattern, lambda request: request.fulfill(status=503, body="{}"))
        visit.go("/")
        expect(page.locator("#notice")).to_contain_text("底图或网格读取失败")
        expect(page.locator("#notice")).to_contain_text("503")
        page.unroute_all()
        page.locator("#notice-retry").click()
        expect(page.locator("#density-summary")).to_contain_text("60 个地址")
        expect(page.locator("#notice")).to_be_hidden()
        visit.settle()
        assert drawn_share(visit, "ground") > 0.002


def test_without_a_network_the_page_says_so(browser: Browser, site: str) -> None:
    with visiting(browser, site, **DESKTOP) as visit:
        visit.go("/")
        visit.page.route("**/v1/locate**", lambda request: request.abort())
        visit.page.locator("#map_gridbeat").click(position={"x": 500, "y": 400})
        expect(visit.page.locator("#here")).to_contain_text("连不上服务器")
        visit.page.unroute_all()
        visit.page.locator("#here button", has_text="重试").click()
        expect(visit.page.locator("#here")).to_contain_text("最近的标准地址")


def test_a_page_printed_shows_map_and_legend_and_no_controls(desktop: Visit) -> None:
    desktop.go("/")
    desktop.page.emulate_media(media="print")
    for selector in ("#map_gridbeat", "#legend-table"):
        expect(desktop.page.locator(selector)).to_be_visible()
    for selector in ("#search-input", ".leaflet-control-zoom", "#print-page"):
        expect(desktop.page.locator(selector)).to_be_hidden()


def test_a_phone_can_ask_what_is_where_it_stands(browser: Browser, site: str) -> None:
    place = {"latitude": 37.879, "longitude": 112.551, "accuracy": 20}
    granted = {**PHONE, "geolocation": place, "permissions": ["geolocation"]}
    with visiting(browser, site, **granted) as visit:
        visit.go("/")
        visit.page.locator(".my-place a").tap()
        expect(visit.page.locator("#here")).to_contain_text("示例·赵一")
        expect(visit.page.locator("#tool-status")).to_contain_text("误差约 20 米")
        visit.assert_clean()
    with visiting(browser, site, **PHONE) as visit:
        visit.go("/")
        visit.page.locator(".my-place a").tap()
        expect(visit.page.locator(".leaflet-popup")).to_contain_text("没有得到定位许可")
        visit.assert_clean()
