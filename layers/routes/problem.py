"""What a patrol plan is made from: places to stop at, units on a shift, what a leader fixed.

All times are seconds from the start of the problem, so that a problem is the same on any day.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from geo.errors import InvalidInput
from geo.roads.modes import TravelMode
from geo.values import LonLat

Seconds = NDArray[np.float32]

HORIZON_MAX_S = 48 * 3600  # as the longest shift of the roster
VISITS_MAX = 5_000
LOCK_TOLERANCE_S = 600  # a locked stop may begin this much earlier or later


class PlaceKind(StrEnum):
    """Why a place is on the list: forecast, register of key places, a round that is due."""

    HOTSPOT = "hotspot"
    KEY_PLACE = "key_place"
    CHECKPOINT = "checkpoint"


@dataclass(frozen=True, slots=True)
class Slot:
    """A stretch of the shift in which one visit counts, [start_s, end_s); the dwell lies in it.

    prize : what the visit is worth, 0 or more
    is_must : the plan has to hold it
    """

    start_s: int
    end_s: int
    prize: float
    is_must: bool = False


@dataclass(frozen=True, slots=True)
class PatrolPlace:
    """A place to stop at, at most once in each of its slots.

    dwell_s : how long one stops [s]
    gap_min_s : from the end of a visit to the beginning of the next, by any unit [s]
    visits_max : in the whole shift; None: one a slot
    reason : why it is on the list, for people
    """

    place_id: str
    at: LonLat
    kind: PlaceKind
    dwell_s: int
    slots: tuple[Slot, ...]
    gap_min_s: int = 0
    visits_max: int | None = None
    name: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Break:
    """A rest of `length_s`, somewhere within [start_s, end_s), at a place.

    at : where it is taken; None: where the unit starts
    """

    start_s: int
    end_s: int
    length_s: int
    at: LonLat | None = None


@dataclass(frozen=True, slots=True)
class RouteUnit:
    """A unit on its shift, [on_s, off_s); back at `end` before the shift is over.

    end : None: the last stop may be anywhere
    """

    unit_id: str
    mode: TravelMode
    start: LonLat
    on_s: int
    off_s: int
    end: LonLat | None = None
    breaks: tuple[Break, ...] = ()
    name: str = ""


@dataclass(frozen=True, slots=True)
class Lock:
    """A stop that stays: by this unit, and where a time is given about then.

    begin_s : when it begins, give or take `tolerance_s`; None: at any time of its slot
    is_moved : it came by moving the stop, which says its place in the order: the next stop that is
        moved may shift its time
    """

    place_id: str
    slot: int
    unit_id: str
    begin_s: int | None = None
    tolerance_s: int = LOCK_TOLERANCE_S
    is_moved: bool = False


@dataclass(frozen=True, slots=True)
class Ban:
    """A stop that must not be: of a place, in one slot or all, by one unit or all."""

    place_id: str
    slot: int | None = None
    unit_id: str | None = None


@dataclass(frozen=True)
class RouteProblem:
    """Places, units and what was fixed. Lists may be empty: the plan is then empty, too.

    places, units : in an order that plans keep
    travel_s : mode → (k, k) times between all `points()` [s], infinite where there is no way
    locks, bans : what the leader decided; a lock narrows its slot, it doesn't leave it

    Raises
    ------
    InvalidInput : a number out of range, an id twice, a lock or ban of what isn't there, two locks
        or a lock and a ban of one stop, a matrix of another shape, too many visits
    """

    places: tuple[PatrolPlace, ...]
    units: tuple[RouteUnit, ...]
    travel_s: Mapping[TravelMode, Seconds]
    locks: tuple[Lock, ...] = ()
    bans: tuple[Ban, ...] = ()
    _slots: Mapping[str, int] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        for place in self.places:
            _check_place(place)
        for unit in self.units:
            _check_unit(unit)
        for what, ids in (
            ("place", [each.place_id for each in self.places]),
            ("unit", [each.unit_id for each in self.units]),
        ):
            if len(set(ids)) != len(ids):
                twice = next(each for each in ids if ids.count(each) > 1)
                raise InvalidInput(f"The {what} {twice} is there twice. Give each once.")
        visits = sum(len(place.slots) for place in self.places)
        if visits > VISITS_MAX:
            raise InvalidInput(
                f"{visits:,} visits are asked for, at most {VISITS_MAX:,} can be planned at once. "
                "Take the places of one station, or fewer slots.",
                got=visits,
            )
        object.__setattr__(
            self, "_slots", {place.place_id: len(place.slots) for place in self.places}
        )
        self._check_edits()
        count = sum(1 for _ in self.points())
        for mode in {unit.mode for unit in self.units}:
            matrix = self.travel_s.get(mode)
            if matrix is None:
                raise InvalidInput(f"There are no travel times for {mode}. Give a matrix of them.")
            if matrix.shape != (count, count):
                raise InvalidInput(
                    f"The times for {mode} are {matrix.shape}, wanted ({count}, {count}): one row "
                    "a point of `points()`."
                )
            if np.isnan(matrix).any() or (matrix < 0).any():
                raise InvalidInput(
                    f"A time for {mode} is negative or no number. Infinite stands for no way."
                )

    def points(self) -> Iterator[LonLat]:
        """Where the rows of the matrices are: places, then each unit's start, end and breaks."""
        return self.points_of(self.places, self.units)

    @staticmethod
    def points_of(
        places: tuple[PatrolPlace, ...], units: tuple[RouteUnit, ...]
    ) -> Iterator[LonLat]:
        """The same before there are matrices."""
        for place in places:
            yield place.at
        for unit in units:
            yield unit.start
            if unit.end is not None:
                yield unit.end
            for rest in unit.breaks:
                if rest.at is not None:
                    yield rest.at

    def _check_edits(self) -> None:
        units = {unit.unit_id for unit in self.units}
        locked: dict[tuple[str, int], str] = {}
        for lock in self.locks:
            self.check_stop(lock.place_id, lock.slot)
            if lock.unit_id not in units:
                raise InvalidInput(
                    f"{lock.place_id} is locked to the unit {lock.unit_id}, which is not in this "
                    "plan. Unlock it, or add the unit.",
                    place_id=lock.place_id,
                )
            if (lock.place_id, lock.slot) in locked:
                raise InvalidInput(f"{lock.place_id} is locked twice in slot {lock.slot}.")
            if lock.tolerance_s < 0:
                raise InvalidInput(f"A lock's tolerance is {lock.tolerance_s} s, wanted 0 or more.")
            locked[lock.place_id, lock.slot] = lock.unit_id
        for ban in self.bans:
            self.check_stop(ban.place_id, ban.slot)
            for (place_id, slot), unit_id in locked.items():
                if (
                    ban.place_id == place_id
                    and ban.slot in (None, slot)
                    and ban.unit_id in (None, unit_id)
                ):
                    raise InvalidInput(
                        f"{place_id} is both locked and forbidden in slot {slot}. Choose one.",
                        place_id=place_id,
                    )

    def check_stop(self, place_id: str, slot: int | None) -> None:
        """Raise InvalidInput where there is no such place, or slot of it."""
        if place_id not in self._slots:
            raise InvalidInput(f"There is no place {place_id} in this plan.", place_id=place_id)
        if slot is not None and not 0 <= slot < self._slots[place_id]:
            raise InvalidInput(
                f"{place_id} has the slots 0 to {self._slots[place_id] - 1}, got {slot}.",
                place_id=place_id,
            )


