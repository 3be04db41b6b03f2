"""A large road network into the store: time and memory by step.

    python -m bench.road_import [--edges N]

The generated city of `bench.road_networks`, as large as asked for, written as a Parquet file of
edges, and imported as `gridbeat roads import` does: read in the isolated process, joined into a
network, looked over, stored; then loaded again, and a graph for cars made of it.

RESULT: edges (directed, for cars), lines, file_mb, read_s, build_s, report_s, store_s, load_s,
graph_s, import_s (read to store), peak_mb (of this process), peak_read_mb (of its children).
"""

from __future__ import annotations

import argparse
import json
import logging
import resource
import time
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import structlog

from bench.road_networks import generated_lines
from bench.scratch import scratch_store
from geo.importers.road_import import number_lines
from geo.importers.roads import Direction, read_roads
from geo.roads.build import build_road_network
from geo.roads.modes import ALL_MODES, TravelMode
from geo.roads.report import road_report
from geo.roads.store import load_road_network, store_road_network

DAY = date(2026, 1, 1)
EDGES_A_CROSSING = 3.0  # of the generated city, directed, for cars


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--edges", type=int, default=2_000_000)
    given = arguments.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    side = int(np.ceil(np.sqrt(given.edges / EDGES_A_CROSSING)))
    with scratch_store() as (database, settings):
        path = settings.data_folder / "roads.parquet"
        write(path, side)
        took: dict[str, float] = {}
        begun = last = time.perf_counter()

        def done(step: str) -> None:
            nonlocal last
            now = time.perf_counter()
            took[step], last = round(now - last, 2), now
            print(f"{step:10} {took[step]:8.2f} s", flush=True)

        read = read_roads(path, direction=Direction.BOTH)
        done("read_s")
        lines, has_own_numbers = number_lines(read.lines)
        network = build_road_network(lines)
        done("build_s")
        road_report(network)
        done("report_s")
        with database.session() as session:
            store_road_network(
                session, network, name="generated", valid_from=DAY, has_own_numbers=has_own_numbers
            )
        done("store_s")
        took["import_s"] = round(last - begun, 2)
        with database.session() as session:
            loaded = load_road_network(session, on=DAY).network
        done("load_s")
        graph = loaded.travel_graph(TravelMode.CAR)
        done("graph_s")
        file_mb = path.stat().st_size / 1e6
    result = {
        "edges": graph.edge_count,
        "lines": network.line_count,
        "file_mb": round(file_mb, 1),
        **took,
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "peak_read_mb": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024),
    }
    print("RESULT", json.dumps(result))


def write(path: Path, side: int) -> None:
    """Write the streets of a city of `side` x `side` crossings, a line an edge."""
    lines = generated_lines(side)
    ends = lines.xy.reshape(-1, 2, 2)
    nodes = lines.node_keys.reshape(-1, 2)
    pd.DataFrame(
        {
            "from": nodes[:, 0], "to": nodes[:, 1],
            "lon1": ends[:, 0, 0], "lat1": ends[:, 0, 1],
            "lon2": ends[:, 1, 0], "lat2": ends[:, 1, 1],
            "highway": np.array(lines.class_names)[lines.class_index],
            "oneway": np.where(lines.backward_modes == ALL_MODES, "no", "yes"),
            "id": lines.source_ids,
        }
    ).to_parquet(path)  # fmt: skip
    path.chmod(0o644)  # read by another user where the bench runs as root


if __name__ == "__main__":
    main()
