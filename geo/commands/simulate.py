"""`gridbeat simulate`: generated units walk the demo city's streets and send to the server."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import numpy as np
import pyogrio
import typer
from rich.console import Console

from geo.commands.context import open_store
from geo.demo.city import NOTICE, generate_city
from geo.settings import load_settings
from geo.simulator.assigned import Drive, assigned_drive
from geo.simulator.devices import Device
from geo.simulator.patrol_walk import BY_CAR, BY_MOTORCYCLE, ON_FOOT
from geo.simulator.posting import Posted, post_reports
from geo.simulator.road_plan import RoadPlan
from geo.simulator.shift import SimulatedShift, simulate_shift
from geo.stored_grids import load_stored_grids
from geo.units.devices import register_device
from geo.units.units import create_unit, plan_shift, set_status
from geo.values import GridScope, Period

MOVEMENTS = {"foot": ON_FOOT, "motorcycle": BY_MOTORCYCLE, "car": BY_CAR}


def simulate(
    units: Annotated[int, typer.Option(min=1, max=500, help="How many units.")] = 12,
    minutes: Annotated[float, typer.Option(min=0.1, help="How long [min].")] = 60.0,
    kind: Annotated[str, typer.Option(help="foot, motorcycle or car.")] = "foot",
    interval: Annotated[float, typer.Option(min=1, help="Between two positions [s].")] = 10.0,
    roads: Annotated[
        Path | None, typer.Option(help="Lines from junction to junction; else the demo city's.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same walks.")] = 1,
    plan: Annotated[
        int | None, typer.Option(min=1, help="Drive the routes of an assigned patrol plan.")
    ] = None,
    late: Annotated[float, typer.Option(help="Behind the plan all the time [min].")] = 0.0,
    past: Annotated[
        bool, typer.Option("--past", help="Of a plan: only what lies in the past, then end.")
    ] = False,
    url: Annotated[str, typer.Option(help="The running server.")] = "http://127.0.0.1:8000",
) -> None:
    """Make generated units with a device each, and let them send their positions as phones do."""
    console = Console(stderr=True)
    if plan is not None:
        drive = Drive(interval_s=interval, late_s=late * 60, seed=seed)
        _drive(plan, url, console, drive, is_past_only=past)
        return
    if kind not in MOVEMENTS:
        raise typer.BadParameter(f"{kind} is none of {', '.join(MOVEMENTS)}.")
    lines = pyogrio.read_dataframe(roads).geometry if roads else generate_city().roads.geometry
    start = datetime.now(UTC)
    shift = simulate_shift(
        RoadPlan.of(lines.to_numpy()), units=units, seconds=minutes * 60,
        start_ms=round(start.timestamp() * 1000), movement=MOVEMENTS[kind], seed=seed,
        device=Device(interval_s=interval, noise_lasts_s=20.0, outages_per_hour=0.5,
                      offline_share=0.5),
    )  # fmt: skip
    tokens = _make_units(shift, kind, start, timedelta(minutes=minutes))
    console.print(f"{NOTICE}: {units} units for {minutes:g} min, to {url}. Ctrl-C ends it.")
    posted = post_reports(
        url, tokens, shift.reports, plane=shift.plan.plane, start_s=start.timestamp(),
        told=_teller(console),
    )  # fmt: skip
    console.print(f"{posted.sent} positions were sent.")


def _drive(plan_id: int, url: str, console: Console, drive: Drive, *, is_past_only: bool) -> None:
    """Let the units of an assigned plan do what it says; what lies in the past is sent at once.

    Only their own phones should report meanwhile: a unit that the demo city moves is in two places.
    """
    with open_store(load_settings()) as store:
        reports = assigned_drive(store, plan_id, drive)
    if is_past_only:
        reports = reports.until(datetime.now(UTC))
    console.print(
        f"{len(reports.tokens)} units drive the plan {plan_id}, to {url}. Ctrl-C ends it."
    )
    posted = reports.post(url, told=_teller(console))
    console.print(f"{posted.sent} positions were sent.")


def _teller(console: Console) -> Callable[[Posted], None]:
    begun = time.monotonic()

    def told(posted: Posted) -> None:
        if (posted.sent + posted.failed) % 500 == 0:
            console.print(
                f"{time.monotonic() - begun:.0f} s: {posted.sent} sent, {posted.failed} to be "
                "sent again"
            )

    return told


def _make_units(shift: SimulatedShift, kind: str, start: datetime, lasts: timedelta) -> list[str]:
    """Units in the grids where they begin, on duty from now on; their tokens."""
    settings = load_settings()
    tokens = []
    plane = shift.plan.plane
    homes = np.array([walk.xy[0] for walk in shift.walks])
    lon = homes[:, 0] / plane.metres_per_lon_deg + plane.longitude
    lat = homes[:, 1] / plane.metres_per_lat_deg + plane.latitude
    run = uuid4().hex[:6]
    with open_store(settings) as store, store.session() as session:
        grids = load_stored_grids(session, on=settings.local_day(start))
        codes = grids.place(lon, lat)["grid_code"].tolist()
        for number, code in enumerate(codes, start=1):
            unit = create_unit(
                session, f"SIM-{run}-{number:03}", f"模拟{number:03}（生成数据）",
                scope=GridScope.everything(), kind=kind, grid_codes=[code or "none"],
            )  # fmt: skip
            duty = Period(start - timedelta(minutes=1), start + lasts + timedelta(minutes=10))
            plan_shift(session, unit, duty, planned_by="simulate")
            set_status(session, unit, "free", now=start, told_by="simulate")
            tokens.append(register_device(session, unit)[1])
    return tokens
