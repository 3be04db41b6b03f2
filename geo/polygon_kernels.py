"""The compiled loops behind `geo.polygon_raster`. Numba compiles them on first use and keeps the
result on disk; they release the interpreter's lock.

A square of the raster is found from a coordinate by `square_at`. It keeps the order of numbers in
floating point (subtracting, multiplying by a positive number and rounding down all do), and that is
all the exactness of the raster rests on.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geo.compiling import compiled

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Ranks = NDArray[np.int32]

NOWHERE = -1
HAS_BORDERS = -2  # while building: polygons are listed for this square
IS_CLOSED = -3  # while building: the same, and the last one listed holds all of it
OUTSIDE, INSIDE, UNSURE = 0, 1, 2

MARGIN = 1e-6  # [squares] around each border; rounding errors are below 1e-12 squares
# The sign of the determinant is certain beyond this share of its terms' sizes.
# Source: Shewchuk 1997, "Adaptive precision floating-point arithmetic", ccwerrboundA.
SIGN_BOUND = (3.0 + 16.0 * 2.0**-53) * 2.0**-53
UNDERFLOW = 1e-280


@compiled(nogil=True)
def square_at(value: float, origin: float, scale: float, count: int) -> int:
    """Return the column or row of a coordinate that isn't below `origin`."""
    return min(int((value - origin) * scale), count - 1)


@compiled(nogil=True)
def side_of_ring_edges(edges: Floats, listed: Ranks, x: float, y: float) -> int:
    """Return whether a point is INSIDE (border included), OUTSIDE or too near the border to say.

    Counts the edges a ray to the right crosses, with the rules of GEOS's RayCrossingCounter.
    `edges` is (n, 4): x, y of both ends; `listed` names those that reach the height of the point.
    """
    crossings = 0
    for edge in listed:
        x0, y0, x1, y1 = edges[edge, 0], edges[edge, 1], edges[edge, 2], edges[edge, 3]
        if x0 < x and x1 < x:
            continue
        if x1 == x and y1 == y:
            return INSIDE
        if y0 == y and y1 == y:
            if min(x0, x1) <= x <= max(x0, x1):
                return INSIDE
        elif (y0 > y) != (y1 > y):
            left, right = (x0 - x) * (y1 - y), (y0 - y) * (x1 - x)
            determinant = left - right
            if abs(determinant) <= SIGN_BOUND * (abs(left) + abs(right)) + UNDERFLOW:
                return UNSURE
            if (determinant > 0) == (y1 > y0):
                crossings += 1
    return INSIDE if crossings % 2 == 1 else OUTSIDE


@compiled(nogil=True)
def list_edges_by_row(
    edges: Floats, edge_rank: Ranks, polygon_count: int, south: float, scale: float, rows: int
) -> tuple[Ints, Ints, Ints, Ranks]:
    """Return which edges of each polygon reach each row.

    Returns
    -------
    first_row : (n_polygons,) the lowest row of each polygon
    first_slot : (n_polygons + 1,) where the rows of each polygon begin
    slot_start : (n_slots + 1,) where the edges of each row begin in `slot_edges`
    slot_edges : positions in `edges`
    """
    low, high = np.empty(len(edges), np.int64), np.empty(len(edges), np.int64)
    first_row = np.full(polygon_count, rows, np.int64)
    last_row = np.full(polygon_count, -1, np.int64)
    for edge in range(len(edges)):
        y0, y1 = edges[edge, 1], edges[edge, 3]
        low[edge] = square_at(min(y0, y1), south, scale, rows)
        high[edge] = square_at(max(y0, y1), south, scale, rows)
        rank = edge_rank[edge]
        first_row[rank] = min(first_row[rank], low[edge])
        last_row[rank] = max(last_row[rank], high[edge])
    first_slot = np.zeros(polygon_count + 1, np.int64)
    for rank in range(polygon_count):
        first_slot[rank + 1] = first_slot[rank] + max(last_row[rank] - first_row[rank] + 1, 0)
    slot_start = np.zeros(first_slot[polygon_count] + 1, np.int64)
    for edge in range(len(edges)):
        base = first_slot[edge_rank[edge]] - first_row[edge_rank[edge]]
        for row in range(low[edge], high[edge] + 1):
            slot_start[base + row + 1] += 1
    for slot in range(len(slot_start) - 1):
        slot_start[slot + 1] += slot_start[slot]
    place = slot_start[:-1].copy()
    slot_edges = np.empty(slot_start[-1], np.int32)
    for edge in range(len(edges)):
        base = first_slot[edge_rank[edge]] - first_row[edge_rank[edge]]
        for row in range(low[edge], high[edge] + 1):
            slot_edges[place[base + row]] = edge
            place[base + row] += 1
    return first_row, first_slot, slot_start, slot_edges


