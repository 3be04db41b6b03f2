"""Addresses whose text is like a query's, for texts that names and numbers alone do not settle.

Many texts are gathered by the weighed pairs of characters that they share with the query
(`likeness_index`); their rows are ranked by that, by the numbers that agree or contradict, and by
how much of the query they explain. What is found so is a proposal: it goes to review.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from geo.addresses.likeness_index import (
    AlikeTexts,
    LikenessIndex,
    WeighedPairs,
    fold_text,
    likeness_index,
)
from geo.addresses.match_places import Confirmed, Place
from geo.addresses.match_query import CLEAR_QUALITY, Query
from geo.addresses.match_sites import ScoredRow, number_ids
from geo.addresses.number_readings import NumberReading
from geo.addresses.parse import ParsedAddress
from geo.addresses.register_index import RegisterView
from geo.addresses.register_keys import NUMBER_LEVELS
from geo.addresses.row_groups import RowGroup, row_level

TEXTS_RANKED = 64  # most alike texts whose rows are ranked
LEAST_ALIKE = 0.12  # cosine below which a text is not alike at all
LEAST_EXPLAINED = 0.04  # of what the query says
DIVISION_SHARE = 0.25  # what a pair counts in a division: registers leave most of them out
NUMBER_SHARE = 0.3  # of a digit and a character beside it: the number itself is compared as one
READING_COST = 0.1  # score lost for each unit of the cost of a reading
SAME_POINTS = 1e-6
NEARLY_ALL = 0.9  # of what the register knows of the query
GATE_COST = 0.15  # 南门 where the text says nothing of a gate

# agrees, differs, absent in the register, unsaid in the query
_POINTS = {
    "village_group": (0.15, -0.3, 0.0, 0.0),
    "door": (0.1, -0.2, -0.02, 0.0),
    "building": (0.3, -0.4, 0.0, -0.05),
    "entrance": (0.15, -0.25, 0.0, -0.05),
    "floor": (0.1, -0.1, 0.0, -0.03),
    "room": (0.2, -0.3, 0.0, -0.05),
}
_GATE = re.compile(r"[东南西北]{1,2}\d?号?门|\d号?门|[东南西北]区?门|大门")
_ADMINISTRATIVE = {"province", "city", "county", "township"}

T = TypeVar("T", float, NDArray[np.float64])


@dataclass(frozen=True)
class AlikePlace:
    """A place found by likeness.

    score : only differences mean anything
    cosine : 0 to 1, of the texts
    explained : 0 to 1, share of the query that the place's text says too
    """

    place: Place
    score: float
    cosine: float
    explained: float


class AlikeTextsOfQuery:
    """How like a query the texts of a view are; ranks their rows and those of other candidates."""

    def __init__(self, query: Query, parsed: ParsedAddress, view: RegisterView) -> None:
        self.query = query
        self.view = view
        self.index: LikenessIndex = likeness_index(view)
        self.folded = fold_text(parsed.text)
        self.says_gate = _GATE.search(self.folded) is not None
        self.parts: list[AlikeTexts] = []
        self.pairs: WeighedPairs | None = None
        if len(self.folded) > 1 and self.index.count:
            self.pairs = self.index.weigh(self.folded, self._shares())
            self.parts = self.index.compare(self.pairs)

    def _shares(self) -> NDArray[np.float64]:
        """Return what each pair counts: little inside divisions, nothing inside numbers."""
        is_digit = np.array([char.isdigit() for char in self.folded])
        shares: NDArray[np.float64] = np.array([1.0, NUMBER_SHARE, 0.0])[
            is_digit[:-1].astype(int) + is_digit[1:]
        ]
        levels = self.view.names.levels
        pieces = {
            self.query.folded[hit.start : hit.end]
            for hit, _ in self.query.hits
            if hit.how in ("full", "short")
            and hit.quality >= CLEAR_QUALITY
            and levels[hit.name_id] <= _ADMINISTRATIVE
        }
        is_division = np.zeros(len(shares), bool)
        for piece in pieces:
            start = self.folded.find(piece)
            while start >= 0:
                is_division[start : start + len(piece) - 1] = True
                start = self.folded.find(piece, start + 1)
        return np.where(is_division, DIVISION_SHARE * shares, shares)

    def places(self, limit: int) -> list[AlikePlace]:
        """Return the most alike places, best first; equal ones by address id."""
        ranked: list[tuple[float, int, int, int, NDArray[np.int64], int]] = []
        for number, part in enumerate(self.parts):
            ranked += self._ranked(number, part)
        ranked.sort(key=lambda each: each[:2])
        return [self._place(*each) for each in ranked[:limit]]

    def score_of(self, place: Place, text: str) -> float:
        """Return the score of a place that was found otherwise; `text` is its standard text."""
        if self.pairs is None:
            return 0.0
        if place.address is not None:
            part, row = place.address
            own = self.parts[part].texts.row_text[[row]].astype(np.int64)
            points = self._number_points(part, np.array([row], np.int64))
            return float(self._text_scores(self.parts[part], own)[0]) + float(points.max())
        cosine, explained = self.index.compare_text(self.pairs, text)
        # What differs lies below the group, which is what is left of the text without it.
        agreeing = sum(_POINTS[level][0] for level in place.confirmed.numbers)
        return self._text_score(cosine, explained) + agreeing

    def says_nearly_all(self, place: Place) -> bool:
        """Whether an address says nearly all that the query does, letter by letter."""
        if self.pairs is None or place.address is None:
            return False
        part, row = place.address
        text = int(self.parts[part].texts.row_text[row])
        explained = float(self.parts[part].explained[text]) * self.pairs.whole / self.pairs.known
        return explained >= NEARLY_ALL

    def _ranked(
        self, number: int, part: AlikeTexts
    ) -> list[tuple[float, int, int, int, NDArray[np.int64], int]]:
        """Return (-score, address id, part, text, its best rows, reading) of the best texts."""
        texts = self._best_texts(part)
        if not len(texts):
            return []
        visible = self.view.parts[number].visible_rows
        rows_of_texts = [visible(part.texts.rows_of(text)) for text in texts.tolist()]
        counts = np.array([len(rows) for rows in rows_of_texts])
        rows = np.concatenate(rows_of_texts)
        points = self._number_points(number, rows)
        of_rows = points.max(axis=0)
        begin = np.concatenate(([0], np.cumsum(counts)[:-1]))
        best = np.maximum.reduceat(of_rows, begin)
        scores = self._text_scores(part, texts) + best
        row_id = self.view.parts[number].segment.row_id
        ranked = []
        for at, (text, score) in enumerate(zip(texts.tolist(), scores.tolist(), strict=True)):
            inside = slice(begin[at], begin[at] + counts[at])
            chosen = np.flatnonzero(of_rows[inside] >= best[at] - SAME_POINTS)
            own = rows[inside][chosen]
            smallest = int(row_id[own].argmin())
            reading = int(points[:, inside][:, chosen[smallest]].argmax())
            ids = int(row_id[own[smallest]])
            ranked.append((-round(score, 6), ids, number, text, np.sort(own), reading))
        return ranked

    def _best_texts(self, part: AlikeTexts) -> NDArray[np.intp]:
        found = np.flatnonzero(part.cosine >= LEAST_ALIKE)  # few of all texts
        cosine = part.cosine[found]
        cut = LEAST_ALIKE
        if len(found) > TEXTS_RANKED:
            # Ties at the cut are all kept, so that the order of the register decides nothing.
            cut = max(cut, float(np.partition(cosine, -TEXTS_RANKED)[-TEXTS_RANKED]) - 1e-9)
        return found[(cosine >= cut) & (part.explained[found] >= LEAST_EXPLAINED)]

    def _text_score(self, cosine: T, explained: T) -> T:
        """What no text of the register says, such as chatter, moves no two texts apart."""
        assert self.pairs is not None
        return 0.5 * cosine + 0.5 * self.pairs.whole / self.pairs.known * explained

    def _text_scores(self, part: AlikeTexts, texts: NDArray[np.int64]) -> NDArray[np.float64]:
        scores = self._text_score(part.cosine[texts], part.explained[texts])
        if not self.says_gate:
            written = part.texts.texts
            has_gate = [_GATE.search(written[text]) is not None for text in texts.tolist()]
            scores = scores - GATE_COST * np.array(has_gate)
        return scores

    def _place(
        self,
        negative: float,
        address_id: int,
        number: int,
        text: int,
        rows: NDArray[np.int64],
        reading_at: int,
    ) -> AlikePlace:
        part = self.view.parts[number]
        ids = part.segment.row_id[rows]
        first = int(rows[ids == address_id][0])
        reading = self.query.readings[reading_at]
        place = Place(
            level=row_level(part, first),
            rows=RowGroup(((number, rows),)),
            address=(number, first) if (ids == address_id).all() else None,
            confirmed=self._confirm(number, first, reading),
            scored=ScoredRow(number, first, -negative, -negative, reading),
            is_split=False,
        )
        alike = self.parts[number]
        return AlikePlace(place, -negative, float(alike.cosine[text]), float(alike.explained[text]))

    def _number_points(self, number: int, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return (n_readings, n_rows) points of the numbers under each reading."""
        stored = self._stored(number, rows)
        points = np.zeros((len(self.query.readings), len(rows)))
        cache: dict[tuple[str, str | None], NDArray[np.float64]] = {}
        for at, reading in enumerate(self.query.readings):
            points[at] -= READING_COST * reading.cost
            said = dict(reading.values)
            is_apart = np.zeros(len(rows), bool)
            for column, level in enumerate(NUMBER_LEVELS):
                key = said.get(level)
                if (level, key) not in cache:
                    cache[level, key] = self._level_points(level, key, stored[:, column])
                own = cache[level, key]
                # A room says nothing in a building of another number.
                points[at] += np.where(is_apart, np.minimum(own, 0.0), own)
                is_apart = is_apart | (own == _POINTS[level][1])
        return points

    def _level_points(
        self, level: str, key: str | None, own: NDArray[np.int32]
    ) -> NDArray[np.float64]:
        agrees, differs, absent, unsaid = _POINTS[level]
        if key is None:
            nothing_said: NDArray[np.float64] = np.where(own > 0, unsaid, 0.0)
            return nothing_said
        points: NDArray[np.float64] = np.where(own > 0, differs, absent)
        for number_id in number_ids(level, key, self.view.index.numbers):
            points[own == number_id] = agrees
        return points

    def _stored(self, number: int, rows: NDArray[np.int64]) -> NDArray[np.int32]:
        segment = self.view.parts[number].segment
        sites = segment.row_site[rows]
        return np.concatenate([segment.site_numbers[sites], segment.row_tail[rows]], axis=1)

    def _confirm(self, number: int, row: int, reading: NumberReading) -> Confirmed:
        stored = self._stored(number, np.array([row], np.int64))[0].tolist()
        numbers = self.view.index.numbers
        agreeing: dict[str, str] = {}
        differing: dict[str, tuple[str, str]] = {}
        absent: dict[str, str] = {}
        for level, own in zip(NUMBER_LEVELS, stored, strict=True):
            key = dict(reading.values).get(level)
            if key is None:
                continue
            if own == 0:
                absent[level] = key
            elif own in number_ids(level, key, numbers):
                agreeing[level] = key
            else:
                differing[level] = (key, numbers.texts[own])
        return Confirmed({}, agreeing, differing, absent)
