"""Coverage against a simulator's truth, and how many fixes a second become coverage.

    python -m bench.coverage [--roads FILE] [--avl FILE] [--units N] [--rounds N] [--hours N]

Truth. Units walk four hours on the roads of a file (lines from junction to junction, EPSG:4326; by
default those of the demo city), with stops of 1 to 15 minutes, and report every 10, 30, 60, 120 and
300 s with 8 m of white noise on each axis. Places are squares of 150 m. True visits come from the
true places of each second by the same rules. `found`: true visits that a reported visit of the same
unit in the same place overlaps. `false`: reported visits that no true visit does. `misplaced`: time
in another place than the true one, of all time.

A walker crosses a square in 115 s, and a visit takes 120 s: most visits are a matter of seconds,
and no noisy device can tell. So two readings are printed. `strict` takes 120 s on both sides.
`banded` asks only for true visits of 150 s or more, and calls false only what was truly under 90
s: it leaves out who was there for between 90 and 150 s.

`certain found`, `certain false`: the same as banded, of the reported visits that are certain: two
minutes or more of them are. The others are reported as probable: fixes too rare, or a stop so near
to a border that nobody can tell on which side.

`by road` is ours with the roads of the file: gaps of 20 s and more are filled with the shortest
way. Peers in the same run: `hold`, the usual definition (time up to the next fix, at most 90 s,
goes to the fix's own place) with gaps merged alike; `plain`, ours without smoothing.

Speed. Vehicle positions (parquet: vehicle_id, time_utc, longitude, latitude) become coverage by
150 m square and hour of the week: ours from columns to the finished tables; movingpandas builds
its trajectories and the length and speed of each step, for a twentieth of the vehicles (it takes
minutes for all), and no coverage yet. It is no dependency: `uv pip install movingpandas` first,
else the peer is left out. Processor seconds and wall seconds; methods alternate; medians.

RESULT: per interval s: found_s, false_s, misplaced_s (banded), strict_found_s, strict_false_s;
certain_found_s, certain_false_s; the same but the strict ones by road, road_…, and by hold, hold_…;
fixes_per_s (wall), fixes_per_cpu_s, vs_movingpandas (its processor seconds a fix over ours), fixes,
visits.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import time
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyogrio
from rich.console import Console
from rich.table import Table

from geo.demo.city import generate_city
from geo.positions.tracks import FixColumns, clean_tracks
from geo.roads.build import build_road_network
from geo.roads.lines import RoadLinesBuilder, keys_of_coordinates
from geo.roads.modes import TravelMode, mask_of
from geo.simulator.devices import Device
from geo.simulator.patrol_walk import ON_FOOT
from geo.simulator.road_plan import RoadPlan
from geo.simulator.shift import SimulatedShift, simulate_shift
from geo.values import Period
from layers.coverage.measures import VisitRules, find_coverage, find_visits
from layers.place_raster import PlaceRaster, raster_of_squares
from layers.presence.pieces import Presence, PresenceRules, find_presence
from layers.presence.ways import RoadWays
from layers.time_slots import hours_of_week

SIDE_M = 150.0
INTERVALS_S = (10, 30, 60, 120, 300)
START_MS = 1_772_409_600_000
BAND_S = 30.0
PLAIN = PresenceRules(smooth_s=1e-9, smooth_reach_s=0.0, settle_reach_s=0.0, noise_m=0.0)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--roads", type=Path)
    arguments.add_argument("--layer")
    arguments.add_argument("--avl", type=Path)
    arguments.add_argument("--units", type=int, default=40)
    arguments.add_argument("--hours", type=float, default=4.0)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seed", type=int, default=1)
    given = arguments.parse_args()
    result: dict[str, float] = quality(given)
    if given.avl:
        result |= speed(given)
    print("RESULT " + json.dumps({key: each for key, each in result.items() if each == each}))


def quality(given: argparse.Namespace) -> dict[str, float]:
    lines = (
        pyogrio.read_dataframe(given.roads, layer=given.layer).geometry
        if given.roads
        else generate_city().roads.geometry
    )
    plan = RoadPlan.of(lines.to_numpy())
    raster = squares_of(plan)
    roads = roads_of(plan)
    table = Table(
        title=f"{given.units} units, {given.hours:g} h on foot, {len(plan.edge_nodes):,} streets"
    )
    for heading in ("interval", "way", "found", "false", "certain found", "certain false",
                    "strict found", "strict false", "misplaced"):  # fmt: skip
        table.add_column(heading, justify="left" if heading == "way" else "right")
    result: dict[str, float] = {}
    for interval_s in INTERVALS_S:
        shift = simulate_shift(
            plan, units=given.units, seconds=given.hours * 3600, start_ms=START_MS,
            movement=ON_FOOT, seed=given.seed,
            device=Device(interval_s=interval_s, jitter_s=min(1.0, interval_s / 10)),
        )  # fmt: skip
        truth = find_presence(clean_tracks(shift.truth()), raster, rules=PLAIN)
        tracks = clean_tracks(shift.columns())
        ways: dict[str, Presence] = {
            "ours": find_presence(tracks, raster),
            "by road": find_presence(tracks, raster, roads=roads),
            "plain": find_presence(tracks, raster, rules=PLAIN),
            "hold": held(tracks.fixes, raster),
        }
        for name, presence in ways.items():
            figures = compare(presence, truth, len(raster.keys), shift)
            table.add_row(f"{interval_s} s", name, *(f"{each:.3f}" for each in figures))
            found, false, sure_found, sure_false, strict_found, strict_false, misplaced = figures
            if name == "ours":
                result[f"strict_found_{interval_s}"] = round(strict_found, 3)
                result[f"strict_false_{interval_s}"] = round(strict_false, 3)
            if name != "plain":
                prefix = {"ours": "", "by road": "road_", "hold": "hold_"}[name]
                result[f"{prefix}found_{interval_s}"] = round(found, 3)
                result[f"{prefix}false_{interval_s}"] = round(false, 3)
                result[f"{prefix}certain_found_{interval_s}"] = round(sure_found, 3)
                result[f"{prefix}certain_false_{interval_s}"] = round(sure_false, 3)
                result[f"{prefix}misplaced_{interval_s}"] = round(misplaced, 3)
    Console().print(table)
    return result


def squares_of(plan: RoadPlan) -> PlaceRaster:
    """Squares over all roads, on the plan's own plane."""
    west, south = plan.edge_xy.min(axis=0) - 2 * SIDE_M
    columns, rows = np.ceil((plan.edge_xy.max(axis=0) + 2 * SIDE_M - (west, south)) / SIDE_M)
    places = np.arange(int(rows * columns), dtype=np.int32).reshape(int(rows), int(columns))
    return PlaceRaster(plan.plane, west, south, SIDE_M, places, np.arange(places.size))