@compiled(nogil=True)
def columns_of_edge(
    x0: float, y0: float, x1: float, y1: float, row: int,
    west: float, south: float, x_scale: float, y_scale: float, columns: int,
) -> tuple[int, int]:  # fmt: skip
    """Return the first and last column that an edge reaches within a row, with a margin."""
    u0, v0 = (x0 - west) * x_scale, (y0 - south) * y_scale
    du, dv = (x1 - west) * x_scale - u0, (y1 - south) * y_scale - v0
    start, end = 0.0, 1.0
    if abs(dv) > MARGIN:
        one, other = (row - MARGIN - v0) / dv, (row + 1 + MARGIN - v0) / dv
        start = min(max(min(one, other), 0.0), 1.0)
        end = min(max(max(one, other), 0.0), 1.0)
    one, other = u0 + start * du, u0 + end * du
    first = max(int(np.floor(min(one, other) - MARGIN)), 0)
    last = int(np.floor(max(one, other) + MARGIN))
    return min(first, columns - 1), min(last, columns - 1)


@compiled(nogil=True)
def fill_squares(
    edges: Floats, first_row: Ints, first_slot: Ints, slot_start: Ints, slot_edges: Ranks,
    west: float, south: float, x_scale: float, y_scale: float, columns: int, rows: int,
) -> tuple[Ranks, Ints, Ranks]:  # fmt: skip
    """Return what each square says, and the polygons listed for squares that borders cross.

    Polygons come in order of precedence, so the first to hold a whole square settles it, and a
    list never needs a polygon after one that holds the whole square.

    Returns
    -------
    state : (rows * columns,) a rank, NOWHERE, or HAS_BORDERS - k for list number k
    list_start : (n_lists + 1,)
    listed : ranks, ascending within each list
    """
    state = np.full(rows * columns, NOWHERE, np.int32)
    marked = np.full(columns, -1, np.int64)
    entry_square, entry_rank, entries = np.empty(1024, np.int64), np.empty(1024, np.int32), 0
    for rank in range(len(first_row)):
        for slot in range(first_slot[rank], first_slot[rank + 1]):
            row = first_row[rank] + slot - first_slot[rank]
            here = slot_edges[slot_start[slot] : slot_start[slot + 1]]
            west_most, east_most = columns, -1
            for edge in here:
                first, last = columns_of_edge(
                    edges[edge, 0], edges[edge, 1], edges[edge, 2], edges[edge, 3], row,
                    west, south, x_scale, y_scale, columns,
                )  # fmt: skip
                marked[first : last + 1] = slot
                west_most, east_most = min(west_most, first), max(east_most, last)
            if entries + east_most - west_most + 1 > len(entry_square):
                size = 2 * len(entry_square) + columns
                entry_square = np.concatenate((entry_square, np.empty(size, np.int64)))
                entry_rank = np.concatenate((entry_rank, np.empty(size, np.int32)))
            # Between two marked squares no border of this polygon passes: one test for the run.
            was_marked, is_inside = True, False
            for column in range(west_most, east_most + 1):
                is_marked = marked[column] == slot
                if was_marked and not is_marked:
                    x = (column + 0.5) / x_scale + west
                    y = (row + 0.5) / y_scale + south
                    is_inside = side_of_ring_edges(edges, here, x, y) == INSIDE
                was_marked = is_marked
                square = row * columns + column
                now = state[square]
                if now >= 0 or now == IS_CLOSED or not (is_marked or is_inside):
                    continue
                if not is_marked and now == NOWHERE:
                    state[square] = rank
                    continue
                state[square] = HAS_BORDERS if is_marked else IS_CLOSED
                entry_square[entries], entry_rank[entries] = square, rank
                entries += 1
    return lists_by_square(state, entry_square[:entries], entry_rank[:entries])


