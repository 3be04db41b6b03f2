"""The compiled loops behind `geo.roads.hierarchy`: ordering and contracting nodes, and searching
upwards.

Source: Geisberger, Sanders, Schultes, Vetter 2012, "Exact routing in large road networks using
contraction hierarchies"; many-to-many by buckets: Knopp et al. 2007; the order's priority
terms: Delling, Goldberg, Nowatzyk, Werneck 2013 (PHAST), section 2.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.compiling import compiled, inner_kernel

Ints = NDArray[np.int32]
Longs = NDArray[np.int64]

UNREACHED = np.int32(2**31 - 1)
# How many nodes a search for a way round may settle. A missed one costs a shortcut, never a wrong
# time.
SETTLED_MAX = 40
HOPS_COUNTED_MAX = 10  # of edges under a shortcut, in the priority
NODE_MASK = 0xFFFFFFFF
NO_LIMIT = 2**31 - 2


@inner_kernel
def heap_push(heap: Longs, size: int, item: int) -> int:
    """Put an item into a heap of four children a node; return its new size."""
    at = size
    while at > 0:
        parent = (at - 1) >> 2
        if item >= heap[parent]:
            break
        heap[at] = heap[parent]
        at = parent
    heap[at] = item
    return size + 1


@inner_kernel
def heap_pop(heap: Longs, size: int) -> int:
    """Take the least item, heap[0], out of the heap; return the new size. Read heap[0] before."""
    size -= 1
    item = heap[size]
    at = 0
    while True:
        child = 4 * at + 1
        if child >= size:
            break
        least = child
        for other in range(child + 1, min(child + 4, size)):
            if heap[other] < heap[least]:
                least = other
        if item <= heap[least]:
            break
        heap[at] = heap[least]
        at = least
    heap[at] = item
    return size


@inner_kernel
def nearest_edges(
    node: int,
    first: Ints,
    following: Ints,
    end: Ints,
    ms: Ints,
    contracted: NDArray[np.bool_],
    best: Ints,
    found: Ints,
) -> int:
    """List a node's neighbours on one side, the least edge of each in `best`; count them."""
    count = 0
    edge = first[node]
    while edge >= 0:
        other = end[edge]
        if other != node and not contracted[other]:
            if best[other] < 0:
                found[count] = other
                count += 1
                best[other] = edge
            elif ms[edge] < ms[best[other]]:
                best[other] = edge
        edge = following[edge]
    return count


@inner_kernel
def search_round(
    source: int,
    avoided: int,
    limit: int,
    out_first: Ints,
    out_next: Ints,
    edge_head: Ints,
    edge_ms: Ints,
    contracted: NDArray[np.bool_],
    dist: Ints,
    touched: Ints,
    heap: Longs,
) -> int:
    """Search from a node without passing another one; return how many nodes were touched."""
    dist[source] = 0
    touched[0] = source
    count, size, settled = 1, 1, 0
    heap[0] = source
    while size > 0 and settled < SETTLED_MAX:
        top = heap[0]
        size = heap_pop(heap, size)
        so_far, node = top >> 32, top & NODE_MASK
        if so_far > dist[node]:
            continue
        settled += 1
        edge = out_first[node]
        while edge >= 0:
            other = edge_head[edge]
            if other != avoided and not contracted[other]:
                time = so_far + edge_ms[edge]
                if time <= limit and time < dist[other]:
                    if dist[other] == UNREACHED:
                        touched[count] = other
                        count += 1
                    dist[other] = time
                    if size < len(heap):
                        size = heap_push(heap, size, (time << 32) | other)
            edge = out_next[edge]
    return count


