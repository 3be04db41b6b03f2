"""What row-level security costs: the same questions with it and without it, in the same run.

    python -m bench.scope [--addresses 1000000] [--grids 1000] [--rounds 15] [--keep FOLDER]

A register is made in a store of its own: grids side by side, as many addresses in each, an alias to
every tenth, a resident with a residence at each. Callers of 1, 60 and 500 grids ask for the
addresses of a frame, for pages of their list, for an address by its text, for a part of a text, for
the density layer and for a tile of grids; for the residents of a grid and of an address and for one
by a telephone number (audited, as always), for who is due and for how many there are. Each question
goes through the same function of ours, with the same scope filter in the query: once as the
application's role, under row-level security, and once as the owner of the store, a superuser, whom
it doesn't touch. The two take turns; a figure is the median of the rounds.

RESULT keys: ratio_1, ratio_60, ratio_500 (the largest ratio of time with to time without among the
questions of that caller), mean_ratio_1, mean_ratio_60, mean_ratio_500 (the geometric mean). Both
are of processor time, of this process and the server's that answers it, as Linux counts it: other
work on the machine leaves it alone. Neither side may use helper processes, which it would miss.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import random
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy import text
from sqlalchemy.orm import Session

from bench.scratch import scratch_folder
from geo.addresses import parse, search_key
from geo.audit import Access
from geo.basemap import grids_tile
from geo.encryption import blind_index, keys_of
from geo.h3_cells import lonlat_to_h3_cell
from geo.keys import KeyRing
from geo.register.reading import AddressFilter, find_by_text, find_standard_addresses
from geo.registers import (
    RecordFilter,
    count_records,
    find_by_number,
    find_records,
    list_residents,
    residents_at,
)
from geo.sealed_columns import RESIDENT_PHONE
from geo.store.bulk import copy_table, indexes_rebuilt, points_to_ewkb
from geo.store.cluster import APPLICATION_ROLE, OWNER_ROLE, EmbeddedCluster
from geo.store.database import Database, ensure_database, make_engine
from geo.store.migrate import migrate
from geo.tables import Residence, Resident, StandardAddress
from geo.values import GridScope
from layers.address_density import load_address_density

DATABASE = "bench_scope"
WEST, SOUTH = 120.0, 31.0
SIDE = 0.004  # of a grid [degrees], about 400 m
COLUMNS = 40  # grids side by side
CALLERS = (1, 60, 500)
DAY = date(2026, 1, 1)
BATCH_ROWS = 100_000
PHONE = "15400000001"
ACCESS = Access("bench", purpose="register", case_ref="B-1")

Question = Callable[[Session], object]

_GRIDS = text("""
    WITH version AS (
        INSERT INTO grid_version (source, valid_from, grid_count)
        VALUES ('bench', '2020-01-01', :grids) RETURNING id
    )
    INSERT INTO grid (version_id, grid_code, name, community_code, area_m2, valid_from, geom)
    SELECT version.id, '32050700' || lpad(g::text, 9, '0'), '网格' || g, '320507001001', 160000,
           '2020-01-01',
           ST_Multi(ST_MakeEnvelope(
               :west + (g % :columns) * :side, :south + (g / :columns) * :side,
               :west + (g % :columns + 1) * :side, :south + (g / :columns + 1) * :side, 4326))
    FROM version, generate_series(0, :grids - 1) AS g
""")
_RESIDENTS = text("""
    INSERT INTO resident (id, name, phone_index, source, recorded_by)
    SELECT id, '测试' || id, sha256(id::text::bytea), 'bench', 'bench' FROM standard_address
""")
_RESIDENCES = text("""
    INSERT INTO residence (resident_id, standard_address_id, kind, lived_from, due_on, source,
                           recorded_by)
    SELECT id, id, 'floating', DATE '2024-01-01', DATE '2025-06-01' + (id * 7919 % 600)::int,
           'bench', 'bench'
    FROM standard_address
""")
_ALIASES = text("""
    INSERT INTO address_alias (standard_address_id, alias_text, alias_key, source)
    SELECT id, '旧称' || id, '旧称' || id, 'bench' FROM standard_address WHERE id % 10 = 0
