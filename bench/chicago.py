"""Recorded beat against assigned beat, on crimes and police beats of Chicago.

    python -m bench.chicago FOLDER

FOLDER holds `crimes_*.parquet` (columns `Beat`, `Longitude`, `Latitude`; WGS 84) and
`chicago_police.gpkg` (layer `beats_2012_12_on`, column `BEAT_NUM`). Each crime is assigned to the
beat that holds its point, by the border rule, and compared with the beat the police recorded. The
points are shifted to the block's middle by the publisher, which is often a street that parts two
beats: hence the second figure. Peers (geopandas.sjoin in the same run, first of several) answer the
same question.

RESULT: strict (share of points whose assigned beat is the recorded one), within_30m (share whose
recorded beat holds the point or lies within 30 m of it), of_others_within_30m (the same of those
not strict), sjoin_strict, unassigned (points in no beat), points, without_point (rows without one),
beats, unknown_beat (rows whose recorded beat isn't among the beats; they count as wrong), vs_sjoin
(its time over ours, median of rounds).
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import geopandas
import numpy as np
import pandas as pd
import shapely
from rich.console import Console
from rich.table import Table

from geo.assignment import GridAssigner
from geo.geodesy import to_local_metres

TOLERANCE_M = 30.0
ROUNDS = 5


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("folder", type=Path)
    folder = arguments.parse_args().folder
    beats = geopandas.read_file(folder / "chicago_police.gpkg", layer="beats_2012_12_on")
    # A beat may stand in several rows, one a part.
    beats = beats.dissolve("BEAT_NUM").geometry
    crimes = pd.concat(
        pd.read_parquet(file, columns=["Beat", "Longitude", "Latitude"])
        for file in sorted(folder.glob("crimes_*.parquet"))
    )
    has_point = crimes["Longitude"].notna() & crimes["Latitude"].notna()
    without_point = int((~has_point).sum())
    crimes = crimes[has_point].reset_index(drop=True)
    recorded = crimes["Beat"].astype(str).str.zfill(4).to_numpy(dtype=object)
    lon, lat = crimes["Longitude"].to_numpy(), crimes["Latitude"].to_numpy()

    seconds: dict[str, list[float]] = {"ours": [], "geopandas.sjoin": []}
    codes, polygons = beats.index.to_numpy(dtype=object), beats.to_numpy()
    GridAssigner(codes, polygons).assign(lon, lat)  # compiles
    frame = geopandas.GeoDataFrame(geometry=shapely.points(lon, lat), crs=4326)
    grids = geopandas.GeoDataFrame({"code": codes}, geometry=polygons, crs=4326)
    for _ in range(ROUNDS):
        start = time.perf_counter()
        assigned = GridAssigner(codes, polygons).assign_codes(lon, lat)
        middle = time.perf_counter()
        joined = geopandas.sjoin(frame, grids, predicate="intersects")
        seconds["ours"].append(middle - start)
        seconds["geopandas.sjoin"].append(time.perf_counter() - middle)
    joined = joined[~joined.index.duplicated()]["code"].reindex(frame.index)

    strict = assigned == recorded
    within = strict | is_within(lon, lat, recorded, beats)
    share_sjoin = float((joined.to_numpy(dtype=object) == recorded).mean())
    medians = {name: float(np.median(times)) for name, times in seconds.items()}
    table = Table(title=f"{len(crimes):,} crimes to {len(beats)} beats")
    for heading in ("way", "strict", f"within {TOLERANCE_M:.0f} m", "seconds"):
        table.add_column(heading, justify="left" if heading == "way" else "right")
    table.add_row("ours", f"{strict.mean():.4f}", f"{within.mean():.4f}", f"{medians['ours']:.3f}")
    table.add_row("geopandas.sjoin", f"{share_sjoin:.4f}", "", f"{medians['geopandas.sjoin']:.3f}")
    Console().print(table)
    result = {
        "strict": round(float(strict.mean()), 4),
        "within_30m": round(float(within.mean()), 4),
        "of_others_within_30m": round(float(within[~strict].mean()), 4),
        "sjoin_strict": round(share_sjoin, 4),
        "unassigned": int((assigned == None).sum()),  # noqa: E711 - an array
        "points": len(crimes),
        "without_point": without_point,
        "beats": len(beats),
        "unknown_beat": int((~np.isin(recorded, codes)).sum()),
        "vs_sjoin": round(medians["geopandas.sjoin"] / medians["ours"], 2),
    }
    print("RESULT " + json.dumps(result))


def is_within(
    lon: np.ndarray, lat: np.ndarray, recorded: np.ndarray, beats: geopandas.GeoSeries
) -> np.ndarray:
    """Return whether the recorded beat lies within the tolerance of each point."""
    polygons, crs = to_local_metres(beats.to_numpy())
    points, _ = to_local_metres(shapely.points(lon, lat), crs)
    position = pd.Index(beats.index).get_indexer(recorded)
    known = position >= 0
    within = np.zeros(len(lon), dtype=bool)
    shapely.prepare(polygons)
    order = np.argsort(position[known], kind="stable")  # one polygon after the other
    rows = np.flatnonzero(known)[order]
    within[rows] = shapely.dwithin(polygons[position[rows]], points[rows], TOLERANCE_M)
    return within


if __name__ == "__main__":
    main()
