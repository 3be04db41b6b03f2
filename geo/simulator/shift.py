"""Many units for a shift: what their devices report, and where they truly were."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from geo.errors import InvalidInput
from geo.positions.tracks import FixColumns
from geo.simulator.devices import Device, Reports, report
from geo.simulator.patrol_walk import Movement, Walk, walk_roads
from geo.simulator.road_plan import RoadPlan


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedShift:
    """`reports` and `walks`, one of each a unit; `start_ms` is when the shift began, Unix time."""

    plan: RoadPlan
    start_ms: int
    seconds: float
    walks: list[Walk]
    reports: list[Reports]

    def columns(self) -> FixColumns:
        """All fixes as columns, in metres of the plan's plane."""
        return FixColumns.of(
            np.repeat(np.arange(len(self.reports)), [len(each.fixed_s) for each in self.reports]),
            self.start_ms
            + np.round(np.concatenate([each.fixed_s for each in self.reports]) * 1000),
            *np.concatenate([each.xy for each in self.reports]).T,
            accuracy_m=np.concatenate([each.accuracy_m for each in self.reports]),
        )

    def truth(self, step_s: float = 1.0) -> FixColumns:
        """Where all units truly were, every `step_s` seconds."""
        seconds = np.arange(0, self.seconds + step_s / 2, step_s)
        return FixColumns.of(
            np.repeat(np.arange(len(self.walks)), len(seconds)),
            self.start_ms + np.tile(np.round(seconds * 1000), len(self.walks)),
            *np.concatenate([walk.at(seconds) for walk in self.walks]).T,
        )


def simulate_shift(
    plan: RoadPlan,
    *,
    units: int,
    seconds: float,
    start_ms: int,
    movement: Movement,
    device: Device | Callable[[int], Device],
    seed: int,
) -> SimulatedShift:
    """Return a shift of some units. Each draws from a stream of its own: the walks of a seed stay
    the same whatever the devices are.

    Parameters
    ----------
    device : of all units, or of each by its number

    Raises
    ------
    InvalidInput : no unit, or no time
    """
    if units < 1 or seconds <= 0:
        raise InvalidInput(f"{units} units for {seconds:g} s: wanted at least one, for some time.")
    walks, reports = [], []
    for unit in range(units):
        walk = walk_roads(
            plan, seconds=seconds, movement=movement, rng=np.random.default_rng([seed, unit, 0])
        )
        walks.append(walk)
        own = device(unit) if callable(device) else device
        rng = np.random.default_rng([seed, unit, 1])
        reports.append(report(walk, seconds=seconds, device=own, rng=rng))
    return SimulatedShift(plan, start_ms, seconds, walks, reports)