@inner_kernel
def needed_shortcuts(
    node: int,
    ins: Ints,
    in_count: int,
    outs: Ints,
    out_count: int,
    best_in: Ints,
    best_out: Ints,
    edge_hops: Ints,
    out_first: Ints,
    out_next: Ints,
    edge_head: Ints,
    edge_ms: Ints,
    contracted: NDArray[np.bool_],
    dist: Ints,
    touched: Ints,
    heap: Longs,
    new_first: Ints,
    new_second: Ints,
) -> tuple[int, int]:
    """Find the shortcuts that stand for paths through a node; return their count and their hops."""
    added, hops, longest_out = 0, 0, 0
    for j in range(out_count):
        longest_out = max(longest_out, edge_ms[best_out[outs[j]]])
    for i in range(in_count):
        source = ins[i]
        to_node = edge_ms[best_in[source]]
        seen = search_round(
            source, node, to_node + longest_out, out_first, out_next, edge_head, edge_ms,
            contracted, dist, touched, heap,
        )  # fmt: skip
        for j in range(out_count):
            target = outs[j]
            if target != source and dist[target] > to_node + edge_ms[best_out[target]]:
                new_first[added], new_second[added] = best_in[source], best_out[target]
                added += 1
                hops += min(
                    HOPS_COUNTED_MAX, edge_hops[best_in[source]] + edge_hops[best_out[target]]
                )
        for j in range(seen):
            dist[touched[j]] = UNREACHED
    return added, hops


@inner_kernel
def grown(array: Any) -> Any:
    """Return the array with twice the room."""
    larger = np.empty(2 * len(array), array.dtype)
    larger[: len(array)] = array
    return larger


