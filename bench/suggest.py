"""Typed text against a register: recall and time, beside tantivy and pg_trgm in the same run.

    python -m bench.suggest REGISTER QUERIES [--count 1000] [--trgm-count 60]

REGISTER: CSV with id, text, lon, lat. QUERIES: CSV with text, id (a column `form` is used for the
table by form, where there is one). `bench.make_register` writes both.

- ours: `geo.addresses.suggest.suggest` and `geo.addresses.match.match_standard_address`, in process
- tantivy: index of character bigrams, top 200 by BM25, reranked by rapidfuzz's ratio
- pg_trgm: the nearest by trigram distance through a GiST index, in a PostgreSQL of its own; slow,
  so it answers the first `--trgm-count` queries only; with 0 it is left out

Where `rows.arrow` stands beside REGISTER, which bench.address_batch leaves there, it is not parsed
again.

Each query goes to all methods in turn, so that whatever else the machine does falls on all alike.
Peers get the text with its width folded (NFKC). Times are wall clock; `cpu` is that of the thread.

RESULT keys: `recall1, recall5, p50_ms, p95_ms` of suggest; the same with `match_`;
`tantivy_recall1, tantivy_recall5, tantivy_p50_ms, tantivy_p95_ms`; `trgm_recall1, trgm_recall5,
trgm_p50_ms, trgm_p95_ms`; `cpu_p50_ms, cpu_p95_ms` of suggest and with `match_`; `rows`, `queries`,
`build_s` (names, sites and rows from parsed texts), `parse_s`, `index_mb` (by which the process
grew).
Match also tells `wrong_confident`: the share of queries answered surely (at or above the default
threshold) with another address than the right one.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import gc
import json
import statistics
import tempfile
import time
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pyarrow as pa
import tantivy
from rapidfuzz import fuzz, process
from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from bench.parsed_register import parsed_rows, read_register
from bench.scratch import scratch_folder
from geo.addresses.match import DEFAULT_THRESHOLD, match_standard_address
from geo.addresses.register_index import RegisterIndex
from geo.addresses.register_rows import rows_from_texts
from geo.addresses.suggest import suggest
from geo.store.cluster import OWNER_ROLE, EmbeddedCluster
from geo.store.database import ensure_database, make_engine
from geo.values import GridScope

RERANKED = 200
ANSWERS = 5
EVERYTHING = GridScope.everything()

Method = Callable[[str], list[int | None]]


@dataclass
class Score:
    """What one method did."""

    hits1: list[bool] = field(default_factory=list)
    hits5: list[bool] = field(default_factory=list)
    wall_ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    by_form: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))

    def add(self, method: Method, query: str, wanted: int, form: str) -> None:
        wall, cpu = time.perf_counter(), time.thread_time()
        found = method(query)[:ANSWERS]
        self.cpu_ms.append((time.thread_time() - cpu) * 1e3)
        self.wall_ms.append((time.perf_counter() - wall) * 1e3)
        self.hits1.append(found[:1] == [wanted])
        self.hits5.append(wanted in found)
        self.by_form[form].append(self.hits1[-1])

    def figures(self, prefix: str) -> dict[str, float]:
        if not self.hits1:
            return {}
        return {
            f"{prefix}recall1": round(statistics.fmean(self.hits1), 4),
            f"{prefix}recall5": round(statistics.fmean(self.hits5), 4),
            f"{prefix}p50_ms": round(percentile(self.wall_ms, 50), 3),
            f"{prefix}p95_ms": round(percentile(self.wall_ms, 95), 3),
        }


def percentile(values: list[float], share: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * share // 100)]


def build_index(path: Path) -> tuple[RegisterIndex, dict[str, float]]:
    before = psutil.Process().memory_info().rss
    started = time.perf_counter()
    kept = path.with_name("rows.arrow")
    table = parsed_rows(path.parent) if kept.exists() else rows_from_texts(read_register(path))
    parsed = time.perf_counter()
    index = RegisterIndex.from_table(table)
    index.view(EVERYTHING)
    built = time.perf_counter()
    del table
    gc.collect()
    pa.default_memory_pool().release_unused()
    grown = psutil.Process().memory_info().rss - before
    figures = {
        "rows": float(len(index)),
        "parse_s": round(parsed - started, 1),
        "build_s": round(built - parsed, 1),
        "index_mb": round(grown / 2**20),
    }
    return index, figures


def folded(query: str) -> str:
    return unicodedata.normalize("NFKC", query).upper()


def bigrams(query: str) -> list[str]:
    return list(dict.fromkeys(query[i : i + 2] for i in range(len(query) - 1)))


class Tantivy:
    """Character bigrams, BM25, top 200 reranked."""

    def __init__(
        self,
        path: Path,
        folder: str,
        *,
        rows: Iterable[tuple[int, str, float | None, float | None]] | None = None,
        answers: int = ANSWERS,
    ) -> None:
        self.answers = answers
        builder = tantivy.SchemaBuilder()
        builder.add_text_field("text", stored=False, tokenizer_name="bigram", index_option="freq")
        builder.add_integer_field("id", stored=True, fast=True)
        self.schema = builder.build()
        self.index = tantivy.Index(self.schema, path=folder)
        tokenizer = tantivy.Tokenizer.ngram(min_gram=2, max_gram=2, prefix_only=False)
        self.index.register_tokenizer("bigram", tantivy.TextAnalyzerBuilder(tokenizer).build())
        writer = self.index.writer(heap_size=200_000_000, num_threads=1)
        self.texts: dict[int, str] = {}
        for record_id, address_text, _, _ in rows or read_register(path):
            self.texts[record_id] = folded(address_text)
            writer.add_document(tantivy.Document(text=self.texts[record_id], id=record_id))
        writer.commit()
        writer.wait_merging_threads()
        self.index.reload()
        self.searcher = self.index.searcher()

    def __call__(self, query: str) -> list[int | None]:
        query = folded(query)
        terms = [
            (tantivy.Occur.Should, tantivy.Query.term_query(self.schema, "text", gram))
            for gram in bigrams(query)
        ]
        if not terms:
            return []
        found = self.searcher.search(tantivy.Query.boolean_query(terms), RERANKED, count=False)
        ids = [self.searcher.doc(address)["id"][0] for _, address in found.hits]
        ranked = process.extract(
            query, {i: self.texts[i] for i in ids}, scorer=fuzz.ratio, limit=self.answers
        )
        return [record_id for _, _, record_id in ranked]


@contextlib.contextmanager
def pg_trgm(path: Path) -> Iterator[Method]:
    """Nearest by trigram distance, GiST."""
    with scratch_folder() as folder, EmbeddedCluster(folder).running() as cluster:
        ensure_database(cluster, "trgm")
        engine = make_engine(cluster.url(OWNER_ROLE, "trgm"), pool_size=1)
        with engine.connect() as connection:
            connection.execute(text("CREATE EXTENSION IF NOT EXISTS pg_trgm"))
            connection.execute(text("CREATE TABLE r (id bigint, text text)"))
            driver = connection.connection.driver_connection
            assert driver is not None
            with driver.cursor() as cursor, cursor.copy("COPY r FROM STDIN") as copy:
                for record_id, address_text, _, _ in read_register(path):
                    copy.write_row((record_id, folded(address_text)))
            connection.execute(text("SET maintenance_work_mem = '512MB'"))
            connection.execute(text("CREATE INDEX ON r USING gist (text gist_trgm_ops)"))
            connection.execute(text("ANALYZE r"))
            connection.commit()
            nearest = text("SELECT id FROM r ORDER BY text <-> :query LIMIT :count")

            def find(query: str) -> list[int | None]:
                given = {"query": folded(query), "count": ANSWERS}
                return list(connection.scalars(nearest, given))

            yield find
        engine.dispose()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("register", type=Path)
    parser.add_argument("queries", type=Path)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--trgm-count", type=int, default=60)
    given = parser.parse_args()
    console = Console()
    with given.queries.open(encoding="utf-8-sig", newline="") as file:
        queries = [
            (row["text"], int(row["id"]), row.get("form") or "all")
            for row, _ in zip(csv.DictReader(file), range(given.count), strict=False)
        ]
    index, figures = build_index(given.register)
    scores = {name: Score() for name in ("suggest", "match", "tantivy", "pg_trgm")}
    wrong_confident = 0
    confident_answers: list[tuple[bool, bool]] = []

    def by_suggest(query: str) -> list[int | None]:
        found = suggest(query, index, scope=EVERYTHING, limit=ANSWERS)
        return [each.standard_address_id for each in found]

    def by_match(query: str) -> list[int | None]:
        result = match_standard_address(query, index, scope=EVERYTHING)
        best = result.best
        sure = best is not None and result.confidence >= DEFAULT_THRESHOLD
        named = best is not None and best.standard_address_id is not None
        confident_answers.append((sure and named, named))
        return [each.standard_address_id for each in result.candidates]

    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        by_tantivy = Tantivy(given.register, folder)
        by_trgm: Method | None = None
        if given.trgm_count:
            by_trgm = stack.enter_context(pg_trgm(given.register))
            by_trgm(queries[0][0])
        for method in (by_suggest, by_match, by_tantivy):
            method(queries[0][0])
        confident_answers.clear()
        for number, (query, wanted, form) in enumerate(queries):
            scores["suggest"].add(by_suggest, query, wanted, form)
            scores["match"].add(by_match, query, wanted, form)
            if confident_answers[-1][0] and not scores["match"].hits1[-1]:
                wrong_confident += 1
            scores["tantivy"].add(by_tantivy, query, wanted, form)
            if by_trgm is not None and number < given.trgm_count:
                scores["pg_trgm"].add(by_trgm, query, wanted, form)

    _print(console, scores, figures)
    result = {
        **scores["suggest"].figures(""),
        **scores["match"].figures("match_"),
        **scores["tantivy"].figures("tantivy_"),
        **scores["pg_trgm"].figures("trgm_"),
        "cpu_p50_ms": round(percentile(scores["suggest"].cpu_ms, 50), 3),
        "cpu_p95_ms": round(percentile(scores["suggest"].cpu_ms, 95), 3),
        "match_cpu_p50_ms": round(percentile(scores["match"].cpu_ms, 50), 3),
        "match_cpu_p95_ms": round(percentile(scores["match"].cpu_ms, 95), 3),
        "wrong_confident": round(wrong_confident / len(queries), 4),
        "queries": len(queries),
        **figures,
    }
    print("RESULT", json.dumps(result))


def _print(console: Console, scores: dict[str, Score], figures: dict[str, float]) -> None:
    title = f"{figures['rows']:,.0f} addresses, built in {figures['build_s']} s"
    table = Table("method", "queries", "recall@1", "recall@5", "p50 ms", "p95 ms", title=title)
    for name, score in scores.items():
        made = score.figures("")
        if not made:
            continue
        table.add_row(
            name, str(len(score.hits1)), f"{made['recall1']:.3f}", f"{made['recall5']:.3f}",
            f"{made['p50_ms']:.2f}", f"{made['p95_ms']:.2f}",
        )  # fmt: skip
    console.print(table)
    forms = Table("form", "queries", "suggest", "match", "tantivy")
    for form in sorted(scores["suggest"].by_form):
        shares = [
            statistics.fmean(scores[name].by_form[form]) for name in ("suggest", "match", "tantivy")
        ]
        count = len(scores["suggest"].by_form[form])
        forms.add_row(form, str(count), *(f"{share:.3f}" for share in shares))
    console.print(forms)


if __name__ == "__main__":
    main()
