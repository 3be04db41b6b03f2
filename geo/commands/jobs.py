"""`gridbeat jobs …`: list, show, stop and resume imports."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from geo.commands.context import open_store
from geo.importers.jobs import find_jobs, get_job, request_stop, status_seen
from geo.settings import load_settings
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
    # These load the geometry libraries, which the other verbs do without.
    from geo.commands.addresses import print_report
    from geo.commands.progress import job_bar
    from geo.importers.addresses import ImportReport
    from geo.importers.job_kinds import run_job

    settings = load_settings()
    with open_store(settings) as database:
        with job_bar(job_id) as progress:
            run_job(database, job_id, settings=settings, progress=progress)
        with database.session() as session:
            job = get_job(session, job_id)
    if job.kind == "addresses":
        print_report(ImportReport.of(job))
    else:
        console.print(f"Job {job_id}: {job.status}. See gridbeat jobs show {job_id}.")


def _rows_text(job: ImportJob) -> str:
    done = f"{job.rows_done:,}"
    return f"{done} of about {job.rows_total:,}" if job.rows_total else done


def _value_text(value: object) -> str:
    if isinstance(value, dict):
        return "\n".join(f"{name}: {part}" for name, part in value.items())
    if isinstance(value, list):
        return "\n".join(str(part) for part in value)
    return str(value)
