"""Travel times on road networks: ours, scipy, igraph, pandana, networkx, pgRouting.

    python -m bench.travel [--networks generated,jinan,chicago] [--rounds N] [--data FOLDER]

Networks for cars: a generated city of some 215,000 directed edges, Jinan and Chicago where the data
folder has them. Four jobs, from nodes to nodes, by the same whole milliseconds for all:

    reach_10_min  the nodes within 10 minutes of one node, and their times
    nearest_5     of 500 units, the five that reach a node soonest, and their times
    61 x 61       all times between 61 nodes
    200 x 500     all times from 200 nodes to 500

scipy: `csgraph.dijkstra`, with the limit where there is one. igraph: `distances`, which has no
limit. networkx: `single_source_dijkstra_path_length` with its cutoff; for the first job only.
pandana: `nodes_in_range`, `nearest_pois` (which answers for all nodes at once and then is asked for
one; its `set_pois` is timed, since units move) and `shortest_path_lengths` over all pairs. Ours and
pandana build a hierarchy first, told apart as build_s. pgRouting (`bench.pgrouting`):
`pgr_drivingDistance`, `pgr_dijkstraNearCost` and, for 61 x 61, `pgr_dijkstraCost`, over a server of
the bench's own; where its extension isn't installed it is left out, and said to be.

Methods alternate, another place each round; medians. Every answer is compared with scipy's.

RESULT: for each network and job `NETWORK.JOB.ms`, `.scipy_ms`, `.igraph_ms`, `.pandana_ms`,
`.networkx_ms`, `.pgrouting_ms`, `.vs_fastest_peer` (its time over ours), `.mismatches`;
`NETWORK.build_s`, `.pandana_build_s`, `.nodes`, `.edges`, `.reached` (median nodes in 10 minutes).
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import igraph
import networkx
import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from bench.pgrouting import MISSING, PgRouting, pgrouting
from bench.road_networks import FOLDER, network_of
from geo.roads.graph import TravelGraph
from geo.roads.hierarchy import Hierarchy
from geo.roads.modes import TravelMode
from geo.roads.network import RoadNetwork
from geo.roads.places import Seeds
from geo.roads.search import nearest_units, reached_nodes

LIMIT_MS = 600_000
UNITS, NEAREST = 500, 5
PEERS = ("scipy", "igraph", "pandana", "networkx", "pgrouting")
Answer = np.ndarray
Ways = dict[str, Callable[[], Answer]]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--networks", default="generated,jinan,chicago")
    arguments.add_argument("--rounds", type=int, default=9)
    arguments.add_argument("--data", type=Path, default=FOLDER)
    given = arguments.parse_args()
    result: dict[str, float | None] = {}
    for name in given.networks.split(","):
        network = network_of(name, given.data)
        if network is None:
            print(f"{name}: its file is not in {given.data}, left out")
            continue
        graph = network.travel_graph(TravelMode.CAR)
        with pgrouting(graph) as asked:
            if asked is None:
                print(MISSING)
            found = measure(name, network, graph, given.rounds, asked)
        result |= {f"{name}.{key}": value for key, value in found}
    print("RESULT", json.dumps(result))


def measure(
    name: str, network: RoadNetwork, graph: TravelGraph, rounds: int, asked: PgRouting | None
) -> list[tuple[str, float | None]]:
    main_part = np.flatnonzero(network.main_component(TravelMode.CAR))
    peers = Peers(graph, network, asked)
    Hierarchy.of(tiny())  # compiles
    start = time.perf_counter()
    hierarchy = Hierarchy.of(graph)
    build_s = time.perf_counter() - start
    random = np.random.default_rng(3)
    jobs: dict[str, Callable[[], Ways]] = {
        "reach_10_min": lambda: reach_ways(graph, peers, int(random.choice(main_part))),
        "nearest_5": lambda: nearest_ways(
            graph, peers, int(random.choice(main_part)), random.choice(main_part, UNITS, False)
        ),
        "61 x 61": lambda: matrix_ways(hierarchy, peers, *[random.choice(main_part, 61)] * 2),
        "200 x 500": lambda: matrix_ways(
            hierarchy, peers, random.choice(main_part, 200), random.choice(main_part, 500)
        ),
    }
    found: list[tuple[str, float | None]] = [
        ("nodes", graph.node_count),
        ("edges", graph.edge_count),
        ("build_s", round(build_s, 2)),
        ("pandana_build_s", round(peers.build_s, 2)),
    ]
    table = Table(title=f"{name}: {graph.node_count:,} nodes, {graph.edge_count:,} edges; ms")
    for column in (
        "job",
        "ours",
        *PEERS,
        "fastest/ours",
        "wrong",
    ):
        table.add_column(column, justify="right")
    reached = []
    for job, ways_of in jobs.items():
        count = rounds if job in ("reach_10_min", "nearest_5") else max(2, rounds // 3)
        times: dict[str, list[float]] = {}
        wrong = 0
        for way in ways_of().values():
            way()  # warm: compiled code, caches
        for _ in range(count):
            answers = {}
            for way_name, way in ways_of().items():
                start = time.perf_counter()
                answers[way_name] = way()
                times.setdefault(way_name, []).append((time.perf_counter() - start) * 1000)
            wrong += int(not np.array_equal(answers["ours"], answers["scipy"]))
            if "pgrouting" in answers:
                wrong += int(not np.array_equal(answers["pgrouting"], answers["scipy"]))
            if job == "reach_10_min":
                reached.append(np.count_nonzero(answers["ours"] < np.inf))
        medians = {way_name: float(np.median(values)) for way_name, values in times.items()}
        fastest = min(value for way_name, value in medians.items() if way_name != "ours")
        ratio = fastest / medians["ours"]
        key = job.replace(" ", "")
        found.append((f"{key}.ms", round(medians["ours"], 4)))
        found += [
            (f"{key}.{peer}_ms", round(medians[peer], 3) if peer in medians else None)
            for peer in PEERS
        ]
        found += [(f"{key}.vs_fastest_peer", round(ratio, 2)), (f"{key}.mismatches", wrong)]
        shown = [f"{medians[peer]:.3g}" if peer in medians else "-" for peer in ("ours", *PEERS)]
        table.add_row(job, *shown, f"{ratio:.1f}", f"{wrong}/{count}")
    Console(width=120).print(table)
    print(f"hierarchy {build_s:.2f} s, pandana's {peers.build_s:.2f} s")
    found.append(("reached", float(np.median(reached))))
    return found


class Peers:
    """The same graph as each peer wants it."""

    def __init__(self, graph: TravelGraph, network: RoadNetwork, asked: PgRouting | None) -> None:
        self.pgrouting = asked
        n = graph.node_count
        self.scipy = csr_array((graph.ms.astype(float), graph.head, graph.first), shape=(n, n))
        self.scipy_back = self.scipy.T.tocsr()
        edges = np.column_stack((graph.tail, graph.head))
        self.igraph = igraph.Graph(n=n, edges=edges, directed=True)
        self.ms = graph.ms.tolist()
        self.networkx = networkx.DiGraph()
        for a, b, ms in zip(graph.tail.tolist(), graph.head.tolist(), self.ms, strict=True):
            if not self.networkx.has_edge(a, b) or self.networkx[a][b]["weight"] > ms:
                self.networkx.add_edge(a, b, weight=ms)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it imports what its own dependencies deprecate
            import pandana

            start = time.perf_counter()
            x, y = pd.Series(network.node_xy[:, 0]), pd.Series(network.node_xy[:, 1])
            # It keeps thousandths of what it is given in 31 bits: seconds, or a city overflows.
            weights = pd.DataFrame({"s": graph.ms / 1000})
            tail, head = pd.Series(graph.tail), pd.Series(graph.head)
            self.pandana = pandana.Network(x, y, tail, head, weights, twoway=False)
            self.build_s = time.perf_counter() - start
            self.pandana_back = pandana.Network(x, y, head, tail, weights, twoway=False)
        self.x, self.y = x, y


def reach_ways(graph: TravelGraph, peers: Peers, source: int) -> Ways:
    n = graph.node_count

    def dense(nodes: Answer, ms: Answer) -> Answer:
        times = np.full(n, np.inf)
        times[nodes] = ms
        return times

    def ours() -> Answer:
        found = reached_nodes(graph, Seeds.at_nodes([source]), limit_ms=LIMIT_MS)
        return dense(found.nodes, found.ms)

    def from_igraph() -> Answer:
        times = np.array(peers.igraph.distances(source, None, peers.ms)[0])
        return np.where(times <= LIMIT_MS, times, np.inf)

    def from_pandana() -> Answer:
        found = peers.pandana.nodes_in_range([source], LIMIT_MS / 1000)
        return dense(found["destination"].to_numpy(), found["s"].to_numpy() * 1000)

    def from_networkx() -> Answer:
        found = networkx.single_source_dijkstra_path_length(peers.networkx, source, LIMIT_MS)
        return dense(np.fromiter(found, int), np.fromiter(found.values(), float))

    return {
        "ours": ours,
        "scipy": lambda: dijkstra(peers.scipy, indices=source, limit=LIMIT_MS),
        "igraph": from_igraph,
        "pandana": from_pandana,
        "networkx": from_networkx,
        **asked_ways(peers, lambda asked: asked.reach(source, LIMIT_MS)),
    }


def nearest_ways(graph: TravelGraph, peers: Peers, place: int, units: Answer) -> Ways:
    leaving, entering = Seeds.at_nodes(units), Seeds.at_nodes([place])

    def first_five(times: Answer) -> Answer:
        return np.sort(np.partition(times, NEAREST)[:NEAREST])

    def from_pandana() -> Answer:
        network = peers.pandana_back
        network.set_pois("units", 10_000, NEAREST, peers.x[units], peers.y[units])
        found = network.nearest_pois(10_000, "units", NEAREST)
        return found.loc[place].to_numpy()

    return {
        "ours": lambda: nearest_units(graph, entering, leaving, wanted=NEAREST)[1],
        "scipy": lambda: first_five(dijkstra(peers.scipy_back, indices=place)[units]),
        "igraph": lambda: first_five(
            np.array(peers.igraph.distances(place, units.tolist(), peers.ms, mode="in")[0])
        ),
        "pandana": from_pandana,
        **asked_ways(peers, lambda asked: asked.nearest(place, units, NEAREST)),
    }


def asked_ways(peers: Peers, ask: Callable[[PgRouting], Answer]) -> Ways:
    """pgRouting's way, where it is there."""
    asked = peers.pgrouting
    return {} if asked is None else {"pgrouting": lambda: ask(asked)}


def matrix_ways(hierarchy: Hierarchy, peers: Peers, sources: Answer, targets: Answer) -> Ways:
    def from_pandana() -> Answer:
        a, b = np.repeat(sources, len(targets)), np.tile(targets, len(sources))
        times = peers.pandana.shortest_path_lengths(a.tolist(), b.tolist())
        return np.array(times).reshape(len(sources), len(targets))

    return {
        "ours": lambda: hierarchy.times_ms(Seeds.at_nodes(sources), Seeds.at_nodes(targets)),
        "scipy": lambda: dijkstra(peers.scipy, indices=sources)[:, targets],
        "igraph": lambda: np.array(
            peers.igraph.distances(sources.tolist(), np.unique(targets).tolist(), peers.ms)
        ),
        "pandana": from_pandana,
        # Hundreds of searches take it minutes.
        **(
            asked_ways(peers, lambda asked: asked.matrix(sources, targets))
            if len(sources) < 100
            else {}
        ),
    }


def tiny() -> TravelGraph:
    one = np.array([0, 1], np.int32)
    return TravelGraph.of_edges(node_count=2, tail=one, head=one[::-1], ms=one + 1)


if __name__ == "__main__":
    main()
