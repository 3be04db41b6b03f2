"""Patrol units changed and ended. Each change counts the version up; members and shifts have
periods of their own."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from geoalchemy2.shape import from_shape
from shapely.geometry import Point
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from geo.accounts.accounts import get_account
from geo.errors import (
    GridNotFound,
    InvalidInput,
    PatrolUnitNotFound,
    StaleRecord,
    UnitCalledElsewhere,
)
from geo.musters.calling import is_called
from geo.tables import Account, DutyShift, PatrolDevice, PatrolUnit, PatrolUnitMember
from geo.units.units import add_member, check_kind, check_text, end_duty, set_status
from geo.values import GridScope, LonLat


class Unchanged:
    """Stands for a value that isn't given, where None is one."""


UNCHANGED = Unchanged()


@dataclass(frozen=True, slots=True)
class UnitChange:
    """What of a unit becomes another; None leaves it, for `home` and `drilled_on` `UNCHANGED`."""

    name: str | None = None
    kind: str | None = None
    grid_codes: Collection[str] | None = None
    skills: Collection[str] | None = None
    kit: Collection[str] | None = None
    home: LonLat | Unchanged | None = UNCHANGED
    drilled_on: date | Unchanged | None = UNCHANGED


def change_unit(
    session: Session,
    unit: PatrolUnit,
    change: UnitChange,
    *,
    scope: GridScope,
    expected_version: int,
) -> None:
    """Change a unit.

    Raises
    ------
    StaleRecord : it was changed since it was seen, or has ended
    InvalidInput : an empty or long text, an unknown kind, no grid
    GridNotFound : a grid is outside the scope, of those that are put in or taken out
    """
    held(session, unit, expected_version)
    if change.name is not None:
        unit.name = check_text("name", change.name)
    if change.kind is not None:
        check_kind(change.kind)
        unit.kind = change.kind
    if change.grid_codes is not None:
        if not change.grid_codes:
            raise InvalidInput("Assign the unit to at least one grid.", field="grid_codes")
        # Who sees a part of a unit's grids doesn't move it into, or out of, another's.
        moved = sorted(
            code for code in set(change.grid_codes) ^ set(unit.grid_codes) if not scope.covers(code)
        )
        if moved:
            raise GridNotFound(f"There is no grid {moved[0][:40]}.", grid_code=moved[0][:40])
        unit.grid_codes = sorted(set(change.grid_codes))
    if change.skills is not None:
        unit.skills = sorted({check_text("skills", each) for each in change.skills})
    if change.kit is not None:
        unit.kit = sorted({check_text("kit", each) for each in change.kit})
    if not isinstance(change.home, Unchanged):
        home = change.home
        unit.home = home and from_shape(Point(home.longitude, home.latitude), srid=4326)
    if not isinstance(change.drilled_on, Unchanged):
        unit.drilled_on = change.drilled_on
    unit.version += 1
    session.flush()


def end_unit(
    session: Session, unit: PatrolUnit, *, expected_version: int, now: datetime, ended_by: str
) -> None:
    """End a unit for good: it is off duty, its shifts to come are taken off the roster, its devices
    are worth nothing, its members have left. What was stays.

    Raises
    ------
    StaleRecord : it was changed since it was seen, or has ended
    UnitCalledElsewhere : it is called to a muster that is open
    """
    held(session, unit, expected_version)
    if is_called(session, unit):
        raise UnitCalledElsewhere(
            f"{unit.code} is called to a muster that is open. Stand it down there first.",
            codes=[unit.code],
        )
    end_duty(session, unit, now=now)
    for shift in session.scalars(
        select(DutyShift).where(DutyShift.unit_id == unit.id, DutyShift.starts_at >= now)
    ):
        session.delete(shift)
    for device in session.scalars(
        select(PatrolDevice).where(PatrolDevice.unit_id == unit.id, PatrolDevice.ended_at.is_(None))
    ):
        device.ended_at = now
    for member in members_of(session, unit, with_former=False):
        member.row.left_at = now
    if unit.status != "off":
        set_status(session, unit, "off", now=now, told_by=ended_by)
    unit.ended_at = now
    unit.version += 1
    session.flush()


