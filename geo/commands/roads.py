"""`gridbeat roads …`: look a file of roads over, import it, close roads for a time."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table

from geo.commands.context import open_store
from geo.commands.words import parse_day
from geo.crs import parse_datum
from geo.errors import InvalidInput
from geo.importers.mapping import parse_overrides
from geo.importers.road_import import import_roads
from geo.importers.roads import Direction, RoadFile, read_roads
from geo.importers.upload_safety import UploadLimits
from geo.roads.build import build_road_network
from geo.roads.modes import TravelMode
from geo.roads.network import RoadNetwork
from geo.roads.report import RoadReport, road_report
from geo.roads.store import (
    StoredRoads,
    close_roads,
    load_closures,
    load_road_versions,
    reopen_roads,
)
from geo.settings import Settings, load_settings

app = typer.Typer(no_args_is_help=True, help="Road networks: check, import, list; closed roads.")

FileWord = Annotated[
    Path,
    typer.Argument(
        help="OSM PBF or XML, GeoPackage, Shapefile, GeoJSON, or a CSV or Parquet of edges."
    ),
]
LayerWord = Annotated[str | None, typer.Option(help="Layer, where the file has several.")]
DatumWord = Annotated[
    str, typer.Option(help="WGS84, CGCS2000, GCJ02, BD09 or a projection such as EPSG:4547.")
]
DirectionWord = Annotated[
    Direction | None,
    typer.Option(help="How lines without a one-way tag are driven; guessed if not said."),
]
ColumnWords = Annotated[
    list[str] | None,
    typer.Option(
        help="What a column is, such as highway=class; highway= for none.",
        metavar="FIELD=COLUMN",
    ),
]


@app.command()
def check(
    file: FileWord,
    layer: LayerWord = None,
    datum: DatumWord = "WGS84",
    direction: DirectionWord = None,
    column: ColumnWords = None,
) -> None:
    """Read a road network and tell what is wrong with it, mode by mode; nothing is stored."""
    read = read_roads(
        file,
        datum=parse_datum(datum),
        table_name=layer,
        direction=direction,
        columns=parse_overrides(column or []),
        limits=UploadLimits.from_settings(load_settings()),
    )
    network = build_road_network(read.lines)
    _tell(read, network, road_report(network))


@app.command("import")
def import_(
    file: FileWord,
    name: Annotated[str | None, typer.Option(help="Shown to people; else the file's.")] = None,
    valid_from: Annotated[
        str | None, typer.Option(help="First day it is in force; else today.")
    ] = None,
    attribution: Annotated[
        str | None, typer.Option(help="Whose data it is; known for OSM files.")
    ] = None,
    layer: LayerWord = None,
    datum: DatumWord = "WGS84",
    direction: DirectionWord = None,
    column: ColumnWords = None,
) -> None:
    """Import a road network as a new version; the one before it ends on that day.

    The same roads again do nothing.
    """
    settings, begun = load_settings(), time.perf_counter()
    with (
        open_store(settings) as store,
        Console(stderr=True).status(f"Reading {file.name} …"),
        store.session() as session,
    ):
        done = import_roads(
            session,
            file,
            valid_from=parse_day(valid_from),
            name=name,
            attribution=attribution,
            datum=parse_datum(datum),
            table_name=layer,
            direction=direction,
            columns=parse_overrides(column or []),
            limits=UploadLimits.from_settings(settings),
        )
        _tell(done.file, done.network, done.report)
        _tell_stored(done.stored, time.perf_counter() - begun)


@app.command("list")
def list_() -> None:
    """List the versions of the road network."""
    with open_store() as store, store.session() as session:
        versions = load_road_versions(session)
        table = Table("network", "from", "until", "roads", "edges", "datum", "whose")
        for one in versions:
            table.add_row(
                one.name,
                f"{one.valid_from}",
                f"{one.valid_to or ''}",
                f"{one.line_count:,}",
                f"{one.edge_count:,}",
                one.origin_datum,
                one.attribution or "",
            )
    Console().print(
        table if versions else "There is no road network. Import one: gridbeat roads import FILE."
    )


@app.command()
def close(
    road: Annotated[list[int], typer.Argument(help="Numbers of roads in their file.")],
    reason: Annotated[str, typer.Option(help="Shown to who asks why.")],
    starts: Annotated[
        str | None, typer.Option(help="From when, such as 2026-03-01T08:00; else now.")
    ] = None,
    ends: Annotated[
        str | None, typer.Option(help="Until when; else until they are reopened.")
    ] = None,
    mode: Annotated[
        list[TravelMode] | None, typer.Option(help="Who is kept out; else everybody.")
    ] = None,
) -> None:
    """Close roads for a time; travel times and paths leave them out."""
    settings = load_settings()
    now = datetime.now(UTC)
    starts_at = _moment(starts, settings) or now
    with open_store(settings) as store, store.session() as session:
        closure = close_roads(
            session,
            road,
            starts_at=starts_at,
            ends_at=_moment(ends, settings),
            reason=reason,
            recorded_by="command line",
            on=settings.local_day(starts_at),
            modes=mode or list(TravelMode),
        )
        Console().print(f"Closure {closure.id}: {len(closure.road_ids)} roads.")


@app.command()
def reopen(closure: Annotated[int, typer.Argument(help="Number of the closure.")]) -> None:
    """End a closure now, or take back one that has not begun."""
    with open_store() as store, store.session() as session:
        reopen_roads(session, closure, at=datetime.now(UTC))
    Console().print(f"Closure {closure} is over.")


@app.command()
def closures() -> None:
    """List the closures that hold or will."""
    settings = load_settings()
    zone = ZoneInfo(settings.time_zone)
    with open_store(settings) as store, store.session() as session:
        found = load_closures(session, at=datetime.now(UTC))
        table = Table("closure", "roads", "from", "until", "who", "reason")
        for one in found:
            table.add_row(
                str(one.id),
                ", ".join(map(str, one.road_ids[:5])) + (" …" if len(one.road_ids) > 5 else ""),
                f"{one.starts_at.astimezone(zone):%Y-%m-%d %H:%M}",
                f"{one.ends_at.astimezone(zone):%Y-%m-%d %H:%M}" if one.ends_at else "",
                "all" if len(one.modes) == len(TravelMode) else ", ".join(one.modes),
                one.reason,
            )
    Console().print(table if found else "No road is closed.")


def _moment(word: str | None, settings: Settings) -> datetime | None:
    """A moment in the deployment's own time, unless the word says another zone."""
    if word is None:
        return None
    try:
        moment = datetime.fromisoformat(word)
    except ValueError:
        raise InvalidInput(
            f"“{word[:40]}” is no moment. Wanted one such as 2026-03-01T08:00."
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(settings.time_zone))


