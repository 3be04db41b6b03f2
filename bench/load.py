"""Loading a register: binary COPY in bounded memory against geopandas.to_postgis.

    python -m bench.load [--rows N] [--rounds N] [--import-rows N]

Ready components (nothing is parsed), points included, go from one GeoParquet file into the
register's table with all its indexes: primary key, GiST on the point, H3 cell, grid, unique search
key, unique source reference. Ours streams the file through `geo.store.bulk` and makes the indexes
afterwards, as a first load does; "indexed" is the same into a table whose indexes stand already, as
an import does. to_postgis loads the same columns (in chunks of 50,000 rows), and then the same
indexes are made. Reading the file counts for all. Each run is a process of its own, so that its
peak memory (resident, in MB, the libraries included) is its own. Methods alternate; medians.

A second line tells the whole import of a CSV: read, parsed, placed, merged, reported.

RESULT: vs_to_postgis (its time over ours), rows_per_s, peak_mb (ours), to_postgis_rows_per_s,
to_postgis_peak_mb, indexed_rows_per_s, import_rows_per_s, import_peak_mb, rows, rounds.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyproj
import sqlalchemy as sa
from rich.console import Console
from rich.table import Table

from bench.scratch import scratch_folder
from geo.h3_cells import lonlat_to_h3_cell
from geo.settings import Settings
from geo.store.bulk import copy_table, indexes_rebuilt, points_to_ewkb
from geo.store.cluster import APPLICATION_ROLE, OWNER_ROLE, EmbeddedCluster
from geo.store.database import Database, ensure_database, make_engine
from geo.store.migrate import migrate
from geo.tables import StandardAddress

BATCH_ROWS = 50_000
SEED = 2026
ROOMS, FLOORS, ENTRANCES, BUILDINGS = 4, 18, 3, 30
METHODS = ("ours", "indexed", "to_postgis")
TARGET = "standard_address"
PEER_TABLE = "standard_address_peer"


def main() -> None:
    """Run the bench, or one method of it as a child."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--import-rows", type=int, default=100_000)
    parser.add_argument("--child", nargs=3, metavar=("METHOD", "FILE", "URL"))
    given = parser.parse_args()
    if given.child:
        _child(*given.child)
    else:
        _bench(given.rows, given.rounds, given.import_rows)


def _bench(rows: int, rounds: int, import_rows: int) -> None:
    console = Console()
    with scratch_folder() as folder:
        with console.status(f"Generating {rows:,} addresses …"):
            file = _write_file(folder / "register.parquet", rows)
            table_csv = _write_csv(folder / "register.csv", file, import_rows)
        with EmbeddedCluster(folder / "store").running() as cluster:
            found: dict[str, list[dict[str, float]]] = {method: [] for method in METHODS}
            for round_ in range(rounds):
                for method in METHODS:
                    with console.status(f"round {round_ + 1} of {rounds}: {method}"):
                        url = _fresh_database(cluster, OWNER_ROLE)
                        found[method].append(_run_child(method, file, url))
            with console.status("the whole import"):
                _fresh_database(cluster, OWNER_ROLE)
                url = cluster.url(APPLICATION_ROLE, "bench_load")
                whole = _run_child("import", table_csv, url)
    _tell(console, found, whole, rows, rounds, import_rows)


def _tell(
    console: Console,
    found: dict[str, list[dict[str, float]]],
    whole: dict[str, float],
    rows: int,
    rounds: int,
    import_rows: int,
) -> None:
    median = {
        method: {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        for method, runs in found.items()
    }
    labels = {
        "ours": "ours: COPY, indexes afterwards",
        "indexed": "ours: COPY into the indexed table",
        "to_postgis": "geopandas.to_postgis, indexes afterwards",
    }
    shown = Table("", "s", "rows/s", "peak MB", "time over ours")
    base = median["ours"]["seconds"]
    for method, runs in median.items():
        shown.add_row(
            labels[method],
            f"{runs['seconds']:.1f}",
            f"{rows / runs['seconds']:,.0f}",
            f"{runs['peak_mb']:,.0f}",
            f"{runs['seconds'] / base:.2f}",
        )
    console.print(shown)
    speed = import_rows / whole["seconds"]
    console.print(
        f"The whole import of a CSV of {import_rows:,} rows (read, parsed, placed, merged): "
        f"{speed:,.0f} rows/s, peak {whole['peak_mb']:,.0f} MB.",
        highlight=False,
    )
    result = {
        "vs_to_postgis": round(median["to_postgis"]["seconds"] / base, 2),
        "rows_per_s": round(rows / base),
        "peak_mb": round(median["ours"]["peak_mb"]),
        "to_postgis_rows_per_s": round(rows / median["to_postgis"]["seconds"]),
        "to_postgis_peak_mb": round(median["to_postgis"]["peak_mb"]),
        "indexed_rows_per_s": round(rows / median["indexed"]["seconds"]),
        "import_rows_per_s": round(speed),
        "import_peak_mb": round(whole["peak_mb"]),
        "rows": rows,
        "rounds": rounds,
    }
    print("RESULT", json.dumps(result))


def _fresh_database(cluster: EmbeddedCluster, role: str) -> str:
    engine = make_engine(cluster.url(OWNER_ROLE, "postgres"), pool_size=1)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("DROP DATABASE IF EXISTS bench_load WITH (FORCE)"))
        connection.execute(sa.text("CHECKPOINT"))
    engine.dispose()
    ensure_database(cluster, "bench_load")
    owner = make_engine(cluster.url(OWNER_ROLE, "bench_load"), pool_size=1)
    migrate(owner)
    owner.dispose()
    return cluster.url(role, "bench_load")


