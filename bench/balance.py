"""Balanced grids: ours against METIS, ReCom (gerrychain, where it is installed), and the beats
that are.

    python -m bench.balance [--towns N] [--districts N] [--stages N] [--recom SECONDS] [--seed S]

The blocks are ours for all. Generated towns of 2 x 2 km: a crooked net of streets, some of them
big, households in clusters, 8 grids. Chicago: police districts with most crimes first, the crimes
of 2016 (each counts 1), as many grids as the district has beats; the beats are a peer. Jinan: a
box of the middle of the city, its crossings (each counts 1), 20 grids. Within a tenth of the mean.

METIS: the best of the plans that it draws in the time that ours took, each with its contiguity on;
those above the tolerance last, then by price. ReCom: every plan of a chain is looked at for some
seconds, the cheapest counts. All are measured by the same price of borders
(layers.balanced_grids.dividers), beats and ours by roads within 15 m. spopt's max-p did not end
within 100 s on the first town.

RESULT: of each case, in `cases`: name, blocks, grids, ms (clock), cpu_ms, deviation (largest, a
fraction), cv, price (metres along a lane), compactness (mean, Polsby and Popper), road_share,
big_share; metis_price, metis_deviation, metis_plans; recom_price, recom_deviation, recom_plans;
beats_deviation, beats_cv, beats_compactness, beats_road_share, beats_big_share (null: not asked, or
nothing found). Then vs_metis (geometric mean of our price over METIS's, over the cases in which
both are within the tolerance), worst_vs_metis, balanced, metis_balanced (of the cases).
"""

from __future__ import annotations

import argparse
import json
import random
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from rich.console import Console
from rich.table import Table

from bench.road_networks import FOLDER, network_of
from layers.balanced_grids.dividers import BIG_CLASSES, BLOCK_CLASSES, base_class
from layers.balanced_grids.drawn_grids import draw_grids
from layers.balanced_grids.measures import (
    borders_of_polygons,
    evenness,
    shapes_of_plan,
    shapes_of_polygons,
)
from layers.balanced_grids.problem import BalanceProblem, GridsPlan
from layers.balanced_grids.road_lines import crossings_of, roads_of_network
from layers.balanced_grids.solving import STAGES, balance
from layers.balanced_grids.starts import by_metis
from layers.balanced_grids.suggestion import BalanceQuestion, Suggestion, prepare_suggestion

TOWN_M = 2_000.0
TOWN_GRIDS = 8
JINAN_BOX = (117.00, 36.64, 117.06, 36.69)
JINAN_GRIDS = 20
COLUMNS = ("households",)


@dataclass(frozen=True)
class Case:
    """What is asked in one place; `standing`: grids that are, to compare with."""

    name: str
    suggestion: Suggestion
    roads: gpd.GeoDataFrame
    points: pd.DataFrame
    standing: Any = None


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--towns", type=int, default=3)
    arguments.add_argument("--districts", type=int, default=22)
    arguments.add_argument("--stages", type=int, default=2)
    arguments.add_argument("--recom", type=float, default=5.0)
    arguments.add_argument("--seed", type=int, default=1)
    given = arguments.parse_args()
    warm = next(towns(1, given.seed)).suggestion
    balance(warm.problem(), stages=STAGES[:1])
    rows: list[dict[str, Any]] = []
    progress = Console(stderr=True)
    table = Table(title="grids within a tenth of the mean; price of borders in metres along a lane")
    for name in ("case", "blocks", "grids", "ms", "deviation", "CV", "price", "METIS", "ratio",
                 "ReCom", "beats: deviation", "compact", "big roads"):  # fmt: skip
        table.add_column(name, justify="left" if name == "case" else "right")
    for case in cases(given):
        row = measured(case, given)
        progress.print(f"{row['name']}: {row['price']} in {row['ms']} ms", highlight=False)
        rows.append(row)
        table.add_row(*_cells(row))
    Console(width=160).print(table)
    both = [
        row["price"] / row["metis_price"]
        for row in rows
        if row["metis_price"] and row["deviation"] <= 0.1 and row["metis_deviation"] <= 0.1
    ]
    told = {
        "cases": rows,
        "vs_metis": round(float(np.exp(np.mean(np.log(both)))), 4) if both else None,
        "worst_vs_metis": round(max(both), 4) if both else None,
        "balanced": sum(row["deviation"] <= 0.1 for row in rows),
        "metis_balanced": sum((row["metis_deviation"] or 1) <= 0.1 for row in rows),
    }
    print("RESULT", json.dumps(told))


