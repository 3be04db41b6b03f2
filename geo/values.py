"""Small frozen values that travel between rooms: LonLat, Period, GridScope."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from geo.errors import InvalidCoordinate, InvalidPeriod


@dataclass(frozen=True, slots=True)
class LonLat:
    """A point: longitude, latitude [degrees], WGS 84 (EPSG:4326), always in this order.

    Raises
    ------
    InvalidCoordinate : not a number, out of range, or exactly (0, 0), which means "no fix"
    """

    longitude: float
    latitude: float

    def __post_init__(self) -> None:
        for name, value, bound in (
            ("longitude", self.longitude, 180.0),
            ("latitude", self.latitude, 90.0),
        ):
            if not math.isfinite(value) or not -bound <= value <= bound:
                swapped = name == "latitude" and math.isfinite(value) and abs(value) <= 180
                remedy = (
                    "The two may be swapped: longitude comes first."
                    if swapped
                    else "Give degrees of WGS 84, longitude first."
                )
                raise InvalidCoordinate(
                    f"{name} is {value}, wanted a number from {-bound:g} to {bound:g}. {remedy}",
                    field=name,
                )
        if self.longitude == 0 and self.latitude == 0:
            raise InvalidCoordinate(
                "The point is exactly (0, 0), which devices send for “no fix”. "
                "Leave the coordinate out where it is unknown.",
                field="longitude",
            )


@dataclass(frozen=True, slots=True)
class Period:
    """A half-open stretch of time, [start, end), aware.

    Raises
    ------
    InvalidPeriod : a time without zone, or an end not after the start
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        for name, time in (("start", self.start), ("end", self.end)):
            if time.tzinfo is None:
                raise InvalidPeriod(
                    f"{name} is {time.isoformat()} without a zone. Add one, such as +08:00 or Z."
                )
        if self.end <= self.start:
            raise InvalidPeriod(
                f"The period ends at {self.end.isoformat()}, not after its start "
                f"{self.start.isoformat()}. Exchange them."
            )


@dataclass(frozen=True, slots=True)
class GridScope:
    """What a caller may see: everything, or the named grids and nothing else.

    Made from the caller in one place (`api/dependencies.py`; the command line acts as the
    operator of the store and uses `GridScope.everything()`). What lies outside looks absent.
    """

    grid_codes: frozenset[str] | None

    @classmethod
    def everything(cls) -> GridScope:
        """The scope of the operator of the store."""
        return cls(grid_codes=None)

    @classmethod
    def of(cls, grid_codes: Iterable[str]) -> GridScope:
        """The scope of a caller who may see these grids. An empty one sees nothing."""
        return cls(grid_codes=frozenset(grid_codes))

    @property
    def is_everything(self) -> bool:
        return self.grid_codes is None

    def covers(self, grid_code: str | None) -> bool:
        """Whether a thing in this grid (None: in no grid) may be seen."""
        return self.grid_codes is None or grid_code in self.grid_codes
