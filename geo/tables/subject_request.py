"""Requests of persons about what is kept of them: to see, to correct, to delete."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Date, DateTime, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from geo.tables.base import Base, RowId, Timestamp

# 查阅复制, 更正补充, 删除: PIPL articles 45 to 47
SUBJECT_REQUEST_KINDS = ("access", "correction", "deletion")
SUBJECT_REQUEST_STATUSES = ("open", "fulfilled", "refused", "withdrawn")


class SubjectRequest(Base):
    """One request, from the day it came in to its answer.

    `resident_id` is the person in the registers, missing where none was found; it stays when that
    person is deleted, and names nobody then. `identity_checked` says that who asks was seen to be
    who they say, or to act for them; how is not kept.
    """

    __tablename__ = "subject_request"
    __table_args__ = (
        CheckConstraint(f"kind IN {SUBJECT_REQUEST_KINDS}", name="kind"),
        CheckConstraint(f"status IN {SUBJECT_REQUEST_STATUSES}", name="status"),
        CheckConstraint("(status = 'open') = (closed_at IS NULL)", name="closed"),
        CheckConstraint("status <> 'refused' OR refusal_reason IS NOT NULL", name="refusal"),
        CheckConstraint("due_on >= received_on", name="due"),
        Index("ix_subject_request_status", "status", "due_on"),
    )

    id: Mapped[RowId]
    kind: Mapped[str] = mapped_column(Text)
    resident_id: Mapped[int | None] = mapped_column(BigInteger)
    details: Mapped[str | None] = mapped_column(Text)
    identity_checked: Mapped[bool] = mapped_column(Boolean, server_default="false")
    received_on: Mapped[date] = mapped_column(Date)
    received_by: Mapped[str] = mapped_column(Text)
    due_on: Mapped[date] = mapped_column(Date)
    status: Mapped[str] = mapped_column(Text, server_default="open")
    closed_by: Mapped[str | None] = mapped_column(Text)
    closed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    outcome: Mapped[str | None] = mapped_column(Text)
    refusal_reason: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[Timestamp]
