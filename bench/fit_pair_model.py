"""Fit the pair model that ships, on drawn pairs alone (bench/drawn_pairs.py).

    python -m bench.fit_pair_model [-o FILE] [--count N]

Writes geo/addresses/data/pair_model.npz; the same version writes the same model.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from bench.drawn_pairs import PairDrawer
from geo.addresses.boosted_trees import TreeOptions, grow_trees
from geo.addresses.division_files import DATA_FOLDER
from geo.addresses.pair_model import PairModel, pair_features

CITIES = 4  # drawers, each with the villages of 60 counties
OPTIONS = TreeOptions(rounds=150, depth=3)
# Drawn pairs are told apart more easily than real ones: few small trees, which can't learn the
# ways of the drawer by heart.


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, default=DATA_FOLDER / "pair_model.npz")
    parser.add_argument("--count", type=int, default=20_000)
    options = parser.parse_args()

    pairs = []
    for seed in range(CITIES):
        drawer = PairDrawer(seed)
        pairs += [drawer.draw() for _ in range(options.count // CITIES)]
    firsts, seconds, labels = zip(*pairs, strict=True)
    trees = grow_trees(
        pair_features(firsts, seconds),
        np.array(labels),
        np.ones(len(labels)),
        n_classes=3,
        options=OPTIONS,
        seed=1,
    )
    PairModel(trees, np.ones(3, np.float32)).save(options.output)
    print(f"{len(labels):,} pairs, {OPTIONS.rounds} trees: {options.output}")


if __name__ == "__main__":
    main()
