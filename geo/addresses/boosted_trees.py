"""Gradient boosting for a few classes: trees of one depth, each leaf with a value for every class.

One tree a round serves all classes (the split that gains most over all of them is taken), so that
scoring costs a third of three separate trees; a tree is a heap of thresholds, walked without
branching on its shape. Softmax loss, second-order steps.

Source: Chen and Guestrin, XGBoost (KDD 2016), section 2; Zhang and Jung, GBDT-MO (2020), for leaves
with a value for every output. Why own code: docs/decisions says what a library would have cost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from geo.compiling import compiled

Array = npt.NDArray[Any]
N_BINS = 64


@dataclass(frozen=True, slots=True)
class TreeOptions:
    """How trees are grown.

    rounds : number of trees; depth : levels of splits; rate : share of each step that is taken
    columns, rows : share of features and rows that a tree sees
    min_weight : least sum of second derivatives in a leaf; penalty : on the size of leaves (L2)
    """

    rounds: int = 250
    depth: int = 5
    rate: float = 0.06
    columns: float = 0.5
    rows: float = 0.8
    min_weight: float = 6.0
    penalty: float = 4.0


@dataclass(frozen=True, eq=False, slots=True)
class BoostedTrees:
    """Trees as arrays.

    features, thresholds : (n_trees, 2^depth - 1); right where the feature is above the threshold
    leaves : (n_trees, 2^depth, n_classes); base : (n_classes,) score before the first tree
    """

    features: Array
    thresholds: Array
    leaves: Array
    base: Array


def grow_trees(
    values: Array, labels: Array, weights: Array, *, n_classes: int, options: TreeOptions, seed: int
) -> BoostedTrees:
    """Return trees fitted to labelled rows.

    Parameters
    ----------
    values : (n_rows, n_features) float
    labels : (n_rows,) from 0 to n_classes - 1
    weights : (n_rows,) how much each row counts
    seed : of the sampling of rows and columns; the same seed grows the same trees
    """
    random = np.random.default_rng(seed)
    n_rows, n_features = values.shape
    edges = [_edges(values[:, column]) for column in range(n_features)]
    bins = np.empty((n_rows, n_features), np.uint8)
    for column in range(n_features):
        bins[:, column] = np.searchsorted(edges[column], values[:, column], side="left")
    targets = np.eye(n_classes)[labels]
    shares = np.bincount(labels, weights=weights, minlength=n_classes) + 1.0
    base = np.log(shares / shares.sum())
    scores = np.tile(base, (n_rows, 1))
    inner = (1 << options.depth) - 1
    features = np.zeros((options.rounds, inner), np.int16)
    thresholds = np.full((options.rounds, inner), np.inf, np.float32)
    leaves = np.zeros((options.rounds, inner + 1, n_classes), np.float32)
    n_columns = max(1, round(options.columns * n_features))
    for tree in range(options.rounds):
        odds = np.exp(scores - scores.max(axis=1, keepdims=True))
        odds /= odds.sum(axis=1, keepdims=True)
        gradient = (odds - targets) * weights[:, None]
        curvature = np.maximum(odds * (1 - odds), 1e-6) * weights[:, None]
        kept = np.less(random.random(n_rows), options.rows)
        columns = np.sort(random.permutation(n_features)[:n_columns])
        nodes = np.zeros(n_rows, np.int64)
        for level in range(options.depth):
            first = (1 << level) - 1
            chosen, cuts = _best_splits(
                bins, gradient, curvature, nodes, kept, columns, 1 << level,
                options.min_weight, options.penalty,
            )  # fmt: skip
            for node in range(1 << level):
                if chosen[node] >= 0:
                    column = int(chosen[node])
                    features[tree, first + node] = column
                    thresholds[tree, first + node] = edges[column][cuts[node]]
            _go_down(bins, nodes, chosen, cuts)
        leaves[tree] = _leaf_values(
            gradient, curvature, nodes, kept, inner + 1, options.penalty
        ) * -options.rate  # fmt: skip
        scores += leaves[tree][nodes]
    return BoostedTrees(features, thresholds, leaves, base.astype(np.float32))


def _edges(column: Array) -> Array:
    """Return up to N_BINS - 1 values between which a feature may be cut."""
    found = np.unique(column)
    if len(found) > N_BINS:
        found = np.unique(np.quantile(column, np.linspace(0, 1, N_BINS), method="lower"))
    return found[:-1] if len(found) > 1 else found


@compiled()
def _best_splits(
    bins: Array, gradient: Array, curvature: Array, nodes: Array, kept: Array, columns: Array,
    n_nodes: int, min_weight: float, penalty: float,
) -> tuple[Array, Array]:  # fmt: skip
    """Return the feature of each node's best split (-1: none) and the last bin that goes left."""
    n_rows, n_classes = gradient.shape
    best_gain = np.full(n_nodes, 1e-3)
    chosen = np.full(n_nodes, -1, np.int64)
    cuts = np.zeros(n_nodes, np.int64)
    sums = np.zeros((n_nodes, N_BINS, 2 * n_classes))
    total = np.zeros(2 * n_classes)
    left = np.zeros(2 * n_classes)
    for index in range(columns.shape[0]):
        column = columns[index]
        sums[:] = 0
        for row in range(n_rows):
            if not kept[row]:
                continue
            line = sums[nodes[row], bins[row, column]]
            for label in range(n_classes):
                line[label] += gradient[row, label]
                line[n_classes + label] += curvature[row, label]
        for node in range(n_nodes):
            total[:] = 0
            for cut in range(N_BINS):
                total += sums[node, cut]
            before = 0.0
            for label in range(n_classes):
                before += total[label] ** 2 / (total[n_classes + label] + penalty)
            left[:] = 0
            for cut in range(N_BINS - 1):
                left += sums[node, cut]
                weight_left = left[n_classes:].sum()
                if weight_left < min_weight:
                    continue
                if total[n_classes:].sum() - weight_left < min_weight:
                    break
                gain = -before
                for label in range(n_classes):
                    g, h = left[label], left[n_classes + label]
                    gain += g * g / (h + penalty)
                    g, h = total[label] - g, total[n_classes + label] - h
                    gain += g * g / (h + penalty)
                if gain > best_gain[node]:
                    best_gain[node], chosen[node], cuts[node] = gain, column, cut
    return chosen, cuts


