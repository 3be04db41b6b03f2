"""Getis-Ord Gi* and local Moran on H3 cells, neighbours included, ours against esda with libpysal.

    python -m bench.gistar [--cells N] [--permutations N] [--rounds N]

Cells of resolution 10 in one piece, with counts that differ from place to place. Both ways start
from the cells and the counts and find the neighbours anew in each round: ours by
`layers.neighbours`, the peer's by `libpysal.graph.Graph.build_h3`. Gi* is binary, the cell itself
included; once with analytic p-values, once with conditional permutations (esda with one process;
both keep no simulations). To compare the chances themselves, esda's own draws are
handed to ours once more, untimed. Methods alternate; medians. Loading compiled code isn't timed.

RESULT: vs_esda (its time over ours, neighbours and analytic Gi*), vs_esda_cpu (the same of process
CPU time), vs_esda_permutations, vs_esda_permutations_cpu, max_difference (of Gi*, its z and local
Moran's I and z), max_p_difference (permutation p of Gi* on the same draws and without ties),
false_marks, false_marks_normal (cells marked hot by exact chances and by the normal approximation;
right is none), cells, permutations, ours_s, ours_permutations_s.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable

import esda
import h3
import h3.api.basic_int as h3_int
import numpy as np
from esda.crand import vec_permutations
from libpysal.graph import Graph

from layers.neighbours import Neighbours, h3_neighbours
from layers.statistics.local import (
    LocalStatistic,
    getis_ord_gi_star,
    hot_and_cold_spots,
    local_moran,
)

CENTRE = (37.87, 112.55)
RESOLUTION = 10
SEED = 7


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--cells", type=int, default=100_000)
    arguments.add_argument("--permutations", type=int, default=999)
    arguments.add_argument("--rounds", type=int, default=5)
    given = arguments.parse_args()
    warnings.simplefilter("ignore")  # esda tells of defaults that will change

    cells = some_cells(given.cells)
    names = [h3.int_to_str(cell) for cell in cells.tolist()]
    random = np.random.default_rng(SEED)
    counts = random.poisson(random.gamma(0.3, 2.0, len(cells))).astype(float)

    def ours() -> LocalStatistic:
        return getis_ord_gi_star(counts, h3_neighbours(cells))

    def ours_permuted() -> LocalStatistic:
        return getis_ord_gi_star(
            counts, h3_neighbours(cells), n_permutations=given.permutations,
            random=np.random.default_rng(SEED),
        )  # fmt: skip

    def theirs(permutations: int = 0) -> esda.G_Local:
        return esda.G_Local(
            counts, Graph.build_h3(names), transform="B", star=True, permutations=permutations,
            keep_simulations=False, n_jobs=1, seed=SEED,
        )  # fmt: skip

    ours_permuted()
    small = Graph.build_h3(names[:200])
    esda.G_Local(counts[:200], small, transform="B", star=True, permutations=9, n_jobs=1, seed=SEED)

    analytic = raced({"ours": ours, "esda": theirs}, given.rounds)
    permuted = raced(
        {"ours": ours_permuted, "esda": lambda: theirs(given.permutations)},
        max(1, given.rounds // 2),
    )
    for title, race in (
        ("analytic", analytic),
        (f"{given.permutations} permutations", permuted),
    ):
        print(f"Gi*, {title}, {len(cells):,} cells, neighbours included")
        for name, (wall, cpu) in race.items():
            print(f"  {name:6}{wall:10.3f} s{cpu:10.3f} s of CPU{wall / race['ours'][0]:8.1f}")

    neighbours = h3_neighbours(cells)
    graph = Graph.build_h3(names)
    difference = max_difference(counts, neighbours, graph)
    p_difference = max_p_difference(counts, neighbours, graph, given.permutations)
    print(f"largest difference {difference:.1e}; of p on the same draws {p_difference:.1e}")
    marked = {kind: false_marks(counts, neighbours, kind) for kind in ("table", "normal")}
    print(
        f"marked hot though the counts have no structure: {marked['table']} by exact chances, "
        f"{marked['normal']} by the normal approximation"
    )
    result = {
        "vs_esda": round(analytic["esda"][0] / analytic["ours"][0], 1),
        "vs_esda_cpu": round(analytic["esda"][1] / analytic["ours"][1], 1),
        "vs_esda_permutations": round(permuted["esda"][0] / permuted["ours"][0], 1),
        "vs_esda_permutations_cpu": round(permuted["esda"][1] / permuted["ours"][1], 1),
        "max_difference": difference,
        "max_p_difference": p_difference,
        "false_marks": marked["table"],
        "false_marks_normal": marked["normal"],
        "cells": len(cells),
        "permutations": given.permutations,
        "ours_s": round(analytic["ours"][0], 4),
        "ours_permutations_s": round(permuted["ours"][0], 4),
    }
    print("RESULT " + json.dumps(result))


def some_cells(count: int) -> np.ndarray:
    """Return cells in one piece, as they'd come from counting points: in ascending order."""
    rings = 0
    while 1 + 3 * rings * (rings + 1) < count:
        rings += 1
    centre = h3_int.latlng_to_cell(*CENTRE, RESOLUTION)
    return np.array(sorted(h3_int.grid_disk(centre, rings)[:count]), dtype=np.int64)


