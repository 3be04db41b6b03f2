"""Incidents (警情): what was reported, when, where; their kinds, history, import profiles."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from geoalchemy2 import Geometry
from sqlalchemy import (
    REAL,
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

# 群众报警, 民警主动发现, 设备感知, 其他单位移交
INCIDENT_SOURCES = ("resident_reported", "officer_initiated", "sensor", "transferred")
INCIDENT_STATUSES = ("open", "closed", "annulled")
INCIDENT_POINT_METHODS = ("given", "geocoded")


class IncidentCategory(Base):
    """One kind of incident in a tree.

    `point_roles` : roles that may see where an incident of this kind was, to the point and the
        address; others see its grid and a coarse cell. Empty: every role. A kind below takes that
        of the kind above where it has none of its own.
    `is_repeat_flagged` : earlier ones at a place are pointed out until closed, such as disputes
    """

    __tablename__ = "incident_category"

    code: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    parent_code: Mapped[str | None] = mapped_column(
        Text(collation="C"), ForeignKey("incident_category.code")
    )
    name: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str | None] = mapped_column(Text)
    point_roles: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    is_repeat_flagged: Mapped[bool] = mapped_column(Boolean, server_default="false")


class Incident(Base):
    """One incident. No field describes a person.

    It happened in [occurred_from, occurred_to]; one moment where the two are alike. `dataset` and
    `source_ref` are its identity in the system it came from; `fingerprint` tells whether what came
    again differs. `duplicate_of` is decided by a person. What a row was before stands in
    `incident_history`.
    """

    __tablename__ = "incident"
    __table_args__ = (
        CheckConstraint(f"source IN {INCIDENT_SOURCES}", name="source"),
        CheckConstraint(f"status IN {INCIDENT_STATUSES}", name="status"),
        CheckConstraint(f"point_method IN {INCIDENT_POINT_METHODS}", name="point_method"),
        CheckConstraint("(geom IS NULL) = (point_method IS NULL)", name="point"),
        CheckConstraint("occurred_to >= occurred_from", name="occurred"),
        Index("ix_incident_grid_code", "grid_code", "id"),
        Index("ix_incident_occurred_from", "occurred_from"),
        Index("ix_incident_category_code", "category_code", "occurred_from"),
        Index("ix_incident_h3_cell", "h3_cell"),
        Index("ix_incident_standard_address_id", "standard_address_id"),
        Index("ix_incident_geom", "geom", postgresql_using="gist"),
        Index(
            "uq_incident_source_ref",
            "dataset",
            "source_ref",
            unique=True,
            postgresql_where=text("source_ref IS NOT NULL"),
        ),
    )

    id: Mapped[RowId]
    category_code: Mapped[str] = mapped_column(
        Text(collation="C"), ForeignKey("incident_category.code")
    )
    source: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, server_default="open")
    reported_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    occurred_from: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    occurred_to: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    dispatched_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    arrived_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    cleared_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    address_text: Mapped[str | None] = mapped_column(Text)
    standard_address_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("standard_address.id")
    )
    match_level: Mapped[str | None] = mapped_column(Text)
    match_confidence: Mapped[float | None] = mapped_column(REAL)
    geom: Mapped[Any | None] = mapped_column(Geometry("POINT", 4326, spatial_index=False))
    point_method: Mapped[str | None] = mapped_column(Text)
    accuracy_m: Mapped[float | None] = mapped_column(REAL)
    origin_datum: Mapped[str | None] = mapped_column(Text)
    grid_code: Mapped[str | None] = mapped_column(Text(collation="C"))
    h3_cell: Mapped[int | None] = mapped_column(BigInteger)
    establishment_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("establishment.id"))
    duplicate_of: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("incident.id"))
    dataset: Mapped[str] = mapped_column(Text)
    source_ref: Mapped[str | None] = mapped_column(Text(collation="C"))
    fingerprint: Mapped[str | None] = mapped_column(Text)
    recorded_by: Mapped[str] = mapped_column(Text)
    version: Mapped[int] = mapped_column(Integer, server_default="1")
    created_at: Mapped[Timestamp]
    updated_at: Mapped[Timestamp]


class IncidentHistory(Base):
    """What an incident was until a change; a trigger writes it."""

    __tablename__ = "incident_history"
    __table_args__ = (Index("ix_incident_history_incident", "incident_id", "version"),)

    id: Mapped[RowId]
    incident_id: Mapped[int] = mapped_column(BigInteger)
    version: Mapped[int] = mapped_column(Integer)
    was: Mapped[dict[str, Any]] = mapped_column(JSONB)
    recorded_from: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    recorded_to: Mapped[Timestamp]


class IncidentProfile(Base):
    """How the columns of a city's files are read, kept by a name. `reading` is as
    `geo.incidents.profiles.IncidentProfile` writes it."""

    __tablename__ = "incident_profile"

    name: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    reading: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[Timestamp]


class IncidentChange(Base):
    """The mark of a statement that wrote incidents, by which who keeps them in memory follows; a
    trigger leaves it. `incident_ids` is missing where more than a thousand changed."""

    __tablename__ = "incident_change"

    id: Mapped[RowId]
    incident_ids: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger))
    changed_at: Mapped[Timestamp]
