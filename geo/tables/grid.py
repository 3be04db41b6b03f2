"""Community grids (网格), their versions, and their share in H3 cells."""

from __future__ import annotations

from datetime import date
from typing import Any

from geoalchemy2 import Geometry
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    Double,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from geo.tables.base import Base, RowId, Timestamp

GRID_KINDS = ("base", "dedicated")


class GridVersion(Base):
    """One import of grids. A later version ends the grids it replaces and deletes nothing."""

    __tablename__ = "grid_version"

    id: Mapped[RowId]
    source: Mapped[str] = mapped_column(Text)
    file_name: Mapped[str | None] = mapped_column(Text)
    valid_from: Mapped[date] = mapped_column(Date)
    grid_count: Mapped[int] = mapped_column(Integer)
    note: Mapped[str | None] = mapped_column(Text)
    imported_at: Mapped[Timestamp]


class Grid(Base):
    """One grid in one version, valid on [valid_from, valid_to).

    Kinds: base (基础网格) and dedicated (专属网格: a campus, a market).
    """

    __tablename__ = "grid"
    __table_args__ = (
        CheckConstraint(f"kind IN {GRID_KINDS}", name="kind"),
        CheckConstraint("valid_to > valid_from", name="period"),
        ExcludeConstraint(
            ("grid_code", "="),
            (text("daterange(valid_from, valid_to)"), "&&"),
            name="ex_grid_one_at_a_time",
            using="gist",
        ),
        Index("ix_grid_geom", "geom", postgresql_using="gist"),
    )

    id: Mapped[RowId]
    version_id: Mapped[int] = mapped_column(ForeignKey("grid_version.id"), index=True)
    grid_code: Mapped[str] = mapped_column(Text(collation="C"))
    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text, server_default="base")
    community_code: Mapped[str] = mapped_column(Text, index=True)
    person_in_charge: Mapped[str | None] = mapped_column(Text)
    contact: Mapped[str | None] = mapped_column(Text)
    household_count: Mapped[int | None] = mapped_column(Integer)
    area_m2: Mapped[float] = mapped_column(Double)
    valid_from: Mapped[date] = mapped_column(Date)
    valid_to: Mapped[date | None] = mapped_column(Date)
    geom: Mapped[Any] = mapped_column(
        Geometry("MULTIPOLYGON", 4326, spatial_index=False, nullable=False), nullable=False
    )


class GridH3Cell(Base):
    """How much of a grid lies in an H3 cell, by area on the spheroid."""

    __tablename__ = "grid_h3_cell"

    grid_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("grid.id", ondelete="CASCADE"), primary_key=True
    )
    h3_cell: Mapped[int] = mapped_column(BigInteger, primary_key=True, index=True)
    resolution: Mapped[int] = mapped_column(SmallInteger)
    share_of_grid: Mapped[float] = mapped_column(Double)
    share_of_h3_cell: Mapped[float] = mapped_column(Double)
