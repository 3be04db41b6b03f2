"""A server of its own with units on duty, and devices that send to it, for the position benches."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import psutil

from geo.settings import Settings
from geo.store.database import open_database
from geo.units.devices import register_device
from geo.units.units import create_unit, plan_shift
from geo.values import GridScope, Period

START_MAX_S = 120.0
FORM = "application/x-www-form-urlencoded"
# As Traccar Client 10 sends one, and one of a batch. Times have ten digits before the point.
_FORM = (
    b"id=%b&lat=37.87&lon=112.55&timestamp=%%014.3f&accuracy=8.0&speed=2.5&bearing=90.0"
    b"&altitude=800&batt=77"
)
_FIX = b'{"fixed_at":%.3f,"longitude":112.55,"latitude":37.87,"accuracy_m":8.0,"speed_mps":1.3}'


@dataclass
class RunningServer:
    """The program as a person starts it, on a port of loopback."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    tokens: list[str] = field(default_factory=list)

    def start(self) -> float:
        """Start, wait until it answers; return the seconds it took."""
        begun = time.perf_counter()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "web.cli", "run", "--no-demo", "--port", str(self.port)],
            env={**os.environ, "GRIDBEAT_DATA_FOLDER": str(self.folder)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        while time.perf_counter() - begun < START_MAX_S:
            if self._answers():
                return time.perf_counter() - begun
            time.sleep(0.02)
        raise SystemExit("The server did not answer within two minutes.")

    def _answers(self) -> bool:
        request = b"GET /v1/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as asked:
                asked.settimeout(5)
                asked.sendall(request)
                return b" 200 " in asked.recv(64)
        except OSError:
            return False

    def cpu_s(self) -> tuple[float, float]:
        """Return the processor time [s] that the program has taken, and its PostgreSQL."""
        assert self.process is not None
        pid_file = self.folder / "postgresql" / "postmaster.pid"
        postmaster = psutil.Process(int(pid_file.read_text().split()[0]))
        store = [postmaster, *postmaster.children()]
        return (
            sum(psutil.Process(self.process.pid).cpu_times()[:2]),
            sum(sum(each.cpu_times()[:2]) for each in store),
        )

    def wait_until_idle(self, most_s: float = 120.0) -> None:
        """Wait until it has compiled what it compiles in the background after a start."""
        assert self.process is not None
        process = psutil.Process(self.process.pid)
        end, calm = time.perf_counter() + most_s, 0
        while calm < 4 and time.perf_counter() < end:
            calm = calm + 1 if process.cpu_percent(0.5) < 10 else 0

    def stop(self) -> None:
        """End it as Ctrl-C does."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)
            self.process = None


@contextlib.contextmanager
def running_server(folder: Path, units: int) -> Iterator[RunningServer]:
    """Run the program over a new store with units on duty for a week, a device each."""
    folder.chmod(0o755)  # the database runs as another user where the bench runs as root
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = RunningServer(folder, port)
    now = datetime.now(UTC)
    shifts = [
        Period(now + timedelta(days=day), now + timedelta(days=day + 1)) for day in range(-7, 1)
    ]
    with open_database(Settings(data_folder=folder, demo=False)) as database:
        with database.session() as session:
            for number in range(units):
                unit = create_unit(
                    session, f"U{number}", "x", scope=GridScope.everything(), kind="car",
                    grid_codes=["G"],
                )  # fmt: skip
                for shift in shifts:
                    plan_shift(session, unit, shift, planned_by="bench")
                server.tokens.append(register_device(session, unit)[1])
        # The store stays open beside the program: its cluster runs until both have left.
        server.start()
        try:
            yield server
        finally:
            server.stop()


class Device(asyncio.Protocol):
    """A device with one connection, kept open.

    It asks for as little of the processor as it can, since it shares it with what it measures: each
    message is a template with the times filled in.
    """

    def __init__(self, port: int, token: str) -> None:
        self._port = port
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[int] | None = None
        self._came = b""
        self._token = token
        form = _FORM % token.encode()
        self._one = _message("traccar", FORM, token, len(form % 0.0), form)

    async def send_one(self, at_s: float) -> int:
        """Send a fix as Traccar Client 10 does; return the status."""
        return await self._send(self._one % at_s)

    async def send_many(self, at_s: Sequence[float]) -> int:
        """Send fixes as one batch; return the status."""
        body = b'{"fixes":[%b]}' % b",".join([_FIX % each for each in at_s])
        return await self.post("batch", "application/json", self._token, body)

    async def post(self, name: str, kind: str, token: str, body: bytes) -> int:
        """Send a body in one of the formats; return the status."""
        return await self._send(_message(name, kind, token, len(body), body))

    async def _send(self, message: bytes) -> int:
        loop = asyncio.get_running_loop()
        if self._transport is None:
            try:
                await loop.create_connection(lambda: self, "127.0.0.1", self._port)
            except OSError:
                raise ConnectionError from None
            assert self._transport is not None
        self._answer = loop.create_future()
        self._transport.write(message)
        return await self._answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what messages are written to."""
        self._transport = cast(asyncio.Transport, transport)  # of uvloop, which doesn't derive it

    def data_received(self, data: bytes) -> None:
        """Wait for the whole answer."""
        self._came += data
        head, end, body = self._came.partition(b"\r\n\r\n")
        if not end:
            return
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if not length.strip().isdigit():
            self.close()
        elif len(body) >= int(length):
            self._came = b""
            if self._answer is not None and not self._answer.done():
                self._answer.set_result(int(head.split(b" ", 2)[1]))

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who waits for an answer."""
        self._transport, self._came = None, b""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError())

    def close(self) -> None:
        """Close the connection; the next message opens another."""
        if self._transport is not None:
            self._transport.close()


def _message(name: str, kind: str, token: str, length: int, body: bytes) -> bytes:
    return (
        b"POST /v1/positions/in/%b HTTP/1.1\r\nHost: localhost\r\nContent-Type: %b\r\n"
        b"Authorization: Bearer %b\r\nContent-Length: %d\r\n\r\n%b"
        % (name.encode(), kind.encode(), token.encode(), length, body)
    )
