"""Patrol units as they can respond: where, how they move, free or not, and whether they count.

A 最小应急单元 counts only where it is known to be staffed, to have its kit and to have drilled.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from geo.positions.live import state_of
from geo.tables import DutyShift, PatrolLatest, PatrolUnit, PatrolUnitMember, PatrolUnitStatus
from geo.units.homes import homes_of
from geo.values import LonLat

EMERGENCY_UNIT = "emergency_unit"


class Part(StrEnum):
    """What is known of one condition."""

    OK = "ok"
    SHORT = "short"
    UNKNOWN = "unknown"


class Why(StrEnum):
    """Why a unit can't be counted on now, the first that holds."""

    OFF_DUTY = "off_duty"
    BUSY = "busy"
    NOT_READY = "not_ready"
    NO_PLACE = "no_place"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class ReadinessRules:
    """What a 最小应急单元 needs. Defaults are public descriptions of the practice.

    staff_min : members; kit : what it must carry; drill_days : since its last drill at most
    """

    staff_min: int = 3
    kit: tuple[str, ...] = ("盾牌", "钢叉", "对讲机", "头盔")
    drill_days: int = 365


@dataclass(frozen=True, slots=True)
class Readiness:
    """A 最小应急单元's three conditions; `missing_kit` names what lacks."""

    staffed: Part
    kit: Part
    drill: Part
    missing_kit: tuple[str, ...] = ()

    @property
    def is_ready(self) -> bool:
        return self.staffed == self.kit == self.drill == Part.OK


@dataclass(frozen=True, slots=True)
class ResponseUnit:
    """One unit as it can respond at a moment.

    place : where it is by its last position, or its home where `place_source` is `home`; None:
        nobody knows
    at : of its last position; state : `fresh`, `stale`, `unknown`; None without one
    since : from when on it does what it does now
    readiness : of a 最小应急单元, None of others
    why_not : why it can't be counted on now; None: it can
    """

    id: int
    code: str
    name: str
    kind: str
    status: str
    on_duty: bool
    place: LonLat | None
    place_source: str
    at: datetime | None
    state: str | None
    since: datetime | None
    readiness: Readiness | None
    why_not: Why | None

    @property
    def counts(self) -> bool:
        return self.why_not is None


def readiness_of(
    *,
    member_count: int,
    kit: Collection[str],
    drilled_on: date | None,
    on: date,
    rules: ReadinessRules,
) -> Readiness:
    """Return what is known of a 最小应急单元's conditions on a day.

    No member at all, or no kit at all, is unknown rather than short: nobody wrote any down.
    """
    missing = tuple(item for item in rules.kit if item not in set(kit))
    staffed = Part.UNKNOWN
    if member_count:
        staffed = Part.OK if member_count >= rules.staff_min else Part.SHORT
    drill = Part.UNKNOWN
    if drilled_on is not None:
        drill = Part.OK if on - drilled_on <= timedelta(days=rules.drill_days) else Part.SHORT
    carried = Part.UNKNOWN if not kit and missing else Part.SHORT if missing else Part.OK
    return Readiness(staffed, carried, drill, missing)


def load_response_units(
    session: Session,
    units: Sequence[PatrolUnit],
    *,
    now: datetime,
    on: date,
    rules: ReadinessRules,
) -> list[ResponseUnit]:
    """Return units as they can respond now, in the order given.

    A unit on duty whose last position is over five minutes old is silent and doesn't count. A
    unit without any position on this duty stands at its home.
    """
    ids = [unit.id for unit in units]
    latest = {
        row.unit_id: row
        for row in session.scalars(select(PatrolLatest).where(PatrolLatest.unit_id.in_(ids)))
    }
    shifts = {
        row.unit_id: row.starts_at
        for row in session.scalars(
            select(DutyShift).where(
                DutyShift.unit_id.in_(ids), DutyShift.starts_at <= now, DutyShift.ends_at > now
            )
        )
    }
    members: dict[int, int] = {
        row[0]: row[1]
        for row in session.execute(
            select(PatrolUnitMember.unit_id, func.count())
            .where(PatrolUnitMember.unit_id.in_(ids), PatrolUnitMember.left_at.is_(None))
            .group_by(PatrolUnitMember.unit_id)
        )
    }
    told_since: dict[int, datetime] = {
        row[0]: row[1]
        for row in session.execute(
            select(PatrolUnitStatus.unit_id, func.max(PatrolUnitStatus.since))
            .where(PatrolUnitStatus.unit_id.in_(ids))
            .group_by(PatrolUnitStatus.unit_id)
        )
    }
    homes = homes_of(session, ids)
    found = []
    for unit in units:
        row, began = latest.get(unit.id), shifts.get(unit.id)
        # What it sent on an earlier duty says nothing of where it is on this one.
        if row is not None and began is not None and row.at < began:
            row = None
        readiness = None
        if unit.kind == EMERGENCY_UNIT:
            readiness = readiness_of(
                member_count=members.get(unit.id, 0),
                kit=unit.kit,
                drilled_on=unit.drilled_on,
                on=on,
                rules=rules,
            )
        place = LonLat(row.lon, row.lat) if row else homes.get(unit.id)
        state = state_of(row.at, now=now) if row else None
        found.append(
            ResponseUnit(
                id=unit.id,
                code=unit.code,
                name=unit.name,
                kind=unit.kind,
                status=unit.status,
                on_duty=began is not None,
                place=place,
                place_source="position" if row else "home",
                at=row.at if row else None,
                state=state,
                since=_latest_of(told_since.get(unit.id), began),
                readiness=readiness,
                why_not=_why_not(unit.status, began is not None, readiness, place, state),
            )
        )
    return found


def _why_not(
    status: str,
    on_duty: bool,
    readiness: Readiness | None,
    place: LonLat | None,
    state: str | None,
) -> Why | None:
    if not on_duty:
        return Why.OFF_DUTY
    # A unit on duty that never said anything ("off" is what it was made with) is free.
    if status in ("en_route", "on_scene", "busy"):
        return Why.BUSY
    if readiness is not None and not readiness.is_ready:
        return Why.NOT_READY
    if place is None:
        return Why.NO_PLACE
    return Why.SILENT if state == "unknown" else None


def _latest_of(*moments: datetime | None) -> datetime | None:
    known = [moment for moment in moments if moment is not None]
    return max(known) if known else None
