"""What a solved patrol plan holds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Stop:
    """One stop. Times are seconds from the problem's start.

    place_id : None: a break
    slot : of the place, or the number of the break
    travel_s, wait_s : on the way to it, and waited there before it begins
    """

    place_id: str | None
    slot: int
    begin_s: int
    leave_s: int
    travel_s: int
    wait_s: int
    prize: float

    @property
    def is_break(self) -> bool:
        return self.place_id is None


@dataclass(frozen=True, slots=True)
class UnitRoute:
    """What one unit does, in order; `home_s` is when it is back, or done where it has no end."""

    unit_id: str
    stops: tuple[Stop, ...]
    home_s: int
    travel_s: int


class Obstacle(StrEnum):
    """Why a stop that has to be isn't: what one would have to relax.

    NOT_REACHED : no unit that may go there has a way; its mode, or the ban
    SLOT_CLOSED : its slot doesn't hold the dwell while such a unit is on duty
    TOO_FAR : no such unit comes there and back in time, even with nothing else to do
    CROWDED : it fits alone, not beside the other stops that have to be
    CAPPED : the place's cap of visits is used up by others
    """

    NOT_REACHED = "not_reached"
    SLOT_CLOSED = "slot_closed"
    TOO_FAR = "too_far"
    CROWDED = "crowded"
    CAPPED = "capped"


@dataclass(frozen=True, slots=True)
class Unmet:
    """A must-visit, lock or break that is not in the plan.

    unit_id : whose break or lock it is, or who misses it by least
    short_s : what is missing there [s]; None where no time would help
    """

    place_id: str | None
    slot: int
    unit_id: str | None
    obstacle: Obstacle
    short_s: int | None


@dataclass(frozen=True, slots=True)
class PatrolPlan:
    """A plan.

    routes : one a unit, in the order of the problem; some may be empty
    prize, prize_asked : what it collects, and what all visits asked for would give
    unmet : what has to be and isn't; empty in a plan that keeps everything
    steps, seed : of the search; the same problem, steps and seed give the same plan
    """

    routes: tuple[UnitRoute, ...]
    prize: float
    prize_asked: float
    travel_s: int
    unmet: tuple[Unmet, ...]
    steps: int
    seed: int

    @property
    def visits(self) -> int:
        return sum(not stop.is_break for route in self.routes for stop in route.stops)

    @property
    def is_whole(self) -> bool:
        """Whether all that has to be is in it."""
        return not self.unmet
