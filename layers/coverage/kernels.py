"""Compiled: from pieces of presence to visits, and to sums by place and time slot."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geo.compiling import compiled

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]
Places = NDArray[np.int32]
Shorts = NDArray[np.int32]


@compiled(nogil=True)
def merge_visits(
    unit: Ints,
    place: Places,
    start_ms: Ints,
    end_ms: Ints,
    certainty: Bytes,
    doing: Bytes,
    gap_max_ms: int,
    stay_min_ms: int,
    inside_ms: Ints,
    out: Ints,
) -> int:
    """Write the visits, a row each: unit, place, start, end, time inside, certain, by doing (3).

    A unit that is back in a place within `gap_max_ms` goes on with its visit. Time inside of
    everything, visit or not, is added to `inside_ms` (n_places,).
    """
    open_visit = np.zeros((len(inside_ms), 9), np.int64)
    is_open = np.zeros(len(inside_ms), np.bool_)
    touched = np.empty(len(inside_ms), np.int64)
    touched_count = 0
    count = 0
    for i in range(len(unit)):
        if i > 0 and unit[i] != unit[i - 1]:
            for k in range(touched_count):
                if open_visit[touched[k], 4] >= stay_min_ms:
                    out[count] = open_visit[touched[k]]
                    count += 1
                is_open[touched[k]] = False
            touched_count = 0
        p = place[i]
        visit = open_visit[p]
        if not is_open[p] or start_ms[i] - visit[3] > gap_max_ms:
            if not is_open[p]:
                is_open[p] = True
                touched[touched_count] = p
                touched_count += 1
            elif visit[4] >= stay_min_ms:
                out[count] = visit
                count += 1
            visit[0], visit[1], visit[2] = unit[i], p, start_ms[i]
            for column in range(4, 9):
                visit[column] = 0
        length = end_ms[i] - start_ms[i]
        visit[3] = end_ms[i]
        visit[4] += length
        if certainty[i] == 0:
            visit[5] += length
        visit[6 + doing[i]] += length
        inside_ms[p] += length
    for k in range(touched_count):
        if open_visit[touched[k], 4] >= stay_min_ms:
            out[count] = open_visit[touched[k]]
            count += 1
    return count


@compiled(nogil=True)
def add_by_slot(
    row_of_place: Ints,
    place: Places,
    start_ms: Ints,
    end_ms: Ints,
    certainty: Bytes,
    doing: Bytes,
    edges_ms: Ints,
    slot_of_edge: Shorts,
    sums: NDArray[np.int64],
) -> None:
    """Add the time of each piece to `sums` (places, slots, 6): 3 x certainty + doing.

    Slot `slot_of_edge[k]` (-1: none) lasts from `edges_ms[k]` to `edges_ms[k + 1]`.
    """
    at, last = 0, len(edges_ms) - 1
    for i in range(len(place)):
        begin, end = start_ms[i], end_ms[i]
        if not (edges_ms[at] <= begin and begin < edges_ms[at + 1]):
            at = np.searchsorted(edges_ms, begin, side="right") - 1
        at = max(at, 0)
        kind = 3 * certainty[i] + doing[i]
        row = row_of_place[place[i]]
        k = at
        while k < last and edges_ms[k] < end:
            inside = min(end, edges_ms[k + 1]) - max(begin, edges_ms[k])
            if inside > 0 and slot_of_edge[k] >= 0:
                sums[row, slot_of_edge[k], kind] += inside
            k += 1
        at = min(at, last - 1)


@compiled(nogil=True)
def gaps_between(place: Ints, start_ms: Ints, end_ms: Ints, out: Ints) -> None:
    """Write the time since anybody left the place before each visit; -1 for a place's first.

    Visits stand by place and start. One that begins while another is there has a gap of 0.
    """
    busy_until = 0
    for i in range(len(place)):
        if i == 0 or place[i] != place[i - 1]:
            out[i] = -1
            busy_until = end_ms[i]
        else:
            out[i] = max(start_ms[i] - busy_until, 0)
            busy_until = max(busy_until, end_ms[i])
