"""Fit the pair model that ships, on drawn pairs alone (bench/drawn_pairs.py).

    python -m bench.fit_pair_model [-o FILE] [--count N]

Writes geo/addresses/data/pair_model.npz; the same version writes the same model. How rare words are
is counted in the drawn texts; the lexicon stays empty, for what words of invented places speak for
says nothing of real ones.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from bench.drawn_pairs import PairDrawer
from geo.addresses.boosted_trees import TreeOptions, grow_trees
from geo.addresses.division_files import DATA_FOLDER
from geo.addresses.pair_model import PairModel, pair_features, text_codes
from geo.addresses.pair_training import LabelledPairs, grade_f1
from geo.addresses.pair_words import TABLE_SIZE, count_rarity

DRAWERS = 4  # each with the villages of 60 counties
OPTIONS = TreeOptions(rounds=150, depth=3)
# Drawn pairs are told apart more easily than real ones: few small trees, which can't learn the
# ways of the drawer by heart.


def draw_pairs(seeds: range, count: int) -> LabelledPairs:
    pairs = []
    for seed in seeds:
        drawer = PairDrawer(seed)
        pairs += [drawer.draw() for _ in range(count // len(seeds))]
    firsts, seconds, labels = zip(*pairs, strict=True)
    return LabelledPairs(firsts, seconds, np.array(labels))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, default=DATA_FOLDER / "pair_model.npz")
    parser.add_argument("--count", type=int, default=40_000)
    options = parser.parse_args()

    pairs = draw_pairs(range(DRAWERS), options.count)
    _, folded, bounds = text_codes(list(dict.fromkeys([*pairs.firsts, *pairs.seconds])))
    rarity = count_rarity(folded, bounds)
    lexicon = np.zeros((TABLE_SIZE, 3), np.float32)
    trees = grow_trees(
        pair_features(pairs.firsts, pairs.seconds, rarity, lexicon),
        pairs.labels,
        np.ones(len(pairs)),
        n_classes=3,
        options=OPTIONS,
        seed=1,
    )
    model = PairModel(trees, np.ones(3, np.float32), rarity, lexicon)
    unseen = draw_pairs(range(DRAWERS, DRAWERS + 1), options.count // 4)
    model.save(options.output)
    probabilities = model.probabilities(unseen.firsts, unseen.seconds)
    scores = grade_f1(unseen.labels, model.grades(probabilities))
    print(f"{len(pairs):,} pairs, {OPTIONS.rounds} trees: {options.output}")
    print(f"on {len(unseen):,} drawn pairs of other counties: macro-F1 {scores.mean():.3f}")


if __name__ == "__main__":
    main()
