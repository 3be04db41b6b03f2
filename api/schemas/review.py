"""The review queue: texts that were not sure, and what a person decides about them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.dependencies import ID_MAX, SoundText
from api.schemas.addresses import VERSION
from api.schemas.geocoding import CANONICAL_TEXT, LEVEL, GeocodeAnswer
from api.schemas.geometry import Link
from geo.decisions import NOTE_CHARS_MAX

ReviewStatus = Literal["open", "matched", "rejected"]
Note = Annotated[SoundText, StringConstraints(max_length=NOTE_CHARS_MAX)]


class BestGuess(BaseModel):
    """What an open text most likely means, in the register of now."""

    canonical_text: str = CANONICAL_TEXT
    standard_address_id: int | None = Field(
        description="null where the place is a group of addresses: a building, a road."
    )
    level: str = LEVEL
    confidence: float = Field(ge=0, le=1)


class ReviewItem(BaseModel):
    """A text of the queue, without its candidates."""

    id: int
    address_text: str = Field(description="As it was asked.", examples=["南京东路老邮局旁"])
    source: str = Field(description="Who asked first.", examples=["网格员走访名单"])
    asked_count: int = Field(description="How often it was asked while it waited.", ge=1)
    status: ReviewStatus
    confidence: float = Field(description="Of the surest guess when it was asked.", ge=0, le=1)
    best_guess: BestGuess | None = Field(
        description="null where there is none, and for texts that were decided."
    )
    standard_address_id: int | None = Field(description="The address it was matched to.")
    standard_address: str | None = Field(
        description="The same as text; null where it lies outside the scope by now."
    )
    note: str | None
    decided_by: str | None = Field(description="Name of the account that decided.")
    decided_at: datetime | None
    version: int = Field(description="Counts decisions; give it back when deciding.")
    created_at: datetime


class ReviewItemDetail(ReviewItem):
    """A text of the queue with what the geocoder makes of it now, for this caller."""

    answer: GeocodeAnswer


class ReviewCounts(BaseModel):
    """How many texts there are of each status."""

    open: int
    matched: int
    rejected: int


class ReviewItemPage(BaseModel):
    """Texts of one status, oldest first."""

    review_items: list[ReviewItem]
    counts: ReviewCounts
    links: list[Link]


class _Seen(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version: int = VERSION


class _Decision(_Seen):
    note: Note | None = None


class ReviewMatch(_Decision):
    """The text means this address."""

    standard_address_id: int = Field(ge=1, le=ID_MAX, examples=[1])


class ReviewRejection(_Decision):
    """The text means no address of the register."""


class ReviewReopening(_Seen):
    """The decision is taken back."""
