"""Words that many verbs take, turned into values."""

from __future__ import annotations

from datetime import UTC, date, datetime

from geo.errors import InvalidInput
from geo.settings import load_settings


def today() -> date:
    """The day it is in the deployment's time zone."""
    return load_settings().local_day(datetime.now(UTC))


def parse_day(text: str | None) -> date:
    """Return the day a word names, today where there is none.

    Raises
    ------
    InvalidInput : it is no date
    """
    if text is None:
        return today()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"“{text[:40]}” is no day. Wanted one such as 2026-01-31.") from None
