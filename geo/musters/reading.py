"""Musters out of the store: those of some units, one with its calls, its log and its figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session

from geo.errors import MusterNotFound
from geo.store.scope import seeing_everything
from geo.tables import Muster, MusterCall, MusterEvent, PatrolUnit

LISTED_MAX = 100


@dataclass(frozen=True, slots=True)
class MusterFigures:
    """How a muster went, over all units that were called.

    silent : neither acknowledged, declined nor arrived
    """

    called: int
    acknowledged: int
    declined: int
    arrived: int
    silent: int
    first_acknowledged_at: datetime | None
    last_acknowledged_at: datetime | None
    first_arrived_at: datetime | None
    last_arrived_at: datetime | None


def state_of_call(call: MusterCall) -> str:
    """Return what a unit's call has come to: `arrived`, `declined`, `stood_down`, `acknowledged`,
    else `called`."""
    if call.stood_down_at is not None:
        return "stood_down"
    if call.arrived_at is not None:
        return "arrived"
    if call.declined_at is not None:
        return "declined"
    return "called" if call.acknowledged_at is None else "acknowledged"


def find_musters(
    session: Session, units: Sequence[PatrolUnit], *, only_open: bool, limit: int = LISTED_MAX
) -> Sequence[Muster]:
    """Return the musters that some of the units were called to, the newest first."""
    asked = select(Muster).where(_of_units(units)).order_by(Muster.id.desc()).limit(limit)
    if only_open:
        asked = asked.where(Muster.ended_at.is_(None))
    return session.scalars(asked).all()


def get_muster(session: Session, muster_id: int, units: Sequence[PatrolUnit]) -> Muster:
    """Return a muster that one of some units was called to.

    Raises
    ------
    MusterNotFound : there is none of this number, or none of the units was called to it
    """
    muster = session.scalar(select(Muster).where(Muster.id == muster_id, _of_units(units)))
    if muster is None:
        raise MusterNotFound(f"There is no muster {muster_id}.", muster_id=muster_id)
    return muster


def calls_of(
    session: Session, muster: Muster, units: Sequence[PatrolUnit]
) -> list[tuple[MusterCall, PatrolUnit]]:
    """Return the calls of those of some units that were called, by code."""
    of_id = {unit.id: unit for unit in units}
    calls = session.scalars(
        select(MusterCall).where(
            MusterCall.muster_id == muster.id, MusterCall.unit_id.in_(list(of_id))
        )
    )
    found = [(call, of_id[call.unit_id]) for call in calls]
    return sorted(found, key=lambda each: each[1].code)


def log_of(session: Session, muster: Muster, units: Sequence[PatrolUnit]) -> Sequence[MusterEvent]:
    """Return what happened to some units and to the muster as a whole, by time."""
    ids = [unit.id for unit in units]
    return session.scalars(
        select(MusterEvent)
        .where(
            MusterEvent.muster_id == muster.id,
            MusterEvent.unit_id.is_(None) | MusterEvent.unit_id.in_(ids),
        )
        .order_by(MusterEvent.at, MusterEvent.id)
    ).all()


def figures_of(session: Session, muster: Muster) -> MusterFigures:
    """Return how a muster went, over all its units: counts and times, no unit."""
    no_answer = (
        MusterCall.acknowledged_at.is_(None)
        & MusterCall.declined_at.is_(None)
        & MusterCall.arrived_at.is_(None)
    )
    with seeing_everything(session):
        row = session.execute(
            select(
                func.count(), func.count(MusterCall.acknowledged_at),
                func.count(MusterCall.declined_at), func.count(MusterCall.arrived_at),
                func.count().filter(no_answer),
                func.min(MusterCall.acknowledged_at), func.max(MusterCall.acknowledged_at),
                func.min(MusterCall.arrived_at), func.max(MusterCall.arrived_at),
            ).where(MusterCall.muster_id == muster.id)
        ).one()  # fmt: skip
    return MusterFigures(*row)


def _of_units(units: Sequence[PatrolUnit]) -> ColumnElement[bool]:
    return exists().where(
        MusterCall.muster_id == Muster.id, MusterCall.unit_id.in_([unit.id for unit in units])
    )
