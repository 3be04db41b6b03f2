"""Many viewers of the live stream in one process, as cheap as can be: raw sockets.

Started by `bench.live`, which says by a line on standard input what to do next:
`open` opens all, `measure START END` (seconds since 1970) notes each arrival of a fix of that time,
`tell` answers with what came, as JSON on a line.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np

OPENING_AT_ONCE = 40
_AT = re.compile(rb'"at":"([^"]+)"')


@dataclass
class Tally:
    """What all viewers saw: of each delivery of a fix of the window how long it took."""

    window: tuple[float, float] = (0.0, 0.0)
    delays: list[float] = field(default_factory=list)
    received_bytes: int = 0
    lost: int = 0


class Viewer(asyncio.Protocol):
    """One open stream."""

    def __init__(self, token: str, tally: Tally) -> None:
        self.token = token
        self.tally = tally
        self.rest = b""
        self.begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(
            b"GET /v1/positions/live HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: gridbeat_session=%b"
            b"\r\nAccept: text/event-stream\r\n\r\n" % self.token.encode()
        )

    def data_received(self, data: bytes) -> None:
        now = time.time()
        self.tally.received_bytes += len(data)
        if not self.begun.done():
            self.rest += data
            if b"\r\n\r\n" not in self.rest:
                return
            if not self.rest.startswith(b"HTTP/1.1 200"):
                self.begun.set_exception(SystemExit(self.rest[:200].decode("latin-1")))
                return
            self.begun.set_result(None)
        start, end = self.tally.window
        if start == 0:
            self.rest = b""
            return
        data = self.rest + data
        whole = data.rfind(b"}") + 1
        self.rest = data[whole:]
        for each in _AT.findall(data, 0, whole):
            sent = datetime.fromisoformat(each.decode()).timestamp()
            if start <= sent < end:
                self.tally.delays.append(now - sent)

    def connection_lost(self, error: Exception | None) -> None:
        self.tally.lost += 1
        if not self.begun.done():
            self.begun.set_exception(SystemExit("The server closed a stream before it began."))


async def view(port: int, tokens: list[str]) -> None:
    loop = asyncio.get_running_loop()
    gate = asyncio.Semaphore(OPENING_AT_ONCE)
    viewers = []
    tally = Tally()

    async def open_one(token: str) -> None:
        async with gate:
            _, viewer = await loop.create_connection(
                lambda: Viewer(token, tally), "127.0.0.1", port
            )
            viewers.append(viewer)
            await viewer.begun

    while line := await asyncio.to_thread(sys.stdin.readline):
        words = line.split()
        if words[0] == "open":
            begun = time.perf_counter()
            await asyncio.gather(*(open_one(token) for token in tokens))
            answer = {"opened_s": time.perf_counter() - begun}
        elif words[0] == "measure":
            tally.received_bytes = 0
            tally.window = (float(words[1]), float(words[2]))
            answer = {}
        else:
            delays = np.asarray(tally.delays)
            some = delays if len(delays) else np.array([float("nan")])
            answer = {
                "count": len(delays), "lost": tally.lost,
                "megabytes": tally.received_bytes / 1e6,
                "p50_s": float(np.quantile(some, 0.5)), "p95_s": float(np.quantile(some, 0.95)),
                "max_s": float(some.max()), "cpu_s": time.process_time(),
            }  # fmt: skip
        print(json.dumps(answer), flush=True)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--tokens", type=Path, required=True, help="one a line")
    given = arguments.parse_args()
    asyncio.run(view(given.port, given.tokens.read_text().split()))


if __name__ == "__main__":
    main()
