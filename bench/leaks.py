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
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import structlog
from fastapi.testclient import TestClient
from rich.console import Console
from rich.table import Table

from bench.leak_model import Tally, make_world, run
from geo.keys import KeyRing
from geo.settings import Settings
from geo.store.cluster import APPLICATION_ROLE, OWNER_ROLE, EmbeddedCluster
from geo.store.database import Database, ensure_database, make_engine
from geo.store.migrate import migrate
from web.app import create_app


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with tempfile.TemporaryDirectory(prefix="gridbeat-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the server runs as another user where this runs as root
        with EmbeddedCluster(folder).running() as cluster:
            ensure_database(cluster, "bench")
            owner = make_engine(cluster.url(OWNER_ROLE, "bench"), pool_size=1)
            migrate(owner)
            owner.dispose()
            keys = KeyRing.of_chance(now=datetime.now(UTC))
            url = cluster.url(APPLICATION_ROLE, "bench")
            database = Database(make_engine(url, pool_size=4), lambda: keys)
            settings = Settings(data_folder=folder, demo=False)
            world = make_world(database, settings)
            app = create_app(settings, database)
            with TestClient(
                app, base_url="https://testserver", raise_server_exceptions=False
            ) as client:
                tally = run(client, app, world, requests=given.requests, seed=given.seed)
            database.engine.dispose()
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
