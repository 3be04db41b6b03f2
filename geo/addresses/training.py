"""Train a tagger on tagged addresses: averaged structured perceptron.

Source: Collins, Discriminative training methods for hidden Markov models (2002); hashed features
after Weinberger et al. (2009).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from geo.addresses.lexicon import DIVISION_BITS, class_table, division_table
from geo.addresses.tagged import TaggedAddress
from geo.addresses.tagger import Tagger, encode
from geo.addresses.tagger_kernels import (
    MAX_FEATURES,
    MAX_UNITS,
    best_tags,
    look_up,
    score_units,
    split_units,
    write_features,
)
from geo.compiling import compiled
from geo.errors import NotEnoughData

HASHES = 1 << 19  # features; 8,305 addresses have about 300,000
EPOCHS = 6  # passes over the file; 12 lowered F1 on held-out addresses from .900 to .896
MODELS = 3  # orders of the file whose weights are averaged
MIN_ADDRESSES = 20

Array = npt.NDArray[Any]


def train_tagger(
    addresses: Sequence[TaggedAddress], *, epochs: int = EPOCHS, models: int = MODELS, seed: int = 1
) -> Tagger:
    """Return a tagger fitted to tagged addresses. The same addresses and seed give the same tagger.

    Parameters
    ----------
    addresses : (n_addresses,) texts with marked spans; a span that splits a run of digits is left
        out, because the tagger reads such a run as one
    epochs : [passes]
    models : taggers trained in different orders whose weights are averaged

    Raises
    ------
    NotEnoughData : fewer than 20 addresses
    """
    if len(addresses) < MIN_ADDRESSES:
        raise NotEnoughData(
            f"{len(addresses)} tagged addresses are too few to train on, wanted at least "
            f"{MIN_ADDRESSES}; some thousands give a good tagger.",
            found=len(addresses),
            needed=MIN_ADDRESSES,
        )
    labels = tuple(sorted({label for address in addresses for _, _, label in address.spans}))
    numbers = {label: number for number, label in enumerate(labels, 1)}
    codes, bounds = encode([address.text for address in addresses])
    gold = np.zeros(len(codes), np.int64)  # label of each character, negative where a span begins
    for address, offset in zip(addresses, bounds.tolist(), strict=False):
        for start, end, label in address.spans:
            gold[offset + start : offset + end] = numbers[label]
            gold[offset + start] = -numbers[label]
    n_tags = 1 + 4 * len(labels)
    prepared = _prepare(codes, bounds, gold, *division_table(), *class_table(), HASHES)
    features, feature_counts, tags, unit_bounds = prepared
    used = np.unique(features[features >= 0])
    rows = np.full(HASHES, -1, np.int32)
    rows[used] = np.arange(len(used), dtype=np.int32)
    weights = np.zeros((len(used), n_tags), np.float32)
    transitions = np.zeros((len(labels) + 1, len(labels) + 1), np.float32)
    for model in range(models):
        orders = np.random.default_rng(seed + model)
        order = np.stack([orders.permutation(len(addresses)) for _ in range(epochs)])
        more, more_transitions = _fit(
            features, feature_counts, tags, unit_bounds, order, rows, n_tags, len(labels)
        )
        weights += more / models
        transitions += more_transitions / models
    return Tagger(labels, *_without_zeros(rows, weights), transitions)


def _without_zeros(rows: Array, weights: Array) -> tuple[Array, Array]:
    """Drop the features that never mattered."""
    useful = np.abs(weights).max(axis=1) > 1e-3
    renumbered = np.full(len(weights) + 1, -1, np.int32)
    renumbered[:-1][useful] = np.arange(useful.sum(), dtype=np.int32)
    return renumbered[rows], np.ascontiguousarray(weights[useful])


@compiled()
def _prepare(
    codes: Array,
    bounds: Array,
    gold: Array,
    division_keys: Array,
    division_masks: Array,
    class_keys: Array,
    class_masks: Array,
    size: int,
) -> tuple[Array, Array, Array, Array]:
    """Return features (n_units, MAX_FEATURES; -1 unused), their counts, tags, bounds of texts."""
    n_texts = bounds.shape[0] - 1
    total = codes.shape[0] + 1
    features = np.full((total, MAX_FEATURES), -1, np.int32)
    feature_counts = np.zeros(total, np.int64)
    tags = np.zeros(total, np.int64)
    unit_bounds = np.zeros(n_texts + 1, np.int64)
    units = np.empty(MAX_UNITS + 1, np.int64)
    places = np.empty(MAX_UNITS + 1, np.int64)
    divisions = np.zeros((MAX_UNITS, DIVISION_BITS), np.int64)
    words = np.zeros(MAX_UNITS, np.int64)
    word_ends = np.zeros(MAX_UNITS, np.int64)
    scratch = np.zeros((MAX_UNITS, MAX_FEATURES), np.int64)
    numbers = np.zeros(MAX_UNITS, np.int64)
    done = 0
    for text in range(n_texts):
        begin = bounds[text]
        count = split_units(codes, begin, bounds[text + 1], units, places)
        look_up(
            units, count, division_keys, division_masks, class_keys, class_masks, divisions,
            words, word_ends,
        )  # fmt: skip
        write_features(units, count, divisions, words, word_ends, size, scratch, numbers)
        for unit in range(count):
            for number in range(numbers[unit]):
                features[done + unit, number] = scratch[unit, number]
            feature_counts[done + unit] = numbers[unit]
            label = gold[begin + places[unit]]
            starts = label < 0
            label = abs(label)
            if label == 0:
                continue
            if not starts and unit > 0 and tags[done + unit - 1] == 0:
                starts = True
            following = gold[begin + places[unit + 1]] if unit + 1 < count else 0
            stops = following <= 0 or following != label
            place = 3 if starts and stops else 0 if starts else 2 if stops else 1
            tags[done + unit] = 4 * label - 3 + place
        done += count
        unit_bounds[text + 1] = done
    return features[:done], feature_counts[:done], tags[:done], unit_bounds


@compiled()
def _fit(
    features: Array,
    feature_counts: Array,
    tags: Array,
    unit_bounds: Array,
    order: Array,
    rows: Array,
    n_tags: int,
    n_labels: int,
) -> tuple[Array, Array]:
    """Return averaged weights (n_rows, n_tags) and transitions."""
    n_rows = rows.max() + 1
    weights = np.zeros((n_rows, n_tags), np.float32)
    sums = np.zeros((n_rows, n_tags), np.float32)
    transitions = np.zeros((n_labels + 1, n_labels + 1), np.float32)
    transition_sums = np.zeros((n_labels + 1, n_labels + 1), np.float32)
    scores = np.zeros((MAX_UNITS, n_tags), np.float32)
    guess = np.zeros(MAX_UNITS, np.int64)
    back = np.zeros((MAX_UNITS, n_labels + 1), np.int64)
    step = np.float32(1.0)
    total = order.shape[0] * order.shape[1] + 1
    for epoch in range(order.shape[0]):
        for text in order[epoch]:
            first, last = unit_bounds[text], unit_bounds[text + 1]
            count = last - first
            if count == 0:
                continue
            score_units(
                features[first:last], feature_counts[first:last], count, rows, weights, scores
            )
            best_tags(scores, count, transitions, guess, back)
            # `sums` holds step-weighted updates: the average is weights minus sums / total.
            for unit in range(count):
                wanted, got = tags[first + unit], guess[unit]
                if wanted != got:
                    for number in range(feature_counts[first + unit]):
                        row = rows[features[first + unit, number]]
                        weights[row, wanted] += 1
                        weights[row, got] -= 1
                        sums[row, wanted] += step
                        sums[row, got] -= step
                if wanted == 0 or (wanted - 1) % 4 in (0, 3):
                    previous = 0 if unit == 0 else (tags[first + unit - 1] + 3) // 4
                    label = (wanted + 3) // 4
                    transitions[previous, label] += 1
                    transition_sums[previous, label] += step
                if got == 0 or (got - 1) % 4 in (0, 3):
                    previous = 0 if unit == 0 else (guess[unit - 1] + 3) // 4
                    label = (got + 3) // 4
                    transitions[previous, label] -= 1
                    transition_sums[previous, label] -= step
            step += 1
    return weights - sums / np.float32(total), transitions - transition_sums / np.float32(total)
