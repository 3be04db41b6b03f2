"""The compiled loops behind `geo.roads.search`: Dijkstra's search with a circle of buckets.

A bucket holds the nodes whose time falls into one stretch of 2 ** shift milliseconds; within it
they are taken in any order and corrected where a shorter way turns up, so times are exact once the
bucket is empty. That spares the heap, half of the work in a road network. Source: Dial 1969;
Cherkassky, Goldberg, Radzik 1996, "Shortest paths algorithms", on approximate buckets.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geo.compiling import compiled

Ints = NDArray[np.int32]
Longs = NDArray[np.int64]

UNREACHED = np.int32(2**31 - 1)
BUCKETS = 4096  # a power of two
NODE_MASK = 0xFFFFFFFF
NO_ROOM = -1


@compiled(nogil=True)
def reach(
    first: Ints,
    head: Ints,
    ms: Ints,
    seed_nodes: Ints,
    seed_ms: Ints,
    limit: int,
    shift: int,
    dist: Ints,
    bucket: Ints,
    following: Ints,
    item: Longs,
    found: Ints,
    found_ms: Ints,
) -> int:
    """List the nodes reached within a limit, and their times; return how many, or `NO_ROOM`.

    `dist` is all `UNREACHED` before and after.
    """
    count, used, free, waiting = 0, 0, -1, 0
    for k in range(len(bucket)):
        bucket[k] = -1
    for k in range(len(seed_nodes)):
        node, time = seed_nodes[k], np.int64(seed_ms[k])
        if node >= 0 and time <= limit and time < dist[node]:
            if dist[node] == UNREACHED:
                found[count] = node
                count += 1
            dist[node] = time
            slot = (time >> shift) & (BUCKETS - 1)
            item[used], following[used], bucket[slot] = (time << 32) | node, bucket[slot], used
            used += 1
            waiting += 1
    turn = 0
    while waiting > 0:
        at = turn & (BUCKETS - 1)
        while bucket[at] >= 0:
            entry = bucket[at]
            bucket[at] = following[entry]
            top = item[entry]
            following[entry], free = free, entry
            waiting -= 1
            so_far, node = top >> 32, top & NODE_MASK
            if so_far > dist[node]:
                continue
            for edge in range(first[node], first[node + 1]):
                other = head[edge]
                time = so_far + ms[edge]
                if time <= limit and time < dist[other]:
                    if dist[other] == UNREACHED:
                        found[count] = other
                        count += 1
                    dist[other] = time
                    if free >= 0:
                        entry, free = free, following[free]
                    elif used < len(item):
                        entry = used
                        used += 1
                    else:
                        for k in range(count):
                            dist[found[k]] = UNREACHED
                        return NO_ROOM
                    slot = (time >> shift) & (BUCKETS - 1)
                    item[entry], following[entry] = (time << 32) | other, bucket[slot]
                    bucket[slot] = entry
                    waiting += 1
        turn += 1
    for k in range(count):
        found_ms[k] = dist[found[k]]
        dist[found[k]] = UNREACHED
    return count


@compiled(nogil=True)
def nearest(
    first: Ints,
    head: Ints,
    ms: Ints,
    seed_nodes: Ints,
    seed_ms: Ints,
    unit_nodes: Ints,
    unit_ms: Ints,
    wanted: int,
    limit: int,
    shift: int,
    dist: Ints,
    unit_at: Ints,
    bucket: Ints,
    following: Ints,
    item: Longs,
    found: Ints,
    best_unit: Ints,
    best_ms: Ints,
) -> int:
    """List the units that are nearest to the seeds, nearest first; return how many, or `NO_ROOM`.

    Stops at the first bucket that begins later than the last wanted unit arrives. `unit_at` is all
    -1 before and after; a unit may stand at two nodes. Of equal times the unit of the lower number
    is first.
    """
    unit_count = len(unit_nodes)
    next_unit = np.empty(2 * unit_count, np.int32)
    unit_best = np.full(unit_count, UNREACHED, np.int32)
    for unit in range(unit_count):
        for side in range(2):
            node = unit_nodes[unit, side]
            if node >= 0:
                next_unit[2 * unit + side] = unit_at[node]
                unit_at[node] = 2 * unit + side
    count, used, free, waiting, ranked = 0, 0, -1, 0, 0
    for k in range(len(bucket)):
        bucket[k] = -1
    for k in range(len(seed_nodes)):
        node, time = seed_nodes[k], np.int64(seed_ms[k])
        if node >= 0 and time <= limit and time < dist[node]:
            if dist[node] == UNREACHED:
                found[count] = node
                count += 1
            dist[node] = time
            slot = (time >> shift) & (BUCKETS - 1)
            item[used], following[used], bucket[slot] = (time << 32) | node, bucket[slot], used
            used += 1
            waiting += 1
    turn = 0
    has_room = True
    while waiting > 0 and has_room:
        if ranked == wanted and best_ms[ranked - 1] < (np.int64(turn) << shift):
            break
        at = turn & (BUCKETS - 1)
        while bucket[at] >= 0 and has_room:
            entry = bucket[at]
            bucket[at] = following[entry]
            top = item[entry]
            following[entry], free = free, entry
            waiting -= 1
            so_far, node = top >> 32, top & NODE_MASK
            if so_far > dist[node]:
                continue
            placed = unit_at[node]
            while placed >= 0:
                unit = placed >> 1
                time = so_far + unit_ms[unit, placed & 1]
                if time <= limit and time < unit_best[unit]:
                    # Into its place among the ranked, out of its old one if it has one.
                    place = ranked
                    if unit_best[unit] != UNREACHED:
                        for k in range(ranked):
                            if best_unit[k] == unit:
                                place = k
                                break
                    elif ranked < wanted:
                        ranked += 1
                    unit_best[unit] = time
                    if place == wanted:
                        place = wanted - 1
                        if best_ms[place] < time or (
                            best_ms[place] == time and best_unit[place] < unit
                        ):
                            placed = next_unit[placed]
                            continue
                    while place > 0 and (
                        best_ms[place - 1] > time
                        or (best_ms[place - 1] == time and best_unit[place - 1] > unit)
                    ):
                        best_ms[place], best_unit[place] = best_ms[place - 1], best_unit[place - 1]
                        place -= 1
                    best_ms[place], best_unit[place] = time, unit
                placed = next_unit[placed]
            for edge in range(first[node], first[node + 1]):
                other = head[edge]
                time = so_far + ms[edge]
                if time <= limit and time < dist[other]:
                    if dist[other] == UNREACHED:
                        found[count] = other
                        count += 1
                    dist[other] = time
                    if free >= 0:
                        entry, free = free, following[free]
                    elif used < len(item):
                        entry = used
                        used += 1
                    else:
                        has_room = False
                        break
                    slot = (time >> shift) & (BUCKETS - 1)
                    item[entry], following[entry] = (time << 32) | other, bucket[slot]
                    bucket[slot] = entry
                    waiting += 1
        turn += 1
    for k in range(count):
        dist[found[k]] = UNREACHED
    for unit in range(unit_count):
        for side in range(2):
            if unit_nodes[unit, side] >= 0:
                unit_at[unit_nodes[unit, side]] = -1
    return ranked if has_room else NO_ROOM


@compiled(nogil=True)
def way(
    first: Ints,
    head: Ints,
    ms: Ints,
    seed_nodes: Ints,
    seed_ms: Ints,
    end_nodes: Ints,
    end_ms: Ints,
    shift: int,
    dist: Ints,
    by_edge: Ints,
    bucket: Ints,
    following: Ints,
    item: Longs,
    found: Ints,
) -> tuple[int, int, int]:
    """Search until the way to an end is certain; return its time, its side, and nodes touched.

    `by_edge` holds the edge each touched node was reached by, -1 for a seed; the caller resets
    `dist`. Touched `NO_ROOM`: the pool was too small.
    """
    count, used, free, waiting = 0, 0, -1, 0
    best, best_side = np.int64(UNREACHED), -1
    for k in range(len(bucket)):
        bucket[k] = -1
    for k in range(len(seed_nodes)):
        node, time = seed_nodes[k], np.int64(seed_ms[k])
        if node >= 0 and time < dist[node]:
            if dist[node] == UNREACHED:
                found[count] = node
                count += 1
            dist[node] = time
            by_edge[node] = -1
            slot = (time >> shift) & (BUCKETS - 1)
            item[used], following[used], bucket[slot] = (time << 32) | node, bucket[slot], used
            used += 1
            waiting += 1
    turn = 0
    while waiting > 0 and best >= (np.int64(turn) << shift):
        at = turn & (BUCKETS - 1)
        while bucket[at] >= 0:
            entry = bucket[at]
            bucket[at] = following[entry]
            top = item[entry]
            following[entry], free = free, entry
            waiting -= 1
            so_far, node = top >> 32, top & NODE_MASK
            if so_far > dist[node]:
                continue
            for side in range(len(end_nodes)):
                if node == end_nodes[side] and so_far + end_ms[side] < best:
                    best, best_side = so_far + end_ms[side], side
            for edge in range(first[node], first[node + 1]):
                other = head[edge]
                time = so_far + ms[edge]
                if time < dist[other]:
                    if dist[other] == UNREACHED:
                        found[count] = other
                        count += 1
                    dist[other] = time
                    by_edge[other] = edge
                    if free >= 0:
                        entry, free = free, following[free]
                    elif used < len(item):
                        entry = used
                        used += 1
                    else:
                        for k in range(count):
                            dist[found[k]] = UNREACHED
                        return 0, -1, NO_ROOM
                    slot = (time >> shift) & (BUCKETS - 1)
                    item[entry], following[entry] = (time << 32) | other, bucket[slot]
                    bucket[slot] = entry
                    waiting += 1
        turn += 1
    return int(best), best_side, count
