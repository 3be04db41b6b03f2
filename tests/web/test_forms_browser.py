"""The pages with forms in a real browser: imports, and the places of many addresses."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.web.browsing import DESKTOP, PHONE, visiting

pytestmark = pytest.mark.browser

ROWS = """编号,详细地址,经度,纬度
1,山西省太原市小店区试验街道进口路1号,112.5501,37.8795
2,山西省太原市小店区试验街道进口路2号,112.5502,37.8795
3,,112.5503,37.8795
"""


@pytest.fixture
def address_file(tmp_path: Path) -> Path:
    path = tmp_path / "地址<b>.csv"
    path.write_text(ROWS, encoding="utf-8")
    return path


def test_a_file_is_tried_and_then_imported(
    browser: Browser, empty_site: str, address_file: Path
) -> None:
    with visiting(browser, empty_site, **DESKTOP) as visit:
        page = visit.page
        visit.go("/imports")
        expect(page.locator("#jobs-status")).to_contain_text("还没有导入任务")
        page.locator("#import-kind").select_option("addresses")
        page.locator("#import-file").set_input_files(address_file)
        page.locator("#import-source").fill("测试")
        page.locator("#import-datum").fill("WGS84")
        page.locator("button[value=try]").click()
        expect(page.locator("#import-trial")).to_contain_text("详细地址")
        expect(page.locator("#jobs li")).to_have_count(0)
        page.locator("button[value=run]").click()
        job = page.locator("#jobs .job-done")
        expect(job).to_contain_text("地址<b>.csv", timeout=20_000)
        expect(job).to_contain_text("失败 1 行")
        job.locator("summary").click()
        expect(job.locator(".report")).to_contain_text("地址为空")
        expect(job.locator(".report")).not_to_contain_text("empty")
        with page.expect_download() as download:
            job.locator("a", has_text="failures.csv").click()
        assert "3" in download.value.path().read_text(encoding="utf-8-sig")
        visit.assert_clean()


def test_a_wrong_datum_is_said_in_words(
    browser: Browser, empty_site: str, address_file: Path
) -> None:
    with visiting(browser, empty_site, **PHONE) as visit:
        page = visit.page
        visit.go("/imports")
        page.locator("#import-kind").select_option("addresses")
        page.locator("#import-file").set_input_files(address_file)
        page.locator("#import-source").fill("测试")
        page.locator("#import-datum").fill("火星")
        page.locator("button[value=run]").click()
        expect(page.locator("#import-fault")).to_contain_text("坐标系无法识别或不相符")
        expect(page.locator("#import-fault")).to_contain_text("火星")
        expect(page.locator("#jobs li")).to_have_count(0)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert visit.policy_violations == []


def test_fields_follow_the_kind(browser: Browser, site: str) -> None:
    with visiting(browser, site, **DESKTOP) as visit:
        visit.go("/imports")
        expect(visit.page.locator("#import-valid-from")).to_be_visible()
        visit.page.locator("#import-kind").select_option("addresses")
        expect(visit.page.locator("#import-valid-from")).to_be_hidden()
        visit.page.locator("#import-kind").select_option("grids")
        expect(visit.page.locator("#import-valid-from")).to_be_visible()
        visit.page.locator("#import-kind").select_option("basemap")
        expect(visit.page.locator("#import-attribution")).to_be_visible()
        visit.assert_clean()


def test_a_table_of_areas_needs_no_datum(browser: Browser, empty_site: str, tmp_path: Path) -> None:
    path = tmp_path / "areas.csv"
    path.write_text("code,name,level\n140000,山西省,province\n", encoding="utf-8")
    with visiting(browser, empty_site, **DESKTOP) as visit:
        page = visit.page
        visit.go("/imports")
        page.locator("#import-file").set_input_files(path)
        page.locator("#import-source").fill("测试")
        page.locator("#import-valid-from").fill("2026-01-01")
        page.locator("button[value=run]").click()
        expect(page.locator("#jobs .job-done")).to_contain_text("areas.csv", timeout=20_000)
        visit.assert_clean()


@pytest.mark.parametrize(
    "page", ["/", "/geocode", "/address", "/review", "/duplicates", "/exports", "/imports"]
)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_page_is_wider_than_a_phone(
    browser: Browser, site: str, page: str, language: str
) -> None:
    with visiting(browser, site, **PHONE) as visit:
        visit.go(f"{page}?lang={language}")
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390
        visit.assert_clean()
