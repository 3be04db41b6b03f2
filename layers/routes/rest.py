"""The rest of a shift, after a unit went off duty: what is still to be done, by who is left, from
where they are now."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from geo.errors import InvalidInput
from geo.values import LonLat
from layers.routes.kept import KeptPlan
from layers.routes.problem import Ban, Break, PatrolPlace, RouteUnit, Slot


@dataclass(frozen=True)
class Done:
    """What of a plan is done by a moment [s from the plan's start].

    visited : (place, slot) → when the visit ended, or ends
    rested : (unit, break) that were taken
    """

    at_s: int
    visited: Mapping[tuple[str, int], int]
    rested: Collection[tuple[str, int]] = ()


def rest_of_plan(
    kept: KeptPlan, done: Done, *, left: Mapping[str, LonLat | None], plan_id: int
) -> KeptPlan:
    """Return an unsolved plan of what is still to be done, with times from `done.at_s` on.

    What was visited stays visited: it isn't asked for again, counts towards a place's cap, and its
    gap is kept. Bans stay; locks of units that are left stay where their time is still to come.
    A stop that has to be and has too little time left is asked for all the same, so that it is told
    as unmet.

    Parameters
    ----------
    left : units that go on → where they are; None: nobody knows, they are taken to be at home
    plan_id : of the plan that this one is to replace

    Raises
    ------
    InvalidInput : no unit is left, or nothing is left to do
    """
    going = (_unit(unit, done, left[unit.unit_id]) for unit in kept.units if unit.unit_id in left)
    units = tuple(unit for unit in going if unit is not None)
    if not units:
        raise InvalidInput(
            "No unit of this plan is left to go on. Plan the rest with other units of the roster.",
            field="without_ids",
        )
    places: list[PatrolPlace] = []
    slots: dict[tuple[str, int], int] = {}
    for place in kept.places:
        found, numbers = _place(place, done)
        if found is not None:
            places.append(found)
            slots |= {(place.place_id, old): new for new, old in enumerate(numbers)}
    if not places:
        raise InvalidInput("All that this plan still could visit is visited or over.")
    known = {unit.unit_id for unit in units}
    locks = [
        replace(
            lock,
            slot=slots[lock.place_id, lock.slot],
            begin_s=None if lock.begin_s is None else lock.begin_s - done.at_s,
        )
        for lock in kept.locks
        if lock.unit_id in known
        and (lock.place_id, lock.slot) in slots
        and (lock.begin_s is None or lock.begin_s > done.at_s)
    ]
    return KeptPlan(
        places=tuple(places),
        units=units,
        locks=tuple(locks),
        bans=tuple(_bans(kept, slots, known)),
        seed=kept.seed,
        replaces=plan_id,
    )


def _unit(unit: RouteUnit, done: Done, where: LonLat | None) -> RouteUnit | None:
    on, off = max(unit.on_s - done.at_s, 0), unit.off_s - done.at_s
    if off <= on:
        return None
    breaks = []
    for number, rest in enumerate(unit.breaks):
        start, end = max(rest.start_s - done.at_s, 0), rest.end_s - done.at_s
        if (unit.unit_id, number) not in done.rested and end - start >= rest.length_s:
            # Where the unit starts is home no longer.
            breaks.append(Break(start, end, rest.length_s, rest.at or unit.start))
    return replace(
        unit, start=where or unit.start, on_s=on, off_s=off, breaks=tuple(breaks)
    )  # fmt: skip


def _place(place: PatrolPlace, done: Done) -> tuple[PatrolPlace | None, list[int]]:
    """A place with the slots that are still to come, and which of the old ones they are."""
    made = [done.visited[key] for slot in range(len(place.slots))
            if (key := (place.place_id, slot)) in done.visited]  # fmt: skip
    again_s = max(made) + place.gap_min_s if made and place.gap_min_s else 0
    most = None if place.visits_max is None else max(place.visits_max - len(made), 0)
    slots, numbers = [], []
    for number, slot in enumerate(place.slots):
        start = max(slot.start_s, done.at_s, again_s) - done.at_s
        end = slot.end_s - done.at_s
        if (place.place_id, number) in done.visited or end <= start:
            continue
        if end - start < place.dwell_s and not slot.is_must:
            continue
        slots.append(Slot(start, end, slot.prize, slot.is_must))
        numbers.append(number)
    if not slots or most == 0:
        return None, []
    return replace(place, slots=tuple(slots), visits_max=most), numbers


def _bans(
    kept: KeptPlan, slots: Mapping[tuple[str, int], int], units: Collection[str]
) -> list[Ban]:
    places = {place_id for place_id, _ in slots}
    found = []
    for ban in kept.bans:
        if ban.place_id not in places or (ban.unit_id is not None and ban.unit_id not in units):
            continue
        if ban.slot is not None and (ban.place_id, ban.slot) not in slots:
            continue
        slot = None if ban.slot is None else slots[ban.place_id, ban.slot]
        found.append(replace(ban, slot=slot))
    return found
