"""What two addresses have in common, in numbers: the features that a pair model weighs.

A feature is -1 where neither text, or only one, says anything of it. Shares are by weight of
characters (`character_weights`): what is rare tells more.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from geo.addresses.pair_reading import (
    BUILDING,
    COMMUNITY,
    DISTANCE,
    DIVISION,
    DOOR,
    END,
    ENTRANCE,
    ESTATE,
    FLOOR,
    GROUP,
    KIND,
    LANE,
    LAST,
    NAME,
    NUMBER,
    PHASE,
    RELATION,
    ROAD,
    ROOM,
    START,
    STEM,
    TOWNSHIP,
    VALUE,
    ZONE,
    codes_agree,
)
from geo.addresses.pair_words import hash_pair
from geo.compiling import inner_kernel

Array = npt.NDArray[Any]

MAX_LENGTH = 120  # [characters]; what follows is not compared
NEITHER, ONLY_FIRST, ONLY_SECOND, SAME, RANGE, APART = -1, 0, 1, 2, 3, 4
"""What is known of a number: written by neither, by one, by both and the same, within a range of
the other, or not the same."""
NUMBER_KINDS = (DOOR, BUILDING, ENTRANCE, FLOOR, ROOM, LANE, GROUP, PHASE)
NAME_KINDS = (DIVISION, TOWNSHIP, ZONE, COMMUNITY, ROAD, ESTATE, NAME)
N_FEATURES = 98
FIRST_SIDE, SECOND_SIDE, NAMES_SHARE, LACKING = 6, 22, 7, 10
"""Where what each text says begins; therein the share of its names, and what the other lacks."""
NUMBERS_AT, SHARED_NUMBERS_AT, RELATIONS_AT, DIVISIONS_AT, ALIKE_AT = 38, 54, 58, 62, 65
UNPARTING_KINDS = (LANE, PHASE)  # kinds that are no numbered level of an address
_GROUPS = ((ROAD, ROAD), (ESTATE, NAME), (TOWNSHIP, COMMUNITY))
LEXICAL = N_FEATURES - 3
"""The first of three features that the lexicon of a model fills: what the words speak for."""


@inner_kernel
def _match(a: Array, a0: int, a1: int, b: Array, b0: int, b1: int, matched: Array) -> None:
    """Mark the characters of `a` that stand in a run of two or more which `b` holds too."""
    for i in range(a1 - a0):
        matched[i] = 0
    i = a0
    while i < a1:
        best = 0
        for j in range(b0, b1):
            if a[i] != b[j]:
                continue
            run = 1
            while i + run < a1 and j + run < b1 and a[i + run] == b[j + run]:
                run += 1
            best = max(best, run)
        if best > 1:
            matched[i - a0 : i - a0 + best] = 2
            i += best
        else:
            matched[i - a0] = best
            i += 1


@inner_kernel
def _subsequence(a: Array, a0: int, a1: int, b: Array, b0: int, b1: int, line: Array) -> int:
    """Return the length of the longest common subsequence."""
    width = b1 - b0
    for j in range(width + 1):
        line[j] = 0
    for i in range(a0, a1):
        diagonal = 0
        for j in range(width):
            above = line[j + 1]
            if a[i] == b[b0 + j]:
                line[j + 1] = diagonal + 1
            elif line[j] > above:
                line[j + 1] = line[j]
            diagonal = above
    return int(line[width])


@inner_kernel
def _number_state(kind: int, a: Array, n: int, b: Array, m: int) -> tuple[int, int]:
    """Return what two texts say of a kind of number, and the least distance of the values."""
    in_a, in_b, best, nearest = False, False, APART, 1_000_000
    for i in range(n):
        if a[i, KIND] != kind:
            continue
        in_a = True
        for j in range(m):
            if b[j, KIND] != kind:
                continue
            in_b = True
            if a[i, VALUE] == b[j, VALUE]:
                best = SAME
            elif (
                best != SAME
                and (
                    (a[i, LAST] > a[i, NUMBER] and a[i, NUMBER] <= b[j, NUMBER] <= a[i, LAST])
                    or (b[j, LAST] > b[j, NUMBER] and b[j, NUMBER] <= a[i, NUMBER] <= b[j, LAST])
                )
            ) or (best == APART and a[i, NUMBER] == b[j, NUMBER]):
                best = RANGE
            nearest = min(nearest, abs(a[i, NUMBER] - b[j, NUMBER]))
    if in_a and in_b:
        return best, nearest
    if in_a:
        return ONLY_FIRST, -1
    for j in range(m):
        if b[j, KIND] == kind:
            return ONLY_SECOND, -1
    return NEITHER, -1


@inner_kernel
def _kind_slot(kind: int) -> int:
    """Return the place of a kind in NAME_KINDS, -1 for numbers and relations."""
    return kind - 1 if 1 <= kind <= 7 else -1


@inner_kernel
def _side(
    items: Array, count: int, codes: Array, start: int, weights: Array, matched: Array, out: Array,
) -> None:  # fmt: skip
    """Write what one text says, and how much of it the other says too: 7 shares by kind, then 8.

    out[:7] : share of the names of each kind that the other text holds
    then : share of all names, of the last place, of the rarest place; weight of the names that the
    other text lacks; kind of the last item; number of places; number of roads; where the last
    matched character lies
    """
    told = np.zeros(7)
    shared = np.zeros(7)
    last_share = -1.0
    rarest, rarest_share = 0.0, -1.0
    places, roads = 0, 0
    lacking = 0.0
    for index in range(count):
        slot = _kind_slot(items[index, KIND])
        if slot < 0:
            continue
        total, hit = 0.0, 0.0
        for place in range(items[index, START] - start, items[index, END] - start):
            if place >= MAX_LENGTH:
                break
            weight = weights[codes[start + place]]
            total += weight
            if matched[place] == 2:
                hit += weight
            elif matched[place] == 1:
                hit += 0.3 * weight
        told[slot] += total
        shared[slot] += hit
        if slot == 4:
            roads += 1
        if slot > 4:
            places += 1
            last_share = hit / total if total else -1.0
            if total > rarest:
                rarest, rarest_share = total, hit / total
            lacking += total - hit
    names, names_shared = 0.0, 0.0
    for slot in range(7):
        out[slot] = shared[slot] / told[slot] if told[slot] else -1
        if slot >= 4:
            names += told[slot]
            names_shared += shared[slot]
    out[7] = names_shared / names if names else -1
    out[8] = last_share
    out[9] = rarest_share
    out[10] = lacking
    out[11] = items[count - 1, KIND] if count else 0
    out[12] = places
    out[13] = roads
    length = min(items[count - 1, END] - start, MAX_LENGTH) if count else 0
    last = length
    while last > 0 and matched[last - 1] < 2:
        last -= 1
    out[14] = (length - last) / length if length else -1
    tail = 0.0
    for place in range(last, length):
        tail += weights[codes[start + place]]
    out[15] = tail


@inner_kernel
def _best_pair(
    a: Array, n: int, a_codes: Array, b: Array, m: int, b_codes: Array, low: int, high: int,
    line: Array,
) -> tuple[float, float]:  # fmt: skip
    """Return how alike the two most alike names of some kinds are, and how alike the last ones.

    Alike: twice the common subsequence over both lengths, without class words.
    """
    best, last = -1.0, -1.0
    for i in range(n):
        if not low <= a[i, KIND] <= high:
            continue
        last = -1.0
        for j in range(m):
            if not low <= b[j, KIND] <= high:
                continue
            x, y = a[i, STEM] - a[i, START], b[j, STEM] - b[j, START]
            if x <= 0 or y <= 0:
                continue
            x, y = min(x, MAX_LENGTH), min(y, MAX_LENGTH)
            common = _subsequence(
                a_codes, a[i, START], a[i, START] + x, b_codes, b[j, START], b[j, START] + y, line
            )
            alike = 2 * common / (x + y)
            best = max(best, alike)
            last = alike
    return best, last


@inner_kernel
def write_pair(
    a_codes: Array, a0: int, a1: int, a: Array, n: int, a_places: Array, n_places: int,
    b_codes: Array, b0: int, b1: int, b: Array, m: int, b_places: Array, m_places: int,
    sounds: Array, weights: Array, rarity: Array, matched_a: Array, matched_b: Array, line: Array,
    out: Array,
) -> None:  # fmt: skip
    """Write the features of one pair, (N_FEATURES,), but for the lexical ones.

    matched_a, matched_b : (MAX_LENGTH + 1,) room for marks; they leave with what `_match` finds
    """
    a1, b1 = min(a1, a0 + MAX_LENGTH), min(b1, b0 + MAX_LENGTH)
    _match(a_codes, a0, a1, b_codes, b0, b1, matched_a)
    _match(b_codes, b0, b1, a_codes, a0, a1, matched_b)
    out[0], out[1] = a1 - a0, b1 - b0
    common = _subsequence(a_codes, a0, a1, b_codes, b0, b1, line)
    out[2] = 2 * common / max(1, a1 - a0 + b1 - b0)
    out[3] = common / max(1, min(a1 - a0, b1 - b0))
    out[4] = _whole_share(a_codes, a0, a1, weights, matched_a)
    out[5] = _whole_share(b_codes, b0, b1, weights, matched_b)
    _side(a, n, a_codes, a0, weights, matched_a, out[6:22])
    _side(b, m, b_codes, b0, weights, matched_b, out[22:38])
    at = 38
    for kind in NUMBER_KINDS:
        state, distance = _number_state(kind, a, n, b, m)
        out[at] = state
        out[at + 1] = min(distance, 1000)
        at += 2
    # at == 54
    same, in_a, in_b = 0, 0, 0
    site_same = 0
    for i in range(n):
        if a[i, KIND] >= DOOR and a[i, KIND] != DISTANCE:
            in_a += 1
            for j in range(m):
                if b[j, KIND] >= DOOR and b[j, KIND] != DISTANCE and a[i, VALUE] == b[j, VALUE]:
                    same += 1
                    if a[i, KIND] in (DOOR, BUILDING) and b[j, KIND] in (DOOR, BUILDING):
                        site_same += 1
                    break
    for j in range(m):
        if b[j, KIND] >= DOOR and b[j, KIND] != DISTANCE:
            in_b += 1
    out[54], out[55], out[56], out[57] = same, in_a, in_b, site_same
    out[58], out[59] = _relations(a, n)
    out[60], out[61] = _relations(b, m)
    best = -2
    for i in range(n_places):
        for j in range(m_places):
            best = max(best, codes_agree(a_places[i], b_places[j]))
    out[62] = best
    out[63], out[64] = n_places, m_places
    at = 65
    for group in range(3):
        low, high = _GROUPS[group]
        # the last one of townships gives way to the next feature
        out[at], out[at + 1] = _best_pair(a, n, a_codes, b, m, b_codes, low, high, line)
        at += 2
    out[70] = b_codes[b1 - 1] == 41 if b1 > b0 else 0
    out[71], out[78] = _gate_and_near(b_codes, b0, b1)
    out[72], _ = _gate_and_near(a_codes, a0, a1)
    out[73] = _tail_alike(a_codes, a0, a1, b_codes, b0, b1)
    out[74] = a[n - 2, KIND] if n > 1 else 0
    out[75] = b[m - 2, KIND] if m > 1 else 0
    out[76] = _last_number_kind(a, n)
    out[77] = _last_number_kind(b, m)
    # numbers of the first text that stand for a place: does the second hold the last name whole?
    out[79] = _name_held(a, n, a_codes, b_codes, b0, b1)
    out[80] = _name_held(b, m, b_codes, a_codes, a0, a1)
    out[81] = _first_of(b, m, a_codes, a0, a1, b_codes)
    out[82] = _finest_site(a, n, b, m)
    _rarity_shares(a_codes, a0, a1, matched_a, rarity, out[83:87])
    _rarity_shares(b_codes, b0, b1, matched_b, rarity, out[87:91])
    _match(sounds, a0, a1, sounds, b0, b1, matched_a)
    _match(sounds, b0, b1, sounds, a0, a1, matched_b)
    out[91] = _whole_share(a_codes, a0, a1, weights, matched_a)
    out[92] = _whole_share(b_codes, b0, b1, weights, matched_b)
    out[93] = _last_place_share(a, n, a0, matched_a)
    out[94] = _last_place_share(b, m, b0, matched_b)
    _match(a_codes, a0, a1, b_codes, b0, b1, matched_a)
    _match(b_codes, b0, b1, a_codes, a0, a1, matched_b)


@inner_kernel
def _finest_site(a: Array, n: int, b: Array, m: int) -> int:
    """Return what the finest numbers of a site say: the building where there is one, or the door.

    134号 and 134号楼 may be one thing: a door of one text is held against a building of the other.
    """
    one, other = _site_number(a, n), _site_number(b, m)
    if one < 0 or other < 0:
        return NEITHER if one < 0 and other < 0 else ONLY_FIRST if one >= 0 else ONLY_SECOND
    if a[one, VALUE] == b[other, VALUE]:
        return SAME
    return RANGE if a[one, NUMBER] == b[other, NUMBER] else APART


@inner_kernel
def _site_number(items: Array, count: int) -> int:
    """Return the index of the last building, else of the last door, -1 for none."""
    found = -1
    for index in range(count):
        kind = items[index, KIND]
        if kind == BUILDING or (kind == DOOR and (found < 0 or items[found, KIND] == DOOR)):
            found = index
    return found


@inner_kernel
def _rarity_shares(
    codes: Array, start: int, end: int, matched: Array, rarity: Array, out: Array
) -> None:
    """Write of the words of one text: the share that the other holds, and its sum, by rarity; the
    rarest that it lacks, and the rarest that it holds."""
    total, held, rarest_lacking, rarest_held = 0.0, 0.0, 0.0, 0.0
    for place in range(start, end - 1):
        if codes[place] < 0x3400 or codes[place + 1] < 0x3400:
            continue
        weight = rarity[hash_pair(0, codes[place], codes[place + 1])]
        total += weight
        if matched[place - start] == 2 and matched[place - start + 1] == 2:
            held += weight
            rarest_held = max(rarest_held, weight)
        else:
            rarest_lacking = max(rarest_lacking, weight)
    out[0] = held / total if total else -1
    out[1] = held
    out[2] = rarest_lacking
    out[3] = rarest_held


@inner_kernel
def _last_place_share(items: Array, count: int, start: int, matched: Array) -> float:
    """Return the share of characters of the last estate or name that are matched, -1 for none."""
    for index in range(count - 1, -1, -1):
        if items[index, KIND] in (ESTATE, NAME) and items[index, END] - items[index, START] > 1:
            first = items[index, START] - start
            stop = min(items[index, END] - start, MAX_LENGTH)
            hit = 0
            for place in range(first, stop):
                hit += matched[place] == 2
            return float(hit / max(1, stop - first))
    return -1.0


@inner_kernel
def _first_of(b: Array, m: int, a_codes: Array, a0: int, a1: int, b_codes: Array) -> float:
    for j in range(m):
        if b[j, KIND] == ROAD:
            return _run_share(b_codes, b[j, START], b[j, END], a_codes, a0, a1)
    return -1.0


@inner_kernel
def _run_share(a: Array, a0: int, a1: int, b: Array, b0: int, b1: int) -> float:
    best = 0
    for i in range(a0, a1):
        for j in range(b0, b1):
            if a[i] != b[j] or (i > a0 and j > b0 and a[i - 1] == b[j - 1]):
                continue
            run = 0
            while i + run < a1 and j + run < b1 and a[i + run] == b[j + run]:
                run += 1
            best = max(best, run)
    return best / max(1, a1 - a0)


@inner_kernel
def _name_held(a: Array, n: int, a_codes: Array, b_codes: Array, b0: int, b1: int) -> float:
    """Return the longest run of the last place of `a` in `b`, over its length; -1 for no place."""
    for i in range(n - 1, -1, -1):
        if a[i, KIND] in (ESTATE, NAME) and a[i, END] - a[i, START] > 1:
            return _run_share(
                a_codes, a[i, START], min(a[i, END], a[i, START] + MAX_LENGTH), b_codes, b0, b1
            )
    return -1.0


@inner_kernel
def _last_number_kind(items: Array, count: int) -> int:
    for index in range(count - 1, -1, -1):
        if items[index, KIND] >= DOOR:
            return int(items[index, KIND])
    return -1


@inner_kernel
def _tail_alike(a: Array, a0: int, a1: int, b: Array, b0: int, b1: int) -> int:
    same = 0
    while a1 - same > a0 and b1 - same > b0 and a[a1 - 1 - same] == b[b1 - 1 - same]:
        same += 1
    return same


@inner_kernel
def _gate_and_near(codes: Array, start: int, end: int) -> tuple[bool, bool]:
    """Return whether one text holds 门 (a gate), and 附 (near, or a door beside a door)."""
    gate, near = False, False
    for place in range(start, end):
        gate |= codes[place] == 0x95E8
        near |= codes[place] == 0x9644
    return gate, near


@inner_kernel
def _relations(items: Array, count: int) -> tuple[int, int]:
    """Return how many relation words and how many distances one text holds."""
    words, distances = 0, 0
    for index in range(count):
        words += items[index, KIND] == RELATION
        distances += items[index, KIND] == DISTANCE
    return words, distances


@inner_kernel
def _whole_share(codes: Array, start: int, end: int, weights: Array, matched: Array) -> float:
    total, hit = 0.0, 0.0
    for place in range(start, end):
        weight = weights[codes[place]]
        total += weight
        if matched[place - start] == 2:
            hit += weight
    return hit / total if total else -1.0
