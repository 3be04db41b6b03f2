"""Establishments."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, Field

from api.schemas.geometry import Link
from api.schemas.registers import (
    AddressNumber,
    AlthoughAlike,
    Look,
    Note,
    Quality,
    Strict,
    Text,
    Version,
)

EstablishmentClass = Literal["key", "ordinary", "nine_small", "other"]


class Contact(BaseModel):
    """Whom to ask, for who has a purpose and a case."""

    name: str | None
    phone: str | None = Field(description="Masked.", examples=["154****0001"])
    note: str | None


class ContactNumbers(BaseModel):
    """The contact's phone as it is."""

    contact_phone: str | None


class Establishment(BaseModel):
    """One organisation at a standard address, there on the days of [occupied_from, occupied_to)."""

    id: int
    standard_address_id: int
    address_text: str
    grid_code: str | None
    name: str
    credit_code: str | None
    establishment_class: EstablishmentClass
    trade: str | None
    occupied_from: date
    occupied_to: date | None
    moved_from_id: int | None = Field(description="Its record at the place it came from.")
    quality: Quality
    version: int = Field(description="Counts changes; give it back when changing.")
    contact: Contact | None = Field(
        description="Only for one establishment, with a purpose and a case."
    )


class EstablishmentPage(BaseModel):
    """Establishments, by number."""

    establishments: list[Establishment]
    links: list[Link]


class NewEstablishment(Strict):
    """An establishment to record."""

    standard_address_id: AddressNumber
    name: Text = Field(examples=["示例早餐店"])
    establishment_class: EstablishmentClass
    occupied_from: date
    credit_code: Text | None = Field(default=None, examples=["91350100M000100Y43"])
    trade: Text | None = None
    contact_name: Text | None = None
    contact_phone: Text | None = None
    note: Note | None = None
    look: Look | None = None
    although_alike: AlthoughAlike = False


class EstablishmentChange(Strict):
    """What changes; what isn't named stays."""

    expected_version: Version
    name: Text | None = None
    establishment_class: EstablishmentClass | None = None
    occupied_from: date | None = None
    credit_code: Text | None = None
    trade: Text | None = None
    contact_name: Text | None = None
    contact_phone: Text | None = None
    note: Note | None = None
    look: Look | None = None
    although_alike: AlthoughAlike = False


class EstablishmentEnd(Strict):
    """The establishment has left."""

    expected_version: Version
    left_on: date


class EstablishmentMove(Strict):
    """The establishment has moved to another address."""

    expected_version: Version
    standard_address_id: AddressNumber
    moved_on: date
    look: Look | None = None
    although_alike: AlthoughAlike = False
