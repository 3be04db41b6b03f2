"""A file of N addresses geocoded against a register of a million, as `gridbeat geocode FILE` does.

    python -m bench.address_batch N [--register FOLDER] [--rows 1000000] [--workers 2]
                                    [--peer 300] [--no-tantivy]

Without `--register` a synthetic register of `--rows` addresses is made (bench/synthetic_city.py);
a FOLDER has the `register.csv` that bench.make_register writes (its seed and number of rows, too,
so that queries can be drawn from it), and is given `rows.arrow`, the parsed rows, for the next run.

The file: of N rows, drawn at random from the register,
- 70 % are clean: written in full, without province and city, without divisions, the building by
  another word, the numbers joined by dashes, the estate without its road, wide digits
- 30 % are noisy: all 40 forms of the groups A, B and C (bench/query_forms_*.py) alike

It is geocoded by `geo.geocoding.batch.geocode_file` from CSV to CSV on `--workers` processes. Time
runs from opening the file to the finished output. Memory is the sum of the proportional set sizes
of all processes, sampled five times a second from the loaded register to the end; parsing the
register, which a database holds parsed already, is done before, in processes of their own.

Peer, on a sample of the same rows in the same run, one process: tantivy over character bigrams with
the top 200 reranked by rapidfuzz (bench/suggest.py). It gives an address but no level, confidence,
point or file. CPU seconds are of all processes; `cpu_us_per_row` is what a row costs.

`--stages N` also times the steps of the match on N of the rows, in this process: [µs of CPU] a row.

RESULT keys: `rows_per_s, peak_mb`; `clean_per_s, noisy_per_s` (each group in a file of its own, a
fifth of N); `matched, wrong, right` (shares of rows: answered surely; answered surely with another
address than the one the row was made from; the right address, sure or for review), the same with
`clean_` and `noisy_`; with `--stages` `parse_us, read_us, score_us, places_us, match_us`, `clear`
(share of rows that `match_clear` settles) and `clear_match_us, searched_match_us` of both ways;
`cpu_us_per_row, tantivy_per_s, tantivy_right, rows, queries, workers`.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import gc
import json
import os
import random
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import psutil
import pyarrow as pa
from rich.console import Console
from rich.table import Table

from bench import query_forms_a as a
from bench.make_register import FORMS, write_register
from bench.parsed_register import parsed_rows
from bench.query_forms_b import FORMS as FORMS_B
from bench.query_forms_c import FORMS as FORMS_C
from bench.suggest import Tantivy
from bench.synthetic_city import City, Record
from geo.addresses.match import MAX_TEXT_LENGTH, match_standard_address
from geo.addresses.match_clear import find_clear_row
from geo.addresses.match_places import find_places
from geo.addresses.match_query import read_query
from geo.addresses.match_sites import make_hit_table, make_query_numbers, score_rows
from geo.addresses.parse import parse
from geo.addresses.register_index import RegisterIndex
from geo.geocoding.batch import geocode_file
from geo.geocoding.local import LocalGeocoder
from geo.values import GridScope

SEED = 2026
CLEAN_SHARE = 0.7
SAMPLE_S = 0.2
STAGES = ("parse_us", "read_us", "score_us", "places_us", "match_us",
          "clear_match_us", "searched_match_us")  # fmt: skip
EVERYTHING = GridScope.everything()

T = TypeVar("T")
Form = Callable[[Record, random.Random], str]

CLEAN: tuple[Form, ...] = (
    lambda r, _: a.full(r),
    lambda r, _: a.without_province(r),
    lambda r, _: a.body(r) if r.kind != "village" else a.without_province(r),
    a.other_building_word,
    a.dashes,
    a.estate_only,
    a.full_width,
)
N_FORMS_A = 13  # of query_a


@dataclass(frozen=True)
class Row:
    text: str
    address_id: int
    group: str


def draw_rows(records: list[Record], count: int, clean_share: float, seed: int) -> list[Row]:
    """Return rows for addresses drawn at random, clean and noisy ones mixed."""
    rng = random.Random(seed)
    letters = "a" * N_FORMS_A + "b" * len(FORMS_B) + "c" * len(FORMS_C)
    rows = []
    for record in rng.choices(records, k=count):
        if rng.random() < clean_share:
            rows.append(Row(rng.choice(CLEAN)(record, rng), record.record_id, "clean"))
        else:
            _, text = FORMS[rng.choice(letters)](record, rng)
            rows.append(Row(text, record.record_id, "noisy"))
    return rows


def write_rows(rows: list[Row], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("number", "address"))
        writer.writerows((number, row.text) for number, row in enumerate(rows))


class PeakMemory:
    """The largest sum of proportional set sizes of this process and its children [MB]."""

    def __init__(self) -> None:
        self.peak_mb = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        me = psutil.Process()
        while True:
            total = 0
            for process in (me, *me.children(recursive=True)):
                with contextlib.suppress(psutil.Error):
                    total += process.memory_full_info().pss
            self.peak_mb = max(self.peak_mb, total / 1e6)
            if self._stop.wait(SAMPLE_S):
                return


@dataclass(frozen=True)
class Run:
    """One file geocoded: wall and CPU seconds of all processes, and what came out by row."""

    wall_s: float
    cpu_s: float
    statuses: list[str]
    ids: list[int | None]


def cpu_s() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def geocode(rows: list[Row], geocoder: LocalGeocoder, folder: Path, workers: int) -> Run:
    source, out = folder / "in.csv", folder / "out.csv"
    write_rows(rows, source)
    wall, cpu = time.perf_counter(), cpu_s()
    geocode_file(
        source, out, geocoder=geocoder, scope=EVERYTHING, column="address", workers=workers
    )
    wall, cpu = time.perf_counter() - wall, cpu_s() - cpu
    with out.open(encoding="utf-8-sig", newline="") as file:
        found = list(csv.DictReader(file))
    ids = [int(row["gb_standard_address_id"] or 0) or None for row in found]
    return Run(wall, cpu, [row["gb_status"] for row in found], ids)


def stages(texts: list[str], index: RegisterIndex) -> dict[str, float]:
    """Return CPU time [µs] a text: of reading its parts, reading it as a query, scoring sites and
    rows, making places of rows, and of the whole match."""
    view = index.view(EVERYTHING)
    spent: Counter[str] = Counter()

    def timed(name: str, do: Callable[[], T]) -> T:
        begun = time.process_time()
        done = do()
        spent[name] += time.process_time() - begun
        return done

    counts: Counter[str] = Counter(clear=0)
    for text in texts:
        parsed = timed("parse_us", partial(parse, text))
        query = timed(
            "read_us", partial(read_query, text, parsed, view, max_length=MAX_TEXT_LENGTH)
        )
        scores = timed("score_us", partial(score_rows, query, view))
        timed("places_us", partial(find_places, query, view, scores, limit=5))
        table = make_hit_table(query, view)
        is_clear = table is not None and find_clear_row(
            query, view, table, make_query_numbers(query.readings, index.numbers)
        )
        path = "clear" if is_clear else "searched"
        counts[path] += 1
        timed(
            f"{path}_match_us",
            partial(match_standard_address, text, index, scope=EVERYTHING, others_of_sure=False),
        )
    spent["match_us"] = spent["clear_match_us"] + spent["searched_match_us"]
    return {
        name: round(seconds / max(1, counts[name.split("_")[0]] or len(texts)) * 1e6, 1)
        for name, seconds in spent.items()
    } | {"clear": round(counts["clear"] / len(texts), 4)}


def shares(rows: list[Row], run: Run, group: str | None) -> dict[str, float]:
    chosen = [i for i, row in enumerate(rows) if group in (None, row.group)]
    sure = [i for i in chosen if run.statuses[i] == "matched"]
    wrong = [i for i in sure if run.ids[i] not in (None, rows[i].address_id)]
    right = [i for i in chosen if run.ids[i] == rows[i].address_id]
    prefix = f"{group}_" if group else ""
    return {
        f"{prefix}{name}": round(len(found) / max(1, len(chosen)), 4)
        for name, found in (("matched", sure), ("wrong", wrong), ("right", right))
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("--register", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--peer", type=int, default=300)
    parser.add_argument("--no-tantivy", action="store_true")
    parser.add_argument("--stages", type=int, default=0)
    given = parser.parse_args()
    console = Console()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        register = given.register or folder
        path = register / "register.csv"
        if path.exists():
            with path.open("rb") as file:
                given.rows = sum(1 for _ in file) - 1
        records = list(City(SEED).records(given.rows))
        if not path.exists():
            write_register(records, path)
        rows = draw_rows(records, given.count, CLEAN_SHARE, SEED)
        clean = draw_rows(records, given.count // 5, 1.0, SEED + 1)
        noisy = draw_rows(records, given.count // 5, 0.0, SEED + 2)
        del records
        gc.collect()
        memory = PeakMemory()
        parsed_rows(register)
        with memory:
            index = RegisterIndex.from_table(parsed_rows(register))
            gc.collect()
            pa.default_memory_pool().release_unused()
            geocoder = LocalGeocoder(lambda: index, others_of_sure=False)
            geocoder.geocode(rows[0].text, scope=EVERYTHING)
            run = geocode(rows, geocoder, folder, given.workers)
        by_group = {
            f"{name}_per_s": round(
                len(some) / geocode(some, geocoder, folder, given.workers).wall_s
            )
            for name, some in (("clean", clean), ("noisy", noisy))
            if some
        }
        result = {
            "rows_per_s": round(len(rows) / run.wall_s),
            "peak_mb": round(memory.peak_mb),
            **by_group,
            **shares(rows, run, None),
            **shares(rows, run, "clean"),
            **shares(rows, run, "noisy"),
            "cpu_us_per_row": round(run.cpu_s / len(rows) * 1e6, 1),
            "rows": len(index),
            "queries": len(rows),
            "workers": given.workers,
        }
        if given.stages:
            result |= stages([row.text for row in rows[: given.stages]], index)
        if not given.no_tantivy:
            tantivy = Tantivy(path, stack.enter_context(tempfile.TemporaryDirectory()))
            sample = rows[: given.peer]
            begun = time.perf_counter()
            answers = [tantivy(row.text)[:1] for row in sample]
            result["tantivy_per_s"] = round(len(sample) / (time.perf_counter() - begun))
            hits = sum(
                found == [row.address_id] for found, row in zip(answers, sample, strict=True)
            )
            result["tantivy_right"] = round(hits / len(sample), 4)
    _print(console, result)
    print("RESULT", json.dumps(result))


def _print(console: Console, result: dict[str, float]) -> None:
    title = f"{result['queries']:,} rows, {result['rows']:,} addresses, {result['workers']} workers"
    table = Table("rows", "rows/s", "matched", "of them wrong", "right at all", title=title)
    for name, prefix in (("all", ""), ("clean", "clean_"), ("noisy", "noisy_")):
        rate = result["rows_per_s" if not prefix else f"{prefix}per_s"]
        table.add_row(
            name, f"{rate:,}", f"{result[prefix + 'matched']:.1%}",
            f"{result[prefix + 'wrong']:.2%}", f"{result[prefix + 'right']:.1%}",
        )  # fmt: skip
    if "tantivy_per_s" in result:
        table.add_row(
            "tantivy, one process", f"{result['tantivy_per_s']:,}", "", "",
            f"{result['tantivy_right']:.1%}",
        )  # fmt: skip
    console.print(table)
    if "match_us" in result:
        steps = ", ".join(f"{name[:-3]} {result.get(name, 0)}" for name in STAGES)
        console.print(f"{result['clear']:.1%} of rows are clear without a search")
        console.print(f"µs of CPU a row in one process: {steps}")
    console.print(f"peak {result['peak_mb']:,} MB, {result['cpu_us_per_row']} µs of CPU a row")


if __name__ == "__main__":
    main()
