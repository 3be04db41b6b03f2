"""Fit a pair model to an operator's own labelled pairs."""

from __future__ import annotations

import csv
import itertools
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from geo.addresses.boosted_trees import TreeOptions, grow_trees
from geo.addresses.pair_model import PairGrade, PairModel, pair_tokens, text_codes
from geo.addresses.pair_words import add_lexical, count_rarity, fit_lexicon
from geo.errors import InvalidFile, TooFewPairs

Array = npt.NDArray[Any]
MIN_OF_A_GRADE = 20  # [pairs]; of fewer nothing can be learnt, and no emphasis be judged
COLUMNS = ("query", "candidate", "label")
_FOLDS = 4
_EMPHASES = (1.0, 1.2, 1.4, 1.7, 2.0, 2.5, 3.0)


@dataclass(frozen=True, eq=False, slots=True)
class LabelledPairs:
    """Pairs of texts with what the second is to the first.

    labels : (n_pairs,) values of `PairGrade`
    """

    firsts: Sequence[str]
    seconds: Sequence[str]
    labels: Array

    def __len__(self) -> int:
        return len(self.firsts)

    def take(self, kept: Array) -> LabelledPairs:
        """Return the pairs where `kept`, (n_pairs,) of bool, is true."""
        return LabelledPairs(
            list(itertools.compress(self.firsts, kept)),
            list(itertools.compress(self.seconds, kept)),
            self.labels[kept],
        )

    def folds(self, count: int) -> Array:
        """Return a number below `count` for each pair, by its first text: no text in two folds."""
        return np.array([zlib.crc32(text.encode()) % count for text in self.firsts], np.int64)


def read_pairs(path: Path) -> LabelledPairs:
    """Read labelled pairs: tab-separated, columns query, candidate, label (0, 1, 2).

    Raises
    ------
    InvalidFile : a column is missing, a label is none of the three, or the file is not UTF-8
    """
    rows = _read_rows(path, COLUMNS)
    grades = {str(int(grade)): int(grade) for grade in PairGrade}
    labels = []
    for number, row in enumerate(rows, 2):
        label = row[2].strip()
        if label not in grades:
            raise InvalidFile(
                f"{path.name}, line {number}: the label is {label!r}, wanted 0 (no match), "
                "1 (partial) or 2 (full).",
                file=path.name,
                line=number,
            )
        labels.append(grades[label])
    return LabelledPairs(
        [row[0] for row in rows], [row[1] for row in rows], np.array(labels, np.int64)
    )


def read_text_pairs(path: Path) -> tuple[list[str], list[str]]:
    """Read pairs without labels: tab-separated, columns query and candidate.

    Raises
    ------
    InvalidFile : a column is missing, a line lacks one, or the file is not UTF-8
    """
    rows = _read_rows(path, COLUMNS[:2])
    return [row[0] for row in rows], [row[1] for row in rows]


def _read_rows(path: Path, columns: Sequence[str]) -> list[tuple[str, ...]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            table = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE, restval="")
            missing = [name for name in columns if name not in (table.fieldnames or ())]
            if missing:
                raise InvalidFile(
                    f"{path.name} has no column {', '.join(missing)}. Wanted a first line "
                    f"{' '.join(columns)}, separated by tabs.",
                    file=path.name,
                )
            return [tuple(row[name] for name in columns) for row in table]
    except UnicodeDecodeError as error:
        raise InvalidFile(
            f"{path.name} is not UTF-8. Save it as UTF-8 and try again.", file=path.name
        ) from error


def train_pair_model(
    pairs: LabelledPairs, *, options: TreeOptions | None = None, seed: int = 1
) -> PairModel:
    """Return a model fitted to labelled pairs.

    The emphasis on each grade is the one under which the mean F1 of the three grades is best in
    cross-validation, with all pairs of one first text in one fold.

    Raises
    ------
    TooFewPairs : a grade has fewer than 20 pairs
    """
    counts = np.bincount(pairs.labels, minlength=3)
    if counts.min() < MIN_OF_A_GRADE:
        grade = PairGrade(int(counts.argmin())).name.lower()
        raise TooFewPairs(
            f"There are {counts.min()} pairs labelled {counts.argmin()} ({grade}), wanted "
            f"{MIN_OF_A_GRADE} or more of each label. Label more pairs.",
            found=int(counts.min()),
            needed=MIN_OF_A_GRADE,
        )
    options = options or TreeOptions()
    _, folded, bounds = text_codes(list({*pairs.firsts, *pairs.seconds}))
    learner = _Learner(pairs, count_rarity(folded, bounds), options, seed)
    folds = pairs.folds(_FOLDS)
    unseen = np.empty((len(pairs), 3), np.float32)
    for fold in range(_FOLDS):
        model, features = learner.fit(folds != fold)
        unseen[folds == fold] = model.weigh(features[folds == fold])
    emphasis = best_emphasis(unseen, pairs.labels)
    return replace(learner.fit(folds >= 0)[0], emphasis=emphasis)


class _Learner:
    """Fits lexicon and trees to some of the pairs."""

    def __init__(
        self, pairs: LabelledPairs, rarity: Array, options: TreeOptions, seed: int
    ) -> None:
        self.pairs, self.rarity, self.options, self.seed = pairs, rarity, options, seed
        self.features, self.tokens, self.counts = pair_tokens(pairs.firsts, pairs.seconds, rarity)
        self.inner = pairs.folds(_FOLDS * 7) // _FOLDS

    def _lexicon(self, kept: Array) -> Array:
        order = np.random.default_rng(self.seed).permutation(np.flatnonzero(kept))
        found: Array = fit_lexicon(self.tokens, self.counts, self.pairs.labels, order)
        return found

    def fit(self, kept: Array) -> tuple[PairModel, Array]:
        """Return a model fitted to the kept pairs, and the features of all pairs under it.

        What the trees learn from the lexicon they learn on pairs that it was not fitted to, else
        they would trust it too much.
        """
        features = self.features.copy()
        lexicon = self._lexicon(kept)
        add_lexical(features, ~kept, self.tokens, self.counts, lexicon)
        for inner in range(7):
            held = kept & (self.inner == inner)
            add_lexical(
                features, held, self.tokens, self.counts,
                self._lexicon(kept & (self.inner != inner)),
            )  # fmt: skip
        trees = grow_trees(
            features[kept], self.pairs.labels[kept], np.ones(kept.sum()),
            n_classes=3, options=self.options, seed=self.seed,
        )  # fmt: skip
        return PairModel(trees, np.ones(3, np.float32), self.rarity, lexicon), features


def best_emphasis(probabilities: Array, labels: Array) -> Array:
    """Return the factors on the probabilities, (3,), under which the mean F1 is best."""
    best, found = -1.0, np.ones(3, np.float32)
    for partial, full in itertools.product(_EMPHASES, _EMPHASES):
        factors = np.array([1, partial, full], np.float32)
        score = float(grade_f1(labels, (probabilities * factors).argmax(axis=1)).mean())
        if score > best:
            best, found = score, factors
    return found


def grade_f1(wanted: Array, found: Array) -> Array:
    """Return the F1 of each grade, (3,)."""
    scores = np.zeros(3)
    for grade in range(3):
        right = np.sum((wanted == grade) & (found == grade))
        told = np.sum(wanted == grade) + np.sum(found == grade)
        scores[grade] = 2 * right / told if told else 0.0
    return scores
