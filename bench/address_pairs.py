"""How well pairs of addresses are told apart: no match, partial, full.

    python -m bench.address_pairs FILE [--train FILE | --folds K] [--rounds N]

FILE and the training file are tab-separated with the columns query, candidate, label (0 no match,
1 partial, 2 full). Without an option the model that ships is asked; with --train, one fitted on
that file, without the queries that FILE holds too; with --folds, K models each fitted on the other
folds, all pairs of one query in one fold.

The peer is string similarity by rapidfuzz: eight measures of both texts under the same trees,
fitted on the same pairs; without training, its partial ratio under the two thresholds that do best
on FILE itself, which flatters it. Speed is one process on one core, reading the texts included, by
wall clock and by CPU time, median of the rounds; with --folds that of the last model.

RESULT keys: macro_f1, per_s [pairs/s by CPU time], wall_per_s, full_precision [of full match, at
the threshold that finds half of them], peer_macro_f1, peer_per_s, trained [true or false], n.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rapidfuzz import fuzz
from rapidfuzz.distance import JaroWinkler, Postfix, Prefix
from rapidfuzz.process import cpdist

from geo.addresses.boosted_trees import TreeOptions, grow_trees
from geo.addresses.compare_texts import compare_many
from geo.addresses.pair_model import PairGrade, PairModel, load_pair_model
from geo.addresses.pair_training import (
    LabelledPairs,
    best_emphasis,
    grade_f1,
    read_pairs,
    train_pair_model,
)
from geo.addresses.pair_words import TABLE_SIZE

Array = npt.NDArray[Any]
Answer = tuple[Array, Array]
"""Probabilities (n_pairs, 3) and grades (n_pairs,)."""
Ask = Callable[[LabelledPairs], Answer]


def ask_model(model: PairModel) -> Ask:
    def ask(pairs: LabelledPairs) -> Answer:
        probabilities = model.probabilities(pairs.firsts, pairs.seconds)
        return probabilities, model.grades(probabilities)

    return ask


_SCORERS: tuple[Any, ...] = (
    fuzz.ratio, fuzz.partial_ratio, fuzz.token_sort_ratio, fuzz.token_set_ratio, fuzz.QRatio,
    JaroWinkler.similarity, Prefix.normalized_similarity, Postfix.normalized_similarity,
)  # fmt: skip


def string_features(pairs: LabelledPairs) -> Array:
    """Return eight similarities of the texts of each pair, and their lengths, (n_pairs, 10)."""
    firsts, seconds = list(pairs.firsts), list(pairs.seconds)
    columns = [cpdist(firsts, seconds, scorer=scorer, workers=1) for scorer in _SCORERS]
    columns += [np.array([len(text) for text in texts]) for texts in (firsts, seconds)]
    return np.column_stack(columns).astype(np.float32)


def train_peer(pairs: LabelledPairs) -> Ask:
    """Return string features under the same trees as ours, with an emphasis found likewise."""
    features, folds = string_features(pairs), pairs.folds(4)
    unseen = np.empty((len(pairs), 3), np.float32)

    no_words = np.zeros(TABLE_SIZE, np.float32), np.zeros((TABLE_SIZE, 3), np.float32)

    def fit(kept: Array) -> PairModel:
        rows, labels = features[kept], pairs.labels[kept]
        trees = grow_trees(
            rows, labels, np.ones(len(labels)), n_classes=3, options=TreeOptions(), seed=1
        )
        return PairModel(trees, np.ones(3, np.float32), *no_words)

    for fold in range(4):
        unseen[folds == fold] = fit(folds != fold).weigh(features[folds == fold])
    emphasis = best_emphasis(unseen, pairs.labels)
    model = PairModel(fit(folds >= 0).trees, emphasis, *no_words)

    def ask(asked: LabelledPairs) -> Answer:
        probabilities = model.weigh(string_features(asked))
        return probabilities, model.grades(probabilities)

    return ask


def untrained_peer(pairs: LabelledPairs) -> Ask:
    """Return the ratio under the two thresholds that are best on the pairs it will be asked."""

    def ratio(asked: LabelledPairs) -> Array:
        found: Array = cpdist(
            list(asked.firsts), list(asked.seconds), scorer=fuzz.partial_ratio, workers=1
        )
        return found

    def cut(values: Array, low: float, high: float) -> Array:
        return (values >= low).astype(np.int64) + (values >= high)

    known = ratio(pairs)
    steps = np.arange(30, 101, 3)
    best = max(
        ((low, high) for low in steps for high in steps if low <= high),
        key=lambda both: float(grade_f1(pairs.labels, cut(known, *both)).mean()),
    )

    def ask(asked: LabelledPairs) -> Answer:
        values = ratio(asked)
        shares = np.zeros((len(values), 3), np.float32)
        shares[:, PairGrade.FULL] = values
        return shares, cut(values, *best)

    return ask


def full_precision(labels: Array, probabilities: Array) -> float:
    """Return the precision of full match at the threshold that finds half of them."""
    order = np.argsort(-probabilities[:, PairGrade.FULL], kind="stable")
    right = np.cumsum(labels[order] == PairGrade.FULL)
    half = int(np.searchsorted(right, right[-1] / 2))
    return float(right[half] / (half + 1))


def speed(ask: Ask, pairs: LabelledPairs, rounds: int) -> tuple[float, float]:
    """Return pairs/s by wall clock and by CPU time, medians of the rounds."""
    wall, cpu = [], []
    for _ in range(rounds):
        clock, process = time.perf_counter(), time.process_time()
        ask(pairs)
        wall.append(time.perf_counter() - clock)
        cpu.append(time.process_time() - process)
    return len(pairs) / statistics.median(wall), len(pairs) / statistics.median(cpu)


def print_answer(name: str, labels: Array, answer: Answer, rates: tuple[float, float]) -> None:
    probabilities, grades = answer
    scores = grade_f1(labels, grades)
    print(f"\n{name}: macro-F1 {scores.mean():.3f}")
    print(f"{'':<10}{'F1':>8}{'said none':>12}{'partial':>10}{'full':>8}")
    for grade in PairGrade:
        row = np.bincount(grades[labels == grade], minlength=3)
        print(f"{grade.name.lower():<10}{scores[grade]:>8.3f}{row[0]:>12}{row[1]:>10}{row[2]:>8}")
    print(f"precision of full match at half recall {full_precision(labels, probabilities):.3f}")
    print(f"{rates[0]:,.0f} pairs/s by wall clock, {rates[1]:,.0f} by CPU time")


def print_facts(model: PairModel, pairs: LabelledPairs) -> None:
    """Print what keeping the grades to the relation of the places does, asked both ways."""
    found, facts = model.shares_and_facts(pairs.firsts, pairs.seconds)
    others, other_facts = model.shares_and_facts(pairs.seconds, pairs.firsts)
    found, facts = (found + others) / 2, facts.both(other_facts)
    print(f"\n{'plain to see':<14}{'labelled none':>15}{'partial':>10}{'full':>8}")
    for name in ("same", "telling", "parted", "elsewhere"):
        row = np.bincount(pairs.labels[getattr(facts, name)], minlength=3)
        print(f"{name:<14}{row[0]:>15}{row[1]:>10}{row[2]:>8}")
    weighed = float(grade_f1(pairs.labels, model.grades(found)).mean())
    kept = model.grades(compare_many(pairs.firsts, pairs.seconds, model=model))
    print(f"both ways: macro-F1 {weighed:.3f} as weighed, ", end="")
    print(f"{grade_f1(pairs.labels, kept).mean():.3f} kept to what is plain (compare_many)")


def across_folds(pairs: LabelledPairs, count: int, train: Callable[[LabelledPairs], Ask]) -> Ask:
    """Return an answer made of `count` models; asked again, the last model answers."""
    folds = pairs.folds(count)
    probabilities, grades = np.zeros((len(pairs), 3), np.float32), np.zeros(len(pairs), np.int64)
    last: list[Ask] = []
    for fold in range(count):
        ask = train(pairs.take(folds != fold))
        probabilities[folds == fold], grades[folds == fold] = ask(pairs.take(folds == fold))
        last = [ask]
    first_time = [True]

    def answer(asked: LabelledPairs) -> Answer:
        if first_time:
            first_time.clear()
            return probabilities, grades
        return last[0](asked)

    return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--train", type=Path)
    how.add_argument("--folds", type=int, metavar="K")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()

    pairs = read_pairs(options.file)
    print(f"{options.file.name}: {len(pairs):,} pairs, {len(set(pairs.firsts)):,} queries")

    def train_ours(known: LabelledPairs) -> Ask:
        return ask_model(train_pair_model(known))

    if options.train:
        known = read_pairs(options.train)
        asked = set(pairs.firsts)
        kept = np.array([query not in asked for query in known.firsts], bool)
        known = known.take(kept)
        print(f"trained on {len(known):,} pairs of {options.train.name}; ", end="")
        print(f"{np.sum(~kept):,} left out, whose query is asked")
        ours, peer = train_ours(known), train_peer(known)
    elif options.folds:
        print(f"cross-validated in {options.folds} folds by query")
        ours = across_folds(pairs, options.folds, train_ours)
        peer = across_folds(pairs, options.folds, train_peer)
    else:
        print("as shipped, without training")
        ours, peer = ask_model(load_pair_model()), untrained_peer(pairs)

    answer, peer_answer = ours(pairs), peer(pairs)
    rates, peer_rates = speed(ours, pairs, options.rounds), speed(peer, pairs, options.rounds)
    print_answer("GridBeat", pairs.labels, answer, rates)
    print_answer("rapidfuzz", pairs.labels, peer_answer, peer_rates)
    if not (options.train or options.folds):
        print_facts(load_pair_model(), pairs)
    score = float(grade_f1(pairs.labels, answer[1]).mean())
    peer_score = float(grade_f1(pairs.labels, peer_answer[1]).mean())
    print(f"\nratio to the peer: macro-F1 {score / peer_score:.2f}, ", end="")
    print(f"speed {rates[1] / peer_rates[1]:.2f}")
    result = {
        "macro_f1": round(score, 4),
        "per_s": round(rates[1]),
        "wall_per_s": round(rates[0]),
        "full_precision": round(full_precision(pairs.labels, answer[0]), 4),
        "peer_macro_f1": round(peer_score, 4),
        "peer_per_s": round(peer_rates[1]),
        "trained": bool(options.train or options.folds),
        "n": len(pairs),
    }
    print("RESULT", json.dumps(result))


if __name__ == "__main__":
    main()
