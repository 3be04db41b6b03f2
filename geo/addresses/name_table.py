"""The names of a register, found in a text in full, shortened, misheard, mistyped or in part.

Keys are folded names (`fold_name`); ids are dense from 1 and never change, so that later segments
of an index can share the table. Found by dictionary, never by scanning the names: the cost of a
query doesn't grow with the register.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import OSA

from geo.addresses.name_forms import (
    FULL,
    differs_in_number_or_side,
    quality_in_context,
    short_forms,
)
from geo.addresses.sounds import sound

MAX_NAME_LENGTH = 40  # [characters] of a name that is looked up; longer ones are cut for the search
TYPO_LENGTHS = range(3, 13)  # [characters] of names in which one slip is forgiven
_TYPO_QUALITY = {3: 0.7}
_SOUND_QUALITY = {2: 0.72, 3: 0.82}
_PARTS_KEPT = 24  # names that share most with a piece of text are compared in full


class NameHit(NamedTuple):
    """A name of the register in a text: text[start:end] means `name_id` with `quality` in (0, 1].

    how : full, short, sound, typo or part
    """

    name_id: int
    start: int
    end: int
    quality: float
    how: str


class _HashedForms:
    """Hash of a form → ids of names, in two sorted arrays: 12 bytes an entry.

    The arrays are replaced together, so that a search in another thread sees one state.
    """

    def __init__(self) -> None:
        self._arrays = np.empty(0, np.int64), np.empty(0, np.int32)

    def add(self, hashes: list[int], name_ids: list[int]) -> None:
        known_hashes, known_ids = self._arrays
        all_hashes = np.concatenate([known_hashes, np.array(hashes, np.int64)])
        all_ids = np.concatenate([known_ids, np.array(name_ids, np.int32)])
        order = np.lexsort((all_ids, all_hashes))
        self._arrays = all_hashes[order], all_ids[order]

    def find(self, hashes: list[int]) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
        """Return which of `hashes` was found, and the name, once for each pair."""
        known_hashes, known_ids = self._arrays
        wanted = np.array(hashes, np.int64)
        first = np.searchsorted(known_hashes, wanted, "left")
        last = np.searchsorted(known_hashes, wanted, "right")
        counts = last - first
        total = int(counts.sum())
        if total == 0:
            return np.empty(0, np.intp), np.empty(0, np.int32)
        which = np.repeat(np.arange(len(hashes)), counts)
        begins = np.repeat(first - np.concatenate(([0], np.cumsum(counts)[:-1])), counts)
        return which, known_ids[begins + np.arange(total)]


class NameTable:
    """All names of a register. They are added, never removed; `is_alive` says which still stand."""

    def __init__(self) -> None:
        self.keys: dict[str, int] = {}
        self.texts: list[str] = [""]
        self.levels: list[frozenset[str]] = [frozenset()]
        self._forms: dict[str, tuple[tuple[int, float], ...]] = {}
        self._lengths: dict[str, tuple[int, ...]] = {}
        self._sounds: dict[str, tuple[int, ...]] = {}
        self._typos = _HashedForms()
        self._bigrams = _HashedForms()
        self.beginnings: object | None = None  # kept here for `suggest`, which makes it

    def __len__(self) -> int:
        return len(self.texts)

    def add(self, keys: Iterable[str], level: str) -> list[int]:
        """Return the ids of folded names of one level, new ones where they are not known."""
        ids: list[int] = []
        fresh: list[int] = []
        for key in keys:
            name_id = self.keys.get(key)
            if name_id is None:
                name_id = len(self.texts)
                self.keys[key] = name_id
                self.texts.append(key)
                self.levels.append(frozenset())
                fresh.append(name_id)
                self._add_form(key, name_id, FULL)
            if level not in self.levels[name_id]:
                self.levels[name_id] |= {level}
                for form, quality in short_forms(key, level):
                    self._add_form(form, name_id, quality)
            ids.append(name_id)
        self._add_similar(fresh)
        return ids

    def _add_form(self, form: str, name_id: int, quality: float) -> None:
        form = form[:MAX_NAME_LENGTH]
        if len(form) < 2:
            return
        self._forms[form] = (*self._forms.get(form, ()), (name_id, quality))
        lengths = self._lengths.get(form[:2], ())
        if len(form) not in lengths:
            self._lengths[form[:2]] = tuple(sorted((*lengths, len(form)), reverse=True))

    def _add_similar(self, fresh: list[int]) -> None:
        typo_hashes: list[int] = []
        typo_ids: list[int] = []
        bigram_hashes: list[int] = []
        bigram_ids: list[int] = []
        for name_id in fresh:
            key = self.texts[name_id][:MAX_NAME_LENGTH]
            heard = sound(key)
            self._sounds[heard] = (*self._sounds.get(heard, ()), name_id)
            if len(key) in TYPO_LENGTHS:
                forms = _with_one_left_out(key)
                typo_hashes.extend(map(hash, forms))
                typo_ids.extend([name_id] * len(forms))
            pairs = {key[i : i + 2] for i in range(len(key) - 1)}
            bigram_hashes.extend(map(hash, pairs))
            bigram_ids.extend([name_id] * len(pairs))
        if typo_hashes:
            self._typos.add(typo_hashes, typo_ids)
        if bigram_hashes:
            self._bigrams.add(bigram_hashes, bigram_ids)

    def find_written(self, text: str, is_alive: Callable[[int], bool]) -> list[NameHit]:
        """Return every name written in `text` in full or shortened, also inside one another."""
        hits: list[NameHit] = []
        for start in range(len(text) - 1):
            for length in self._lengths.get(text[start : start + 2], ()):
                form = text[start : start + length]
                if len(form) < length:
                    continue
                end = start + length
                for name_id, quality in self._forms.get(form, ()):
                    if not is_alive(name_id):
                        continue
                    if quality == FULL:
                        hits.append(NameHit(name_id, start, end, quality, "full"))
                        continue
                    worth = quality_in_context(quality, text, end, self.levels[name_id])
                    hits.append(NameHit(name_id, start, end, worth, "short"))
        return hits

    def find_similar(
        self, text: str, start: int, end: int, is_alive: Callable[[int], bool]
    ) -> list[NameHit]:
        """Return names that sound like a piece of text[start:end] or differ by one slip."""
        hits: list[NameHit] = []
        heard = sound(text)
        windows: list[tuple[int, int]] = []
        hashes: list[int] = []
        for first in range(start, end - 1):
            for last in range(first + 2, min(end, first + TYPO_LENGTHS[-1] + 1) + 1):
                length = last - first
                for name_id in self._sounds.get(heard[first:last], ()):
                    if is_alive(name_id) and self.texts[name_id] != text[first:last]:
                        quality = _SOUND_QUALITY.get(length, 0.88)
                        hits.append(NameHit(name_id, first, last, quality, "sound"))
                if length >= TYPO_LENGTHS[0] - 1:
                    forms = _with_one_left_out(text[first:last])
                    hashes.extend(map(hash, forms))
                    windows.extend([(first, last)] * len(forms))
        if hashes:
            which, name_ids = self._typos.find(hashes)
            pairs = {
                (windows[w], n) for w, n in zip(which.tolist(), name_ids.tolist(), strict=True)
            }
            for (first, last), name_id in sorted(pairs):
                key = self.texts[name_id]
                if not is_alive(name_id) or differs_in_number_or_side(text[first:last], key):
                    continue
                if OSA.distance(text[first:last], key, score_cutoff=1) == 1:
                    quality = _TYPO_QUALITY.get(len(key), 0.8)
                    hits.append(NameHit(name_id, first, last, quality, "typo"))
        return hits

    def find_parts(
        self, text: str, start: int, end: int, is_alive: Callable[[int], bool]
    ) -> list[NameHit]:
        """Return names that share a good part of their characters with text[start:end]."""
        piece = text[start:end]
        if len(piece) < 2:
            return []
        pairs = sorted({piece[i : i + 2] for i in range(len(piece) - 1)})
        _, name_ids = self._bigrams.find([hash(pair) for pair in pairs])
        ids, counts = np.unique(name_ids, return_counts=True)
        ranked = sorted(
            (-int(count), abs(len(self.texts[int(i)]) - len(piece)), self.texts[int(i)], int(i))
            for i, count in zip(ids, counts, strict=True)
            if is_alive(int(i))
        )
        hits = []
        for negative, _, key, name_id in ranked[:_PARTS_KEPT]:
            shared = -negative + 1
            share = shared / len(key)
            if share >= 0.45 and not _numbers_missing(key, piece):
                first, last = _span_of_shared(text, start, end, key)
                hits.append(NameHit(name_id, first, last, 0.25 + 0.45 * min(share, 1.0), "part"))
        return hits


def _with_one_left_out(text: str) -> list[str]:
    return [text, *{text[:i] + text[i + 1 :] for i in range(len(text))}]


def _numbers_missing(key: str, piece: str) -> bool:
    """Whether the piece names another number: 苑二区 is no part of 翠苑一区."""
    digits = {char for char in piece if char.isdigit()}
    return (
        bool(digits)
        and not digits & {char for char in key if char.isdigit()}
        and any(char.isdigit() for char in key)
    )


def _span_of_shared(text: str, start: int, end: int, key: str) -> tuple[int, int]:
    places = [i for i in range(start, end) if text[i] in key]
    return (places[0], places[-1] + 1) if places else (start, end)
