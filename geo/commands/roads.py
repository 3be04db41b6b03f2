"""`gridbeat roads …`: look a file of roads over before anything is built on it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from geo.crs import parse_datum
from geo.importers.mapping import parse_overrides
from geo.importers.roads import Direction, RoadFile, read_roads
from geo.importers.upload_safety import UploadLimits
from geo.roads.build import build_road_network
from geo.roads.network import RoadNetwork
from geo.roads.report import RoadReport, road_report
from geo.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="Road networks: what a file holds.")


@app.callback()
def _group() -> None:
    """Road networks: what a file holds."""


@app.command()
def check(
    file: Annotated[
        Path,
        typer.Argument(
            help="OSM PBF or XML, GeoPackage, Shapefile, GeoJSON, or a CSV or Parquet of edges."
        ),
    ],
    layer: Annotated[str | None, typer.Option(help="Layer, where the file has several.")] = None,
    datum: Annotated[
        str, typer.Option(help="WGS84, CGCS2000, GCJ02, BD09 or a projection such as EPSG:4547.")
    ] = "WGS84",
    direction: Annotated[
        Direction | None,
        typer.Option(help="How lines without a one-way tag are driven; guessed if not said."),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            help="What a column is, such as highway=class; highway= for none.",
            metavar="FIELD=COLUMN",
        ),
    ] = None,
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
