"""How far units are from a place, and when each would be there: by road where there are roads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy.orm import Session

from api.services import Services
from geo.errors import NotEnoughData, RoadNetworkNotFound
from geo.geodesy import geodesic_distance_m
from geo.positions.live import state_of
from geo.positions.reading import latest_positions
from geo.roads.modes import TravelMode
from geo.roads.spread import load_spreads
from geo.tables import PatrolUnit
from geo.values import LonLat


@dataclass(frozen=True, slots=True)
class Approach:
    """A unit whose place is known, and its way to another.

    distance_m : in a straight line, on the spheroid
    p50_s, p90_s : by road, by half and nine of ten trips; None: there are no roads, or no way
    state : `fresh`, `stale`, `unknown` by the age of its place
    """

    unit: PatrolUnit
    at: datetime
    state: str
    distance_m: float
    mode: TravelMode | None
    p50_s: float | None
    p90_s: float | None


def approaches(
    services: Services,
    session: Session,
    units: Sequence[PatrolUnit],
    place: LonLat,
    *,
    now: datetime,
) -> list[Approach]:
    """Return the units whose place is known, first who arrives first.

    Where there is no time by road the straight line decides, after those that have one. Last are
    those whose place is older than five minutes: where they are by now nobody knows.
    """
    found = latest_positions(session, units)
    if not found:
        return []
    lon = np.array([row.lon for _, row in found])
    lat = np.array([row.lat for _, row in found])
    metres = np.atleast_1d(
        geodesic_distance_m(
            lon, lat, np.full(len(found), place.longitude), np.full(len(found), place.latitude)
        )
    )
    times = _by_road(services, session, [unit for unit, _ in found], lon, lat, place, now)
    near = [
        Approach(unit, row.at, state_of(row.at, now=now), float(distance), *times[k])
        for k, ((unit, row), distance) in enumerate(zip(found, metres, strict=True))
    ]
    return sorted(
        near,
        key=lambda each: (
            each.state == "unknown", each.p50_s is None, each.p50_s or 0.0, each.distance_m,
        ),
    )  # fmt: skip


def _by_road(
    services: Services,
    session: Session,
    units: Sequence[PatrolUnit],
    lon: np.ndarray,
    lat: np.ndarray,
    place: LonLat,
    now: datetime,
) -> list[tuple[TravelMode | None, float | None, float | None]]:
    times: list[tuple[TravelMode | None, float | None, float | None]] = [(None, None, None)] * len(
        units
    )
    rows_of: dict[TravelMode, list[int]] = {}
    for row, unit in enumerate(units):
        rows_of.setdefault(services.reach_rules.kinds[unit.kind].mode, []).append(row)
    spreads = load_spreads(session)
    for mode, rows in rows_of.items():
        try:
            travel = services.roads.travel(session, mode, at=now)
        except (RoadNetworkNotFound, NotEnoughData):
            continue  # no roads, or none for this mode: the straight line is said instead
        start = travel.snap(lon[rows], lat[rows])
        target = travel.snap([place.longitude], [place.latitude])
        nearest = travel.nearest(target, start, wanted=len(rows))
        for k, time_s in zip(nearest.units.tolist(), nearest.time_s.tolist(), strict=True):
            spread = spreads[mode]
            times[rows[k]] = (mode, time_s * spread.p50_factor, time_s * spread.p90_factor)
    return times