def _run_child(method: str, file: Path, url: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.load", "--child", method, str(file), url],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told


def _child(method: str, file: str, url: str) -> None:
    work = {
        "ours": _load_ours,
        "indexed": _load_indexed,
        "to_postgis": _load_to_postgis,
        "import": _import,
    }[method]
    seconds = work(Path(file), url)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_mb": peak_mb}))


def _load_ours(file: Path, url: str) -> float:
    table = StandardAddress.__table__
    assert isinstance(table, sa.Table)
    engine = make_engine(url, pool_size=1)
    begun = time.perf_counter()
    with engine.begin() as connection, indexes_rebuilt(connection, table):
        for batch in _batches(file):
            copy_table(connection, table, batch)
    return time.perf_counter() - begun


def _load_indexed(file: Path, url: str) -> float:
    table = StandardAddress.__table__
    assert isinstance(table, sa.Table)
    engine = make_engine(url, pool_size=1)
    begun = time.perf_counter()
    for batch in _batches(file):
        with engine.begin() as connection:
            copy_table(connection, table, batch)
    return time.perf_counter() - begun


def _batches(file: Path) -> Iterator[pa.Table]:
    """Yield the file's rows with the point as the database wants it; WKB in, EWKB out."""
    for batch in pq.ParquetFile(file).iter_batches(BATCH_ROWS):
        rows = pa.table(batch)
        raw = np.frombuffer(b"".join(rows["geom"].to_pylist()), np.uint8).reshape(-1, 21)
        lonlat = np.ascontiguousarray(raw[:, 5:]).view("<f8")
        at = rows.schema.get_field_index("geom")
        yield rows.set_column(at, "geom", points_to_ewkb(lonlat[:, 0], lonlat[:, 1]))


def _load_to_postgis(file: Path, url: str) -> float:
    import geopandas

    engine = make_engine(url, pool_size=1)
    with engine.connect() as connection:
        indexes = connection.execute(
            sa.text("SELECT indexdef FROM pg_indexes WHERE tablename = :name"), {"name": TARGET}
        ).scalars()
        definitions = [
            text.replace(f"public.{TARGET}", f"public.{PEER_TABLE}").replace(
                "INDEX ", "INDEX peer_", 1
            )
            for text in indexes
        ]
    begun = time.perf_counter()
    frame = geopandas.read_parquet(file)
    frame.to_postgis(PEER_TABLE, engine, if_exists="fail", index=False, chunksize=BATCH_ROWS)
    with engine.begin() as connection:
        # to_postgis makes a GiST index on a column called geometry only; it has none to drop.
        connection.execute(sa.text(f"DROP INDEX IF EXISTS idx_{PEER_TABLE}_geom"))
        for definition in definitions:
            connection.exec_driver_sql(definition)
    return time.perf_counter() - begun


def _import(file: Path, url: str) -> float:
    from geo.importers.addresses import AddressImportOptions, import_addresses

    options = AddressImportOptions(source="bench", datum="WGS84", day="2026-01-01")
    database = Database(make_engine(url, pool_size=4))
    settings = Settings(data_folder=file.parent / "data")
    begun = time.perf_counter()
    report = import_addresses(database, file, options, settings=settings)
    seconds = time.perf_counter() - begun
    assert report.inserted == report.rows_in, report
    return seconds


def _write_file(path: Path, rows: int) -> Path:
    """Write generated addresses as GeoParquet, down to the room."""
    writer = None
    for start in range(0, rows, BATCH_ROWS):
        batch = _addresses(np.arange(start, min(start + BATCH_ROWS, rows)))
        if writer is None:
            geo = {
                "version": "1.0.0",
                "primary_column": "geom",
                "columns": {
                    "geom": {
                        "encoding": "WKB",
                        "geometry_types": ["Point"],
                        "crs": pyproj.CRS(4326).to_json_dict(),
                    }
                },
            }
            metadata = {b"geo": json.dumps(geo).encode()}
            writer = pq.ParquetWriter(path, batch.schema.with_metadata(metadata))
        writer.write_table(batch.replace_schema_metadata(writer.schema.metadata))
    if writer is not None:
        writer.close()
    return path


def _addresses(n: np.ndarray[tuple[int], np.dtype[np.int64]]) -> pa.Table:
    room, rest = n % ROOMS, n // ROOMS
    floor, rest = rest % FLOORS, rest // FLOORS
    entrance, rest = rest % ENTRANCES, rest // ENTRANCES
    building, door = rest % BUILDINGS, rest // BUILDINGS
    rng = np.random.default_rng((SEED, int(n[0])))
    lon = 116.3 + (door % 200) * 1e-3 + rng.uniform(0, 1e-3, len(n))
    lat = 39.8 + (door // 200) * 1e-3 + rng.uniform(0, 1e-3, len(n))
    numbers = {"door": door + 1, "building": building + 1, "entrance": entrance + 1}
    texts = {name: pa.array(value.astype(str)) for name, value in numbers.items()}
    texts["room"] = pa.array(((floor + 1) * 100 + room + 1).astype(str))
    columns: dict[str, pa.Array] = {"id": pa.array(n + 1)}
    fixed = {"province": "北京市", "county": "东城区", "township": "样例街道", "road": "样例路"}
    columns |= {name: pa.array([value] * len(n)) for name, value in fixed.items()}
    columns |= texts
    columns["canonical_text"] = pc.binary_join_element_wise(
        "北京市东城区样例街道样例路", texts["door"], "号", texts["building"], "号楼",
        texts["entrance"], "单元", texts["room"], "室", "",
    )  # fmt: skip
    columns["search_key"] = pc.binary_join_element_wise(
        "#110101001|road=样例路|door=", texts["door"], "|building=", texts["building"],
        "|entrance=", texts["entrance"], "|room=", texts["room"], "",
    )  # fmt: skip
    columns["level"] = pa.array(["room"] * len(n))
    columns["geom"] = _wkb(lon, lat)
    columns["point_method"] = pa.array(["generated"] * len(n))
    columns["accuracy_m"] = pa.array(np.full(len(n), 5, np.float32))
    columns["origin_datum"] = pa.array(["WGS84"] * len(n))
    columns["h3_cell"] = pa.array(lonlat_to_h3_cell(lon, lat))
    columns["status"] = pa.array(["current"] * len(n))
    columns["source"] = pa.array(["bench"] * len(n))
    columns["source_ref"] = pc.binary_join_element_wise("R", pa.array((n + 1).astype(str)), "")
    columns["grid_id"] = pa.nulls(len(n), pa.int64())
    return pa.table(columns)


def _wkb(
    lon: np.ndarray[tuple[int], np.dtype[np.float64]],
    lat: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> pa.Array:
    head = np.broadcast_to(np.frombuffer(b"\x01\x01\x00\x00\x00", np.uint8), (len(lon), 5))
    body = np.column_stack([lon, lat]).astype("<f8").view(np.uint8)
    raw = np.hstack([head, body]).tobytes()
    return pa.array([raw[at : at + 21] for at in range(0, len(raw), 21)], pa.binary())


def _write_csv(path: Path, file: Path, rows: int) -> Path:
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(("编号", "地址", "经度", "纬度"))
        left = rows
        for batch in pq.ParquetFile(file).iter_batches(
            BATCH_ROWS, columns=["source_ref", "canonical_text", "geom"]
        ):
            for ref, text, point in zip(*(c.to_pylist() for c in batch.columns), strict=True):
                if left == 0:
                    return path
                left -= 1
                lon, lat = np.frombuffer(point[5:], "<f8")
                writer.writerow((ref, text, f"{lon:.7f}", f"{lat:.7f}"))
    return path


if __name__ == "__main__":
    main()
