"""Where units were by hour and kind of place; coverage of grids; key places and their doses."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from geoalchemy2 import Geometry
from sqlalchemy import (
    REAL,
    BigInteger,
    CheckConstraint,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from geo.tables.base import Base, RowId, Timestamp

PLACE_KINDS = ("cell", "grid", "street", "key_place")
# Not places, but where a unit was on duty: anywhere known, in its grids, in its communities.
AREA_KINDS = ("known", "beat", "community")


class CoverageDue(Base):
    """What changed since coverage was last computed: written by triggers, with the change itself.

    The follower takes rows away in the transaction that writes what follows from them, so that
    nothing is lost or counted twice, whatever stops it.
    """

    __tablename__ = "coverage_due"

    id: Mapped[RowId]
    unit_id: Mapped[int] = mapped_column(BigInteger)
    first_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    last_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class CoverageJump(Base):
    """A fix that is left out since its unit can't have got there, by its corrected time [ms]."""

    __tablename__ = "coverage_jump"

    unit_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at_ms: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)


class CoverageRoads(Base):
    """By which road network a local day's coverage was computed; missing: ways went straight."""

    __tablename__ = "coverage_roads"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    # A number without a foreign key: a network that is replaced from the same day on goes away.
    road_version_id: Mapped[int | None] = mapped_column(BigInteger)


class UnitPresence(Base):
    """Where a unit was in an hour: pieces of time in places of one kind, and the visits that began.

    `pieces`, `visits` are packed as `geo.coverage.pieces` says. The sums are those of the pieces
    [ms].
    """

    __tablename__ = "unit_presence"
    __table_args__ = (
        CheckConstraint(f"kind IN {PLACE_KINDS + AREA_KINDS}", name="kind"),
        Index("ix_unit_presence_hour", "hour", "kind"),
    )

    unit_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("patrol_unit.id"), primary_key=True, autoincrement=False
    )
    hour: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    pieces: Mapped[bytes] = mapped_column(LargeBinary)
    visits: Mapped[bytes] = mapped_column(LargeBinary)
    certain_ms: Mapped[int] = mapped_column(Integer)
    uncertain_ms: Mapped[int] = mapped_column(Integer)
    patrolling_ms: Mapped[int] = mapped_column(Integer)
    stationary_ms: Mapped[int] = mapped_column(Integer)
    responding_ms: Mapped[int] = mapped_column(Integer)


class GridCoverage(Base):
    """How the places of a grid were covered in an hour, by all units together; no unit is named.

    Stays when the units' own records are purged. Packed as `geo.coverage.pieces` says.
    `grid_code` is empty for places in no grid.
    """

    __tablename__ = "grid_coverage"

    hour: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    grid_code: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    sums: Mapped[bytes] = mapped_column(LargeBinary)
    visits: Mapped[bytes] = mapped_column(LargeBinary)


class KeyPlace(Base):
    """A place that patrols must be seen at: a school gate, a market, a checkpoint. Ended, never
    deleted. `reach_m`: how near is there."""

    __tablename__ = "key_place"
    __table_args__ = (
        CheckConstraint("reach_m BETWEEN 5 AND 500", name="reach_m"),
        Index("uq_key_place_code", "code", unique=True),
        Index("ix_key_place_grid_code", "grid_code"),
    )

    id: Mapped[RowId]
    code: Mapped[str] = mapped_column(Text(collation="C"))
    name: Mapped[str] = mapped_column(Text)
    grid_code: Mapped[str] = mapped_column(Text(collation="C"))
    geom: Mapped[Any] = mapped_column(
        Geometry("POINT", srid=4326, spatial_index=False, nullable=False), nullable=False
    )
    reach_m: Mapped[float] = mapped_column(REAL)
    created_at: Mapped[Timestamp]
    created_by: Mapped[str] = mapped_column(Text)
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class KeyPlaceDose(Base):
    """When a key place wants how much: `dose_s` in each stretch of local hours on some weekdays.

    Hours go from `first_hour` up to `end_hour`; 22 to 6 goes over midnight, and belongs to the day
    on which it begins. Weekdays 1 (Monday) to 7.
    """

    __tablename__ = "key_place_dose"
    __table_args__ = (
        CheckConstraint(
            "first_hour BETWEEN 0 AND 23 AND end_hour BETWEEN 1 AND 24 AND first_hour <> end_hour",
            name="hours",
        ),
        CheckConstraint("dose_s BETWEEN 60 AND 86400", name="dose_s"),
        Index("ix_key_place_dose_key_place_id", "key_place_id"),
    )

    id: Mapped[RowId]
    key_place_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("key_place.id"))
    first_hour: Mapped[int] = mapped_column(SmallInteger)
    end_hour: Mapped[int] = mapped_column(SmallInteger)
    weekdays: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger))
    dose_s: Mapped[int] = mapped_column(Integer)
