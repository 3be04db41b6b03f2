"""Signing in, and who one is."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from api.dependencies import SoundText


class SignIn(BaseModel):
    """What is typed at sign-in."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    name: SoundText = Field(max_length=100, description="Name of the account.", examples=["wang"])
    password: SoundText = Field(max_length=1000, description="Its password.")
    code: SoundText | None = Field(
        default=None, max_length=20, description="Six digits of the second factor, if it has one."
    )


class SecondFactorCode(BaseModel):
    """What is typed after a sign-in at the provider."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    code: SoundText = Field(max_length=20, description="Six digits of the second factor.")


class SignInAnswer(BaseModel):
    """Who is signed in now; the session is in the cookie."""

    name: str


class WhoAmI(BaseModel):
    """The caller, as the server knows them."""

    name: str
    shown_name: str
    role: str
    permissions: list[str] = Field(description="read, write, import, accounts, audit.")
    sees_everything: bool
    grid_count: int | None = Field(description="Grids in sight, null where it is everything.")
