"""Sync or async endpoints: the same functions behind `def` with psycopg's threads, and `async def`.

    python -m bench.endpoints [--rounds 5] [--seconds 2] [--connections 16]

A PostGIS of its own holds 1,000 grids and 100,000 addresses. One uvicorn worker a variant, all
started before the first round; each is asked in turn over keep-alive connections (a closed loop),
so that whatever else the machine does falls on all alike. Variants:

- sync: `def` endpoint, SQLAlchemy `Session`, psycopg; FastAPI runs it in its thread pool
- async: `async def` endpoint, SQLAlchemy `AsyncSession` (`run_sync`), psycopg's async connection

Both call the same function of `geo`: `locate` (point to grid, nearest address) and `grids_tile`.

RESULT keys: for each question `NAME_sync_rps`, `NAME_async_rps` [requests/s, median of rounds],
`NAME_sync_p95_ms`, `NAME_async_p95_ms` [ms, median of rounds], `NAME_async_vs_sync` (ratio of
requests/s, median of the rounds' ratios).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from typing import Annotated, Any

import shapely
import uvicorn
from fastapi import Depends, FastAPI, Request, Response
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from bench.scratch import scratch_folder
from bench.tessellation import BOUNDS, crooked_tessellation
from geo.basemap import grids_tile
from geo.locating import locate
from geo.store.cluster import OWNER_ROLE, EmbeddedCluster
from geo.store.database import Database, ensure_database, make_engine
from geo.store.migrate import migrate
from geo.values import GridScope, LonLat

VARIANTS = ("sync", "async")
QUESTIONS = ("locate", "tile")
GRIDS = 1_000
ADDRESSES = 100_000
POOL = 8
ZOOM = 13
DAY = date(2026, 1, 1)
EVERYTHING = GridScope.everything()


# -- the two servers


def sync_session(request: Request) -> Iterator[Session]:
    with request.app.state.database.session() as opened:
        yield opened


async def async_session(request: Request) -> AsyncIterator[AsyncSession]:
    async with AsyncSession(request.app.state.engine) as opened, opened.begin():
        yield opened


SyncOpened = Annotated[Session, Depends(sync_session, scope="function")]
AsyncOpened = Annotated[AsyncSession, Depends(async_session, scope="function")]


def sync_app(url: str) -> FastAPI:
    """The endpoints as `def`, in FastAPI's thread pool."""
    app = FastAPI()
    app.state.database = Database(make_engine(url, pool_size=POOL))

    @app.get("/locate")
    def located(lon: float, lat: float, opened: SyncOpened) -> dict[str, Any]:
        return _shown(locate(opened, LonLat(lon, lat), on=DAY, scope=EVERYTHING))

    @app.get("/tile")
    def tile(x: int, y: int, opened: SyncOpened) -> Response:
        return Response(grids_tile(opened, ZOOM, x, y, scope=EVERYTHING, on=DAY))

    return app


def async_app(url: str) -> FastAPI:
    """The same endpoints as `async def`, on the event loop."""
    app = FastAPI()
    app.state.engine = create_async_engine(url, pool_size=POOL, max_overflow=0, pool_pre_ping=True)

    @app.get("/locate")
    async def located(lon: float, lat: float, opened: AsyncOpened) -> dict[str, Any]:
        place = LonLat(lon, lat)
        return _shown(await opened.run_sync(locate, place, on=DAY, scope=EVERYTHING))

    @app.get("/tile")
    async def tile(x: int, y: int, opened: AsyncOpened) -> Response:
        return Response(await opened.run_sync(grids_tile, ZOOM, x, y, scope=EVERYTHING, on=DAY))

    return app


def _shown(found: Any) -> dict[str, Any]:
    return {"grid": found.grid.grid_code if found.grid else None}


def serve(variant: str, url: str, port: int) -> None:
    """Serve one variant until killed."""
    app = sync_app(url) if variant == "sync" else async_app(url)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


