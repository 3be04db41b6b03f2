"""The names of a register, found in a text in full, shortened, misheard, mistyped or in part.

Keys are folded names (`fold_name`); ids are dense from 1 and never change, so that later segments
of an index can share the table. Found by dictionary, never by scanning the names: the cost of a
query doesn't grow with the register.
"""

from __future__ import annotations

from collections.abc import Iterable
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
from geo.addresses.name_kernels import (
    SOUND,
    hash_names,
    hash_pairs,
    hash_with_one_left_out,
    make_slots,
    names_sharing_pairs,
    similar_names,
)
from geo.addresses.sounds import sound

Alive = NDArray[np.bool_]
_Table = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64], NDArray[np.int32]]

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
    """Hash of a form → ids of names: 12 bytes an entry, and 24 to 48 a form for finding it.

    The arrays are replaced together, so that a search in another thread sees one state.
    """

    def __init__(self) -> None:
        self.arrays = _table_of(np.empty(0, np.int64), np.empty(0, np.int32))

    def add(self, forms: NDArray[np.int64], name_ids: NDArray[np.int32]) -> None:
        if not len(forms):
            return
        _, _, known_forms, known_ids = self.arrays
        forms = np.concatenate([known_forms, forms])
        name_ids = np.concatenate([known_ids, name_ids])
        order = np.lexsort((name_ids, forms))
        forms, name_ids = forms[order], name_ids[order]
        is_new = (np.diff(forms, prepend=0) != 0) | (np.diff(name_ids, prepend=0) != 0)
        is_new[0] = True
        self.arrays = _table_of(forms[is_new], name_ids[is_new])


def _table_of(forms: NDArray[np.int64], name_ids: NDArray[np.int32]) -> _Table:
    return (*make_slots(forms), forms, name_ids)


class NameTable:
    """All names of a register. They are added, never removed; `is_alive` says which still stand."""

    def __init__(self) -> None:
        self.keys: dict[str, int] = {}
        self.texts: list[str] = [""]
        self.levels: list[frozenset[str]] = [frozenset()]
        self._forms: dict[str, tuple[tuple[int, float], ...]] = {}
        self._lengths: dict[str, tuple[int, ...]] = {}
        self._sounds = _HashedForms()
        self._typos = _HashedForms()
        self._pairs = _HashedForms()
        self._name_lengths = np.zeros(1, np.int32)
        self.version = 0  # grows with each name, and with each level of a name
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
                self.version += 1
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
        if not fresh:
            return
        ids = np.array(fresh, np.int32)
        keys = [self.texts[name_id][:MAX_NAME_LENGTH] for name_id in fresh]
        lengths = np.array([len(self.texts[name_id]) for name_id in fresh], np.int32)
        self._name_lengths = np.concatenate([self._name_lengths, lengths])
        begin = np.concatenate(([0], np.cumsum([len(key) for key in keys])))
        codes = code_points("".join(keys))
        self._sounds.add(hash_names(code_points(sound("".join(keys))), begin), ids)
        forms, places = hash_with_one_left_out(codes, begin, TYPO_LENGTHS[0], TYPO_LENGTHS[-1])
        self._typos.add(forms, ids[places])
        forms, places = hash_pairs(codes, begin)
        self._pairs.add(forms, ids[places])

    def find_written(self, text: str, alive: Alive) -> list[NameHit]:
        """Return every name written in `text` in full or shortened, also inside one another.

        alive : (n_names,) whether a visible address has the name; names beyond are not there
        """
        hits: list[NameHit] = []
        lengths_of, forms, known = self._lengths, self._forms, len(alive)
        for start in range(len(text) - 1):
            lengths = lengths_of.get(text[start : start + 2])
            if lengths is None:
                continue
            for length in lengths:
                found = forms.get(text[start : start + length])
                end = start + length
                if found is None or end > len(text):
                    continue
                for name_id, quality in found:
                    if name_id >= known or not alive[name_id]:
                        continue
                    if quality == FULL:
                        hits.append(NameHit(name_id, start, end, quality, "full"))
                        continue
                    worth = quality_in_context(quality, text, end, self.levels[name_id])
                    hits.append(NameHit(name_id, start, end, worth, "short"))
        return hits

    def find_similar(self, text: str, start: int, end: int, alive: Alive) -> list[NameHit]:
        """Return names that sound like a piece of text[start:end] or differ by one slip."""
        heard = sound(text)
        found = similar_names(
            code_points(text), code_points(heard), start, end, TYPO_LENGTHS[-1] + 1, alive,
            *self._sounds.arrays, *self._typos.arrays,
        )  # fmt: skip
        hits: list[NameHit] = []
        for first, last, how, name_id in found.tolist():
            piece, key = text[first:last], self.texts[name_id]
            if how == SOUND:
                if key != piece and sound(key) == heard[first:last]:
                    quality = _SOUND_QUALITY.get(last - first, 0.88)
                    hits.append(NameHit(name_id, first, last, quality, "sound"))
            elif not differs_in_number_or_side(piece, key) and (
                OSA.distance(piece, key, score_cutoff=1) == 1
            ):
                quality = _TYPO_QUALITY.get(len(key), 0.8)
                hits.append(NameHit(name_id, first, last, quality, "typo"))
        return hits

    def find_parts(self, text: str, start: int, end: int, alive: Alive) -> list[NameHit]:
        """Return names that share a good part of their characters with text[start:end]."""
        piece = text[start:end]
        if len(piece) < 2:
            return []
        found = names_sharing_pairs(
            code_points(text), start, end, _PARTS_KEPT, alive, self._name_lengths,
            *self._pairs.arrays,
        )  # fmt: skip
        texts = self.texts
        ranked = sorted(
            (-count, abs(len(texts[name_id]) - len(piece)), texts[name_id], name_id)
            for name_id, count in found.tolist()
        )
        hits = []
        for negative, _, key, name_id in ranked[:_PARTS_KEPT]:
            shared = -negative + 1
            share = shared / len(key)
            if share >= 0.45 and not _numbers_missing(key, piece):
                first, last = _span_of_shared(text, start, end, key)
                hits.append(NameHit(name_id, first, last, 0.25 + 0.45 * min(share, 1.0), "part"))
        return hits


def code_points(text: str) -> NDArray[np.uint32]:
    """Return the code point of each character, half surrogates as they are."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


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