@compiled(nogil=True)
def contract(node_count: int, tail: Ints, head: Ints, ms: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Contract all nodes; return their rank, and tail, head and ms of all edges and shortcuts."""
    edge_count = len(tail)
    capacity = 2 * edge_count + 1024
    e_tail, e_head = np.empty(capacity, np.int32), np.empty(capacity, np.int32)
    e_ms, e_hops = np.empty(capacity, np.int32), np.empty(capacity, np.int32)
    out_next, in_next = np.empty(capacity, np.int32), np.empty(capacity, np.int32)
    out_first, in_first = np.full(node_count, -1, np.int32), np.full(node_count, -1, np.int32)
    for edge in range(edge_count):
        e_tail[edge], e_head[edge], e_ms[edge] = tail[edge], head[edge], ms[edge]
        e_hops[edge] = 1
        out_next[edge], out_first[tail[edge]] = out_first[tail[edge]], edge
        in_next[edge], in_first[head[edge]] = in_first[head[edge]], edge

    contracted = np.zeros(node_count, np.bool_)
    level, gone = np.zeros(node_count, np.int32), np.zeros(node_count, np.int32)
    rank = np.zeros(node_count, np.int32)
    dist = np.full(node_count, UNREACHED, np.int32)
    touched, heap = np.empty(node_count + 1, np.int32), np.empty(1 << 14, np.int64)
    best_in, best_out = np.full(node_count, -1, np.int32), np.full(node_count, -1, np.int32)
    ins, outs = np.empty(node_count, np.int32), np.empty(node_count, np.int32)
    new_first, new_second = np.empty(4096, np.int32), np.empty(4096, np.int32)
    priority = np.zeros(node_count, np.int64)
    queue = np.empty(2 * node_count + 1024, np.int64)
    queued = 0
    todo = np.empty(node_count, np.int32)
    todo[:] = np.arange(node_count)
    todo_count = node_count
    next_rank = 0
    while True:
        # Priorities that changed are counted anew; an older entry in the queue is known by its
        # number.
        for k in range(todo_count):
            node = todo[k]
            in_count = nearest_edges(
                node, in_first, in_next, e_tail, e_ms, contracted, best_in, ins
            )
            out_count = nearest_edges(
                node, out_first, out_next, e_head, e_ms, contracted, best_out, outs
            )
            while len(new_first) < in_count * out_count:
                new_first, new_second = grown(new_first), grown(new_second)
            added, hops = needed_shortcuts(
                node, ins, in_count, outs, out_count, best_in, best_out, e_hops, out_first,
                out_next, e_head, e_ms, contracted, dist, touched, heap, new_first, new_second,
            )  # fmt: skip
            for j in range(in_count):
                best_in[ins[j]] = -1
            for j in range(out_count):
                best_out[outs[j]] = -1
            wanted = 2 * (added - in_count - out_count) + gone[node] + hops + 5 * level[node]
            priority[node] = wanted + (1 << 20)  # never negative, so that it packs
            if queued == len(queue):
                queue = grown(queue)
            queued = heap_push(queue, queued, (priority[node] << 32) | node)
        picked = -1
        while queued > 0 and picked < 0:
            top = queue[0]
            queued = heap_pop(queue, queued)
            node = top & NODE_MASK
            if not contracted[node] and (top >> 32) == priority[node]:
                picked = node
        if picked < 0:
            break

        in_count = nearest_edges(picked, in_first, in_next, e_tail, e_ms, contracted, best_in, ins)
        out_count = nearest_edges(
            picked, out_first, out_next, e_head, e_ms, contracted, best_out, outs
        )
        while len(new_first) < in_count * out_count:
            new_first, new_second = grown(new_first), grown(new_second)
        added, hops = needed_shortcuts(
            picked, ins, in_count, outs, out_count, best_in, best_out, e_hops, out_first,
            out_next, e_head, e_ms, contracted, dist, touched, heap, new_first, new_second,
        )  # fmt: skip
        contracted[picked] = True
        rank[picked] = next_rank
        next_rank += 1
        for j in range(added):
            a, b = new_first[j], new_second[j]
            source, target, time = e_tail[a], e_head[b], e_ms[a] + e_ms[b]
            place, is_known = -1, False
            edge = out_first[source]
            while edge >= 0:
                if e_head[edge] == target:
                    is_known |= e_ms[edge] <= time
                    place = edge  # longer: no other edge stands on it, so it may be shortened
                edge = out_next[edge]
            if is_known:
                continue
            if place < 0:
                if edge_count == len(e_tail):
                    e_tail, e_head, e_ms, e_hops = (
                        grown(e_tail), grown(e_head), grown(e_ms), grown(e_hops),
                    )  # fmt: skip
                    out_next, in_next = grown(out_next), grown(in_next)
                place = edge_count
                edge_count += 1
                e_tail[place], e_head[place] = source, target
                out_next[place], out_first[source] = out_first[source], place
                in_next[place], in_first[target] = in_first[target], place
            e_ms[place], e_hops[place] = time, e_hops[a] + e_hops[b]
        todo_count = 0
        for j in range(in_count):
            todo[todo_count] = ins[j]
            todo_count += 1
        for j in range(out_count):
            if best_in[outs[j]] < 0:
                todo[todo_count] = outs[j]
                todo_count += 1
        for j in range(in_count):
            best_in[ins[j]] = -1
        for j in range(out_count):
            best_out[outs[j]] = -1
        for k in range(todo_count):
            gone[todo[k]] += 1
            level[todo[k]] = max(level[todo[k]], level[picked] + 1)
    return rank, e_tail[:edge_count], e_head[:edge_count], e_ms[:edge_count]


@inner_kernel
def search_up(
    seed_nodes: Ints,
    seed_ms: Ints,
    limit: int,
    first: Ints,
    head: Ints,
    ms: Ints,
    down_first: Ints,
    down_tail: Ints,
    down_ms: Ints,
    dist: Ints,
    touched: Ints,
    heap: Longs,
    found: Ints,
    found_ms: Ints,
) -> tuple[int, int]:
    """Search upwards from seeds; return how many nodes were found, and how many touched.

    A node that is reached sooner over a higher one (`down_` edges) is left out: no shortest path
    goes up through it. The caller resets `dist` of what was touched.
    """
    size, count, seen = 0, 0, 0
    for k in range(len(seed_nodes)):
        node, time = seed_nodes[k], seed_ms[k]
        if node >= 0 and time <= limit and time < dist[node]:
            if dist[node] == UNREACHED:
                touched[seen] = node
                seen += 1
            dist[node] = time
            size = heap_push(heap, size, (np.int64(time) << 32) | node)
    while size > 0:
        top = heap[0]
        size = heap_pop(heap, size)
        so_far, node = top >> 32, top & NODE_MASK
        if so_far > dist[node]:
            continue
        is_late = False
        for edge in range(down_first[node], down_first[node + 1]):
            higher = dist[down_tail[edge]]
            if higher != UNREACHED and higher + down_ms[edge] < so_far:
                is_late = True
                break
        if is_late:
            continue
        found[count], found_ms[count] = node, so_far
        count += 1
        for edge in range(first[node], first[node + 1]):
            other = head[edge]
            time = so_far + ms[edge]
            if time <= limit and time < dist[other]:
                if dist[other] == UNREACHED:
                    touched[seen] = other
                    seen += 1
                dist[other] = time
                if size == len(heap):
                    break  # can't be: the heap has room for every edge
                size = heap_push(heap, size, (np.int64(time) << 32) | other)
    return count, seen


@compiled(nogil=True)
def many_to_many(
    source_nodes: Ints,
    source_ms: Ints,
    target_nodes: Ints,
    target_ms: Ints,
    limit: int,
    up_first: Ints,
    up_head: Ints,
    up_ms: Ints,
    down_first: Ints,
    down_tail: Ints,
    down_ms: Ints,
    dist: Ints,
    touched: Ints,
    heap: Longs,
    result: Ints,
) -> None:
    """Fill result (sources x targets) [ms]; `UNREACHED` beyond the limit.

    What each target's search finds is put into a bucket at the node; each source's search then
    reads the buckets on its way.
    """
    node_count = len(up_first) - 1
    found, found_ms = np.empty(node_count, np.int32), np.empty(node_count, np.int32)
    kept_node = np.empty(64 * len(target_nodes) + 64, np.int32)
    kept_target, kept_ms = np.empty_like(kept_node), np.empty_like(kept_node)
    kept = 0
    for target in range(len(target_nodes)):
        count, seen = search_up(
            target_nodes[target], target_ms[target], limit, down_first, down_tail, down_ms,
            up_first, up_head, up_ms, dist, touched, heap, found, found_ms,
        )  # fmt: skip
        for k in range(seen):
            dist[touched[k]] = UNREACHED
        while kept + count > len(kept_node):
            kept_node, kept_target, kept_ms = grown(kept_node), grown(kept_target), grown(kept_ms)
        for k in range(count):
            kept_node[kept], kept_target[kept], kept_ms[kept] = found[k], target, found_ms[k]
            kept += 1
    bucket = np.zeros(node_count + 1, np.int32)
    for k in range(kept):
        bucket[kept_node[k] + 1] += 1
    for node in range(node_count):
        bucket[node + 1] += bucket[node]
    place = bucket[:-1].copy()
    in_target, in_ms = np.empty(kept, np.int32), np.empty(kept, np.int32)
    for k in range(kept):
        at = place[kept_node[k]]
        in_target[at], in_ms[at] = kept_target[k], kept_ms[k]
        place[kept_node[k]] += 1
    result[:, :] = UNREACHED
    for source in range(len(source_nodes)):
        count, seen = search_up(
            source_nodes[source], source_ms[source], limit, up_first, up_head, up_ms,
            down_first, down_tail, down_ms, dist, touched, heap, found, found_ms,
        )  # fmt: skip
        for k in range(seen):
            dist[touched[k]] = UNREACHED
        row = result[source]
        for k in range(count):
            node, so_far = found[k], found_ms[k]
            for at in range(bucket[node], bucket[node + 1]):
                time = so_far + in_ms[at]
                if time < row[in_target[at]]:
                    row[in_target[at]] = time
        for target in range(len(row)):
            if row[target] > limit:
                row[target] = UNREACHED


@compiled(nogil=True)
def one_to_all(
    source_nodes: Ints,
    source_ms: Ints,
    up_first: Ints,
    up_head: Ints,
    up_ms: Ints,
    down_first: Ints,
    down_tail: Ints,
    down_ms: Ints,
    dist: Ints,
    touched: Ints,
    heap: Longs,
    found: Ints,
    found_ms: Ints,
) -> None:
    """Search upwards from one source and bring the times down to all nodes, from the highest.

    `dist` is all `UNREACHED` before, and holds the times afterwards.
    """
    search_up(
        source_nodes, source_ms, NO_LIMIT, up_first, up_head, up_ms, down_first, down_tail,
        down_ms, dist, touched, heap, found, found_ms,
    )  # fmt: skip
    for node in range(len(down_first) - 2, -1, -1):
        least = np.int64(dist[node])
        for edge in range(down_first[node], down_first[node + 1]):
            time = np.int64(dist[down_tail[edge]]) + down_ms[edge]
            least = min(least, time)
        dist[node] = min(least, np.int64(UNREACHED))
