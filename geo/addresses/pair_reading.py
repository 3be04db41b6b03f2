"""A light reading of an address for comparing: where names and numbers stand, and of what kind.

It is `scan` in small, compiled: one pass from left to right, no list of readings, no spans in the
original. It is some twenty times as fast, and says less; what a person is told of an address comes
from `parse`.

Compiling is what the first comparison on a machine waits for. So the kernels of comparing copy rows
in loops (a slice assigned brings in the making of its error message, two seconds), and hand on no
literal (each value of a literal argument would be compiled for itself), and have no wrapper for
Python: only `pair_model` calls them, from compiled code.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from geo.addresses.lexicon import HASH_BASE, MAX_WORD_LENGTH, find_word
from geo.addresses.pair_tables import SHORT_BIT, TOWNSHIP_BIT
from geo.compiling import inner_kernel

Array = npt.NDArray[Any]

MAX_ITEMS = 28  # what follows in one text is not compared item by item
MAX_PLACES = 8  # codes of counties that one text may lie in

DIVISION, TOWNSHIP, ZONE, COMMUNITY, ROAD, ESTATE, NAME, RELATION = range(1, 9)
DOOR, BUILDING, ENTRANCE, FLOOR, ROOM, LANE, GROUP, PHASE, BARE, DISTANCE = range(10, 20)
KIND, START, END, STEM, VALUE, NUMBER, LAST = range(7)
"""Columns of an item: kind; first character, end, end of the stem; hash of the value, its number,
and the last number of a range."""
N_COLUMNS = 7

_BASE = HASH_BASE


@inner_kernel
def _is_digit(code: int) -> bool:
    return 48 <= code <= 57


@inner_kernel
def _is_letter(code: int) -> bool:
    return 65 <= code <= 90


@inner_kernel
def _is_chinese(code: int) -> bool:
    return 0x3400 <= code < 0xA000 or code == 0x3007


@inner_kernel
def _longest_word(codes: Array, at: int, end: int, keys: Array, masks: Array) -> tuple[int, int]:
    """Return mask and end of the longest class word at `at`; 0 and `at` where there is none."""
    key, mask, stop = 7, 0, at
    for place in range(at, min(end, at + MAX_WORD_LENGTH)):
        key = key * _BASE + codes[place]
        found = find_word(keys, masks, key)
        if found:
            mask, stop = found, place + 1
    return mask, stop


@inner_kernel
def _longest_division(
    codes: Array, at: int, end: int, allow_short: bool, keys: Array, rows: Array, names: Array
) -> tuple[int, int]:
    """Return row and end of the longest division name at `at`; -1 and `at` for none."""
    key, row, stop = 7, -1, at
    size = keys.shape[0]
    for place in range(at, min(end, at + MAX_WORD_LENGTH)):
        if not _is_chinese(codes[place]):
            break
        key = key * _BASE + codes[place]
        slot = key & (size - 1)
        while keys[slot] != 0 and keys[slot] != key:
            slot = (slot + 1) & (size - 1)
        if keys[slot] == key and place > at:
            found = rows[slot]
            if allow_short or names[found, 0] & SHORT_BIT == 0:
                row, stop = found, place + 1
    return row, stop


@inner_kernel
def _code_prefix(code: int) -> int:
    """Return what is left of a code without the zeros of the levels below."""
    if code % 10_000 == 0:
        return code // 10_000
    return code // 100 if code % 100 == 0 else code


@inner_kernel
def codes_agree(first: int, second: int) -> int:
    """Return the number of leading levels (province, city, county) two codes share; -1: apart."""
    a, b = _code_prefix(first), _code_prefix(second)
    while a >= 100 and a > b * 100 - 1 and b < 10_000 and a // 100 >= b:
        a //= 100
    while b >= 100 and b > a * 100 - 1 and a < 10_000 and b // 100 >= a:
        b //= 100
    if a != b:
        return -1
    return 1 if a < 100 else 2 if a < 10_000 else 3


@inner_kernel
def _narrow(places: Array, count: int, codes: Array, first: int, number: int) -> int:
    """Keep of the places those that a further division allows; return how many there are."""
    if number == 0:
        return count
    if count == 0:
        for index in range(number):
            places[index] = codes[first + index]
        return number
    kept = np.empty(MAX_PLACES, np.int64)
    n_kept = 0
    for index in range(count):
        for other in range(number):
            code = codes[first + other]
            if codes_agree(places[index], code) > 0 and n_kept < MAX_PLACES:
                kept[n_kept] = max(places[index], code)  # the finer one has fewer zeros
                n_kept += 1
                break
    if n_kept:
        for index in range(n_kept):
            places[index] = kept[index]
        return n_kept
    return count


@inner_kernel
def read_text(
    codes: Array,
    start: int,
    end: int,
    class_keys: Array,
    class_masks: Array,
    division_keys: Array,
    division_rows: Array,
    division_names: Array,
    division_codes: Array,
    items: Array,
    places: Array,
) -> tuple[int, int]:
    """Write the items of one text and the counties it may lie in; return how many of each."""
    count: Any = np.int64(0)
    n_places: Any = np.int64(0)
    opened: Any = np.int64(-1)
    at = start
    while at < end and count < MAX_ITEMS - 6:
        code = codes[at]
        if _is_digit(code) or _is_letter(code):
            after = _read_number(codes, at, end, class_keys, class_masks, items, count, opened)
            if after[0] > at:
                if opened >= 0 and after[2] == 0:
                    # the name before the number has ended
                    moved = after[1] - count
                    for index in range(moved - 1, -1, -1):
                        for column in range(N_COLUMNS):
                            items[count + 1 + index, column] = items[count + index, column]
                    _add_name(codes, opened, at, items, count)
                    count += 1 + moved
                elif opened >= 0:
                    # the number is a part of the name: 文1路
                    items[count, START] = opened
                    count = after[1]
                else:
                    count = after[1]
                at, opened = after[0], np.int64(-1)
            else:
                if opened < 0:
                    opened = at
                at += 1
            continue
        if not _is_chinese(code):
            if opened >= 0:
                _add_name(codes, opened, at, items, count)
                count += 1
                opened = np.int64(-1)
            at += 1
            continue
        if opened < 0:
            touches = count == 0 or (items[count - 1, KIND] == DIVISION)
            row, stop = _longest_division(
                codes, at, end, touches, division_keys, division_rows, division_names
            )
            if row >= 0 and division_names[row, 0] & SHORT_BIT and stop < end:
                row, stop = _check_short(
                    codes, stop, end, row, n_places > 0, class_keys, class_masks
                )
            if row >= 0:
                is_township = division_names[row, 0] & TOWNSHIP_BIT
                item = items[count]
                item[KIND] = TOWNSHIP if is_township else DIVISION
                item[START], item[END], item[STEM] = at, stop, stop - (stop - at > 2)
                item[VALUE], item[NUMBER], item[LAST] = row, 0, 0
                count += 1
                n_places = _narrow(
                    places, n_places, division_codes, division_names[row, 1],
                    division_names[row, 2],
                )  # fmt: skip
                at = stop
                continue
            opened = at
        if (
            at > opened
            and _numeral(codes[at])
            and at + 1 < end
            and codes[at + 1] in (0x671F, 0x533A)
        ):
            _add_name(codes, opened, at, items, count)
            count += 1
            item = items[count]
            item[KIND], item[START], item[END], item[STEM] = PHASE, at, at + 2, at + 1
            number = _numeral(codes[at])
            item[VALUE], item[NUMBER], item[LAST] = 7 * _BASE + 48 + number, number, number
            count += 1
            at, opened = at + 2, np.int64(-1)
            continue
        mask, stop = _longest_word(codes, at, end, class_keys, class_masks)
        kind = _kind_of_word(codes, mask, at, stop, end, opened)
        if kind == 0:
            at += 1
            continue
        if kind == RELATION:
            if at > opened:
                _add_name(codes, opened, at, items, count)
                count += 1
            opened = at
        item = items[count]
        item[KIND], item[START], item[END], item[STEM] = kind, opened, stop, at
        item[VALUE], item[NUMBER], item[LAST] = 0, 0, 0
        if kind != RELATION and at - opened > 1 and _joins(codes[opened]):
            item[START] = opened + 1
        count += 1
        at, opened = stop, np.int64(-1)
    if opened >= 0 and count < MAX_ITEMS:
        _add_name(codes, opened, min(at, end), items, count)
        count += 1
    return count, n_places


@inner_kernel
def _numeral(code: int) -> int:
    """Return the value of a Chinese digit from 一 to 九, 0 for anything else."""
    numerals = (0x4E00, 0x4E8C, 0x4E09, 0x56DB, 0x4E94, 0x516D, 0x4E03, 0x516B, 0x4E5D)
    for value in range(9):
        if numerals[value] == code:
            return value + 1
    return 0


@inner_kernel
def _check_short(
    codes: Array, stop: int, end: int, row: int, is_within: bool, class_keys: Array,
    class_masks: Array,
) -> tuple[int, int]:  # fmt: skip
    """Return the row of a short name and where it ends, -1 where it begins another name.

    北京路 and 北京北路 are roads; 秀山县 is the county that is called 秀山 in short.
    """
    if codes[stop] in (0x53BF, 0x5E02, 0x533A):
        return row, stop + 1
    mask, _ = _longest_word(codes, stop, end, class_keys, class_masks)
    if mask & 0b111111:
        return -1, stop
    if codes[stop] in (0x4E1C, 0x5357, 0x897F, 0x5317, 0x4E2D) and stop + 1 < end:
        mask, _ = _longest_word(codes, stop + 1, end, class_keys, class_masks)
        if mask & 1:
            return -1, stop
    return row, stop


@inner_kernel
def _joins(code: int) -> bool:
    """Whether a name that begins so is the second of two: 与, 和, 及."""
    return code in (0x4E0E, 0x548C, 0x53CA)


@inner_kernel
def _kind_of_word(codes: Array, mask: int, at: int, stop: int, end: int, opened: int) -> int:
    if mask == 0:
        return 0
    if mask & 64:
        return RELATION
    stem = at - opened
    if stem < 1:
        return 0
    if mask & 1 and (stop - at > 1 or stem > 1 or codes[at] in (0x8DEF, 0x8857, 0x5DF7, 0x5F04)):
        # 路口, 街坊, 道口 end no road
        if stop < end and codes[stop] == 0x5761:
            return 0
        return ROAD
    if mask & 8 and stop - at > 1:
        return TOWNSHIP
    if mask & 8 and stem > 1:
        return TOWNSHIP
    if mask & 4:
        return ZONE
    if mask & 2:
        return COMMUNITY
    if mask & 16:
        return ESTATE
    if mask & 32 and (stop >= end or not _is_chinese(codes[stop])):
        return ESTATE
    return 0


@inner_kernel
def _add_name(codes: Array, start: int, stop: int, items: Array, count: int) -> None:
    item = items[count]
    item[KIND], item[START], item[END], item[STEM] = NAME, start, stop, stop
    item[VALUE], item[NUMBER], item[LAST] = 0, 0, 0
    if stop - start > 2 and _joins(codes[start]):
        item[START] = start + 1


@inner_kernel
def _piece_end(codes: Array, at: int, end: int) -> int:
    """Return the end of one number: letters, digits, a letter (A12, 12B, C); `at` for none."""
    place = at
    while place < end and _is_letter(codes[place]) and place - at < 3:
        place += 1
    letters = place - at
    if letters > 2:
        return at
    while place < end and _is_digit(codes[place]):
        place += 1
    digits = place - at - letters
    if digits and place < end and _is_letter(codes[place]):
        place += place + 1 >= end or not _is_letter(codes[place + 1])
    if digits > 8:
        return at
    return place


@inner_kernel
def _set_number(codes: Array, at: int, stop: int, item: Array) -> None:
    """Write the hash of a number without leading zeros, and its value."""
    key, number, any_digit = np.int64(7), np.int64(0), False
    leading = True
    for place in range(at, stop):
        code = codes[place]
        if _is_digit(code):
            any_digit = True
            number = number * 10 + code - 48
            if leading and code == 48 and place + 1 < stop and _is_digit(codes[place + 1]):
                continue
            leading = False
        key = key * _BASE + code
    item[VALUE] = key
    item[NUMBER] = number if any_digit else codes[at] - 64
    item[LAST] = item[NUMBER]


@inner_kernel
def _read_number(
    codes: Array, at: int, end: int, class_keys: Array, class_masks: Array, items: Array,
    count: int, opened: int,
) -> tuple[int, int, int]:  # fmt: skip
    """Write the items of a number; return where it ends, the new count, and whether it belongs to
    the name before it."""
    ends = np.zeros(4, np.int64)
    starts = np.zeros(4, np.int64)
    pieces = 0
    place = at
    while pieces < 4:
        stop = _piece_end(codes, place, end)
        if stop == place:
            break
        starts[pieces], ends[pieces] = place, stop
        pieces += 1
        place = stop
        if (
            place + 1 < end
            and codes[place] in (45, 126, 47)
            and (_is_digit(codes[place + 1]) or _is_letter(codes[place + 1]))
        ):
            place += 1
        else:
            break
    if pieces == 0:
        return at, count, 0
    stop = ends[pieces - 1]
    mask, word_end = _longest_word(codes, stop, end, class_keys, class_masks)
    next_code = codes[stop] if stop < end else 0
    only_letter = not _has_digit(codes, at, stop)
    previous = items[count - 1, KIND] if count else 0
    if opened >= 0:
        previous = NAME
    kind = 0
    stop_at = word_end
    if mask & 256 or next_code == 35:
        kind = BUILDING
        if next_code == 35:
            stop_at = stop + 1
            if stop_at < end and codes[stop_at] == 0x697C:
                stop_at += 1
    elif mask & 512 and not only_letter:
        kind = ENTRANCE
    elif mask & 1024:
        kind = BUILDING if only_letter else FLOOR
    elif mask & 2048:
        kind = ROOM
    elif mask & 4096:
        kind = DOOR
        if stop_at < end and codes[stop_at] in (0x9662, 0x697C):
            stop_at += 1
    elif next_code == 0x5F04:
        kind, stop_at = LANE, stop + 1
    elif next_code == 0x7EC4 or next_code == 0x961F:
        kind, stop_at = GROUP, stop + 1
    elif next_code == 0x671F or next_code == 0x533A:
        kind, stop_at = PHASE, stop + 1
    elif next_code == 0x7C73:
        kind, stop_at = DISTANCE, stop + 1
    elif next_code == 0x95E8 and previous != ROAD:
        kind, stop_at = ENTRANCE, stop + 1
    elif mask & 1 and pieces == 1:
        item = items[count]
        item[KIND], item[START], item[END], item[STEM] = ROAD, at, word_end, stop
        item[VALUE], item[NUMBER], item[LAST] = 0, 0, 0
        return word_end, count + 1, 1
    if kind == 0 and only_letter and _is_chinese(next_code):
        return at, count, 0
    if kind == 0:
        stop_at = stop
        if previous in (ROAD, LANE):
            kind = DOOR
        elif pieces == 1 and previous in (ESTATE, NAME, COMMUNITY, DOOR, PHASE):
            kind = BUILDING if ends[0] - starts[0] < 3 else ROOM
        elif previous == BUILDING:
            kind = ENTRANCE if ends[0] - starts[0] < 3 and pieces == 1 else ROOM
        elif previous in (ENTRANCE, FLOOR):
            kind = ROOM
        else:
            kind = BARE
    if (kind == DOOR and previous in (LANE, PHASE)) or (kind == DOOR and previous == DOOR):
        kind = BUILDING
    elif kind == DOOR and previous in (BUILDING, ENTRANCE, FLOOR):
        kind = ROOM
    if pieces > 1 and kind in (ROOM, BARE, BUILDING, DOOR) and previous in (
        ESTATE, NAME, COMMUNITY, BUILDING, PHASE, DOOR,
    ):  # fmt: skip
        last_digits = ends[pieces - 1] - starts[pieces - 1]
        if pieces > 2 or last_digits > 2:
            levels = (BUILDING, ENTRANCE, FLOOR, ROOM)
            first = 1 if previous == BUILDING else 0
            for index in range(pieces):
                level = ROOM if index == pieces - 1 else levels[min(first + index, 2)]
                item = items[count]
                item[KIND], item[START], item[END] = level, starts[index], ends[index]
                item[STEM] = ends[index]
                _set_number(codes, starts[index], ends[index], item)
                count += 1
            items[count - 1, END] = stop_at
            return stop_at, count, 0
    item = items[count]
    item[KIND], item[START], item[END], item[STEM] = kind, at, stop_at, stop
    _set_number(codes, starts[0], ends[0], item)
    if pieces > 1:
        other = np.zeros(N_COLUMNS, np.int64)
        for index in range(1, pieces):
            _set_number(codes, starts[index], ends[index], other)
            item[VALUE] = item[VALUE] * _BASE + other[VALUE]
        item[LAST] = other[NUMBER]
    return stop_at, count + 1, 0


@inner_kernel
def _has_digit(codes: Array, at: int, stop: int) -> bool:
    found = False
    for place in range(at, stop):
        found |= _is_digit(codes[place])
    return found
