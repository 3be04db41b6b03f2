"""Establishments (实有单位): organisations, each at one standard address for a period."""

from __future__ import annotations

from datetime import date

from sqlalchemy import BigInteger, CheckConstraint, Date, ForeignKey, Index, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from geo.tables.base import Base
from geo.tables.register_record import RegisterRecord, Verified, verified_checks

# 重点单位, 一般单位, 九小场所, 其他
ESTABLISHMENT_CLASSES = ("key", "ordinary", "nine_small", "other")


class Establishment(RegisterRecord, Verified, Base):
    """One organisation at one standard address, there on the days of [occupied_from, occupied_to).

    One that moves ends here and begins there: `moved_from_id` is its record at the former place.
    `grid_code` is that of the address; triggers keep it.
    """

    __tablename__ = "establishment"
    __table_args__ = (
        CheckConstraint(f"establishment_class IN {ESTABLISHMENT_CLASSES}", name="class"),
        CheckConstraint("occupied_to >= occupied_from", name="period"),
        *verified_checks(),
        Index("ix_establishment_standard_address_id", "standard_address_id"),
        Index("ix_establishment_grid_code", "grid_code", "id"),
        Index("ix_establishment_due_on", "grid_code", "due_on"),
        Index("ix_establishment_credit_code", "credit_code"),
    )

    standard_address_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("standard_address.id"))
    grid_code: Mapped[str | None] = mapped_column(Text(collation="C"))
    name: Mapped[str] = mapped_column(Text)
    credit_code: Mapped[str | None] = mapped_column(Text(collation="C"))
    establishment_class: Mapped[str] = mapped_column(Text)
    trade: Mapped[str | None] = mapped_column(Text)
    contact_name: Mapped[str | None] = mapped_column(Text)
    contact_phone_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    contact_phone_index: Mapped[bytes | None] = mapped_column(LargeBinary)
    note: Mapped[str | None] = mapped_column(Text)
    occupied_from: Mapped[date] = mapped_column(Date)
    occupied_to: Mapped[date | None] = mapped_column(Date)
    moved_from_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("establishment.id"))
