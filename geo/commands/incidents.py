"""`gridbeat incidents …`: import files, keep profiles of how they are read, load categories."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from geo.commands.context import open_store
from geo.commands.whole_jobs import run_whole_job
from geo.errors import InvalidFile, InvalidMapping
from geo.importers.mapping import parse_overrides
from geo.incidents.categories import CategoryRow, CategoryTree, load_categories
from geo.incidents.importing import IncidentImportOptions, prepare_incident_job
from geo.incidents.profiles import (
    IncidentProfile,
    get_profile,
    list_profiles,
    profile_of_json,
    save_profile,
)
from geo.settings import load_settings

app = typer.Typer(help="Import incidents, their categories, profiles.", no_args_is_help=True)
console = Console()
CATEGORY_COLUMNS = ("code", "parent_code", "name", "name_en", "point_roles", "is_repeat_flagged")


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="CSV, XLSX, Parquet, GeoJSON and others.")],
    dataset: Annotated[str, typer.Option(help="Who or what the incidents come from.")] = "operator",
    profile: Annotated[
        str | None, typer.Option(help="How the file is read: a name that is kept, or `chicago`.")
    ] = None,
    datum: Annotated[
        str | None, typer.Option(help="Of points: WGS84, CGCS2000, GCJ02, BD09 or EPSG:nnnn.")
    ] = None,
    zone: Annotated[str | None, typer.Option(help="Of times without one.")] = None,
    mapping: Annotated[
        list[str] | None, typer.Option("--map", help="field=column, where the guess is wrong.")
    ] = None,
    new_categories: Annotated[
        bool, typer.Option("--new-categories", help="Add categories that aren't in the tree.")
    ] = False,
    keep_as: Annotated[
        str | None, typer.Option(help="Keep this reading as a profile by this name.")
    ] = None,
    table: Annotated[str | None, typer.Option(help="Sheet or layer to read.")] = None,
    encoding: Annotated[str | None, typer.Option(help="Of text files; else found out.")] = None,
) -> None:
    """Import incidents; rows that can't be taken are counted by reason and written to a file."""
    settings = load_settings()
    with open_store(settings) as database:
        with database.session() as session:
            read_by = get_profile(session, profile) if profile else IncidentProfile()
            given: dict[str, Any] = {"datum": datum, "zone": zone}
            said = {name: value for name, value in given.items() if value is not None}
            columns = {**read_by.columns, **parse_overrides(mapping or [])}
            read_by = profile_of_json(read_by.as_json() | said | {"columns": columns})
            if keep_as is not None:
                save_profile(session, keep_as, read_by)
        options = IncidentImportOptions(
            dataset=dataset,
            day=settings.local_day(datetime.now(UTC)).isoformat(),
            profile=read_by,
            may_add_categories=new_categories,
            table_name=table,
            encoding=encoding,
        )
        job_id = prepare_incident_job(database, file, options, settings=settings)
        report = run_whole_job(database, job_id, settings)
    print_report(report)


def print_report(report: dict[str, Any]) -> None:
    """Say what came of an import."""
    console.print("Columns: " + ", ".join(f"{one} = {to}" for one, to in report["mapping"].items()))
    for note in report["notes"]:
        console.print(note)
    outcomes = ("rows_in", "inserted", "updated", "unchanged", "failed", "in_no_grid")
    console.print(", ".join(f"{name} {report[name]:,}" for name in outcomes) + ".")
    located = ", ".join(f"{name} {count:,}" for name, count in report["located"].items())
    console.print(f"Points: {located or 'none'}.")
    for reason, count in report["failures_by_reason"].items():
        console.print(f"  not taken, {reason}: {count:,}")
    if report["new_categories"]:
        console.print(f"New categories: {', '.join(report['new_categories'])}.")
    if report["ambiguous_hours"]:
        console.print(
            f"{report['ambiguous_hours']:,} rows lie in an hour that clocks showed twice; the "
            "first was taken."
        )
    crowded = report.get("crowded_cell")
    if crowded:
        console.print(
            f"{crowded['share']:.0%} of the incidents lie in one cell, {crowded['h3_cell']}. If "
            "that is where they are put when the place isn't known, such as the station, give "
            "them no point."
        )
    if report.get("files"):
        console.print(f"Rows not taken: {report['files']['failures']}")


@app.command("profiles")
def show_profiles() -> None:
    """List the profiles by which files are read."""
    with open_store() as database, database.session() as session:
        for name in list_profiles(session):
            console.print(
                name, json.dumps(get_profile(session, name).as_json(), ensure_ascii=False)
            )


@app.command("keep-profile")
def keep_profile(
    name: Annotated[str, typer.Argument(help="The name to keep it by.")],
    file: Annotated[Path, typer.Argument(help="JSON, as `profiles` prints it.")],
) -> None:
    """Keep a profile that was written by hand."""
    try:
        reading = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidFile(f"{file.name} can't be read as JSON: {error}", file=file.name) from error
    if not isinstance(reading, dict):
        raise InvalidMapping(f"{file.name} holds no object with the parts of a profile.")
    with open_store() as database, database.session() as session:
        save_profile(session, name, profile_of_json(reading))


@app.command("load-categories")
def load_category_file(
    file: Annotated[
        Path, typer.Argument(help=f"CSV with the columns {', '.join(CATEGORY_COLUMNS)}.")
    ],
) -> None:
    """Load the tree of categories; those of a known code are changed."""
    rows = read_category_file(file)
    with open_store() as database, database.session() as session:
        console.print(f"{load_categories(session, rows)} categories.")


def read_category_file(file: Path) -> list[CategoryRow]:
    """Return the rows of a CSV of categories.

    Raises
    ------
    InvalidFile : it can't be read, or the columns code and name are missing
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            table = list(csv.DictReader(lines))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidFile(f"{file.name} can't be read: {error}", file=file.name) from error
    if table and not {"code", "name"} <= set(table[0]):
        raise InvalidFile(f"{file.name} needs the columns code and name.", file=file.name)
    return [
        CategoryRow(
            code=(row["code"] or "").strip(),
            name=(row["name"] or "").strip(),
            parent_code=(row.get("parent_code") or "").strip() or None,
            name_en=(row.get("name_en") or "").strip() or None,
            point_roles=tuple((row.get("point_roles") or "").replace(";", " ").split()),
            is_repeat_flagged=(row.get("is_repeat_flagged") or "").strip().lower()
            in ("1", "true", "yes", "是"),
        )
        for row in table
    ]


@app.command("categories")
def show_categories() -> None:
    """Show the tree of categories."""
    shown = Table("code", "name", "below", "point seen by")
    with open_store() as database, database.session() as session:
        tree = CategoryTree.load(session)
        for row in tree.rows():
            seen_by = ", ".join(row.point_roles) or "every role"
            shown.add_row(row.code, row.name, row.parent_code or "", seen_by)
    console.print(shown)
