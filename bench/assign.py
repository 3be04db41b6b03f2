"""Points to polygons, ours against geopandas.sjoin and a join in PostGIS; points to H3 cells.

    python -m bench.assign [--points N] [--polygons N] [--rounds N]

Random points over a district of irregular polygons with crooked shared borders (some 54 vertices
each). Every way answers the same question: the polygon of each point, on a border the one with the
smallest code. Ours starts from coordinates and polygons and builds its raster anew in each round;
sjoin starts from frames that are there; PostGIS starts from two tables with their indexes built and
writes a third, in the quickest form of the join we know. Loading compiled code is not timed.
Methods alternate; medians.

Beside the random points all ways answer nasty ones, not timed: vertices, points on edges rounded to
floating point, and their neighbours by one unit in the last place.

The H3 cells of the same points at the stored resolution, ours against a loop over the h3 library's
integer interface, the quickest it has.

RESULT: vs_sjoin, vs_postgis (their time over ours), vs_postgis_plain (a join with bare
ST_Intersects, which rounds), unassigned (points of the district in no polygon, ours), mismatches
(points on which ours, sjoin and PostGIS differ), plain_mismatches (points on which bare
ST_Intersects differs), points_per_s, build_s, points, polygons, nasty_points, h3_points_per_s,
h3_vs_library, h3_mismatches.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path

import geopandas
import h3.api.basic_int as h3
import numpy as np
import psycopg
import shapely
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from bench.scratch import scratch_folder
from bench.tessellation import BOUNDS, border_points, crooked_tessellation
from geo.assignment import RASTER_FROM_POINTS, GridAssigner
from geo.h3_cells import STORED_RESOLUTION, lonlat_to_h3_cell
from geo.store.cluster import OWNER_ROLE, EmbeddedCluster

FUNCTIONS = Path(__file__).parents[1] / "geo" / "store" / "functions"
NASTY_POLYGONS = 100

Codes = NDArray[np.object_]
Points = NDArray[np.float64]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--points", type=int, default=1_000_000)
    arguments.add_argument("--polygons", type=int, default=5_000)
    arguments.add_argument("--rounds", type=int, default=5)
    given = arguments.parse_args()
    polygons = crooked_tessellation(given.polygons)
    random = np.random.default_rng(2)
    codes = np.array([f"{n:05}" for n in random.permutation(len(polygons))], dtype=object)
    points = random.uniform(BOUNDS[:2], BOUNDS[2:], (given.points, 2))
    nasty = np.unique(border_points(polygons[:NASTY_POLYGONS]), axis=0)
    ours(codes, polygons, np.tile(points[:10], (RASTER_FROM_POINTS // 10, 1)))  # compiles

    with postgis(codes, polygons) as database:
        load_points(database, points)
        frames = as_frames(codes, polygons, points)
        ways: dict[str, Callable[[], object]] = {
            "ours": lambda: ours(codes, polygons, points),
            "geopandas.sjoin": lambda: sjoin(*frames),
            "PostGIS, covers_point": lambda: join_in_postgis(database, "covers_point"),
            "PostGIS, ST_Intersects": lambda: join_in_postgis(database, "ST_Intersects"),
        }
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(given.rounds):
            for name, way in ways.items():
                start = time.perf_counter()
                way()
                seconds[name].append(time.perf_counter() - start)
        differing, plain_differing, lost = 0, 0, 0
        for asked in (points, nasty):
            load_points(database, asked)
            answers = ours(codes, polygons, asked)
            exact = from_postgis(database, "covers_point", len(asked))
            plain = from_postgis(database, "ST_Intersects", len(asked))
            others = sjoin(*as_frames(codes, polygons, asked))
            differing += int(((answers != exact) | (answers != others)).sum())
            plain_differing += int((answers != plain).sum())
            lost += int((is_in_district(asked) & (answers == None)).sum())  # noqa: E711 - an array

    start = time.perf_counter()
    assigner = GridAssigner(codes, polygons)
    assigner.assign(*np.tile(points[:1], (RASTER_FROM_POINTS, 1)).T)
    build_s = time.perf_counter() - start
    medians = {name: float(np.median(times)) for name, times in seconds.items()}
    show(f"{given.points:,} points to {len(polygons):,} polygons", given.points, medians)
    print(f"nasty points: {len(nasty):,}; different answers: {differing}; lost: {lost}")
    print(f"different answers of bare ST_Intersects: {plain_differing}")
    cells = h3_cells(points, given.rounds)
    result = {
        "vs_sjoin": round(medians["geopandas.sjoin"] / medians["ours"], 2),
        "vs_postgis": round(medians["PostGIS, covers_point"] / medians["ours"], 2),
        "vs_postgis_plain": round(medians["PostGIS, ST_Intersects"] / medians["ours"], 2),
        "unassigned": lost,
        "mismatches": differing,
        "plain_mismatches": plain_differing,
        "points_per_s": round(given.points / medians["ours"]),
        "build_s": round(build_s, 3),
        "points": given.points,
        "polygons": len(polygons),
        "nasty_points": len(nasty),
        **cells,
    }
    print("RESULT " + json.dumps(result))


def ours(codes: Codes, polygons: Codes, points: Points) -> Codes:
    """Build the assigner and assign."""
    return GridAssigner(codes, polygons).assign_codes(points[:, 0], points[:, 1])


def h3_cells(points: Points, rounds: int) -> dict[str, float]:
    """Time points to H3 cells, ours and the library's, print them and compare the answers."""
    lon, lat = points.T
    ways: dict[str, Callable[[], NDArray[np.int64]]] = {
        "ours": lambda: lonlat_to_h3_cell(lon, lat),
        "h3 library": lambda: np.fromiter(
            map(h3.latlng_to_cell, lat.tolist(), lon.tolist(), repeat(STORED_RESOLUTION)),
            dtype=np.int64,
            count=len(lon),
        ),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - start)
    medians = {name: float(np.median(times)) for name, times in seconds.items()}
    show(f"{len(points):,} points to H3 cells", len(points), medians)
    return {
        "h3_points_per_s": round(len(points) / medians["ours"]),
        "h3_vs_library": round(medians["h3 library"] / medians["ours"], 2),
        "h3_mismatches": int((ways["ours"]() != ways["h3 library"]()).sum()),
    }


