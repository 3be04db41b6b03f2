"""The command line: `gridbeat VERB …`. Verbs call the same functions as the API does.

This file mounts the verbs of all rooms and turns the platform's errors into one sentence and
exit code 2. A verb's module is imported only when the verb is typed: the geometry libraries take
seconds, and `--help` should not.
"""

from __future__ import annotations

import difflib
import importlib
import logging
import sys

import structlog
import typer

from geo.errors import PlatformError

# verb: (module, name in it, one line of help); a name that is a Typer app is a group of verbs
VERBS = {
    "run": ("web.serve", "run", "Start the server: the store, the API and the map."),
    "geocode": ("geo.commands.geocode", "geocode", "Find the point, grid and cell of addresses."),
    "suggest": ("geo.commands.geocode", "suggest", "Complete an address while it is typed."),
    "locate": ("geo.commands.geocode", "locate", "Tell what is at a point."),
    "assign": ("geo.commands.geocode", "assign", "Assign points of a file to grids and cells."),
    "addresses": ("geo.commands.addresses", "app", "Import, list and show standard addresses."),
    "address": ("geo.commands.address", "app", "Read an address text, train the reader."),
    "areas": ("geo.commands.areas", "app", "Import, list and show administrative areas."),
    "grids": ("layers.commands.grids", "app", "Check, import, show and suggest grids."),
    "incidents": ("geo.commands.incidents", "app", "Import incidents, their categories."),
    "basemap": ("geo.commands.basemap", "app", "Import roads, buildings and places to draw."),
    "roads": ("layers.commands.roads", "app", "Import a road network, close roads, calibrate."),
    "response": ("layers.commands.response", "response", "Rings and gaps, by road."),
    "siting": ("layers.commands.response", "siting", "Sites, and where they should be."),
    "map": ("web.map_command", "map_", "Results of response, siting, routes as a map file."),
    "accounts": ("geo.commands.accounts", "app", "Accounts: who may sign in, what they see."),
    "registers": (
        "geo.commands.registers",
        "app",
        "Import, list and verify dwellings, residents, …",
    ),
    "keys": ("geo.commands.keys", "app", "Change the keys that seal what is stored."),
    "audit": ("geo.commands.audit", "app", "Check and anchor the audit log."),
    "export": ("geo.commands.exports", "app", "Export, approve exports, fetch their files."),
    "rights": ("geo.commands.rights", "app", "Requests of persons about their data."),
    "retention": ("geo.commands.retention", "app", "How long what is kept; delete it then."),
    "inventory": ("geo.commands.inventory", "inventory", "Print the data inventory."),
    "jobs": ("geo.commands.jobs", "app", "Show, stop and go on with imports."),
    "coverage": ("layers.commands.coverage", "app", "Keep patrol coverage up with positions."),
    "routes": ("layers.commands.routes", "app", "Plan a shift's patrol routes from files."),
    "simulate": ("geo.commands.simulate", "simulate", "Let generated units move and report."),
    "demo": ("geo.commands.demo", "app", "Generate the demo city."),
}


def main() -> None:
    """Run the command line; a foreseen error is one sentence on standard error and exit code 2."""
    configure_logs()
    words = sys.argv[1:]
    if not words or words[0] in {"-h", "--help", "help"}:
        print_help()
        return
    verb, *rest = words
    if verb not in VERBS:
        nearest = difflib.get_close_matches(verb, VERBS, n=1)
        meant = f" Did you mean `gridbeat {nearest[0]}`?" if nearest else ""
        sys.stderr.write(f"gridbeat: no verb {verb!r}.{meant} `gridbeat --help` lists them.\n")
        sys.exit(2)
    try:
        load_verb(verb)(rest, prog_name=f"gridbeat {verb}")
    except PlatformError as error:
        sys.stderr.write(f"{type(error).__name__}: {error.message}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.stderr.write("Stopped.\n")
        sys.exit(130)


def load_verb(verb: str) -> typer.Typer:
    """Import the verb's module and return what runs it."""
    module_name, name, _ = VERBS[verb]
    found = getattr(importlib.import_module(module_name), name)
    if isinstance(found, typer.Typer):
        group = found
    else:
        group = typer.Typer(add_completion=False)
        group.command(verb)(found)
    group.pretty_exceptions_enable = False
    return group


def print_help() -> None:
    """Print the verbs, a line each."""
    lines = [f"  {verb:<11}{told}" for verb, (_, _, told) in VERBS.items()]
    sys.stdout.write(
        "GridBeat: standard addresses, community grids and patrol work on one map.\n\n"
        "Usage: gridbeat VERB [WORDS]\n\n" + "\n".join(lines) + "\n\n"
        "`gridbeat VERB --help` tells more of each.\n"
    )


def configure_logs() -> None:
    """Logs go to standard error, so that what a verb prints can be piped."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.dev.ConsoleRenderer()
            if sys.stderr.isatty()
            else structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


if __name__ == "__main__":
    main()
