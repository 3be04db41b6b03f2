"""Patrol units: made and ended, their members, their duty and what they are doing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from geoalchemy2.shape import from_shape
from shapely.geometry import Point
from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from geo.errors import DuplicateCode, GridNotFound, InvalidInput, PatrolUnitNotFound
from geo.scope_conditions import touches_scope
from geo.store.scope import seeing_everything
from geo.tables import (
    MEMBER_ROLES,
    UNIT_KINDS,
    UNIT_STATUSES,
    DutyShift,
    PatrolUnit,
    PatrolUnitMember,
    PatrolUnitStatus,
)
from geo.values import GridScope, LonLat, Period

TEXT_MAX = 80
SHIFT_MAX = timedelta(hours=48)


def create_unit(
    session: Session,
    code: str,
    name: str,
    *,
    scope: GridScope,
    kind: str,
    grid_codes: Collection[str],
    skills: Collection[str] = (),
    kit: Collection[str] = (),
    home: LonLat | None = None,
) -> PatrolUnit:
    """Return a new unit, off duty.

    Raises
    ------
    InvalidInput : an empty or long text, no grid, or an unknown kind
    GridNotFound : a grid is outside the caller's scope
    DuplicateCode : the code is taken
    """
    for field, text in (("code", code), ("name", name), *(("skills", each) for each in skills),
                        *(("kit", each) for each in kit)):  # fmt: skip
        check_text(field, text)
    check_kind(kind)
    if not grid_codes:
        raise InvalidInput("Assign the unit to at least one grid.", field="grid_codes")
    outside = sorted(each for each in grid_codes if not scope.covers(each))
    if outside:
        raise GridNotFound(f"There is no grid {outside[0][:40]}.", grid_code=outside[0][:40])
    with seeing_everything(session):
        taken = session.scalar(select(exists().where(PatrolUnit.code == code.strip())))
    if taken:
        raise DuplicateCode(f"A unit of the code {code.strip()} is there.", codes=[code.strip()])
    unit = PatrolUnit(
        code=code.strip(),
        name=name.strip(),
        kind=kind,
        grid_codes=sorted(set(grid_codes)),
        skills=sorted({each.strip() for each in skills}),
        kit=sorted({each.strip() for each in kit}),
        home=from_shape(Point(home.longitude, home.latitude), srid=4326) if home else None,
        status="off",
    )
    session.add(unit)
    session.flush()
    return unit


def check_text(field: str, text: str) -> str:
    """Return a text of a unit without spaces around it.

    Raises
    ------
    InvalidInput : it is empty or long
    """
    if not 1 <= len(text.strip()) <= TEXT_MAX:
        raise InvalidInput(
            f"{field} has {len(text.strip())} characters, wanted 1 to {TEXT_MAX}.", field=field
        )
    return text.strip()


def check_kind(kind: str) -> None:
    """Refuse what is no kind of unit.

    Raises
    ------
    InvalidInput
    """
    if kind not in UNIT_KINDS:
        raise InvalidInput(f"Kind is {kind}, wanted one of {', '.join(UNIT_KINDS)}.", field="kind")


def find_units(session: Session, *, scope: GridScope, kind: str | None = None) -> list[PatrolUnit]:
    """Return the units that haven't ended and lie in the scope, by code."""
    asked = (
        select(PatrolUnit)
        .where(PatrolUnit.ended_at.is_(None), touches_scope(PatrolUnit.grid_codes, scope))
        .order_by(PatrolUnit.code)
    )
    if kind is not None:
        asked = asked.where(PatrolUnit.kind == kind)
    return list(session.scalars(asked))


def ids_of_units(
    session: Session, *, scope: GridScope, account_id: int | None = None
) -> frozenset[int]:
    """Return the numbers of the units that haven't ended and lie in the scope; of an account, of
    those that it belongs to now."""
    asked = select(PatrolUnit.id).where(
        PatrolUnit.ended_at.is_(None), touches_scope(PatrolUnit.grid_codes, scope)
    )
    if account_id is not None:
        asked = asked.where(_has_member(account_id))
    return frozenset(session.scalars(asked))


