"""Where a unit of the demo city is in a shift, and what its phone reports of it.

A track follows from the unit, the start of the shift and the routes that it was assigned: a server
that is started again goes on where its units would be by now, and what they reported before is the
same as it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.simulator.devices import Device, report
from geo.simulator.driving import Driver, cut, driven_walk, spliced
from geo.simulator.patrol_walk import BY_CAR, BY_MOTORCYCLE, ON_FOOT, Movement, Walk, walk_roads
from geo.simulator.road_plan import RoadPlan

FloatArray = NDArray[np.float64]

SHIFT_MAX_S = 12 * 3600  # of the demo roster
INTERVAL_S = 5.0
STILL_EVERY = 6  # a phone that lies still reports each sixth time
STILL_M = 1.0
CALL_MIN_S = 300.0  # a stop as long as this is a call
CALL_AHEAD_S = 180.0  # on the way to it before

MOVEMENTS = {
    "foot": ON_FOOT,
    "car": BY_CAR,
    "motorcycle": BY_MOTORCYCLE,
    "volunteer": Movement(0.9, stop_share=0.25),
    # Minutes at its post, and a round about it.
    "emergency_unit": Movement(1.2, stop_share=0.5, stop_s=(300.0, 2400.0)),
}
REACH_M = {
    "foot": 600.0,
    "car": 2_500.0,
    "motorcycle": 1_500.0,
    "volunteer": 350.0,
    "emergency_unit": 150.0,
}
CALLED = frozenset({"foot", "car", "motorcycle"})
PHONE = Device(
    interval_s=INTERVAL_S, noise_m=4.0, noise_lasts_s=60.0, outages_per_hour=0.15,
    outage_s=(60.0, 420.0), offline_share=1.0,
)  # fmt: skip


DRIVER = Driver()


@dataclass(frozen=True, slots=True, eq=False)
class DutyRoute:
    """A route that a unit was assigned: from `join_s`, when it knows of it and the route begins, to
    `until_s`, when the route or its plan ends [Unix time].

    stops, legs : as `geo.tables.PatrolRoute` keeps them
    """

    number: int
    join_s: float
    until_s: float
    stops: Sequence[dict[str, Any]]
    legs: Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True, eq=False)
class DutyTrack:
    """What a unit's phone reports in a shift, in the order of `due_s`.

    due_s, fixed_s : (n,) Unix time at which each is sent, and at which it was
    lon, lat, accuracy_m, speed_mps, course_deg : (n,)
    calls : (n_calls, 2) Unix time at which the unit is at a call, and leaves it
    """

    due_s: FloatArray
    fixed_s: FloatArray
    lon: FloatArray
    lat: FloatArray
    accuracy_m: FloatArray
    speed_mps: FloatArray
    course_deg: FloatArray
    calls: FloatArray

    def status_at(self, now_s: float) -> str:
        """Return what the unit does at a moment of its shift."""
        here, gone = self.calls.T
        if np.any((here <= now_s) & (now_s < gone)):
            return "on_scene"
        return "en_route" if np.any((here - CALL_AHEAD_S <= now_s) & (now_s < here)) else "free"

    def between(self, start_s: float, end_s: float, *, every_s: float) -> NDArray[np.intp]:
        """Return the rows fixed in [start_s, end_s), at most one in `every_s`."""
        rows = np.flatnonzero((self.fixed_s >= start_s) & (self.fixed_s < end_s))
        rows = rows[np.argsort(self.fixed_s[rows], kind="stable")]
        _, first = np.unique(self.fixed_s[rows] // every_s, return_index=True)
        return rows[first]


def duty_track(
    plan: RoadPlan,
    code: str,
    kind: str,
    start_s: float,
    *,
    home: tuple[float, float] | None = None,
    routes: Sequence[DutyRoute] = (),
) -> DutyTrack:
    """Return the track of a unit for the longest shift there is.

    Parameters
    ----------
    start_s : when the shift begins, Unix time
    home : longitude, latitude from where it starts; a random junction where missing
    routes : those that it was assigned, in the order of `join_s`; before, between and after them it
        goes where it likes
    """
    digest = hashlib.sha256(f"{code} {start_s:.0f}".encode()).digest()
    rng = np.random.default_rng(list(digest))
    plane = plan.plane
    origin = np.array([plane.longitude, plane.latitude])
    per_degree = np.array([plane.metres_per_lon_deg, plane.metres_per_lat_deg])
    centre = None if home is None else (np.array(home) - origin) * per_degree
    walk = walk_roads(
        plan, seconds=SHIFT_MAX_S, movement=MOVEMENTS[kind], rng=rng, reach_m=REACH_M[kind],
        home=None if centre is None else (float(centre[0]), float(centre[1])),
    )  # fmt: skip
    calls = _stops(walk) if kind in CALLED else np.empty((0, 2))
    for route in routes:
        walk = _with_route(plan, walk, route, code, kind, start_s)
        # A stop of a route is no call, and no call of before is where the unit isn't any more.
        calls = calls[calls[:, 1] <= route.join_s - start_s]
    told = report(walk, seconds=SHIFT_MAX_S, device=PHONE, rng=rng)
    step = walk.at(told.true_s + 0.5) - walk.at(told.true_s - 0.5)
    speed_mps = np.hypot(*step.T)
    is_kept = (speed_mps > STILL_M / INTERVAL_S) | (np.arange(len(speed_mps)) % STILL_EVERY == 0)
    order = np.flatnonzero(is_kept)
    order = order[np.argsort(told.received_s[order], kind="stable")]
    lonlat = told.xy[order] / per_degree + origin
    return DutyTrack(
        due_s=start_s + told.received_s[order],
        # As a message tells it: the same fix, sent again, must have the same time.
        fixed_s=np.round(start_s + told.fixed_s[order], 3),
        lon=np.round(lonlat[:, 0], 7),
        lat=np.round(lonlat[:, 1], 7),
        accuracy_m=np.round(told.accuracy_m[order], 1),
        speed_mps=np.round(speed_mps[order], 2),
        course_deg=np.round(np.degrees(np.arctan2(*step[order].T)) % 360, 1),
        calls=start_s + calls,
    )


def _with_route(
    plan: RoadPlan, walk: Walk, route: DutyRoute, code: str, kind: str, start_s: float
) -> Walk:
    """A walk with a route in it: followed from when it is known, then onward from where it ends."""
    join_s, until_s = route.join_s - start_s, route.until_s - start_s
    if not route.legs or until_s <= join_s or join_s >= SHIFT_MAX_S:
        return walk
    digest = hashlib.sha256(f"{code} {start_s:.0f} route {route.number}".encode()).digest()
    rng = np.random.default_rng(list(digest))
    driven = driven_walk(
        plan, route.stops, route.legs, start=datetime.fromtimestamp(start_s, UTC), join_s=join_s,
        here=walk.at(np.array([join_s]))[0], speed_mps=MOVEMENTS[kind].speed_mps, driver=DRIVER,
        rng=rng,
    )  # fmt: skip
    driven = cut(driven, until_s)
    walk = spliced(walk, join_s, driven)
    if until_s < SHIFT_MAX_S:
        rest = walk_roads(
            plan, seconds=SHIFT_MAX_S - until_s, movement=MOVEMENTS[kind], rng=rng,
            reach_m=REACH_M[kind], home=(float(driven.xy[-1, 0]), float(driven.xy[-1, 1])),
        )  # fmt: skip
        # A minute from where it stood to the junction.
        onward = Walk(
            np.concatenate([[until_s], until_s + 60.0 + rest.at_s]),
            np.concatenate([driven.xy[-1:], rest.xy]),
        )
        walk = spliced(walk, until_s, onward)
    return walk


def _stops(walk: Walk) -> FloatArray:
    """(n, 2) [s] when it stood, and went on, for as long as a call takes."""
    stands = (np.diff(walk.xy, axis=0) == 0).all(axis=1) & (np.diff(walk.at_s) >= CALL_MIN_S)
    return np.column_stack([walk.at_s[:-1][stands], walk.at_s[1:][stands]])
