"""The map in a real browser: it works, and asks nobody but us."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.web.browsing import CHROMIUM, CHROMIUM_FLAGS, DESKTOP, PHONE, Visit, visiting

pytestmark = pytest.mark.browser

ON_GRID_A = "#map=18/37.87900/112.55100"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def desktop(browser: Browser, site: str) -> Iterator[Visit]:
    """A desk computer; the test fails if its page was not clean."""
    with visiting(browser, site, **DESKTOP) as visit:
        yield visit
        visit.assert_clean()


@pytest.fixture
def phone(browser: Browser, site: str) -> Iterator[Visit]:
    """A phone; the test fails if its page was not clean."""
    with visiting(browser, site, **PHONE) as visit:
        yield visit
        visit.assert_clean()


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
    def resolution() -> int:
        found = re.search(r"H3 第 (\d+) 级", text_of(desktop, "#density-summary"))
        assert found is not None
        return int(found[1])

    desktop.go("/#map=14/37.87900/112.55100")
    far = resolution()
    desktop.go("/#map=18/37.87900/112.55100")
    desktop.page.wait_for_function("document.querySelector('html').dataset.density === 'loaded'")
    assert resolution() > far


def test_layers_are_switched_and_stand_in_the_link(desktop: Visit) -> None:
    desktop.go("/")
    page = desktop.page
    for name, pane in (("density", "density"), ("basemap", "ground")):
        page.locator(f"input[data-layer={name}]").uncheck()
        desktop.settle()
        assert drawn_share(desktop, pane) == 0
    page.locator("input[data-layer=grids]").uncheck()
    page.wait_for_function("location.hash.includes('layers=') && !location.hash.includes('grids')")
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