""")


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--addresses", type=int, default=1_000_000)
    words.add_argument("--grids", type=int, default=1_000)
    words.add_argument("--rounds", type=int, default=15)
    words.add_argument("--keep", type=Path, help="folder whose store is kept and used again")
    given = words.parse_args()
    with _store(given.keep) as cluster:
        _fill(cluster, given.addresses, given.grids)
        ring = KeyRing.of_chance(now=datetime.now(UTC))
        guarded, bare = (
            Database(make_engine(cluster.url(role, DATABASE), pool_size=1), lambda: ring)
            for role in (APPLICATION_ROLE, OWNER_ROLE)
        )
        result = _ask_all(guarded, bare, given.grids, given.rounds)
        guarded.engine.dispose()
        bare.engine.dispose()
    print("RESULT " + json.dumps(result))


def _ask_all(guarded: Database, bare: Database, grids: int, rounds: int) -> dict[str, float]:
    result: dict[str, float] = {}
    print(
        f"{'grids':>6} {'question':<17} {'with [ms]':>10} {'without':>10} {'ratio':>6}   "
        f"{'CPU with':>10} {'without':>10} {'ratio':>6}"
    )
    chosen = random.Random(4)
    for count in CALLERS:
        # A caller's grids lie side by side, as an area's do.
        first = chosen.randrange(max(1, grids - count))
        numbers = list(range(first, min(first + count, grids)))
        scope = GridScope.of(map(_code, numbers))
        ratios = []
        for name, question in _questions(bare, scope, numbers):
            wall, cpu = _medians(question, guarded, bare, scope, rounds, name)
            ratios.append(cpu[0] / cpu[1])
            shown = "   ".join(f"{a:>10.2f} {b:>10.2f} {a / b:>6.2f}" for a, b in (wall, cpu))
            print(f"{count:>6} {name:<17} {shown}")
        result[f"ratio_{count}"] = round(max(ratios), 3)
        mean = math.exp(statistics.mean(map(math.log, ratios)))
        result[f"mean_ratio_{count}"] = round(mean, 3)
    return result


def _medians(
    question: Question,
    guarded: Database,
    bare: Database,
    scope: GridScope,
    rounds: int,
    name: str,
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Median times [ms] with and without, by the clock and of the processor.

    Ends the run where the two answer differently.
    """
    times: dict[Database, list[tuple[float, float]]] = {guarded: [], bare: []}
    answers = {}
    for turn in range(rounds + 2):
        for database in (guarded, bare) if turn % 2 else (bare, guarded):
            with database.session_of(scope) as session:  # what is about persons is audited
                session.execute(text("SET LOCAL max_parallel_workers_per_gather = 0"))
                server = Path(f"/proc/{session.scalar(text('SELECT pg_backend_pid()'))}/schedstat")
                begun = time.perf_counter(), cpu_s(server)
                answers[database] = _comparable(question(session))
                ended = time.perf_counter(), cpu_s(server)
                if turn > 1:  # the first two fill the caches
                    spent = [
                        (after - before) * 1000 for after, before in zip(ended, begun, strict=True)
                    ]
                    times[database].append((spent[0], spent[1]))
    if answers[guarded] != answers[bare] or not answers[bare]:
        raise SystemExit(f"{name}: the answers differ, or there is none")
    wall, cpu = (
        tuple(
            statistics.median(each[i] for each in times[database]) for database in (guarded, bare)
        )
        for i in (0, 1)
    )
    return wall, cpu  # type: ignore[return-value]


def cpu_s(server: Path) -> float:
    """Processor time of this process and of a server process [s], by its `schedstat`."""
    return time.process_time() + int(server.read_text().split()[0]) / 1e9


