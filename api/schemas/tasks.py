"""Tasks: why somebody reads about persons, and for what that may be."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from api.dependencies import SoundText
from geo.accounts.tasks import CASE_CHARS_MAX, HOURS_MAX, NOTE_CHARS_MAX

CASE = Field(
    min_length=1,
    max_length=CASE_CHARS_MAX,
    description="Reference of the case, task or visit list; never a person's name or number.",
    examples=["走访清单 2026-06-03"],
)


class Purpose(BaseModel):
    """For what something about a person may be read."""

    model_config = ConfigDict(from_attributes=True)

    code: str = Field(examples=["register"])
    zh: str = Field(examples=["一标三实采集登记"])
    en: str = Field(examples=["registering people and dwellings"])
    legal_ground: str = Field(description="The act that allows it.")
    source: str = Field(description="Where that is published.")
    note: str


class PurposeList(BaseModel):
    """The deployment's purposes, in its order."""

    purposes: list[Purpose]


class Task(BaseModel):
    """A task that is open: what is read about persons meanwhile stands in the log under it."""

    model_config = ConfigDict(from_attributes=True)

    purpose: str = Field(description="A code of the list of purposes.", examples=["register"])
    case_ref: str
    note: str | None
    started_at: datetime
    ends_at: datetime = Field(description="It ends by itself then, or with the sign-in.")


class CurrentTask(BaseModel):
    """The caller's task, null where none is open."""

    task: Task | None


class TaskOpening(BaseModel):
    """What a task is opened with."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    purpose: SoundText = Field(
        max_length=60, description="A code of the list of purposes.", examples=["register"]
    )
    case_ref: SoundText = CASE
    note: SoundText | None = Field(
        default=None, max_length=NOTE_CHARS_MAX, description="Free, without persons."
    )
    hours: int | None = Field(
        default=None, ge=1, le=HOURS_MAX, description="How long it lasts; the setting's by default."
    )
