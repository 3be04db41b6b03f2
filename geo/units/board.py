"""Where are my people: units with their members, their duty now or next, their status and since
when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from geo.tables import (
    Account,
    DutyShift,
    PatrolUnit,
    PatrolUnitMember,
    PatrolUnitStatus,
)


@dataclass(frozen=True, slots=True)
class BoardUnit:
    """A unit on the board.

    members : (name, role) of those who belong to it now
    shift : the one that runs, else the next; missing where none is planned
    status_since : missing where nobody said anything yet
    """

    unit: PatrolUnit
    members: list[tuple[str, str]]
    shift: DutyShift | None
    status_since: datetime | None

    def is_on_duty(self, now: datetime) -> bool:
        """Whether a shift runs."""
        return self.shift is not None and self.shift.starts_at <= now


def load_board(session: Session, units: Sequence[PatrolUnit], *, now: datetime) -> list[BoardUnit]:
    """Return the board of some units, in their order."""
    ids = [unit.id for unit in units]
    shifts = {
        shift.unit_id: shift
        for shift in session.scalars(
            select(DutyShift)
            .where(DutyShift.unit_id.in_(ids), DutyShift.ends_at > now)
            .order_by(DutyShift.unit_id, DutyShift.starts_at.desc())
        )
    }
    members: dict[int, list[tuple[str, str]]] = {}
    for unit_id, name, role in session.execute(
        select(
            PatrolUnitMember.unit_id,
            func.coalesce(Account.shown_name, PatrolUnitMember.shown_name),
            PatrolUnitMember.role,
        )
        .join(Account, Account.id == PatrolUnitMember.account_id, isouter=True)
        .where(PatrolUnitMember.unit_id.in_(ids), PatrolUnitMember.left_at.is_(None))
        .order_by(PatrolUnitMember.id)
    ):
        members.setdefault(unit_id, []).append((name, role))
    since = {
        row.unit_id: row.since
        for row in session.execute(
            select(PatrolUnitStatus.unit_id, func.max(PatrolUnitStatus.since).label("since"))
            .where(PatrolUnitStatus.unit_id.in_(ids))
            .group_by(PatrolUnitStatus.unit_id)
        )
    }
    return [
        BoardUnit(unit, members.get(unit.id, []), shifts.get(unit.id), since.get(unit.id))
        for unit in units
    ]
