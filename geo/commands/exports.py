"""`gridbeat export …`: ask for exports, decide about others', fetch files, let them expire."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy.orm import Session

from geo.audit import Access
from geo.commands.audit import operator
from geo.commands.context import open_store
from geo.errors import InvalidFile
from geo.settings import Settings, load_settings
from geo.values import GridScope

app = typer.Typer(help="Export addresses, grids, texts of the review queue.", no_args_is_help=True)
console = Console()
RequestId = Annotated[int, typer.Argument(metavar="ID")]


@app.command()
def ask(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="addresses, grids, review_items")],
    file_format: Annotated[
        str, typer.Option("--format", help="csv, xlsx, geojson, gpkg, parquet")
    ] = "csv",
    grid: Annotated[str | None, typer.Option(help="Only of this grid.")] = None,
    community: Annotated[str | None, typer.Option(help="Only of this community.")] = None,
    purpose: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    case: Annotated[str | None, typer.Option(help="Reference of a case or task.")] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Where to put the file.")] = None,
) -> None:
    """Ask for an export; it is written at once, unless a second person must approve it."""
    # These load the geometry libraries, which the other verbs do without.
    from geo.exports import ExportFilter, ask_export, run_export

    settings, now = load_settings(), datetime.now(UTC)
    who = operator()
    access = Access(who.actor, origin=who.origin, purpose=purpose, case_ref=case)
    with open_store(settings) as database:
        with database.session() as session:
            request = ask_export(
                session,
                access,
                kind=kind,
                file_format=file_format,
                filters=ExportFilter(grid_code=grid, community_code=community),
                scope=GridScope.everything(),
                settings=settings,
                now=now,
            )
            request_id, status, rows = request.id, request.status, request.rows_expected
        if status == "asked":
            console.print(
                f"Export {request_id}: {rows:,} rows are above the cap, so that somebody else "
                f"approves: gridbeat export approve {request_id}"
            )
            return
        run_export(database, request_id, settings=settings)
        console.print(f"Export {request_id}: {rows:,} rows are written.")
        if out is not None:
            with database.session() as session:
                _save(session, request_id, out, settings, now)


@app.command("list")
def list_exports(
    status: Annotated[str | None, typer.Option(help="asked, ready, expired …")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Exports at most.")] = 20,
) -> None:
    """List exports, newest first."""
    from geo.exports import find_exports

    shown = Table("id", "kind", "format", "rows", "status", "asked by", "for", "decided by")
    with open_store() as database, database.session() as session:
        found = find_exports(
            session, seen_by=operator().actor, may_approve=True, status=status, limit=limit
        )
        for each in found:
            shown.add_row(
                str(each.id),
                each.kind,
                each.format,
                f"{each.rows_expected:,}",
                each.status,
                Text(each.requested_by),
                Text(each.purpose or ""),
                Text(each.decided_by or ""),
            )
    console.print(shown)


@app.command()
def approve(
    request_id: RequestId,
    note: Annotated[str | None, typer.Option(help="For who asked.")] = None,
) -> None:
    """Approve what somebody else asked for, and write it."""
    from geo.exports import approve_export, run_export

    settings = load_settings()
    with open_store(settings) as database:
        with database.session() as session:
            approve_export(session, operator(), request_id, note=note, now=datetime.now(UTC))
        run_export(database, request_id, settings=settings)
    console.print(f"Export {request_id} is approved and written.")


@app.command()
def refuse(
    request_id: RequestId,
    note: Annotated[str, typer.Option(help="Why; who asked reads it.")],
) -> None:
    """Refuse what somebody else asked for."""
    from geo.exports import refuse_export

    with open_store() as database, database.session() as session:
        refuse_export(session, operator(), request_id, note=note, now=datetime.now(UTC))
    console.print(f"Export {request_id} is refused.")


@app.command()
def fetch(
    request_id: RequestId,
    out: Annotated[Path, typer.Option("-o", "--out", help="Where to put the file.")],
) -> None:
    """Fetch the file of one's own export; it is recorded."""
    settings = load_settings()
    with open_store(settings) as database, database.session() as session:
        _save(session, request_id, out, settings, datetime.now(UTC))


@app.command()
def expire() -> None:
    """Delete the files whose time is over; the server does so each day."""
    from geo.exports import expire_exports

    settings = load_settings()
    with open_store(settings) as database, database.session() as session:
        count = expire_exports(session, operator(), settings=settings, now=datetime.now(UTC))
    console.print(f"{count:,} files are deleted.")


def _save(session: Session, request_id: int, out: Path, settings: Settings, now: datetime) -> None:
    from geo.exports import fetch_export

    if out.exists():
        raise InvalidFile(f"{out} is there already. Give another name.")
    path = fetch_export(session, operator(), request_id, settings=settings, now=now)
    out.touch(mode=0o600)
    shutil.copyfile(path, out)
    console.print(Text(f"Written to {out}."))
