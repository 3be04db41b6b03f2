"""A trained tagger of address texts: a linear chain over characters, with hashed features.

What it knows comes from a tagged file (geo.addresses.training), the national list of divisions and
the class words. It marks spans with the labels of that file; it does not say what they mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from geo.addresses.lexicon import DIVISION_BITS, character_map, class_table, division_table
from geo.addresses.tagged import LabelledSpan
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
from geo.errors import InvalidFile

Array = npt.NDArray[Any]
FORMAT = 1  # of the file; a model of another format is refused


@dataclass(frozen=True, eq=False)
class Tagger:
    """A tagger, as trained or read from a file.

    labels : (n_labels,) names of the labels
    rows : (n_hashes,) row of `weights` for each feature hash, -1 where the feature was never useful
    weights : (n_rows, 1 + 4 * n_labels) float32
    transitions : (n_labels + 1, n_labels + 1) float32
    """

    labels: tuple[str, ...]
    rows: Array
    weights: Array
    transitions: Array

    def tag_many(self, texts: Sequence[str]) -> list[list[LabelledSpan]]:
        """Return the spans of each text, in order; spans are slices of the text as given."""
        codes, bounds = encode(texts)
        starts, ends, labels, owners = _tag_batch(
            codes,
            bounds,
            *division_table(),
            *class_table(),
            self.rows,
            self.weights,
            self.transitions,
        )
        found: list[list[LabelledSpan]] = [[] for _ in texts]
        names = self.labels
        for start, end, label, owner in zip(
            starts.tolist(), ends.tolist(), labels.tolist(), owners.tolist(), strict=True
        ):
            found[owner].append((start, end, names[label - 1]))
        return found

    def save(self, path: Path) -> None:
        """Write the tagger to one compressed file."""
        np.savez_compressed(
            path,
            format=np.int64(FORMAT),
            labels=np.array(self.labels),
            rows=self.rows,
            weights=self.weights.astype(np.float16),
            transitions=self.transitions,
        )

    @classmethod
    def load(cls, path: Path) -> Tagger:
        """Read a tagger.

        Raises
        ------
        InvalidFile : the file is no tagger, or one of another format
        """
        try:
            with np.load(path, allow_pickle=False) as stored:
                if int(stored["format"]) != FORMAT:
                    raise InvalidFile(
                        f"{path.name} is a tagger of format {int(stored['format'])}, wanted "
                        f"{FORMAT}. Train it again with this version.",
                        file=path.name,
                    )
                return cls(
                    tuple(stored["labels"].tolist()),
                    stored["rows"],
                    stored["weights"].astype(np.float32),
                    stored["transitions"],
                )
        except (OSError, KeyError, ValueError) as error:
            if isinstance(error, InvalidFile):
                raise
            raise InvalidFile(
                f"{path.name} is no tagger. Wanted a file written by `gridbeat address train`.",
                file=path.name,
            ) from error


def encode(texts: Sequence[str]) -> tuple[Array, Array]:
    """Return all texts as normalised code points end to end, and (n_texts + 1,) where each begins.

    One code point a character, so that positions are those of the text as given.
    """
    joined = "".join(texts)
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    mapped = codes.astype(np.int64)
    low = codes < 65_536
    mapped[low] = character_map()[codes[low]]
    bounds = np.zeros(len(texts) + 1, np.int64)
    np.cumsum([len(text) for text in texts], out=bounds[1:])
    return mapped, bounds


@compiled()
def _tag_batch(
    codes: Array,
    bounds: Array,
    division_keys: Array,
    division_masks: Array,
    class_keys: Array,
    class_masks: Array,
    rows: Array,
    weights: Array,
    transitions: Array,
) -> tuple[Array, Array, Array, Array]:
    n_texts = bounds.shape[0] - 1
    n_tags = weights.shape[1]
    size = rows.shape[0]
    units = np.empty(MAX_UNITS + 1, np.int64)
    places = np.empty(MAX_UNITS + 1, np.int64)
    divisions = np.zeros((MAX_UNITS, DIVISION_BITS), np.int64)
    words = np.zeros(MAX_UNITS, np.int64)
    word_ends = np.zeros(MAX_UNITS, np.int64)
    features = np.zeros((MAX_UNITS, MAX_FEATURES), np.int64)
    numbers = np.zeros(MAX_UNITS, np.int64)
    scores = np.zeros((MAX_UNITS, n_tags), np.float32)
    tags = np.zeros(MAX_UNITS, np.int64)
    back = np.zeros((MAX_UNITS, transitions.shape[0]), np.int64)
    room = codes.shape[0] + 1
    starts, ends = np.empty(room, np.int64), np.empty(room, np.int64)
    labels, owners = np.empty(room, np.int64), np.empty(room, np.int64)
    found = 0
    for text in range(n_texts):
        count = split_units(codes, bounds[text], bounds[text + 1], units, places)
        if count == 0:
            continue
        look_up(
            units, count, division_keys, division_masks, class_keys, class_masks, divisions,
            words, word_ends,
        )  # fmt: skip
        write_features(units, count, divisions, words, word_ends, size, features, numbers)
        score_units(features, numbers, count, rows, weights, scores)
        best_tags(scores, count, transitions, tags, back)
        at = 0
        while at < count:
            tag = tags[at]
            if tag == 0:
                at += 1
                continue
            label, place = (tag + 3) // 4, (tag - 1) % 4
            last = at
            if place == 0:
                last = at + 1
                while (tags[last] - 1) % 4 != 2:
                    last += 1
            starts[found], ends[found] = places[at], places[last + 1]
            labels[found], owners[found] = label, text
            found += 1
            at = last + 1
    return starts[:found], ends[:found], labels[:found], owners[:found]
