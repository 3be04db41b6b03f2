"""The command line: `gridbeat VERB …`. Verbs call the same functions as the API does.

This file mounts the verbs of all rooms and turns the platform's errors into one sentence and
exit code 2.
"""

from __future__ import annotations

import logging
import sys

import structlog
import typer
from rich.console import Console

from geo.errors import PlatformError
from web.serve import run

app = typer.Typer(
    name="gridbeat",
    help="GridBeat: standard addresses, community grids and patrol work on one map.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command("run")(run)


def main() -> None:
    """Run the command line; a foreseen error is one sentence on standard error and exit code 2."""
    configure_logs()
    try:
        app()
    except PlatformError as error:
        Console(stderr=True, highlight=False).print(f"[red]{type(error).__name__}[/red]", end=": ")
        sys.stderr.write(f"{error.message}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.stderr.write("Stopped.\n")
        sys.exit(130)


def configure_logs() -> None:
    """Logs go to standard error, so that what a verb prints can be piped."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
            if sys.stderr.isatty()
            else structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


if __name__ == "__main__":
    main()