def as_frames(
    codes: Codes, polygons: Codes, points: Points
) -> tuple[geopandas.GeoDataFrame, geopandas.GeoDataFrame]:
    return (
        geopandas.GeoDataFrame(geometry=shapely.points(points)),
        geopandas.GeoDataFrame({"code": codes}, geometry=polygons),
    )


def sjoin(frame: geopandas.GeoDataFrame, grids: geopandas.GeoDataFrame) -> Codes:
    """Join by geopandas; of several polygons the smallest code."""
    joined = geopandas.sjoin(frame, grids, predicate="intersects", how="inner")
    found = np.full(len(frame), None, dtype=object)
    # The last to be written stays. Only points on borders stand twice.
    twice = joined.index.duplicated(keep=False)
    found[joined.index[~twice]] = joined["code"][~twice]
    doubtful = joined[twice].sort_values("code", ascending=False)
    found[doubtful.index] = doubtful["code"]
    return found


@contextmanager
def postgis(codes: Codes, polygons: Codes) -> Iterator[psycopg.Connection]:
    """A throwaway cluster with the polygons in it, indexed."""
    with scratch_folder() as folder, EmbeddedCluster(folder).running() as cluster:
        url = cluster.url(OWNER_ROLE, "postgres").replace("+psycopg", "")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SET jit = off")  # it takes a second and saves none here
            connection.execute("CREATE EXTENSION postgis")
            connection.execute((FUNCTIONS / "covers_point.sql").read_text())
            connection.execute('CREATE TABLE grids (code text COLLATE "C", geom geometry)')
            copy(connection, "grids", zip(codes, shapely.to_wkb(polygons, hex=True), strict=True))
            connection.execute("CREATE INDEX ON grids USING gist (geom)")
            yield connection


def load_points(connection: psycopg.Connection, points: Points) -> None:
    connection.execute("DROP TABLE IF EXISTS points")
    connection.execute("CREATE TABLE points (id int PRIMARY KEY, geom geometry)")
    copy(connection, "points", enumerate(shapely.to_wkb(shapely.points(points), hex=True)))
    connection.execute("CREATE INDEX ON points USING gist (geom)")
    connection.execute("VACUUM ANALYZE")


def copy(connection: psycopg.Connection, table: str, rows: Iterator[tuple[object, ...]]) -> None:
    with connection.cursor().copy(f"COPY {table} FROM STDIN") as stream:
        for row in rows:
            stream.write_row(row)


def join_in_postgis(connection: psycopg.Connection, predicate: str) -> None:
    """Write the smallest code of the polygons that hold each point into a third table.

    The lateral join lets the polygons drive, so that PostGIS keeps each one prepared for all its
    points; left to itself the planner may drive from the points, which is many times slower.
    """
    connection.execute("DROP TABLE IF EXISTS answers")
    connection.execute(
        f"CREATE UNLOGGED TABLE answers AS SELECT p.id, min(g.code) AS code "
        f"FROM grids AS g CROSS JOIN LATERAL "
        f"(SELECT id FROM points WHERE {predicate}(g.geom, geom) OFFSET 0) AS p GROUP BY p.id"
    )


def from_postgis(connection: psycopg.Connection, predicate: str, count: int) -> Codes:
    join_in_postgis(connection, predicate)
    found = np.full(count, None, dtype=object)
    rows = connection.execute("SELECT id, code FROM answers").fetchall()
    found[[row[0] for row in rows]] = [row[1] for row in rows]
    return found


def is_in_district(points: Points) -> NDArray[np.bool_]:
    west, south, east, north = BOUNDS
    x, y = points.T
    inside: NDArray[np.bool_] = (x >= west) & (x <= east) & (y >= south) & (y <= north)
    return inside


def show(title: str, points: int, medians: dict[str, float]) -> None:
    table = Table(title=title)
    for heading in ("way", "seconds", "points/s", "times ours"):
        table.add_column(heading, justify="left" if heading == "way" else "right")
    for name, median in medians.items():
        table.add_row(
            name, f"{median:.3f}", f"{points / median:,.0f}", f"{median / medians['ours']:.1f}"
        )
    Console().print(table)


if __name__ == "__main__":
    main()
