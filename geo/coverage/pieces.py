"""How an hour's presence and coverage are packed: rows of fixed width, little-endian, in one order.

One row a unit, hour and kind of place instead of one a piece keeps the store small (some 26 bytes a
piece) and lets a month be read in a moment; the same presence always gives the same bytes.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Where a unit was: [start_ms, end_ms) in a place; certainty 0 certain, 1 uncertain; doing 0
# patrolling, 1 stationary, 2 responding. By start.
PIECE = np.dtype(
    [("place", "<i8"), ("start_ms", "<i8"), ("end_ms", "<i8"), ("certainty", "u1"), ("doing", "u1")]
)
# A stay that counts; whose it was isn't kept. By start and place.
VISIT = np.dtype(
    [
        ("place", "<i8"), ("start_ms", "<i8"), ("end_ms", "<i8"),
        ("inside_ms", "<i8"), ("certain_ms", "<i8"),
    ]
)  # fmt: skip
# Time in a place in an hour [ms]: certain (patrolling, stationary, responding), uncertain (the
# same three). By place.
SUMS = np.dtype([("place", "<i8"), ("ms", "<i4", (6,))])

Rows = NDArray[Any]


def unpacked(packed: bytes, kind: np.dtype[Any]) -> Rows:
    """Return the rows of packed bytes."""
    return np.frombuffer(packed, kind)


def joined_pieces(parts: list[Rows]) -> Rows:
    """Return pieces in order, those that go on without a change as one.

    However a stretch was cut, by hours or by what was known when it was computed, it comes out as
    the same pieces.
    """
    rows = np.concatenate([np.zeros(0, PIECE), *parts])
    rows = rows[rows["end_ms"] > rows["start_ms"]]
    rows = rows[np.lexsort((rows["place"], rows["start_ms"]))]
    if len(rows) < 2:
        return rows
    goes_on = rows["start_ms"][1:] == rows["end_ms"][:-1]
    for name in ("place", "certainty", "doing"):
        goes_on &= rows[name][1:] == rows[name][:-1]
    first = np.flatnonzero(np.concatenate([[True], ~goes_on]))
    joined = rows[first].copy()
    joined["end_ms"] = rows["end_ms"][np.append(first[1:], len(rows)) - 1]
    return joined


def clipped(rows: Rows, start_ms: float, end_ms: float) -> Rows:
    """Return what of some pieces lies in [start, end)."""
    kept = rows[(rows["end_ms"] > start_ms) & (rows["start_ms"] < end_ms)].copy()
    np.maximum(kept["start_ms"], round(start_ms), out=kept["start_ms"])
    np.minimum(kept["end_ms"], round(end_ms), out=kept["end_ms"])
    return kept


def cut_at_hours(rows: Rows, hour_ms: int, offset_ms: int) -> dict[int, Rows]:
    """Return pieces by the hour they lie in, cut where an hour ends; hours by their start [ms]."""
    first = (rows["start_ms"] - offset_ms) // hour_ms
    last = (rows["end_ms"] - 1 - offset_ms) // hour_ms
    index = np.repeat(np.arange(len(rows)), last - first + 1)
    within = np.arange(len(index)) - np.repeat(
        np.cumsum(last - first + 1) - (last - first + 1), last - first + 1
    )
    cut = rows[index].copy()
    start = (first[index] + within) * hour_ms + offset_ms
    np.maximum(cut["start_ms"], start, out=cut["start_ms"])
    np.minimum(cut["end_ms"], start + hour_ms, out=cut["end_ms"])
    return {int(each): cut[start == each] for each in np.unique(start)}


def sums_of(pieces: Rows) -> Rows:
    """Return the time in each place (`SUMS`) of the pieces of one hour, of any number of units."""
    places, row = np.unique(pieces["place"], return_inverse=True)
    found = np.zeros(len(places), SUMS)
    found["place"] = places
    lengths = (pieces["end_ms"] - pieces["start_ms"]).astype(np.int32)
    np.add.at(found["ms"], (row, 3 * pieces["certainty"].astype(int) + pieces["doing"]), lengths)
    return found


def changed_sums(stored: Rows, less: Rows, more: Rows) -> Rows | None:
    """Return sums of places with those of some pieces taken away and of others added.

    None where there is less than is to be taken away: what is stored isn't the sum of its parts.
    """
    places, row = np.unique(
        np.concatenate([stored["place"], less["place"], more["place"]]), return_inverse=True
    )
    found = np.zeros(len(places), SUMS)
    found["place"] = places
    ms = np.zeros((len(places), 6), np.int64)
    first, second = len(stored), len(stored) + len(less)
    np.add.at(ms, row[:first], stored["ms"])
    np.subtract.at(ms, row[first:second], less["ms"])
    np.add.at(ms, row[second:], more["ms"])
    if np.any(ms < 0):
        return None
    found["ms"] = ms
    return found[np.any(ms > 0, axis=1)]


def changed_visits(stored: Rows, less: Rows, more: Rows) -> Rows | None:
    """Return visits without some and with others, in order (`in_order`); None where one that is to
    be taken away isn't there."""
    left = Counter(stored.tolist())
    left.subtract(less.tolist())
    if any(count < 0 for count in left.values()):
        return None
    kept = np.array(list(left.elements()), VISIT) if left else np.zeros(0, VISIT)
    return in_order(np.concatenate([kept, more]))


def in_order(visits: Rows) -> Rows:
    """Return visits by start and place, whatever order they came in."""
    keys = ("certain_ms", "inside_ms", "end_ms", "place", "start_ms")
    return visits[np.lexsort([visits[name] for name in keys])]
