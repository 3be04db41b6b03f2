"""How many positions a second come in and are on disk, and how long a device waits.

    python -m bench.positions [--seconds N] [--devices N] [--batch N] [--rounds N]

The program runs as a person starts it, with its own PostgreSQL, fsync on. In a process beside it
devices send over HTTP, each with one connection and the next message after the last answer: single
fixes as Traccar Client 10 sends them, then batches of JSON. An answer means that the fixes are
committed; at the end the store is counted and must hold what was acknowledged. The sender shares
the two cores with the server and the database, so that what a larger machine does is more.

Peer: Traccar's claim of 8,000 messages a second on a large server ("with proper configuration");
nothing of it runs here.

RESULT: single_per_s, batch_per_s (fixes), p99_ms (single), p50_ms, batch_p99_ms, stored, sent,
server_cpu_share (of one core, single).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
from rich.console import Console
from rich.table import Table
from sqlalchemy import func, select

from bench.position_server import Device, RunningServer, running_server
from geo.settings import Settings
from geo.store.database import open_database
from geo.tables import PatrolPosition


async def send(
    server: RunningServer, seconds: float, batch: int, origin_s: float
) -> tuple[int, list[float]]:
    """Let all devices send for some seconds; return acknowledged fixes and each wait [s]."""
    waits: list[float] = []
    acknowledged = 0
    end = time.perf_counter() + seconds

    async def one(device: Device, number: int) -> None:
        nonlocal acknowledged
        at = origin_s
        while time.perf_counter() < end:
            begun = time.perf_counter()
            if batch == 1:
                at += 1
                status = await device.send_one(at)
            else:
                times = [at + k for k in range(1, batch + 1)]
                at += batch
                status = await device.send_many(times)
            waits.append(time.perf_counter() - begun)
            if status == 200:
                acknowledged += batch
        device.close()

    devices = [Device(server.port, token) for token in server.tokens]
    await asyncio.gather(*(one(device, number) for number, device in enumerate(devices)))
    return acknowledged, waits


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--seconds", type=float, default=5.0)
    arguments.add_argument("--devices", type=int, default=200)
    arguments.add_argument("--batch", type=int, default=500)
    arguments.add_argument("--rounds", type=int, default=3)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="gridbeat-bench-") as folder:
        with running_server(Path(folder), given.devices) as server:
            assert server.process is not None
            process = psutil.Process(server.process.pid)
            server.wait_until_idle()
            asyncio.run(send(server, 1.0, 1, time.time() - 80_000))  # connections, partitions
            single: list[tuple[float, float, float, float]] = []
            many: list[tuple[float, float]] = []
            sent = 0
            for number in range(given.rounds):
                cpu = sum(process.cpu_times()[:2])
                begun = time.perf_counter()
                count, waits = asyncio.run(
                    send(server, given.seconds, 1, time.time() - 70_000 + 5_000 * number)
                )
                took = time.perf_counter() - begun
                sent += count
                single.append(
                    (count / took, *(np.percentile(waits, [50, 99]) * 1000),
                     (sum(process.cpu_times()[:2]) - cpu) / took)
                )  # fmt: skip
                begun = time.perf_counter()
                count, waits = asyncio.run(
                    send(server, given.seconds, given.batch, time.time() - 560_000
                         + 100_000.5 * number)
                )  # fmt: skip
                sent += count
                many.append(
                    (count / (time.perf_counter() - begun), np.percentile(waits, 99) * 1000)
                )
        with (
            open_database(Settings(data_folder=Path(folder), demo=False)) as database,
            database.session() as session,
        ):
            stored = session.scalar(select(func.count()).select_from(PatrolPosition)) or 0
    per_s, p50_ms, p99_ms, cpu_share = np.median(single, axis=0)
    batch_per_s, batch_p99_ms = np.median(many, axis=0)
    table = Table(title=f"{given.devices} devices, medians of {given.rounds}")
    for heading in ("way", "fixes/s", "p50 [ms]", "p99 [ms]"):
        table.add_column(heading, justify="left" if heading == "way" else "right")
    table.add_row("one a message", f"{per_s:,.0f}", f"{p50_ms:.0f}", f"{p99_ms:.0f}")
    table.add_row(f"{given.batch} a message", f"{batch_per_s:,.0f}", "", f"{batch_p99_ms:.0f}")
    Console().print(table)
    print(
        "RESULT "
        + json.dumps(
            {
                "single_per_s": round(per_s), "batch_per_s": round(batch_per_s),
                "p99_ms": round(p99_ms, 1), "p50_ms": round(p50_ms, 1),
                "batch_p99_ms": round(batch_p99_ms, 1), "stored": stored, "sent": sent,
                "server_cpu_share": round(cpu_share, 2),
            }
        )
    )  # fmt: skip


if __name__ == "__main__":
    main()
