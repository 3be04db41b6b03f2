"""Leaks: random requests as random users over every route, against a model of who may see what.

    python -m bench.leaks [--requests 10000] [--seed 1]

The model, the world and the requests are those of `bench.leak_model`; the application is the whole
one, pages too, over a store of its own.

RESULT keys: requests, leaks, server_errors, compared (requests about something outside the scope
that were asked again about something that doesn't exist), own_seen (answers that showed what is
marked as the asker's own: a model that hides everything would show none), routes.
"""

from __future__ import annotations

import argparse
import json
import logging

import structlog
from fastapi.testclient import TestClient
from rich.console import Console
from rich.table import Table

from bench.leak_model import Tally, make_world, run
from bench.scratch import scratch_store
from web.app import create_app


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with scratch_store() as (database, settings):
        world = make_world(database, settings)
        app = create_app(settings, database)
        with TestClient(
            app, base_url="https://testserver", raise_server_exceptions=False
        ) as client:
            tally = run(client, app, world, requests=given.requests, seed=given.seed)
    report(tally)


def report(tally: Tally) -> None:
    """Print the table, each leak and each fault, and the RESULT line."""
    table = Table("route", "requests", "2xx", "own seen", "compared", "leaks", "5xx")
    for route, count in sorted(tally.asked.items()):
        table.add_row(
            route, str(count), str(tally.answered[route]), str(tally.own_seen[route]),
            str(tally.compared[route]), str(sum(each.route == route for each in tally.leaks)),
            str(sum(each.route == route for each in tally.faults)),
        )  # fmt: skip
    Console(width=120).print(table)
    for title, found in (("LEAK", tally.leaks), ("5XX", tally.faults)):
        for each in found[:50]:
            print(title, each)
    result = {
        "requests": sum(tally.asked.values()),
        "leaks": len(tally.leaks),
        "server_errors": len(tally.faults),
        "compared": sum(tally.compared.values()),
        "own_seen": sum(tally.own_seen.values()),
        "routes": len(tally.asked),
    }
    print("RESULT", json.dumps(result))


if __name__ == "__main__":
    main()
