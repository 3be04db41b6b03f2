"""Residents and their residences. Every answer is about persons: numbers are masked."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints, model_validator

from api.dependencies import ID_MAX, SoundText
from api.schemas.geometry import Link
from api.schemas.registers import AddressNumber, AlthoughAlike, Look, Quality, Strict, Text, Version

IdentityKind = Literal["resident_identity", "other_document"]
ResidenceKind = Literal["registered", "floating", "lodging", "overseas", "unregistered"]
Household = Annotated[SoundText, StringConstraints(max_length=40)]
BirthYear = Annotated[int, Field(ge=1880, le=2200)]


class Residence(BaseModel):
    """A person lives at a standard address on the days of [lived_from, lived_to)."""

    id: int
    standard_address_id: int
    address_text: str
    grid_code: str | None
    kind: ResidenceKind
    household_ref: str | None
    lived_from: date
    lived_to: date | None
    quality: Quality
    version: int = Field(description="Counts changes; give it back when changing.")


class Resident(BaseModel):
    """A person, with those of their residences that lie in the caller's scope."""

    id: int
    name: str
    identity_kind: IdentityKind | None
    identity_number: str | None = Field(description="Masked.", examples=["110***********002X"])
    birth_year: int | None
    phone: str | None = Field(description="Masked.", examples=["154****0001"])
    missing: list[str]
    completeness: float = Field(ge=0, le=1)
    version: int = Field(description="Counts changes; give it back when changing.")
    residences: list[Residence]


class ResidentPage(BaseModel):
    """Persons, by number, or by household where an address was asked for."""

    residents: list[Resident]
    links: list[Link]


class ResidentList(BaseModel):
    """Persons who were found."""

    residents: list[Resident]


class NewResidence(Strict):
    """Where a person lives, as what, from when."""

    standard_address_id: AddressNumber
    kind: ResidenceKind
    lived_from: date
    lived_to: date | None = None
    household_ref: Household | None = Field(
        default=None, description="Names the household among those of the address.", examples=["1"]
    )


class NewResident(Strict):
    """A person to record, with where they live."""

    name: Text = Field(examples=["测试甲某"])
    identity_number: Text | None = None
    identity_kind: IdentityKind | None = None
    birth_year: BirthYear | None = None
    phone: Text | None = None
    residence: NewResidence
    look: Look | None = None
    although_alike: AlthoughAlike = False


class ResidentChange(Strict):
    """What is corrected; what isn't named stays."""

    expected_version: Version
    name: Text | None = None
    identity_number: Text | None = None
    identity_kind: IdentityKind | None = None
    birth_year: BirthYear | None = None
    phone: Text | None = None


class ResidenceOpening(NewResidence):
    """A person who is recorded lives, or is registered, at an address as well."""

    look: Look | None = None


class ResidentMove(NewResidence):
    """A person leaves one address and comes to this one, on `lived_from`."""

    expected_version: Version
    look: Look | None = None


class ResidenceChange(Strict):
    """What is corrected; what isn't named stays."""

    expected_version: Version
    kind: ResidenceKind | None = None
    household_ref: Household | None = None
    lived_from: date | None = None
    lived_to: date | None = None


class ResidenceEnd(Strict):
    """The person has left."""

    expected_version: Version
    lived_to: date


class ResidenceAnnulment(Strict):
    """The residence was recorded in error: it never was."""

    expected_version: Version


class ResidentSearch(Strict):
    """An exact number. It stands in a body, since addresses of requests are written down."""

    identity_number: Text | None = None
    phone: Text | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> ResidentSearch:
        if (self.identity_number is None) == (self.phone is None):
            raise ValueError("Give identity_number or phone, one of the two.")
        return self


class ElsewhereReport(Strict):
    """Who lives here is recorded where the caller doesn't see: tell those who do."""

    identity_number: Text | None = Field(default=None, description="Who; or `resident_id`.")
    resident_id: Annotated[int, Field(ge=1, le=ID_MAX)] | None = None
    residence: NewResidence


class Told(BaseModel):
    """It was told; where isn't said."""

    told: bool = True


class NumbersWanted(Strict):
    """Which numbers of a person are to be seen whole."""

    fields: list[Literal["identity_number", "phone"]] = Field(min_length=1, max_length=2)


class Numbers(BaseModel):
    """Numbers of a person as they are; those not asked for are missing."""

    identity_number: str | None = None
    phone: str | None = None