@contextmanager
def serving(variant: str, url: str) -> Iterator[int]:
    """Run a variant in a process of its own; yields its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.endpoints", "--serve", variant, url, str(port)]
    )
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait()


# -- the district


def fill(engine: Engine) -> None:
    """Write grids and addresses."""
    polygons = crooked_tessellation(GRIDS)
    grids = [
        {"code": f"140105001001{number:05d}", "wkb": shapely.to_wkb(shapely.multipolygons([area]))}
        for number, area in enumerate(polygons)
    ]
    west, south, east, north = BOUNDS
    with engine.begin() as connection:
        version = connection.scalar(
            text(
                "INSERT INTO grid_version (source, valid_from, grid_count) "
                "VALUES ('bench', '2020-01-01', :count) RETURNING id"
            ),
            {"count": len(grids)},
        )
        connection.execute(
            text(
                "INSERT INTO grid (version_id, grid_code, name, community_code, area_m2, "
                "valid_from, geom) VALUES (:version, :code, :code, '140105001001', 1, "
                "'2020-01-01', ST_GeomFromWKB(:wkb, 4326))"
            ),
            [{**grid, "version": version} for grid in grids],
        )
        connection.execute(text("SELECT setseed(0.5)"))
        connection.execute(
            text(
                "INSERT INTO standard_address (canonical_text, search_key, level, geom, "
                "point_method, source) SELECT '试验路' || n || '号', 'bench/' || n, 'door', "
                "ST_SetSRID(ST_MakePoint(:west + random() * :width, :south + random() * :height), "
                "4326), 'generated', 'bench' FROM generate_series(1, :count) n"
            ),
            {
                "west": west,
                "width": east - west,
                "south": south,
                "height": north - south,
                "count": ADDRESSES,
            },
        )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


# -- the callers


def questions(name: str, count: int, seed: int) -> list[str]:
    """Return the paths asked for, in random order."""
    dice = random.Random(seed)
    west, south, east, north = BOUNDS
    if name == "locate":
        return [
            f"/locate?lon={dice.uniform(west, east):.6f}&lat={dice.uniform(south, north):.6f}"
            for _ in range(count)
        ]
    column, row = 6646, 3172  # near the south-west corner; 20 x 20 tiles from there lie inside
    return [
        f"/tile?x={column + dice.randrange(20)}&y={row - dice.randrange(20)}" for _ in range(count)
    ]


async def ask(port: int, paths: list[str], seconds: float, connections: int) -> list[float]:
    """Return how long each answer took [s], over so many connections for so long."""
    took: list[float] = []
    end = time.perf_counter() + seconds

    async def caller(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        at = number
        while time.perf_counter() < end:
            started = time.perf_counter()
            writer.write(f"GET {paths[at % len(paths)]} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise SystemExit(head.decode() + (await reader.read(500)).decode())
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            took.append(time.perf_counter() - started)
            at += connections
        writer.close()

    await asyncio.gather(*(caller(number) for number in range(connections)))
    return took


def measure(
    ports: dict[str, int], rounds: int, seconds: float, connections: int
) -> dict[str, dict[str, list[tuple[float, float]]]]:
    """Return requests/s and 95th percentile [ms] of each round, by question and variant."""
    found: dict[str, dict[str, list[tuple[float, float]]]] = {
        name: {variant: [] for variant in VARIANTS} for name in QUESTIONS
    }
    for number in range(-1, rounds):  # the first round warms up and isn't counted
        for name in QUESTIONS:
            paths = questions(name, 5_000, seed=number)
            order = VARIANTS if number % 2 else VARIANTS[::-1]
            for variant in order:
                took = asyncio.run(ask(ports[variant], paths, seconds, connections))
                p95_ms = statistics.quantiles(took, n=20)[-1] * 1000
                if number >= 0:
                    found[name][variant].append((len(took) / seconds, p95_ms))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--serve", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve[0], given.serve[1], int(given.serve[2]))
        return
    with ExitStack() as stack:
        folder = stack.enter_context(scratch_folder())
        cluster = stack.enter_context(EmbeddedCluster(folder).running())
        ensure_database(cluster, "bench")
        url = cluster.url(OWNER_ROLE, "bench")
        owner = make_engine(url, pool_size=1)
        migrate(owner)
        fill(owner)
        owner.dispose()
        ports = {variant: stack.enter_context(serving(variant, url)) for variant in VARIANTS}
        found = measure(ports, given.rounds, given.seconds, given.connections)
    report(found, given.connections)


def report(found: dict[str, dict[str, list[tuple[float, float]]]], connections: int) -> None:
    """Print the table and the RESULT line."""
    table = Table(
        "question", "sync, req/s", "async, req/s", "async / sync", "sync p95, ms", "async p95, ms",
        title=f"{connections} connections, {os.cpu_count()} cores",
    )  # fmt: skip
    result: dict[str, float] = {}
    for name in QUESTIONS:
        per_s = {v: statistics.median(rps for rps, _ in found[name][v]) for v in VARIANTS}
        p95_ms = {v: statistics.median(p95 for _, p95 in found[name][v]) for v in VARIANTS}
        pairs = zip(found[name]["async"], found[name]["sync"], strict=True)
        ratio = statistics.median(a / s for (a, _), (s, _) in pairs)
        table.add_row(
            name, f"{per_s['sync']:,.0f}", f"{per_s['async']:,.0f}", f"{ratio:.2f}",
            f"{p95_ms['sync']:.1f}", f"{p95_ms['async']:.1f}",
        )  # fmt: skip
        for variant in VARIANTS:
            result[f"{name}_{variant}_rps"] = round(per_s[variant], 1)
            result[f"{name}_{variant}_p95_ms"] = round(p95_ms[variant], 2)
        result[f"{name}_async_vs_sync"] = round(ratio, 3)
    Console().print(table)
    print("RESULT", json.dumps(result))


if __name__ == "__main__":
    main()
