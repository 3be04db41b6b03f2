"""What every record of the registers shares: where it lies, who wrote it, how good it is."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, Date, DateTime, Index, Integer, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from geo.tables.base import Base, RowId, Timestamp

RECORD_KINDS = ("dwelling", "resident", "residence", "establishment")
VERIFIED_HOW = ("visit", "call", "import")
REPORT_STATUSES = ("open", "mended", "unfounded")


class RegisterRecord:
    """Columns of a record: who wrote this version, and what of the required fields is missing.

    `version` counts changes; what a record was before stands in `record_history`.
    """

    id: Mapped[RowId]
    missing: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    source: Mapped[str] = mapped_column(Text)
    recorded_by: Mapped[str] = mapped_column(Text)
    version: Mapped[int] = mapped_column(Integer, server_default="1")
    created_at: Mapped[Timestamp]
    updated_at: Mapped[Timestamp]


class Verified:
    """Columns of what is looked at again and again: when last, by whom, how, and when next.

    To verify is no change of the record: it leaves a row in `record_verification`.
    """

    verified_on: Mapped[date | None] = mapped_column(Date)
    verified_by: Mapped[str | None] = mapped_column(Text)
    verified_how: Mapped[str | None] = mapped_column(Text)
    due_on: Mapped[date] = mapped_column(Date)


def verified_checks() -> tuple[CheckConstraint, CheckConstraint]:
    """Return the constraints of a table with the columns of `Verified`."""
    return (
        CheckConstraint(f"verified_how IN {VERIFIED_HOW}", name="verified_how"),
        CheckConstraint("(verified_on IS NULL) = (verified_how IS NULL)", name="verified"),
    )


class RecordHistory(Base):
    """What a record was until a change; a trigger writes it.

    Sealed numbers are not kept, only their index: whether one changed can be told, and a former one
    can be recognised by who has it, but not read (docs/decisions/0011).
    """

    __tablename__ = "record_history"
    __table_args__ = (
        CheckConstraint(f"record_kind IN {RECORD_KINDS}", name="record_kind"),
        Index("ix_record_history_record", "record_kind", "record_id", "version"),
    )

    id: Mapped[RowId]
    record_kind: Mapped[str] = mapped_column(Text)
    record_id: Mapped[int] = mapped_column(BigInteger)
    version: Mapped[int] = mapped_column(Integer)
    was: Mapped[dict[str, object]] = mapped_column(JSONB)
    recorded_from: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    recorded_to: Mapped[Timestamp]


class RecordVerification(Base):
    """That somebody looked whether a record still holds. Rows are only added."""

    __tablename__ = "record_verification"
    __table_args__ = (
        CheckConstraint(f"record_kind IN {RECORD_KINDS}", name="record_kind"),
        CheckConstraint(f"verified_how IN {VERIFIED_HOW}", name="verified_how"),
        Index("ix_record_verification_record", "record_kind", "record_id", "id"),
    )

    id: Mapped[RowId]
    record_kind: Mapped[str] = mapped_column(Text)
    record_id: Mapped[int] = mapped_column(BigInteger)
    record_version: Mapped[int] = mapped_column(Integer)
    verified_on: Mapped[date] = mapped_column(Date)
    verified_by: Mapped[str] = mapped_column(Text)
    verified_how: Mapped[str] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[Timestamp]


class RecordReport(Base):
    """Somebody says that a record is wrong; it waits until somebody mends it or finds it right."""

    __tablename__ = "record_report"
    __table_args__ = (
        CheckConstraint(f"record_kind IN {RECORD_KINDS}", name="record_kind"),
        CheckConstraint(f"status IN {REPORT_STATUSES}", name="status"),
        CheckConstraint("(status = 'open') = (settled_at IS NULL)", name="settled"),
        Index("ix_record_report_record", "record_kind", "record_id", "id"),
        Index("ix_record_report_status", "status", "id"),
    )

    id: Mapped[RowId]
    record_kind: Mapped[str] = mapped_column(Text)
    record_id: Mapped[int] = mapped_column(BigInteger)
    field: Mapped[str | None] = mapped_column(Text)
    note: Mapped[str] = mapped_column(Text)
    reported_by: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, server_default="open")
    settled_by: Mapped[str | None] = mapped_column(Text)
    settled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    settled_note: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[Timestamp]
