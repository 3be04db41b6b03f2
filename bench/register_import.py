"""Registers from files: rows a second, as they are imported and row by row, in the same run.

    python -m bench.register_import [--rows 4000] [--rounds 3]

A file of invented residents at invented addresses, by address text, each with identity number,
phone, household and a look; then one of dwellings with landlords. Ours looks up and stores a chunk
by sets; the peer is the way each row took before, one after the other. Both into the same store, by
turns; the peer gets a tenth of the rows.

RESULT keys: residents_per_s, residents_by_row_per_s, dwellings_per_s, dwellings_by_row_per_s (wall
time), residents_per_cpu_s, residents_by_row_per_cpu_s (this process alone, without the server's).
"""

from __future__ import annotations

import argparse
import csv
import json
import logging
import time
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import structlog
from rich.console import Console
from rich.table import Table
from stdnum.cn import ric

from bench.scratch import scratch_store
from geo.importers import records
from geo.importers.records import RecordImportOptions, prepare_record_job, run_record_job
from geo.settings import Settings
from geo.store.database import Database
from tests.drawing import draw
from tests.factories import add_grid, add_grid_version, add_standard_address, written_as

ROAD = "山西省太原市小店区滨河路"
DAY = date(2026, 6, 1)
PEOPLE = ("姓名", "身份证号", "联系电话", "人口类型", "入住日期", "户号", "地址", "核实日期")
HOMES = ("用途", "房间数", "房东姓名", "房东电话", "备案日期", "地址", "核实日期")
BY_HAND_SHARE = 10  # the peer gets a tenth of the rows: it would take the whole day else


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=4_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with scratch_store() as (database, settings):
        _fill(database, given.rows * (given.rounds + 1))
        report(_measure(database, settings.data_folder, given.rows, given.rounds))


def _fill(database: Database, count: int) -> None:
    drawn = draw("A")
    with database.session() as session:
        grid = add_grid(session, "14010500100100001", drawn["A"], version=add_grid_version(session))
        for number in range(1, count + 1):
            add_standard_address(session, grid=grid, **written_as(f"{ROAD}{number}号"))


def _measure(
    database: Database, folder: Path, rows: int, rounds: int
) -> dict[str, list[tuple[float, float]]]:
    """Rows a second of wall and of CPU time, by what was imported how, of each round."""
    found: dict[str, list[tuple[float, float]]] = {}
    few = max(rows // BY_HAND_SHARE, 1)
    by_sets = records._Run._store_new
    start = 1
    for turn in range(rounds):
        for kind, header, make in (("residents", PEOPLE, _person), ("dwellings", HOMES, _home)):
            for way, count in (("", rows - few), (" by row", few)):
                numbers = range(start + (few if not way else 0), start + (rows if not way else few))
                path = folder / f"{kind}{way.replace(' ', '_')}{turn}.csv"
                _write(path, header, [make(number) for number in numbers])
                records._Run._store_new = by_sets if not way else _none  # type: ignore[method-assign]
                found.setdefault(kind + way, []).append(_timed(database, folder, path, kind, count))
                records._Run._store_new = by_sets  # type: ignore[method-assign]
        start += rows
    return found


def _none(_run: Any, _session: Any, _chunk: Any, rows: Sequence[Any]) -> list[bool]:
    return [False] * len(rows)


def _timed(
    database: Database, folder: Path, path: Path, kind: str, count: int
) -> tuple[float, float]:
    settings = Settings(data_folder=folder, demo=False)
    options = RecordImportOptions(
        source="bench", day=DAY.isoformat(), actor="operator:bench", purpose="register",
        case_ref="T-1",
    )  # fmt: skip
    job_id = prepare_record_job(database, path, kind, options, settings=settings)
    wall, cpu = time.perf_counter(), time.process_time()
    done = run_record_job(database, job_id, settings=settings)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    assert (done.inserted, done.failed) == (count, 0), done
    return count / wall, count / cpu


def _person(number: int) -> list[object]:
    born = DAY - timedelta(days=7000 + number % 20_000)
    body = f"999900{born:%Y%m%d}{number % 1000:03}"
    return [
        f"测试甲{number}", body + ric.calc_check_digit(body + "0"), f"154{number:08}", "流动人口",
        "2025-01-01", "1", f"{ROAD}{number}号", "2026-05-01",
    ]  # fmt: skip


def _home(number: int) -> list[object]:
    return [
        "整租", 2, f"测试乙{number}", f"154{number:08}", "2025-01-01", f"{ROAD}{number}号",
        "2026-05-01",
    ]  # fmt: skip


def _write(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def report(found: dict[str, list[tuple[float, float]]]) -> None:
    """Print the table and the RESULT line."""
    table = Table("rows", "a second", "a second of our CPU", "rounds")
    of: Callable[[str, int], float] = lambda name, which: median(e[which] for e in found[name])  # noqa: E731
    for name, rounds in found.items():
        table.add_row(name, f"{of(name, 0):,.0f}", f"{of(name, 1):,.0f}", str(len(rounds)))
    Console(width=100).print(table)
    result = {
        "residents_per_s": of("residents", 0),
        "residents_by_row_per_s": of("residents by row", 0),
        "dwellings_per_s": of("dwellings", 0),
        "dwellings_by_row_per_s": of("dwellings by row", 0),
        "residents_per_cpu_s": of("residents", 1),
        "residents_by_row_per_cpu_s": of("residents by row", 1),
    }
    print("RESULT", json.dumps({name: round(value, 1) for name, value in result.items()}))


if __name__ == "__main__":
    main()
