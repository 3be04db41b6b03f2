"""From a device to a viewer's map: how long a fix takes, and how smoothly a browser draws.

    python -m bench.live [--units 5000] [--viewers 1000] [--every 8] [--seconds 20]

The program runs as a person starts it, with its own PostgreSQL, fsync on, over ten by ten grids.
Every unit moves, and sends a fix each `--every` seconds as Traccar Client 10 does, one a message,
over connections that are shared (of a phone network's gateway, say). In a process of their own
viewers hold the live stream open, each leader signed in alone: 2 in 100 see all grids, 28 a
community of ten, the others one to three. The delay is from before the fix is written to the
server's socket until it has come out of a viewer's; every delivery counts. Then the viewers leave,
and a chief's /live in Chromium, without a graphics card, draws all units while they go on moving:
frames are those in which the units' canvas was drawn anew.

The senders, the viewers, the browser, the server and the database share the machine.

RESULT: delay_p50_s, delay_p95_s, delay_max_s, delivered (of the deliveries that were due, share),
fixes_per_s (acknowledged), megabytes_per_s (to viewers), server_cpu_share (of one core),
open_s (until all viewers had their first event's head), frames_per_s, ticks_per_s (of
requestAnimationFrame), frame_p95_ms, units, viewers.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import psutil
from playwright.sync_api import ViewportSize, sync_playwright
from rich.console import Console
from rich.table import Table

from bench.live_world import LiveWorld, make_live_world
from bench.position_server import FORM, Device, RunningServer
from geo.settings import Settings
from geo.store.database import open_database

CONNECTIONS = 64
SPEEDS_MPS = (1.2, 8.0)
METRES_A_DEGREE = 111_320.0
VIEWPORT: ViewportSize = {"width": 1440, "height": 900}
CHROMIUM = "/usr/bin/chromium"
CHROMIUM_FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
# Counts ticks, and those in which the canvas of the units was drawn anew.
COUNT_FRAMES = """
(seconds) => new Promise((resolve) => {
  const put = CanvasRenderingContext2D.prototype.putImageData;
  let drawn = false, draws = 0, last = performance.now();
  const ticks = [], started = last;
  CanvasRenderingContext2D.prototype.putImageData = function (...given) {
    if (this.canvas.classList.contains("unit-canvas")) drawn = true;
    return put.apply(this, given);
  };
  const tick = (now) => {
    ticks.push(now - last);
    last = now;
    draws += drawn;
    drawn = false;
    if (now - started < seconds * 1000) requestAnimationFrame(tick);
    else {
      CanvasRenderingContext2D.prototype.putImageData = put;
      resolve({ draws, ticks, took_s: (now - started) / 1000 });
    }
  };
  requestAnimationFrame(tick);
})
"""


class Gateway(Device):
    """A connection over which many devices send, each with its own token."""

    async def send_for(self, token: str, at_s: float, lon: float, lat: float, mps: float) -> int:
        body = urlencode(
            {"id": token, "lat": f"{lat:.6f}", "lon": f"{lon:.6f}", "timestamp": f"{at_s:.3f}",
             "accuracy": "8.0", "speed": f"{mps / 0.514444:.2f}", "batt": "77"}
        ).encode()  # fmt: skip
        return await self.post("traccar", FORM, token, body)


@dataclass
class Movers:
    """Lets all units move and send until it is told to stop, in a thread of its own.

    sent : (unit, moment [s]) of each fix that was acknowledged
    """

    world: LiveWorld
    port: int
    every_s: float
    sent: list[tuple[int, float]] = field(default_factory=list)
    refused: int = 0

    @contextlib.contextmanager
    def moving(self) -> Iterator[None]:
        self._stop = threading.Event()
        thread = threading.Thread(target=lambda: asyncio.run(self._move()))
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    async def _move(self) -> None:
        units = len(self.world.device_tokens)
        rng = np.random.default_rng(1)
        speed = rng.uniform(*SPEEDS_MPS, units)
        course = rng.uniform(0, 2 * np.pi, units)
        lon, lat = np.array(self.world.lon), np.array(self.world.lat)
        order = rng.permutation(units)
        due: asyncio.Queue[int] = asyncio.Queue()

        async def carry() -> None:
            gateway = Gateway(self.port, "")
            while True:
                unit = await due.get()
                now = time.time()
                with contextlib.suppress(ConnectionError):
                    status = await gateway.send_for(
                        self.world.device_tokens[unit], now, lon[unit], lat[unit], speed[unit]
                    )
                    if status == 200:
                        self.sent.append((unit, now))
                        continue
                self.refused += 1

        carriers = [asyncio.create_task(carry()) for _ in range(CONNECTIONS)]
        begun, number = time.perf_counter(), 0
        while not self._stop.is_set():
            # Evenly: unit after unit, so that each sends once in a round.
            while number < (time.perf_counter() - begun) / self.every_s * units:
                unit = order[number % units]
                course[unit] += rng.normal(0, 0.3)
                step = speed[unit] * self.every_s / METRES_A_DEGREE
                lat[unit] += step * np.cos(course[unit])
                lon[unit] += step * np.sin(course[unit]) / np.cos(np.radians(lat[unit]))
                due.put_nowait(int(unit))
                number += 1
            await asyncio.sleep(0.01)
        for carrier in carriers:
            carrier.cancel()
        await asyncio.gather(*carriers, return_exceptions=True)


class Viewers:
    """The process of the viewers."""

    def __init__(self, port: int, tokens: list[str], folder: Path) -> None:
        file = folder / "viewers.txt"
        file.write_text("\n".join(tokens))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.live_viewers",
             "--port", str(port), "--tokens", str(file)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def tell(self, what: str) -> dict[str, float]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(what + "\n")
        self._process.stdin.flush()
        answer: dict[str, float] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)


def measure_delay(
    world: LiveWorld, server: RunningServer, movers: Movers, viewers: Viewers, seconds: float
) -> dict[str, float]:
    """Return how long fixes took to all who were to see them."""
    assert server.process is not None
    process = psutil.Process(server.process.pid)
    opened = viewers.tell("open")["opened_s"]
    time.sleep(5)
    start = time.time()
    end = start + seconds
    viewers.tell(f"measure {start} {end}")
    cpu = sum(process.cpu_times()[:2])
    time.sleep(seconds)
    cpu = sum(process.cpu_times()[:2]) - cpu
    time.sleep(5)
    told = viewers.tell("tell")
    fixes = [unit for unit, at in movers.sent if start <= round(at, 3) < end]
    due = sum(world.viewers_of(unit) for unit in fixes)
    return {
        "delay_p50_s": told["p50_s"], "delay_p95_s": told["p95_s"], "delay_max_s": told["max_s"],
        "delivered": told["count"] / max(due, 1), "fixes_per_s": len(fixes) / seconds,
        "megabytes_per_s": told["megabytes"] / (seconds + 5), "server_cpu_share": cpu / seconds,
        "open_s": opened, "lost": told["lost"], "refused": movers.refused,
    }  # fmt: skip


def measure_frames(
    server: RunningServer, token: str, seconds: float, picture: Path | None
) -> dict[str, float]:
    """Return how often a chief's map is drawn while all units move."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        context = browser.new_context(viewport=VIEWPORT)
        address = f"http://127.0.0.1:{server.port}"
        context.add_cookies([{"name": "gridbeat_session", "value": token, "url": address}])
        page = context.new_page()
        page.goto(f"{address}/live")
        page.wait_for_selector("html[data-live='open']", state="attached", timeout=60_000)
        page.wait_for_timeout(5_000)
        told: dict[str, Any] = page.evaluate(COUNT_FRAMES, seconds)
        if picture is not None:
            page.screenshot(path=picture)
        browser.close()
    return {
        "frames_per_s": told["draws"] / told["took_s"],
        "ticks_per_s": len(told["ticks"]) / told["took_s"],
        "frame_p95_ms": float(np.quantile(told["ticks"], 0.95)),
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--units", type=int, default=5_000)
    arguments.add_argument("--viewers", type=int, default=1_000)
    arguments.add_argument("--every", type=float, default=8.0, help="a unit's fix each [s]")
    arguments.add_argument("--seconds", type=float, default=20.0)
    arguments.add_argument("--fps-seconds", type=float, default=10.0)
    arguments.add_argument("--picture", type=Path, help="a picture of the page, PNG")
    given = arguments.parse_args()
    random.seed(1)
    with tempfile.TemporaryDirectory(prefix="gridbeat-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the database runs as another user where the bench runs as root
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            server = RunningServer(folder, free.getsockname()[1])
        with open_database(Settings(data_folder=folder, demo=False)) as database:
            with database.session() as session:
                world = make_live_world(
                    session, units=given.units, leaders=max(given.viewers, 1),
                    now=datetime.now(UTC),
                )  # fmt: skip
            server.start()
            movers = Movers(world, server.port, given.every)
            try:
                server.wait_until_idle()
                with movers.moving():
                    time.sleep(given.every + 2)
                    result: dict[str, float] = {}
                    if given.viewers:
                        viewers = Viewers(server.port, world.session_tokens, folder)
                        try:
                            result |= measure_delay(world, server, movers, viewers, given.seconds)
                        finally:
                            viewers.close()
                    if given.fps_seconds:
                        result |= measure_frames(
                            server, world.session_tokens[0], given.fps_seconds, given.picture
                        )
            finally:
                server.stop()
    result |= {"units": given.units, "viewers": given.viewers}
    table = Table(
        title=f"{given.units:,} units, {given.viewers:,} viewers, a fix each {given.every:g} s"
    )
    for heading in ("figure", "value"):
        table.add_column(heading, justify="left" if heading == "figure" else "right")
    for name, value in result.items():
        table.add_row(name, f"{value:,.3f}")
    Console().print(table)
    print("RESULT " + json.dumps({name: round(value, 3) for name, value in result.items()}))


if __name__ == "__main__":
    main()
