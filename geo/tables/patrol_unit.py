"""Patrol units (巡逻力量): who they are, when they are on duty, what they are doing."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from geoalchemy2 import Geometry
from sqlalchemy import BigInteger, CheckConstraint, Date, DateTime, ForeignKey, Index, Integer, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from geo.tables.base import Base, RowId, Timestamp

UNIT_KINDS = ("foot", "car", "motorcycle", "volunteer", "emergency_unit")
UNIT_STATUSES = ("free", "en_route", "on_scene", "busy", "off")
MEMBER_ROLES = ("leader", "member", "driver")


class PatrolUnit(Base):
    """A team, a car, a minimum emergency unit (最小应急单元). Ended, never deleted.

    `grid_codes` are the grids it is assigned to: who sees one of them sees the unit. `drilled_on`:
    its last drill, which a 最小应急单元 needs to count (`layers.response.units`).
    """

    __tablename__ = "patrol_unit"
    __table_args__ = (
        CheckConstraint(f"kind IN {UNIT_KINDS}", name="kind"),
        CheckConstraint(f"status IN {UNIT_STATUSES}", name="status"),
        Index("uq_patrol_unit_code", "code", unique=True),
        Index("ix_patrol_unit_grid_codes", "grid_codes", postgresql_using="gin"),
    )

    id: Mapped[RowId]
    code: Mapped[str] = mapped_column(Text(collation="C"))
    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    grid_codes: Mapped[list[str]] = mapped_column(ARRAY(Text(collation="C")))
    skills: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    kit: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    home: Mapped[Any | None] = mapped_column(
        Geometry("POINT", srid=4326, spatial_index=False), nullable=True
    )
    status: Mapped[str] = mapped_column(Text, server_default="off")
    drilled_on: Mapped[date | None] = mapped_column(Date)
    version: Mapped[int] = mapped_column(Integer, server_default="1")
    created_at: Mapped[Timestamp]
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class PatrolUnitMember(Base):
    """Who belongs to a unit, from when to when. Through this a member sees their own record.

    Who has no account, as most volunteers, is known by `shown_name` alone.
    """

    __tablename__ = "patrol_unit_member"
    __table_args__ = (
        CheckConstraint(f"role IN {MEMBER_ROLES}", name="role"),
        CheckConstraint("num_nonnulls(account_id, shown_name) > 0", name="named"),
        Index("ix_patrol_unit_member_unit_id", "unit_id"),
        Index("ix_patrol_unit_member_account_id", "account_id"),
    )

    id: Mapped[RowId]
    unit_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("patrol_unit.id"))
    account_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("account.id"))
    shown_name: Mapped[str | None] = mapped_column(Text)
    role: Mapped[str] = mapped_column(Text)
    joined_at: Mapped[Timestamp]
    left_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class DutyShift(Base):
    """A planned stretch of duty, [starts_at, ends_at). Outside of it no position is stored."""

    __tablename__ = "duty_shift"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="period"),
        Index("ix_duty_shift_unit_id", "unit_id", "starts_at"),
    )

    id: Mapped[RowId]
    unit_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("patrol_unit.id"))
    starts_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ends_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    planned_by: Mapped[str] = mapped_column(Text)


class PatrolUnitStatus(Base):
    """What a unit was doing from a moment on; only grows."""

    __tablename__ = "patrol_unit_status"
    __table_args__ = (
        CheckConstraint(f"status IN {UNIT_STATUSES}", name="status"),
        Index("ix_patrol_unit_status_unit_id", "unit_id", "since"),
    )

    id: Mapped[RowId]
    unit_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("patrol_unit.id"))
    status: Mapped[str] = mapped_column(Text)
    since: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    told_by: Mapped[str] = mapped_column(Text)
