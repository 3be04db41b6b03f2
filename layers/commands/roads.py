"""`gridbeat roads calibrate`, beside the other verbs of roads."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from geo.audit import OPERATOR, Access, record
from geo.commands.context import open_store
from geo.commands.roads import app
from geo.roads.modes import TravelMode
from geo.roads.spread import (
    ASSUMED_P50,
    ASSUMED_P90,
    TRIPS_MIN,
    WHOLE_DAY,
    TravelSpread,
    load_spreads,
    store_spreads,
)
from geo.settings import load_settings
from geo.values import Period
from layers.response.who_reaches import ReachRules
from layers.travel.calibration import UNITS_MIN, Measured, load_trips, measure, spreads_of
from layers.travel.stored import StoredTravel


@app.command()
def calibrate(
    days: Annotated[int, typer.Option(min=1, max=366, help="The last days.")] = 28,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show; store nothing.")] = False,
    reset: Annotated[bool, typer.Option("--reset", help="Back to the assumption.")] = False,
) -> None:
    """Measure how far trips spread around computed times, by the units' own tracks on duty."""
    settings, now = load_settings(), datetime.now(UTC)
    console = Console()
    actor = f"{OPERATOR}{getpass.getuser()}"
    with open_store(settings) as store, store.session() as session:
        if reset:
            number = store_spreads(
                session, {mode: {} for mode in TravelMode},
                source={"by": actor, "at": now.isoformat(), "what": "assumed"},
            )  # fmt: skip
            record(session, Access(actor, "command line"), "roads.calibrate", object_kind="roads")
            console.print(f"Version {number}: all spreads are assumed again.")
            return
        roads = StoredTravel.of_settings(settings.time_zone, settings.road_speeds_file)
        period = Period(now - timedelta(days=days), now)
        with Console(stderr=True).status("Trips …") as status:
            trips = load_trips(
                session, period, roads, ReachRules.of(settings.reach_kinds),
                told=lambda day, count: status.update(f"{day:%Y-%m-%d}: {count:,} trips"),
            )  # fmt: skip
        measured = measure(trips, measured_at=now)
        record(
            session, Access(actor, "command line"), "roads.calibrate",
            object_kind="roads", row_count=len(trips),
        )  # fmt: skip
        found = spreads_of(measured)
        _tell(console, measured, load_spreads(session))
        if dry_run or not found:
            console.print("Nothing was stored.")
            return
        network = roads.roads(session, at=now)
        number = store_spreads(
            session, found,
            source={
                "by": actor, "at": now.isoformat(), "from": period.start.isoformat(),
                "to": period.end.isoformat(), "network": network.name,
                "speeds": {mode.value: roads.speeds[mode].source for mode in found},
            },
        )  # fmt: skip
        console.print(f"Stored as version {number}; answers carry it from now on.")


def _tell(
    console: Console, measured: list[Measured], before: dict[TravelMode, TravelSpread]
) -> None:
    table = Table("mode", "errand", "hours", "trips", "units", "p50", "p90", "used")
    for one in measured:
        spread = one.spread
        if not one.is_responding:
            used = "no, patrol"
        elif spread is None:
            used = "no, few"
        else:
            old = before[one.mode]
            used = f"for {old.p50_factor:g} / {old.p90_factor:g}"
        table.add_row(
            one.mode.value.replace("_", " "),
            "call" if one.is_responding else "patrol",
            "all" if one.band == WHOLE_DAY else one.band,
            f"{one.trip_count:,}",
            str(one.unit_count),
            "-" if spread is None else _with(spread.p50_factor, spread.p50_low, spread.p50_high),
            "-" if spread is None else _with(spread.p90_factor, spread.p90_low, spread.p90_high),
            used,
        )
    console.print(table if measured else "No unit moved on duty in these days.")
    console.print(
        "Factors on computed times, with 95 % intervals; used: instead of which. Fewer than "
        f"{TRIPS_MIN} trips, or those of fewer than {UNITS_MIN} units, say nothing; then "
        f"{ASSUMED_P50:g} and {ASSUMED_P90:g} stay assumed."
    )


def _with(value: float, low: float | None, high: float | None) -> str:
    bounds = (f"{each:.2f}" if each is not None else "?" for each in (low, high))
    return f"{value:.2f} ({'-'.join(bounds)})"


__all__ = ["app"]
