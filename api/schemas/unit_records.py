"""What a leader keeps of a unit: its facts, members, roster."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from api.dependencies import Code
from api.schemas.registers import Strict, Version
from api.schemas.roads import Place
from api.schemas.units import Shift, UnitKind, Word

MemberRole = Literal["leader", "member", "driver"]


class UnitChanges(Strict):
    """What becomes another; what isn't named stays. `home` and `drilled_on` null: none."""

    version: Version
    name: Word | None = None
    kind: UnitKind | None = None
    grid_codes: Annotated[list[Code], Field(min_length=1, max_length=500)] | None = None
    skills: Annotated[list[Word], Field(max_length=50)] | None = None
    kit: Annotated[list[Word], Field(max_length=50)] | None = None
    home: Place | None = Field(default=None, description="Where it sets out from, WGS 84.")
    drilled_on: date | None = Field(default=None, description="Its last drill.")


class UnitEnd(Strict):
    """The unit as it was seen by who ends it."""

    version: Version


class NewMember(Strict):
    """Who belongs to the unit from now on: an account, or a name alone."""

    role: MemberRole
    account: Code | None = Field(default=None, description="Name of the account.")
    shown_name: Word | None = Field(default=None, description="Of who has no account.")


class MemberRecord(BaseModel):
    """Who belongs to a unit, and in what period."""

    member_id: int
    name: str
    account: str | None = Field(description="Name of the account; null: none.")
    role: MemberRole
    joined_at: datetime
    left_at: datetime | None


class MemberList(BaseModel):
    """Members of a unit, those of now first."""

    members: list[MemberRecord]


class ShiftList(BaseModel):
    """A unit's shifts, by begin."""

    shifts: list[Shift]
