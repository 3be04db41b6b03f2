"""Compiled: from clean fixes to pieces of time in places."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from geo.compiling import compiled

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Bytes = NDArray[np.uint8]
Places = NDArray[np.int32]

CERTAIN, UNCERTAIN = 0, 1
PATROLLING, STATIONARY, RESPONDING = 0, 1, 2


@compiled(nogil=True)
def smooth(
    unit_start: Ints,
    time_ms: Ints,
    x: Floats,
    y: Floats,
    out_x: Floats,
    out_y: Floats,
    reach_ms: float,
    length_m: float,
    lasts_ms: float,
) -> None:
    """Write the places weighted by neighbours in time (a Gaussian kernel).

    Its width is `lasts_ms`, and less for the quick: it is as wide in metres as `length_m`, so
    that a car's corners aren't cut.
    """
    for unit in range(len(unit_start) - 1):
        begin, end = unit_start[unit], unit_start[unit + 1]
        for i in range(begin, end):
            before, after = i, i
            if i > begin and time_ms[i] - time_ms[i - 1] <= reach_ms:
                before = i - 1
            if i + 1 < end and time_ms[i + 1] - time_ms[i] <= reach_ms:
                after = i + 1
            width = lasts_ms
            span_ms = time_ms[after] - time_ms[before]
            if span_ms > 0:
                far = math.hypot(x[after] - x[before], y[after] - y[before])
                if far * lasts_ms > length_m * span_ms:
                    width = length_m * span_ms / far
            total, sum_x, sum_y = 1.0, x[i], y[i]
            for sign in (-1, 1):
                j = i + sign
                while begin <= j < end and abs(time_ms[j] - time_ms[i]) <= reach_ms:
                    weight = math.exp(-0.5 * ((time_ms[j] - time_ms[i]) / width) ** 2)
                    total += weight
                    sum_x += weight * x[j]
                    sum_y += weight * y[j]
                    j += sign
            out_x[i] = sum_x / total
            out_y[i] = sum_y / total


@compiled(nogil=True)
def mark_stationary(
    unit_start: Ints,
    time_ms: Ints,
    x: Floats,
    y: Floats,
    stationary: Flags,
    window_ms: float,
    slow_mps: float,
) -> None:
    """Write for the gap that begins at each fix whether the unit stood, from the fixes around it.

    The way between the first fix `window_ms` or more before the gap and the first as long after it
    (or the last there is) is slower than walking.
    """
    for unit in range(len(unit_start) - 1):
        begin, end = unit_start[unit], unit_start[unit + 1]
        low, high = begin, begin
        for i in range(begin, end):
            stationary[i] = False
            if i + 1 >= end:
                continue
            while low + 1 <= i and time_ms[low + 1] <= time_ms[i] - window_ms:
                low += 1
            high = max(high, i + 1)
            while high + 1 < end and time_ms[high] < time_ms[i + 1] + window_ms:
                high += 1
            # Not farther than the windows: a fix beyond a silence tells nothing of this gap.
            first, last = low, high
            while first < i and time_ms[first] < time_ms[i] - 2 * window_ms:
                first += 1
            while last > i + 1 and time_ms[last] > time_ms[i + 1] + 2 * window_ms:
                last -= 1
            span_ms = time_ms[last] - time_ms[first]
            far = math.hypot(x[last] - x[first], y[last] - y[first])
            stationary[i] = far * 1000.0 < slow_mps * span_ms


@compiled(nogil=True)
def settle(
    unit_start: Ints,
    time_ms: Ints,
    x: Floats,
    y: Floats,
    stationary: Flags,
    out_x: Floats,
    out_y: Floats,
    counts: Ints,
    reach_ms: float,
    near_m: float,
) -> None:
    """Write for each fix amid a stop the mean of the stop's fixes about it, and how many they are.

    Those within `reach_ms`, with no way between, and within `near_m`. The error of a mean of n
    fixes, as far as they err one by one, is that of one by the root of n.
    """
    for unit in range(len(unit_start) - 1):
        begin, end = unit_start[unit], unit_start[unit + 1]
        for i in range(begin, end):
            out_x[i], out_y[i], counts[i] = x[i], y[i], 1
            if (i > begin and not stationary[i - 1]) or (i + 1 < end and not stationary[i]):
                continue
            total, sum_x, sum_y = 1, x[i], y[i]
            for sign in (-1, 1):
                j = i + sign
                while begin <= j < end and abs(time_ms[j] - time_ms[i]) <= reach_ms:
                    if not stationary[min(j, j - sign)]:
                        break
                    amid = (j == begin or stationary[j - 1]) and (j + 1 == end or stationary[j])
                    if amid and math.hypot(x[j] - x[i], y[j] - y[i]) <= near_m:
                        total += 1
                        sum_x += x[j]
                        sum_y += y[j]
                    j += sign
            out_x[i], out_y[i], counts[i] = sum_x / total, sum_y / total, total


@compiled(nogil=True)
def is_doubtful(
    places: Places, west: float, south: float, step: float, x: float, y: float, margin: float
) -> bool:
    """Whether another place, or none, lies within a margin of a point, on four sides."""
    rows, columns = places.shape
    own, first = -1, True
    for side in range(5):
        dx = margin if side == 1 else (-margin if side == 2 else 0.0)
        dy = margin if side == 3 else (-margin if side == 4 else 0.0)
        column = math.floor((x + dx - west) / step)
        row = math.floor((y + dy - south) / step)
        place = -1
        if 0 <= row < rows and 0 <= column < columns:
            place = places[row, column]
        if first:
            own, first = place, False
        elif place != own:
            return True
    return False


@compiled(nogil=True)
def pieces_bound(
    unit_start: Ints,
    time_ms: Ints,
    x: Floats,
    y: Floats,
    west: float,
    south: float,
    step: float,
    silence_ms: int,
) -> int:
    """Return how many pieces `trace` writes at most."""
    bound = 0
    for unit in range(len(unit_start) - 1):
        for i in range(unit_start[unit], unit_start[unit + 1] - 1):
            bound += 1
            if time_ms[i + 1] - time_ms[i] <= silence_ms:
                bound += abs(
                    math.floor((x[i + 1] - west) / step) - math.floor((x[i] - west) / step)
                ) + abs(math.floor((y[i + 1] - south) / step) - math.floor((y[i] - south) / step))
    return int(bound)


@compiled(nogil=True)
def trace(
    unit_start: Ints,
    unit: Ints,
    time_ms: Ints,
    x: Floats,
    y: Floats,
    responding: Flags,
    stationary: Flags,
    gap_ms: Ints,
    margin_m: Floats,
    places: Places,
    west: float,
    south: float,
    step: float,
    certain_ms: int,
    silence_ms: int,
    tail_ms: int,
    out_unit: Ints,
    out_place: Places,
    out_start: Ints,
    out_end: Ints,
    out_class: Bytes,
    out_doing: Bytes,
) -> int:
    """Write the pieces of time that the ways between fixes spend in places; return how many.

    `gap_ms` is the time between the fixes that were made, around each piece of way: what is certain
    goes by it. A unit that stands within `margin_m` of another place may as well stand there: then
    nothing is certain. A way is straight and even in time. Pixel by pixel: Amanatides and Woo 1987,
    "A fast voxel traversal algorithm for ray tracing". Neighbouring pieces of one gap in one place
    are one.
    """
    rows, columns = places.shape
    count = 0
    for each in range(len(unit_start) - 1):
        for i in range(unit_start[each], unit_start[each + 1] - 1):
            begin_ms, lasts_ms = time_ms[i], time_ms[i + 1] - time_ms[i]
            column = math.floor((x[i] - west) / step)
            row = math.floor((y[i] - south) / step)
            doing = RESPONDING if responding[i] else (STATIONARY if stationary[i] else PATROLLING)
            if gap_ms[i] > silence_ms:
                # Nothing is known of the silence but that the unit had been here.
                if 0 <= row < rows and 0 <= column < columns and places[row, column] >= 0:
                    out_unit[count], out_place[count] = unit[i], places[row, column]
                    out_start[count], out_end[count] = begin_ms, begin_ms + tail_ms
                    out_class[count] = UNCERTAIN
                    out_doing[count] = RESPONDING if responding[i] else PATROLLING
                    count += 1
                continue
            certainty = CERTAIN if gap_ms[i] <= certain_ms else UNCERTAIN
            if stationary[i] and is_doubtful(places, west, south, step, x[i], y[i], margin_m[i]):
                certainty = UNCERTAIN
            dx, dy = x[i + 1] - x[i], y[i + 1] - y[i]
            last_column = math.floor((x[i + 1] - west) / step)
            last_row = math.floor((y[i + 1] - south) / step)
            left = abs(last_column - column) + abs(last_row - row)
            step_x, step_y = (1 if dx > 0 else -1), (1 if dy > 0 else -1)
            next_x = next_y = delta_x = delta_y = math.inf
            if last_column != column:
                edge = west + (column + (1 if dx > 0 else 0)) * step
                next_x, delta_x = (edge - x[i]) / dx, step / abs(dx)
            if last_row != row:
                edge = south + (row + (1 if dy > 0 else 0)) * step
                next_y, delta_y = (edge - y[i]) / dy, step / abs(dy)
            entered_ms = begin_ms
            place = -1
            if 0 <= row < rows and 0 <= column < columns:
                place = places[row, column]
            while True:
                if left == 0:
                    share = 1.0
                elif next_x <= next_y:
                    share = next_x
                    next_x += delta_x
                    column += step_x
                else:
                    share = next_y
                    next_y += delta_y
                    row += step_y
                now_place = -1
                if left > 0 and 0 <= row < rows and 0 <= column < columns:
                    now_place = places[row, column]
                if left == 0 or now_place != place:
                    left_ms = begin_ms + round(min(max(share, 0.0), 1.0) * lasts_ms)
                    if place >= 0 and left_ms > entered_ms:
                        out_unit[count], out_place[count] = unit[i], place
                        out_start[count], out_end[count] = entered_ms, left_ms
                        out_class[count], out_doing[count] = certainty, doing
                        count += 1
                    entered_ms = left_ms
                    place = now_place
                if left == 0:
                    break
                left -= 1
    return count
