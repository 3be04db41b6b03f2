"""pgRouting as a peer of `bench.travel`, over a server of the bench's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import psycopg

from bench.scratch import scratch_folder
from geo.roads.graph import TravelGraph
from geo.store.cluster import OWNER_ROLE, EmbeddedCluster

EDGES = "SELECT id, source, target, cost FROM edges"
BACK = "SELECT id, target AS source, source AS target, cost FROM edges"
MISSING = "pgRouting is not installed (Debian: postgresql-15-pgrouting); it is left out."


class PgRouting:
    """The graph as a table of edges; every question reads it anew, as pgRouting does."""

    def __init__(self, connection: psycopg.Connection, graph: TravelGraph) -> None:
        self._connection = connection
        self._count = graph.node_count
        connection.execute("CREATE EXTENSION postgis")
        connection.execute("CREATE EXTENSION pgrouting")
        connection.execute(
            "CREATE TABLE edges (id int PRIMARY KEY, source int, target int, cost float8)"
        )
        rows = zip(graph.tail.tolist(), graph.head.tolist(), graph.ms.tolist(), strict=True)
        with connection.cursor().copy("COPY edges FROM STDIN") as copy:
            for number, (tail, head, ms) in enumerate(rows):
                copy.write_row((number, tail, head, float(ms)))
        connection.execute("ANALYZE edges")

    def reach(self, source: int, limit: float) -> np.ndarray:
        """Times to all nodes, infinite beyond the limit."""
        found = self._connection.execute(
            "SELECT node, agg_cost FROM pgr_drivingDistance(%s, %s, %s::float8, true)",
            (EDGES, source, limit),
        ).fetchall()
        times = np.full(self._count, np.inf)
        node, cost = np.array(found, float).reshape(-1, 2).T
        times[node.astype(int)] = cost
        return times

    def nearest(self, place: int, units: np.ndarray, wanted: int) -> np.ndarray:
        """Times of the first to arrive, soonest first: the units are looked for from the place, on
        the roads turned round."""
        found = self._connection.execute(
            "SELECT agg_cost FROM pgr_dijkstraNearCost(%s, %s::bigint, %s::bigint[], true, %s)",
            (BACK, place, np.unique(units).tolist(), wanted),
        ).fetchall()
        return np.sort(np.array(found, float).ravel())

    def matrix(self, sources: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Times of all pairs."""
        found = self._connection.execute(
            "SELECT start_vid, end_vid, agg_cost FROM "
            "pgr_dijkstraCost(%s, %s::bigint[], %s::bigint[], true)",
            (EDGES, np.unique(sources).tolist(), np.unique(targets).tolist()),
        ).fetchall()
        cost = {(start, end): each for start, end, each in found}
        return np.array(
            [
                [0.0 if a == b else cost.get((a, b), np.inf) for b in targets.tolist()]
                for a in sources.tolist()
            ]
        )


@contextmanager
def pgrouting(graph: TravelGraph) -> Iterator[PgRouting | None]:
    """Yield pgRouting with a graph, or None where the server hasn't it."""
    with (
        scratch_folder() as folder,
        EmbeddedCluster(folder).running() as cluster,
        psycopg.connect(
            host=str(cluster.socket_folder), user=OWNER_ROLE, dbname="postgres", autocommit=True
        ) as connection,
    ):
        there = connection.execute(
            "SELECT count(*) FROM pg_available_extensions WHERE name = 'pgrouting'"
        ).fetchone()
        yield PgRouting(connection, graph) if there and there[0] else None
