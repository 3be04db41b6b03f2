"""Imports that land whole, run from the command line: a bar while they work, then the report."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from geo.importers.job_kinds import run_job
from geo.importers.jobs import get_job
from geo.settings import Settings
from geo.store.database import Database


def run_whole_job(database: Database, job_id: int, settings: Settings) -> dict[str, Any]:
    """Work on a job with a progress bar on standard error; return its report.

    Raises
    ------
    PlatformError : whatever its import raises
    """
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task(f"job {job_id}", total=None)
        run_job(
            database,
            job_id,
            settings=settings,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    with database.session() as session:
        return dict(get_job(session, job_id).report)