def get_unit(session: Session, unit_id: int, *, scope: GridScope) -> PatrolUnit:
    """Return a unit.

    Raises
    ------
    PatrolUnitNotFound : there is none of this number in the scope
    """
    unit = session.scalar(
        select(PatrolUnit).where(
            PatrolUnit.id == unit_id, touches_scope(PatrolUnit.grid_codes, scope)
        )
    )
    if unit is None:
        raise PatrolUnitNotFound(f"There is no patrol unit {unit_id}.", unit_id=unit_id)
    return unit


def units_of_account(session: Session, account_id: int, *, scope: GridScope) -> list[PatrolUnit]:
    """Return the units that an account belongs to now."""
    asked = (
        select(PatrolUnit)
        .where(_has_member(account_id), touches_scope(PatrolUnit.grid_codes, scope))
        .order_by(PatrolUnit.code)
    )
    return list(session.scalars(asked))


def add_member(
    session: Session,
    unit: PatrolUnit,
    account_id: int | None = None,
    role: str = "member",
    *,
    shown_name: str | None = None,
) -> PatrolUnitMember:
    """Let an account, or somebody without one, belong to a unit.

    Parameters
    ----------
    shown_name : of who has no account

    Raises
    ------
    InvalidInput : the role is unknown, or neither account nor name is given
    """
    if role not in MEMBER_ROLES:
        raise InvalidInput(f"Role is {role}, wanted one of {', '.join(MEMBER_ROLES)}.")
    name = (shown_name or "").strip() or None
    if account_id is None and name is None:
        raise InvalidInput("A member has an account or a name. Give one.", field="shown_name")
    if name is not None and len(name) > TEXT_MAX:
        raise InvalidInput(
            f"The name has {len(name)} characters, wanted {TEXT_MAX} at most.", field="shown_name"
        )
    member = PatrolUnitMember(unit_id=unit.id, account_id=account_id, shown_name=name, role=role)
    session.add(member)
    session.flush()
    return member


def plan_shift(session: Session, unit: PatrolUnit, period: Period, *, planned_by: str) -> DutyShift:
    """Put a unit on the roster. Its positions are stored within its shifts and at no other time.

    Raises
    ------
    InvalidInput : longer than two days, or over another shift of the unit
    """
    if period.end - period.start > SHIFT_MAX:
        raise InvalidInput("The shift is longer than 48 hours. Plan it in parts.", field="ends_at")
    over = session.scalar(
        select(
            exists().where(
                DutyShift.unit_id == unit.id,
                DutyShift.starts_at < period.end,
                DutyShift.ends_at > period.start,
            )
        )
    )
    if over:
        raise InvalidInput("The unit has a shift at that time. End that one first.")
    shift = DutyShift(
        unit_id=unit.id, starts_at=period.start, ends_at=period.end, planned_by=planned_by
    )
    session.add(shift)
    session.flush()
    return shift


def end_duty(session: Session, unit: PatrolUnit, *, now: datetime) -> int:
    """End the shift that runs now; return how many were ended. From now on nothing is stored."""
    running = session.scalars(
        select(DutyShift).where(
            DutyShift.unit_id == unit.id, DutyShift.starts_at < now, DutyShift.ends_at > now
        )
    ).all()
    for shift in running:
        shift.ends_at = now
    session.flush()
    return len(running)


def shifts_of(session: Session, unit: PatrolUnit, period: Period) -> Sequence[DutyShift]:
    """Return the shifts that touch a period, by start."""
    return session.scalars(
        select(DutyShift)
        .where(
            DutyShift.unit_id == unit.id,
            DutyShift.starts_at < period.end,
            DutyShift.ends_at > period.start,
        )
        .order_by(DutyShift.starts_at)
    ).all()


def set_status(
    session: Session, unit: PatrolUnit, status: str, *, now: datetime, told_by: str
) -> None:
    """Note what a unit is doing from now on.

    Raises
    ------
    InvalidInput : the status is unknown
    """
    if status not in UNIT_STATUSES:
        raise InvalidInput(
            f"Status is {status}, wanted one of {', '.join(UNIT_STATUSES)}.", field="status"
        )
    unit.status = status
    session.add(PatrolUnitStatus(unit_id=unit.id, status=status, since=now, told_by=told_by))
    session.flush()


def _has_member(account_id: int) -> ColumnElement[bool]:
    return exists().where(
        PatrolUnitMember.unit_id == PatrolUnit.id,
        PatrolUnitMember.account_id == account_id,
        PatrolUnitMember.left_at.is_(None),
    )
