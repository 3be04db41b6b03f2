"""Road networks (路网) in versions, their lines, and roads closed for a time."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from geoalchemy2 import Geometry
from sqlalchemy import (
    REAL,
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    Text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from geo.tables.base import Base, RowId, Timestamp


class RoadNetworkVersion(Base):
    """One imported road network, in force in [valid_from, valid_to); no two on one day.

    `content_digest` tells whether a file brought anything new; `report` holds what was left out
    and what is wrong with it, mode by mode.
    """

    __tablename__ = "road_network"
    __table_args__ = (
        CheckConstraint("valid_to > valid_from", name="period"),
        Index("uq_road_network_valid_from", "valid_from", unique=True),
    )

    id: Mapped[RowId]
    name: Mapped[str] = mapped_column(Text)
    file_name: Mapped[str | None] = mapped_column(Text)
    origin_datum: Mapped[str] = mapped_column(Text)
    attribution: Mapped[str | None] = mapped_column(Text)
    is_generated: Mapped[bool] = mapped_column(Boolean, server_default="false")
    has_own_numbers: Mapped[bool] = mapped_column(Boolean)
    content_digest: Mapped[str] = mapped_column(Text)
    node_count: Mapped[int] = mapped_column(Integer)
    edge_count: Mapped[int] = mapped_column(Integer)
    line_count: Mapped[int] = mapped_column(Integer)
    report: Mapped[dict[str, Any]] = mapped_column(JSONB)
    valid_from: Mapped[date] = mapped_column(Date)
    valid_to: Mapped[date | None] = mapped_column(Date)
    imported_at: Mapped[Timestamp]


class RoadLine(Base):
    """A road from one crossing or end to the next; `tail_node` and `head_node` are its ends.

    `forward_modes` and `backward_modes` are masks of `geo.roads.modes`: who may go along the line,
    and against it. `source_id` is the number of the road in its file; pieces of one road share it.
    """

    __tablename__ = "road_line"
    __table_args__ = (
        Index("ix_road_line_source_id", "network_id", "source_id"),
        Index("ix_road_line_geom", "geom", postgresql_using="gist"),
    )

    network_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("road_network.id", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    tail_node: Mapped[int] = mapped_column(Integer)
    head_node: Mapped[int] = mapped_column(Integer)
    road_class: Mapped[str] = mapped_column(Text)
    name: Mapped[str | None] = mapped_column(Text)
    source_id: Mapped[int] = mapped_column(BigInteger)
    forward_modes: Mapped[int] = mapped_column(SmallInteger)
    backward_modes: Mapped[int] = mapped_column(SmallInteger)
    limit_kmh: Mapped[float] = mapped_column(REAL)
    is_round: Mapped[bool] = mapped_column(Boolean)
    length_m: Mapped[float] = mapped_column(Double)
    geom: Mapped[Any] = mapped_column(
        Geometry("LINESTRING", 4326, spatial_index=False, nullable=False), nullable=False
    )


class RoadClosure(Base):
    """Roads closed in [starts_at, ends_at), to some modes or all; `ends_at` none: until reopened.

    `road_ids` are numbers of roads in their file (`RoadLine.source_id`), so that a closure outlives
    a new version of the network. Reopened early, it gets an end; it is never deleted.
    """

    __tablename__ = "road_closure"
    __table_args__ = (CheckConstraint("ends_at >= starts_at", name="period"),)

    id: Mapped[RowId]
    road_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    modes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    starts_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ends_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    reason: Mapped[str] = mapped_column(Text)
    recorded_by: Mapped[str] = mapped_column(Text)
    created_at: Mapped[Timestamp]
