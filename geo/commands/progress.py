"""The progress bar of a job that is worked on chunk by chunk."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


def job_bar(
    job_id: int,
) -> contextlib.AbstractContextManager[Callable[[int, int | None], None]]:
    """Show the progress of an import; see `named_bar`."""
    return named_bar(f"job {job_id}")


@contextlib.contextmanager
def named_bar(name: str) -> Iterator[Callable[[int, int | None], None]]:
    """Show a progress bar on standard error; yields what is told rows done and in all."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    ) as bar:
        task = bar.add_task(name, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
