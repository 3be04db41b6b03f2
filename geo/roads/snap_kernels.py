"""The compiled loops behind `geo.roads.snapping`: pieces of lines in a grid of squares."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geo.compiling import compiled

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]


@compiled(nogil=True)
def list_squares(
    pieces: Floats, west: float, south: float, size: float, columns: int, rows: int, counts: Longs,
    place: Longs, listed: Ints, filling: bool,
) -> None:  # fmt: skip
    """Count (or, `filling`, list) the pieces in each square they may touch.

    pieces : (n, 4) x, y of both ends [m]. Row by row only the squares the piece crosses are taken,
        so
    that a long slanting road doesn't fill its whole frame.
    """
    for piece in range(len(pieces)):
        x0, y0, x1, y1 = pieces[piece]
        if y0 > y1:
            x0, y0, x1, y1 = x1, y1, x0, y0
        bottom = min(max(int((y0 - south) / size), 0), rows - 1)
        top = min(max(int((y1 - south) / size), 0), rows - 1)
        for row in range(bottom, top + 1):
            low, high = south + row * size, south + (row + 1) * size
            left, right = min(x0, x1), max(x0, x1)
            if y1 > y0:
                a = x0 + (x1 - x0) * min(max((low - y0) / (y1 - y0), 0.0), 1.0)
                b = x0 + (x1 - x0) * min(max((high - y0) / (y1 - y0), 0.0), 1.0)
                left, right = min(a, b), max(a, b)
            # A millimetre over, so that rounding never leaves out a square.
            first = min(max(int((left - 0.001 - west) / size), 0), columns - 1)
            last = min(max(int((right + 0.001 - west) / size), 0), columns - 1)
            for column in range(first, last + 1):
                square = row * columns + column
                if filling:
                    listed[place[square]] = piece
                    place[square] += 1
                else:
                    counts[square] += 1


@compiled(nogil=True)
def nearest_pieces(
    points: Floats, limit: float, pieces: Floats, owner: Ints, west: float, south: float,
    size: float, columns: int, rows: int, begins: Longs, listed: Ints, found: Ints, share: Floats,
    distance: Floats,
) -> None:  # fmt: skip
    """Find the piece nearest to each point within a limit [m]; of equal ones the line's lower
    number.

    found : (n,) the piece, -1 for none; share : (n,) how far along it; distance : (n,) [m]
    """
    for k in range(len(points)):
        x, y = points[k]
        best, best_piece, best_share = limit * limit, -1, 0.0
        here_column = int(np.floor((x - west) / size))
        here_row = int(np.floor((y - south) / size))
        # Outside the grid, the first rings hold nothing.
        ring = max(0, -here_column, here_column - columns + 1, -here_row, here_row - rows + 1)
        while True:
            # Everything within this distance lies in the rings before.
            covered = (ring - 1) * size + min(
                x - (west + here_column * size), west + (here_column + 1) * size - x,
                y - (south + here_row * size), south + (here_row + 1) * size - y,
            )  # fmt: skip
            if ring > 0 and covered > 0 and covered * covered > best:
                break
            is_past_west = here_column - ring < -1 and here_row - ring < -1
            if is_past_west and here_column + ring > columns and here_row + ring > rows:
                break
            for row in range(max(here_row - ring, 0), min(here_row + ring, rows - 1) + 1):
                is_edge = row == here_row - ring or row == here_row + ring
                step = 1 if is_edge or ring == 0 else 2 * ring
                column = here_column - ring
                while column <= here_column + ring:
                    if 0 <= column < columns:
                        square = row * columns + column
                        for at in range(begins[square], begins[square + 1]):
                            piece = listed[at]
                            x0, y0 = pieces[piece, 0], pieces[piece, 1]
                            dx, dy = pieces[piece, 2] - x0, pieces[piece, 3] - y0
                            length2 = dx * dx + dy * dy
                            along = 0.0
                            if length2 > 0:
                                along = ((x - x0) * dx + (y - y0) * dy) / length2
                                along = min(max(along, 0.0), 1.0)
                            ox, oy = x0 + along * dx - x, y0 + along * dy - y
                            off = ox * ox + oy * oy
                            if off < best or (
                                off == best
                                and (
                                    best_piece < 0
                                    or owner[piece] < owner[best_piece]
                                    or (owner[piece] == owner[best_piece] and piece < best_piece)
                                )
                            ):
                                best, best_piece, best_share = off, piece, along
                    column += step
            ring += 1
        found[k], share[k], distance[k] = best_piece, best_share, np.sqrt(best)