def _check_place(place: PatrolPlace) -> None:
    def refuse(what: str) -> InvalidInput:
        return InvalidInput(f"{place.name or place.place_id}: {what}", place_id=place.place_id)

    if not 0 < place.dwell_s <= HORIZON_MAX_S:
        raise refuse(f"the stop takes {place.dwell_s} s, wanted over 0 up to 48 h.")
    if not 0 <= place.gap_min_s <= HORIZON_MAX_S:
        raise refuse(f"the gap between visits is {place.gap_min_s} s, wanted 0 to 48 h.")
    if place.visits_max is not None and place.visits_max < 0:
        raise refuse(f"at most {place.visits_max} visits are allowed, wanted 0 or more.")
    for slot in place.slots:
        if not 0 <= slot.start_s < slot.end_s <= HORIZON_MAX_S:
            raise refuse(f"a slot is [{slot.start_s}, {slot.end_s}) s, wanted within 0 and 48 h.")
        if not (math.isfinite(slot.prize) and slot.prize >= 0):
            raise refuse(f"a visit is worth {slot.prize}, wanted 0 or more.")


def _check_unit(unit: RouteUnit) -> None:
    def refuse(what: str) -> InvalidInput:
        return InvalidInput(f"{unit.name or unit.unit_id}: {what}", unit_id=unit.unit_id)

    if not 0 <= unit.on_s < unit.off_s <= HORIZON_MAX_S:
        raise refuse(f"the shift is [{unit.on_s}, {unit.off_s}) s, wanted within 0 and 48 h.")
    for rest in unit.breaks:
        if not (0 <= rest.start_s < rest.end_s <= HORIZON_MAX_S and rest.length_s > 0):
            raise refuse("a break ends before it begins, or takes no time.")
        if rest.length_s > rest.end_s - rest.start_s:
            raise refuse(
                f"a break of {rest.length_s // 60} min has only "
                f"{(rest.end_s - rest.start_s) // 60} min to lie in. Widen them."
            )
