"""Dwellings (实有房屋): what stands at a standard address to live in."""

from __future__ import annotations

from datetime import date

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    Text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from geo.tables.base import Base
from geo.tables.register_record import RegisterRecord, Verified, verified_checks

# 自住, 出租整租, 出租合租, 空置, 商住, 其他
DWELLING_USES = ("owner_occupied", "rented_whole", "rented_shared", "vacant", "mixed", "other")
# 安全出口, 用电线路, 用气, 隔断, 消防器材, 电动车充电, 房屋结构, 其他
SAFETY_FINDINGS = (
    "exits", "wiring", "gas", "partitions", "fire_equipment", "charging", "structure", "other",
)  # fmt: skip


class Dwelling(RegisterRecord, Verified, Base):
    """One dwelling at one standard address, down to the room where there are rooms.

    `grid_code` is that of the address; triggers keep it. One that is no more has `ended_on`.
    """

    __tablename__ = "dwelling"
    __table_args__ = (
        CheckConstraint(f"use IN {DWELLING_USES}", name="use"),
        CheckConstraint("room_count BETWEEN 1 AND 500", name="room_count"),
        *verified_checks(),
        Index("ix_dwelling_standard_address_id", "standard_address_id"),
        Index("ix_dwelling_grid_code", "grid_code", "id"),
        Index("ix_dwelling_due_on", "grid_code", "due_on"),
    )

    standard_address_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("standard_address.id"))
    grid_code: Mapped[str | None] = mapped_column(Text(collation="C"))
    use: Mapped[str] = mapped_column(Text)
    room_count: Mapped[int | None] = mapped_column(SmallInteger)
    landlord_name: Mapped[str | None] = mapped_column(Text)
    landlord_phone_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    landlord_phone_index: Mapped[bytes | None] = mapped_column(LargeBinary)
    registered_on: Mapped[date | None] = mapped_column(Date)
    safety_findings: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    note: Mapped[str | None] = mapped_column(Text)
    ended_on: Mapped[date | None] = mapped_column(Date)
