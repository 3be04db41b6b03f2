"""The progress bar of a job that is worked on chunk by chunk."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


@contextlib.contextmanager
def job_bar(job_id: int) -> Iterator[Callable[[int, int | None], None]]:
    """Show a progress bar on standard error; yields what is told rows done and in all."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    ) as bar:
        task = bar.add_task(f"job {job_id}", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
