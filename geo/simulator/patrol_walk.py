"""The truth: a unit that moves along roads, with stops short and long, for a shift."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geo.simulator.road_plan import RoadPlan

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Movement:
    """How a kind of unit moves.

    speed_mps : mean speed while it moves; each street has its own, within `speed_spread`
    stop_share : of the junctions reached, those where it stops
    stop_s : shortest and longest stop [s]
    turn_back_share : chance to go back where there is another way
    """

    speed_mps: float
    speed_spread: float = 0.15
    stop_share: float = 0.12
    stop_s: tuple[float, float] = (60.0, 900.0)
    turn_back_share: float = 0.03


ON_FOOT = Movement(1.3)
BY_MOTORCYCLE = Movement(5.0, stop_share=0.05)
BY_CAR = Movement(8.0, stop_share=0.03)


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """Where a unit truly was: straight between its vertices.

    at_s : (n,) seconds from the start of the shift, rising
    xy : (n, 2) [m] on the plan's plane
    """

    at_s: FloatArray
    xy: FloatArray

    def at(self, seconds: FloatArray) -> FloatArray:
        """Return (n, 2) where it was at these seconds."""
        return np.column_stack([np.interp(seconds, self.at_s, self.xy[:, axis]) for axis in (0, 1)])


def walk_roads(
    plan: RoadPlan,
    *,
    seconds: float,
    movement: Movement,
    rng: np.random.Generator,
    home: tuple[float, float] | None = None,
    reach_m: float = 1_500.0,
) -> Walk:
    """Return a walk of a shift's length.

    It starts near home and is drawn back towards it beyond `reach_m`, as a beat would.

    Parameters
    ----------
    seconds : length of the shift
    home : [m] on the plan's plane; a random junction where missing
    """
    start = int(rng.integers(len(plan.node_xy)))
    if home is not None:
        start = int(np.argmin(np.hypot(*(plan.node_xy - np.asarray(home)).T)))
    centre = plan.node_xy[start]
    node, came_by, now = start, -1, 0.0
    times, places = [np.zeros(1)], [plan.node_xy[start][None]]
    while now < seconds:
        if rng.random() < movement.stop_share:
            now += float(np.exp(rng.uniform(*np.log(movement.stop_s))))
            times.append(np.array([now]))
            places.append(places[-1][-1:])
        way = _next_way(plan, node, came_by, centre, reach_m, movement, rng)
        xy, node = plan.walk_of(way)
        came_by = way
        speed = movement.speed_mps * (1 + movement.speed_spread * rng.uniform(-1, 1))
        along = np.cumsum(np.hypot(*np.diff(xy, axis=0).T)) / speed
        times.append(now + along)
        places.append(xy[1:])
        now += float(along[-1])
    return Walk(np.concatenate(times), np.concatenate(places))


def _next_way(
    plan: RoadPlan,
    node: int,
    came_by: int,
    centre: FloatArray,
    reach_m: float,
    movement: Movement,
    rng: np.random.Generator,
) -> int:
    ways = plan.ways_from(node)
    back = came_by ^ 1
    onward = ways[ways != back] if came_by >= 0 else ways
    if len(onward) == 0 or (came_by >= 0 and rng.random() < movement.turn_back_share):
        return back
    if np.hypot(*(plan.node_xy[node] - centre)) > reach_m:
        ends = plan.node_xy[plan.edge_nodes[onward // 2, 1 - onward % 2]]
        return int(onward[np.argmin(np.hypot(*(ends - centre).T))])
    return int(rng.choice(onward))