@dataclass(frozen=True, slots=True)
class Member:
    """Who belongs, or belonged, to a unit; `account` is its name, None of who has none."""

    row: PatrolUnitMember
    shown_name: str
    account: str | None


def members_of(session: Session, unit: PatrolUnit, *, with_former: bool) -> list[Member]:
    """Return the members of a unit, those of now first, by when they joined."""
    asked = (
        select(
            PatrolUnitMember,
            func.coalesce(Account.shown_name, PatrolUnitMember.shown_name),
            Account.name,
        )
        .join(Account, Account.id == PatrolUnitMember.account_id, isouter=True)
        .where(PatrolUnitMember.unit_id == unit.id)
        .order_by(PatrolUnitMember.left_at.is_not(None), PatrolUnitMember.id)
    )
    if not with_former:
        asked = asked.where(PatrolUnitMember.left_at.is_(None))
    return [Member(row, name, account) for row, name, account in session.execute(asked)]


def join_unit(
    session: Session,
    unit: PatrolUnit,
    *,
    role: str,
    account: str | None,
    shown_name: str | None,
    now: datetime,
) -> PatrolUnitMember:
    """Let somebody belong to a unit from now on: an account by its name, or a name alone.

    Raises
    ------
    AccountNotFound : no account of this name is open
    InvalidInput : an unknown role, neither account nor name, or an account that belongs already
    """
    account_id = None
    if account is not None:
        account_id = get_account(session, account).id
        if any(
            m.row.account_id == account_id for m in members_of(session, unit, with_former=False)
        ):
            raise InvalidInput(
                f"{account} belongs to the unit already. To change the role, let them leave first.",
                field="account",
            )
        shown_name = None
    member = add_member(session, unit, account_id, role, shown_name=shown_name)
    member.joined_at = now
    session.flush()
    return member


def leave_unit(session: Session, unit: PatrolUnit, member_id: int, *, now: datetime) -> None:
    """Let a member leave: from now on they see nothing of the unit. The membership stays written.

    Raises
    ------
    PatrolUnitNotFound : the unit has no such member now
    """
    for member in members_of(session, unit, with_former=False):
        if member.row.id == member_id:
            member.row.left_at = now
            session.flush()
            return
    raise PatrolUnitNotFound(
        f"Unit {unit.code} has no member {member_id} now.", member_id=member_id
    )


def take_off_roster(session: Session, unit: PatrolUnit, shift_id: int, *, now: datetime) -> None:
    """Take a shift that hasn't begun off the roster.

    Raises
    ------
    PatrolUnitNotFound : the unit has no such shift
    InvalidInput : it has begun: what was planned for time that is over stays
    """
    shift = session.get(DutyShift, shift_id)
    if shift is None or shift.unit_id != unit.id:
        raise PatrolUnitNotFound(f"Unit {unit.code} has no shift {shift_id}.", shift_id=shift_id)
    if shift.starts_at <= now:
        raise InvalidInput(
            f"The shift began at {shift.starts_at.isoformat()}: what was stays. End one that runs "
            "by off-duty."
        )
    session.delete(shift)
    session.flush()


def held(session: Session, unit: PatrolUnit, expected_version: int) -> None:
    """Let nobody else change a unit until the transaction ends.

    Raises
    ------
    StaleRecord : it was changed since it was seen, or has ended
    """
    session.refresh(unit, with_for_update={"key_share": True})
    if unit.ended_at is not None or unit.version != expected_version:
        raise StaleRecord(
            f"Unit {unit.code} is at version {unit.version}, you have seen {expected_version}"
            f"{', and it has ended' if unit.ended_at else ''}. Look at it again.",
            version=unit.version,
        )
