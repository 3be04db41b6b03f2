"""How many positions a second come in and are on disk, and how long a device waits.

    python -m bench.positions [--seconds N] [--devices N] [--batch N] [--rounds N]

The program runs as a person starts it, with its own PostgreSQL, fsync on. In a process beside it
devices send over HTTP, each with one connection and the next message after the last answer: single
fixes as Traccar Client 10 sends them, then batches of JSON. An answer means that the fixes are
committed; at the end the store is counted and must hold what was acknowledged. Program, PostgreSQL
and senders share the machine's cores: what each takes of the processor is told beside the rate, so
that figures of a busy machine, or of one with more cores, can be compared.

Peer: Traccar's claim of 8,000 messages a second on a large server ("with proper configuration");
nothing of it runs here.

RESULT: single_per_s, batch_per_s (fixes), p50_ms and p99_ms (single), batch_p50_ms, batch_p99_ms,
stored, sent; single_cpu_us and batch_cpu_us: processor time a fix [µs] of program, PostgreSQL and
senders.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import uvloop
from rich.console import Console
from rich.table import Table
from sqlalchemy import func, select

from bench.position_server import Device, RunningServer, running_server
from geo.settings import Settings
from geo.store.database import open_database
from geo.tables import PatrolPosition


@dataclass(frozen=True, slots=True)
class Run:
    """What came of some seconds: acknowledged fixes, and the medians are taken of `figures`."""

    sent: int
    per_s: float
    p50_ms: float
    p99_ms: float
    cpu_us: tuple[float, float, float]

    @property
    def figures(self) -> list[float]:
        """Fixes a second, waits [ms], and processor time a fix [µs]: program, store, senders."""
        return [self.per_s, self.p50_ms, self.p99_ms, *self.cpu_us]


async def send(
    server: RunningServer, seconds: float, batch: int, origin_s: float
) -> tuple[int, list[float]]:
    """Let all devices send for some seconds; return acknowledged fixes and each wait [s]."""
    waits: list[float] = []
    acknowledged = 0
    end = time.perf_counter() + seconds

    async def one(device: Device) -> None:
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
    await asyncio.gather(*(one(device) for device in devices))
    return acknowledged, waits


def run(server: RunningServer, seconds: float, batch: int, origin_s: float) -> Run:
    """Let all devices send, and tell what it took of whom."""
    taken, own, begun = server.cpu_s(), time.process_time(), time.perf_counter()
    sent, waits = uvloop.run(send(server, seconds, batch, origin_s))
    took = time.perf_counter() - begun
    own = time.process_time() - own
    program, store = np.subtract(server.cpu_s(), taken)
    p50_ms, p99_ms = np.percentile(waits, [50, 99]) * 1000
    per_fix = 1e6 / max(sent, 1)
    return Run(
        sent, sent / took, p50_ms, p99_ms, (program * per_fix, store * per_fix, own * per_fix)
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--seconds", type=float, default=5.0)
    arguments.add_argument("--devices", type=int, default=200)
    arguments.add_argument("--batch", type=int, default=500)
    arguments.add_argument("--rounds", type=int, default=3)
    given = arguments.parse_args()
    single: list[Run] = []
    many: list[Run] = []
    with tempfile.TemporaryDirectory(prefix="gridbeat-bench-") as folder:
        with running_server(Path(folder), given.devices) as server:
            server.wait_until_idle()
            first = run(server, 1.0, 1, time.time() - 80_000)  # it asks who the devices are
            for number in range(given.rounds):
                now = time.time()
                single.append(run(server, given.seconds, 1, now - 70_000 + 5_000 * number))
                many.append(
                    run(server, given.seconds, given.batch, now - 560_000 + 100_000.5 * number)
                )
        with (
            open_database(Settings(data_folder=Path(folder), demo=False)) as database,
            database.session() as session,
        ):
            stored = session.scalar(select(func.count()).select_from(PatrolPosition)) or 0
    table = Table(title=f"{given.devices} devices, medians of {given.rounds}")
    for heading in ("way", "fixes/s", "p50 [ms]", "p99 [ms]", "CPU a fix [µs]: program",
                    "PostgreSQL", "senders"):  # fmt: skip
        table.add_column(heading, justify="left" if heading == "way" else "right")
    medians = [np.median([each.figures for each in runs], axis=0) for runs in (single, many)]
    for name, figures in zip(("one a message", f"{given.batch} a message"), medians, strict=True):
        table.add_row(name, *(f"{each:,.0f}" for each in figures))
    Console(width=120).print(table)
    one, batch = medians
    cpu = [dict(zip(("program", "postgresql", "senders"), np.round(each[3:], 1), strict=True))
           for each in medians]  # fmt: skip
    print(
        "RESULT "
        + json.dumps(
            {
                "single_per_s": round(one[0]), "batch_per_s": round(batch[0]),
                "p99_ms": round(one[2], 1), "p50_ms": round(one[1], 1),
                "batch_p99_ms": round(batch[2], 1), "batch_p50_ms": round(batch[1], 1),
                "stored": stored, "sent": sum(each.sent for each in [first, *single, *many]),
                "single_cpu_us": cpu[0], "batch_cpu_us": cpu[1],
            }
        )
    )  # fmt: skip


if __name__ == "__main__":
    main()
