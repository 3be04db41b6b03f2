"""Hotspot forecasts on any file of events: ours against counts, kernel density and random.

    python -m bench.hotspots FILE... --columns
    time=Date,lon=Longitude,lat=Latitude,category="Primary Type"
        [--area 0.01] [--region POLYGONS[:LAYER]] [--zone America/Chicago] [--categories A,B]
        [--from YYYY-MM-DD] [--horizons 7,30,91] [--resolution 10]

FILE: CSV or Parquet, several are read as one; a row is an event. `--columns` names the columns (the
short names serve where they are left out; category may be missing: then all events are one kind).
Times without zone are local times of `--zone`. Coordinates are WGS 84.

`--area` is what may be flagged: a share of the whole (0.01) or square kilometres (`2km2`). The
whole is `--region` (cells whose centre lies in its polygons), else every cell of a neighbourhood (a
parent three resolutions up) that saw an event at all. Rolling origin: windows of each horizon
follow each other from `--from` (else the last third of the period) to the end; a ranking knows only
what came before its window. Ties and intervals: `layers/hotspots/backtest.py`. Every category with
`--min-events` events is scored, and the sum of all.

Peers in the same run: counts (all events of the kind so far), counts of the last year, kernel
density (Gaussian, bandwidth 200 and 500 m; the better of the two, in hindsight, is pai_kde),
random. Of the packages named for this in the literature, PyPI's `crimepy` (0.1.0) is another
program of that name without hotspot methods, and PredictCode isn't on PyPI: neither is run.

RESULT: a list `scores`, for each category and horizon [days] n, area_share, pai_ours, pai_counts,
pai_counts_1y, pai_kde, pei_ours, pei_counts, ci_low, ci_high (of pai_ours, 95 %), gain_low,
gain_high (of pai_ours - pai_counts), judgement (ours against counts), covered (share of flagged
places and windows whose events lay within ours' 95 % interval); and at_least_counts,
better_than_peers (shares of the judged), judged, cells.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import geopandas
import h3.api.basic_int as h3
import numpy as np
import pandas as pd
import shapely
from scipy.sparse import csr_matrix, diags
from scipy.spatial import cKDTree

from geo.h3_cells import h3_cell_area_m2, h3_cell_centres, h3_cell_parent, lonlat_to_h3_cell
from geo.local_plane import LocalPlane
from layers.hotspots.backtest import (
    COUNTS,
    RANDOM,
    Backtest,
    Score,
    backtest,
    flagged_share,
    rolling_origins,
)
from layers.hotspots.ranking import HotspotForecaster
from layers.neighbours import h3_neighbours
from layers.placed_events import PlacedEvents, place_events

OURS, COUNTS_1Y = "ours", "counts, 1 year"
BANDWIDTHS_M = (200.0, 500.0)
FIELDS = ("time", "lon", "lat", "category")
SEED = 5


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("files", nargs="+", type=Path)
    arguments.add_argument("--columns", default="")
    arguments.add_argument("--area", default="0.01")
    arguments.add_argument("--region")
    arguments.add_argument("--zone", default="UTC")
    arguments.add_argument("--categories", help="separated by ; or ,")
    arguments.add_argument("--from", dest="first")
    arguments.add_argument("--horizons", default="7,30,91")
    arguments.add_argument("--resolution", type=int, default=10)
    arguments.add_argument("--min-events", type=int, default=1_000)
    given = arguments.parse_args()

    events = read_events(given.files, columns_of(given.columns), given.zone)
    cells, events = study_area(events, given.region, given.resolution)
    area_m2 = h3_cell_area_m2(cells)
    share = area_share(given.area, float(area_m2.sum()))
    neighbours = h3_neighbours(cells)
    kernels = {f"KDE {width:g} m": kernel(cells, width) for width in BANDWIDTHS_M}
    first, last = events["at"].min(), events["at"].max()
    start = (
        pd.Timestamp(given.first, tz=given.zone) if given.first else first + (last - first) * 2 / 3
    )
    print(
        f"{len(events):,} events, {first:%Y-%m-%d} to {last:%Y-%m-%d}, {len(cells):,} cells of "
        f"resolution {given.resolution}, {area_m2.sum() / 1e6:,.0f} km2; flagged {share:.2%}; "
        f"windows from {start:%Y-%m-%d}"
    )
    sizes = events["category"].value_counts()
    wanted = (
        [name.strip() for name in given.categories.replace(";", ",").split(",")]
        if given.categories
        else sizes.index[sizes >= given.min_events].tolist()
    )
    kinds: list[str | None] = [*wanted] if len(sizes) == 1 else [*wanted, None]
    print(
        f"{'category':26}{'days':>5}{'n':>8}{'ours':>7}{'95 % interval':>15}{'counts':>8}"
        f"{'1 year':>8}{'KDE':>7}{'PEI':>7}{'counts':>8}  ours against counts"
    )
    rows = []
    for kind in kinds:
        placed = place_events(events, cells, category=kind, neighbours=neighbours)
        forecaster = HotspotForecaster(placed)
        for horizon in (float(days) for days in given.horizons.split(",")):
            rows.append(
                scored(kind or "all", placed, forecaster, kernels, area_m2, start, share, horizon)
            )
            show(rows[-1])
    judged = [row for row in rows if row["judgement"] != "cannot be judged"]
    result = {
        "scores": rows,
        "judged": len(judged),
        "at_least_counts": share_of(judged, "pai_ours", ["pai_counts"]),
        "better_than_peers": share_of(
            judged, "pai_ours", ["pai_counts", "pai_counts_1y", "pai_kde"]
        ),
        "cells": len(cells),
    }
    print("RESULT " + json.dumps(result))


def scored(
    name: str,
    placed: PlacedEvents,
    forecaster: HotspotForecaster,
    kernels: dict[str, csr_matrix],
    area_m2: np.ndarray,
    start: pd.Timestamp,
    share: float,
    horizon: float,
) -> dict[str, object]:
    first = forecaster.first_day
    start_day = start.timestamp() / 86_400
    origins = rolling_origins(start_day, float(placed.day[-1]), horizon)
    covered: list[np.ndarray] = []
    budget = share * area_m2.sum()

    def ours(origin: float, days: float) -> np.ndarray:
        found = forecaster.forecast(origin, days)
        flagged = flagged_share(found.expected, area_m2, budget) > 0
        happened = placed.counts(origin, origin + days)[flagged]
        covered.append((happened >= found.low[flagged]) & (happened <= found.high[flagged]))
        return found.expected

    scores: dict[str, Score] = {
        OURS: ours,
        COUNTS: lambda origin, days: placed.counts(first, origin),
        COUNTS_1Y: lambda origin, days: placed.counts(origin - 365, origin),
        RANDOM: lambda origin, days: np.zeros(placed.n_places),
    }
    for peer, matrix in kernels.items():
        scores[peer] = lambda origin, days, matrix=matrix: matrix @ placed.counts(first, origin)
    result: Backtest = backtest(
        placed, area_m2, scores, origins=origins, horizon_d=horizon, area_share=share,
        random=np.random.default_rng(SEED),
    )  # fmt: skip
    ours_, counts = result.scores[OURS], result.scores[COUNTS]
    return {
        "category": name,
        "horizon_d": horizon,
        "n": result.n_events,
        "windows": result.n_windows,
        "area_share": round(share, 5),
        "pai_ours": round(ours_.pai, 3),
        "pai_counts": round(counts.pai, 3),
        "pai_counts_1y": round(result.scores[COUNTS_1Y].pai, 3),
        "pai_kde": round(max(result.scores[peer].pai for peer in kernels), 3),
        "pei_ours": round(ours_.pei, 3),
        "pei_counts": round(counts.pei, 3),
        "ci_low": round(ours_.pai_low, 3),
        "ci_high": round(ours_.pai_high, 3),
        "gain_low": round(ours_.pai_gain_low, 3),
        "gain_high": round(ours_.pai_gain_high, 3),
        "judgement": ours_.judgement,
        "covered": round(float(np.concatenate(covered).mean()), 3),
    }


def show(row: dict[str, object]) -> None:
    interval = f"{row['ci_low']:.2f}-{row['ci_high']:.2f}"
    gain = f"{row['judgement']} ({row['gain_low']:+.2f} to {row['gain_high']:+.2f})"
    print(
        f"{str(row['category'])[:25]:26}{row['horizon_d']:5.0f}{row['n']:8,}{row['pai_ours']:7.2f}"
        f"{interval:>15}{row['pai_counts']:8.2f}{row['pai_counts_1y']:8.2f}{row['pai_kde']:7.2f}"
        f"{row['pei_ours']:7.3f}{row['pei_counts']:8.3f}  {gain}",
        flush=True,
    )


def share_of(rows: list[dict[str, object]], ours: str, peers: list[str]) -> float | None:
    """Return the share of rows in which ours is at least as good as every peer."""
    if not rows:
        return None
    at_least = [all(row[ours] >= row[peer] for peer in peers) for row in rows]  # type: ignore[operator]
    return round(float(np.mean(at_least)), 4)


def read_events(files: list[Path], columns: dict[str, str], zone: str) -> pd.DataFrame:
    """Return `at`, `longitude`, `latitude`, `category` of every row that has time and point."""
    frames = []
    for file in files:
        wanted = [columns[field] for field in FIELDS]
        if file.suffix.lower() in (".parquet", ".pq"):
            frame = pd.read_parquet(file)
        else:
            frame = pd.read_csv(file, low_memory=False)
        frames.append(frame[[column for column in wanted if column in frame]])
    frame = pd.concat(frames, ignore_index=True)
    times = pd.to_datetime(frame[columns["time"]], format="mixed", errors="coerce")
    if times.dt.tz is None:
        times = times.dt.tz_localize(zone, ambiguous=False, nonexistent="shift_forward")
    events = pd.DataFrame(
        {
            "at": times.dt.tz_convert("UTC"),
            "longitude": pd.to_numeric(frame[columns["lon"]], errors="coerce"),
            "latitude": pd.to_numeric(frame[columns["lat"]], errors="coerce"),
            "category": frame[columns["category"]].astype(str)
            if columns["category"] in frame
            else "all",
        }
    )
    usable = events.dropna()
    usable = usable[(usable["longitude"] != 0) & (usable["latitude"] != 0)]
    print(f"{len(events) - len(usable):,} of {len(events):,} rows have no time or no point")
    return usable.reset_index(drop=True)


def study_area(
    events: pd.DataFrame, region: str | None, resolution: int
) -> tuple[np.ndarray, pd.DataFrame]:
    """Return the cells of the study area, ascending, and the events in it with their cell."""
    of_events = lonlat_to_h3_cell(events["longitude"], events["latitude"], resolution)
    if region:
        file, _, layer = region.partition(":")
        polygons = geopandas.read_file(file, **({"layer": layer} if layer else {})).to_crs(4326)
        whole = shapely.union_all(shapely.make_valid(polygons.geometry.to_numpy()))
        parts = [part for part in shapely.get_parts(whole) if part.geom_type == "Polygon"]
        found: set[int] = set()
        for part in parts:
            found.update(h3.h3shape_to_cells(h3.geo_to_h3shape(part.__geo_interface__), resolution))
        cells = np.array(sorted(found), dtype=np.int64)
    else:
        parents = np.unique(h3_cell_parent(of_events, max(0, resolution - 3)))
        children = [h3.cell_to_children(parent, resolution) for parent in parents.tolist()]
        cells = np.array(sorted(cell for some in children for cell in some), dtype=np.int64)
    inside = np.isin(of_events, cells)
    print(f"{(~inside).sum():,} events lie outside the study area")
    return cells, events.assign(h3_cell=of_events)[inside].reset_index(drop=True)


def kernel(cells: np.ndarray, bandwidth_m: float) -> csr_matrix:
    """Return Gaussian weights between cell centres, each event's weights summing to 1 in open
    land."""
    lon, lat = h3_cell_centres(cells)
    centres = LocalPlane.around(shapely.points([lon.min(), lon.max()], [lat.min(), lat.max()]))
    tree = cKDTree(centres.points_to_metres(lon, lat))
    apart = tree.sparse_distance_matrix(tree, 3 * bandwidth_m, output_type="coo_matrix").tocsr()
    apart.data = np.exp(-0.5 * (apart.data / bandwidth_m) ** 2)
    return (apart + diags(1.0 - apart.diagonal())).tocsr()


def area_share(text: str, whole_m2: float) -> float:
    if text.lower().endswith("km2"):
        return float(text[:-3]) * 1e6 / whole_m2
    share = float(text)
    if not 0 < share <= 1 or not math.isfinite(share):
        raise SystemExit(f"--area is {text}, wanted a share such as 0.01 or an area such as 2km2")
    return share


def columns_of(text: str) -> dict[str, str]:
    named = dict(part.split("=", 1) for part in text.split(",") if part)
    unknown = set(named) - set(FIELDS)
    if unknown:
        raise SystemExit(f"--columns names {sorted(unknown)}, wanted {', '.join(FIELDS)}")
    return {field: named.get(field, field) for field in FIELDS}


if __name__ == "__main__":
    main()
