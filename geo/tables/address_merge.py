"""Merges of two standard addresses: who said so, when, why, and what an undo needs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from geo.tables.base import Base, RowId, Timestamp


class AddressMerge(Base):
    """`merged_id` turned out to be `kept_id`. At most one merge of an address is in force.

    moved : column that names an address → ids of its rows that followed the merged address
    alias_ids : aliases that the merge made
    point_taken : the kept address had no point and got the other's
    """

    __tablename__ = "address_merge"
    __table_args__ = (
        CheckConstraint("kept_id <> merged_id", name="two_addresses"),
        Index(
            "uq_address_merge_in_force",
            "merged_id",
            unique=True,
            postgresql_where=text("undone_at IS NULL"),
        ),
        Index("ix_address_merge_kept_id", "kept_id"),
    )

    id: Mapped[RowId]
    kept_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("standard_address.id"))
    merged_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("standard_address.id"))
    moved: Mapped[dict[str, Any]] = mapped_column(JSONB)
    alias_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    point_taken: Mapped[bool]
    note: Mapped[str | None] = mapped_column(Text)
    merged_by: Mapped[str | None] = mapped_column(Text)
    merged_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    undone_by: Mapped[str | None] = mapped_column(Text)
    undone_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[Timestamp]
