"""Trips of units along the roads, and what they took against what is computed for the same way.

A unit's clean fixes are cut where it stands or is not heard of. What lies between is moving, in
pieces of ten minutes at most; a piece is followed from way point to way point on the network, so
that a patrol, which goes no shortest way, is timed along the way it really went. What can't be
followed (a fix on no road or on the wrong side of a divided one) is left out with its time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from geo.local_plane import LocalPlane
from geo.positions.tracks import FixColumns, Tracks
from geo.roads.search import find_way
from geo.roads.snapping import SnappedPlaces, arrivals, departures
from layers.travel.times import TravelTimes

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TripRules:
    """What is a trip.

    still_s, still_m : a unit stands where it comes no farther than this in that time; shorter
        halts, such as at lights, are a part of the trip
    silence_s : a longer gap between fixes ends a trip
    trip_min_s, trip_max_s : shorter ones are left out, longer ones cut
    step_m : way points are at least this far apart: a block, so that hardly a corner is cut, and
        ten times what a fix is off by
    detour_max, detour_m : a way between two way points that is longer than their distance times
        this and that much more isn't the one that was gone
    followed_min : of a trip's time, the share that must be followed
    access_max_m : how far from a road a fix may be
    """

    still_s: float = 120.0
    still_m: float = 40.0
    silence_s: float = 90.0
    trip_min_s: float = 120.0
    trip_max_s: float = 600.0
    step_m: float = 80.0
    detour_max: float = 1.4
    detour_m: float = 60.0
    followed_min: float = 0.7
    access_max_m: float = 40.0


@dataclass(frozen=True, slots=True)
class Trip:
    """A trip of a unit: when it began [Unix ms], way points [degrees], and their times [ms]."""

    unit: int
    is_responding: bool
    time_ms: NDArray[np.int64]
    lon: Floats
    lat: Floats

    @property
    def begin_ms(self) -> int:
        return int(self.time_ms[0])

    @property
    def end_ms(self) -> int:
        return int(self.time_ms[-1])


@dataclass(frozen=True, slots=True)
class TimedTrip:
    """A trip with what it took and what is computed for the same way, without rush hours [s]."""

    unit: int
    is_responding: bool
    begin_ms: int
    driven_s: float
    computed_s: float


def find_trips(tracks: Tracks, plane: LocalPlane, rules: TripRules | None = None) -> list[Trip]:
    """Return the trips of some units, by unit and time.

    Parameters
    ----------
    tracks : clean fixes, in metres of `plane`
    """
    rules = rules or TripRules()
    found = []
    for begin, end in pairwise(tracks.unit_start.tolist()):
        fixes = tracks.fixes.take(np.arange(begin, end))
        breaks = np.flatnonzero(np.diff(fixes.time_ms) > rules.silence_s * 1000) + 1
        for part in np.split(np.arange(len(fixes)), breaks):
            if len(part) > 1:
                found += _trips_of(fixes.take(part), plane, rules)
    return found


def _trips_of(fixes: FixColumns, plane: LocalPlane, rules: TripRules) -> list[Trip]:
    """The trips of one unit that was heard of all the time."""
    moving = _moving(fixes, rules)
    # A call begins another trip: who responds drives otherwise.
    changes = (moving[1:] != moving[:-1]) | (fixes.responding[1:] != fixes.responding[:-1])
    found = []
    for run in np.split(np.arange(len(fixes)), np.flatnonzero(changes) + 1):
        if not moving[run[0]]:
            continue
        time = fixes.time_ms[run]
        count = max(1, int(np.ceil((time[-1] - time[0]) / (rules.trip_max_s * 1000))))
        edges = np.searchsorted(time, np.linspace(time[0], time[-1], count + 1))
        for low, high in pairwise(edges.tolist()):
            rows = run[low : high + 1]
            if len(rows) < 2:
                continue
            if fixes.time_ms[rows[-1]] - fixes.time_ms[rows[0]] < rules.trip_min_s * 1000:
                continue
            points = rows[_way_points(fixes.x[rows], fixes.y[rows], rules.step_m)]
            if len(points) < 2:
                continue
            lon, lat = plane.metres_to_points(np.column_stack((fixes.x[points], fixes.y[points])))
            found.append(
                Trip(
                    int(fixes.unit[0]), bool(fixes.responding[rows[0]]), fixes.time_ms[points],
                    lon, lat,
                )
            )  # fmt: skip
    return found


def _moving(fixes: FixColumns, rules: TripRules) -> NDArray[np.bool_]:
    """Whether a unit comes on in the time about each fix. At either end of what is known of it the
    time is cut, and so is the distance."""
    half_ms = rules.still_s * 500
    time = fixes.time_ms.astype(float)
    before, after = np.maximum(time - half_ms, time[0]), np.minimum(time + half_ms, time[-1])
    far = np.hypot(
        np.interp(after, time, fixes.x) - np.interp(before, time, fixes.x),
        np.interp(after, time, fixes.y) - np.interp(before, time, fixes.y),
    )
    # Round a block one comes back to where one was, so both halves count as well.
    come = np.hypot(
        fixes.x - np.interp(before, time, fixes.x), fixes.y - np.interp(before, time, fixes.y)
    )
    gone = np.hypot(
        fixes.x - np.interp(after, time, fixes.x), fixes.y - np.interp(after, time, fixes.y)
    )
    moving: NDArray[np.bool_] = np.minimum(come, gone) > rules.still_m / 2
    moving &= np.maximum(far, np.maximum(come, gone)) > rules.still_m
    return moving


def _way_points(x: Floats, y: Floats, step_m: float) -> NDArray[np.int64]:
    """The first row, and each that lies a step from the way point before."""
    chosen = [0]
    for row in range(1, len(x)):
        if np.hypot(x[row] - x[chosen[-1]], y[row] - y[chosen[-1]]) >= step_m:
            chosen.append(row)
    return np.array(chosen, np.int64)


def time_trips(
    trips: Iterable[Trip], travel: TravelTimes, rules: TripRules | None = None
) -> list[TimedTrip]:
    """Return trips with the time that is computed for the way they went.

    Trips that can't be followed for `followed_min` of their time are left out.

    Parameters
    ----------
    travel : of the trips' mode, without rush hours
    """
    rules = rules or TripRules()
    found = []
    for trip in trips:
        places = travel.snapper.snap(trip.lon, trip.lat, access_max_m=rules.access_max_m)
        straight = np.hypot(*_steps(trip))
        gap_s = np.diff(trip.time_ms) / 1000
        driven = computed = 0.0
        for k in range(len(gap_s)):
            leg = _leg(travel, places[k : k + 1], places[k + 1 : k + 2])
            if leg is None or leg[1] > rules.detour_max * straight[k] + rules.detour_m:
                continue
            driven += float(gap_s[k])
            computed += leg[0]
        if computed > 0 and driven >= rules.followed_min * float(gap_s.sum()):
            found.append(TimedTrip(trip.unit, trip.is_responding, trip.begin_ms, driven, computed))
    return found


def _steps(trip: Trip) -> tuple[Floats, Floats]:
    plane = LocalPlane.of_bounds(trip.lon.min(), trip.lat.min(), trip.lon.max(), trip.lat.max())
    x, y = plane.points_to_metres(trip.lon, trip.lat).T
    return np.diff(x), np.diff(y)


def _leg(
    travel: TravelTimes, start: SnappedPlaces, end: SnappedPlaces
) -> tuple[float, float] | None:
    """Time [s] and length [m] of the way between two places; None where there is none."""
    if not (start.is_on_road.all() and end.is_on_road.all()):
        return None
    network, graph = travel.network, travel.graph
    length = network.line_length_m
    line, share = int(start.line[0]), float(start.share[0])
    other, end_share = int(end.line[0]), float(end.share[0])
    if line == other:
        edge = network.line_edges[line, 0 if end_share >= share else 1]
        ms = int(graph.ms_by_edge(network.edge_count)[edge]) if edge >= 0 else -1
        if ms > 0:
            part = abs(end_share - share)
            return part * ms / 1000, part * float(length[line])
    way = find_way(
        graph,
        departures(network, graph, start, with_access=False),
        arrivals(network, graph, end, with_access=False),
    )
    if way is None:
        return None
    nodes = network.line_nodes
    out = 1.0 - share if nodes[line, 1] == way.first_node else share
    back = end_share if nodes[other, 0] == way.last_node else 1.0 - end_share
    passed = network.edge_line[graph.edge[way.edges]]
    metres = out * length[line] + float(length[passed].sum()) + back * length[other]
    return way.ms / 1000, float(metres)
