"""`gridbeat jobs …`: list, show, stop and resume imports."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from geo.commands.context import open_store
from geo.errors import InvalidInput
from geo.importers.jobs import find_jobs, get_job, request_stop, status_seen
from geo.tables import ImportJob

app = typer.Typer(help="Show, stop and go on with imports.", no_args_is_help=True)
console = Console()
JobId = Annotated[int, typer.Argument(metavar="ID")]


@app.command("list")
def list_jobs(
    kind: Annotated[str | None, typer.Option(help="areas, grids, addresses, basemap …")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Jobs at most.")] = 20,
) -> None:
    """List imports, newest first."""
    shown = Table("id", "kind", "file", "status", "rows", "failed", "begun")
    with open_store() as database, database.session() as session:
        for job in find_jobs(session, kind=kind, limit=limit):
            begun = f"{job.started_at:%Y-%m-%d %H:%M}Z" if job.started_at else ""
            shown.add_row(
                str(job.id),
                job.kind,
                Text(job.file_name, overflow="fold"),
                status_seen(session, job),
                _rows_text(job),
                f"{job.rows_failed:,}",
                begun,
            )
    console.print(shown)


@app.command()
def show(job_id: JobId) -> None:
    """Show one import and what came of it."""
    with open_store() as database, database.session() as session:
        job = get_job(session, job_id)
        status = status_seen(session, job)
        told = f"Job {job.id}: {job.kind} from {job.file_name}, {status}, {_rows_text(job)} rows."
        console.print(Text(told))
        if job.message:
            console.print(Text(job.message))
        shown = Table("", "", show_header=False)
        for name, value in job.report.items():
            if name != "state" and value not in (None, {}, []):
                shown.add_row(name, Text(_value_text(value)))
        console.print(shown)


@app.command()
def stop(job_id: JobId) -> None:
    """Ask an import to stop after the rows in hand."""
    with open_store() as database, database.session() as session:
        request_stop(session, job_id)
    console.print(f"Job {job_id} is asked to stop. gridbeat jobs resume {job_id} goes on with it.")


@app.command()
def resume(job_id: JobId) -> None:
    """Go on with an import that was stopped or died."""
    from geo.commands.addresses import print_report, run_with_bar  # heavier than this verb

    with open_store() as database:
        with database.session() as session:
            kind = get_job(session, job_id).kind
        if kind != "addresses":
            raise InvalidInput(
                f"Job {job_id} is an import of {kind}, which lands whole or not at all. Start it "
                f"again with gridbeat {kind} import."
            )
        report = run_with_bar(database, job_id)
    print_report(report)


def _rows_text(job: ImportJob) -> str:
    done = f"{job.rows_done:,}"
    return f"{done} of about {job.rows_total:,}" if job.rows_total else done


def _value_text(value: object) -> str:
    if isinstance(value, dict):
        return "\n".join(f"{name}: {part}" for name, part in value.items())
    if isinstance(value, list):
        return "\n".join(str(part) for part in value)
    return str(value)
