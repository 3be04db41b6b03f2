"""The layer of hotspots on the map: chosen, read, slid through, judged, linked to, by keyboard."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from geo.h3_cells import lonlat_to_h3_cell
from geo.incidents.categories import CategoryRow, load_categories
from geo.settings import Settings
from geo.store.cluster import EmbeddedCluster
from geo.tables import Incident
from tests.conftest import copied_database
from tests.signed_in import caller_of, signed_in
from tests.web.browsing import DESKTOP, PHONE, Visit, visiting
from tests.web.conftest import GRID_A, serve, settle, stop
from web.app import create_app

pytestmark = pytest.mark.browser

NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
DAYS = 280
# Longitude, latitude and how many a week: two busy places, a quiet one, one with hardly anything.
PLACES = ((112.5508, 37.8788, 5), (112.5533, 37.8795, 3), (112.5512, 37.8802, 1))
LAYER = "/#map=16/37.87900/112.55100&layers=basemap,hotspots"


def incidents() -> Iterator[Incident]:
    """Thefts every week at the busy places, three thefts of bikes at one that has nothing else,
    one dispute."""
    moments = [
        (lon, lat, timedelta(days=7 * week + 7 * k / each, hours=3 * k), "theft")
        for lon, lat, each in PLACES
        for week in range(DAYS // 7)
        for k in range(each)
    ]
    moments += [(112.5560, 37.8775, timedelta(days=10 + k), "theft.bike") for k in range(3)]
    moments += [(112.5508, 37.8788, timedelta(days=4), "dispute")]
    for lon, lat, ago, category in moments:
        at = NOW - ago
        yield Incident(
            category_code=category, source="resident_reported", status="closed", reported_at=at,
            occurred_from=at, occurred_to=at, dataset="test", recorded_by="test",
            point_method="given", geom=f"SRID=4326;POINT({lon} {lat})", grid_code=GRID_A,
            h3_cell=int(lonlat_to_h3_cell(lon, lat)),
        )  # fmt: skip


@pytest.fixture(scope="module")
def place(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with copied_database(cluster) as database:
        with database.session() as session:
            settle(session)
            load_categories(
                session,
                [
                    CategoryRow("theft", "盗窃", name_en="Theft"),
                    CategoryRow("theft.bike", "盗窃电动车", "theft", "Theft of bikes"),
                    CategoryRow("dispute", "纠纷", name_en="Disputes"),
                ],
            )
            session.add_all(incidents())
        app = create_app(Settings(data_folder=tmp_path_factory.mktemp("hot"), demo=False), database)
        serving = serve(signed_in(app, caller_of("chief")))
        yield serving.url
        stop(serving)


def loaded(page: Page, what: str = "hotspots") -> None:
    page.wait_for_timeout(200)  # a question is asked when the map has rested
    page.wait_for_selector(f"html[data-{what}=loaded]", state="attached")


def last_asked(visit: Visit, what: str = "/v1/layers/hotspots?") -> str:
    return next(url for url in reversed(visit.requests) if what in url)


def answer_of(visit: Visit) -> Any:
    """What the API answers to the page's last question."""
    return json.loads(visit.page.request.get(last_asked(visit)).text())


def number(text: str) -> float:
    return float(text.replace(",", ""))


def legend(page: Page) -> list[tuple[str, str, str, str]]:
    """Class, words, cells and incidents of each row."""
    return [
        (
            row.get_attribute("data-class") or "",
            row.locator("th").inner_text(),
            row.locator("td").nth(1).inner_text(),
            row.locator("td").nth(2).inner_text(),
        )
        for row in page.locator("#hot-legend-rows tr").all()
    ]


def test_pickers_choose_and_the_legend_counts_what_the_api_says(
    browser: Browser, place: str
) -> None:
    with visiting(browser, place, **DESKTOP) as visit:
        page = visit.page
        visit.go("/#map=16/37.87900/112.55100")
        expect(page.locator("#hot-block")).to_be_hidden()
        page.locator("input[data-layer=hotspots]").check()
        loaded(page)
        expect(page.locator("input[data-layer=density]")).not_to_be_checked()
        answer = answer_of(visit)
        cells = [feature["properties"] for feature in answer["features"]]
        told = [cell for cell in cells if not cell["is_too_few"]]
        assert told and len(told) < len(cells)
        rows = legend(page)
        assert sum(int(row[2]) for row in rows if row[0] == "range") == len(told)
        assert sum(number(row[3]) for row in rows if row[0] == "range") == sum(
            cell["count"] for cell in told
        )
        # Too few for a colour: hatched, counted as cells, and nowhere as a number.
        few = page.locator("#hot-legend-rows tr[data-class=few]")
        expect(few.locator(".swatch-few")).to_be_visible()
        expect(few.locator("td").nth(1)).to_have_text(str(len(cells) - len(told)))
        page.locator("#hot-table-fold summary").click()
        expect(page.locator("#hot-table-rows tr")).to_have_count(len(cells))
        expect(page.locator("#hot-table-rows")).to_contain_text("少于 5")
        with page.expect_download() as download:
            page.locator("#hot-download").click()
        lines = download.value.path().read_text(encoding="utf-8-sig").splitlines()
        assert len(lines) == len(cells) + 1

        before = page.locator("#hot-summary").inner_text()
        page.locator("#hot-category").select_option("theft.bike")
        loaded(page)
        assert "category=theft.bike" in last_asked(visit)
        expect(page.locator("#hot-summary")).to_contain_text("共 3 起")
        assert page.locator("#hot-summary").inner_text() != before
        # What is too little for a rate is said, and is no fault of the map.
        page.locator("#hot-category").select_option("")
        for measure in ("rate", "risk", "gi", "moran", "change", "density"):
            page.locator("#hot-measure").select_option(measure)
            loaded(page)
            found = answer_of(visit)["features"]
            assert sum(int(row[2]) for row in legend(page)) == len(found), measure
        # By grid, with its name; a density is drawn on hexagons only.
        expect(page.locator("#hot-by")).to_be_disabled()
        page.locator("#hot-measure").select_option("rate")
        page.locator("#hot-by").select_option("grid")
        page.locator("#hot-per").select_option("km2")
        loaded(page)
        assert "by=grid" in last_asked(visit) and "per=km2" in last_asked(visit)
        expect(page.locator("#hot-table-rows tr")).to_have_count(1)
        expect(page.locator("#hot-table-rows th")).to_contain_text("第一网格")
        assert "by.grid~per.km2" in page.evaluate("location.hash")
        # What officers found is weighed by presence where that is known: by grid.
        page.locator(".hot-narrow summary").click()
        expect(page.locator("#hot-presence")).to_be_disabled()
        page.locator("#hot-sources").check()
        expect(page.locator("#hot-presence")).to_be_enabled()
        loaded(page)
        assert "all_sources=true" in last_asked(visit)
        expect(page.locator("#hot-narrowed")).to_contain_text("含主动发现")
        expect(page.locator("#notice")).to_be_hidden()
        expect(page.locator("#notice")).to_be_hidden()
        visit.assert_clean()


