"""Pairs of addresses that are probably one place, what a person decides about them, and merges."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from api.dependencies import ID_MAX
from api.schemas.addresses import VERSION, AddressStatus
from api.schemas.geocoding import CANONICAL_TEXT
from api.schemas.geometry import Link
from api.schemas.review import Note

DuplicateStatus = Literal["open", "later", "merged", "apart"]


class DuplicateReason(BaseModel):
    """Why a pair is suggested, or what speaks against it."""

    code: str = Field(examples=["left_out"])
    level: str | None = Field(examples=["county"])
    zh: str = Field(examples=["一方未写区县"])
    en: str = Field(examples=["county written by one only"])
    is_against: bool = Field(description="It speaks against one place.")


class LevelDifference(BaseModel):
    """What the two write at one level."""

    level: str = Field(examples=["road"])
    first: str | None = Field(description="null where it writes nothing there.")
    second: str | None
    same_value: bool = Field(description="Both mean the same, however it is written.")


class DuplicateSide(BaseModel):
    """One address of a pair, with what hangs on it."""

    standard_address_id: int
    canonical_text: str = CANONICAL_TEXT
    status: AddressStatus
    version: int = Field(description="Give it back when merging.")
    lon: float | None
    lat: float | None
    grid_code: str | None
    source: str
    aliases: list[str]
    references: dict[str, int] = Field(
        description="Table → how many of its rows name the address.", examples=[{"review_item": 2}]
    )


class AddressMerge(BaseModel):
    """One address turned out to be another; `undone_at` where that was taken back."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    kept_id: int
    merged_id: int
    note: str | None
    merged_by: str | None
    merged_at: datetime
    undone_by: str | None
    undone_at: datetime | None


class AddressMergeList(BaseModel):
    """The merges of an address, oldest first."""

    merges: list[AddressMerge]


class DuplicatePair(BaseModel):
    """Two addresses that are probably one place."""

    id: int
    status: DuplicateStatus
    score: float = Field(ge=0, le=1, description="Orders the list; no probability.")
    distance_m: float | None = Field(description="Between the points [m].")
    reasons: list[DuplicateReason]
    first: DuplicateSide
    second: DuplicateSide
    differences: list[LevelDifference] = Field(description="Levels that one of them writes.")
    suggested_keep: int = Field(description="The address that is likely the better one.")
    merge: AddressMerge | None
    note: str | None
    decided_by: str | None = Field(description="Name of the account that decided.")
    decided_at: datetime | None
    version: int = Field(description="Counts decisions; give it back when deciding.")
    created_at: datetime


class DuplicateCounts(BaseModel):
    """How many pairs there are of each status."""

    open: int
    later: int
    merged: int
    apart: int


class DuplicatePage(BaseModel):
    """Pairs of one status, the likeliest first."""

    duplicates: list[DuplicatePair]
    counts: DuplicateCounts
    links: list[Link]


class DuplicateDecision(BaseModel):
    """A decision about a pair."""

    model_config = ConfigDict(extra="forbid")

    version: int = VERSION
    note: Note | None = None


class DuplicateMerge(DuplicateDecision):
    """Both are one place, and one address of them stays."""

    keep_id: int = Field(ge=1, le=ID_MAX, description="The address that stays.", examples=[1])
    first_version: int = VERSION
    second_version: int = VERSION


class DuplicateReopening(BaseModel):
    """A decision about a pair is taken back."""

    model_config = ConfigDict(extra="forbid")

    version: int = VERSION
