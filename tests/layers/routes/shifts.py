"""Small shifts for tests: places on a line or drawn at random, a minute apart."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from geo.roads.modes import TravelMode
from geo.values import LonLat
from layers.routes.problem import (
    Ban,
    Break,
    Lock,
    PatrolPlace,
    PlaceKind,
    RouteProblem,
    RouteUnit,
    Slot,
)

CAR = TravelMode.CAR
MIN = 60
HOUR = 3600
STATION = LonLat(112.5, 37.8)


def at(minutes: float) -> LonLat:
    """A point on the line, so many minutes east of the station."""
    return LonLat(112.5 + minutes / 1000, 37.8)


def spot(place_id: str, minutes: float, *slots: Slot, **more: Any) -> PatrolPlace:
    """A hot place; by default one slot of an hour, worth 1, 10 min to stay."""
    given: dict[str, Any] = {"kind": PlaceKind.HOTSPOT, "dwell_s": 10 * MIN, **more}
    return PatrolPlace(place_id, at(minutes), slots=slots or (Slot(0, HOUR, 1.0),), **given)


def car(unit_id: str = "car", **more: Any) -> RouteUnit:
    """A car at the station, on duty for an hour, back at its end."""
    given: dict[str, Any] = {"on_s": 0, "off_s": HOUR, "end": STATION, "start": STATION, **more}
    return RouteUnit(unit_id, CAR, **given)


def problem(places: Iterable[PatrolPlace], units: Iterable[RouteUnit], **more: Any) -> RouteProblem:
    """A problem on the line: as many minutes between two points as they lie apart."""
    places, units = tuple(places), tuple(units)
    points = list(RouteProblem.points_of(places, units))
    lon = np.array([point.longitude for point in points])
    travel = np.abs(lon[:, None] - lon) * 1000 * MIN
    return RouteProblem(places, units, {CAR: travel.astype(np.float32)}, **more)


@st.composite
def shifts(draw: st.DrawFn) -> RouteProblem:
    """Any small shift, possible or not: slots, gaps, caps, musts, breaks, locks, bans, no ways."""
    random = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    count, crew = draw(st.integers(0, 9)), draw(st.integers(0, 3))
    places = []
    for k in range(count):
        slots = []
        for _ in range(random.integers(0, 4)):
            start = int(random.integers(0, 3 * HOUR))
            end = start + int(random.integers(1, 2 * HOUR))
            is_must = bool(random.random() < 0.2)
            slots.append(Slot(start, end, float(random.integers(0, 9)), is_must))
        places.append(
            PatrolPlace(
                f"p{k}",
                at(float(random.uniform(-20, 20))),
                PlaceKind.HOTSPOT,
                int(random.integers(60, HOUR)),
                tuple(slots),
                gap_min_s=int(random.choice([0, 0, 600, HOUR])),
                visits_max=None if random.random() < 0.6 else int(random.integers(0, 3)),
            )
        )
    units = []
    for k in range(crew):
        on = int(random.integers(0, HOUR))
        breaks = []
        if random.random() < 0.3:
            start = int(random.integers(0, 2 * HOUR))
            breaks.append(
                Break(start, start + HOUR, 20 * MIN, None if random.random() < 0.5 else at(3))
            )
        units.append(
            RouteUnit(
                f"u{k}",
                CAR,
                at(float(random.uniform(-5, 5))),
                on,
                on + int(random.integers(60, 4 * HOUR)),
                end=None if random.random() < 0.4 else STATION,
                breaks=tuple(breaks),
            )
        )
    locks, bans = [], []
    stops = [(place.place_id, slot) for place in places for slot in range(len(place.slots))]
    for place_id, slot in stops:
        drawn = random.random()
        if crew and drawn < 0.15:
            begin = None if random.random() < 0.5 else int(random.integers(0, 3 * HOUR))
            locks.append(Lock(place_id, slot, f"u{random.integers(crew)}", begin))
        elif drawn > 0.9:
            bans.append(Ban(place_id, slot, f"u{random.integers(crew)}" if crew else None))
    found = problem(places, units, locks=tuple(locks), bans=tuple(bans))
    travel = found.travel_s[CAR]
    blocked = random.random(travel.shape) < draw(st.sampled_from([0.0, 0.1]))
    np.fill_diagonal(blocked, False)
    travel[blocked] = np.inf
    return found
