"""Siting: maximal covering and the p-median, ours against spopt with HiGHS, and against bounds.

    python -m bench.siting [--instances N] [--spopt N] [--median-spopt SECONDS] [--seed S]

Generated towns of 20 x 20 km: cells in clusters and scattered, demand of 1 to 99 each, sites at
some of the cells, times along a crooked street net (1.3 times the straight line at 8 m/s). 20
sites, a ring of 3 minutes. Maximal covering on N towns of 2,000 cells x 500 sites, ours to the
proven best, spopt's MCLP with HiGHS on the first of them (building its model is part of its time,
as ours is). Then 20,000 x 500, once: covering and the p-median, against their bounds; and the
p-median at 2,000 x 500, for which spopt is asked only with --median-spopt, since it builds a
million variables.

RESULT: proven (of the instances), ms (median), cpu_ms, spopt_ms, vs_spopt, vs_spopt_cpu (its time
over ours, by the clock and of the process, on
the same instances), objective_differs (instances), gap_to_bound (worst of the 2,000 x 500), big_ms,
big_gap, big_proven, median_ms, median_gap, big_median_ms, big_median_gap, spopt_median (its
objective over ours; null: not asked, or nothing found).
"""

from __future__ import annotations

import argparse
import json
import time
import warnings

import numpy as np
from rich.console import Console
from rich.table import Table

from layers.siting import SitingProblem, cover_most, least_time

LIMIT_S, WANTED = 180.0, 20
TOWN_M, SPEED_MPS, DETOUR = 20_000.0, 8.0, 1.3


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--instances", type=int, default=10)
    arguments.add_argument("--spopt", type=int, default=3)
    arguments.add_argument("--median-spopt", type=float, default=0.0)
    arguments.add_argument("--seed", type=int, default=100)
    given = arguments.parse_args()
    warm = town(200, 50, 0)
    cover_most(warm, limit_s=LIMIT_S, wanted=5)
    least_time(warm, wanted=5)

    table = Table(title="maximal covering, 2,000 cells x 500 sites, 20 sites, 180 s")
    for column in ("town", "covered", "gap", "proven", "ms", "spopt", "spopt ms"):
        table.add_column(column, justify="right")
    ours, cpu, theirs, their_cpu, gaps = [], [], [], [], []
    proven, differs = 0, 0
    for k in range(given.instances):
        problem = town(2_000, 500, given.seed + k)
        start, cpu_start = time.perf_counter(), time.process_time()
        plan = cover_most(problem, limit_s=LIMIT_S, wanted=WANTED)
        ours.append((time.perf_counter() - start) * 1000)
        cpu.append((time.process_time() - cpu_start) * 1000)
        gaps.append(plan.gap)
        proven += plan.is_proven
        row = [str(k), f"{plan.objective:.0f}", f"{plan.gap:.4%}", str(plan.is_proven)]
        row += [f"{ours[-1]:.0f}", "-", "-"]
        if k < given.spopt:
            start, cpu_start = time.perf_counter(), time.process_time()
            covered = by_spopt(problem)
            theirs.append((time.perf_counter() - start) * 1000)
            their_cpu.append((time.process_time() - cpu_start) * 1000)
            differs += covered != plan.objective
            row[-2:] = [f"{covered:.0f}", f"{theirs[-1]:.0f}"]
        table.add_row(*row)
    Console(width=100).print(table)

    problem = town(2_000, 500, given.seed)
    start = time.perf_counter()
    median = least_time(problem, wanted=WANTED)
    median_ms = (time.perf_counter() - start) * 1000
    spopt_median = None
    if given.median_spopt:
        found = median_by_spopt(problem, given.median_spopt)
        spopt_median = None if found is None else round(found / median.objective, 6)
    big = town(20_000, 500, given.seed)
    start = time.perf_counter()
    big_plan = cover_most(big, limit_s=LIMIT_S, wanted=WANTED)
    big_ms = (time.perf_counter() - start) * 1000
    start = time.perf_counter()
    big_median = least_time(big, wanted=WANTED)
    big_median_ms = (time.perf_counter() - start) * 1000
    print(
        f"p-median 2,000 x 500: {median.objective:.2f} s, gap {median.gap:.3%}, {median_ms:.0f} ms"
    )
    print(f"covering 20,000 x 500: gap {big_plan.gap:.4%}, {big_ms:.0f} ms; {big_plan.method}")
    print(f"p-median 20,000 x 500: gap {big_median.gap:.3%}, {big_median_ms:.0f} ms")
    result = {
        "proven": proven,
        "ms": round(float(np.median(ours)), 1),
        "cpu_ms": round(float(np.median(cpu)), 1),
        "spopt_ms": round(float(np.median(theirs)), 1) if theirs else None,
        "vs_spopt": round(sum(theirs) / sum(ours[: len(theirs)]), 2) if theirs else None,
        "vs_spopt_cpu": round(sum(their_cpu) / sum(cpu[: len(theirs)]), 2) if theirs else None,
        "objective_differs": differs,
        "gap_to_bound": round(max(gaps), 6),
        "big_ms": round(big_ms, 1),
        "big_gap": round(big_plan.gap, 6),
        "big_proven": big_plan.is_proven,
        "median_ms": round(median_ms, 1),
        "median_gap": round(median.gap, 6),
        "big_median_ms": round(big_median_ms, 1),
        "big_median_gap": round(big_median.gap, 6),
        "spopt_median": spopt_median,
    }
    print("RESULT", json.dumps(result))


def town(cells: int, sites: int, seed: int) -> SitingProblem:
    """Return a generated town."""
    random = np.random.default_rng(seed)
    centres = random.uniform(0.1, 0.9, (12, 2)) * TOWN_M
    clustered = centres[random.integers(0, 12, cells)] + random.normal(0, 1_200, (cells, 2))
    scattered = random.uniform(0, TOWN_M, (cells, 2))
    place = np.where(random.random((cells, 1)) < 0.5, clustered, scattered).clip(0, TOWN_M)
    site = place[random.choice(cells, sites, replace=False)]
    away = place[None] - site[:, None]
    times = np.hypot(away[..., 0], away[..., 1]) * DETOUR / SPEED_MPS
    return SitingProblem(times.astype(np.float32), random.integers(1, 100, cells).astype(float))


def by_spopt(problem: SitingProblem) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pulp
        from spopt.locate import MCLP

        model = MCLP.from_cost_matrix(
            problem.times_s.T, problem.demand, LIMIT_S, p_facilities=WANTED
        )
        model = model.solve(pulp.HiGHS(msg=False))
    return float(round(pulp.value(model.problem.objective)))


def median_by_spopt(problem: SitingProblem, seconds: float) -> float | None:
    """Its mean time [s]; None where it finds nothing in time."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pulp
        from spopt.locate import PMedian

        model = PMedian.from_cost_matrix(problem.times_s.T, problem.demand, p_facilities=WANTED)
        try:
            model = model.solve(pulp.HiGHS(msg=False, timeLimit=seconds))
        except RuntimeError:
            return None
        total = pulp.value(model.problem.objective)
    return None if total is None else float(total) / float(problem.demand.sum())


if __name__ == "__main__":
    main()
