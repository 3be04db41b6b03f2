"""How likely two address texts name one place: no match, partial match or full match.

`load_pair_model` gives the model that ships, fitted on drawn pairs (bench/drawn_pairs.py says how);
`geo.addresses.pair_training` fits one on an operator's own labelled pairs.
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from geo.addresses.boosted_trees import BoostedTrees, add_scores
from geo.addresses.division_files import DATA_FOLDER
from geo.addresses.lexicon import class_table
from geo.addresses.normalise import normalise
from geo.addresses.pair_facts import PairFacts, read_facts
from geo.addresses.pair_features import LEXICAL, MAX_LENGTH, N_FEATURES, write_pair
from geo.addresses.pair_reading import MAX_ITEMS, MAX_PLACES, N_COLUMNS, read_text
from geo.addresses.pair_tables import character_weights, division_codes, folded_codes, sound_codes
from geo.addresses.pair_words import MAX_TOKENS, TABLE_SIZE, as_codes, write_tokens
from geo.compiling import compiled
from geo.errors import InvalidFile, InvalidInput

Array = npt.NDArray[Any]
FORMAT = 1  # of the file; a model of another format is refused
CHUNK = 8_192  # [pairs] read and scored at a time, so that memory stays bounded


class PairGrade(enum.IntEnum):
    """What a second address is to the first.

    NONE : another place, or only the road or the division in which it lies
    PARTIAL : at the place, but not it: another building or a gate of the estate, another shop at
        the door, the estate without the building
    FULL : the same place, to the building where the first names one
    """

    NONE = 0
    PARTIAL = 1
    FULL = 2


@dataclass(frozen=True, eq=False, slots=True)
class PairModel:
    """A model of pairs, as fitted or read from a file.

    emphasis : (3,) by which the probabilities are multiplied before the likeliest grade is taken
    rarity, lexicon : (TABLE_SIZE,), (TABLE_SIZE, 3) how rare words are, and what each speaks for
    """

    trees: BoostedTrees
    emphasis: Array
    rarity: Array
    lexicon: Array

    def probabilities(self, firsts: Sequence[str], seconds: Sequence[str]) -> Array:
        """Return how likely each second text is no, a partial, a full match of the first.

        Returns
        -------
        (n_pairs, 3) float32, rows sum to 1; in the order of the pairs. The first is what was asked
        for, the second what is held against it: exchanging them may change the answer.

        Raises
        ------
        InvalidInput : the two columns differ in length, or hold what is not text
        FileTooLarge : a text is longer than `normalise` reads
        """
        return self.shares_and_facts(firsts, seconds)[0]

    def shares_and_facts(
        self, firsts: Sequence[str], seconds: Sequence[str]
    ) -> tuple[Array, PairFacts]:
        """Return the probabilities, and what is plain of the pairs whatever they are."""
        _check_columns(firsts, seconds)
        found = np.empty((len(firsts), 3), np.float32)
        facts = PairFacts(*np.zeros((4, len(firsts)), bool))
        for start in range(0, len(firsts), CHUNK):
            rows = slice(start, start + CHUNK)
            features = pair_features(firsts[rows], seconds[rows], self.rarity, self.lexicon)
            found[rows] = self.weigh(features)
            part = read_facts(features)
            facts.same[rows], facts.telling[rows] = part.same, part.telling
            facts.parted[rows], facts.elsewhere[rows] = part.parted, part.elsewhere
        return found, facts

    def weigh(self, features: Array) -> Array:
        """Return the probabilities for features of pairs, (n_pairs, 3) float32."""
        trees = self.trees
        scores = np.tile(trees.base, (len(features), 1))
        add_scores(features, trees.features, trees.thresholds, trees.leaves, scores)
        odds = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares: Array = odds / odds.sum(axis=1, keepdims=True)
        return shares

    def grades(self, probabilities: Array) -> Array:
        """Return the likeliest `PairGrade` of each row, (n_pairs,)."""
        likeliest: Array = np.argmax(probabilities * self.emphasis, axis=1)
        return likeliest

    def save(self, path: Path) -> None:
        """Write the model to one compressed file."""
        np.savez_compressed(
            path,
            format=np.int64(FORMAT),
            kind=np.array("pairs"),
            features=self.trees.features,
            thresholds=self.trees.thresholds,
            leaves=self.trees.leaves,
            base=self.trees.base,
            emphasis=self.emphasis,
            rarity=self.rarity.astype(np.float16),
            lexicon=self.lexicon.astype(np.float16),
        )

    @classmethod
    def load(cls, path: Path) -> PairModel:
        """Read a model.

        Raises
        ------
        InvalidFile : the file is no model of pairs, or one of another format
        """
        try:
            with np.load(path, allow_pickle=False) as stored:
                if str(stored["kind"]) != "pairs" or int(stored["format"]) != FORMAT:
                    raise InvalidFile(
                        f"{path.name} is a model of pairs of format {int(stored['format'])}, "
                        f"wanted {FORMAT}. Train it again with this version.",
                        file=path.name,
                    )
                trees = BoostedTrees(
                    stored["features"], stored["thresholds"], stored["leaves"], stored["base"]
                )
                return cls(
                    trees,
                    stored["emphasis"],
                    stored["rarity"].astype(np.float32),
                    stored["lexicon"].astype(np.float32),
                )
        except (OSError, KeyError, ValueError) as error:
            if isinstance(error, InvalidFile):
                raise
            raise InvalidFile(
                f"{path.name} is no model of pairs. Wanted a file written by "
                "`gridbeat address train-pairs`.",
                file=path.name,
            ) from error


def _check_columns(firsts: Sequence[str], seconds: Sequence[str]) -> None:
    if len(firsts) != len(seconds):
        raise InvalidInput(
            f"There are {len(firsts):,} first texts and {len(seconds):,} second ones. "
            "Give as many of the one as of the other.",
            firsts=len(firsts),
            seconds=len(seconds),
        )


@functools.cache
def load_pair_model() -> PairModel:
    """Return the model that ships, loaded once."""
    return PairModel.load(DATA_FOLDER / "pair_model.npz")


def pair_features(
    firsts: Sequence[str], seconds: Sequence[str], rarity: Array, lexicon: Array
) -> Array:
    """Return the features of pairs of texts, (n_pairs, N_FEATURES) float32.

    Each distinct text is read once.
    """
    no_tokens = np.zeros((0, MAX_TOKENS), np.int32)
    return _read_and_compare(firsts, seconds, rarity, lexicon, no_tokens, no_tokens[:, 0])


def pair_tokens(
    firsts: Sequence[str], seconds: Sequence[str], rarity: Array
) -> tuple[Array, Array, Array]:
    """Return features without the lexical ones, the words of each pair, and how many there are."""
    tokens = np.zeros((len(firsts), MAX_TOKENS), np.int32)
    counts = np.zeros(len(firsts), np.int32)
    lexicon = np.zeros((TABLE_SIZE, 3), np.float32)
    features = _read_and_compare(firsts, seconds, rarity, lexicon, tokens, counts)
    return features, tokens, counts


def text_codes(texts: Sequence[str]) -> tuple[Array, Array, Array]:
    """Return normalised texts as codes end to end, folded for comparing, and their bounds."""
    codes, bounds = as_codes([normalise(text).text for text in texts])
    return codes, folded_codes()[codes].astype(np.int64), bounds


def _read_and_compare(
    firsts: Sequence[str], seconds: Sequence[str], rarity: Array, lexicon: Array, tokens: Array,
    counts: Array,
) -> Array:  # fmt: skip
    numbers: dict[str, int] = {}
    rows = np.array([numbers.setdefault(text, len(numbers)) for text in firsts], np.int64)
    others = np.array([numbers.setdefault(text, len(numbers)) for text in seconds], np.int64)
    codes, folded, bounds = text_codes(list(numbers))
    found: Array = _all_features(
        rows, others, codes, folded, sound_codes()[codes].astype(np.int64), bounds,
        character_weights(), rarity, lexicon, tokens, counts, *class_table(), *division_codes(),
    )  # fmt: skip
    return found


@compiled()
def _all_features(
    rows: Array, others: Array, codes: Array, folded: Array, sounds: Array, bounds: Array,
    weights: Array, rarity: Array, lexicon: Array, all_tokens: Array, all_counts: Array,
    class_keys: Array, class_masks: Array, division_keys: Array, division_rows: Array,
    division_names: Array, division_codes: Array,
) -> Array:  # fmt: skip
    n_texts = bounds.shape[0] - 1
    items = np.zeros((n_texts, MAX_ITEMS, N_COLUMNS), np.int64)
    places = np.zeros((n_texts, MAX_PLACES), np.int64)
    counts = np.zeros((n_texts, 2), np.int64)
    for text in range(n_texts):
        counts[text, 0], counts[text, 1] = read_text(
            codes, bounds[text], bounds[text + 1], class_keys, class_masks, division_keys,
            division_rows, division_names, division_codes, items[text], places[text],
        )  # fmt: skip
    found = np.zeros((rows.shape[0], N_FEATURES), np.float32)
    first_matched = np.zeros(MAX_LENGTH + 1, np.int64)
    second_matched = np.zeros(MAX_LENGTH + 1, np.int64)
    line = np.zeros(MAX_LENGTH + 2, np.int64)
    tokens = np.zeros(MAX_TOKENS, np.int32)
    for pair in range(rows.shape[0]):
        one, other = rows[pair], others[pair]
        write_pair(
            folded, bounds[one], bounds[one + 1], items[one], counts[one, 0], places[one],
            counts[one, 1],
            folded, bounds[other], bounds[other + 1], items[other], counts[other, 0],
            places[other], counts[other, 1],
            sounds, weights, rarity, first_matched, second_matched, line, found[pair],
        )  # fmt: skip
        count = 0
        for kind in range(2):
            text = one if kind == 0 else other
            stop = min(bounds[text + 1], bounds[text] + MAX_LENGTH)
            marks = first_matched if kind == 0 else second_matched
            count = write_tokens(folded, bounds[text], stop, marks, kind, tokens, count)
        for index in range(count):
            for label in range(3):
                found[pair, LEXICAL + label] += lexicon[tokens[index], label]
        if all_tokens.shape[0]:
            for index in range(count):
                all_tokens[pair, index] = tokens[index]
            all_counts[pair] = count
    return found