@compiled()
def _go_down(bins: Array, nodes: Array, chosen: Array, cuts: Array) -> None:
    for row in range(nodes.shape[0]):
        node = nodes[row]
        right = chosen[node] >= 0 and bins[row, chosen[node]] > cuts[node]
        nodes[row] = 2 * node + right


@compiled()
def _leaf_values(
    gradient: Array, curvature: Array, nodes: Array, kept: Array, n_leaves: int, penalty: float
) -> Array:
    n_classes = gradient.shape[1]
    g = np.zeros((n_leaves, n_classes))
    h = np.zeros((n_leaves, n_classes))
    for row in range(nodes.shape[0]):
        if kept[row]:
            g[nodes[row]] += gradient[row]
            h[nodes[row]] += curvature[row]
    return g / (h + penalty)


@compiled()
def add_scores(
    values: Array, features: Array, thresholds: Array, leaves: Array, scores: Array
) -> None:
    """Add to `scores`, (n_rows, n_classes), what all trees say of each row of features."""
    n_trees, inner = features.shape
    for row in range(values.shape[0]):
        for tree in range(n_trees):
            node = 0
            while node < inner:
                right = values[row, features[tree, node]] > thresholds[tree, node]
                node = 2 * node + 1 + right
            for label in range(scores.shape[1]):
                scores[row, label] += leaves[tree, node - inner, label]
