"""The platform's own base map: roads, buildings, water, green, places."""

from __future__ import annotations

from typing import Any

from geoalchemy2 import Geometry
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    ForeignKey,
    Index,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from geo.tables.base import Base, RowId, Timestamp

# `land` is ground of any other use: commercial, industrial, a campus.
BASEMAP_KINDS = ("road", "building", "water", "green", "land", "place", "house_number")


class BasemapSource(Base):
    """One imported set of base-map features; importing the same name again replaces it."""

    __tablename__ = "basemap_source"

    id: Mapped[RowId]
    name: Mapped[str] = mapped_column(Text, unique=True)
    file_name: Mapped[str | None] = mapped_column(Text)
    origin_datum: Mapped[str] = mapped_column(Text)
    attribution: Mapped[str | None] = mapped_column(Text)
    is_generated: Mapped[bool] = mapped_column(Boolean, server_default="false")
    imported_at: Mapped[Timestamp]


class BasemapFeature(Base):
    """One feature to draw. `feature_class` is the source's own kind, such as an OSM highway."""

    __tablename__ = "basemap_feature"
    __table_args__ = (
        CheckConstraint(f"kind IN {BASEMAP_KINDS}", name="kind"),
        Index("ix_basemap_feature_geom", "geom", postgresql_using="gist"),
        Index(
            "ix_basemap_feature_low_zoom",
            "geom",
            postgresql_using="gist",
            postgresql_where=text("min_zoom <= 11"),
        ),
    )

    id: Mapped[RowId]
    source_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("basemap_source.id", ondelete="CASCADE"), index=True
    )
    kind: Mapped[str] = mapped_column(Text)
    feature_class: Mapped[str | None] = mapped_column(Text)
    name: Mapped[str | None] = mapped_column(Text)
    number: Mapped[str | None] = mapped_column(Text)
    min_zoom: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    geom: Mapped[Any] = mapped_column(
        Geometry("GEOMETRY", 4326, spatial_index=False, nullable=False), nullable=False
    )