def roads_of(plan: RoadPlan) -> RoadWays:
    """The same roads as a network on which units go on foot."""
    lon, lat = plan.plane.metres_to_points(plan.edge_xy)
    xy = np.column_stack((lon, lat))
    count = len(plan.edge_nodes)
    everybody = np.full(count, mask_of(TravelMode), np.uint8)
    built = RoadLinesBuilder()
    built.add(
        xy=xy, point_counts=np.diff(plan.edge_start), node_keys=keys_of_coordinates(xy),
        classes=["residential"] * count, names=[None] * count, forward_modes=everybody,
        backward_modes=everybody, limit_kmh=np.zeros(count, np.float32),
        source_ids=np.arange(count),
    )  # fmt: skip
    network = build_road_network(built.build())
    return RoadWays(network, network.travel_graph(TravelMode.FOOT), plan.plane)


def held(fixes: FixColumns, raster: PlaceRaster) -> Presence:
    """The usual definition: time up to the next fix, at most 90 s, goes to the fix's own place."""
    same = fixes.unit[1:] == fixes.unit[:-1]
    row = np.floor((fixes.y[:-1] - raster.south_m) / raster.step_m).astype(int)
    column = np.floor((fixes.x[:-1] - raster.west_m) / raster.step_m).astype(int)
    rows, columns = raster.places.shape
    inside = same & (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
    start = fixes.time_ms[:-1][inside]
    end = start + np.minimum(np.diff(fixes.time_ms)[inside], 90_000)
    place = raster.places[row[inside], column[inside]]
    zeros = np.zeros(len(start), np.uint8)
    return Presence(fixes.unit[:-1][inside], place, start, end, zeros, zeros)


def compare(
    presence: Presence, truth: Presence, place_count: int, shift: SimulatedShift
) -> tuple[float, ...]:
    """Return found and false banded, the same of certain visits, found and false strict,
    misplaced."""

    def visits(of: Presence, stay_s: float) -> np.ndarray[Any, Any]:
        return find_visits(of, place_count, VisitRules(stay_min_s=stay_s))[0]

    stay_s = VisitRules().stay_min_s
    reported = visits(presence, stay_s)
    banded = (
        overlapped(visits(truth, stay_s + BAND_S), reported),
        1 - overlapped(reported, visits(truth, stay_s - BAND_S)),
    )
    certain = reported[reported[:, 5] >= stay_s * 1000]
    sure = (
        overlapped(visits(truth, stay_s + BAND_S), certain),
        1 - overlapped(certain, visits(truth, stay_s - BAND_S)) if len(certain) else float("nan"),
    )
    true = visits(truth, stay_s)
    strict = overlapped(true, reported), 1 - overlapped(reported, true)
    seconds = np.arange(0, shift.seconds, 1.0) * 1000 + START_MS + 500
    wrong = np.mean(
        [
            np.mean(place_at(presence, unit, seconds) != place_at(truth, unit, seconds))
            for unit in range(len(shift.walks))
        ]
    )
    return *banded, *sure, *strict, float(wrong)


def overlapped(visits: np.ndarray[Any, Any], others: np.ndarray[Any, Any]) -> float:
    """The share of visits that another of the same unit and place overlaps."""
    by_key: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for unit, place, start, end in others[:, :4].tolist():
        by_key.setdefault((unit, place), []).append((start, end))
    hits = sum(
        any(start < other_end and other_start < end
            for other_start, other_end in by_key.get((unit, place), ()))
        for unit, place, start, end in visits[:, :4].tolist()
    )  # fmt: skip
    return hits / max(len(visits), 1)


def place_at(presence: Presence, unit: int, moments: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    rows = slice(*np.searchsorted(presence.unit, [unit, unit + 1]))
    start, end, place = presence.start_ms[rows], presence.end_ms[rows], presence.place[rows]
    at = np.clip(np.searchsorted(start, moments, side="right") - 1, 0, None)
    return np.where((start[at] <= moments) & (moments < end[at]), place[at], -1)


def speed(given: argparse.Namespace) -> dict[str, float]:
    frame = pd.read_parquet(given.avl)[["vehicle_id", "time_utc", "longitude", "latitude"]]
    unit = pd.factorize(frame.vehicle_id)[0]
    time_ms = frame.time_utc.astype("datetime64[ms]").astype("int64").to_numpy()
    lon, lat = frame.longitude.to_numpy(), frame.latitude.to_numpy()
    raster = raster_of_squares((lon.min(), lat.min(), lon.max(), lat.max()), SIDE_M)
    period = Period(
        datetime.fromtimestamp(time_ms.min() / 1000, UTC),
        datetime.fromtimestamp(time_ms.max() / 1000, UTC) + timedelta(hours=1),
    )
    slots = hours_of_week(period, "UTC")
    some = frame[unit % 20 == 0]
    visits = 0

    def ours() -> None:
        nonlocal visits
        x, y = raster.plane.points_to_metres(lon, lat).T
        columns = FixColumns.of(unit, time_ms, np.ascontiguousarray(x), np.ascontiguousarray(y))
        presence = find_presence(clean_tracks(columns), raster)
        visits = len(find_coverage(presence, len(raster.keys), slots, period=period).visits)

    def moving() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import movingpandas

            tracks = movingpandas.TrajectoryCollection(
                some, traj_id_col="vehicle_id", t="time_utc", x="longitude", y="latitude",
                crs="EPSG:4326",
            )  # fmt: skip
            tracks.add_distance()
            tracks.add_speed()

    ways: dict[str, tuple[Callable[[], None], int]] = {"ours": (ours, len(frame))}
    if importlib.util.find_spec("movingpandas"):
        ways["movingpandas"] = (moving, len(some))
    ours()  # compiles
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(given.rounds):
        for name, (way, _) in ways.items():
            wall, cpu = time.perf_counter(), time.process_time()
            way()
            seconds[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    table = Table(title=f"{len(frame):,} fixes of {unit.max() + 1} vehicles, {visits:,} visits")
    for heading in ("way", "fixes", "wall [s]", "processor [s]", "fixes/s", "fixes/processor s"):
        table.add_column(heading, justify="left" if heading == "way" else "right")
    rates: dict[str, tuple[float, float]] = {}
    for name, (_, count) in ways.items():
        wall, cpu = np.median(seconds[name], axis=0)
        rates[name] = count / wall, count / cpu
        table.add_row(
            name, f"{count:,}", f"{wall:.3f}", f"{cpu:.3f}", f"{count / wall:,.0f}",
            f"{count / cpu:,.0f}",
        )  # fmt: skip
    Console().print(table)
    return {
        "fixes_per_s": round(rates["ours"][0]),
        "fixes_per_cpu_s": round(rates["ours"][1]),
        **(
            {"vs_movingpandas": round(rates["ours"][1] / rates["movingpandas"][1], 1)}
            if "movingpandas" in rates
            else {}
        ),
        "fixes": len(frame),
        "visits": visits,
    }


if __name__ == "__main__":
    main()