def test_the_slider_changes_the_period_and_a_link_shows_it_again(
    browser: Browser, place: str
) -> None:
    with visiting(browser, place, **DESKTOP) as visit:
        page = visit.page
        visit.go(f"{LAYER}&hotspots=show.counts~kind.theft~weekdays.1236~hours.22-6")
        loaded(page)
        page.locator("#hot-time-toggle").click()
        loaded(page)
        first = last_asked(visit)
        assert "weekdays=1%2C2%2C3%2C6" in first and "hours=22-6" in first
        shown = page.locator("#hot-window-text").inner_text()
        page.locator("#hot-slider").focus()
        page.keyboard.press("ArrowLeft")
        expect(page.locator("#hot-window-text")).not_to_have_text(shown)
        loaded(page)
        assert last_asked(visit) != first
        page.locator("#hot-step-on").click()
        expect(page.locator("#hot-window-text")).to_have_text(shown)
        loaded(page)
        # The same colours for the same numbers in each window.
        assert legend(page)[0][1].startswith("200")
        link, rows = page.evaluate("location.hash"), legend(page)
        assert "window.month" in link
        visit.assert_clean()
    with visiting(browser, place, **DESKTOP, reduced_motion="reduce") as visit:
        page = visit.page
        visit.go(f"/{link}")
        loaded(page)
        assert legend(page) == rows
        expect(page.locator("#hot-window-text")).to_have_text(shown)
        expect(page.locator("#hot-category")).to_have_value("theft")
        expect(page.locator("#hot-hours")).to_have_value("22-6")
        assert page.evaluate("location.hash") == link
        expect(page.locator("#hot-play")).to_be_hidden()  # who asks for less motion steps by hand
        visit.assert_clean()


def test_a_forecast_stands_beside_its_backtest_on_a_phone(browser: Browser, place: str) -> None:
    with visiting(browser, place, **PHONE) as visit:
        page = visit.page
        visit.go(f"{LAYER.replace('/#', '/?lang=en#')}&hotspots=show.forecast~ahead.7")
        loaded(page)
        loaded(page, "backtest")
        page.locator("#panel-handle").click()
        expect(page.locator("#hot-backtest")).to_be_visible()
        expect(page.locator("#hot-time-toggle")).to_be_disabled()
        told = json.loads(page.request.get(last_asked(visit, "/hotspots/backtest?")).text())
        for score in told["scores"]:
            row = page.locator(f"#hot-backtest-rows tr[data-method={score['method']}]")
            expect(row.locator("td").first).to_contain_text(f"{score['pai']:.3g}")
            if score["method"] != "random":
                expect(row.locator(".hot-range")).to_contain_text("–")
        expect(page.locator("#hot-backtest-sentence")).to_have_text(told["sentence"])
        is_default = told["offered_default"] == "forecast"
        assert page.locator("#hot-backtest-offer").is_visible() != is_default
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        visit.assert_clean()


def test_a_cell_speaks_to_the_keyboard(browser: Browser, place: str) -> None:
    with visiting(browser, place, **DESKTOP) as visit:
        page = visit.page
        visit.go(f"{LAYER}&hotspots=show.risk")
        loaded(page)
        page.locator("#hot-table-fold summary").click()
        button = page.locator("#hot-table-rows button").first
        code = button.inner_text()
        button.focus()
        page.keyboard.press("Enter")
        bubble = page.locator(".hot-bubble")
        expect(bubble).to_contain_text(code)
        expect(bubble).to_contain_text("95 % 区间")
        loaded(page)
        assert f"cell.{code}" in page.evaluate("location.hash")
        page.keyboard.press("Escape")
        expect(bubble).to_have_count(0)
        expect(page.locator(f"[data-place='{code}']")).to_be_focused()
        # The middle of the map, by Enter.
        page.locator("#map_gridbeat").focus()
        page.keyboard.press("Enter")
        expect(bubble).to_contain_text(code)
        expect(page.locator("#here")).to_be_hidden()
        visit.assert_clean()
