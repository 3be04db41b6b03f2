"""The board of nearest units: all anew, and one unit's move; ours against numpy.

    python -m bench.gap [--cells N] [--units N] [--rounds N] [--moves N]

Units and cells at random places of a square; times as straight lines over speed, so that a unit is
nearest to the cells around it, as in a town. Each round one unit moves by some 500 m. numpy:
`argmin` and `take_along_axis` for all anew; for a move its own column mended the same way. Methods
alternate; medians. Both must hold the same times after every step.

End to end (`bench.gap_live`): a fresh demo city is served, its chief looks at `/gaps` in Chromium,
and a car's phone sends a position every two to four seconds, 80 m from the one before; from just
before it is sent until the page has drawn a board with the car there. `--moves 0` leaves it out.

RESULT: full_ms, step_ms, full_numpy_ms, step_numpy_ms, vs_numpy_full, vs_numpy_step, mismatches,
cells, units; end_to_end_median_s, end_to_end_p95_s, end_to_end_moves, end_to_end_missed (not seen
within ten seconds; the percentile counts them as ten).
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np

from bench.gap_live import SEEN_MAX_S, end_to_end_s
from layers.response.reach_board import ReachBoard

SIDE_M, SPEED_MPS, MOVE_M = 20_000.0, 8.0, 500.0


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--cells", type=int, default=20_000)
    arguments.add_argument("--units", type=int, default=200)
    arguments.add_argument("--rounds", type=int, default=200)
    arguments.add_argument("--moves", type=int, default=40)
    given = arguments.parse_args()
    random = np.random.default_rng(7)
    cells = random.uniform(0, SIDE_M, (given.cells, 2))
    units = random.uniform(0, SIDE_M, (given.units, 2))

    def times_of(place: np.ndarray) -> np.ndarray:
        return (np.hypot(*(cells - place).T) / SPEED_MPS).astype(np.float32)

    times = np.stack([times_of(place) for place in units])
    board = ReachBoard(times)
    board.change_unit(0, times[0])  # compiles
    by_numpy = times.copy()
    nearest = by_numpy.argmin(axis=0)
    least = np.take_along_axis(by_numpy, nearest[None], axis=0)[0]
    full, step, full_numpy, step_numpy, wrong = [], [], [], [], 0
    for _ in range(given.rounds):
        unit = int(random.integers(given.units))
        units[unit] += random.normal(0, MOVE_M, 2)
        row = times_of(units[unit])

        start = time.perf_counter()
        board.change_unit(unit, row)
        step.append((time.perf_counter() - start) * 1000)

        start = time.perf_counter()
        by_numpy[unit] = row
        hung = nearest == unit
        nearer = row < least
        least[nearer], nearest[nearer] = row[nearer], unit
        mend = np.flatnonzero(hung & ~nearer)
        column = by_numpy[:, mend]
        nearest[mend] = column.argmin(axis=0)
        least[mend] = column.min(axis=0)
        step_numpy.append((time.perf_counter() - start) * 1000)

        start = time.perf_counter()
        board.count_anew()
        full.append((time.perf_counter() - start) * 1000)

        start = time.perf_counter()
        again = by_numpy.argmin(axis=0)
        anew = np.take_along_axis(by_numpy, again[None], axis=0)[0]
        full_numpy.append((time.perf_counter() - start) * 1000)
        wrong += int(not (np.array_equal(anew, least) and np.array_equal(board.nearest_s, anew)))
    median = {
        "full_ms": float(np.median(full)),
        "step_ms": float(np.median(step)),
        "full_numpy_ms": float(np.median(full_numpy)),
        "step_numpy_ms": float(np.median(step_numpy)),
    }
    for name, value in median.items():
        print(f"{name:14} {value:8.3f}")
    result: dict[str, float] = {name: round(value, 4) for name, value in median.items()} | {
        "vs_numpy_full": round(median["full_numpy_ms"] / median["full_ms"], 2),
        "vs_numpy_step": round(median["step_numpy_ms"] / median["step_ms"], 2),
        "mismatches": wrong,
        "cells": given.cells,
        "units": given.units,
    }
    if given.moves:
        result |= end_to_end(given.moves)
    print("RESULT", json.dumps(result))


def end_to_end(moves: int) -> dict[str, float]:
    """Measure, print and return what the whole way takes."""
    took, missed = end_to_end_s(moves)
    all_s = np.array(took + [SEEN_MAX_S] * missed)
    median, p95 = np.quantile(all_s, (0.5, 0.95))
    print(f"end to end     median {median:.2f} s, p95 {p95:.2f} s of {moves}, {missed} not seen")
    return {
        "end_to_end_median_s": round(float(median), 3),
        "end_to_end_p95_s": round(float(p95), 3),
        "end_to_end_moves": moves,
        "end_to_end_missed": missed,
    }


if __name__ == "__main__":
    main()
