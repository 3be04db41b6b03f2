"""Keys by which a write that is sent again is known."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, LargeBinary, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from geo.tables.base import Base, Timestamp


class WriteKey(Base):
    """One write of one account, and what was answered. It holds no value of the record.

    `request_hash` is keyed: the hash of an identity number could be found by trying them all.
    """

    __tablename__ = "write_key"

    account: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    key: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    request_hash: Mapped[bytes] = mapped_column(LargeBinary)
    record_kind: Mapped[str] = mapped_column(Text)
    record_id: Mapped[int] = mapped_column(BigInteger)
    answer: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[Timestamp]