def _questions(
    bare: Database, scope: GridScope, numbers: list[int]
) -> Iterator[tuple[str, Question]]:
    middle = numbers[len(numbers) // 2]
    lon = WEST + (middle % COLUMNS + 0.5) * SIDE
    lat = SOUTH + (middle // COLUMNS + 0.5) * SIDE
    frame = (lon - SIDE / 6, lat - SIDE / 6, lon + SIDE / 6, lat + SIDE / 6)
    wide = (lon - SIDE * 3, lat - SIDE * 3, lon + SIDE * 3, lat + SIDE * 3)
    with bare.session_of(scope) as session:
        in_middle = StandardAddress.grid_code == _code(middle)
        ids = session.scalars(
            sa.select(StandardAddress.id).where(in_middle).order_by(StandardAddress.id)
        ).all()
        own = session.get_one(StandardAddress, ids[len(ids) // 2])
        own.search_key = search_key(parse(own.canonical_text))  # as an import would have read it
        person = session.get_one(Resident, own.id)
        person.phone_index = blind_index(keys_of(session), RESIDENT_PHONE, PHONE)
        whole, part = own.canonical_text, own.canonical_text.removeprefix("示例市示例区")
    x = int((lon + 180) / 360 * 2**15)
    y = int((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * 2**15)
    yield "bbox", lambda s: find_standard_addresses(s, AddressFilter(bbox=frame), scope=scope)
    yield "list", lambda s: find_standard_addresses(s, scope=scope)
    yield (
        "list, later",
        lambda s: find_standard_addresses(s, scope=scope, after_id=ids[len(ids) // 2]),
    )
    yield "search", lambda s: find_by_text(s, whole, scope=scope)
    yield (
        "part of text",
        lambda s: find_standard_addresses(s, AddressFilter(text=part), scope=scope),
    )
    yield "density layer", lambda s: load_address_density(s, bbox=wide, zoom=15, scope=scope)
    yield "grids tile", lambda s: grids_tile(s, 15, x, y, scope=scope, on=DAY)
    asked: dict[str, Any] = {"access": ACCESS, "scope": scope}
    yield (
        "residents, grid",
        lambda s: list_residents(s, grid_code=_code(middle), on=DAY, **asked),
    )
    yield "residents, door", lambda s: residents_at(s, own.id, on=DAY, **asked)
    yield "resident, phone", lambda s: find_by_number(s, phone=PHONE, today=DAY, **asked)
    yield (
        "residences due",
        lambda s: find_records(s, Residence, RecordFilter(due_by=DAY), scope=scope),
    )
    yield (
        "residences, count",
        lambda s: count_records(s, Residence, RecordFilter(on=DAY), scope=scope),
    )


def _comparable(answer: object) -> object:
    if isinstance(answer, bytes | int):
        return answer
    if hasattr(answer, "address_count"):
        return answer.address_count, len(answer.h3_cells)  # type: ignore[attr-defined]
    return [getattr(row, "id", None) or row.resident_id for row in answer]  # type: ignore[attr-defined]


def _code(number: int) -> str:
    return f"32050700{number:09}"


@contextlib.contextmanager
def _store(keep: Path | None) -> Iterator[EmbeddedCluster]:
    with contextlib.ExitStack() as stack:
        if keep is None:
            keep = stack.enter_context(scratch_folder())
        yield stack.enter_context(EmbeddedCluster(keep).running())


def _fill(cluster: EmbeddedCluster, addresses: int, grids: int) -> None:
    ensure_database(cluster, DATABASE)
    owner = make_engine(cluster.url(OWNER_ROLE, DATABASE), pool_size=1)
    migrate(owner)
    table = StandardAddress.__table__
    assert isinstance(table, sa.Table)
    with owner.connect() as connection:
        there = connection.scalar(sa.select(sa.func.count()).select_from(table))
    if there != addresses:
        if there:
            raise SystemExit(f"The kept store holds {there} addresses. Name another folder.")
        with owner.begin() as connection:
            connection.execute(
                _GRIDS,
                {"grids": grids, "west": WEST, "south": SOUTH, "side": SIDE, "columns": COLUMNS},
            )
            ids = dict(connection.execute(sa.text("SELECT grid_code, id FROM grid")).all())
            with indexes_rebuilt(connection, table):
                for start in range(0, addresses, BATCH_ROWS):
                    numbers = np.arange(start, min(start + BATCH_ROWS, addresses))
                    copy_table(connection, table, _rows(numbers, grids, ids))
            connection.execute(_ALIASES)
            connection.execute(_RESIDENTS)
            connection.execute(_RESIDENCES)
        with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text("VACUUM ANALYZE"))
    owner.dispose()


def _rows(numbers: np.ndarray, grids: int, ids: dict[str, int]) -> pa.Table:
    """Addresses street by street, as a file has them, not grid by grid."""
    placed = numbers * 7919 % grids
    shaken = np.random.default_rng(int(numbers[0])).random((2, len(numbers)))
    lon = WEST + (placed % COLUMNS + shaken[0]) * SIDE
    lat = SOUTH + (placed // COLUMNS + shaken[1]) * SIDE
    codes = [_code(number) for number in placed]
    roads = [f"示例{number // 200}路" for number in numbers]
    doors = [f"{number % 200 + 1}号" for number in numbers]
    same = pa.array(["bench"] * len(numbers))
    return pa.table(
        {
            "city": pa.array(["示例市"] * len(numbers)),
            "county": pa.array(["示例区"] * len(numbers)),
            "road": roads,
            "door": doors,
            "canonical_text": [f"示例市示例区{r}{d}" for r, d in zip(roads, doors, strict=True)],
            "search_key": [f"{r}|{d}" for r, d in zip(roads, doors, strict=True)],
            "level": pa.array(["door"] * len(numbers)),
            "geom": points_to_ewkb(lon, lat),
            "point_method": pa.array(["imported"] * len(numbers)),
            "accuracy_m": pa.array([5.0] * len(numbers), pa.float32()),
            "grid_id": [ids[code] for code in codes],
            "grid_code": codes,
            "h3_cell": lonlat_to_h3_cell(lon, lat),
            "source": same,
        }
    )


if __name__ == "__main__":
    main()
