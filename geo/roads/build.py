"""Joining lines into a network: cut where they meet, measured, doubles merged, numbered."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.errors import InvalidInput, NotEnoughData
from geo.geodesy import geodesic_distance_m
from geo.roads.lines import ALONE, RoadLines
from geo.roads.network import RoadNetwork

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

_MORTON_BITS = 16
_OFF = 0.137


def build_road_network(lines: RoadLines) -> RoadNetwork:
    """Return the network of some lines.

    Lines are cut at every point they share with another or with themselves (`node_keys`). A piece
    that stands twice, in either direction, is one, open to whom either was open. Pieces without
    length are dropped, unless they join two nodes.

    Raises
    ------
    NotEnoughData : no line that anybody may use
    InvalidInput : a coordinate that is no number
    """
    if not np.isfinite(lines.xy).all():
        raise InvalidInput("A road has a coordinate that is no number. Leave the road out.")
    counts = np.diff(lines.first_point)
    open_lines = (lines.forward_modes | lines.backward_modes) > 0
    dropped = {
        "closed to every mode": int((~open_lines).sum()),
        "fewer than two points": int((open_lines & (counts < 2)).sum()),
    }
    kept = open_lines & (counts >= 2)
    if not kept.any():
        raise NotEnoughData(
            f"None of {len(lines)} lines is a road that somebody may use.", found=0, needed=1
        )
    owner = np.repeat(np.arange(len(lines)), counts)
    in_kept = kept[owner]
    owner, xy, keys = owner[in_kept], lines.xy[in_kept], lines.node_keys[in_kept]
    starts = np.concatenate(([True], owner[1:] != owner[:-1]))
    # A point said twice in a row is one.
    again = np.concatenate(([False], (xy[1:] == xy[:-1]).all(axis=1) & ~starts[1:]))
    again &= (keys == np.concatenate(([ALONE], keys[:-1]))) | (keys == ALONE)
    owner, xy, keys, starts = owner[~again], xy[~again], keys[~again], starts[~again]
    ends = np.concatenate((starts[1:], [True]))

    node, is_node, node_count = _nodes(keys, starts | ends)
    cuts = np.flatnonzero(is_node)
    # A piece runs from each cut to the next one of the same line.
    has_next = owner[cuts[:-1]] == owner[cuts[1:]]
    first, last = cuts[:-1][has_next], cuts[1:][has_next]
    piece_owner = owner[first]
    steps_m = np.concatenate(
        ([0.0], geodesic_distance_m(xy[:-1, 0], xy[:-1, 1], xy[1:, 0], xy[1:, 1]))
    )
    steps_m[starts] = 0.0
    run_m = np.cumsum(steps_m)
    length_m = run_m[last] - run_m[first]
    length_m = _as_stated(length_m, piece_owner, lines)
    tail, head = node[first], node[last]
    forward, backward = lines.forward_modes[piece_owner], lines.backward_modes[piece_owner]

    merged = _merged(first, last, tail, head, length_m, xy, forward, backward)
    keep, forward, backward = merged
    is_nothing = (tail[keep] == head[keep]) & (length_m[keep] <= 0)
    dropped["the same piece again"] = len(first) - len(keep)
    dropped["without length"] = int(is_nothing.sum())
    keep, forward, backward = keep[~is_nothing], forward[~is_nothing], backward[~is_nothing]
    if not len(keep):
        raise NotEnoughData(f"None of {len(lines)} lines has a length.", found=0, needed=1)

    node_xy = np.empty((node_count, 2))
    node_xy[node[cuts]] = xy[cuts]
    used = np.zeros(node_count, bool)
    used[tail[keep]], used[head[keep]] = True, True
    number = _numbering(node_xy, used)
    node_xy = node_xy[used][np.argsort(number[used])]
    return _network(
        lines,
        node_xy=node_xy,
        tail=number[tail[keep]],
        head=number[head[keep]],
        forward=forward,
        backward=backward,
        piece_owner=piece_owner[keep],
        length_m=length_m[keep],
        geometry=_geometry(xy, first[keep], last[keep]),
        dropped={reason: count for reason, count in dropped.items() if count},
    )


def _nodes(keys: Ints, is_end: Flags) -> tuple[Ints, Flags, int]:
    """The node of each point (-1: none), which points are nodes, and how many nodes there are."""
    shared = keys != ALONE
    _, which, times = np.unique(keys[shared], return_inverse=True, return_counts=True)
    is_node = is_end.copy()
    is_node[shared] |= times[which] > 1
    # Points of one key are one node; one that stands alone is a node of its own.
    label = np.full(len(keys), -1, np.int64)
    label[shared] = which
    alone = is_node & ~shared
    label[alone] = len(times) + np.arange(alone.sum())
    label[~is_node] = -1
    found, number = np.unique(label[is_node], return_inverse=True)
    node = np.full(len(keys), -1, np.int64)
    node[is_node] = number
    return node, is_node, len(found)


def _as_stated(length_m: NDArray[np.float64], owner: Ints, lines: RoadLines) -> Any:
    """Lengths as the file states them, shared among the pieces of a line by their own."""
    stated = lines.length_m[owner]
    is_stated = np.isfinite(stated)
    if not is_stated.any():
        return length_m
    whole = np.bincount(owner, weights=length_m, minlength=len(lines))[owner]
    pieces = np.bincount(owner, minlength=len(lines))[owner]
    share = np.where(whole > 0, length_m / np.where(whole > 0, whole, 1), 1 / pieces)
    return np.where(is_stated, stated * share, length_m)


def _merged(
    first: Ints,
    last: Ints,
    tail: Ints,
    head: Ints,
    length_m: NDArray[np.float64],
    xy: NDArray[np.float64],
    forward: NDArray[np.uint8],
    backward: NDArray[np.uint8],
) -> tuple[Ints, NDArray[np.uint8], NDArray[np.uint8]]:
    """The first of each set of equal pieces, with the modes of all of them along and against it."""
    turned = tail > head
    low, high = np.minimum(tail, head), np.maximum(tail, head)
    # Two pieces between the same nodes are the same road where count, length and middle agree.
    sums = np.concatenate((np.zeros((1, 2)), np.cumsum(xy - xy[0], axis=0)))
    count = last - first + 1
    middle = (sums[last + 1] - sums[first]) / count[:, None]
    # Where numbers are cut must not be where files round: both directions of a line would part.
    facts = np.floor(
        np.column_stack((low, high, count, length_m * 100 + _OFF, middle * 1e6 + _OFF))
    ).astype(np.int64)
    _, keep, group = np.unique(facts, axis=0, return_index=True, return_inverse=True)
    group = group.reshape(-1)
    same_way = turned == turned[keep[group]]
    along = np.where(same_way, forward, backward)
    against = np.where(same_way, backward, forward)
    merged_along = np.zeros(len(keep), np.uint8)
    merged_against = np.zeros(len(keep), np.uint8)
    np.bitwise_or.at(merged_along, group, along)
    np.bitwise_or.at(merged_against, group, against)
    order = np.argsort(keep)  # the file's order
    return keep[order], merged_along[order], merged_against[order]


def _numbering(node_xy: NDArray[np.float64], used: Flags) -> Ints:
    """Numbers 0 .. n - 1 of the nodes in use, along a Morton curve; -1 for the others."""
    xy = node_xy[used]
    low, high = xy.min(axis=0), xy.max(axis=0)
    extent = np.where(high > low, high - low, 1.0)
    cells = ((xy - low) / extent * (2**_MORTON_BITS - 1)).astype(np.int64)
    code = _spread(cells[:, 0]) | (_spread(cells[:, 1]) << 1)
    rank = np.empty(len(xy), np.int64)
    rank[np.argsort(code, kind="stable")] = np.arange(len(xy))
    number = np.full(len(node_xy), -1, np.int64)
    number[used] = rank
    return number


def _spread(bits: Ints) -> Ints:
    """Set a zero between each two bits of 16."""
    for shift, mask in ((8, 0x00FF00FF), (4, 0x0F0F0F0F), (2, 0x33333333), (1, 0x55555555)):
        bits = (bits | (bits << shift)) & mask
    return bits


def _geometry(xy: NDArray[np.float64], first: Ints, last: Ints) -> tuple[Ints, NDArray[np.float64]]:
    counts = last - first + 1
    begins = np.concatenate(([0], np.cumsum(counts)))
    at = np.arange(begins[-1]) - np.repeat(begins[:-1] - first, counts)
    return begins, xy[at]


def _network(
    lines: RoadLines,
    *,
    node_xy: NDArray[np.float64],
    tail: Ints,
    head: Ints,
    forward: NDArray[np.uint8],
    backward: NDArray[np.uint8],
    piece_owner: Ints,
    length_m: NDArray[np.float64],
    geometry: tuple[Ints, NDArray[np.float64]],
    dropped: dict[str, int],
) -> RoadNetwork:
    along, against = np.flatnonzero(forward), np.flatnonzero(backward)
    line = np.concatenate((along, against))
    tails = np.concatenate((tail[along], head[against]))
    heads = np.concatenate((head[along], tail[against]))
    modes = np.concatenate((forward[along], backward[against]))
    is_backward = np.repeat([False, True], [len(along), len(against)])
    order = np.lexsort((line, heads, tails))
    counts = np.bincount(tails, minlength=len(node_xy))
    return RoadNetwork(
        node_xy=node_xy,
        first_edge=np.concatenate(([0], np.cumsum(counts))).astype(np.int32),
        edge_head=heads[order].astype(np.int32),
        edge_line=line[order].astype(np.int32),
        edge_is_backward=is_backward[order],
        edge_modes=modes[order],
        line_length_m=length_m,
        line_class=lines.class_index[piece_owner],
        class_names=lines.class_names,
        line_name=lines.name_index[piece_owner].astype(np.int32),
        names=lines.names,
        line_limit_kmh=lines.limit_kmh[piece_owner],
        line_source_id=lines.source_ids[piece_owner],
        line_is_round=lines.is_round[piece_owner],
        line_first_point=geometry[0],
        points=geometry[1],
        dropped=dropped,
    )
