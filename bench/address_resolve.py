"""Address texts against a register: what is found, how surely, and how sure that really is.

    python -m bench.address_resolve REGISTER QUERIES [--count N] [--by-form]

REGISTER: CSV or TSV with id, text, lon, lat (lon and lat may be empty or absent; WGS 84). QUERIES:
CSV or TSV with text, id; several ids, `3;8`: any of them is right. A column `form` is used by
`--by-form`. `bench.make_register` writes both for a generated city, `bench.make_places` for real
names and addresses.

- ours: `geo.addresses.match.match_standard_address`, in process
- TF-IDF: character n-grams of one to three, cosine, over all of the register
- tantivy: index of character bigrams, top 200 by BM25, reranked by rapidfuzz's ratio

Each query goes to all methods in turn. An answer is right where it is the wanted address, or a
group (building, estate) that holds it; recall counts addresses only. A peer is never unsure.

RESULT keys: `recall1, recall10, wrong_confident` (answered with the status matched, but wrong),
`not_found` (shares of the queries), `median_m`, `p90_m` (from the wanted point to the one answered,
where there are both), `matched` (share), `ece` (expected calibration error), `per_s` (queries a
second of CPU time), `queries`, `rows`; and `recall1, recall10, per_s` with `tfidf_` and `tantivy_`.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import math
import statistics
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy import sparse

from bench.suggest import Tantivy, folded
from geo.addresses.match import MatchCandidate, match_standard_address
from geo.addresses.parse import parse
from geo.addresses.register_index import RegisterIndex
from geo.values import GridScope

ANSWERS = 10
EVERYTHING = GridScope.everything()
EARTH_RADIUS_M = 6_371_008.8  # mean radius, IUGG
BINS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 1.0)
Z95 = 1.96

Row = tuple[int, str, float | None, float | None]
Method = Callable[[str], list[int | None]]


@dataclass
class Score:
    """Hits and times of one method."""

    hits1: list[bool] = field(default_factory=list)
    hits10: list[bool] = field(default_factory=list)
    cpu_s: float = 0.0
    by_form: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))

    def ask(self, method: Method, query: str, wanted: set[int], form: str) -> None:
        started = time.process_time()
        found = method(query)[:ANSWERS]
        self.cpu_s += time.process_time() - started
        self.hits1.append(bool(found) and found[0] in wanted)
        self.hits10.append(any(each in wanted for each in found))
        self.by_form[form].append(self.hits1[-1])

    def figures(self, prefix: str = "") -> dict[str, float]:
        return {
            f"{prefix}recall1": round(statistics.fmean(self.hits1), 4),
            f"{prefix}recall10": round(statistics.fmean(self.hits10), 4),
            f"{prefix}per_s": round(len(self.hits1) / max(self.cpu_s, 1e-9), 1),
        }


@dataclass
class Answers:
    """What our answers said of themselves, and whether they were right."""

    confidence: list[float] = field(default_factory=list)
    is_right: list[bool] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    wrong_confident: list[str] = field(default_factory=list)
    off_m: list[float] = field(default_factory=list)


class TfIdf:
    """Character n-grams of one to three, sublinear counts, cosine."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.ids = np.array([row[0] for row in rows])
        grams: dict[str, int] = {}
        counts = [Counter(_grams(folded(row[1]))) for row in rows]
        for each in counts:
            for gram in each:
                grams.setdefault(gram, len(grams))
        at = np.repeat(np.arange(len(rows)), [len(each) for each in counts])
        columns = np.array([grams[gram] for each in counts for gram in each], np.int64)
        values = np.array([1 + math.log(n) for each in counts for n in each.values()], np.float32)
        having = np.bincount(columns, minlength=len(grams))
        self.weight = (np.log((1 + len(rows)) / (1 + having)) + 1).astype(np.float32)
        matrix = sparse.csr_array(
            (values * self.weight[columns], (at, columns)), shape=(len(rows), len(grams))
        )
        lengths = np.sqrt(matrix.power(2).sum(axis=1))
        self.by_gram = (sparse.diags_array(1 / np.maximum(lengths, 1e-9)) @ matrix).T.tocsr()
        self.grams = grams

    def __call__(self, query: str) -> list[int | None]:
        counts = {g: n for g, n in Counter(_grams(folded(query))).items() if g in self.grams}
        if not counts:
            return []
        columns = np.array([self.grams[gram] for gram in counts])
        values = np.array([1 + math.log(n) for n in counts.values()], np.float32)
        score = (values * self.weight[columns]) @ self.by_gram[columns]
        best = np.argsort(-score, kind="stable")[:ANSWERS]
        return [int(self.ids[i]) for i in best if score[i] > 0]


