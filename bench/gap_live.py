"""From a position sent over HTTP to the gap board in a browser: the whole way, as a person has it.

A fresh demo city is served, its chief looks at `/gaps` in Chromium, and one car moves: a phone's
position is posted, and the time is taken at which the page has drawn a board with the car there.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import BrowserContext, Page, sync_playwright

from bench.scratch import scratch_folder
from geo.accounts.first import DEMO_PASSWORD

START_MAX_S, SEEN_MAX_S = 900.0, 10.0
STEP_M, PAUSE_S = 80.0, (2.0, 4.0)  # between 20 and 40 m/s: a car in a hurry, and no jump
CHROMIUM = "/usr/bin/chromium"
NEAR_DEG = 2e-6
# Each board of the stream, at the time at which the page has drawn it.
WATCH = """
window.boards = [];
const Stream = window.EventSource;
window.EventSource = class extends Stream {
  constructor(...given) {
    super(...given);
    this.addEventListener("gaps", (event) => {
      const units = JSON.parse(event.data).units.map((unit) => [unit.unit_id, unit.lon, unit.lat]);
      requestAnimationFrame(() => setTimeout(() => window.boards.push([Date.now() / 1000, units])));
    });
  }
};
"""


def end_to_end_s(moves: int) -> tuple[list[float], int]:
    """Return the times from each position to the browser [s], and how many were not seen within
    `SEEN_MAX_S`."""
    with scratch_folder() as folder, _served(folder) as site, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        context = chromium.new_context(base_url=site)
        context.set_default_timeout(120_000)
        context.add_init_script(WATCH)
        given = {"name": "chief", "password": DEMO_PASSWORD}
        assert context.request.post("/v1/session", data=given).ok
        unit, place, token = _car(context)
        page = context.new_page()
        _send(site, token, place)  # heard of: it counts from now on
        page.goto("/gaps")
        end = time.time() + 120
        while not page.evaluate("window.boards.length") and time.time() < end:
            time.sleep(0.2)
        found = _drive(page, site, unit, place, token, moves)
        chromium.close()
    return found


def _drive(
    page: Page, site: str, unit: int, place: tuple[float, float], token: str, moves: int
) -> tuple[list[float], int]:
    random = np.random.default_rng(5)
    took: list[float] = []
    missed = 0
    lon, lat = place
    for number in range(moves + 3):
        time.sleep(random.uniform(*PAUSE_S))
        heading = random.uniform(0, 2 * np.pi)
        lon = round(lon + STEP_M * float(np.cos(heading)) / 88_000, 6)
        lat = round(lat + STEP_M * float(np.sin(heading)) / 111_000, 6)
        sent = time.time()
        _send(site, token, (lon, lat))
        seen = _seen(page, unit, lon, lat, sent)
        if number < 3:
            continue  # what is compiled and loaded once
        if seen is None:
            missed += 1
        else:
            took.append(seen - sent)
    return took, missed


def _seen(page: Page, unit: int, lon: float, lat: float, sent: float) -> float | None:
    """When a board with the unit there was drawn."""
    while time.time() < sent + SEEN_MAX_S:
        boards: list[Any] = page.evaluate("window.boards.splice(0)")
        for at, units in boards:
            for number, x, y in units:
                if number == unit and abs(x - lon) < NEAR_DEG and abs(y - lat) < NEAR_DEG:
                    return float(at)
        time.sleep(0.05)
    return None


def _car(context: BrowserContext) -> tuple[int, tuple[float, float], str]:
    """A car on duty that is free: its number, its home, and the token of a phone of its own."""
    end = time.time() + 300
    while time.time() < end:
        board = context.request.get("/v1/gaps").json()["board"]
        for unit in board["units"]:
            if unit["kind"] == "car" and unit["why_not"] in {None, "silent"} and unit["lon"]:
                made = context.request.post(f"/v1/units/{unit['unit_id']}/devices", data={})
                assert made.ok, made.text()
                return unit["unit_id"], (unit["lon"], unit["lat"]), made.json()["token"]
        time.sleep(2)
    raise SystemExit("No car of the demo city is on duty and free.")


def _send(site: str, token: str, place: tuple[float, float]) -> None:
    query = urllib.parse.urlencode(
        {"id": token, "lon": place[0], "lat": place[1], "timestamp": int(time.time()),
         "accuracy": 5}
    )  # fmt: skip
    with urllib.request.urlopen(f"{site}/v1/positions/in/osmand?{query}", timeout=30) as answer:
        answer.read()


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    """The program as a person starts it, whose generated units stand still."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    site = f"http://127.0.0.1:{port}"
    environment = {
        **os.environ,
        "GRIDBEAT_DATA_FOLDER": str(folder),
        "GRIDBEAT_DEMO": "true",
        "GRIDBEAT_DEMO_MOVES": "false",
    }
    log = folder / "server.log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", "web.cli", "run", "--port", str(port)],
            env=environment, stdout=written, stderr=written, start_new_session=True,
        )  # fmt: skip
    try:
        end = time.time() + START_MAX_S
        while time.time() < end and process.poll() is None:
            try:
                with urllib.request.urlopen(f"{site}/v1/health", timeout=5) as answer:
                    if json.load(answer)["status"] == "ok":
                        break
            except (OSError, urllib.error.URLError):
                time.sleep(0.5)
        else:
            raise SystemExit(f"The server did not start:\n{log.read_text()[-2000:]}")
        yield site
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)