def cases(given: argparse.Namespace) -> Iterator[Case]:
    """Towns, Jinan, Chicago; places whose files aren't there are left out."""
    yield from towns(given.towns, given.seed)
    if (jinan := network_of("jinan")) is not None:
        yield jinan_case(jinan)
    if given.districts and (chicago := network_of("chicago")) is not None:
        yield from districts(roads_of_network(chicago), given.districts)


def towns(count: int, seed: int) -> Iterator[Case]:
    """Generated towns, each with its own streets and clusters."""
    west, south, degree = 112.5, 37.8, 1 / 100_000  # about a metre, at this latitude less eastward
    area = shapely.box(west, south, west + TOWN_M * degree, south + TOWN_M * degree)
    for k in range(count):
        rng = np.random.default_rng(seed * 100 + k)
        lines, classes = [], []
        for axis in (0, 1):
            at = np.cumsum(rng.uniform(70, 190, 40))
            for number, middle in enumerate(at[at < TOWN_M - 40]):
                along = np.linspace(-100, TOWN_M + 100, 25)
                across = middle + 18 * np.sin(along / rng.uniform(150, 600) + rng.uniform(0, 6))
                xy = np.column_stack((along, across) if axis else (across, along)) * degree
                lines.append(shapely.linestrings(xy + np.array([west, south])))
                classes.append("primary" if number % 6 == 3 else "residential")
        middles = rng.uniform(0, TOWN_M, (25, 2))
        house = middles[rng.integers(0, 25, 3000)] + rng.normal(0, 130, (3000, 2))
        house = house[((house > 0) & (house < TOWN_M)).all(axis=1)]
        spread = rng.uniform(0, TOWN_M, (1500, 2))
        xy = np.vstack((house, spread)) * degree + np.array([west, south])
        points = _points(xy, rng.integers(1, 25, len(xy)))
        roads = gpd.GeoDataFrame({"road_class": classes}, geometry=lines, crs="EPSG:4326")
        yield _case(f"town {k + 1}", area, roads, points, TOWN_GRIDS)


def jinan_case(network: Any) -> Case:
    """The middle of Jinan; only roads are known of it."""
    area, roads = shapely.box(*JINAN_BOX), roads_of_network(network)
    crossings = crossings_of(network)
    inside = shapely.intersects_xy(area, crossings[:, 0], crossings[:, 1])
    points = _points(crossings[inside], np.ones(int(inside.sum())))
    return _case("Jinan", area, roads, points, JINAN_GRIDS)


def districts(roads: gpd.GeoDataFrame, count: int) -> Iterator[Case]:
    """Police districts of Chicago with most crimes of 2016 first, and their beats."""
    folder = FOLDER / "geo" / "chicago"
    areas = gpd.read_file(folder / "chicago_police.gpkg", layer="districts_2012_12_on")
    beats = gpd.read_file(folder / "chicago_police.gpkg", layer="beats_2012_12_on")
    crimes = pd.read_parquet(folder / "crimes_2016.parquet", columns=["Longitude", "Latitude"])
    xy = crimes.astype(float).dropna().to_numpy()
    number = beats["DISTRICT"].astype(str).str.lstrip("0")
    ranked = []
    for _, row in areas.iterrows():
        own = beats[number == str(row["DIST_NUM"]).lstrip("0")]
        shape = shapely.make_valid(row.geometry)
        inside = shapely.contains_xy(shape, xy[:, 0], xy[:, 1])
        if len(own) > 1 and inside.sum() > 1000:
            ranked.append((int(inside.sum()), str(row["DIST_NUM"]), shape, own, inside))
    for _, name, shape, own, inside in sorted(ranked, key=lambda each: -each[0])[:count]:
        points = _points(xy[inside], np.ones(int(inside.sum())))
        near = roads[shapely.intersects(shape.envelope, roads.geometry.to_numpy())]
        parts = shapely.make_valid(own.geometry.to_numpy())
        yield _case(f"Chicago {name}", shape, near, points, len(own), parts)


