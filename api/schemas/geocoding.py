"""Text to place, place to text."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from api.dependencies import sound_text

AreaLevel = Literal["province", "city", "county", "township", "community"]
CANONICAL_TEXT = Field(
    description="The standard address.", examples=["上海市黄浦区南京东路街道南京东路100号"]
)
LEVEL = Field(description="Finest level that is meant.", examples=["door"])
LON = Field(description="Longitude [degrees, WGS 84].", examples=[121.4869324])
LAT = Field(description="Latitude [degrees, WGS 84].", examples=[31.2371812])
H3_CELL = Field(description="Hexadecimal.", examples=["8c309972a94d1ff"])


class PlaceArea(BaseModel):
    """An administrative area a point lies in."""

    model_config = ConfigDict(from_attributes=True)

    code: str = Field(examples=["310101001001"])
    level: AreaLevel
    name: str = Field(examples=["第一社区"])


class PlaceGrid(BaseModel):
    """The grid a point lies in, and who is in charge of it."""

    model_config = ConfigDict(from_attributes=True)

    grid_code: str = Field(examples=["31010100100100001"])
    name: str = Field(examples=["第一网格"])
    kind: Literal["base", "dedicated"]
    community_code: str
    person_in_charge: str | None
    contact: str | None


class NearestAddress(BaseModel):
    """The standard address nearest to a point."""

    address_id: int
    canonical_text: str = CANONICAL_TEXT
    level: str = LEVEL
    lon: float = LON
    lat: float = LAT
    grid_code: str | None
    distance_m: float = Field(description="On the spheroid [m].", examples=[12.3])
    accuracy_m: float | None = Field(description="Of the address's own point [m].")


class Located(BaseModel):
    """What is at a point on a day."""

    lon: float = LON
    lat: float = LAT
    on: date
    grid: PlaceGrid | None = Field(description="null where no grid holds the point.")
    community: PlaceArea | None
    areas: list[PlaceArea] = Field(description="From the finest to the coarsest.")
    h3_cell: str = H3_CELL
    resolution: int = Field(description="Of the cell.", examples=[12])
    nearest_address: NearestAddress | None = Field(
        description="null where none lies within a kilometre."
    )


class Reason(BaseModel):
    """Why an address matched as it did."""

    code: str = Field(description="Stable.", examples=["short"])
    level: str | None = Field(examples=["road"])
    zh: str = Field(description="For a person, Chinese.", examples=["缺楼号"])
    en: str = Field(description="For a person, English.", examples=["building not given"])


class Candidate(BaseModel):
    """A place of the register that may be meant."""

    canonical_text: str = CANONICAL_TEXT
    standard_address_id: int | None = Field(
        description="null where the place is a group of addresses: a building, a road."
    )
    level: str = LEVEL
    lon: float | None = LON
    lat: float | None = LAT
    radius_m: float | None = Field(description="Of the circle that holds the place [m].")
    grid_code: str | None
    h3_cell: str | None = H3_CELL
    confidence: float = Field(description="That this is the place meant.", ge=0, le=1)
    missing: list[str] = Field(description="Levels the address has and the text leaves out.")
    contradicted: list[str] = Field(description="Levels on which text and register differ.")
    reasons: list[Reason]


class GeocodeAnswer(BaseModel):
    """Where an address text is. No level is claimed that the text doesn't confirm."""

    text: str = Field(description="As it was asked.")
    status: Literal["matched", "review", "not_found", "error"] = Field(
        description="review: not sure enough, somebody should look; error: can't be read."
    )
    canonical_text: str | None = CANONICAL_TEXT
    standard_address_id: int | None = Field(
        description="null where the answer is a group of addresses."
    )
    level: str | None = LEVEL
    lon: float | None = LON
    lat: float | None = LAT
    accuracy_m: float | None = Field(
        description="Radius in which the place lies [m]; of a door that the register lacks, "
        "estimated between its neighbours (reason `interpolated`), the stated accuracy."
    )
    confidence: float = Field(ge=0, le=1)
    grid_code: str | None
    h3_cell: str | None = H3_CELL
    is_ambiguous: bool = Field(description="Another place fits as well.")
    missing: list[str]
    contradicted: list[str]
    reasons: list[Reason]
    candidates: list[Candidate] = Field(description="Best first; the answer's is the first.")
    message: str | None = Field(description="What is wrong with the text, where it is an error.")


def whole(text: str) -> str:
    """Return a text whose half surrogates, which can't be sent back, are replaced."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


WholeText = Annotated[str, AfterValidator(whole)]
SourceName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(sound_text),
]


class GeocodeQuestions(BaseModel):
    """Address texts to find."""

    model_config = ConfigDict(extra="forbid")

    addresses: list[WholeText] = Field(
        min_length=1,
        max_length=1000,
        description="Each is answered by itself; one that can't be read is an `error`.",
        examples=[["上海市黄浦区南京东路100号", "南京东路100号3单元501室"]],
    )
    queue_unsure: bool = Field(
        default=False,
        description="Whether texts that are not sure wait for a person in the review queue.",
    )
    source: SourceName | None = Field(
        default=None,
        description="Who asks; wanted with `queue_unsure`.",
        examples=["网格员走访名单"],
    )

    @model_validator(mode="after")
    def _who_asks(self) -> GeocodeQuestions:
        if self.queue_unsure and self.source is None:
            raise ValueError("queue_unsure is given without source. Say who asks.")
        return self


class GeocodeAnswers(BaseModel):
    """One answer a text, in the order of the question."""

    results: list[GeocodeAnswer]
    queued_count: int | None = Field(
        description="Texts handed to the review queue; null where none were to be. One that waits "
        "already is counted once more there, one that was rejected stays so."
    )


class Suggestion(BaseModel):
    """What typed text may become."""

    canonical_text: str = CANONICAL_TEXT
    standard_address_id: int | None = Field(
        description="null where it is a group: an estate, a road, a building."
    )
    level: str = LEVEL
    lon: float | None = LON
    lat: float | None = LAT
    address_count: int = Field(description="Addresses in it.", ge=0)


class Suggestions(BaseModel):
    """Best first."""

    suggestions: list[Suggestion]
