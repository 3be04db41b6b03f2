"""Standard addresses, their aliases and history."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from api.dependencies import ID_MAX, SoundText
from api.schemas.geometry import Link, Point

TEXT_MAX = 500
NAME_MAX = 200
VERSION_MAX = 2**31 - 1

AddressLevel = Literal[
    "province", "city", "county", "township", "development_zone", "community", "village_group",
    "road", "door", "estate", "building", "entrance", "floor", "room",
]  # fmt: skip
AddressStatus = Literal["current", "ended", "merged"]
PointMethod = Literal[
    "surveyed", "imported", "geocoded", "interpolated", "centroid", "generated"
]  # fmt: skip

Text = Annotated[SoundText, StringConstraints(min_length=1, max_length=TEXT_MAX)]
Name = Annotated[SoundText, StringConstraints(min_length=1, max_length=NAME_MAX)]
ComponentText = Annotated[SoundText, StringConstraints(max_length=NAME_MAX)]
Components = dict[AddressLevel, ComponentText]

ADDRESS_TEXT = Field(
    default=None,
    description="The address as it is written; its parts are read from it.",
    examples=["山西省太原市小店区滨河路3号2号楼1单元501室"],
)
COMPONENTS = Field(
    default=None,
    description="The parts by level, in place of the text.",
    examples=[{"county": "小店区", "road": "滨河路", "door": "3"}],
)
VERSION = Field(ge=1, le=VERSION_MAX, description="The version the caller has seen.", examples=[1])


class AddressProperties(BaseModel):
    """What a standard address is, without its point."""

    canonical_text: str = Field(examples=["山西省太原市小店区滨河路3号"])
    level: str = Field(description="Finest level written.", examples=["door"])
    components: dict[str, str] = Field(description="Level → what is written, coarse to fine.")
    point_of_interest: str | None
    point_method: PointMethod | None = Field(description="How the point is known.")
    accuracy_m: float | None = Field(description="How well the point is known [m].")
    origin_datum: str | None = Field(description="What the point was given in.")
    grid_code: str | None
    h3_cell: str | None = Field(description="Hexadecimal.")
    status: AddressStatus
    merged_into: int | None = Field(description="The address this one turned out to be.")
    source: str
    source_ref: str | None = Field(description="The source's own reference.")
    version: int = Field(description="Counts changes; give it back when changing.")
    created_at: datetime
    updated_at: datetime


class AddressFeature(BaseModel):
    """One standard address, with its point where one is known."""

    type: Literal["Feature"]
    id: int
    geometry: Point | None
    properties: AddressProperties


class AddressPage(BaseModel):
    """A page of standard addresses, by id, as GeoJSON."""

    type: Literal["FeatureCollection"]
    features: list[AddressFeature]
    links: list[Link]


class FormerAddress(BaseModel):
    """What a standard address was until a change."""

    version: int
    recorded_from: datetime
    recorded_to: datetime
    geometry: Point | None
    canonical_text: str
    level: str
    components: dict[str, str]
    point_of_interest: str | None
    point_method: PointMethod | None
    accuracy_m: float | None
    origin_datum: str | None
    status: AddressStatus
    source: str
    source_ref: str | None


class AddressHistory(BaseModel):
    """What a standard address was, oldest first; empty where it never changed."""

    history: list[FormerAddress]


class Alias(BaseModel):
    """Another writing of a standard address: searched, never printed as the standard one."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    alias_text: str = Field(examples=["滨河大厦"])
    source: str
    created_at: datetime
    ended_at: datetime | None


class AliasList(BaseModel):
    """The aliases of a standard address, oldest first."""

    aliases: list[Alias]


class NewAlias(BaseModel):
    """An alias to add."""

    model_config = ConfigDict(extra="forbid")

    alias_text: Text = Field(examples=["滨河大厦"])
    source: Name = Field(examples=["网格员"])


class PointGiven(BaseModel):
    """Where an address is, how that is known, and how well."""

    model_config = ConfigDict(extra="forbid")

    lon: float = Field(description="Longitude [degrees], or easting [m].", examples=[112.5501])
    lat: float = Field(description="Latitude [degrees], or northing [m].", examples=[37.8799])
    datum: Annotated[SoundText, StringConstraints(max_length=60)] = Field(
        default="WGS84", description="What the two are in."
    )
    method: PointMethod = Field(description="How the point is known.", examples=["surveyed"])
    accuracy_m: float = Field(gt=0, le=100_000, description="How well [m].", examples=[2.0])


class AddressGiven(BaseModel):
    """What is said of an address. Its text or its components, not both."""

    model_config = ConfigDict(extra="forbid")

    address_text: Text | None = ADDRESS_TEXT
    components: Components | None = COMPONENTS
    point_of_interest: Name | None = Field(default=None, examples=["试验小学"])
    point: PointGiven | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> AddressGiven:
        if self.address_text is not None and self.components is not None:
            raise ValueError("address_text and components are both given. Give one of them.")
        return self


class NewAddress(AddressGiven):
    """A standard address to add."""

    source: Name = Field(description="Who says so.", examples=["网格员"])
    source_ref: Name | None = Field(default=None, description="The source's own reference.")

    @model_validator(mode="after")
    def _an_address(self) -> NewAddress:
        if self.address_text is None and self.components is None:
            raise ValueError("Neither address_text nor components is given. Give one of them.")
        return self


class AddressChange(AddressGiven):
    """What changes; what isn't named stays as it is."""

    expected_version: int = VERSION


class AddressEnd(BaseModel):
    """Why an address ends."""

    model_config = ConfigDict(extra="forbid")

    expected_version: int = VERSION
    merged_into: int | None = Field(
        default=None, ge=1, le=ID_MAX, description="The address it turned out to be."
    )
