"""Patrol plans (巡逻方案): what a leader plans for a shift, and the routes that units are given."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from geo.tables.base import Base, RowId, Timestamp

PLAN_STATUSES = ("draft", "assigned", "ended")


class PatrolPlan(Base):
    """A plan for a shift: what was asked, the near-equal plans found, and which one is chosen.

    Seen by who sees all grids that its places lie in. `version` counts changes, so that two leaders
    don't overwrite each other. `content` is written and read by `layers.routes.kept` alone.
    """

    __tablename__ = "patrol_plan"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="period"),
        CheckConstraint(f"status IN {PLAN_STATUSES}", name="status"),
        Index("ix_patrol_plan_starts_at", "starts_at"),
    )

    id: Mapped[RowId]
    version: Mapped[int] = mapped_column(Integer, server_default="1")
    status: Mapped[str] = mapped_column(Text, server_default="draft")
    starts_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ends_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    grid_codes: Mapped[list[str]] = mapped_column(ARRAY(Text(collation="C")))
    content: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[Timestamp]
    created_by: Mapped[str] = mapped_column(Text)
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    decided_by: Mapped[str | None] = mapped_column(Text)
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class PatrolRoute(Base):
    """What one unit does by an assigned plan; seen with the unit.

    `stops` : in order, each with place, times and why; `legs` : the way to each of them and home
    """

    __tablename__ = "patrol_route"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="period"),
        Index("ix_patrol_route_unit_id", "unit_id", "starts_at"),
        Index("ix_patrol_route_plan_id", "plan_id"),
    )

    id: Mapped[RowId]
    plan_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("patrol_plan.id"))
    unit_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("patrol_unit.id"))
    starts_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ends_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    stops: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    legs: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    is_ended: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    assigned_at: Mapped[Timestamp]
