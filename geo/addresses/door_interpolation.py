"""Where a door that nobody surveyed lies: between the known doors of its road, with its accuracy.

Numbers run along a road, so a door lies about where its number puts it between its neighbours. How
well that holds differs from road to road and is measured there: each known door is left out once
and estimated from the others. Beyond the last known door, across a wide gap, and where the numbers
of a road don't follow its course, nothing is estimated.
"""

from __future__ import annotations

import functools
import math
import re
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geo.values import LonLat

DoorSides = Literal["auto", "parity", "none"]
"""Whether even and odd numbers stand on two sides: shown by the doors themselves, yes, or no."""

DOOR_SIDES: tuple[DoorSides, ...] = ("auto", "parity", "none")
MAX_GAP_M = 500.0  # [m] between two neighbours; bench.door_interpolation measures it by gap
MEASURED_DOORS = 4  # doors left out once, from which on their errors say something of a road
ERROR_SHARE = 0.9  # of the doors left out that lie within the radius
SUFFIX_STEP = 0.01  # of a number: 14附2 stands behind 14 and long before 15
EARTH_RADIUS_M = 6_371_008.8  # mean radius, IUGG

_KEY = re.compile(r"(\d{1,6})(?:附(\d{1,4})|([A-Z甲乙丙丁戊])|(弄))?")
_LETTERS = "甲乙丙丁戊"

Floats = NDArray[np.float64]


class DoorNumber(NamedTuple):
    """A number on its road: `place` orders it, lanes (弄) are a numbering of their own."""

    place: float
    is_lane: bool

    @property
    def parity(self) -> int:
        return int(self.place) % 2


@functools.lru_cache(maxsize=65_536)
def read_door_number(key: str) -> DoorNumber | None:
    """Return the number of a door's key, None where it is not of the road's own numbering.

    Examples: 14 → 14; 14附2 → 14.02; 14B, 14乙 → 14.02; 14弄 → lane 14; X017, 12弄3支弄 → None.
    """
    match = _KEY.fullmatch(key)
    if match is None:
        return None
    base, part, letter, lane = match.groups()
    suffix = int(part) if part else 0
    if letter:
        suffix = 1 + (_LETTERS.index(letter) if letter in _LETTERS else ord(letter) - ord("A"))
    return DoorNumber(int(base) + SUFFIX_STEP * min(suffix, 99), lane is not None)


@dataclass(frozen=True)
class RoadDoors:
    """The known doors of one road, in order of their numbers.

    places : (n_doors,) rising, of one numbering
    lonlat : (n_doors, 2) [degrees, WGS 84]
    accuracy_m : (n_doors,) [m] of the points, 0 where nobody said
    by_parity : whether a door's neighbours are those of its side
    error_m : [m] within which ERROR_SHARE of the doors lie when they are left out once; None where
        too few can be
    """

    places: Floats
    lonlat: Floats
    accuracy_m: Floats
    by_parity: bool
    error_m: float | None


@dataclass(frozen=True)
class DoorEstimate:
    """What the known doors say about one that isn't known.

    kind : between (with a point), beyond (the last door is `below` or `above`), gap (between doors
        too far apart), scattered (numbers don't follow the course of the road), none
    below, above : index of the neighbours, None where there is none
    radius_m : [m] around the point, holds both neighbours
    """

    kind: Literal["between", "beyond", "gap", "scattered", "none"]
    below: int | None = None
    above: int | None = None
    lonlat: LonLat | None = None
    radius_m: float | None = None


def make_road_doors(
    places: Floats, lonlat: Floats, accuracy_m: Floats, *, sides: DoorSides = "auto"
) -> RoadDoors:
    """Return the doors of a road, with what they show about its sides and its accuracy.

    Parameters
    ----------
    places : (n_doors,) each once, in any order
    lonlat : (n_doors, 2) [degrees, WGS 84]
    accuracy_m : (n_doors,) [m]
    sides : auto: by parity where leaving each door out once errs less that way
    """
    order = np.argsort(places)
    places, lonlat, accuracy_m = places[order], lonlat[order], accuracy_m[order]
    xy = _metres(lonlat)
    of_all = _errors_left_out(places, xy)
    of_side = np.full(len(places), np.nan)
    for parity in (0, 1):
        own = np.flatnonzero(places.astype(np.int64) % 2 == parity)
        of_side[own] = _errors_left_out(places[own], xy[own])
    by_parity = sides == "parity"
    both = ~np.isnan(of_all) & ~np.isnan(of_side)
    if sides == "auto" and both.sum() >= MEASURED_DOORS:
        by_parity = bool(np.median(of_side[both]) < np.median(of_all[both]))
    errors = of_side if by_parity else of_all
    errors = errors[~np.isnan(errors)]
    error_m = float(np.quantile(errors, ERROR_SHARE)) if len(errors) >= MEASURED_DOORS else None
    return RoadDoors(places, lonlat, accuracy_m, by_parity, error_m)


def _metres(lonlat: Floats) -> Floats:
    """Return points on a plane [m] that touches the sphere amid them; a road is short enough."""
    if not len(lonlat):
        return lonlat
    middle = (lonlat.min(axis=0) + lonlat.max(axis=0)) / 2
    away: Floats = np.radians(lonlat - middle) * EARTH_RADIUS_M
    away[:, 0] *= math.cos(math.radians(middle[1]))
    return away


def _errors_left_out(places: Floats, xy: Floats) -> Floats:
    """Return how far off each door is when estimated without it [m]; NaN where it would not be."""
    errors = np.full(len(places), np.nan)
    if len(places) < 3:
        return errors
    share = (places[1:-1] - places[:-2]) / (places[2:] - places[:-2])
    gap = np.hypot(*(xy[2:] - xy[:-2]).T)
    estimated = xy[:-2] + share[:, None] * (xy[2:] - xy[:-2])
    errors[1:-1] = np.hypot(*(estimated - xy[1:-1]).T)
    errors[1:-1][gap > MAX_GAP_M] = np.nan
    return errors


def estimate_door(doors: RoadDoors, number: DoorNumber) -> DoorEstimate:
    """Return where a door lies that is not among `doors`, as far as they can say.

    Linear by number between the two nearest numbers, along the straight line between them. The
    radius is the largest of: the way to the farther neighbour, the error measured on the road (the
    whole gap where too few doors measure it), the accuracy of both neighbours.
    """
    own = np.arange(len(doors.places))
    if doors.by_parity:
        own = own[doors.places.astype(np.int64) % 2 == number.parity]
    at = int(np.searchsorted(doors.places[own], number.place))
    below = int(own[at - 1]) if at > 0 else None
    above = int(own[at]) if at < len(own) else None
    if below is None or above is None:
        return DoorEstimate("none" if below is above else "beyond", below, above)
    pair = np.array([below, above])
    (start, end), (first, last) = _metres(doors.lonlat[pair]), doors.places[pair]
    length_m = float(np.hypot(*(end - start)))
    if length_m > MAX_GAP_M:
        return DoorEstimate("gap", below, above)
    if doors.error_m is not None and doors.error_m > MAX_GAP_M / 2:
        return DoorEstimate("scattered", below, above)
    share = float((number.place - first) / (last - first))
    longitude, latitude = ((1 - share) * doors.lonlat[below] + share * doors.lonlat[above]).tolist()
    error_m = length_m if doors.error_m is None else doors.error_m
    radius_m = max(length_m * max(share, 1 - share), error_m, *doors.accuracy_m[pair].tolist())
    return DoorEstimate("between", below, above, LonLat(longitude, latitude), radius_m)
