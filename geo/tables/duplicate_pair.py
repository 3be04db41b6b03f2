"""Pairs of standard addresses that are probably one place, for a person to decide once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    REAL,
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from geo.tables.base import Base, RowId, Timestamp

DUPLICATE_STATUSES = ("open", "later", "merged", "apart")


class DuplicatePair(Base):
    """One pair to decide; `first_id` is the smaller, so that a pair stands once.

    What was decided stays: a pair that is `apart` is never suggested again. What was only suggested
    (`open`, `later`) is taken out when a later search no longer finds it (`job_id` is the search
    that found it last). `reasons` are codes, `code` or `code:level`.
    """

    __tablename__ = "duplicate_pair"
    __table_args__ = (
        CheckConstraint(f"status IN {DUPLICATE_STATUSES}", name="status"),
        CheckConstraint("first_id < second_id", name="order"),
        CheckConstraint("(status = 'merged') = (merge_id IS NOT NULL)", name="decision"),
        UniqueConstraint("first_id", "second_id", name="uq_duplicate_pair_addresses"),
        Index("ix_duplicate_pair_status", "status", "id"),
        Index("ix_duplicate_pair_second_id", "second_id"),
    )

    id: Mapped[RowId]
    first_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("standard_address.id"))
    second_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("standard_address.id"))
    score: Mapped[float] = mapped_column(REAL)
    distance_m: Mapped[float | None] = mapped_column(REAL)
    reasons: Mapped[list[str]] = mapped_column(ARRAY(Text))
    job_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("import_job.id"))
    status: Mapped[str] = mapped_column(Text, server_default="open")
    merge_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("address_merge.id"))
    note: Mapped[str | None] = mapped_column(Text)
    decided_by: Mapped[str | None] = mapped_column(Text)
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    version: Mapped[int] = mapped_column(Integer, server_default="1")
    created_at: Mapped[Timestamp]
