"""A server of its own with units on duty, and devices that send to it, for the position benches."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import psutil

from geo.settings import Settings
from geo.store.database import open_database
from geo.units.devices import register_device
from geo.units.units import create_unit, plan_shift
from geo.values import GridScope, Period

START_MAX_S = 120.0


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


class Device:
    """A device with one connection, kept open."""

    def __init__(self, port: int, token: str) -> None:
        self.port, self.token = port, token
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send_one(self, at_s: float) -> int:
        """Send a fix as Traccar Client 10 does; return the status."""
        body = urlencode(
            {"id": self.token, "lat": "37.87", "lon": "112.55", "timestamp": f"{at_s:.3f}",
             "accuracy": "8.0", "speed": "2.5", "bearing": "90.0", "altitude": "800", "batt": "77"}
        ).encode()  # fmt: skip
        return await self._post("traccar", "application/x-www-form-urlencoded", body)

    async def send_many(self, at_s: list[float]) -> int:
        """Send fixes as one batch; return the status."""
        fixes = [
            {"fixed_at": each, "longitude": 112.55, "latitude": 37.87, "accuracy_m": 8.0,
             "speed_mps": 1.3} for each in at_s
        ]  # fmt: skip
        return await self._post("batch", "application/json", json.dumps({"fixes": fixes}).encode())

    async def _post(self, name: str, kind: str, body: bytes) -> int:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self._streams
        try:
            writer.write(
                b"POST /v1/positions/in/%b HTTP/1.1\r\nHost: localhost\r\nContent-Type: %b\r\n"
                b"Authorization: Bearer %b\r\nContent-Length: %d\r\n\r\n"
                % (name.encode(), kind.encode(), self.token.encode(), len(body))
                + body
            )
            head = await reader.readuntil(b"\r\n\r\n")
            lower = head.lower()
            length = int(lower.split(b"content-length:")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
        except (OSError, asyncio.IncompleteReadError, IndexError):
            self.close()
            raise ConnectionError from None
        return int(head.split(b" ", 2)[1])

    def close(self) -> None:
        """Close the connection; the next message opens another."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None