def raced(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, tuple[float, float]]:
    """Return the median wall and CPU seconds of each way."""
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            wall, cpu = time.perf_counter(), time.process_time()
            way()
            seconds[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    return {
        name: (float(np.median([t[0] for t in times])), float(np.median([t[1] for t in times])))
        for name, times in seconds.items()
    }


def max_difference(counts: np.ndarray, neighbours: Neighbours, graph: Graph) -> float:
    """Return the largest difference between our statistics and esda's."""
    gi, moran = getis_ord_gi_star(counts, neighbours), local_moran(counts, neighbours)
    their_gi = esda.G_Local(counts, graph, transform="B", star=True, permutations=0)
    their_moran = esda.Moran_Local(counts, graph, transformation="r", permutations=0)
    their_z = (their_moran.Is - their_moran.EIc) / np.sqrt(their_moran.VIc)
    pairs = (
        (gi.statistic, their_gi.Gs),
        (gi.z, their_gi.Zs),
        (moran.statistic, their_moran.Is),
        (moran.z, their_z),
    )
    return float(max(np.abs(a - b).max() for a, b in pairs))


def false_marks(counts: np.ndarray, neighbours: Neighbours, kind: str) -> int:
    """Return how many cells are marked hot, after the correction for many tests."""
    result = getis_ord_gi_star(counts, neighbours, p_kind=kind)
    return int(hot_and_cold_spots(result, counts, neighbours).is_hot.sum())


def max_p_difference(
    counts: np.ndarray, neighbours: Neighbours, graph: Graph, permutations: int
) -> float:
    """Return the largest difference of the permutation p, both on esda's draws.

    The counts get a random fraction each, so that no two sums tie: esda divides the drawn sums and
    the observed one in different ways, and rounding then decides ties of whole numbers.
    """
    counts = counts + np.random.default_rng(SEED).uniform(0, 1, len(counts))
    draws = vec_permutations(int(neighbours.counts.max()), len(counts), permutations, SEED)
    ours = getis_ord_gi_star(counts, neighbours, draws=draws)
    theirs = esda.G_Local(
        counts, graph, transform="B", star=True, permutations=permutations,
        keep_simulations=False, n_jobs=1, seed=SEED,
    )  # fmt: skip
    larger = np.round(ours.p_high * (permutations + 1)) - 1
    directed = (np.minimum(larger, permutations - larger) + 1) / (permutations + 1)
    # esda holds its p in single precision.
    return float(np.abs(directed.astype(np.float32) - theirs.p_sim).max())


if __name__ == "__main__":
    main()
