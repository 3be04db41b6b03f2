"""Exports: who asked for what and why, who approved it, how far it is, until when its file lies."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Index, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from geo.tables.base import Base, RowId, Timestamp

EXPORT_STATUSES = (
    "asked", "refused", "waiting", "running", "ready", "failed", "stopped", "expired",
)  # fmt: skip


class ExportRequest(Base):
    """One export, from asking to the end of its file; the row itself stays as the record.

    `asked` waits for a second person, `waiting` for its turn. `grid_codes` is the scope of who
    asked, missing where that was everything: the row is seen by who sees all of it. `requested_by`
    is the name of an account, or `operator:NAME` on the command line.
    """

    __tablename__ = "export_request"
    __table_args__ = (
        CheckConstraint(f"status IN {EXPORT_STATUSES}", name="status"),
        CheckConstraint("decided_by <> requested_by", name="second_person"),
        CheckConstraint("(status = 'ready') <= (file_name IS NOT NULL)", name="file"),
        Index("ix_export_request_requested_by", "requested_by", "id"),
    )

    id: Mapped[RowId]
    kind: Mapped[str] = mapped_column(Text)
    format: Mapped[str] = mapped_column(Text)
    filters: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    grid_codes: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    requested_by: Mapped[str] = mapped_column(Text)
    purpose: Mapped[str | None] = mapped_column(Text)
    case_ref: Mapped[str | None] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text)
    rows_expected: Mapped[int] = mapped_column(BigInteger)
    rows_done: Mapped[int] = mapped_column(BigInteger, server_default="0")
    decided_by: Mapped[str | None] = mapped_column(Text)
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    note: Mapped[str | None] = mapped_column(Text)
    message: Mapped[str | None] = mapped_column(Text)
    file_name: Mapped[str | None] = mapped_column(Text)
    file_sha256: Mapped[str | None] = mapped_column(Text)
    file_bytes: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[Timestamp]
    started_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
