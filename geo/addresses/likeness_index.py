"""Texts of a register that are like a query's: pairs of characters, weighed by how rare they are.

A text is that of a row without its entrance, floor and room, so that the rooms of a building share
one. Pairs → texts lie in sorted arrays, about 4 bytes a pair of a text. The index is made on the
first question that needs it. Rarity is counted over what the scope sees: what lies outside changes
no answer.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geo.addresses.normalise import fold_name, normalise
from geo.addresses.register_index import RegisterView, VisiblePart
from geo.addresses.register_keys import TAIL_LEVELS
from geo.addresses.register_segment import Segment

MAX_POSTINGS = 400_000  # texts looked at for one query; of commoner pairs the rest is left out
_COUNTING_LENGTH = 3  # characters of a counting word, such as 号单元
_CODE_BITS = 21  # of a Unicode code point
_KEPT_UNDER = "likeness"
_making = threading.Lock()


def fold_text(text: str) -> str:
    """Return the text as it is compared here."""
    return fold_name(normalise(text).text)


def pair_keys(folded: str) -> NDArray[np.int64]:
    """Return the different pairs of neighbouring characters as numbers, sorted."""
    codes = _codes(folded)
    return np.unique((codes[:-1] << _CODE_BITS) | codes[1:])


def _codes(text: str) -> NDArray[np.int64]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.int64)


@dataclass(frozen=True)
class SegmentTexts:
    """The texts of one segment.

    texts : folded
    row_text : (n_rows,) the text of each row
    rows, begin : rows of text t are rows[begin[t]:begin[t + 1]]
    keys : (n_pairs,) sorted
    posting_begin, postings : texts of pair p are postings[posting_begin[p]:posting_begin[p + 1]]
    """

    texts: list[str]
    row_text: NDArray[np.int32]
    rows: NDArray[np.int64]
    begin: NDArray[np.int64]
    keys: NDArray[np.int64]
    posting_begin: NDArray[np.int64]
    postings: NDArray[np.int32]

    @property
    def n_texts(self) -> int:
        return len(self.texts)

    def rows_of(self, text: int) -> NDArray[np.int64]:
        return self.rows[self.begin[text] : self.begin[text + 1]]


def segment_texts(segment: Segment) -> SegmentTexts:
    """Return the texts of a segment, made once."""
    found = segment.kept.get(_KEPT_UNDER)
    if not isinstance(found, SegmentTexts):
        found = segment.kept[_KEPT_UNDER] = _make(segment)
    return found


def _make(segment: Segment) -> SegmentTexts:
    numbers: dict[str, int] = {}
    row_text = np.array([numbers.setdefault(t, len(numbers)) for t in _heads(segment)], np.int32)
    folded: dict[str, int] = {}
    place = np.array([folded.setdefault(fold_text(t), len(folded)) for t in numbers], np.int32)
    row_text = place[row_text] if len(place) else row_text
    texts = list(folded)
    order = np.argsort(row_text, kind="stable")
    begin = np.searchsorted(row_text[order], np.arange(len(texts) + 1))
    codes = _codes("\n".join(texts))
    is_end = codes == ord("\n")
    of_text = np.cumsum(is_end)
    pairs = (codes[:-1] << _CODE_BITS) | codes[1:]
    inside = ~(is_end[:-1] | is_end[1:])
    pairs, of_text = pairs[inside], of_text[:-1][inside]
    by_pair = np.lexsort((of_text, pairs))
    pairs, of_text = pairs[by_pair], of_text[by_pair]
    is_first = np.ones(len(pairs), bool)
    is_first[1:] = (pairs[1:] != pairs[:-1]) | (of_text[1:] != of_text[:-1])
    pairs, of_text = pairs[is_first], of_text[is_first]
    keys, posting_begin = np.unique(pairs, return_index=True)
    return SegmentTexts(
        texts=texts,
        row_text=row_text,
        rows=order.astype(np.int64),
        begin=begin.astype(np.int64),
        keys=keys,
        posting_begin=np.append(posting_begin, len(pairs)).astype(np.int64),
        postings=of_text.astype(np.int32),
    )


def _heads(segment: Segment) -> list[str]:
    """Return the text of each row without what its entrance, floor and room say at its end."""
    texts: list[str] = segment.texts.to_pylist()
    ends = [len(text) for text in texts]
    for level in reversed(TAIL_LEVELS):
        codes, values = segment.components[level]
        written = values.to_pylist()
        for row in np.flatnonzero(codes >= 0).tolist():
            at = texts[row].rfind(written[codes[row]], 0, ends[row])
            if at > 0 and at + len(written[codes[row]]) + _COUNTING_LENGTH >= ends[row]:
                ends[row] = at
    heads = [text[:end] for text, end in zip(texts, ends, strict=True)]
    for alias, rows in segment.alias_rows.items():
        for row in rows:
            heads[row] = alias
    return heads


@dataclass(frozen=True)
class WeighedPairs:
    """The pairs of a query, weighed by one view.

    keys : (n,) sorted
    squares : (n,) squared weights
    shares : (n,) squared weights, each times what its pair counts in `explained`
    length : of the vector of those that some text has
    whole : sum of `shares`
    known : sum of `shares` of those that some text has
    """

    keys: NDArray[np.int64]
    squares: NDArray[np.float64]
    shares: NDArray[np.float64]
    length: float
    whole: float
    known: float


@dataclass(frozen=True)
class AlikeTexts:
    """How like a query every text of one part of the register is.

    cosine : (n_texts,) 0 to 1, of the weighed pairs of both; 0 for texts out of sight
    explained : (n_texts,) 0 to 1, share of what the query says that the text says too
    """

    texts: SegmentTexts
    cosine: NDArray[np.float64]
    explained: NDArray[np.float64]


class LikenessIndex:
    """What one view of the register sees, ready to be asked."""

    def __init__(self, parts: tuple[VisiblePart, ...]) -> None:
        self.parts = [segment_texts(part.segment) for part in parts]
        self.visible = [
            _visible_texts(part, texts) for part, texts in zip(parts, self.parts, strict=True)
        ]
        self.count = sum(int(visible.sum()) for visible in self.visible)
        every_key = np.unique(np.concatenate([texts.keys for texts in self.parts]))
        having = np.zeros(len(every_key), np.int64)
        for texts, visible in zip(self.parts, self.visible, strict=True):
            seen = np.concatenate(([0], np.cumsum(visible[texts.postings])))
            having[np.searchsorted(every_key, texts.keys)] += np.diff(seen[texts.posting_begin])
        self.keys = every_key
        self.having = having
        self.weights = np.log((1 + self.count) / (1 + having)) + 1
        self.unknown_weight = float(np.log(1 + self.count) + 1)
        self.lengths = [self._lengths(texts) for texts in self.parts]

    def _lengths(self, texts: SegmentTexts) -> NDArray[np.float64]:
        """Return the length of each text as a vector of weights."""
        weights = self.weights[np.searchsorted(self.keys, texts.keys)]
        squares = np.repeat(weights**2, np.diff(texts.posting_begin))
        return np.sqrt(np.bincount(texts.postings, squares, texts.n_texts))

    def _squares(self, keys: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return the squared weight of each pair, and whether some text has it.

        A pair that no text has weighs most.
        """
        if not len(self.keys):
            return np.full(len(keys), self.unknown_weight**2), np.zeros(len(keys), bool)
        at = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        known = (self.keys[at] == keys) & (self.having[at] > 0)
        return np.where(known, self.weights[at], self.unknown_weight) ** 2, known

    def weigh(self, folded: str, shares: NDArray[np.float64]) -> WeighedPairs:
        """Return the pairs of a text of two characters or more with what they weigh here.

        folded : by `fold_text`
        shares : (n_characters - 1,) 0 to 1, what each pair of the text counts in `explained`
        """
        codes = _codes(folded)
        pairs = (codes[:-1] << _CODE_BITS) | codes[1:]
        keys, of_pair = np.unique(pairs, return_inverse=True)
        share = np.zeros(len(keys))
        np.maximum.at(share, of_pair.reshape(-1), shares)
        squares, known = self._squares(keys)
        length = float(np.sqrt(squares[known].sum())) or 1.0
        whole = float((squares * share).sum()) or 1.0
        known_part = float((squares * share)[known].sum()) or 1.0
        return WeighedPairs(keys, squares, squares * share, length, whole, known_part)

    def compare(self, query: WeighedPairs) -> list[AlikeTexts]:
        """Return how like a query each text of the register is, part by part."""
        return [
            self._compare_part(texts, visible, lengths, query)
            for texts, visible, lengths in zip(self.parts, self.visible, self.lengths, strict=True)
        ]

    def compare_text(self, query: WeighedPairs, text: str) -> tuple[float, float]:
        """Return (cosine, explained) of a text that is none of the register's."""
        keys = pair_keys(fold_text(text))
        squares, _ = self._squares(keys)
        shared = np.isin(query.keys, keys)
        length = float(np.sqrt(squares.sum())) or 1.0
        return (
            float(query.squares[shared].sum()) / (length * query.length),
            float(query.shares[shared].sum()) / query.whole,
        )

    def _compare_part(
        self,
        texts: SegmentTexts,
        visible: NDArray[np.bool_],
        lengths: NDArray[np.float64],
        query: WeighedPairs,
    ) -> AlikeTexts:
        keys = query.keys
        at = np.searchsorted(texts.keys, keys)
        at[at == len(texts.keys)] = 0
        found = np.flatnonzero(texts.keys[at] == keys) if len(texts.keys) else at[:0]
        at = at[found]
        first, last = texts.posting_begin[at], texts.posting_begin[at + 1]
        # The rarest pairs first, until enough is looked at.
        order = np.lexsort((keys[found], last - first))
        enough = np.cumsum((last - first)[order]) <= MAX_POSTINGS
        chosen = order[enough | (np.arange(len(order)) == 0)]
        pieces = [texts.postings[first[i] : last[i]] for i in chosen.tolist()]
        if not pieces:
            nothing = np.zeros(texts.n_texts)
            return AlikeTexts(texts, nothing, nothing)
        which = np.repeat(found[chosen], [len(piece) for piece in pieces])
        together = np.concatenate(pieces)
        shared = np.bincount(together, query.squares[which], texts.n_texts)
        explained = np.bincount(together, query.shares[which], texts.n_texts) / query.whole
        cosine = shared / (np.maximum(lengths, 1e-9) * query.length)
        return AlikeTexts(texts, np.where(visible, cosine, 0.0), np.where(visible, explained, 0.0))


def _visible_texts(part: VisiblePart, texts: SegmentTexts) -> NDArray[np.bool_]:
    visible = np.zeros(texts.n_texts, bool)
    rows = texts.row_text if part.row_mask is None else texts.row_text[part.row_mask]
    visible[rows] = True
    return visible


def likeness_index(view: RegisterView) -> LikenessIndex:
    """Return the index of a view, made on the first question that needs it."""
    found = view.kept.get(_KEPT_UNDER)
    if not isinstance(found, LikenessIndex):
        with _making:
            found = view.kept.get(_KEPT_UNDER)
            if not isinstance(found, LikenessIndex):
                found = view.kept[_KEPT_UNDER] = LikenessIndex(view.parts)
    return found
