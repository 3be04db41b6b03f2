"""Devices of units: a token each, which sends positions and does nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from geo.accounts.passwords import new_token, token_hash
from geo.errors import InvalidInput, PatrolUnitNotFound
from geo.positions.wire import DEVICE_CHARS_MAX, name_of
from geo.tables import PatrolDevice, PatrolUnit

RANK_MAX = 7


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """A device as the intake asks for it. `skew_s` is what to add to its clock, 0 for none."""

    id: int
    unit_id: int
    name: str | None
    skew_s: float


def register_device(
    session: Session, unit: PatrolUnit, *, name: str | None = None, rank: int = 0
) -> tuple[PatrolDevice, str]:
    """Return a new device of a unit and its token, which is shown once: only its hash is kept.

    Parameters
    ----------
    name : what the device calls itself; missing, any name is taken
    rank : of several devices of the unit the least is believed, 0 to 7

    Raises
    ------
    InvalidInput : the name can't be one, or the rank is none
    """
    if name is not None and name_of(name) is None:
        raise InvalidInput(
            f"The name has {len(name)} characters, wanted 1 to {DEVICE_CHARS_MAX}, no controls.",
            field="name",
        )
    if not 0 <= rank <= RANK_MAX:
        raise InvalidInput(f"Rank is {rank}, wanted 0 to {RANK_MAX}.", field="rank")
    token = new_token()
    device = PatrolDevice(
        unit_id=unit.id,
        name=name_of(name) if name else None,
        rank=rank,
        token_hash=token_hash(token),
    )
    session.add(device)
    session.flush()
    return device, token


def renew_device_token(session: Session, device: PatrolDevice) -> str:
    """Return a new token of a device, shown once; the one before is worth nothing any more."""
    token = new_token()
    device.token_hash = token_hash(token)
    session.flush()
    return token


def end_device(session: Session, unit: PatrolUnit, device_id: int, *, now: datetime) -> None:
    """End a device: its token is worth nothing from then on.

    Raises
    ------
    PatrolUnitNotFound : the unit has no such device
    """
    device = session.scalar(
        select(PatrolDevice).where(
            PatrolDevice.id == device_id,
            PatrolDevice.unit_id == unit.id,
            PatrolDevice.ended_at.is_(None),
        )
    )
    if device is None:
        raise PatrolUnitNotFound(
            f"Unit {unit.code} has no device {device_id}.", device_id=device_id
        )
    device.ended_at = now
    session.flush()


def find_device(session: Session, token: str) -> KnownDevice | None:
    """Return the device of a token, None where there is none or it, or its unit, has ended."""
    found = session.execute(
        select(PatrolDevice.id, PatrolDevice.unit_id, PatrolDevice.name, PatrolDevice.skew_s)
        .join(PatrolUnit, PatrolUnit.id == PatrolDevice.unit_id)
        .where(
            PatrolDevice.token_hash == token_hash(token),
            PatrolDevice.ended_at.is_(None),
            PatrolUnit.ended_at.is_(None),
        )
    ).first()
    if found is None:
        return None
    return KnownDevice(found.id, found.unit_id, found.name, found.skew_s or 0.0)
