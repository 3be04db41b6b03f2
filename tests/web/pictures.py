"""Pictures and weights of a running demo city: `python -m tests.web.pictures URL`.

Writes into docs/pictures the map on a desk computer, a place seen from near and the map on a phone,
then one picture of each page in `PAGES`. Prints what the front page asks for [bytes as sent,
packed] on a first and on a second visit.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Request, sync_playwright

from geo.accounts.first import DEMO_PASSWORD
from tests.web.browsing import CHROMIUM, CHROMIUM_FLAGS, PHONE, Visit, visiting

DESKTOP: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}}
HOTSPOTS = "/#map=15/37.87500/112.58300&layers=basemap,hotspots&hotspots="
# path, file, demo account that sees it
PAGES = (
    ("/address", "address.jpg", "chief"),
    ("/duplicates", "duplicates.jpg", "chief"),
    (f"{HOTSPOTS}show.counts~kind.violence_fight", "hotspots.jpg", "chief"),
    (f"{HOTSPOTS}show.forecast~kind.theft", "hotspots_forecast.jpg", "chief"),
)
FOLDER = Path(__file__).parents[2] / "docs" / "pictures"


def sign_in(visit: Visit, name: str) -> None:
    given = {"name": name, "password": DEMO_PASSWORD}
    answer = visit.page.request.post(f"{visit.origin}/v1/session", data=given)
    assert answer.ok, answer.text()


def weigh(visit: Visit, screen: str) -> None:
    """Open the front page twice and print what came over the wire."""
    finished: list[Request] = []
    visit.page.on("requestfinished", lambda request: finished.append(request))
    for number in (1, 2):
        finished.clear()
        began = time.perf_counter()
        visit.go("/")
        took_s = time.perf_counter() - began
        visit.page.wait_for_timeout(500)
        sizes = [request.sizes() for request in list(finished)]
        sent = sum(size["responseBodySize"] + size["responseHeadersSize"] for size in sizes)
        sys.stdout.write(
            f"{screen}, visit {number}: {len(sizes)} files, {sent:,} bytes, {took_s:.1f} s\n"
        )


def take(visit: Visit, path: str, name: str) -> None:
    visit.go(path)
    visit.page.wait_for_selector(
        "html:not([data-hotspots=loading]):not([data-backtest=loading])",
        state="attached", timeout=90_000,
    )  # fmt: skip
    visit.page.wait_for_timeout(800)  # names are laid out tile by tile
    quality = {"type": "jpeg", "quality": 82} if name.endswith(".jpg") else {}
    visit.page.screenshot(path=FOLDER / name, **quality)
    visit.assert_clean()


def main(site: str) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    views: list[tuple[str, str, dict[str, Any]]] = [
        ("desk computer", "map.png", DESKTOP),
        ("phone", "map_phone.jpg", PHONE),
    ]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        for screen, name, options in views:
            with visiting(chromium, site, **options) as visit:
                sign_in(visit, "chief")
                weigh(visit, screen)
                take(visit, "/", name)
                if options is DESKTOP:
                    place = visit.page.evaluate("location.hash.match(/map=[^/]+([^&]+)/)[1]")
                    _, latitude, longitude = place.split("/")
                    take(visit, f"/#map=17{place}&at={longitude},{latitude}", "map_place.jpg")
        for path, name, account in PAGES:
            with visiting(chromium, site, **DESKTOP) as visit:
                sign_in(visit, account)
                take(visit, path, name)
        chromium.close()


if __name__ == "__main__":
    main(sys.argv[1].rstrip("/"))
