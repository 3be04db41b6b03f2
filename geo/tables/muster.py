"""Musters (一呼百应): units called to a place, what each answered, and the log of it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import REAL, BigInteger, CheckConstraint, DateTime, Double, ForeignKey, Index, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from geo.tables.base import Base, RowId, Timestamp

ARRIVALS = ("position", "check_in")
MUSTER_EVENTS = ("called", "acknowledged", "declined", "arrived", "stood_down", "ended")


class Muster(Base):
    """A call of units to a place (WGS 84), open until it is ended.

    `grid_codes` are those of the units called: who sees one of them sees the muster. A unit is
    there within `within_m` of the place.
    """

    __tablename__ = "muster"
    __table_args__ = (
        CheckConstraint("within_m > 0", name="within_m"),
        Index("ix_muster_grid_codes", "grid_codes", postgresql_using="gin"),
        Index("ix_muster_called_at", "called_at"),
    )

    id: Mapped[RowId]
    reason: Mapped[str] = mapped_column(Text)
    place_name: Mapped[str | None] = mapped_column(Text)
    lon: Mapped[float] = mapped_column(Double)
    lat: Mapped[float] = mapped_column(Double)
    within_m: Mapped[float] = mapped_column(REAL)
    incident_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("incident.id"))
    grid_codes: Mapped[list[str]] = mapped_column(ARRAY(Text(collation="C")))
    called_at: Mapped[Timestamp]
    called_by: Mapped[str] = mapped_column(Text)
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    ended_by: Mapped[str | None] = mapped_column(Text)


class MusterCall(Base):
    """What a unit that was called did last; the log tells what came before."""

    __tablename__ = "muster_call"
    __table_args__ = (
        CheckConstraint(f"arrived_how IN {ARRIVALS}", name="arrived_how"),
        CheckConstraint("(arrived_at IS NULL) = (arrived_how IS NULL)", name="arrived"),
        Index("ix_muster_call_unit_id", "unit_id"),
    )

    muster_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("muster.id"), primary_key=True, autoincrement=False
    )
    unit_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("patrol_unit.id"), primary_key=True, autoincrement=False
    )
    called_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    acknowledged_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    declined_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    decline_reason: Mapped[str | None] = mapped_column(Text)
    arrived_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    arrived_how: Mapped[str | None] = mapped_column(Text)
    stood_down_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class MusterEvent(Base):
    """One thing that happened in a muster, and who said so; only grows."""

    __tablename__ = "muster_event"
    __table_args__ = (
        CheckConstraint(f"what IN {MUSTER_EVENTS}", name="what"),
        Index("ix_muster_event_muster_id", "muster_id"),
    )

    id: Mapped[RowId]
    muster_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("muster.id"))
    unit_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("patrol_unit.id"))
    what: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    told_by: Mapped[str] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)
