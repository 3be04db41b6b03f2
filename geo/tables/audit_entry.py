"""The audit log: who looked at what or changed it, when, from where, why. Never the value."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
)
from sqlalchemy.orm import Mapped, mapped_column

from geo.tables.base import Base

AUDIT_CHAINS = 64  # of hashes, side by side: in one, each would wait for the last to be on disk
AUDIT_TEXT_MAX = 200  # characters


class AuditEntry(Base):
    """One entry, in the chain of hashes that `hash` and `previous_hash` make; see `geo.audit`.

    Partitioned by month. The application may read and write it by functions only
    (`geo/store/functions/audit.sql`), and nobody's function changes or deletes.
    """

    __tablename__ = "audit_entry"
    __table_args__ = (
        CheckConstraint(
            f"greatest(length(actor), length(origin), length(action), length(object_kind), "
            f"length(object_ref), length(purpose), length(case_ref), length(request_id)) "
            f"<= {AUDIT_TEXT_MAX}",
            name="text_lengths",
        ),
        Index("ix_audit_entry_chain", "chain", "number"),
        Index("ix_audit_entry_actor", "actor", "at"),
        {"postgresql_partition_by": "RANGE (at)"},
    )

    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    chain: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    actor: Mapped[str] = mapped_column(Text)
    origin: Mapped[str | None] = mapped_column(Text)
    action: Mapped[str] = mapped_column(Text)
    object_kind: Mapped[str | None] = mapped_column(Text)
    object_ref: Mapped[str | None] = mapped_column(Text)
    purpose: Mapped[str | None] = mapped_column(Text)
    case_ref: Mapped[str | None] = mapped_column(Text)
    row_count: Mapped[int | None] = mapped_column(Integer)
    request_id: Mapped[str | None] = mapped_column(Text)
    previous_hash: Mapped[bytes] = mapped_column(LargeBinary)
    hash: Mapped[bytes] = mapped_column(LargeBinary)


class AuditHead(Base):
    """The last entry of a chain: the next one builds on it."""

    __tablename__ = "audit_head"

    chain: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
