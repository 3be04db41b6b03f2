"""`gridbeat basemap …`: import what the map is drawn from, list it, remove it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from geo.basemap_store import find_basemap_sources, remove_basemap_source
from geo.commands.context import open_store
from geo.crs import parse_datum
from geo.errors import InvalidMapping
from geo.importers.basemap import BasemapColumns, BasemapImport, import_basemap
from geo.importers.basemap_layers import LAYER_KINDS
from geo.importers.upload_safety import UploadLimits
from geo.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="Roads, buildings and places to draw.")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="OSM PBF or XML, GeoPackage, GeoJSON or Shapefile.")],
    source: Annotated[
        str, typer.Option(help="Name of the set; importing the same name again replaces it.")
    ],
    datum: Annotated[
        str, typer.Option(help="WGS84, CGCS2000, GCJ02, BD09 or a projection such as EPSG:4547.")
    ] = "WGS84",
    layer: Annotated[
        list[str] | None,
        typer.Option(
            help=f"What a layer is, as NAME=KIND; kinds: {', '.join(LAYER_KINDS)}.",
            metavar="NAME=KIND",
        ),
    ] = None,
    attribution: Annotated[
        str | None, typer.Option(help="Text at the map's edge; known for OSM files.")
    ] = None,
    class_column: Annotated[str | None, typer.Option(help="Column of the class.")] = None,
    name_column: Annotated[str | None, typer.Option(help="Column of the name.")] = None,
    number_column: Annotated[str | None, typer.Option(help="Column of the house number.")] = None,
) -> None:
    """Import a base map; the source's earlier content is replaced, whole or not at all."""
    layers = dict(_layer_kind(word) for word in layer or [])
    settings = load_settings()
    with open_store(settings) as store, _bar() as bar, store.session() as session:
        task, begun = bar.add_task(f"Reading {file.name}", total=None), time.perf_counter()
        result = import_basemap(
            session,
            file,
            source=source,
            datum=parse_datum(datum),
            attribution=attribution,
            layers=layers,
            columns=BasemapColumns(class_column, name_column, number_column),
            limits=UploadLimits.from_settings(settings),
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    _tell(result, time.perf_counter() - begun)


@app.command("list")
def list_() -> None:
    """List the imported sets."""
    with open_store() as store, store.session() as session:
        sources = find_basemap_sources(session)
    table = Table("source", "file", "datum", "features", "attribution", "imported")
    for one in sources:
        table.add_row(
            one.name,
            one.file_name or "",
            one.origin_datum,
            f"{one.feature_count:,}",
            one.attribution or "",
            f"{one.imported_at:%Y-%m-%d %H:%M} UTC",
        )
    Console().print(
        table if sources else "The base map is empty. Import one with “basemap import”."
    )


@app.command()
def remove(source: Annotated[str, typer.Argument(help="Name of the set.")]) -> None:
    """Remove a set from the base map."""
    with open_store() as store, store.session() as session:
        count = remove_basemap_source(session, source)
    Console().print(f"Removed {source}: {count:,} features.")


def _layer_kind(word: str) -> tuple[str, str]:
    name, sign, kind = word.rpartition("=")
    if not sign or not name:
        raise InvalidMapping(f"“{word[:60]}” declares no layer. Wanted NAME=KIND.")
    return name, kind


def _bar() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,} features"),
        TimeElapsedColumn(),
        transient=True,
        console=Console(stderr=True),
    )


def _tell(result: BasemapImport, seconds: float) -> None:
    console = Console()
    table = Table("kind", "features", title=f"{result.source}: {result.file_name}")
    for kind, count in sorted(result.counts.items()):
        table.add_row(kind, f"{count:,}")
    console.print(table)
    console.print(f"{result.feature_count:,} features in {seconds:.1f} s.", highlight=False)
    for plan in result.layers:
        console.print(f"Layer {plan.layer} read as {plan.kind}: {plan.why}.", highlight=False)
    for reason, count in sorted(result.dropped.items()):
        console.print(f"Left out {count:,}: {reason}.", highlight=False)
    if result.mended:
        console.print(f"Made valid: {result.mended:,} areas that crossed themselves.")
    for note in result.notes:
        console.print(note, highlight=False)
