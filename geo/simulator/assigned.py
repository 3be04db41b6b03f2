"""The units of an assigned plan drive it, and their devices report it: for a server that runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from geo.errors import PatrolPlanNotFound
from geo.local_plane import LocalPlane
from geo.routes.plans import routes_of_plan
from geo.simulator.devices import Device, Reports, report
from geo.simulator.planned import planned_walk
from geo.simulator.posting import Posted, post_reports
from geo.store.database import Database
from geo.tables import PatrolUnit
from geo.units.devices import register_device


@dataclass(frozen=True, slots=True)
class Drive:
    """How a plan is driven: a position each `interval_s`, `late_s` behind it all the time."""

    interval_s: float = 10.0
    late_s: float = 0.0
    seed: int = 1


@dataclass(frozen=True, slots=True)
class AssignedDrive:
    """What the devices of a plan's units report; `plane` is in whose metres, `start` from when
    their seconds are counted."""

    tokens: list[str]
    reports: list[Reports]
    plane: LocalPlane
    start: datetime

    def until(self, moment: datetime) -> AssignedDrive:
        """Return what was received by a moment."""
        last = (moment - self.start).total_seconds()
        return replace(self, reports=[each.where(each.received_s <= last) for each in self.reports])

    def post(self, url: str, *, told: Callable[[Posted], None] = lambda _: None) -> Posted:
        """Send it to a server when it is due; what lies in the past at once."""
        return post_reports(
            url, self.tokens, self.reports, plane=self.plane, start_s=self.start.timestamp(),
            told=told,
        )  # fmt: skip


def assigned_drive(database: Database, plan_id: int, drive: Drive) -> AssignedDrive:
    """Give each unit of a plan a device, and return what it reports of a drive by its route.

    Raises
    ------
    PatrolPlanNotFound : no unit has a route of this plan
    """
    with database.session() as session:
        routes = routes_of_plan(session, plan_id)
        if not routes:
            raise PatrolPlanNotFound(
                f"No unit has a route of the plan {plan_id}. Assign it first.", plan_id=plan_id
            )
        tokens = [
            register_device(session, session.get_one(PatrolUnit, route.unit_id))[1]
            for route in routes
        ]
        found = [(route.stops, route.legs, route.ends_at) for route in routes]
        start = min(route.starts_at for route in routes)
    lines = [point for _, legs, _ in found for leg in legs for point in leg["line"]]
    (west, south), (east, north) = np.min(lines, axis=0), np.max(lines, axis=0)
    plane = LocalPlane.of_bounds(float(west), float(south), float(east), float(north))
    device = Device(interval_s=drive.interval_s, noise_m=5.0, noise_lasts_s=20.0)
    reports = [
        report(
            planned_walk(stops, legs, start=start, plane=plane, late_s=drive.late_s),
            seconds=(ends_at - start).total_seconds(),
            device=device,
            rng=np.random.default_rng([drive.seed, number]),
        )
        for number, (stops, legs, ends_at) in enumerate(found)
    ]
    return AssignedDrive(tokens, reports, plane, start)
