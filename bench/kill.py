"""The program and its PostgreSQL killed under load: what was acknowledged is there, once.

    python -m bench.kill --times 20 [--devices N] [--seconds N]

Devices send a fix after another over HTTP and send each again until it is acknowledged, as phones
do. Every few seconds the program, PostgreSQL's postmaster alone, or both at once get signal 9, in
turn. The program is started again; PostgreSQL alone the program itself starts again. At the end
each acknowledged fix must be in the store, once.

RESULT: lost, doubled, restart_s and restart_max_s (median and most; from the death until every
device was acknowledged twice more, who tries again each 0.2 s), all_else_s (median; from the start
of the program until it answered what is no position), acknowledged, times.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import statistics
import tempfile
import time
from pathlib import Path

from sqlalchemy import func, select

from bench.position_server import START_MAX_S, Device, RunningServer, running_server
from geo.settings import Settings
from geo.store.database import open_database
from geo.tables import PatrolDevice, PatrolPosition

WAYS = ("program", "PostgreSQL", "both")


async def load(
    server: RunningServer, times: int, seconds: float
) -> tuple[dict[int, int], list[float], list[float]]:
    """Send and kill; return how many fixes of each device were acknowledged, and the seconds until
    all were served again, and until all else was."""
    acknowledged = dict.fromkeys(range(len(server.tokens)), 0)
    ends = asyncio.Event()
    origin_s = int(time.time()) - 80_000

    async def send(number: int) -> None:
        device = Device(server.port, server.tokens[number])
        while not ends.is_set():
            try:
                status = await device.send_one(origin_s + acknowledged[number])
            except ConnectionError:
                status = 0
            if status == 200:
                acknowledged[number] += 1
            else:
                await asyncio.sleep(0.2)
        device.close()

    senders = [asyncio.create_task(send(number)) for number in acknowledged]
    restarts: list[float] = []
    all_else: list[float] = []
    for turn in range(times):
        await asyncio.sleep(seconds)
        way = WAYS[turn % len(WAYS)]
        if way != "program":
            pid_file = server.folder / "postgresql" / "postmaster.pid"
            os.kill(int(pid_file.read_text().split()[0]), signal.SIGKILL)
        assert server.process is not None
        if way == "PostgreSQL":
            restarts.append(await served_again(acknowledged))
            told = ""
        else:
            server.process.kill()
            server.process.wait()
            restart, all_else_s = await asyncio.gather(
                served_again(acknowledged), asyncio.to_thread(server.start)
            )
            restarts.append(restart)
            all_else.append(all_else_s)
            told = f", all else after {all_else_s:.1f} s"
        print(f"{turn + 1:2}  {way:10}  every device again after {restarts[-1]:.1f} s{told}",
              flush=True)  # fmt: skip
    await asyncio.sleep(seconds)
    ends.set()
    await asyncio.gather(*senders)
    return acknowledged, restarts, all_else


async def served_again(acknowledged: dict[int, int]) -> float:
    """Return the seconds until every device was acknowledged twice more: one answer may have been
    on its way."""
    begun, before = time.perf_counter(), dict(acknowledged)
    while any(acknowledged[number] < count + 2 for number, count in before.items()):
        if time.perf_counter() - begun > START_MAX_S:
            raise SystemExit("The program has not got its store back within two minutes.")
        await asyncio.sleep(0.02)
    return time.perf_counter() - begun


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--times", type=int, default=20)
    arguments.add_argument("--devices", type=int, default=50)
    arguments.add_argument("--seconds", type=float, default=4.0)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="gridbeat-bench-") as folder:
        with running_server(Path(folder), given.devices) as server:
            acknowledged, restarts, all_else = asyncio.run(load(server, given.times, given.seconds))
        with (
            open_database(Settings(data_folder=Path(folder), demo=False)) as database,
            database.session() as session,
        ):
            devices = session.scalars(select(PatrolDevice.id).order_by(PatrolDevice.id)).all()
            counted = session.execute(
                select(
                    PatrolPosition.device_id, func.count(func.distinct(PatrolPosition.fixed_at))
                ).group_by(PatrolPosition.device_id)
            ).all()
            stored = {row[0]: int(row[1]) for row in counted}
            rows = session.scalar(select(func.count()).select_from(PatrolPosition)) or 0
    # A device sends fix after fix: those stored are the acknowledged ones, and at most one more,
    # whose answer was lost.
    lost = sum(
        max(count - stored.get(devices[number], 0), 0) for number, count in acknowledged.items()
    )
    print(
        "RESULT "
        + json.dumps(
            {
                "lost": lost, "doubled": rows - sum(stored.values()),
                "restart_s": round(statistics.median(restarts), 2),
                "restart_max_s": round(max(restarts), 2),
                "all_else_s": round(statistics.median(all_else), 2) if all_else else None,
                "acknowledged": sum(acknowledged.values()), "times": given.times,
            }
        )
    )  # fmt: skip


if __name__ == "__main__":
    main()
