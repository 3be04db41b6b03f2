"""The hotspot layer over a million incidents: time from request to GeoJSON, cold and warm.

    python -m bench.layers [--incidents N] [--cells N] [--requests N]

Incidents of ten kinds over two years in some 20,000 cells of resolution 10, in an embedded store.
The application is asked through its ASGI door, so all is in it but the socket: middleware, caller,
question, columns, measure, GeoJSON, compression. Cold: the first request, which reads all columns
out of the database (the server does so when it starts). Fresh: a question not asked before. Warm:
frames of a map that is dragged, the question asked before. After: the first request after one more
incident was stored. CPU is of this process; the database's own is in cold and after only. Wall time
has the machine's other work in it.

RESULT: warm_p95_ms, warm_p50_ms, warm_cpu_p95_ms, warm_cpu_p50_ms, fresh_p95_ms, fresh_cpu_p95_ms,
cold_ms, after_ms, cells, incidents, features (most in one answer), bytes (most in one, packed).
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import h3.api.basic_int as h3
import numpy as np
import pyarrow as pa
import structlog
from fastapi import FastAPI
from numpy.typing import NDArray

from api.app import create_app
from api.callers import current_caller
from bench.scratch import scratch_store
from geo.accounts import PERMISSIONS, Caller
from geo.h3_cells import lonlat_to_h3_cell
from geo.incidents.following import MAX_AGE_S
from geo.store.bulk import copy_table, points_to_ewkb
from geo.store.database import Database
from geo.tables import Incident, IncidentCategory
from geo.values import GridScope

KINDS = 10
CENTRE = (37.87, 112.55)
DAYS = 730
SEED = 3
LAYER = "/v1/layers/hotspots"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--incidents", type=int, default=1_000_000)
    arguments.add_argument("--cells", type=int, default=20_000)
    arguments.add_argument("--requests", type=int, default=100)
    given = arguments.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with scratch_store() as (database, settings):
        filled(database, given.incidents, given.cells)
        measured(asked_by_all_seeing(create_app(settings, database)), given, database)


def filled(database: Database, count: int, cells: int) -> None:
    """Load incidents: places that differ as much as real ones do."""
    random = np.random.default_rng(SEED)
    rings = int(np.ceil(np.sqrt(cells / 3)))
    disk = np.array(h3.grid_disk(h3.latlng_to_cell(*CENTRE, 10), rings)[:cells], dtype=np.int64)
    share = random.gamma(0.4, 1.0, len(disk))
    with database.session() as session:
        for kind in range(KINDS):
            session.add(IncidentCategory(code=f"kind{kind}", name=f"类别{kind}"))
        session.flush()
    for start in range(0, count, 100_000):
        add(database, min(100_000, count - start), disk, share, random)


def add(
    database: Database, size: int, cells: NDArray[np.int64], share: NDArray[np.float64],
    random: np.random.Generator,
) -> None:  # fmt: skip
    """Store incidents in some cells, in proportion to their share."""
    lat_lon = np.array([h3.cell_to_latlng(cell) for cell in cells.tolist()])
    lat, lon = lat_lon[random.choice(len(cells), size, p=share / share.sum())].T
    begin = datetime.now(UTC) - timedelta(days=DAYS)
    moment = pa.array(
        (begin.timestamp() * 1e6 + random.uniform(0, DAYS * 864e8, size)).astype("int64"),
        pa.timestamp("us", "UTC"),
    )
    same = lambda word: pa.array([word] * size)  # noqa: E731
    rows = {
        "category_code": pa.array([f"kind{n}" for n in random.integers(0, KINDS, size)]),
        "source": same("resident_reported"), "reported_at": moment,
        "occurred_from": moment, "occurred_to": moment, "dataset": same("bench"),
        "recorded_by": same("bench"), "point_method": same("given"),
        "geom": points_to_ewkb(lon, lat), "h3_cell": pa.array(lonlat_to_h3_cell(lon, lat)),
    }  # fmt: skip
    with database.session() as session:
        copy_table(session, Incident.__table__, pa.table(rows))


def measured(app: FastAPI, given: argparse.Namespace, database: Database) -> None:
    random = np.random.default_rng(SEED)
    most = [0, 0]
    now = datetime.now(UTC).replace(microsecond=0)
    period = {"end": now.isoformat(), "start": (now - timedelta(days=90)).isoformat()}

    async def asked(**more: str | float) -> tuple[float, float]:
        start, cpu = time.perf_counter(), time.process_time()
        body = await answered(app, period | {"zoom": 14} | more)
        took = (time.perf_counter() - start) * 1000, (time.process_time() - cpu) * 1000
        told = json.loads(gzip.decompress(body))
        most[:] = max(most[0], len(told["features"])), max(most[1], len(body))
        return took

    async def rounds() -> dict[str, list[tuple[float, float]]]:
        # A minute with the same question: the columns are looked at anew every two seconds.
        return {
            "cold": [await asked(bbox=frame(random))],
            "fresh": [
                await asked(bbox=frame(random), category=f"kind{kind}", weekdays=day)
                for kind in range(KINDS)
                for day in ("1", "6,7")
            ],
            "warm": [await asked(bbox=frame(random)) for _ in range(given.requests)],
            "after": [await after_one_more(lambda: asked(bbox=frame(random)))],
        }

    async def after_one_more(
        ask: Callable[[], Awaitable[tuple[float, float]]],
    ) -> tuple[float, float]:
        add(database, 1, np.array([h3.latlng_to_cell(*CENTRE, 10)]), np.ones(1), random)
        await asyncio.sleep(MAX_AGE_S)
        return await ask()

    taken = asyncio.run(rounds())
    wall = {name: [one for one, _ in many] for name, many in taken.items()}
    cpu = {name: [one for _, one in many] for name, many in taken.items()}
    result = {
        "warm_p95_ms": float(np.percentile(wall["warm"], 95)),
        "warm_p50_ms": float(np.median(wall["warm"])),
        "warm_cpu_p95_ms": float(np.percentile(cpu["warm"], 95)),
        "warm_cpu_p50_ms": float(np.median(cpu["warm"])),
        "fresh_p95_ms": float(np.percentile(wall["fresh"], 95)),
        "fresh_cpu_p95_ms": float(np.percentile(cpu["fresh"], 95)),
        "cold_ms": wall["cold"][0],
        "after_ms": wall["after"][0],
        "cells": given.cells,
        "incidents": given.incidents,
        "features": most[0],
        "bytes": most[1],
    }
    result = {name: round(value, 1) for name, value in result.items()}
    for name, value in result.items():
        print(f"{name:18}{value:>12,}")
    print("RESULT " + json.dumps(result))


async def answered(app: FastAPI, query: dict[str, Any]) -> bytes:
    """Return the packed body of one answer of the layer."""
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
        "scheme": "http", "path": LAYER, "raw_path": LAYER.encode(), "root_path": "",
        "query_string": urlencode(query).encode(), "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "headers": [(b"host", b"127.0.0.1"), (b"accept-encoding", b"gzip")],
    }  # fmt: skip
    parts: list[bytes] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            assert message["status"] == 200, message
        else:
            parts.append(message.get("body", b""))

    await app(scope, receive, send)
    return b"".join(parts)


def frame(random: np.random.Generator) -> str:
    """A screen of 1,280 x 800 pixels at zoom 14, somewhere in the city."""
    width, height = 360 / 2**14 * 1280 / 256, 360 / 2**14 * 800 / 256 * 0.79
    west = CENTRE[1] - width / 2 + random.uniform(-0.04, 0.04)
    south = CENTRE[0] - height / 2 + random.uniform(-0.03, 0.03)
    return f"{west},{south},{west + width},{south + height}"


def asked_by_all_seeing(app: FastAPI) -> FastAPI:
    caller = Caller(
        account_id=1, name="bench", shown_name="bench", role="chief",
        permissions=PERMISSIONS["chief"], scope=GridScope.everything(),
    )  # fmt: skip
    app.dependency_overrides[current_caller] = lambda: caller
    return app


if __name__ == "__main__":
    main()
