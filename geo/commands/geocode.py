"""`gridbeat geocode`, `gridbeat locate`, `gridbeat suggest`: where addresses are, what is there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column, Table
from rich.text import Text

from geo.addresses.deployment import load_context, written_form
from geo.addresses.match_reasons import LEVEL_NAMES
from geo.addresses.register_follower import RegisterFollower
from geo.commands.context import open_store
from geo.commands.words import parse_day, today
from geo.crs import parse_datum, to_wgs84
from geo.errors import InvalidInput
from geo.geocoding.batch import GeocodeSummary, geocode_file
from geo.geocoding.geocoder import GeocodeAnswer
from geo.geocoding.local import LocalGeocoder, open_geocoder
from geo.geocoding.workers import usable_cores
from geo.h3_cells import h3_cell_to_text
from geo.importers.mapping import parse_overrides
from geo.importers.upload_safety import UploadLimits
from geo.locating import locate as locate_point
from geo.locating_files import assign_file
from geo.review import queue_for_review
from geo.settings import load_settings
from geo.store.database import Database
from geo.values import GridScope, LonLat

_STATUS = {
    "matched": ("green", "matched 已匹配"), "review": ("yellow", "review 待核"),
    "not_found": ("red", "not found 未找到"), "error": ("red", "error 有误"),
}  # fmt: skip


def geocode(
    file: Annotated[Path | None, typer.Argument(help="Table with a column of addresses.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Result: .csv, .xlsx, .parquet or .gpkg.")
    ] = None,
    text: Annotated[
        str | None, typer.Option("--text", help="One address instead of a file.")
    ] = None,
    column: Annotated[
        str | None, typer.Option("--column", help="Column of the addresses; guessed by default.")
    ] = None,
    datum_out: Annotated[
        str, typer.Option("--datum-out", help="Datum of the coordinates written.")
    ] = "WGS84",
    is_queued: Annotated[
        bool, typer.Option("--queue", help="Put the rows that are not sure into the review queue.")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers", min=1, max=64, help="Processes that match; a core each by default."
        ),
    ] = None,
) -> None:
    """Find point, grid and H3 cell of one address or of a file of them.

    A run that was stopped goes on where it was when the same command is given again.
    """
    console = Console()
    settings = load_settings()
    if (file is None) == (text is None):
        raise InvalidInput("Give either a file or --text “an address”.")
    if file is not None and out is None:
        raise InvalidInput("Give the name of the result: gridbeat geocode FILE -o OUT.")
    if file is None and is_queued:
        raise InvalidInput("--queue is for files. Leave it away with --text.")
    with open_store(settings) as database:
        if text is not None:
            geocoder = open_geocoder(database, settings)
            _print_answer(console, geocoder.geocode(text, scope=GridScope.everything()))
            return
        assert file is not None and out is not None
        follower = RegisterFollower(database, written_form=written_form(settings))
        with database.session() as session:
            context = load_context(settings, session)
        with console.status("Reading the register …"):
            index = follower.current()
        geocoder = LocalGeocoder(
            lambda: index,  # one state of the register for the whole file
            threshold=settings.match_threshold,
            max_length=settings.address_text_max,
            context=lambda: context,
            others_of_sure=False,
            door_sides=settings.door_sides,
        )
        queue = _ReviewQueue(database, source=file.name) if is_queued else None
        with _progress(console) as bar:
            task = bar.add_task("Geocoding", total=None)
            summary = geocode_file(
                file, out, geocoder=geocoder, scope=GridScope.everything(), column=column,
                datum_out=datum_out, limits=UploadLimits.from_settings(settings),
                register_mark=follower.mark(), queue=queue,
                workers=workers or settings.geocode_workers or usable_cores(),
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )  # fmt: skip
    _print_summary(console, summary)
    if queue is not None:
        console.print(f"New in the review queue: {queue.new_count:,} texts (page /review).")


class _ReviewQueue:
    """Puts the unsure answers of a file up for review, a transaction a chunk."""

    def __init__(self, database: Database, *, source: str) -> None:
        self.database = database
        self.source = source
        self.new_count = 0

    def __call__(self, answers: Sequence[GeocodeAnswer]) -> None:
        with self.database.session() as session:
            self.new_count += queue_for_review(session, answers, source=self.source)


def suggest(
    typed: Annotated[str, typer.Argument(help="The beginning of an address, or pinyin.")],
    limit: Annotated[int, typer.Option(min=1, max=50)] = 8,
    near: Annotated[
        str | None,
        typer.Option("--near", help="lon,lat (WGS 84) of the user: what is near comes first."),
    ] = None,
) -> None:
    """Complete an address while it is typed."""
    console = Console()
    settings = load_settings()
    place = None if near is None else _place(near)
    with open_store(settings) as database:
        found = open_geocoder(database, settings).suggest(
            typed, scope=GridScope.everything(), near=place, limit=limit
        )
    if not found:
        console.print("Nothing in the register begins like that.")
        return
    table = Table("id", Column("address", overflow="fold"), "level", "addresses")
    for suggestion in found:
        table.add_row(
            str(suggestion.standard_address_id or ""), Text(suggestion.text), suggestion.level,
            str(suggestion.address_count),
        )  # fmt: skip
    console.print(table)


def _place(text: str) -> LonLat:
    try:
        lon, lat = (float(part) for part in text.split(","))
    except ValueError:
        raise InvalidInput(
            f"“{text[:40]}” is no place. Wanted longitude,latitude such as 112.5826,37.8834."
        ) from None
    return LonLat(lon, lat)


def locate(
    lon: Annotated[float, typer.Argument(help="Longitude or easting.")],
    lat: Annotated[float, typer.Argument(help="Latitude or northing.")],
    datum: Annotated[str, typer.Option("--datum", help="Datum of the two numbers.")] = "WGS84",
) -> None:
    """Tell what is at a point: grid, areas, H3 cell, nearest address."""
    console = Console()
    lon_wgs84, lat_wgs84 = to_wgs84(lon, lat, parse_datum(datum))
    lonlat = LonLat(float(lon_wgs84), float(lat_wgs84))
    with open_store() as database, database.session() as session:
        found = locate_point(session, lonlat, on=today(), scope=GridScope.everything())
    table = Table("", Column(overflow="fold"), show_header=False)
    table.add_row("point (WGS 84)", f"{lonlat.longitude:.6f}, {lonlat.latitude:.6f}")
    if found.grid is None:
        table.add_row("grid", "none")
    else:
        table.add_row("grid", Text(f"{found.grid.grid_code} {found.grid.name}"))
        if found.grid.person_in_charge:
            table.add_row("in charge", Text(found.grid.person_in_charge))
    table.add_row("areas", Text(" ".join(area.name for area in found.areas) or "none"))
    table.add_row("H3 cell", h3_cell_to_text(found.h3_cell))
    if found.nearest is None:
        table.add_row("nearest address", "none within reach")
    else:
        table.add_row(
            "nearest address",
            Text(f"{found.nearest.canonical_text} ({found.nearest.distance_m:.0f} m)"),
        )
    console.print(table)


def assign(
    file: Annotated[Path, typer.Argument(help="Table with two columns of coordinates.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Result: .csv, .xlsx, .parquet or .gpkg.")
    ],
    datum: Annotated[str, typer.Option("--datum", help="WGS84, CGCS2000, GCJ02, BD09, EPSG:nnnn.")],
    mapping: Annotated[
        list[str] | None, typer.Option("--map", help="lon=COLUMN, lat=COLUMN; guessed by default.")
    ] = None,
    sheet: Annotated[
        str | None, typer.Option("--layer", help="Sheet or layer, of a file with several.")
    ] = None,
    on: Annotated[
        str | None, typer.Option("--on", help="Day whose grids count, YYYY-MM-DD; else today.")
    ] = None,
) -> None:
    """Assign the points of a file to grids and H3 cells."""
    console = Console()
    settings = load_settings()
    day = parse_day(on)
    with (
        open_store(settings) as database,
        database.session() as session,
        _progress(console) as bar,
    ):
        task = bar.add_task("Assigning", total=None)
        done = assign_file(
            session, file, out, datum=parse_datum(datum), on=day,
            limits=UploadLimits.from_settings(settings), overrides=parse_overrides(mapping or ()),
            table_name=sheet,
            progress=lambda rows, total: bar.update(task, completed=rows, total=total),
        )  # fmt: skip
    table = Table("", "rows", title=f"{done.rows:,} rows")
    for told, count in (
        ("in a grid", done.in_grid), ("in no grid", done.in_no_grid), *done.faults.items(),
    ):  # fmt: skip
        table.add_row(told, f"{count:,}")
    console.print(table)
    columns = ", ".join(f"{name} = {column}" for name, column in done.mapping.columns.items())
    console.print(f"Columns: {columns}", soft_wrap=True, markup=False)
    console.print(f"Result: {done.out}", soft_wrap=True)


def _progress(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
        TimeRemainingColumn(), console=console, transient=True,
    )  # fmt: skip


def _print_answer(console: Console, answer: GeocodeAnswer) -> None:
    colour, status = _STATUS[answer.status]
    table = Table("", Column(overflow="fold"), show_header=False)
    table.add_row("status", Text(status, style=colour))
    if answer.canonical_text is not None:
        level = LEVEL_NAMES.get(answer.level or "", ("", answer.level or ""))
        table.add_row("standard address", Text(answer.canonical_text))
        table.add_row("id", str(answer.standard_address_id or "a group of addresses"))
        table.add_row("level", f"{level[1]} {level[0]}")
        table.add_row("confidence", f"{answer.confidence:.2f}")
    if answer.lonlat is not None:
        table.add_row(
            "point (WGS 84)", f"{answer.lonlat.longitude:.6f}, {answer.lonlat.latitude:.6f}"
        )
    if answer.accuracy_m is not None:
        table.add_row("accuracy", f"{answer.accuracy_m:.0f} m")
    if answer.grid_code is not None:
        table.add_row("grid", answer.grid_code)
    if answer.h3_cell is not None:
        table.add_row("H3 cell", h3_cell_to_text(answer.h3_cell))
    if answer.reasons:
        told = "\n".join(f"{reason.zh} ({reason.en})" for reason in answer.reasons)
        table.add_row("reasons", Text(told))
    console.print(table)
    if answer.status == "matched" or len(answer.candidates) < 2:
        return
    others = Table(Column("candidate", overflow="fold"), "level", "confidence")
    for candidate in answer.candidates[:3]:
        others.add_row(
            Text(candidate.canonical_text), candidate.level, f"{candidate.confidence:.2f}"
        )
    console.print(others)


def _print_summary(console: Console, summary: GeocodeSummary) -> None:
    table = Table("", "rows", "share", title=f"{summary.rows:,} rows, column {summary.column!r}")
    for level, count in sorted(summary.by_level.items(), key=lambda item: -item[1]):
        table.add_row(f"matched: {level}", f"{count:,}", f"{count / summary.rows:.1%}")
    for status, count in summary.by_status.items():
        if status != "matched":
            colour, words = _STATUS[status]
            table.add_row(Text(words, style=colour), f"{count:,}", f"{count / summary.rows:.1%}")
    console.print(table)
    if summary.resumed_rows:
        console.print(f"{summary.resumed_rows:,} rows had been done by an earlier run.")
    console.print(f"Result: {summary.out}", soft_wrap=True)
    console.print(f"To look at: {summary.review}", soft_wrap=True)