def _points(xy: Any, weight: Any) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "lon": xy[:, 0],
            "lat": xy[:, 1],
            "households": np.asarray(weight, float),
            "building": [str(k) for k in range(len(xy))],
        }
    )


def _case(
    name: str, area: Any, roads: gpd.GeoDataFrame, points: pd.DataFrame, count: int,
    standing: Any = None,
) -> Case:  # fmt: skip
    suggestion = prepare_suggestion(
        area, roads, points, BalanceQuestion(grid_count=count), columns=COLUMNS
    )
    return Case(name, suggestion, roads, points, standing)


def measured(case: Case, given: argparse.Namespace) -> dict[str, Any]:
    """Ours and the peers, one after the other."""
    suggestion, stages = case.suggestion, STAGES[: given.stages]
    problem = suggestion.problem()
    begun, cpu = time.perf_counter(), time.process_time()
    plan = balance(problem, seed=given.seed, stages=stages)
    row: dict[str, Any] = {
        "name": case.name,
        "blocks": len(problem.weight),
        "grids": problem.grid_count,
        "ms": round((time.perf_counter() - begun) * 1000),
        "cpu_ms": round((time.process_time() - cpu) * 1000),
        "deviation": round(plan.deviation, 4),
        "cv": round(evenness(plan.load).cv, 4),
        "price": round(plan.cut),
    }
    _, compact = shapes_of_plan(suggestion.blocks, plan.label, problem.grid_count)
    drawn = draw_grids(suggestion.blocks, plan.label, problem.grid_count)
    classes = [base_class(name) for name in case.roads["road_class"]]
    kept = np.array([name in BLOCK_CLASSES for name in classes], bool)
    is_big = np.array([name in BIG_CLASSES for name in classes], bool)[kept]
    lines = case.roads.geometry.to_numpy()[kept]
    border = borders_of_polygons(drawn, suggestion.blocks.area, lines, is_big)
    row |= {
        "compactness": round(float(compact.mean()), 3),
        "road_share": round(border.road_share, 3),
        "big_share": round(border.big_share, 3),
    }
    row |= metis(problem, row["ms"] / 1000, given.seed)
    row |= recom(problem, given.recom, given.seed)
    row |= beats(case, lines, is_big)
    return row


def metis(problem: BalanceProblem, seconds: float, seed: int) -> dict[str, Any]:
    """The best of METIS's own plans: balanced ones first, then by price."""
    begun, best, turn = time.perf_counter(), None, 0
    while turn == 0 or time.perf_counter() - begun < seconds:
        label = by_metis(
            problem.first, problem.second, problem.price, problem.weight, problem.grid_count,
            tolerance=problem.tolerance, seed=seed + turn,
        )  # fmt: skip
        turn += 1
        if label is not None:
            plan = GridsPlan.of(problem, label)
            key = (not plan.is_balanced, plan.cut)
            best = min(best or (key, plan), (key, plan), key=lambda each: each[0])
    if best is None:
        return {"metis_price": None, "metis_deviation": None, "metis_plans": turn}
    plan = best[1]
    return {
        "metis_price": round(plan.cut),
        "metis_deviation": round(plan.deviation, 4),
        "metis_plans": turn,
    }


