"""What the very words of a pair say: how rare they are, and what a model has learnt of each.

Words are pairs of neighbouring characters, hashed. A table of rarity weighs what two texts share;
a lexicon, fitted to labelled pairs, says of each word what it speaks for where both texts hold it,
where only the first does, where only the second does, and at the end of either.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from geo.compiling import compiled

Array = npt.NDArray[Any]

TABLE_SIZE = 1 << 16
MAX_TOKENS = 256  # of one pair
_RATE, _EPOCHS, _PENALTY = 0.08, 6, 1e-4


@compiled()
def hash_pair(kind: int, first: int, second: int) -> int:
    """Return the place of two neighbouring characters in a table."""
    value = np.uint64(first * 1_000_003 + second) * np.uint64(0x9E3779B97F4A7C15)
    value = (value ^ np.uint64(kind)) * np.uint64(0xBF58476D1CE4E5B9)
    return int((value >> np.uint64(40)) & np.uint64(TABLE_SIZE - 1))


@compiled()
def write_tokens(codes: Array, start: int, end: int, matched: Array, kind: int, tokens: Array,
                 count: int) -> int:  # fmt: skip
    """Add the words of one text to `tokens`; `kind` is 0 for the first text, 1 for the second."""
    for place in range(start, end - 1):
        at = place - start
        both = matched[at] == 2 and matched[at + 1] == 2
        if count < MAX_TOKENS - 2 and not (both and kind == 1):
            group = 3 if both else 1 + kind
            tokens[count] = hash_pair(group, codes[place], codes[place + 1])
            count += 1
    if end - start > 1:
        tokens[count] = hash_pair(4 + kind, codes[end - 2], codes[end - 1])
        count += 1
    return count


@compiled()
def fit_lexicon(tokens: Array, counts: Array, labels: Array, order: Array) -> Array:
    """Return what each word speaks for, (TABLE_SIZE, 3): logistic regression by AdaGrad.

    tokens : (n_pairs, MAX_TOKENS); counts : (n_pairs,); order : (n_kept,) the pairs to learn from
    """
    lexicon = np.zeros((TABLE_SIZE, 3), np.float32)
    squares = np.full((TABLE_SIZE, 3), 1e-2, np.float32)
    bias = np.zeros(3)
    for pair in order:
        bias[labels[pair]] += 1
    bias = np.log((bias + 1) / (bias.sum() + 3))
    for _ in range(_EPOCHS):
        for pair in order:
            scores = bias.copy()
            for index in range(counts[pair]):
                for label in range(3):
                    scores[label] += lexicon[tokens[pair, index], label]
            odds = np.exp(scores - scores.max())
            odds /= odds.sum()
            for label in range(3):
                error = odds[label] - (labels[pair] == label)
                for index in range(counts[pair]):
                    word = tokens[pair, index]
                    slope = error + _PENALTY * lexicon[word, label]
                    squares[word, label] += slope * slope
                    lexicon[word, label] -= _RATE * slope / math.sqrt(squares[word, label])
    return lexicon


def add_lexical(features: Array, rows: Array, tokens: Array, counts: Array, lexicon: Array) -> None:
    """Fill the lexical features of some rows, (n_pairs,) of bool."""
    for row in np.flatnonzero(rows):
        words = tokens[row, : counts[row]]
        features[row, -3:] = lexicon[words].sum(axis=0)


@compiled()
def _count_words(codes: Array, bounds: Array) -> Array:
    found = np.zeros(TABLE_SIZE, np.int64)
    seen = np.full(TABLE_SIZE, -1, np.int64)
    for text in range(bounds.shape[0] - 1):
        for place in range(bounds[text], bounds[text + 1] - 1):
            word = hash_pair(0, codes[place], codes[place + 1])
            if seen[word] != text:
                seen[word] = text
                found[word] += 1
    return found


def count_rarity(codes: Array, bounds: Array) -> Array:
    """Return how rare each word is among the texts, (TABLE_SIZE,) float32 from 0 to 1.

    codes : all texts end to end, folded; bounds : (n_texts + 1,) where each begins
    """
    counts = _count_words(codes, bounds)
    total = len(bounds)
    rarity: Array = np.log((total + 1) / (counts + 1)) / math.log(total + 1)
    return rarity.astype(np.float32)


def as_codes(texts: Sequence[str]) -> tuple[Array, Array]:
    """Return normalised texts as code points end to end, and (n_texts + 1,) where each begins."""
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    bounds = np.zeros(len(texts) + 1, np.int64)
    np.cumsum([len(text) for text in texts], out=bounds[1:])
    return np.where(codes < 65_536, codes, 0xFFFD).astype(np.int64), bounds
