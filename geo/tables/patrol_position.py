"""Positions of patrol units, the devices they come from, and what became of those not kept."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import (
    REAL,
    BigInteger,
    CheckConstraint,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
)
from sqlalchemy.orm import Mapped, mapped_column

from geo.tables.base import Base, RowId, Timestamp


class PatrolDevice(Base):
    """A phone or tracker of a unit. Its token sends positions and does nothing else.

    `name` is what the device calls itself; where it is set, a message of another name isn't its
    own. `rank`: of several devices of a unit the least is believed.
    """

    __tablename__ = "patrol_device"
    __table_args__ = (
        CheckConstraint("rank BETWEEN 0 AND 7", name="rank"),
        Index("uq_patrol_device_token_hash", "token_hash", unique=True),
        Index("ix_patrol_device_unit_id", "unit_id"),
    )

    id: Mapped[RowId]
    unit_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("patrol_unit.id"))
    name: Mapped[str | None] = mapped_column(Text)
    rank: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    skew_s: Mapped[float | None] = mapped_column(REAL)
    created_at: Mapped[Timestamp]
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class PatrolPosition(Base):
    """Where a unit was. Only grows; partitioned by day of `fixed_at` (UTC), purged by days.

    `fixed_at` is the device's clock, to which `skew_s` is added where it was corrected. Unit and
    device have no foreign key: neither is ever deleted, and a check a fix is spared.
    """

    __tablename__ = "patrol_position"
    __table_args__ = ({"postgresql_partition_by": "RANGE (fixed_at)"},)

    unit_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    fixed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    device_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    sent_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    skew_s: Mapped[float] = mapped_column(REAL)
    lon: Mapped[float] = mapped_column(Double)
    lat: Mapped[float] = mapped_column(Double)
    accuracy_m: Mapped[float | None] = mapped_column(REAL)
    speed_mps: Mapped[float | None] = mapped_column(REAL)
    course_deg: Mapped[float | None] = mapped_column(REAL)
    altitude_m: Mapped[float | None] = mapped_column(REAL)
    battery_share: Mapped[float | None] = mapped_column(REAL)
    alarm: Mapped[str | None] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)


class PatrolLatest(Base):
    """The newest position of a unit, by corrected time; moves only forward."""

    __tablename__ = "patrol_latest"

    unit_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("patrol_unit.id"), primary_key=True, autoincrement=False
    )
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    lon: Mapped[float] = mapped_column(Double)
    lat: Mapped[float] = mapped_column(Double)
    accuracy_m: Mapped[float | None] = mapped_column(REAL)
    speed_mps: Mapped[float | None] = mapped_column(REAL)
    course_deg: Mapped[float | None] = mapped_column(REAL)
    battery_share: Mapped[float | None] = mapped_column(REAL)
    alarm: Mapped[str | None] = mapped_column(Text)


class PositionDrop(Base):
    """How many fixes of a device weren't kept on a day, and why."""

    __tablename__ = "position_drop"

    device_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("patrol_device.id"), primary_key=True, autoincrement=False
    )
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    reason: Mapped[str] = mapped_column(Text, primary_key=True)
    fix_count: Mapped[int] = mapped_column(Integer)
