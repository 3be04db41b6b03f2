"""Receipts of what was deleted because its time was over: by which rule, how much, from when."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, DateTime, Integer, Text
from sqlalchemy.orm import Mapped, mapped_column

from geo.tables.base import Base, RowId, Timestamp


class RetentionReceipt(Base):
    """One batch that was deleted. Rows are only added, in the transaction that deletes.

    Of positions: of how many units they were, how many rows of coverage stay of those hours, and
    the SHA-256 over those rows.
    """

    __tablename__ = "retention_receipt"

    id: Mapped[RowId]
    rule: Mapped[str] = mapped_column(Text)
    keep_days: Mapped[int] = mapped_column(Integer)
    row_count: Mapped[int] = mapped_column(BigInteger)
    oldest_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    newest_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    deleted_by: Mapped[str] = mapped_column(Text)
    deleted_at: Mapped[Timestamp]
    unit_count: Mapped[int | None] = mapped_column(Integer)
    kept_row_count: Mapped[int | None] = mapped_column(BigInteger)
    kept_sha256: Mapped[str | None] = mapped_column(Text)