def _grams(text: str) -> list[str]:
    return [text[i : i + n] for n in (1, 2, 3) for i in range(len(text) - n + 1)]


def read_table(path: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of a CSV or TSV file: tabs in the heading make it one."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        heading = file.readline()
        file.seek(0)
        yield from csv.DictReader(file, delimiter="\t" if "\t" in heading else ",")


def read_rows(path: Path) -> list[Row]:
    return [
        (int(row["id"]), row["text"], _float(row.get("lon")), _float(row.get("lat")))
        for row in read_table(path)
    ]


def _float(value: str | None) -> float | None:
    return float(value) if value and value.strip() else None


def distance_m(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Return the distance of two near points, on a sphere."""
    east = math.radians(a[0] - b[0]) * math.cos(math.radians((a[1] + b[1]) / 2))
    return math.hypot(east, math.radians(a[1] - b[1])) * EARTH_RADIUS_M


def is_right(candidate: MatchCandidate, wanted: set[int], texts: dict[int, str]) -> bool:
    """Whether an answer is a wanted address, or a group that holds one."""
    if candidate.standard_address_id is not None:
        return candidate.standard_address_id in wanted
    group = parse(candidate.canonical_text).components()
    for each in wanted:
        components = parse(texts[each]).components()
        if all(components.get(level) == value for level, value in group.items()):
            return True
    return False


def interval(right: int, count: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share.

    Source: E. B. Wilson, Probable inference, JASA 22 (1927).
    """
    share = right / count
    middle = (share + Z95**2 / (2 * count)) / (1 + Z95**2 / count)
    half = Z95 * math.sqrt(share * (1 - share) / count + Z95**2 / (4 * count**2))
    half /= 1 + Z95**2 / count
    return max(0.0, middle - half), min(1.0, middle + half)


def reliability(
    answers: Answers,
) -> tuple[list[tuple[str, int, float, float, float, float]], float]:
    """Return (bin, count, stated, observed, low, high) of each bin, and the calibration error."""
    stated = np.array(answers.confidence)
    right = np.array(answers.is_right)
    rows = []
    error = 0.0
    for low, high in itertools.pairwise(BINS):
        inside = (stated >= low) & (stated < high)
        count = int(inside.sum())
        if not count:
            continue
        said, seen = float(stated[inside].mean()), float(right[inside].mean())
        error += count / len(stated) * abs(said - seen)
        rows.append(
            (f"{low:.2f}-{high:.2f}", count, said, seen, *interval(int(right[inside].sum()), count))
        )
    return rows, error


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("register", type=Path)
    parser.add_argument("queries", type=Path)
    parser.add_argument("--count", type=int, default=None)
    parser.add_argument("--by-form", action="store_true")
    parser.add_argument("--show-wrong", type=int, default=0, help="wrong and sure answers to print")
    given = parser.parse_args()
    rows = read_rows(given.register)
    queries = [
        (row["text"], {int(each) for each in row["id"].split(";")}, row.get("form") or "all")
        for row in read_table(given.queries)
    ][: given.count]
    texts = {row[0]: row[1] for row in rows}
    points = {row[0]: (row[2], row[3]) for row in rows}
    index = RegisterIndex.from_rows(rows)
    answers = Answers()
    scores = {name: Score() for name in ("gridbeat", "tfidf", "tantivy")}
    last: list[tuple[str, tuple[MatchCandidate, ...]]] = []

    def by_match(query: str) -> list[int | None]:
        result = match_standard_address(query, index, scope=EVERYTHING, limit=ANSWERS)
        last[:] = [(result.status, result.candidates)]
        return [each.standard_address_id for each in result.candidates]

    tfidf = TfIdf(rows)
    with tempfile.TemporaryDirectory() as folder:
        tantivy = Tantivy(given.register, folder, rows=rows, answers=ANSWERS)
        for method in (by_match, tantivy, tfidf):
            method(queries[0][0])
        for query, wanted, form in queries:
            scores["gridbeat"].ask(by_match, query, wanted, form)
            scores["tfidf"].ask(tfidf, query, wanted, form)
            scores["tantivy"].ask(tantivy, query, wanted, form)
            status, candidates = last[0]
            _note(answers, query, status, candidates, wanted, texts, points)

    table, error = reliability(answers)
    _print(scores, table, given.by_form)
    for line in answers.wrong_confident[: given.show_wrong]:
        print(line)
    count = len(queries)
    ordered = sorted(answers.off_m)
    result = {
        **scores["gridbeat"].figures(),
        "wrong_confident": round(len(answers.wrong_confident) / count, 5),
        "not_found": round(answers.statuses["not_found"] / count, 4),
        "median_m": round(statistics.median(ordered), 2) if ordered else None,
        "p90_m": round(ordered[int(0.9 * (len(ordered) - 1))], 1) if ordered else None,
        "matched": round(answers.statuses["matched"] / count, 4),
        "ece": round(error, 4),
        "queries": count,
        "rows": len(rows),
        **scores["tfidf"].figures("tfidf_"),
        **scores["tantivy"].figures("tantivy_"),
    }
    print("RESULT", json.dumps(result))


def _note(
    answers: Answers,
    query: str,
    status: str,
    candidates: tuple[MatchCandidate, ...],
    wanted: set[int],
    texts: dict[int, str],
    points: dict[int, tuple[float | None, float | None]],
) -> None:
    answers.statuses[status] += 1
    if not candidates:
        return
    best = candidates[0]
    right = is_right(best, wanted, texts)
    answers.confidence.append(best.confidence)
    answers.is_right.append(right)
    if status == "matched" and not right:
        meant = texts[min(wanted)]
        answers.wrong_confident.append(
            f"{best.confidence:.3f} {query} → {best.canonical_text}, wanted {meant}"
        )
    lon, lat = points[min(wanted)]
    if best.lonlat is not None and lon is not None and lat is not None:
        answers.off_m.append(distance_m((best.lonlat.longitude, best.lonlat.latitude), (lon, lat)))


def _print(
    scores: dict[str, Score],
    table: list[tuple[str, int, float, float, float, float]],
    by_form: bool,
) -> None:
    console = Console()
    ours = scores["gridbeat"].figures()
    methods = Table("method", "recall@1", "recall@10", "queries/s (CPU)", "recall@1, ours : it")
    for name, score in scores.items():
        made = score.figures()
        ratio = ours["recall1"] / made["recall1"] if made["recall1"] else math.inf
        methods.add_row(
            name, f"{made['recall1']:.3f}", f"{made['recall10']:.3f}", f"{made['per_s']:,.0f}",
            f"{ratio:.2f}",
        )  # fmt: skip
    console.print(methods)
    bins = Table("confidence", "answers", "stated", "right", "95 % interval")
    for name, count, said, seen, low, high in table:
        bins.add_row(name, str(count), f"{said:.3f}", f"{seen:.3f}", f"{low:.3f} to {high:.3f}")
    console.print(bins)
    if by_form:
        forms = Table("form", "queries", *(f"{name} @1" for name in scores))
        for form, hits in sorted(scores["gridbeat"].by_form.items()):
            shares = [statistics.fmean(score.by_form[form]) for score in scores.values()]
            forms.add_row(form, str(len(hits)), *(f"{share:.3f}" for share in shares))
        console.print(forms)


if __name__ == "__main__":
    main()
