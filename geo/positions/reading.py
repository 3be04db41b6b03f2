"""Positions out of the store: the newest of each unit, a unit's track, how its devices do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from geo.errors import InvalidInput
from geo.tables import PatrolDevice, PatrolLatest, PatrolPosition, PatrolUnit, PositionDrop
from geo.values import Period

TRACK_MAX = timedelta(days=1)
TRACK_FIXES_MAX = 100_000


@dataclass(frozen=True, slots=True)
class DeviceReport:
    """How a device does: `skew_s` what its clock lags (0: within bounds), what was dropped and
    why."""

    device_id: int
    name: str | None
    rank: int
    skew_s: float
    ended_at: datetime | None
    dropped: dict[str, int]


def latest_positions(
    session: Session, units: Sequence[PatrolUnit]
) -> list[tuple[PatrolUnit, PatrolLatest]]:
    """Return the newest position of each of some units that has one."""
    of_id = {unit.id: unit for unit in units}
    rows = session.scalars(select(PatrolLatest).where(PatrolLatest.unit_id.in_(list(of_id))))
    return [(of_id[row.unit_id], row) for row in sorted(rows, key=lambda row: row.unit_id)]


def track_of(session: Session, unit: PatrolUnit, period: Period) -> Sequence[Any]:
    """Return where a unit was in a period, by corrected time: at, lon, lat, accuracy, speed,
    device.

    Raises
    ------
    InvalidInput : the period is longer than a day
    """
    if period.end - period.start > TRACK_MAX:
        raise InvalidInput("A track is shown for a day at most. Ask for less.", field="end")
    at = PatrolPosition.fixed_at + func.make_interval(0, 0, 0, 0, 0, 0, PatrolPosition.skew_s)
    # The skew is added to what is found; days are kept by the device's own clock.
    margin = timedelta(days=1)
    return session.execute(
        select(
            at.label("at"), PatrolPosition.lon, PatrolPosition.lat, PatrolPosition.accuracy_m,
            PatrolPosition.speed_mps, PatrolPosition.device_id,
        )
        .where(
            PatrolPosition.unit_id == unit.id,
            PatrolPosition.fixed_at >= period.start - margin,
            PatrolPosition.fixed_at < period.end + margin,
            at >= period.start,
            at < period.end,
        )
        .order_by(at, PatrolPosition.device_id)
        .limit(TRACK_FIXES_MAX)
    ).all()  # fmt: skip


def device_reports(session: Session, unit: PatrolUnit, *, since: date) -> list[DeviceReport]:
    """Return how the devices of a unit do, with what was dropped since a day."""
    devices = session.scalars(
        select(PatrolDevice).where(PatrolDevice.unit_id == unit.id).order_by(PatrolDevice.id)
    ).all()
    drops = session.execute(
        select(PositionDrop.device_id, PositionDrop.reason, func.sum(PositionDrop.fix_count))
        .where(
            PositionDrop.device_id.in_([device.id for device in devices]),
            PositionDrop.day >= since,
        )
        .group_by(PositionDrop.device_id, PositionDrop.reason)
    ).all()
    return [
        DeviceReport(
            device.id, device.name, device.rank, device.skew_s or 0.0, device.ended_at,
            {reason: int(count) for of, reason, count in drops if of == device.id},
        )
        for device in devices
    ]  # fmt: skip
