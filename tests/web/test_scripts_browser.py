"""Our scripts' pure parts, tried in the browser that runs them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.web.browsing import DESKTOP, visiting
from web.assets import load_assets

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page(browser: Browser, site: str) -> Iterator[Page]:
    """One page for all: what is called here leaves nothing behind."""
    with visiting(browser, site, **DESKTOP) as visit:
        visit.go("/geocode")
        yield visit.page
        visit.assert_clean()


@pytest.fixture
def call(page: Page) -> Any:
    """Call an exported function of one of our modules: call("classes", "classesOf", [1, 5], 9)."""

    def called(module: str, function: str, *arguments: Any) -> Any:
        return page.evaluate(
            "async ([url, name, given]) => (await import(url))[name](...given)",
            [load_assets().url(f"js/{module}.js"), function, list(arguments)],
        )

    return called


def test_classes_have_no_gap_and_end_at_the_largest(call: Any) -> None:
    classes = call("classes", "classesOf", [1, 5, 20, 100], 340)
    assert [(one["from"], one["to"]) for one in classes] == [(3, 4), (5, 19), (20, 99), (100, 340)]
    assert len({one["colour"] for one in classes}) == 4
    # the first class is the palest, the last the darkest, however many there are
    assert classes[0]["colour"] == "#ffffcc"
    assert classes[-1]["colour"] == "#1e2f86"
    for count, place in ((2, -1), (3, 0), (4, 0), (5, 1), (99, 2), (100, 3), (340, 3)):
        assert call("classes", "classOf", count, classes) == place


def test_classes_of_little_and_of_nothing(call: Any) -> None:
    assert call("classes", "classesOf", [], 0) == []
    assert call("classes", "classesOf", [1], 2) == []  # all too few for a class
    assert [c["from"] for c in call("classes", "classesOf", [1, 2], 7)] == [3]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("a,b\n1,2\n", [["a", "b"], ["1", "2"]]),
        ("a\tb\r\n1\t2", [["a", "b"], ["1", "2"]]),
        ('地址;备注\n"甲路1号;2室";"他说""好"""', [["地址", "备注"], ["甲路1号;2室", '他说"好"']]),
        ('a,b\n"两\n行",2', [["a", "b"], ["两\n行", "2"]]),
        ("a,b\n\n,\n1,2", [["a", "b"], ["1", "2"]]),
        ('a,b\n"没有结束的引号,2', [["a", "b"], ["没有结束的引号,2"]]),
        ("", []),
    ],
)
def test_a_table_is_read_as_it_was_written(call: Any, text: str, rows: list[list[str]]) -> None:
    assert call("table_file", "parseTable", text) == rows


def test_the_column_of_addresses_is_found_by_name_or_by_looking(call: Any) -> None:
    named = [["编号", "详细地址", "备注说明文字"], ["1", "甲路1号", "这里的备注比地址还要长得多"]]
    assert call("table_file", "guessAddressColumn", named, True) == 1
    unnamed = [["1", "山西省太原市小店区甲路1号", "好"], ["2", "山西省太原市小店区乙路2号", "好"]]
    assert call("table_file", "guessAddressColumn", unnamed, False) == 1
    assert call("table_file", "guessAddressColumn", [], True) == 0


def test_text_is_read_in_the_encodings_of_real_files(page: Page) -> None:
    url = load_assets().url("js/table_file.js")
    for encoding in ("utf-8", "utf-8-sig", "gb18030", "gbk"):
        decoded = page.evaluate(
            "async ([url, bytes]) => (await import(url)).decodeText(new Uint8Array(bytes))",
            [url, list("小店区𠮷祥路1号".replace("𠮷", "吉").encode(encoding))],
        )
        assert decoded == "小店区吉祥路1号"
    broken = page.evaluate(
        "async ([url, bytes]) => (await import(url)).decodeText(new Uint8Array(bytes))",
        [url, [0xFF, 0xFE, 0x00, 0xFF]],
    )
    assert broken is None


def test_what_a_spreadsheet_takes_for_a_formula_gets_an_apostrophe(call: Any) -> None:
    values = ["=1+1", "+86", "-3", "@x", "a,b", 'say "x"', -3.5, None, "\t=1"]
    assert call("dom", "csvLine", values) == (
        '\'=1+1,\'+86,\'-3,\'@x,"a,b","say ""x""",-3.5,,\'\t=1'
    )


@pytest.mark.parametrize(
    ("hash_text", "view"),
    [
        (
            "#map=16/37.9/112.5&layers=grids,<b>&at=112.5,37.9",
            {"zoom": 16, "centre": [37.9, 112.5], "layers": ["grids"],
             "point": {"lon": 112.5, "lat": 37.9}},
        ),
        ("#map=16/0/0", {}),
        ("#map=99/37.9/112.5", {}),
        ("#layers=", {"layers": []}),
        ("", {}),
    ],
)  # fmt: skip
def test_a_link_is_read_and_what_is_unsound_in_it_left_out(
    call: Any, hash_text: str, view: dict[str, Any]
) -> None:
    assert call("view_link", "readHash", hash_text) == view


def test_stamps_are_laid_over_one_another_and_cut_at_the_border(page: Page) -> None:
    pixels = page.evaluate(
        """async (url) => {
          const { PixelBoard, pixelsOf } = await import(url);
          const stamp = (colour) => {
            const canvas = Object.assign(document.createElement("canvas"), { width: 4, height: 2 });
            const context = canvas.getContext("2d");
            context.fillStyle = colour;
            context.fillRect(1, 0, 2, 2);  // a clear column on either side
            return pixelsOf(canvas);
          };
          const board = new PixelBoard();
          board.wipe({ width: 3, height: 3 });
          board.lay(stamp("rgb(255 0 0)"), -2, -1);  // only its last column, and its lower row
          board.lay(stamp("rgb(255 0 0)"), 0, 1);
          board.lay(stamp("rgb(0 0 255 / .5)"), 1, 2);  // half over the one before
          board.lay(stamp("rgb(0 255 0)"), 40, 40);
          return [...board.pixels].map((each) => each.toString(16).padStart(8, "0"));
        }""",
        load_assets().url("js/pixel_stamps.js"),
    )  # alpha, blue, green, red
    red, clear = "ff0000ff", "00000000"
    assert pixels[:8] == [red, clear, clear, clear, red, red, clear, red]
    mixed = [int(pixels[8][at : at + 2], 16) for at in (0, 2, 4, 6)]
    assert mixed[0] == 255
    assert mixed[1:] == pytest.approx([128, 0, 127], abs=1)
