"""Travel times against the deployment's own tracks: what units took, by mode, hour and errand.

Only positions on duty are read, no trip is kept, and a figure needs `TRIPS_MIN` trips of two units
or more: it is a property of roads and speeds, not of anybody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from geo.coverage.fixes import load_fixes
from geo.errors import NotEnoughData, RoadNetworkNotFound
from geo.local_plane import LocalPlane
from geo.positions.tracks import clean_tracks
from geo.roads.modes import TravelMode
from geo.roads.spread import TRIPS_MIN, WHOLE_DAY, TravelSpread, band_of, spread_of_trips
from geo.tables import DutyShift, PatrolUnit
from geo.values import Period
from layers.response.who_reaches import ReachRules
from layers.travel.stored import StoredTravel
from layers.travel.trips import TimedTrip, TripRules, find_trips, time_trips

UNITS_MIN = 2


@dataclass(frozen=True, slots=True)
class Measured:
    """What the trips of one mode, band and errand came out as.

    spread : None where there are fewer than `TRIPS_MIN` trips, or one unit alone
    """

    mode: TravelMode
    band: str
    is_responding: bool
    trip_count: int
    unit_count: int
    spread: TravelSpread | None


@dataclass(frozen=True, slots=True)
class RoadTrip:
    """A timed trip with its mode, its local hour, and the time computed for that hour [s]."""

    mode: TravelMode
    hour: int
    trip: TimedTrip
    computed_s: float


def load_trips(
    session: Session,
    period: Period,
    roads: StoredTravel,
    rules: ReachRules,
    *,
    trip_rules: TripRules | None = None,
    told: Callable[[datetime, int], None] = lambda day, count: None,
) -> list[RoadTrip]:
    """Return the trips of all units on duty in a period, timed on the network of their day.

    Parameters
    ----------
    rules : how each kind of unit moves
    told : called after each day with how many trips there are so far
    """
    kinds = {row.id: row.kind for row in session.execute(select(PatrolUnit.id, PatrolUnit.kind))}
    found: list[RoadTrip] = []
    start = period.start
    while start < period.end:
        end = min(start + timedelta(days=1), period.end)
        found += _trips_of_day(session, Period(start, end), kinds, roads, rules, trip_rules)
        told(start, len(found))
        start = end
    return found


def _trips_of_day(
    session: Session, day: Period, kinds: dict[int, str], roads: StoredTravel, rules: ReachRules,
    trip_rules: TripRules | None,
) -> list[RoadTrip]:  # fmt: skip
    shifts: dict[int, list[tuple[float, float]]] = {}
    rows = session.execute(
        select(DutyShift.unit_id, DutyShift.starts_at, DutyShift.ends_at).where(
            DutyShift.starts_at < day.end, DutyShift.ends_at > day.start
        )
    )
    for unit, starts_at, ends_at in rows:
        begin, end = max(starts_at, day.start), min(ends_at, day.end)
        shifts.setdefault(unit, []).append((begin.timestamp() * 1000, end.timestamp() * 1000))
    if not shifts:
        return []
    try:
        network = roads.roads(session, at=day.start).network
    except RoadNetworkNotFound:
        return []
    plane = LocalPlane.of_bounds(*network.node_xy.min(axis=0), *network.node_xy.max(axis=0))
    windows = {
        unit: (min(begin for begin, _ in own), max(end for _, end in own) - 1)
        for unit, own in shifts.items()
    }
    trips: dict[TravelMode, list[TimedTrip]] = {}
    for unit, fixes in load_fixes(session, windows, plane).items():
        mode = rules.kinds[kinds[unit]].mode
        own = [
            trip
            for trip in find_trips(clean_tracks(fixes), plane, trip_rules)
            if any(begin <= trip.begin_ms and trip.end_ms < end for begin, end in shifts[unit])
        ]
        if own:
            # Computed without rush hours, with the roads that were closed at the day's beginning.
            travel = roads.travel(session, mode, at=day.start, hourly=False)
            trips.setdefault(mode, []).extend(time_trips(own, travel, trip_rules))
    found = []
    for mode, timed in trips.items():
        factors = roads.speeds[mode].hour_factor
        for trip in timed:
            hour = datetime.fromtimestamp(trip.begin_ms / 1000, roads.zone).hour
            found.append(RoadTrip(mode, hour, trip, trip.computed_s / factors[hour]))
    return found


def measure(trips: Sequence[RoadTrip], *, measured_at: datetime) -> list[Measured]:
    """Return what trips came out as: by mode, responding before patrolling, the whole day first."""
    groups: dict[tuple[TravelMode, bool, str], list[RoadTrip]] = {}
    for trip in trips:
        for band in (WHOLE_DAY, band_of(trip.hour)):
            key = (trip.mode, trip.trip.is_responding, band)
            groups.setdefault(key, []).append(trip)
    order = list(TravelMode)
    return [
        _measured(*key, groups[key], measured_at)
        for key in sorted(
            groups, key=lambda k: (order.index(k[0]), not k[1], k[2] != WHOLE_DAY, k[2])
        )
    ]


def _measured(
    mode: TravelMode, is_responding: bool, band: str, trips: Sequence[RoadTrip], at: datetime
) -> Measured:
    units = len({trip.trip.unit for trip in trips})
    spread = None
    if units >= UNITS_MIN:
        try:
            spread = spread_of_trips(
                [trip.computed_s for trip in trips], [trip.trip.driven_s for trip in trips],
                measured_at=at,
            )  # fmt: skip
        except NotEnoughData:
            spread = None
    return Measured(mode, band, is_responding, len(trips), units, spread)


def spreads_of(
    measured: Iterable[Measured],
) -> dict[TravelMode, dict[str, TravelSpread]]:
    """Return the spreads that answers shall carry: of trips to a call. How a patrol drives says
    little of how fast somebody comes."""
    found: dict[TravelMode, dict[str, TravelSpread]] = {}
    for one in measured:
        if one.is_responding and one.spread is not None:
            found.setdefault(one.mode, {})[one.band] = one.spread
    return found


__all__ = [
    "TRIPS_MIN", "UNITS_MIN", "Measured", "RoadTrip", "load_trips", "measure", "spreads_of",
]  # fmt: skip
