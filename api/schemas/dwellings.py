"""Dwellings."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

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

DwellingUse = Literal[
    "owner_occupied", "rented_whole", "rented_shared", "vacant", "mixed", "other"
]  # fmt: skip
SafetyFinding = Literal[
    "exits", "wiring", "gas", "partitions", "fire_equipment", "charging", "structure", "other"
]  # fmt: skip
RoomCount = Annotated[int, Field(ge=1, le=500)]
Findings = Annotated[list[SafetyFinding], Field(max_length=20)]


class Landlord(BaseModel):
    """What is known of the landlord, for who has a purpose and a case."""

    name: str | None
    phone: str | None = Field(description="Masked.", examples=["154****0001"])
    note: str | None


class LandlordNumbers(BaseModel):
    """The landlord's phone as it is."""

    landlord_phone: str | None


class Dwelling(BaseModel):
    """One dwelling at a standard address."""

    id: int
    standard_address_id: int
    address_text: str
    grid_code: str | None
    use: DwellingUse
    room_count: int | None
    registered_on: date | None
    safety_findings: list[SafetyFinding]
    ended_on: date | None
    quality: Quality
    version: int = Field(description="Counts changes; give it back when changing.")
    landlord: Landlord | None = Field(
        description="Only for one dwelling, with a purpose and a case."
    )


class DwellingPage(BaseModel):
    """Dwellings, by number."""

    dwellings: list[Dwelling]
    links: list[Link]


class NewDwelling(Strict):
    """A dwelling to record."""

    standard_address_id: AddressNumber
    use: DwellingUse = Field(examples=["rented_shared"])
    room_count: RoomCount | None = None
    landlord_name: Text | None = None
    landlord_phone: Text | None = None
    registered_on: date | None = None
    safety_findings: Findings = Field(default=[])
    note: Note | None = None
    look: Look | None = None
    although_alike: AlthoughAlike = False


class DwellingChange(Strict):
    """What changes; what isn't named stays."""

    expected_version: Version
    use: DwellingUse | None = None
    room_count: RoomCount | None = None
    landlord_name: Text | None = None
    landlord_phone: Text | None = None
    registered_on: date | None = None
    safety_findings: Findings | None = None
    note: Note | None = None
    look: Look | None = None


class DwellingEnd(Strict):
    """The dwelling is no more."""

    expected_version: Version
    ended_on: date