def _tell_stored(stored: StoredRoads, seconds: float) -> None:
    console = Console()
    version = stored.version
    if stored.was_there:
        console.print(
            f"“{version.name}” holds these very roads from {version.valid_from} on; nothing was "
            "changed."
        )
        return
    console.print(
        f"Stored as “{version.name}”, in force from {version.valid_from} on"
        f"{f' until {version.valid_to}' if version.valid_to else ''}, in {seconds:.1f} s.",
        highlight=False,
    )
    if stored.ended:
        console.print(f"“{stored.ended}” ends on that day.")
    if stored.replaced:
        console.print(f"“{stored.replaced}”, which began on the same day, is replaced.")


def _tell(read: RoadFile, network: RoadNetwork, report: RoadReport) -> None:
    console = Console()
    console.print(
        f"{read.file_name}: {len(read.lines):,} roads, {network.node_count:,} crossings and ends, "
        f"{network.edge_count:,} directed edges, {len(network.names):,} names."
    )
    if read.mapping:
        told = ", ".join(f"{field}={name}" for field, name in read.mapping.items())
        console.print(f"Columns: {told}", markup=False)
    for note in read.notes:
        console.print(note, markup=False)
    for reason, count in (*read.counts.items(), *report.dropped.items()):
        console.print(f"Left out: {count:,}: {reason}", markup=False)
    table = Table("mode", "km", "edges", "in main part", "islands", "one can't leave", "dead ends")
    for row in report.modes.to_dict("records"):
        share = float(row["main_length_share"])
        table.add_row(
            str(row["mode"]).replace("_", " "),
            f"{row['length_km']:,.1f}",
            f"{row['edge_count']:,}",
            "-" if math.isnan(share) else f"{share:.1%}",
            f"{row['island_count']:,}",
            f"{row['trap_edge_count']:,}",
            f"{row['dead_end_count']:,}",
        )
    console.print(table)
    console.print(
        "Km count a road once. The main part is where one can drive from anywhere to anywhere. "
        "“One can't leave”: edges joined to it in one direction only."
    )
