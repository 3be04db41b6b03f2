"""Drafts of sets of grids (网格划分草案): how an area could be split anew."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, DateTime, Integer, LargeBinary, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from geo.tables.base import Base, RowId, Timestamp

GRID_DRAFT_STATUSES = ("draft", "proposed", "accepted", "ended")


class GridSetDraft(Base):
    """How an area could be split into grids: a suggestion that people edit; no grid comes by it.

    Seen by who sees all grids of now that lie in the area. `version` counts changes, so that two
    people don't overwrite each other. `content` (question, grouping, grids of now) and `blocks`
    (outlines, links, what each holds) are written and read by `layers.balanced_grids.kept` alone.
    """

    __tablename__ = "grid_set_draft"
    __table_args__ = (CheckConstraint(f"status IN {GRID_DRAFT_STATUSES}", name="status"),)

    id: Mapped[RowId]
    version: Mapped[int] = mapped_column(Integer, server_default="1")
    status: Mapped[str] = mapped_column(Text, server_default="draft")
    area_code: Mapped[str] = mapped_column(Text(collation="C"))
    area_name: Mapped[str] = mapped_column(Text)
    area_level: Mapped[str] = mapped_column(Text)
    grid_codes: Mapped[list[str]] = mapped_column(ARRAY(Text(collation="C")))
    content: Mapped[dict[str, Any]] = mapped_column(JSONB)
    blocks: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[Timestamp]
    created_by: Mapped[str] = mapped_column(Text)
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    decided_by: Mapped[str | None] = mapped_column(Text)
