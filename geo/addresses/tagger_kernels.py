"""The tagger's inner loops: units, features, and the best sequence of tags.

A unit is a character, or a run of digits. Tags are O, and for each label B, I, E, S (begin,
inside, end, single): tag = 0 or 1 + 4 * label + place. Only well-formed sequences are searched, so
a transition is a matter of labels: (n_labels + 1)^2 weights.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from geo.addresses.lexicon import DIVISION_BITS, MAX_WORD_LENGTH, find_word
from geo.compiling import compiled

MAX_FEATURES = 44
MAX_UNITS = 512  # what follows in one text is left untagged
_BITS = DIVISION_BITS
_BASE = 1_000_003
Array = npt.NDArray[Any]


@compiled()
def split_units(codes: Array, start: int, end: int, units: Array, places: Array) -> int:
    """Write unit codes and their first characters; return the number of units.

    Digits run together: their code is 1 to 6 by length. `places` gets one more entry, the end.
    """
    count, at = 0, start
    while at < end and count < MAX_UNITS:
        places[count] = at - start
        if 48 <= codes[at] <= 57:
            first = at
            while at < end and 48 <= codes[at] <= 57:
                at += 1
            units[count] = min(at - first, 6)
        else:
            units[count] = codes[at]
            at += 1
        count += 1
    places[count] = at - start
    return count


@compiled()
def look_up(
    units: Array,
    count: int,
    division_keys: Array,
    division_masks: Array,
    class_keys: Array,
    class_masks: Array,
    divisions: Array,
    words: Array,
    word_ends: Array,
) -> None:
    """Mark each unit with the division names and the class words that lie on it.

    divisions : (n_units, DIVISION_BITS) 0 none, 1 begin, 2 inside, 3 end of the longest name
    words : (n_units,) mask of the longest class word that begins here; word_ends : where it ends
    """
    covered = np.zeros(_BITS, np.int64)
    divisions[:count] = 0
    for at in range(count):
        key = np.int64(7)
        words[at] = 0
        word_ends[at] = at
        best = np.zeros(_BITS, np.int64)
        for end in range(at, min(count, at + MAX_WORD_LENGTH)):
            if units[end] <= 6:
                break
            key = key * _BASE + units[end]
            mask = find_word(class_keys, class_masks, key)
            if mask:
                words[at] = mask
                word_ends[at] = end + 1
            if end > at:
                mask = find_word(division_keys, division_masks, key)
                if mask:
                    for bit in range(_BITS):
                        if mask >> bit & 1:
                            best[bit] = end + 1
        for bit in range(_BITS):
            if best[bit] > covered[bit] and covered[bit] <= at:
                covered[bit] = best[bit]
                for inside in range(at, best[bit]):
                    divisions[inside, bit] = 2
                divisions[at, bit] = 1
                divisions[best[bit] - 1, bit] = 3


@compiled()
def _mix(template: int, a: int, b: int, c: int, size: int) -> int:
    value = np.uint64(template) * np.uint64(0x9E3779B97F4A7C15)
    value = (value ^ np.uint64(a)) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(29)) ^ np.uint64(b)) * np.uint64(0x94D049BB133111EB)
    value = (value ^ (value >> np.uint64(31)) ^ np.uint64(c)) * np.uint64(0xD6E8FEB86659FD93)
    value ^= value >> np.uint64(32)
    return int(value & np.uint64(size - 1))


@compiled()
def write_features(
    units: Array,
    count: int,
    divisions: Array,
    words: Array,
    word_ends: Array,
    size: int,
    features: Array,
    numbers: Array,
) -> None:
    """Write the hashed features of each unit, (n_units, MAX_FEATURES), and how many there are."""
    kinds = np.zeros(count + 4, np.int64)
    following = np.zeros(count + 1, np.int64)  # class word that begins at or after a unit
    distance = np.full(count + 1, 15, np.int64)
    for at in range(count - 1, -1, -1):
        if words[at]:
            following[at], distance[at] = words[at], 0
        else:
            following[at], distance[at] = following[at + 1], min(distance[at + 1] + 1, 15)
    for at in range(count):
        code = units[at]
        if code <= 6:
            kinds[at] = code
        elif 65 <= code <= 90:
            kinds[at] = 7
        elif code < 0x3400:
            kinds[at] = 8 + (code == 45)
        elif words[at]:
            kinds[at] = 16 + words[at]
        else:
            kinds[at] = 10
    before = 0  # the last class word that ended, and whether numbers followed it
    since = 0
    history = 0
    ended_until = 0
    for at in range(count):
        p2 = units[at - 2] if at > 1 else 0x10FFFE + (at == 0)
        p1 = units[at - 1] if at > 0 else 0x10FFFE
        c0 = units[at]
        n1 = units[at + 1] if at + 1 < count else 0x10FFFD
        n2 = units[at + 2] if at + 2 < count else 0x10FFFC
        k_p = kinds[at - 1] if at > 0 else 15
        k_pp = kinds[at - 2] if at > 1 else 15
        k_0 = kinds[at]
        k_n = kinds[at + 1] if at + 1 < count else 15
        k_nn = kinds[at + 2] if at + 2 < count else 15
        row = features[at]
        row[0] = _mix(1, c0, 0, 0, size)
        row[1] = _mix(2, p1, 0, 0, size)
        row[2] = _mix(3, n1, 0, 0, size)
        row[3] = _mix(4, p2, 0, 0, size)
        row[4] = _mix(5, n2, 0, 0, size)
        row[5] = _mix(6, p1, c0, 0, size)
        row[6] = _mix(7, c0, n1, 0, size)
        row[7] = _mix(8, p2, p1, 0, size)
        row[8] = _mix(9, n1, n2, 0, size)
        row[9] = _mix(10, p1, n1, 0, size)
        row[10] = _mix(11, p2, p1, c0, size)
        row[11] = _mix(12, p1, c0, n1, size)
        row[12] = _mix(13, c0, n1, n2, size)
        row[13] = _mix(14, k_p, k_0, k_n, size)
        row[14] = _mix(15, k_0, k_n, k_nn, size)
        row[15] = _mix(16, k_pp, k_p, k_0, size)
        row[16] = _mix(17, following[at], distance[at], 0, size)
        row[17] = _mix(18, following[at], distance[at], k_p, size)
        row[18] = _mix(19, following[at], c0, 0, size)
        row[19] = _mix(20, before, min(since, 6), k_0, size)
        row[20] = _mix(21, before, c0, 0, size)
        row[21] = _mix(22, before, following[at], distance[at], size)
        row[22] = _mix(23, history, k_0, k_n, size)
        row[23] = _mix(24, history, following[at], 0, size)
        row[24] = _mix(25, word_ends[at] - at, words[at], before, size)
        row[25] = _mix(26, min(at, 3), c0, 0, size)
        row[26] = _mix(27, count - at if count - at < 3 else 3, k_0, k_p, size)
        row[27] = _mix(28, 0, 0, 0, size)
        used = 28
        shape = 0
        for bit in range(_BITS):
            place = divisions[at, bit]
            shape = shape * 4 + place
            if place:
                row[used] = _mix(29, bit, place, history & 15, size)
                row[used + 1] = _mix(30, bit, place, c0, size)
                used += 2
        if shape:
            row[used] = _mix(31, shape, before, 0, size)
            row[used + 1] = _mix(32, shape, k_n, n1, size)
            used += 2
        numbers[at] = used
        if at >= ended_until and words[at]:
            ended_until = word_ends[at]
        if (words[at] and word_ends[at] == at + 1) or at + 1 == ended_until:
            last = at
            while last > 0 and not words[last]:
                last -= 1
            before, since = words[last], 0
            low = 0
            while (words[last] >> low) & 1 == 0 and low < 13:
                low += 1
            history = (history * 16 + low + 1) & 0xFFF
        else:
            since += 1


@compiled(fastmath=True)
def score_units(
    features: Array, numbers: Array, count: int, rows: Array, weights: Array, scores: Array
) -> None:
    """Add up the weights of the features of each unit: `scores`, (n_units, n_tags)."""
    n_tags = weights.shape[1]
    for at in range(count):
        line = scores[at]
        for tag in range(n_tags):
            line[tag] = 0
        for number in range(numbers[at]):
            row = rows[features[at, number]]
            if row >= 0:
                weight = weights[row]
                for tag in range(n_tags):
                    line[tag] += weight[tag]


@compiled(fastmath=True)
def best_tags(scores: Array, count: int, transitions: Array, tags: Array, back: Array) -> None:
    """Write the best well-formed tags.

    transitions : (n_labels + 1, n_labels + 1) from the label that ended (0: outside) to the next
    back : (n_units, n_labels + 1) scratch, the label that ended before a span begun here
    """
    n_labels = transitions.shape[0] - 1
    done = np.zeros(n_labels + 1, np.float32)  # best score, the last span ended with this label
    inside = np.full(n_labels + 1, -1e9, np.float32)  # best score, a span of this label is open
    ended = np.zeros((count, n_labels + 1), np.int64)  # where the span that ends here began
    open_at = np.zeros(n_labels + 1, np.int64)
    for label in range(1, n_labels + 1):
        done[label] = -1e9
    fresh = np.empty(n_labels + 1, np.float32)
    for at in range(count):
        line = scores[at]
        for label in range(n_labels + 1):
            best, come = np.float32(-1e30), 0
            for previous in range(n_labels + 1):
                score = done[previous] + transitions[previous, label]
                if score > best:
                    best, come = score, previous
            fresh[label] = best
            back[at, label] = come
        for label in range(1, n_labels + 1):
            tag = 4 * label - 3
            single = fresh[label] + line[tag + 3]
            close = inside[label] + line[tag + 2]
            stay = inside[label] + line[tag + 1]
            begin = fresh[label] + line[tag]
            if single >= close:
                done[label], ended[at, label] = single, at
            else:
                done[label], ended[at, label] = close, open_at[label]
            if begin >= stay:
                inside[label], open_at[label] = begin, at
            else:
                inside[label] = stay
        done[0] = fresh[0] + line[0]
        ended[at, 0] = at
    label = 0
    for other in range(1, n_labels + 1):
        if done[other] > done[label]:
            label = other
    at = count - 1
    while at >= 0:
        first = ended[at, label]
        if label == 0:
            tags[at] = 0
        elif first == at:
            tags[at] = 4 * label
        else:
            base = 4 * label - 3
            tags[first] = base
            for middle in range(first + 1, at):
                tags[middle] = base + 1
            tags[at] = base + 2
        label = back[first, label]
        at = first - 1
