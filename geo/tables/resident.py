"""Residents (实有人口) and their residences: who lives at a standard address, from when to when."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from geo.tables.base import Base
from geo.tables.register_record import RegisterRecord, Verified, verified_checks

# 居民身份证 (and the residence permits that are numbered like it), 其他证件
IDENTITY_KINDS = ("resident_identity", "other_document")
# 户籍, 流动, 寄住, 境外, 未落户
RESIDENCE_KINDS = ("registered", "floating", "lodging", "overseas", "unregistered")


class Resident(RegisterRecord, Base):
    """One person: the least that identifies, and nothing else.

    Where they live is said by residences alone; a person is seen where one of those is.
    """

    __tablename__ = "resident"
    __table_args__ = (
        CheckConstraint(f"identity_kind IN {IDENTITY_KINDS}", name="identity_kind"),
        CheckConstraint(
            "(identity_sealed IS NULL) = (identity_index IS NULL) "
            "AND (identity_sealed IS NULL) = (identity_kind IS NULL)",
            name="identity",
        ),
        CheckConstraint("birth_year BETWEEN 1880 AND 2200", name="birth_year"),
        Index(
            "uq_resident_identity_index",
            "identity_index",
            unique=True,
            postgresql_where=text("identity_index IS NOT NULL"),
        ),
        Index("ix_resident_phone_index", "phone_index"),
    )

    name: Mapped[str] = mapped_column(Text)
    identity_kind: Mapped[str | None] = mapped_column(Text)
    identity_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    identity_index: Mapped[bytes | None] = mapped_column(LargeBinary)
    birth_year: Mapped[int | None] = mapped_column(SmallInteger)
    phone_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    phone_index: Mapped[bytes | None] = mapped_column(LargeBinary)


class Residence(RegisterRecord, Verified, Base):
    """A person lives at a standard address on the days of [lived_from, lived_to).

    The database refuses two of one person at a time, but for one where they are registered
    (户籍) beside one where they live (人户分离). One recorded in error is annulled, not deleted.
    `household_ref` names the household (户) among those of the address. `grid_code` is that of the
    address; triggers keep it.
    """

    __tablename__ = "residence"
    __table_args__ = (
        CheckConstraint(f"kind IN {RESIDENCE_KINDS}", name="kind"),
        CheckConstraint("lived_to > lived_from", name="period"),
        *verified_checks(),
        ExcludeConstraint(
            ("resident_id", "="),
            (text("daterange(lived_from, lived_to)"), "&&"),
            where=text("kind = 'registered' AND annulled_at IS NULL"),
            name="ex_residence_registered_once",
            using="gist",
        ),
        ExcludeConstraint(
            ("resident_id", "="),
            (text("daterange(lived_from, lived_to)"), "&&"),
            where=text("kind <> 'registered' AND annulled_at IS NULL"),
            name="ex_residence_lives_once",
            using="gist",
        ),
        Index("ix_residence_resident_id", "resident_id"),
        Index("ix_residence_standard_address_id", "standard_address_id"),
        Index("ix_residence_grid_code", "grid_code", "id"),
        Index("ix_residence_due_on", "grid_code", "due_on"),
    )

    resident_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("resident.id"))
    standard_address_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("standard_address.id"))
    grid_code: Mapped[str | None] = mapped_column(Text(collation="C"))
    kind: Mapped[str] = mapped_column(Text)
    household_ref: Mapped[str | None] = mapped_column(Text)
    lived_from: Mapped[date] = mapped_column(Date)
    lived_to: Mapped[date | None] = mapped_column(Date)
    annulled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    annulled_by: Mapped[str | None] = mapped_column(Text)
