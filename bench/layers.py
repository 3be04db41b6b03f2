"""The hotspot layer over a million incidents: time from request to GeoJSON, cold and warm.

    python -m bench.layers [--incidents N] [--cells N] [--requests N]

Incidents of ten kinds over two years in some 20,000 cells of resolution 10, in an embedded store.
The application answers over its own routes, without a socket: question, columns, measure, GeoJSON,
compression. Cold: the first request, which reads all columns out of the database. Fresh: a question
not asked before (another kind or frame of the week). Warm: frames of a map that is dragged, the
question asked before. Wall time has the machine's other work in it.

RESULT: warm_p95_ms, warm_p50_ms, warm_cpu_p95_ms (of this process, which both asks and answers),
fresh_p95_ms, cold_ms, cells, incidents, features (most in one answer).
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import h3.api.basic_int as h3
import numpy as np
import pyarrow as pa
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.app import create_app
from api.callers import current_caller
from geo.accounts import PERMISSIONS, Caller
from geo.h3_cells import lonlat_to_h3_cell
from geo.settings import Settings
from geo.store.bulk import copy_table, points_to_ewkb
from geo.store.database import Database, open_database
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
    with tempfile.TemporaryDirectory(prefix="gridbeat-bench-") as folder:
        Path(folder).chmod(0o755)  # the server runs as another user where the bench runs as root
        settings = Settings(data_folder=Path(folder) / "data", demo=False)
        with open_database(settings) as database:
            filled(database, given.incidents, given.cells)
            measured(asked_by_all_seeing(create_app(settings, database)), given)


def filled(database: Database, count: int, cells: int) -> None:
    """Load incidents: places that differ as much as real ones do."""
    random = np.random.default_rng(SEED)
    rings = int(np.ceil(np.sqrt(cells / 3)))
    disk = np.array(h3.grid_disk(h3.latlng_to_cell(*CENTRE, 10), rings)[:cells], dtype=np.int64)
    share = random.gamma(0.4, 1.0, len(disk))
    lat_lon = np.array([h3.cell_to_latlng(cell) for cell in disk.tolist()])
    begin = datetime.now(UTC) - timedelta(days=DAYS)
    with database.session() as session:
        for kind in range(KINDS):
            session.add(IncidentCategory(code=f"kind{kind}", name=f"类别{kind}"))
        session.flush()
        for start in range(0, count, 100_000):
            size = min(100_000, count - start)
            at = random.choice(len(disk), size, p=share / share.sum())
            lat, lon = lat_lon[at].T
            moment = pa.array(
                (begin.timestamp() * 1e6 + random.uniform(0, DAYS * 864e8, size)).astype("int64"),
                pa.timestamp("us", "UTC"),
            )
            same = lambda word, size=size: pa.array([word] * size)  # noqa: E731
            rows = {
                "category_code": pa.array([f"kind{n}" for n in random.integers(0, KINDS, size)]),
                "source": same("resident_reported"), "reported_at": moment,
                "occurred_from": moment, "occurred_to": moment, "dataset": same("bench"),
                "recorded_by": same("bench"), "point_method": same("given"),
                "geom": points_to_ewkb(lon, lat),
                "h3_cell": pa.array(lonlat_to_h3_cell(lon, lat)),
            }  # fmt: skip
            copy_table(session, Incident.__table__, pa.table(rows))


def measured(app: FastAPI, given: argparse.Namespace) -> None:
    client = TestClient(app)
    random = np.random.default_rng(SEED)
    most = 0

    def asked(**more: str | float) -> tuple[float, float]:
        nonlocal most
        start, cpu = time.perf_counter(), time.process_time()
        answer = client.get(LAYER, params={"end": end, "start": begin, "zoom": 14} | more)
        took = (time.perf_counter() - start) * 1000, (time.process_time() - cpu) * 1000
        assert answer.status_code == 200, answer.text
        most = max(most, len(answer.json()["features"]))
        return took

    now = datetime.now(UTC).replace(microsecond=0)
    end, begin = now.isoformat(), (now - timedelta(days=90)).isoformat()
    cold = asked(bbox=frame(random))
    fresh = [
        asked(bbox=frame(random), category=f"kind{kind}", weekdays=day)
        for kind in range(KINDS)
        for day in ("1", "6,7")
    ]
    warm = [asked(bbox=frame(random)) for _ in range(given.requests)]
    result = {
        "warm_p95_ms": round(float(np.percentile([wall for wall, _ in warm], 95)), 1),
        "warm_p50_ms": round(float(np.median([wall for wall, _ in warm])), 1),
        "warm_cpu_p95_ms": round(float(np.percentile([cpu for _, cpu in warm], 95)), 1),
        "fresh_p95_ms": round(float(np.percentile([wall for wall, _ in fresh], 95)), 1),
        "cold_ms": round(cold[0], 1),
        "cells": given.cells,
        "incidents": given.incidents,
        "features": most,
    }
    for name, value in result.items():
        print(f"{name:14}{value:>12,}")
    print("RESULT " + json.dumps(result))


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
