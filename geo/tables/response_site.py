"""Response sites (警力驻点): stations, posts and points from which units set out."""

from __future__ import annotations

from datetime import date
from typing import Any

from geoalchemy2 import Geometry
from sqlalchemy import CheckConstraint, Date, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from geo.tables.base import Base, RowId, Timestamp

# 派出所, 警务站, 岗亭, 最小应急单元驻点, 候选点
SITE_KINDS = ("station", "post", "box", "emergency_point", "candidate")


class ResponseSite(Base):
    """One site, open on the days of [valid_from, valid_to). A `candidate` is none yet: siting may
    choose it. Ended, never deleted."""

    __tablename__ = "response_site"
    __table_args__ = (
        CheckConstraint(f"kind IN {SITE_KINDS}", name="kind"),
        CheckConstraint("valid_to >= valid_from", name="period"),
        Index("uq_response_site_code", "code", unique=True),
    )

    id: Mapped[RowId]
    code: Mapped[str] = mapped_column(Text(collation="C"))
    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    geom: Mapped[Any] = mapped_column(
        Geometry("POINT", 4326, spatial_index=False, nullable=False), nullable=False
    )
    valid_from: Mapped[date] = mapped_column(Date)
    valid_to: Mapped[date | None] = mapped_column(Date)
    updated_at: Mapped[Timestamp]
