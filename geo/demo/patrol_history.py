"""The demo city's units in the days before the first start: what patrol coverage is shown from.

The newest days come from the units' phones (`geo.demo.patrol_mover`); what lies before is put into
the store a shift at a time, a position a minute, after the server has started. A shift's track
follows from the unit and its begin alone.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import structlog
from sqlalchemy import text
from sqlalchemy.orm import Session

from geo.demo.patrol import DAYS_BACK, PLANNED_BY
from geo.demo.patrol_mover import PAST, demo_road_plan
from geo.demo.patrol_tracks import MOVEMENTS, REACH_M
from geo.errors import PlatformError
from geo.positions.storing import make_position_partitions
from geo.simulator.devices import Device, report
from geo.simulator.patrol_walk import walk_roads
from geo.simulator.road_plan import RoadPlan
from geo.store.database import Database
from geo.tables import StoreNote

log = structlog.get_logger(__name__)

PHONE = Device(interval_s=60.0, jitter_s=4.0, noise_m=5.0, outages_per_hour=0.2,
               outage_s=(240.0, 1500.0))  # fmt: skip
# Of the time that a shift took, until the next: who looks at the map meanwhile must not wait.
PAUSE_SHARE = 1.0
_MISSING = text(
    """
    SELECT shift.unit_id, unit.code, unit.kind, ST_X(unit.home) AS x, ST_Y(unit.home) AS y,
        shift.starts_at, shift.ends_at,
        (SELECT min(id) FROM patrol_device WHERE unit_id = unit.id) AS device_id
    FROM duty_shift AS shift JOIN patrol_unit AS unit ON unit.id = shift.unit_id
    WHERE shift.planned_by = :planned_by AND unit.ended_at IS NULL
        AND shift.starts_at >= :first AND shift.ends_at <= :last
        AND NOT EXISTS (
            SELECT FROM patrol_position AS fix WHERE fix.unit_id = shift.unit_id
            AND fix.fixed_at >= shift.starts_at AND fix.fixed_at < shift.ends_at
        )
    ORDER BY shift.starts_at DESC, unit.code
    """
)
_STORE = text(
    """
    INSERT INTO patrol_position (unit_id, fixed_at, device_id, received_at, skew_s, lon, lat,
        accuracy_m, source)
    SELECT :unit_id, to_timestamp(at_s), :device_id, to_timestamp(at_s), 0, lon, lat, 5, 'demo'
    FROM unnest(CAST(:at_s AS float8[]), CAST(:lon AS float8[]), CAST(:lat AS float8[]))
        AS fix(at_s, lon, lat)
    ON CONFLICT DO NOTHING
    """
)


def fill_history(
    database: Database,
    *,
    now: datetime,
    leaving: threading.Event | None = None,
    shifts_max: int | None = None,
) -> int:
    """Put positions into shifts of the demo roster that have none and lie before what phones
    still send; return how many shifts. In any other store do nothing."""  # fmt: skip
    with database.session() as session:
        if session.get(StoreNote, "demo_city") is None:
            return 0
        missing = session.execute(
            _MISSING,
            {
                "planned_by": PLANNED_BY,
                "first": now - timedelta(days=DAYS_BACK),
                "last": now - PAST,
            },
        ).all()[:shifts_max]
        plan = demo_road_plan(session) if missing else None
    if missing:
        with database.session() as session:
            make_position_partitions(session, now=now, back_days=DAYS_BACK)
    for done, shift in enumerate(missing):
        if leaving is not None and leaving.is_set():
            return done
        begun = time.monotonic()
        assert plan is not None
        with database.session() as session:
            _fill(session, plan, shift)
        if leaving is not None:
            leaving.wait(PAUSE_SHARE * (time.monotonic() - begun))
    return len(missing)


def _fill(session: Session, plan: RoadPlan, shift: Any) -> None:
    unit_id, code, kind, x, y, starts_at, ends_at, device_id = shift
    start_s, seconds = starts_at.timestamp(), (ends_at - starts_at).total_seconds()
    rng = np.random.default_rng(
        list(hashlib.sha256(f"{code} {start_s:.0f} past".encode()).digest())
    )
    home = None if x is None else tuple(plan.plane.points_to_metres([x], [y])[0])
    walk = walk_roads(
        plan, seconds=seconds, movement=MOVEMENTS[kind], rng=rng, reach_m=REACH_M[kind],
        home=home,
    )  # fmt: skip
    told = report(walk, seconds=seconds, device=PHONE, rng=rng)
    lon, lat = plan.plane.metres_to_points(told.xy)
    session.execute(
        _STORE,
        {
            "unit_id": unit_id, "device_id": device_id or 0,
            "at_s": np.round(start_s + told.fixed_s, 3).tolist(),
            "lon": np.round(lon, 7).tolist(), "lat": np.round(lat, 7).tolist(),
        },
    )  # fmt: skip


@contextmanager
def filling_history(database: Database) -> Iterator[None]:
    """Fill the past in a thread, newest first, while the context is open."""
    leaving = threading.Event()

    def fill() -> None:
        try:
            count = fill_history(database, now=datetime.now(UTC), leaving=leaving)
        except PlatformError as error:
            log.warning("demo.history_not_filled", error=type(error).__name__)
        else:
            if count:
                log.info("demo.history_filled", shifts=count)

    filler = threading.Thread(target=fill, name="demo-history", daemon=True)
    filler.start()
    try:
        yield
    finally:
        leaving.set()
        filler.join(timeout=10)
