"""Standard addresses (标准地址), their aliases and their history."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from geoalchemy2 import Geometry
from sqlalchemy import (
    REAL,
    BigInteger,
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

ADDRESS_COMPONENTS = (
    "province", "city", "county", "township", "development_zone", "community", "village_group",
    "road", "door", "estate", "building", "entrance", "floor", "room",
)  # fmt: skip
ADDRESS_STATUSES = ("current", "ended", "merged")
POINT_METHODS = ("surveyed", "imported", "geocoded", "interpolated", "centroid", "generated")


class StandardAddress(Base):
    """One place with one standard address.

    `search_key` is the identity of the address however it is written: two current rows never
    share one. `version` counts changes; what a row was before stands in
    `standard_address_history`. Grid and H3 cell follow from the point.
    """

    __tablename__ = "standard_address"
    __table_args__ = (
        CheckConstraint(f"status IN {ADDRESS_STATUSES}", name="status"),
        CheckConstraint(f"point_method IN {POINT_METHODS}", name="point_method"),
        CheckConstraint("(geom IS NULL) = (point_method IS NULL)", name="point"),
        Index("ix_standard_address_geom", "geom", postgresql_using="gist"),
        Index("ix_standard_address_h3_cell", "h3_cell"),
        Index("ix_standard_address_grid_id", "grid_id"),
        Index("ix_standard_address_grid_code", "grid_code", "id"),
        Index(
            "uq_standard_address_search_key",
            "search_key",
            unique=True,
            postgresql_where=text("status = 'current'"),
        ),
        Index(
            "ix_standard_address_merged_key",
            "search_key",
            postgresql_where=text("status = 'merged'"),
        ),
        Index(
            "uq_standard_address_source_ref",
            "source",
            "source_ref",
            unique=True,
            postgresql_where=text("status = 'current' AND source_ref IS NOT NULL"),
        ),
    )

    id: Mapped[RowId]
    province: Mapped[str | None] = mapped_column(Text)
    city: Mapped[str | None] = mapped_column(Text)
    county: Mapped[str | None] = mapped_column(Text)
    township: Mapped[str | None] = mapped_column(Text)
    development_zone: Mapped[str | None] = mapped_column(Text)
    community: Mapped[str | None] = mapped_column(Text)
    village_group: Mapped[str | None] = mapped_column(Text)
    road: Mapped[str | None] = mapped_column(Text)
    door: Mapped[str | None] = mapped_column(Text)
    estate: Mapped[str | None] = mapped_column(Text)
    building: Mapped[str | None] = mapped_column(Text)
    entrance: Mapped[str | None] = mapped_column(Text)
    floor: Mapped[str | None] = mapped_column(Text)
    room: Mapped[str | None] = mapped_column(Text)
    point_of_interest: Mapped[str | None] = mapped_column(Text)
    canonical_text: Mapped[str] = mapped_column(Text)
    search_key: Mapped[str] = mapped_column(Text(collation="C"))
    level: Mapped[str] = mapped_column(Text)
    geom: Mapped[Any | None] = mapped_column(Geometry("POINT", 4326, spatial_index=False))
    point_method: Mapped[str | None] = mapped_column(Text)
    accuracy_m: Mapped[float | None] = mapped_column(REAL)
    origin_datum: Mapped[str | None] = mapped_column(Text)
    grid_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("grid.id"))
    grid_code: Mapped[str | None] = mapped_column(Text(collation="C"))
    h3_cell: Mapped[int | None] = mapped_column(BigInteger)
    status: Mapped[str] = mapped_column(Text, server_default="current")
    merged_into: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("standard_address.id"))
    source: Mapped[str] = mapped_column(Text)
    source_ref: Mapped[str | None] = mapped_column(Text(collation="C"))
    version: Mapped[int] = mapped_column(Integer, server_default="1")
    created_at: Mapped[Timestamp]
    updated_at: Mapped[Timestamp]


class AddressAlias(Base):
    """Another writing of a standard address: searchable, never printed as the standard one.

    `grid_code` is that of the address; triggers keep it.
    """

    __tablename__ = "address_alias"
    __table_args__ = (
        Index(
            "uq_address_alias_key",
            "alias_key",
            "standard_address_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[RowId]
    standard_address_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("standard_address.id"), index=True
    )
    alias_text: Mapped[str] = mapped_column(Text)
    alias_key: Mapped[str] = mapped_column(Text(collation="C"))
    grid_code: Mapped[str | None] = mapped_column(Text(collation="C"))
    source: Mapped[str] = mapped_column(Text)
    created_at: Mapped[Timestamp]
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class StandardAddressHistory(Base):
    """What a standard address was until a change; a trigger writes it.

    A change of grid alone is no change of the address: the grid on a day follows from the grids
    valid on that day.
    """

    __tablename__ = "standard_address_history"
    __table_args__ = (
        Index("ix_standard_address_history_address", "standard_address_id", "version"),
    )

    id: Mapped[RowId]
    standard_address_id: Mapped[int] = mapped_column(BigInteger)
    version: Mapped[int] = mapped_column(Integer)
    was: Mapped[dict[str, Any]] = mapped_column(JSONB)
    recorded_from: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    recorded_to: Mapped[Timestamp]


class RegisterChange(Base):
    """A mark left by each transaction that writes addresses or aliases, so that an index held in
    memory knows its age. Rows become visible when their transaction commits and lock nothing.

    `address_ids` is missing where too many changed to be named: then all is read again.
    """

    __tablename__ = "register_change"

    id: Mapped[RowId]
    address_ids: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger))
    changed_at: Mapped[Timestamp]
