"""Take the pictures of the docs from a running deployment: `python -m tests.web.pictures URL`.

Writes docs/pictures/map.png (a desk computer), map_place.png (a place, near) and map_phone.png.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from tests.web.browsing import CHROMIUM, CHROMIUM_FLAGS, DESKTOP, PHONE, Visit, visiting

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"


def take(visit: Visit, path: str, name: str) -> None:
    visit.go(path)
    visit.page.wait_for_timeout(800)  # names are laid out tile by tile
    visit.page.screenshot(path=FOLDER / name)
    visit.assert_clean()


def main(site: str) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        views: list[tuple[str, dict[str, Any]]] = [("map.png", DESKTOP), ("map_phone.png", PHONE)]
        for name, screen in views:
            with visiting(chromium, site, **screen) as visit:
                take(visit, "/", name)
                if name == "map.png":
                    place = visit.page.evaluate("location.hash.match(/map=[^/]+([^&]+)/)[1]")
                    _, latitude, longitude = place.split("/")
                    point = f"{longitude},{latitude}"
                    take(visit, f"/#map=17{place}&at={point}", "map_place.png")
        chromium.close()


if __name__ == "__main__":
    main(sys.argv[1].rstrip("/"))
