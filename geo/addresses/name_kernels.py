"""The inner loops of `name_table`, compiled: hashes of forms, and the names that share them.

Texts are arrays of code points. A form is hashed as a polynomial of its characters, so that the
hash of a piece, and of a piece without one of its characters, follows from hashes of beginnings.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from geo.compiling import compiled

SOUND, TYPO = 0, 1
_BASE = np.int64(1_000_003)
_MIX = np.int64(-7046029254386353131)  # 2^64 divided by the golden ratio, as a signed number
Array = npt.NDArray[Any]


@compiled(inline="always")
def _slot(form: int, size: int) -> Any:
    mixed = form * _MIX
    return (mixed ^ (mixed >> 29)) & (size - 1)


@compiled()
def hash_text(codes: Array, start: int, end: int) -> Any:
    """Return the hash of codes[start:end]."""
    form = np.int64(0)
    for at in range(start, end):
        form = form * _BASE + np.int64(codes[at])
    return form


@compiled()
def hash_names(codes: Array, begin: Array) -> Array:
    """Return (n_names,) the hash of each whole name; name i is codes[begin[i]:begin[i + 1]]."""
    forms = np.empty(len(begin) - 1, np.int64)
    for i in range(len(forms)):
        forms[i] = hash_text(codes, begin[i], begin[i + 1])
    return forms


@compiled()
def hash_with_one_left_out(
    codes: Array, begin: Array, shortest: int, longest: int
) -> tuple[Array, Array]:
    """Return hashes and the places of their names: each name of these lengths whole, and without
    each of its characters."""
    total = 0
    for i in range(len(begin) - 1):
        length = begin[i + 1] - begin[i]
        if shortest <= length <= longest:
            total += length + 1
    forms, names = np.empty(total, np.int64), np.empty(total, np.int32)
    count = 0
    for i in range(len(begin) - 1):
        first, last = begin[i], begin[i + 1]
        if not shortest <= last - first <= longest:
            continue
        for left_out in range(first - 1, last):
            form = np.int64(0)
            for at in range(first, last):
                if at != left_out:
                    form = form * _BASE + np.int64(codes[at])
            forms[count] = form
            names[count] = i
            count += 1
    return forms, names


@compiled()
def hash_pairs(codes: Array, begin: Array) -> tuple[Array, Array]:
    """Return hashes of all pairs of neighbouring characters, and the places of their names."""
    total = 0
    for i in range(len(begin) - 1):
        total += max(begin[i + 1] - begin[i] - 1, 0)
    forms, names = np.empty(total, np.int64), np.empty(total, np.int32)
    count = 0
    for i in range(len(begin) - 1):
        for at in range(begin[i], begin[i + 1] - 1):
            forms[count] = hash_text(codes, at, at + 2)
            names[count] = i
            count += 1
    return forms, names


@compiled()
def make_slots(forms: Array) -> tuple[Array, Array]:
    """Return an open hash table of sorted forms: (2^k,) forms and where each begins, -1 if free."""
    distinct = 0
    for at in range(len(forms)):
        distinct += at == 0 or forms[at] != forms[at - 1]
    size = 16
    while size < 2 * distinct:
        size *= 2
    slots, begins = np.zeros(size, np.int64), np.full(size, -1, np.int32)
    for at in range(len(forms)):
        if at > 0 and forms[at] == forms[at - 1]:
            continue
        slot = _slot(forms[at], size)
        while begins[slot] >= 0:
            slot = (slot + 1) & (size - 1)
        slots[slot] = forms[at]
        begins[slot] = at
    return slots, begins


@compiled()
def _first(slots: Array, begins: Array, form: Any) -> Any:
    """Return where the names of a form begin, -1 where nothing has it."""
    slot = _slot(form, len(slots))
    while begins[slot] >= 0:
        if slots[slot] == form:
            return begins[slot]
        slot = (slot + 1) & (len(slots) - 1)
    return -1


@compiled()
def _grown(found: Array) -> Array:
    larger = np.empty((2 * len(found), found.shape[1]), found.dtype)
    larger[: len(found)] = found
    return larger


@compiled()
def _put(found: Array, at: int, first: int, last: int, how: int, name: int) -> None:
    found[at, 0] = first
    found[at, 1] = last
    found[at, 2] = how
    found[at, 3] = name


@compiled()
def similar_names(
    codes: Array,
    heard: Array,
    start: int,
    end: int,
    longest: int,
    alive: Array,
    sound_slots: Array,
    sound_begins: Array,
    sound_forms: Array,
    sound_names: Array,
    typo_slots: Array,
    typo_begins: Array,
    typo_forms: Array,
    typo_names: Array,
) -> Array:
    """Return (n, 4) first, last, SOUND or TYPO, name: pieces of codes[start:end] of 2 to `longest`
    characters that sound like a living name, or share a form with one when a character is left out
    on either side. Each pair once, in order; hashes alone are compared."""
    found = np.empty((64, 4), np.int64)
    count = 0
    length = end - start
    powers = np.ones(length + 1, np.int64)
    whole = np.zeros(length + 1, np.int64)
    spoken = np.zeros(length + 1, np.int64)
    for i in range(length):
        powers[i + 1] = powers[i] * _BASE
        whole[i + 1] = whole[i] * _BASE + np.int64(codes[start + i])
        spoken[i + 1] = spoken[i] * _BASE + np.int64(heard[start + i])
    for first in range(length - 1):
        for last in range(first + 2, min(length, first + longest) + 1):
            begun = count
            form = spoken[last] - spoken[first] * powers[last - first]
            at = _first(sound_slots, sound_begins, form)
            while 0 <= at < len(sound_forms) and sound_forms[at] == form:
                name = sound_names[at]
                if name < len(alive) and alive[name]:
                    if count == len(found):
                        found = _grown(found)
                    _put(found, count, first + start, last + start, SOUND, name)
                    count += 1
                at += 1
            for left_out in range(first - 1, last):
                if left_out < first:
                    form = whole[last] - whole[first] * powers[last - first]
                else:
                    before = whole[left_out] - whole[first] * powers[left_out - first]
                    after = whole[last] - whole[left_out + 1] * powers[last - left_out - 1]
                    form = before * powers[last - left_out - 1] + after
                at = _first(typo_slots, typo_begins, form)
                while 0 <= at < len(typo_forms) and typo_forms[at] == form:
                    name = typo_names[at]
                    at += 1
                    if name >= len(alive) or not alive[name]:
                        continue
                    is_new = True
                    for known in range(begun, count):
                        is_new &= found[known, 2] != TYPO or found[known, 3] != name
                    if is_new:
                        if count == len(found):
                            found = _grown(found)
                        _put(found, count, first + start, last + start, TYPO, name)
                        count += 1
    return found[:count]


@compiled()
def names_sharing_pairs(
    codes: Array,
    start: int,
    end: int,
    kept: int,
    alive: Array,
    lengths: Array,
    slots: Array,
    begins: Array,
    forms: Array,
    names: Array,
) -> Array:
    """Return (n, 2) name and pairs of neighbouring characters shared with codes[start:end], of the
    living names that share most and differ least in length: `kept` of them, and their equals."""
    pairs = np.empty(max(end - start - 1, 0), np.int64)
    for at in range(len(pairs)):
        pairs[at] = hash_text(codes, start + at, start + at + 2)
    pairs = np.unique(pairs)
    counts = np.zeros(len(alive), np.int16)
    touched = np.empty(256, np.int32)
    n_touched = 0
    for form in pairs:
        at = _first(slots, begins, form)
        while 0 <= at < len(forms) and forms[at] == form:
            name = names[at]
            at += 1
            if name >= len(alive) or not alive[name]:
                continue
            if counts[name] == 0:
                if n_touched == len(touched):
                    larger = np.empty(2 * len(touched), np.int32)
                    larger[:n_touched] = touched
                    touched = larger
                touched[n_touched] = name
                n_touched += 1
            counts[name] += 1
    touched = touched[:n_touched]
    ranks = np.empty(n_touched, np.int64)
    for i in range(n_touched):
        apart = abs(np.int64(lengths[touched[i]]) - (end - start))
        ranks[i] = -np.int64(counts[touched[i]]) * 65_536 + apart
    limit = np.int64(2**62)
    if n_touched > kept:
        limit = np.partition(ranks, kept - 1)[kept - 1]
    found = np.empty((n_touched, 2), np.int64)
    count = 0
    for i in range(n_touched):
        if ranks[i] <= limit:
            found[count, 0] = touched[i]
            found[count, 1] = counts[touched[i]]
            count += 1
    return found[:count]
