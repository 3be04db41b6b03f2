"""How quick and how large are the base map's vector tiles, against the plain textbook query?

    .venv/bin/python -m bench.basemap_tiles FILE [FILE …]

Each FILE (anything `gridbeat basemap import` reads) and copies of it, moved aside, are imported
into an embedded store made for this run, until it holds --features. Tiles around the middle of
the files are drawn by `geo.basemap.basemap_tile`, and in turn by `ST_AsMVT` over everything in
the tile, as a first query would be written: no zoom, no simplification. One connection, no cache.

RESULT keys: `features`; `worst_ms`, `worst_kb` over all zooms (medians of the tiles of a zoom);
`plain_worst_ms`, `plain_worst_kb` the same of the plain query; `import_features_per_s`.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table
from sqlalchemy import text
from sqlalchemy.orm import Session

from bench.scratch import scratch_store
from geo.basemap import basemap_tile
from geo.importers.basemap import import_basemap
from geo.store.database import Database

ZOOMS = (8, 10, 11, 12, 13, 14, 15, 16, 17)
ROUNDS = 5
PLAIN = text("""
    SELECT ST_AsMVT(t, 'all', 4096, 'geom') FROM (
        SELECT feature_class, name, number,
               ST_AsMVTGeom(ST_Transform(geom, 3857), ST_TileEnvelope(:z, :x, :y), 4096, 64) AS geom
        FROM basemap_feature
        WHERE geom && ST_Transform(ST_TileEnvelope(:z, :x, :y), 4326)) t
""")
COPY_ASIDE = text("""
    INSERT INTO basemap_feature (source_id, kind, feature_class, name, number, min_zoom, geom)
    SELECT source_id, kind, feature_class, name, number, min_zoom,
           ST_Translate(geom, :east, :north)
    FROM basemap_feature WHERE id <= :last
""")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--features", type=int, default=500_000)
    given = parser.parse_args()
    with scratch_store() as (database, _):
        measure(database, given.files, given.features)


def measure(database: Database, files: list[Path], wanted: int) -> None:
    begun, imported, middles = time.perf_counter(), 0, []
    for file in files:
        with database.session() as session:
            imported += import_basemap(session, file, source=file.name).feature_count
            middles.append(middle_of(session, file.name))
    import_s = time.perf_counter() - begun
    features = fill_up(database, wanted)
    table = Table("zoom", "ms", "kB", "plain ms", "plain kB", "ms ratio", "kB ratio")
    worst: dict[str, float] = dict.fromkeys(("ms", "kb", "plain_ms", "plain_kb"), 0.0)
    with database.session() as session:
        for zoom in ZOOMS:
            ours_ms, plain_ms, ours_kb, plain_kb = [], [], [], []
            for longitude, latitude in middles:
                x, y = tile_at(zoom, longitude, latitude)
                for round_ in range(ROUNDS + 1):
                    start = time.perf_counter()
                    ours = basemap_tile(session, zoom, x, y)
                    between = time.perf_counter()
                    plain = bytes(session.scalar(PLAIN, {"z": zoom, "x": x, "y": y}) or b"")
                    end = time.perf_counter()
                    if round_:  # the first fills the caches of both
                        ours_ms.append((between - start) * 1e3)
                        plain_ms.append((end - between) * 1e3)
                ours_kb.append(len(ours) / 1e3)
                plain_kb.append(len(plain) / 1e3)
            row = {
                "ms": statistics.median(ours_ms),
                "kb": max(ours_kb),
                "plain_ms": statistics.median(plain_ms),
                "plain_kb": max(plain_kb),
            }
            worst = {key: max(worst[key], row[key]) for key in worst}
            table.add_row(
                str(zoom),
                f"{row['ms']:.1f}",
                f"{row['kb']:.0f}",
                f"{row['plain_ms']:.1f}",
                f"{row['plain_kb']:.0f}",
                f"{row['plain_ms'] / row['ms']:.1f}",
                f"{row['plain_kb'] / row['kb']:.1f}" if row["kb"] else "",
            )
    console = Console()
    console.print(table)
    console.print(
        f"{features:,} features; {imported:,} imported in {import_s:.1f} s, "
        f"{imported / import_s:,.0f}/s"
    )
    result = {
        "features": features,
        "worst_ms": round(worst["ms"], 1),
        "worst_kb": round(worst["kb"], 1),
        "plain_worst_ms": round(worst["plain_ms"], 1),
        "plain_worst_kb": round(worst["plain_kb"], 1),
        "import_features_per_s": round(imported / import_s),
    }
    print("RESULT", json.dumps(result))


def middle_of(session: Session, source: str) -> tuple[float, float]:
    """The middle of the source's features: of their points, not of their box."""
    row = session.execute(
        text(
            "SELECT avg(ST_X(ST_Centroid(geom))), avg(ST_Y(ST_Centroid(geom))) FROM "
            "basemap_feature WHERE source_id = (SELECT id FROM basemap_source WHERE name = :name)"
        ),
        {"name": source},
    ).one()
    return float(row[0]), float(row[1])


def fill_up(database: Database, wanted: int) -> int:
    """Lay copies around what is there, a little aside each, as neighbouring districts would lie."""
    with database.session() as session:
        last, count = session.execute(text("SELECT max(id), count(*) FROM basemap_feature")).one()
        copies = max(0, math.ceil(wanted / count) - 1)
        for number in range(1, copies + 1):
            angle = 2.4 * number  # the golden angle: an even spiral
            reach = 0.12 * math.sqrt(number)
            session.execute(
                COPY_ASIDE,
                {"east": reach * math.cos(angle), "north": reach * math.sin(angle), "last": last},
            )
    with database.engine.connect() as connection:
        connection.execute(text("ANALYZE basemap_feature"))
        connection.commit()
    return int(count * (copies + 1))


def tile_at(zoom: int, longitude: float, latitude: float) -> tuple[int, int]:
    tiles = 2**zoom
    north = math.asinh(math.tan(math.radians(latitude)))
    return int((longitude + 180) / 360 * tiles), int((1 - north / math.pi) / 2 * tiles)


if __name__ == "__main__":
    main()
