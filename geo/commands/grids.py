"""`gridbeat grids …`: check, import, list, show, versions, reassign."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from geo.areas import area_path, find_area
from geo.codes import CodeStandard
from geo.commands.context import open_store
from geo.commands.whole_jobs import run_whole_job
from geo.commands.words import parse_day
from geo.crosswalk import CROSSWALK_RESOLUTIONS, grid_to_h3_cells
from geo.crs import parse_datum
from geo.errors import GridImportRejected
from geo.faults import Severity
from geo.grid_versions import follow_grids
from geo.grids import (
    LIST_MAX,
    count_grids,
    get_grid,
    grid_neighbours,
    list_grid_versions,
    list_grids,
)
from geo.importers.grids import GridImportOptions, check_grid_file
from geo.importers.job_kinds import fault_limits, prepare_whole_job
from geo.importers.jobs import results_folder
from geo.importers.mapping import parse_overrides
from geo.importers.upload_safety import UploadLimits
from geo.settings import load_settings
from geo.values import GridScope

app = typer.Typer(help="Check, import, list and show grids.", no_args_is_help=True)
console = Console()
OPERATOR = GridScope.everything()
FAULTS_SHOWN = 20

File = Annotated[Path, typer.Argument(help="GeoJSON, Shapefile (.zip too), GeoPackage or KML.")]
DatumWord = Annotated[str, typer.Option(help="WGS84, CGCS2000, GCJ02, BD09 or EPSG:nnnn.")]
Codes = Annotated[CodeStandard, typer.Option(help="What the codes follow.")]
Mapping = Annotated[
    list[str] | None, typer.Option("--map", help="field=column, where the guess is wrong.")
]
Layer = Annotated[str | None, typer.Option(help="Layer to read, of a file with several.")]
Communities = Annotated[
    list[str] | None, typer.Option("--community", help="Take grids of this community only.")
]
ReplaceAll = Annotated[
    bool, typer.Option("--replace-all", help="End all grids, not only the file's communities'.")
]
MergeParts = Annotated[
    bool, typer.Option("--merge-parts", help="Rows of one code are the parts of one grid.")
]
Tolerance = Annotated[
    float | None,
    typer.Option("--tolerance-m", min=0, help="Narrower overlaps only warn [m]; usually 1."),
]
Day = Annotated[str | None, typer.Option("--on", help="As things stood on a day; else today.")]
ValidFrom = Annotated[
    str | None, typer.Option("--valid-from", help="First day of the grids; else today.")
]


@app.command()
def check(
    file: File,
    datum: DatumWord,
    valid_from: ValidFrom = None,
    codes: Codes = CodeStandard.DB11T2157,
    mapping: Mapping = None,
    layer: Layer = None,
    community: Communities = None,
    replace_all: ReplaceAll = False,
    merge_parts: MergeParts = False,
    tolerance_m: Tolerance = None,
    picture: Annotated[
        Path | None, typer.Option(help="Folder for the GeoJSON of the faults; else with results.")
    ] = None,
) -> None:
    """Tell all that is wrong with a file of grids; store nothing. Ends with 1 where errors are."""
    settings = load_settings()
    options = GridImportOptions(
        datum=parse_datum(datum),
        valid_from=parse_day(valid_from),
        standard=codes,
        mapping=parse_overrides(mapping or []),
        layer=layer,
        communities=tuple(community) if community else None,
        replace_all=replace_all,
        merge_parts=merge_parts,
        limits=fault_limits(settings, tolerance_m),
    )
    with open_store(settings) as database, database.session() as session:
        found = check_grid_file(
            session,
            file,
            options,
            upload_limits=UploadLimits.from_settings(settings),
            results_folder=picture or settings.data_folder / "results" / "checks",
        )
    _print_mapping(dict(found.mapping.columns), found.notes)
    _print_faults([_fault_row(fault) for fault in found.faults[:FAULTS_SHOWN]])
    errors = sum(fault.severity is Severity.ERROR for fault in found.faults)
    _say(
        f"{len(found.drafts)} grids; {errors} errors, {len(found.faults) - errors} warnings."
        + (f" All in {found.fault_file}." if found.fault_file else "")
    )
    if errors:
        raise typer.Exit(1)


@app.command("import")
def import_file(
    file: File,
    datum: DatumWord,
    source: Annotated[str, typer.Option(help="Who or what the grids come from.")] = "operator",
    valid_from: ValidFrom = None,
    codes: Codes = CodeStandard.DB11T2157,
    mapping: Mapping = None,
    layer: Layer = None,
    community: Communities = None,
    replace_all: ReplaceAll = False,
    merge_parts: MergeParts = False,
    tolerance_m: Tolerance = None,
    accept_warnings: Annotated[
        bool, typer.Option("--accept-warnings", help="Import although there are warnings.")
    ] = False,
    note: Annotated[str | None, typer.Option(help="Shown in the list of versions.")] = None,
) -> None:
    """Import grids as a new version, whole or not at all."""
    settings = load_settings()
    options: dict[str, Any] = {
        "datum": parse_datum(datum).name,
        "valid_from": parse_day(valid_from).isoformat(),
        "standard": codes.value,
        "mapping": parse_overrides(mapping or []),
        "layer": layer,
        "communities": list(community) if community else None,
        "replace_all": replace_all,
        "merge_parts": merge_parts,
        "accept_warnings": accept_warnings,
        "sliver_width_m": tolerance_m,
        "note": note,
        "source": source,
    }
    with open_store(settings) as database:
        job_id = prepare_whole_job(database, file, kind="grids", options=options)
        try:
            report = run_whole_job(database, job_id, settings)
        except GridImportRejected as rejected:
            _print_faults(rejected.report["faults"][:FAULTS_SHOWN])
            _say(f"The faults to look at: {results_folder(settings, job_id)}")
            raise
    _print_mapping(report["mapping"], report["notes"])
    _print_faults(report["faults"][:FAULTS_SHOWN])
    if not report["is_stored"]:
        _say(
            f"Nothing to store: the same {report['grid_count']} grids are in force since "
            f"{report['unchanged_since']}."
        )
        return
    _say(
        f"Version {report['version_id']}: {report['grid_count']} grids from "
        f"{report['valid_from']} on, {report['ended_count']} ended. {report['moved']} addresses "
        f"changed their grid, {report['left_without']} of them are in none now."
    )


@app.command("list")
def list_all(
    community: Annotated[str | None, typer.Option(help="Code of a community.")] = None,
    on: Day = None,
    after: Annotated[str, typer.Option(help="Begin after this code.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=LIST_MAX, help="Rows at most.")] = 50,
) -> None:
    """List grids by code, with their counts of addresses."""
    day = parse_day(on)
    with open_store() as database, database.session() as session:
        rows = list_grids(
            session, on=day, scope=OPERATOR, community_code=community, after=after, limit=limit
        )
        count = count_grids(session, on=day, scope=OPERATOR, community_code=community)
    shown = Table("code", "name", "kind", "community", "households", r"area \[m²]", "addresses")
    for row in rows:
        shown.add_row(
            Text(row.grid_code),
            Text(row.name),
            row.kind,
            Text(row.community_code),
            "" if row.household_count is None else f"{row.household_count:,}",
            f"{row.area_m2:,.0f}",
            f"{row.address_count:,}",
        )
    console.print(shown)
    _say(f"{len(rows)} of {count} grids on {day.isoformat()}.")


@app.command()
def show(grid_code: Annotated[str, typer.Argument(metavar="CODE")], on: Day = None) -> None:
    """Show one grid: its facts, neighbours and H3 cells."""
    day = parse_day(on)
    with open_store() as database, database.session() as session:
        grid = get_grid(session, grid_code, on=day, scope=OPERATOR)
        known = find_area(session, grid.community_code, on=day) is not None
        path = area_path(session, grid.community_code, on=day) if known else ""
        neighbours = grid_neighbours(session, grid_code, on=day, scope=OPERATOR)
        cells = {
            resolution: len(
                grid_to_h3_cells(session, grid_code, resolution, on=day, scope=OPERATOR)
            )
            for resolution in CROSSWALK_RESOLUTIONS
        }
    shown = Table("", "", show_header=False)
    ends = grid.valid_to.isoformat() if grid.valid_to else "open"
    for name, value in (
        ("code", grid.grid_code),
        ("name", grid.name),
        ("kind", grid.kind),
        ("community", f"{grid.community_code} {path}".strip()),
        ("in charge", grid.person_in_charge or ""),
        ("contact", grid.contact or ""),
        ("households", "" if grid.household_count is None else f"{grid.household_count:,}"),
        ("area [m²]", f"{grid.area_m2:,.0f}"),
        ("valid", f"{grid.valid_from.isoformat()} to {ends}"),
        ("version", str(grid.version_id)),
        ("neighbours", ", ".join(f"{n.grid_code} ({n.border_m:,.0f} m)" for n in neighbours)),
        ("H3 cells", ", ".join(f"{count} of r{r}" for r, count in cells.items())),
    ):
        shown.add_row(Text(name), Text(value))
    console.print(shown)


@app.command()
def versions(on: Day = None) -> None:
    """List the imports of grids, newest first."""
    day = parse_day(on)
    with open_store() as database, database.session() as session:
        rows = list_grid_versions(session, on=day)
    shown = Table("version", "valid from", "grids", f"in force {day}", "source", "file", "imported")
    for row in rows:
        shown.add_row(
            str(row.version_id),
            row.valid_from.isoformat(),
            str(row.grid_count),
            str(row.in_force_count),
            Text(row.source),
            Text(row.file_name or ""),
            f"{row.imported_at.astimezone(UTC):%Y-%m-%d %H:%M}Z",
        )
    console.print(shown)


@app.command()
def reassign(on: Day = None) -> None:
    """Bring addresses into the grids of today, where a version began or ended: run it daily."""
    day = parse_day(on)
    with open_store() as database, database.session() as session:
        done = follow_grids(session, on=day)
    _say(f"{done.moved} addresses changed their grid, {done.without_grid} of them are in none now.")


def _fault_row(fault: Any) -> dict[str, Any]:
    return {
        "severity": fault.severity.value,
        "kind": fault.kind.value,
        "text": fault.text,
        "rows": list(fault.rows),
    }


def _print_faults(faults: Sequence[dict[str, Any]]) -> None:
    if not faults:
        return
    shown = Table("", "kind", "what", "rows")
    for fault in faults:
        style = "red" if fault["severity"] == Severity.ERROR.value else "yellow"
        rows = ", ".join(str(row) for row in fault["rows"][:5])
        shown.add_row(
            Text(fault["severity"], style=style),
            fault["kind"].replace("_", " "),
            Text(fault["text"], overflow="fold"),
            rows,
        )
    console.print(shown)


def _print_mapping(columns: dict[str, str], notes: Sequence[str]) -> None:
    _say("Columns: " + ", ".join(f"{field} = {column}" for field, column in columns.items()))
    for note in notes:
        _say(note)


def _say(text: str) -> None:
    console.print(Text(text))
