"""Units are called to a place, more are called, some are stood down, the muster ends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from geo.accounts.tasks import refuse_numbers_of_persons
from geo.errors import InvalidInput, MusterEnded, UnitCalledElsewhere
from geo.musters.answering import held_call, still_called
from geo.musters.log import note
from geo.tables import DutyShift, Muster, MusterCall, PatrolUnit
from geo.units.units import set_status
from geo.values import LonLat

# A phone in a street is off by 5 to 20 m, and one parks before the door: docs/live_positions.md.
WITHIN_DEFAULT_M = 50.0
WITHIN_MIN_M, WITHIN_MAX_M = 10.0, 1000.0
REASON_MAX, PLACE_NAME_MAX = 200, 200
UNITS_MAX = 200


def call_muster(
    session: Session,
    units: Sequence[PatrolUnit],
    place: LonLat,
    *,
    reason: str,
    now: datetime,
    called_by: str,
    place_name: str | None = None,
    within_m: float = WITHIN_DEFAULT_M,
    incident_id: int | None = None,
) -> Muster:
    """Call units to a place; return the muster.

    Parameters
    ----------
    units : in the caller's scope
    within_m : who is so near to the place has arrived [m], 10 to 1,000
    incident_id : that it belongs to, in the caller's scope

    Raises
    ------
    InvalidInput : no unit or too many, one off duty, no reason or one that holds a person's number
    UnitCalledElsewhere : a unit is called to another place; `codes`
    """
    reason = reason.strip()
    if not 1 <= len(reason) <= REASON_MAX:
        raise InvalidInput(
            f"The reason has {len(reason)} characters, wanted 1 to {REASON_MAX}.", field="reason"
        )
    refuse_numbers_of_persons(reason, "reason")
    if not WITHIN_MIN_M <= within_m <= WITHIN_MAX_M:
        raise InvalidInput(
            f"within_m is {within_m:g}, wanted {WITHIN_MIN_M:g} to {WITHIN_MAX_M:g} metres.",
            field="within_m",
        )
    _check(session, units, now=now)
    muster = Muster(
        reason=reason,
        place_name=(place_name or "").strip()[:PLACE_NAME_MAX] or None,
        lon=place.longitude,
        lat=place.latitude,
        within_m=within_m,
        incident_id=incident_id,
        grid_codes=_grids_of(units),
        called_at=now,
        called_by=called_by,
    )
    session.add(muster)
    session.flush()
    _call(session, muster, units, now=now, called_by=called_by)
    return muster


def call_more(
    session: Session, muster: Muster, units: Sequence[PatrolUnit], *, now: datetime, called_by: str
) -> None:
    """Call more units to an open muster.

    Raises
    ------
    MusterEnded, InvalidInput, UnitCalledElsewhere : as `call_muster`; also where one of them is
        called to this one already
    """
    hold_open(session, muster)
    _check(session, units, now=now)
    muster.grid_codes = sorted({*muster.grid_codes, *_grids_of(units)})
    known = {
        each.unit_id: each
        for each in session.scalars(
            select(MusterCall).where(
                MusterCall.muster_id == muster.id,
                MusterCall.unit_id.in_([unit.id for unit in units]),
            )
        )
    }
    for unit in units:
        # It declined, or was stood down, and is called again: the log keeps what was.
        if (call := known.get(unit.id)) is not None:
            call.called_at = now
            call.acknowledged_at = call.declined_at = call.decline_reason = None
            call.arrived_at = call.arrived_how = call.stood_down_at = None
            note(session, muster, "called", at=now, told_by=called_by, unit_id=unit.id)
    _call(
        session, muster, [unit for unit in units if unit.id not in known],
        now=now, called_by=called_by,
    )  # fmt: skip
    session.flush()


def stand_down(
    session: Session, muster: Muster, unit: PatrolUnit, *, now: datetime, told_by: str
) -> None:
    """Let a unit go; it is free again. Twice does nothing.

    Raises
    ------
    MusterEnded : the muster is over
    MusterNotFound : the unit wasn't called
    """
    call = held_call(session, muster, unit)
    if call.stood_down_at is not None:
        return
    call.stood_down_at = now
    note(session, muster, "stood_down", at=now, told_by=told_by, unit_id=unit.id)
    _release(session, call, unit, now=now, told_by=told_by)
    session.flush()


def end_muster(session: Session, muster: Muster, *, now: datetime, ended_by: str) -> None:
    """End a muster: its units that were on the way or there are free again. Twice does nothing."""
    session.refresh(muster, with_for_update=True)
    if muster.ended_at is not None:
        return
    muster.ended_at, muster.ended_by = now, ended_by
    note(session, muster, "ended", at=now, told_by=ended_by)
    for call, unit in session.execute(
        select(MusterCall, PatrolUnit)
        .join(PatrolUnit, PatrolUnit.id == MusterCall.unit_id)
        .where(MusterCall.muster_id == muster.id, still_called())
    ):
        _release(session, call, unit, now=now, told_by=ended_by)
    session.flush()


def hold_open(session: Session, muster: Muster) -> None:
    """Let nobody else end a muster until this transaction does.

    Raises
    ------
    MusterEnded
    """
    session.refresh(muster, with_for_update=True)
    if muster.ended_at is not None:
        raise MusterEnded(
            f"Muster {muster.id} was ended at {muster.ended_at.isoformat()}. Call a new one.",
            ended_at=muster.ended_at.isoformat(),
        )


def _release(
    session: Session, call: MusterCall, unit: PatrolUnit, *, now: datetime, told_by: str
) -> None:
    """What a person said of the unit meanwhile stays: busy is busy."""
    if (call.acknowledged_at or call.arrived_at) and unit.status in ("en_route", "on_scene"):
        set_status(session, unit, "free", now=now, told_by=told_by)


def _grids_of(units: Sequence[PatrolUnit]) -> list[str]:
    return sorted({code for unit in units for code in unit.grid_codes})


def _check(session: Session, units: Sequence[PatrolUnit], *, now: datetime) -> None:
    if not 1 <= len({unit.id for unit in units}) == len(units) <= UNITS_MAX:
        raise InvalidInput(
            f"{len(units)} units were named, wanted 1 to {UNITS_MAX}, each once. Choose who is "
            "called; of the nearest there may be none that suits.",
            field="unit_ids",
        )
    ids = [unit.id for unit in units]
    # Two who call at once: one of them waits here, and sees what the other did.
    session.execute(
        select(PatrolUnit.id)
        .where(PatrolUnit.id.in_(ids))
        .order_by(PatrolUnit.id)
        .with_for_update(key_share=True)
    )
    on_duty = on_duty_of(session, units, now=now)
    off = sorted(unit.code for unit in units if unit.id not in on_duty or unit.ended_at is not None)
    if off:
        raise InvalidInput(
            f"{', '.join(off[:5])}: off duty, wanted units in a shift. Leave them out, or put them "
            "on the roster first.",
            field="unit_ids", codes=off,
        )  # fmt: skip
    called = sorted(unit.code for unit in units if is_called(session, unit))
    if called:
        raise UnitCalledElsewhere(
            f"{', '.join(called[:5])}: called already, to a muster that is open. Stand them down "
            "there first.",
            codes=called,
        )


def on_duty_of(session: Session, units: Sequence[PatrolUnit], *, now: datetime) -> set[int]:
    """Return the numbers of those units that are in a shift."""
    return set(
        session.scalars(
            select(DutyShift.unit_id).where(
                DutyShift.unit_id.in_([unit.id for unit in units]),
                DutyShift.starts_at <= now,
                DutyShift.ends_at > now,
            )
        )
    )


def is_called(session: Session, unit: PatrolUnit) -> bool:
    """Whether a unit is called to a muster that is open."""
    return bool(
        session.scalar(
            select(
                exists().where(
                    MusterCall.unit_id == unit.id,
                    MusterCall.muster_id == Muster.id,
                    Muster.ended_at.is_(None),
                    still_called(),
                )
            )
        )
    )


def _call(
    session: Session, muster: Muster, units: Sequence[PatrolUnit], *, now: datetime, called_by: str
) -> None:
    for unit in units:
        session.add(MusterCall(muster_id=muster.id, unit_id=unit.id, called_at=now))
        note(session, muster, "called", at=now, told_by=called_by, unit_id=unit.id)
    session.flush()
