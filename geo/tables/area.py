"""Administrative areas, from province to community, each for a period."""

from __future__ import annotations

from datetime import date
from typing import Any

from geoalchemy2 import Geometry
from sqlalchemy import CheckConstraint, Date, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from geo.tables.base import Base, RowId, Timestamp

AREA_LEVELS = ("province", "city", "county", "township", "community")


class Area(Base):
    """One area under one code for one period, [valid_from, valid_to).

    An abolished area keeps its row, ended, with the code of its successor.
    """

    __tablename__ = "area"
    __table_args__ = (
        CheckConstraint(f"level IN {AREA_LEVELS}", name="level"),
        CheckConstraint("valid_to > valid_from", name="period"),
        ExcludeConstraint(
            ("code", "="),
            (text("daterange(valid_from, valid_to)"), "&&"),
            name="ex_area_one_at_a_time",
            using="gist",
        ),
        Index("ix_area_geom", "geom", postgresql_using="gist"),
    )

    id: Mapped[RowId]
    code: Mapped[str] = mapped_column(Text)
    level: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    parent_code: Mapped[str | None] = mapped_column(Text, index=True)
    aliases: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    former_names: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    former_codes: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    successor_code: Mapped[str | None] = mapped_column(Text)
    valid_from: Mapped[date] = mapped_column(Date)
    valid_to: Mapped[date | None] = mapped_column(Date)
    geom: Mapped[Any | None] = mapped_column(Geometry("MULTIPOLYGON", 4326, spatial_index=False))
    source: Mapped[str] = mapped_column(Text)
    created_at: Mapped[Timestamp]
