"""What a unit that was called says: that it comes, that it can't, that it is there."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from geo.accounts.tasks import refuse_numbers_of_persons
from geo.errors import Conflict, InvalidInput, MusterEnded, MusterNotFound
from geo.musters.log import note
from geo.tables import Muster, MusterCall, PatrolUnit
from geo.units.units import set_status

DECLINE_MAX = 200


def acknowledge(
    session: Session, muster: Muster, unit: PatrolUnit, *, now: datetime, told_by: str
) -> MusterCall:
    """Note that a unit comes: it is on its way. The first time counts; twice does nothing.

    Raises
    ------
    MusterEnded : the muster is over, or the unit was stood down
    MusterNotFound : the unit wasn't called
    """
    call = held_call(session, muster, unit)
    _refuse_stood_down(muster, call)
    if call.acknowledged_at is not None and call.declined_at is None:
        return call
    call.acknowledged_at = now
    # It comes after all: the log keeps that it declined.
    call.declined_at = call.decline_reason = None
    note(session, muster, "acknowledged", at=now, told_by=told_by, unit_id=unit.id)
    if call.arrived_at is None and unit.status not in ("off", "en_route"):
        set_status(session, unit, "en_route", now=now, told_by=told_by)
    session.flush()
    return call


def decline(
    session: Session, muster: Muster, unit: PatrolUnit, reason: str, *, now: datetime, told_by: str
) -> MusterCall:
    """Note that a unit can't come, and why.

    Raises
    ------
    InvalidInput : no reason, or one that holds a person's number
    Conflict : it is there already
    MusterEnded, MusterNotFound : as `acknowledge`
    """
    reason = reason.strip()
    if not 1 <= len(reason) <= DECLINE_MAX:
        raise InvalidInput(
            f"The reason has {len(reason)} characters, wanted 1 to {DECLINE_MAX}.", field="reason"
        )
    refuse_numbers_of_persons(reason, "reason")
    call = held_call(session, muster, unit)
    _refuse_stood_down(muster, call)
    if call.arrived_at is not None:
        raise Conflict(f"{unit.code} has arrived: it can't decline. Ask to be stood down.")
    if call.declined_at is not None:
        return call
    was_coming = call.acknowledged_at is not None
    call.declined_at, call.decline_reason = now, reason
    note(session, muster, "declined", at=now, told_by=told_by, unit_id=unit.id, text=reason)
    if was_coming and unit.status == "en_route":
        set_status(session, unit, "free", now=now, told_by=told_by)
    session.flush()
    return call


def check_in(
    session: Session, muster: Muster, unit: PatrolUnit, *, now: datetime, told_by: str
) -> MusterCall:
    """Note that a unit says it is there. The first time counts; twice does nothing.

    Raises
    ------
    MusterEnded, MusterNotFound : as `acknowledge`
    """
    call = held_call(session, muster, unit)
    _refuse_stood_down(muster, call)
    if call.arrived_at is None:
        arrive(session, muster, call, unit, at=now, how="check_in", told_by=told_by)
    return call


def arrive(
    session: Session,
    muster: Muster,
    call: MusterCall,
    unit: PatrolUnit,
    *,
    at: datetime,
    how: str,
    told_by: str,
) -> None:
    """Note that a unit is there: on the scene.

    Parameters
    ----------
    how : one of `ARRIVALS`
    """
    call.arrived_at, call.arrived_how = at, how
    call.declined_at = call.decline_reason = None
    note(session, muster, "arrived", at=at, told_by=told_by, unit_id=unit.id, text=how)
    if unit.status not in ("off", "on_scene"):
        set_status(session, unit, "on_scene", now=at, told_by=told_by)
    session.flush()


def held_call(session: Session, muster: Muster, unit: PatrolUnit) -> MusterCall:
    """Return the call of a unit, which nobody else changes until the transaction ends.

    Raises
    ------
    MusterEnded : the muster is over
    MusterNotFound : the unit wasn't called to it
    """
    call = session.scalar(
        select(MusterCall)
        .where(MusterCall.muster_id == muster.id, MusterCall.unit_id == unit.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if call is None:
        raise MusterNotFound(f"{unit.code} isn't called to muster {muster.id}.")
    session.refresh(muster)
    if muster.ended_at is not None:
        raise MusterEnded(
            f"Muster {muster.id} was ended at {muster.ended_at.isoformat()}.",
            ended_at=muster.ended_at.isoformat(),
        )
    return call


def still_called() -> ColumnElement[bool]:
    """Of calls: those that hold, unless the muster is over."""
    return and_(MusterCall.declined_at.is_(None), MusterCall.stood_down_at.is_(None))


def _refuse_stood_down(muster: Muster, call: MusterCall) -> None:
    if call.stood_down_at is not None:
        raise MusterEnded(
            f"The unit was stood down from muster {muster.id} at {call.stood_down_at.isoformat()}.",
            ended_at=call.stood_down_at.isoformat(),
        )
