"""Accounts as the security administrator sees and changes them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from api.dependencies import CODE_MAX, ID_MAX, SoundText
from geo.accounts.tokens import LASTS_MAX, NAME_CHARS_MAX

WorkRole = Literal["grid_worker", "patrol_leader", "chief", "analyst"]


class Assignment(BaseModel):
    """What an account sees, on the days of [valid_from, valid_to)."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    area_code: str | None = Field(description="An area of any level or a grid; null: everything.")
    valid_from: date
    valid_to: date | None


class Token(BaseModel):
    """A token with which a program acts for an account; it is shown once and kept as a hash."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    scopes: list[str]
    expires_at: datetime


class Account(BaseModel):
    """One account."""

    name: str
    shown_name: str
    role: str
    is_demo: bool = Field(description="Of a generated city: its password is known to everybody.")
    has_second_factor: bool
    locked_until: datetime | None
    home_address_id: int | None = Field(
        description="Where the person lives; known so that reading one's own is seen."
    )
    created_at: datetime
    ended_at: datetime | None
    may_change: bool = Field(description="Administrators are changed on the command line only.")
    assignments: list[Assignment] = Field(description="Those that hold or will.")
    tokens: list[Token] = Field(description="Those that haven't ended.")


class AccountList(BaseModel):
    """All accounts by name."""

    accounts: list[Account]


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AccountOpening(_Given):
    """A new account."""

    name: SoundText = Field(max_length=40, description="Typed at sign-in.", examples=["wang"])
    shown_name: SoundText = Field(max_length=60, description="As people read it.")
    role: WorkRole


class AssignmentGiving(_Given):
    """What an account is to see."""

    area_code: SoundText | None = Field(
        default=None, min_length=1, max_length=CODE_MAX, description="An area or a grid."
    )
    everything: bool = Field(default=False, description="Every grid, instead of an area.")
    valid_from: date
    valid_to: date | None = Field(default=None, description="The first day after.")

    @model_validator(mode="after")
    def _is_one(self) -> AssignmentGiving:
        if self.everything == (self.area_code is not None):
            raise ValueError("give area_code, or everything, and not both")
        return self


class AssignmentEnding(_Given):
    """From when an assignment no longer holds."""

    on: date = Field(description="The first day without it.")


class HomeAddress(_Given):
    """Where the person of an account lives, null where it isn't known."""

    standard_address_id: int | None = Field(ge=1, le=ID_MAX)


class TokenOpening(_Given):
    """A token for a program."""

    name: SoundText = Field(min_length=1, max_length=NAME_CHARS_MAX, description="What it is for.")
    may_write: bool = False
    leads: bool = Field(
        default=False,
        description="It sees all units of the account's grids; for accounts that lead units.",
    )
    days: int = Field(ge=1, le=LASTS_MAX.days, description="How long it lasts.")


class TokenEnding(_Given):
    """Which token ends."""

    name: SoundText = Field(max_length=NAME_CHARS_MAX, description="Its name.")


class Secrets(BaseModel):
    """What is shown once and kept nowhere."""

    account: Account
    password: str | None = None
    totp_uri: str | None = Field(
        default=None, description="What an authenticator application reads."
    )
    token: str | None = None
