"""`gridbeat addresses …`: import, show, list, history."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from geo.addresses.deployment import load_context
from geo.commands import duplicates
from geo.commands.context import open_store
from geo.commands.progress import job_bar
from geo.commands.words import today
from geo.errors import AddressNotFound
from geo.importers.addresses import (
    AddressImportOptions,
    ImportPreview,
    ImportReport,
    prepare_address_job,
    preview_addresses,
    run_address_job,
)
from geo.importers.mapping import parse_overrides
from geo.register import (
    AddressFilter,
    address_aliases,
    address_history,
    components_of,
    count_standard_addresses,
    find_by_text,
    find_standard_addresses,
    get_standard_address,
    point_of,
)
from geo.settings import load_settings
from geo.tables import StandardAddress
from geo.values import GridScope

app = typer.Typer(help="Import, list and show standard addresses.", no_args_is_help=True)
app.add_typer(duplicates.app, name="duplicates")
console = Console()
OPERATOR = GridScope.everything()
NOT_TOLD = ("version", "updated_at", "created_at", "geom", "grid_id", "search_key", "h3_cell")
COUNTS = ("rows_in", "inserted", "updated", "unchanged", "merged_as_alias", "failed")


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="CSV, TSV, JSON lines, XLSX, GeoJSON, …")],
    source: Annotated[str, typer.Option(help="Who says so; rows are recognised by it again.")],
    datum: Annotated[str, typer.Option(help="WGS84, CGCS2000, GCJ02, BD09 or EPSG:nnnn.")],
    mapping: Annotated[
        list[str] | None, typer.Option("--map", help="field=column, where the guess is wrong.")
    ] = None,
    encoding: Annotated[str | None, typer.Option(help="Of text files; else found out.")] = None,
    table: Annotated[str | None, typer.Option(help="Sheet or layer to read.")] = None,
    accuracy_m: Annotated[
        float | None, typer.Option(help="Accuracy of the points [m]; else by datum.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the mapping and the first rows; store nothing.")
    ] = False,
) -> None:
    """Import a file of standard addresses, or go on with an import that was stopped."""
    settings = load_settings()
    options = AddressImportOptions(
        source=source,
        datum=datum,
        day=today().isoformat(),
        mapping=parse_overrides(mapping or []),
        encoding=encoding,
        table_name=table,
        accuracy_m=accuracy_m,
    )
    _print_preview(preview_addresses(file, options, settings=settings))
    if dry_run:
        return
    with open_store(settings) as database:
        job_id = prepare_address_job(database, file, options, settings=settings)
        with job_bar(job_id) as progress:
            report = run_address_job(database, job_id, settings=settings, progress=progress)
    print_report(report)


@app.command()
def show(
    which: Annotated[str, typer.Argument(metavar="ID|TEXT", help="An id, or the exact text.")],
) -> None:
    """Show one standard address."""
    with open_store() as database, database.session() as session:
        found: Sequence[StandardAddress]
        if which.isascii() and which.isdigit():
            found = [get_standard_address(session, int(which), scope=OPERATOR)]
        else:
            context = load_context(load_settings(), session)
            found = find_by_text(session, which, scope=OPERATOR, context=context)
        if not found:
            raise AddressNotFound(
                f"No standard address is exactly “{which[:60]}”. Try gridbeat suggest."
            )
        for address in found:
            aliases = address_aliases(session, address.id, scope=OPERATOR)
            _print_address(address, [alias.alias_text for alias in aliases])


@app.command("list")
def list_addresses(
    text: Annotated[str | None, typer.Option(help="A part of the text, name or alias.")] = None,
    grid: Annotated[str | None, typer.Option(help="Code of a grid.")] = None,
    community: Annotated[str | None, typer.Option(help="Code of a community.")] = None,
    bbox: Annotated[str | None, typer.Option(help="west,south,east,north")] = None,
    level: Annotated[str | None, typer.Option(help="Finest level written.")] = None,
    source: Annotated[str | None, typer.Option(help="Who said so.")] = None,
    status: Annotated[str, typer.Option(help="current, ended or merged.")] = "current",
    after: Annotated[int, typer.Option(help="Begin after this id.")] = 0,
    limit: Annotated[int, typer.Option(help="Rows at most.")] = 20,
) -> None:
    """List standard addresses by id."""
    filters = AddressFilter(
        bbox=_box(bbox),
        grid_code=grid,
        community_code=community,
        text=text,
        level=level,
        source=source,
        status=status,
    )
    with open_store() as database, database.session() as session:
        count = count_standard_addresses(session, filters, scope=OPERATOR)
        rows = find_standard_addresses(
            session, filters, scope=OPERATOR, after_id=after, limit=limit
        )
        shown = Table("id", "address", "place", "level", "grid", "point")
        for address in rows:
            shown.add_row(
                str(address.id),
                Text(address.canonical_text, overflow="fold"),
                Text(address.point_of_interest or "", overflow="fold"),
                address.level,
                address.grid_code or "",
                _point_text(address),
            )
    console.print(shown)
    console.print(f"{len(rows)} of {count}.", highlight=False)


@app.command()
def history(address_id: Annotated[int, typer.Argument(metavar="ID")]) -> None:
    """Show what a standard address was before."""
    with open_store() as database, database.session() as session:
        now = get_standard_address(session, address_id, scope=OPERATOR)
        shown = Table("version", "until", "address", "status", "changed afterwards")
        past = address_history(session, address_id, scope=OPERATOR)
        present = {c.name: getattr(now, c.name) for c in StandardAddress.__table__.c}
        states = [*(row.was for row in past), present]
        for row, was, then in zip(past, states, states[1:], strict=False):
            changed = [
                name
                for name in was
                if name in then and name not in NOT_TOLD and was[name] != then[name]
            ]
            shown.add_row(
                str(was["version"]),
                f"{row.recorded_to:%Y-%m-%d %H:%M}Z",
                Text(was["canonical_text"], overflow="fold"),
                was["status"],
                ", ".join(changed) or "point",
            )
        shown.add_row(str(now.version), "now", Text(now.canonical_text), now.status, "")
    console.print(shown)


def print_report(report: ImportReport) -> None:
    """Print what came of an import."""
    console.print(f"Job {report.job_id}: {report.status}", highlight=False)
    counts = Table(*COUNTS)
    counts.add_row(*(f"{getattr(report, name):,}" for name in COUNTS))
    console.print(counts)
    for title, found in (
        ("Failed, by reason", report.failures_by_reason),
        ("Taken, but to be looked at", report.conflicts_by_reason),
        ("Finest level", report.levels),
    ):
        if found:
            ordered = sorted(found.items(), key=lambda pair: -pair[1])
            told = ", ".join(f"{name} {count:,}" for name, count in ordered)
            console.print(f"{title}: {told}", highlight=False)
    console.print(
        f"Without a point: {report.without_point:,}. In no grid: {report.in_no_grid:,}.",
        highlight=False,
    )
    if report.datum_check:
        verdict, message = report.datum_check["verdict"], report.datum_check["message"]
        style = "bold red" if verdict == "shifted" else None
        console.print(Text(f"Datum: {verdict}. {message}", style=style or ""))
    for note in report.notes:
        console.print(Text(f"Note: {note}"))
    for name, path in report.files.items():
        console.print(Text(f"{name}: {path}"), soft_wrap=True)


def _print_preview(preview: ImportPreview) -> None:
    encoding = f", {preview.encoding}" if preview.encoding else ""
    console.print(f"Read as {preview.kind}{encoding}.", highlight=False)
    shown = Table("field", "column", "")
    for name, column in preview.mapping.columns.items():
        shown.add_row(name, Text(column), "guessed" if name in preview.mapping.guessed else "given")
    console.print(shown)
    if preview.mapping.unused:
        console.print(Text(f"Not used: {', '.join(preview.mapping.unused)}"))
    rows = Table("row", "standard address", "place", "level", "lon (WGS 84)", "lat")
    for row in preview.first_rows:
        rows.add_row(
            str(row["row_number"]),
            Text(row["canonical_text"], overflow="fold"),
            Text(row["point_of_interest"] or "", overflow="fold"),
            row["level"],
            f"{row['lon']:.6f}",
            f"{row['lat']:.6f}",
        )
    console.print(rows)


def _print_address(address: StandardAddress, aliases: Sequence[str]) -> None:
    shown = Table("", "", show_header=False)
    facts = {
        "id": str(address.id),
        "address": address.canonical_text,
        **components_of(address),
        "place": address.point_of_interest,
        "aliases": "\n".join(aliases),
        "level": address.level,
        "point": _point_text(address),
        "how": f"{address.point_method}, ±{address.accuracy_m:g} m, from {address.origin_datum}"
        if address.point_method
        else None,
        "grid": address.grid_code,
        "h3_cell": f"{address.h3_cell:x}" if address.h3_cell else None,
        "source": " ".join(filter(None, (address.source, address.source_ref))),
        "status": address.status,
        "version": str(address.version),
    }
    for name, value in facts.items():
        if value:
            shown.add_row(name, Text(str(value)))
    console.print(shown)


def _point_text(address: StandardAddress) -> str:
    point = point_of(address)
    return f"{point.longitude:.6f}, {point.latitude:.6f}" if point else ""


def _box(text: str | None) -> tuple[float, float, float, float] | None:
    if text is None:
        return None
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter("wanted west,south,east,north in degrees") from None
    return west, south, east, north