def recom(problem: BalanceProblem, seconds: float, seed: int) -> dict[str, Any]:
    """The cheapest plan of a chain of recombinations."""
    nothing = {"recom_price": None, "recom_deviation": None, "recom_plans": None}
    if not seconds:
        return nothing
    try:
        import networkx as nx
        from gerrychain import Graph, MarkovChain, Partition, accept, constraints, updaters
        from gerrychain.proposals import recom as recombine
    except ImportError:
        return nothing
    random.seed(seed)
    graph = nx.Graph()
    for k, weight in enumerate(problem.weight.tolist()):
        graph.add_node(k, held=weight)
    graph.add_edges_from(zip(problem.first.tolist(), problem.second.tolist(), strict=True))
    best, plans = None, 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            start = Partition.from_random_assignment(
                Graph.from_networkx(graph), problem.grid_count, problem.tolerance, "held",
                updaters={"held": updaters.Tally("held")},
            )  # fmt: skip
            within = constraints.within_percent_of_ideal_population(
                start, problem.tolerance, "held"
            )
            chain = MarkovChain(
                partial(recombine, pop_col="held", pop_target=problem.mean,
                        epsilon=problem.tolerance, node_repeats=0),
                [within], accept.always_accept, start, 10**9,
            )  # fmt: skip
            begun = time.perf_counter()
            for step in chain:
                found = [step.assignment[k] for k in range(len(problem.weight))]
                label = np.unique(found, return_inverse=True)[1].astype(np.int64)
                plan = GridsPlan.of(problem, label)
                best = plan if best is None or plan.cut < best.cut else best
                plans += 1
                if time.perf_counter() - begun > seconds:
                    break
        except Exception as error:
            Console(stderr=True).print(f"ReCom failed: {type(error).__name__}: {error}"[:200])
    if best is None:
        return nothing
    return {
        "recom_price": round(best.cut),
        "recom_deviation": round(best.deviation, 4),
        "recom_plans": plans,
    }


def beats(case: Case, lines: Any, is_big: Any) -> dict[str, Any]:
    """The beats that are, by the same measures."""
    names = ("deviation", "cv", "compactness", "road_share", "big_share")
    if case.standing is None:
        return {f"beats_{name}": None for name in names}
    points = shapely.points(case.points["lon"], case.points["lat"])
    point, beat = shapely.STRtree(case.standing).query_nearest(points, all_matches=False)
    load = np.bincount(
        beat, case.points["households"].to_numpy()[point], minlength=len(case.standing)
    )
    even, border = (
        evenness(load),
        borders_of_polygons(case.standing, case.suggestion.blocks.area, lines, is_big),
    )
    compact = shapes_of_polygons(case.standing)[1]
    values = (even.most, even.cv, float(compact.mean()), border.road_share, border.big_share)
    return {f"beats_{n}": round(float(v), 4) for n, v in zip(names, values, strict=True)}


def _cells(row: dict[str, Any]) -> list[str]:
    def share(value: float | None) -> str:
        return "-" if value is None else f"{value:.1%}"

    ratio = "-" if not row["metis_price"] else f"{row['price'] / row['metis_price']:.3f}"
    theirs = "-" if not row["metis_price"] else f"{row['metis_price']:,}"
    if row["metis_deviation"] and row["metis_deviation"] > 0.1:
        theirs += f" ({share(row['metis_deviation'])})"
    return [
        row["name"], f"{row['blocks']:,}", str(row["grids"]), f"{row['ms']:,}",
        share(row["deviation"]), share(row["cv"]), f"{row['price']:,}", theirs, ratio,
        "-" if row["recom_price"] is None else f"{row['recom_price']:,}",
        share(row["beats_deviation"]),
        f"{row['compactness']:.2f}" + (f" / {row['beats_compactness']:.2f}"
                                       if row["beats_compactness"] is not None else ""),
        share(row["big_share"]) + (f" / {share(row['beats_big_share'])}"
                                   if row["beats_big_share"] is not None else ""),
    ]  # fmt: skip


if __name__ == "__main__":
    main()
