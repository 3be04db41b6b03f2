"""One's own account, as its holder sees it."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import BaseModel, ConfigDict, Field

from api.dependencies import SoundText
from api.schemas.accounts import Token
from geo.accounts.tokens import NAME_CHARS_MAX


class OwnAssignment(BaseModel):
    """What the account sees, on the days of [valid_from, valid_to)."""

    area_code: str | None = Field(description="An area of any level or a grid; null: everything.")
    area_name: str | None
    valid_from: date
    valid_to: date | None


class OwnSession(BaseModel):
    """A sign-in that still holds."""

    id: int
    created_at: datetime
    seen_at: datetime
    origin: str | None = Field(description="Network address it came from.")
    signed_in_by: str = Field(description="password, or oidc: at the provider.")
    is_this: bool = Field(description="The one that asks.")


class OwnAccount(BaseModel):
    """Who one is here, what one sees, and by what one is signed in."""

    name: str
    shown_name: str
    role: str
    permissions: list[str]
    is_demo: bool = Field(description="Of a generated city: its password is known to everybody.")
    has_second_factor: bool
    must_change_password: bool = Field(description="Nothing else can be done before.")
    grid_count: int | None = Field(description="Grids in sight today, null where it is everything.")
    assignments: list[OwnAssignment] = Field(description="Those that hold or will.")
    sessions: list[OwnSession]
    tokens: list[Token] = Field(description="Tokens of programs that act for the account.")


class PasswordChange(BaseModel):
    """Another password for one's own account."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    old_password: SoundText = Field(max_length=1000, description="The one of until now.")
    password: SoundText = Field(max_length=1000, description="The new one.")


class OwnTokenEnding(BaseModel):
    """Which token ends."""

    model_config = ConfigDict(extra="forbid")

    name: SoundText = Field(max_length=NAME_CHARS_MAX, description="Its name.")
