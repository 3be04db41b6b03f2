"""Write a synthetic register and queries against it.

    python -m bench.make_register N FOLDER [--queries 2000] [--seed 2026]

writes `register.csv` (id, text, lon, lat) and `queries_a.csv`, `_b`, `_c`, `_d` (text, id, form).
Group A are the forms that were looked at while the matcher was written; group B were written
afterwards, group C after the matcher had been mended once more; nothing was tuned to them. Group D
is heavy noise: two slips or more and two more faults in each text. Last line: RESULT with `rows`,
`queries_a`, `queries_b`, `queries_c`, `queries_d`.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
from collections.abc import Callable
from pathlib import Path

from bench.query_forms_a import query_a
from bench.query_forms_b import query_b
from bench.query_forms_c import query_c
from bench.query_forms_d import query_d
from bench.synthetic_city import City, Record

QueryForm = Callable[[Record, random.Random], tuple[str, str]]


def write_register(records: list[Record], path: Path) -> None:
    """Write id, text, lon, lat."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "text", "lon", "lat"))
        writer.writerows((r.record_id, r.text, r.lon, r.lat) for r in records)


def write_queries(
    records: list[Record], path: Path, form: QueryForm, count: int, seed: int
) -> None:
    """Write `count` queries for addresses drawn at random."""
    rng = random.Random(seed)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("text", "id", "form"))
        for record in rng.choices(records, k=count):
            name, text = form(record, rng)
            writer.writerow((text, record.record_id, name))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--queries", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=2026)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    records = list(City(given.seed).records(given.count))
    write_register(records, given.folder / "register.csv")
    result = {"rows": len(records)}
    for letter, form in FORMS.items():
        path = given.folder / f"queries_{letter}.csv"
        write_queries(records, path, form, given.queries, given.seed + ord(letter))
        result[f"queries_{letter}"] = given.queries
    print("RESULT", json.dumps(result))


FORMS: dict[str, QueryForm] = {"a": query_a, "b": query_b, "c": query_c, "d": query_d}

if __name__ == "__main__":
    main()
