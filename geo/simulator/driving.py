"""A unit that follows its assigned route as people do: a little late, held up, now and then not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.simulator.patrol_walk import Walk
from geo.simulator.road_plan import RoadPlan
from geo.simulator.road_way import road_way

FloatArray = NDArray[np.float64]
AT_HAND_M = 60.0  # so near to where a leg begins that it is taken as it is


@dataclass(frozen=True, slots=True)
class Driver:
    """How a crew keeps to its plan.

    pace : shortest and longest time on the way, as shares of what is planned
    stay : shortest and longest stop; who is late by more than `hurries_s` takes the shortest
    held_up_share, held_up_s : of the stops, those at which something keeps the crew, and how long
    missed_share : of the stops, those that are left out
    """

    pace: tuple[float, float] = (0.9, 1.2)
    stay: tuple[float, float] = (0.75, 1.1)
    hurries_s: float = 180.0
    held_up_share: float = 0.08
    held_up_s: tuple[float, float] = (600.0, 1_500.0)
    missed_share: float = 0.07


def driven_walk(
    plan: RoadPlan,
    stops: Sequence[dict[str, Any]],
    legs: Sequence[dict[str, Any]],
    *,
    start: datetime,
    join_s: float,
    here: FloatArray,
    speed_mps: float,
    driver: Driver,
    rng: np.random.Generator,
) -> Walk:
    """Return the walk of a crew from when it is given its route until it is home, or at its last
    stop where the route has no way home.

    Stops whose time is over before the crew could be there are left out. Breaks are never missed.

    Parameters
    ----------
    plan : roads for ways that the route doesn't hold: to its first stop, past one that is left out
    stops, legs : as `geo.tables.PatrolRoute` keeps them
    start : from which the walk's seconds are counted
    join_s : seconds at which the crew sets out, as late as the route begins
    here : (2,) [m] where it is then
    speed_mps : on ways that the route doesn't hold
    """

    def seconds(text: str) -> float:
        return (datetime.fromisoformat(text) - start).total_seconds()

    # Drawn for all stops at once: those of the second half don't change with the first.
    count = len(stops)
    pace = rng.uniform(*driver.pace, count + 1)
    stay = rng.uniform(*driver.stay, count)
    held_up = rng.uniform(*driver.held_up_s, count) * (rng.random(count) < driver.held_up_share)
    is_missed = rng.random(count) < driver.missed_share
    lines = [_metres(plan, leg["line"]) for leg in legs]
    times, places = [np.array([join_s])], [here[None]]
    clock = join_s
    for number, stop in enumerate(stops):
        if is_missed[number] and stop["kind"] != "break":
            continue
        begin, leave = seconds(stop["begin_at"]), seconds(stop["leave_at"])
        at_hand = float(np.hypot(*(lines[number][0] - here))) <= AT_HAND_M
        if at_hand:
            line = lines[number]
            took = seconds(legs[number]["arrive_at"]) - seconds(legs[number]["leave_at"])
        else:
            line = road_way(plan, here, lines[number][-1])
            took = _length(line) / speed_mps
        if clock + took > leave:
            continue
        moved, arrival = _move(line, clock, clock + took * pace[number])
        times.append(moved)
        places.append(line)
        late = arrival - begin
        share = driver.stay[0] if late > driver.hurries_s else stay[number]
        clock = max(arrival, begin) + share * (leave - begin) + held_up[number]
        times.append(np.array([clock]))
        places.append(line[-1:])
        here = line[-1]
    if len(lines) > count:
        home = lines[-1]
        if np.hypot(*(home[0] - here)) > AT_HAND_M:
            home = road_way(plan, here, home[-1])
        moved, _ = _move(home, clock, clock + _length(home) / speed_mps * pace[-1])
        times.append(moved)
        places.append(home)
    return Walk(np.concatenate(times), np.concatenate(places))


def spliced(walk: Walk, at_s: float, onward: Walk) -> Walk:
    """Return a walk that goes on as another from a moment."""
    before = walk.at_s < at_s
    return Walk(
        np.concatenate([walk.at_s[before], onward.at_s]),
        np.concatenate([walk.xy[before], onward.xy]),
    )


def cut(walk: Walk, until_s: float) -> Walk:
    """Return a walk that ends at a moment where it is later."""
    before = walk.at_s < until_s
    end = min(until_s, float(walk.at_s[-1]))
    return Walk(
        np.append(walk.at_s[before], end),
        np.concatenate([walk.xy[before], walk.at(np.array([end]))]),
    )


def _move(line: FloatArray, leave_s: float, arrive_s: float) -> tuple[FloatArray, float]:
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    share = along / along[-1] if along[-1] > 0 else np.ones(len(along))
    return leave_s + share * (arrive_s - leave_s), arrive_s


def _length(line: FloatArray) -> float:
    return float(np.hypot(*np.diff(line, axis=0).T).sum())


def _metres(plan: RoadPlan, line: Sequence[Sequence[float]]) -> FloatArray:
    points = np.array(line, float).reshape(-1, 2)
    return plan.plane.points_to_metres(points[:, 0], points[:, 1])
