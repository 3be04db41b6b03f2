"""`gridbeat areas …`: import, list, show, search, end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from geo.area_writes import end_area
from geo.areas import (
    SEARCH_MAX,
    area_path,
    get_area,
    list_areas,
    load_children,
    search_areas,
)
from geo.codes import CodeStandard
from geo.commands.context import open_store
from geo.commands.whole_jobs import run_whole_job
from geo.commands.words import parse_day
from geo.crs import parse_datum
from geo.importers.job_kinds import prepare_whole_job
from geo.importers.jobs import results_folder
from geo.importers.mapping import parse_overrides
from geo.settings import load_settings
from geo.tables import AREA_LEVELS, Area

app = typer.Typer(help="Import, list and show administrative areas.", no_args_is_help=True)
console = Console()
FAILURES_SHOWN = 20

Code = Annotated[str, typer.Argument(metavar="CODE")]
Day = Annotated[str | None, typer.Option("--on", help="As things stood on a day; else today.")]
Level = Annotated[str | None, typer.Option(help=f"One of {', '.join(AREA_LEVELS)}.")]


@app.command("import")
def import_file(
    file: Annotated[
        Path, typer.Argument(help="CSV, XLSX; GeoJSON, Shapefile, GeoPackage, KML with borders.")
    ],
    source: Annotated[str, typer.Option(help="Who or what the areas come from.")] = "operator",
    datum: Annotated[
        str | None, typer.Option(help="Of borders: WGS84, CGCS2000, GCJ02, BD09 or EPSG:nnnn.")
    ] = None,
    valid_from: Annotated[
        str | None,
        typer.Option("--valid-from", help="First day, where rows don't say; else today."),
    ] = None,
    own_codes: Annotated[
        bool, typer.Option("--own-codes", help="The codes follow no standard.")
    ] = False,
    level: Level = None,
    mapping: Annotated[
        list[str] | None, typer.Option("--map", help="field=column, where the guess is wrong.")
    ] = None,
    table: Annotated[str | None, typer.Option(help="Sheet or layer to read.")] = None,
    encoding: Annotated[str | None, typer.Option(help="Of text files; else found out.")] = None,
) -> None:
    """Import areas; rows that can't be taken are told and written to a file."""
    settings = load_settings()
    options: dict[str, Any] = {
        "source": source,
        "datum": None if datum is None else parse_datum(datum).name,
        "valid_from": parse_day(valid_from).isoformat(),
        "standard": (CodeStandard.OWN if own_codes else CodeStandard.DB11T2157).value,
        "level": level,
        "mapping": parse_overrides(mapping or []),
        "table_name": table,
        "encoding": encoding,
    }
    with open_store(settings) as database:
        job_id = prepare_whole_job(database, file, kind="areas", options=options)
        report = run_whole_job(database, job_id, settings)
    _say("Columns: " + ", ".join(f"{field} = {col}" for field, col in report["mapping"].items()))
    for note in report["notes"]:
        _say(note)
    _print_failures(report["failures"][:FAILURES_SHOWN])
    if report["failure_file"]:
        _say(f"Rows not taken: {results_folder(settings, job_id) / report['failure_file']}")
    if report["missing_parents"]:
        _say(f"Parents that aren't stored: {', '.join(report['missing_parents'][:10])}.")
    _say(", ".join(f"{count} {outcome}" for outcome, count in report["counts"].items()) + ".")


@app.command("list")
def list_all(
    level: Level = None,
    below: Annotated[str | None, typer.Option(help="Only areas right below this code.")] = None,
    on: Day = None,
    after: Annotated[str, typer.Option(help="Begin after this code.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="Rows at most.")] = 100,
) -> None:
    """List areas by code."""
    day = parse_day(on)
    with open_store() as database, database.session() as session:
        rows: Sequence[Area]
        if below is None:
            rows = list_areas(session, on=day, level=level, after=after, limit=limit)
        else:
            found = load_children(session, below, on=day)
            rows = [area for area in found if area.code > after][:limit]
    _print_areas(rows)


@app.command()
def show(code: Code, on: Day = None) -> None:
    """Show one area: its path, names, codes, period and what is right below it."""
    day = parse_day(on)
    with open_store() as database, database.session() as session:
        area = get_area(session, code, on=day)
        path = area_path(session, code, on=day)
        children = load_children(session, code, on=day)
    shown = Table("", "", show_header=False)
    ends = area.valid_to.isoformat() if area.valid_to else "open"
    for name, value in (
        ("code", area.code),
        ("path", path),
        ("level", area.level),
        ("aliases", "、".join(area.aliases)),
        ("former names", "、".join(area.former_names)),
        ("former codes", "、".join(area.former_codes)),
        ("successor", area.successor_code or ""),
        ("valid", f"{area.valid_from.isoformat()} to {ends}"),
        ("source", area.source),
    ):
        shown.add_row(name, Text(value))
    console.print(shown)
    if children:
        _print_areas(children)


@app.command()
def search(
    text: Annotated[str, typer.Argument(help="A name, alias, former name, or part of a name.")],
    level: Level = None,
    on: Day = None,
    limit: Annotated[int, typer.Option(min=1, max=SEARCH_MAX, help="Rows at most.")] = 20,
) -> None:
    """Find areas by name."""
    day = parse_day(on)
    shown = Table("code", "level", "name", "path", "found by")
    with open_store() as database, database.session() as session:
        for found in search_areas(session, text, on=day, level=level, limit=limit):
            path = area_path(session, found.area.code, on=day)
            shown.add_row(
                Text(found.area.code),
                found.area.level,
                Text(found.area.name),
                Text(path),
                found.match.value.replace("_", " "),
            )
    console.print(shown)


@app.command()
def end(
    code: Code,
    on: Annotated[str, typer.Option(help="First day on which it no longer stands.")],
    successor: Annotated[str | None, typer.Option(help="Code of what took its place.")] = None,
) -> None:
    """End an area; it is kept, with its successor."""
    day = parse_day(on)
    with open_store() as database, database.session() as session:
        area = end_area(session, code, on=day, successor_code=successor)
        _say(f"{area.name} ({area.code}) ends on {day.isoformat()}.")


def _print_areas(areas: Sequence[Area]) -> None:
    shown = Table("code", "level", "name", "parent", "valid from", "valid to")
    for area in areas:
        shown.add_row(
            Text(area.code),
            area.level,
            Text(area.name),
            Text(area.parent_code or ""),
            area.valid_from.isoformat(),
            area.valid_to.isoformat() if area.valid_to else "",
        )
    console.print(shown)
    _say(f"{len(areas)} areas.")


def _print_failures(failures: Sequence[dict[str, Any]]) -> None:
    if not failures:
        return
    shown = Table("row", "column", "what")
    for failure in failures:
        shown.add_row(
            str(failure["row_number"]),
            Text(failure["column"] or ""),
            Text(failure["message"], overflow="fold"),
        )
    console.print(shown)


def _say(text: str) -> None:
    console.print(Text(text))
