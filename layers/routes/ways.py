"""The ways of a plan on the road: lines, lengths and what to tell the driver."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from geo.roads.modes import TravelMode
from geo.values import LonLat
from layers.routes.plan import UnitRoute
from layers.routes.problem import PatrolPlace, RouteUnit
from layers.travel.path import path_between
from layers.travel.times import TravelTimes

COORDINATE_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Leg:
    """The way to one stop, or home.

    line : [longitude, latitude] of its points, from where one was to where one goes
    zh, en : instructions
    """

    leave_s: int
    arrive_s: int
    length_m: float
    line: tuple[tuple[float, float], ...]
    zh: tuple[str, ...]
    en: tuple[str, ...]


def legs_of(
    route: UnitRoute,
    unit: RouteUnit,
    places: Mapping[str, PatrolPlace],
    travel: Mapping[TravelMode, TravelTimes],
) -> list[Leg]:
    """Return the way to each stop of a route, and the one home where it has an end.

    A way of which nothing is known on the road is the straight line between its ends.
    """
    here, clock = unit.start, unit.on_s
    legs = []
    for stop in route.stops:
        if stop.place_id is None:
            there = unit.breaks[stop.slot].at or unit.start
        else:
            there = places[stop.place_id].at
        legs.append(_leg(travel[unit.mode], here, there, clock, clock + stop.travel_s))
        here, clock = there, stop.leave_s
    if unit.end is not None and route.stops:
        legs.append(_leg(travel[unit.mode], here, unit.end, clock, route.home_s))
    return legs


def _leg(travel: TravelTimes, here: LonLat, there: LonLat, leave: int, arrive: int) -> Leg:
    ends = (
        (round(here.longitude, COORDINATE_DIGITS), round(here.latitude, COORDINATE_DIGITS)),
        (round(there.longitude, COORDINATE_DIGITS), round(there.latitude, COORDINATE_DIGITS)),
    )
    if here == there:
        return Leg(leave, arrive, 0.0, ends[:1], (), ())
    snapped = travel.snap([here.longitude, there.longitude], [here.latitude, there.latitude])
    found = path_between(travel, snapped[:1], snapped[1:2])
    if found is None:
        return Leg(leave, arrive, 0.0, ends, (), ())
    line = [(round(float(x), COORDINATE_DIGITS), round(float(y), COORDINATE_DIGITS))
            for x, y in found.xy]  # fmt: skip
    return Leg(
        leave,
        arrive,
        found.length_m,
        (ends[0], *line, ends[1]),
        tuple(step.zh for step in found.steps),
        tuple(step.en for step in found.steps),
    )
