"""Fit the weights of doubts that ship, on generated registers that lack some of what is asked.

    python -m bench.fit_confidence [-o FILE] [--cities N] [--queries N] [--test-only] [--keep FILE]

Writes geo/addresses/data/confidence_weights.csv (doubt, weight, least, meaning), which a person can
read and change; `least` is a floor set by hand: docs/decisions/0013. Each city is generated
(`bench.confusable_city`, and every third `bench.synthetic_city`), asked in the forms of the groups
A to D and by its registered texts. The weights are a logistic regression with these floors and a
fixed intercept; an answer that is wrong counts WRONG_WEIGHT times. No text of a data set is in it.

The table printed is that of cities that were not fitted on. RESULT keys: `answers, matched,
wrong_confident, ece` of them, `lacking` (share of the queries whose address the register lacks).
"""

from __future__ import annotations

import argparse
import csv
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.optimize import minimize

from bench.address_resolve import EVERYTHING, Answers, is_right, reliability
from bench.confusable_city import ConfusableCity, lacking
from bench.make_register import FORMS
from bench.synthetic_city import City, Record
from geo.addresses import confidence
from geo.addresses.match import match_standard_address
from geo.addresses.register_index import RegisterIndex

RECORDS = 5_000  # of one city
ROUNDS = 2  # the weights decide which candidate comes first, so what is fitted is asked again
WRONG_WEIGHT = 2.0
SHRINK = 0.002  # of the squared weights, so that a doubt that is rare does not weigh without bound


@dataclass(frozen=True)
class Asked:
    """One answer: its doubts, what it states, and whether it is right."""

    text: str
    answer: str
    wanted: str
    doubts: dict[str, float]
    stated: float
    status: str
    is_right: bool
    is_lacking: bool


def ask_city(seed: int, queries: int) -> Iterator[Asked]:
    city = City(seed) if seed % 3 == 2 else ConfusableCity(seed)
    records = list(city.records(RECORDS))
    rng = random.Random(seed)
    gone = lacking(records, rng)
    kept = [record for record in records if record.record_id not in gone]
    index = RegisterIndex.from_rows([(r.record_id, r.text, r.lon, r.lat) for r in kept])
    texts = {record.record_id: record.text for record in records}
    letters = [*FORMS, "registered"]
    for record in rng.choices(records, k=queries):
        letter = rng.choice(letters)
        text = record.text if letter == "registered" else FORMS[letter](record, rng)[1]
        yield from _ask(text, record, index, texts, record.record_id in gone)


def _ask(
    text: str, record: Record, index: RegisterIndex, texts: dict[int, str], is_lacking: bool
) -> Iterator[Asked]:
    result = match_standard_address(text, index, scope=EVERYTHING)
    best = result.best
    if best is not None:
        right = is_right(best, {record.record_id}, texts)
        yield Asked(
            text, best.canonical_text, record.text, dict(best.doubts), best.confidence,
            result.status, right, is_lacking,
        )  # fmt: skip


def fit(answers: list[Asked], least: dict[str, float]) -> dict[str, float]:
    """Return the weight of each doubt, `least` or more."""
    column = {name: at for at, name in enumerate(least)}
    amounts = np.zeros((len(answers), len(least)))
    for row, answer in enumerate(answers):
        for doubt, amount in answer.doubts.items():
            amounts[row, column[doubt]] = amount
    right = np.array([answer.is_right for answer in answers], float)
    weight = np.where(right > 0, 1.0, WRONG_WEIGHT)

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        odds = confidence.SURE_ODDS - amounts @ weights
        stated = 1.0 / (1.0 + np.exp(-odds))
        cost = np.logaddexp(0.0, np.where(right > 0, -odds, odds))
        slope = -((stated - right) * weight) @ amounts / weight.sum()
        penalty = SHRINK * float(weights @ weights)
        return float(cost @ weight) / weight.sum() + penalty, slope + 2 * SHRINK * weights

    found = minimize(
        loss, np.ones(len(least)), jac=True, method="L-BFGS-B",
        bounds=[(each, None) for each in least.values()],
    )  # fmt: skip
    return dict(zip(least, found.x.tolist(), strict=True))


def write_weights(weights: dict[str, float], table: list[dict[str, str]], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ("doubt", "weight", "least", "meaning"), lineterminator="\n")
        writer.writeheader()
        writer.writerows({**row, "weight": round(weights[row["doubt"]], 2)} for row in table)


def read_table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=confidence.WEIGHTS_FILE)
    parser.add_argument("--cities", type=int, default=6)
    parser.add_argument("--queries", type=int, default=1_000, help="of each city")
    parser.add_argument("--test-only", action="store_true", help="fit nothing")
    parser.add_argument("--keep", type=Path, help="write the answers of the last round, as JSON")
    given = parser.parse_args()
    console = Console()
    table = read_table(confidence.WEIGHTS_FILE)
    least = {row["doubt"]: float(row["least"]) for row in table}
    for _ in range(0 if given.test_only else ROUNDS):
        answers = [each for seed in range(given.cities) for each in ask_city(seed, given.queries)]
        write_weights(fit(answers, least), table, given.output)
        confidence.confidence_weights.cache_clear()
    unseen = [
        each
        for seed in range(1000, 1000 + max(2, given.cities // 2))
        for each in ask_city(seed, given.queries)
    ]
    if given.keep:
        given.keep.write_text(
            json.dumps([vars(each) for each in unseen], ensure_ascii=False), encoding="utf-8"
        )
    _print(console, unseen)


def _print(console: Console, asked: list[Asked]) -> None:
    answers = Answers(
        confidence=[each.stated for each in asked], is_right=[each.is_right for each in asked]
    )
    rows, error = reliability(answers)
    table = Table("confidence", "answers", "stated", "right", "95 % interval")
    for name, count, said, seen, low, high in rows:
        table.add_row(name, str(count), f"{said:.3f}", f"{seen:.3f}", f"{low:.3f} to {high:.3f}")
    console.print(table)
    matched = [each for each in asked if each.status == "matched"]
    result = {
        "answers": len(asked),
        "matched": round(len(matched) / len(asked), 4),
        "wrong_confident": round(sum(not each.is_right for each in matched) / len(asked), 5),
        "ece": round(error, 4),
        "lacking": round(sum(each.is_lacking for each in asked) / len(asked), 4),
    }
    print("RESULT", json.dumps(result))


if __name__ == "__main__":
    main()
