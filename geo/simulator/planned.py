"""The truth of a unit that keeps to its assigned route: drives each leg, stands at each stop."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np

from geo.errors import InvalidInput
from geo.local_plane import LocalPlane
from geo.simulator.patrol_walk import Walk


def planned_walk(
    stops: Sequence[dict[str, Any]],
    legs: Sequence[dict[str, Any]],
    *,
    start: datetime,
    plane: LocalPlane,
    late_s: float = 0.0,
    skipped: frozenset[int] = frozenset(),
) -> Walk:
    """Return the walk of a unit that keeps to its route.

    Parameters
    ----------
    stops, legs : as `geo.tables.PatrolRoute` keeps them
    start : from which the walk's seconds are counted
    plane : in whose metres it is
    late_s : by which it is behind its plan all the time [s]
    skipped : numbers of stops, from 0, at which it doesn't stand: it waits on the way there

    Raises
    ------
    InvalidInput : the route has no leg
    """
    if not legs:
        raise InvalidInput("The route has no leg to drive. Assign a plan with stops.")

    def seconds(text: str) -> float:
        return (datetime.fromisoformat(text) - start).total_seconds() + late_s

    times, places = [0.0], [_metres(legs[0]["line"], plane)[0]]
    for number, leg in enumerate(legs):
        line = _metres(leg["line"], plane)
        along = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))))
        begin = max(seconds(leg["leave_at"]), times[-1])
        end = max(seconds(leg["arrive_at"]), begin)
        share = along / along[-1] if along[-1] > 0 else np.zeros(len(along))
        if number in skipped:
            # Half of the way, then back on the way to the next.
            line, share = line[: len(line) // 2 + 1], share[: len(line) // 2 + 1]
        times += [begin, *(begin + share * (end - begin)).tolist()]
        places += [places[-1], *line]
        if number < len(stops) and number not in skipped:
            times.append(max(seconds(stops[number]["leave_at"]), times[-1]))
            places.append(places[-1])
    return Walk(np.array(times), np.array(places))


def _metres(line: Sequence[Sequence[float]], plane: LocalPlane) -> np.ndarray:
    points = np.array(line, float).reshape(-1, 2)
    return plane.points_to_metres(points[:, 0], points[:, 1])