@compiled(nogil=True)
def lists_by_square(
    state: Ranks, entry_square: Ints, entry_rank: Ranks
) -> tuple[Ranks, Ints, Ranks]:
    """Gather the entries of each square, in the order they came, and number the lists."""
    number = np.full(len(state), -1, np.int32)
    count = 0
    for square in entry_square:
        if number[square] < 0:
            number[square] = count
            count += 1
    list_start = np.zeros(count + 1, np.int64)
    for square in entry_square:
        list_start[number[square] + 1] += 1
    for position in range(count):
        list_start[position + 1] += list_start[position]
    place = list_start[:-1].copy()
    listed = np.empty(len(entry_square), np.int32)
    for entry in range(len(entry_square)):
        k = number[entry_square[entry]]
        listed[place[k]] = entry_rank[entry]
        place[k] += 1
        state[entry_square[entry]] = HAS_BORDERS - k
    return state, list_start, listed


@compiled(nogil=True)
def read_squares(
    x: Floats, y: Floats, state: Ranks, bounds: tuple[float, float, float, float],
    x_scale: float, y_scale: float, columns: int, rows: int,
) -> Ranks:  # fmt: skip
    """Return what the square of each point says: a rank, NOWHERE, or HAS_BORDERS - k."""
    west, south, east, north = bounds
    found = np.full(len(x), NOWHERE, np.int32)
    for point in range(len(x)):
        if west <= x[point] <= east and south <= y[point] <= north:
            row = square_at(y[point], south, y_scale, rows)
            found[point] = state[row * columns + square_at(x[point], west, x_scale, columns)]
    return found


@compiled(nogil=True)
def resolve_listed(
    x: Floats, y: Floats, found: Ranks, list_start: Ints, listed: Ranks, edges: Floats,
    first_row: Ints, first_slot: Ints, slot_start: Ints, slot_edges: Ranks,
    south: float, y_scale: float, rows: int,
) -> None:  # fmt: skip
    """Replace each HAS_BORDERS - k in `found` by the first polygon of list k that holds the point,
    or NOWHERE. It stays where rounding could turn the answer."""
    for point in points_by_list(found, len(list_start) - 1):
        number = HAS_BORDERS - found[point]
        row = square_at(y[point], south, y_scale, rows)
        answer = NOWHERE
        for rank in listed[list_start[number] : list_start[number + 1]]:
            slot = first_slot[rank] + row - first_row[rank]
            here = slot_edges[slot_start[slot] : slot_start[slot + 1]]
            side = side_of_ring_edges(edges, here, x[point], y[point])
            if side != OUTSIDE:
                answer = rank if side == INSIDE else found[point]
                break
        found[point] = answer


@compiled(nogil=True)
def points_by_list(found: Ranks, list_count: int) -> Ints:
    """Return the points in squares with borders, those of one list together.

    Neighbouring lists hold the same polygons: taken in this order the tests find edges in the
    processor's cache, which makes them five times as fast.
    """
    place = np.zeros(list_count + 1, np.int64)
    for now in found:
        if now <= HAS_BORDERS:
            place[HAS_BORDERS - now + 1] += 1
    for number in range(list_count):
        place[number + 1] += place[number]
    points = np.empty(place[list_count], np.int64)
    for point in range(len(found)):
        if found[point] <= HAS_BORDERS:
            number = HAS_BORDERS - found[point]
            points[place[number]] = point
            place[number] += 1
    return points
