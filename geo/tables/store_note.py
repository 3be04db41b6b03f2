"""Facts about the store itself, such as that its city is generated."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from geo.tables.base import Base, Timestamp


class StoreNote(Base):
    """One fact by name. `demo_city` holds the seed of the generated city, where there is one."""

    __tablename__ = "store_note"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    value: Mapped[Any] = mapped_column(JSONB)
    updated_at: Mapped[Timestamp]
