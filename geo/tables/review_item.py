"""Address texts that the matcher was not sure of, for a person to decide once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Index, Integer, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from geo.tables.base import Base, RowId, Timestamp

REVIEW_STATUSES = ("open", "matched", "rejected")


class ReviewItem(Base):
    """One text to decide. `text_key` is its folded text: the same text asked again is one item.

    Candidates are not kept: they are found anew, in the register of now and the scope of who looks.

    A decision for an address also makes an alias (`alias_id`), so that the text is known from
    then on; taking the decision back ends the alias.
    """

    __tablename__ = "review_item"
    __table_args__ = (
        CheckConstraint(f"status IN {REVIEW_STATUSES}", name="status"),
        CheckConstraint(
            "(status = 'matched') = (standard_address_id IS NOT NULL)", name="decision"
        ),
        Index(
            "uq_review_item_open_text",
            "text_key",
            unique=True,
            postgresql_where=text("status = 'open'"),
        ),
        Index("ix_review_item_status", "status", "id"),
    )

    id: Mapped[RowId]
    address_text: Mapped[str] = mapped_column(Text)
    text_key: Mapped[str] = mapped_column(Text(collation="C"))
    source: Mapped[str] = mapped_column(Text)
    asked_count: Mapped[int] = mapped_column(Integer, server_default="1")
    confidence: Mapped[float]
    grid_code: Mapped[str | None] = mapped_column(Text(collation="C"))
    status: Mapped[str] = mapped_column(Text, server_default="open")
    standard_address_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("standard_address.id")
    )
    alias_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("address_alias.id"))
    note: Mapped[str | None] = mapped_column(Text)
    decided_by: Mapped[str | None] = mapped_column(Text)
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    version: Mapped[int] = mapped_column(Integer, server_default="1")
    created_at: Mapped[Timestamp]
