"""`gridbeat registers …`: import, list, verify, reports. Persons only with purpose and case."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy.orm import Session

from geo.audit import Access
from geo.commands.context import open_store
from geo.commands.progress import job_bar
from geo.commands.words import parse_day, today
from geo.errors import InvalidInput
from geo.importers.mapping import parse_overrides
from geo.importers.records import RecordImportOptions, prepare_record_job, run_record_job
from geo.registers import (
    Look,
    RecordFilter,
    Writing,
    completeness_of,
    count_records,
    cycles_of,
    find_records,
    find_reports,
    residents_at,
    verify_record,
)
from geo.settings import load_settings
from geo.tables import Dwelling, Establishment
from geo.values import GridScope

app = typer.Typer(
    help="Registers of dwellings, residents and establishments.", no_args_is_help=True
)
console = Console()
OPERATOR = GridScope.everything()
PLACES: dict[str, type[Dwelling] | type[Establishment]] = {
    "dwellings": Dwelling,
    "establishments": Establishment,
}

Purpose = Annotated[str | None, typer.Option(help="Why, where it is about persons.")]
Case = Annotated[str | None, typer.Option(help="The case or task it is for.")]


@app.command("import")
def import_file(
    kind: Annotated[str, typer.Argument(metavar="dwellings|residents|establishments")],
    file: Annotated[Path, typer.Argument(help="CSV, TSV, XLSX, …")],
    source: Annotated[str, typer.Option(help="Who says so.")],
    purpose: Purpose = None,
    case: Case = None,
    grid: Annotated[
        list[str] | None, typer.Option(help="Only what lies in this grid; again for more.")
    ] = None,
    mapping: Annotated[
        list[str] | None, typer.Option("--map", help="field=column, where the guess is wrong.")
    ] = None,
    encoding: Annotated[str | None, typer.Option(help="Of text files; else found out.")] = None,
    table: Annotated[str | None, typer.Option(help="Sheet to read.")] = None,
) -> None:
    """Import a file of records, or go on with an import that was stopped."""
    settings = load_settings()
    options = RecordImportOptions(
        source=source,
        day=today().isoformat(),
        actor=f"operator:{getpass.getuser()}",
        purpose=purpose,
        case_ref=case,
        grid_codes=grid,
        mapping=parse_overrides(mapping or []),
        encoding=encoding,
        table_name=table,
    )
    with open_store(settings) as database:
        job_id = prepare_record_job(database, file, kind, options, settings=settings)
        with job_bar(job_id) as progress:
            report = run_record_job(database, job_id, settings=settings, progress=progress)
    console.print(
        f"Job {report.job_id} {report.status}: {report.rows_in:,} rows, {report.inserted:,} "
        f"inserted, {report.updated:,} updated, {report.unchanged:,} unchanged, "
        f"{report.failed:,} failed.",
        highlight=False,
    )
    for reason, count in sorted(report.failures_by_reason.items()):
        console.print(f"  {reason}: {count:,}", highlight=False)
    if report.failures_file:
        console.print(Text(f"Rows that failed: {report.failures_file}"), soft_wrap=True)


@app.command("list")
def list_records(
    kind: Annotated[str, typer.Argument(metavar="dwellings|establishments")],
    grid: Annotated[str | None, typer.Option(help="Code of a grid.")] = None,
    address: Annotated[int | None, typer.Option(help="Number of an address.")] = None,
    due: Annotated[bool, typer.Option("--due", help="Only those due today or before.")] = False,
    missing: Annotated[
        bool, typer.Option("--missing", help="Only with a required field that is empty.")
    ] = False,
    after: Annotated[int, typer.Option(help="Begin after this number.")] = 0,
    limit: Annotated[int, typer.Option(help="Rows at most.")] = 20,
) -> None:
    """List dwellings or establishments by number, without landlords and contacts."""
    table = PLACES.get(kind)
    if table is None:
        raise InvalidInput(f"There is no list of {kind[:20]!r}. Wanted {', '.join(PLACES)}.")
    filters = RecordFilter(
        grid_code=grid, address_id=address, on=today(), due_by=today() if due else None,
        with_missing=missing,
    )  # fmt: skip
    shown = Table("id", "version", "address", "grid", "what", "complete", "verified", "due")
    with open_store() as database, database.session() as session:
        count, rows = _page(session, table, filters, after, limit)
        for row in rows:
            shown.add_row(
                str(row.id),
                str(row.version),
                str(row.standard_address_id),
                row.grid_code or "",
                Text(row.use if isinstance(row, Dwelling) else row.name),
                f"{completeness_of(row):.0%}",
                f"{row.verified_on or ''}",
                f"{row.due_on}",
            )
    console.print(shown)
    console.print(f"{count:,} in all.", highlight=False)


@app.command()
def residents(
    address: Annotated[int, typer.Argument(help="Number of the address.")],
    purpose: Annotated[str, typer.Option(help="Why.")],
    case: Annotated[str, typer.Option(help="The case or task it is for.")],
    on: Annotated[str | None, typer.Option(help="On this day; else today.")] = None,
) -> None:
    """Show who lives, or lived, at an address. It is audited."""
    shown = Table("id", "name", "identity number", "born", "phone", "kind", "from", "to", "due")
    with open_store() as database, database.session() as session:
        found = residents_at(
            session, address, on=parse_day(on), access=_access(purpose, case), scope=OPERATOR
        )
        for person in found:
            facts = person.facts
            for each in person.residences:
                lives = each.residence
                shown.add_row(
                    str(person.resident_id), Text(str(facts["name"])),
                    facts["identity_number"] or "", str(facts["birth_year"] or ""),
                    facts["phone"] or "", lives.kind, str(lives.lived_from),
                    str(lives.lived_to or ""), str(lives.due_on),
                )  # fmt: skip
    console.print(shown)


@app.command()
def verify(
    kind: Annotated[str, typer.Argument(metavar="dwelling|residence|establishment")],
    number: Annotated[int, typer.Argument(help="Number of the record.")],
    version: Annotated[int, typer.Option(help="The version that was looked at.")],
    how: Annotated[str, typer.Option(help="visit or call.")] = "visit",
    on: Annotated[str | None, typer.Option(help="The day; else today.")] = None,
    purpose: Purpose = None,
    case: Case = None,
) -> None:
    """Say that a record was looked at and holds."""
    settings = load_settings()
    with open_store(settings) as database, database.session() as session:
        row = verify_record(
            session,
            kind,
            number,
            Look(parse_day(on), how),
            expected_version=version,
            writing=Writing(
                access=_access(purpose, case), scope=OPERATOR, today=today(),
                cycles=cycles_of(settings), source="operator",
            ),
        )  # fmt: skip
        console.print(f"Due again on {row.due_on}.", highlight=False)


@app.command()
def reports(
    status: Annotated[str, typer.Option(help="open, mended or unfounded.")] = "open",
    limit: Annotated[int, typer.Option(help="Rows at most.")] = 20,
) -> None:
    """List reports that records of places are wrong."""
    shown = Table("id", "record", "field", "note", "by", "since")
    with open_store() as database, database.session() as session:
        places = ("dwelling", "establishment")
        for row in find_reports(session, status=status, kinds=places, limit=limit):
            shown.add_row(
                str(row.id), f"{row.record_kind} {row.record_id}", row.field or "",
                Text(row.note), row.reported_by, f"{row.created_at:%Y-%m-%d}",
            )  # fmt: skip
    console.print(shown)


def _page(
    session: Session,
    table: type[Dwelling] | type[Establishment],
    filters: RecordFilter,
    after: int,
    limit: int,
) -> tuple[int, Sequence[Dwelling] | Sequence[Establishment]]:
    if table is Dwelling:
        return count_records(session, Dwelling, filters, scope=OPERATOR), find_records(
            session, Dwelling, filters, scope=OPERATOR, after_id=after, limit=limit
        )
    return count_records(session, Establishment, filters, scope=OPERATOR), find_records(
        session, Establishment, filters, scope=OPERATOR, after_id=after, limit=limit
    )


def _access(purpose: str | None, case: str | None) -> Access:
    return Access(
        f"operator:{getpass.getuser()}", origin="command line", purpose=purpose, case_ref=case
    )
