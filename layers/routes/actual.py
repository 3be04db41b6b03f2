"""A plan against what was done: stops visited, late, missed; time away from the planned way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from geo.local_plane import LocalPlane

REACH_M = 100.0  # how near is there: a cell of the forecast is some 130 m across
VISIT_MIN_S = 120.0  # a shorter presence is passing by; as in patrol coverage
GAP_MAX_S = 90.0  # what a fix stands for at most, until the next; as in patrol coverage
LATE_S = 600.0  # later than this is late
OVERDUE_S = 1_800.0  # from here on a stop counts as missed, unless it comes after all
OFF_WAY_M = 150.0  # farther from the planned way is away from it


class StopState(StrEnum):
    """What became of a stop.

    VISITED, LATE : for two minutes or more near it; late by more than ten minutes
    MISSED : half an hour over, and the unit is known to have been elsewhere
    UNKNOWN : half an hour over, and nothing is known of the unit then
    PENDING : still to come
    """

    VISITED = "visited"
    LATE = "late"
    MISSED = "missed"
    UNKNOWN = "unknown"
    PENDING = "pending"


@dataclass(frozen=True, slots=True)
class PlannedStop:
    """A stop to look for: where, from when to when [s]."""

    lon: float
    lat: float
    begin_s: float
    leave_s: float


@dataclass(frozen=True, slots=True)
class StopOutcome:
    """`begin_s`, `stayed_s`, `late_s`: when the visit began, how long it was, how much later than
    planned (below 0: earlier); None where there was none."""

    state: StopState
    begin_s: float | None = None
    stayed_s: float | None = None
    late_s: float | None = None


@dataclass(frozen=True, slots=True)
class RouteOutcome:
    """What became of a route.

    off_way_share : of the time known so far, spent farther than 150 m from the planned way
    known_s : time that fixes tell of
    """

    stops: tuple[StopOutcome, ...]
    off_way_share: float | None
    known_s: float

    def count(self, *states: StopState) -> int:
        return sum(stop.state in states for stop in self.stops)


def compare_route(
    stops: Sequence[PlannedStop],
    way: Sequence[Sequence[tuple[float, float]]],
    *,
    at_s: ArrayLike,
    lon: ArrayLike,
    lat: ArrayLike,
    now_s: float,
) -> RouteOutcome:
    """Return what became of a route by the fixes of its unit.

    Each visit answers for one stop only: where a place is stopped at again and again, visits go to
    the stops in order, each to the one whose time is nearest.

    Parameters
    ----------
    way : lines of longitude, latitude, one a leg
    at_s, lon, lat : (n,) fixes by time, seconds as those of the stops, degrees
    now_s : what is later is still to come
    """
    at = np.asarray(at_s, float)
    order = np.argsort(at, kind="stable")
    at, x, y = at[order], np.asarray(lon, float)[order], np.asarray(lat, float)[order]
    kept = at <= now_s
    at, x, y = at[kept], x[kept], y[kept]
    stands = np.minimum(np.diff(at, append=min(now_s, at[-1] + GAP_MAX_S) if len(at) else 0.0),
                        GAP_MAX_S)  # fmt: skip
    plane = _plane(stops, x, y)
    metres = plane.points_to_metres(x, y)
    visits = _visits(stops, plane, metres, at, stands)
    outcomes = []
    for number, stop in enumerate(stops):
        visit = visits.get(number)
        if visit is not None:
            begin, stayed = visit
            late = begin - stop.begin_s
            state = StopState.LATE if late > LATE_S else StopState.VISITED
            outcomes.append(StopOutcome(state, begin, stayed, late))
        elif now_s < stop.leave_s + OVERDUE_S:
            outcomes.append(StopOutcome(StopState.PENDING))
        else:
            about = (at >= stop.begin_s - OVERDUE_S) & (at <= stop.leave_s + OVERDUE_S)
            state = StopState.MISSED if about.any() else StopState.UNKNOWN
            outcomes.append(StopOutcome(state))
    return RouteOutcome(tuple(outcomes), _off_way(way, plane, metres, stands), float(stands.sum()))


def _plane(
    stops: Sequence[PlannedStop], x: NDArray[np.float64], y: NDArray[np.float64]
) -> LocalPlane:
    lon = np.concatenate((x, [stop.lon for stop in stops]))
    lat = np.concatenate((y, [stop.lat for stop in stops]))
    if not len(lon):
        return LocalPlane.of_bounds(0.0, 0.0, 0.001, 0.001)
    return LocalPlane.of_bounds(
        float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max())
    )


def _visits(
    stops: Sequence[PlannedStop],
    plane: LocalPlane,
    metres: NDArray[np.float64],
    at: NDArray[np.float64],
    stands: NDArray[np.float64],
) -> dict[int, tuple[float, float]]:
    """Stop → when its visit began, and how long it was."""
    found: dict[int, tuple[float, float]] = {}
    places: dict[tuple[float, float], list[int]] = {}
    for number, stop in enumerate(stops):
        places.setdefault((stop.lon, stop.lat), []).append(number)
    for (lon, lat), numbers in places.items():
        there = plane.points_to_metres(np.array([lon]), np.array([lat]))[0]
        near = np.hypot(*(metres - there).T) <= REACH_M
        # A run of fixes that are near, without a silence between them.
        broken = np.concatenate(([True], np.diff(at) > 2 * GAP_MAX_S)) if len(at) else near
        run = np.cumsum((near & ~np.concatenate(([False], near[:-1]))) | (near & broken)) * near
        runs = []
        for k in range(1, int(run.max(initial=0)) + 1):
            inside = run == k
            stayed = float(stands[inside].sum())
            if stayed >= VISIT_MIN_S:
                runs.append((float(at[inside][0]), stayed))
        pairs = sorted(
            (abs(begin - stops[number].begin_s), number, which)
            for number in numbers
            for which, (begin, _) in enumerate(runs)
            if begin < stops[number].leave_s + 4 * OVERDUE_S
            and begin > stops[number].begin_s - 4 * OVERDUE_S
        )
        taken: set[int] = set()
        for _, number, which in pairs:
            if number not in found and which not in taken:
                found[number] = runs[which]
                taken.add(which)
    return found


def _off_way(
    way: Sequence[Sequence[tuple[float, float]]],
    plane: LocalPlane,
    metres: NDArray[np.float64],
    stands: NDArray[np.float64],
) -> float | None:
    lines = []
    for each in way:
        if not len(each):
            continue
        points = plane.points_to_metres(
            np.array([point[0] for point in each]), np.array([point[1] for point in each])
        )
        lines.append(shapely.LineString(points) if len(points) > 1 else shapely.Point(points[0]))
    if not lines or not stands.sum():
        return None
    planned = shapely.GeometryCollection(lines)
    away = shapely.distance(shapely.points(metres), planned) > OFF_WAY_M
    return float(stands[away].sum() / stands.sum())
